//! Folder names: what `nametrans` must be, and what `--info` shows of it.

mod support;

use snapbox::str;
use support::sandbox::{ACCOUNT, Sandbox};

/// The account with options for its remote and its local repository.
fn config(remote: &str, local: &str) -> String {
    let config = ACCOUNT.replace("~/remote\n", &format!("~/remote\n{remote}\n"));
    config.replace("~/local\n", &format!("~/local\n{local}\n"))
}

const THERE: &str = "nametrans = lambda f: {'Sent': 'gesendet'}.get(f, f)";
const BACK: &str = "nametrans = lambda f: {'gesendet': 'Sent'}.get(f, f)";

/// OfflineIMAP mixed such folders and then removed their messages from both in turn.
#[test]
fn folders_that_would_meet_in_one_stop_the_account_before_anything_is_touched() {
    let sandbox = Sandbox::new(&config("nametrans = lambda f: 'INBOX'", "nametrans = lambda f: 'Sent'"));
    let before = sandbox.files("remote");
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("'INBOX', 'Sent' of the remote side would all be 'INBOX'"), "{}", run.err);
    assert!(
        run.err.contains("nothing was synced") && run.err.contains("\nhint: the `nametrans` of both"),
        "{}",
        run.err
    );
    assert_eq!(sandbox.files("remote"), before);
    assert!(sandbox.files("local").is_empty());
}

#[test]
fn a_nametrans_without_its_reverse_is_refused_unless_the_server_gets_no_folders() {
    let sandbox = Sandbox::new(&config(THERE, ""));
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("'Sent' of the remote side would be 'gesendet', which translates back to 'gesendet'"));
    assert!(run.err.contains("`createfolders = no`"), "{}", run.err);

    let sandbox = Sandbox::new(&config(&format!("{THERE}\ncreatefolders = no"), ""));
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/gesendet").len(), 1);
    sandbox.deliver("local/mine", "1700000009.mine.host:2,", "Subject: mine\n\n");
    sandbox.run(&[]).silent();
    assert!(!sandbox.path("remote/mine").exists());
}

#[test]
fn an_expression_that_fails_for_a_folder_is_told_with_its_line() {
    let run = Sandbox::new(&config("nametrans = lambda f: f.foo()", "")).run(&[]);
    let place = "a string has nothing called `foo` that can be used here (";
    assert!(run.code != 0 && run.err.contains(place) && run.err.contains(".offlineimaprc:13)"), "{}", run.err);
}

/// A Maildir that the first sync would create had no separator yet: folders below others were refused by `--dry-run` and `check`, or,
/// with `nametrans`, told by names they would not get.
#[test]
fn before_the_first_sync_folders_are_told_by_the_names_that_it_gives_them() {
    let plain = Sandbox::new(&config("sep = /", ""));
    plain.deliver("remote/Lists/rust", "1700000008.old.host:2,S", "Subject: old\n\n");
    let dry = plain.run(&["--dry-run"]);
    assert_eq!((dry.code, dry.err.as_str()), (0, ""));
    assert!(dry.out.contains("[DRYRUN] Creating folder Lists.rust[l]\n"), "{}", dry.out);

    let there = "sep = /\nnametrans = lambda f: re.sub('^Archive/', 'old/', f)";
    let sandbox = Sandbox::new(&config(there, r"nametrans = lambda f: re.sub('^old\.', 'Archive.', f)"));
    sandbox.deliver("remote/Archive/2023", "1700000008.old.host:2,S", "Subject: old\n\n");
    for words in ["--info", "check"] {
        let run = sandbox.run(&[words]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{words}");
        assert!(run.out.contains("    Archive/2023 -> old.2023, remote: 1 message"), "{words}: {}", run.out);
    }
    let dry = sandbox.run(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.out.contains("[DRYRUN] Creating folder old.2023[l]\n"), "{}", dry.out);
    assert!(!sandbox.path("local").exists());
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/old.2023"), ["Subject: old\n\n"]);
}

/// The folder was known by its record, but with names for one direction only it went unseen: it was forgotten, or made anew
/// under its local name.
#[test]
fn a_folder_that_vanished_is_missed_under_the_name_it_had_whatever_nametrans_says() {
    let sandbox = Sandbox::new(&config(&format!("{THERE}\ncreatefolders = no"), ""));
    sandbox.run(&[]).silent();
    std::fs::remove_dir_all(sandbox.path("remote/Sent")).unwrap();
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("folder 'Sent' is missing on the remote side"), "{}", run.err);
    assert_eq!(sandbox.messages("local/gesendet").len(), 1);
}

