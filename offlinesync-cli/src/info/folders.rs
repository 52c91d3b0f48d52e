//! The folders of both sides and what becomes of each. Lists, counts, and changes nothing.

use crate::backend::Backends;
use crate::naming::{Names, Verdict};
use offlinesync_core::sync::PairedFolder;
use offlinesync_core::{
    FolderEntry, FolderList, FolderName, NothingKnown, PerSide, Repository, Result, Side, SpecialUse,
};
use std::collections::BTreeSet;

/// All folders, those of the remote side first.
pub(super) struct Inventory {
    pub(super) rows: Vec<Row>,
}

/// One folder, or two that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// What it is called, or would be.
    pub(super) names: PerSide<Option<String>>,
    /// What a side says it is for.
    pub(super) special_use: Option<SpecialUse>,
    /// How many messages each side has.
    pub(super) messages: PerSide<Option<u64>>,
    /// How many both agreed on at the last sync.
    pub(super) synced: Option<u64>,
    /// Where it is.
    pub(super) there: PerSide<bool>,
    /// Why it takes no part.
    pub(super) disabled: Option<String>,
}

impl Row {
    pub(super) fn takes_part(&self) -> bool {
        self.disabled.is_none()
    }
}

struct Taking<'a> {
    names: &'a Names,
    backends: &'a Backends,
    pairs: &'a [PairedFolder],
    lists: PerSide<FolderList>,
    separators: PerSide<Option<char>>,
}

impl Inventory {
    /// Lists both sides. `pairs` is what a sync would work on, as far as it is known.
    ///
    /// # Errors
    /// A side cannot be listed.
    pub(super) fn take(names: &Names, backends: &Backends, pairs: &[PairedFolder]) -> Result<Inventory> {
        let list = |side: Side| listed(&*backends.repositories[side]);
        let lists = PerSide { remote: list(Side::Remote)?, local: list(Side::Local)? };
        let separators = lists.as_ref().map(|list| list.separator);
        let taking = Taking { names, backends, pairs, lists, separators };
        let mut rows: Vec<Row> =
            taking.lists.remote.folders.iter().map(|entry| taking.row(Side::Remote, entry)).collect();
        let met: BTreeSet<String> = rows.iter().filter_map(|row| row.names.local.clone()).collect();
        let alone = taking.lists.local.folders.iter().filter(|entry| !met.contains(entry.name.as_str()));
        rows.extend(alone.map(|entry| taking.row(Side::Local, entry)));
        Ok(Inventory { rows })
    }
}

/// The folders of a store; of one that is not there yet, none.
fn listed(repository: &dyn Repository) -> Result<FolderList> {
    if repository.exists()? { repository.list() } else { Ok(FolderList::of_nothing(repository)) }
}

impl Taking<'_> {
    fn row(&self, side: Side, entry: &FolderEntry) -> Row {
        let pair = self.pairs.iter().find(|paired| paired.pair[side] == entry.name);
        let (there, disabled) = match self.names.verdict(side, &entry.name, &self.separators) {
            Ok(Verdict { there, left_out }) => (there, left_out.map(|rule| rule.to_string())),
            Err(error) => (None, Some(error.to_string())),
        };
        let there = pair.map(|paired| paired.pair[side.other()].clone()).or(there);
        let partner = there.as_ref().and_then(|name| self.find(side.other(), name));
        let mut row = Row {
            special_use: entry.special_use.or_else(|| partner.and_then(|partner| partner.special_use)),
            synced: pair.map(|paired| paired.rows),
            disabled: match entry.selectable || partner.is_some_and(|partner| partner.selectable) {
                true if pair.is_some() => None,
                true => disabled,
                false => Some("holds no messages".to_owned()),
            },
            ..Row::default()
        };
        row.names[side] = Some(entry.name.as_str().to_owned());
        row.names[side.other()] = there.map(|name| name.as_str().to_owned());
        for (side, entry) in [(side, Some(entry)), (side.other(), partner)] {
            row.there[side] = entry.is_some();
            row.messages[side] = entry.and_then(|entry| self.count(side, entry));
        }
        row
    }

    fn find(&self, side: Side, name: &FolderName) -> Option<&FolderEntry> {
        self.lists[side].folders.iter().find(|entry| entry.name == *name)
    }

    /// How many messages a folder has, if the list tells or counting costs no more than reading a directory.
    fn count(&self, side: Side, entry: &FolderEntry) -> Option<u64> {
        if entry.messages.is_some() || !entry.selectable {
            return entry.messages;
        }
        let mut folder = self.backends.repositories[side].open(&entry.name).ok()?;
        let counted = if folder.cheap_content() { folder.changes(None, &NothingKnown).ok() } else { None };
        counted.map(|set| set.present.len() as u64)
    }
}
