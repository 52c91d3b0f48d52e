//! Signals to a program that syncs again and again.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use rustix::process::Signal;
use support::daemon::Daemon;
use support::sandbox::{ACCOUNT, Sandbox};

fn refreshing() -> Sandbox {
    Sandbox::new(&ACCOUNT.replace("localrepository = l\n", "localrepository = l\nautorefresh = 600\n"))
}

#[test]
fn usr1_syncs_now_and_usr2_ends_when_all_is_done() {
    let sandbox = refreshing();
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Next refresh in 600.0 minutes");
    sandbox.deliver("remote/INBOX", "1700000020.late.host", "Subject: late\n\nx\n");
    daemon.signal(Signal::USR1);
    daemon.wait_for("Next refresh in 600.0 minutes");
    assert_eq!(sandbox.messages("local/INBOX").len(), 3);
    daemon.signal(Signal::USR2);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn term_in_a_pause_ends_at_once_and_lets_go_of_the_lock() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let sandbox = refreshing();
        let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
        daemon.wait_for("Next refresh");
        daemon.signal(signal);
        assert_eq!(daemon.end(), Some(130));
        sandbox.run(&["-o"]).silent();
    }
}

#[test]
fn a_hook_that_hangs_does_not_keep_a_signal_waiting() {
    let hook = "localrepository = l\npresynchook = echo started >&2; exec sleep 3600\n";
    let sandbox = Sandbox::new(&ACCOUNT.replace("localrepository = l\n", hook));
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Calling hook");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(130));
}

#[test]
fn quit_tells_the_state_and_aborts() {
    let sandbox = refreshing();
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Next refresh");
    daemon.signal(Signal::QUIT);
    daemon.wait_for("account 'a': waiting for the next sync");
    assert_eq!(daemon.end(), None);
}
