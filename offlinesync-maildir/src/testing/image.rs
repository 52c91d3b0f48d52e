//! What a disk holds: how files and directories are now, and how much of that is durable.

use super::{Effect, Loss};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

type Number = usize;
type Entries = BTreeMap<OsString, Number>;

#[derive(Clone, Debug)]
enum Node {
    File { now: Vec<u8>, durable: Vec<u8>, time: Option<SystemTime> },
    Directory { now: Entries, durable: Entries },
}

/// One entry of a directory that was set or removed and is not durable yet.
#[derive(Clone, Debug)]
struct Change {
    directory: Number,
    name: OsString,
    entry: Option<Number>,
    /// Changes of one step.
    step: u64,
}

#[derive(Debug)]
pub(super) struct Image {
    /// The first is the root.
    nodes: Vec<Node>,
    pending: Vec<Change>,
    steps: u64,
}

impl Image {
    /// A tree all of which is durable.
    pub(super) fn of(root: &Path) -> Image {
        let mut image = Image { nodes: Vec::new(), pending: Vec::new(), steps: 0 };
        image.take(root);
        image
    }

    fn take(&mut self, path: &Path) -> Number {
        let number = self.nodes.len();
        if !path.is_dir() {
            let now = fs::read(path).unwrap();
            self.nodes.push(Node::File { durable: now.clone(), now, time: modified(path) });
            return number;
        }
        self.nodes.push(Node::Directory { now: Entries::new(), durable: Entries::new() });
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        let entries: Entries = names.map(|name| (name.clone(), self.take(&path.join(name)))).collect();
        self.nodes[number] = Node::Directory { now: entries.clone(), durable: entries };
        number
    }

    fn entries(&self, directory: Number) -> &Entries {
        match &self.nodes[directory] {
            Node::Directory { now, .. } => now,
            Node::File { .. } => panic!("a file is used as a directory"),
        }
    }

    fn find(&self, root: &Path, path: &Path) -> Option<Number> {
        let below = path.strip_prefix(root).ok()?;
        below.iter().try_fold(0, |at, name| self.entries(at).get(name).copied())
    }

    /// What was carried out. What is not below the root is no concern of this disk.
    pub(super) fn note(&mut self, root: &Path, effect: &Effect<'_>) {
        self.steps += 1;
        match effect {
            Effect::MakeDirectory(path) => {
                let made = Node::Directory { now: Entries::new(), durable: Entries::new() };
                self.add(root, path, made);
            }
            Effect::Create(path) => {
                self.add(root, path, Node::File { now: Vec::new(), durable: Vec::new(), time: None });
            }
            Effect::Write(path, octets) => {
                if let Some(Node::File { now, .. }) = self.find(root, path).map(|at| &mut self.nodes[at]) {
                    now.extend_from_slice(octets);
                }
            }
            Effect::SyncFile(path) => {
                if let Some(Node::File { now, durable, .. }) = self.find(root, path).map(|at| &mut self.nodes[at]) {
                    durable.clone_from(now);
                }
            }
            Effect::Rename(from, to) => {
                let moved = self.find(root, from);
                assert!(moved.is_some() || !from.starts_with(root), "{} is unknown", from.display());
                self.set(root, to, moved);
                self.set(root, from, None);
            }
            Effect::Remove(path) => self.set(root, path, None),
            Effect::SyncDirectory(path) => {
                if let Some(directory) = self.find(root, path) {
                    self.settle_directory(directory);
                }
            }
        }
    }

    fn add(&mut self, root: &Path, path: &Path, node: Node) {
        self.nodes.push(node);
        self.set(root, path, Some(self.nodes.len() - 1));
    }

    fn set(&mut self, root: &Path, path: &Path, entry: Option<Number>) {
        let Some(directory) = path.parent().and_then(|parent| self.find(root, parent)) else { return };
        let name = path.file_name().unwrap().to_owned();
        if let Node::Directory { now, .. } = &mut self.nodes[directory] {
            put(now, &name, entry);
        }
        self.pending.push(Change { directory, name, entry, step: self.steps });
    }

    /// Makes the entries of a directory durable. A rename into it is one step; of a rename out of it only this end is.
    fn settle_directory(&mut self, directory: Number) {
        let enters = |change: &&Change| change.directory == directory && change.entry.is_some();
        let whole: BTreeSet<u64> = self.pending.iter().filter(enters).map(|change| change.step).collect();
        self.settle(|change| change.directory == directory || whole.contains(&change.step));
    }

    /// Makes some of the changes durable.
    fn settle(&mut self, which: impl Fn(&Change) -> bool) {
        for change in std::mem::take(&mut self.pending) {
            match &mut self.nodes[change.directory] {
                Node::Directory { durable, .. } if which(&change) => put(durable, &change.name, change.entry),
                _ => self.pending.push(change),
            }
        }
    }

