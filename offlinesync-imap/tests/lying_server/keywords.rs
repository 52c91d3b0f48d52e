//! Servers that refuse a keyword: for its letters (Dovecot: `]`), its length, or because the mailbox has as many as it takes. And such that say
//! they stored it, and did not.

use crate::pair::{Pair, Told, mail, offers};
use offlinesync_core::{Flags, MessageId};
use offlinesync_imap::testing::server::{Action, Received};

const REFUSED: &str = "label";

fn flags(names: &[&str]) -> Flags {
    Flags::from_imap(names.iter().copied())
}

/// The server takes no command that says the keyword.
fn refuse(pair: &Pair) {
    let says = |received: &Received| received.line.contains(REFUSED);
    let changes = |received: &Received| received.name == "UID STORE" || received.name == "APPEND";
    pair.lie(move |received| match changes(received) && says(received) {
        true => Action::Bad("Invalid keyword"),
        false => Action::Continue,
    });
}

/// The flags of the message with this UID in the server's INBOX.
fn there(pair: &Pair, uid: u32) -> Flags {
    let messages = pair.server.mailbox("u1", "INBOX").messages();
    let message = messages.iter().find(|message| message.uid == uid).unwrap();
    Flags::from_imap(message.flags.iter().map(|flag| &**flag))
}

/// What the message with the UID 8 is called here.
fn eighth(pair: &Pair) -> MessageId {
    pair.local.mails("INBOX").into_iter().find(|(_, held)| held.octets == mail(207)).unwrap().0
}

/// The flags that a message has here.
fn here(pair: &Pair, id: &MessageId) -> Flags {
    pair.local.mails("INBOX").into_iter().find(|(held, _)| held == id).unwrap().1.flags
}

fn names_the_keyword(told: &Told) {
    told.says(&["keyword 'label'"]);
}

/// The other flags of the same command waited as long as the keyword did.
#[test]
fn a_keyword_that_the_server_refuses_holds_no_other_flag_back() {
    for options in offers() {
        let pair = Pair::new(options);
        let id = eighth(&pair);
        pair.local.set_flags("INBOX", &id, flags(&["\\Answered", "\\Seen", "work", REFUSED]));
        refuse(&pair);
        names_the_keyword(&pair.sync());
        assert_eq!(there(&pair, 8), flags(&["\\Answered", "\\Seen", "work"]));
        pair.server.behave();
        pair.in_step();
        assert_eq!(there(&pair, 8), flags(&["\\Answered", "\\Seen", "work", REFUSED]));
    }
}

/// What the two sides agreed on meanwhile was not written down as long as the keyword was refused: a flag taken away here came back, and one set
/// again there was taken away.
#[test]
fn flags_change_as_ever_while_a_keyword_is_refused() {
    for options in offers() {
        let pair = Pair::new(options);
        let id = eighth(&pair);
        pair.local.set_flags("INBOX", &id, flags(&["\\Answered", REFUSED]));
        refuse(&pair);
        names_the_keyword(&pair.sync());
        pair.local.set_flags("INBOX", &id, flags(&[REFUSED]));
        names_the_keyword(&pair.sync());
        assert_eq!((there(&pair, 8), here(&pair, &id)), (flags(&[]), flags(&[REFUSED])));
        pair.server.mailbox("u1", "INBOX").flag(8, &["\\Answered"], &[]);
        names_the_keyword(&pair.sync());
        assert_eq!((there(&pair, 8), here(&pair, &id)), (flags(&["\\Answered"]), flags(&["\\Answered", REFUSED])));
        pair.in_step();
    }
}

