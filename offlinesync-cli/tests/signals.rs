//! Signals to a program that syncs again and again.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{PipeReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use support::daemon::Daemon;
use support::sandbox::{ACCOUNT, Sandbox};

fn refreshing() -> Sandbox {
    Sandbox::new(&ACCOUNT.replace("localrepository = l\n", "localrepository = l\nautorefresh = 600\n"))
}

#[test]
fn usr1_syncs_now_and_usr2_ends_when_all_is_done() {
    let lines =
        "localrepository = l\nautorefresh = 600\nquick = 5\npresynchook = echo $OFFLINEIMAPSYNCMODE >> ~/modes\n";
    let sandbox = Sandbox::new(&ACCOUNT.replace("localrepository = l\n", lines));
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Next refresh in 600.0 minutes");
    sandbox.deliver("remote/INBOX", "1700000020.late.host", "Subject: late\n\nx\n");
    daemon.signal(Signal::USR1);
    daemon.wait_for("Next refresh in 600.0 minutes");
    assert_eq!(sandbox.messages("local/INBOX").len(), 3);
    assert_eq!(fs::read_to_string(sandbox.path("modes")).unwrap(), "full\nfull\n");
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

/// So many messages are to be copied when a signal comes; a tenth of them is on its way then.
const MESSAGES: usize = 300;

/// Which way they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

fn message(number: usize) -> String {
    format!("Subject: {number}\nMessage-ID: <{number}@example.org>\n\nA line of message {number}.\n")
}

/// A real server and a home that is synced with it every ten hours, with everything on one side.
struct World {
    server: Dovecot,
    sandbox: Sandbox,
}

impl World {
    fn new(way: Way) -> World {
        // One command for each upload, so that it can be told how far they are.
        let server = Dovecot::start(Options { hide: vec!["MULTIAPPEND"], ..Options::default() });
        let sandbox = Sandbox::new(&format!(
            "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\nautorefresh = 600\n\
             [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n\
             [Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {}\nremoteuser = u1\nremotepass = pw\n\
             ssl = no\nstarttls = no\nkeepalive = 60\nholdconnectionopen = yes\n",
            server.port()
        ));
        match way {
            Way::Down => {
                let all: Vec<String> = (0..MESSAGES).map(|number| message(number).replace('\n', "\r\n")).collect();
                server.client("u1").append_all("INBOX", "", None, &all);
            }
            Way::Up => (0..MESSAGES).for_each(|number| {
                sandbox.deliver("local/INBOX", &format!("17{number:08}.up.host:2,S"), &message(number));
            }),
        }
        World { server, sandbox }
    }

    /// The program in the middle of its transfer: it has told of some messages, and waits until more of what it says is read.
    fn in_transfer(&self, way: Way) -> Daemon {
        let mut daemon = Daemon::start(&self.sandbox, &["-u", "ttyui", "-d", "imap"]);
        (0..MESSAGES / 10).for_each(|_| daemon.wait_for(if way == Way::Down { " BODY[] " } else { " APPEND " }));
        daemon
    }

    fn in_pause(&self) -> Daemon {
        let mut daemon = Daemon::start(&self.sandbox, &["-u", "ttyui"]);
        daemon.wait_for("Next refresh in 600.0 minutes");
        daemon
    }

    /// How many there are here and there.
    fn counts(&self) -> (usize, usize) {
        (self.sandbox.messages("local/INBOX").len(), self.server.client("u1").messages("INBOX").len())
    }

    /// One more run ends what was begun, with nothing lost, doubled or half written.
    fn assert_recovers(&self, context: &str) {
        self.sandbox.run(&["-o"]).silent();
        let mut there: Vec<String> = self
            .server
            .client("u1")
            .messages("INBOX")
            .into_iter()
            .map(|stored| String::from_utf8(stored.bytes).unwrap().replace("\r\n", "\n"))
            .collect();
        let mut all: Vec<String> = (0..MESSAGES).map(message).collect();
        there.sort();
        all.sort();
        assert!(there == all, "{context}: {} there", there.len());
        assert!(self.sandbox.messages("local/INBOX") == all, "{context}");
    }
}

const WAYS: [Way; 2] = [Way::Down, Way::Up];

#[test]
fn term_int_and_hup_in_a_transfer_end_soon_and_keep_what_was_done() {
    for way in WAYS {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let world = World::new(way);
            let daemon = world.in_transfer(way);
            daemon.signal(signal);
            let (status, said) = daemon.last_words();
            assert_eq!(status.code(), Some(130), "{way:?} {signal:?}: {said:#?}");
            let (here, there) = world.counts();
            let copied = if way == Way::Down { here } else { there };
            assert!((1..MESSAGES).contains(&copied), "{way:?} {signal:?}: {copied} were copied");
            assert_eq!(world.sandbox.files("local/INBOX/tmp").len(), 0, "{way:?} {signal:?}");
            world.assert_recovers(&format!("{way:?} {signal:?}"));
        }
    }
}

