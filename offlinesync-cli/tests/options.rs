//! Options that decide which messages and folders are synced, and what is written beside them: what each does, seen from outside.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use filetime::FileTime;
use std::fs;
use support::sandbox::{ACCOUNT, Run, Sandbox};

/// The account with lines added to its sections.
fn with(account: &str, local: &str, remote: &str) -> String {
    let config = ACCOUNT.replace("remoterepository = r\n", &format!("remoterepository = r\n{account}"));
    let config = config.replace("localfolders = ~/local\n", &format!("localfolders = ~/local\n{local}"));
    config.replace("localfolders = ~/remote\n", &format!("localfolders = ~/remote\n{remote}"))
}

fn age(sandbox: &Sandbox, file: &str, days: i64) {
    let now = FileTime::now().unix_seconds();
    filetime::set_file_mtime(sandbox.path(file), FileTime::from_unix_time(now - days * 86_400, 0)).unwrap();
}

fn failed(run: &Run, text: &str) {
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains(text), "{}", run.err);
}

/// OfflineIMAP #384, #581, #270: another maxage removed messages, or fetched what was older.
#[test]
fn maxage_leaves_old_messages_alone_and_can_be_raised_and_lowered() {
    let sandbox = Sandbox::new(&with("maxage = 10\n", "", ""));
    age(&sandbox, "remote/INBOX/new/1700000001.one.host", 20);
    sandbox.deliver("local/INBOX", "1700000009.own.host:2,", "Subject: own\n\nold and mine\n");
    age(&sandbox, "local/INBOX/cur/1700000009.own.host:2,", 30);
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    assert_eq!(sandbox.messages("remote/INBOX").len(), 2);
    sandbox.run(&["-k", "Account_a:maxage=3"]).silent();
    sandbox.run(&["-k", "Account_a:maxage=25"]).silent();
    assert_eq!(sandbox.messages("local/INBOX").len(), 3);
    assert_eq!(sandbox.messages("remote/INBOX").len(), 2);
    sandbox.run(&["-k", "Account_a:maxage="]).silent();
    assert_eq!(sandbox.messages("remote/INBOX").len(), 3);
    assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
    failed(&sandbox.run(&["-k", "Account_a:maxage=soon"]), "must be a day, yyyy-mm-dd");
    failed(&sandbox.run(&["-k", "Account_a:maxage=2999-01-01"]), "a day to come; nothing was synced");
}

#[test]
fn startdate_and_maxsize_leave_messages_alone() {
    let sandbox = Sandbox::new(&with("maxsize = 100\n", "", "startdate = 2020-02-02\n"));
    let long = format!("Subject: long\n\n{}\n", "x".repeat(100));
    sandbox.deliver("remote/INBOX", "1700000004.long.host:2,", &long);
    filetime::set_file_mtime(
        sandbox.path("remote/INBOX/new/1700000001.one.host"),
        FileTime::from_unix_time(1_500_000_000, 0),
    )
    .unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), ["Subject: =?utf-8?q?tw=C3=B6?=\n\nsecond\n"]);
    // The other side is not empty, and the limits are the same there.
    sandbox.deliver("local/INBOX", "1700000005.long.here:2,", &long.replace("long", "here"));
    sandbox.deliver("local/INBOX", "1700000006.short.here:2,", "Subject: short\n\nx\n");
    sandbox.run(&[]).silent();
    assert_eq!((sandbox.messages("local/INBOX").len(), sandbox.messages("remote/INBOX").len()), (3, 4));
    sandbox.run(&["-k", "Account_a:maxsize=", "-k", "Repository_r:startdate="]).silent();
    assert_eq!((sandbox.messages("local/INBOX").len(), sandbox.messages("remote/INBOX").len()), (5, 5));
    // Lowered again, what is outside stays where it is.
    sandbox.run(&[]).silent();
    sandbox.run(&["-k", "Account_a:maxsize=20"]).silent();
    assert_eq!((sandbox.messages("local/INBOX").len(), sandbox.messages("remote/INBOX").len()), (5, 5));
}

#[test]
fn mbnames_lists_the_folders_of_all_accounts() {
    let list = "[mbnames]\nenabled = yes\nfilename = ~/muttrc.mailboxes\nheader = 'mailboxes '\n\
                peritem = %(accountname)s/%(foldername)s\nsep = ' '\nfooter = '\\n'\n";
    let sandbox = Sandbox::new(&format!("{ACCOUNT}{list}"));
    sandbox.run(&[]).silent();
    let read = || fs::read_to_string(sandbox.path("muttrc.mailboxes")).unwrap();
    assert_eq!(read(), "mailboxes a/INBOX a/Sent\n");
    let mut reader = fs::File::open(sandbox.path("muttrc.mailboxes")).unwrap();
    sandbox.run(&["-f", "INBOX"]).silent();
    assert_eq!(read(), "mailboxes a/INBOX a/Sent\n");
    fs::write(
        sandbox.path(".offlineimap/mbnames/gone.json"),
        r#"[{"accountname":"gone","foldername":"x","localfolders":"/"}]"#,
    )
    .unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(read(), "mailboxes a/INBOX a/Sent gone/x\n");
    // Whoever began to read before goes on in the old one.
    assert_eq!(std::io::read_to_string(&mut reader).unwrap(), "mailboxes a/INBOX a/Sent\n");
}

