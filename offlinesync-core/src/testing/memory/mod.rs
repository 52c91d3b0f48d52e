//! A repository in memory, whose knobs make it behave like an IMAP server, like a Maildir, or like neither.
//!
//! Cloning it gives the same store. Its own methods are those of "another client": they bypass the contracts that the engine
//! goes through, and panic when a test asks for what is not there.

mod client;
mod folder;
mod intake;
mod knobs;
mod state;

pub use client::MemoryClient;
pub use knobs::{ContentsKnob, Deltas, Knobs, WitnessKnob};

use super::client::{Client, Held};
use super::lines::in_form;
use crate::error::{Error, ErrorKind, Result};
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::{InternalDate, MessageId, UidValidity};
use crate::repository::{Folder, FolderEntry, FolderList, Repository, SpecialUse};
use folder::MemoryFolder;
use state::{Mailbox, State, Stored};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often each operation was called, or for messages: how many messages it was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls of [`Repository::list`].
    pub list: u64,
    /// Calls of [`Repository::create`].
    pub create: u64,
    /// Calls of [`Repository::open`].
    pub open: u64,
    /// Calls of [`Folder::changes`].
    pub changes: u64,
    /// Messages read with [`Folder::fetch`].
    pub fetched: u64,
    /// Messages whose header was read.
    pub headers: u64,
    /// Messages that were made durable by an intake.
    pub delivered: u64,
    /// Calls of an intake's commit.
    pub commits: u64,
    /// Messages in calls of [`Folder::store`].
    pub stored: u64,
    /// Messages in calls of [`Folder::remove`].
    pub removed: u64,
    /// Messages in calls of [`Folder::transfer`].
    pub transferred: u64,
    /// Messages in calls of [`Folder::note_partners`].
    pub noted: u64,
}

/// A store of folders in memory.
#[derive(Clone, Debug)]
pub struct MemoryRepository {
    name: Arc<str>,
    state: Arc<Mutex<State>>,
}

impl MemoryRepository {
    /// A store without folders.
    pub fn new(name: &str, knobs: Knobs) -> Self {
        MemoryRepository { name: name.into(), state: Arc::new(Mutex::new(State::new(knobs))) }
    }

    /// The same store with a folder (and its parents) in it.
    #[must_use]
    pub fn with_folder(self, folder: &str) -> Self {
        self.create_folder(folder);
        self
    }