    /// Writes into the tree what is left after a loss.
    pub(super) fn lose(&mut self, root: &Path, loss: Loss) {
        if loss == Loss::Nothing {
            return;
        }
        self.take_times(0, root);
        if let Loss::Some(seed) = loss {
            let steps: Vec<u64> = self.pending.iter().map(|change| change.step).collect();
            let (first, last) = (steps.first().copied().unwrap_or(0), steps.last().copied().unwrap_or(0));
            let kept = first + mix(seed) % (last - first + 2);
            self.settle(|change| change.step < kept);
        }
        self.clear(0, root);
        self.write(0, root, loss, &mut BTreeMap::new());
    }

    /// Removes all but the directories that are durable: a power failure makes no other directories of them.
    fn clear(&self, at: Number, path: &Path) {
        let Node::Directory { durable, .. } = &self.nodes[at] else { return };
        for name in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()) {
            let path = path.join(&name);
            match durable.get(&name).filter(|number| matches!(self.nodes[**number], Node::Directory { .. })) {
                _ if !path.is_dir() => fs::remove_file(path).unwrap(),
                Some(number) => self.clear(*number, &path),
                None => fs::remove_dir_all(path).unwrap(),
            }
        }
    }

    /// File times are not changed through effects: they are taken from the files.
    fn take_times(&mut self, at: Number, path: &Path) {
        match &mut self.nodes[at] {
            Node::File { time, .. } => *time = modified(path),
            Node::Directory { now, .. } => {
                for (name, number) in now.clone() {
                    self.take_times(number, &path.join(name));
                }
            }
        }
    }

    /// `written` has the files that have a name already: another name is another name of the same file.
    fn write(&self, at: Number, path: &Path, loss: Loss, written: &mut BTreeMap<Number, PathBuf>) {
        match &self.nodes[at] {
            Node::File { .. } if written.contains_key(&at) => fs::hard_link(&written[&at], path).unwrap(),
            Node::File { now, durable, time } => {
                fs::write(path, left(now, durable, loss, at)).unwrap();
                written.insert(at, path.to_owned());
                if let Some(time) = time {
                    fs::File::options().write(true).open(path).unwrap().set_modified(*time).unwrap();
                }
            }
            Node::Directory { durable, .. } => {
                fs::create_dir_all(path).unwrap();
                durable.iter().for_each(|(name, number)| self.write(*number, &path.join(name), loss, written));
            }
        }
    }
}

fn put(entries: &mut Entries, name: &OsString, entry: Option<Number>) {
    match entry {
        Some(number) => drop(entries.insert(name.clone(), number)),
        None => drop(entries.remove(name)),
    }
}

/// What is left of a file.
fn left<'n>(now: &'n [u8], durable: &'n [u8], loss: Loss, at: Number) -> &'n [u8] {
    match loss {
        Loss::Some(seed) if now != durable => match mix(seed ^ at as u64) % 3 {
            0 => durable,
            1 => &now[..now.len() / 2],
            _ => now,
        },
        _ => durable,
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Numbers that look random (Knuth's multiplicative hash).
fn mix(seed: u64) -> u64 {
    (seed.wrapping_add(1)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let below = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        let mut names: Vec<String> = Vec::new();
        for path in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                names.extend(fs::read_dir(&path).unwrap().map(|entry| below(entry.unwrap().path())));
            }
            names.push(below(path));
        }
        names.sort();
        names
    }

    #[test]
    fn a_rename_is_durable_with_its_target_and_lost_between_a_synced_source_and_a_target_that_is_not() {
        for (synced, left) in [("b", vec!["a", "b", "b/m"]), ("a", vec!["a", "b"])] {
            let root = tempfile::tempdir().unwrap();
            let at = |name: &str| root.path().join(name);
            ["a", "b"].iter().for_each(|name| fs::create_dir(at(name)).unwrap());
            fs::write(at("a/m"), "m").unwrap();
            let mut image = Image::of(root.path());
            image.note(root.path(), &Effect::Rename(&at("a/m"), &at("b/m")));
            image.note(root.path(), &Effect::SyncDirectory(&at(synced)));
            image.lose(root.path(), Loss::Unsynced);
            assert_eq!(names(root.path()), left);
        }
    }

    #[test]
    fn what_was_not_made_durable_is_lost_each_directory_for_itself() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        ["a", "b"].iter().for_each(|name| fs::create_dir(at(name)).unwrap());
        fs::write(at("a/old"), "old").unwrap();
        let mut image = Image::of(root.path());
        image.note(root.path(), &Effect::Create(&at("a/new")));
        image.note(root.path(), &Effect::Write(&at("a/new"), b"12"));
        image.note(root.path(), &Effect::SyncFile(&at("a/new")));
        image.note(root.path(), &Effect::Write(&at("a/new"), b"34"));
        image.note(root.path(), &Effect::Rename(&at("a/new"), &at("b/new")));
        image.note(root.path(), &Effect::Remove(&at("a/old")));
        image.note(root.path(), &Effect::MakeDirectory(&at("c")));
        image.note(root.path(), &Effect::SyncDirectory(&at("b")));
        image.lose(root.path(), Loss::Unsynced);
        assert_eq!(names(root.path()), ["a", "a/old", "b", "b/new"]);
        assert_eq!(fs::read(at("b/new")).unwrap(), b"12");
    }
}
