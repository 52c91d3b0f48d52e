//! What lies in a store in memory. No locking, no contract: values and the ways to change them.

use super::Calls;
use super::knobs::{Deltas, Knobs, WitnessKnob};
use crate::error::{Error, ErrorKind, Result};
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::message::{InternalDate, MessageId, Uid, UidValidity};
use crate::repository::{ChangeSet, Coverage, Cursor, Entry, FlagChange, Partner, SourceFolder, SpecialUse, Witness};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct State {
    pub(super) knobs: Knobs,
    pub(super) there: bool,
    pub(super) folders: BTreeMap<FolderName, Mailbox>,
    pub(super) calls: Calls,
    validity: u32,
}

/// A message in a folder.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) bytes: Arc<[u8]>,
    pub(super) flags: Flags,
    pub(super) date: Option<InternalDate>,
    pub(super) partner: Option<Partner>,
    pub(super) modseq: u64,
}

/// A message whose source is known: folder, numbering and id there.
type Source = (FolderName, UidValidity, MessageId);

#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) identity: u32,
    pub(super) uid_validity: UidValidity,
    pub(super) next: u32,
    pub(super) read_only: bool,
    pub(super) selectable: bool,
    pub(super) special_use: Option<SpecialUse>,
    messages: BTreeMap<MessageId, Stored>,
    delivered: BTreeMap<Source, MessageId>,
    gone: Vec<(u64, MessageId)>,
    modseq: u64,
    comings_and_goings: u64,
}

impl State {
    pub(super) fn new(knobs: Knobs) -> Self {
        State { knobs, there: true, folders: BTreeMap::new(), calls: Calls::default(), validity: 0 }
    }

    pub(super) fn next_validity(&mut self) -> UidValidity {
        self.validity += 1;
        UidValidity(self.validity)
    }

    pub(super) fn check_there(&self, name: &str) -> Result<()> {
        match self.there {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Storage, format!("{name}: the store does not exist"))),
        }
    }

    /// Creates what is missing of a folder and its parents.
    pub(super) fn create(&mut self, folder: &FolderName) {
        self.create_parents(folder);
        self.create_one(folder);
    }

    /// Creates what is missing of a folder's parents.
    pub(super) fn create_parents(&mut self, folder: &FolderName) {
        let name = folder.as_str();
        let parents = name.char_indices().filter(|(at, c)| *at > 0 && Some(*c) == self.knobs.separator);
        let levels: Vec<FolderName> = parents.map(|(at, _)| name[..at].into()).collect();
        levels.iter().for_each(|level| self.create_one(level));
    }

    fn create_one(&mut self, folder: &FolderName) {
        if !self.folders.contains_key(folder) {
            let validity = self.next_validity();
            self.folders.insert(folder.clone(), Mailbox::new(validity));
        }
    }
}

impl Stored {
    pub(super) fn new(bytes: Arc<[u8]>, flags: Flags) -> Self {
        Stored { bytes, flags, date: None, partner: None, modseq: 0 }
    }
}

impl Mailbox {
    fn new(uid_validity: UidValidity) -> Self {
        Mailbox {
            identity: uid_validity.0,
            uid_validity,
            next: 1,
            read_only: false,
            selectable: true,
            special_use: None,
            messages: BTreeMap::new(),
            delivered: BTreeMap::new(),
            gone: Vec::new(),
            modseq: 1,
            comings_and_goings: 0,
        }
    }

    pub(super) fn messages(&self) -> &BTreeMap<MessageId, Stored> {
        &self.messages
    }

    pub(super) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Stored> {
        self.messages.get_mut(id)
    }

    /// An id that no message had before.
    pub(super) fn mint(&mut self, numbered: bool) -> Result<MessageId> {
        loop {
            let uid = Uid::new(self.next);
            let uid = uid.ok_or_else(|| Error::new(ErrorKind::Folder, "the folder has run out of UIDs"))?;
            self.next = self.next.wrapping_add(1);
            let id = if numbered { uid.into() } else { MessageId::Name(format!("new-{uid:010}").into()) };
            // A name may have come along with a message that was moved here.
            if !self.has(&id) {
                return Ok(id);
            }
        }
    }

    pub(super) fn has(&self, id: &MessageId) -> bool {
        self.messages.contains_key(id)
    }

    pub(super) fn put(&mut self, id: MessageId, stored: Stored) {
        self.gone.retain(|(_, gone)| *gone != id);
        self.modseq += 1;
        self.comings_and_goings += 1;
        self.messages.insert(id, Stored { modseq: self.modseq, ..stored });
    }

    /// Stores a message from elsewhere; one that is there already from the same source with the same content is left alone, where
    /// `knobs` say so. Other content is another message: a restored server gives a number twice.
    pub(super) fn deliver(
        &mut self,
        knobs: &Knobs,
        from: &SourceFolder,
        source: &MessageId,
        stored: Stored,
    ) -> Result<MessageId> {
        let key = (from.name.clone(), from.uid_validity, source.clone());
        let same = |id: &&MessageId| self.messages.get(id).is_some_and(|there| there.bytes == stored.bytes);
        let before = self.delivered.get(&key).filter(same);
        if let (false, Some(id)) = (knobs.needs_intent, before) {
            return Ok(id.clone());
        }
        let id = match knobs.needs_intent || knobs.numbered {
            true => self.mint(knobs.numbered)?,
            false => self.free_name(format!("{}:{}:{source}", from.name, from.uid_validity)),
        };
        self.delivered.insert(key, id.clone());
        self.put(id.clone(), stored);
        Ok(id)
    }

