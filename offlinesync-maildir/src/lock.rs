//! The lock under which a folder's table of keywords is changed: Dovecot's, a file that only one program can put there. It names its
//! holder as Dovecot does (`pid:host`) from the moment it is there, so that the lock of a program that was killed stands in nobody's way.

use crate::disk::{self, Disk};
use offlinesync_core::{Cancel, Error, ErrorKind, Result};
use rustix::process::{Pid, test_kill_process};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for another program's lock.
const PATIENCE: Duration = Duration::from_secs(2);
/// After this long a lock was left behind by a program that is gone (Dovecot's own rule).
const STALE: Duration = Duration::from_secs(120);
/// Longer than any process and host.
const LONGEST: u64 = 512;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(PathBuf, Disk);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.1.remove_file(&self.0);
    }
}

impl Lock {
    /// Waits for the lock for a while.
    pub(crate) fn take(disk: &Disk, path: PathBuf, cancel: &Cancel) -> Result<Lock> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match put(disk, &path) {
                Ok(()) => return Ok(Lock(path, disk.clone())),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io(path.display(), error, ErrorKind::Folder));
                }
                Err(_) => wait(disk, &path, deadline, cancel)?,
            }
        }
    }
}

/// Puts the lock there with the holder's name in it: one that is empty for a moment would stay empty if its program were killed then,
/// and nobody could tell that nobody holds it.
fn put(disk: &Disk, lock: &Path) -> io::Result<()> {
    let draft = draft_of(lock);
    let _ = disk.remove_file(&draft);
    let put = disk
        .create_private(&draft)
        .and_then(|mut file| file.write_all(format!("{}:{}", std::process::id(), host()).as_bytes()))
        .and_then(|()| disk.rename_new(&draft, lock));
    if put.is_err() {
        let _ = disk.remove_file(&draft);
    }
    put
}

/// A name of this thread alone, in `tmp` where that is: what a killed program leaves there, every Maildir program clears away.
fn draft_of(lock: &Path) -> PathBuf {
    let folder = lock.parent().unwrap_or(Path::new("."));
    let tmp = folder.join("tmp");
    let name = format!("lock.{}.{:?}", std::process::id(), std::thread::current().id());
    if tmp.is_dir() { tmp.join(name) } else { folder.join(name) }
}

fn wait(disk: &Disk, lock: &Path, deadline: Instant, cancel: &Cancel) -> Result<()> {
    cancel.check()?;
    if is_abandoned(lock) {
        let _ = disk.remove_file(lock);
    } else if Instant::now() > deadline {
        let message = format!("{}: another program holds this lock", lock.display());
        return Err(Error::new(ErrorKind::Folder, message).with_hint("remove the file if no mail program is running"));
    } else {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Whether its holder is a process of this host that has ended, or it is too old to be held.
fn is_abandoned(lock: &Path) -> bool {
    let age = fs::metadata(lock).and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
    age.is_some_and(|age| age > STALE)
        || holder(lock).is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// The process of this host that a lock names.
fn holder(lock: &Path) -> Option<Pid> {
    let mut text = String::new();
    disk::open_regular(lock).ok()?.0.take(LONGEST).read_to_string(&mut text).ok()?;
    let (pid, theirs) = text.split_once(':')?;
    if theirs.trim_end() == host() { Pid::from_raw(pid.parse().ok()?) } else { None }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn impatient() -> Cancel {
        let cancel = Cancel::new();
        cancel.cancel();
        cancel
    }

    fn refused(path: &Path) -> bool {
        let refused = Lock::take(&Disk::default(), path.to_owned(), &impatient()).is_err();
        assert!(!refused || path.exists());
        refused
    }

    #[test]
    fn a_lock_names_its_holder_from_the_moment_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        let path = dir.path().join("lock");
        let (stop, seen) = (Cancel::new(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while seen.load(Ordering::Relaxed) < 200 {
                    drop(Lock::take(&Disk::default(), path.clone(), &stop).unwrap());
                }
            });
            while seen.load(Ordering::Relaxed) < 200 {
                if let Ok(text) = fs::read_to_string(&path) {
                    assert_eq!(text, format!("{}:{}", std::process::id(), host()));
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_is_respected_until_it_is_old_or_its_holder_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = child.id();
        child.wait().unwrap();
        for held in [
            String::new(),
            "nobody".into(),
            format!("{ended}:another.host"),
            format!("{}:{}", std::process::id(), host()),
        ] {
            fs::write(&path, &held).unwrap();
            assert!(refused(&path), "{held}");
        }
        let long_ago = filetime::FileTime::from_unix_time(1_000_000_000, 0);
        filetime::set_file_mtime(&path, long_ago).unwrap();
        drop(Lock::take(&Disk::default(), path.clone(), &Cancel::new()).unwrap());
        assert!(!path.exists());
        fs::write(&path, format!("{ended}:{}", host())).unwrap();
        let lock = Lock::take(&Disk::default(), path.clone(), &Cancel::new()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}:{}", std::process::id(), host()));
        drop(lock);
        assert!(!path.exists());
    }
}
