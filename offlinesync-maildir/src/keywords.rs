//! What the letters of a folder mean: the six of the Maildir format, those the configuration names, and those of the
//! `dovecot-keywords` file in the folder's directory, which is read and extended here.
//!
//! The file has a line `N keyword` for each keyword; `N` from 0 to 25 stands for the letter `a` to `z`. Dovecot replaces it under
//! the lock file `dovecot-keywords.lock`, and so does this.

use crate::disk::{self, Disk};
use crate::lock::Lock;
use crate::name;
use offlinesync_core::{Cancel, Error, ErrorKind, FlagSupport, Flags, KeywordSupport, Keywords, Result, SystemFlags};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Name of the table in a folder's directory.
pub(crate) const FILE: &str = "dovecot-keywords";
const LOCK: &str = "dovecot-keywords.lock";
/// The next table, until it is whole; written by whoever holds the lock.
const NEXT: &str = "dovecot-keywords.new";
/// A table has 26 lines; what is longer than this is something else.
const LONGEST_FILE: u64 = 64 * 1024;

/// What one lower-case letter stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Slot {
    #[default]
    Free,
    /// The table names it, but not with anything that can be a keyword.
    Taken,
    Keyword(Box<str>),
}

/// A set of lower-case letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Letters(u32);

impl Letters {
    pub(crate) fn insert(&mut self, letter: char) {
        self.0 |= slot_of(letter).map_or(0, |slot| 1 << slot);
    }

    fn contains(self, slot: usize) -> bool {
        self.0 & (1 << slot) != 0
    }
}

/// The meaning of every letter in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary {
    slots: [Slot; 26],
    /// Whether a keyword without a letter can get one: not if the table could not be read, or a letter of the configuration hides
    /// a keyword of the table.
    extensible: bool,
}

impl Vocabulary {
    /// Reads the table of a folder. One that is missing is empty; one that cannot be read comes with the reason, for a warning,
    /// and then the letters of the configuration alone have a meaning.
    pub(crate) fn read(folder: &Path, custom: &BTreeMap<char, String>) -> (Self, Option<Error>) {
        let path = folder.join(FILE);
        match read_table(&path) {
            Ok(text) => (Self::from_table(&text, custom), None),
            Err(error) => {
                let unreadable = Vocabulary { extensible: false, ..Self::from_table(&[], custom) };
                let warning =
                    Error::new(ErrorKind::Folder, format!("{}: {error}: keywords are left alone", path.display()));
                (unreadable, Some(warning.with_source(error)))
            }
        }
    }

    fn from_table(text: &[u8], custom: &BTreeMap<char, String>) -> Self {
        let mut vocabulary = Vocabulary { slots: Default::default(), extensible: true };
        text.split(|b| *b == b'\n').filter_map(line).for_each(|(slot, meaning)| {
            if vocabulary.slots[slot] == Slot::Free {
                vocabulary.slots[slot] = meaning;
            }
        });
        custom.iter().for_each(|(letter, keyword)| vocabulary.set_custom(*letter, keyword));
        vocabulary
    }

    fn set_custom(&mut self, letter: char, keyword: &str) {
        let Some(slot) = slot_of(letter) else { return };
        self.extensible &= match &self.slots[slot] {
            Slot::Keyword(hidden) => hidden.eq_ignore_ascii_case(keyword),
            Slot::Free | Slot::Taken => true,
        };
        self.slots[slot] = Slot::Keyword(keyword.into());
    }

    /// The flags that a name's letters say.
    pub(crate) fn flags(&self, letters: &str) -> Flags {
        let mut flags = Flags::default();
        for letter in letters.chars() {
            match (SystemFlags::from_letter(letter), self.keyword(letter)) {
                (Some(flag), _) => flags.system = flags.system.union(flag),
                (None, Some(keyword)) => add_named(&mut flags, keyword),
                (None, None) => {}
            }
        }
        flags
    }

    fn keyword(&self, letter: char) -> Option<&str> {
        match self.slots.get(slot_of(letter)?)? {
            Slot::Keyword(keyword) => Some(keyword),
            Slot::Free | Slot::Taken => None,
        }
    }

