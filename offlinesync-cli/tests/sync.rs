//! The program as its users see it: what it does to mail, what it says, how it ends.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_cli::lock::Lock;
use snapbox::{file, str};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::daemon::Daemon;
use support::sandbox::{ACCOUNT, Sandbox};

#[test]
fn mail_goes_both_ways_silently_and_the_second_run_has_nothing_to_do() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.deliver("local/INBOX", "1700000009.four.host:2,FS", "Subject: four\n\nfourth\n");
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("remote/INBOX").len(), 3);
    assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
    assert_eq!(sandbox.messages("local/Sent"), ["Subject: three\n\nthird\n"]);
    let before = (sandbox.files("local"), sandbox.files("remote"));
    sandbox.run(&[]).silent();
    assert_eq!(before, (sandbox.files("local"), sandbox.files("remote")));
}

#[test]
fn what_was_deleted_and_flagged_on_one_side_is_so_on_the_other() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    fs::remove_file(sandbox.path("local/INBOX/new/1700000001.one.host")).unwrap();
    let two = sandbox.path("local/INBOX/new/1700000002.two.host");
    fs::rename(&two, sandbox.path("local/INBOX/cur/1700000002.two.host:2,S")).unwrap();
    sandbox.run(&[]).silent();
    let left: Vec<String> = sandbox.files("remote/INBOX").into_keys().collect();
    assert_eq!(left, ["cur/1700000002.two.host:2,S"]);
}

/// An import from mbsync was killed. The next sync had half of the rows, and a message that was removed here came back.
#[test]
fn what_another_program_knew_is_taken_over_whole_before_anything_is_synced() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    let mark = sandbox.path(".offlineimap/Account-a/offlinesync.importing");
    fs::write(&mark, "").unwrap();
    fs::remove_file(sandbox.path("local/INBOX/new/1700000001.one.host")).unwrap();
    let before = (sandbox.files("local"), sandbox.files("remote"));
    for args in [&[][..], &["--dry-run"], &["-f", "INBOX"]] {
        let refused = sandbox.run(args);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.err.contains("in part only") && refused.err.contains("import mbsync"), "{}", refused.err);
        assert_eq!(before, (sandbox.files("local"), sandbox.files("remote")));
    }
    fs::remove_file(&mark).unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("remote/INBOX").len(), 1);
}

