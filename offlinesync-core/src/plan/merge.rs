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
}

/// Merges what both sides show with what they last agreed on; without a row, `base` is empty and the result is the union.
///
/// A change that a read-only side would need is not made, and the base keeps what it said of that flag, so that the change stays
/// pending instead of being reverted.
pub fn merge(base: &Flags, seen: PerSide<&Flags>, support: &FlagSupport, read_only: PerSide<bool>) -> Merged {
    let mut delta = PerSide::<FlagDelta>::default();
    let system = merge_system(base.system, seen.map(|f| f.system), support.system, read_only, &mut delta);
    let keywords = merge_keywords(&base.keywords, seen.map(|f| &f.keywords), &support.keywords, read_only, &mut delta);
    Merged { store: delta.map(boxed), base: Flags { system, keywords } }
}

fn boxed(delta: FlagDelta) -> Option<Box<FlagDelta>> {
    (!delta.add.is_empty() || !delta.remove.is_empty()).then(|| Box::new(delta))
}

/// The table of `table.rs` for all system flags at once: where the sides differ, exactly one of them differs from the base, and
/// that one has the say.
fn merge_system(
    base: SystemFlags,
    seen: PerSide<SystemFlags>,
    support: SystemFlags,
    read_only: PerSide<bool>,
    delta: &mut PerSide<FlagDelta>,
) -> SystemFlags {
    let agreed = seen.remote.intersection(seen.local);
    let differing = seen.remote.union(seen.local).difference(agreed);
    let wanted = agreed.union(differing.difference(base));
    let mut pending = SystemFlags::NONE;
    for side in Side::BOTH {
        let add = wanted.difference(seen[side]).intersection(support);
        let remove = seen[side].difference(wanted).intersection(support);
        if read_only[side] {
            pending = pending.union(add).union(remove);
        } else {
            delta[side].add.system = add;
            delta[side].remove.system = remove;
        }
    }
    let kept = wanted.difference(pending).union(base.intersection(pending)).intersection(support);
    kept.union(base.intersection(agreed).difference(support))
}

fn merge_keywords(
    base: &Keywords,
    seen: PerSide<&Keywords>,
    support: &KeywordSupport,
    read_only: PerSide<bool>,
    delta: &mut PerSide<FlagDelta>,
) -> Keywords {
    if seen.remote == base && seen.local == base {
        return base.clone();
    }
    let mut merged = Keywords::default();
    for keyword in base.union(seen.remote).union(seen.local).iter() {
        let (known, remote, local) =
            (base.contains(keyword), seen.remote.contains(keyword), seen.local.contains(keyword));
        let kept = match outcome(Mark::there(known), Mark::there(local), Mark::there(remote)) {
            _ if !support.allows(keyword) => known && remote && local,
            Outcome::Set(side) | Outcome::Clear(side) if read_only[side] => known,
            Outcome::Set(side) => {
                delta[side].add.keywords.insert(keyword);
                true
            }
            Outcome::Clear(side) => {
                delta[side].remove.keywords.insert(keyword);
                false
            }
            _ => remote && local,
        };
        if kept {
            merged.insert(keyword);
        }
    }
    merged
}