    fn letter(&self, keyword: &str) -> Option<char> {
        (b'a'..=b'z').map(char::from).find(|l| self.keyword(*l).is_some_and(|k| k.eq_ignore_ascii_case(keyword)))
    }

    /// Changes a name's letters. A keyword without a letter is left out; a letter without a meaning stays.
    pub(crate) fn edit(&self, letters: &str, add: &Flags, remove: &Flags) -> String {
        let meaning = |letter: char| self.flags(letter.encode_utf8(&mut [0; 4]));
        let removed = |letter: char| {
            let is = meaning(letter);
            !is.is_empty() && is.difference(remove).is_empty() && !is.difference(add).is_empty()
        };
        let missing = add.difference(&self.flags(letters));
        let mut added: Vec<char> = missing.system.letters().collect();
        added.extend(missing.keywords.iter().filter_map(|k| self.letter(k)));
        name::edit_letters(letters, removed, &added)
    }

    /// The letters of a file that comes here from a folder where `letters` meant `flags`: the flags in this folder's letters, and
    /// every letter that has a meaning in neither.
    pub(crate) fn translate(&self, letters: &str, from: &Vocabulary) -> String {
        let foreign = |l: &char| {
            SystemFlags::from_letter(*l).is_none() && from.keyword(*l).is_none() && self.keyword(*l).is_none()
        };
        let kept: String = letters.chars().filter(foreign).collect();
        self.edit(&kept, &from.flags(letters), &Flags::default())
    }

    /// Letters in use that have no meaning: the table that gave them one is lost, or they are some other program's.
    pub(crate) fn has_strays(&self, used: Letters) -> bool {
        (0..26).any(|slot| used.contains(slot) && !matches!(self.slots[slot], Slot::Keyword(_)))
    }

    /// What the folder can keep. Where strays are in use, a missing keyword may only look missing, so no other than those with a
    /// letter is spoken of.
    pub(crate) fn support(&self, used: Letters) -> FlagSupport {
        let room = self.slots.contains(&Slot::Free);
        let keywords = match room && self.extensible && !self.has_strays(used) {
            true => KeywordSupport::Any,
            false => KeywordSupport::Only(self.named()),
        };
        FlagSupport { system: SystemFlags::ALL, keywords }
    }

    fn named(&self) -> Keywords {
        (b'a'..=b'z').filter_map(|l| self.keyword(char::from(l))).collect()
    }

    /// Whether every keyword has a letter or can have none.
    pub(crate) fn knows(&self, keywords: &Keywords) -> bool {
        !self.extensible
            || !self.slots.contains(&Slot::Free)
            || keywords.iter().all(|k| self.letter(k).is_some() || !writable(k))
    }

    /// Gives letters to keywords that have none, as long as there are any, and makes the table durable before it returns: no file
    /// may bear a letter whose meaning a crash could take away. Letters in `used` are not given away.
    pub(crate) fn learn(&mut self, table: &Table<'_>, keywords: &Keywords, used: Letters) -> Result<()> {
        if self.knows(keywords) {
            return Ok(());
        }
        let lock = table.lock()?;
        let text = read_table(&table.path()).map_err(|e| table.error(e))?;
        let mut fresh = Vocabulary::from_table(&text, table.custom);
        let added = fresh.assign(keywords, used);
        if !added.is_empty() {
            table.replace(&lock, text, &added)?;
        }
        *self = fresh;
        Ok(())
    }

    fn assign(&mut self, keywords: &Keywords, used: Letters) -> Vec<(usize, Box<str>)> {
        let mut added = Vec::new();
        for keyword in keywords.iter().filter(|k| writable(k)) {
            let free = (0..26).find(|slot| self.slots[*slot] == Slot::Free && !used.contains(*slot));
            if let (None, Some(slot), true) = (self.letter(keyword), free, self.extensible) {
                self.slots[slot] = Slot::Keyword(keyword.into());
                added.push((slot, keyword.into()));
            }
        }
        added
    }
}

