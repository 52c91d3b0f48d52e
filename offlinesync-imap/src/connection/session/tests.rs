//! The session with octets alone: what it sends when, and to whom it gives what arrives.

use super::*;
use crate::codec::decoder::{Decoder, Item};
use crate::codec::response::{Condition, Response};
use offlinesync_core::{ErrorKind, Result};

/// A session after login, with these capabilities and nothing sent yet.
struct Play {
    session: Session,
    decoder: Decoder,
}

impl Play {
    fn new(capabilities: &str) -> Self {
        let mut session = Session::new(Habits::default());
        session.set_capabilities(capabilities.split_whitespace());
        Play { session, decoder: Decoder::default() }
    }

    /// What may be sent now.
    fn sent(&mut self) -> String {
        let text = String::from_utf8(self.session.outbox.pending().to_vec()).unwrap();
        self.session.outbox.consume(text.len());
        text
    }

    /// The server says this. Answers who got what.
    fn says(&mut self, text: &str) -> Result<Vec<(Owner, Response)>> {
        let (mut rest, mut delivered) = (text.as_bytes(), Vec::new());
        loop {
            let (used, item) = self.decoder.decode(rest)?;
            rest = &rest[used..];
            match item {
                Some(Item::Response(response)) => delivered.extend(self.session.absorb(response)?),
                Some(_) => {}
                None => return Ok(delivered),
            }
        }
    }

    fn owners(&mut self, text: &str) -> Vec<Owner> {
        self.says(text).unwrap().into_iter().map(|(owner, _)| owner).collect()
    }

    fn join(&mut self, target: Target, words: &[&str]) -> Owner {
        self.run(target, words.iter().map(|words| text(words)).collect())
    }

    fn run(&mut self, target: Target, commands: Vec<Command>) -> Owner {
        let owner = self.session.enter();
        self.session.start(owner, target, commands);
        owner
    }

    /// What an owner is told, in short.
    fn told(&mut self, owner: Owner) -> Vec<String> {
        std::iter::from_fn(|| self.session.next_notice(owner))
            .map(|notice| match notice {
                Notice::Selected(mailbox) => format!("selected {}", mailbox.exists),
                Notice::Ended(index, tagged, mailbox) => {
                    format!("{index} {:?} {}", tagged.status.condition, mailbox.exists)
                }
            })
            .collect()
    }
}

fn mailbox(name: &str) -> Target {
    Target::Mailbox { name: name.into(), fresh: false }
}

fn verified(name: &str, uid_validity: u32) -> Target {
    Target::Verified { name: name.into(), uid_validity: UidValidity(uid_validity) }
}

#[test]
fn a_select_goes_out_with_the_commands_that_need_it() {
    let mut play = Play::new("IMAP4rev1");
    let a = play.join(mailbox("A"), &["X", "Y"]);
    assert_eq!(play.sent(), "A1 SELECT \"A\"\r\nA2 X\r\nA3 Y\r\n");
    play.says("* 3 EXISTS\r\nA1 OK [READ-WRITE] in\r\n* 4 EXISTS\r\nA2 OK\r\n").unwrap();
    assert_eq!(play.told(a), ["selected 3", "0 Ok 4"]);
    assert!(!play.session.is_done(a));
    play.says("A3 NO\r\n").unwrap();
    assert_eq!(play.told(a), ["1 No 4"]);
    assert!(play.session.is_done(a));
}

#[test]
fn two_folders_share_the_line_and_each_gets_its_own_answers() {
    let mut play = Play::new("IMAP4rev1");
    let (a, b) = (play.join(mailbox("A"), &["X"]), play.join(mailbox("B"), &["Y"]));
    assert_eq!(play.sent(), "A1 SELECT \"A\"\r\nA2 X\r\nA3 SELECT \"B\"\r\nA4 Y\r\n");
    assert_eq!(play.owners("* 1 EXISTS\r\nA1 OK\r\n* 1 FETCH (UID 7)\r\nA2 OK\r\n"), [a, a]);
    assert_eq!(play.session.front(), Front::Owner(b));
    assert_eq!(play.owners("* 2 EXISTS\r\nA3 OK\r\n* 1 FETCH (UID 7)\r\nA4 OK\r\n"), [b, b]);
    assert_eq!(
        (play.told(a), play.told(b)),
        (vec!["selected 1".into(), "0 Ok 1".into()], vec!["selected 2".into(), "0 Ok 2".into()])
    );
}

