//! Where OfflineIMAP keeps what it knows, and the small files among it. Reads them when an account moves in and replaces them, each whole
//! or not at all, when it moves out again.

use super::Local;
use super::status::{self, Entry};
use crate::metadata;
use crate::settings::AccountSettings;
use offlinesync_core::status::FolderPair;
use offlinesync_core::{Error, ErrorKind, MessageId, PerSide, Result, Side, Uid, UidValidity};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files of one account.
#[derive(Clone, Debug)]
pub(super) struct Files {
    account: PathBuf,
    repositories: PerSide<PathBuf>,
}

/// The name of a folder's file: slashes become dots, and a name that is no file name a word.
pub(super) fn base_name(folder: &str) -> String {
    match folder.replace('/', ".") {
        name if name.is_empty() || name == "." => "dot".to_owned(),
        name => name,
    }
}

impl Files {
    pub(super) fn of(metadata: &Path, settings: &AccountSettings) -> Self {
        let repository = |side: Side| metadata.join(format!("Repository-{}", settings.repositories[side].name));
        Files {
            account: metadata.join(format!("Account-{}", settings.name)),
            repositories: PerSide::from_fn(repository),
        }
    }

    /// When a status was written last; `None` if there is none.
    pub(super) fn written(&self) -> Option<SystemTime> {
        let entries = self.directories().into_iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten();
        entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max()
    }

    /// When the status of a folder was written last; `None` if there is none.
    pub(super) fn written_for(&self, name: &str) -> Option<SystemTime> {
        let mut files = self.directories().into_iter().map(|directory| directory.join(name));
        files.find_map(|path| fs::metadata(path).ok()?.modified().ok())
    }

    /// The newer form first: where both are there, the older one was left behind.
    fn directories(&self) -> [PathBuf; 2] {
        ["LocalStatus-sqlite", "LocalStatus"].map(|name| self.account.join(name))
    }