    /// A mail client that works in this store.
    pub fn client(&self) -> Box<dyn Client> {
        Box::new(MemoryClient(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, folder: &str, act: impl FnOnce(&mut Mailbox, &Knobs) -> T) -> T {
        let mut state = self.state();
        let State { folders, knobs, .. } = &mut *state;
        let mailbox = folders.get_mut(&FolderName::from(folder));
        act(mailbox.unwrap_or_else(|| panic!("{} has no folder '{folder}'", self.name)), knobs)
    }

    /// The knobs as they are now.
    pub fn knobs(&self) -> Knobs {
        self.state().knobs.clone()
    }

    /// Turns knobs while the store is in use, as a server upgrade does.
    pub fn adjust(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut self.state().knobs);
    }

    /// What was called since the store was made or [`MemoryRepository::reset_calls`].
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// How many listings and how many changes of messages were asked of this store through its folders.
    pub fn work(&self) -> (u64, u64) {
        let calls = self.calls();
        (calls.changes, calls.delivered + calls.stored + calls.removed + calls.transferred)
    }

    /// Counts from zero again.
    pub fn reset_calls(&self) {
        self.state().calls = Calls::default();
    }

    /// The names of all folders, sorted.
    pub fn folder_names(&self) -> Vec<String> {
        self.state().folders.keys().map(|name| name.as_str().to_owned()).collect()
    }

    /// Creates a folder and its parents.
    pub fn create_folder(&self, folder: &str) {
        self.state().create(&folder.into());
    }

    /// Deletes a folder with all its mail.
    pub fn delete_folder(&self, folder: &str) {
        self.with(folder, |_, _| ());
        self.state().folders.remove(&FolderName::from(folder));
    }

    /// Renames a folder; its numbering stays.
    pub fn rename_folder(&self, from: &str, to: &str) {
        self.with(from, |_, _| ());
        let mut state = self.state();
        let moved = state.folders.remove(&FolderName::from(from));
        state.folders.extend(moved.map(|mailbox| (to.into(), mailbox)));
    }

    /// Adds a message given with CR LF line ends. A folder that is missing is created.
    pub fn add(&self, folder: &str, crlf: &[u8], flags: Flags) -> MessageId {
        self.add_dated(folder, crlf, flags, None)
    }

    /// As [`MemoryRepository::add`], with the moment it arrived.
    pub fn add_dated(&self, folder: &str, crlf: &[u8], flags: Flags, date: Option<InternalDate>) -> MessageId {
        let native = self.knobs().native;
        self.add_raw(folder, &in_form(crlf, LineEnding::Crlf, native), flags, date)
    }

    /// Adds a message whose bytes are exactly these in the store.
    pub fn add_raw(&self, folder: &str, raw: &[u8], flags: Flags, date: Option<InternalDate>) -> MessageId {
        self.create_folder(folder);
        self.with(folder, |mailbox, knobs| {
            let id = mailbox.mint(knobs.numbered).unwrap();
            let flags = flags.supported(&knobs.support);
            mailbox.put(id.clone(), Stored { date: knobs.dates.of(date), ..Stored::new(raw.into(), flags) });
            id
        })
    }

    /// Removes a message.
    pub fn remove(&self, folder: &str, id: &MessageId) {
        assert!(self.with(folder, |mailbox, _| mailbox.take(id)).is_some(), "'{folder}' has no message {id}");
    }

    /// Gives a message exactly these flags.
    pub fn set_flags(&self, folder: &str, id: &MessageId, flags: Flags) {
        let found = self.with(folder, |mailbox, knobs| mailbox.set_flags(id, flags.supported(&knobs.support)));
        assert!(found, "'{folder}' has no message {id}");
    }

    /// All messages of a folder in the order of their ids, with CR LF line ends; none if there is no such folder.
    pub fn mails(&self, folder: &str) -> Vec<(MessageId, Held)> {
        let native = self.knobs().native;
        let mut mails = self.raw_mails(folder);
        mails.iter_mut().for_each(|(_, held)| held.octets = in_form(&held.octets, native, LineEnding::Crlf));
        mails
    }

    /// As [`MemoryRepository::mails`], with the octets as they lie in the store.
    pub fn raw_mails(&self, folder: &str) -> Vec<(MessageId, Held)> {
        let state = self.state();
        let Some(mailbox) = state.folders.get(&FolderName::from(folder)) else { return Vec::new() };
        let held = |(id, stored): (&MessageId, &Stored)| {
            (id.clone(), Held { octets: stored.bytes.to_vec(), flags: stored.flags.clone(), date: stored.date })
        };
        mailbox.messages().iter().map(held).collect()
    }

    /// How many messages a folder has.
    pub fn count(&self, folder: &str) -> usize {
        self.with(folder, |mailbox, _| mailbox.messages().len())
    }

    /// The folder's numbering.
    pub fn uid_validity(&self, folder: &str) -> UidValidity {
        self.with(folder, |mailbox, _| mailbox.uid_validity)
    }

    /// Gives the folder another numbering without touching ids: a server that lost its UIDVALIDITY.
    pub fn set_uid_validity(&self, folder: &str, value: u32) {
        self.with(folder, |mailbox, _| mailbox.uid_validity = UidValidity(value));
    }

    /// Calls the folder something else from now on, whatever its name: a server that was moved to another machine.
    pub fn set_identity(&self, folder: &str, value: u32) {
        self.with(folder, |mailbox, _| mailbox.identity = value);
    }

    /// Gives the folder the next numbering and, where messages are numbered, new numbers from 1: a restored backup.
    pub fn renumber(&self, folder: &str) {
        let mut state = self.state();
        let fresh = state.next_validity();
        let State { folders, knobs, .. } = &mut *state;
        let mailbox = folders.get_mut(&FolderName::from(folder)).expect("a folder");
        mailbox.renumber(fresh, knobs.numbered);
    }

    /// Sets the UID that the next message gets.
    pub fn set_next_uid(&self, folder: &str, next: u32) {
        self.with(folder, |mailbox, _| mailbox.next = next);
    }

    /// Removes every message of a folder.
    pub fn empty(&self, folder: &str) {
        self.with(folder, |mailbox, _| mailbox.empty());
    }

    /// Removes every folder.
    pub fn wipe(&self) {
        self.state().folders.clear();
    }

    /// The store itself is gone: no folder, [`Repository::exists`] says no, everything else fails until it is initialized.
    pub fn vanish(&self) {
        let mut state = self.state();
        state.folders.clear();
        state.there = false;
    }

    /// Makes a folder refuse changes, or accept them again.
    pub fn set_read_only(&self, folder: &str, read_only: bool) {
        self.with(folder, |mailbox, _| mailbox.read_only = read_only);
    }

    /// Says whether a folder can hold messages.
    pub fn set_selectable(&self, folder: &str, selectable: bool) {
        self.with(folder, |mailbox, _| mailbox.selectable = selectable);
    }

    /// Says what a folder is for.
    pub fn set_special_use(&self, folder: &str, special_use: Option<SpecialUse>) {
        self.with(folder, |mailbox, _| mailbox.special_use = special_use);
    }
}

impl Repository for MemoryRepository {
    fn name(&self) -> &str {
        &self.name
    }

