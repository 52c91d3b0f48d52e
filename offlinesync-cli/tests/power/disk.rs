//! Directories and mail files as another program sees them: read, written, saved and put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A message: content in the form of a file, and IMAP names of its flags in order.
pub(crate) type Message = (Vec<u8>, Vec<String>);

/// How directories begin that a process left behind while it made a folder.
const UNFINISHED: &str = ".offlinesync-unfinished.";

const LETTERS: [(char, &str); 6] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];

/// A directory tree in memory.
#[derive(Debug)]
pub(crate) struct Tree(Vec<(PathBuf, Entry)>);

#[derive(Debug)]
enum Entry {
    Directory,
    File(Vec<u8>, SystemTime),
}

impl Tree {
    pub(crate) fn save(root: &Path) -> Tree {
        let mut tree = Tree(Vec::new());
        tree.take(root, Path::new(""));
        tree
    }

    fn take(&mut self, root: &Path, below: &Path) {
        let path = root.join(below);
        if path.is_dir() {
            self.0.push((below.to_owned(), Entry::Directory));
            entries(&path).iter().for_each(|name| self.take(root, &below.join(name)));
        } else {
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            self.0.push((below.to_owned(), Entry::File(fs::read(path).unwrap(), time)));
        }
    }

    /// Makes everything below `root` as it was. Directories that are still there stay the directories they are: others in their place
    /// would be those of a restored backup.
    pub(crate) fn restore(&self, root: &Path) {
        let kept =
            self.0.iter().filter(|(_, entry)| matches!(entry, Entry::Directory)).map(|(below, _)| below.as_path());
        clear(root, Path::new(""), &kept.collect());
        for (below, entry) in &self.0 {
            let path = root.join(below);
            let Entry::File(content, time) = entry else {
                fs::create_dir_all(path).unwrap();
                continue;
            };
            fs::write(&path, content).unwrap();
            fs::File::options().write(true).open(path).unwrap().set_modified(*time).unwrap();
        }
    }
}

/// Removes what is below a directory, but for the directories in `kept`.
fn clear(root: &Path, below: &Path, kept: &BTreeSet<&Path>) {
    for name in entries(&root.join(below)) {
        let (below, path) = (below.join(&name), root.join(below).join(name));
        if !path.is_dir() {
            fs::remove_file(path).unwrap();
        } else if kept.contains(below.as_path()) {
            clear(root, &below, kept);
        } else {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

fn entries(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Files of a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let parts = ["new", "cur"].map(|part| folder.join(part));
    parts.iter().flat_map(|part| entries(part).into_iter().map(|name| part.join(name))).collect()
}

/// The file with this content.
pub(crate) fn file_with(folder: &Path, content: &[u8]) -> PathBuf {
    files(folder).into_iter().find(|path| fs::read(path).unwrap() == content).unwrap()
}

/// What the folders below a root hold, in order, by their names on the server.
pub(crate) fn contents(root: &Path) -> BTreeMap<String, Vec<Message>> {
    let folders = entries(root).into_iter().filter(|name| !name.starts_with(UNFINISHED));
    let held = folders.map(|name| (name.replace('.', "/"), messages(&root.join(&name))));
    // On a server, what only holds others is no folder.
    held.filter(|(_, messages)| !messages.is_empty()).collect()
}

fn messages(folder: &Path) -> Vec<Message> {
    let keywords = fs::read_to_string(folder.join("dovecot-keywords")).unwrap_or_default();
    let keywords: BTreeMap<char, &str> = keywords
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(slot, keyword)| (char::from(b'a' + slot.parse::<u8>().unwrap()), keyword))
        .collect();
    let flag = |letter: char| match LETTERS.iter().find(|(known, _)| *known == letter) {
        Some((_, flag)) => (*flag).to_owned(),
        None => keywords.get(&letter).map_or_else(|| format!("?{letter}"), |keyword| (*keyword).to_owned()),
    };
    let message = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut flags: Vec<String> = name.split_once(":2,").map_or("", |(_, info)| info).chars().map(flag).collect();
        flags.sort();
        (fs::read(path).unwrap(), flags)
    };
    let mut messages: Vec<Message> = files(folder).into_iter().map(message).collect();
    messages.sort();
    messages
}

/// Delivers a message as a mail program does.
pub(crate) fn deliver(folder: &Path, name: &str, content: &[u8]) {
    let part = if name.contains(":2,") { "cur" } else { "new" };
    fs::write(folder.join(part).join(name), content).unwrap();
}

/// Makes a folder.
pub(crate) fn make_folder(folder: &Path) {
    ["tmp", "new", "cur"].iter().for_each(|part| fs::create_dir_all(folder.join(part)).unwrap());
}
