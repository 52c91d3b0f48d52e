//! What a listener must know of an account besides what happens in it, and who speaks. Values only.

use crate::settings::{AccountSettings, ImapSettings, Store};
use offlinesync_core::{Flags, PerSide, Side};
use std::collections::BTreeMap;
use std::fmt;

/// An account, as its user configured it.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Its name.
    pub account: String,
    /// The types of its repositories, in OfflineIMAP's words.
    pub types: PerSide<&'static str>,
    /// Their names.
    pub names: PerSide<String>,
    /// Where they are reached: host and port, or `tunnel` and the command.
    pub endpoints: PerSide<Option<(String, String)>>,
    /// Letters that stand for keywords in the names of Maildir files.
    pub letters: BTreeMap<String, char>,
    /// Sides that are not changed.
    pub read_only: PerSide<bool>,
    /// Nothing is told of folders that their server keeps read-only.
    pub ignore_read_only: bool,
    /// Nothing is changed.
    pub dry_run: bool,
    /// One thing after the other.
    pub single: bool,
}

impl Scene {
    /// What the settings say.
    pub fn new(settings: &AccountSettings, single: bool) -> Scene {
        let repositories = settings.repositories.as_ref();
        let mut types = repositories.map(|repository| repository.type_);
        if matches!(types.local, "IMAP" | "Gmail") {
            types.local = "MappedIMAP";
        }
        Scene {
            account: settings.name.clone(),
            types,
            names: repositories.map(|repository| repository.name.clone()),
            endpoints: repositories.map(|repository| match &repository.store {
                Store::Imap(settings) => Some(endpoint(settings)),
                Store::Maildir(_) => None,
            }),
            letters: Side::BOTH.into_iter().flat_map(|side| letters(&repositories[side].store)).collect(),
            read_only: settings.policy.read_only,
            ignore_read_only: settings.ignore_read_only,
            dry_run: settings.policy.dry_run,
            single,
        }
    }

    /// Each flag as OfflineIMAP calls it: a letter; a keyword without a letter by its name.
    pub fn flag_names(&self, flags: &Flags) -> Vec<String> {
        let letter = |keyword: &str| match self.letters.get(&keyword.to_ascii_lowercase()) {
            Some(letter) => letter.to_string(),
            None => keyword.to_owned(),
        };
        flags.system.letters().map(String::from).chain(flags.keywords.iter().map(letter)).collect()
    }

    /// Whether a side's messages come from a server.
    pub fn is_imap(&self, side: Side) -> bool {
        self.endpoints[side].is_some()
    }
}

fn endpoint(settings: &ImapSettings) -> (String, String) {
    match &settings.tunnel {
        Some(tunnel) => ("tunnel".to_owned(), tunnel.command.clone()),
        None => (settings.host.clone(), settings.port.to_string()),
    }
}

fn letters(store: &Store) -> BTreeMap<String, char> {
    match store {
        Store::Maildir(settings) => {
            settings.custom_flags.iter().map(|(letter, keyword)| (keyword.to_ascii_lowercase(), *letter)).collect()
        }
        Store::Imap(_) => BTreeMap::new(),
    }
}

/// Who speaks. Shown as OfflineIMAP names its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// The program itself.
    Program,
    /// An account.
    Account(&'a str),
    /// A folder of an account, by its remote name.
    Folder {
        /// The account.
        account: &'a str,
        /// The folder.
        folder: &'a str,
    },
    /// The copying of a message.
    Copy {
        /// The account.
        account: &'a str,
        /// The repository it comes from.
        repository: &'a str,
        /// The folder it comes from.
        folder: &'a str,
    },
}

impl<'a> Who<'a> {
    /// The account that it is about.
    pub fn account(self) -> Option<&'a str> {
        match self {
            Who::Program => None,
            Who::Account(account) | Who::Folder { account, .. } | Who::Copy { account, .. } => Some(account),
        }
    }
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Program => f.write_str("MainThread"),
            Who::Account(account) => write!(f, "Account sync {account}"),
            Who::Folder { account, folder } => write!(f, "Folder {folder} [acc: {account}]"),
            Who::Copy { repository, folder, .. } => write!(f, "Copy message from {repository}:{folder}"),
        }
    }
}
