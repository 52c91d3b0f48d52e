//! Messages that look alike from outside and are not the same: cron reports, saved notes. Taken for one, each side would keep one of
//! them for ever, and removing one would remove the other.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Faults, Faulty, FaultyStatus, Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Flags, MemoryStatus, MessageId, PerSide, Side};
use std::sync::Arc;

struct World {
    faults: Faults,
    sides: PerSide<Faulty<MemoryRepository>>,
    status: Arc<FaultyStatus<MemoryStatus>>,
}

/// One header, without a Message-ID, and one size: only the body tells these messages apart.
fn report(number: u32) -> Vec<u8> {
    format!("From: cron@example.org\r\nSubject: the nightly report, as every night\r\n\r\n{number:08}\r\n").into_bytes()
}

impl World {
    fn new() -> Self {
        let faults = Faults::new();
        let store = |name, knobs| {
            let knobs = Knobs { tells_octets: true, ..knobs };
            Faulty::new(MemoryRepository::new(name, knobs).with_folder("INBOX").with_folder("Archive"), &faults)
        };
        World {
            sides: PerSide { remote: store("remote", Knobs::imap()), local: store("local", Knobs::maildir()) },
            status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)),
            faults,
        }
    }

    fn add(&self, side: Side, folder: &str, number: u32) -> MessageId {
        self.sides[side].inner().add(folder, &report(number), Flags::default())
    }

    fn try_sync(&self) -> bool {
        let [remote, local] = Side::BOTH.map(|side| Arc::new(self.sides[side].clone()));
        let account = Account::new("A", remote, local, self.status.clone());
        account.sync(&(), &Cancel::new()).is_ok_and(|report| report.in_step())
    }

    #[track_caller]
    fn assert_holds(&self, folder: &str, numbers: &[u32]) {
        for side in Side::BOTH {
            let mut held: Vec<Vec<u8>> =
                self.sides[side].inner().mails(folder).into_iter().map(|(_, held)| held.octets).collect();
            held.sort();
            let expected: Vec<Vec<u8>> = numbers.iter().map(|number| report(*number)).collect();
            assert!(held == expected, "{folder} on the {side} side holds {} messages", held.len());
        }
    }
}

/// offlineimap3 #140: many messages that look alike.
#[test]
fn at_a_first_meeting_two_messages_alike_are_two() {
    let world = World::new();
    world.add(Side::Remote, "INBOX", 1);
    world.add(Side::Local, "INBOX", 2);
    assert!(world.try_sync());
    world.assert_holds("INBOX", &[1, 2]);
}

#[test]
fn a_message_that_left_and_one_alike_that_came_into_another_folder_are_two() {
    let world = World::new();
    let removed = world.add(Side::Remote, "INBOX", 1);
    (10..14).for_each(|number| drop(world.add(Side::Remote, "INBOX", number)));
    assert!(world.try_sync() && world.try_sync());
    world.sides.remote.inner().remove("INBOX", &removed);
    world.add(Side::Remote, "Archive", 2);
    assert!(world.try_sync());
    world.assert_holds("INBOX", &[10, 11, 12, 13]);
    world.assert_holds("Archive", &[2]);
}

/// Found by a soak: an upload was cut short, and meanwhile a message alike came in where it went.
#[test]
fn an_upload_that_was_cut_short_and_a_message_alike_that_came_in_are_two() {
    for effect in 1.. {
        let world = World::new();
        world.add(Side::Remote, "INBOX", 7);
        assert!(world.try_sync() && world.try_sync());
        let before = world.faults.effects();
        world.add(Side::Local, "INBOX", 1);
        world.faults.stop_before(before + effect);
        let done = world.try_sync();
        world.faults.mend();
        world.add(Side::Remote, "INBOX", 2);
        assert!(world.try_sync());
        world.assert_holds("INBOX", &[1, 2, 7]);
        if done {
            assert!(effect > 5, "the upload was cut short at every step");
            return;
        }
    }
}
