//! An older copy of the status is put back: what was synced since is known by what is on both sides.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::status::copy_status;
use offlinesync_core::testing::Knobs;
use offlinesync_core::{MemoryStatus, Policy, Side};
use world::World;

impl World {
    /// Seven messages in step, of which the status knows the first alone.
    fn with_older_status(self) -> Self {
        self.add(Side::Remote, "INBOX", "first");
        self.sync();
        let older = MemoryStatus::default();
        copy_status(self.status.inner(), &older).unwrap();
        (0..3).for_each(|n| drop(self.add(Side::Local, "INBOX", &format!("letter {n}"))));
        (3..6).for_each(|n| drop(self.add(Side::Remote, "INBOX", &format!("letter {n}"))));
        self.sync();
        copy_status(&older, self.status.inner()).unwrap();
        self
    }

    fn assert_once(&self, when: &str) {
        self.sync();
        assert_eq!(Side::BOTH.map(|side| self.store(side).count("INBOX")), [7, 7], "{when}");
    }
}

/// Between a server and a Maildir, and between two servers.
fn worlds() -> impl Iterator<Item = (&'static str, World)> {
    World::of_every_kind().into_iter().take(2)
}

#[test]
fn what_was_synced_since_is_there_once_and_read_by_nobody() {
    for (name, world) in worlds() {
        let world = world.with_older_status();
        let before = world.fetched();
        world.assert_once(name);
        assert_eq!(world.fetched(), before, "{name}");
    }
}

#[test]
fn a_run_may_be_stopped_at_any_effect_while_it_finds_out() {
    for n in 1..20 {
        for (name, world) in worlds() {
            let world = world.with_older_status();
            world.faults.stop_after(world.faults.effects() + n);
            let _ = world.try_sync(Policy::default());
            world.faults.mend();
            world.assert_once(&format!("{name}, stopped after effect {n}"));
        }
    }
}

/// A server that tells no UIDs had its messages listed after the upload, and the files never got to know their numbers. With the status of an
/// earlier day both were new, and each was copied to the other side.
#[test]
fn what_was_uploaded_to_a_server_that_tells_no_uids_is_known_by_its_name_too() {
    let world = World::new(Knobs { tells_ids: false, ..Knobs::imap() }, Knobs::maildir());
    world.with_older_status().assert_once("");
}

/// A message that was moved was known by its row alone, for the name of its file told of the folder it came from. With the status of an earlier day
/// it was new on both sides, and each was copied to the other.
#[test]
fn what_was_moved_on_either_side_is_known_by_its_name_too() {
    for side in Side::BOTH {
        let world = World::new(Knobs::imap(), Knobs::maildir());
        world.add(Side::Remote, "Archive", "first");
        let letter = world.add(side, "INBOX", "a letter");
        world.sync();
        let older = MemoryStatus::default();
        copy_status(world.status.inner(), &older).unwrap();
        world.store(side).remove("INBOX", &letter);
        world.add(side, "Archive", "a letter");
        world.sync();
        copy_status(&older, world.status.inner()).unwrap();
        world.sync();
        let counts = Side::BOTH.map(|on| ["INBOX", "Archive"].map(|folder| world.store(on).count(folder)));
        assert_eq!(counts, [[0, 2], [0, 2]], "moved on the {side} side");
    }
}
