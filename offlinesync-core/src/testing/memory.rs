//! A repository in memory, numbered like IMAP or named like Maildir, which tests can also change as another client would.

use crate::error::{Error, ErrorKind, Result};
use crate::flags::{FlagSupport, Flags};
use crate::folder_name::FolderName;
use crate::line_ending::{LineEnding, ToCrlf, ToLf};
use crate::message::{InternalDate, MessageId, Uid, UidValidity};
use crate::repository::{
    ChangeSet, Coverage, Cursor, Entry, Failures, FlagChange, Folder, FolderEntry, FolderList, GroupSize, HEADER_LIMIT,
    Headers, Incoming, Intake, Known, Outgoing, Partner, Repository, Sink, SourceFolder, Witness,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a [`MemoryRepository`] behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Messages have UIDs and an upload can double, as with IMAP; otherwise names that follow from their source, as in a Maildir.
    pub numbered: bool,
    /// A commit tells the new ids (IMAP: UIDPLUS).
    pub tells_ids: bool,
    /// Listings since a cursor and witnesses.
    pub deltas: bool,
}

/// A message of a [`MemoryRepository`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its octets, CR LF line ends.
    pub octets: Vec<u8>,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived.
    pub date: Option<InternalDate>,
    partner: Option<Partner>,
    changed: u64,
}

#[derive(Clone, Debug)]
struct Mailbox {
    uid_validity: u32,
    next: u32,
    clock: u64,
    mails: BTreeMap<MessageId, Mail>,
    removed: Vec<(u64, MessageId)>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Mailbox { uid_validity: 1, next: 1, clock: 1, mails: BTreeMap::new(), removed: Vec::new() }
    }
}

type Shared = Arc<Mutex<State>>;

#[derive(Debug, Default)]
struct State {
    folders: BTreeMap<FolderName, Mailbox>,
    listings: u64,
    changes: u64,
}

/// A store of folders in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryRepository {
    name: String,
    traits: Traits,
    state: Shared,
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryRepository {
    /// An empty store.
    pub fn new(name: &str, traits: Traits) -> Self {
        MemoryRepository { name: name.to_owned(), traits, state: Shared::default() }
    }

    /// Another client adds a message; the folder is created if it is missing.
    pub fn add(&self, folder: &str, octets: &[u8], flags: Flags) -> MessageId {
        let mut state = lock(&self.state);
        let folder = state.folders.entry(folder.into()).or_default();
        let name = format!("client.{}", folder.next);
        folder.insert(self.traits.numbered, &name, octets.to_vec(), flags, None)
    }

    /// Another client removes a message.
    pub fn remove(&self, folder: &str, id: &MessageId) {
        self.with(folder, |folder| folder.remove(id));
    }

    /// Another client sets the flags of a message.
    pub fn set_flags(&self, folder: &str, id: &MessageId, flags: Flags) {
        self.with(folder, |folder| folder.set_flags(id, flags));
    }

    /// The folder is numbered anew: same messages, other UIDVALIDITY and UIDs.
    pub fn renumber(&self, folder: &str) {
        let numbered = self.traits.numbered;
        self.with(folder, |folder| {
            let mails = std::mem::take(&mut folder.mails);
            *folder = Mailbox { uid_validity: folder.uid_validity + 1, next: folder.next + 7, ..Mailbox::default() };
            for (id, mail) in mails {
                folder.insert(numbered, &id.to_string(), mail.octets, mail.flags, mail.date);
            }
        });
    }

    /// Removes every folder.
    pub fn wipe(&self) {
        lock(&self.state).folders.clear();
    }

    /// The messages of a folder.
    pub fn mails(&self, folder: &str) -> Vec<(MessageId, Mail)> {
        let state = lock(&self.state);
        state.folders.get(&folder.into()).map(|f| f.mails.clone().into_iter().collect()).unwrap_or_default()
    }

    /// How many listings and how many changes were asked of this store through its folders.
    pub fn work(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.listings, state.changes)
    }

    fn with(&self, folder: &str, change: impl FnOnce(&mut Mailbox)) {
        change(lock(&self.state).folders.entry(folder.into()).or_default());
    }
}