/// OfflineIMAP #370, #52: a dry run changed what was remembered, or could not be made at all.
#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing_anywhere() {
    let sandbox = Sandbox::new(ACCOUNT);
    let before = sandbox.files(".");
    let run = sandbox.run(&["--dry-run"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.err, "");
    snapbox::assert_data_eq!(
        run.out,
        str![[r#"
[DRYRUN] Creating folder INBOX[l]
[DRYRUN] Copy 2 messages from Maildir[INBOX] to Maildir[INBOX]
[DRYRUN] Creating folder Sent[l]
[DRYRUN] Copy 1 message from Maildir[Sent] to Maildir[Sent]
[DRYRUN] a: 3 messages received in 2 folders

"#]]
    );
    assert_eq!(sandbox.files("."), before);
    assert!(!sandbox.path("local").exists() && !sandbox.path(".offlineimap").exists());
}

#[test]
fn a_dry_run_with_details_names_the_messages() {
    let sandbox = Sandbox::new(ACCOUNT);
    let out = sandbox.run(&["--dry-run", "-d", "imap"]).out;
    assert!(out.contains("[DRYRUN]   1700000002.two.host: tw\u{f6}\n"), "{out}");
    assert!(out.contains("[DRYRUN]   1700000003.three.host: three\n"), "{out}");
}

#[test]
fn a_dry_run_between_two_syncs_counts_copies_flags_and_removals() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    sandbox.deliver("local/Sent", "1700000010.five.host:2,", "Subject: five\n\nfifth\n");
    fs::remove_file(sandbox.path("local/INBOX/new/1700000001.one.host")).unwrap();
    let before = (sandbox.files("local"), sandbox.files("remote"));
    let run = sandbox.run(&["--dry-run"]);
    snapbox::assert_data_eq!(
        run.out,
        str![[r#"
[DRYRUN] Delete 1 message in Maildir[INBOX]
[DRYRUN] Copy 1 message from Maildir[Sent] to Maildir[Sent]
[DRYRUN] a: 1 message sent, 1 message removed in 2 folders

"#]]
    );
    assert_eq!(before, (sandbox.files("local"), sandbox.files("remote")));
}

#[test]
fn a_wiped_maildir_wipes_nothing_on_the_other_side_until_that_is_asked_for() {
    let sandbox = Sandbox::new(ACCOUNT);
    for number in 0..30 {
        sandbox.deliver(
            "remote/INBOX",
            &format!("17000001{number:02}.many.host"),
            &format!("Subject: {number}\n\nx\n"),
        );
    }
    sandbox.run(&[]).silent();
    sandbox.empty("local/INBOX");
    sandbox.empty("local/Sent");
    let before = sandbox.files("remote");
    let refused = sandbox.run(&[]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.starts_with("error: "), "{}", refused.err);
    assert!(refused.err.contains("\nhint: ") && refused.err.contains("--allow-mass-delete"), "{}", refused.err);
    assert!(sandbox.files("remote") == before, "mail was removed: {}", refused.err);
    assert_eq!(sandbox.run(&["--allow-mass-delete"]).code, 0);
    assert_eq!(sandbox.messages("remote/INBOX").len(), 0);
}

#[test]
fn a_missing_maildir_is_no_empty_one() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    fs::rename(sandbox.path("local"), sandbox.path("elsewhere")).unwrap();
    let before = sandbox.files("remote");
    let refused = sandbox.run(&[]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("--restore-folders"), "{}", refused.err);
    assert_eq!(sandbox.files("remote"), before);
    fs::create_dir(sandbox.path("local")).unwrap();
    assert_eq!(sandbox.run(&[]).code, 3);
    assert_eq!(sandbox.files("remote"), before);
    sandbox.run(&["--restore-folders"]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
}

#[test]
fn the_second_of_two_runs_says_who_holds_the_lock() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    let lock = Lock::take(&sandbox.path(".offlineimap"), "a").unwrap();
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 75);
    let holder = format!("error: account 'a' was not synced: process {} is syncing it since ", std::process::id());
    assert!(run.err.starts_with(&holder), "{}", run.err);
    assert!(run.err.contains("\nhint: wait until it has ended"), "{}", run.err);
    drop(lock);
    sandbox.run(&[]).silent();
}

#[test]
fn names_are_translated_and_folders_left_out_by_expressions() {
    let config = ACCOUNT.replace(
        "localfolders = ~/remote\n",
        "localfolders = ~/remote\nnametrans = lambda f: {'Sent': 'gesendet'}.get(f, f)\n\
         folderfilter = lambda f: f not in ['Trash',\n# 'Sent',\n  'Junk']\n",
    );
    let config = config.replace("~/local\n", "~/local\nnametrans = lambda f: {'gesendet': 'Sent'}.get(f, f)\n");
    let sandbox = Sandbox::new(&config);
    sandbox.deliver("remote/Trash", "1700000005.trash.host", "x\n");
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/gesendet").len(), 1);
    assert!(!sandbox.path("local/Trash").exists() && !sandbox.path("local/Sent").exists());
    let info = sandbox.run(&["--info"]);
    assert_eq!(info.code, 0);
    assert!(
        info.out.contains("    Trash (disabled: folderfilter of the remote side), remote: 1 message\n"),
        "{}",
        info.out
    );
}

#[test]
fn only_the_folders_named_on_the_command_line_are_synced() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&["-f", "Sent"]).silent();
    assert_eq!(sandbox.messages("local/Sent").len(), 1);
    assert!(!sandbox.path("local/INBOX").exists());
    sandbox.run(&["-a", " a ", "-qf", "INBOX, 100%"]).silent();
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    sandbox.deliver("remote/100%", "1700000008.much.host", "Subject: much\n\nx\n");
    sandbox.run(&["-f", "100%"]).silent();
    assert_eq!(sandbox.messages("local/100%").len(), 1);
}

#[test]
fn hooks_run_around_a_sync_but_not_in_a_dry_run() {
    let hooks = "localrepository = l\npresynchook = echo \"before $OFFLINEIMAPSYNCMODE\" >> log\n\
                 postsynchook = echo after >> log; echo bad >&2; exit 3\n";
    let sandbox = Sandbox::new(&ACCOUNT.replace("localrepository = l\n", hooks));
    assert_eq!(sandbox.run(&["--dry-run"]).code, 0);
    assert!(!sandbox.path("log").exists());
    let run = sandbox.run(&["-q"]);
    assert_eq!(run.code, 0);
    assert_eq!(fs::read_to_string(sandbox.path("log")).unwrap(), "before quick\nafter\n");
    sandbox.run(&["-q", "-k", "Account_a:maxage=30000", "-k", "Account_a:postsynchook="]).silent();
    assert_eq!(fs::read_to_string(sandbox.path("log")).unwrap(), "before quick\nafter\nbefore full\n");
    assert!(run.err.starts_with("warning: hook `echo after"), "{}", run.err);
    assert!(run.err.ends_with("failed with exit code 3: bad\n"), "{}", run.err);
}

