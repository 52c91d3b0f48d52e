//! Carries out a plan: groups neighbours, goes on past a bad message, and records each effect after it is durable. Decides nothing.

use super::content::{self, Content};
use super::copy::{Copied, Direct, Pump, Route, Wanted};
use super::hands::{self, Handles, Job, Streams};
use super::returned;
use super::unkept::Told;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::flags::{FlagSupport, Flags, SystemFlags};
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::{Action, FlagDelta, Plan, Step};
use crate::repository::{Failures, FlagChange, Folder, Partner, SourceFolder};
use crate::status::{Batch, FolderPair, FolderStatus, Intent, KnownBy, Row};
use std::collections::{BTreeMap, BTreeSet};

/// How many messages go into one call of `store` or `remove`, and into one group of intents.
const GROUP: usize = 1000;
/// How many rows go into one transaction when nothing but rows is written.
const ROWS: usize = 10_000;

/// Where a plan is carried out.
pub(super) struct Site<'a> {
    pub(super) pair: &'a FolderPair,
    pub(super) folders: &'a mut PerSide<Box<dyn Folder>>,
    pub(super) status: &'a mut dyn FolderStatus,
    pub(super) uid_validity: PerSide<UidValidity>,
    pub(super) support: FlagSupport,
    /// Intents that are answered: each is deleted with the row of its message.
    pub(super) settled: BTreeSet<(Side, MessageId)>,
    pub(super) streams: &'a Streams,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
}

/// What was done, besides the rows.
#[derive(Debug, Default)]
pub(super) struct Executed {
    /// Sides that were changed.
    pub(super) changed: PerSide<bool>,
    /// Messages that failed.
    pub(super) failed: Vec<(MessageId, Side, Error)>,
    /// Octets of message content that came out of a source.
    pub(super) octets: u64,
    /// Messages copied to each side.
    pub(super) copied: PerSide<u64>,
    /// Numbered messages that each side says it stored.
    pub(super) stored: PerSide<Vec<MessageId>>,
    /// More may be in a folder than what is recorded.
    pub(super) unrecorded: bool,
    /// Uploads whose rows the next listing has to confirm.
    pub(super) claimed: Vec<(Side, MessageId)>,
    /// Keywords that were stored, as each side says.
    pub(super) told: Told,
}

