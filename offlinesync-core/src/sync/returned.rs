//! Messages that this program took away from one side, and that came back on the other before that was recorded. Without a word of it, the copy
//! that is missing would be taken for one that a user removed, and the message that came back would be removed too.
//!
//! The word is an intent without content. It is written where the source has a name, which comes back with a file that is put back or moved
//! back; no server gives a UID twice. Reads rows, changes nothing but the difference it is given.

use super::difference::Difference;
use crate::error::Result;
use crate::flags::{Flags, SystemFlags};
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::status::{Batch, FolderStatus, Intent, KnownBy};
use std::collections::BTreeSet;

/// The intents that must be written before messages are taken away from a side, and the keys by which they are deleted afterwards.
pub(super) fn word<'i>(
    status: &dyn FolderStatus,
    from: Side,
    messages: impl Iterator<Item = &'i PerSide<MessageId>>,
) -> Result<Vec<Intent>> {
    let mut word = Vec::new();
    for ids in messages.filter(|ids| ids[from.other()].uid().is_none()) {
        // What has no row is known by another intent, of the copy that is taken away.
        if status.row(from, &ids[from])?.is_some_and(|row| row.ids == *ids) {
            let source = ids[from.other()].clone();
            word.push(Intent { to: from, source, known_by: KnownBy::Removed, confirmed: false });
        }
    }
    Ok(word)
}

/// Takes these intents out of all that stand.
pub(super) fn take(intents: &mut Vec<Intent>) -> Vec<Intent> {
    intents.extract_if(.., |intent| intent.known_by == KnownBy::Removed).collect()
}

/// What forgets the rows of messages that came back, with the word of them: each is a new one. `None` if none did.
pub(super) fn forget(taken: &[Intent], found: &Difference) -> Option<Batch> {
    let keys: BTreeSet<(Side, &MessageId)> = taken.iter().map(|intent| (intent.to, &intent.source)).collect();
    let mut batch = Batch::default();
    for touched in &found.touched {
        let Some(row) = &touched.row else { continue };
        for from in Side::BOTH {
            let back = touched.seen[from] == Seen::Gone && touched.seen[from.other()] != Seen::Gone;
            if back && keys.contains(&(from, &row.ids[from.other()])) {
                batch.delete.push(row.ids.remote.clone());
                batch.settled.push((from, row.ids[from.other()].clone()));
            }
        }
    }
    (!batch.is_empty()).then_some(batch)
}

/// Takes the marks for removal back that this program set before it was cut short, on messages that are on both sides again: they count as agreed
/// upon, and taken off on the side where the message came back. Otherwise they would pass for somebody's, and go over to that side.
pub(super) fn unmark(taken: &[Intent], found: &mut Difference) {
    let keys: BTreeSet<(Side, &MessageId)> = taken.iter().map(|intent| (intent.to, &intent.source)).collect();
    let mark = Flags::system(SystemFlags::DELETED);
    for Touched { row, seen } in &mut found.touched {
        let Some(row) = row else { continue };
        for from in Side::BOTH.into_iter().filter(|from| keys.contains(&(*from, &row.ids[from.other()]))) {
            let marked = matches!(&seen[from], Seen::Present(_, flags) if flags.system.contains(SystemFlags::DELETED));
            if !marked || row.base.system.contains(SystemFlags::DELETED) || seen[from.other()] == Seen::Gone {
                continue;
            }
            if seen[from.other()] == Seen::Unchanged {
                seen[from.other()] = Seen::Present(row.ids[from.other()].clone(), row.base.clone());
            }
            row.base = row.base.union(&mark);
        }
    }
}