#[test]
fn the_log_file_gets_dated_lines_whatever_the_interface() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&["-l", "~/log"]).silent();
    let log = fs::read_to_string(sandbox.path("log")).unwrap();
    assert_eq!(fs::metadata(sandbox.path("log")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(sandbox.path(".offlineimap")).unwrap().permissions().mode() & 0o777, 0o700);
    let texts: Vec<&str> = log.lines().map(|line| &line[20..]).collect();
    assert!(texts.contains(&"INFO: *** Processing account a"), "{log}");
    assert!(texts.contains(&"INFO: Copy message UID 1700000003.three.host (1/1) r:Sent -> l:Sent"), "{log}");
    assert!(log.lines().all(|line| line.as_bytes()[4] == b'-' && line.as_bytes()[13] == b':'), "{log}");
}

#[test]
fn the_basic_interface_speaks_on_standard_output_and_ttyui_on_standard_error() {
    let basic = Sandbox::new(ACCOUNT).run(&["-u", "basic", "-1"]);
    assert_eq!(basic.err, "");
    snapbox::assert_data_eq!(
        basic.out,
        str![[r#"
*** Processing account a
Syncing INBOX: Maildir -> Maildir
Creating folder INBOX[l]
Copy message UID 1700000002.two.host (1/2) r:INBOX -> l:INBOX
Copy message UID 1700000001.one.host (2/2) r:INBOX -> l:INBOX
Syncing Sent: Maildir -> Maildir
Creating folder Sent[l]
Copy message UID 1700000003.three.host (1/1) r:Sent -> l:Sent
*** Finished account 'a' in 0:[..]

"#]]
    );
    let ttyui = Sandbox::new(ACCOUNT).run(&["-u", "TTY.TTYUI"]);
    assert_eq!(ttyui.out, "");
    assert!(ttyui.err.starts_with("Account sync a:\n *** Processing account a\n"), "{}", ttyui.err);
}

/// Accounts `b` and `a`, in this order.
fn two_accounts() -> Sandbox {
    let more = "[Account b]\nlocalrepository = l2\nremoterepository = r2\n[Repository l2]\ntype = Maildir\n\
                localfolders = ~/local2\n[Repository r2]\ntype = Maildir\nlocalfolders = ~/remote2\n";
    let sandbox = Sandbox::new(&format!("{}{more}", ACCOUNT.replace("accounts = a", "accounts = b, a")));
    sandbox.deliver("remote2/INBOX", "1700000007.seven.host", "seven\n");
    sandbox
}

#[test]
fn accounts_are_synced_one_after_the_other_unless_more_are_asked_for() {
    for args in [&[][..], &["-1"], &["-P", "trace"], &["-d", "imap"]] {
        let more = if args.is_empty() { "maxsyncaccounts=1" } else { "maxsyncaccounts=2" };
        let out = two_accounts().run(&[&["-u", "basic", "-k", more], args].concat()).out;
        let marks: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("*** ")?.split(' ').next()).collect();
        assert_eq!(marks, ["Processing", "Finished", "Processing", "Finished"], "{args:?}: {out}");
    }
}

/// OfflineIMAP never comes to an account beyond `maxsyncaccounts` that it syncs again and again.
#[test]
fn an_account_that_pauses_lets_another_be_synced() {
    let sandbox = two_accounts();
    let refreshing = ["-u", "ttyui", "-k", "Account_a:autorefresh=600", "-k", "Account_b:autorefresh=600"];
    let mut daemon = Daemon::start(&sandbox, &refreshing);
    (0..2).for_each(|_| daemon.wait_for("Next refresh in 600.0 minutes"));
    assert_eq!((sandbox.messages("local/INBOX").len(), sandbox.messages("local2/INBOX").len()), (2, 1));
}

/// offlineimap3 #259; OfflineIMAP #31, #126, #517: the exit status told nothing of what had failed.
#[test]
fn one_account_that_fails_does_not_stop_another_and_the_worst_code_counts() {
    let sandbox = two_accounts();
    fs::create_dir(sandbox.path(".offlineimap")).unwrap();
    let _lock = Lock::take(&sandbox.path(".offlineimap"), "b").unwrap();
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 75, "{run:?}");
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    assert!(!sandbox.path("local2").exists());
}

