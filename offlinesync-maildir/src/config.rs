//! How a Maildir is set up: [`MaildirConfig`], and the checks on it. No file is touched.

use crate::disk::Disk;
use crate::name;
use offlinesync_core::{Cancel, Error, ErrorKind, Observer, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Turns a folder's name into the name whose MD5 stands in its messages' file names.
pub type DigestName = dyn Fn(&str) -> String + Send + Sync;

/// Reads the date that the author gave a message from its header block: seconds since 1970-01-01T00:00:00Z.
pub type HeaderDate = dyn Fn(&[u8]) -> Option<i64> + Send + Sync;

/// How one tree of Maildirs is laid out and written. Make it with [`MaildirConfig::new`] and change what shall differ.
#[derive(Clone)]
#[non_exhaustive]
pub struct MaildirConfig {
    /// Name of the repository, for messages.
    pub name: String,
    /// Directory that holds the folders.
    pub root: PathBuf,
    /// `/`: folders are nested directories. Any other character (`.` as OfflineIMAP has it): every folder is a directory right
    /// below the root, named as the folder is, and this character stands between the levels of its name.
    pub separator: char,
    /// What stands before `2,` in file names: `:`, or `!` on file systems of Windows.
    pub info_separator: char,
    /// Whether what a call has done must survive a power failure before it returns.
    pub fsync: bool,
    /// Whether the modification time of a file is the time the message arrived: set on delivery, read back on fetch.
    pub file_time: bool,
    /// Names of files delivered begin with the date in the message's header instead of its arrival (`filename_use_mail_timestamp`).
    pub name_from_header: bool,
    /// The modification time of files delivered is the date in the message's header (`utime_from_header`).
    pub time_from_header: bool,
    /// Reads that date; this crate knows no mail format. Without it the two options above do nothing.
    pub header_date: Option<Arc<HeaderDate>>,
    /// Whether a directory keeps its inode and time of birth as long as it exists. `false`, for file systems that number directories anew at
    /// each mount: a directory that is another one tells nothing.
    pub stable_directories: bool,
    /// Lower-case letters and the keywords they stand for in every folder, before what a `dovecot-keywords` file says.
    pub custom_flags: BTreeMap<char, String>,
    /// The name of a folder that goes into `FMD5`; `None`: its own name. OfflineIMAP takes the name after the local `nametrans`.
    pub digest_name: Option<Arc<DigestName>>,
    /// Who hears of oddities that stop nothing.
    pub observer: Arc<dyn Observer>,
    /// Ends the few waits there are.
    pub cancel: Cancel,
    pub(crate) disk: Disk,
}

impl MaildirConfig {
    /// A flat layout with `.`, `:` before the info part, everything durable, file times kept.
    pub fn new(name: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        MaildirConfig {
            name: name.into(),
            root: root.into(),
            separator: '.',
            info_separator: ':',
            fsync: true,
            file_time: true,
            name_from_header: false,
            time_from_header: false,
            header_date: None,
            stable_directories: true,
            custom_flags: BTreeMap::new(),
            digest_name: None,
            observer: Arc::new(()),
            cancel: Cancel::new(),
            disk: Disk::default(),
        }
    }

    /// The same with another folder separator; `/` for nested directories.
    #[must_use]
    pub fn with_separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// The same with a listener for warnings.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Who reads the date in a header, if anyone asks for it.
    pub(crate) fn header_date(&self) -> Option<&Arc<HeaderDate>> {
        self.header_date.as_ref().filter(|_| self.name_from_header || self.time_from_header)
    }

    /// The same with somebody who is asked about every change on the disk.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn crate::testing::Watch>) -> Self {
        self.disk.watch = Some(watch);
        self
    }

    /// Refuses values under which names could not be read back.
    pub(crate) fn check(&self) -> Result<()> {
        let separator = self.info_separator;
        if !separator.is_ascii_punctuation() || ",./_-=".contains(separator) {
            return Err(self.wrong(format!("{separator:?} cannot separate the info part of a file name")));
        }
        if self.separator.is_control() || self.separator.is_alphanumeric() {
            return Err(self.wrong(format!("{:?} cannot separate the levels of a folder name", self.separator)));
        }
        match self.custom_flags.keys().find(|letter| !letter.is_ascii_lowercase()) {
            Some(letter) => Err(self.wrong(format!("{letter:?} cannot stand for a keyword, only a to z can"))),
            None => Ok(()),
        }
    }

    fn wrong(&self, message: String) -> Error {
        Error::new(ErrorKind::Configuration, message).at(&self.name)
    }

    /// What `FMD5` is in a folder of this name.
    pub(crate) fn digest(&self, folder: &str) -> String {
        match &self.digest_name {
            Some(rename) => name::digest(&rename(folder)),
            None => name::digest(folder),
        }
    }

    /// Distinguishes listings made under settings that read the same files differently.
    pub(crate) fn reading(&self) -> [u8; 4] {
        let custom: String = self.custom_flags.iter().map(|(l, k)| format!("{l} {k}\n")).collect();
        let digest = name::short_digest(&format!("{}\n{custom}", self.info_separator));
        u32::from_str_radix(&digest, 16).unwrap_or(0).to_be_bytes()
    }
}

impl fmt::Debug for MaildirConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaildirConfig").field("name", &self.name).field("root", &self.root).finish_non_exhaustive()
    }
}
