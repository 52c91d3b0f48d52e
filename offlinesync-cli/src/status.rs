//! Where the status of an account is, and in which of its two forms. Going from one form to the other is a copy: what was there
//! stays where it is.

use crate::settings::StatusBackend;
use offlinesync_core::status::copy_status;
use offlinesync_core::{Error, ErrorKind, PlainStatus, Result, SqliteStatus, StatusStore};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// The file of the SQLite form.
const SQLITE: &str = "offlinesync.db";

/// The directory of the text form.
const PLAIN: &str = "offlinesync.status";

/// Says which form was used last, and so is the one that holds.
const MARK: &str = "offlinesync.backend";

/// Opens the status in an account's directory. In another form than it was used in last, it is carried over first.
///
/// The copy is waited for whatever `fsync` says: what takes the place of another form must not be less than that.
///
/// For reading only, it is opened in the form it is in, and nothing is created.
///
/// # Errors
/// What the store says; kind `Storage` for a disk that refuses.
pub fn open(directory: &Path, wanted: StatusBackend, read_only: bool, fsync: bool) -> Result<Arc<dyn StatusStore>> {
    let current = current(directory)?;
    if read_only {
        return store_for_reading(directory, current.unwrap_or(wanted));
    }
    let fsync = fsync || current.is_some_and(|current| current != wanted);
    crate::metadata::create(directory, fsync)?;
    let store = store(directory, wanted, fsync)?;
    if let Some(current) = current.filter(|current| *current != wanted) {
        copy_status(&*self::store(directory, current, fsync)?, &*store)?;
    }
    if current != Some(wanted) {
        mark(directory, wanted, fsync).map_err(|error| Error::io(directory.display(), error, ErrorKind::Storage))?;
    }
    Ok(store)
}

/// The status that is in a directory, for reading; `None` if there is none.
///
/// # Errors
/// What the store says; kind `Storage` for a disk that refuses.
pub fn existing(directory: &Path) -> Result<Option<Arc<dyn StatusStore>>> {
    current(directory)?.map(|form| store_for_reading(directory, form)).transpose()
}

fn store(directory: &Path, form: StatusBackend, fsync: bool) -> Result<Arc<dyn StatusStore>> {
    Ok(match form {
        StatusBackend::Sqlite => Arc::new(SqliteStatus::open(directory.join(SQLITE), fsync)?),
        StatusBackend::Plain => Arc::new(PlainStatus::open(directory.join(PLAIN), fsync)?),
    })
}

fn store_for_reading(directory: &Path, form: StatusBackend) -> Result<Arc<dyn StatusStore>> {
    Ok(match form {
        StatusBackend::Sqlite => Arc::new(SqliteStatus::open_read_only(directory.join(SQLITE))?),
        StatusBackend::Plain => Arc::new(PlainStatus::open_read_only(directory.join(PLAIN))?),
    })
}

/// The form that holds. Without a mark, SQLite's if it is there.
fn current(directory: &Path) -> Result<Option<StatusBackend>> {
    let path = directory.join(MARK);
    let forms = [StatusBackend::Sqlite, StatusBackend::Plain];
    match fs::read_to_string(&path) {
        Ok(text) => match forms.into_iter().find(|form| name(*form) == text.trim()) {
            Some(form) => Ok(Some(form)),
            None => {
                let message = format!("{}: neither `sqlite` nor `plain`", path.display());
                Err(Error::new(ErrorKind::Storage, message))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(forms.into_iter().find(|form| directory.join(place(*form)).exists()))
        }
        Err(error) => Err(Error::io(path.display(), error, ErrorKind::Storage)),
    }
}

fn mark(directory: &Path, form: StatusBackend, fsync: bool) -> std::io::Result<()> {
    let unfinished = directory.join(format!("{MARK}.new"));
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{}", name(form))?;
    if fsync {
        file.sync_all()?;
    }
    fs::rename(&unfinished, directory.join(MARK))?;
    if fsync { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn name(form: StatusBackend) -> &'static str {
    match form {
        StatusBackend::Sqlite => "sqlite",
        StatusBackend::Plain => "plain",
    }
}

fn place(form: StatusBackend) -> &'static str {
    match form {
        StatusBackend::Sqlite => SQLITE,
        StatusBackend::Plain => PLAIN,
    }
}
