//! Which directories below a root may be folders. Reads directories, but never `cur`, `new` or `tmp`.
//!
//! The crate walkdir is no help here: it opens each directory before it can be told to leave it alone, and reads it whole if names
//! shall come in order. A sync that finds nothing to do would then read the names of all messages.

use crate::layout;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A directory that cannot be read, and why.
pub(crate) type Unreadable = (PathBuf, io::Error);

/// The root and what lies below it (`deep`: at any depth), each directory before those in it, in order of name. Links are followed
/// unless they lead nowhere or round in a circle; what goes away meanwhile is left out.
pub(crate) fn directories(root: &Path, deep: bool) -> Result<Vec<PathBuf>, Unreadable> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        if deep || directory == root {
            match below(root, &directory) {
                Ok(mut names) => {
                    names.sort_unstable_by(|a, b| b.cmp(a));
                    waiting.extend(names);
                }
                Err((path, error)) if path == root || !is_passable(&error) => return Err((path, error)),
                Err(_) => continue,
            }
        }
        found.push(directory);
    }
    Ok(found)
}

fn below(root: &Path, directory: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = |error| (directory.to_owned(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if is_closed(&entry.file_name()) {
            continue;
        }
        match leads_on(root, &entry) {
            Ok(true) => found.push(entry.path()),
            Ok(false) => {}
            Err(error) if is_passable(&error) => {}
            Err(error) => return Err((entry.path(), error)),
        }
    }
    Ok(found)
}

fn is_closed(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    layout::OWN.contains(&&*name) || layout::is_unfinished(&name) || name == "lost+found"
}

/// Whether an entry is a directory, or a link to one that it does not lie in.
fn leads_on(root: &Path, entry: &DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    if !kind.is_symlink() {
        return Ok(kind.is_dir());
    }
    let path = entry.path();
    let target = fs::metadata(&path)?;
    if !target.is_dir() {
        return Ok(false);
    }
    for above in path.ancestors().skip(1).take_while(|above| above.starts_with(root)) {
        let above = fs::metadata(above)?;
        if (above.dev(), above.ino()) == (target.dev(), target.ino()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A link that leads nowhere or to itself is no folder, nor is what has just gone; anything else that cannot be read may be one.
fn is_passable(error: &io::Error) -> bool {
    let itself = rustix::io::Errno::LOOP.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(itself)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(root: &Path, deep: bool) -> Vec<String> {
        let relative = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        directories(root, deep).unwrap().into_iter().map(relative).collect()
    }

    #[test]
    fn directories_come_in_order_each_before_what_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        ["b/y", "b/x/cur", "a b", "a", "c/new"].iter().for_each(|d| fs::create_dir_all(root.path().join(d)).unwrap());
        assert_eq!(names(root.path(), true), ["", "a", "a b", "b", "b/x", "b/y", "c"]);
        assert_eq!(names(root.path(), false), ["", "a", "a b", "b", "c"]);
    }

    #[test]
    fn links_round_in_a_circle_over_two_directories_end() {
        let root = tempfile::tempdir().unwrap();
        ["a", "b"].iter().for_each(|d| fs::create_dir(root.path().join(d)).unwrap());
        symlink("../b", root.path().join("a/to-b")).unwrap();
        symlink("../a", root.path().join("b/to-a")).unwrap();
        assert_eq!(names(root.path(), true), ["", "a", "a/to-b", "b", "b/to-a"]);
    }

    /// The names in `cur` of a large folder take longer to read than everything else that a sync without changes does. On a file
    /// system that keeps no access times this shows nothing.
    #[test]
    fn the_directories_of_messages_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let own = layout::OWN.map(|sub| root.path().join("a").join(sub));
        for directory in &own {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("m"), "").unwrap();
        }
        let read = || own.each_ref().map(|directory| fs::metadata(directory).unwrap().accessed().unwrap());
        let before = read();
        assert_eq!(names(root.path(), true), ["", "a"]);
        assert_eq!(read(), before);
    }
}
