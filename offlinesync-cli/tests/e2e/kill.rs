//! The program is killed in the middle of its work, without a chance to do anything: one more run ends it, with nothing lost or doubled.

use crate::content::fill;
use crate::house::{House, Setup, imap};
use crate::mail::{assert_in_step, assert_same, deliver, files, in_maildir, to_crlf, to_lf};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{self as memory_server, Server};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const MESSAGES: usize = 300;
/// More than go into one group of uploads.
const UPLOADS: usize = 520;

/// Small messages, so that many are under way at the same time.
fn small(seed: u64) -> impl Iterator<Item = Mail> {
    mails::ordinary(10 * UPLOADS, seed).filter(|mail| mail.bytes.len() < 2500)
}

/// Starts a run and kills it when its protocol trace has shown these words so many times. Answers whether it came so far.
pub(crate) fn kill_at(house: &House, words: &str, times: usize) -> bool {
    let mut child = house.command(&["-d", "imap"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reached = lines.map(Result::unwrap).filter(|line| line.contains(words)).take(times).count();
    child.kill().unwrap();
    child.wait().unwrap();
    reached == times
}

#[test]
fn a_cold_sync_that_is_killed_again_and_again_is_completed_by_the_next_run() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", small(8).take(MESSAGES));
    for (words, times) in [("FETCH (", 1), ("FETCH (", 290), ("BODY[]", 1), ("BODY[]", 130), ("BODY[]", 299)] {
        let house = Setup::new(&server, "u1").house();
        assert!(kill_at(&house, words, times));
        kill_at(&house, words, times);
        house.run(&[]).succeeds();
        assert_eq!(files(&house.folder("INBOX")).len(), MESSAGES, "killed at {words} {times}");
        assert_in_step(&mut client, &house);
        house.sync_quietly();
    }
}

fn deliver_many(house: &House) {
    for (number, mail) in small(9).take(UPLOADS).enumerate() {
        deliver(&house.folder("INBOX"), &format!("17{number:08}.up.host:2,S"), &to_lf(&mail.bytes));
    }
}

/// Points in an upload: a command goes out, an answer comes in.
const POINTS: [(&str, usize); 6] =
    [(" APPEND ", 1), (" APPEND ", 2), ("OK [APPENDUID", 1), ("OK [APPENDUID", 2), ("> A", 7), ("< A", 6)];

/// One after the other the server may still be storing what came from the program that was killed; so this happens to some users at
/// the same time.
fn killed_uploads(hide: &[&'static str]) {
    let server = Dovecot::start(Options { hide: hide.to_vec(), ..Options::default() });
    std::thread::scope(|scope| {
        for (number, (words, times)) in POINTS.into_iter().enumerate() {
            let server = &server;
            scope.spawn(move || killed_upload(server, &format!("u{}", number + 1), words, times));
        }
    });
}

fn killed_upload(server: &Dovecot, user: &str, words: &str, times: usize) {
    let house = Setup::new(server, user).house();
    deliver_many(&house);
    assert!(kill_at(&house, words, times));
    kill_at(&house, words, times);
    house.run(&[]).succeeds();
    let mut client = server.client(user);
    assert_eq!(client.select("INBOX").exists, UPLOADS as u32, "killed at {words} {times}");
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}

#[test]
fn an_upload_that_is_killed_is_completed_without_a_double() {
    killed_uploads(&[]);
}

#[test]
fn an_upload_in_single_commands_that_is_killed_is_completed_without_a_double() {
    killed_uploads(&["MULTIAPPEND"]);
}

#[test]
fn an_upload_that_waits_for_each_answer_and_is_killed_is_completed_without_a_double() {
    killed_uploads(&["MULTIAPPEND", "LITERAL+", "BINARY"]);
}

/// A server that does not tell what it called an uploaded message (no UIDPLUS).
/// OfflineIMAP #452, #523: a message that the server's search did not find was uploaded with every run, a hundred times.
#[test]
fn an_upload_to_a_server_that_tells_no_uids_is_completed_without_a_double() {
    for (words, times) in [("> A", 8), (" APPEND ", 120), ("OK kept", 1), ("OK kept", 150)] {
        let server =
            Server::start(memory_server::Options::default().without("UIDPLUS").without("CONDSTORE").without("QRESYNC"));
        let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
        deliver_many(&house);
        assert!(kill_at(&house, words, times));
        house.run(&[]).succeeds();
        let mut there: Vec<Vec<u8>> = server.mailbox("u1", "INBOX").messages().into_iter().map(|m| m.bytes).collect();
        let mut here: Vec<Vec<u8>> =
            in_maildir(&house.folder("INBOX")).into_iter().map(|held| to_crlf(&held.bytes)).collect();
        there.sort();
        here.sort();
        assert_eq!(there.len(), UPLOADS, "killed at {words} {times}");
        assert!(there == here);
        assert_eq!(server.violations(), [""; 0]);
        server.clear_log();
        house.sync();
        assert_eq!(server.count("APPEND"), 0);
    }
}

/// A server without UIDPLUS confirms an upload and puts the message elsewhere. That is told at every run, with what sends it again, and the
/// rest of the account goes on.
#[test]
fn an_upload_that_is_not_found_costs_one_message_and_the_remedy_is_named() {
    let server = Server::start(memory_server::Options::default().without("UIDPLUS"));
    server.create("u1", "Sent");
    let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    house.sync();
    server.on_command(|received| match received.name.as_str() {
        "APPEND" => memory_server::Action::Replace(b"{tag} OK stored\r\n".to_vec()),
        _ => memory_server::Action::Continue,
    });
    let mail =
        |number: u32| format!("Subject: letter {number} of this test\nMessage-ID: <{number}@example.org>\n\nx\n");
    deliver(&house.folder("INBOX"), "1700000001.up.host:2,S", mail(1).as_bytes());
    for number in 2..4 {
        house.run(&[]).refuses(1, &["it is not uploaded again"], &["--accept-uidvalidity -f 'INBOX'"]);
        server.behave();
        deliver(&house.folder("Sent"), &format!("170000000{number}.up.host:2,S"), mail(number).as_bytes());
        server.mailbox("u1", "INBOX").add(mail(10 + number).as_bytes(), &[]);
    }
    house.run(&[]).refuses(1, &["it is not uploaded again"], &[]);
    let there = |folder: &str| server.mailbox("u1", folder).messages().len();
    assert_eq!((there("Sent"), there("INBOX"), files(&house.folder("INBOX")).len()), (2, 2, 3));
    house.run(&["--accept-uidvalidity", "-f", "INBOX"]).succeeds();
    assert_eq!((there("INBOX"), files(&house.folder("INBOX")).len()), (3, 3));
    house.sync();
}

/// Removals and flags under way on both sides.
#[test]
fn changes_that_are_cut_short_are_completed() {
    let server = Dovecot::start(Options::default());
    for (number, (words, times)) in
        [("> A", 5), ("UID STORE", 1), ("UID EXPUNGE", 1), ("< A", 7)].into_iter().enumerate()
    {
        let user = format!("u{}", number + 1);
        let (house, mut client) = (Setup::new(&server, &user).house(), server.client(&user));
        fill(&mut client, "INBOX", small(10).take(200));
        house.settle();
        for file in files(&house.folder("INBOX")).into_iter().step_by(3) {
            std::fs::remove_file(house.folder("INBOX").join(&file.name)).unwrap();
        }
        let folder = house.folder("INBOX");
        for file in files(&folder).into_iter().step_by(2) {
            let stem = file.name[4..].split(":2,").next().unwrap();
            std::fs::rename(folder.join(&file.name), folder.join(format!("cur/{stem}:2,FT"))).unwrap();
        }
        client.select("INBOX");
        client.store("150:170", "+FLAGS", "\\Flagged work");
        assert!(kill_at(&house, words, times));
        kill_at(&house, words, times);
        let run = house.run(&[]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(files(&folder).len(), 133);
        assert_in_step(&mut client, &house);
        house.sync_quietly();
    }
}

/// Between two servers, where both directions are uploads.
#[test]
fn a_copy_between_two_servers_that_is_killed_is_completed_without_a_double() {
    let server = Dovecot::start(Options::default());
    let mut there = server.client("u9");
    fill(&mut there, "INBOX", small(11).take(MESSAGES));
    for (number, (words, times)) in
        [("APPEND", 1), ("OK [APPENDUID", 1), ("BODY[]", 250), ("> A", 9)].into_iter().enumerate()
    {
        let user = format!("u{}", number + 1);
        let house = Setup::new(&server, "u9").local(&imap(&server.host(), server.port(), &user)).house();
        let mut here: Client = server.client(&user);
        assert!(kill_at(&house, words, times));
        house.run(&[]).succeeds();
        assert_same("INBOX", &crate::mail::on_server(&mut there, "INBOX"), &crate::mail::on_server(&mut here, "INBOX"));
        house.sync_quietly();
    }
}