#[test]
fn what_follows_runs_in_the_right_mailbox_even_if_another_was_selected_meanwhile() {
    let mut play = Play::new("IMAP4rev1");
    let (a, b) = (play.join(mailbox("A"), &["X"]), play.join(mailbox("B"), &["Y"]));
    play.sent();
    play.says("A1 OK\r\nA2 OK\r\n").unwrap();
    play.session.extend(a, vec![text("Z")]);
    assert_eq!(play.sent(), "A5 SELECT \"A\"\r\nA6 Z\r\n");
    play.says("A3 OK\r\nA4 OK\r\n* 9 EXISTS\r\nA5 OK\r\nA6 OK\r\n").unwrap();
    assert_eq!(play.told(a), ["selected 0", "0 Ok 0", "1 Ok 9"]);
    assert!(play.session.is_done(a) && play.session.is_done(b));
}

#[test]
fn a_mailbox_that_will_be_selected_is_not_selected_twice_and_told_when_it_is_ones_turn() {
    let mut play = Play::new("IMAP4rev1");
    let (a, b) = (play.join(mailbox("A"), &["X"]), play.join(mailbox("A"), &["Y"]));
    assert_eq!(play.sent(), "A1 SELECT \"A\"\r\nA2 X\r\nA3 Y\r\n");
    play.says("* 1 EXISTS\r\nA1 OK\r\n* 2 EXISTS\r\n").unwrap();
    assert_eq!((play.told(a), play.told(b)), (vec!["selected 1".to_owned()], vec![]));
    play.says("A2 OK\r\nA3 OK\r\n").unwrap();
    assert_eq!(play.told(b), ["selected 2", "0 Ok 2"]);
}

#[test]
fn a_failed_select_fails_everyone_behind_it_and_nobody_else() {
    let mut play = Play::new("IMAP4rev1");
    let a = play.join(mailbox("A"), &["X"]);
    let (gone, same) = (play.join(mailbox("Gone"), &["Y"]), play.join(mailbox("Gone"), &["Y"]));
    let b = play.join(mailbox("B"), &["Z"]);
    play.says("A1 OK\r\nA2 OK\r\nA3 NO [NONEXISTENT] no such mailbox\r\n").unwrap();
    for owner in [gone, same] {
        let error = play.session.failure(owner).unwrap();
        assert_eq!(error.kind(), ErrorKind::Folder);
        assert!(error.to_string().contains("\"Gone\"") && error.to_string().contains("no such mailbox"));
        assert!(play.told(owner).is_empty() && play.session.is_done(owner));
    }
    assert_eq!(play.session.front(), Front::Nobody);
    assert!(play.owners("* 1 FETCH (UID 1)\r\nA4 BAD no mailbox\r\nA5 BAD no mailbox\r\n").is_empty());
    play.says("A6 OK\r\nA7 OK\r\n").unwrap();
    assert_eq!((play.told(a).len(), play.told(b)), (2, vec!["selected 0".to_owned(), "0 Ok 0".into()]));
}

#[test]
fn after_a_failed_select_the_mailbox_is_not_taken_for_selected() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &["X"]);
    play.says("A1 NO\r\nA2 BAD\r\n").unwrap();
    play.sent();
    play.join(mailbox("A"), &["X"]);
    assert_eq!(play.sent(), "A3 SELECT \"A\"\r\nA4 X\r\n");
}

#[test]
fn a_verified_mailbox_is_compared_before_anything_else_is_sent() {
    let mut play = Play::new("IMAP4rev1");
    let (a, b) = (play.join(verified("A", 7), &["STORE"]), play.join(mailbox("B"), &["Y"]));
    assert_eq!(play.sent(), "A1 SELECT \"A\"\r\n");
    play.says("* OK [UIDVALIDITY 7] x\r\nA1 OK\r\n").unwrap();
    assert_eq!(play.sent(), "A2 STORE\r\nA3 SELECT \"B\"\r\nA4 Y\r\n");
    play.says("A2 OK\r\nA3 OK\r\nA4 OK\r\n").unwrap();
    assert_eq!(play.told(a), ["selected 0", "0 Ok 0"]);
    assert!(play.session.is_done(a) && play.session.is_done(b));
}

