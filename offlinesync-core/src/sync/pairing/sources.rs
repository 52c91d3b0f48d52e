//! What became of the sources of copies that were cut short, and what follows for a copy. Pure.

use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::Entry;
use crate::status::{Intent, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Where sources are spoken of already as being there: because a name claimed them, or because they have a row.
pub(super) fn known_sources(intents: &[&Intent], from: Side, touched: &[Touched]) -> BTreeMap<MessageId, usize> {
    let sources: BTreeSet<&MessageId> = intents.iter().map(|intent| &intent.source).collect();
    let present = touched.iter().enumerate().filter_map(|(at, touched)| match &touched.seen[from] {
        Seen::Present(id, _) if sources.contains(id) => Some((id.clone(), at)),
        _ => None,
    });
    present.collect()
}

/// A message that was to be copied back, and was: its row is of the copy that is gone.
pub(super) fn rejoin(touched: &mut Touched, to: Side, found: Option<Entry>) {
    if let Some(entry) = found {
        touched.row = None;
        touched.seen[to] = Seen::Present(entry.id, entry.flags);
    }
}

/// A copy whose source is gone.
pub(super) fn orphan(intent: &Intent, entry: Entry) -> Touched {
    let mut ids = PerSide { remote: intent.source.clone(), local: intent.source.clone() };
    ids[intent.to] = entry.id.clone();
    let mut seen = PerSide { remote: Seen::Gone, local: Seen::Gone };
    seen[intent.to] = Seen::Present(entry.id, entry.flags.clone());
    Touched { row: Some(Row { ids, base: entry.flags }), seen }
}
