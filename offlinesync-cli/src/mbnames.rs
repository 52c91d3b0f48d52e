//! The list of mailboxes for mail readers. Writes one file of names for each account under the metadata directory, and the list made
//! of all of them.

use crate::config::pyexpr::Expression;
use crate::metadata;
use crate::settings::MailboxList;
use offlinesync_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A mailbox on the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mailbox {
    /// The account.
    pub account: String,
    /// The folder, as it is called on this machine.
    pub folder: String,
    /// The directory of the Maildir.
    pub directory: String,
}

/// Keeps the list.
#[derive(Debug)]
pub struct Mailboxes {
    settings: Option<MailboxList>,
    directory: PathBuf,
    turn: Mutex<()>,
}

impl Mailboxes {
    /// A keeper of the files under this metadata directory; without settings it keeps nothing.
    pub fn new(settings: Option<MailboxList>, metadata: &Path) -> Self {
        Mailboxes { settings, directory: metadata.join("mbnames"), turn: Mutex::default() }
    }

    /// Replaces what is known of an account, and writes the list anew.
    ///
    /// # Errors
    /// Kind `Storage`: a file cannot be written. `Configuration`: an expression fails.
    pub fn replace(&self, account: &str, mailboxes: &[Mailbox]) -> Result<()> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        metadata::create(&self.directory, false)?;
        let items: Vec<Value> = mailboxes.iter().map(to_json).collect();
        write(&self.directory.join(format!("{account}.json")), &Value::Array(items).to_string())?;
        self.write_list(settings)
    }

    /// Forgets the accounts that are not among these, all if there is no list to be written; writes the list anew. Answers which.
    ///
    /// # Errors
    /// As [`Mailboxes::replace`].
    pub fn prune(&self, accounts: &[String], dry_run: bool) -> Result<Vec<PathBuf>> {
        let mut pruned = Vec::new();
        for path in self.files()? {
            let account = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if self.settings.is_some() && accounts.contains(&account) {
                continue;
            }
            if !dry_run {
                fs::remove_file(&path).map_err(|error| Error::io(path.display(), error, ErrorKind::Storage))?;
            }
            pruned.push(path);
        }
        match &self.settings {
            Some(settings) if !dry_run => self.write_list(settings)?,
            _ => {}
        }
        Ok(pruned)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(self.directory.display(), error, ErrorKind::Storage)),
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        Ok(files)
    }

    fn write_list(&self, settings: &MailboxList) -> Result<()> {
        let mut mailboxes = Vec::new();
        for path in self.files()? {
            let text =
                fs::read_to_string(&path).map_err(|error| Error::io(path.display(), error, ErrorKind::Storage))?;
            let known: Value = serde_json::from_str(&text).unwrap_or_default();
            mailboxes.extend(known.as_array().into_iter().flatten().filter_map(from_json));
        }
        write(&settings.file, &settings.list(mailboxes)?)
    }
}

fn to_json(mailbox: &Mailbox) -> Value {
    json!({ "accountname": mailbox.account, "foldername": mailbox.folder, "localfolders": mailbox.directory })
}

fn from_json(value: &Value) -> Option<Mailbox> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Mailbox { account: text("accountname")?, folder: text("foldername")?, directory: text("localfolders")? })
}

impl MailboxList {
    /// The whole text.
    fn list(&self, mut mailboxes: Vec<Mailbox>) -> Result<String> {
        mailboxes.sort();
        mailboxes.dedup();
        if let Some(filter) = &self.filter {
            let mut kept = Vec::new();
            for mailbox in mailboxes {
                let wanted = filter.call_for_truth(&[&mailbox.account, &mailbox.folder]);
                if wanted.map_err(|error| self.failed("folderfilter", &error))? {
                    kept.push(mailbox);
                }
            }
            mailboxes = kept;
        }
        let order = self.order(&mailboxes)?;
        let items: Vec<String> =
            order.into_iter().filter_map(|at| mailboxes.get(at)).map(|mailbox| self.item(mailbox)).collect();
        Ok(format!("{}{}{}", self.header, items.join(&self.separator), self.footer))
    }

    fn item(&self, mailbox: &Mailbox) -> String {
        let Mailbox { account, folder, directory } = mailbox;
        let parts = [("%(accountname)s", account), ("%(foldername)s", folder), ("%(localfolders)s", directory)];
        let (mut item, mut rest) = (String::new(), self.per_item.as_str());
        while let Some(at) = rest.find('%') {
            item.push_str(&rest[..at]);
            rest = &rest[at..];
            let part = parts.iter().find(|(name, _)| rest.starts_with(name));
            let (text, length) = part.map_or(("%", 1), |(name, value)| (value.as_str(), name.len()));
            item.push_str(text);
            rest = &rest[length..];
        }
        item + rest
    }

