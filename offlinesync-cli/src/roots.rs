//! Maildirs that more than one could write to: each is locked by a run for its whole life, whatever metadata directory the run has, and
//! accounts of one configuration that share one take turns and keep their hands off each other's folders.
//!
//! The lock is a `flock` on the root directory itself, so that nothing is left behind in it; the directories above it are locked for
//! sharing, so that a Maildir within another is not synced together with it.

use crate::config::Config;
use crate::config::discover::Environment;
use crate::settings::{MaildirSettings, sections_of};
use offlinesync_core::{Error, ErrorKind, FolderName, Result};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The Maildirs that this program has locked.
#[derive(Debug, Default)]
pub struct Roots {
    held: Mutex<Held>,
}

type Identity = (u64, u64);

#[derive(Debug, Default)]
struct Held {
    roots: BTreeMap<Identity, Weak<Root>>,
    /// Every directory that is locked, whether for us alone or for sharing: the system would have a second lock of our own wait.
    directories: BTreeMap<Identity, Weak<File>>,
}

/// A locked Maildir.
#[derive(Debug)]
pub struct Root {
    identity: Identity,
    /// Closing them lets go of the locks: its own, and those of the directories above.
    _directories: Vec<Arc<File>>,
    turn: Mutex<()>,
}

impl Roots {
    /// Locks a Maildir, or shares the lock with another account of this program. `None` if it is not there yet or its file system knows
    /// no such locks.
    ///
    /// # Errors
    /// Kind `Locked`: another process has it.
    pub fn lock(&self, path: &Path, account: &str) -> Result<Option<Arc<Root>>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((identity, directory)) = held.open(path) else { return Ok(None) };
        if let Some(root) = held.roots.get(&identity).and_then(Weak::upgrade) {
            return Ok(Some(root));
        }
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(path, account, identity)),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
        held.directories.insert(identity, Arc::downgrade(&directory));
        let mut directories = held.share_those_above(path, account)?;
        directories.push(directory);
        let root = Arc::new(Root { identity, _directories: directories, turn: Mutex::default() });
        held.roots.insert(identity, Arc::downgrade(&root));
        Ok(Some(root))
    }
}

impl Held {
    /// A directory, and the file by which this program has it open already, if it has.
    fn open(&self, path: &Path) -> Option<(Identity, Arc<File>)> {
        let directory = File::open(path).ok()?;
        let metadata = directory.metadata().ok()?;
        let identity = (metadata.dev(), metadata.ino());
        let ours = self.directories.get(&identity).and_then(Weak::upgrade);
        Some((identity, ours.unwrap_or_else(|| Arc::new(directory))))
    }

    /// Locks the directories above a Maildir for sharing: whoever has one of them for itself syncs a Maildir that this one lies in.
    fn share_those_above(&mut self, path: &Path, account: &str) -> Result<Vec<Arc<File>>> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut shared = Vec::new();
        for above in path.ancestors().skip(1) {
            let Some((identity, directory)) = self.open(above) else { continue };
            if self.directories.get(&identity).is_none_or(|known| known.strong_count() == 0) {
                match directory.try_lock_shared() {
                    Ok(()) => drop(self.directories.insert(identity, Arc::downgrade(&directory))),
                    Err(TryLockError::WouldBlock) => return Err(taken(above, account, identity)),
                    Err(TryLockError::Error(_)) => continue,
                }
            }
            shared.push(directory);
        }
        Ok(shared)
    }
}

/// Waits until no other account of this program works in these Maildirs.
pub fn take_turns(roots: &[Arc<Root>]) -> Vec<MutexGuard<'_, ()>> {
    let mut ordered: Vec<&Root> = roots.iter().map(|root| &**root).collect();
    ordered.sort_by_key(|root| root.identity);
    ordered.dedup_by_key(|root| root.identity);
    ordered.into_iter().map(|root| root.turn.lock().unwrap_or_else(PoisonError::into_inner)).collect()
}

fn taken(path: &Path, account: &str, identity: Identity) -> Error {
    let path = path.display();
    let holder =
        holder(identity).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}{}", since(pid)));
    Error::new(
        ErrorKind::Locked,
        format!("account '{account}' was not synced: its Maildir {path}, or one that lies in it or around it, is being synced by {holder}"),
    )
    .with_hint("wait until it has ended; two configurations that sync one Maildir undo each other's work")
}

/// The process that has locked a file, as Linux tells it.
fn holder(identity: Identity) -> Option<u32> {
    let (device, inode) = identity;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let wanted = format!("{major:02x}:{minor:02x}:{inode}");
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let mut lines = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    lines.find_map(|words| match words[..] {
        [_, "FLOCK", _, _, pid, file, ..] if file == wanted => pid.parse().ok(),
        _ => None,
    })
}

/// The clock in which Linux tells when a process started, in ticks a second.
const TICKS: f64 = 100.0;

