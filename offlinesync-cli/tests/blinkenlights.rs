//! `blinkenlights` in a terminal: what a person sees there, what keys do, and that the terminal is given back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use rustix::process::Signal;
use support::sandbox::{ACCOUNT, Sandbox};
use support::tty::Tty;

fn refreshing() -> Sandbox {
    Sandbox::new(&ACCOUNT.replace("localrepository = l\n", "localrepository = l\nautorefresh = 10\n"))
}

#[test]
fn it_shows_syncs_counts_down_syncs_now_pauses_resizes_and_gives_the_terminal_back() {
    let sandbox = refreshing();
    let mut tty = Tty::start(&sandbox, &["-u", "Curses.Blinkenlights"]);
    tty.wait_for("next sync in 9:");
    let screen = tty.wait_for("*** Finished account 'a'");
    assert!(screen.contains(" 0 a ") && screen.contains("Copy message UID"), "{screen}");
    assert!(tty.is_full_screen());
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);

    tty.resize(30, 100);
    tty.wait("the keys in the last of 30 lines", |screen| {
        screen.contents().lines().nth(29).is_some_and(|line| line.contains("q quit"))
    });

    sandbox.deliver("remote/INBOX", "1700000020.late.host", "Subject: late\n\nx\n");
    tty.press("p");
    tty.wait_for("paused");
    tty.press("0");
    tty.wait_for("waiting");
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    tty.press("p");
    tty.wait_for("1700000020.late.host");
    tty.wait_for("next sync in");
    assert_eq!(sandbox.messages("local/INBOX").len(), 3);
    tty.press("q");
    assert_eq!(tty.end("a: 1 message received").0, Some(130));
}

#[test]
fn a_signal_in_a_pause_or_in_a_hook_gives_the_terminal_back() {
    for (signal, hook) in [(Signal::TERM, "true"), (Signal::HUP, "true"), (Signal::INT, "trap '' TERM; sleep 3600")] {
        let lines = format!("localrepository = l\nautorefresh = 10\npresynchook = {hook}\n");
        let sandbox = Sandbox::new(&ACCOUNT.replace("localrepository = l\n", &lines));
        let mut tty = Tty::start(&sandbox, &["-u", "blinkenlights"]);
        tty.wait_for(if hook == "true" { "next sync in" } else { "Calling hook" });
        tty.signal(signal);
        assert_eq!(tty.end("").0, Some(130), "{signal:?}");
    }
}

#[test]
fn an_end_at_once_gives_the_terminal_back_first() {
    let sandbox = refreshing();
    let mut tty = Tty::start(&sandbox, &["-u", "blinkenlights"]);
    tty.wait_for("next sync in");
    tty.signal(Signal::QUIT);
    assert_eq!(tty.end("account 'a': waiting for the next sync").0, None);
}

#[test]
fn a_password_is_asked_for_on_the_screen_and_not_shown() {
    let server = Dovecot::start(Options::default());
    server.client("u1").append("INBOX", "", None, b"Subject: one\r\n\r\nx\r\n");
    let sandbox = Sandbox::new(&format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n[Repository l]\n\
         type = Maildir\nlocalfolders = ~/local\n[Repository r]\ntype = IMAP\nremotehost = {}\nremoteport = {}\n\
         remoteuser = u1\nssl = no\nstarttls = no\n",
        server.host(),
        server.port()
    ));
    let mut tty = Tty::start(&sandbox, &["-u", "blinkenlights"]);
    tty.wait_for("Enter password for user 'u1'");
    tty.press("pw");
    tty.wait_for(": **");
    tty.press("\r");
    let (code, screen) = tty.end("a: 1 message received");
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("pw"), "{screen}");
    assert_eq!(sandbox.messages("local/INBOX").len(), 1);
}

/// Wherever a fault is: in the account's thread, there with what is shown held, in the thread that draws while it holds everything, in
/// the main thread. The fault of the thread that draws once waited for itself for ever, with the terminal still taken;
/// later the terminal was at times given back twice, and the cursor with it, so that the last words stood where the fault had been told.
#[test]
fn a_fault_in_any_thread_gives_the_terminal_back_is_told_there_and_ends_the_program() {
    let ended = "error: a fault in this program ended it";
    for (place, last) in [("syncing", ended), ("showing", ended), ("drawing", ended), ("accounts", "fault is wanted")] {
        let sandbox = refreshing();
        let mut command = sandbox.command(&["-u", "blinkenlights"]);
        command.env("OFFLINESYNC_FAULT", place);
        let mut tty = Tty::run(command);
        let (code, screen) = tty.end(last);
        assert!(screen.contains("this fault is wanted"), "{place}: {screen}");
        assert_eq!(code, Some(if last == ended { 1 } else { 101 }), "{place}: {screen}");
        sandbox.run(&["-o"]).silent();
        assert_eq!(sandbox.messages("local/INBOX").len(), 2, "{place}");
    }
}

#[test]
fn without_a_terminal_lines_stand_in_for_it_and_say_so() {
    let run = Sandbox::new(ACCOUNT).run(&["-u", "blinkenlights"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert!(
        run.err.starts_with("warning: the interface `blinkenlights` needs a terminal; `ttyui` stands in for it\n"),
        "{}",
        run.err
    );
    let listed = ACCOUNT.replace("accounts = a\n", "accounts = a\nui = Curses.Blinkenlights, Noninteractive.Basic\n");
    let run = Sandbox::new(&listed).run(&[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.starts_with("*** Processing account a\n"), "{}", run.out);
}
