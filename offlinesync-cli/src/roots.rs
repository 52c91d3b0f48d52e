//! Maildirs that more than one could write to: each is locked by a run for its whole life, whatever metadata directory the run has, and
//! accounts of one configuration that share one take turns and keep their hands off each other's folders.
//!
//! The lock is a `flock` on the root directory itself, so that nothing is left behind in it.

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
    held: Mutex<BTreeMap<(u64, u64), Weak<Root>>>,
}

/// A locked Maildir.
#[derive(Debug)]
pub struct Root {
    identity: (u64, u64),
    /// Closing it lets go of the lock.
    _directory: File,
    turn: Mutex<()>,
}

impl Roots {
    /// Locks a Maildir, or shares the lock with another account of this program. `None` if it is not there yet or its file system knows
    /// no such locks.
    ///
    /// # Errors
    /// Kind `Locked`: another process has it.
    pub fn lock(&self, path: &Path, account: &str) -> Result<Option<Arc<Root>>> {
        let Ok(directory) = File::open(path) else { return Ok(None) };
        let Ok(metadata) = directory.metadata() else { return Ok(None) };
        let identity = (metadata.dev(), metadata.ino());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = held.get(&identity).and_then(Weak::upgrade) {
            return Ok(Some(root));
        }
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(path, account, identity)),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
        let root = Arc::new(Root { identity, _directory: directory, turn: Mutex::default() });
        held.insert(identity, Arc::downgrade(&root));
        Ok(Some(root))
    }
}

/// Waits until no other account of this program works in these Maildirs.
pub fn take_turns(roots: &[Arc<Root>]) -> Vec<MutexGuard<'_, ()>> {
    let mut ordered: Vec<&Root> = roots.iter().map(|root| &**root).collect();
    ordered.sort_by_key(|root| root.identity);
    ordered.dedup_by_key(|root| root.identity);
    ordered.into_iter().map(|root| root.turn.lock().unwrap_or_else(PoisonError::into_inner)).collect()
}

fn taken(path: &Path, account: &str, identity: (u64, u64)) -> Error {
    let path = path.display();
    let holder =
        holder(identity).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}{}", since(pid)));
    Error::new(
        ErrorKind::Locked,
        format!("account '{account}' was not synced: its Maildir {path} is being synced by {holder}"),
    )
    .with_hint("wait until it has ended; two configurations that sync one Maildir undo each other's work")
}

/// The process that has locked a file, as Linux tells it.
fn holder(identity: (u64, u64)) -> Option<u32> {
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

/// The other accounts of a configuration whose local Maildir is that of this one.
pub fn neighbours(config: &Config, account: &str, environment: &dyn Environment) -> Vec<String> {
    let Some(ours) = local_maildir(config, account, environment) else { return Vec::new() };
    let others = config.sections().iter().filter_map(|section| section.name.strip_prefix("Account "));
    let others = others.filter(|other| *other != account);
    others
        .filter(|other| local_maildir(config, other, environment).as_ref() == Some(&ours))
        .map(str::to_owned)
        .collect()
}

/// The local folders that these accounts have synced before, each with the account.
///
/// # Errors
/// The status of an account cannot be read.
pub fn folders_of(accounts: &[String], metadata: &Path) -> Result<BTreeMap<FolderName, String>> {
    let mut folders = BTreeMap::new();
    for account in accounts {
        if let Some(status) = crate::status::existing(&metadata.join(format!("Account-{account}")))? {
            let known = status.folders()?;
            folders.extend(known.into_iter().map(|(pair, ..)| (pair.local, account.clone())));
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
        let holder = format!("is being synced by process {} since 2", std::process::id());
        assert!(!cfg!(target_os = "linux") || error.to_string().contains(&holder), "{error}");
        drop((one, two));
        assert!(others.lock(dir.path(), "c").unwrap().is_some());
    }
}