#[test]
fn a_verified_mailbox_that_is_known_costs_no_round_trip() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &[]);
    play.says("* OK [UIDVALIDITY 7] x\r\nA1 OK\r\n").unwrap();
    play.sent();
    play.join(verified("A", 7), &["STORE"]);
    assert_eq!(play.sent(), "A2 STORE\r\n");
    // The numbering seen is another than the one wanted: perhaps it is not current any more.
    play.join(verified("A", 8), &["STORE"]);
    assert_eq!(play.sent(), "A3 SELECT \"A\"\r\n");
}

#[test]
fn a_verified_mailbox_is_not_known_while_another_select_is_under_way() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &[]);
    play.says("* OK [UIDVALIDITY 7] x\r\nA1 OK\r\n").unwrap();
    play.join(Target::Mailbox { name: "A".into(), fresh: true }, &["X"]);
    play.sent();
    play.join(verified("A", 7), &["STORE"]);
    assert_eq!(play.sent(), "A4 SELECT \"A\"\r\n");
}

#[test]
fn another_numbering_is_an_error_and_nothing_is_sent() {
    for told in ["* OK [UIDVALIDITY 8] x\r\n", ""] {
        let mut play = Play::new("IMAP4rev1");
        let (a, b) = (play.join(verified("A", 7), &["STORE"]), play.join(mailbox("A"), &["Y"]));
        play.sent();
        play.says(&format!("{told}A1 OK\r\n")).unwrap();
        assert_eq!(play.session.failure(a).unwrap().kind(), ErrorKind::Numbering);
        assert_eq!(play.sent(), "A2 Y\r\n");
        assert!(play.session.is_done(a) && !play.session.is_done(b));
    }
}

#[test]
fn who_leaves_while_being_verified_lets_the_others_go_on() {
    let mut play = Play::new("IMAP4rev1");
    let (a, _) = (play.join(verified("A", 7), &["STORE"]), play.join(Target::Anywhere, &["NOOP"]));
    play.sent();
    assert!(play.session.leave(a));
    assert_eq!(play.sent(), "A2 NOOP\r\nA3 NOOP\r\n", "the selected mailbox is renewed first");
    assert_eq!(play.session.front(), Front::Nobody);
    play.says("* OK [UIDVALIDITY 7] x\r\nA1 OK\r\nA2 OK\r\nA3 OK\r\n").unwrap();
    assert_eq!((play.session.front(), play.sent()), (Front::Nothing, String::new()));
}

#[test]
fn flags_of_the_mailbox_before_never_reach_the_next() {
    let mut play = Play::new("IMAP4rev1 QRESYNC ENABLE");
    let (a, b) = (play.join(mailbox("A"), &["X"]), play.join(mailbox("B"), &["Y"]));
    play.says("A1 OK\r\nA2 OK\r\n").unwrap();
    let late = "* 1 FETCH (UID 7 FLAGS (\\Deleted))\r\n* VANISHED 3\r\n";
    assert!(play.owners(late).is_empty());
    assert_eq!(play.owners(&format!("* OK [CLOSED] x\r\n{late}")), [b, b, b]);
    play.says("* 5 EXISTS\r\n* OK [HIGHESTMODSEQ 9] x\r\nA3 OK\r\nA4 OK\r\n").unwrap();
    assert_eq!((play.told(a).len(), play.told(b)), (2, vec!["selected 5".to_owned(), "0 Ok 5".into()]));
    assert_eq!(play.session.selection.mailbox().highest_mod_seq, Some(9));
}

#[test]
fn the_state_of_the_mailbox_before_is_not_that_of_the_next() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &["X"]);
    let b = play.join(mailbox("B"), &["Y"]);
    play.says("* 9 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\nA1 OK [READ-ONLY]\r\nA2 OK\r\n* 10 EXISTS\r\n* OK [CLOSED]\r\nA3 OK\r\nA4 OK\r\n").unwrap();
    assert_eq!(play.told(b), ["selected 0", "0 Ok 0"]);
    let mailbox = play.session.selection.mailbox();
    assert_eq!((mailbox.uid_validity, mailbox.read_only, mailbox.any_keyword), (None, false, false));
}

