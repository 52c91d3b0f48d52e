//! Moves message bodies from one folder into the other: a stream in, a stream out, a commit and a record for each group.
//! Holds no message; order is effect first and durable, record second.

use super::content::Content;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::event::{Event, Observer};
use crate::flags::Flags;
use crate::message::{MessageId, PerSide, Side};
use crate::repository::{Incoming, Intake, Outgoing, Sink};
use crate::status::{Batch, FolderPair, FolderStatus, Intent, Row};

/// What a copy did, for the caller to report and to follow up.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// New pairs, recorded; told only for uploads, whose sources may want to note their partners.
    pub(super) rows: Vec<PerSide<MessageId>>,
    /// Messages that the destination has but could not name.
    pub(super) unnamed: Vec<MessageId>,
    /// Messages that were not copied: the side that failed, and why.
    pub(super) failed: Vec<(MessageId, Side, Error)>,
    /// Messages copied and recorded.
    pub(super) copied: u64,
    /// Octets that came out of the source.
    pub(super) octets: u64,
    /// More may be in the destination than what is recorded.
    pub(super) unrecorded: bool,
}

/// A message to copy. There may be very many at a time, so what few of them have is boxed.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its id in the source.
    pub(super) source: MessageId,
    /// The flags it shall have, as far as both sides keep them.
    pub(super) flags: Flags,
    /// The remote id of the row that the new one replaces, if the message was on the remote side under it before.
    pub(super) replaces: Option<Box<MessageId>>,
    /// What its intent says of its content.
    pub(super) content: Option<Box<Content>>,
}

/// The place where a copy happens.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) to: Side,
    pub(super) pair: &'a FolderPair,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
    /// Whether uploads have an intent that must be deleted with the record.
    pub(super) intents: bool,
}

/// Where the effects of a group are recorded, once they are durable.
pub(super) trait Ledger {
    /// Records a group of which so many messages were copied, and tells so.
    fn record(&mut self, batch: Batch, copied: u64) -> Result<()>;
}

/// Records at once.
pub(super) struct Direct<'a> {
    pub(super) status: &'a mut dyn FolderStatus,
    pub(super) observer: &'a dyn Observer,
    pub(super) pair: &'a FolderPair,
    pub(super) to: Side,
}

impl Ledger for Direct<'_> {
    fn record(&mut self, batch: Batch, copied: u64) -> Result<()> {
        self.status.apply(batch)?;
        self.observer.event(&Event::MessagesCopied { pair: self.pair, to: self.to, messages: copied });
        Ok(())
    }
}

/// Takes what the source streams, gives it to the destination's intake, commits groups and records them.
pub(super) struct Pump<'a> {
    route: Route<'a>,
    intake: Box<dyn Intake + 'a>,
    ledger: &'a mut dyn Ledger,
    /// What shall be copied, in the order of ids, with the flags each message shall have.
    wanted: &'a [Wanted],
    current: Current,
    ended: Vec<usize>,
    octets_in_group: u64,
    unreported: u64,
    /// Messages dealt with since this was last asked for, by their places in `wanted`.
    settled: Vec<usize>,
    /// A group may be in the destination without a record, or nothing can be put there any more.
    broken: bool,
    done: Copied,
}

#[derive(Debug)]
enum Current {
    None,
    Flowing(usize),
    /// The destination refused it; the rest of its bytes is swallowed.
    Refused,
}

impl<'a> Pump<'a> {
    /// `wanted` must be in ascending order of ids.
    pub(super) fn new(
        route: Route<'a>,
        intake: Box<dyn Intake + 'a>,
        ledger: &'a mut dyn Ledger,
        wanted: &'a [Wanted],
    ) -> Self {
        Pump {
            route,
            intake,
            ledger,
            wanted,
            current: Current::None,
            ended: Vec::new(),
            octets_in_group: 0,
            unreported: 0,
            settled: Vec::new(),
            broken: false,
            done: Copied::default(),
        }
    }

    /// Which of these messages have not been dealt with since the last call. Forgets the others.
    pub(super) fn unsettled(&mut self, asked: &[MessageId]) -> Vec<MessageId> {
        let mut settled = std::mem::take(&mut self.settled);
        settled.sort_unstable();
        let is_settled = |id: &MessageId| self.find(id).is_some_and(|at| settled.binary_search(&at).is_ok());
        asked.iter().filter(|id| !is_settled(id)).cloned().collect()
    }

