//! One pair of folders, once along the street: `listed` (list, difference, pair), `proposal` (plan, brake), execute, `record`. One owner,
//! no lock.
//!
//! After a change to a side the road is walked again with a listing since the cursor: it finds our own changes agreed on, takes
//! in what others did meanwhile, and ends with cursors and witnesses that cover exactly what the rows say.

use super::execute::Executed;
use super::hands::Streams;
use super::listing::Planned;
use super::patience::Patience;
use super::refusals;
use super::unkept::Told;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::flags::{FlagSupport, Keywords};
use crate::message::{MessageId, PerSide, Side, Uid};
use crate::plan::Counts;
use crate::plan::brake::{self, FolderLoss};
use crate::policy::Policy;
use crate::repository::Folder;
use crate::status::{FolderPair, FolderStatus};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often the road is walked at most; others who change a folder as fast as we do get their changes synced next time.
const ROUNDS: usize = 4;

/// What the walk needs.
pub(super) struct Street<'a> {
    pub(super) pair: &'a FolderPair,
    pub(super) folders: PerSide<Box<dyn Folder>>,
    pub(super) status: Box<dyn FolderStatus>,
    pub(super) policy: &'a Policy,
    /// Messages of each side that are not copied to the other.
    pub(super) never_copied: PerSide<BTreeSet<Uid>>,
    /// The account-wide brake has seen this folder losing everything and lets it pass.
    pub(super) may_be_emptied: bool,
    /// Whether each side may have changed since it was recorded.
    pub(super) touched: PerSide<bool>,
    /// Whether each side calls the folder by another identity than was recorded.
    pub(super) anew: PerSide<bool>,
    /// What each side calls it now, whatever its name.
    pub(super) identity: PerSide<Option<Box<[u8]>>>,
    pub(super) terms: PerSide<Terms>,
    pub(super) streams: Arc<Streams>,
    /// What each side said it stored since it was listed.
    pub(super) stored: PerSide<Vec<MessageId>>,
    /// Uploads of this run whose rows no listing has confirmed yet.
    pub(super) claimed: BTreeSet<(Side, MessageId)>,
    /// Keywords that were told in this run, and those among them that were not kept.
    pub(super) told: Told,
    pub(super) unkept: Keywords,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
}

/// What a side takes, as its last listing said: a later one may be about the other side alone.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) support: FlagSupport,
    pub(super) read_only: bool,
}

/// How a walk ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What was done (dry run: what would be done).
    pub(super) counts: Counts,
    /// Octets of message content copied.
    pub(super) octets: u64,
    /// Messages that failed.
    pub(super) failed: Vec<(MessageId, Side, Error)>,
    /// The folder lost all its messages on one side; nothing was done until the whole account was looked at.
    pub(super) emptied: Option<FolderLoss>,
}

/// A street that has been listed and planned, and waits to go on.
pub(super) struct Prepared<'a> {
    pub(super) street: Street<'a>,
    pub(super) planned: Planned,
    /// Sides that were changed since the listing, by moves.
    pub(super) moved: PerSide<bool>,
}

impl<'a> Street<'a> {
    /// Lists and plans. Changes nothing but forgetting rows whose numbering is gone.
    pub(super) fn prepare(mut self) -> Result<Prepared<'a>> {
        let mut patience = Patience::new(self.policy);
        let planned = loop {
            self.cancel.check()?;
            match self.list_and_plan(false) {
                Err(error) if patience.wait(&error, false, (self.observer, self.cancel))? => {}
                planned => break planned?,
            }
        };
        Ok(Prepared { street: self, planned, moved: PerSide::default() })
    }

    /// Walks again what was broken off, from a fresh listing, as the next run would; until it goes through or patience ends.
    fn walk_again(&mut self, mut result: Result<()>, outcome: &mut Outcome) -> Result<()> {
        let (mut patience, mut octets) = (Patience::new(self.policy), 0);
        loop {
            let passing = |error: &&Error| Patience::will_pass(error);
            let why = match &result {
                Ok(()) => outcome.failed.iter().map(|(_, _, error)| error).find(passing).map(Error::again),
                Err(error) => Some(error).filter(passing).map(Error::again),
            };
            let progress = std::mem::replace(&mut octets, outcome.octets) != outcome.octets;
            match why {
                Some(why) if patience.wait(&why, progress, (self.observer, self.cancel))? => {}
                _ => break,
            }
            outcome.failed.retain(|(_, _, error)| !Patience::will_pass(error));
            self.touched = PerSide { remote: true, local: true };
            // What is planned now was counted when it was planned before.
            let counted = outcome.counts;
            result = self.list_and_plan(false).and_then(|planned| self.rounds(planned, PerSide::default(), outcome));
            outcome.counts = counted;
        }
        let last = outcome.failed.iter().filter(|(_, _, error)| Patience::will_pass(error));
        self.tell_failures(last);
        result
    }
}

