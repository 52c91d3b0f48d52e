//! The planner: from what is known of each touched message to what shall be done. Pure: no I/O, clock, thread, randomness or hash order.
//!
//! [`table`] is the law for one flag, [`merge`](mod@merge) applies it to all flags of a message, [`plan`] to all messages of a pair of folders;
//! [`brake`] judges a plan, [`folders`] decides which folders there are to plan for, [`renames`] which of them have new names.

pub mod brake;
pub mod folders;
pub mod merge;
pub mod renames;
pub mod table;

use crate::flags::{FlagSupport, Flags, SystemFlags};
use crate::message::{MessageId, PerSide, Side};
use crate::status::Row;

/// What a side says about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The side did not speak of it: as the row says; without a row, not there.
    Unchanged,
    /// Positively reported gone.
    Gone,
    /// There, with these flags.
    Present(MessageId, Flags),
}

/// One message that at least one side spoke of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// What both sides last agreed on.
    pub row: Option<Row>,
    /// What each side says now. Both `Present` without a row means that the two were found to be the same message.
    pub seen: PerSide<Seen>,
}

/// A flag change for one side, boxed because most steps have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagDelta {
    /// To set.
    pub add: Flags,
    /// To clear.
    pub remove: Flags,
}

/// What to do about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The message on each side. Where there is a row, both ids of the row, even if the message is gone from a side; else what was seen.
    pub ids: PerSide<Option<MessageId>>,
    /// What to do.
    pub action: Action,
    /// Something the user should hear about.
    pub notice: Option<Notice>,
}

/// The action of a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copy to `to` with these flags, then write a row with them as base. If [`Step::ids`] has an id for `to`, the message is gone
    /// there under that id and is copied back: the new row replaces the one with the old ids, in one transaction.
    Copy {
        /// The side that lacks the message.
        to: Side,
        /// The flags it has on the other side.
        flags: Flags,
    },
    /// Change flags where a side needs it, then write the row with `base`. Without any change: adopt, or record.
    Merge {
        /// The change each side needs.
        store: PerSide<Option<Box<FlagDelta>>>,
        /// The flags both sides then have.
        base: Flags,
    },
    /// Remove from `from`, then delete the row.
    Remove {
        /// The side that still has the message.
        from: Side,
    },
    /// Delete the row.
    Forget,
}

/// Why a step deserves a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// One side changed what the other removed; the removal was carried out.
    RemovedThoughChanged,
    /// One side changed what the other removed; the message was kept and is copied back.
    KeptBecauseChanged,
}

/// Which side's word counts, and for what. Values in, values out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPolicy {
    /// Sides that must not be changed (`readonly`).
    pub read_only: PerSide<bool>,
    /// Those of them that the user would have changed, but whose store refuses changes: what is not done for that is told in
    /// [`Plan::refused`].
    pub refusing: PerSide<bool>,
    /// Whether a removal *on* this side is carried over to the other (`sync_deletes`).
    pub propagate_removals: PerSide<bool>,
    /// What happens when one side changed what the other removed.
    pub conflict: ConflictRule,
    /// What both folders can keep; a flag outside is left alone on both sides.
    pub support: FlagSupport,
}

impl Default for PlanPolicy {
    fn default() -> Self {
        PlanPolicy {
            read_only: PerSide::default(),
            refusing: PerSide::default(),
            propagate_removals: PerSide { remote: true, local: true },
            conflict: ConflictRule::RemovalWins,
            support: FlagSupport::default(),
        }
    }
}

/// Who wins when one side changed a message's flags and the other removed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConflictRule {
    /// The message is removed, with a notice.
    #[default]
    RemovalWins,
    /// The message is copied back, with a notice.
    ChangeWins,
}

/// Everything to do in one pair of folders, in an order that follows from the input alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Sides whose news the policy kept from the other side. A cursor or witness moved past such news would hide it for good, also
    /// from a run with another policy: the next run has to hear it again.
    pub withheld: PerSide<bool>,
    /// What is not done because a store refuses changes.
    pub refused: Vec<Refused>,
}

