//! The status store of a faulty account: a run may end between an effect and its record.

use super::Faults;
use crate::error::Result;
use crate::message::{ContentId, MessageId, Side};
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, Row, StatusStore};

/// A status store whose changes are effects that [`Faults`] counts. Batches are never carried out by half.
#[derive(Debug)]
pub struct FaultyStatus<S> {
    inner: S,
    faults: Faults,
}

impl<S: StatusStore> FaultyStatus<S> {
    /// A status store whose effects are counted by `faults`.
    pub fn new(inner: S, faults: &Faults) -> Self {
        FaultyStatus { inner, faults: faults.clone() }
    }

    /// What is inside, without faults.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: StatusStore> StatusStore for FaultyStatus<S> {
    fn folders(&self) -> Result<Vec<(FolderPair, FolderRecord, u64)>> {
        self.faults.check()?;
        self.inner.folders()
    }

    fn folder(&self, pair: &FolderPair) -> Result<Box<dyn FolderStatus>> {
        self.faults.check()?;
        Ok(Box::new(Folder { inner: self.inner.folder(pair)?, faults: self.faults.clone() }))
    }

    fn forget(&self, pair: &FolderPair) -> Result<()> {
        self.faults.effect("forget", || self.inner.forget(pair))
    }

    fn rename(&self, from: &FolderPair, to: &FolderPair) -> Result<()> {
        self.faults.effect("rename", || self.inner.rename(from, to))
    }
}

struct Folder {
    inner: Box<dyn FolderStatus>,
    faults: Faults,
}

impl FolderStatus for Folder {
    fn record(&self) -> Result<FolderRecord> {
        self.faults.check()?;
        self.inner.record()
    }

    fn count(&self) -> Result<u64> {
        self.faults.check()?;
        self.inner.count()
    }

    fn rows(&self, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        self.faults.check()?;
        self.inner.rows(each)
    }

    fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        self.faults.check()?;
        self.inner.row(side, id)
    }

    fn content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        self.faults.check()?;
        self.inner.content(side, id)
    }

    fn intents(&self) -> Result<Vec<Intent>> {
        self.faults.check()?;
        self.inner.intents()
    }

    fn apply(&mut self, batch: Batch) -> Result<()> {
        let inner = &mut self.inner;
        self.faults.effect("apply", || inner.apply(batch))
    }
}