impl Mailbox {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn insert(
        &mut self,
        numbered: bool,
        name: &str,
        octets: Vec<u8>,
        flags: Flags,
        date: Option<InternalDate>,
    ) -> MessageId {
        let uid = Uid::new(self.next).unwrap_or(Uid::MAX);
        self.next += 1;
        let id = if numbered { MessageId::Uid(uid) } else { MessageId::Name(name.into()) };
        let changed = self.tick();
        self.mails.insert(id.clone(), Mail { octets, flags, date, partner: None, changed });
        id
    }

    fn remove(&mut self, id: &MessageId) {
        if self.mails.remove(id).is_some() {
            let at = self.tick();
            self.removed.push((at, id.clone()));
        }
    }

    fn set_flags(&mut self, id: &MessageId, flags: Flags) {
        let at = self.tick();
        if let Some(mail) = self.mails.get_mut(id) {
            (mail.flags, mail.changed) = (flags, at);
        }
    }

    fn witness(&self) -> Witness {
        Witness { token: format!("{}.{}", self.uid_validity, self.clock).into_bytes().into(), covers_flags: true }
    }

    fn since(&self, cursor: &Cursor) -> Option<u64> {
        let (validity, clock) = std::str::from_utf8(&cursor.0).ok()?.split_once('.')?;
        (validity.parse() == Ok(self.uid_validity)).then(|| clock.parse().ok())?
    }
}

impl Repository for MemoryRepository {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> Result<FolderList> {
        let state = lock(&self.state);
        let entry = |(name, folder): (&FolderName, &Mailbox)| FolderEntry {
            witness: self.traits.deltas.then(|| folder.witness()),
            messages: Some(folder.mails.len() as u64),
            ..FolderEntry::named(name.clone())
        };
        Ok(FolderList { separator: Some('/'), folders: state.folders.iter().map(entry).collect() })
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        Ok(Box::new(MemoryFolder { name: folder.clone(), traits: self.traits, state: self.state.clone() }))
    }

    fn create(&self, folder: &FolderName) -> Result<()> {
        lock(&self.state).folders.entry(folder.clone()).or_default();
        Ok(())
    }
}

struct MemoryFolder {
    name: FolderName,
    traits: Traits,
    state: Shared,
}

impl MemoryFolder {
    fn with<R>(&self, use_it: impl FnOnce(&mut Mailbox) -> R) -> Result<R> {
        let mut state = lock(&self.state);
        let missing = || Error::new(ErrorKind::Folder, format!("folder '{}' is not there", self.name));
        state.folders.get_mut(&self.name).map(use_it).ok_or_else(missing)
    }

    fn changing<R>(&self, use_it: impl FnOnce(&mut Mailbox) -> R) -> Result<R> {
        lock(&self.state).changes += 1;
        self.with(use_it)
    }
}

impl Folder for MemoryFolder {
    fn name(&self) -> &FolderName {
        &self.name
    }

    fn changes(&mut self, since: Option<&Cursor>, _: &dyn Known) -> Result<ChangeSet> {
        lock(&self.state).listings += 1;
        let deltas = self.traits.deltas;
        self.with(|folder| {
            let since = since.and_then(|cursor| folder.since(cursor)).filter(|_| deltas);
            let from = since.unwrap_or(0);
            let entry = |(id, mail): (&MessageId, &Mail)| Entry {
                id: id.clone(),
                flags: mail.flags.clone(),
                partner: mail.partner,
            };
            ChangeSet {
                coverage: if since.is_some() { Coverage::Since } else { Coverage::Complete },
                uid_validity: UidValidity(folder.uid_validity),
                present: folder.mails.iter().filter(|(_, mail)| mail.changed > from).map(entry).collect(),
                gone: folder
                    .removed
                    .iter()
                    .filter(|(at, _)| since.is_some() && *at > from)
                    .map(|(_, id)| id.clone())
                    .collect(),
                cursor: deltas.then(|| Cursor(format!("{}.{}", folder.uid_validity, folder.clock).into_bytes().into())),
                witness: deltas.then(|| folder.witness()),
                support: FlagSupport::default(),
                read_only: false,
            }
        })
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        for id in ids {
            let Some(mail) = self.with(|folder| folder.mails.get(id).cloned())? else {
                sink.failed(id, Error::new(ErrorKind::Message, format!("message {id} is gone")))?;
                continue;
            };
            let octets = in_form(&mail.octets, form);
            sink.begin(&Incoming { id, octets: octets.len() as u64, date: mail.date })?;
            octets.chunks(1000).try_for_each(|piece| sink.write(piece))?;
            sink.end()?;
        }
        Ok(())
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<()> {
        for id in ids {
            if let Some(mail) = self.with(|folder| folder.mails.get(id).cloned())? {
                let end = memchr::memmem::find(&mail.octets, b"\r\n\r\n").map_or(mail.octets.len(), |at| at + 4);
                let header = &mail.octets[..end.min(HEADER_LIMIT)];
                each(Headers { id, octets: Some(mail.octets.len() as u64), header })?;
            }
        }
        Ok(())
    }

    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        Ok(Box::new(MemoryIntake { folder: self, source: source.clone(), begun: None, ended: Vec::new() }))
    }

