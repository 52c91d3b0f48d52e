//! The [`Folder`] of a store in memory.

use super::intake::MemoryIntake;
use super::knobs::{Deltas, Knobs};
use super::state::{Mailbox, State, Stored};
use super::{Calls, MemoryRepository};
use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::{MessageId, UidValidity};
use crate::repository::{
    ChangeSet, Cursor, Failures, FlagChange, Folder, HEADER_LIMIT, Headers, Incoming, Intake, Known, Partner, Sink,
    SourceFolder,
};
use crate::testing::lines::{header_block, in_form};
use crate::window::Window;

/// In how many octets a message is handed over at a time: odd, so that line ends are torn apart.
const PIECE: usize = 4093;

pub(super) struct MemoryFolder {
    repository: MemoryRepository,
    name: FolderName,
    /// The numbering this handle saw: ids of another one must not be used.
    seen: Option<UidValidity>,
}

impl MemoryFolder {
    pub(super) fn new(repository: MemoryRepository, name: FolderName) -> Self {
        MemoryFolder { repository, name, seen: None }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Mailbox, &Knobs, &mut Calls) -> T) -> Result<T> {
        let mut state = self.repository.state();
        state.check_there(&self.repository.name)?;
        let State { folders, knobs, calls, .. } = &mut *state;
        let mailbox = folders.get_mut(&self.name).filter(|mailbox| mailbox.selectable);
        let mailbox = mailbox.ok_or_else(|| self.error(ErrorKind::Folder, "the folder does not exist"))?;
        if self.seen.is_some_and(|seen| seen != mailbox.uid_validity) {
            return Err(self.error(ErrorKind::Numbering, "the folder has a new numbering"));
        }
        Ok(act(mailbox, knobs, calls))
    }

    /// As [`MemoryFolder::with`], for changes.
    fn change<T>(&self, act: impl FnOnce(&mut Mailbox, &Knobs, &mut Calls) -> T) -> Result<T> {
        match self.with(|mailbox, _, _| mailbox.read_only)? {
            true => Err(self.error(ErrorKind::Denied, "the folder is read-only")),
            false => self.with(act),
        }
    }

    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, format!("{}: folder '{}': {what}", self.repository.name, self.name))
    }

    fn no_message(&self, id: &MessageId) -> Error {
        self.error(ErrorKind::Message, &format!("message {id} is not there"))
    }

    fn read(&self, id: &MessageId) -> Result<Option<(Stored, LineEnding)>> {
        self.with(|mailbox, knobs, _| mailbox.messages().get(id).map(|stored| (stored.clone(), knobs.native)))
    }
}

impl Folder for MemoryFolder {
    fn name(&self) -> &FolderName {
        &self.name
    }

    fn another(&self) -> Option<Box<dyn Folder>> {
        let MemoryFolder { repository, name, seen } = self;
        Some(Box::new(MemoryFolder { repository: repository.clone(), name: name.clone(), seen: *seen }))
    }

    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet> {
        self.seen = None;
        let compared = since.is_some() && self.repository.knobs().deltas == Deltas::Compared;
        let known = if compared { known.uids()? } else { Vec::new() };
        let set = self.with(|mailbox, knobs, calls| {
            calls.changes += 1;
            mailbox.changes(knobs, since, &known)
        })?;
        self.seen = Some(set.uid_validity);
        Ok(set)
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        for id in ids {
            self.with(|_, _, calls| calls.fetched += 1)?;
            let Some((Stored { bytes, date, .. }, native)) = self.read(id)? else {
                sink.failed(id, self.no_message(id))?;
                continue;
            };
            let content = in_form(&bytes, native, form);
            let octets = if form == LineEnding::Lf { bytes.len() } else { content.len() } as u64;
            sink.begin(&Incoming { id, octets, date })?;
            content.chunks(PIECE).try_for_each(|piece| sink.write(piece))?;
            sink.end()?;
        }
        Ok(())
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        for id in ids {
            let Some((Stored { bytes, .. }, native)) = self.read(id)? else { continue };
            let mut header = header_block(&bytes);
            header.truncate(HEADER_LIMIT);
            let tells = self.with(|_, knobs, calls| {
                calls.headers += 1;
                knobs.tells_octets
            })?;
            let octets = tells.then(|| in_form(&bytes, native, LineEnding::Crlf).len() as u64);
            each(Headers { id, octets, header: &header })?;
        }
        Ok(Failures::new())
    }

