//! Lies about which messages there are.

use crate::pair::{Pair, lists, offers, on};
use offlinesync_core::ErrorKind;
use offlinesync_imap::testing::server::{Action, Received};

fn is_fetch(line: &str) -> bool {
    line.starts_with("* ") && line.contains(" FETCH (")
}

/// Whether this is about messages, however asked.
fn asks_what_is_there(received: &Received) -> bool {
    lists(received) || received.name == "UID SEARCH"
}

#[test]
fn uids_out_of_order_are_listed_all_the_same() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let backwards = Action::answer(|answer| {
            let text = String::from_utf8_lossy(answer);
            let (told, ended): (Vec<&str>, Vec<&str>) =
                text.split_inclusive("\r\n").partition(|line| line.starts_with('*'));
            told.into_iter().rev().chain(ended).collect::<String>().into_bytes()
        });
        pair.endures(on(lists, backwards)).is_silent();
        pair.equal();
        pair.in_step();
    }
}

#[test]
fn a_message_told_several_times_is_one_message() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let again = Action::lines(|line| vec![line.to_owned(); if is_fetch(line) { 3 } else { 1 }]);
        pair.endures(on(lists, again)).is_silent();
        pair.equal();
        pair.in_step();
    }
}

/// OfflineIMAP #327: an answer that was read wrong removed everything at the second run.
#[test]
fn a_message_left_out_of_a_listing_is_no_message_removed() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let partly = Action::lines(|line| {
            let left_out = is_fetch(line) && (line.starts_with("* 5 ") || line.starts_with("* 13 "));
            if left_out { Vec::new() } else { vec![line.to_owned()] }
        });
        let told = pair.endures(on(lists, partly));
        told.says(&["INBOX", "the listing is incomplete", "nothing was changed"]);
        assert!(told.kinds.iter().all(|kind| *kind == ErrorKind::Folder), "{told:?}");
        pair.in_step();
    }
}

#[test]
fn an_empty_listing_with_ok_is_no_empty_folder() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let nothing = Action::Replace(b"* SEARCH\r\n{tag} OK done\r\n".to_vec());
        pair.endures(on(asks_what_is_there, nothing)).says(&[
            "INBOX",
            "the listing is incomplete",
            "0 of its 13 messages",
        ]);
        pair.in_step();
    }
}

#[test]
fn a_number_of_messages_that_shrinks_without_a_word_removes_nothing() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let shrinking = Action::answer(|answer| {
            let text = String::from_utf8_lossy(answer);
            let seen = |line: &&str| !is_fetch(line) || ["* 1 ", "* 2 ", "* 3 "].iter().any(|n| line.starts_with(n));
            ("* 3 EXISTS\r\n".to_owned() + &text.split_inclusive("\r\n").filter(seen).collect::<String>()).into_bytes()
        });
        pair.endures(on(lists, shrinking)).says(&["INBOX", "3 of its 13 messages"]);
        pair.in_step();
    }
}

/// The list of folders said otherwise a moment before.
#[test]
fn a_folder_that_says_it_is_empty_against_the_list_of_folders_is_not_believed() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let told = pair.endures(|received| match () {
            () if received.name == "SELECT" => Action::lines(|line| {
                vec![if line.ends_with(" EXISTS") { "* 0 EXISTS".to_owned() } else { line.to_owned() }]
            }),
            () if asks_what_is_there(received) => Action::Replace(b"* SEARCH\r\n{tag} OK done\r\n".to_vec()),
            () => Action::Continue,
        });
        told.says(&["INBOX", "13 messages", "none", "nothing was changed"]);
        pair.in_step();
    }
}

#[test]
fn removals_of_messages_that_never_were_mean_nothing() {
    for said in
        ["* VANISHED (EARLIER) 400:900,4294967295\r\n", "* VANISHED 400:900\r\n", "* VANISHED (EARLIER) 20:*\r\n"]
    {
        let pair = Pair::new(offers()[0].clone()).stirred();
        pair.endures(on(lists, Action::Insert(said.as_bytes().to_vec())));
        pair.in_step();
    }
}

#[test]
fn removals_of_messages_that_are_there_remove_nothing() {
    for said in
        ["* VANISHED (EARLIER) 1:5\r\n", "* VANISHED 1:5\r\n", "* VANISHED (EARLIER) 1:*\r\n", "* 1 EXPUNGE\r\n"]
    {
        let pair = Pair::new(offers()[0].clone()).stirred();
        pair.endures(on(lists, Action::Insert(said.as_bytes().to_vec())));
        pair.in_step();
    }
}

#[test]
fn a_search_that_leaves_messages_out_removes_nothing() {
    let pair = Pair::new(offers()[1].clone());
    pair.server.mailbox("u1", "INBOX").remove(4);
    let here = pair.local.mails("INBOX").len();
    pair.endures(on(
        |r: &Received| r.name == "UID SEARCH",
        Action::Replace(b"* SEARCH 1 2 3\r\n{tag} OK\r\n".to_vec()),
    ))
    .says(&["INBOX", "the listing is incomplete"]);
    assert_eq!(pair.local.mails("INBOX").len(), here);
    pair.in_step();
    assert_eq!(pair.local.mails("INBOX").len(), here - 1);
}