impl Site<'_> {
    /// Carries out every step. An error means that the rest was not tried; what was done is recorded.
    pub(super) fn execute(&mut self, plan: Plan, executed: &mut Executed) -> Result<()> {
        let Sorted { merges, mut copies, removals, forgets } = Sorted::from(plan);
        self.merge(merges, executed)?;
        for side in [Side::Local, Side::Remote] {
            self.copy(side, std::mem::take(&mut copies[side]), executed)?;
        }
        for side in [Side::Local, Side::Remote] {
            self.remove(side, &removals[side], executed)?;
        }
        self.forget(forgets)
    }

    /// The answered intents of a message, whichever way it went.
    pub(super) fn settled(&self, ids: &PerSide<MessageId>) -> impl Iterator<Item = (Side, MessageId)> {
        let keys = Side::BOTH.map(|to| (to, ids[to.other()].clone()));
        keys.into_iter().filter(|key| self.settled.contains(key))
    }

    fn merge(&mut self, mut merges: Vec<Merge>, executed: &mut Executed) -> Result<()> {
        while !merges.is_empty() {
            self.cancel.check()?;
            let with_effect = merges.iter().take(ROWS).any(|merge| merge.store != PerSide::default());
            let rest = merges.split_off(merges.len().min(if with_effect { GROUP } else { ROWS }));
            for side in Side::BOTH {
                self.store(side, &mut merges, executed)?;
            }
            let upsert: Vec<Row> = merges.into_iter().map(|merge| Row { ids: merge.ids, base: merge.base }).collect();
            let settled: Vec<_> = upsert.iter().flat_map(|row| self.settled(&row.ids)).collect();
            let delete = if settled.is_empty() { Vec::new() } else { self.replaced(&upsert)? };
            let is_found = |to: Side, row: &&Row| self.settled.contains(&(to, row.ids[to.other()].clone()));
            let ids = |to: Side| upsert.iter().filter(|row| is_found(to, row)).map(|row| row.ids.clone()).collect();
            let found: PerSide<Vec<PerSide<MessageId>>> = PerSide::from_fn(ids);
            self.status.apply(Batch { upsert, delete, settled, ..Batch::default() })?;
            for to in Side::BOTH {
                self.note(to, found[to].iter())?;
            }
            merges = rest;
        }
        Ok(())
    }

    /// The rows of messages that were copied back: the copy that the row tells of is gone.
    fn replaced(&self, rows: &[Row]) -> Result<Vec<MessageId>> {
        let mut replaced = Vec::new();
        for row in rows.iter().filter(|row| self.settled(&row.ids).next().is_some()) {
            let old = self.status.row(Side::Local, &row.ids.local)?;
            replaced.extend(old.map(|old| old.ids.remote).filter(|remote| *remote != row.ids.remote));
        }
        Ok(replaced)
    }

    /// Changes flags on one side. What fails stays pending.
    fn store(&mut self, side: Side, merges: &mut [Merge], executed: &mut Executed) -> Result<()> {
        let changes: Vec<FlagChange> = merges.iter().filter_map(|merge| merge.change(side)).collect();
        if changes.is_empty() {
            return Ok(());
        }
        executed.changed[side] = true;
        let failures = self.folders[side].store(&changes)?;
        let failed = self.store_in_pieces(side, &changes, failures)?;
        let done = changes.len().saturating_sub(failed.len()) as u64;
        self.observer.event(&Event::FlagsChanged { pair: self.pair, on: side, messages: done });
        for change in changes.iter().filter(|change| !failed.contains_key(&change.id)) {
            executed.told.note(side, &change.id, &change.add.keywords);
        }
        for merge in merges {
            if let Some((pending, _)) = failed.get(&merge.ids[side]) {
                pending.iter().for_each(|change| merge.keep_pending(change));
            }
        }
        executed.failed.extend(failed.into_iter().map(|(id, (_, error))| (id, side, error)));
        Ok(())
    }

    /// Tries changes that failed flag by flag, for a store may refuse one keyword alone; answers what still failed of each message, and why.
    fn store_in_pieces(&mut self, side: Side, changes: &[FlagChange], failures: Failures) -> Result<Failed> {
        let (mut failed, mut rounds) = (Failed::new(), Vec::<Vec<FlagChange>>::new());
        let by_id: BTreeMap<&MessageId, &FlagChange> = changes.iter().map(|change| (&change.id, change)).collect();
        for (id, error) in failures {
            let change = by_id.get(&id).copied();
            let pieces = change.filter(|_| error.kind() == ErrorKind::Message).map(pieces).unwrap_or_default();
            if pieces.len() < 2 {
                let error = change.into_iter().fold(error, named);
                failed.insert(id, (change.cloned().into_iter().collect(), error));
                continue;
            }
            rounds.resize_with(rounds.len().max(pieces.len()), Vec::new);
            rounds.iter_mut().zip(pieces).for_each(|(round, piece)| round.push(piece));
        }
        for round in rounds {
            let mut failures: BTreeMap<MessageId, Error> = self.folders[side].store(&round)?.into_iter().collect();
            for piece in round {
                if let Some(error) = failures.remove(&piece.id) {
                    let error = named(error, &piece);
                    failed.entry(piece.id.clone()).or_insert_with(|| (Vec::new(), error)).0.push(piece);
                }
            }
        }
        Ok(failed)
    }

    fn copy(&mut self, to: Side, wanted: Vec<Wanted>, executed: &mut Executed) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        executed.changed[to] = true;
        if !self.needs_intent(to, &wanted) {
            return self.copy_by_name(to, wanted, executed);
        }
        for group in wanted.chunks(GROUP) {
            let mut group = self.write_intents(to, group, executed)?;
            if group.is_empty() {
                continue;
            }
            let again = self.copy_group(to, group.clone(), (Try::First, true), executed)?;
            group.retain(|wanted| again.contains(&wanted.source));
            if !group.is_empty() {
                self.copy_group(to, group, (Try::Last, true), executed)?;
            }
        }
        Ok(())
    }

    /// Copies to where names tell what was copied. It is written down beforehand too, unless it is very much or the first: should this run die, and
    /// the source be removed before the next, the copy would be taken for a new message.
    fn copy_by_name(&mut self, to: Side, wanted: Vec<Wanted>, executed: &mut Executed) -> Result<()> {
        let noted = wanted.len() < hands::LARGE && self.status.count()? > 0;
        let sources: Vec<MessageId> = match noted {
            true => wanted.iter().map(|wanted| wanted.source.clone()).collect(),
            false => Vec::new(),
        };
        if noted {
            let known_by = KnownBy::Name;
            let intent = |source: &MessageId| Intent { to, source: source.clone(), known_by, confirmed: false };
            self.status.apply(Batch { intents: sources.iter().map(intent).collect(), ..Batch::default() })?;
        }
        let failed = executed.failed.len();
        let outcome = self.copy_group(to, wanted, (Try::Last, noted), executed);
        if noted && !executed.unrecorded && (outcome.is_err() || executed.failed.len() > failed) {
            // Of what has no row by now nothing is there, even if the line broke: no listing need look for it.
            let settled = sources.into_iter().map(|source| (to, source)).collect();
            self.status.apply(Batch { settled, ..Batch::default() })?;
        }
        outcome.map(drop)
    }

    /// Whether a copy that was not recorded could be taken for another message. Where its name follows from its source it claims its
    /// source as partner, but it can claim a UID only.
    fn needs_intent(&self, to: Side, wanted: &[Wanted]) -> bool {
        self.folders[to].needs_intent() || wanted.iter().any(|wanted| wanted.source.uid().is_none())
    }

    /// Copies a group; answers the messages to try once more: those that the destination refused at the first try, when they went
    /// together with others or it says that it would store them otherwise. `intents`: each of them has one.
    fn copy_group(
        &mut self,
        to: Side,
        mut wanted: Vec<Wanted>,
        (attempt, intents): (Try, bool),
        executed: &mut Executed,
    ) -> Result<BTreeSet<MessageId>> {
        let ids: Vec<MessageId> = wanted.iter().map(|wanted| wanted.source.clone()).collect();
        wanted.iter_mut().for_each(|wanted| wanted.flags = wanted.flags.supported(&self.support));
        wanted.sort_unstable_by(|a, b| a.source.cmp(&b.source));
        let (source, destination) = match to {
            Side::Local => (&mut self.folders.remote, &mut self.folders.local),
            Side::Remote => (&mut self.folders.local, &mut self.folders.remote),
        };
        let from = SourceFolder { name: self.pair[to.other()].clone(), uid_validity: self.uid_validity[to.other()] };
        let route = Route { to, pair: self.pair, observer: self.observer, cancel: self.cancel, intents };
        let handles = Handles { source: source.as_mut(), destination: destination.as_mut() };
        let spare = if intents || ids.len() < hands::LARGE { None } else { handles.another() };
        let (done, outcome) = match spare {
            Some(spare) => {
                let job = Job::new(route, from, &wanted, ids, self.streams);
                hands::copy(&job, handles, &spare, self.streams, self.status)
            }
            None => copy_alone(route, &from, handles, self.status, (&wanted, &ids))?,
        };
        for ids in &done.rows {
            if let Ok(at) = wanted.binary_search_by(|wanted| wanted.source.cmp(&ids[to.other()])) {
                executed.told.note(to, &ids[to], &wanted[at].flags.keywords);
            }
        }
        self.after_copy(to, done, (attempt, wanted.len() > 1), outcome, executed)
    }

    fn after_copy(
        &mut self,
        to: Side,
        done: Copied,
        (attempt, together): (Try, bool),
        outcome: Result<()>,
        executed: &mut Executed,
    ) -> Result<BTreeSet<MessageId>> {
        executed.octets += done.octets;
        executed.copied[to] += done.copied;
        executed.unrecorded |= done.unrecorded;
        let mut again = BTreeSet::new();
        for (id, side, error) in done.failed {
            let refused = side == to && error.kind() == ErrorKind::Message;
            let hopeful = attempt == Try::First && (together || error.retry_after().is_some());
            if refused && hopeful && outcome.is_ok() {
                again.insert(id);
            } else {
                executed.failed.push((id, side, error));
            }
        }
        let numbered = done.rows.iter().map(|ids| &ids[to]).filter(|id| id.uid().is_some());
        executed.stored[to].extend(numbered.cloned());
        executed.claimed.extend(done.rows.iter().map(|ids| (to, ids[to.other()].clone())));
        self.note(to, done.rows.iter())?;
        outcome.map(|()| again)
    }

    /// Tells the sources of uploads what they are called there.
    pub(super) fn note<'m>(&mut self, to: Side, uploaded: impl Iterator<Item = &'m PerSide<MessageId>>) -> Result<()> {
        let noted: Vec<(MessageId, Partner)> = uploaded.filter_map(|ids| self.partner_of(to, ids)).collect();
        if noted.is_empty() { Ok(()) } else { self.folders[to.other()].note_partners(&noted) }
    }

    /// What the source of an upload may want to write into its name.
    fn partner_of(&self, to: Side, ids: &PerSide<MessageId>) -> Option<(MessageId, Partner)> {
        let uid = ids[to].uid()?;
        ids[to.other()]
            .uid()
            .is_none()
            .then(|| (ids[to.other()].clone(), Partner { uid, uid_validity: Some(self.uid_validity[to]) }))
    }

    /// Writes down what will be copied; answers what can be. A message whose digest cannot be read, for it is just being moved, say, is
    /// left for the next run: without its digest the copy would not be known again if this run dies and the message is removed. Of one
    /// that is not read for nothing, the header tells it.
    fn write_intents(&mut self, to: Side, group: &[Wanted], executed: &mut Executed) -> Result<Vec<Wanted>> {
        let source = &mut self.folders[to.other()];
        let cheap = source.cheap_content();
        let mut contents = BTreeMap::new();
        let ids: Vec<MessageId> = group.iter().map(|wanted| wanted.source.clone()).collect();
        if cheap {
            for (id, content) in content::read(source.as_mut(), &ids)? {
                match content {
                    Ok(content) => drop(contents.insert(id, content)),
                    Err(error) => executed.failed.push((id, to.other(), error)),
                }
            }
        } else {
            source.headers(&ids, &mut |headers| {
                contents.extend(content::proof(&headers).map(|proof| (headers.id.clone(), proof)));
                Ok(())
            })?;
        }
        let told =
            |wanted: &Wanted| Wanted { content: contents.get(&wanted.source).copied().map(Box::new), ..wanted.clone() };
        let copied: Vec<Wanted> = group.iter().map(told).filter(|wanted| !cheap || wanted.content.is_some()).collect();
        let intent = |Wanted { source, content, .. }: &Wanted| Intent {
            to,
            source: source.clone(),
            known_by: Content::known_by(content.as_deref().copied()),
            confirmed: false,
        };
        let intents = copied.iter().map(intent).collect();
        self.status.apply(Batch { intents, ..Batch::default() })?;
        Ok(copied)
    }

    fn remove(&mut self, from: Side, removals: &[PerSide<MessageId>], executed: &mut Executed) -> Result<()> {
        for group in removals.chunks(GROUP) {
            self.cancel.check()?;
            executed.changed[from] = true;
            let ids: Vec<MessageId> = group.iter().map(|ids| ids[from].clone()).collect();
            let word = returned::word(self.status, from, group.iter())?;
            let said: BTreeSet<(Side, MessageId)> = word.iter().map(|intent| (from, intent.source.clone())).collect();
            if !word.is_empty() {
                self.status.apply(Batch { intents: word, ..Batch::default() })?;
            }
            let failures = self.folders[from].remove(&ids)?;
            let failed: BTreeSet<&MessageId> = failures.iter().map(|(id, _)| id).collect();
            let gone: Vec<&PerSide<MessageId>> = group.iter().filter(|ids| !failed.contains(&ids[from])).collect();
            drop(failed);
            let delete = gone.iter().map(|ids| ids.remote.clone()).collect();
            let told =
                |ids: &PerSide<MessageId>| Some((from, ids[from.other()].clone())).filter(|key| said.contains(key));
            let settled = gone.iter().flat_map(|ids| self.settled(ids).chain(told(ids))).collect();
            let removed = gone.len() as u64;
            self.status.apply(Batch { delete, settled, ..Batch::default() })?;
            self.observer.event(&Event::MessagesRemoved { pair: self.pair, on: from, messages: removed });
            executed.failed.extend(failures.into_iter().map(|(id, error)| (id, from, error)));
        }
        Ok(())
    }

    fn forget(&mut self, forgets: Vec<MessageId>) -> Result<()> {
        match forgets.is_empty() {
            true => Ok(()),
            false => self.status.apply(Batch { delete: forgets, ..Batch::default() }),
        }
    }
}