    fn exists(&self) -> Result<bool> {
        Ok(self.state().there)
    }

    fn initialize(&self) -> Result<()> {
        self.state().there = true;
        Ok(())
    }

    fn list(&self) -> Result<FolderList> {
        let mut state = self.state();
        state.calls.list += 1;
        state.check_there(&self.name)?;
        let State { folders, knobs, .. } = &*state;
        let entry = |(name, mailbox): (&FolderName, &Mailbox)| FolderEntry {
            selectable: mailbox.selectable,
            special_use: mailbox.special_use,
            witness: mailbox.witness(knobs),
            messages: Some(mailbox.messages().len() as u64),
            identity: knobs.folder_identities.then(|| mailbox.identity.to_be_bytes().into()),
            ..FolderEntry::named(name.clone())
        };
        Ok(FolderList { separator: knobs.separator, folders: folders.iter().map(entry).collect() })
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        self.state().calls.open += 1;
        Ok(Box::new(MemoryFolder::new(self.clone(), folder.clone())))
    }

    fn create(&self, folder: &FolderName) -> Result<()> {
        let mut state = self.state();
        state.calls.create += 1;
        state.check_there(&self.name)?;
        if folder.as_str().is_empty() {
            return Err(Error::new(ErrorKind::Folder, format!("{}: a folder needs a name", self.name)));
        }
        state.create(folder);
        Ok(())
    }

    fn rename(&self, from: &FolderName, to: &FolderName, below: &[(FolderName, FolderName)]) -> Result<bool> {
        let mut state = self.state();
        state.check_there(&self.name)?;
        let taken = |to: &FolderName| state.folders.contains_key(to);
        if taken(to) || below.iter().any(|(_, to)| taken(to)) || !taken(from) {
            return Err(Error::new(ErrorKind::Folder, format!("{}: '{from}' cannot be renamed to '{to}'", self.name)));
        }
        for (from, to) in below.iter().map(|(from, to)| (from, to)).chain([(from, to)]) {
            let mailbox = state.folders.remove(from);
            state.create_parents(to);
            state.folders.extend(mailbox.map(|mailbox| (to.clone(), mailbox)));
        }
        Ok(true)
    }

    fn parallelism(&self) -> usize {
        self.state().knobs.parallelism
    }
}
