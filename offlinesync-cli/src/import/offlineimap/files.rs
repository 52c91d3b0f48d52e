//! Where OfflineIMAP keeps what it knows, and the small files among it. Reads files, writes none.

use super::Local;
use super::status::{self, Entry};
use offlinesync_core::status::FolderPair;
use offlinesync_core::{MessageId, PerSide, Side, Uid, UidValidity};
use std::collections::BTreeMap;
use std::fs;
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
    pub(super) fn new(metadata: &Path, account: &str, repositories: PerSide<&str>) -> Self {
        Files {
            account: metadata.join(format!("Account-{account}")),
            repositories: repositories.map(|name| metadata.join(format!("Repository-{name}"))),
        }
    }

    /// When a status was written last; `None` if there is none.
    pub(super) fn written(&self) -> Option<SystemTime> {
        let entries = self.directories().into_iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten();
        entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max()
    }

    /// The newer form first: where both are there, the older one was left behind.
    fn directories(&self) -> [PathBuf; 2] {
        ["LocalStatus-sqlite", "LocalStatus"].map(|name| self.account.join(name))
    }

    /// The status of a folder; empty if there is none.
    pub(super) fn status(&self, name: &str) -> Result<Vec<Entry>, String> {
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

    /// The numbering that was written down for a folder of a side.
    pub(super) fn validity(&self, side: Side, pair: &FolderPair) -> Option<UidValidity> {
        let path = self.repositories[side].join("FolderValidity").join(base_name(pair[side].as_str()));
        fs::read_to_string(path).ok()?.lines().next()?.trim().parse().ok().map(UidValidity)
    }

    /// The UIDs of a local IMAP folder. A map that was being written when the program died is not believed.
    pub(super) fn mapping(&self, pair: &FolderPair) -> Result<Local, String> {
        let path = self.repositories.local.join("UIDMapping").join(base_name(pair.local.as_str()));
        if path.with_added_extension("tmp").exists() {
            return Err(format!("{} was being written when it died", path.display()));
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let by_remote = parse_mapping(&text).ok_or_else(|| format!("{} is damaged", path.display()))?;
        let uid_validity =
            self.validity(Side::Local, pair).ok_or("it did not write down the local numbering (FolderValidity)")?;
        Ok(Local { uid_validity, by_remote })
    }
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
