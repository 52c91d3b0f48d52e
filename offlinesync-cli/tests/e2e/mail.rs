//! What lies in a Maildir and on a server, read without the program's own code, and whether the two are the same.

use crate::house::House;
pub(crate) use offlinesync_core::testing::lines::{to_crlf, to_lf};
use offlinesync_imap::testing::client::{Client, Stored};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A message as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// In the form of a file.
    pub(crate) bytes: Vec<u8>,
    /// IMAP names.
    pub(crate) flags: BTreeSet<String>,
    /// Seconds since 1970.
    pub(crate) arrived: i64,
}

/// A file of a Maildir.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// `cur` or `new`, and the name.
    pub(crate) name: String,
    pub(crate) held: Held,
}

/// Writes a message into a Maildir, as a mail program would. `name` has a `:2,` for a message in `cur`.
pub(crate) fn deliver(folder: &Path, name: &str, content: &[u8]) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let temporary = folder.join("tmp").join(name);
    fs::write(&temporary, content).unwrap();
    fs::rename(temporary, folder.join(if name.contains(":2,") { "cur" } else { "new" }).join(name)).unwrap();
}

/// Every message file of a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<File> {
    let keywords = keywords(folder);
    let mut found = Vec::new();
    for part in ["cur", "new"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
            let held = Held {
                bytes: fs::read(entry.path()).unwrap(),
                flags: letters.chars().map(|letter| flag(letter, &keywords)).collect(),
                arrived: entry.metadata().unwrap().mtime(),
            };
            found.push(File { name: format!("{part}/{name}"), held });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Every message of a folder of a Maildir.
pub(crate) fn in_maildir(folder: &Path) -> Vec<Held> {
    let mut held: Vec<Held> = files(folder).into_iter().map(|file| file.held).collect();
    held.sort();
    held
}

fn keywords(folder: &Path) -> BTreeMap<u32, String> {
    let table = fs::read_to_string(folder.join("dovecot-keywords")).unwrap_or_default();
    let line = |line: &str| line.split_once(' ').map(|(slot, word)| (slot.parse().unwrap(), word.to_owned()));
    table.lines().filter_map(line).collect()
}

fn flag(letter: char, keywords: &BTreeMap<u32, String>) -> String {
    match letter {
        'D' => "\\Draft".to_owned(),
        'F' => "\\Flagged".to_owned(),
        'P' => "$Forwarded".to_owned(),
        'R' => "\\Answered".to_owned(),
        'S' => "\\Seen".to_owned(),
        'T' => "\\Deleted".to_owned(),
        letter => keywords.get(&(u32::from(letter) - u32::from('a'))).cloned().unwrap_or(format!("letter {letter}")),
    }
}

/// Every message of a mailbox, in the form of a file.
pub(crate) fn on_server(client: &mut Client, mailbox: &str) -> Vec<Held> {
    let mut held: Vec<Held> = client.messages(mailbox).iter().map(held).collect();
    held.sort();
    held
}

fn held(stored: &Stored) -> Held {
    Held { bytes: to_lf(&stored.bytes), flags: stored.flags.iter().cloned().collect(), arrived: seconds(&stored.date) }
}

fn seconds(date: &str) -> i64 {
    let time = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", date.trim()).unwrap();
    time.to_timestamp().unwrap().as_second()
}

/// Short words for a message.
fn shown(held: &Held) -> String {
    let head: String = String::from_utf8_lossy(&held.bytes).chars().take(300).collect();
    format!("{} octets, {:?}, {}: {head:?}", held.bytes.len(), held.flags, held.arrived)
}

/// Fails with the messages that only one of the two has.
#[track_caller]
pub(crate) fn assert_same(place: &str, there: &[Held], here: &[Held]) {
    let only = |a: &[Held], b: &[Held]| {
        let left = a.iter().filter(|held| count(a, held) > count(b, held));
        left.take(5).map(shown).collect::<Vec<_>>().join("\n")
    };
    assert!(
        there == here,
        "{place}: {} messages there, {} here\nonly there:\n{}\nonly here:\n{}",
        there.len(),
        here.len(),
        only(there, here),
        only(here, there)
    );
}

fn count(sorted: &[Held], held: &Held) -> usize {
    sorted.partition_point(|other| other <= held) - sorted.partition_point(|other| other < held)
}

/// The messages of a Maildir's folder as they are once they have been on the wire.
pub(crate) fn in_maildir_after_the_wire(folder: &Path) -> Vec<Held> {
    let mut held = in_maildir(folder);
    held.iter_mut().for_each(|held| held.bytes = to_lf(&to_crlf(&held.bytes)));
    held.sort();
    held
}

/// Fails unless every folder of the house's Maildir and every mailbox of the user hold the same mail, and there are no others.
#[track_caller]
pub(crate) fn assert_in_step(client: &mut Client, house: &House) {
    let listed = client.list();
    let selectable =
        listed.iter().filter(|entry| !entry.attributes.iter().any(|a| a.eq_ignore_ascii_case("\\NoSelect")));
    let names: Vec<String> = selectable.map(|entry| entry.name.clone()).collect();
    let mut expected: Vec<String> = names.iter().map(|name| name.replace('/', ".")).collect();
    expected.sort();
    assert_eq!(folders(&house.path("mail")), expected, "the folders differ");
    for name in names {
        let here = in_maildir_after_the_wire(&house.folder(&name.replace('/', ".")));
        assert_same(&name, &on_server(client, &name), &here);
    }
}

/// The folders of a flat Maildir tree.
pub(crate) fn folders(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("cur").is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
