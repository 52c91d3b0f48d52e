//! Reads which messages a folder holds, from the names in `new` and `cur` alone. Reads directories, opens no message.
//!
//! POSIX lets a directory be changed while it is read, and a file that is renamed meanwhile may be seen under both names or
//! under none. A message that is not seen would be taken for removed, so a listing counts only if the directories show no change
//! from before it to after it; where their times cannot show one, two listings in a row must agree.

use crate::keywords::Letters;
use crate::name::FileName;
use crate::names::{Files, Found, Names};
use crate::stamp::Stamp;
use offlinesync_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How often a folder that changes all the time is listed before that is an error.
const ATTEMPTS: usize = 5;

/// The two directories that hold messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sub {
    New,
    Cur,
}

impl Sub {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sub::New => "new",
            Sub::Cur => "cur",
        }
    }
}

/// How names in one folder are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar<'g> {
    pub(crate) info_separator: char,
    /// The folder's `FMD5`.
    pub(crate) digest: &'g str,
}

/// A folder's messages at one moment.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) names: Names,
    /// Files that cannot be messages, or that no id is left for, with the reason.
    pub(crate) odd: Vec<(String, &'static str)>,
    /// The folder's state during the scan, if any change since is bound to show.
    pub(crate) stamp: Option<Stamp>,
}

/// Lists a folder completely, or fails.
pub(crate) fn scan(folder: &Path, grammar: Grammar<'_>) -> Result<Scan> {
    let mut earlier = None;
    for _ in 0..ATTEMPTS {
        let before = Stamp::take(folder)?;
        let settled = before.settle();
        let listing = Listing::read(folder, grammar)?;
        // Of what was seen before only the digest is kept: two listings of a large folder need not be in memory at the same time.
        let seen = (!settled).then(|| listing.digest());
        let agreed = settled || earlier == seen;
        if before == Stamp::take(folder)? && agreed {
            return Ok(listing.finish(folder, grammar, settled.then_some(before)));
        }
        earlier = seen;
    }
    let message = format!("{}: the folder changes faster than it can be listed", folder.display());
    Err(Error::new(ErrorKind::Folder, message))
}

#[derive(Default)]
struct Listing {
    /// In order of base, then of the whole name.
    files: Files,
    odd: Vec<(String, &'static str)>,
    letters: Letters,
}

impl Listing {
    /// `new` first: a message that a mail program moves on to `cur` meanwhile is then seen at least once.
    fn read(folder: &Path, grammar: Grammar<'_>) -> Result<Listing> {
        let mut listing = Listing::default();
        for sub in [Sub::New, Sub::Cur] {
            let directory = folder.join(sub.name());
            listing
                .read_sub(&directory, sub, grammar)
                .map_err(|e| Error::io(directory.display(), e, ErrorKind::Folder))?;
        }
        listing.files.sort();
        Ok(listing)
    }

    fn read_sub(&mut self, directory: &Path, sub: Sub, grammar: Grammar<'_>) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if is_candidate(&entry)? {
                self.add(&entry, sub, grammar);
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: &DirEntry, sub: Sub, grammar: Grammar<'_>) {
        let odd = |why| (entry.path().display().to_string(), why);
        match entry.file_name().into_string() {
            Err(_) => self.odd.push(odd("its name is not UTF-8")),
            Ok(whole) => match FileName::parse(&whole, grammar.info_separator) {
                None => self.odd.push(odd("no mail program names a message so")),
                Some(name) => {
                    name.letters().chars().for_each(|letter| self.letters.insert(letter));
                    self.files.push(Found::new(sub, &name));
                }
            },
        }
    }

    /// Two listings with the same digest found the same files.
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for file in self.files.iter() {
            digest.update(file.sub().name());
            // No name has a slash in it.
            digest.update([b'/']);
            digest.update(file.whole());
            digest.update([b'/']);
        }
        digest.finalize().into()
    }

    fn finish(mut self, folder: &Path, grammar: Grammar<'_>, stamp: Option<Stamp>) -> Scan {
        let twins = give_ids(&mut self.files, folder, grammar);
        let why = "another file has the same name but for its flags";
        let shown = |twin: &Found| format!("{}/{}", twin.sub().name(), twin.whole());
        self.odd.extend(twins.iter().map(|twin| (shown(twin), why)));
        Scan { names: Names::new(self.files, self.letters, twins), odd: self.odd, stamp }
    }
}

