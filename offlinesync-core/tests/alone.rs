//! Folders that another program syncs, too: what it left on one side alone stays so, and what it put on both sides is one message.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{Batch, Cancel, ErrorKind, FolderPair, MemoryStatus, Policy, Row, Side, StatusStore};
use std::sync::Arc;

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.org>\r\nSubject: message {n} of the test\r\nTo: me\r\n\r\nbody {n}\r\n")
        .into_bytes()
}

struct World {
    sides: [MemoryRepository; 2],
    status: Arc<MemoryStatus>,
}

impl World {
    fn new(remote: Knobs, local: Knobs) -> World {
        let sides = [MemoryRepository::new("R", remote), MemoryRepository::new("L", local)];
        World { sides, status: Arc::default() }
    }

    fn sync(&self, policy: Policy) -> Report {
        let [remote, local] = self.sides.clone().map(Arc::new);
        Account::new("A", remote, local, self.status.clone()).with_policy(policy).sync(&(), &Cancel::new()).unwrap()
    }

    /// A message of one side that is known to be there alone.
    fn add_alone(&self, side: Side, n: u32) -> offlinesync_core::MessageId {
        let id = self.sides[side as usize].add("INBOX", &mail(n), Default::default());
        let pair = FolderPair { remote: "INBOX".into(), local: "INBOX".into() };
        let upsert = vec![Row::alone(side, id.clone())];
        self.status.folder(&pair).unwrap().apply(Batch { upsert, ..Batch::default() }).unwrap();
        id
    }

    fn rows(&self) -> u64 {
        self.status.folders().unwrap()[0].2
    }

    fn counts(&self) -> [usize; 2] {
        [0, 1].map(|at: usize| self.sides[at].mails("INBOX").len())
    }
}

fn worlds() -> [World; 3] {
    [
        World::new(Knobs::imap(), Knobs::maildir()),
        World::new(Knobs::plain_imap(), Knobs::maildir()),
        World::new(Knobs::imap(), Knobs::imap()),
    ]
}

#[test]
fn a_message_that_is_alone_is_neither_copied_nor_removed_and_forgotten_when_it_has_gone() {
    for world in worlds() {
        (0..5).for_each(|n| drop(world.sides[0].add("INBOX", &mail(n), Default::default())));
        world.sync(Policy::default());
        let ids = Side::BOTH.map(|side| world.add_alone(side, 10 + side as u32));
        assert!(world.sync(Policy::default()).in_step());
        assert_eq!((world.counts(), world.rows()), ([6, 6], 7));
        world.sides[1].add("INBOX", &mail(20), Default::default());
        assert!(world.sync(Policy::default()).in_step());
        assert_eq!((world.counts(), world.rows()), ([7, 7], 8));
        ids.iter().zip(&world.sides).for_each(|(id, side)| side.remove("INBOX", id));
        assert!(world.sync(Policy::default()).in_step());
        assert_eq!((world.counts(), world.rows()), ([6, 6], 6));
    }
}

#[test]
fn messages_that_are_alone_do_not_hide_that_a_folder_was_wiped() {
    for world in worlds() {
        (0..30).for_each(|n| drop(world.sides[0].add("INBOX", &mail(n), Default::default())));
        world.sync(Policy::default());
        world.add_alone(Side::Remote, 100);
        world.sync(Policy::default());
        for (id, _) in world.sides[1].mails("INBOX") {
            world.sides[1].remove("INBOX", &id);
        }
        let report = world.sync(Policy::default());
        assert_eq!(report.failures[0].error.kind(), ErrorKind::Refused);
        assert_eq!(world.counts(), [31, 0]);
    }
}

#[test]
fn what_another_program_put_on_both_sides_is_one_message_and_only_the_rest_is_copied() {
    for local in [Knobs { shared: true, ..Knobs::maildir() }, Knobs { shared: true, ..Knobs::imap() }] {
        let world = World::new(Knobs::imap(), local);
        world.sides[0].add("INBOX", &mail(0), Default::default());
        world.sync(Policy::default());
        for side in &world.sides {
            (1..4).for_each(|n| drop(side.add("INBOX", &mail(n), Default::default())));
        }
        let marked = String::from_utf8(mail(4)).unwrap().replace("To: me", "X-TUID: 0123456789ab\r\nTo: me");
        world.sides[0].add("INBOX", &mail(4), Default::default());
        world.sides[1].add("INBOX", marked.as_bytes(), Default::default());
        world.sides[0].add("INBOX", &mail(1), Default::default());
        world.sides[1].add("INBOX", &mail(5), Default::default());
        assert!(world.sync(Policy::default()).in_step());
        assert_eq!((world.counts(), world.rows()), ([7, 7], 7));
    }
}
