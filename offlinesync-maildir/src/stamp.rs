//! The state of a folder's directories as a few numbers: equal stamps prove that no message came, went or changed its flags.
//! Reads metadata only.
//!
//! Every delivery, removal and flag change is a change of a directory entry in `new` or `cur`, and so changes the directory's
//! times. Times tick: two changes within one tick leave the same time, so a time proves nothing until its tick is over (the rule of
//! git's index). Linux stamps files with a clock that can be read, so there the tick is over as soon as that clock shows a later time.

use crate::scan::Sub;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How far the clock must be past a time for its tick to be over.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TICK: i128 = 0;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const TICK: i128 = 20 * MILLISECOND;
const SECOND: i128 = 1000 * MILLISECOND;
const MILLISECOND: i128 = 1_000_000;
/// The longest wait for a tick to be over.
const PATIENCE: Duration = Duration::from_millis(25);
const VERSION: u8 = 1;
/// Octets of a directory in a token: inode, birth, modified, changed.
const TIMES: usize = 8 + 8 + 16 + 16;

/// A reading of the clock that stamps files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i128);

impl Moment {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn now() -> Moment {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        Moment(nanoseconds(now.tv_sec, now.tv_nsec))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn now() -> Moment {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Moment(i128::try_from(now.as_nanos()).unwrap_or(0))
    }
}

/// Times and identity of a directory or file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    inode: u64,
    /// Of a directory: when it was made.
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
                let entries = |metadata| Times { size: birth(metadata), ..times(metadata) };
                Ok(Probe::Whole(Stamp { new: entries(&new), cur: entries(&cur), keywords }))
            }
            (None, None) => Ok(Probe::Nothing),
            _ => Ok(Probe::Broken),
        }
    }

    /// Whether any change after `now` is bound to show as another stamp.
    pub(crate) fn is_settled(&self, now: Moment) -> bool {
        [self.new, self.cur, self.keywords].iter().all(|t| settled(t.modified, now) && settled(t.changed, now))
    }

    /// Waits, if that does not take long, until any later change is bound to show as another stamp. `false`: it would take long.
    pub(crate) fn settle(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_settled(Moment::now()) {
            if Instant::now() > deadline || !self.is_settled(Moment(Moment::now().0 + PATIENCE.as_nanos() as i128)) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
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

/// A token that no state has: it tells which directories they were, and that they have to be listed.
pub(crate) fn of_identity_alone(token: Box<[u8]>) -> Box<[u8]> {
    let mut token = token.into_vec();
    token.push(0);
    token.into_boxed_slice()
}

/// Whether one of a folder's directories is another than that of a token. What it holds may be older than what the token was taken
/// from, as in a restored backup.
pub(crate) fn is_replaced(folder: &Path, token: &[u8]) -> io::Result<bool> {
    let is_other = |at: usize, sub: &str| -> io::Result<bool> {
        let (Some(then), Some(now)) = (identity(token, at), look(&folder.join(sub))?) else { return Ok(false) };
        Ok(then != (now.ino(), birth(&now)))
    };
    Ok(is_other(0, "new")? || is_other(1, "cur")?)
}

/// Inode and birth of a directory in a token.
fn identity(token: &[u8], at: usize) -> Option<(u64, u64)> {
    let rest = token.strip_prefix(&[VERSION])?.get(4 + at * TIMES..)?;
    let (inode, rest) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*inode), u64::from_be_bytes(*rest.first_chunk()?)))
}

/// When a directory was made, in nanoseconds since 1970; 0 where the file system does not tell. An inode is given again to another.
fn birth(metadata: &fs::Metadata) -> u64 {
    let since = metadata.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

fn times(metadata: &fs::Metadata) -> Times {
    Times {
        inode: metadata.ino(),
        size: metadata.size(),
        modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
}

fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A round time may come from a file system that ticks more coarsely than the clock: in seconds, or in hundredths of one.
fn settled(time: i128, now: Moment) -> bool {
    let tick = match time {
        _ if time % SECOND == 0 => 2 * SECOND,
        _ if time % (10 * MILLISECOND) == 0 => 20 * MILLISECOND,
        _ => TICK,
    };
    time + tick < now.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_trusted_once_its_tick_is_over() {
        let round = 1_700_000_000 * SECOND;
        let settled = |time, now| settled(time, Moment(now));
        assert!(!settled(round + 5, round + 5 + TICK) && settled(round + 5, round + 6 + TICK));
        assert!(!settled(round, round + SECOND) && settled(round, round + 2 * SECOND + 1));
        assert!(!settled(round + 10 * MILLISECOND, round + 30 * MILLISECOND));
        assert!(!settled(round + 5, round));
    }

    #[test]
    fn a_stamp_that_settled_shows_the_very_next_change() {
        let dir = tempfile::tempdir().unwrap();
        ["new", "cur"].iter().for_each(|d| fs::create_dir(dir.path().join(d)).unwrap());
        for n in 0..200 {
            let stamp = Stamp::take(dir.path()).unwrap();
            let settled = stamp.settle();
            fs::write(dir.path().join(format!("new/{n}")), "").unwrap();
            assert!(!settled || stamp != Stamp::take(dir.path()).unwrap());
        }
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