/// Files and symbolic links may be messages; hidden ones, directories, pipes and the like are not.
fn is_candidate(entry: &DirEntry) -> io::Result<bool> {
    use std::os::unix::ffi::OsStrExt;
    if entry.file_name().as_bytes().starts_with(b".") {
        return Ok(false);
    }
    match entry.file_type() {
        Ok(kind) => Ok(kind.is_file() || kind.is_symlink()),
        // The file system does not tell kinds in its directories, and this one has just gone: the times will show it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Of several files with one base, the first is called by the base (one that claims a partner here goes first, for it is the one that
/// was synced; then one that is named by nothing but the base), the others by their stem. One whose stem is given away already is a
/// twin, which is left alone, and so is another name of the same file: it is no other message. Answers the twins.
fn give_ids(files: &mut Files, folder: &Path, grammar: Grammar<'_>) -> Vec<Found> {
    let mut twins = Vec::new();
    if (1..files.len()).all(|at| files.at(at - 1).base() != files.at(at).base()) {
        return twins;
    }
    let mut kept = Vec::with_capacity(files.len());
    let mut start = 0;
    while start < files.len() {
        let alike = (start..files.len()).take_while(|at| files.at(*at).base() == files.at(start).base());
        let mut alike: Vec<usize> = alike.collect();
        start += alike.len();
        alike.sort_by_key(|at| precedence(files.at(*at), grammar));
        distinct(&alike, files, folder, grammar, &mut kept, &mut twins);
    }
    files.select(&kept, grammar.info_separator);
    twins
}

fn precedence(file: Found<&str>, grammar: Grammar<'_>) -> u8 {
    match file.parse(grammar.info_separator) {
        Some(name) if name.partner(grammar.digest).is_some() => 0,
        Some(name) if name.stem() == name.base() => 1,
        _ => 2,
    }
}

/// Adds to `kept` which of the files stay, and whether each is called by its stem.
fn distinct(
    alike: &[usize],
    files: &Files,
    folder: &Path,
    grammar: Grammar<'_>,
    kept: &mut Vec<(usize, bool)>,
    twins: &mut Vec<Found>,
) {
    let (mut given, mut inodes) = (HashSet::new(), HashSet::new());
    for at in alike {
        let file = files.at(*at);
        let is_another = alike.len() == 1 || {
            let inode = fs::symlink_metadata(file.path(folder)).map(|found| (found.dev(), found.ino()));
            inode.map_or(true, |inode| inodes.insert(inode))
        };
        let by_stem = !given.is_empty();
        let called = if by_stem { file.called_by_stem(grammar.info_separator) } else { file };
        match is_another && given.insert(called.id().to_owned()) {
            true => kept.push((*at, by_stem)),
            false => twins.push(file.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const DIGEST: &str = "7e33429f656f1e6e9d79b29c3f82c57e";
    const GRAMMAR: Grammar<'_> = Grammar { info_separator: ':', digest: DIGEST };

    fn folder(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        ["new", "cur", "tmp"].iter().for_each(|d| fs::create_dir(dir.path().join(d)).unwrap());
        files.iter().for_each(|f| fs::write(dir.path().join(f), f).unwrap());
        dir
    }

    fn ids(scan: &Scan) -> Vec<(String, String)> {
        scan.names.iter().map(|f| (f.id().to_owned(), format!("{}/{}", f.sub().name(), f.whole()))).collect()
    }

    #[test]
    fn hidden_files_and_directories_are_no_messages_and_odd_names_are_reported() {
        let dir = folder(&["new/a", "cur/b:2,S", "cur/.hidden", "cur/:2,S", "cur/a\nb"]);
        fs::create_dir(dir.path().join("cur/sub")).unwrap();
        let scan = scan(dir.path(), GRAMMAR).unwrap();
        assert_eq!(ids(&scan), [("a".into(), "new/a".into()), ("b".into(), "cur/b:2,S".into())]);
        assert_eq!(scan.odd.len(), 2);
    }

    #[test]
    fn a_copied_file_gets_a_name_of_its_own_and_the_synced_one_keeps_its() {
        let synced = format!("cur/b,U=5,FMD5={DIGEST}:2,S");
        let dir = folder(&["cur/b,S=1:2,", &synced, "new/b"]);
        let scan = scan(dir.path(), GRAMMAR).unwrap();
        assert_eq!(ids(&scan), [("b".into(), synced), ("b,S=1".into(), "cur/b,S=1:2,".into())]);
        assert_eq!(scan.odd.len(), 1, "new/b has no name left");
    }

    #[test]
    fn two_names_of_one_file_are_one_message() {
        let dir = folder(&["new/b"]);
        fs::hard_link(dir.path().join("new/b"), dir.path().join("cur/b,S=1:2,S")).unwrap();
        let scan = scan(dir.path(), GRAMMAR).unwrap();
        assert_eq!(ids(&scan), [("b".into(), "new/b".into())]);
        assert_eq!(scan.odd.len(), 1, "the other name is spoken of");
    }

    #[test]
    fn a_missing_directory_is_an_error_and_no_empty_folder() {
        for missing in ["new", "cur"] {
            let dir = folder(&[]);
            fs::remove_dir(dir.path().join(missing)).unwrap();
            let error = scan(dir.path(), GRAMMAR).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Folder);
            assert!(error.to_string().contains(missing), "{error}");
        }
    }

    #[test]
    fn a_message_whose_flags_change_all_the_time_is_in_every_listing() {
        let dir = folder(&[]);
        let names: Vec<String> = (0..400).map(|n| format!("m{n:03}")).collect();
        names.iter().for_each(|n| fs::write(dir.path().join(format!("cur/{n}:2,")), "").unwrap());
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let path = |n: &str, flags: &str| dir.path().join(format!("cur/{n}:2,{flags}"));
                let mut flags = ["", "S"];
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    names.iter().for_each(|n| fs::rename(path(n, flags[0]), path(n, flags[1])).unwrap());
                    flags.swap(0, 1);
                }
            });
            for _ in 0..100 {
                if let Ok(scan) = scan(dir.path(), GRAMMAR) {
                    assert_eq!(scan.names.iter().count(), names.len());
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
