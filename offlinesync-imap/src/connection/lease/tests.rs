//! Leases against the in-memory server, and against one that talks while it should listen.

use super::super::link::Link;
use super::super::talk::{Talk, config, inbox};
use super::*;
use crate::codec::response::{Code, Condition};
use crate::config::{ImapConfig, Secret};
use crate::connection::Pool;
use crate::testing::server::{Options, Server};
use offlinesync_core::FolderName;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

fn pool(server: &Server) -> Pool {
    Pool::new(Arc::new(config(server)))
}

fn append(lease: &mut Lease, message: &[u8]) -> Result<bool> {
    lease.begin_command(b"APPEND INBOX (\\Seen) ")?;
    let wanted = lease.literal(message.len() as u64)?;
    if wanted {
        message.chunks(1000).try_for_each(|piece| lease.write(piece))?;
        lease.end_command()?;
    }
    Ok(wanted)
}

fn conditions(answers: &[Tagged]) -> Vec<Condition> {
    answers.iter().map(|tagged| tagged.status.condition).collect()
}

#[test]
fn several_messages_go_up_in_one_flight_and_come_back_with_their_names() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    server.clear_log();
    let messages: Vec<Vec<u8>> = (0..20).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n").into_bytes()).collect();
    for message in &messages {
        assert!(append(&mut lease, message).unwrap());
    }
    let answers = lease.finish().unwrap();
    for (n, tagged) in (1..).zip(&answers) {
        assert!(
            matches!(&tagged.status.code, Some(Code::AppendUid { uids, .. }) if uids[0].0.get() == n),
            "{tagged:?}"
        );
    }
    let stored: Vec<_> = server.mailbox("u1", "INBOX").messages().into_iter().map(|m| m.bytes).collect();
    assert_eq!(stored, messages);
    assert!(lease.finish().unwrap().is_empty());
}

#[test]
fn short_messages_are_sent_together() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    let before = server.octets_received();
    for _ in 0..10 {
        assert!(append(&mut lease, b"Subject: short\r\n\r\nmail\r\n").unwrap());
    }
    assert_eq!(server.octets_received(), before, "they wait for more, or for someone who waits for the server");
    assert_eq!(conditions(&lease.finish().unwrap()), [Condition::Ok; 10]);
    assert_eq!(server.mailbox("u1", "INBOX").messages().len(), 10);
}

#[test]
fn a_large_message_passes_without_being_held() {
    let server = Server::start(Options::default().without("LITERAL+"));
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    let message: Vec<u8> = (0..8_000_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    append(&mut lease, &message).unwrap();
    assert_eq!(conditions(&lease.finish().unwrap()), [Condition::Ok]);
    assert_eq!(server.mailbox("u1", "INBOX").messages()[0].bytes, message);
}

#[test]
fn a_message_that_the_server_refuses_beforehand_is_not_sent_and_the_next_goes_on() {
    let server = Server::start(Options::default().without("LITERAL+").append_limit(1000));
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    assert!(append(&mut lease, &[b'x'; 10]).unwrap());
    assert!(!append(&mut lease, &[b'x'; 2000]).unwrap());
    assert!(append(&mut lease, &[b'x'; 20]).unwrap());
    let answers = lease.finish().unwrap();
    assert_eq!(conditions(&answers), [Condition::Ok, Condition::No, Condition::Ok]);
    assert_eq!(answers[1].status.code, Some(Code::TooBig));
    assert!(server.octets_received() < 1000);
}

#[test]
fn a_lease_given_up_in_a_message_closes_its_connection_and_nothing_is_stored() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    lease.begin_command(b"APPEND INBOX ").unwrap();
    lease.literal(100).unwrap();
    lease.write(b"half").unwrap();
    drop(lease);
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    assert_eq!(server.connections(), 2);
    assert!(server.mailbox("u1", "INBOX").messages().is_empty());
}