/// Something that a store refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The side whose store it is.
    pub on: Side,
    /// The message on each side, as in [`Step::ids`].
    pub ids: PerSide<Option<MessageId>>,
    /// What would have been done to the side.
    pub change: Change,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    Copy,
    Flags,
    Removal,
}

/// How many of what a plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages copied *to* each side.
    pub copies: PerSide<u64>,
    /// Messages whose flags change *on* each side.
    pub flags: PerSide<u64>,
    /// Messages removed *from* each side.
    pub removals: PerSide<u64>,
    /// Rows written or deleted with no change to a side.
    pub records: u64,
    /// Messages with a row that are gone *from* each side, whatever is done about it: removed from the other side, copied back, or
    /// forgotten because both lost it. What the plan leaves alone (by policy) is not counted.
    pub vanished: PerSide<u64>,
}

impl Plan {
    /// Counts the steps.
    pub fn counts(&self) -> Counts {
        self.steps.iter().fold(Counts::default(), |mut counts, step| {
            counts.count(step);
            counts
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Counts {
    /// Adds the counts of another plan.
    pub fn add(&mut self, more: &Counts) {
        for side in Side::BOTH {
            self.copies[side] += more.copies[side];
            self.flags[side] += more.flags[side];
            self.removals[side] += more.removals[side];
            self.vanished[side] += more.vanished[side];
        }
        self.records += more.records;
    }

    fn count(&mut self, step: &Step) {
        match &step.action {
            Action::Copy { to, .. } => {
                self.copies[*to] += 1;
                self.vanished[*to] += u64::from(step.ids[*to].is_some());
            }
            Action::Merge { store, .. } if store.remote.is_none() && store.local.is_none() => self.records += 1,
            Action::Merge { store, .. } => {
                Side::BOTH.iter().for_each(|side| self.flags[*side] += u64::from(store[*side].is_some()));
            }
            Action::Remove { from } => {
                self.removals[*from] += 1;
                self.vanished[from.other()] += 1;
            }
            Action::Forget => {
                self.records += 1;
                Side::BOTH.iter().for_each(|side| self.vanished[*side] += 1);
            }
        }
    }
}

/// Decides what to do about every touched message, in the order given. A message that needs nothing gets no step.
///
/// No step changes a side that the policy protects; what such a step would have done stays pending, for its row stays as it was,
/// and is told in [`Plan::withheld`].
pub fn plan(touched: impl IntoIterator<Item = Touched>, policy: &PlanPolicy) -> Plan {
    let mut planner = Planner { policy, withheld: PerSide::default(), refused: Vec::new() };
    let touched = touched.into_iter();
    let mut steps = Vec::with_capacity(touched.size_hint().1.unwrap_or(0));
    steps.extend(touched.filter_map(|message| planner.plan(message)));
    steps.shrink_to_fit();
    Plan { steps, withheld: planner.withheld, refused: planner.refused }
}

struct Planner<'p> {
    policy: &'p PlanPolicy,
    withheld: PerSide<bool>,
    refused: Vec<Refused>,
}

impl Planner<'_> {
    fn plan(&mut self, message: Touched) -> Option<Step> {
        match message.row {
            Some(row) => self.plan_known(row, message.seen),
            None => self.plan_new(message.seen),
        }
    }

    fn plan_new(&mut self, seen: PerSide<Seen>) -> Option<Step> {
        match (seen.remote, seen.local) {
            (Seen::Present(remote, theirs), Seen::Present(local, ours)) => {
                let ids = PerSide { remote: Some(remote), local: Some(local) };
                let merged = self.merge(&ids, &Flags::default(), PerSide { remote: &theirs, local: &ours });
                Some(merge_step(ids, merged))
            }
            (Seen::Present(id, flags), _) => {
                self.copy_new(PerSide { remote: Some(id), local: None }, Side::Local, &flags)
            }
            (_, Seen::Present(id, flags)) => {
                self.copy_new(PerSide { remote: None, local: Some(id) }, Side::Remote, &flags)
            }
            _ => None,
        }
    }

    fn copy_new(&mut self, ids: PerSide<Option<MessageId>>, to: Side, flags: &Flags) -> Option<Step> {
        if self.policy.read_only[to] {
            self.withheld[to.other()] = true;
            self.note_refused(to, &ids, Change::Copy);
            return None;
        }
        Some(Step { ids, action: Action::Copy { to, flags: flags.supported(&self.policy.support) }, notice: None })
    }

    fn plan_known(&mut self, row: Row, seen: PerSide<Seen>) -> Option<Step> {
        match (seen.remote, seen.local) {
            (Seen::Unchanged, Seen::Unchanged) => None,
            (Seen::Gone, Seen::Gone) => Some(Step { ids: row.ids.map(Some), action: Action::Forget, notice: None }),
            (Seen::Gone, kept) => self.plan_removal(row, Side::Remote, kept),
            (kept, Seen::Gone) => self.plan_removal(row, Side::Local, kept),
            (remote, local) => self.plan_merge(row, PerSide { remote, local }),
        }
    }

    /// The message is gone from `side`, and `kept` is what the other side says.
    fn plan_removal(&mut self, row: Row, side: Side, kept: Seen) -> Option<Step> {
        let recorded = row.base.supported(&self.policy.support);
        let flags = match kept {
            Seen::Present(_, flags) => flags.supported(&self.policy.support),
            _ => recorded.clone(),
        };
        let changed = flags != recorded;
        let (target, action, notice) = match (changed, self.policy.conflict) {
            (true, ConflictRule::ChangeWins) if !is_only_marked(&flags, &recorded) => {
                (side, Action::Copy { to: side, flags }, Some(Notice::KeptBecauseChanged))
            }
            (true, ConflictRule::RemovalWins) => {
                (side.other(), Action::Remove { from: side.other() }, Some(Notice::RemovedThoughChanged))
            }
            _ => (side.other(), Action::Remove { from: side.other() }, None),
        };
        if !self.policy.propagate_removals[side] || self.policy.read_only[target] {
            self.withheld[side] = true;
            self.withheld[side.other()] |= changed;
            if self.policy.propagate_removals[side] {
                let change = if target == side { Change::Copy } else { Change::Removal };
                self.note_refused(target, &row.ids.map(Some), change);
            }
            return None;
        }
        Some(Step { ids: row.ids.map(Some), action, notice })
    }

    fn plan_merge(&mut self, row: Row, seen: PerSide<Seen>) -> Option<Step> {
        let flags = seen.as_ref().map(|seen| match seen {
            Seen::Present(_, flags) => flags,
            _ => &row.base,
        });
        if *flags.remote == row.base && *flags.local == row.base {
            return None;
        }
        let ids = row.ids.clone().map(Some);
        let merged = self.merge(&ids, &row.base, flags);
        let needed = merged.store.remote.is_some() || merged.store.local.is_some() || merged.base != row.base;
        needed.then(|| merge_step(ids, merged))
    }

    fn merge(&mut self, ids: &PerSide<Option<MessageId>>, base: &Flags, seen: PerSide<&Flags>) -> merge::Merged {
        let merged = merge::merge(base, seen, &self.policy.support, self.policy.read_only);
        for side in Side::BOTH.into_iter().filter(|side| merged.pending[*side]) {
            self.withheld[side.other()] = true;
            self.note_refused(side, ids, Change::Flags);
        }
        merged
    }

    fn note_refused(&mut self, on: Side, ids: &PerSide<Option<MessageId>>, change: Change) {
        if self.policy.refusing[on] {
            self.refused.push(Refused { on, ids: ids.clone(), change });
        }
    }
}

/// Whether all that changed is a mark for removal: it speaks for the removal, and may be our own, of one that was cut short.
fn is_only_marked(flags: &Flags, recorded: &Flags) -> bool {
    let mark = Flags::system(SystemFlags::DELETED).difference(recorded);
    flags.difference(&mark) == *recorded
}

fn merge_step(ids: PerSide<Option<MessageId>>, merged: merge::Merged) -> Step {
    Step { ids, action: Action::Merge { store: merged.store, base: merged.base }, notice: None }
}