fn add_named(flags: &mut Flags, keyword: &str) {
    match SystemFlags::from_imap(keyword) {
        Some(flag) => flags.system = flags.system.union(flag),
        None => flags.keywords.insert(keyword),
    }
}

fn slot_of(letter: char) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| usize::from(letter as u8 - b'a'))
}

fn writable(keyword: &str) -> bool {
    !keyword.is_empty() && !keyword.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A line of the table. Keywords above 25 have no letter and are not looked at.
fn line(line: &[u8]) -> Option<(usize, Slot)> {
    let space = line.iter().position(|b| *b == b' ')?;
    let slot: usize = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    let keyword = std::str::from_utf8(&line[space + 1..]).map(|k| k.trim_end_matches('\r'));
    let meaning = match keyword {
        Ok(keyword) if writable(keyword) => Slot::Keyword(keyword.into()),
        _ => Slot::Taken,
    };
    (slot < 26).then_some((slot, meaning))
}

fn read_table(path: &Path) -> io::Result<Vec<u8>> {
    let file = match disk::open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?.0,
    };
    let mut text = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= LONGEST_FILE => Ok(text),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "too long for a table of keywords")),
    }
}

/// Where a table is and how it is written.
pub(crate) struct Table<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) custom: &'a BTreeMap<char, String>,
    pub(crate) fsync: bool,
    pub(crate) cancel: &'a Cancel,
    pub(crate) disk: &'a Disk,
}

