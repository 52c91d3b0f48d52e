//! What a policy keeps back is not forgotten: once the policy allows it, it is done, however the sides list their changes.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Knobs, MemoryRepository, WitnessKnob};
use offlinesync_core::{Cancel, Flags, MemoryStatus, PerSide, Policy};
use std::sync::Arc;

struct World {
    remote: MemoryRepository,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

fn worlds() -> Vec<World> {
    let world = |remote, local| World {
        remote: MemoryRepository::new("R", remote),
        local: MemoryRepository::new("L", local),
        status: Arc::default(),
    };
    let whole = || Knobs { witness: WitnessKnob::Nothing, ..Knobs::maildir() };
    vec![
        world(Knobs::imap(), Knobs::imap()),
        world(Knobs::imap(), whole()),
        world(whole(), Knobs::imap()),
        world(whole(), whole()),
    ]
}

impl World {
    /// Three messages on both sides.
    fn settled(self) -> World {
        for n in 0..3 {
            self.remote.add("INBOX", format!("Subject: {n}\r\n\r\nbody {n}\r\n").as_bytes(), Flags::default());
        }
        self.sync(&Policy::default());
        self
    }

    fn sync(&self, policy: &Policy) -> Report {
        let account =
            Account::new("A", Arc::new(self.remote.clone()), Arc::new(self.local.clone()), self.status.clone());
        let report = account.with_policy(policy.clone()).sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        report
    }

    fn flags(&self, side: &MemoryRepository) -> Vec<(Vec<u8>, String)> {
        let mails = side.mails("INBOX").into_iter();
        let mut mails: Vec<_> = mails.map(|(_, mail)| (mail.octets, mail.flags.to_string())).collect();
        mails.sort();
        mails
    }

    fn assert_in_step(&self) {
        assert_eq!(self.flags(&self.remote), self.flags(&self.local));
    }
}

#[test]
fn what_waits_for_a_read_only_remote_is_done_once_it_may_be_changed() {
    for world in worlds().into_iter().map(World::settled) {
        let protected = Policy { read_only: PerSide { remote: true, local: false }, ..Policy::default() };
        let before = world.flags(&world.remote);
        world.local.add("INBOX", b"Subject: new\r\n\r\nnew\r\n", Flags::default());
        let (flagged, _) = world.local.mails("INBOX").swap_remove(0);
        let (removed, _) = world.local.mails("INBOX").swap_remove(1);
        world.local.set_flags("INBOX", &flagged, Flags::from_imap(["\\Flagged", "todo"]));
        world.local.remove("INBOX", &removed);
        world.sync(&protected);
        world.sync(&protected);
        assert_eq!(world.flags(&world.remote), before);
        world.sync(&Policy::default());
        world.assert_in_step();
        assert_eq!(world.remote.mails("INBOX").len(), 3);
    }
}

/// OfflineIMAP #47: mail that was removed on one side was to be kept on the other.
#[test]
fn a_removal_that_is_not_carried_over_does_not_trouble_later_runs() {
    for world in worlds().into_iter().map(World::settled) {
        let keep = Policy { propagate_removals: PerSide { remote: true, local: false }, ..Policy::default() };
        let (removed, _) = world.local.mails("INBOX").swap_remove(0);
        world.local.remove("INBOX", &removed);
        world.sync(&keep);
        for (id, _) in world.remote.mails("INBOX") {
            world.remote.set_flags("INBOX", &id, Flags::from_imap(["\\Seen"]));
        }
        world.sync(&keep);
        assert_eq!((world.remote.mails("INBOX").len(), world.local.mails("INBOX").len()), (3, 2));
        world.sync(&Policy::default());
        world.assert_in_step();
        assert_eq!(world.remote.mails("INBOX").len(), 2);
    }
}
