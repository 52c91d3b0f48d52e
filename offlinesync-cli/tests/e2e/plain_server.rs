//! Servers that offer nothing beyond RFC 3501: the same end states, by longer ways, and nothing is used that is not offered.

use crate::changes::User;
use crate::house::{Setup, imap, sent};
use crate::mail::{assert_in_step, deliver, files, in_maildir, to_crlf, to_lf};
use offlinesync_core::testing::mails::{self, Mail, Random};
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{self as memory_server, Server};
use std::fs;

/// All that Dovecot offers but IMAP4rev1 itself.
const EXTENSIONS: &str = "SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS \
    THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 \
    CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW \
    STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE QUOTA";

/// Words that a client of a plain server must not use.
const FORBIDDEN: [&str; 14] = [
    "UID EXPUNGE",
    "+}",
    "CONDSTORE",
    "CHANGEDSINCE",
    "UNCHANGEDSINCE",
    "RETURN",
    "ENABLE",
    "MOVE",
    "NAMESPACE",
    "ID (",
    "IDLE",
    "UNSELECT",
    "COMPRESS",
    "~{",
];

#[test]
fn a_dovecot_that_hides_everything_is_kept_in_step() {
    let server = Dovecot::start(Options { hide: EXTENSIONS.split_whitespace().collect(), ..Options::default() });
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    for round in 0..4 {
        client.create(&format!("there {round}"));
        let mut user = User::new(&mut client, &house, 100 + round);
        user.work_in_maildir(&format!("here {round}"));
        user.work_everywhere();
        let run = house.run(&["-d", "imap"]);
        assert_eq!(run.code, 0, "{run:?}");
        let asked = sent(&run.err);
        let wrong = asked.iter().find(|line| FORBIDDEN.iter().any(|word| line.contains(word)));
        assert_eq!(wrong, None);
        assert_in_step(&mut client, &house);
        assert_nothing_left(&house, round);
    }
}

/// Without a witness for flags every folder is listed, but nothing is fetched, stored or sent.
fn assert_nothing_left(house: &crate::house::House, round: u64) {
    let before = crate::house::tree(&house.path("mail"));
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    let busy = |line: &&String| ["APPEND", "STORE", "EXPUNGE", "BODY", "CREATE"].iter().any(|word| line.contains(word));
    assert_eq!(sent(&run.err).iter().find(busy), None, "round {round}");
    assert!(crate::house::tree(&house.path("mail")) == before, "round {round}");
}

#[test]
fn a_strict_server_without_extensions_is_kept_in_step() {
    let mut options = memory_server::Options::default();
    for extension in
        ["LITERAL+", "SASL-IR", "ENABLE", "ID", "NAMESPACE", "UIDPLUS", "MOVE", "IDLE", "UNSELECT", "CHILDREN"]
    {
        options = options.without(extension);
    }
    for extension in ["CONDSTORE", "QRESYNC", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"] {
        options = options.without(extension);
    }
    let server = Server::start(options);
    let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    server.create("u1", "Archive/2024");
    let (mut random, mut number) = (Random::new(3), 0);
    for mail in mails::ordinary(60, 30) {
        server.mailbox("u1", "INBOX").add(&mail.bytes, &["\\Seen"]);
    }
    for round in 0..5 {
        for folder in ["INBOX", "Archive/2024"] {
            let (mailbox, directory) = (server.mailbox("u1", folder), house.folder(&folder.replace('/', ".")));
            for message in mailbox.messages() {
                match random.below(12) {
                    0 => mailbox.remove(message.uid),
                    1 => mailbox.flag(message.uid, &["\\Flagged", "work"], &["\\Seen"]),
                    _ => {}
                }
            }
            for file in if round == 0 { Vec::new() } else { files(&directory) } {
                if random.one_in(12) {
                    fs::remove_file(directory.join(&file.name)).unwrap();
                }
            }
            number += 2;
            mailbox.add(&Mail::text(&format!("there {number}")).bytes, &[]);
            let mail = Mail::text(&format!("here {number}"));
            deliver(&directory, &format!("17{number}.up.host:2,R"), &to_lf(&mail.bytes));
        }
        let run = house.run(&[]);
        assert_eq!(run.code, 0, "{run:?}");
        for folder in ["INBOX", "Archive/2024"] {
            let mut there: Vec<_> =
                server.mailbox("u1", folder).messages().into_iter().map(|m| (m.bytes, m.flags)).collect();
            let here = in_maildir(&house.folder(&folder.replace('/', ".")));
            let mut here: Vec<_> = here
                .into_iter()
                .map(|held| (to_crlf(&held.bytes), held.flags.into_iter().collect::<Vec<_>>()))
                .collect();
            there.sort();
            here.sort();
            assert_eq!(there.len(), here.len(), "round {round}, {folder}");
            assert!(there == here, "round {round}, {folder}");
        }
        assert_nothing_left(&house, round);
        assert_eq!(server.violations(), [""; 0]);
    }
}