    fn outside(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        let mut outside = Vec::new();
        for id in ids {
            let Some((Stored { bytes, date, .. }, native)) = self.read(id)? else { continue };
            if !window.admits(date, Some(in_form(&bytes, native, LineEnding::Crlf).len() as u64)) {
                outside.push(id.clone());
            }
        }
        Ok(outside)
    }

    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        let knobs = self.change(|_, knobs, _| knobs.clone())?;
        Ok(Box::new(MemoryIntake::new(self, source.clone(), knobs)))
    }

    fn needs_intent(&self) -> bool {
        self.repository.knobs().needs_intent
    }

    fn bears_name_of(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        self.with(|mailbox, knobs, _| !knobs.needs_intent && mailbox.delivered_as(from, source) == Some(id))
            .unwrap_or(false)
    }

    fn cheap_content(&self) -> bool {
        self.repository.knobs().cheap_content
    }

    fn is_shared(&self) -> bool {
        self.repository.knobs().shared
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        let missing: Vec<MessageId> = self.change(|mailbox, knobs, calls| {
            calls.stored += changes.len() as u64;
            let failed = changes.iter().filter(|change| !mailbox.change_flags(knobs, change));
            failed.map(|change| change.id.clone()).collect()
        })?;
        Ok(missing
            .into_iter()
            .map(|id| {
                let error = self.no_message(&id);
                (id, error)
            })
            .collect())
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        self.change(|mailbox, _, calls| {
            calls.removed += ids.len() as u64;
            ids.iter().for_each(|id| drop(mailbox.take(id)));
        })?;
        Ok(Failures::new())
    }

    fn transfer(&mut self, ids: &[MessageId], to: &FolderName) -> Result<Option<Vec<Option<MessageId>>>> {
        if !self.repository.knobs().transfer {
            return Ok(None);
        }
        let target = MemoryFolder::new(self.repository.clone(), to.clone());
        target.change(|_, _, _| ())?;
        let taken = self.change(|mailbox, _, calls| {
            calls.transferred += ids.len() as u64;
            ids.iter().map(|id| (id.clone(), mailbox.take(id))).collect::<Vec<_>>()
        })?;
        target.change(|mailbox, knobs, _| {
            let mut moved = Vec::with_capacity(taken.len());
            for (id, stored) in taken {
                let Some(stored) = stored else {
                    moved.push(None);
                    continue;
                };
                let keeps_its_name = !knobs.numbered && !mailbox.has(&id);
                let id = if keeps_its_name { id } else { mailbox.mint(knobs.numbered)? };
                mailbox.put(id.clone(), stored);
                moved.push(knobs.tells_ids.then_some(id));
            }
            Ok(Some(moved))
        })?
    }

    fn note_partners(&mut self, partners: &[(MessageId, Partner)]) -> Result<()> {
        self.with(|mailbox, knobs, calls| {
            calls.noted += partners.len() as u64;
            for (id, partner) in partners {
                if let (false, Some(stored)) = (knobs.numbered, mailbox.get_mut(id)) {
                    stored.partner = Some(*partner);
                }
            }
        })
    }
}

impl MemoryFolder {
    /// Changes the folder for an intake.
    pub(super) fn deliver<T>(&self, act: impl FnOnce(&mut Mailbox, &Knobs, &mut Calls) -> T) -> Result<T> {
        self.change(act)
    }

    pub(super) fn count_commit(&self) {
        self.repository.state().calls.commits += 1;
    }
}