/// It stayed here as long as it bore the keyword.
#[test]
fn a_message_with_a_keyword_that_the_server_refuses_goes_up_without_it() {
    for (options, others) in offers().into_iter().flat_map(|options| [(options.clone(), 0), (options, 3)]) {
        let pair = Pair::new(options);
        let id = pair.local.add("INBOX", &mail(800), flags(&["\\Seen", REFUSED]));
        (801..801 + others).for_each(|number| drop(pair.local.add("INBOX", &mail(number), flags(&["work"]))));
        refuse(&pair);
        names_the_keyword(&pair.sync());
        pair.equal();
        let appended = pair.server.count("APPEND");
        names_the_keyword(&pair.sync());
        pair.equal();
        assert_eq!(pair.server.count("APPEND"), appended, "it is not sent again");
        assert_eq!(here(&pair, &id), flags(&["\\Seen", REFUSED]));
        let held = pair.server.mailbox("u1", "INBOX").messages();
        let sent = held.iter().find(|message| message.bytes == mail(800)).unwrap().uid;
        assert_eq!(there(&pair, sent), flags(&["\\Seen"]));
        pair.in_step();
        assert_eq!(there(&pair, sent), flags(&["\\Seen", REFUSED]));
    }
}

/// One that is sent while it is read cannot be sent again from memory: alone, it waited at every run.
#[test]
fn a_large_message_with_a_keyword_that_the_server_refuses_is_read_again_and_goes_up_without_it() {
    for options in offers() {
        let pair = Pair::new(options);
        let mut large = mail(800);
        large.extend(b"sixteen octets\r\n".repeat(200_000));
        let id = pair.local.add("INBOX", &large, flags(&["\\Seen", REFUSED]));
        refuse(&pair);
        names_the_keyword(&pair.sync());
        pair.equal();
        let appended = pair.server.count("APPEND");
        names_the_keyword(&pair.sync());
        assert_eq!(pair.server.count("APPEND"), appended, "it is not sent again");
        let held = pair.server.mailbox("u1", "INBOX").messages();
        let sent = held.iter().find(|message| message.bytes == large).unwrap().uid;
        assert_eq!((there(&pair, sent), here(&pair, &id)), (flags(&["\\Seen"]), flags(&["\\Seen", REFUSED])));
        pair.in_step();
        assert_eq!(there(&pair, sent), flags(&["\\Seen", REFUSED]));
    }
}

/// The server says that it stored the keyword, and has forgotten it when it is asked next.
fn forget(pair: &Pair) {
    let mail = pair.server.mail();
    pair.lie(move |received| {
        let inbox = mail.mailbox("u1", "INBOX");
        if !matches!(&*received.name, "UID STORE" | "APPEND") {
            for message in inbox.messages().iter().filter(|message| message.flags.iter().any(|flag| **flag == *REFUSED))
            {
                inbox.flag(message.uid, &[], &[REFUSED]);
            }
        }
        Action::Continue
    });
}

/// A keyword that it said to have stored and did not show was taken for removed there, and was removed here.
#[test]
fn a_keyword_that_the_server_only_says_it_stored_stays_here() {
    for options in offers() {
        let pair = Pair::new(options);
        let id = eighth(&pair);
        pair.local.set_flags("INBOX", &id, flags(&["\\Seen", "work", REFUSED]));
        let new = pair.local.add("INBOX", &mail(800), flags(&["\\Flagged", REFUSED]));
        forget(&pair);
        let stays = || {
            assert_eq!(
                (there(&pair, 8), here(&pair, &id)),
                (flags(&["\\Seen", "work"]), flags(&["\\Seen", "work", REFUSED]))
            );
            assert_eq!(here(&pair, &new), flags(&["\\Flagged", REFUSED]));
        };
        for _ in 0..2 {
            pair.sync().is_silent();
            stays();
        }
        let stored = pair.server.count("UID STORE");
        pair.sync().is_silent();
        assert_eq!(pair.server.count("UID STORE"), stored, "nobody touched the folder");
        pair.server.mailbox("u1", "INBOX").flag(8, &["\\Answered"], &[]);
        pair.sync().is_silent();
        assert_eq!(here(&pair, &id), flags(&["\\Answered", "\\Seen", "work", REFUSED]));
        pair.server.behave();
        pair.local.set_flags("INBOX", &id, flags(&["\\Answered", "\\Seen", REFUSED]));
        pair.in_step();
        assert_eq!(there(&pair, 8), flags(&["\\Answered", "\\Seen", REFUSED]));
    }
}