    /// The status of a folder; empty if there is none.
    pub(super) fn status(&self, name: &str) -> std::result::Result<Vec<Entry>, String> {
        let [database, text] = self.directories().map(|directory| directory.join(name));
        if database.is_file() {
            return status::from_database(&database).map_err(|why| format!("{}: {why}", database.display()));
        }
        match fs::read(&text) {
            Ok(bytes) => status::from_text(&bytes).map_err(|why| format!("{}: {why}", text.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(format!("{}: {error}", text.display())),
        }
    }

    /// A file about one folder of a side.
    fn about(&self, what: &str, side: Side, pair: &FolderPair) -> PathBuf {
        self.repositories[side].join(what).join(base_name(pair[side].as_str()))
    }

    /// The numbering that was written down for a folder of a side.
    pub(super) fn validity(&self, side: Side, pair: &FolderPair) -> Option<UidValidity> {
        number(&self.about("FolderValidity", side, pair)).map(UidValidity)
    }

    /// The first UID that takes part on the remote side, where `startdate` was set.
    pub(super) fn first_uid(&self, pair: &FolderPair) -> Option<Uid> {
        number(&self.about("StartUID", Side::Remote, pair)).and_then(Uid::new)
    }

    /// The UIDs of a local IMAP folder. A map that was being written when the program died is not believed.
    pub(super) fn mapping(&self, pair: &FolderPair) -> std::result::Result<Local, String> {
        let path = self.about("UIDMapping", Side::Local, pair);
        if path.with_added_extension("tmp").exists() {
            return Err(format!("{} was being written when it died", path.display()));
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let by_remote = parse_mapping(&text).ok_or_else(|| format!("{} is damaged", path.display()))?;
        let uid_validity =
            self.validity(Side::Local, pair).ok_or("it did not write down the local numbering (FolderValidity)")?;
        Ok(Local::new(uid_validity, by_remote.into_iter()))
    }
}

impl Files {
    /// Forgets what was known of a folder, for its numbers mean other messages now: first the status, without which nothing is removed.
    pub(super) fn forget(&self, name: &str, pair: &FolderPair) -> Result<()> {
        let statuses = self.directories().map(|directory| directory.join(name));
        statuses.iter().try_for_each(|path| remove(path))?;
        remove(&self.about("UIDMapping", Side::Local, pair))
    }

    /// Writes the UIDs of a local IMAP folder, local and remote.
    pub(super) fn write_mapping(&self, pair: &FolderPair, map: &[(Uid, Uid)]) -> Result<()> {
        let path = self.about("UIDMapping", Side::Local, pair);
        let text: String = map.iter().map(|(local, remote)| format!("{local}:{remote}\n")).collect();
        self.replace(&path, |unfinished| fs::write(unfinished, text))?;
        // It stands for a map that OfflineIMAP had not finished.
        remove(&path.with_added_extension("tmp"))
    }

    /// Writes the numbering of a folder of a side.
    pub(super) fn write_validity(&self, side: Side, pair: &FolderPair, numbering: UidValidity) -> Result<()> {
        let text = format!("{}\n", numbering.0);
        self.replace(&self.about("FolderValidity", side, pair), |unfinished| fs::write(unfinished, text))
    }

    /// Writes the status of a folder, in the form that the account has; the newer one if it has none.
    pub(super) fn write_status(&self, name: &str, entries: &[Entry]) -> Result<()> {
        let [database, text] = self.directories();
        if text.is_dir() && !database.is_dir() {
            return self.replace(&text.join(name), |unfinished| fs::write(unfinished, status::to_text(entries)));
        }
        let path = database.join(name);
        // What a run of OfflineIMAP that died left beside it would be played back into the new one.
        for companion in ["-journal", "-wal", "-shm"].map(|end| append(&path, end)) {
            if companion.exists() {
                remove(&path)?;
                remove(&companion)?;
            }
        }
        self.replace(&path, |unfinished| status::to_database(unfinished, entries).map_err(io::Error::other))
    }

    /// Puts a file in place of another, whole and durably. What is unfinished lies where no folder's file can be.
    fn replace(&self, path: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        directory.parent().into_iter().try_for_each(|parent| metadata::create(parent, true))?;
        metadata::create(directory, true)?;
        let unfinished = self.account.join("offlinesync.export");
        remove(&unfinished)?;
        fill(&unfinished)
            .and_then(|()| File::open(&unfinished)?.sync_all())
            .and_then(|()| fs::rename(&unfinished, path))
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(|error| Error::io(path.display(), error, ErrorKind::Storage))
    }
}

/// A path with an end that is no extension.
fn append(path: &Path, end: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(end);
    whole.into()
}

/// Removes a file, durably, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::remove_file(path) {
        Ok(()) => File::open(path.parent().unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| Error::io(path.display(), error, ErrorKind::Storage))
}

/// The number in the first line of a file.
fn number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.lines().next()?.trim().parse().ok()
}

/// Lines `local:remote`.
fn parse_mapping(text: &str) -> Option<BTreeMap<Uid, MessageId>> {
    let uid = |text: &str| text.trim().parse().ok().and_then(Uid::new);
    let line = |line: &str| {
        let (local, remote) = line.split_once(':')?;
        Some((uid(remote)?, MessageId::Uid(uid(local)?)))
    };
    text.lines().map(line).collect()
}

/// A map is read whole, each line of it, or not at all.
#[cfg(feature = "testing")]
pub(crate) fn check(text: &str) {
    if let Some(map) = parse_mapping(text) {
        assert!(text.lines().count() >= map.len() && (text.is_empty() || !map.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_those_that_offlineimap_makes() {
        for (folder, file) in
            [("INBOX", "INBOX"), ("a/b", "a.b"), ("", "dot"), (".", "dot"), ("/", "dot"), ("a.", "a.")]
        {
            assert_eq!(base_name(folder), file);
        }
    }

    /// OfflineIMAP #380: a map that was cut short doubled everything.
    #[test]
    fn a_map_is_read_whole_or_not_at_all() {
        let map = parse_mapping("3:17\n4:18\n").unwrap();
        assert_eq!(map[&Uid::new(17).unwrap()], MessageId::Uid(Uid::new(3).unwrap()));
        assert_eq!(parse_mapping("3:17\n4:"), None);
    }
}
