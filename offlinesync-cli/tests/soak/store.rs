//! The two stores as their other users see them: a Maildir by its files, a server by a raw client. Shares no code with the program.

use offlinesync_core::testing::lines::to_crlf;
pub(crate) use offlinesync_core::testing::lines::to_lf;
use offlinesync_imap::testing::client::{Client, Stored, Value, quote};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A message as a store holds it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What the store calls it: never another message.
    pub(crate) id: String,
    /// In the form of a file that has been on the wire.
    pub(crate) content: Vec<u8>,
    /// IMAP names.
    pub(crate) flags: BTreeSet<String>,
    /// Seconds since 1970.
    pub(crate) arrived: i64,
}

/// What somebody else can do to a store. Changes answer whether they met the message as it was.
pub(crate) trait Store {
    /// Its folders, by the names of the account's remote side.
    fn folders(&mut self) -> BTreeSet<String>;
    fn messages(&mut self, folder: &str) -> Vec<Found>;
    fn create(&mut self, folder: &str);
    /// `content` as it travels on the wire.
    fn add(&mut self, folder: &str, content: &[u8], flags: &BTreeSet<String>);
    fn remove(&mut self, folder: &str, message: &Found) -> bool;
    fn set_flag(&mut self, folder: &str, message: &Found, flag: &str, on: bool) -> bool;
    fn move_to(&mut self, folder: &str, message: &Found, to: &str) -> bool;
    /// Flags that its users can set.
    fn flags(&self) -> &'static [&'static str];
}

/// Modified UTF-7 on the wire, and the same name in a Maildir.
pub(crate) const FOLDERS: [(&str, &str); 8] = [
    ("INBOX", "INBOX"),
    ("Archive", "Archive"),
    ("Lists/Rust", "Lists.Rust"),
    ("Sent Items", "Sent Items"),
    ("Entw&APw-rfe", "Entw\u{fc}rfe"),
    ("a&-b", "a&b"),
    ("Lists/100% \"sure\"", "Lists.100% \"sure\""),
    ("trash", "trash"),
];

fn local_name(folder: &str) -> &'static str {
    let found = FOLDERS.iter().find(|(wire, _)| *wire == folder);
    found.unwrap_or_else(|| panic!("nobody made the folder {folder}")).1
}

fn remote_name(local: &str) -> String {
    FOLDERS.iter().find(|(_, name)| *name == local).map_or_else(|| format!("?{local}"), |(wire, _)| (*wire).to_owned())
}

/// To the form of the wire and back.
pub(crate) fn once_on_the_wire(file: &[u8]) -> Vec<u8> {
    to_lf(&to_crlf(file))
}

/// A Maildir tree with flat folders.
pub(crate) struct Maildir {
    root: PathBuf,
    delivered: u64,
}

impl Maildir {
    pub(crate) fn new(root: PathBuf) -> Maildir {
        Maildir { root, delivered: 0 }
    }

    fn directory(&self, folder: &str) -> PathBuf {
        self.root.join(local_name(folder))
    }

    fn path(&self, folder: &str, message: &Found) -> PathBuf {
        self.directory(folder).join(message.id.split_once('|').unwrap().1)
    }

    fn new_name(&mut self) -> String {
        self.delivered += 1;
        format!("18{:08}.soak_{}.other", self.delivered, self.delivered)
    }
}

const LETTERS: [(char, &str); 4] = [('D', "\\Draft"), ('F', "\\Flagged"), ('R', "\\Answered"), ('S', "\\Seen")];

fn letters(flags: &BTreeSet<String>) -> String {
    LETTERS.iter().filter(|(_, name)| flags.contains(*name)).map(|(letter, _)| letter).collect()
}

fn keywords(folder: &Path) -> BTreeMap<u32, String> {
    let table = fs::read_to_string(folder.join("dovecot-keywords")).unwrap_or_default();
    let line = |line: &str| line.split_once(' ').map(|(slot, word)| (slot.parse().unwrap(), word.to_owned()));
    table.lines().filter_map(line).collect()
}

fn flag(letter: char, keywords: &BTreeMap<u32, String>) -> String {
    match letter {
        'P' => "$Forwarded".to_owned(),
        'T' => "\\Deleted".to_owned(),
        'a'..='z' => keywords.get(&(u32::from(letter) - 97)).cloned().unwrap_or(format!("letter {letter}")),
        letter => LETTERS.iter().find(|(known, _)| *known == letter).map_or("?", |(_, name)| name).to_owned(),
    }
}

