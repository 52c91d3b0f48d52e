//! Marks beside the status file. One is there while rows are being taken over: a run that dies meanwhile is followed by one that starts
//! over. The other stays for ever: what was taken over once is old news if our status is lost later.

use offlinesync_core::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A mark of one account.
#[derive(Clone, Debug)]
pub(super) struct Mark(PathBuf);

impl Mark {
    /// That of the account whose status is in this directory.
    pub(super) fn of(directory: &Path) -> Mark {
        Mark(directory.join("offlinesync.importing"))
    }

    /// The lasting one.
    pub(super) fn of_the_past(directory: &Path) -> Mark {
        Mark(directory.join("offlinesync.imported"))
    }

    /// When it was set.
    pub(super) fn time(&self) -> Option<SystemTime> {
        self.0.metadata().and_then(|metadata| metadata.modified()).ok()
    }

    /// Whether it is set; the one of now: a run died while it took over.
    pub(super) fn is_set(&self) -> bool {
        self.0.exists()
    }

    /// Why nothing is synced as long as it is there: a message that was removed on one side, and of which no row tells, would come back.
    pub(super) fn left_behind(&self) -> Error {
        let sentence = "what mbsync knew of the account was taken over in part only; nothing was synced";
        Error::new(ErrorKind::Refused, sentence).with_hint(format!(
            "run `offlinesync import mbsync` again; without it, remove '{}', and what was removed on one side alone comes back",
            self.0.display()
        ))
    }

    /// Sets it, durably.
    pub(super) fn set(&self) -> Result<()> {
        self.tried(File::create(&self.0).and_then(|file| file.sync_all()))
    }

    /// Takes it away, durably.
    pub(super) fn clear(&self) -> Result<()> {
        self.tried(fs::remove_file(&self.0))
    }

    fn tried(&self, result: io::Result<()>) -> Result<()> {
        let directory = self.0.parent().unwrap_or(Path::new("."));
        result
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(|error| Error::io(self.0.display(), error, ErrorKind::Storage))
    }
}
