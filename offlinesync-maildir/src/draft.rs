//! One message on its way into a folder: a file in `tmp` that is given its name by a rename which replaces nothing. A short message is
//! held until it is finished, so that another thread than the one that receives it can make the file; a long one goes to the disk
//! as it comes.

use crate::disk::{Disk, NewFile};
use offlinesync_core::{Error, ErrorKind, InternalDate, Result};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So many octets of a message are held before its file is made; more of it is written as it comes.
pub(crate) const HELD: usize = 64 * 1024;
/// How files of ours in `tmp` end.
const SUFFIX: &str = ".offlinesync";
/// After this long nobody is still writing a file in `tmp` (maildir(5)).
const LEFTOVER: Duration = Duration::from_secs(36 * 60 * 60);

/// The directory in which messages are written.
#[derive(Debug)]
pub(crate) struct Tmp {
    directory: PathBuf,
    disk: Disk,
    fsync: bool,
    process: u32,
    counter: AtomicU64,
}

impl Tmp {
    /// Makes the directory unless it is there.
    pub(crate) fn open(directory: PathBuf, disk: &Disk, fsync: bool) -> Result<Tmp> {
        disk.ensure_dir(&directory).map_err(|e| Error::io(directory.display(), e, ErrorKind::Folder))?;
        Ok(Tmp { directory, disk: disk.clone(), fsync, process: std::process::id(), counter: AtomicU64::new(0) })
    }

    fn create(&self) -> Result<(NewFile, NewMail)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        loop {
            let n = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
            let (seconds, nanos, pid) = (now.as_secs(), now.subsec_nanos(), self.process);
            let path = self.directory.join(format!("{seconds}.N{nanos}P{pid}Q{n}{SUFFIX}"));
            match self.disk.create_private(&path) {
                Ok(file) => return Ok((file, NewMail { path, placed: false, kept: false, disk: self.disk.clone() })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(path.display(), error, ErrorKind::Folder)),
            }
        }
    }

    /// Removes what earlier runs left here. Judged by the time of the last change to the inode, for the file time is the message's.
    /// Best effort.
    pub(crate) fn tidy(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            if !entry.file_name().to_string_lossy().ends_with(SUFFIX) {
                continue;
            }
            let changed = entry.metadata().ok().and_then(|m| u64::try_from(m.ctime()).ok());
            if changed.is_some_and(|changed| now.as_secs().saturating_sub(changed) > LEFTOVER.as_secs()) {
                let _ = self.disk.remove_file(&entry.path());
            }
        }
    }
}

/// A file of ours, in `tmp` or in its place; removed when dropped unless it is kept.
#[derive(Debug)]
pub(crate) struct NewMail {
    path: PathBuf,
    placed: bool,
    kept: bool,
    disk: Disk,
}

impl NewMail {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place; answers `false` if something is there.
    pub(crate) fn place(&mut self, to: &Path) -> Result<bool> {
        match self.disk.rename_new(&self.path, to) {
            Ok(()) => (self.path, self.placed) = (to.to_owned(), true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(to.display(), error, ErrorKind::Message)),
        }
        Ok(self.placed)
    }

    pub(crate) fn is_placed(&self) -> bool {
        self.placed
    }

    /// From now on it is there for good.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewMail {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.disk.remove_file(&self.path);
        }
    }
}

/// A message being written. What is not in its file yet is at the end of a room that it shares with the messages before it.
#[derive(Debug)]
pub(crate) struct Draft {
    tmp: Arc<Tmp>,
    /// Where in the room it begins.
    start: usize,
    file: Option<(NewFile, NewMail)>,
    /// The time that the file gets.
    pub(crate) time: Option<InternalDate>,
    /// Where it goes once it is whole, unless something is there.
    pub(crate) place: Option<PathBuf>,
}

impl Draft {
    pub(crate) fn new(tmp: &Arc<Tmp>, room: &[u8]) -> Draft {
        Draft { tmp: Arc::clone(tmp), start: room.len(), file: None, time: None, place: None }
    }

    /// Whether there is a file, which stays open until the message is finished.
    pub(crate) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Adds to it. After an error it can only be discarded.
    pub(crate) fn write(&mut self, octets: &[u8], room: &mut Vec<u8>) -> Result<()> {
        if room.len() - self.start + octets.len() > HELD {
            self.append(&room[self.start..])?;
            room.truncate(self.start);
            if octets.len() >= HELD {
                return self.append(octets);
            }
        }
        room.extend_from_slice(octets);
        Ok(())
    }

    /// Forgets it.
    pub(crate) fn discard(self, room: &mut Vec<u8>) {
        room.truncate(self.start);
    }

    /// Where in the room it begins.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Makes the whole file of what is there and `rest`; durable, where files shall be, and then in its place if it has one.
    pub(crate) fn finish(mut self, rest: &[u8]) -> Result<NewMail> {
        self.append(rest)?;
        let (file, mut mail) = self.take_file()?;
        let told = |error| Error::io(mail.path.display(), error, ErrorKind::Message);
        if let Some(time) = self.time {
            set_time(file.file(), time).map_err(told)?;
        }
        if self.tmp.fsync {
            file.sync().map_err(told)?;
        }
        drop(file);
        if let Some(place) = &self.place {
            mail.place(place)?;
        }
        Ok(mail)
    }

    fn append(&mut self, octets: &[u8]) -> Result<()> {
        let (mut file, mail) = self.take_file()?;
        if !octets.is_empty() {
            file.write_all(octets).map_err(|error| Error::io(mail.path.display(), error, ErrorKind::Message))?;
        }
        self.file = Some((file, mail));
        Ok(())
    }

    fn take_file(&mut self) -> Result<(NewFile, NewMail)> {
        self.file.take().map_or_else(|| self.tmp.create(), Ok)
    }
}

/// Out-of-range dates leave the file time as it is: a date that no file can have is not worth a message.
fn set_time(file: &File, date: InternalDate) -> io::Result<()> {
    let time = filetime::FileTime::from_unix_time(date.seconds, 0);
    match filetime::set_file_handle_times(file, None, Some(time)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput) => Ok(()),
        done => done,
    }
}
