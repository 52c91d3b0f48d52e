//! The few file-system operations that need care, each in one place: renaming without overwriting, making a directory's
//! entries durable, opening a file that may not be one. Everything that this crate changes on a disk goes through a [`Disk`], so that
//! tests can pull the plug. Knows nothing of mail.

#[cfg(feature = "testing")]
use crate::testing::{Effect, Watch};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Mode of every directory made here: mail is private.
const PRIVATE: u32 = 0o700;

/// Says to whoever watches what is about to be done, and does it; without the feature `testing` it just does it.
macro_rules! effect {
    ($disk:expr, $effect:ident ( $($value:expr),* ), $act:expr) => {{
        #[cfg(feature = "testing")]
        let done = $disk.carry_out(&Effect::$effect($($value),*), || $act);
        #[cfg(not(feature = "testing"))]
        let done = $act;
        done
    }};
}

/// What changes files and directories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(feature = "testing")]
    pub(crate) watch: Option<std::sync::Arc<dyn Watch>>,
}

impl Disk {
    #[cfg(feature = "testing")]
    fn carry_out<T>(&self, effect: &Effect<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(watch) = &self.watch else { return act() };
        let (mut act, mut done) = (Some(act), None);
        watch.effect(effect, &mut || {
            let act = act.take().ok_or_else(|| io::Error::other("carried out twice"))?;
            done = Some(act()?);
            Ok(())
        })?;
        done.ok_or_else(|| io::Error::other("not carried out"))
    }

    /// Gives a file another name on the same file system; fails with [`io::ErrorKind::AlreadyExists`] rather than replace anything.
    pub(crate) fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        effect!(self, Rename(from, to), rename_new(from, to))
    }

    /// Puts a file in the place of another.
    pub(crate) fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        effect!(self, Rename(from, to), fs::rename(from, to))
    }

    /// Removes one file.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        effect!(self, Remove(path), fs::remove_file(path))
    }

    /// Removes a directory that is not finished.
    pub(crate) fn remove_tree(&self, path: &Path) -> io::Result<()> {
        effect!(self, Remove(path), fs::remove_dir_all(path))
    }

    /// Removes a directory in which there is nothing.
    pub(crate) fn remove_empty_dir(&self, dir: &Path) -> io::Result<()> {
        effect!(self, Remove(dir), fs::remove_dir(dir))
    }

    /// Makes renames, additions and removals in a directory survive a crash.
    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        effect!(self, SyncDirectory(dir), sync_dir(dir))
    }

    /// Makes one directory that only its owner can enter.
    pub(crate) fn make_dir(&self, dir: &Path) -> io::Result<()> {
        effect!(self, MakeDirectory(dir), DirBuilder::new().mode(PRIVATE).create(dir))
    }

    /// Makes a directory unless it is there.
    pub(crate) fn ensure_dir(&self, dir: &Path) -> io::Result<()> {
        match self.make_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            done => done,
        }
    }

    /// A new file that nobody else may read; fails if the name is taken.
    pub(crate) fn create_private(&self, path: &Path) -> io::Result<NewFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = effect!(self, Create(path), options.open(path))?;
        Ok(NewFile {
            file,
            #[cfg(feature = "testing")]
            path: path.to_owned(),
            #[cfg(feature = "testing")]
            disk: self.clone(),
        })
    }

    /// Makes the content of a file durable that is there already.
    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        effect!(self, SyncFile(path), File::open(path)?.sync_data())
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    #[cfg(feature = "testing")]
    path: std::path::PathBuf,
    #[cfg(feature = "testing")]
    disk: Disk,
}

#[cfg(test)]
impl From<File> for NewFile {
    fn from(file: File) -> Self {
        NewFile {
            file,
            #[cfg(feature = "testing")]
            path: std::path::PathBuf::new(),
            #[cfg(feature = "testing")]
            disk: Disk::default(),
        }
    }
}

impl NewFile {
    pub(crate) fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        effect!(self.disk, Write(&self.path, octets), self.file.write_all(octets))
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        effect!(self.disk, SyncFile(&self.path), self.file.sync_data())
    }

    /// What it is on the disk, for properties that are not content.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_or_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_one_file(from, to) => {
            match are_two_entries(from, to)? {
                true => fs::remove_file(from),
                false if from.file_name() == to.file_name() => Err(error),
                false => rename_by_a_detour(from, to),
            }
        }
        done => done,
    }
}

fn rename_or_link(from: &Path, to: &Path) -> io::Result<()> {
    match rename_noreplace(from, to) {
        Err(error) if unsupported(&error) => link_new(from, to),
        done => done,
    }
}

/// Two paths of one file: a rename that was cut short, on a file system where it takes two steps, or two spellings of one name.
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    let number = |path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino())).ok();
    one != other && number(one).is_some_and(|file| number(other) == Some(file))
}

/// Whether two paths of one file are two entries of directories. Where a file system does not tell capitals from small letters they may be one, and
/// who removes the one removes the other.
fn are_two_entries(one: &Path, other: &Path) -> io::Result<bool> {
    let (Some(above), Some(other_above)) = (one.parent(), other.parent()) else { return Ok(false) };
    let number = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    if number(above)? != number(other_above)? {
        return Ok(true);
    }
    let (mut found, names) = (0, [one.file_name(), other.file_name()]);
    for entry in fs::read_dir(above)? {
        found += usize::from(names.contains(&Some(&*entry?.file_name())));
    }
    Ok(found == 2)
}

/// Another spelling of the name of a file, which is in the way of itself. A comma at the end changes nothing in a name here, should the run end
/// in between.
fn rename_by_a_detour(from: &Path, to: &Path) -> io::Result<()> {
    let mut detour = to.as_os_str().to_owned();
    detour.push(",");
    let detour = Path::new(&detour);
    rename_or_link(from, detour)?;
    rename_or_link(detour, to)
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

fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // Some network file systems have nothing to sync in a directory and say so.
        Err(error) if unsupported(&error) => Ok(()),
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
    fn a_rename_that_was_cut_short_is_completed() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::hard_link(&a, &b).unwrap();
        rename_new(&a, &b).unwrap();
        assert!(!a.exists() && b.exists());
        assert!(rename_new(&b, &b).is_err() && b.exists(), "a file is not removed for having its own name");
    }

    /// On a file system that does not tell capitals from small letters, a message whose keyword `f` was taken away while it was flagged (`F`) was
    /// in the way of its own new name, taken for what a rename had left of the old one, and removed.
    #[test]
    fn a_file_that_is_in_the_way_of_itself_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        fs::create_dir(&one).unwrap();
        std::os::unix::fs::symlink(&one, &other).unwrap();
        fs::write(one.join("a:2,f"), "a").unwrap();
        assert!(is_one_file(&one.join("a:2,f"), &other.join("a:2,f")));
        assert!(rename_new(&one.join("a:2,f"), &other.join("a:2,f")).is_err());
        assert_eq!(fs::read(one.join("a:2,f")).unwrap(), b"a");
        assert!(!are_two_entries(&one.join("a:2,f"), &other.join("a:2,F")).unwrap());
        rename_by_a_detour(&one.join("a:2,f"), &one.join("a:2,F")).unwrap();
        assert_eq!(fs::read_dir(&one).unwrap().next().unwrap().unwrap().file_name(), "a:2,F");
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
