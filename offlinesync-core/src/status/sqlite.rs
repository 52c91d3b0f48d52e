//! The status store in one SQLite file an account. It touches that file and nothing else.
//!
//! One connection behind a lock serves all threads; the lock is held for one transaction or one page of rows, never while a
//! caller's code runs. The format of the file is in `schema.rs`.

mod failure;
mod folder;
mod open;
mod schema;
#[cfg(test)]
mod tests;
mod values;

use self::failure::Failure;
use self::folder::SqliteFolder;
use self::values::KeywordSets;
use super::memory::name_taken;
use super::{FolderPair, FolderRecord, FolderStatus, StatusStore};
use crate::error::{Error, ErrorKind, Result};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the status of one account in one SQLite file. A clone shares the same connection.
#[derive(Clone)]
pub struct SqliteStatus(Arc<Shared>);

struct Shared {
    path: PathBuf,
    writable: bool,
    /// `None`: opened for reading only, and there is no file.
    database: Mutex<Option<Database>>,
}

struct Database {
    connection: Connection,
    keywords: KeywordSets,
}

impl SqliteStatus {
    /// Opens the file, creates it (mode 0600) if it is missing, and brings an older format up to date. An up-to-date file is not
    /// written to.
    ///
    /// With `fsync`, a batch is on the disk when [`FolderStatus::apply`] returns; without, a power failure may undo the last ones,
    /// each as a whole. Either way the end of the process loses nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] for a file that is damaged, is not a status file or was written by a newer version, and for a disk
    /// that refuses; [`ErrorKind::Locked`] if another process keeps the file locked for more than five seconds.
    pub fn open(path: impl AsRef<Path>, fsync: bool) -> Result<Self> {
        let path = path.as_ref();
        let connection = open::writable(path, fsync).map_err(|failure| failure.at(path))?;
        Ok(Self::new(path, true, Some(connection)))
    }

    /// Opens the file for reading only and creates nothing: a missing file is an empty status. Every change is refused.
    ///
    /// No other process may be writing the file meanwhile: the caller holds the account's lock.
    ///
    /// # Errors
    /// As [`SqliteStatus::open`]; also [`ErrorKind::Storage`] if the file has an older format.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let connection = open::read_only(path).map_err(|failure| failure.at(path))?;
        Ok(Self::new(path, false, connection))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn new(path: &Path, writable: bool, connection: Option<Connection>) -> Self {
        let database = connection.map(|connection| Database { connection, keywords: KeywordSets::default() });
        SqliteStatus(Arc::new(Shared { path: path.to_owned(), writable, database: Mutex::new(database) }))
    }
}

impl fmt::Debug for SqliteStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStatus").field("path", &self.0.path).field("writable", &self.0.writable).finish()
    }
}

impl Shared {
    /// Reads; a missing file answers with the default.
    fn read<T: Default>(&self, read: impl FnOnce(&mut Database) -> Result<T, Failure>) -> Result<T> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = database.as_mut() else { return Ok(T::default()) };
        read(database).map_err(|failure| failure.at(&self.path))
    }

    /// Writes in one transaction, which becomes durable only if `write` succeeds.
    fn write(&self, write: impl FnOnce(&Transaction<'_>, &mut KeywordSets) -> Result<(), Failure>) -> Result<()> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = database.as_mut().filter(|_| self.writable) else { return Err(self.refuse()) };
        let done = database.write(write);
        if done.is_err() {
            database.keywords.clear();
        }
        done.map_err(|failure| failure.at(&self.path))
    }

    fn refuse(&self) -> Error {
        Error::new(ErrorKind::Storage, format!("{}: the status was opened for reading only", self.path.display()))
    }
}

impl Database {
    fn write(
        &mut self,
        write: impl FnOnce(&Transaction<'_>, &mut KeywordSets) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&transaction, &mut self.keywords)?;
        Ok(transaction.commit()?)
    }
}

fn folder_id(connection: &Connection, pair: &FolderPair) -> Result<Option<i64>, Failure> {
    let mut find = connection.prepare_cached("SELECT id FROM folders WHERE remote = ?1 AND local = ?2")?;
    Ok(find.query_row(params![pair.remote.as_str(), pair.local.as_str()], |row| row.get(0)).optional()?)
}

impl StatusStore for SqliteStatus {
    fn folders(&self) -> Result<Vec<(FolderPair, FolderRecord, u64)>> {
        self.0.read(|database| {
            let mut select = database.connection.prepare_cached(schema::SELECT_FOLDERS)?;
            let mut rows = select.query([])?;
            let mut folders = Vec::new();
            while let Some(row) = rows.next()? {
                folders.push((values::pair(row)?, values::record(row)?, values::count(row)?));
            }
            Ok(folders)
        })
    }

    fn folder(&self, pair: &FolderPair) -> Result<Box<dyn FolderStatus>> {
        Ok(Box::new(SqliteFolder { shared: self.0.clone(), pair: pair.clone() }))
    }

    fn forget(&self, pair: &FolderPair) -> Result<()> {
        self.0.write(|transaction, _| {
            let Some(id) = folder_id(transaction, pair)? else { return Ok(()) };
            for sql in schema::FORGET_FOLDER {
                transaction.execute(sql, [id])?;
            }
            Ok(())
        })
    }

    fn rename(&self, from: &FolderPair, to: &FolderPair) -> Result<()> {
        if from == to {
            return Ok(());
        }
        self.0.write(|transaction, _| {
            let Some(id) = folder_id(transaction, from)? else { return Ok(()) };
            if folder_id(transaction, to)?.is_some() {
                return Err(Failure::Other(name_taken(from, to)));
            }
            let names = params![id, to.remote.as_str(), to.local.as_str()];
            transaction.execute("UPDATE folders SET remote = ?2, local = ?3 WHERE id = ?1", names)?;
            Ok(())
        })
    }
}