    /// Whether the destination, or the record of what it holds, cannot be relied on any more before it is listed again.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    fn find(&self, id: &MessageId) -> Option<usize> {
        self.wanted.binary_search_by(|wanted| wanted.source.cmp(id)).ok()
    }

    /// Commits what has ended, even after a failure of the source, so that no finished work is lost.
    pub(super) fn finish(mut self, outcome: Result<()>) -> (Copied, Result<()>) {
        if let Current::Flowing(_) = self.current {
            let _ = self.intake.discard();
        }
        let committed = self.commit();
        self.done.unrecorded = self.broken;
        (self.done, outcome.and(committed))
    }

    fn commit(&mut self) -> Result<()> {
        let committed = self.try_commit();
        self.broken |= committed.is_err();
        committed
    }

    fn try_commit(&mut self) -> Result<()> {
        self.report_octets(0);
        let ended = std::mem::take(&mut self.ended);
        self.octets_in_group = 0;
        if ended.is_empty() {
            return Ok(());
        }
        let answers = self.intake.commit()?;
        if answers.len() != ended.len() {
            return Err(Error::new(
                ErrorKind::Folder,
                "the store answered for a different number of messages than it was given",
            ));
        }
        let (mut batch, mut disk) = (Batch::default(), Ok(()));
        for (at, answer) in ended.into_iter().zip(answers) {
            match answer {
                // A disk that took one message and not the next takes none of the rest: that is told once.
                Err(error) if error.kind() == ErrorKind::Storage => disk = disk.and(Err(error)),
                answer => self.settle(at, answer, &mut batch),
            }
        }
        let copied = batch.upsert.len() as u64;
        self.ledger.record(batch, copied)?;
        self.done.copied += copied;
        disk
    }

    fn settle(&mut self, at: usize, answer: Result<Option<MessageId>>, batch: &mut Batch) {
        let Wanted { source, flags, replaces, content } = &self.wanted[at];
        let confirmed = || Intent {
            to: self.route.to,
            source: source.clone(),
            known_by: Content::known_by(content.as_deref().copied()),
            confirmed: true,
        };
        match answer {
            Ok(Some(new)) => {
                let mut ids = PerSide { remote: source.clone(), local: source.clone() };
                ids[self.route.to] = new;
                batch.delete.extend(replaces.as_deref().cloned());
                batch.upsert.push(Row { ids: ids.clone(), base: flags.clone() });
                if self.route.intents {
                    // The number is a claim until a listing shows it; a name is of our own making.
                    match ids[self.route.to].uid() {
                        Some(_) => batch.intents.push(confirmed()),
                        None => batch.settled.push((self.route.to, source.clone())),
                    }
                    self.done.rows.push(ids);
                }
            }
            Ok(None) => {
                // A row of the copy that is gone would make the intent a claim.
                batch.delete.extend(replaces.as_deref().cloned());
                if self.route.to == Side::Local {
                    batch.delete.push(source.clone());
                }
                batch.intents.push(confirmed());
                self.done.unnamed.push(source.clone());
            }
            Err(error) => self.done.failed.push((source.clone(), self.route.to, error)),
        }
    }

    fn report_octets(&mut self, more: u64) {
        self.done.octets += more;
        self.unreported += more;
        if self.unreported >= 64 * 1024 || (more == 0 && self.unreported > 0) {
            self.route.observer.event(&Event::BytesCopied { pair: self.route.pair, octets: self.unreported });
            self.unreported = 0;
        }
    }

    /// A failure that concerns one message only is noted; any other ends the copy.
    fn refuse(&mut self, at: usize, error: Error) -> Result<()> {
        if error.scope() != Scope::Message {
            self.broken = true;
            return Err(error);
        }
        self.settled.push(at);
        self.done.failed.push((self.wanted[at].source.clone(), self.route.to, error));
        self.current = Current::Refused;
        Ok(())
    }
}

impl Sink for Pump<'_> {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        self.route.cancel.check()?;
        let Some(at) = self.find(message.id) else {
            self.current = Current::Refused;
            return Ok(());
        };
        let group = self.intake.group_size();
        if self.ended.len() >= group.messages
            || (!self.ended.is_empty() && self.octets_in_group + message.octets > group.octets)
        {
            self.commit()?;
        }
        let Wanted { source, flags, .. } = &self.wanted[at];
        self.route.observer.event(&Event::MessageStarted {
            pair: self.route.pair,
            id: source,
            to: self.route.to,
            octets: message.octets,
        });
        self.octets_in_group += message.octets;
        self.current = Current::Flowing(at);
        match self.intake.begin(&Outgoing { source, flags, date: message.date, octets: message.octets }) {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(at, error),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Current::Flowing(at) = self.current else { return Ok(()) };
        self.report_octets(bytes.len() as u64);
        match self.intake.write(bytes) {
            Ok(()) => Ok(()),
            Err(error) => {
                if error.scope() == Scope::Message {
                    self.intake.discard()?;
                }
                self.refuse(at, error)
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        let Current::Flowing(at) = std::mem::replace(&mut self.current, Current::None) else { return Ok(()) };
        match self.intake.end() {
            Ok(()) => {
                self.ended.push(at);
                self.settled.push(at);
                Ok(())
            }
            Err(error) => self.refuse(at, error),
        }
    }

    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        if let Current::Flowing(_) = std::mem::replace(&mut self.current, Current::None) {
            self.intake.discard()?;
        }
        self.settled.extend(self.find(id));
        self.done.failed.push((id.clone(), self.route.to.other(), error));
        Ok(())
    }
}
