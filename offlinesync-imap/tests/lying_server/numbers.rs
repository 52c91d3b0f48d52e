//! Lies about the numbers that everything rests on: UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ.

use crate::pair::{Pair, World, lists, mail, offers, on, reads};
use offlinesync_core::{ErrorKind, Flags, PerSide, Policy};
use offlinesync_imap::testing::server::{Action, Options, Received};
use std::ops::Range;

fn selects(received: &Received) -> bool {
    received.name == "SELECT"
}

/// Exchanges what SELECT says in a code: `HIGHESTMODSEQ 17`.
fn code(name: &'static str, instead: &'static str) -> Action {
    Action::lines(move |line| match line.starts_with(&format!("* OK [{name} ")) {
        true if instead.is_empty() => Vec::new(),
        true => vec![format!("* OK [{instead}] so")],
        false => vec![line.to_owned()],
    })
}

#[test]
fn a_change_counter_that_is_zero_or_missing_is_not_needed() {
    for instead in ["HIGHESTMODSEQ 0", "NOMODSEQ", ""] {
        for options in &offers()[..2] {
            let pair = Pair::new(options.clone()).stirred();
            pair.endures(on(selects, code("HIGHESTMODSEQ", instead))).is_silent();
            pair.equal();
            pair.in_step();
        }
    }
}

/// What a restored backup looks like. By content all is as it was, so it goes on.
#[test]
fn a_change_counter_that_goes_back_costs_a_comparison_and_no_mail() {
    for options in &offers()[..2] {
        let pair = Pair::new(options.clone()).stirred();
        pair.endures(on(selects, code("HIGHESTMODSEQ", "HIGHESTMODSEQ 2"))).is_silent();
        pair.equal();
        pair.in_step();
    }
}

#[test]
fn a_folder_without_a_numbering_is_left_alone() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        pair.endures(on(selects, code("UIDVALIDITY", ""))).says(&["INBOX", "UIDVALIDITY"]);
        pair.in_step();
    }
}

/// OfflineIMAP #633: a changed numbering was reported as skipped, and messages were removed all the same.
#[test]
fn another_numbering_is_refused_and_nothing_is_copied_or_removed() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        let before = pair.world();
        let told = pair.endures(on(selects, code("UIDVALIDITY", "UIDVALIDITY 77")));
        told.says(&["INBOX", "new message numbers", "--accept-uidvalidity"]);
        assert!(told.kinds.iter().all(|kind| *kind == ErrorKind::Numbering), "{told:?}");
        assert_eq!(pair.world(), before);
        pair.in_step();
    }
}

#[test]
fn a_numbering_that_changes_after_select_stops_the_folder() {
    for command in ["UID FETCH", "UID STORE", "UID EXPUNGE"] {
        for options in offers() {
            let pair = Pair::new(options).stirred();
            let gone = pair.local.mails("INBOX")[0].0.clone();
            pair.local.remove("INBOX", &gone);
            let changed = Action::Insert(b"* OK [UIDVALIDITY 77] changed\r\n".to_vec());
            pair.lie(on(move |r: &Received| r.name == command, changed));
            let before = pair.world();
            let told = pair.sync();
            told.says(&["changed the numbering of a folder while it was in use", "UIDVALIDITY"]);
            assert!(told.kinds.iter().all(|kind| *kind == ErrorKind::Numbering), "{told:?}");
            assert!(pair.world() == before || command != "UID FETCH", "{told:?}");
            pair.in_step();
        }
    }
}

/// Between two connections the folder was made anew: the messages asked for are others now.
#[test]
fn a_numbering_that_changes_with_the_connection_stops_the_download() {
    let pair = Pair::new(Options::default()).stirred();
    let mail = pair.server.mail();
    let mut cut = false;
    let told = pair.endures(move |received| match received.name.as_str() {
        "UID FETCH" if reads(received) && !cut => {
            cut = true;
            mail.mailbox("u1", "INBOX").renumber();
            Action::CutAfter(0)
        }
        _ => Action::Continue,
    });
    told.says(&["INBOX", "UIDVALIDITY"]);
    assert!(told.kinds.contains(&ErrorKind::Numbering), "{told:?}");
    pair.server.behave();
    let accept = Policy { accept_new_numbering: true, ..Policy::default() };
    pair.sync_with(accept).is_silent();
    pair.equal();
    pair.in_step();
}