#[test]
fn a_name_that_leaves_the_store_stops_the_account() {
    let sandbox = Sandbox::new(&config("nametrans = lambda f: '../' + f", "nametrans = lambda f: f[3:]"));
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("would be \"../INBOX\", which leads out of the store"), "{}", run.err);
    assert!(!sandbox.path("INBOX").exists());
}

#[test]
fn info_shows_names_counts_and_the_rule_that_leaves_a_folder_out() {
    let remote = format!("{THERE}\nfolderfilter = lambda f: f not in ['Trash',\n  'Junk']");
    let sandbox = Sandbox::new(&config(&remote, &format!("{BACK}\nfolderfilter = lambda f: f != 'private'")));
    sandbox.deliver("remote/Trash", "1700000005.trash.host", "x\n");
    sandbox.run(&[]).silent();
    sandbox.deliver("local/private", "1700000006.x.host:2,", "x\n");
    sandbox.deliver("local/mine", "1700000007.x.host:2,", "x\n");
    let info = sandbox.run(&["--info"]);
    assert_eq!((info.code, info.err.as_str()), (0, ""));
    let out = info.out.replace(&sandbox.path("").display().to_string(), "~/");
    snapbox::assert_data_eq!(
        out,
        str![[r#"
Account 'a'
  Remote repository 'r': type 'Maildir'
    Directory: ~/remote Separator: .
    nametrans = lambda f: {'Sent': 'gesendet'}.get(f, f)
    folderfilter = lambda f: f not in ['Trash', 'Junk']
  Local repository 'l': type 'Maildir'
    Directory: ~/local Separator: .
    nametrans = lambda f: {'gesendet': 'Sent'}.get(f, f)
    folderfilter = lambda f: f != 'private'
  Folderlist: 3 folders, 2 left out
    INBOX, remote: 2 messages, local: 2 messages, synced: 2 messages
    Sent -> gesendet, remote: 1 message, local: 1 message, synced: 1 message
    Trash (disabled: folderfilter of the remote side), remote: 1 message
    mine, not on the remote side, local: 1 message, synced: 0 messages
    private (disabled: folderfilter of the local side), local: 1 message

"#]]
    );
    let columns = sandbox.run(&["--info", "--column", "-f", "Sent"]).out;
    let table: Vec<&str> = columns.lines().skip_while(|line| !line.contains("Folderlist")).skip(1).collect();
    assert_eq!(
        table,
        [
            "    Remote   Local     Use  Remote  Local  Synced",
            "    INBOX    INBOX               2      2       -  disabled: not named by -f",
            "    Sent     gesendet            1      1       1",
            "    Trash    Trash               1      -       -  disabled: not named by -f",
            "    mine     mine                -      1       -  disabled: not named by -f",
            "    private  private             -      1       -  disabled: folderfilter of the local side",
        ]
    );
    for words in [&["--info", "--column=never"][..], &["--info", "--no-column"], &["--info", "--column=auto"]] {
        assert_eq!(sandbox.run(words).out, info.out, "{words:?}");
    }
}

#[test]
fn info_shows_the_folders_even_where_a_sync_is_refused() {
    let sandbox = Sandbox::new(&config(THERE, ""));
    let run = sandbox.run(&["--info"]);
    assert_eq!(run.code, 2);
    assert!(run.out.contains("    Sent -> gesendet, remote: 1 message, not on the local side\n"), "{}", run.out);
    assert!(run.err.contains("`nametrans` would mix folders"), "{}", run.err);
}
