//! The intake of a faulty folder.

use super::Faults;
use super::repository::{Bad, spoiled};
use crate::error::Result;
use crate::line_ending::LineEnding;
use crate::message::MessageId;
use crate::repository::{GroupSize, Intake, Outgoing};

pub(super) struct FaultyIntake<'a> {
    inner: Box<dyn Intake + 'a>,
    faults: Faults,
    bad: Bad,
    /// The message begun, and whether it is kept from the store because its commit shall fail.
    current: Option<(MessageId, bool)>,
    /// The messages ended: those kept from the store have their name here.
    ended: Vec<Option<MessageId>>,
}

impl<'a> FaultyIntake<'a> {
    pub(super) fn new(inner: Box<dyn Intake + 'a>, faults: Faults, bad: Bad) -> Self {
        FaultyIntake { inner, faults, bad, current: None, ended: Vec::new() }
    }

    fn kept_back(&self) -> bool {
        self.current.as_ref().is_some_and(|(_, kept_back)| *kept_back)
    }
}

impl Intake for FaultyIntake<'_> {
    fn line_ending(&self) -> LineEnding {
        self.inner.line_ending()
    }

    fn group_size(&self) -> GroupSize {
        self.inner.group_size()
    }

    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()> {
        let id = message.source;
        let (refused, kept_back) = (self.bad.refused.contains(id), self.bad.not_committed.contains(id));
        let inner = &mut self.inner;
        self.faults.effect("begin", || match (refused, kept_back) {
            (true, _) => Err(spoiled(id)),
            (false, true) => Ok(()),
            (false, false) => inner.begin(message),
        })?;
        self.current = Some((id.clone(), kept_back));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let kept_back = self.kept_back();
        let inner = &mut self.inner;
        self.faults
            .divisible("write", |part| if kept_back { Ok(Some(())) } else { inner.write(part.of(bytes)).map(Some) })
    }

    fn end(&mut self) -> Result<()> {
        let kept_back = self.kept_back();
        let current = self.current.take();
        let inner = &mut self.inner;
        self.faults.effect("end", || if kept_back { Ok(()) } else { inner.end() })?;
        self.ended.push(current.filter(|_| kept_back).map(|(id, _)| id));
        Ok(())
    }

    fn discard(&mut self) -> Result<()> {
        let kept_back = self.kept_back();
        self.current = None;
        let inner = &mut self.inner;
        self.faults.effect("discard", || if kept_back { Ok(()) } else { inner.discard() })
    }

    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>> {
        let inner = &mut self.inner;
        let mut answers = self.faults.effect("commit", || inner.commit())?.into_iter();
        let ended = std::mem::take(&mut self.ended);
        Ok(ended
            .into_iter()
            .filter_map(|kept_back| match kept_back {
                Some(id) => Some(Err(spoiled(&id))),
                None => answers.next(),
            })
            .collect())
    }
}
