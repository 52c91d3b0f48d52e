//! The state of a folder's directories as a few numbers: equal stamps prove that no message came, went or changed its flags.
//! Reads metadata only.
//!
//! Every delivery, removal and flag change is a change of a directory entry in `new` or `cur`, and so changes the directory's
//! times. Times tick: two changes within one tick leave the same time, so a time that is not older than a tick proves nothing
//! (the rule of git's index). A time without a fraction may come from a file system that ticks in seconds.

use crate::scan::Sub;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const TICK: i128 = 20_000_000;
const COARSE_TICK: i128 = 2_000_000_000;
const SECOND: i128 = 1_000_000_000;
const VERSION: u8 = 1;

/// Times and identity of a directory or file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

/// What a directory is.
pub(crate) enum Probe {
    /// A folder in this state.
    Whole(Stamp),
    /// One of `new` and `cur` is missing.
    Broken,
    /// No folder.
    Nothing,
}

/// What a folder looked like from outside at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    new: Times,
    cur: Times,
    /// All zero where there is no table.
    keywords: Times,
}

impl Stamp {
    /// Looks at a folder's directories. Fails if `new` or `cur` is missing.
    pub(crate) fn take(folder: &Path) -> Result<Stamp> {
        let missing = |sub: Sub| {
            let message = format!("{}: this directory of the folder is missing", folder.join(sub.name()).display());
            Error::new(ErrorKind::Folder, message).with_hint(
                "is a disk not mounted? if its messages are meant to be gone, make the directory again, empty",
            )
        };
        match Self::probe(folder).map_err(|e| Error::io(folder.display(), e, ErrorKind::Folder))? {
            Probe::Whole(stamp) => Ok(stamp),
            Probe::Broken => Err(missing(if folder.join("cur").is_dir() { Sub::New } else { Sub::Cur })),
            Probe::Nothing => Err(missing(Sub::Cur)),
        }
    }

    /// Looks whether a directory is a folder.
    pub(crate) fn probe(directory: &Path) -> io::Result<Probe> {
        let (new, cur) = (look(&directory.join("new"))?, look(&directory.join("cur"))?);
        let only_directories = |found: Option<fs::Metadata>| found.filter(fs::Metadata::is_dir);
        match (only_directories(new), only_directories(cur)) {
            (Some(new), Some(cur)) => {
                let keywords = look(&directory.join(crate::keywords::FILE))?.as_ref().map(times).unwrap_or_default();
                // A directory's size says nothing that its times do not.
                let entries = |metadata| Times { size: 0, ..times(metadata) };
                Ok(Probe::Whole(Stamp { new: entries(&new), cur: entries(&cur), keywords }))
            }
            (None, None) => Ok(Probe::Nothing),
            _ => Ok(Probe::Broken),
        }
    }

    /// Whether a change after this moment is bound to show as another stamp. `now` is a clock reading from before
    /// the stamp was taken.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let now = nanoseconds(now);
        [self.new, self.cur, self.keywords].iter().all(|t| settled(t.modified, now) && settled(t.changed, now))
    }

    /// The stamp as a token; `reading` distinguishes settings under which the same files mean something else.
    pub(crate) fn token(&self, reading: [u8; 4]) -> Box<[u8]> {
        let mut token = vec![VERSION];
        token.extend(reading);
        for times in [self.new, self.cur, self.keywords] {
            token.extend(times.inode.to_be_bytes());
            token.extend(times.size.to_be_bytes());
            token.extend(times.modified.to_be_bytes());
            token.extend(times.changed.to_be_bytes());
        }
        token.into_boxed_slice()
    }
}

fn times(metadata: &fs::Metadata) -> Times {
    let at = |seconds: i64, nanoseconds: i64| i128::from(seconds) * SECOND + i128::from(nanoseconds);
    Times {
        inode: metadata.ino(),
        size: metadata.size(),
        modified: at(metadata.mtime(), metadata.mtime_nsec()),
        changed: at(metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn settled(time: i128, now: i128) -> bool {
    let tick = if time % SECOND == 0 { COARSE_TICK } else { TICK };
    time + tick < now
}

fn nanoseconds(time: SystemTime) -> i128 {
    let signed = |d: std::time::Duration| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_trusted_once_its_tick_has_passed() {
        let time = 1_700_000_000 * SECOND;
        assert!(!settled(time + 5, time + TICK));
        assert!(settled(time + 5, time + TICK + 6));
        assert!(!settled(time, time + SECOND));
        assert!(settled(time, time + 2 * SECOND + 1));
        assert!(!settled(time + 5, time));
    }

    #[test]
    fn every_change_of_an_entry_shows() {
        let dir = tempfile::tempdir().unwrap();
        ["new", "cur"].iter().for_each(|d| fs::create_dir(dir.path().join(d)).unwrap());
        let first = Stamp::take(dir.path()).unwrap();
        assert_eq!(first, Stamp::take(dir.path()).unwrap());
        assert_ne!(first.token([0; 4]), first.token([1; 4]));
        assert!(first.token([0; 4]).len() <= 256);
        fs::write(dir.path().join(crate::keywords::FILE), "0 a\n").unwrap();
        assert_ne!(first, Stamp::take(dir.path()).unwrap());
        fs::remove_dir(dir.path().join("cur")).unwrap();
        assert!(Stamp::take(dir.path()).is_err());
    }
}