/// Since when a process has been running, as Linux tells it: ` since …`.
fn since(pid: u32) -> String {
    let started = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let ticks: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
        let uptime: f64 =
            std::fs::read_to_string("/proc/uptime").ok()?.split_ascii_whitespace().next()?.parse().ok()?;
        let age = uptime - ticks as f64 / TICKS;
        let age = jiff::SignedDuration::try_from_secs_f64(age).ok()?;
        let time = jiff::Timestamp::now().checked_sub(age).ok()?.to_zoned_datetime(jiff::tz::TimeZone::system());
        Some(format!(" since {}", time.strftime("%Y-%m-%d %H:%M:%S")))
    };
    started().unwrap_or_default()
}

/// Where the local Maildir of an account is, if it has one.
fn local_maildir(config: &Config, account: &str, environment: &dyn Environment) -> Option<PathBuf> {
    let [_, _, section] = sections_of(config, account).ok()?;
    let kind = config.get_filled(&section, "type").ok().flatten()?;
    let is_maildir = matches!(kind.text.trim().to_ascii_lowercase().as_str(), "maildir" | "gmailmaildir");
    let root = MaildirSettings::read(config, &section, environment).ok().filter(|_| is_maildir)?.root;
    Some(root.canonicalize().unwrap_or(root))
}

/// An account whose local Maildir is that of another, or lies in it or around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its name.
    pub account: String,
    root: PathBuf,
    /// Where the Maildir of the other is.
    beside: PathBuf,
}

/// The other accounts of a configuration whose local Maildir is that of this one, or lies in it or around it.
pub fn neighbours(config: &Config, account: &str, environment: &dyn Environment) -> Vec<Neighbour> {
    let Some(ours) = local_maildir(config, account, environment) else { return Vec::new() };
    let others = config.sections().iter().filter_map(|section| section.name.strip_prefix("Account "));
    let others = others.filter(|other| *other != account);
    let neighbour = |other: &str| {
        let root = local_maildir(config, other, environment)?;
        let meets = root.starts_with(&ours) || ours.starts_with(&root) || same_directory(&root, &ours);
        // A second mount of one directory is that directory.
        let root = if same_directory(&root, &ours) { ours.clone() } else { root };
        meets.then(|| Neighbour { account: other.to_owned(), root, beside: ours.clone() })
    };
    others.filter_map(neighbour).collect()
}

fn same_directory(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

impl Neighbour {
    /// What a folder of it is called here, if its directory lies here.
    fn name_here(&self, folder: &FolderName) -> Option<FolderName> {
        let directory = self.root.join(folder.as_str());
        let inside = directory.strip_prefix(&self.beside).ok()?;
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        Some(FolderName::new(parts.join("/")))
    }
}

/// The local folders that these accounts have synced before, each with the account.
///
/// # Errors
/// The status of an account cannot be read.
pub fn folders_of(neighbours: &[Neighbour], metadata: &Path) -> Result<BTreeMap<FolderName, String>> {
    let mut folders = BTreeMap::new();
    for neighbour in neighbours {
        let account = &neighbour.account;
        if let Some(status) = crate::status::existing(&metadata.join(format!("Account-{account}")))? {
            let known = status.folders()?.into_iter().filter_map(|(pair, ..)| neighbour.name_here(&pair.local));
            folders.extend(known.map(|folder| (folder, account.clone())));
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maildir_is_shared_within_the_program_and_free_again_when_all_have_let_go() {
        let (roots, others) = (Roots::default(), Roots::default());
        let dir = tempfile::tempdir().unwrap();
        assert!(roots.lock(&dir.path().join("not there"), "a").unwrap().is_none());
        let one = roots.lock(dir.path(), "a").unwrap().unwrap();
        let two = roots.lock(&dir.path().join("."), "b").unwrap().unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(take_turns(&[one.clone(), two.clone()]).len(), 1);
        let error = others.lock(dir.path(), "c").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let within = dir.path().join("within/deeper");
        std::fs::create_dir_all(&within).unwrap();
        assert_eq!(others.lock(&within, "c").unwrap_err().kind(), ErrorKind::Locked, "it lies in one that is held");
        let inner = roots.lock(&within, "a").unwrap().unwrap();
        let holder = format!("is being synced by process {} since 2", std::process::id());
        assert!(!cfg!(target_os = "linux") || error.to_string().contains(&holder), "{error}");
        drop((one, two));
        let error = others.lock(dir.path(), "c").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "one that lies in it is held");
        drop(inner);
        let inner = others.lock(&within, "c").unwrap().unwrap();
        assert!(roots.lock(&dir.path().join("within/beside"), "a").unwrap().is_none());
        std::fs::create_dir(dir.path().join("within/beside")).unwrap();
        assert!(roots.lock(&dir.path().join("within/beside"), "a").unwrap().is_some(), "neither lies in the other");
        let outer = others.lock(dir.path(), "c").unwrap().unwrap();
        drop((inner, outer));
        assert!(roots.lock(dir.path(), "c").unwrap().is_some());
    }
}
