//! Lies about what is in a message.

use crate::pair::{Pair, on, reads};
use offlinesync_core::ErrorKind;
use offlinesync_imap::testing::server::{Action, Options};

/// In step, with three new messages on the server.
fn with_news() -> Pair {
    let pair = Pair::new(Options::default());
    pair.arrive(900..903);
    pair
}

/// OfflineIMAP #62, #262: numbers that a server lists and has no message for stopped the folder.
#[test]
fn an_ok_without_the_message_is_a_failure_of_that_message_and_it_is_fetched_next_time() {
    for nothing in [
        "{tag} OK done\r\n",
        "* 13 FETCH (UID 13)\r\n{tag} OK done\r\n",
        "* 13 FETCH (UID 13 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" BODY[] NIL)\r\n{tag} OK done\r\n",
        "* 13 FETCH (UID 13 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" BODY[] \"\")\r\n{tag} OK done\r\n",
    ] {
        let pair = with_news();
        let told = pair.endures(on(reads, Action::Replace(nothing.as_bytes().to_vec())));
        told.says(&["message 13", "message 14", "message 15"]);
        assert!(told.kinds.iter().all(|kind| *kind == ErrorKind::Message), "{told:?}");
        assert_eq!(pair.local.count("INBOX"), 12);
        pair.in_step();
    }
}

#[test]
fn a_body_sent_twice_is_stored_once() {
    let pair = with_news();
    let twice = Action::answer(|answer| {
        let end = answer.windows(3).rposition(|three| three == b"\n)\r" || three == b"\r)\r").map_or(0, |at| at + 4);
        let told = answer[..end.min(answer.len())].to_vec();
        [told.as_slice(), answer].concat()
    });
    pair.endures(on(reads, twice)).is_silent();
    pair.equal();
    pair.in_step();
}

#[test]
fn messages_that_nobody_asked_for_are_dropped() {
    let pair = with_news();
    let more = "* 99 FETCH (UID 77 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" BODY[] {5}\r\nspam!)\r\n\
                * 2 FETCH (UID 2 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" BODY[] {5}\r\nspam!)\r\n";
    pair.endures(on(reads, Action::Insert(more.as_bytes().to_vec()))).is_silent();
    pair.equal();
    pair.in_step();
}

/// Of a message that is announced with 4 GB and breaks off, nothing is kept.
#[test]
fn a_literal_of_four_gigabytes_that_never_comes_leaves_nothing_behind() {
    for octets in ["4294967296", "18446744073709551615"] {
        let pair = with_news().impatient();
        let announced = format!(
            "* 13 FETCH (UID 13 INTERNALDATE \"01-Jan-2026 12:00:00 +0000\" BODY[] {{{octets}}}\r\nSubject: x\r\n\r\nonly this"
        );
        pair.endures(on(reads, Action::Replace(announced.into_bytes()))).says(&["INBOX"]);
        assert_eq!(pair.local.count("INBOX"), 12);
        pair.in_step();
    }
}

#[test]
fn a_literal_that_no_number_holds_is_an_error() {
    for text in ["* 13 FETCH (UID 13 BODY[] {99999999999999999999999}\r\n", "* LIST () \"/\" {4294967296}\r\n"] {
        let pair = with_news().impatient();
        pair.endures(on(reads, Action::Replace(text.as_bytes().to_vec())))
            .says(&["the server announced a literal that is too long"]);
        assert_eq!(pair.local.count("INBOX"), 12);
        pair.in_step();
    }
}
