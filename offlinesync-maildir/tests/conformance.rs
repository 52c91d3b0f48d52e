//! The conformance suite on Maildirs in several settings, with another mail client that knows nothing of this crate.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::testing::suite::{Fixture, Traits, as_file};
use offlinesync_core::testing::{Client, DatePrecision, Held};
use offlinesync_core::{Flags, FolderName, InternalDate, LineEnding, MessageId, Repository, SystemFlags};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

struct Mail {
    directory: TempDir,
    change: fn(&mut MaildirConfig),
}

impl Mail {
    fn new(change: fn(&mut MaildirConfig)) -> Self {
        Mail { directory: tempfile::tempdir().unwrap(), change }
    }

    fn config(&self) -> MaildirConfig {
        let mut config = MaildirConfig::new("maildir", self.directory.path());
        (self.change)(&mut config);
        config
    }
}

impl Fixture for Mail {
    fn repository(&self) -> Arc<dyn Repository> {
        Arc::new(MaildirRepository::new(self.config()).unwrap())
    }

    fn client(&self) -> Box<dyn Client> {
        let config = self.config();
        Box::new(Mutt { root: self.directory.path().to_owned(), separator: config.info_separator, delivered: 0 })
    }

    fn traits(&self) -> Traits {
        let config = self.config();
        Traits {
            separator: Some(config.separator),
            numbered: false,
            native: LineEnding::Lf,
            dates: if config.file_time { DatePrecision::Seconds } else { DatePrecision::Nothing },
            deltas: false,
            // A file goes to its place as soon as it is whole.
            holds_back: false,
            tells_ids: true,
            accepts_name: |name| !["cur", "new", "tmp"].contains(&name) && !name.contains('/'),
            becomes: as_file,
            ..Traits::default()
        }
    }
}

/// A mail client in the manner of mutt: delivers through `tmp`, moves what it has read to `cur`, keeps flags in names and keywords
/// as Dovecot does.
struct Mutt {
    root: PathBuf,
    separator: char,
    delivered: u32,
}

impl Mutt {
    fn directory(&self, folder: &FolderName) -> PathBuf {
        self.root.join(folder.as_str())
    }

    fn files(&self, folder: &FolderName) -> Vec<PathBuf> {
        let read = |sub| fs::read_dir(self.directory(folder).join(sub)).unwrap().map(|e| e.unwrap().path());
        read("new").chain(read("cur")).collect()
    }

    fn base(&self, path: &Path) -> String {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split([',', self.separator]).next().unwrap().to_owned()
    }

    fn find(&self, folder: &FolderName, id: &MessageId) -> PathBuf {
        self.files(folder).into_iter().find(|path| self.base(path) == id.to_string()).unwrap()
    }

    fn keywords(&self, folder: &FolderName) -> Vec<String> {
        let table = fs::read_to_string(self.directory(folder).join("dovecot-keywords")).unwrap_or_default();
        table.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    fn letter(&self, folder: &FolderName, keyword: &str) -> char {
        let mut known = self.keywords(folder);
        let at = known.iter().position(|k| k.eq_ignore_ascii_case(keyword)).unwrap_or_else(|| {
            known.push(keyword.to_owned());
            let table: String = known.iter().enumerate().map(|(n, keyword)| format!("{n} {keyword}\n")).collect();
            fs::write(self.directory(folder).join("dovecot-keywords"), table).unwrap();
            known.len() - 1
        });
        char::from(b'a' + u8::try_from(at).unwrap())
    }

    fn letters(&self, folder: &FolderName, flags: &Flags) -> String {
        let keywords = flags.keywords.iter().map(|keyword| self.letter(folder, keyword));
        flags.system.letters().chain(keywords).collect()
    }

    fn flags(&self, folder: &FolderName, path: &Path) -> Flags {
        let name = path.file_name().unwrap().to_str().unwrap();
        let letters = name.split_once(&format!("{}2,", self.separator)).map_or("", |(_, letters)| letters);
        let known = self.keywords(folder);
        let mut flags = Flags::default();
        for letter in letters.chars() {
            match SystemFlags::from_letter(letter) {
                Some(flag) => flags.system = flags.system.union(flag),
                None => flags.keywords.insert(&known[usize::from(u8::try_from(letter).unwrap() - b'a')]),
            }
        }
        flags
    }
}

impl Client for Mutt {
    fn add(&mut self, folder: &FolderName, raw: &[u8], flags: &Flags, date: Option<InternalDate>) -> MessageId {
        self.delivered += 1;
        let base = format!("1600000000.M{}P1.host", self.delivered);
        let temporary = self.directory(folder).join("tmp").join(&base);
        fs::write(&temporary, raw).unwrap();
        if let Some(date) = date {
            filetime::set_file_mtime(&temporary, filetime::FileTime::from_unix_time(date.seconds, 0)).unwrap();
        }
        let place = match self.letters(folder, flags) {
            letters if letters.is_empty() => format!("new/{base}"),
            letters => format!("cur/{base}{}2,{letters}", self.separator),
        };
        fs::rename(temporary, self.directory(folder).join(place)).unwrap();
        MessageId::Name(base.into())
    }

    fn remove(&mut self, folder: &FolderName, id: &MessageId) {
        fs::remove_file(self.find(folder, id)).unwrap();
    }

    fn set_flags(&mut self, folder: &FolderName, id: &MessageId, flags: &Flags) {
        let path = self.find(folder, id);
        let name = path.file_name().unwrap().to_str().unwrap();
        let stem = name.split(self.separator).next().unwrap();
        let renamed = format!("cur/{stem}{}2,{}", self.separator, self.letters(folder, flags));
        fs::rename(&path, self.directory(folder).join(renamed)).unwrap();
    }

    fn list(&mut self, folder: &FolderName) -> Vec<(MessageId, Held)> {
        let held = |path: &PathBuf| {
            let seconds = fs::metadata(path).unwrap().mtime();
            let date = Some(InternalDate { seconds, zone_minutes: 0 });
            Held { octets: fs::read(path).unwrap(), flags: self.flags(folder, path), date }
        };
        self.files(folder).iter().map(|path| (MessageId::Name(self.base(path).into()), held(path))).collect()
    }

    fn create(&mut self, folder: &FolderName) {
        ["cur", "new", "tmp"].iter().for_each(|sub| fs::create_dir_all(self.directory(folder).join(sub)).unwrap());
    }
}

mod flat {
    use super::*;
    offlinesync_core::conformance!(Mail::new(|_| {}));
}

mod nested {
    use super::*;
    offlinesync_core::conformance!(Mail::new(|config| config.separator = '/'));
}

mod for_windows_without_fsync_and_file_times {
    use super::*;
    offlinesync_core::conformance!(Mail::new(|config| {
        config.info_separator = '!';
        config.fsync = false;
        config.file_time = false;
    }));
}
