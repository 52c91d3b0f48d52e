//! Lies about messages that were stored.

use crate::pair::{Pair, mail, offers, on};
use offlinesync_core::{Flags, Policy};
use offlinesync_imap::testing::server::{Action, Options, Received};

fn appends(received: &Received) -> bool {
    received.name == "APPEND"
}

/// In step, with two new messages here.
fn with_news(options: Options) -> Pair {
    let pair = Pair::new(options);
    (800..802).for_each(|number| drop(pair.local.add("INBOX", &mail(number), Flags::default())));
    pair
}

/// Exchanges the UID in APPENDUID.
fn told_as(change: impl Fn(u32) -> u32 + Send + Sync + 'static) -> Action {
    Action::lines(move |line| {
        let Some((before, rest)) = line.split_once("[APPENDUID ") else { return vec![line.to_owned()] };
        let (numbers, after) = rest.split_once(']').unwrap();
        let (validity, uid) = numbers.split_once(' ').unwrap();
        vec![format!("{before}[APPENDUID {validity} {}]{after}", change(uid.parse().unwrap()))]
    })
}

fn accept() -> Policy {
    Policy { accept_new_numbering: true, ..Policy::default() }
}

/// The number of a message that there was before, or of another numbering, is not believed: the upload is found by content.
#[test]
fn a_new_uid_that_is_an_old_one_is_not_believed() {
    for options in offers() {
        let pair = with_news(options);
        pair.endures(on(appends, told_as(|_| 1)));
        pair.in_step();
        let pair = with_news(offers()[0].clone());
        let elsewhere = Action::lines(|line| vec![line.replace("[APPENDUID 1", "[APPENDUID 99")]);
        pair.endures(on(appends, elsewhere));
        pair.in_step();
    }
}

/// The row of an upload would be another message's before long.
#[test]
fn a_new_uid_that_nobody_has_stops_the_folder_before_anything_is_removed_or_doubled() {
    for options in offers() {
        let pair = with_news(options);
        let told = pair.endures(on(appends, told_as(|uid| uid + 7)));
        told.says(&["INBOX", "--accept-uidvalidity"]);
        let before = pair.world();
        pair.server.behave();
        pair.sync().says(&["INBOX"]);
        pair.keeps(&before);
        pair.arrive(900..909);
        let before = pair.world();
        pair.sync().says(&["INBOX", "--accept-uidvalidity"]);
        pair.keeps(&before);
        pair.sync_with(accept()).is_silent();
        pair.equal();
        pair.keeps(&before);
        pair.in_step();
    }
}

/// The server says that it stored a message, and did not.
#[test]
fn a_message_that_the_server_only_says_it_stored_is_not_removed_here() {
    for options in offers() {
        let pair = with_news(options);
        let (_, next, _) = pair.server.mailbox("u1", "INBOX").numbers();
        let validity = pair.server.mailbox("u1", "INBOX").numbers().0;
        let stored = format!("{{tag}} OK [APPENDUID {validity} {next}] stored\r\n");
        pair.endures(on(appends, Action::Replace(stored.into_bytes()))).says(&["INBOX"]);
        pair.server.behave();
        pair.arrive(900..909);
        let before = pair.world();
        pair.sync();
        pair.keeps(&before);
        pair.sync_with(accept()).is_silent();
        pair.keeps(&before);
        pair.equal();
        pair.in_step();
    }
}

/// OfflineIMAP #676: a message that could not be found again was uploaded at every run, more than a hundred times.
/// OfflineIMAP #452, #523: a message that the server's search did not find was uploaded with every run, a hundred times.
#[test]
fn an_upload_without_any_word_of_its_number_is_found_and_never_sent_again() {
    for options in offers() {
        let pair = with_news(options.without("UIDPLUS"));
        pair.in_step();
        assert_eq!(pair.server.count("APPEND"), 2);
    }
}

/// What the server said it had stored and has not may have been moved away at once, by a filter or another client: uploaded again and again
/// it would be there without end.
#[test]
fn an_upload_that_is_not_there_any_more_is_told_and_never_sent_again_unasked() {
    for options in offers() {
        let pair = with_news(options.without("UIDPLUS"));
        pair.server.mail().create("u1", "Filtered");
        let mail_of = pair.server.mail();
        let mut numbers = 800..802;
        pair.lie(move |received| match appends(received).then(|| numbers.next()).flatten() {
            Some(number) => {
                mail_of.mailbox("u1", "Filtered").add(&mail(number), &[]);
                Action::Replace(b"{tag} OK stored\r\n".to_vec())
            }
            None => Action::Continue,
        });
        pair.sync().says(&["it is not uploaded again"]);
        pair.server.behave();
        let sent = pair.server.count("APPEND");
        for _ in 0..3 {
            pair.sync().says(&["it is not uploaded again"]);
        }
        assert_eq!(pair.server.count("APPEND"), sent);
        assert_eq!(pair.server.mail().mailbox("u1", "Filtered").messages().len(), 2);
    }
}

/// OfflineIMAP #275: a server that puts a header of its own into what it stores, and tells no UIDs.
#[test]
fn an_upload_that_the_server_altered_is_paired_and_neither_doubled_nor_sent_again() {
    for options in offers() {
        let pair = with_news(options.without("UIDPLUS"));
        let mail_of = pair.server.mail();
        let mut numbers = 800..802;
        pair.lie(move |received| match appends(received).then(|| numbers.next()).flatten() {
            Some(number) => {
                mail_of.mailbox("u1", "INBOX").add(&[b"X-Server: was here\r\n", &mail(number)[..]].concat(), &[]);
                Action::Replace(b"{tag} OK stored\r\n".to_vec())
            }
            None => Action::Continue,
        });
        pair.sync().is_silent();
        pair.server.behave();
        let before = pair.world();
        pair.sync().is_silent();
        assert_eq!(pair.world(), before);
        assert_eq!(before.remote.len(), before.local.len());
    }
}

/// The server tells the number of the message before, so that rows pair messages that are not the same; and the run is killed, or goes on.
#[test]
fn new_uids_that_are_those_of_others_are_found_out_by_content_in_the_same_run_or_the_next() {
    for (options, killed) in offers().into_iter().flat_map(|options| [(options.clone(), false), (options, true)]) {
        let pair = with_news(options);
        let before = pair.world();
        let mail_of = pair.server.mail();
        let mut appended = false;
        pair.lie(move |received| {
            if !appends(received) {
                return if killed && appended { Action::Bye } else { Action::Continue };
            }
            if !std::mem::replace(&mut appended, true) {
                mail_of.mailbox("u1", "INBOX").add(&mail(950), &[]);
            }
            told_as(|uid| uid - 1)
        });
        pair.sync();
        assert!(pair.lies() > 0);
        pair.keeps(&before);
        // What was stored was removed again: its source, which is there, was left out of the listing.
        assert_eq!(pair.server.count("UID EXPUNGE"), 0, "killed: {killed}");
        pair.server.behave();
        let here = pair.local.mails("INBOX");
        let (id, _) = here.iter().find(|(_, held)| held.octets == mail(800)).unwrap();
        pair.local.remove("INBOX", id);
        pair.sync();
        pair.in_step();
        let world = pair.world();
        let held = |number: u32| world.remote.iter().filter(|(_, octets)| *octets == mail(number)).count();
        assert_eq!([held(800), held(801), held(950)], [0, 1, 1], "killed: {killed}");
    }
}
