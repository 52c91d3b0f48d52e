//! What happened to the copies of one content in one folder.

use super::FlagSet;
use crate::message::{PerSide, Side};
use std::collections::BTreeMap;

/// What happened to the copies of one content in one folder since all was in step.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    /// Copies when all was in step.
    pub(super) base: i64,
    pub(super) added: PerSide<i64>,
    /// Of those added, how many came on both sides at once and must be taken for one message each.
    pub(super) added_on_both: i64,
    pub(super) removed: PerSide<i64>,
    /// Of those removed, copies that both sides had when all was in step.
    pub(super) removed_base: PerSide<i64>,
    /// Of those added, copies moved in from another folder, where names go along.
    pub(super) moved_in: PerSide<i64>,
    /// Of those added, copies whose names say that they came from here once. Only an older status would know them.
    pub(super) own_names: PerSide<i64>,
    /// The status may be an older one.
    pub(super) older: bool,
    /// Flags when all was in step, or with which it was added.
    pub(super) flags: FlagSet,
    /// Flags that must be as said, or that nobody can tell any more.
    pub(super) changed: BTreeMap<&'static str, Option<bool>>,
    pub(super) flags_unknown: bool,
}

impl Story {
    pub(super) fn forget(&mut self) {
        self.removed_base = PerSide::default();
        self.changed.values_mut().for_each(|on| *on = None);
        self.older = true;
    }

    pub(super) fn all(&self) -> i64 {
        self.base + self.added.remote + self.added.local
    }

    /// The same content added on both sides may be taken for one message.
    ///
    /// One that the other side moved away, that a run which was then cut short moved here too, and that somebody moved back here under its own
    /// name, is where it was as far as anybody can know, so it is moved away again. So it is where an older status knows it under that name. Whether
    /// it is in some folder is asked apart.
    pub(super) fn least(&self) -> i64 {
        let back = |side: Side| match self.older {
            true => self.own_names[side],
            false => self.moved_in[side].min(self.removed_base[side.other()]),
        };
        let added = |side: Side| self.added[side] - back(side);
        let added = added(Side::Remote).max(added(Side::Local));
        (self.base + added - self.removed.remote - self.removed.local).max(0)
    }

    /// The same where an older status was put back: a removal of an earlier day, which had been forgotten together with the status that knew of it, may
    /// be made once more. It takes one copy of several, never the last.
    pub(super) fn least_with_older(&self, removed_ever: i64) -> i64 {
        let earlier = removed_ever - self.removed.remote - self.removed.local;
        let least = self.least();
        (least - earlier.min(self.base)).max(least.min(1))
    }

    pub(super) fn most(&self) -> i64 {
        self.all() - self.added_on_both - self.removed_base.remote.max(self.removed_base.local)
    }

    fn wants(&self, flag: &str) -> Option<bool> {
        self.changed.get(flag).copied().unwrap_or_else(|| Some(self.flags.contains(flag)))
    }

    /// Of these flags, those with which the only copy there ever was is not as it must be.
    pub(super) fn wrong_flags(&self, copies: &[FlagSet], kept: &FlagSet) -> FlagSet {
        match copies {
            [flags] if self.all() == 1 && !self.flags_unknown => {
                let wrong = |flag: &&&str| self.wants(flag).is_some_and(|on| flags.contains(**flag) != on);
                kept.iter().filter(wrong).copied().collect()
            }
            _ => FlagSet::new(),
        }
    }
}
