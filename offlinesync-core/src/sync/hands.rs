//! A large copy by several hands: each has its own pair of folder handles and takes the next range of messages when it is done with
//! one, newest first. Ranges are large at first, for between two of them a source has nothing to do, and small at the end, so that all
//! hands end together; a single hand takes everything at once. One thread, the caller's, records what all of them have made durable;
//! it touches no folder.
//!
//! A hand whose source fails for the time being (a lost connection) leaves its range to the others. Where the destination, or the
//! record of what it holds, has become unsure, everybody stops: what is there must be listed again before more is put there.

use super::copy::{Copied, Ledger, Pump, Route, Wanted};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::message::MessageId;
use crate::repository::{Folder, SourceFolder};
use crate::status::{Batch, FolderStatus};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// From so many messages on, a copy is shared. Those are some 16 MB of ordinary mail, a few seconds of an ordinary line.
pub(super) const LARGE: usize = 2000;
/// Messages in a range, at least.
const RANGE: usize = 500;
/// So many groups that are durable wait for their record, for each hand.
const WAITING: usize = 2;
/// So many rows are recorded in one go, about.
const ROWS: usize = 1000;

/// How many large copies the repositories can usefully carry out at the same time, and how many are under way.
#[derive(Debug)]
pub(super) struct Streams {
    limit: usize,
    busy: AtomicUsize,
}

impl Streams {
    pub(super) fn new(limit: usize) -> Self {
        Streams { limit, busy: AtomicUsize::new(0) }
    }

    /// One that is under way in any case.
    fn take(&self) -> Permit<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Permit(self)
    }

    /// One more, if there is room.
    fn take_if_free(&self) -> Option<Permit<'_>> {
        let more = |busy| (busy < self.limit).then_some(busy + 1);
        self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Permit(self))
    }
}

struct Permit<'a>(&'a Streams);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A pair of handles.
pub(super) struct Handles<'a> {
    pub(super) source: &'a mut dyn Folder,
    pub(super) destination: &'a mut dyn Folder,
}

impl Handles<'_> {
    /// A pair for another thread, if both folders allow it.
    pub(super) fn another(&self) -> Option<Pair> {
        Some(Pair { source: self.source.another()?, destination: self.destination.another()? })
    }
}

/// A pair of handles of one's own.
pub(super) struct Pair {
    source: Box<dyn Folder>,
    destination: Box<dyn Folder>,
}

impl Pair {
    fn handles(&mut self) -> Handles<'_> {
        Handles { source: self.source.as_mut(), destination: self.destination.as_mut() }
    }

    fn another(&self) -> Option<Pair> {
        Some(Pair { source: self.source.another()?, destination: self.destination.another()? })
    }
}

/// What is to be copied.
pub(super) struct Job<'a> {
    pub(super) route: Route<'a>,
    pub(super) from: SourceFolder,
    /// In ascending order of ids.
    pub(super) wanted: &'a [Wanted],
    /// Messages that nobody has taken yet, in the order in which they shall come.
    rest: Mutex<VecDeque<MessageId>>,
    /// How many hands there may be.
    hands: usize,
}

impl<'a> Job<'a> {
    /// `ids` are those of `wanted`, in the order in which they shall come.
    pub(super) fn new(
        route: Route<'a>,
        from: SourceFolder,
        wanted: &'a [Wanted],
        ids: Vec<MessageId>,
        streams: &Streams,
    ) -> Self {
        Job { route, from, wanted, rest: Mutex::new(ids.into()), hands: streams.limit.max(1) }
    }

    fn rest(&self) -> MutexGuard<'_, VecDeque<MessageId>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Vec<MessageId>> {
        let mut rest = self.rest();
        let share = if self.hands == 1 { rest.len() } else { rest.len() / (2 * self.hands) };
        let size = share.max(RANGE).min(rest.len());
        let range: Vec<MessageId> = match size == rest.len() {
            true => std::mem::take(&mut *rest).into(),
            false => rest.drain(..size).collect(),
        };
        (!range.is_empty()).then_some(range)
    }

    /// What was taken and not done comes first again.
    fn give_back(&self, left: Vec<MessageId>) {
        let mut rest = self.rest();
        left.into_iter().rev().for_each(|id| rest.push_front(id));
    }

    fn stop(&self) {
        self.rest().clear();
    }

    fn has_more(&self) -> bool {
        !self.rest().is_empty()
    }
}

/// What a hand tells the one who records.
enum Told {
    /// Effects that are durable now.
    Group(Batch, u64),
    /// It works no more.
    Ended(Copied, End),
}

/// How a hand ended.
enum End {
    /// There was nothing left to do.
    Done,
    /// It failed, and nobody is the worse for it: what it had not done is left to the others.
    LeftToOthers(Error),
    /// It failed, and everybody stops.
    Failed(Error),
}

/// A ledger that hands on to the one who records.
struct Sent(SyncSender<Told>);

impl Ledger for Sent {
    fn record(&mut self, batch: Batch, copied: u64) -> Result<()> {
        let gone = |_| Error::new(ErrorKind::Storage, "what was copied is not recorded any more");
        self.0.send(Told::Group(batch, copied)).map_err(gone)
    }
}