    /// What a message from elsewhere was called when it was last delivered.
    pub(super) fn delivered_as(&self, from: &SourceFolder, source: &MessageId) -> Option<&MessageId> {
        self.delivered.get(&(from.name.clone(), from.uid_validity, source.clone()))
    }

    fn free_name(&self, base: String) -> MessageId {
        let mut name = MessageId::Name(base.as_str().into());
        for n in 2.. {
            if !self.messages.contains_key(&name) {
                break;
            }
            name = MessageId::Name(format!("{base}-{n}").into());
        }
        name
    }

    pub(super) fn take(&mut self, id: &MessageId) -> Option<Stored> {
        let taken = self.messages.remove(id)?;
        self.modseq += 1;
        self.comings_and_goings += 1;
        self.gone.push((self.modseq, id.clone()));
        Some(taken)
    }

    pub(super) fn empty(&mut self) {
        let ids: Vec<MessageId> = self.messages.keys().cloned().collect();
        ids.iter().for_each(|id| drop(self.take(id)));
    }

    pub(super) fn set_flags(&mut self, id: &MessageId, flags: Flags) -> bool {
        let Some(stored) = self.messages.get_mut(id) else { return false };
        if stored.flags != flags {
            self.modseq += 1;
            (stored.flags, stored.modseq) = (flags, self.modseq);
        }
        true
    }

    pub(super) fn change_flags(&mut self, knobs: &Knobs, change: &FlagChange) -> bool {
        let Some(stored) = self.messages.get(&change.id) else { return false };
        let flags = stored.flags.union(&change.add.supported(&knobs.support)).difference(&change.remove);
        self.set_flags(&change.id, flags)
    }

    pub(super) fn renumber(&mut self, uid_validity: UidValidity, numbered: bool) {
        self.uid_validity = uid_validity;
        self.modseq += 1;
        self.gone.clear();
        if numbered {
            self.delivered.clear();
            let kept = std::mem::take(&mut self.messages);
            let numbers = (1u32..).filter_map(Uid::new).map(MessageId::from);
            self.messages = numbers.zip(kept.into_values()).collect();
            self.next = self.messages.len() as u32 + 1;
        }
    }

    pub(super) fn witness(&self, knobs: &Knobs) -> Option<Witness> {
        let (count, covers_flags) = match knobs.witness {
            WitnessKnob::Nothing => return None,
            WitnessKnob::Messages => (self.comings_and_goings, false),
            WitnessKnob::Everything => (self.modseq, true),
        };
        Some(Witness { token: token(self.uid_validity, count), covers_flags })
    }

    /// The listing since a cursor. `known` are the caller's UIDs, for [`Deltas::Compared`].
    pub(super) fn changes(&self, knobs: &Knobs, since: Option<&Cursor>, known: &[(Uid, Uid)]) -> ChangeSet {
        let since = since.filter(|_| knobs.deltas != Deltas::Nothing).and_then(|cursor| self.read(cursor));
        let entries = self.messages.iter().filter(|(_, stored)| since.is_none_or(|since| stored.modseq > since));
        let entry = |(id, stored): (&_, &Stored)| Entry {
            id: MessageId::clone(id),
            flags: stored.flags.clone(),
            partner: stored.partner,
            content: knobs.contents.of(id, &stored.bytes),
        };
        ChangeSet {
            coverage: if since.is_some() { Coverage::Since } else { Coverage::Complete },
            uid_validity: self.uid_validity,
            present: entries.map(entry).collect(),
            gone: since.map(|since| self.gone_since(knobs, since, known)).unwrap_or_default(),
            cursor: (knobs.deltas != Deltas::Nothing).then(|| Cursor(token(self.uid_validity, self.modseq))),
            witness: self.witness(knobs),
            support: knobs.support.clone(),
            read_only: self.read_only,
        }
    }

    fn gone_since(&self, knobs: &Knobs, since: u64, known: &[(Uid, Uid)]) -> Vec<MessageId> {
        let gone: BTreeSet<MessageId> = match knobs.deltas {
            Deltas::Nothing => BTreeSet::new(),
            Deltas::Logged => self.gone.iter().filter(|(at, _)| *at > since).map(|(_, id)| id.clone()).collect(),
            Deltas::Compared => {
                let uids = known.iter().flat_map(|(first, last)| first.get()..=last.get());
                uids.filter_map(Uid::new).map(MessageId::from).collect()
            }
        };
        gone.into_iter().filter(|id| !self.messages.contains_key(id)).collect()
    }

    fn read(&self, cursor: &Cursor) -> Option<u64> {
        let (validity, count) = cursor.0.split_at_checked(4)?;
        let count = u64::from_be_bytes(count.try_into().ok()?);
        (validity == self.uid_validity.0.to_be_bytes() && count <= self.modseq).then_some(count)
    }
}

fn token(uid_validity: UidValidity, count: u64) -> Box<[u8]> {
    [&uid_validity.0.to_be_bytes()[..], &count.to_be_bytes()].concat().into()
}
