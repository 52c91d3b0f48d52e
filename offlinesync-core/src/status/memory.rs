//! A status store in memory, for tests and for embedders that start afresh each time. Touches no file.

use super::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, Row, StatusStore};
use crate::error::{Error, ErrorKind, Result};
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::message::{ContentId, MessageId, PerSide, Side};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many rows are handed out between two looks at the shared state.
pub(super) const PAGE: usize = 1024;

type Key = (FolderName, FolderName);

/// Keeps the status in memory; gone when the last handle is dropped. A clone shares the same state.
#[derive(Clone, Debug, Default)]
pub struct MemoryStatus(Arc<Mutex<BTreeMap<Key, FolderData>>>);

/// Everything about one pair.
#[derive(Debug, Default)]
pub(super) struct FolderData {
    pub(super) record: FolderRecord,
    pub(super) rows: BTreeMap<MessageId, (MessageId, Flags)>,
    by_local: BTreeMap<MessageId, MessageId>,
    pub(super) intents: BTreeMap<(Side, MessageId), Intent>,
    contents: BTreeMap<(Side, MessageId), ContentId>,
}

impl MemoryStatus {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, FolderData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(pair: &FolderPair) -> Key {
    (pair.remote.clone(), pair.local.clone())
}

impl StatusStore for MemoryStatus {
    fn folders(&self) -> Result<Vec<(FolderPair, FolderRecord, u64)>> {
        let pair = |(remote, local): &Key| FolderPair { remote: remote.clone(), local: local.clone() };
        Ok(self.lock().iter().map(|(k, data)| (pair(k), data.record.clone(), data.rows.len() as u64)).collect())
    }

    fn folder(&self, pair: &FolderPair) -> Result<Box<dyn FolderStatus>> {
        Ok(Box::new(MemoryFolder { store: self.clone(), key: key(pair) }))
    }

    fn forget(&self, pair: &FolderPair) -> Result<()> {
        self.lock().remove(&key(pair));
        Ok(())
    }

    fn rename(&self, from: &FolderPair, to: &FolderPair) -> Result<()> {
        let mut folders = self.lock();
        if from == to || !folders.contains_key(&key(from)) {
            return Ok(());
        }
        if folders.contains_key(&key(to)) {
            return Err(name_taken(from, to));
        }
        if let Some(data) = folders.remove(&key(from)) {
            folders.insert(key(to), data);
        }
        Ok(())
    }
}

struct MemoryFolder {
    store: MemoryStatus,
    key: Key,
}

impl MemoryFolder {
    fn read<T: Default>(&self, read: impl FnOnce(&FolderData) -> T) -> T {
        self.store.lock().get(&self.key).map(read).unwrap_or_default()
    }
}

impl FolderStatus for MemoryFolder {
    fn record(&self) -> Result<FolderRecord> {
        Ok(self.read(|data| data.record.clone()))
    }

    fn count(&self) -> Result<u64> {
        Ok(self.read(|data| data.rows.len() as u64))
    }

    fn rows(&self, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let mut last: Option<MessageId> = None;
        loop {
            let page = self.read(|data| data.page_after(last.as_ref(), PAGE));
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.ids.remote.clone());
            page.into_iter().try_for_each(&mut *each)?;
        }
    }

    fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        Ok(self.read(|data| data.find(side, id)))
    }

    fn content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        Ok(self.read(|data| data.contents.get(&(side, id.clone())).copied()))
    }

    fn intents(&self) -> Result<Vec<Intent>> {
        Ok(self.read(|data| data.intents.values().cloned().collect()))
    }

    fn apply(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut folders = self.store.lock();
        let known = folders.contains_key(&self.key);
        let applied = folders.entry(self.key.clone()).or_default().apply(batch);
        if applied.is_err() && !known {
            folders.remove(&self.key);
        }
        applied.map_err(|error| error.at(format_args!("{} and {}", self.key.0, self.key.1)))
    }
}