#[test]
fn the_number_of_messages_follows_what_comes_and_goes() {
    let mut play = Play::new("IMAP4rev1");
    let a = play.join(mailbox("A"), &["X"]);
    play.says("* 9 EXISTS\r\nA1 OK\r\n* 3 EXPUNGE\r\n* VANISHED 4:5,8\r\n* VANISHED (EARLIER) 1:100\r\nA2 OK\r\n")
        .unwrap();
    assert_eq!(play.told(a), ["selected 9", "0 Ok 5"]);
}

#[test]
fn the_highest_mod_seq_is_that_of_the_select() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &["X"]);
    play.says("* OK [HIGHESTMODSEQ 9] x\r\nA1 OK\r\n* OK [HIGHESTMODSEQ 12] x\r\nA2 OK [HIGHESTMODSEQ 13] x\r\n")
        .unwrap();
    assert_eq!(play.session.selection.mailbox().highest_mod_seq, Some(9));
    play.join(Target::Mailbox { name: "A".into(), fresh: true }, &[]);
    play.says("* OK [NOMODSEQ] x\r\nA3 OK\r\n").unwrap();
    assert_eq!(play.session.selection.mailbox().highest_mod_seq, None);
}

#[test]
fn a_synchronising_literal_stops_the_line_until_the_server_is_ready() {
    let mut play = Play::new("IMAP4rev1");
    let login = Command { parts: vec![Part::Text(b"X ".to_vec()), Part::Literal(b"ab".to_vec())] };
    play.run(Target::Anywhere, vec![login]);
    play.join(Target::Anywhere, &["NOOP"]);
    assert_eq!(play.sent(), "A1 X {2}\r\n");
    assert!(play.says("+ go\r\n").unwrap().is_empty());
    assert_eq!(play.sent(), "ab\r\nA2 NOOP\r\n");
}

#[test]
fn a_refused_literal_is_not_sent_and_the_line_goes_on() {
    let mut play = Play::new("IMAP4rev1");
    let owner = play.run(Target::Anywhere, vec![Command { parts: vec![Part::Literal(b"ab".to_vec())] }]);
    play.join(Target::Anywhere, &["NOOP"]);
    play.sent();
    play.says("A1 NO [TOOBIG] no\r\n").unwrap();
    assert_eq!((play.sent().as_str(), play.told(owner).as_slice()), ("A2 NOOP\r\n", &["0 No 0".to_owned()][..]));
}

#[test]
fn literals_need_no_consent_where_the_server_says_so() {
    for (capability, length, waits) in [
        ("LITERAL+", 5000, false),
        ("LITERAL-", 4096, false),
        ("LITERAL-", 4097, true),
        ("IMAP4rev2", 9, false),
        ("X", 1, true),
    ] {
        let mut play = Play::new(capability);
        play.run(Target::Anywhere, vec![Command { parts: vec![Part::Literal(vec![b'x'; length])] }]);
        assert_eq!(play.session.outbox.is_waiting(1), waits, "{capability} {length}");
        assert!(play.sent().starts_with(&format!("A1 {{{length}{}}}\r\n", if waits { "" } else { "+" })));
    }
}

