//! Compressed connections against the in-memory server: when they are, and that nothing else changes by it.

use super::super::talk::{Talk, config, inbox};
use super::*;
use crate::codec::response::Condition;
use crate::config::Compression;
use crate::testing::relay::Relay;
use crate::testing::server::{Action, Options, Server};
use std::time::Duration;

const MUCH: u64 = 1 << 20;

fn server() -> Server {
    let server = Server::start(Options::default().with("COMPRESS=DEFLATE"));
    for n in 0..50 {
        let body = format!("Subject: {n}\r\n\r\n{}", "much the same again\r\n".repeat(200));
        server.mailbox("u1", "INBOX").add(body.as_bytes(), &[]);
    }
    server
}

fn pool(server: &Server, compression: Compression) -> Pool {
    Pool::new(Arc::new(config(server).compression(compression)))
}

fn fetch(pool: &Pool, expected: Expected) -> Result<Talk> {
    let mut talk = Talk::new(&["UID FETCH 1:* (UID BODY.PEEK[])"]).then(&["NOOP"]);
    pool.run_expecting(On::Mailbox { name: &inbox(), fresh: false }, expected, &mut talk)?;
    Ok(talk)
}

fn now(octets: u64) -> Expected {
    Expected { now: octets, afterwards: 0 }
}

fn append(pool: &Pool, message: &[u8]) {
    let mut lease = pool.lease(message.len() as u64).unwrap();
    lease.begin_command(b"APPEND INBOX ").unwrap();
    assert!(lease.literal(message.len() as u64).unwrap());
    message.chunks(1000).for_each(|piece| lease.write(piece).unwrap());
    lease.end_command().unwrap();
    assert_eq!(lease.finish().unwrap()[0].status.condition, Condition::Ok);
}

#[test]
fn a_connection_is_compressed_from_the_login_on_where_the_user_says_so() {
    let server = server();
    let plain = fetch(&pool(&server, Compression::Never), now(MUCH)).unwrap();
    server.settle();
    let octets = server.octets_sent();
    server.clear_log();
    let pool = pool(&server, Compression::Always);
    let packed = fetch(&pool, now(0)).unwrap();
    assert_eq!(server.log()[1..], ["ENABLE", "COMPRESS", "SELECT", "UID FETCH", "NOOP"]);
    assert!(packed.body == plain.body && packed.ended == plain.ended && packed.items == plain.items);
    assert!(server.octets_sent() * 10 < octets, "{} of {octets}", server.octets_sent());
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn uploads_are_compressed_too_whether_they_wait_for_consent_or_not() {
    for options in [Options::default(), Options::default().without("LITERAL+")] {
        let server = Server::start(options.with("COMPRESS=DEFLATE"));
        let pool = pool(&server, Compression::Always);
        let message = format!("Subject: long\r\n\r\n{}", "what goes up\r\n".repeat(100_000)).into_bytes();
        append(&pool, &message);
        append(&pool, b"Subject: short\r\n\r\n");
        let stored = server.mailbox("u1", "INBOX").messages();
        assert!(stored[0].bytes == message && stored[1].bytes == b"Subject: short\r\n\r\n");
        assert_eq!((server.count("COMPRESS"), server.violations().len()), (1, 0));
    }
}

/// As far away as mail servers usually are.
fn far(server: &Server) -> (Relay, Pool) {
    let relay = Relay::start(server.port(), Duration::from_millis(15));
    let pool = Pool::new(Arc::new(config(server).port(Some(relay.port())).max_connections(1)));
    (relay, pool)
}

#[test]
fn left_alone_a_slow_line_is_compressed_once_there_is_much_to_carry() {
    let server = server();
    let (_relay, pool) = far(&server);
    fetch(&pool, now(1000)).unwrap();
    assert_eq!(server.count("COMPRESS"), 0);
    let before = server.octets_sent();
    for _ in 0..2 {
        fetch(&pool, now(MUCH)).unwrap();
        assert_eq!(server.count("COMPRESS"), 1);
    }
    assert!((server.octets_sent() - before) * 5 < before);
    append(&pool, &vec![b'x'; MUCH as usize]);
    assert_eq!((server.count("COMPRESS"), server.violations().len()), (1, 0));
}

#[test]
fn what_is_expected_afterwards_is_compressed_without_a_round_trip_more() {
    let server = server();
    let (_relay, pool) = far(&server);
    fetch(&pool, now(0)).unwrap();
    server.clear_log();
    fetch(&pool, Expected { now: 0, afterwards: MUCH }).unwrap();
    let (log, flights, octets) = (server.log(), server.flights(), server.octets_sent());
    assert_eq!(log, ["UID FETCH", "COMPRESS", "NOOP"]);
    fetch(&pool, now(MUCH)).unwrap();
    assert!(server.flights() <= 2 * flights && (server.octets_sent() - octets) * 5 < octets);
    assert_eq!(server.violations(), [""; 0]);
}

/// Where very much is to come, the first megabytes show whether the line is held up by what deflates it.
#[test]
fn a_line_that_is_far_but_wide_is_not_compressed_for_very_much() {
    let server = server();
    let (_relay, pool) = far(&server);
    for expected in [Expected { now: MUCH, afterwards: 100 * MUCH }, now(100 * MUCH), now(MUCH)] {
        fetch(&pool, expected).unwrap();
    }
    assert_eq!(server.count("COMPRESS"), 0);
    pool.0.line.found(false);
    fetch(&pool, now(100 * MUCH)).unwrap();
    assert_eq!(server.count("COMPRESS"), 0);
}

#[test]
fn a_line_that_turns_out_to_be_narrow_is_compressed_for_what_is_still_to_come() {
    let server = server();
    let (_relay, pool) = far(&server);
    fetch(&pool, now(100 * MUCH)).unwrap();
    pool.0.line.found(true);
    server.clear_log();
    fetch(&pool, now(0)).unwrap();
    assert_eq!(server.log(), ["UID FETCH", "COMPRESS", "NOOP"]);
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn a_server_that_refuses_is_not_asked_again() {
    let server = server();
    server.on_command(|received| match received.name.as_str() {
        "COMPRESS" => Action::No("not today"),
        _ => Action::Continue,
    });
    let (_relay, pool) = far(&server);
    for _ in 0..2 {
        assert_eq!(fetch(&pool, now(MUCH)).unwrap().ended.len(), 2);
    }
    assert_eq!(server.count("COMPRESS"), 1);
}

#[test]
fn a_capability_that_the_user_turned_off_is_not_used() {
    let server = server();
    let off = config(&server).compression(Compression::Always).disabled_capabilities(vec!["COMPRESS=DEFLATE".into()]);
    fetch(&Pool::new(Arc::new(off)), now(MUCH)).unwrap();
    assert_eq!(server.count("COMPRESS"), 0);
}

#[test]
fn a_compressed_connection_that_is_cut_or_garbled_is_an_error() {
    let garbage = Action::Replace(b"{tag} OK\r\n\xff\xff\xff\xff".to_vec());
    for (at, action, kind) in [
        ("UID FETCH", Action::CutAfter(100), ErrorKind::Unavailable),
        ("COMPRESS", Action::CutAfter(3), ErrorKind::Unavailable),
        ("COMPRESS", garbage, ErrorKind::Protocol),
    ] {
        let server = server();
        server.on_command(move |received| if received.name == at { action.clone() } else { Action::Continue });
        let error = fetch(&pool(&server, Compression::Always), now(MUCH)).err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
    }
}
