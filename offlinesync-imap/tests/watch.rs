//! Watching a folder: what tells of a change, what is told again after a loss, and how a watch ends.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::{Cancel, ErrorKind, Result};
use offlinesync_imap::config::{Secret, Timeouts, Tls};
use offlinesync_imap::testing::dovecot::{self, Dovecot};
use offlinesync_imap::testing::server::{Action, Options, Server};
use offlinesync_imap::{ImapConfig, ImapRepository, Pace};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

fn repository(host: &str, port: u16) -> ImapRepository {
    ImapRepository::new(config(host, port))
}

fn config(host: &str, port: u16) -> ImapConfig {
    let config = ImapConfig::new("test", host, "u1", || Ok(Secret::new("pw".into())));
    config.port(Some(port)).tls(Tls::None)
}

/// Ends the watch, also when the test fails.
struct Ended<'a>(&'a Cancel);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs `act` while INBOX is watched; answers how the watch ended.
fn watched(repository: &ImapRepository, pace: Pace, act: impl FnOnce(&Receiver<()>)) -> Result<()> {
    let (told, changes) = channel();
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            repository.watch(&"INBOX".into(), pace, &cancel, &mut || {
                let _ = told.send(());
            })
        });
        let end = Ended(&cancel);
        act(&changes);
        drop(end);
        watch.join().unwrap()
    })
}

fn quick() -> Pace {
    Pace { renew: Duration::from_secs(1), look: Duration::from_millis(20), again: Duration::from_millis(20) }
}

/// Waits until something is told.
fn told(changes: &Receiver<()>, what: &str) {
    changes.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{what} was not told"));
}

const MAIL: &[u8] = b"Subject: x\r\n\r\nx\r\n";

#[test]
fn mail_that_comes_goes_or_is_flagged_is_told_whether_or_not_the_server_idles() {
    for options in [Options::default(), Options::default().without("IDLE")] {
        let server = Server::start(options);
        let inbox = || server.mailbox("u1", "INBOX");
        let uid = inbox().add(MAIL, &[]);
        let repository = repository(server.host(), server.port());
        watched(&repository, quick(), |changes| {
            told(changes, "the beginning");
            inbox().add(MAIL, &[]);
            told(changes, "a new message");
            inbox().flag(uid, &["\\Seen"], &[]);
            told(changes, "a flag");
            inbox().remove(uid);
            told(changes, "a removal");
        })
        .unwrap();
    }
}

#[test]
fn a_real_server_is_heard_at_once() {
    let server = Dovecot::start(dovecot::Options::default());
    let mut client = server.client("u1");
    let repository = repository(&server.host().to_string(), server.port());
    let patient = Pace { renew: Duration::from_secs(600), look: Duration::from_secs(600), ..Pace::default() };
    // The store is made by one session alone.
    client.append("INBOX", "", None, MAIL);
    watched(&repository, patient, |changes| {
        told(changes, "the beginning");
        client.append("INBOX", "", None, MAIL);
        told(changes, "a new message");
    })
    .unwrap();
}

#[test]
fn what_waiting_does_not_mend_ends_the_watch() {
    let server = Server::start(Options::default());
    let repository = repository(server.host(), server.port());
    let error = repository.watch(&"Nothing".into(), quick(), &Cancel::new(), &mut || ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Folder);
    assert!(error.to_string().contains("Nothing"), "{error}");
}

#[test]
fn a_lost_server_is_waited_for_and_its_return_is_told_if_anything_changed() {
    let server = Server::start(Options::default());
    let repository = repository(server.host(), server.port());
    watched(&repository, quick(), |changes| {
        told(changes, "the beginning");
        server.mailbox("u1", "INBOX").add(MAIL, &[]);
        told(changes, "a new message");
        server.cut_all();
        server.mailbox("u1", "INBOX").add(MAIL, &[]);
        told(changes, "a message that came after the loss");
    })
    .unwrap();
}

/// OfflineIMAP #56, #439: a connection that nobody closed and on which nothing came any more was waited for without end.
#[test]
fn a_watch_that_falls_silent_is_begun_anew_and_what_came_meanwhile_is_told() {
    for (silent_at, times) in [("IDLE", 1), ("SELECT", 2)] {
        let server = Server::start(Options::default());
        let timeouts = Timeouts { read: Duration::from_millis(50), ..Timeouts::default() };
        let repository = ImapRepository::new(config(server.host(), server.port()).timeouts(timeouts));
        let (mail, mut heard) = ((*server).clone(), 0);
        server.on_command(move |received| {
            heard += usize::from(received.name == silent_at);
            if received.connection > 1 || received.name != silent_at || heard < times {
                return Action::Continue;
            }
            mail.mailbox("u1", "INBOX").add(MAIL, &[]);
            Action::Stall
        });
        watched(&repository, quick(), |changes| {
            told(changes, "the beginning");
            told(changes, "what came while the line was silent");
        })
        .unwrap();
        assert_eq!(server.connections(), 2, "{silent_at}");
    }
}
