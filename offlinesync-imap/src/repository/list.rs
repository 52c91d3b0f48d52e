//! The exchanges that ask which folders there are, and that create one.

use crate::codec::decoder::Item;
use crate::codec::mailbox_name::{self, NameForm};
use crate::codec::response::{Code, Data, ListEntry, MailboxStatus, Response, Tagged};
use crate::codec::utf7;
use crate::commands::mailbox::{self, ListForm};
use crate::commands::{is_ok, refusal, require_ok};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use crate::folder::state::witness;
use offlinesync_core::{Error, ErrorKind, FolderEntry, FolderList, FolderName, Result};
use std::collections::{BTreeMap, BTreeSet};

/// More folders than this are no answer.
const MOST_FOLDERS: usize = 100_000;

/// Octets of a mailbox's id at most (RFC 8474 section 4 allows 255).
const LONGEST_ID: usize = 255;

/// So many STATUS commands are under way at most.
const STATUS_AHEAD: usize = 500;

/// All folders with their states: in one flight where the server offers LIST-STATUS, else in two.
#[derive(Debug)]
pub(super) struct List {
    reference: String,
    subscribed_only: bool,
    /// Wanted though they may not be listed.
    extra: Vec<FolderName>,
    form: NameForm,
    list_form: Option<ListForm>,
    stage: Stage,
    separator: Option<char>,
    entries: Vec<(FolderName, ListEntry)>,
    subscribed: BTreeSet<FolderName>,
    states: BTreeMap<FolderName, MailboxStatus>,
    to_ask: Vec<FolderName>,
    failed: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many of LIST and LSUB are still to be answered.
    Names(usize),
    States,
}

impl List {
    /// The same with folders that are asked for by name if they are not listed.
    #[must_use]
    pub(super) fn with_extra(mut self, names: &[String]) -> Self {
        self.extra = names.iter().map(|name| FolderName::from(name.as_str())).collect();
        self
    }

    pub(super) fn new(reference: &str, subscribed_only: bool, form: NameForm) -> Self {
        List {
            extra: Vec::new(),
            reference: reference.to_owned(),
            subscribed_only,
            form,
            list_form: None,
            stage: Stage::Names(0),
            separator: None,
            entries: Vec::new(),
            subscribed: BTreeSet::new(),
            states: BTreeMap::new(),
            to_ask: Vec::new(),
            failed: None,
        }
    }

    fn ask_names(&mut self, list_form: ListForm) -> Vec<Command> {
        self.list_form = Some(list_form);
        self.entries.clear();
        self.subscribed.clear();
        let mut commands = vec![list_form.list(&self.reference, self.subscribed_only, self.form)];
        if self.subscribed_only && !list_form.subscribed_by_list {
            commands.push(mailbox::lsub(&self.reference, self.form));
        }
        self.stage = Stage::Names(commands.len());
        commands
    }

    fn name(&self, wire: &[u8]) -> FolderName {
        match wire.eq_ignore_ascii_case(b"INBOX") {
            true => FolderName::from("INBOX"),
            false => mailbox_name::decode(wire, self.form),
        }
    }

    fn note(&mut self, data: Data) {
        match data {
            Data::List(entry) => {
                self.separator = self.separator.or(entry.separator);
                self.entries.push((self.name(&entry.name), entry));
            }
            Data::Lsub(entry) => {
                self.subscribed.insert(self.name(&entry.name));
            }
            Data::Status(status) => {
                self.states.insert(self.name(&status.name), status);
            }
            _ => {}
        }
    }

    fn names_ended(&mut self, left: usize, tagged: &Tagged) -> Vec<Command> {
        let Some(list_form) = self.list_form else { return Vec::new() };
        if !is_ok(tagged) {
            if list_form != list_form.plain() && left == 0 {
                // It offers more than it understands.
                return self.ask_names(list_form.plain());
            }
            let error = refusal("the folders could not be listed", tagged, ErrorKind::Unavailable);
            self.failed.get_or_insert(error);
        }
        self.stage = Stage::Names(left);
        if left > 0 || self.failed.is_some() {
            return Vec::new();
        }
        self.stage = Stage::States;
        if !list_form.with_status {
            self.to_ask =
                self.shown().filter(|(_, entry)| mailbox::is_selectable(entry)).map(|(name, _)| name).collect();
        }
        let shown: BTreeSet<FolderName> = self.shown().map(|(name, _)| name).collect();
        self.extra.retain(|name| !shown.contains(name));
        self.to_ask.extend(self.extra.iter().cloned());
        self.to_ask.reverse();
        self.ask_states(STATUS_AHEAD)
    }

    fn ask_states(&mut self, count: usize) -> Vec<Command> {
        let Some(list_form) = self.list_form else { return Vec::new() };
        let keep = self.to_ask.len().saturating_sub(count);
        self.to_ask.split_off(keep).iter().rev().map(|name| list_form.status(name, self.form)).collect()
    }

    /// The listed folders that are wanted, each once.
    fn shown(&self) -> impl Iterator<Item = (FolderName, &ListEntry)> {
        let mut seen = BTreeSet::new();
        let by_lsub = self.subscribed_only && self.list_form.is_some_and(|form| !form.subscribed_by_list);
        let wanted = move |name: &FolderName| !by_lsub || self.subscribed.contains(name);
        self.entries
            .iter()
            .filter(move |(name, _)| wanted(name) && seen.insert(name))
            .map(|(name, entry)| (name.clone(), entry))
    }