/// `wanted` in ascending order of ids, and the ids in the order in which they shall come.
fn copy_alone(
    route: Route<'_>,
    from: &SourceFolder,
    handles: Handles<'_>,
    status: &mut dyn FolderStatus,
    (wanted, ids): (&[Wanted], &[MessageId]),
) -> Result<(Copied, Result<()>)> {
    let intake = handles.destination.intake(from)?;
    let form = intake.line_ending();
    let mut ledger = Direct { status, observer: route.observer, pair: route.pair, to: route.to };
    let mut pump = Pump::new(route, intake, &mut ledger, wanted);
    let outcome = handles.source.fetch(ids, form, &mut pump);
    Ok(pump.finish(outcome))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    First,
    Last,
}

/// What failed of each message's change, and why.
type Failed = BTreeMap<MessageId, (Vec<FlagChange>, Error)>;

/// The failure of a change, with the keyword that it is about if it is about one alone: that is what the store may refuse.
fn named(error: Error, change: &FlagChange) -> Error {
    let mut keywords = change.add.keywords.iter().chain(change.remove.keywords.iter());
    let is_system = change.add.system.union(change.remove.system) != SystemFlags::NONE;
    match (keywords.next(), keywords.next()) {
        (Some(keyword), None) if !is_system => error.at(format!("keyword '{keyword}'")),
        _ => error,
    }
}

