//! What comparing both sides found, for programs. Values only.

use crate::flags::Flags;
use crate::message::{MessageId, PerSide, Side};
use crate::status::FolderPair;
use crate::sync::report::Failure;

/// The result of [`Account::verify`](crate::sync::Account::verify).
#[derive(Debug, Default)]
pub struct Verification {
    /// Folder pairs that were compared.
    pub pairs: usize,
    /// Messages read whole on each side.
    pub messages: PerSide<u64>,
    /// Octets read on each side, with CR LF line ends.
    pub octets: PerSide<u64>,
    /// Everything in which the sides, or the sides and the status, differ. Sorted by folder.
    pub findings: Vec<Finding>,
    /// Rows that a repair wrote anew.
    pub paired: u64,
    /// Rows that a repair deleted, because neither side has their messages.
    pub forgotten: u64,
    /// What could not be compared.
    pub failures: Vec<Failure>,
}

impl Verification {
    /// Whether everything was compared and nothing differs. A message that is there twice on both sides is in step.
    pub fn in_step(&self) -> bool {
        self.failures.is_empty() && self.differences().next().is_none()
    }

    /// The findings that keep the sides from being in step.
    pub fn differences(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !matches!(finding.what, Discrepancy::Twice { .. }))
    }
}

/// Something that differs in one pair of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The pair.
    pub pair: FolderPair,
    /// What differs.
    pub what: Discrepancy,
}

/// How two folders, or they and their status, can differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discrepancy {
    /// The folder is on one side only.
    FolderMissing {
        /// The side that lacks it.
        on: Side,
        /// Messages that were in step when it was last there.
        rows: u64,
    },
    /// The folder is on neither side, but there is a status of it.
    FolderGone {
        /// Its rows.
        rows: u64,
    },
    /// A message that was on both sides is on one only.
    Missing {
        /// The side that lacks it.
        on: Side,
        /// What it was called on each side.
        ids: PerSide<MessageId>,
    },
    /// A row whose message is on neither side.
    RowAlone {
        /// What it was called on each side.
        ids: PerSide<MessageId>,
    },
    /// A message without a row, on one side only.
    Alone {
        /// The side that has it.
        on: Side,
        /// What it is called there.
        id: MessageId,
    },
    /// A message that both sides have, without a row: a repair pairs it.
    Unrecorded {
        /// What it is called on each side.
        ids: PerSide<MessageId>,
    },
    /// A row pairs two messages that are not the same.
    Content {
        /// The messages.
        ids: PerSide<MessageId>,
        /// Their sizes in octets, with CR LF line ends.
        octets: PerSide<u64>,
    },
    /// Flags that both sides can keep differ between the sides, or from what was last agreed on.
    Flags {
        /// The messages.
        ids: PerSide<MessageId>,
        /// The flags each side has, as far as both can keep them.
        flags: PerSide<Flags>,
        /// The flags that were agreed on.
        agreed: Flags,
    },
    /// An upload was begun and its end is not known; the next sync looks for it.
    Unfinished {
        /// The side it goes to.
        to: Side,
        /// The message on the other side.
        source: MessageId,
    },
    /// The same message several times on a side. That may be meant: it is told, but it is no difference.
    Twice {
        /// What the copies are called on each side.
        ids: PerSide<Vec<MessageId>>,
    },
}