/// An account that cannot be synced, before one that can.
fn one_of_two_is_locked() -> (Sandbox, Lock) {
    let sandbox = two_accounts();
    fs::create_dir(sandbox.path(".offlineimap")).unwrap();
    let lock = Lock::take(&sandbox.path(".offlineimap"), "b").unwrap();
    (sandbox, lock)
}

#[test]
fn an_account_that_fails_beside_another_is_told_and_summed_up_in_the_words_of_every_interface() {
    const LAST: &str = "1 of 2 accounts in step; not: 'b' (try again later)";
    let run = |interface: &str, more: &[&str]| {
        let (sandbox, _lock) = one_of_two_is_locked();
        let run = sandbox.run(&[&["-u", interface], more].concat());
        assert_eq!(run.code, 75, "{interface}: {run:?}");
        assert_eq!(sandbox.messages("local/INBOX").len(), 2, "{interface}");
        run
    };
    let quiet = run("quiet", &[]);
    assert!(quiet.out.is_empty() && quiet.err.starts_with("error: account 'b' was not synced: process "), "{quiet:?}");
    assert_eq!(quiet.err.lines().count(), 2, "{quiet:?}");

    let basic = run("basic", &[]);
    assert!(basic.err.starts_with("error: account 'b' was not synced: process "), "{basic:?}");
    assert!(basic.out.contains("*** Finished account 'a' in 0:") && !basic.out.contains("account b"), "{basic:?}");
    assert_eq!(basic.out.lines().last(), Some(LAST));

    let ttyui = run("ttyui", &["-l", "~/log"]);
    assert!(
        ttyui.err.contains("\nerror: account 'b' was not") || ttyui.err.starts_with("error: account 'b'"),
        "{ttyui:?}"
    );
    assert!(ttyui.err.ends_with(&format!("MainThread:\n {LAST}\n")), "{ttyui:?}");

    let machine = run("machineui", &[]);
    assert!(machine.out.contains("\nerror::Account+sync+b:ERROR%3A+account+%27b%27+was+not+synced"), "{machine:?}");
    assert!(machine.out.contains("\nmsg:acctdone:Account+sync+a:a\n"), "{machine:?}");
    assert!(
        !machine.out.contains(":acct:Account+sync+b") || machine.out.contains(":acctdone:Account+sync+b"),
        "{machine:?}"
    );
    assert!(machine.out.ends_with("\nmsg:terminate:MainThread:75%0A%0A\n"), "{machine:?}");

    let json = run("json", &[]);
    let events: Vec<serde_json::Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |event: &str, account: &str| events.iter().find(|e| e["event"] == event && e["account"] == account);
    assert_eq!(find("error", "b").unwrap()["kind"], "locked");
    assert_eq!(find("sync_ended", "a").unwrap()["exit"], 0);
    assert!(find("sync_ended", "b").is_none());
    assert_eq!(events[events.len() - 2]["message"], LAST);
    assert_eq!((&events[events.len() - 1]["event"], &events[events.len() - 1]["exit"]), (&"end".into(), &75.into()));
}

#[test]
fn help_is_as_documented() {
    let help = Sandbox::new("").run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    snapbox::assert_data_eq!(help.out, file!["snapshots/help.txt"]);
    assert_eq!(Sandbox::new("").run(&["--version"]).out, concat!(env!("CARGO_PKG_VERSION"), "\n"));
    assert!(Sandbox::new("").run(&["-V"]).out.starts_with(concat!("offlinesync v", env!("CARGO_PKG_VERSION"), ", ")));
}

/// OfflineIMAP #367, #702: what changed, for other programs to read.
#[test]
fn changes_are_told_in_the_words_of_offlineimap() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    let sent = sandbox.path("remote/Sent/cur");
    fs::rename(sent.join("1700000003.three.host:2,S"), sent.join("1700000003.three.host:2,FR")).unwrap();
    fs::remove_file(sandbox.path("remote/INBOX/new/1700000001.one.host")).unwrap();
    let run = sandbox.run(&["-u", "basic"]);
    for line in [
        "Deleting 1 messages (-1) in Maildir[INBOX]",
        "Adding flag F to 1 messages on Sent",
        "Adding flag R to 1 messages on Sent",
        "Deleting flag S from 1 messages on Sent",
    ] {
        assert!(run.out.lines().any(|said| said == line), "{line}\n{}", run.out);
    }
    let quick = sandbox.run(&["-u", "basic", "-q"]);
    assert!(quick.out.contains("\nSkipping INBOX (not changed)\n"), "{}", quick.out);
}