impl Store for Maildir {
    fn folders(&mut self) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(&self.root) else { return BTreeSet::new() };
        let folders = entries.map(Result::unwrap).filter(|entry| entry.path().join("cur").is_dir());
        let names = folders.map(|entry| entry.file_name().into_string().unwrap());
        // What a killed program left of a folder it was making is hidden and no folder.
        names.filter(|name| !name.starts_with('.')).map(|name| remote_name(&name)).collect()
    }

    fn messages(&mut self, folder: &str) -> Vec<Found> {
        let directory = self.directory(folder);
        let keywords = keywords(&directory);
        let mut found = Vec::new();
        for part in ["new", "cur"] {
            let Ok(entries) = fs::read_dir(directory.join(part)) else { continue };
            for entry in entries.map(Result::unwrap) {
                // The program may rename or remove it meanwhile.
                let Ok(content) = fs::read(entry.path()) else { continue };
                let Ok(metadata) = entry.metadata() else { continue };
                let name = entry.file_name().into_string().unwrap();
                let (unique, info) = name.split_once(":2,").unwrap_or((&name, ""));
                found.push(Found {
                    id: format!("{unique}|{part}/{name}"),
                    content: once_on_the_wire(&to_lf(&content)),
                    flags: info.chars().map(|letter| flag(letter, &keywords)).collect(),
                    arrived: metadata.mtime(),
                });
            }
        }
        found
    }

    fn create(&mut self, folder: &str) {
        ["tmp", "new", "cur"].iter().for_each(|part| fs::create_dir_all(self.directory(folder).join(part)).unwrap());
    }

    fn add(&mut self, folder: &str, content: &[u8], flags: &BTreeSet<String>) {
        let name = self.new_name();
        let name = if flags.is_empty() { name } else { format!("{name}:2,{}", letters(flags)) };
        let (directory, part) = (self.directory(folder), if flags.is_empty() { "new" } else { "cur" });
        let temporary = directory.join("tmp").join(&name);
        fs::write(&temporary, to_lf(content)).unwrap();
        fs::rename(temporary, directory.join(part).join(name)).unwrap();
    }

    fn remove(&mut self, folder: &str, message: &Found) -> bool {
        fs::remove_file(self.path(folder, message)).is_ok()
    }

    fn set_flag(&mut self, folder: &str, message: &Found, flag: &str, on: bool) -> bool {
        let from = self.path(folder, message);
        let name = from.file_name().unwrap().to_str().unwrap();
        let (unique, info) = name.split_once(":2,").unwrap_or((name, ""));
        let letter = LETTERS.iter().find(|(_, name)| *name == flag).unwrap().0;
        let mut letters: BTreeSet<char> = info.chars().collect();
        let changes = if on { letters.insert(letter) } else { letters.remove(&letter) };
        let letters: String = letters.into_iter().collect();
        let to = self.directory(folder).join("cur").join(format!("{unique}:2,{letters}"));
        changes && !to.exists() && fs::rename(from, to).is_ok()
    }

    fn move_to(&mut self, folder: &str, message: &Found, to: &str) -> bool {
        let from = self.path(folder, message);
        let name = from.file_name().unwrap().to_str().unwrap().to_owned();
        // Programs keep the name, or give another; letters of keywords mean something else in another folder.
        let (unique, info) = name.split_once(":2,").unwrap_or((&name, ""));
        let info: String = info.chars().filter(char::is_ascii_uppercase).collect();
        let keeps = message.content.len().is_multiple_of(2);
        let unique = if keeps { unique.to_owned() } else { self.new_name() };
        let to = self.directory(to).join("cur").join(format!("{unique}:2,{info}"));
        !to.exists() && fs::rename(from, to).is_ok()
    }

    fn flags(&self) -> &'static [&'static str] {
        &["\\Draft", "\\Flagged", "\\Answered", "\\Seen"]
    }
}

/// A user's mailboxes.
pub(crate) struct Mailboxes(pub(crate) Client);

fn found(stored: &Stored) -> Found {
    Found {
        id: format!("{}|", stored.uid),
        content: once_on_the_wire(&to_lf(&stored.bytes)),
        flags: stored.flags.iter().cloned().collect(),
        arrived: jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", stored.date.trim())
            .and_then(|time| time.to_timestamp())
            .unwrap()
            .as_second(),
    }
}

impl Mailboxes {
    fn uid(message: &Found) -> &str {
        message.id.trim_end_matches('|')
    }
}

impl Store for Mailboxes {
    fn folders(&mut self) -> BTreeSet<String> {
        let selectable = |attributes: &[String]| !attributes.iter().any(|a| a.eq_ignore_ascii_case("\\NoSelect"));
        self.0.list().into_iter().filter(|entry| selectable(&entry.attributes)).map(|entry| entry.name).collect()
    }

    fn messages(&mut self, folder: &str) -> Vec<Found> {
        self.0.messages(folder).iter().map(found).collect()
    }

    fn create(&mut self, folder: &str) {
        // The program may have been quicker.
        self.0.raw(&format!("CREATE {}", quote(folder)));
    }

    fn add(&mut self, folder: &str, content: &[u8], flags: &BTreeSet<String>) {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.0.append(folder, &flags.join(" "), None, content);
    }

    fn remove(&mut self, folder: &str, message: &Found) -> bool {
        self.0.select(folder);
        self.0.store(Self::uid(message), "+FLAGS", "\\Deleted");
        let answer = self.0.ok(&format!("UID EXPUNGE {}", Self::uid(message)));
        !answer.data("EXPUNGE").is_empty()
    }

    fn set_flag(&mut self, folder: &str, message: &Found, flag: &str, on: bool) -> bool {
        self.0.select(folder);
        let sign = if on { '+' } else { '-' };
        let answer = self.0.ok(&format!("UID STORE {} {sign}FLAGS ({flag})", Self::uid(message)));
        let is_it = |values: &Vec<Value>| format!("{values:?}").contains(Self::uid(message));
        message.flags.contains(flag) != on && answer.data("FETCH").iter().any(is_it)
    }

    fn move_to(&mut self, folder: &str, message: &Found, to: &str) -> bool {
        self.0.select(folder);
        let answer = self.0.ok(&format!("UID MOVE {} {}", Self::uid(message), quote(to)));
        answer.code("COPYUID").is_some()
    }

    fn flags(&self) -> &'static [&'static str] {
        &["\\Draft", "\\Flagged", "\\Answered", "\\Seen", "$Forwarded", "work", "$Label1"]
    }
}
