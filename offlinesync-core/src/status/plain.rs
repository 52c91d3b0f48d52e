//! The status store in text files, one for each pair of folders, for who likes to read or to keep the status as text. It touches
//! its directory and nothing else.
//!
//! A batch is appended to its folder's file with a checksum and is on the disk when `apply` returns; a file of which most is
//! history is written anew beside and renamed. The rows of a folder are in memory while somebody works with it. The format is in
//! `plain/text.rs`.

mod file;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
mod text;

use self::file::{FolderFile, UNFINISHED, broken, sync_parent};
use super::memory::{FolderData, PAGE, name_taken};
use super::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, Row, StatusStore};
use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::message::{MessageId, Side};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the name of a folder's file ends.
const SUFFIX: &str = ".status";

/// How many characters of a folder's name are in the name of its file.
const READABLE: usize = 80;

/// Keeps the status of one account in a directory of text files. A clone shares the same state.
#[derive(Clone)]
pub struct PlainStatus(Arc<Shared>);

struct Shared {
    directory: PathBuf,
    fsync: bool,
    writable: bool,
    slots: Mutex<Slots>,
    /// Held until the store is dropped.
    _lock: Option<File>,
}

/// Every pair that has a file or was asked for.
type Slots = BTreeMap<(FolderName, FolderName), Arc<Mutex<Slot>>>;

/// A pair, whether it has a file or not.
#[derive(Default)]
struct Slot {
    file: Option<FolderFile>,
    users: usize,
}

impl PlainStatus {
    /// Opens the directory, and creates it (mode 0700) if it is missing. What a run that died left unfinished is removed.
    ///
    /// With `fsync`, a batch is on the disk when [`FolderStatus::apply`] returns; without, a power failure may undo the last ones,
    /// or leave the folder's file damaged, which is told. Either way the end of the process loses nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] for a file that is damaged or was written by a newer version, and for a disk that refuses;
    /// [`ErrorKind::Locked`] if another process has it open.
    pub fn open(directory: impl AsRef<Path>, fsync: bool) -> Result<Self> {
        let directory = directory.as_ref();
        create(directory).map_err(|error| broken(directory, error))?;
        let lock = lock(directory)?;
        Self::read(directory, fsync, true, Some(lock))
    }

    /// Opens the directory for reading only and creates nothing: a missing one is an empty status. Every change is refused.
    ///
    /// No other process may be writing meanwhile: the caller holds the account's lock.
    ///
    /// # Errors
    /// As [`PlainStatus::open`].
    pub fn open_read_only(directory: impl AsRef<Path>) -> Result<Self> {
        Self::read(directory.as_ref(), false, false, None)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.directory
    }

    fn read(directory: &Path, fsync: bool, writable: bool, lock: Option<File>) -> Result<Self> {
        let mut slots = BTreeMap::new();
        for path in files(directory).map_err(|error| broken(directory, error))? {
            if path.to_string_lossy().ends_with(UNFINISHED) {
                if writable {
                    fs::remove_file(&path).map_err(|error| broken(&path, error))?;
                }
                continue;
            }
            let Some((pair, file)) = FolderFile::open(&path, fsync)? else { continue };
            match slots.entry((pair.remote, pair.local)) {
                Entry::Vacant(slot) => drop(slot.insert(Arc::new(Mutex::new(Slot { file: Some(file), users: 0 })))),
                // One is a copy that somebody made, and which of the two is older nobody can tell.
                Entry::Occupied(slot) => return Err(file::another_of(&path, &slot.key().0)),
            }
        }
        let directory = directory.to_owned();
        Ok(PlainStatus(Arc::new(Shared { directory, fsync, writable, slots: Mutex::new(slots), _lock: lock })))
    }
}

impl fmt::Debug for PlainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainStatus").field("path", &self.0.directory).field("writable", &self.0.writable).finish()
    }
}

fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    sync_parent(directory)
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| broken(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("{}: another process has this status open", directory.display());
            Err(Error::new(ErrorKind::Locked, message))
        }
        Err(TryLockError::Error(error)) => Err(broken(&path, error)),
    }
}

/// The files of folders, and unfinished ones.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(SUFFIX) || name.ends_with(UNFINISHED) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn locked(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, pair: &FolderPair) -> Arc<Mutex<Slot>> {
        Arc::clone(self.slots().entry((pair.remote.clone(), pair.local.clone())).or_default())
    }

    fn check_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        let message = format!("{}: the status was opened for reading only", self.directory.display());
        Err(Error::new(ErrorKind::Storage, message))
    }

    /// A path for a pair's file that no other pair's file has: one that was renamed may still have the name it had.
    fn free_path(&self, pair: &FolderPair) -> Result<PathBuf> {
        let stem = stem(pair);
        let paths = (0..1000).map(|n| if n == 0 { format!("{stem}{SUFFIX}") } else { format!("{stem}.{n}{SUFFIX}") });
        let mut paths = paths.map(|name| self.directory.join(name));
        paths.find(|path| fs::symlink_metadata(path).is_err()).ok_or_else(|| {
            Error::new(ErrorKind::Storage, format!("{}: no name is left for {stem}", self.directory.display()))
        })
    }
}

