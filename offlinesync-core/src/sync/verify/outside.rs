//! Leaves out of a comparison what no sync copies: by age and size, and what the user named. Asks the folders, changes nothing.

use crate::error::Result;
use crate::message::{MessageId, PerSide, Side, Uid};
use crate::repository::{ChangeSet, Folder};
use crate::status::Row;
use crate::window::Window;
use std::collections::{BTreeMap, BTreeSet};

/// Drops messages without a row that are not to be copied from where they are.
pub(super) fn leave_out_named(sets: &mut PerSide<ChangeSet>, rows: &[Row], never_copied: &PerSide<BTreeSet<Uid>>) {
    for side in Side::BOTH.into_iter().filter(|side| !never_copied[*side].is_empty()) {
        let known: BTreeSet<&MessageId> = rows.iter().map(|row| &row.ids[side]).collect();
        let named = |id: &MessageId| id.uid().is_some_and(|uid| never_copied[side].contains(&uid));
        sets[side].present.retain(|entry| known.contains(&entry.id) || !named(&entry.id));
    }
}

/// Drops messages outside, and rows with what belongs to them. As in a sync, a message is judged by the remote side where that has it.
pub(super) fn leave_out(
    sets: &mut PerSide<ChangeSet>,
    rows: &mut Vec<Row>,
    folders: &mut PerSide<Box<dyn Folder>>,
    window: &Window,
) -> Result<()> {
    if window.is_open() {
        return Ok(());
    }
    let mut there = PerSide::<BTreeMap<MessageId, bool>>::default();
    for side in Side::BOTH {
        let ids: Vec<MessageId> = sets[side].present.iter().map(|entry| entry.id.clone()).collect();
        let outside: BTreeSet<MessageId> = folders[side].outside(&ids, window)?.into_iter().collect();
        there[side] = ids.into_iter().map(|id| (id.clone(), outside.contains(&id))).collect();
    }
    rows.retain(|row| {
        let judged = |side: Side| there[side].get(&row.ids[side]).copied();
        let Some(outside) = judged(Side::Remote).or_else(|| judged(Side::Local)) else { return true };
        for side in Side::BOTH {
            there[side].entry(row.ids[side].clone()).and_modify(|told| *told = outside);
        }
        !outside
    });
    for side in Side::BOTH {
        sets[side].present.retain(|entry| there[side].get(&entry.id) != Some(&true));
    }
    Ok(())
}
