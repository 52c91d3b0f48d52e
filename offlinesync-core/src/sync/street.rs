//! One pair of folders, once along the street: list, difference, pair, plan, brake, execute, record. One owner, no lock.
//!
//! After a change to a side the road is walked again with a listing since the cursor: it finds our own changes agreed on, takes
//! in what others did meanwhile, and ends with cursors and witnesses that cover exactly what the rows say.

use super::claims::{self, Claim};
use super::difference::{Contents, Listings, contents_of, difference, speaks};
use super::doubt;
use super::execute::{Executed, Site};
use super::hands::Streams;
use super::pairing::{Circumstances, Settled, pair};
use super::patience::Patience;
use super::refusals;
use super::unread::Unread;
use super::window::leave_out;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::flags::FlagSupport;
use crate::message::{ContentId, MessageId, PerSide, Side, Uid, UidValidity};
use crate::plan::brake::{self, FolderLoss};
use crate::plan::{Action, Counts, Plan, PlanPolicy, Step, Touched, plan};
use crate::policy::Policy;
use crate::repository::{ChangeSet, Folder, NothingKnown, SourceFolder};
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, Row};
use crate::window::Window;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often the road is walked at most; others who change a folder as fast as we do get their changes synced next time.
const ROUNDS: usize = 4;

/// How often a side is listed again at most because more of an interrupted upload comes in.
const LATECOMERS: usize = 60;

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
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
}

/// What a side takes, as its last listing said: a later one may be about the other side alone.
#[derive(Debug, Default)]
pub(super) struct Terms {
    support: FlagSupport,
    read_only: bool,
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

/// A listed folder, compared and planned.
struct Planned {
    listings: Listings,
    plan: Plan,
    unidentified: Vec<(Side, MessageId)>,
    unread: Unread,
    settled: Vec<(Side, MessageId)>,
    record: FolderRecord,
    contents: Contents,
    /// What the listings pass over, once all that they tell has been dealt with.
    window: Window,
}

/// A street that has been listed and planned, and waits to go on.
pub(super) struct Prepared<'a> {
    street: Street<'a>,
    planned: Planned,
    /// Sides that were changed since the listing, by moves.
    moved: PerSide<bool>,
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

    pub(super) fn pair(&self) -> &FolderPair {
        self.street.pair
    }

    pub(super) fn dry_run(&self) -> bool {
        self.street.policy.dry_run
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        self.street.observer
    }

    /// How many messages the plan removes from each side.
    pub(super) fn removals(&self) -> PerSide<u64> {
        self.planned.plan.counts().removals
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.planned.plan.steps
    }

    pub(super) fn folder(&mut self, side: Side) -> &mut dyn Folder {
        self.street.folders[side].as_mut()
    }

    /// A side's folder, where its numbering is known.
    pub(super) fn source(&self, side: Side) -> Option<SourceFolder> {
        let uid_validity = numbering_of(&self.planned.listings, &self.planned.record, side)?;
        Some(SourceFolder { name: self.street.pair[side].clone(), uid_validity })
    }

