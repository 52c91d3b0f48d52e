//! Two stores in memory and an account between them. Every effect on either, or on the status, counts as one and can be made to fail.

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Faults, Faulty, FaultyStatus, Knobs, Mail, MemoryRepository};
use offlinesync_core::{Cancel, Flags, MemoryStatus, MessageId, PerSide, Policy, Repository, Result, Side};
use std::sync::Arc;

pub(crate) struct World {
    pub(crate) faults: Faults,
    pub(crate) sides: PerSide<Faulty<MemoryRepository>>,
    pub(crate) status: Arc<FaultyStatus<MemoryStatus>>,
}

impl World {
    /// Both sides have an INBOX and nothing in it.
    pub(crate) fn new(remote: Knobs, local: Knobs) -> Self {
        let faults = Faults::new();
        let store = |name, knobs| {
            let knobs = Knobs { tells_octets: true, separator: Some('/'), ..knobs };
            Faulty::new(MemoryRepository::new(name, knobs).with_folder("INBOX"), &faults)
        };
        World {
            sides: PerSide { remote: store("remote", remote), local: store("local", local) },
            status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)),
            faults,
        }
    }

    /// Every two kinds of stores that are synced.
    pub(crate) fn of_every_kind() -> Vec<(&'static str, World)> {
        vec![
            ("IMAP and Maildir", World::new(Knobs::imap(), Knobs::maildir())),
            ("IMAP and IMAP", World::new(Knobs::imap(), Knobs::imap())),
            ("Maildir and Maildir", World::new(Knobs::maildir(), Knobs::maildir())),
        ]
    }

    pub(crate) fn store(&self, side: Side) -> &MemoryRepository {
        self.sides[side].inner()
    }

    pub(crate) fn add(&self, side: Side, folder: &str, text: &str) -> MessageId {
        self.store(side).add(folder, &Mail::text(text).bytes, Flags::default())
    }

    pub(crate) fn try_sync(&self, policy: Policy) -> Result<Report> {
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        let account = Account::new("A", store(Side::Remote), store(Side::Local), self.status.clone());
        account.with_policy(policy).sync(&(), &Cancel::new())
    }

    pub(crate) fn sync(&self) -> Report {
        let report = self.try_sync(Policy::default()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        report
    }

    /// How many contents were read.
    pub(crate) fn fetched(&self) -> u64 {
        Side::BOTH.map(|side| self.store(side).calls().fetched).iter().sum()
    }
}