#[test]
fn usr2_and_abrt_in_a_transfer_let_it_end_and_begin_no_pause() {
    for way in WAYS {
        for signal in [Signal::USR2, Signal::ABORT] {
            let world = World::new(way);
            let daemon = world.in_transfer(way);
            daemon.signal(signal);
            let (status, said) = daemon.last_words();
            assert_eq!(status.code(), Some(0), "{way:?} {signal:?}: {said:#?}");
            assert!(!said.iter().any(|line| line.contains("Next refresh")), "{way:?} {signal:?}: {said:#?}");
            assert_eq!(world.counts(), (MESSAGES, MESSAGES), "{way:?} {signal:?}");
            world.assert_recovers(&format!("{way:?} {signal:?}"));
        }
    }
}

#[test]
fn usr1_in_a_transfer_cuts_the_pause_that_follows() {
    for way in WAYS {
        let world = World::new(way);
        let mut daemon = world.in_transfer(way);
        daemon.signal(Signal::USR1);
        daemon.wait_for("*** Finished account 'a'");
        daemon.wait_for("*** Processing account a");
        daemon.wait_for("Next refresh in 600.0 minutes");
        assert_eq!(world.counts(), (MESSAGES, MESSAGES));
        daemon.signal(Signal::USR2);
        assert_eq!(daemon.end(), Some(0));
    }
}

#[test]
fn quit_in_a_transfer_tells_the_state_and_aborts_and_the_next_run_goes_on() {
    for way in WAYS {
        let world = World::new(way);
        let daemon = world.in_transfer(way);
        daemon.signal(Signal::QUIT);
        let (status, said) = daemon.last_words();
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{way:?}: {said:#?}");
        assert!(said.iter().any(|line| line == "account 'a': syncing"), "{way:?}: {said:#?}");
        world.assert_recovers(&format!("{way:?}"));
    }
}

/// With a connection that is held open over the pause.
#[test]
fn signals_in_a_pause_do_with_a_real_server_what_the_manual_says() {
    let world = World::new(Way::Down);
    let mut daemon = world.in_pause();
    let mut client = world.server.client("u1");
    client.select("INBOX");
    client.remove("1:100");
    daemon.signal(Signal::USR1);
    daemon.wait_for("Next refresh in 600.0 minutes");
    assert_eq!(world.counts(), (MESSAGES - 100, MESSAGES - 100));
    daemon.signal(Signal::USR2);
    assert_eq!(daemon.end(), Some(0));
    for (signal, code, number) in [
        (Signal::ABORT, Some(0), None),
        (Signal::TERM, Some(130), None),
        (Signal::INT, Some(130), None),
        (Signal::HUP, Some(130), None),
        (Signal::QUIT, None, Some(Signal::ABORT.as_raw())),
    ] {
        let daemon = world.in_pause();
        daemon.signal(signal);
        let (status, said) = daemon.last_words();
        assert_eq!((status.code(), status.signal()), (code, number), "{signal:?}: {said:#?}");
        world.sandbox.run(&["-o"]).silent();
    }
}

/// The program in a hook, with a full pipe for what it says, which nobody reads.
fn unheard(sandbox: &Sandbox) -> (Child, PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    ioctl_fionbio(&writer, true).unwrap();
    while writer.write(b"x").is_ok() {}
    ioctl_fionbio(&writer, false).unwrap();
    let child = sandbox.command(&["-u", "quiet"]).stderr(writer).spawn().unwrap();
    // Opening it waits for the hook.
    assert_eq!(fs::read_to_string(sandbox.path("hook")).unwrap(), "here\n");
    (child, reader)
}

/// The last words waited for a reader, and the process did not end.
#[test]
fn an_end_at_once_waits_for_nobody_who_does_not_read_what_is_said() {
    let hook = "localrepository = l\npresynchook = echo here > ~/hook; exec sleep 20\n";
    let sandbox = Sandbox::new(&ACCOUNT.replace("localrepository = l\n", hook));
    let made = Command::new("mkfifo").arg(sandbox.path("hook")).status().unwrap();
    assert!(made.success());
    for (signals, code, number) in [
        (&[Signal::TERM, Signal::INT, Signal::HUP][..], Some(130), None),
        (&[Signal::QUIT], None, Some(Signal::ABORT.as_raw())),
    ] {
        let (mut child, _reader) = unheard(&sandbox);
        signals.iter().for_each(|signal| kill_process(Pid::from_child(&child), *signal).unwrap());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (code, number), "{signals:?}");
    }
}
