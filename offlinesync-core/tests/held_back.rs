//! What a policy holds back while something else is unfinished: it waits, and is done once the policy allows it.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::{PerSide, Policy, Side};
use world::World;

/// The run that came next was not allowed to remove what the first had uploaded. It took the matter for settled: the message was on one side
/// alone for ever, and no run said so.
#[test]
fn what_was_uploaded_before_its_source_was_removed_waits_while_removals_are_held_back() {
    let keeping = Policy { propagate_removals: PerSide { remote: true, local: false }, ..Policy::default() };
    let read_only = Policy { read_only: PerSide { remote: true, local: false }, ..Policy::default() };
    for policy in [keeping, read_only] {
        for (kind, n) in (0..World::of_every_kind().len()).flat_map(|kind| (1..20).map(move |n| (kind, n))) {
            let (name, world) = World::of_every_kind().swap_remove(kind);
            let counts = || Side::BOTH.map(|side| world.store(side).count("INBOX"));
            let source = world.add(Side::Local, "INBOX", "letter");
            world.faults.stop_after(n);
            let _ = world.try_sync(Policy::default());
            world.faults.mend();
            world.store(Side::Local).remove("INBOX", &source);
            let (uploaded, when) = (world.store(Side::Remote).count("INBOX"), format!("{name}, after effect {n}"));
            assert!(world.try_sync(policy.clone()).unwrap().in_step(), "{when}");
            let read = world.fetched();
            assert!(world.try_sync(policy.clone()).unwrap().in_step(), "{when}");
            assert_eq!((counts(), world.fetched()), ([uploaded, 0], read), "{when}");
            world.sync();
            assert_eq!(counts(), [0, 0], "{when}");
        }
    }
}
