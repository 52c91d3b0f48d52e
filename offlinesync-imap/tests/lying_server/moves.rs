//! Lies about the numbers that moved messages have.

use crate::pair::{Pair, mail, offers};
use offlinesync_core::{Flags, Policy};
use offlinesync_imap::testing::server::{Action, Options, Received};

const MOVED: [u32; 2] = [700, 701];

/// A message that its header tells from every other.
fn letter(number: u32) -> Vec<u8> {
    format!("Subject: a letter with the number {number}\r\nMessage-ID: <{number}@letters.example.org>\r\n\r\nx\r\n")
        .into()
}

fn moves(received: &Received) -> bool {
    received.name == "UID MOVE"
}

/// In step, with two messages moved from INBOX to the archive here.
fn with_moved(options: Options) -> Pair {
    let pair = Pair::new(options);
    MOVED.iter().for_each(|number| {
        pair.server.mailbox("u1", "INBOX").add(&letter(*number), &[]);
    });
    pair.in_step();
    for number in MOVED {
        let (id, _) = pair.local.mails("INBOX").into_iter().find(|(_, held)| held.octets == letter(number)).unwrap();
        pair.local.remove("INBOX", &id);
        pair.local.add("Archive", &letter(number), Flags::default());
    }
    pair
}

/// Exchanges the new UIDs in COPYUID.
fn told_as(new: impl Fn(&str) -> String + Send + Sync + 'static) -> Action {
    Action::lines(move |line| {
        let Some((before, rest)) = line.split_once("[COPYUID ") else { return vec![line.to_owned()] };
        let (numbers, after) = rest.split_once(']').unwrap();
        let numbers: Vec<&str> = numbers.split(' ').collect();
        vec![format!("{before}[COPYUID {} {} {}]{after}", numbers[0], numbers[1], new(numbers[2]))]
    })
}

/// Lies while the messages are moved; then everything is there, on both sides, once.
fn costs_nothing(options: Options, arrives: bool, lie: &'static str) {
    let pair = with_moved(options);
    let mail_of = pair.server.mail();
    pair.lie(move |received| match moves(received) {
        true => {
            if arrives {
                mail_of.mailbox("u1", "Archive").add(&mail(950), &[]);
            }
            told_as(move |_| lie.to_owned())
        }
        false => Action::Continue,
    });
    pair.sync();
    assert!(pair.lies() > 0, "{:?}", pair.server.log());
    pair.server.behave();
    pair.sync();
    let archived = pair.server.mailbox("u1", "Archive").messages();
    MOVED.iter().for_each(|number| assert!(archived.iter().any(|held| held.bytes == letter(*number)), "{lie}"));
    pair.sync_with(Policy { accept_new_numbering: true, ..Policy::default() }).is_silent();
    pair.equal();
    let mut held: Vec<Vec<u8>> = pair.world().local.into_iter().map(|(_, octets)| octets).collect();
    let all = held.len();
    held.sort();
    held.dedup();
    assert_eq!((all, held.len()), (64 + usize::from(arrives), 64 + usize::from(arrives)), "{lie}");
    let archived = pair.local.mails("Archive");
    MOVED.iter().for_each(|number| assert!(archived.iter().any(|(_, held)| held.octets == letter(*number)), "{lie}"));
    pair.in_step();
}

/// The row of another message was exchanged for that of the moved one.
#[test]
fn a_moved_message_that_is_told_to_have_the_number_of_another_is_looked_for() {
    offers().into_iter().for_each(|options| costs_nothing(options, false, "1:2"));
    offers().into_iter().for_each(|options| costs_nothing(options, false, "31,31"));
}

/// What was moved came back as new, and later was taken for removed.
#[test]
fn a_moved_message_that_is_told_to_have_the_number_of_nobody_is_neither_doubled_nor_removed() {
    offers().into_iter().for_each(|options| costs_nothing(options, false, "41:42"));
}

/// The numbers are those of the message before each.
#[test]
fn a_moved_message_that_is_told_to_have_the_number_of_a_new_one_is_found_by_content() {
    offers().into_iter().for_each(|options| costs_nothing(options, true, "31:32"));
}

/// A server without MOVE copied the messages and did not remove them. They came back where they had been, as new ones.
#[test]
fn a_message_that_was_copied_and_could_not_be_removed_is_not_there_twice() {
    for options in offers() {
        let pair = with_moved(options.without("MOVE"));
        let before = pair.world();
        pair.lie(|received| match received.name.as_str() {
            "UID EXPUNGE" => Action::No("[SERVERBUG] not now"),
            _ => Action::Continue,
        });
        pair.sync().says(&["not now"]);
        assert!(pair.lies() > 0, "{:?}", pair.server.log());
        assert_eq!(pair.world().local, before.local);
        pair.in_step();
        assert_eq!(pair.world().local, before.local);
    }
}
