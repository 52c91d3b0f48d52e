//! The user of the Maildir: mail programs and people at work on files.

use crate::FOLDERS;
use crate::client::flags_of;
use crate::deeds::{LocalAct, Naming, NewName};
use crate::letters::{FLAGS, content_of, octets, with_crs};
use offlinesync_core::MessageId;
use offlinesync_core::testing::histories::{Content, Deed, FlagSet};
use offlinesync_maildir::name::{FileName, digest};
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

const LETTERS: [(&str, char); 5] =
    [("\\Seen", 'S'), ("\\Flagged", 'F'), ("\\Draft", 'D'), ("$Forwarded", 'P'), ("\\Deleted", 'T')];
const TABLE: &str = "dovecot-keywords";

/// A Maildir. Copies know the same.
#[derive(Clone, Debug)]
pub(crate) struct Mailer {
    root: PathBuf,
    separator: char,
    /// What programs put before the letters just now.
    pub(crate) info: char,
    written: Arc<AtomicU32>,
}

/// A message in a file.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) folder: &'static str,
    pub(crate) part: &'static str,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
}

impl Letter {
    pub(crate) fn id(&self, info: char) -> MessageId {
        MessageId::Name(FileName::parse(&self.name, info).unwrap().base().into())
    }

    /// Before the info part, and from it on.
    fn split(&self) -> (&str, &str) {
        let at = [":2,", "!2,"].iter().filter_map(|info| self.name.rfind(info)).max();
        self.name.split_at(at.unwrap_or(self.name.len()))
    }

    pub(crate) fn letters(&self) -> &str {
        self.split().1.get(3..).unwrap_or_default().split(',').next().unwrap_or_default()
    }
}

impl Mailer {
    pub(crate) fn new(root: &Path, separator: char) -> Mailer {
        Mailer { root: root.to_owned(), separator, info: ':', written: Arc::default() }
    }

    pub(crate) fn directory(&self, folder: &str) -> PathBuf {
        self.root.join(folder.replace('/', &self.separator.to_string()))
    }

    pub(crate) fn has(&self, folder: &str) -> bool {
        self.directory(folder).join("cur").is_dir()
    }

    pub(crate) fn make(&self, folder: &str) {
        let directory = self.directory(folder);
        ["tmp", "new", "cur"].iter().for_each(|part| fs::create_dir_all(directory.join(part)).unwrap());
    }

    /// Removes a folder, not those below.
    pub(crate) fn remove_folder(&self, folder: &str) {
        ["tmp", "new", "cur"].iter().for_each(|part| drop(fs::remove_dir_all(self.directory(folder).join(part))));
        drop(fs::remove_file(self.directory(folder).join(TABLE)));
        drop(fs::remove_dir(self.directory(folder)));
    }

    /// Every message, in an order that does not depend on the disk.
    pub(crate) fn messages(&self) -> Vec<Letter> {
        FOLDERS.iter().flat_map(|folder| self.in_folder(folder)).collect()
    }

