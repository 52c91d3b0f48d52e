//! What a run that was killed left in a store, and whose source was taken away before the next: it goes with it.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::testing::Knobs;
use offlinesync_core::{ErrorKind, FolderPair, NothingKnown, Policy, Repository, Side, StatusStore};
use std::collections::BTreeMap;
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

/// The next listing was a whole one on both sides, with every break of a poor line anew: the downloads that it cut short had been written down, and
/// nobody said that nothing had come of them. Only where the store itself failed may there be something.
#[test]
fn a_line_that_breaks_in_a_download_leaves_nothing_to_look_for() {
    let mut left = BTreeMap::new();
    for n in 1..40 {
        let world = World::new(Knobs::imap(), Knobs::maildir());
        (0..3).for_each(|n| drop(world.add(Side::Remote, "INBOX", &format!("old {n}"))));
        world.sync();
        world.add(Side::Remote, "INBOX", "letter");
        world.add(Side::Remote, "INBOX", "another");
        let at = world.faults.effects() + n;
        world.faults.fail_at(at, ErrorKind::Unavailable);
        if world.try_sync(Policy::default()).is_ok_and(|report| report.in_step()) {
            break;
        }
        let what = world.faults.log()[usize::try_from(at).unwrap() - 1];
        let intents = world
            .status
            .folder(&FolderPair { remote: "INBOX".into(), local: "INBOX".into() })
            .unwrap()
            .intents()
            .unwrap();
        left.insert(what, intents.len());
        world.sync();
        assert_eq!(Side::BOTH.map(|side| world.store(side).count("INBOX")), [5, 5], "failed at '{what}'");
    }
    assert_eq!((left.get("fetch"), left.get("commit")), (Some(&0), Some(&2)), "{left:?}");
}

/// A run was killed after it had written what it uploaded down, and before it had named the files after their copies. No later run did, so that
/// OfflineIMAP, which goes by names, took them for new, and `export offlineimap` refused the folder for good.
#[test]
fn what_a_killed_run_uploaded_is_told_its_number_by_the_next() {
    for n in 1..40 {
        let world = World::new(Knobs::imap(), Knobs::maildir());
        (0..3).for_each(|n| drop(world.add(Side::Remote, "INBOX", &format!("old {n}"))));
        world.sync();
        (0..3).for_each(|n| drop(world.add(Side::Local, "INBOX", &format!("letter {n}"))));
        world.faults.stop_before(world.faults.effects() + n);
        let _ = world.try_sync(Policy::default());
        world.faults.mend();
        world.sync();
        let mut folder = world.store(Side::Local).open(&"INBOX".into()).unwrap();
        let listed = folder.changes(None, &NothingKnown).unwrap().present;
        let nameless = listed.iter().filter(|entry| entry.partner.is_none()).count();
        assert_eq!((listed.len(), nameless), (6, 0), "stopped before effect {n}");
        assert_eq!(world.store(Side::Remote).count("INBOX"), 6, "stopped before effect {n}");
    }
}