    /// The order that `sort_keyfunc` wants: the function is applied to dictionaries, as it expects them.
    fn order(&self, mailboxes: &[Mailbox]) -> Result<Vec<usize>> {
        let Some(key) = &self.sort_key else { return Ok((0..mailboxes.len()).collect()) };
        let dictionary = |(at, mailbox): (usize, &Mailbox)| {
            let Mailbox { account, folder, directory } = mailbox;
            let [account, folder, directory] = [account, folder, directory].map(|text| literal(text));
            format!("{{'accountname': {account}, 'foldername': {folder}, 'localfolders': {directory}, 'at': '{at}'}}")
        };
        let all: Vec<String> = mailboxes.iter().enumerate().map(dictionary).collect();
        let sorted = format!("[d['at'] for d in sorted([{}], key=({key}\n))]", all.join(", "));
        let places = Expression::parse(&sorted).and_then(|sorted| sorted.strings());
        let places = places.map_err(|error| self.failed("sort_keyfunc", &error))?;
        Ok(places.iter().filter_map(|at| at.parse().ok()).collect())
    }

    fn failed(&self, option: &str, error: &dyn std::fmt::Display) -> Error {
        self.place.error(format!("`{option}` in [mbnames] fails: {error}; the list was not written"))
    }
}

/// A Python string.
fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// Replaces a file as a whole, so that a mail reader never sees half of it.
fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |error| Error::io(path.display(), error, ErrorKind::Storage);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".offlinesync-tmp");
    let beside = PathBuf::from(beside);
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::collections::HashMap;

    const TEXT: &str = "[mbnames]\nenabled = yes\nfilename = ~/list\nheader = \"mailboxes \"\n\
                        peritem = \"+%(accountname)s/%(foldername)s\"\nsep = \" \"\nfooter = \"\\n\"\n";

    fn settings(more: &str) -> MailboxList {
        let config = Config::parse(format!("{TEXT}{more}").as_bytes(), &"file".into()).unwrap();
        MailboxList::read(&config, &HashMap::from([("HOME", "/h")])).unwrap().unwrap()
    }

    fn mailbox(account: &str, folder: &str) -> Mailbox {
        Mailbox { account: account.into(), folder: folder.into(), directory: "/m".into() }
    }

    #[test]
    fn the_list_is_that_of_offlineimap_quotes_included() {
        let list = settings("").list(vec![mailbox("b", "Sent"), mailbox("a", "INBOX")]).unwrap();
        assert_eq!(list, "mailboxes \"+a/INBOX\" \"+b/Sent\"\n");
        let percent = MailboxList { per_item: "100% %(localfolders)s %(x)s".into(), ..settings("") };
        assert_eq!(percent.item(&mailbox("a", "f")), "100% /m %(x)s");
    }

    #[test]
    fn functions_filter_and_sort_it() {
        let some = settings(
            "folderfilter = lambda a, f: f != 'Trash'\nsort_keyfunc = lambda d: (-len(d['foldername']), d['accountname'])\n",
        );
        let all = vec![mailbox("a", "it's"), mailbox("a", "Trash"), mailbox("b", "Inbox"), mailbox("c", "Sents")];
        assert_eq!(some.list(all).unwrap(), "mailboxes \"+b/Inbox\" \"+c/Sents\" \"+a/it's\"\n");
        let wrong = settings("sort_keyfunc = lambda d: d['nothing']\n");
        let error = wrong.list(vec![mailbox("a", "x"), mailbox("a", "y")]).unwrap_err();
        assert!(error.to_string().contains("`sort_keyfunc` in [mbnames] fails"), "{error}");
    }

    #[test]
    fn accounts_keep_their_names_until_they_are_pruned() {
        let home = tempfile::tempdir().unwrap();
        let keeper = || {
            let file = home.path().join("list");
            Mailboxes::new(Some(MailboxList { file, ..settings("") }), home.path())
        };
        let list = || fs::read_to_string(home.path().join("list")).unwrap();
        keeper().replace("a", &[mailbox("a", "INBOX")]).unwrap();
        keeper().replace("ab", &[mailbox("ab", "INBOX")]).unwrap();
        assert_eq!(list(), "mailboxes \"+a/INBOX\" \"+ab/INBOX\"\n");
        assert_eq!(keeper().prune(&["ab".into()], true).unwrap().len(), 1);
        assert_eq!(keeper().prune(&["ab".into()], false).unwrap(), [home.path().join("mbnames/a.json")]);
        assert_eq!(list(), "mailboxes \"+ab/INBOX\"\n");
        assert_eq!(Mailboxes::new(None, home.path()).prune(&["ab".into()], false).unwrap().len(), 1);
    }
}
