//! Leaves out of a difference what is outside the window of age and size. Asks the folders, changes nothing.
//!
//! A message is judged on the side that has it, by the remote side where both do, so that both sides judge alike. What is found on
//! both sides without a row is recorded whatever its age: no message comes or goes by that, and it need not be compared again.

use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::Folder;
use crate::window::Window;
use std::collections::BTreeSet;

/// Drops the messages outside. Those whose upload was cut short and is answered now (`settled`) stay: they are owed a row.
pub(super) fn leave_out(
    touched: &mut Vec<Touched>,
    settled: &[(Side, MessageId)],
    folders: &mut PerSide<Box<dyn Folder>>,
    window: &Window,
) -> Result<()> {
    if window.is_open() {
        return Ok(());
    }
    let answered: BTreeSet<(Side, &MessageId)> = settled.iter().map(|(to, source)| (to.other(), source)).collect();
    let mut asked = PerSide::<Vec<MessageId>>::default();
    for (side, id) in touched.iter().filter_map(|message| judged_by(message, &answered)) {
        asked[side].push(id.clone());
    }
    let mut outside = PerSide::<BTreeSet<MessageId>>::default();
    for side in Side::BOTH.into_iter().filter(|side| !asked[*side].is_empty()) {
        outside[side] = folders[side].outside(&asked[side], window)?.into_iter().collect();
    }
    touched.retain(|message| judged_by(message, &answered).is_none_or(|(side, id)| !outside[side].contains(id)));
    Ok(())
}

/// The side and id that tell whether a message is outside; `None` if it stays whatever its age and size.
fn judged_by<'t>(message: &'t Touched, answered: &BTreeSet<(Side, &MessageId)>) -> Option<(Side, &'t MessageId)> {
    let Touched { row, seen } = message;
    match (row, &seen.remote, &seen.local) {
        (None, Seen::Present(id, _), Seen::Gone | Seen::Unchanged) => Some((Side::Remote, id)),
        (None, Seen::Gone | Seen::Unchanged, Seen::Present(id, _)) => Some((Side::Local, id)),
        (None, ..) | (Some(_), Seen::Gone, Seen::Gone) => None,
        (Some(row), remote, _) => {
            let owed = Side::BOTH.iter().any(|side| answered.contains(&(*side, &row.ids[*side])));
            let side = if *remote == Seen::Gone { Side::Local } else { Side::Remote };
            (!owed).then(|| (side, &row.ids[side]))
        }
    }
}