/// Copies everything, with as many hands as there is room for: `first` and those that `spare` gives.
pub(super) fn copy(
    job: &Job<'_>,
    first: Handles<'_>,
    spare: &Pair,
    streams: &Streams,
    status: &mut dyn FolderStatus,
) -> (Copied, Result<()>) {
    let (tell, told) = sync_channel(WAITING * streams.limit.max(1));
    std::thread::scope(|scope| {
        let permit = streams.take();
        let own = Sent(tell.clone());
        scope.spawn(move || work(job, first, own, permit));
        let mut clerk = Clerk { job, status, hands: 1, done: Copied::default(), failure: None, left: None };
        while clerk.hands > 0 {
            // With a source that is in trouble, as few as still can go on: a new hand for each that fails would never come to an end.
            while clerk.left.is_none()
                && job.has_more()
                && let Some(permit) = streams.take_if_free()
                && let Some(mut pair) = spare.another()
            {
                let own = Sent(tell.clone());
                scope.spawn(move || work(job, pair.handles(), own, permit));
                clerk.hands += 1;
            }
            clerk.listen(&told);
        }
        clerk.finish()
    })
}

/// One hand: range after range, until there is none or something is wrong.
fn work(job: &Job<'_>, handles: Handles<'_>, mut ledger: Sent, permit: Permit<'_>) {
    let mut farewell = Farewell { job, tell: ledger.0.clone(), last: None };
    farewell.last = Some(copy_ranges(job, handles, &mut ledger));
    drop(permit);
}

/// Says how a hand ended; also if it ended in a panic, for somebody counts the hands.
struct Farewell<'a, 'j> {
    job: &'a Job<'j>,
    tell: SyncSender<Told>,
    last: Option<(Copied, End)>,
}

impl Drop for Farewell<'_, '_> {
    fn drop(&mut self) {
        let failed = || {
            let done = Copied { unrecorded: true, ..Copied::default() };
            (done, End::Failed(Error::new(ErrorKind::Storage, "a worker failed")))
        };
        let (done, end) = self.last.take().unwrap_or_else(failed);
        if matches!(end, End::Failed(_)) {
            self.job.stop();
        }
        // It is listened to until all have said this.
        let _ = self.tell.send(Told::Ended(done, end));
    }
}

fn copy_ranges(job: &Job<'_>, handles: Handles<'_>, ledger: &mut Sent) -> (Copied, End) {
    let Handles { source, destination } = handles;
    let intake = match destination.intake(&job.from) {
        Ok(intake) => intake,
        Err(error) => return (Copied::default(), End::Failed(error)),
    };
    let form = intake.line_ending();
    let mut pump = Pump::new(job.route, intake, ledger, job.wanted);
    let (mut outcome, mut left) = (Ok(()), Vec::new());
    while outcome.is_ok()
        && let Some(range) = job.next()
    {
        outcome = job.route.cancel.check().and_then(|()| source.fetch(&range, form, &mut pump));
        left = pump.unsettled(&range);
    }
    let broken = pump.is_broken();
    let (done, committed) = pump.finish(Ok(()));
    let end = match (outcome, committed) {
        (Ok(()), Ok(())) => End::Done,
        (Err(error), Ok(())) if !broken && error.kind() == ErrorKind::Unavailable => {
            job.give_back(left);
            End::LeftToOthers(error)
        }
        (Err(error), _) | (Ok(()), Err(error)) => End::Failed(error),
    };
    (done, end)
}

/// The one who records.
struct Clerk<'a, 'j> {
    job: &'a Job<'j>,
    status: &'a mut dyn FolderStatus,
    hands: usize,
    done: Copied,
    /// Why everybody stops.
    failure: Option<Error>,
    /// Why the last hand that left its work to the others did so.
    left: Option<Error>,
}

impl Clerk<'_, '_> {
    /// Records what has come; waits for it if nothing has.
    fn listen(&mut self, told: &Receiver<Told>) {
        let Ok(first) = told.recv() else {
            self.hands = 0;
            return;
        };
        let (mut batch, mut copied) = (Batch::default(), 0);
        for told in std::iter::once(first).chain(told.try_iter()) {
            match told {
                Told::Group(more, count) => {
                    copied += count;
                    batch.upsert.extend(more.upsert);
                    batch.delete.extend(more.delete);
                    batch.intents.extend(more.intents);
                    batch.settled.extend(more.settled);
                }
                Told::Ended(done, end) => self.take_leave(done, end),
            }
            if batch.upsert.len() >= ROWS {
                break;
            }
        }
        self.record(batch, copied);
    }

    /// What cannot be recorded any more is found again by the next run.
    fn record(&mut self, batch: Batch, copied: u64) {
        if batch.is_empty() {
            return;
        }
        let (pair, to) = (self.job.route.pair, self.job.route.to);
        match self.status.apply(batch) {
            Ok(()) => {
                self.done.copied += copied;
                self.job.route.observer.event(&Event::MessagesCopied { pair, to, messages: copied });
            }
            Err(error) => {
                self.job.stop();
                self.done.unrecorded = true;
                self.failure.get_or_insert(error);
            }
        }
    }

    fn take_leave(&mut self, done: Copied, end: End) {
        self.hands -= 1;
        self.done.octets += done.octets;
        self.done.failed.extend(done.failed);
        self.done.unnamed.extend(done.unnamed);
        self.done.rows.extend(done.rows);
        self.done.unrecorded |= done.unrecorded;
        match end {
            End::Done => {}
            End::LeftToOthers(error) => self.left = Some(error),
            End::Failed(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }

    /// What a hand left undone and another did is no failure.
    fn finish(self) -> (Copied, Result<()>) {
        let left = self.left.filter(|_| self.job.has_more());
        (self.done, self.failure.or(left).map_or(Ok(()), Err))
    }
}
