//! The messages of a side that have no row, and the steps from them to what is planned. Pure.

use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::Entry;
use std::collections::BTreeMap;

/// The fresh messages of a side; taken ones are gone, the order of the rest stays.
pub(in crate::sync) struct Fresh {
    entries: Vec<Option<Entry>>,
    index: BTreeMap<MessageId, usize>,
}

impl Fresh {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Fresh { entries: entries.into_iter().map(Some).collect(), index: BTreeMap::new() }
    }

    /// The index costs memory, and a first download needs none: it is built at the first question.
    fn find(&mut self, id: &MessageId) -> Option<&mut Option<Entry>> {
        if self.index.is_empty() {
            self.index = self.iter().map(|(at, entry)| (entry.id.clone(), at)).collect();
        }
        self.index.get(id).map(|at| &mut self.entries[*at])
    }

    pub(super) fn has(&mut self, id: &MessageId) -> bool {
        self.find(id).is_some_and(|slot| slot.is_some())
    }

    pub(super) fn take(&mut self, id: &MessageId) -> Option<Entry> {
        self.find(id)?.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter_map(|(at, slot)| slot.as_ref().map(|entry| (at, entry)))
    }

    pub(in crate::sync) fn ids(&self) -> Vec<MessageId> {
        self.iter().map(|(_, entry)| entry.id.clone()).collect()
    }

    /// Takes those out for which `wanted` holds.
    pub(in crate::sync) fn take_all(&mut self, wanted: impl Fn(&MessageId) -> bool) -> Vec<Entry> {
        let taken = |slot: &mut Option<Entry>| slot.take_if(|entry| wanted(&entry.id));
        self.entries.iter_mut().filter_map(taken).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.iter().count()
    }

    pub(super) fn any(&self) -> bool {
        self.iter().next().is_some()
    }

    pub(super) fn clear(&mut self) {
        self.entries.iter_mut().for_each(|slot| drop(slot.take()));
    }

    pub(super) fn into_touched(self, side: Side) -> impl Iterator<Item = Touched> {
        self.entries.into_iter().filter_map(move |slot| slot.map(|entry| alone(side, entry)))
    }
}

pub(super) fn join(fresh: &mut PerSide<Fresh>, ids: &PerSide<MessageId>) -> Option<Touched> {
    if !fresh.remote.has(&ids.remote) || !fresh.local.has(&ids.local) {
        return None;
    }
    let (remote, local) = (fresh.remote.take(&ids.remote)?, fresh.local.take(&ids.local)?);
    let seen = PerSide { remote: Seen::Present(remote.id, remote.flags), local: Seen::Present(local.id, local.flags) };
    Some(Touched { row: None, seen })
}

/// A message without a row that is on one side only.
pub(in crate::sync) fn alone(side: Side, entry: Entry) -> Touched {
    let mut seen = PerSide { remote: Seen::Gone, local: Seen::Gone };
    seen[side] = Seen::Present(entry.id, entry.flags);
    Touched { row: None, seen }
}
