//! One lock file for each account, held for the whole life of a run. Two locks are taken on it, `flock` and `fcntl`, so that
//! OfflineIMAP, which uses either, respects it too. The file is never deleted: whoever deleted it could let two others in.

use offlinesync_core::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A lock that is held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file lets go of the locks")] File);

impl Lock {
    /// Takes the lock of an account, without waiting.
    ///
    /// # Errors
    /// `Locked`: another process holds it; the message says which and since when. `Storage`: the file cannot be opened or locked.
    pub fn take(metadata: &Path, account: &str) -> Result<Lock> {
        let path = metadata.join(format!("{account}.lock"));
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|error| storage(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, &path, account)),
            Err(TryLockError::Error(error)) => return Err(storage(&path, error)),
        }
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Err(held(&mut file, &path, account)),
            Err(error) => return Err(storage(&path, error.into())),
        }
        write_holder(&mut file).map_err(|error| storage(&path, error))?;
        Ok(Lock(file))
    }
}

fn storage(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("lock file {}", path.display()), error, ErrorKind::Storage)
}

/// The time is in UTC: finding the local time zone takes as many system calls as half a sync that has nothing to do.
fn write_holder(file: &mut File) -> std::io::Result<()> {
    let text = format!("{}\nsince {:.0}\n", std::process::id(), jiff::Timestamp::now());
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// The second line of a lock file, in local time.
fn since(line: &str) -> Option<String> {
    let time: jiff::Timestamp = line.strip_prefix("since ")?.parse().ok()?;
    let time = time.to_zoned_datetime(jiff::tz::TimeZone::system());
    Some(format!(" since {}", time.strftime("%Y-%m-%d %H:%M:%S")))
}

fn held(file: &mut File, path: &Path, account: &str) -> Error {
    let mut text = String::new();
    // Without its words the lock is held all the same.
    let _ = file.take(200).read_to_string(&mut text);
    let mut lines = text.lines();
    let holder = match lines.next().and_then(|pid| pid.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let since = lines.next().and_then(since).unwrap_or_default();
    Error::new(ErrorKind::Locked, format!("account '{account}' was not synced: {holder} is syncing it{since}"))
        .with_hint(format!("wait until it has ended; the lock is {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_lock_and_since_when_and_leaves_the_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path(), "a").unwrap();
        let error = Lock::take(dir.path(), "a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let text = error.to_string();
        assert!(text.contains(&format!("process {} is syncing it since 2", std::process::id())), "{text}");
        assert!(dir.path().join("a.lock").exists());
        Lock::take(dir.path(), "b").unwrap();
        drop(lock);
        Lock::take(dir.path(), "a").unwrap();
    }
}
