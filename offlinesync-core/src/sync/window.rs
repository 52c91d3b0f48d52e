//! Leaves out of a difference what is outside the window of age and size. Asks the folders, changes nothing.
//!
//! A message is judged on the side that has it, by the remote side where both do, so that both sides judge alike. What is found on
//! both sides without a row is recorded whatever its age: no message comes or goes by that, and it need not be compared again.
//!
//! The two sides may tell different dates of one message. So what is left out without a row, on sides where a look at it is cheap, is handed on:
//! it may have been moved from another folder, where the other side's date had it inside.

use super::pairing::{Fresh, Paired};
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::{Entry, Folder};
use crate::window::Window;
use std::collections::BTreeSet;

/// Drops the messages outside, and answers those without a row. Those whose upload was cut short and is answered now (`settled`) stay: they are owed a row.
pub(super) fn leave_out(
    paired: &mut Paired,
    settled: &[(Side, MessageId)],
    folders: &mut PerSide<Box<dyn Folder>>,
    window: &Window,
) -> Result<PerSide<Vec<Entry>>> {
    let mut beyond = PerSide::<Vec<Entry>>::default();
    if window.is_open() {
        return Ok(beyond);
    }
    let answered: BTreeSet<(Side, &MessageId)> = settled.iter().map(|(to, source)| (to.other(), source)).collect();
    let mut asked = paired.alone.as_ref().map(Fresh::ids);
    for (side, id) in paired.touched.iter().filter_map(|message| judged_by(message, &answered)) {
        asked[side].push(id.clone());
    }
    let mut outside = PerSide::<BTreeSet<MessageId>>::default();
    for side in Side::BOTH.into_iter().filter(|side| !asked[*side].is_empty()) {
        outside[side] = folders[side].outside(&asked[side], window)?.into_iter().collect();
        let left_out = paired.alone[side].take_all(|id| outside[side].contains(id));
        if folders[side].cheap_content() {
            beyond[side] = left_out;
        }
    }
    paired.touched.retain(|message| judged_by(message, &answered).is_none_or(|(side, id)| !outside[side].contains(id)));
    Ok(beyond)
}

/// The side and id that tell whether a message with a row is outside; `None` if it stays whatever its age and size.
fn judged_by<'t>(message: &'t Touched, answered: &BTreeSet<(Side, &MessageId)>) -> Option<(Side, &'t MessageId)> {
    let Touched { row: Some(row), seen } = message else { return None };
    let owed = || Side::BOTH.iter().any(|side| answered.contains(&(*side, &row.ids[*side])));
    if seen.remote == Seen::Gone && seen.local == Seen::Gone || owed() {
        return None;
    }
    let side = if seen.remote == Seen::Gone { Side::Local } else { Side::Remote };
    Some((side, &row.ids[side]))
}
