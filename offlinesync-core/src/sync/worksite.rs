//! What the workers of one run share: listener, cancel token, how much went wrong; and how one pair is worked on.

use super::account::{Account, Task};
use super::hands::Streams;
use super::moves;
use super::street::{Outcome, Prepared, place};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::event::{Event, Observer};
use crate::message::{PerSide, Side};
use crate::plan::brake;
use crate::policy::BrakeLimits;
use crate::status::FolderPair;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How much trouble ends the work on an account.
const TROUBLES: u32 = 3;

/// What all who work for one run share.
pub(super) struct Worksite<'a> {
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    /// Messages that both sides agreed on at the last sync.
    rows: u64,
    streams: Arc<Streams>,
    /// Failures that will meet every folder.
    troubles: AtomicU32,
}

/// How the work on a pair ended.
pub(super) type End = (FolderPair, Outcome, Result<()>);

impl<'a> Worksite<'a> {
    pub(super) fn new(observer: &'a dyn Observer, cancel: &'a Cancel, rows: u64, streams: usize) -> Self {
        Worksite { observer, cancel, rows, streams: Arc::new(Streams::new(streams)), troubles: AtomicU32::new(0) }
    }

    /// Whether anything can have been moved or removed.
    pub(super) fn moves_possible(&self) -> bool {
        self.rows > 0
    }

    /// `None` after too much trouble.
    pub(super) fn prepare(&self, account: &'a Account, task: &'a Task) -> Option<Result<Prepared<'a>>> {
        self.watch(&task.pair, || {
            self.observer.event(&Event::FolderStarted { pair: &task.pair });
            account.street(task, self.streams.clone(), self.observer, self.cancel)?.prepare()
        })
    }

    pub(super) fn walk(&self, street: Prepared<'_>) -> Option<End> {
        let pair = street.pair().clone();
        let mut outcome = Outcome::default();
        let result = self.watch(&pair, || {
            let (done, result) = street.walk();
            outcome = done;
            result
        });
        self.observer.event(&Event::FolderFinished { pair: &pair });
        result.map(|result| (pair, outcome, result))
    }

    /// Works on a pair unless there was too much trouble, and tells a failure.
    fn watch<T>(&self, pair: &FolderPair, work: impl FnOnce() -> Result<T>) -> Option<Result<T>> {
        if self.troubles.load(Ordering::Relaxed) >= TROUBLES {
            return None;
        }
        let result = work();
        if let Err(error) = &result {
            self.tell(pair, error);
        }
        Some(result)
    }

    /// A lost connection may be one folder's bad luck; what will not be better for the next folder ends the work at once.
    fn tell(&self, pair: &FolderPair, error: &Error) {
        self.observer.event(&Event::FolderFailed { pair, error });
        let weight = match error.kind() {
            ErrorKind::Unavailable => 1,
            _ if error.scope() == Scope::Account => TROUBLES,
            _ => 0,
        };
        self.troubles.fetch_add(weight, Ordering::Relaxed);
    }

    /// Follows moves between the folders that wait; those for which that failed wait no longer.
    pub(super) fn follow_moves(&self, streets: &mut Vec<Prepared<'_>>) -> Vec<End> {
        let failed = moves::follow(streets).into_iter().collect();
        self.take_out(streets, failed)
    }

    /// Judges what all folders that wait are about to lose, together. If that is too much, those that would lose anything wait no longer.
    pub(super) fn refuse_losses(&self, streets: &mut Vec<Prepared<'_>>, limits: &BrakeLimits) -> Vec<End> {
        let removals = |street: &Prepared<'_>, side: Side| street.removals()[side];
        let all = PerSide::from_fn(|side| streets.iter().map(|street| removals(street, side)).sum());
        let Err(refusal) = brake::check_total(all, self.rows, limits) else { return Vec::new() };
        let losing = streets.iter().enumerate().filter(|(_, street)| removals(street, refusal.side) > 0);
        let failed = losing.map(|(at, street)| (at, Error::from(refusal).at(place(street.pair())))).collect();
        self.take_out(streets, failed)
    }

    fn take_out(&self, streets: &mut Vec<Prepared<'_>>, mut failed: BTreeMap<usize, Error>) -> Vec<End> {
        let mut ends = Vec::new();
        let mut at = 0;
        streets.retain(|street| {
            let error = failed.remove(&at);
            at += 1;
            let keep = error.is_none();
            if let Some(error) = error {
                self.tell(street.pair(), &error);
                ends.push((street.pair().clone(), Outcome::default(), Err(error)));
            }
            keep
        });
        ends
    }
}
