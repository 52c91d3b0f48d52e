//! The folder of a faulty repository.

use super::Faults;
use super::intake::FaultyIntake;
use super::repository::{Bad, Listing, lock, spoiled};
use crate::error::{Error, Result};
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::MessageId;
use crate::repository::{
    ChangeSet, Cursor, Failures, FlagChange, Folder, Headers, Incoming, Intake, Known, NothingKnown, Partner, Sink,
    SourceFolder,
};
use crate::window::Window;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub(super) struct FaultyFolder {
    pub(super) inner: Box<dyn Folder>,
    pub(super) faults: Faults,
    pub(super) bad: Arc<Mutex<Bad>>,
}

impl FaultyFolder {
    fn bad(&self) -> Bad {
        lock(&self.bad).clone()
    }
}

impl Folder for FaultyFolder {
    fn name(&self) -> &FolderName {
        self.inner.name()
    }

    fn another(&self) -> Option<Box<dyn Folder>> {
        let inner = self.inner.another()?;
        Some(Box::new(FaultyFolder { inner, faults: self.faults.clone(), bad: self.bad.clone() }))
    }

    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet> {
        let how = self.bad().changes;
        let inner = &mut self.inner;
        self.faults.effect("changes", || {
            how.check()?;
            if how == Listing::Empty {
                let all = inner.changes(None, &NothingKnown)?;
                return Ok(ChangeSet { present: Vec::new(), cursor: None, witness: None, ..all });
            }
            inner.changes(since, known)
        })
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        let bad = self.bad();
        let inner = &mut self.inner;
        self.faults.divisible("fetch", |part| {
            let (unreadable, readable): (Vec<MessageId>, Vec<MessageId>) =
                part.of(ids).iter().cloned().partition(|id| bad.unreadable.contains(id));
            unreadable.iter().try_for_each(|id| sink.failed(id, spoiled(id)))?;
            inner.fetch(&readable, form, &mut Breaking { sink, ids: &bad.breaking_off, current: None }).map(Some)
        })
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        let bad = self.bad().headerless;
        let inner = &mut self.inner;
        self.faults.divisible("headers", |part| {
            let (failing, working): (Vec<MessageId>, Vec<MessageId>) =
                part.of(ids).iter().cloned().partition(|id| bad.contains(id));
            let mut failures = inner.headers(&working, each)?;
            failures.extend(failing.into_iter().map(with_error));
            Ok(Some(failures))
        })
    }

    fn outside(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        let inner = &mut self.inner;
        self.faults.divisible("outside", |part| inner.outside(part.of(ids), window).map(Some))
    }

    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        self.faults.check()?;
        let bad = self.bad();
        Ok(Box::new(FaultyIntake::new(self.inner.intake(source)?, self.faults.clone(), bad)))
    }

    fn needs_intent(&self) -> bool {
        self.inner.needs_intent()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn is_named_after(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        self.inner.is_named_after(id, from, source)
    }

    fn bears_name_of(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        self.inner.bears_name_of(id, from, source)
    }

    fn cheap_content(&self) -> bool {
        self.inner.cheap_content()
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        let bad = self.bad().unchangeable;
        let inner = &mut self.inner;
        self.faults.divisible("store", |part| {
            let (failing, working): (Vec<FlagChange>, Vec<FlagChange>) =
                part.of(changes).iter().cloned().partition(|change| bad.contains(&change.id));
            let mut failures = inner.store(&working)?;
            failures.extend(failing.into_iter().map(|change| with_error(change.id)));
            Ok(Some(failures))
        })
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        let bad = self.bad().unremovable;
        let inner = &mut self.inner;
        self.faults.divisible("remove", |part| {
            let (failing, working): (Vec<MessageId>, Vec<MessageId>) =
                part.of(ids).iter().cloned().partition(|id| bad.contains(id));
            let mut failures = inner.remove(&working)?;
            failures.extend(failing.into_iter().map(with_error));
            Ok(Some(failures))
        })
    }

    fn transfer(&mut self, ids: &[MessageId], to: &FolderName) -> Result<Option<Vec<Option<MessageId>>>> {
        let bad = self.bad().unmovable;
        let inner = &mut self.inner;
        self.faults.divisible("transfer", |part| {
            let ids = part.of(ids);
            let movable: Vec<MessageId> = ids.iter().filter(|id| !bad.contains(id)).cloned().collect();
            let Some(moved) = inner.transfer(&movable, to)? else { return Ok(Some(None)) };
            let mut moved = moved.into_iter();
            let new = |id: &MessageId| if bad.contains(id) { None } else { moved.next().flatten() };
            Ok(Some(Some(ids.iter().map(new).collect())))
        })
    }

    fn note_partners(&mut self, partners: &[(MessageId, Partner)]) -> Result<()> {
        let inner = &mut self.inner;
        self.faults.divisible("note_partners", |part| inner.note_partners(part.of(partners)).map(Some))
    }
}

fn with_error(id: MessageId) -> (MessageId, Error) {
    let error = spoiled(&id);
    (id, error)
}

/// Passes messages on, but breaks some of them off after half of their first piece.
struct Breaking<'a> {
    sink: &'a mut dyn Sink,
    ids: &'a BTreeSet<MessageId>,
    current: Option<(MessageId, bool)>,
}

impl Sink for Breaking<'_> {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        self.current = self.ids.get(message.id).map(|id| (id.clone(), false));
        self.sink.begin(message)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.current {
            None => self.sink.write(bytes),
            Some((_, true)) => Ok(()),
            Some((_, written)) => {
                *written = true;
                self.sink.write(&bytes[..bytes.len() / 2])
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        match self.current.take() {
            None => self.sink.end(),
            Some((id, _)) => self.sink.failed(&id, spoiled(&id)),
        }
    }

    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        self.current = None;
        self.sink.failed(id, error)
    }
}