    /// The list.
    pub(super) fn finish(mut self) -> Result<FolderList> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut folders: Vec<FolderEntry> = self.shown().map(|(name, entry)| self.entry(name, entry)).collect();
        let found = self.extra.iter().filter(|name| self.states.contains_key(name));
        folders.extend(found.map(|name| self.with_state(FolderEntry::named(name.clone()))));
        Ok(FolderList { separator: self.separator, folders })
    }

    fn entry(&self, name: FolderName, entry: &ListEntry) -> FolderEntry {
        self.with_state(FolderEntry {
            selectable: mailbox::is_selectable(entry),
            special_use: mailbox::special_use(entry),
            ..FolderEntry::named(name)
        })
    }

    fn with_state(&self, entry: FolderEntry) -> FolderEntry {
        let state = self.states.get(&entry.name);
        let told =
            |state: &MailboxStatus| witness(state.uid_validity, state.uid_next, state.messages, state.highest_mod_seq);
        let identity = |state: &MailboxStatus| {
            state.mailbox_id.as_ref().filter(|id| id.len() <= LONGEST_ID).map(|id| id.as_bytes().into())
        };
        FolderEntry {
            witness: state.and_then(told),
            messages: state.and_then(|state| state.messages),
            identity: state.and_then(identity),
            ..entry
        }
    }
}

impl Exchange for List {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.form.utf8 = session.utf8;
        Ok(self.ask_names(ListForm::of(session)))
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        if let Item::Response(Response::Data(data)) = item {
            self.note(data);
        }
        if self.entries.len().max(self.subscribed.len()).max(self.states.len()) <= MOST_FOLDERS {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Protocol, format!("the server listed more than {MOST_FOLDERS} folders")))
    }

    fn ended(&mut self, _: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        Ok(match self.stage {
            Stage::Names(left) => self.names_ended(left.saturating_sub(1), &tagged),
            // A folder without a state is a folder of which it is not known.
            Stage::States => self.ask_states(1),
        })
    }
}

/// Creates a folder and subscribes to it.
#[derive(Debug)]
pub(super) struct Create {
    name: FolderName,
    form: NameForm,
    refused: Option<Error>,
    exists: bool,
    /// The server says that it has such a folder, and does not list it.
    taken: bool,
    has_namespaces: bool,
    /// How the names of all of the user's own folders begin.
    prefix: Option<FolderName>,
}

impl Create {
    pub(super) fn new(name: &FolderName, form: NameForm) -> Self {
        Create {
            name: name.clone(),
            form,
            refused: None,
            exists: false,
            taken: false,
            has_namespaces: false,
            prefix: None,
        }
    }

    /// Whether the folder is there now.
    pub(super) fn finish(mut self) -> Result<()> {
        match self.refused.take() {
            Some(error) if !self.exists => Err(self.explained(error)),
            _ => Ok(()),
        }
    }

    /// Likely reasons why a server does not want a name: it takes it for that of another folder, it is none on the wire, or the server
    /// keeps folders under other names.
    fn explained(&self, error: Error) -> Error {
        let name = self.name.as_str();
        if self.taken {
            return error.with_hint(
                "the server takes the name for that of another folder, perhaps one that differs in capital letters only: rename one of them, translate one with nametrans in both repositories, or leave one out with folderfilter",
            );
        }
        let sound = name.is_ascii() && utf7::decode(name.as_bytes()).is_some();
        if !self.form.decoded && !sound {
            return error.with_hint(format!(
                "folder names are those that servers use (modified UTF-7): call the folder '{}', or set utf8foldernames = yes",
                utf7::encode(name)
            ));
        }
        match self.prefix.as_ref().map(FolderName::as_str) {
            Some(prefix) if !name.starts_with(prefix) => error.with_hint(format!(
                "the names of your folders begin with '{prefix}' on this server: call the folder so, or translate names with nametrans in both repositories"
            )),
            _ => error,
        }
    }
}

impl Exchange for Create {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.form.utf8 = session.utf8;
        self.has_namespaces = session.capabilities.contains("NAMESPACE");
        Ok(vec![mailbox::create(&self.name, self.form), mailbox::subscribe(&self.name, self.form)])
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(Data::List(entry))) => {
                let is_it = mailbox_name::decode(&entry.name, self.form) == self.name;
                self.exists |= is_it && mailbox::is_selectable(&entry);
                self.taken &= !is_it;
            }
            Item::Response(Response::Data(Data::Namespace { personal, .. })) => {
                self.prefix = personal.first().map(|own| mailbox_name::decode(&own.prefix, self.form));
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if index != 0 {
            return Ok(Vec::new());
        }
        self.refused = require_ok("it was not created", &tagged, ErrorKind::Folder).err();
        if self.refused.is_none() {
            return Ok(Vec::new());
        }
        // Not every server says in its code that the folder is there already, and one that does may mean a folder of another name: two
        // that differ in case only are one to it. So the list decides.
        self.taken = matches!(tagged.status.code, Some(Code::AlreadyExists));
        let mut asked = vec![mailbox::list_one(&self.name, self.form)];
        asked.extend(self.has_namespaces.then(mailbox::namespace));
        Ok(asked)
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
