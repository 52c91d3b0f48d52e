//! Folders that are watched between two syncs: what changes on a real server or on this machine is on the other side at once.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{Action, Options as Memory, Server};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use support::daemon::Daemon;
use support::sandbox::Sandbox;

const MAIL: &[u8] = b"Subject: x\r\n\r\nx\r\n";

/// A home that syncs with the server every ten hours, and what else is set of the server.
fn home(port: u16, lines: &str) -> Sandbox {
    Sandbox::new(&format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\nautorefresh = 600\n\
         [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n\
         [Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {port}\nremoteuser = u1\nremotepass = pw\n\
         ssl = no\nstarttls = no\n{lines}"
    ))
}

/// A server that does as a test says, with a message in its INBOX, and a home that syncs with it.
fn pretended(lines: &str) -> (Server, Sandbox) {
    let server = Server::start(Memory::default());
    server.mailbox("u1", "INBOX").add(MAIL, &[]);
    let sandbox = home(server.port(), lines);
    (server, sandbox)
}

/// Ends a program after the sync that is running, which must go well.
fn finish(daemon: Daemon) {
    daemon.signal(Signal::USR2);
    assert_eq!(daemon.end(), Some(0));
}

/// Syncs go on until this is so.
fn until(daemon: &mut Daemon, what: impl Fn() -> bool) {
    while !what() {
        daemon.wait_for("Next refresh in 600.0 minutes");
    }
}

/// OfflineIMAP #634: which folders are watched.
#[test]
fn what_changes_on_either_side_is_on_the_other_at_once_even_over_a_single_connection() {
    for lines in ["idlefolders = ['INBOX', 'Lists']\n", "idlefolders = ['INBOX', 'Lists']\nmaxconnections = 1\n"] {
        let server = Dovecot::start(Options::default());
        let mut client = server.client("u1");
        client.create("Lists");
        client.append("INBOX", "", None, MAIL);
        let sandbox = home(server.port(), lines);
        let hook = "Account_a:presynchook=echo $OFFLINEIMAPSYNCMODE >> ~/modes";
        let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui", "-k", hook]);
        until(&mut daemon, || sandbox.messages("local/INBOX").len() == 1);
        client.append("INBOX", "", None, MAIL);
        until(&mut daemon, || sandbox.messages("local/INBOX").len() == 2);
        client.append("Lists", "", None, MAIL);
        until(&mut daemon, || sandbox.messages("local/Lists").len() == 1);
        sandbox.deliver("local/Lists", "1700000009.own.host", "Subject: own\n\nx\n");
        until(&mut daemon, || server.client("u1").messages("Lists").len() == 2);
        finish(daemon);
        assert!(std::fs::read_to_string(sandbox.path("modes")).unwrap().starts_with("full\nidle\n"));
    }
}

#[test]
fn a_program_that_watches_ends_at_once_when_it_is_told_to_and_leaves_no_lock() {
    let server = Dovecot::start(Options::default());
    server.client("u1").append("INBOX", "", None, MAIL);
    let sandbox = home(server.port(), "idlefolders = ['INBOX']\n");
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    until(&mut daemon, || sandbox.messages("local/INBOX").len() == 1);
    daemon.signal(Signal::HUP);
    assert_eq!(daemon.end(), Some(130));
    sandbox.run(&["-o"]).silent();
}

#[test]
fn a_folder_that_cannot_be_watched_is_told_and_the_others_are_watched() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.append("INBOX", "", None, MAIL);
    let sandbox = home(server.port(), "idlefolders = ['Nothing', 'INBOX']\n");
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("this folder is not watched for now");
    client.append("INBOX", "", None, MAIL);
    until(&mut daemon, || sandbox.messages("local/INBOX").len() == 2);
}

fn mail(place: &str, number: usize) -> String {
    format!("Subject: {place} {number}\nMessage-ID: <{place}.{number}@example.org>\n\nx\n")
}

/// OfflineIMAP #65, #421: what came during a refresh was not heard of, or it came twice.
#[test]
fn mail_that_comes_while_watched_folders_are_synced_again_and_again_is_heard_of_and_there_once() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.append("INBOX", "", None, MAIL);
    let sandbox = home(server.port(), "idlefolders = ['INBOX']\n");
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Next refresh in 600.0 minutes");
    for number in 0..40 {
        client.append("INBOX", "", None, mail("there", number).replace('\n', "\r\n").as_bytes());
        sandbox.deliver("local/INBOX", &format!("17000000{number}.own.host"), &mail("here", number));
        if number % 3 == 0 {
            daemon.signal(Signal::USR1);
        }
    }
    let here = || sandbox.messages("local/INBOX");
    let there = || -> Vec<String> {
        let stored = server.client("u1").messages("INBOX").into_iter();
        stored.map(|stored| String::from_utf8(stored.bytes).unwrap().replace("\r\n", "\n")).collect()
    };
    until(&mut daemon, || here().len() >= 81 && there().len() >= 81);
    finish(daemon);
    sandbox.run(&["-o"]).silent();
    for found in [here(), there()] {
        assert_eq!((found.len(), found.into_iter().collect::<BTreeSet<_>>().len()), (81, 81));
    }
}

#[test]
fn a_connection_that_is_held_gives_signs_of_life_and_serves_the_next_sync() {
    let (server, sandbox) = pretended("holdconnectionopen = yes\nkeepalive = 1\n");
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    daemon.wait_for("Next refresh in 600.0 minutes");
    let (alive, signs) = channel();
    server.on_command(move |received| {
        let _ = alive.send(received.line.clone());
        Action::Continue
    });
    assert_eq!(signs.iter().filter(|line| line == "NOOP").take(2).count(), 2);
    daemon.signal(Signal::USR1);
    daemon.wait_for("Next refresh in 600.0 minutes");
    assert_eq!(server.connections(), 1);
    finish(daemon);
}

/// OfflineIMAP gives an account up after three.
#[test]
fn an_account_goes_on_after_any_number_of_failures_of_the_network() {
    let (server, sandbox) = pretended("");
    server.on_command(|_| Action::Bye);
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui"]);
    for _ in 0..5 {
        daemon.wait_for("error: account 'a': ");
        daemon.wait_for("Next refresh in 600.0 minutes");
        daemon.signal(Signal::USR1);
    }
    daemon.wait_for("error: account 'a': ");
    server.on_command(|_| Action::Continue);
    daemon.signal(Signal::USR1);
    until(&mut daemon, || sandbox.messages("local/INBOX").len() == 1);
    finish(daemon);
}

/// OfflineIMAP #439: after another network was there, the program waited for ever for a connection of the old one.
#[test]
fn a_kept_connection_that_fell_silent_is_given_up_and_mail_comes_over_another() {
    let (server, sandbox) = pretended("holdconnectionopen = yes\nkeepalive = 36000\n");
    let mut daemon = Daemon::start(&sandbox, &["-u", "ttyui", "-k", "general:socktimeout=1"]);
    daemon.wait_for("Next refresh in 600.0 minutes");
    assert_eq!((sandbox.messages("local/INBOX").len(), server.connections()), (1, 1));
    server.on_command(|received| if received.connection == 1 { Action::Stall } else { Action::Continue });
    server.mailbox("u1", "INBOX").add(MAIL, &[]);
    while sandbox.messages("local/INBOX").len() < 2 {
        daemon.signal(Signal::USR1);
        daemon.wait_for("Next refresh in 600.0 minutes");
    }
    assert_eq!(server.connections(), 2);
    finish(daemon);
}
