//! An IMAP account as a repository of the engine: the list of its folders, and handles on them.

mod delete;
mod list;
mod rename;

use crate::codec::mailbox_name::NameForm;
use crate::config::ImapConfig;
use crate::connection::{Expected, On, Pool};
use crate::folder::{ImapFolder, Late, state};
use delete::Delete;
use list::{Create, List};
use offlinesync_core::{Folder, FolderEntry, FolderList, FolderName, Repository, Result};
use rename::Rename;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Octets that a server uses to name a folder and its state, about.
const FOLDER: u64 = 110;
/// So many folders can usefully share one connection: while one waits for its disk, the others' answers come in.
const FOLDERS_PER_CONNECTION: usize = 8;

/// An IMAP account. Cloning it gives another handle on the same connections.
#[derive(Clone, Debug)]
pub struct ImapRepository {
    shared: Arc<Shared>,
}

/// What the repository and its folders share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    config: Arc<ImapConfig>,
    late: AtomicU8,
    /// How many folders the next list will name, as far as is known.
    folders: AtomicUsize,
    /// UIDNEXT and number of messages of each folder when the folders were last listed.
    told: Mutex<BTreeMap<FolderName, (u32, u64)>>,
}

impl Shared {
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn config(&self) -> &ImapConfig {
        &self.config
    }

    /// How folder names are written on a connection that has UTF-8 enabled or not.
    pub(crate) fn form(&self, utf8: bool) -> NameForm {
        NameForm { decoded: self.config.utf8_folder_names, utf8 }
    }

    /// What the server is known to put behind a body.
    pub(crate) fn late(&self) -> Late {
        Late::from_number(self.late.load(Ordering::Relaxed))
    }

    /// UIDNEXT and number of messages of a folder, for guesses; 0 where that is not known.
    pub(crate) fn told(&self, folder: &FolderName) -> (u32, u64) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(folder).copied().unwrap_or_default()
    }

    /// What the list said of a folder's messages is old: some are about to be removed from it.
    pub(crate) fn forget_messages(&self, folder: &FolderName) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.entry(folder.clone()).and_modify(|(_, messages)| *messages = 0);
    }

    fn note(&self, list: &FolderList) {
        let told = |entry: &FolderEntry| Some((entry.name.clone(), state::told(entry.witness.as_ref()?)?));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = list.folders.iter().filter_map(told).collect();
    }

    pub(crate) fn found_late(&self, late: Late) {
        self.late.fetch_max(late as u8, Ordering::Relaxed);
    }
}

impl ImapRepository {
    /// An account that is not connected yet: connections are opened when they are needed.
    pub fn new(config: ImapConfig) -> Self {
        let config = Arc::new(config);
        let pool = Pool::new(Arc::clone(&config));
        ImapRepository {
            shared: Arc::new(Shared {
                pool,
                config,
                late: AtomicU8::new(0),
                folders: AtomicUsize::new(0),
                told: Mutex::default(),
            }),
        }
    }

    /// Its connections, for watching.
    pub fn pool(&self) -> &Pool {
        &self.shared.pool
    }

    /// Deletes a folder with everything in it, and ends its subscription. No sync does so.
    ///
    /// # Errors
    /// Kind `Folder` or `Denied`: the server does not want to. As [`Repository::list`] otherwise.
    pub fn delete(&self, folder: &FolderName) -> Result<()> {
        let mut delete = Delete::new(folder, self.shared.form(false));
        let deleted = self.shared.pool.run(On::Anywhere, &mut delete).and_then(|()| delete.finish());
        deleted.map_err(|error| error.at(format_args!("{}: folder {folder}", self.name())))
    }

    /// Sends a sign of life on every connection that nobody uses, so that the server keeps it. One that is gone is dropped.
    pub fn keep_alive(&self) {
        self.shared.pool.keep_alive();
    }
}

impl Repository for ImapRepository {
    fn name(&self) -> &str {
        self.shared.name()
    }

    fn expect_folders(&self, folders: usize) {
        self.shared.folders.store(folders, Ordering::Relaxed);
    }

    fn list(&self) -> Result<FolderList> {
        let config = self.shared.config();
        let mut list = List::new(&config.reference, config.subscribed_only, self.shared.form(false))
            .with_extra(&config.extra_folders);
        let expected = Expected::at_first(self.shared.folders.load(Ordering::Relaxed) as u64 * FOLDER);
        let listed = self.shared.pool.run_expecting(On::Anywhere, expected, &mut list).and_then(|()| list.finish());
        let listed = listed.map_err(|error| error.at(self.name()))?;
        self.shared.note(&listed);
        Ok(listed)
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        Ok(Box::new(ImapFolder::new(Arc::clone(&self.shared), folder.clone())))
    }

    fn create(&self, folder: &FolderName) -> Result<()> {
        let mut create = Create::new(folder, self.shared.form(false));
        let created = self.shared.pool.run(On::Anywhere, &mut create).and_then(|()| create.finish());
        created.map_err(|error| error.at(format_args!("{}: folder {folder}", self.name())))
    }

    fn rename(&self, from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)]) -> Result<bool> {
        let mut rename = Rename::new(from, to, below, self.shared.form(false));
        let renamed = self.shared.pool.run(On::Anywhere, &mut rename).and_then(|()| rename.finish());
        renamed.map_err(|error| error.at(format_args!("{}: folder {from}", self.name())))
    }

    fn parallelism(&self) -> usize {
        self.shared.config().max_connections.max(1) * FOLDERS_PER_CONNECTION
    }

    fn streams(&self) -> usize {
        self.shared.config().max_connections.max(1)
    }

    fn close(&self) {
        self.shared.pool.close();
    }
}
