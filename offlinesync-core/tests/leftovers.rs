//! What a run that was killed left in a store, and whose source was taken away before the next: it goes with it.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::{Policy, Side};
use world::World;

/// A run was killed after it had put messages in the Maildir and before that was written, and they were removed on the server before the next: it took
/// them for new ones, and uploaded them.
#[test]
fn what_was_downloaded_before_its_source_was_removed_goes_with_it() {
    for (kind, n) in (0..World::of_every_kind().len()).flat_map(|kind| (1..40).map(move |n| (kind, n))) {
        let (name, world) = World::of_every_kind().swap_remove(kind);
        (0..3).for_each(|n| drop(world.add(Side::Remote, "INBOX", &format!("old {n}"))));
        world.sync();
        let source = world.add(Side::Remote, "INBOX", "letter");
        world.add(Side::Remote, "INBOX", "another");
        world.faults.stop_after(world.faults.effects() + n);
        let _ = world.try_sync(Policy::default());
        world.faults.mend();
        world.store(Side::Remote).remove("INBOX", &source);
        world.add(Side::Local, "INBOX", "of our own");
        world.sync();
        let counts = Side::BOTH.map(|side| world.store(side).count("INBOX"));
        assert_eq!(counts, [5, 5], "{name}, stopped after effect {n}");
        let read = world.fetched();
        world.sync();
        assert_eq!(world.fetched(), read, "{name}: all is settled");
    }
}
