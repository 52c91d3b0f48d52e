//! Every message arrives on the other side octet for octet.

use crate::house::{House, Setup, imap};
use crate::mail::{assert_in_step, deliver, files, in_maildir, on_server, to_crlf, to_lf};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{self as memory_server, Server};
use std::collections::BTreeMap;

/// An ordinary server.
fn dovecot() -> Dovecot {
    Dovecot::start(Options::default())
}

/// Fills a mailbox with ordinary mail, flags and dates included.
pub(crate) fn fill(client: &mut Client, mailbox: &str, mails: impl IntoIterator<Item = Mail>) {
    for mail in mails {
        let system = mail.flags.system.imap_names().map(str::to_owned);
        let flags: Vec<String> = system.chain(mail.flags.keywords.iter().map(str::to_owned)).collect();
        let date = mail.date.map(|date| imap_date(date.seconds));
        client.append(mailbox, &flags.join(" "), date.as_deref(), &mail.bytes);
    }
}

fn imap_date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

/// offlineimap3 #44, #43, #48: attachments came out altered, for a message was parsed and written anew.
/// offlineimap3 #185: dates were shifted by the time zone between two servers.
#[test]
fn ordinary_mail_arrives_octet_for_octet_with_flags_and_dates_and_goes_on_to_another_server() {
    let server = dovecot();
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(1200, 1));
    client.create("Archive/2023");
    fill(&mut client, "Archive/2023", mails::ordinary(300, 2));
    let house = Setup::new(&server, "u1").house();
    house.sync();
    let stored: BTreeMap<u32, Vec<u8>> = client.messages("INBOX").into_iter().map(|m| (m.uid, m.bytes)).collect();
    let files = files(&house.folder("INBOX"));
    assert_eq!((files.len(), stored.len()), (1200, 1200));
    for file in &files {
        let uid: u32 = file.name.split_once(",U=").unwrap().1.split_once(',').unwrap().0.parse().unwrap();
        assert!(to_crlf(&file.held.bytes) == stored[&uid], "{} differs from message {uid}", file.name);
    }
    assert_in_step(&mut client, &house);
    house.sync_quietly();

    // The same Maildir, brought to an account that has nothing: its names tell of copies that are not there.
    let other = Setup::new(&server, "u2").house();
    copy(&house.path("mail"), &other.path("mail"));
    other.sync();
    let mut there = server.client("u2");
    assert_in_step(&mut there, &other);
    assert_eq!(on_server(&mut there, "INBOX"), on_server(&mut client, "INBOX"));
    assert_eq!(on_server(&mut there, "Archive/2023").len(), 300);
    other.sync_quietly();
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// offlineimap3 #160, #224, #229, #240; OfflineIMAP #690: one such message ended the thread or the program, for years.
#[test]
fn hostile_mail_comes_down_as_the_server_hands_it_out() {
    let server = dovecot();
    let mut client = server.client("u1");
    let mut taken = 0;
    for mail in mails::hostile() {
        match client.try_append("INBOX", &mail.bytes) {
            Ok(_) => taken += 1,
            Err(why) => assert!(mail.bytes.is_empty(), "{}: {why}", mail.name),
        }
    }
    let house = Setup::new(&server, "u1").house();
    house.sync();
    let mut there: Vec<Vec<u8>> = client.messages("INBOX").iter().map(|message| to_lf(&message.bytes)).collect();
    there.sort();
    let here: Vec<Vec<u8>> = in_maildir(&house.folder("INBOX")).into_iter().map(|held| held.bytes).collect();
    assert_eq!(here.len(), taken);
    assert!(here == there);
    house.sync_quietly();
    assert_eq!(client.messages("INBOX").len(), taken);
}

/// Messages as files hold them: the hostile ones in the form of a file, and as they are, CRs and all.
fn hostile_files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (at, mail) in mails::hostile().into_iter().enumerate() {
        let (lf, as_it_is) = (to_lf(&mail.bytes), mail.bytes);
        if lf != as_it_is {
            files.push((format!("17000000{at:02}.asis.host:2,F"), as_it_is));
        }
        files.push((format!("17000000{at:02}.lf.host:2,S"), lf));
    }
    files
}

/// Gives the house every hostile file; answers them in the form of the wire.
fn deliver_hostile(house: &House) -> Vec<Vec<u8>> {
    let files = hostile_files();
    files.iter().for_each(|(name, content)| deliver(&house.folder("INBOX"), name, content));
    files.iter().map(|(_, content)| to_crlf(content)).collect()
}

/// Dovecot hands out NUL octets as others, and drops some CRs, whoever sent them: so it is asked what it makes of the same octets when
/// another client sends them.
/// OfflineIMAP #275, #172: a header that was added broke mail on the way up.
#[test]
fn hostile_mail_goes_up_as_any_client_would_send_it() {
    let server = dovecot();
    let house = Setup::new(&server, "u1").house();
    let mut other = server.client("u2");
    for wire in deliver_hostile(&house) {
        let taken = match wire.contains(&0) {
            true => other.try_append_binary("INBOX", &wire),
            false => other.try_append("INBOX", &wire),
        };
        assert!(taken.is_ok() || wire.is_empty(), "{taken:?}: {}", String::from_utf8_lossy(&wire));
    }
    let run = house.run(&[]);
    let mut client = server.client("u1");
    let there = bodies(&mut client);
    assert!(there == bodies(&mut other), "the program's upload differs from another client's");
    run.refuses(1, &["INBOX", "was not stored", "zero byte", "1700000000.lf.host"], &[]);
    std::fs::remove_file(house.folder("INBOX").join("cur/1700000000.lf.host:2,S")).unwrap();
    house.sync();
    house.sync_quietly();
    assert!(there == bodies(&mut client));
}

fn bodies(client: &mut Client) -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = client.messages("INBOX").into_iter().map(|message| message.bytes).collect();
    bodies.sort();
    bodies
}

/// offlineimap3 #107: one malformed message stopped everything.
#[test]
fn hostile_mail_crosses_the_wire_octet_for_octet_both_ways() {
    let server = Server::start(memory_server::Options::default());
    let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    let files = deliver_hostile(&house);
    let run = house.run(&[]);
    run.refuses(1, &["NUL", "BINARY"], &[]);
    let (nul, mut expected): (Vec<_>, Vec<_>) = files.into_iter().partition(|wire| wire.contains(&0));
    let mut there: Vec<Vec<u8>> = server.mailbox("u1", "INBOX").messages().into_iter().map(|m| m.bytes).collect();
    there.sort();
    expected.sort();
    assert!(there == expected);

    let other = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    other.sync();
    let mut here: Vec<Vec<u8>> = in_maildir(&other.folder("INBOX")).into_iter().map(|held| held.bytes).collect();
    let mut expected: Vec<Vec<u8>> = there.iter().map(|wire| to_lf(wire)).collect();
    here.sort();
    expected.sort();
    assert!(here == expected);
    assert_eq!(crate::mail::files(&house.folder("INBOX")).len(), here.len() + nul.len());
    assert_eq!(server.violations(), [""; 0]);
}
