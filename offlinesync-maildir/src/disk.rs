//! The few file-system operations that need care, each in one place: renaming without overwriting, making a directory's
//! entries durable, opening a file that may not be one. Knows nothing of mail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Mode of every directory made here: mail is private.
const PRIVATE: u32 = 0o700;

/// Gives a file another name on the same file system; fails with [`io::ErrorKind::AlreadyExists`] rather than replace anything.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_noreplace(from, to) {
        Err(error) if unsupported(&error) => link_new(from, to),
        done => done,
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_noreplace(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A hard link refuses to replace, too; where there are no links either, looking first is the best there is.
fn link_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
            match fs::symlink_metadata(to) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
                Err(other) => Err(other),
            }
        }
        Err(error) => Err(error),
    }
}

fn unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
        || [Errno::NOSYS, Errno::INVAL, Errno::OPNOTSUPP, Errno::NOTSUP].iter().any(|e| code == Some(e.raw_os_error()))
}

/// Makes renames, additions and removals in a directory survive a crash.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // Some network file systems have nothing to sync in a directory and say so.
        Err(error) if unsupported(&error) => Ok(()),
        done => done,
    }
}

/// Makes one directory that only its owner can enter.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE).create(dir)
}

/// Makes a directory unless it is there.
pub(crate) fn ensure_dir(dir: &Path) -> io::Result<()> {
    match make_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        done => done,
    }
}

/// Opens a regular file for reading. Whatever else bears the name (a pipe would wait for a writer) is an error, at once.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, fs::Metadata)> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
    }
    Ok((file, metadata))
}

/// A new file that nobody else may read; fails if the name is taken.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_never_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        for rename in [rename_new as Rename, link_new as Rename] {
            fs::write(&a, "a").unwrap();
            fs::write(&b, "b").unwrap();
            assert_eq!(rename(&a, &b).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&b).unwrap(), b"b");
            fs::remove_file(&b).unwrap();
            rename(&a, &b).unwrap();
            assert_eq!(fs::read(&b).unwrap(), b"a");
            assert!(!a.exists());
        }
    }

    #[test]
    fn a_pipe_is_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        assert!(open_regular(&pipe).is_err());
        assert!(open_regular(dir.path()).is_err());
    }
}