impl Table<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn error(&self, error: io::Error) -> Error {
        Error::io(self.path().display(), error, ErrorKind::Folder)
    }

    fn lock(&self) -> Result<Lock> {
        Lock::take(self.disk, self.folder.join(LOCK), self.cancel)
    }

    /// Writes the table with the added lines and puts it in place of the old one: after a crash the table is the one or the other.
    fn replace(&self, _lock: &Lock, mut text: Vec<u8>, added: &[(usize, Box<str>)]) -> Result<()> {
        if text.last().is_some_and(|b| *b != b'\n') {
            text.push(b'\n');
        }
        for (slot, keyword) in added {
            text.extend_from_slice(format!("{slot} {keyword}\n").as_bytes());
        }
        self.write(&text).map_err(|e| self.error(e))
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        let next = self.folder.join(NEXT);
        // What a crash left is of no use.
        let _ = self.disk.remove_file(&next);
        let mut file = self.disk.create_private(&next)?;
        if let Ok(old) = fs::metadata(self.path()) {
            let _ = file.file().set_permissions(old.permissions());
        }
        let written = file.write_all(text).and_then(|()| if self.fsync { file.sync() } else { Ok(()) });
        if let Err(error) = written.and_then(|()| self.disk.replace(&next, &self.path())) {
            let _ = self.disk.remove_file(&next);
            return Err(error);
        }
        if self.fsync { self.disk.sync_dir(self.folder) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(names: &[&str]) -> Keywords {
        names.iter().copied().collect()
    }

    fn with_keywords(names: &[&str]) -> Flags {
        Flags { system: SystemFlags::NONE, keywords: keywords(names) }
    }

    fn learned(folder: &Path, custom: &BTreeMap<char, String>, names: &[&str], used: &str) -> Vocabulary {
        let cancel = Cancel::new();
        let table = Table { folder, custom, fsync: true, cancel: &cancel, disk: &Disk::default() };
        let (mut vocabulary, warning) = Vocabulary::read(folder, custom);
        assert!(warning.is_none());
        let mut letters = Letters::default();
        used.chars().for_each(|l| letters.insert(l));
        vocabulary.learn(&table, &keywords(names), letters).unwrap();
        vocabulary
    }

    #[test]
    fn new_keywords_are_added_after_those_dovecot_wrote() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "0 $Label1\n2 todo").unwrap();
        let vocabulary = learned(dir.path(), &BTreeMap::new(), &["TODO", "work"], "");
        assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), "0 $Label1\n2 todo\n1 work\n");
        assert_eq!(vocabulary.flags("Sabc").keywords, keywords(&["$Label1", "work", "todo"]));
        assert!(!dir.path().join(LOCK).exists());
    }

    #[test]
    fn a_full_table_says_so_and_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..30).map(|n| format!("k{n:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let vocabulary = learned(dir.path(), &BTreeMap::new(), &names, "");
        let support = vocabulary.support(Letters::default());
        assert!(support.keywords.allows("k25") && !support.keywords.allows("k26"));
        assert_eq!(vocabulary.edit("", &with_keywords(&["k29", "k03"]), &Flags::default()), "d");
    }

    #[test]
    fn the_configuration_goes_before_the_table() {
        let dir = tempfile::tempdir().unwrap();
        let custom = BTreeMap::from([('x', "work".to_owned())]);
        let vocabulary = learned(dir.path(), &custom, &["Work", "todo"], "");
        assert_eq!(vocabulary.edit("S", &with_keywords(&["work", "todo"]), &Flags::default()), "Sax");
        assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), "0 todo\n");
    }

    #[test]
    fn a_keyword_hidden_by_the_configuration_is_not_taken_for_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "0 hidden\n").unwrap();
        let custom = BTreeMap::from([('a', "work".to_owned())]);
        let (vocabulary, _) = Vocabulary::read(dir.path(), &custom);
        let support = vocabulary.support(Letters::default());
        assert!(support.keywords.allows("work") && !support.keywords.allows("hidden"));
    }

    #[test]
    fn a_lost_table_makes_no_keyword_look_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (vocabulary, warning) = Vocabulary::read(dir.path(), &BTreeMap::new());
        let mut used = Letters::default();
        assert!(warning.is_none());
        assert!(vocabulary.support(used).keywords.allows("todo"));
        used.insert('a');
        assert!(!vocabulary.support(used).keywords.allows("todo"));
        assert_eq!(learned(dir.path(), &BTreeMap::new(), &["todo"], "a").letter("todo"), Some('b'));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        let (vocabulary, warning) = Vocabulary::read(dir.path(), &BTreeMap::new());
        assert!(warning.unwrap().to_string().contains(FILE));
        assert_eq!(vocabulary.support(Letters::default()).keywords, KeywordSupport::Only(Keywords::default()));
    }

    #[test]
    fn odd_lines_take_their_letter_out_of_use() {
        let vocabulary =
            Vocabulary::from_table(b"0 two words\nx y\n\n1 \xff\n2 ok\r\n2 again\n26 beyond\n-1 z\n", &BTreeMap::new());
        assert_eq!(vocabulary.named(), keywords(&["ok"]));
        assert_eq!(vocabulary.slots[0], Slot::Taken);
        assert_eq!(vocabulary.slots[1], Slot::Taken);
    }

    /// offlineimap3 #124: `P` and `$Forwarded` were two.
    #[test]
    fn forwarded_is_one_flag_whichever_letter_says_it() {
        let vocabulary = Vocabulary::from_table(b"0 $Forwarded\n", &BTreeMap::new());
        let forwarded = Flags::system(SystemFlags::FORWARDED);
        assert_eq!(vocabulary.flags("a"), forwarded);
        assert_eq!(vocabulary.edit("Pa", &Flags::default(), &forwarded), "");
        assert_eq!(vocabulary.edit("a", &forwarded, &Flags::default()), "a");
    }

    #[test]
    fn letters_without_meaning_stay() {
        let vocabulary = Vocabulary::from_table(b"", &BTreeMap::new());
        let seen = Flags::system(SystemFlags::SEEN);
        assert_eq!(vocabulary.edit("FQz", &seen, &Flags::system(SystemFlags::FLAGGED)), "QSz");
    }

    #[test]
    fn a_moved_message_keeps_its_keywords_though_the_letters_differ() {
        let from = Vocabulary::from_table(b"0 todo\n1 work\n", &BTreeMap::new());
        let to = Vocabulary::from_table(b"0 work\n1 todo\n", &BTreeMap::new());
        assert_eq!(to.translate("SaQy", &from), "QSby");
    }
}
