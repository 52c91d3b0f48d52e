//! Who may sync what at the same time: one run for each account, one for each Maildir, for the whole life of the run.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::sandbox::{ACCOUNT, Run, Sandbox};

/// The configuration of a program that goes on.
fn refreshing() -> String {
    ACCOUNT.replace("localrepository = l\n", "localrepository = l\nautorefresh = 600\n")
}

/// A program that has synced once and waits; killed when dropped.
struct Waiting(Child);

impl Waiting {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Waiting {
        let args = [&["-u", "ttyui"], args].concat();
        let mut child = sandbox.command(&args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Next refresh")), "the program ended");
        std::thread::spawn(move || lines.for_each(drop));
        Waiting(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, 75, "{run:?}");
    words.iter().for_each(|word| assert!(run.err.contains(word), "no {word:?} in {}", run.err));
}

/// OfflineIMAP #174: the lock was not held while the program slept.
#[test]
fn a_second_run_is_refused_while_the_first_sleeps_and_told_who_it_is_and_since_when() {
    let sandbox = Sandbox::new(&refreshing());
    let first = Waiting::start(&sandbox, &[]);
    for args in [&["-o"][..], &["-o", "-a", "a"], &["-o", "-f", "INBOX"], &["verify"]] {
        let words = format!("process {} is syncing it since 2", first.pid());
        refused(&sandbox.run(args), &["error: account 'a'", &words, "hint: wait until it has ended"]);
    }
    // Whichever kind of lock another program asks for, it does not get it.
    let lock = sandbox.path(".offlineimap/a.lock");
    assert_eq!([taken(&lock, "flock"), taken(&lock, "lockf")], [false, false]);
    drop(first);
    assert_eq!([taken(&lock, "flock"), taken(&lock, "lockf")], [true, true]);
    sandbox.run(&["-o"]).silent();
}

/// Whether another process can lock the file by this function of Python's `fcntl`.
fn taken(lock: &Path, function: &str) -> bool {
    let script = "import fcntl, sys\nf = open(sys.argv[1], 'r+')\ngetattr(fcntl, sys.argv[2])(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n";
    let python = Command::new("python3").args(["-c", script]).arg(lock).arg(function).stderr(Stdio::null()).status();
    python.unwrap().success()
}

/// OfflineIMAP #159, #516: a lock was left behind, and the next run refused to start.
/// OfflineIMAP #125: so it was after a hang.
#[test]
fn the_lock_of_a_program_that_was_killed_stands_in_nobodys_way() {
    let sandbox = Sandbox::new(&refreshing());
    let first = Waiting::start(&sandbox, &[]);
    kill_process(Pid::from_child(&first.0), Signal::KILL).unwrap();
    drop(first);
    assert!(sandbox.path(".offlineimap/a.lock").exists());
    sandbox.run(&["-o"]).silent();
    fs::write(sandbox.path(".offlineimap/a.lock"), "1\nsince 2020-01-01T00:00:00Z\n").unwrap();
    sandbox.run(&["-o"]).silent();
    fs::write(sandbox.path(".offlineimap/a.lock"), [0xff; 5000]).unwrap();
    sandbox.run(&["-o"]).silent();
}

/// A second process that is refused leaves the lock file alone, so that no third gets in.
#[test]
fn being_refused_opens_the_door_to_nobody() {
    let sandbox = Sandbox::new(&refreshing());
    let _first = Waiting::start(&sandbox, &[]);
    for _ in 0..3 {
        refused(&sandbox.run(&["-o"]), &["is syncing it"]);
    }
}

#[test]
fn two_configurations_do_not_sync_one_maildir_at_the_same_time() {
    let sandbox = Sandbox::new(&refreshing());
    let first = Waiting::start(&sandbox, &[]);
    let other = ACCOUNT
        .replace("[general]\n", "[general]\nmetadata = ~/elsewhere\n")
        .replace("= a\n", "= b\n")
        .replace("Account a", "Account b")
        .replace("~/remote", "~/third");
    fs::write(sandbox.path("other.conf"), other).unwrap();
    let before = sandbox.files("local");
    let words = format!("is being synced by process {} since 2", first.pid());
    refused(&sandbox.run(&["-o", "-c", "other.conf"]), &["error: account 'b'", "/local", &words, "hint: "]);
    assert_eq!(sandbox.files("local"), before);
    assert!(!sandbox.path("third").exists());
    drop(first);
    sandbox.run(&["-o", "-c", "other.conf"]).silent();
    assert_eq!(sandbox.messages("third/INBOX"), sandbox.messages("local/INBOX"));
}

/// Two accounts `a` and `b` with the same Maildir.
const SHARED: &str = "\
[general]
accounts = a, b
maxsyncaccounts = 2
[Account a]
localrepository = l
remoterepository = r
[Account b]
localrepository = l2
remoterepository = r2
[Repository l]
type = Maildir
localfolders = ~/local
[Repository r]
type = Maildir
localfolders = ~/remote
[Repository l2]
type = Maildir
localfolders = ~/local/../local
[Repository r2]
type = Maildir
localfolders = ~/remote2
";

fn two_accounts(config: &str) -> Sandbox {
    let sandbox = Sandbox::new(config);
    fs::create_dir(sandbox.path("local")).unwrap();
    sandbox.deliver("remote2/INBOX", "1700000009.other.host", "Subject: of the other\n\nx\n");
    sandbox.deliver("remote2/Mine", "1700000010.mine.host", "Subject: mine\n\nx\n");
    sandbox
}

#[test]
fn two_accounts_that_share_one_maildir_are_recognised_and_their_mail_is_not_mixed() {
    let sandbox = two_accounts(SHARED);
    sandbox.run(&["-a", "a"]).silent();
    for _ in 0..2 {
        let run = sandbox.run(&[]);
        assert_eq!(run.code, 3, "{run:?}");
        for words in ["folder 'INBOX' was not synced", "that of account 'a'", "share_maildir = yes", "localfolders"] {
            assert!(run.err.contains(words), "no {words:?} in {}", run.err);
        }
        assert_eq!(sandbox.messages("remote/INBOX").len(), 2);
        assert_eq!(sandbox.messages("remote2/INBOX").len(), 1);
        assert_eq!(sandbox.messages("local/INBOX").len(), 2);
        assert_eq!(sandbox.messages("local/Mine").len(), 1);
        assert!(!sandbox.path("remote2/Sent").exists() && !sandbox.path("remote/Mine").exists());
    }
}

/// Two accounts, one of whose Maildirs is a folder of the other's.
#[test]
fn a_maildir_that_lies_in_another_is_recognised_and_their_mail_is_not_mixed() {
    let inner = "[Repository l2]\ntype = Maildir\nlocalfolders = ~/local/deep\n";
    let config = SHARED.replace("[Repository l2]\ntype = Maildir\nlocalfolders = ~/local/../local\n", inner);
    let config = config.replace("localfolders = ~/local\n", "localfolders = ~/local\nsep = /\n");
    let config = config.replace("localfolders = ~/remote\n", "localfolders = ~/remote\nsep = /\n");
    let sandbox = two_accounts(&config);
    fs::create_dir(sandbox.path("local/deep")).unwrap();
    sandbox.run(&["-a", "b"]).silent();
    let before = sandbox.messages("remote2/INBOX");
    let separate = || {
        assert_eq!(sandbox.messages("remote2/INBOX"), before);
        assert_eq!(sandbox.messages("local/deep/INBOX"), before);
        assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
    };
    for _ in 0..2 {
        sandbox.run(&[]).silent();
        assert!(!sandbox.path("remote/deep").exists());
        separate();
    }
    sandbox.deliver("remote/deep/INBOX", "1700000011.deep.host", "Subject: deep\n\nx\n");
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 3, "{run:?}");
    for words in ["folder 'deep/INBOX' was not synced", "that of account 'b'"] {
        assert!(run.err.contains(words), "no {words:?} in {}", run.err);
    }
    assert_eq!(sandbox.messages("remote/deep/INBOX").len(), 1);
    separate();
}

/// The second account was not asked about the first, so its mail was mixed with that of an account that nobody wanted to be shared.
#[test]
fn two_accounts_may_share_a_maildir_when_both_are_told_so() {
    for one in ["r", "r2"] {
        let option = format!("remoterepository = {one}\nshare_maildir = yes\n");
        let sandbox = two_accounts(&SHARED.replace(&format!("remoterepository = {one}\n"), &option));
        for account in ["a", "b", "a"] {
            let run = sandbox.run(&["-a", account]);
            assert_eq!(run.code, if account == "a" { 0 } else { 3 }, "only {one}: {run:?}");
        }
        assert_eq!((sandbox.messages("remote/INBOX").len(), sandbox.messages("remote2/INBOX").len()), (2, 1), "{one}");
    }
    let config = SHARED.replace("remoterepository = r\n", "remoterepository = r\nshare_maildir = yes\n");
    let config = config.replace("remoterepository = r2\n", "remoterepository = r2\nshare_maildir = yes\n");
    let sandbox = two_accounts(&config);
    (0..2).for_each(|_| sandbox.run(&[]).silent());
    assert_eq!(sandbox.messages("local/INBOX").len(), 3);
    assert_eq!(sandbox.messages("remote/INBOX"), sandbox.messages("local/INBOX"));
    assert_eq!(sandbox.messages("remote2/INBOX"), sandbox.messages("local/INBOX"));
}

/// What the command line lets through is for the first sync of a program that goes on.
#[test]
fn a_mass_delete_is_let_through_once() {
    let sandbox = Sandbox::new(&refreshing());
    let many = |from: u32| {
        for number in from..from + 30 {
            let text = format!("Subject: {number}\n\nx\n");
            sandbox.deliver("remote/INBOX", &format!("17000001{number:04}.many.host"), &text);
        }
    };
    many(0);
    sandbox.run(&["-o"]).silent();
    sandbox.empty("local/INBOX");
    let program = Waiting::start(&sandbox, &["--allow-mass-delete"]);
    assert_eq!(sandbox.messages("remote/INBOX").len(), 0);
    drop(program);
    many(100);
    sandbox.run(&["-o"]).silent();
    let program = Waiting::start(&sandbox, &["--allow-mass-delete"]);
    let log = sandbox.path("log");
    drop(program);
    let args = ["-u", "ttyui", "-l", log.to_str().unwrap(), "--allow-mass-delete"];
    let mut program = Waiting(sandbox.command(&args).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("Next refresh")));
    sandbox.empty("local/INBOX");
    kill_process(Pid::from_child(&program.0), Signal::USR1).unwrap();
    assert!(lines.any(|line| line.unwrap().contains("Next refresh")));
    assert_eq!(sandbox.messages("remote/INBOX").len(), 30);
    assert!(fs::read_to_string(log).unwrap().contains("refused to remove 30 of"));
}