impl Prepared<'_> {
    /// Carries out the plan and walks on until nothing is left to do. What was done before an error is recorded.
    pub(super) fn walk(mut self) -> (Outcome, Result<()>) {
        let mut outcome = Outcome::default();
        let result = self.street.rounds(self.planned, self.moved, &mut outcome);
        let result = self.street.walk_again(result, &mut outcome);
        (outcome, result)
    }
}

impl Street<'_> {
    fn rounds(&mut self, first: Planned, moved: PerSide<bool>, outcome: &mut Outcome) -> Result<()> {
        let mut first = Some(first);
        for round in 0..ROUNDS {
            let planned = match first.take() {
                Some(planned) => planned,
                None => {
                    self.cancel.check()?;
                    self.list_and_plan(true)?
                }
            };
            let counts = planned.plan.counts();
            let rows = self.rows_of_both(&counts)?;
            outcome.emptied = self.loss(&counts, rows);
            if outcome.emptied.is_some() {
                return Ok(());
            }
            self.announce(&planned.plan, &counts)?;
            brake::check(&counts, rows, &self.policy.brake)
                .map_err(|refusal| Error::from(refusal).at(place(self.pair)))?;
            outcome.counts.add(&counts);
            if self.policy.dry_run {
                return Ok(());
            }
            let Some(mut changed) = self.carry_out(planned, outcome)? else { return Ok(()) };
            if round == 0 {
                Side::BOTH.into_iter().for_each(|side| changed[side] |= moved[side]);
            }
            if changed == PerSide::default() {
                return Ok(());
            }
            self.touched = changed;
        }
        Ok(())
    }

    /// Answers the sides that were changed; `None` if something failed, so that walking on would only fail again.
    fn carry_out(&mut self, mut planned: Planned, outcome: &mut Outcome) -> Result<Option<PerSide<bool>>> {
        self.begin(&mut planned)?;
        let Planned { listings, plan, unidentified, unread, settled, record, contents, window, .. } = planned;
        let mut executed = Executed::default();
        let mut site = self.site(&record, settled);
        let withheld = plan.withheld;
        let result = site.execute(plan, &mut executed);
        outcome.octets += executed.octets;
        Side::BOTH.into_iter().for_each(|side| self.stored[side].append(&mut executed.stored[side]));
        self.claimed.extend(std::mem::take(&mut executed.claimed));
        self.told.append(std::mem::take(&mut executed.told));
        let complete = result.is_ok() && executed.failed.is_empty() && unidentified.is_empty() && unread.is_empty();
        self.tell_failures(executed.failed.iter().filter(|(_, _, error)| !Patience::will_pass(error)));
        outcome.failed.append(&mut executed.failed);
        outcome.failed.extend(unidentified.into_iter().map(|(to, id)| (id, to, refusals::unidentified(self.pair, to))));
        outcome.failed.extend(unread.into_failures(self.pair));
        result?;
        self.record(record, listings, contents, complete.then_some(window), withheld)?;
        Ok(complete.then_some(executed.changed))
    }

    /// Writes the numbering before the first row that depends on it.
    fn tell_failures<'f>(&self, failed: impl Iterator<Item = &'f (MessageId, Side, Error)>) {
        for (id, on, error) in failed {
            self.observer.event(&Event::MessageFailed { pair: self.pair, id, on: *on, error });
        }
    }
}

/// How a pair is called in messages.
pub(super) fn place(pair: &FolderPair) -> String {
    match pair.remote == pair.local {
        true => format!("folder '{}'", pair.remote),
        false => format!("folder '{}' ('{}' locally)", pair.remote, pair.local),
    }
}
