//! What goes wrong in a run, and what it holds back.

use crate::error::ErrorKind;
use crate::message::{MessageId, PerSide, Side};
use crate::policy::Policy;
use crate::testing::{Bad, Faults};
use std::collections::BTreeSet;

/// How a run ends, at which of its effects.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the methods of `Faults` of these names say what they are")]
pub enum Ends {
    Well,
    Before(u64),
    Within(u64),
    After(u64),
    Failing(u64),
    /// As [`Ends::After`], and what was not durable is lost, all or some of it; that is up to the store.
    Power(u64, Option<u64>),
}

impl Ends {
    /// Lets the run that begins now end so.
    pub fn arrange(self, faults: &Faults) {
        let before = faults.effects();
        match self {
            Ends::Well => {}
            Ends::Before(n) => faults.stop_before(before + n),
            Ends::Within(n) => faults.stop_within(before + n),
            Ends::After(n) | Ends::Power(n, _) => faults.stop_after(before + n),
            Ends::Failing(n) => faults.fail_at(before + n, ErrorKind::Message),
        }
    }
}

/// Some messages of one side, with which something cannot be done for the time being. `I` is how a suite draws one of many.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "what the fields are says their names")]
pub struct Trouble<I> {
    pub side: Side,
    pub which: Vec<I>,
    pub what: Fails,
}

/// What fails for a message.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "as the fields of `Bad`")]
pub enum Fails {
    /// It cannot be looked at at all.
    Everything,
    Header,
    Body,
    /// Its body, in the middle.
    Rest,
    /// The other side does not take it.
    Begin,
    /// The other side takes it and does not store it.
    Commit,
    Flags,
    Removal,
    Move,
}

impl<I> Trouble<I> {
    /// The side whose store fails.
    pub fn at(&self) -> Side {
        if matches!(self.what, Fails::Begin | Fails::Commit) { self.side.other() } else { self.side }
    }

    /// What fails there, where `choose` finds the messages that were drawn.
    pub fn bad(&self, choose: impl FnMut(&I) -> Option<MessageId>) -> Bad {
        let ids: BTreeSet<MessageId> = self.which.iter().filter_map(choose).collect();
        let mut bad = Bad::default();
        match self.what {
            Fails::Everything => (bad.headerless, bad.unreadable) = (ids.clone(), ids),
            Fails::Header => bad.headerless = ids,
            Fails::Body => bad.unreadable = ids,
            Fails::Rest => bad.breaking_off = ids,
            Fails::Begin => bad.refused = ids,
            Fails::Commit => bad.not_committed = ids,
            Fails::Flags => bad.unchangeable = ids,
            Fails::Removal => bad.unremovable = ids,
            Fails::Move => bad.unmovable = ids,
        }
        bad
    }
}

/// What the policy of one sync holds back.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Changes of this side.
    ReadOnly(Side),
    /// Removals on this side.
    Removals(Side),
    /// New folders.
    Folders,
    /// Nothing; what the numbers say need not hold.
    Numbers,
    /// Nothing; folders that are missing are filled again.
    Missing,
}

impl Bound {
    /// Lets a policy say so.
    pub fn bind(self, policy: &mut Policy) {
        match self {
            Bound::ReadOnly(side) => policy.read_only[side] = true,
            Bound::Removals(side) => policy.propagate_removals[side] = false,
            Bound::Folders => policy.create_folders = PerSide::default(),
            Bound::Numbers => policy.accept_new_numbering = true,
            Bound::Missing => policy.restore_missing_folders = true,
        }
    }
}
