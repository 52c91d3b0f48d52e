//! Memory does not grow with the number of messages or the size of one.

use crate::house::{House, Setup};
use crate::mail::{deliver, files};
use offlinesync_core::testing::mails::Large;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufWriter, Write};

/// The most memory that a run may ever hold, in kB.
const LIMIT: u64 = 40 * 1024;

/// An account whose runs write down how much memory they held at most. The hook runs once the sync is done.
fn watched(server: &Dovecot, user: &str) -> House {
    Setup::new(server, user).account("postsynchook = grep VmHWM /proc/$PPID/status > ~/peak").house()
}

/// Syncs, and answers the peak in kB.
fn peak(house: &House) -> u64 {
    house.run(&[]).succeeds();
    let text = fs::read_to_string(house.path("peak")).unwrap();
    text.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn messages(n: u32) -> Vec<Vec<u8>> {
    let mail = |number| {
        format!("From: a@example.org\r\nSubject: number {number}\r\nMessage-ID: <{number}.17@example.org>\r\n\r\nbody {number}\r\n").into_bytes()
    };
    (0..n).map(mail).collect()
}

#[test]
fn a_cold_sync_of_many_messages_stays_small() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.append_all("INBOX", "\\Seen", None, &messages(4000));
    let house = watched(&server, "u1");
    let down = peak(&house);
    assert_eq!(files(&house.folder("INBOX")).len(), 4000);
    let again = peak(&house);
    assert!(down < LIMIT && again < LIMIT, "{down} kB, then {again} kB");
}

const LARGE: u64 = 24 << 20;

/// OfflineIMAP #203, #637, #614: a message of some ten megabytes took all memory.
#[test]
fn a_large_message_passes_through_without_being_held() {
    let server = Dovecot::start(Options::default());
    let mail = Large::new(LARGE, 1);
    let (octets, digest) = mail.size_and_digest();
    let up = watched(&server, "u1");
    let with_nothing = peak(&up);
    write_as_file(&up, &mail);
    let peak_up = peak(&up);
    let mut client = server.client("u1");
    client.select("INBOX");
    assert_eq!(digest_of(&mut client), (octets, digest));
    let down = watched(&server, "u1");
    let peak_down = peak(&down);
    let [one, other] =
        [&up, &down].map(|house| fs::read(house.folder("INBOX").join(&files(&house.folder("INBOX"))[0].name)).unwrap());
    assert!(one == other);
    let limit = with_nothing + LARGE / 1024 / 3;
    assert!(
        peak_up < limit && peak_down < limit,
        "{with_nothing} kB with nothing, {peak_up} kB up, {peak_down} kB down"
    );
}

fn digest_of(client: &mut Client) -> (u64, [u8; 32]) {
    let body = client.body(1);
    (body.len() as u64, Sha256::digest(&body).into())
}

fn write_as_file(house: &House, mail: &Large) {
    deliver(&house.folder("INBOX"), "1700000001.large.host:2,S", b"");
    let file = File::create(house.folder("INBOX").join("cur/1700000001.large.host:2,S")).unwrap();
    let mut file = BufWriter::new(file);
    for piece in mail.pieces() {
        piece.split(|byte| *byte == b'\r').for_each(|run| file.write_all(run).unwrap());
    }
    file.flush().unwrap();
}