/// The readable part of a folder's name, and what tells it from every other, also where a file system ignores case.
fn stem(pair: &FolderPair) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+@ .".contains(c);
    let readable: String =
        pair.remote.as_str().chars().map(|c| if plain(c) { c } else { '_' }).take(READABLE).collect();
    let readable = readable.trim_start_matches('.');
    let sum = Sha256::new().chain_update(pair.remote.as_str()).chain_update([0]).chain_update(pair.local.as_str());
    let sum: String = sum.finalize().iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    format!("{readable}~{sum}")
}

impl StatusStore for PlainStatus {
    fn folders(&self) -> Result<Vec<(FolderPair, FolderRecord, u64)>> {
        let mut folders = Vec::new();
        for ((remote, local), slot) in &*self.0.slots() {
            if let Some(file) = &locked(slot).file {
                let pair = FolderPair { remote: remote.clone(), local: local.clone() };
                folders.push((pair, file.record.clone(), file.count));
            }
        }
        Ok(folders)
    }

    fn folder(&self, pair: &FolderPair) -> Result<Box<dyn FolderStatus>> {
        let slot = self.0.slot(pair);
        locked(&slot).users += 1;
        Ok(Box::new(PlainFolder { shared: Arc::clone(&self.0), slot, pair: pair.clone() }))
    }

    fn forget(&self, pair: &FolderPair) -> Result<()> {
        self.0.check_writable()?;
        let slot = self.0.slot(pair);
        let mut slot = locked(&slot);
        slot.file.take().map_or(Ok(()), FolderFile::remove)
    }

    fn rename(&self, from: &FolderPair, to: &FolderPair) -> Result<()> {
        self.0.check_writable()?;
        if from == to {
            return Ok(());
        }
        let (old, new) = (self.0.slot(from), self.0.slot(to));
        let (mut old, mut new) = (locked(&old), locked(&new));
        let Some(mut file) = old.file.take() else { return Ok(()) };
        let renamed = if new.file.is_some() { Err(name_taken(from, to)) } else { file.write_anew(to) };
        if renamed.is_err() {
            old.file = Some(file);
            return renamed;
        }
        file.unload();
        new.file = Some(file);
        Ok(())
    }
}

struct PlainFolder {
    shared: Arc<Shared>,
    slot: Arc<Mutex<Slot>>,
    pair: FolderPair,
}

impl PlainFolder {
    fn read<T: Default>(&self, read: impl FnOnce(&FolderData) -> T) -> Result<T> {
        match &mut locked(&self.slot).file {
            Some(file) => file.data().map(read),
            None => Ok(T::default()),
        }
    }
}

impl Drop for PlainFolder {
    fn drop(&mut self) {
        let mut slot = locked(&self.slot);
        slot.users -= 1;
        if slot.users == 0
            && let Some(file) = &mut slot.file
        {
            file.unload();
        }
    }
}

impl FolderStatus for PlainFolder {
    fn record(&self) -> Result<FolderRecord> {
        Ok(locked(&self.slot).file.as_ref().map(|file| file.record.clone()).unwrap_or_default())
    }

    fn count(&self) -> Result<u64> {
        Ok(locked(&self.slot).file.as_ref().map_or(0, |file| file.count))
    }

    fn rows(&self, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let mut last: Option<MessageId> = None;
        loop {
            let page = self.read(|data| data.page_after(last.as_ref(), PAGE))?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.ids.remote.clone());
            page.into_iter().try_for_each(&mut *each)?;
        }
    }

    fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        self.read(|data| data.find(side, id))
    }

    fn intents(&self) -> Result<Vec<Intent>> {
        self.read(|data| data.intents.values().cloned().collect())
    }

    fn apply(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.shared.check_writable()?;
        let mut slot = locked(&self.slot);
        let applied = match &mut slot.file {
            Some(file) => file.apply(&self.pair, batch),
            None => {
                let mut data = FolderData::default();
                let path = self.shared.free_path(&self.pair)?;
                let file =
                    data.apply(batch).and_then(|()| FolderFile::create(path, &self.pair, data, self.shared.fsync));
                file.map(|file| slot.file = Some(file))
            }
        };
        applied.map_err(|error| error.at(format_args!("{} and {}", self.pair.remote, self.pair.local)))
    }
}
