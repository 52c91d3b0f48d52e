//! The [`Intake`] of a store in memory: strict about the order of calls and about announced sizes.

use super::folder::MemoryFolder;
use super::knobs::Knobs;
use super::state::Stored;
use crate::error::{Error, ErrorKind, Result};
use crate::line_ending::LineEnding;
use crate::message::{MessageId, Uid};
use crate::repository::{GroupSize, Intake, Outgoing, Partner, SourceFolder};

pub(super) struct MemoryIntake<'a> {
    folder: &'a MemoryFolder,
    source: SourceFolder,
    knobs: Knobs,
    current: Option<Pending>,
    ended: Vec<Pending>,
    /// What became of messages that were stored at their end.
    stored: Vec<Result<Option<MessageId>>>,
}

struct Pending {
    source: MessageId,
    announced: u64,
    bytes: Vec<u8>,
    stored: Stored,
}

impl<'a> MemoryIntake<'a> {
    pub(super) fn new(folder: &'a MemoryFolder, source: SourceFolder, knobs: Knobs) -> Self {
        MemoryIntake { folder, source, knobs, current: None, ended: Vec::new(), stored: Vec::new() }
    }

    fn store_ended(&mut self) -> Result<()> {
        let (ended, source) = (std::mem::take(&mut self.ended), &self.source);
        let answers = self.folder.deliver(|mailbox, knobs, calls| {
            calls.delivered += ended.len() as u64;
            let deliver = |pending: Pending| {
                let stored = Stored { bytes: pending.bytes.into(), ..pending.stored };
                let id = mailbox.deliver(knobs, source, &pending.source, stored)?;
                Ok(knobs.tells_ids.then_some(id))
            };
            ended.into_iter().map(deliver).collect::<Vec<_>>()
        })?;
        self.stored.extend(answers);
        Ok(())
    }

    fn partner(&self, source: &MessageId) -> Option<Partner> {
        let told = |uid: Uid| Partner { uid, uid_validity: Some(self.source.uid_validity) };
        source.uid().filter(|_| !self.knobs.numbered).map(told)
    }
}

impl Intake for MemoryIntake<'_> {
    fn line_ending(&self) -> LineEnding {
        self.knobs.native
    }

    fn group_size(&self) -> GroupSize {
        self.knobs.group
    }

    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()> {
        if self.current.is_some() {
            return Err(out_of_turn("begin"));
        }
        let mut stored = Stored::new([].into(), message.flags.supported(&self.knobs.support));
        stored.date = self.knobs.dates.of(message.date);
        stored.partner = self.partner(message.source);
        let source = message.source.clone();
        self.current = Some(Pending { source, announced: message.octets, bytes: Vec::new(), stored });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let current = self.current.as_mut().ok_or_else(|| out_of_turn("write"))?;
        current.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let current = self.current.take().ok_or_else(|| out_of_turn("end"))?;
        let (announced, came) = (current.announced, current.bytes.len() as u64);
        let exact = self.knobs.native == LineEnding::Crlf;
        if came > announced || (exact && came < announced) {
            let what = format!("message {}: {announced} octets were announced, {came} came", current.source);
            return Err(Error::new(ErrorKind::Message, what));
        }
        self.ended.push(current);
        if self.knobs.eager { self.store_ended() } else { Ok(()) }
    }

    fn discard(&mut self) -> Result<()> {
        self.current.take().map(drop).ok_or_else(|| out_of_turn("discard"))
    }

    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>> {
        if self.current.is_some() {
            return Err(out_of_turn("commit"));
        }
        self.store_ended()?;
        self.folder.count_commit();
        Ok(std::mem::take(&mut self.stored))
    }
}

fn out_of_turn(call: &str) -> Error {
    Error::new(ErrorKind::Folder, format!("intake: {call} out of turn"))
}