/// A change as several: one of the flags that every store knows, and one for each keyword.
fn pieces(change: &FlagChange) -> Vec<FlagChange> {
    let piece = |add: Flags, remove: Flags| FlagChange { id: change.id.clone(), add, remove };
    let system = |wanted: SystemFlags| {
        let of = |flags: &Flags| Flags::system(flags.system.intersection(wanted));
        piece(of(&change.add), of(&change.remove))
    };
    let keyword = |name: &str| Flags { keywords: std::iter::once(name).collect(), ..Flags::default() };
    // `$Forwarded` is a keyword to a server.
    let system = [SystemFlags::ALL.difference(SystemFlags::FORWARDED), SystemFlags::FORWARDED].map(system);
    let added = change.add.keywords.iter().map(|name| piece(keyword(name), Flags::default()));
    let removed = change.remove.keywords.iter().map(|name| piece(Flags::default(), keyword(name)));
    let all = system.into_iter().chain(added).chain(removed);
    all.filter(|piece| !piece.add.is_empty() || !piece.remove.is_empty()).collect()
}

struct Merge {
    ids: PerSide<MessageId>,
    store: PerSide<Option<Box<FlagDelta>>>,
    base: Flags,
}

impl Merge {
    /// A change failed: it stays pending, and what both sides agreed on besides is recorded. A row that told less would take what is
    /// cleared on one side later for something new on the other.
    fn keep_pending(&mut self, change: &FlagChange) {
        self.base = self.base.difference(&change.add).union(&change.remove);
    }