#[test]
fn untagged_data_while_nobody_runs_is_taken_note_of() {
    let mut play = Play::new("IMAP4rev1");
    play.join(mailbox("A"), &["X"]);
    play.says("* 3 EXISTS\r\nA1 OK\r\nA2 OK\r\n").unwrap();
    assert!(play.owners("* 4 EXISTS\r\n* 1 FETCH (FLAGS ())\r\n* CAPABILITY IMAP4rev1 MOVE\r\n").is_empty());
    assert_eq!(play.session.selection.mailbox().exists, 4);
    assert!(play.session.has("MOVE"));
    play.says("* OK [ALERT] disk nearly full\r\n").unwrap();
    assert_eq!(play.session.alerts, ["the server says: disk nearly full"]);
    let error = play.says("* BYE going down\r\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("going down"));
}

#[test]
fn answers_that_overtake_each_other_find_their_commands() {
    let mut play = Play::new("IMAP4rev1");
    let (a, b) = (play.join(mailbox("A"), &["X"]), play.join(mailbox("A"), &["Y"]));
    play.says("* 1 EXISTS\r\nA1 OK\r\nA3 OK\r\nA2 OK\r\n").unwrap();
    assert_eq!(
        (play.told(a), play.told(b)),
        (vec!["selected 1".to_owned(), "0 Ok 1".into()], vec!["selected 1".into(), "0 Ok 1".into()])
    );
}

#[test]
fn a_server_that_answers_what_was_not_asked_is_given_up() {
    assert_eq!(Play::new("X").says("A1 OK\r\n").unwrap_err().kind(), ErrorKind::Protocol);
    let mut play = Play::new("X");
    play.join(Target::Anywhere, &["X"]);
    play.join(mailbox("A"), &["Y"]);
    assert_eq!(play.says("A2 OK\r\n").unwrap_err().kind(), ErrorKind::Protocol, "SELECT cannot overtake");
    assert_eq!(Play::new("X").says("B1 OK\r\n").unwrap_err().kind(), ErrorKind::Protocol);
}

/// After `ENABLE UTF8=ACCEPT` a message with 8-bit headers must be sent as a literal of another kind (RFC 6855 section 4), which servers
/// take as they please: where names can be had without it, it is not asked for.
#[test]
fn what_is_enabled_is_what_is_offered_and_not_disabled() {
    for (capabilities, sent, qresync, condstore, utf8) in [
        ("ENABLE QRESYNC CONDSTORE UTF8=ACCEPT", "A1 ENABLE QRESYNC\r\n", true, true, false),
        ("ENABLE QRESYNC UTF8=ONLY", "A1 ENABLE QRESYNC UTF8=ACCEPT\r\n", true, true, true),
        ("ENABLE CONDSTORE", "A1 ENABLE CONDSTORE\r\n", false, true, false),
        ("QRESYNC CONDSTORE", "", false, true, false),
        ("ENABLE", "", false, false, false),
        ("IMAP4rev2", "", false, false, true),
    ] {
        let mut play = Play::new(capabilities);
        play.session.ready();
        let view = play.session.view().clone();
        assert_eq!(play.sent(), sent, "{capabilities}");
        assert_eq!((view.qresync, view.condstore, view.utf8), (qresync, condstore, utf8), "{capabilities}");
    }
    let mut session = Session::new(Habits { disabled: vec!["qresync".into()], ..Habits::default() });
    session.set_capabilities(["ENABLE", "QRESYNC", "CONDSTORE"]);
    session.ready();
    assert_eq!(session.outbox.pending(), b"A1 ENABLE CONDSTORE\r\n");
}

#[test]
fn where_enable_is_missing_or_refused_select_asks_for_mod_sequences() {
    let mut play = Play::new("CONDSTORE");
    play.session.ready();
    play.join(mailbox("A"), &[]);
    assert_eq!(play.sent(), "A1 SELECT \"A\" (CONDSTORE)\r\n");
    let mut play = Play::new("ENABLE QRESYNC CONDSTORE UTF8=ONLY");
    play.session.ready();
    play.says("A1 BAD what\r\n").unwrap();
    let view = play.session.view();
    assert_eq!((view.qresync, view.condstore, view.utf8), (false, true, false));
    play.sent();
    play.join(mailbox("A"), &[]);
    assert_eq!(play.sent(), "A2 SELECT \"A\" (CONDSTORE)\r\n");
}

#[test]
fn a_trace_shows_no_secret_and_literals_as_sizes() {
    let mut session = Session::new(Habits { trace: true, ..Habits::default() });
    let parts = vec![Part::Text(b"LOGIN me ".to_vec()), Part::Secret(b"pw".to_vec()), Part::Literal(b"pw".to_vec())];
    let owner = session.enter();
    session.start(owner, Target::Anywhere, vec![Command { parts }]);
    session.answer(b"cHc=");
    let tag = session.begin(owner, b"APPEND \"A\" ");
    session.literal(tag, 9);
    let lines = session.trace.unwrap();
    assert_eq!(lines, ["A1 LOGIN me ***{2}", "***", "A2 APPEND \"A\" ", "A2 {9}"]);
}

#[test]
fn conditions_other_than_ok_end_commands_too() {
    let mut play = Play::new("X");
    let owner = play.join(Target::Anywhere, &["X", "Y"]);
    play.says("A1 BAD\r\nA2 NO\r\n").unwrap();
    assert_eq!(play.told(owner), [format!("0 {:?} 0", Condition::Bad), format!("1 {:?} 0", Condition::No)]);
}