    fn needs_intent(&self) -> bool {
        self.traits.numbered
    }

    fn cheap_content(&self) -> bool {
        !self.traits.numbered
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        self.changing(|folder| {
            let mut failures = Failures::new();
            for change in changes {
                match folder.mails.get(&change.id).map(|mail| mail.flags.union(&change.add).difference(&change.remove))
                {
                    Some(flags) => folder.set_flags(&change.id, flags),
                    None => failures.push((change.id.clone(), Error::new(ErrorKind::Message, "the message is gone"))),
                }
            }
            failures
        })
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        self.changing(|folder| ids.iter().for_each(|id| folder.remove(id)))?;
        Ok(Failures::new())
    }

    fn note_partners(&mut self, partners: &[(MessageId, Partner)]) -> Result<()> {
        self.with(|folder| {
            for (id, partner) in partners {
                if let Some(mail) = folder.mails.get_mut(id) {
                    mail.partner = Some(*partner);
                }
            }
        })
    }
}

struct MemoryIntake<'f> {
    folder: &'f mut MemoryFolder,
    source: SourceFolder,
    begun: Option<(String, Mail, Option<Partner>)>,
    ended: Vec<(String, Mail, Option<Partner>)>,
}

impl Intake for MemoryIntake<'_> {
    fn line_ending(&self) -> LineEnding {
        if self.folder.traits.numbered { LineEnding::Crlf } else { LineEnding::Lf }
    }

    fn group_size(&self) -> GroupSize {
        GroupSize { messages: 3, octets: 1 << 20 }
    }

    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()> {
        let SourceFolder { name, uid_validity } = &self.source;
        let partner = message.source.uid().map(|uid| Partner { uid, uid_validity: Some(*uid_validity) });
        let mail =
            Mail { octets: Vec::new(), flags: message.flags.clone(), date: message.date, partner: None, changed: 0 };
        self.begun = Some((format!("{name}.{uid_validity}.{}", message.source), mail, partner));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((_, mail, _)) = &mut self.begun {
            mail.octets.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.ended.extend(self.begun.take());
        Ok(())
    }

    fn discard(&mut self) -> Result<()> {
        self.begun = None;
        Ok(())
    }

    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>> {
        let traits = self.folder.traits;
        let ended = std::mem::take(&mut self.ended);
        self.folder.changing(|folder| {
            ended
                .into_iter()
                .map(|(name, mail, partner)| {
                    let octets = in_form(&mail.octets, LineEnding::Crlf);
                    let id = folder.insert(traits.numbered, &name, octets, mail.flags, mail.date);
                    if let Some(mail) = folder.mails.get_mut(&id).filter(|_| !traits.numbered) {
                        mail.partner = partner;
                    }
                    Ok(traits.tells_ids.then_some(id))
                })
                .collect()
        })
    }
}

fn in_form(octets: &[u8], form: LineEnding) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut push = |run: &[u8]| {
        out.extend_from_slice(run);
        Ok::<(), Infallible>(())
    };
    let Ok(()) = match form {
        LineEnding::Crlf => ToCrlf::default().convert(octets, &mut push),
        LineEnding::Lf => {
            let mut convert = ToLf::default();
            convert.convert(octets, &mut push).and_then(|()| convert.finish(&mut push))
        }
    };
    out
}
