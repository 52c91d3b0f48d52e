//! Corrects `FMD5` in the names of messages that were named before it was made from the translated folder name. Renames files.

use crate::folder::MaildirFolder;
use crate::name::{self, Claim};
use crate::repository::MaildirRepository;
use crate::scan::{self, Grammar};
use offlinesync_core::{Error, ErrorKind, FolderName, Repository, Result, Uid};
use std::collections::BTreeSet;

/// What came of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The folder.
    pub folder: FolderName,
    /// Messages renamed; in a dry run, those that would be.
    pub renamed: usize,
    /// Messages left as they are because another one claims the same UID already, or has the same name up to its first comma.
    pub left: usize,
}

impl MaildirRepository {
    /// Gives every message that carries the digest of its folder's own name the digest of the translated name instead
    /// ([`MaildirConfig::digest_name`](crate::MaildirConfig::digest_name)). Folders with nothing to do are not in the answer.
    /// What was done before an error stays done; a second call goes on.
    pub fn migrate_digests(&self, dry_run: bool) -> Result<Vec<Migrated>> {
        let mut all = Vec::new();
        for entry in self.list()?.folders {
            let folder = MaildirFolder::new(self.config(), &entry.name)?;
            let old = name::digest(entry.name.as_str());
            if old != folder.digest {
                let (renamed, left) = migrate(&folder, &old, dry_run)?;
                if renamed + left > 0 {
                    all.push(Migrated { folder: entry.name, renamed, left });
                }
            }
        }
        Ok(all)
    }
}

fn migrate(folder: &MaildirFolder, old: &str, dry_run: bool) -> Result<(usize, usize)> {
    let separator = folder.config.info_separator;
    let grammar = Grammar { info_separator: separator, digest: &folder.digest };
    let (names, key) = (scan::scan(&folder.directory, grammar)?.names, folder.uid_key());
    let parsed = || names.iter().filter_map(|found| Some((found, found.into_name(separator)?)));
    let mut taken: BTreeSet<Uid> = parsed().filter_map(|(_, name)| name.partner(&folder.digest)).collect();
    let (mut renamed, mut left) = (0, 0);
    for (found, name) in parsed() {
        let Some(uid) = name.partner(old) else { continue };
        // One that is called by all that stands before its flags would be another message.
        if !found.has_base_as_id() || !taken.insert(uid) {
            left += 1;
            continue;
        }
        let claim = Claim { uid, digest: &folder.digest, key };
        let target = found.renamed(found.sub(), name.with_partner(Some(claim)));
        let (from, to) = (found.path(&folder.directory), target.path(&folder.directory));
        if !dry_run {
            folder
                .config
                .disk
                .rename_new(&from, &to)
                .map_err(|error| Error::io(from.display(), error, ErrorKind::Folder))?;
        }
        renamed += 1;
    }
    if renamed > 0 && !dry_run && folder.config.fsync {
        for sub in ["new", "cur"] {
            let directory = folder.directory.join(sub);
            let synced = folder.config.disk.sync_dir(&directory);
            synced.map_err(|error| Error::io(directory.display(), error, ErrorKind::Folder))?;
        }
    }
    Ok((renamed, left))
}
