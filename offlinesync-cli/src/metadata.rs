//! The directory of status files and locks.

use offlinesync_core::{Error, ErrorKind, Result};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Creates a directory for its owner alone (mode 0700) if it is missing; its parent must be there. With `fsync`, a new one survives
/// a power failure.
///
/// # Errors
/// Kind `Storage`: it cannot be created.
pub fn create(directory: &Path, fsync: bool) -> Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) if fsync => sync_parent(directory),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => {
            let message = format!("cannot create the directory {}: {error}", directory.display());
            Err(Error::new(ErrorKind::Storage, message).with_source(error))
        }
    }
}

/// A new directory is there after a power failure only if its parent was synced.
fn sync_parent(directory: &Path) -> Result<()> {
    let Some(parent) = directory.parent() else { return Ok(()) };
    // The parent of a mere name is the empty path, which cannot be opened.
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let synced = std::fs::File::open(parent).and_then(|parent| parent.sync_all());
    synced.map_err(|error| Error::io(parent.display(), error, ErrorKind::Storage))
}