/// A backup is put back after these messages have come, and after a sync. Answers what both sides had before.
fn put_back(options: Options, came: Range<u32>) -> (Pair, World) {
    let pair = Pair::new(options);
    let backup = pair.server.mailbox("u1", "INBOX").backup();
    pair.arrive(came);
    pair.in_step();
    let before = pair.world();
    pair.server.mailbox("u1", "INBOX").restore(backup);
    (pair, before)
}

/// A backup of the server is put back: messages that came since are gone, and their numbers will be given to others.
#[test]
fn a_restored_backup_is_recognised_before_its_numbers_are_given_to_other_messages() {
    for options in offers() {
        let (pair, before) = put_back(options, 900..905);
        let told = pair.sync();
        told.says(&["INBOX", "older state", "backup", "--accept-uidvalidity"]);
        assert_eq!(told.kinds, [ErrorKind::Numbering]);
        // Other messages get the numbers of those that were lost, and more come.
        pair.arrive(910..920);
        let told = pair.sync();
        told.says(&["INBOX", "backup", "--accept-uidvalidity"]);
        assert_eq!(told.kinds, [ErrorKind::Numbering]);
        pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
        pair.equal();
        pair.keeps(&before);
        assert_eq!(pair.local.count("INBOX"), 12 + 5 + 10);
        pair.in_step();
    }
}

/// However few messages it lacks: a single number that is another message's now would remove that message, or what it was before.
#[test]
fn a_restored_backup_that_lacks_one_message_is_recognised_too() {
    for options in offers() {
        let (pair, before) = put_back(options, 900..901);
        pair.sync().says(&["INBOX", "older state", "--accept-uidvalidity"]);
        pair.arrive(910..912);
        let told = pair.sync();
        told.says(&["INBOX", "1 of 13 messages is not what was synced"]);
        assert_eq!((told.kinds, pair.local.count("INBOX")), (vec![ErrorKind::Numbering], 12 + 1));
        pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
        pair.keeps(&before);
        assert_eq!(pair.local.count("INBOX"), 12 + 1 + 2);
        pair.in_step();
    }
}

/// A run was killed after it had downloaded a message, and then a backup was put back that did not have it yet. That is no removal: the only copy of
/// it would be gone.
#[test]
fn what_a_killed_run_downloaded_is_kept_where_a_backup_lacks_it() {
    for options in offers() {
        let pair = Pair::new(options);
        let backup = pair.server.mailbox("u1", "INBOX").backup();
        pair.arrive(900..902);
        pair.in_step();
        (13..15).for_each(|uid| pair.server.mailbox("u1", "INBOX").remove(uid));
        pair.in_step();
        pair.left_behind(15, 902);
        pair.server.mailbox("u1", "INBOX").restore(backup);
        let before = pair.world();
        pair.sync().says(&["INBOX", "older state", "--accept-uidvalidity"]);
        pair.keeps(&before);
        // Its number is another message's now.
        pair.arrive(910..914);
        let before = pair.world();
        pair.sync().is_silent();
        pair.keeps(&before);
        pair.equal();
        assert_eq!(pair.local.count("INBOX"), 12 + 1 + 4);
        pair.in_step();
    }
}

/// What the hint says helps at once, and not only when as many have come as were lost.
#[test]
fn a_restored_backup_is_paired_anew_as_soon_as_the_user_says_so() {
    for options in offers() {
        let (pair, before) = put_back(options, 900..905);
        pair.sync().says(&["INBOX", "older state", "--accept-uidvalidity"]);
        pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
        pair.keeps(&before);
        pair.in_step();
    }
}