    fn in_folder(&self, folder: &'static str) -> Vec<Letter> {
        let mut found = Vec::new();
        for part in ["new", "cur"] {
            let Ok(entries) = fs::read_dir(self.directory(folder).join(part)) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                let Ok(bytes) = fs::read(&path) else { continue };
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                found.push(Letter { folder, part, name, path, content: content_of(&bytes) });
            }
        }
        found.sort_by(|a, b| (a.content, &a.name).cmp(&(b.content, &b.name)));
        found
    }

    fn keywords(&self, folder: &str) -> BTreeMap<char, String> {
        let table = fs::read_to_string(self.directory(folder).join(TABLE)).unwrap_or_default();
        let lines = table.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(slot, keyword)| (char::from(b'a' + slot.parse::<u8>().unwrap()), keyword.to_owned())).collect()
    }

    pub(crate) fn flags(&self, letter: &Letter) -> FlagSet {
        let keywords = self.keywords(letter.folder);
        let meaning = |letter: char| match LETTERS.iter().find(|(_, known)| *known == letter) {
            Some((flag, _)) => Some(*flag),
            None => keywords.get(&letter).and_then(|word| FLAGS.into_iter().find(|flag| flag == word)),
        };
        letter.letters().chars().filter_map(meaning).collect()
    }

    /// Whether a file has a small letter that stands for nothing.
    pub(crate) fn has_strays(&self) -> bool {
        let stray = |letter: &Letter| {
            let keywords = self.keywords(letter.folder);
            letter.letters().chars().any(|one| one.is_ascii_lowercase() && !keywords.contains_key(&one))
        };
        self.messages().iter().any(stray)
    }

    /// The letter of a flag in a folder; a keyword gets one, as from Dovecot, if nobody else is at work.
    fn letter_of(&self, folder: &'static str, flag: &str, alone: bool) -> Option<char> {
        if let Some((_, letter)) = LETTERS.iter().find(|(known, _)| *known == flag) {
            return Some(*letter);
        }
        let keywords = self.keywords(folder);
        if let Some((letter, _)) = keywords.iter().find(|(_, word)| *word == flag) {
            return Some(*letter);
        }
        let used: String = self.in_folder(folder).iter().map(|letter| letter.letters().to_owned()).collect();
        let free = ('a'..='z').find(|letter| !keywords.contains_key(letter) && !used.contains(*letter))?;
        if !alone {
            return None;
        }
        let table = self.directory(folder).join(TABLE);
        let slot = u32::from(free) - u32::from('a');
        let before = fs::read_to_string(&table).unwrap_or_default();
        fs::write(&table, format!("{before}{slot} {flag}\n")).unwrap();
        Some(free)
    }

    fn base(&self) -> String {
        format!("17000000{:03}.M1P2.host", self.written.fetch_add(1, Ordering::SeqCst))
    }

    /// Does what a user would; a message that is added is this one. `alone`: no sync runs.
    pub(crate) fn perform(&self, act: &LocalAct, content: Content, alone: bool) -> Vec<Deed> {
        match act {
            LocalAct::Deliver { folder, flags, name, crlf, .. } => {
                self.deliver(FOLDERS[*folder], *flags, *name, *crlf, content, alone).into_iter().collect()
            }
            LocalAct::Remove { which } => self.pick(which).map_or_else(Vec::new, |letter| self.remove(&letter)),
            LocalAct::Move { which, to, how } => self.move_away(which, FOLDERS[*to], *how),
            LocalAct::Copy { which, to, how } => self.copy(which, FOLDERS[*to], *how),
            LocalAct::Flag { which, flag } => self.toggle(which, FLAGS[*flag], alone),
            LocalAct::Look { which } => self.look(which),
            LocalAct::Edit { which, .. } => self.edit(which, content),
            LocalAct::Touch { which, days } => self.touch(which, *days),
            LocalAct::Letter { which, letter } => self.odd_letter(which, *letter),
            LocalAct::Create { folder } => {
                self.make(FOLDERS[*folder]);
                vec![Deed::Created { folder: FOLDERS[*folder].to_owned() }]
            }
        }
    }

    fn pick(&self, which: &Index) -> Option<Letter> {
        let mut all = self.messages();
        (!all.is_empty()).then(|| all.swap_remove(which.index(all.len())))
    }

    fn name(&self, folder: &str, kind: NewName) -> String {
        let base = self.base();
        match kind {
            NewName::Usual | NewName::Bare => base,
            NewName::Sized => format!("{base},S=123,W=125"),
            NewName::Lying(uid) => {
                let folder = folder.replace('/', &self.separator.to_string());
                format!("{base},U={uid},FMD5={}", digest(&folder))
            }
            NewName::Odd => format!("{base}.a+b=~"),
        }
    }

    fn deliver(
        &self,
        folder: &'static str,
        flags: u8,
        kind: NewName,
        crlf: bool,
        content: Content,
        alone: bool,
    ) -> Option<Deed> {
        // While a sync runs, nobody makes folders by the way.
        if !self.has(folder) {
            alone.then(|| self.make(folder))?;
        }
        let (name, mut flags) = (self.name(folder, kind), flags_of(flags));
        if kind == NewName::Bare {
            flags.clear();
        }
        flags.retain(|flag| LETTERS.iter().any(|(known, _)| known == flag));
        let letters: String =
            LETTERS.iter().filter(|(flag, _)| flags.contains(flag)).map(|(_, letter)| letter).collect();
        let (part, name) = match (kind, letters.is_empty()) {
            (NewName::Bare, _) => ("cur", name),
            (_, true) => ("new", name),
            (_, false) => ("cur", format!("{name}{}2,{letters}", self.info)),
        };
        let bytes = if crlf { with_crs(&octets(content)) } else { octets(content) };
        self.place(folder, part, &name, &bytes)?;
        Some(Deed::Added { folder: folder.to_owned(), content, flags })
    }

    /// A file as programs deliver it: written beside, then renamed.
    fn place(&self, folder: &str, part: &str, name: &str, bytes: &[u8]) -> Option<()> {
        let directory = self.directory(folder);
        let beside = directory.join("tmp").join(format!("user.{}", self.base()));
        fs::write(&beside, bytes).ok()?;
        fs::rename(beside, directory.join(part).join(name)).ok()
    }

    fn remove(&self, letter: &Letter) -> Vec<Deed> {
        if fs::remove_file(&letter.path).is_err() {
            return Vec::new();
        }
        vec![Deed::Removed { folder: letter.folder.to_owned(), id: letter.id(self.info), content: letter.content }]
    }

    fn move_away(&self, which: &Index, to: &'static str, how: Naming) -> Vec<Deed> {
        let letter = self.pick(which).filter(|letter| letter.folder != to && self.has(to));
        let Some((letter, target)) = letter.and_then(|letter| Some((letter.clone(), self.target(&letter, to, how)?)))
        else {
            return Vec::new();
        };
        if fs::rename(&letter.path, target).is_err() {
            return Vec::new();
        }
        let folder = letter.folder.to_owned();
        let moved = Deed::Moved {
            folder,
            id: letter.id(self.info),
            content: letter.content,
            to: to.to_owned(),
            own_name: how.keeps_base(),
        };
        if how == Naming::AsItWas { vec![moved] } else { vec![moved, Deed::Renamed] }
    }

    fn copy(&self, which: &Index, to: &'static str, how: Naming) -> Vec<Deed> {
        let letter = self.pick(which).filter(|_| self.has(to));
        let Some((letter, target)) = letter.and_then(|letter| Some((letter.clone(), self.target(&letter, to, how)?)))
        else {
            return Vec::new();
        };
        let Ok(bytes) = fs::read(&letter.path) else { return Vec::new() };
        let name = target.file_name().unwrap().to_str().unwrap();
        match self.place(to, letter.part, name, &bytes) {
            Some(()) => {
                vec![Deed::Copied { folder: to.to_owned(), content: letter.content, own_name: how.keeps_base() }]
            }
            None => Vec::new(),
        }
    }

    /// Where a file goes, if no message there has its name.
    fn target(&self, letter: &Letter, to: &'static str, how: Naming) -> Option<PathBuf> {
        let (stem, info) = letter.split();
        let mut parts = stem.split(',');
        let base = parts.next().unwrap_or_default();
        let kept = |part: &&str| match how {
            Naming::AsItWas | Naming::OtherBase => true,
            Naming::WithoutDigest => !part.starts_with("FMD5="),
            Naming::Unclaimed => !part.starts_with("FMD5=") && !part.starts_with("U="),
            Naming::Anew => false,
        };
        let attributes: String = parts.filter(kept).map(|part| format!(",{part}")).collect();
        let base = if how.keeps_base() { base.to_owned() } else { self.base() };
        let name = format!("{base}{attributes}{info}");
        let taken = self.in_folder(to).into_iter().any(|there| there.split().0.split(',').next() == Some(&base));
        (!taken).then(|| self.directory(to).join(letter.part).join(name))
    }

    /// Gives a file other letters; it is in `cur` then.
    fn rename(&self, letter: &Letter, letters: &str) -> Option<()> {
        let (stem, info) = letter.split();
        let separator = info.chars().next().unwrap_or(self.info);
        let after = info.get(3..).and_then(|info| info.find(',').map(|at| &info[at..])).unwrap_or_default();
        let target = self.directory(letter.folder).join("cur").join(format!("{stem}{separator}2,{letters}{after}"));
        if target.exists() { None } else { fs::rename(&letter.path, target).ok() }
    }

    fn toggle(&self, which: &Index, flag: &'static str, alone: bool) -> Vec<Deed> {
        let Some(letter) = self.pick(which) else { return Vec::new() };
        let Some(of_flag) = self.letter_of(letter.folder, flag, alone) else { return Vec::new() };
        let on = !letter.letters().contains(of_flag);
        let mut letters: Vec<char> = letter.letters().chars().filter(|letter| *letter != of_flag).collect();
        letters.extend(on.then_some(of_flag));
        letters.sort_unstable();
        match self.rename(&letter, &letters.into_iter().collect::<String>()) {
            None => Vec::new(),
            Some(()) => {
                let (folder, id) = (letter.folder.to_owned(), letter.id(self.info));
                vec![Deed::Flagged { folder, id, content: letter.content, flag, on }]
            }
        }
    }

    fn look(&self, which: &Index) -> Vec<Deed> {
        if let Some(letter) = self.pick(which).filter(|letter| letter.part == "new") {
            let letters = letter.letters().to_owned();
            self.rename(&letter, &letters);
        }
        Vec::new()
    }

    fn odd_letter(&self, which: &Index, odd: char) -> Vec<Deed> {
        let Some(letter) = self.pick(which) else { return Vec::new() };
        let has_meaning = self.keywords(letter.folder).contains_key(&odd);
        if !has_meaning && !letter.letters().contains(odd) {
            let letters = format!("{odd}{}", letter.letters());
            self.rename(&letter, &letters);
        }
        Vec::new()
    }

    fn edit(&self, which: &Index, content: Content) -> Vec<Deed> {
        let Some(letter) = self.pick(which) else { return Vec::new() };
        let name = format!("{}{}2,D", self.base(), self.info);
        if self.place(letter.folder, "cur", &name, &octets(content)).is_none() {
            return Vec::new();
        }
        let flags = FlagSet::from(["\\Draft"]);
        let mut deeds = vec![Deed::Added { folder: letter.folder.to_owned(), content, flags }];
        deeds.extend(self.remove(&letter));
        deeds
    }

    fn touch(&self, which: &Index, days: i64) -> Vec<Deed> {
        if let Some(letter) = self.pick(which)
            && let Ok(file) = fs::File::options().write(true).open(&letter.path)
        {
            let age = Duration::from_secs(days.unsigned_abs() * 86_400);
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        Vec::new()
    }

    /// Every file with its content, as another program sees it.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        collect(&self.root, &mut tree);
        tree
    }
}

fn collect(directory: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tree.insert(path.clone(), Vec::new());
            collect(&path, tree);
        } else {
            tree.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
}