#[test]
fn folders_are_begun_in_the_order_that_foldersort_gives() {
    for (order, first) in [("cmp(x, y)", "INBOX"), ("-cmp(x, y)", "Sent")] {
        let sandbox = Sandbox::new(&with("", "", &format!("foldersort = lambda x, y: {order}\n")));
        let out = sandbox.run(&["-1", "-u", "basic"]).out;
        let begun = out.lines().find(|line| line.starts_with("Syncing "));
        assert_eq!(begun, Some(format!("Syncing {first}: Maildir -> Maildir").as_str()), "{out}");
    }
}

#[test]
fn file_times_follow_the_header_where_that_is_asked_for() {
    let lines = "utime_from_header = yes\n";
    for config in [with("", lines, ""), ACCOUNT.replace("[general]\n", &format!("[general]\n{lines}"))] {
        let sandbox = Sandbox::new(&config);
        let mail = "Date: Tue, 14 Nov 2000 23:13:20 +0100\nSubject: dated\n\nbody\n";
        sandbox.deliver("remote/Dated", "1700000005.dated.host:2,S", mail);
        sandbox.run(&[]).silent();
        let files: Vec<String> = sandbox.files("local/Dated").into_keys().collect();
        let metadata = fs::metadata(sandbox.path("local/Dated").join(&files[0])).unwrap();
        assert_eq!(FileTime::from_last_modification_time(&metadata).unix_seconds(), 974_240_000);
    }
}

#[test]
fn what_only_python_could_do_is_refused_with_a_way_out() {
    for (lines, text) in [
        ("newmail_hook = lambda: notify()\n", "`newmail_hook`"),
        ("copy_ignore_eval = my_function\n", "`copy_ignore_eval`"),
        ("foldersort = 'x'\n", "`foldersort`"),
    ] {
        let config = with("", "", lines)
            .replace("type = Maildir\nlocalfolders = ~/remote", "type = IMAP\nremotehost = localhost");
        failed(&Sandbox::new(&config).run(&[]), text);
    }
}

#[test]
fn old_names_are_migrated_to_the_translated_folder_and_a_dry_run_only_tells() {
    // The digest of `INBOX`, as it was before the name was translated.
    let old = "1700000001.a.host,U=7,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S";
    let sandbox = Sandbox::new(&with("", "nametrans = lambda f: 'Mail.' + f\n", ""));
    sandbox.deliver("local/INBOX", old, "Subject: x\n\nx\n");
    let args = ["-a", "a", "--migrate-fmd5-using-nametrans"];
    let run = sandbox.run(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(
        (run.code, run.out.as_str(), run.err.as_str()),
        (0, "a: folder 'INBOX': 1 message would be renamed\n", "")
    );
    assert!(sandbox.path("local/INBOX/cur").join(old).exists());
    let run = sandbox.run(&args);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "a: folder 'INBOX': 1 message renamed\n", ""));
    let names: Vec<String> = sandbox.files("local/INBOX/cur").into_keys().collect();
    assert!(
        names[0].starts_with("1700000001.a.host,U=7,FMD5=") && names[0].ends_with(":2,S") && names[0] != old,
        "{names:?}"
    );
    assert_eq!(sandbox.files("local/INBOX").len(), 1);
}

#[test]
fn the_status_goes_from_text_to_sqlite_and_back_without_a_transfer_and_the_old_one_stays() {
    let sandbox = Sandbox::new(&with("status_backend = plain\n", "", ""));
    sandbox.run(&[]).silent();
    let text = sandbox.files(".offlineimap/Account-a/offlinesync.status");
    assert!(text.keys().any(|name| name.starts_with("INBOX~")), "{:?}", text.keys());
    // A removal is due when the form changes: it must be carried out, not undone.
    let remove = |name: &str| fs::remove_file(sandbox.path(name)).unwrap();
    remove("remote/INBOX/new/1700000001.one.host");
    sandbox.run(&["--dry-run", "-k", "Account_a:status_backend=sqlite"]);
    assert!(!sandbox.path(".offlineimap/Account-a/offlinesync.db").exists());
    sandbox.run(&["-k", "Account_a:status_backend=sqlite"]).silent();
    assert_eq!((sandbox.messages("local/INBOX").len(), sandbox.messages("remote/INBOX").len()), (1, 1));
    assert_eq!(sandbox.files(".offlineimap/Account-a/offlinesync.status"), text);
    // Back again, with what happened meanwhile: another removal, which the old text files know nothing of.
    remove("remote/INBOX/new/1700000002.two.host");
    sandbox.deliver("remote/INBOX", "1700000005.five.host", "Subject: five\n\nx\n");
    sandbox.run(&["-k", "Account_a:status_backend=sqlite"]).silent();
    remove("remote/INBOX/new/1700000005.five.host");
    sandbox.deliver("remote/INBOX", "1700000006.six.host", "Subject: six\n\nx\n");
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), ["Subject: six\n\nx\n"]);
    assert_eq!(sandbox.messages("remote/INBOX"), ["Subject: six\n\nx\n"]);
}