/// The same, seen only after new mail came: nothing but the change counter tells.
#[test]
fn a_restored_backup_that_new_mail_has_caught_up_is_recognised_by_its_change_counter() {
    for options in &offers()[..2] {
        let pair = Pair::new(options.clone());
        let backup = pair.server.mailbox("u1", "INBOX").backup();
        pair.arrive(900..905);
        (1..12).for_each(|uid| pair.server.mailbox("u1", "INBOX").flag(uid, &["\\Flagged"], &[]));
        pair.in_step();
        let before = pair.world();
        pair.server.mailbox("u1", "INBOX").restore(backup);
        pair.arrive(910..917);
        let told = pair.sync();
        told.says(&["INBOX", "backup", "--accept-uidvalidity"]);
        pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
        pair.keeps(&before);
        assert_eq!(pair.local.count("INBOX"), 12 + 5 + 7);
        pair.in_step();
    }
}

/// The same where a listing does not begin at the cursor: an upload was cut short, the status was repaired, or news is kept from a side. What the
/// cursor told of the change counter was forgotten then.
#[test]
fn a_restored_backup_is_recognised_whatever_makes_the_listing_a_whole_one() {
    let protected = Policy { read_only: PerSide { remote: false, local: true }, ..Policy::default() };
    let repaired = |pair: &Pair| {
        let (id, _) = pair.local.mails("INBOX").into_iter().find(|(_, held)| held.octets == mail(211)).unwrap();
        pair.local.remove("INBOX", &id);
        pair.server.mailbox("u1", "INBOX").remove(12);
        assert!(pair.repair().forgotten > 0);
    };
    for (options, way) in offers()[..2].iter().flat_map(|options| (0..3).map(move |way| (options.clone(), way))) {
        let pair = Pair::new(options);
        let backup = pair.server.mailbox("u1", "INBOX").backup();
        pair.arrive(900..905);
        (1..12).for_each(|uid| pair.server.mailbox("u1", "INBOX").flag(uid, &["\\Flagged"], &[]));
        pair.in_step();
        match way {
            0 => {
                pair.local.add("INBOX", &mail(800), Flags::default());
                pair.lie(on(|received| received.name == "APPEND", Action::Bye));
                pair.sync();
                assert!(pair.lies() > 0);
                pair.server.behave();
            }
            1 => {
                pair.arrive(906..907);
                pair.sync_with(protected.clone());
            }
            _ => {}
        }
        pair.server.mailbox("u1", "INBOX").restore(backup);
        pair.arrive(910..918);
        if way == 2 {
            repaired(&pair);
        }
        let before = pair.world();
        pair.sync().says(&["INBOX", "backup", "--accept-uidvalidity"]);
        pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
        pair.keeps(&before);
        pair.in_step();
    }
}

/// A server of many machines, one of which lags behind: it has caught up at the next run, and by content all is as it was.
#[test]
fn a_replica_that_lags_behind_is_waited_for() {
    for options in offers() {
        let pair = Pair::new(options);
        let lagging = pair.server.mailbox("u1", "INBOX").backup();
        pair.arrive(900..905);
        pair.in_step();
        let current = pair.server.mailbox("u1", "INBOX").backup();
        pair.server.mailbox("u1", "INBOX").restore(lagging);
        pair.sync().says(&["INBOX", "older state"]);
        pair.server.mailbox("u1", "INBOX").restore(current);
        pair.in_step();
    }
}

#[test]
fn a_next_uid_below_messages_that_are_there_harms_nothing() {
    for options in offers() {
        let pair = Pair::new(options).stirred();
        pair.endures(on(selects, code("UIDNEXT", "UIDNEXT 3")));
        pair.in_step();
        let pair = Pair::new(offers()[0].clone()).stirred();
        pair.endures(on(selects, code("UIDNEXT", "")));
        pair.in_step();
    }
}

#[test]
fn flags_of_a_message_that_was_never_listed_mean_nothing() {
    let pair = Pair::new(Options::default()).stirred();
    let said = "* 400 FETCH (UID 4000 FLAGS (\\Deleted))\r\n* 1 FETCH (FLAGS (\\Seen))\r\n";
    pair.endures(on(lists, Action::Insert(said.as_bytes().to_vec())));
    pair.in_step();
}
