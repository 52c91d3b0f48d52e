//! mbsync's lock on its state file: an `fcntl` lock on `<state>.lock`, which mbsync holds as long as it works on the pair of mailboxes
//! and removes afterwards. Held here in the same way, so that neither reads what the other is writing. Touches lock files alone.

use offlinesync_core::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The lock of one state file, held until it is dropped.
#[derive(Debug)]
pub(super) struct StateLock {
    path: PathBuf,
    /// Closing it lets go of the lock.
    _file: File,
}

impl StateLock {
    /// Takes the lock of the state at `state`, without waiting. `mailbox` is what it is called in a sentence.
    ///
    /// # Errors
    /// `Locked`: mbsync is working on it. `Storage`: the file cannot be made or locked.
    pub(super) fn take(state: &Path, mailbox: &str) -> Result<StateLock> {
        let path = state.with_added_extension("lock");
        let storage = |error| Error::io(format!("lock file {}", path.display()), error, ErrorKind::Storage);
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(storage)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Err(held(&path, mailbox)),
            Err(error) => return Err(storage(error.into())),
        }
        match is_at(&file, &path) {
            Ok(true) => Ok(StateLock { path, _file: file }),
            // Whoever held it has just removed it, and the next one may have begun.
            Ok(false) => Err(held(&path, mailbox)),
            Err(error) => Err(storage(error)),
        }
    }
}

impl Drop for StateLock {
    /// As mbsync does: removed while it is still held.
    fn drop(&mut self) {
        // One that stays behind locks nobody out.
        let _ = fs::remove_file(&self.path);
    }
}

fn held(path: &Path, mailbox: &str) -> Error {
    let sentence = format!("mbsync is working on '{mailbox}' just now; nothing was taken from it or given to it");
    Error::new(ErrorKind::Locked, sentence)
        .with_hint(format!("run this again when mbsync has ended; its lock is {}", path.display()))
}

/// Whether a file is still the one of this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_lies_beside_the_state_and_is_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".mbsyncstate");
        let lock = StateLock::take(&state, "INBOX").unwrap();
        assert!(dir.path().join(".mbsyncstate.lock").exists());
        drop(lock);
        assert!(!dir.path().join(".mbsyncstate.lock").exists());
        let nowhere = StateLock::take(&dir.path().join("no/state"), "INBOX").unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::Storage);
    }
}
