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
#[test]
fn an_upload_without_any_word_of_its_number_is_found_and_never_sent_again() {
    for options in offers() {
        let pair = with_news(options.without("UIDPLUS"));
        pair.in_step();
        assert_eq!(pair.server.count("APPEND"), 2);
        let lost = with_news(offers()[0].clone());
        lost.endures(on(appends, Action::Replace(b"{tag} OK stored\r\n".to_vec()))).says(&["it is not uploaded again"]);
        let sent = lost.server.count("APPEND");
        lost.server.behave();
        lost.sync().says(&["it is not uploaded again"]);
        assert_eq!(lost.server.count("APPEND"), sent);
    }
}
