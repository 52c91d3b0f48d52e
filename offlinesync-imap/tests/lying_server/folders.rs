//! Lies about which folders there are.

use crate::pair::{Pair, offers, on};
use offlinesync_core::ErrorKind;
use offlinesync_imap::testing::server::{Action, Received};

fn asks_for_folders(received: &Received) -> bool {
    matches!(received.name.as_str(), "LIST" | "LSUB")
}

#[test]
fn a_folder_left_out_of_the_list_once_is_no_folder_removed() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let without = Action::lines(|line| if line.contains("Archive") { Vec::new() } else { vec![line.to_owned()] });
        let told = pair.endures(on(asks_for_folders, without));
        told.says(&["'Archive' is missing on the remote side", "it was left alone on the other side"]);
        assert_eq!(told.kinds, [ErrorKind::Refused]);
        assert!(pair.local.folder_names().contains(&"Archive".to_owned()));
        pair.in_step();
    }
}

#[test]
fn an_empty_list_with_ok_is_no_empty_account() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let told = pair.endures(on(asks_for_folders, Action::Replace(b"{tag} OK done\r\n".to_vec())));
        told.says(&["none of the 3 known folders is left", "nothing was removed on the other side"]);
        pair.in_step();
    }
}

#[test]
fn a_folder_told_twice_or_under_two_spellings_of_inbox_is_one_folder() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let again = Action::lines(|line| match line.starts_with("* LIST") {
            true => vec![line.to_owned(), line.replace("INBOX", "inbox"), line.replace("INBOX", "Inbox")],
            false => vec![line.to_owned()],
        });
        pair.endures(on(asks_for_folders, again)).is_silent();
        pair.equal();
        pair.in_step();
    }
}

#[test]
fn a_list_that_breaks_off_is_no_list() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        for octets in [0, 30, 60] {
            pair.endures(on(asks_for_folders, Action::CutAfter(octets))).says(&[""]);
        }
        pair.in_step();
    }
}

/// What a folder list says of a folder's state is only a reason to look: a wrong one costs a look, or the wait until a right one.
#[test]
fn wrong_numbers_in_the_list_remove_nothing() {
    let pair = Pair::new(offers()[0].clone()).stirred();
    let wrong = Action::lines(|line| match line.starts_with("* STATUS") {
        true => {
            vec![format!("{} (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 5 HIGHESTMODSEQ 1)", line.split(" (").next().unwrap())]
        }
        false => vec![line.to_owned()],
    });
    pair.endures(on(asks_for_folders, wrong)).is_silent();
    pair.equal();
    pair.in_step();
}