#[test]
fn a_lease_that_is_done_gives_its_connection_back() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    append(&mut lease, b"a: b\r\n\r\n").unwrap();
    lease.finish().unwrap();
    drop(lease);
    pool.run(On::Mailbox { name: &inbox(), fresh: false }, &mut Talk::new(&["NOOP"])).unwrap();
    drop(pool.lease(0).unwrap());
    assert_eq!(server.connections(), 1);
}

#[test]
fn run_never_uses_a_leased_connection_and_one_always_stays_free() {
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(2)));
    let mut lease = pool.lease(0).unwrap();
    lease.begin_command(b"APPEND INBOX ").unwrap();
    lease.literal(4).unwrap();
    pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| append(&mut pool.lease(0).unwrap(), b"a: b\r\n\r\n"));
        pool.run(On::Anywhere, &mut Talk::new(&["NOOP"])).unwrap();
        lease.write(b"x\r\n\r").unwrap();
        lease.end_command().unwrap();
        assert_eq!(conditions(&lease.finish().unwrap()), [Condition::Ok]);
        drop(lease);
        second.join().unwrap().unwrap();
    });
    assert_eq!(server.most_connections(), 2);
}

#[test]
fn an_exchange_can_run_on_the_lease_itself() {
    let server = Server::start(Options::default());
    let pool = Pool::new(Arc::new(config(&server).max_connections(1)));
    let mut lease = pool.lease(0).unwrap();
    append(&mut lease, b"a: b\r\n\r\n").unwrap();
    assert!(lease.run(On::Anywhere, &mut Talk::new(&["NOOP"])).is_err(), "answers are outstanding");
    lease.finish().unwrap();
    let mut talk = Talk::new(&["UID FETCH 1:* (UID BODY.PEEK[])"]);
    lease.run(On::Mailbox { name: &inbox(), fresh: true }, &mut talk).unwrap();
    assert_eq!(talk.body, b"a: b\r\n\r\n");
    append(&mut lease, b"c: d\r\n\r\n").unwrap();
    assert_eq!(conditions(&lease.finish().unwrap()), [Condition::Ok]);
}

#[test]
fn a_failed_exchange_on_the_lease_does_not_end_it() {
    let server = Server::start(Options::default());
    let pool = pool(&server);
    let mut lease = pool.lease(0).unwrap();
    let gone = FolderName::from("Gone");
    lease.run(On::Mailbox { name: &gone, fresh: true }, &mut Talk::new(&["UID SEARCH ALL"])).unwrap_err();
    append(&mut lease, b"c: d\r\n\r\n").unwrap();
    assert_eq!(conditions(&lease.finish().unwrap()), [Condition::Ok]);
}

#[test]
fn a_server_that_talks_before_it_listens_does_not_block_an_upload() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let octets = 4 << 20;
    let server = std::thread::spawn(move || {
        let noise = b"* OK [INPROGRESS] still here, and in no hurry to read anything at all\r\n".repeat(octets / 64);
        (&theirs).write_all(&noise).unwrap();
        let mut input = BufReader::new(&theirs);
        input.read_until(b'\n', &mut Vec::new()).unwrap();
        std::io::copy(&mut input.by_ref().take(octets as u64 + 2), &mut std::io::sink()).unwrap();
        (&theirs).write_all(b"A1 OK\r\n").unwrap();
        let _ = input.read_to_end(&mut Vec::new());
    });
    let config = Arc::new(ImapConfig::new("test", "localhost", "me", || Ok(Secret::new(String::new()))));
    let link = Arc::new(Link::over_socket(ours, &config));
    let mut connection = Exclusive::new(link.clone()).unwrap();
    connection.set_capabilities(&["LITERAL+".into()].into());
    connection.begin(b"APPEND INBOX ").unwrap();
    assert!(connection.literal(octets as u64).unwrap());
    for _ in 0..octets / 4096 {
        connection.write(&[b'x'; 4096]).unwrap();
    }
    connection.end().unwrap();
    assert_eq!(connection.wait_ended().unwrap().1.status.condition, Condition::Ok);
    drop((connection, link));
    server.join().unwrap();
}
