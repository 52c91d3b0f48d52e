//! Lays two listings over the status rows and hands on only what something touched. Reads rows, changes nothing.

use crate::error::Result;
use crate::flags::Flags;
use crate::message::{ContentId, MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::{ChangeSet, Coverage, Entry};
use crate::status::{FolderStatus, Row};
use std::collections::BTreeMap;

/// What the listings of both sides say that the rows do not.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Messages with a row.
    pub(super) touched: Vec<Touched>,
    /// Messages of each side that no row knows, newest first.
    pub(super) fresh: PerSide<Vec<Entry>>,
}

impl Difference {
    /// How many messages each side has, where so many have rows.
    pub(super) fn messages(&self, rows: u64) -> PerSide<u64> {
        PerSide::from_fn(|side| {
            let gone = self.touched.iter().filter(|touched| touched.seen[side] == Seen::Gone).count() as u64;
            rows.saturating_sub(gone) + self.fresh[side].len() as u64
        })
    }
}

/// The entries and removals of a side that was listed; `None` for a side that nobody touched.
pub(super) type Listings = PerSide<Option<ChangeSet>>;

/// What each side's listing calls the content of messages, in the order of their ids.
pub(super) type Contents = PerSide<Vec<(MessageId, ContentId)>>;

/// What a listing calls the contents, before its entries are taken out of it.
pub(super) fn contents_of(set: Option<&ChangeSet>) -> Vec<(MessageId, ContentId)> {
    let named = set.iter().flat_map(|set| &set.present).filter_map(|entry| Some((entry.id.clone(), entry.content?)));
    let mut contents: Vec<(MessageId, ContentId)> = named.collect();
    contents.sort();
    contents
}

/// Whether the listings say anything that the rows do not. Leaves the entries where they are.
pub(super) fn speaks(listings: &mut Listings, status: &dyn FolderStatus) -> Result<bool> {
    let mut sides = PerSide::from_fn(|side| Listed::take(listings[side].as_mut()));
    let found = compare(&mut sides, status)?;
    let fresh = Side::BOTH.into_iter().any(|side| sides[side].claimed.contains(&false));
    for (side, listed) in [(Side::Remote, sides.remote), (Side::Local, sides.local)] {
        if let Some(set) = &mut listings[side] {
            (set.present, set.gone) = (listed.entries, listed.gone);
        }
    }
    Ok(fresh || !found.is_empty())
}

/// Compares. Takes the entries out of the listings; their cursors and the rest stay.
pub(super) fn difference(listings: &mut Listings, status: &dyn FolderStatus) -> Result<Difference> {
    let mut sides = PerSide::from_fn(|side| Listed::take(listings[side].as_mut()));
    let touched = compare(&mut sides, status)?;
    Ok(Difference { touched, fresh: sides.map(Listed::into_unclaimed) })
}

fn compare(sides: &mut PerSide<Listed>, status: &dyn FolderStatus) -> Result<Vec<Touched>> {
    match sides.remote.complete || sides.local.complete {
        true => against_all_rows(sides, status),
        false => against_single_rows(sides, status),
    }
}

/// The entries of one side in the order of their ids, each of which a row may claim.
struct Listed {
    complete: bool,
    entries: Vec<Entry>,
    claimed: Vec<bool>,
    gone: Vec<MessageId>,
}

impl Listed {
    fn take(set: Option<&mut ChangeSet>) -> Self {
        let Some(set) = set else {
            return Listed { complete: false, entries: Vec::new(), claimed: Vec::new(), gone: Vec::new() };
        };
        let mut entries = std::mem::take(&mut set.present);
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        entries.dedup_by(|later, first| later.id == first.id);
        let mut gone = std::mem::take(&mut set.gone);
        gone.sort();
        Listed { complete: set.coverage == Coverage::Complete, claimed: vec![false; entries.len()], entries, gone }
    }

    /// What this side says about the message of a row.
    fn claim(&mut self, id: &MessageId) -> Seen {
        if let Ok(at) = self.entries.binary_search_by(|entry| entry.id.cmp(id)) {
            self.claimed[at] = true;
            return Seen::Present(id.clone(), self.entries[at].flags.clone());
        }
        match self.complete || self.gone.binary_search(id).is_ok() {
            true => Seen::Gone,
            false => Seen::Unchanged,
        }
    }

    fn into_unclaimed(self) -> Vec<Entry> {
        let mut left: Vec<Entry> = self
            .entries
            .into_iter()
            .zip(self.claimed)
            .filter(|(_, claimed)| !claimed)
            .map(|(entry, _)| entry)
            .collect();
        left.reverse();
        left
    }
}

fn against_all_rows(sides: &mut PerSide<Listed>, status: &dyn FolderStatus) -> Result<Vec<Touched>> {
    let mut touched = Vec::new();
    status.rows(&mut |row| {
        let seen = PerSide { remote: sides.remote.claim(&row.ids.remote), local: sides.local.claim(&row.ids.local) };
        touched.extend(touched_by(row, seen));
        Ok(())
    })?;
    Ok(touched)
}

fn against_single_rows(sides: &mut PerSide<Listed>, status: &dyn FolderStatus) -> Result<Vec<Touched>> {
    let mut rows: BTreeMap<MessageId, Row> = BTreeMap::new();
    for side in Side::BOTH {
        let spoken_of = sides[side].entries.iter().map(|entry| &entry.id).chain(&sides[side].gone);
        for id in spoken_of {
            if let Some(row) = status.row(side, id)? {
                rows.entry(row.ids.remote.clone()).or_insert(row);
            }
        }
    }
    let mut touched = Vec::new();
    for row in rows.into_values() {
        let seen = PerSide { remote: sides.remote.claim(&row.ids.remote), local: sides.local.claim(&row.ids.local) };
        touched.extend(touched_by(row, seen));
    }
    Ok(touched)
}

/// A message with a row, if anything about it is new. Of one that is alone on its side only that it is gone.
fn touched_by(row: Row, mut seen: PerSide<Seen>) -> Option<Touched> {
    let new = match row.is_alone_on() {
        Some(side) => {
            seen[side.other()] = Seen::Gone;
            seen[side] == Seen::Gone
        }
        None => says_something(&seen, &row.base),
    };
    new.then_some(Touched { row: Some(row), seen })
}

fn says_something(seen: &PerSide<Seen>, base: &Flags) -> bool {
    Side::BOTH.into_iter().any(|side| match &seen[side] {
        Seen::Unchanged => false,
        Seen::Gone => true,
        Seen::Present(_, flags) => flags != base,
    })
}
