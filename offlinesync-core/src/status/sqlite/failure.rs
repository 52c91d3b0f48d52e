//! From SQLite's errors to the engine's: what the disk did, what a damaged file is, what would help. Pure.

use crate::error::{Error, ErrorKind};
use rusqlite::ErrorCode;
use std::path::Path;

/// What can go wrong with the file, before its path is added.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite says so.
    Sql(rusqlite::Error),
    /// The file holds what no version of this program writes.
    Damaged(String),
    /// Anything else, already in words.
    Other(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sql(error)
    }
}

impl Failure {
    /// The error for the caller, with the file's path.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Failure::Other(error) => error.at(path.display()),
            Failure::Damaged(what) => damaged(path, &what),
            Failure::Sql(error) => from_sql(path, error),
        }
    }
}

fn from_sql(path: &Path, error: rusqlite::Error) -> Error {
    let place = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damaged(path, &error.to_string()).with_source(error)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            Error::new(ErrorKind::Locked, format!("{place}: another process keeps the status file locked"))
                .with_source(error)
        }
        Some(_) => Error::new(ErrorKind::Storage, format!("{place}: {error}")).with_source(error),
        None => damaged(path, &error.to_string()).with_source(error),
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    let place = path.display();
    Error::new(ErrorKind::Storage, format!("{place}: the status file is damaged: {what}")).with_hint(format!(
        "move {place} away (with {place}-wal and {place}-shm, if they exist); the next run compares both sides afresh and removes nothing"
    ))
}