impl FolderData {
    fn row(&self, remote: &MessageId) -> Option<Row> {
        let (local, base) = self.rows.get(remote)?;
        Some(Row { ids: PerSide { remote: remote.clone(), local: local.clone() }, base: base.clone() })
    }

    pub(super) fn find(&self, side: Side, id: &MessageId) -> Option<Row> {
        match side {
            Side::Remote => self.row(id),
            Side::Local => self.by_local.get(id).and_then(|remote| self.row(remote)),
        }
    }

    /// So many rows at most, in ascending order of the remote id.
    pub(super) fn page_after(&self, last: Option<&MessageId>, most: usize) -> Vec<Row> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.rows.range((from, Bound::Unbounded)).take(most);
        page.filter_map(|(remote, _)| self.row(remote)).collect()
    }

    /// Puts a row in the place of that with the same remote id.
    pub(super) fn replace(&mut self, row: Row) {
        self.take(&row.ids.remote);
        self.put(row);
    }

    pub(super) fn take(&mut self, remote: &MessageId) -> Option<Row> {
        let row = self.row(remote)?;
        self.rows.remove(remote);
        self.by_local.remove(&row.ids.local);
        Some(row)
    }

    fn put(&mut self, row: Row) {
        self.by_local.insert(row.ids.local.clone(), row.ids.remote.clone());
        self.rows.insert(row.ids.remote, (row.ids.local, row.base));
    }

    /// The rows come first, for only they can fail; then they are put back as they were.
    pub(super) fn apply(&mut self, batch: Batch) -> Result<()> {
        let mut undo = Vec::new();
        for remote in batch.delete {
            let before = self.take(&remote);
            undo.push((remote, before));
        }
        for row in batch.upsert {
            let before = self.take(&row.ids.remote);
            undo.push((row.ids.remote.clone(), before));
            if let Some(holder) = self.by_local.get(&row.ids.local) {
                let error = id_taken(&row, Some(holder));
                self.undo(undo);
                return Err(error);
            }
            self.put(row);
        }
        let rows_before = undo.into_iter().filter_map(|(_, before)| before);
        rows_before.for_each(|before| self.drop_contents(&before));
        for (side, id, content) in batch.contents {
            if self.find(side, &id).is_some() {
                self.contents.insert((side, id), content);
            }
        }
        self.record = batch.record.unwrap_or_else(|| std::mem::take(&mut self.record));
        self.intents.extend(batch.intents.into_iter().map(|intent| ((intent.to, intent.source.clone()), intent)));
        batch.settled.iter().for_each(|settled| drop(self.intents.remove(settled)));
        Ok(())
    }

    fn drop_contents(&mut self, before: &Row) {
        for side in Side::BOTH {
            if self.find(side, &before.ids[side]).is_none() {
                self.contents.remove(&(side, before.ids[side].clone()));
            }
        }
    }

    fn undo(&mut self, undo: Vec<(MessageId, Option<Row>)>) {
        for (remote, before) in undo.into_iter().rev() {
            self.take(&remote);
            before.into_iter().for_each(|row| self.put(row));
        }
    }
}

pub(super) fn id_taken(row: &Row, holder: Option<&MessageId>) -> Error {
    let holder = holder.map_or_else(|| "another".to_owned(), ToString::to_string);
    let PerSide { remote, local } = &row.ids;
    Error::new(
        ErrorKind::Folder,
        format!("the status cannot pair message {remote} with {local}: message {holder} is paired with it already"),
    )
}

pub(super) fn name_taken(from: &FolderPair, to: &FolderPair) -> Error {
    Error::new(
        ErrorKind::Folder,
        format!(
            "the status of {} and {} cannot be renamed to {} and {}: these have one already",
            from.remote, from.local, to.remote, to.local
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::status_suite::{check_contents, check_persistence, check_status_store};

    #[test]
    fn the_store_in_memory_conforms() {
        check_status_store(&mut || Box::new(MemoryStatus::new()));
        check_contents(&MemoryStatus::new());
    }

    #[test]
    fn a_clone_shares_the_state() {
        let store = MemoryStatus::new();
        check_persistence(&mut || Box::new(store.clone()));
    }
}