    fn change(&self, side: Side) -> Option<FlagChange> {
        self.store[side].as_ref().map(|delta| FlagChange {
            id: self.ids[side].clone(),
            add: delta.add.clone(),
            remove: delta.remove.clone(),
        })
    }
}

/// The steps of a plan by kind, each kind in the plan's order.
#[derive(Default)]
struct Sorted {
    merges: Vec<Merge>,
    copies: PerSide<Vec<Wanted>>,
    removals: PerSide<Vec<PerSide<MessageId>>>,
    forgets: Vec<MessageId>,
}

impl From<Plan> for Sorted {
    fn from(plan: Plan) -> Self {
        let mut sorted = Sorted::default();
        let copies = plan.counts().copies;
        let most = if copies.remote > copies.local { Side::Remote } else { Side::Local };
        let mut steps = plan.steps;
        let is_other = |step: &mut Step| !matches!(step.action, Action::Copy { to, .. } if to == most);
        steps.extract_if(.., is_other).for_each(|step| sorted.sort(step));
        // In the memory of the steps, for of a first sync there are very many.
        sorted.copies[most] = steps.into_iter().filter_map(wanted).collect();
        sorted.copies[most].shrink_to_fit();
        sorted
    }
}

impl Sorted {
    fn sort(&mut self, step: Step) {
        if let Action::Copy { to, .. } = step.action {
            return self.copies[to].extend(wanted(step));
        }
        match (step.action, step.ids) {
            (Action::Merge { store, base }, PerSide { remote: Some(remote), local: Some(local) }) => {
                self.merges.push(Merge { ids: PerSide { remote, local }, store, base });
            }
            (Action::Remove { from }, PerSide { remote: Some(remote), local: Some(local) }) => {
                self.removals[from].push(PerSide { remote, local });
            }
            (Action::Forget, PerSide { remote: Some(remote), .. }) => self.forgets.push(remote),
            _ => debug_assert!(false, "a step without the ids it needs"),
        }
    }
}

/// What a step wants copied.
fn wanted(Step { ids, action, .. }: Step) -> Option<Wanted> {
    let (source, flags, replaces) = match (action, ids.remote, ids.local) {
        (Action::Copy { to: Side::Local, flags }, Some(source), _) => (source, flags, None),
        (Action::Copy { to: Side::Remote, flags }, replaces, Some(source)) => (source, flags, replaces.map(Box::new)),
        _ => {
            debug_assert!(false, "a step without the ids it needs");
            return None;
        }
    };
    Some(Wanted { source, flags, replaces, content: None })
}
