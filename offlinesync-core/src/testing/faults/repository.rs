//! The repository whose folders, messages and listings fail on demand.

use super::Faults;
use super::folder::FaultyFolder;
use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::message::MessageId;
use crate::repository::{Folder, FolderList, Repository};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What fails by itself, however often it is asked for. Ids count in every folder.
#[derive(Clone, Debug, Default)]
pub struct Bad {
    /// Messages whose fetch fails before the first octet.
    pub unreadable: BTreeSet<MessageId>,
    /// Messages whose header cannot be read.
    pub headerless: BTreeSet<MessageId>,
    /// Messages whose fetch breaks off in the middle.
    pub breaking_off: BTreeSet<MessageId>,
    /// Sources that an intake refuses when they begin.
    pub refused: BTreeSet<MessageId>,
    /// Sources that an intake takes and a commit refuses.
    pub not_committed: BTreeSet<MessageId>,
    /// Messages whose flags cannot be changed.
    pub unchangeable: BTreeSet<MessageId>,
    /// Messages that cannot be removed.
    pub unremovable: BTreeSet<MessageId>,
    /// Messages that are passed over when messages are moved.
    pub unmovable: BTreeSet<MessageId>,
    /// How the list of folders fails.
    pub list: Listing,
    /// How the listing of every folder fails.
    pub changes: Listing,
}

/// How a listing fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// Not at all.
    #[default]
    Right,
    /// With an error.
    Fails(ErrorKind),
    /// It says, without an error, that there is nothing: a disk that is not mounted.
    Empty,
}

/// A repository that fails on demand. Clones share everything.
#[derive(Debug)]
pub struct Faulty<R> {
    inner: Arc<R>,
    faults: Faults,
    bad: Arc<Mutex<Bad>>,
}

impl<R> Clone for Faulty<R> {
    fn clone(&self) -> Self {
        Faulty { inner: self.inner.clone(), faults: self.faults.clone(), bad: self.bad.clone() }
    }
}

impl<R: Repository> Faulty<R> {
    /// A repository whose effects are counted by `faults`.
    pub fn new(inner: R, faults: &Faults) -> Self {
        Faulty { inner: Arc::new(inner), faults: faults.clone(), bad: Arc::default() }
    }

    /// What is inside, without faults.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Its count of effects.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Says what fails by itself; `*bad = Bad::default()` mends everything.
    pub fn spoil(&self, change: impl FnOnce(&mut Bad)) {
        change(&mut lock(&self.bad));
    }
}

pub(super) fn lock(bad: &Mutex<Bad>) -> MutexGuard<'_, Bad> {
    bad.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of a message that fails by itself.
pub(super) fn spoiled(id: &MessageId) -> Error {
    Error::new(ErrorKind::Message, format!("message {id} was made to fail"))
}

impl Listing {
    /// The error, if it is to fail.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Listing::Fails(kind) => Err(Error::new(kind, "the listing was made to fail")),
            Listing::Right | Listing::Empty => Ok(()),
        }
    }
}

impl<R: Repository> Repository for Faulty<R> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn exists(&self) -> Result<bool> {
        self.faults.check()?;
        self.inner.exists()
    }

    fn initialize(&self) -> Result<()> {
        self.faults.effect("initialize", || self.inner.initialize())
    }

    fn expect_folders(&self, folders: usize) {
        self.inner.expect_folders(folders);
    }

    fn list(&self) -> Result<FolderList> {
        self.faults.effect("list", || {
            let how = lock(&self.bad).list;
            how.check()?;
            let mut list = self.inner.list()?;
            if how == Listing::Empty {
                list.folders.clear();
            }
            Ok(list)
        })
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        self.faults.check()?;
        let inner = self.inner.open(folder)?;
        Ok(Box::new(FaultyFolder { inner, faults: self.faults.clone(), bad: self.bad.clone() }))
    }

    fn create(&self, folder: &FolderName) -> Result<()> {
        self.faults.effect("create", || self.inner.create(folder))
    }

    fn rename(&self, from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)]) -> Result<bool> {
        self.faults.effect("rename", || self.inner.rename(from, to, below))
    }

    fn parallelism(&self) -> usize {
        self.inner.parallelism()
    }

    fn streams(&self) -> usize {
        self.inner.streams()
    }

    fn case_sensitive(&self) -> bool {
        self.inner.case_sensitive()
    }

    fn close(&self) {
        self.inner.close();
    }
}
