//! The commands beside syncing: check, init, man, --delete-folder, -P.

mod support;

use offlinesync_cli::lock::Lock;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::sandbox::{ACCOUNT, Sandbox};

fn config(server: &Dovecot, more: &str) -> String {
    format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n\
         [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n[Repository r]\ntype = IMAP\nremotehost = {}\n\
         remoteport = {}\nremoteuser = u1\nssl = no\nstarttls = no\n{more}\n",
        server.host(),
        server.port()
    )
}

#[test]
fn check_logs_in_lists_the_folders_and_changes_nothing() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.create("Lists");
    let sandbox = Sandbox::new(&config(
        &server,
        "remotepass = pw\nauth_mechanisms = GSSAPI, CRAM-MD5, PLAIN\nfolderfilter = lambda f: f != 'Lists'",
    ));
    let before = sandbox.files(".");
    let run = sandbox.run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    for words in [
        "Remote repository 'r': Host: ",
        ", logged in\n    auth_mechanisms: GSSAPI is not supported and passed over for CRAM-MD5, PLAIN\n",
        "local will be created by the first sync\n",
        "    INBOX, remote: 0 messages, not on the local side, synced: 0 messages\n",
        "    Lists (disabled: folderfilter of the remote side), remote: 0 messages\n",
        "account 'a': a sync can begin\n",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert_eq!(sandbox.files("."), before);
    assert!(!sandbox.path(".offlineimap").exists() && !sandbox.path("local").exists());

    let wrong = Sandbox::new(&config(&server, "remotepass = wrong")).run(&["check"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.starts_with("error: account 'a': ") && !wrong.out.contains("can begin"), "{wrong:?}");
}

#[test]
fn check_tells_what_a_sync_would_stop_at() {
    let meeting = ACCOUNT.replace("~/remote\n", "~/remote\nnametrans = lambda f: 'x'\n");
    let run = Sandbox::new(&meeting).run(&["check", "-a", "a"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("would all be 'x'"), "{}", run.err);
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    fs::rename(sandbox.path("local"), sandbox.path("elsewhere")).unwrap();
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("is missing though it was synced before"), "{}", run.err);
}

#[test]
fn init_tries_the_login_and_writes_a_file_that_syncs() {
    let server = Dovecot::start(Options::default());
    server.client("u1").append("INBOX", "", None, b"Subject: one\r\n\r\nbody\r\n");
    let sandbox = Sandbox::new("");
    fs::remove_file(sandbox.path(".offlineimaprc")).unwrap();
    let port = server.port().to_string();
    let host = server.host().to_string();
    let mut words = vec!["init", "--non-interactive", "--address", "u1@example.org", "--user", "u1", "--host", &host];
    words.extend(["--port", &port, "--security", "none", "--maildir", "~/local", "--password-cmd"]);
    let wrong = sandbox.run(&[&words[..], &["echo wrong"]].concat());
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("nothing was written: the login failed"), "{}", wrong.err);
    assert!(!sandbox.path(".config").exists());

    words.push("echo pw");
    let run = sandbox.run(&words);
    assert_eq!(run.code, 0, "{run:?}");
    let file = sandbox.path(".config/offlinesync/config");
    assert_eq!(run.out.lines().next(), Some(format!("Written: {}", file.display()).as_str()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), ["Subject: one\n\nbody\n"]);

    let before = fs::read(&file).unwrap();
    let again = sandbox.run(&words);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn init_without_a_terminal_says_how_to_go_without_questions() {
    let run = Sandbox::new("").run(&["init", "-c", "new"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no terminal to ask at") && run.err.contains("--non-interactive"), "{}", run.err);
}

#[test]
fn manual_pages_name_every_option_and_are_sound() {
    let sandbox = Sandbox::new(ACCOUNT);
    let run = sandbox.run(&["man", "man"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let page = |name: &str| fs::read_to_string(sandbox.path(name)).unwrap().replace("\\-", "-");
    let program = page("man/man1/offlinesync.1");
    for option in ["-a", "--accounts", "-P", "--delete-folder", "--column", "offlinesync-check(1)", "130  interrupted"]
    {
        assert!(program.contains(option), "{option}");
    }
    assert!(page("man/man1/offlinesync-verify.1").contains("--repair"));
    assert!(page("man/man1/offlinesync-init.1").contains("--non-interactive"));
    assert!(page("man/man1/offlinesync-check.1").contains("--no-column"));
    let config = page("man/man5/offlinesync.conf.5");
    for option in offlinesync_cli::config::options::OPTIONS {
        assert!(config.contains(option.name), "{}", option.name);
    }
    let files = run.out.lines();
    let lint =
        Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(files).current_dir(sandbox.path("")).output();
    let lint = lint.unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
}

#[test]
fn a_folder_is_deleted_on_the_server_only_when_asked_for() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.create("Old/2001");
    client.append("Old/2001", "", None, b"Subject: one\r\n\r\nbody\r\n");
    let sandbox = Sandbox::new(&config(&server, "remotepass = pw"));
    sandbox.run(&[]).silent();
    let dry = sandbox.run(&["--dry-run", "--delete-folder", "Old/2001"]);
    assert_eq!((dry.code, dry.out.as_str()), (0, "would try to remove 'Old/2001' on remote of 'a' account\n"));
    assert!(client.list().iter().any(|entry| entry.name == "Old/2001"));
    let lock = Lock::take(&sandbox.path(".offlineimap"), "a").unwrap();
    assert_eq!(sandbox.run(&["--delete-folder", "Old/2001"]).code, 75);
    assert!(client.list().iter().any(|entry| entry.name == "Old/2001"));
    drop(lock);
    let run = sandbox.run(&["--delete-folder", "Old/2001"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "Folder 'Old/2001' deleted.\n", ""));
    assert!(!client.list().iter().any(|entry| entry.name == "Old/2001"));
    let again = sandbox.run(&["--delete-folder", "Old/2001"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("folder Old/2001: it was not deleted: the server answered: NO"), "{}", again.err);
    // The copy on this machine is still there.
    let run = sandbox.run(&[]);
    assert_eq!((run.code, sandbox.messages("local/Old.2001").len()), (3, 1));
}

#[test]
fn a_folder_is_deleted_in_one_account_and_on_servers_alone() {
    let local = Sandbox::new(ACCOUNT).run(&["--delete-folder", "Sent"]);
    assert_eq!(local.code, 2);
    assert!(local.err.contains("is no server"), "{}", local.err);
    let two = ACCOUNT.replace("accounts = a\n", "accounts = a, b\n")
        + "[Account b]\nlocalrepository = l\nremoterepository = r\n";
    let run = Sandbox::new(&two).run(&["--delete-folder", "Sent"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("exactly one account") && run.err.contains("hint: name it with -a"), "{}", run.err);
}

/// The directory was made, and then it was said that it could not be.
#[test]
fn directories_that_are_mere_names_are_made_where_the_program_runs() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&["-P", "prof", "-k", "metadata=meta"]).silent();
    assert!(sandbox.path("prof/offlinesync.trace.json").exists() && sandbox.path("meta/Account-a").is_dir());
}

#[test]
fn a_profile_is_a_trace_of_every_thread_in_a_new_directory() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&["-P", "~/profile"]).silent();
    let trace = fs::read_to_string(sandbox.path("profile/offlinesync.trace.json")).unwrap();
    let events: serde_json::Value = serde_json::from_str(&trace).unwrap();
    let named = |name: &str| events.as_array().unwrap().iter().filter(|event| event["name"] == name).count();
    assert_eq!(named("list folders of a"), 1, "{trace}");
    assert_eq!(named("list INBOX"), 1);
    assert_eq!(named("copy 1700000003.three.host of Sent"), 1);
    assert!(named("thread_name") > 0);
    for event in events.as_array().unwrap().iter().filter(|event| event["ph"] == "X") {
        assert!(event["dur"].is_u64() && event["ts"].is_u64() && event["tid"].is_u64(), "{event}");
    }
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    let again = sandbox.run(&["-P", "~/profile"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("it is there already"), "{}", again.err);
}

#[test]
fn mailboxes_of_accounts_that_are_gone_are_forgotten_when_asked_for() {
    let list = "[mbnames]\nenabled = yes\nfilename = ~/list\nheader = \"\"\nperitem = %(accountname)s/%(foldername)s\nsep = \" \"\nfooter = \"\"\n";
    let sandbox = Sandbox::new(&format!("{ACCOUNT}{}", list.replace('%', "%%")));
    sandbox.run(&[]).silent();
    let gone = sandbox.path(".offlineimap/mbnames/ab.json");
    fs::write(&gone, r#"[{"accountname": "ab", "foldername": "x", "localfolders": "/m"}]"#).unwrap();
    let dry = sandbox.run(&["--mbnames-prune", "--dry-run", "-u", "basic"]);
    assert_eq!((dry.code, gone.exists()), (0, true), "{dry:?}");
    assert!(dry.out.contains("would remove") && dry.out.contains("ab.json"), "{dry:?}");
    sandbox.run(&["--mbnames-prune"]).silent();
    assert!(!gone.exists() && sandbox.path(".offlineimap/mbnames/a.json").exists());
    assert_eq!(fs::read_to_string(sandbox.path("list")).unwrap(), "a/INBOX a/Sent");
}

/// OfflineIMAP looks for the name of each file anywhere in the text of `accounts`.
#[test]
fn an_account_whose_name_is_part_of_another_is_gone_all_the_same() {
    let list = "[mbnames]\nenabled = yes\nfilename = ~/list\nheader = \"\"\nperitem = x\nsep = \" \"\nfooter = \"\"\n";
    let work = ACCOUNT.replace("accounts = a\n", "accounts = work\n").replace("[Account a]", "[Account work]");
    let sandbox = Sandbox::new(&format!("{work}{list}"));
    sandbox.run(&[]).silent();
    let part = sandbox.path(".offlineimap/mbnames/or.json");
    fs::write(&part, r#"[{"accountname": "or", "foldername": "x", "localfolders": "/m"}]"#).unwrap();
    sandbox.run(&["--mbnames-prune"]).silent();
    assert!(!part.exists() && sandbox.path(".offlineimap/mbnames/work.json").exists());
}
