//! The three-way merge of one message's flags: system flags bitwise, keywords one by one. Pure.
//!
//! A flag that one of the folders cannot keep is left alone on both: no store mentions it and it never enters the base. It stays
//! in a base that has it only as long as both sides still show it; once one lacks it, nobody can tell a removal from an
//! inability any more, and so it leaves the base without being taken for removed.

use super::FlagDelta;
use super::table::{Mark, Outcome, outcome};
use crate::flags::{FlagSupport, Flags, KeywordSupport, Keywords, SystemFlags};
use crate::message::{PerSide, Side};

/// What a merge asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The change each side needs, if any; never one on a read-only side.
    pub store: PerSide<Option<Box<FlagDelta>>>,
    /// What both sides agree on once the changes are made.
    pub base: Flags,
    /// Read-only sides that would need a change.
    pub pending: PerSide<bool>,
}

/// Merges what both sides show with what they last agreed on; without a row, `base` is empty and the result is the union.
///
/// A change that a read-only side would need is not made, and the base keeps what it said of that flag, so that the change stays
/// pending instead of being reverted.
pub fn merge(base: &Flags, seen: PerSide<&Flags>, support: &FlagSupport, read_only: PerSide<bool>) -> Merged {
    let mut wanted = Wanted { delta: PerSide::default(), pending: PerSide::default(), read_only };
    let system = wanted.merge_system(base.system, seen.map(|f| f.system), support.system);
    let keywords = wanted.merge_keywords(&base.keywords, seen.map(|f| &f.keywords), &support.keywords);
    Merged { store: wanted.delta.map(boxed), base: Flags { system, keywords }, pending: wanted.pending }
}

fn boxed(delta: FlagDelta) -> Option<Box<FlagDelta>> {
    (!delta.add.is_empty() || !delta.remove.is_empty()).then(|| Box::new(delta))
}

/// The changes that a merge has come to want so far.
struct Wanted {
    delta: PerSide<FlagDelta>,
    pending: PerSide<bool>,
    read_only: PerSide<bool>,
}

impl Wanted {
    /// The table of `table.rs` for all system flags at once: where the sides differ, exactly one of them differs from the base,
    /// and that one has the say.
    fn merge_system(&mut self, base: SystemFlags, seen: PerSide<SystemFlags>, support: SystemFlags) -> SystemFlags {
        let agreed = seen.remote.intersection(seen.local);
        let differing = seen.remote.union(seen.local).difference(agreed);
        let wanted = agreed.union(differing.difference(base));
        let mut pending = SystemFlags::NONE;
        for side in Side::BOTH {
            let add = wanted.difference(seen[side]).intersection(support);
            let remove = seen[side].difference(wanted).intersection(support);
            if self.read_only[side] {
                self.pending[side] |= !add.union(remove).is_empty();
                pending = pending.union(add).union(remove);
            } else {
                self.delta[side].add.system = add;
                self.delta[side].remove.system = remove;
            }
        }
        let kept = wanted.difference(pending).union(base.intersection(pending)).intersection(support);
        kept.union(base.intersection(agreed).difference(support))
    }

    fn merge_keywords(&mut self, base: &Keywords, seen: PerSide<&Keywords>, support: &KeywordSupport) -> Keywords {
        if seen.remote == base && seen.local == base {
            return base.clone();
        }
        let all = base.union(seen.remote).union(seen.local);
        all.filtered(|keyword| {
            let known = base.contains(keyword);
            let there = seen.map(|keywords| keywords.contains(keyword));
            match support.allows(keyword) {
                true => self.merge_keyword(keyword, known, there),
                false => known && there.remote && there.local,
            }
        })
    }

    /// Whether the keyword is in the new base.
    fn merge_keyword(&mut self, keyword: &str, known: bool, there: PerSide<bool>) -> bool {
        match outcome(Mark::there(known), Mark::there(there.local), Mark::there(there.remote)) {
            Outcome::Set(side) | Outcome::Clear(side) if self.read_only[side] => {
                self.pending[side] = true;
                known
            }
            Outcome::Set(side) => {
                self.delta[side].add.keywords.insert(keyword);
                true
            }
            Outcome::Clear(side) => {
                self.delta[side].remove.keywords.insert(keyword);
                false
            }
            _ => there.remote && there.local,
        }
    }
}
