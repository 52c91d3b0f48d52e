//! The planner: from what is known of each touched message to what shall be done. Pure: no I/O, clock, thread, randomness or hash order.

use crate::flags::{FlagSupport, Flags};
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
    /// The message on each side, as far as it is there.
    pub ids: PerSide<Option<MessageId>>,
    /// What to do.
    pub action: Action,
    /// Something the user should hear about.
    pub notice: Option<Notice>,
}

/// The action of a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copy to `to` with these flags, then write a row with them as base.
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
}