    pub(super) fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        self.street.status.row(side, id)
    }

    /// What a side's listing calls the content of a message.
    pub(super) fn listed_content(&self, side: Side, id: &MessageId) -> Option<ContentId> {
        let contents = &self.planned.contents[side];
        contents.binary_search_by(|(other, _)| other.cmp(id)).ok().map(|at| contents[at].1)
    }

    /// What a side called the content of a message that has a row.
    pub(super) fn recorded_content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        self.street.status.content(side, id)
    }

    /// Writes what a move did, after the numbering that the rows depend on.
    pub(super) fn record_move(&mut self, on: Side, batch: Batch) -> Result<()> {
        self.moved[on] = true;
        self.street.begin(&mut self.planned)?;
        self.street.status.apply(batch)
    }

    /// Notes the number that a store says it gave a message: a claim, as that of an upload, until the next listing. `false`: it is a name, and
    /// of our own making.
    pub(super) fn claim(&mut self, on: Side, source: &MessageId, new: &MessageId) -> bool {
        let numbered = new.uid().is_some();
        if numbered {
            self.street.stored[on].push(new.clone());
            self.street.claimed.insert((on, source.clone()));
        }
        numbered
    }

    /// Exchanges the steps for which `keep` does not hold for what follows from `instead`.
    pub(super) fn replan(&mut self, keep: impl FnMut(&Step) -> bool, instead: Vec<Touched>) {
        self.planned.plan.steps.retain(keep);
        let more = self.street.plan(instead);
        self.planned.plan.steps.extend(more.steps);
        for side in Side::BOTH {
            self.planned.plan.withheld[side] |= more.withheld[side];
        }
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

    fn list_and_plan(&mut self, own_changes_only: bool) -> Result<Planned> {
        let mut record = self.status.record()?;
        let mut intents = self.intents()?;
        // An unfinished upload is looked for among everything there is: a source left out of a listing is not a source that is gone.
        // What a narrower window left out, no cursor tells again.
        let wider = self.policy.window.is_wider_than(&record.window);
        let passed_over = if wider { self.policy.window } else { self.policy.window.and(&record.window) };
        let whole = wider || self.has_open(&intents)?;
        let wanted = if whole { PerSide { remote: true, local: true } } else { self.touched };
        let mut listings = self.list(&mut record, wanted, whole)?;
        self.await_latecomers(&intents, &mut listings)?;
        self.check_numbering(&mut record, &mut listings, &mut intents)?;
        if !whole && !own_changes_only && speaks(&mut listings, self.status.as_ref())? {
            self.list_the_rest(&mut record, &mut listings)?;
        }
        let contents = PerSide::from_fn(|side| contents_of(listings[side].as_ref()));
        let mut found = difference(&mut listings, self.status.as_ref())?;
        let claims = Claim::take(&mut intents, self.status.as_ref())?;
        let judged = claims::judge(&claims, &found, &mut self.folders)?;
        if !judged.wrong.is_empty() && !self.policy.dry_run {
            // Their intents stand, so what was uploaded is looked for by content, and what the rows named is news.
            self.status.apply(Batch { delete: judged.wrong, ..Batch::default() })?;
            return self.list_and_plan(own_changes_only);
        }
        judged.set_aside(&mut found);
        if !own_changes_only {
            let messages = found.messages(self.status.count()?);
            self.observer.event(&Event::FolderRead { pair: self.pair, messages });
        }
        let first_meeting = Side::BOTH.into_iter().any(|side| record.uid_validity[side].is_none());
        let circumstances = Circumstances {
            pair: self.pair,
            uid_validity: PerSide::from_fn(|side| numbering_of(&listings, &record, side)),
            first_meeting,
            names_tell: Side::BOTH.into_iter().all(|side| !doubt::is_doubted(&record, side)),
            regardless: self.policy.accept_new_numbering,
            intents: &intents,
        };
        let (mut paired, mut settled) = pair(found, &mut self.folders, &circumstances)?;
        settled.settled.extend(judged.confirmed(&claims).filter(|(to, _)| listings[*to].is_some()));
        settled.unread.append(judged.unread);
        leave_out(&mut paired, &settled.settled, &mut self.folders, &self.policy.window)?;
        self.come_to_terms(&listings);
        let plan = self.plan(paired.into_touched());
        let Settled { unidentified, unread, settled } = settled;
        Ok(Planned { listings, plan, unidentified, unread, settled, record, contents, window: passed_over })
    }

    /// Whether any of the uploads is not one that the listing to come will confirm.
    fn has_open(&self, intents: &[Intent]) -> Result<bool> {
        for intent in intents {
            if !claims::awaits(&self.claimed, intent, self.status.as_ref())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Uploads that were begun and not recorded. Whoever lets numbers be given anew lets uploads be sent again that are not found.
    fn intents(&mut self) -> Result<Vec<Intent>> {
        let mut intents = self.status.intents()?;
        if self.policy.accept_new_numbering && intents.iter().any(|intent| intent.confirmed) {
            for intent in &mut intents {
                intent.confirmed &= Claim::row_of(intent, self.status.as_ref())?.is_some();
            }
            if !self.policy.dry_run {
                self.status.apply(Batch { intents: intents.clone(), ..Batch::default() })?;
            }
        }
        Ok(intents)
    }

    /// An upload that was cut short, by a crash or a lost connection, may still be on its way into the store, and would be there twice
    /// if it was not waited for: the side is listed again until nothing more comes in.
    fn await_latecomers(&mut self, intents: &[Intent], listings: &mut Listings) -> Result<()> {
        for side in Side::BOTH {
            let pause = self.folders[side].aftermath();
            let open = intents.iter().any(|intent| intent.to == side && !intent.confirmed);
            if !open || pause.is_zero() || self.policy.dry_run {
                continue;
            }
            for _ in 0..LATECOMERS {
                self.cancel.pause(pause)?;
                let before = listings[side].replace(self.folders[side].changes(None, &NothingKnown)?);
                let ids = |set: &Option<ChangeSet>| {
                    set.iter().flat_map(|set| &set.present).map(|entry| entry.id.clone()).collect::<BTreeSet<_>>()
                };
                if ids(&before) == ids(&listings[side]) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A side that nobody touched is listed too once there is something to do in the folder, so that the plan is made from both
    /// sides as they are, and every change goes to a folder whose numbering was just seen.
    fn list_the_rest(&mut self, record: &mut FolderRecord, listings: &mut Listings) -> Result<()> {
        let missing = PerSide::from_fn(|side| listings[side].is_none());
        let rest = self.list(record, missing, false)?;
        for (side, set) in [(Side::Remote, rest.remote), (Side::Local, rest.local)] {
            listings[side] = listings[side].take().or(set);
        }
        self.check_numbering(record, listings, &mut Vec::new())
    }

    fn come_to_terms(&mut self, listings: &Listings) {
        for side in Side::BOTH {
            if let Some(set) = &listings[side] {
                self.terms[side] = Terms { support: set.support.clone(), read_only: set.read_only };
            }
        }
    }

    /// What both sides can keep.
    fn support(&self) -> FlagSupport {
        self.terms.remote.support.both(&self.terms.local.support)
    }

    fn plan(&self, touched: impl IntoIterator<Item = Touched>) -> Plan {
        let read_only = PerSide::from_fn(|side| self.policy.read_only[side] || self.terms[side].read_only);
        let policy = PlanPolicy {
            read_only,
            refusing: PerSide::from_fn(|side| !self.policy.read_only[side] && self.terms[side].read_only),
            propagate_removals: self.policy.propagate_removals,
            conflict: self.policy.conflict,
            support: self.support(),
        };
        let mut plan = plan(touched, &policy);
        for side in Side::BOTH.into_iter().filter(|side| !self.never_copied[*side].is_empty()) {
            self.leave_out(side, &mut plan);
        }
        plan
    }

    /// Takes the copies out that the user does not want. They are news again next time, when the user may want them.
    fn leave_out(&self, from: Side, plan: &mut Plan) {
        let unwanted = |step: &Step| {
            let id = copied(step, from.other())?;
            id.uid().is_some_and(|uid| self.never_copied[from].contains(&uid)).then_some(id)
        };
        let before = plan.steps.len();
        plan.steps.retain(|step| match unwanted(step) {
            Some(id) => {
                self.observer.event(&Event::MessageIgnored { pair: self.pair, id: &id, to: from.other() });
                false
            }
            None => true,
        });
        plan.withheld[from] |= plan.steps.len() < before;
    }

    fn announce(&mut self, plan: &Plan, counts: &Counts) -> Result<()> {
        self.observer.event(&Event::FolderPlanned { pair: self.pair, plan, counts });
        for step in plan.steps.iter().filter(|step| step.notice.is_some()) {
            let id = step.ids.remote.as_ref().or(step.ids.local.as_ref());
            if let (Some(notice), Some(id)) = (step.notice, id) {
                self.observer.event(&Event::Noticed { pair: self.pair, id, notice });
            }
        }
        if self.policy.dry_run && self.policy.show_messages { self.show(plan) } else { Ok(()) }
    }

    fn show(&mut self, plan: &Plan) -> Result<()> {
        for to in Side::BOTH {
            let ids: Vec<MessageId> = plan.steps.iter().filter_map(|step| copied(step, to)).collect();
            let (pair, observer) = (self.pair, self.observer);
            self.folders[to.other()].headers(&ids, &mut |headers| {
                observer.event(&Event::MessagePlanned { pair, id: headers.id, to, header: headers.header });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// How many messages both sides share, for the brake. Rows of messages that are alone are left out; they are rare, and counted only
    /// where it matters.
    fn rows_of_both(&self, counts: &Counts) -> Result<u64> {
        let (mut rows, lost) = (self.status.count()?, counts.vanished != PerSide::default());
        if lost {
            self.status.rows(&mut |row| {
                rows -= u64::from(row.is_alone_on().is_some());
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// A folder that lost everything waits until the whole account was looked at, even if it will be refused by itself: it must
    /// count when the account is judged, or a wiped store would still lose its small folders.
    fn loss(&self, counts: &Counts, rows: u64) -> Option<FolderLoss> {
        let emptied = brake::empties(counts, rows);
        let waits = emptied != PerSide::default() && !self.may_be_emptied;
        waits.then(|| FolderLoss::new(counts, rows))
    }

    /// Answers the sides that were changed; `None` if something failed, so that walking on would only fail again.
    fn carry_out(&mut self, mut planned: Planned, outcome: &mut Outcome) -> Result<Option<PerSide<bool>>> {
        self.begin(&mut planned)?;
        let Planned { listings, plan, unidentified, unread, settled, record, contents, window } = planned;
        let mut executed = Executed::default();
        let mut site = self.site(&record, settled);
        let withheld = plan.withheld;
        let result = site.execute(plan, &mut executed);
        outcome.octets += executed.octets;
        Side::BOTH.into_iter().for_each(|side| self.stored[side].append(&mut executed.stored[side]));
        self.claimed.extend(std::mem::take(&mut executed.claimed));
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
    fn begin(&mut self, planned: &mut Planned) -> Result<()> {
        let before = planned.record.clone();
        planned.record.uid_validity =
            PerSide::from_fn(|side| Some(numbering_of(&planned.listings, &before, side).unwrap_or(UidValidity(0))));
        let settled = std::mem::take(&mut planned.settled);
        let mut site = self.site(&planned.record, settled);
        site.begin(&before, &planned.plan)?;
        planned.settled = site.settled.into_iter().collect();
        Ok(())
    }

    fn site(&mut self, record: &FolderRecord, settled: Vec<(Side, MessageId)>) -> Site<'_> {
        let support = self.support();
        Site {
            pair: self.pair,
            folders: &mut self.folders,
            status: self.status.as_mut(),
            uid_validity: record.uid_validity.map(|validity| validity.unwrap_or(UidValidity(0))),
            support,
            settled: settled.into_iter().collect(),
            streams: &self.streams,
            observer: self.observer,
            cancel: self.cancel,
        }
    }

    fn tell_failures<'f>(&self, failed: impl Iterator<Item = &'f (MessageId, Side, Error)>) {
        for (id, on, error) in failed {
            self.observer.event(&Event::MessageFailed { pair: self.pair, id, on: *on, error });
        }
    }

    /// Moves the cursors past what has been dealt with: only when all of it has. A side whose news was withheld is listed whole next
    /// time, for no cursor would tell that news again.
    fn record(
        &mut self,
        before: FolderRecord,
        listings: Listings,
        contents: Contents,
        complete: Option<Window>,
        withheld: PerSide<bool>,
    ) -> Result<()> {
        // Cursors that stay where they were have passed over what they had passed over.
        let mut after = FolderRecord { window: complete.unwrap_or(before.window), ..before.clone() };
        for side in Side::BOTH {
            let Some(ChangeSet { uid_validity, cursor, witness, .. }) = &listings[side] else { continue };
            after.uid_validity[side] = Some(*uid_validity);
            if complete.is_some() {
                after.cursor[side] = cursor.clone();
                after.witness[side] = witness.as_ref().map(|witness| witness.token.clone());
            }
            if withheld[side] {
                (after.cursor[side], after.witness[side]) = (doubt::as_evidence(&after, side), None);
            }
            if complete.is_some() {
                after.identity[side] = self.identity[side].clone().or(after.identity[side].take());
            }
        }
        if complete.is_none() {
            // What failed is looked at again next time, even where nothing changes until then.
            after.witness = PerSide::default();
        }
        let of = |side: Side, ids: Vec<(MessageId, ContentId)>| ids.into_iter().map(move |(id, name)| (side, id, name));
        let contents = of(Side::Remote, contents.remote).chain(of(Side::Local, contents.local)).collect();
        let record = (self.status.record()? != after).then_some(after);
        let batch = Batch { record, contents, ..Batch::default() };
        if batch.is_empty() { Ok(()) } else { self.status.apply(batch) }
    }
}

impl Site<'_> {
    /// Writes a new numbering, and deletes the intents whose answer is that nothing came of them. The intent of an upload that was
    /// found again goes with the step that deals with it, in one transaction: without it and without a row, the next run would take
    /// the two for two messages.
    ///
    /// A first meeting is over once the numbering is written, so the rows of all pairs it found are written with it.
    fn begin(&mut self, record: &FolderRecord, plan: &Plan) -> Result<()> {
        let now = self.uid_validity.map(Some);
        let first_meeting = record.uid_validity.remote.is_none() || record.uid_validity.local.is_none();
        let record = (record.uid_validity != now).then(|| FolderRecord { uid_validity: now, ..record.clone() });
        let upsert = if first_meeting { plan.steps.iter().filter_map(agreed).collect() } else { Vec::new() };
        let mut found: BTreeSet<(Side, MessageId)> = plan.steps.iter().flat_map(|step| self.settled_by(step)).collect();
        for key in upsert.iter().flat_map(|row: &Row| self.settled(&row.ids)) {
            found.remove(&key);
        }
        let settled = self.settled.difference(&found).cloned().collect();
        self.settled = found;
        let batch = Batch { record, upsert, settled, ..Batch::default() };
        if batch.is_empty() { Ok(()) } else { self.status.apply(batch) }
    }

    fn settled_by(&self, step: &Step) -> Vec<(Side, MessageId)> {
        match (&step.action, &step.ids) {
            (Action::Merge { .. } | Action::Remove { .. }, PerSide { remote: Some(remote), local: Some(local) }) => {
                self.settled(&PerSide { remote: remote.clone(), local: local.clone() }).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The row of a pair that was just found: what both sides agree on so far. Flags of one side alone are new on that side.
fn agreed(step: &Step) -> Option<Row> {
    match (&step.action, &step.ids) {
        (Action::Merge { store, base }, PerSide { remote: Some(remote), local: Some(local) }) => {
            let added = Side::BOTH.into_iter().filter_map(|side| store[side].as_ref());
            let base = added.fold(base.clone(), |base, delta| base.difference(&delta.add));
            Some(Row { ids: PerSide { remote: remote.clone(), local: local.clone() }, base })
        }
        _ => None,
    }
}

fn numbering_of(listings: &Listings, record: &FolderRecord, side: Side) -> Option<UidValidity> {
    listings[side].as_ref().map(|set| set.uid_validity).or(record.uid_validity[side])
}

fn copied(step: &Step, to: Side) -> Option<MessageId> {
    match step.action {
        Action::Copy { to: side, .. } if side == to => step.ids[to.other()].clone(),
        _ => None,
    }
}

/// How a pair is called in messages.
pub(super) fn place(pair: &FolderPair) -> String {
    match pair.remote == pair.local {
        true => format!("folder '{}'", pair.remote),
        false => format!("folder '{}' ('{}' locally)", pair.remote, pair.local),
    }
}
