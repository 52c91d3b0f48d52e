//! One account: lists both sides, decides which pairs of folders need work, sends them down the street side by side.

use super::absent::Absent;
use super::hands::Streams;
use super::naming::{Naming, SameNames};
use super::patience::Patience;
use super::refusals;
use super::renames;
use super::report::{Failure, Report};
use super::street::{Outcome, Street, place};
use super::unkept::Told;
use super::workers::side_by_side;
use super::worksite::{End, Worksite};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::flags::Keywords;
use crate::folder_name::FolderName;
use crate::message::{PerSide, Side, Uid};
use crate::plan::brake::{self, FolderLoss};
use crate::plan::folders::{FolderAction, FolderDecision};
use crate::policy::Policy;
use crate::repository::{Folder, FolderEntry, FolderList, Repository, Witness};
use crate::status::{Batch, FolderPair, FolderRecord, MemoryStatus, StatusStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Two repositories that are kept in step, and what is remembered of them.
#[derive(Clone)]
pub struct Account {
    pub(super) name: String,
    pub(super) repositories: PerSide<Arc<dyn Repository>>,
    pub(super) status: Arc<dyn StatusStore>,
    pub(super) naming: Arc<dyn Naming>,
    pub(super) policy: Policy,
}

/// A pair of folders and what each side says of it, for showing.
#[derive(Clone, Debug)]
pub struct PairedFolder {
    /// The pair; a side without the folder has the name it would get.
    pub pair: FolderPair,
    /// What each side's list says of it.
    pub entries: PerSide<Option<FolderEntry>>,
    /// Messages that both sides agreed on at the last sync.
    pub rows: u64,
}

/// A pair that needs work.
pub(super) struct Task {
    pub(super) pair: FolderPair,
    create: Option<Side>,
    /// Rows and record, or a record without rows, are of a folder that is gone on one side and shall be filled again.
    forget_first: bool,
    touched: PerSide<bool>,
    anew: PerSide<bool>,
    identity: PerSide<Option<Box<[u8]>>>,
    may_be_emptied: bool,
    weight: u64,
}

/// What is recorded of pairs, and of how many messages of each.
pub(super) type Recorded = BTreeMap<FolderPair, (FolderRecord, u64)>;

/// Both sides' lists, and what is recorded.
pub(super) struct Listed {
    pub(super) lists: PerSide<FolderList>,
    pub(super) recorded: Recorded,
}

impl Account {
    /// An account whose folders have the same names on both sides, with the default policy.
    pub fn new(
        name: impl Into<String>,
        remote: Arc<dyn Repository>,
        local: Arc<dyn Repository>,
        status: Arc<dyn StatusStore>,
    ) -> Self {
        Account {
            name: name.into(),
            repositories: PerSide { remote, local },
            status,
            naming: Arc::new(SameNames),
            policy: Policy::default(),
        }
    }

    /// Another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Another way to name and choose folders.
    #[must_use]
    pub fn with_naming(mut self, naming: impl Naming + 'static) -> Self {
        self.naming = Arc::new(naming);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its repositories.
    pub fn repositories(&self) -> &PerSide<Arc<dyn Repository>> {
        &self.repositories
    }

    /// Brings both sides in step, once.
    ///
    /// Everything done is recorded before this returns, cancelled or not; a run that was stopped is continued by the next.
    ///
    /// # Errors
    /// When nothing could be compared: a side cannot be reached or listed, or its store is missing though it was there before.
    /// What fails later, for a folder or a message, is in the [`Report`].
    pub fn sync(&self, observer: &dyn Observer, cancel: &Cancel) -> Result<Report> {
        observer.event(&Event::AccountStarted { account: &self.name });
        let result = self.run(observer, cancel);
        observer.event(&Event::AccountFinished { account: &self.name });
        result
    }

    /// Lists both sides and pairs their folders, without syncing anything. Folders that naming leaves out are not in the answer.
    ///
    /// # Errors
    /// A side cannot be listed, or naming fails for a folder.
    pub fn folders(&self) -> Result<Vec<PairedFolder>> {
        let (pairs, mut failures) = self.pairs()?;
        failures.pop().map_or(Ok(pairs), |failure| Err(failure.error))
    }

    /// Like [`Account::folders`], with the folders for which naming fails apart.
    ///
    /// With [`Policy::dry_run`] nothing is created; without, a store that was never there is.
    ///
    /// # Errors
    /// A side cannot be listed.
    pub fn pairs(&self) -> Result<(Vec<PairedFolder>, Vec<Failure>)> {
        let mut report = Report::default();
        let mut listed = self.list()?;
        let decisions = self.decide(&mut listed, &mut report)?;
        Ok((decisions.into_iter().filter_map(|decision| shown(decision, &listed)).collect(), report.failures))
    }

    fn run(&self, observer: &dyn Observer, cancel: &Cancel) -> Result<Report> {
        let mut report = Report::default();
        let mut listed = self.list_patiently(observer, cancel)?;
        cancel.check()?;
        renames::follow(self, &mut listed, observer, &mut report)?;
        let decisions = self.decide(&mut listed, &mut report)?;
        self.check_for_a_wiped_store(&decisions)?;
        let tasks = self.tasks(decisions, &listed, &mut report, observer)?;
        report.opened = tasks.len();
        observer.event(&Event::FoldersListed { pairs: report.folders.len(), touched: tasks.len() });
        let tasks = self.in_order(tasks, observer);
        let rows = listed.recorded.values().map(|(_, rows)| rows).sum();
        let site = Worksite::new(observer, cancel, rows, self.streams());
        let emptied = self.work(tasks, &site, &mut report);
        let again = self.judge_emptied(emptied, &listed, &mut report);
        self.work(again, &site, &mut report);
        report
            .recognise_another_account(listed.recorded.iter().filter(|(_, (_, rows))| *rows > 0).map(|(pair, _)| pair));
        Ok(report)
    }

    /// A side that has too much to do is asked again.
    fn list_patiently(&self, observer: &dyn Observer, cancel: &Cancel) -> Result<Listed> {
        let mut patience = Patience::new(&self.policy);
        loop {
            match self.list() {
                Err(error) if patience.wait(&error, false, (observer, cancel))? => {}
                listed => return listed,
            }
        }
    }

    pub(super) fn list(&self) -> Result<Listed> {
        let recorded: BTreeMap<_, _> =
            self.status.folders()?.into_iter().map(|(pair, record, rows)| (pair, (record, rows))).collect();
        let known = recorded.values().any(|(_, rows)| *rows > 0);
        Side::BOTH.into_iter().for_each(|side| self.repositories[side].expect_folders(recorded.len()));
        let list = |side: Side| self.list_side(side, known);
        let (remote, local) = std::thread::scope(|scope| {
            let local = scope.spawn(|| list(Side::Local));
            let remote = list(Side::Remote);
            (remote, local.join())
        });
        let local = local.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Listed { lists: PerSide { remote: remote?, local: local? }, recorded })
    }

    fn list_side(&self, side: Side, known: bool) -> Result<FolderList> {
        let repository = &self.repositories[side];
        if repository.exists()? {
            return repository.list();
        }
        if known {
            return Err(refusals::store_missing(side, repository.name()));
        }
        if self.policy.dry_run || self.policy.read_only[side] {
            return Ok(FolderList::of_nothing(&**repository));
        }
        repository.initialize()?;
        repository.list()
    }

    /// When every folder that had mail is missing on one side, it is the store that is gone, not the folders.
    fn check_for_a_wiped_store(&self, decisions: &[FolderDecision]) -> Result<()> {
        if self.policy.restore_missing_folders {
            return Ok(());
        }
        for side in Side::BOTH {
            let missing =
                decisions.iter().filter(|d| matches!(d.action, FolderAction::Missing { on, .. } if on == side)).count();
            let present = decisions.iter().any(|d| d.action == FolderAction::Sync);
            if missing > 0 && !present {
                return Err(refusals::all_folders_missing(side, self.repositories[side].name(), missing));
            }
        }
        Ok(())
    }

    fn tasks(
        &self,
        decisions: Vec<FolderDecision>,
        listed: &Listed,
        report: &mut Report,
        observer: &dyn Observer,
    ) -> Result<Vec<Task>> {
        let entries = listed.lists.as_ref().map(|list| {
            list.folders.iter().map(|entry| (&entry.name, entry)).collect::<BTreeMap<&FolderName, &FolderEntry>>()
        });
        let tell = |pair: &FolderPair, missing: Option<Side>, touched: bool| {
            let recorded = listed.recorded.get(pair).map_or(0, |(_, rows)| *rows);
            observer.event(&Event::FolderPaired { pair, missing, touched, recorded });
        };
        let mut tasks = Vec::new();
        for FolderDecision { pair, action } in decisions {
            let found = PerSide::from_fn(|side| entries[side].get(&pair[side]).copied());
            match action {
                FolderAction::Sync => {
                    report.folders.push(pair.clone());
                    let record = listed.recorded.get(&pair).map(|(record, _)| record);
                    let anew = anew(record, &found);
                    let touched = if anew == PerSide::default() { self.touched(record, &found) } else { EVERYTHING };
                    tell(&pair, None, touched != PerSide::default());
                    match touched != PerSide::default() {
                        true => tasks.push(Task { anew, ..Task::new(pair, None, touched, &found) }),
                        false => self.note_identity(&pair, record, &found)?,
                    }
                }
                FolderAction::Create { on } => {
                    report.folders.push(pair.clone());
                    tell(&pair, Some(on), true);
                    // What is recorded without any message is the numbering of a folder that is no more, unless an upload waits to be found.
                    let forget_first =
                        listed.recorded.contains_key(&pair) && self.status.folder(&pair)?.intents()?.is_empty();
                    let task = Task::new(pair, Some(on), EVERYTHING, &found);
                    tasks.push(Task { forget_first, ..task });
                }
                FolderAction::Restore { on, .. } => {
                    report.folders.push(pair.clone());
                    tell(&pair, Some(on), true);
                    let task = Task::new(pair, Some(on), EVERYTHING, &found);
                    tasks.push(Task { forget_first: true, ..task });
                }
                FolderAction::Missing { on, rows } => {
                    report.failures.push(Failure {
                        error: refusals::folder_missing(&pair, on, rows),
                        pair: Some(pair),
                        message: None,
                    });
                }
                FolderAction::Collision { on, with } => {
                    let error = refusals::collision(&pair, on, &with);
                    report.failures.push(Failure { pair: Some(pair), message: None, error });
                }
                FolderAction::Gone { .. } if !self.policy.dry_run => self.status.forget(&pair)?,
                FolderAction::Gone { .. } | FolderAction::NotCreated { .. } => {}
            }
        }
        Ok(tasks)
    }

    /// Writes down what a side calls a folder that nobody touched, once: when it is renamed, that tells.
    fn note_identity(
        &self,
        pair: &FolderPair,
        record: Option<&FolderRecord>,
        entries: &PerSide<Option<&FolderEntry>>,
    ) -> Result<()> {
        let Some(record) = record.filter(|_| !self.policy.dry_run) else { return Ok(()) };
        let now = |side: Side| entries[side].and_then(|entry| entry.identity.clone());
        let identity = PerSide::from_fn(|side| record.identity[side].clone().or_else(|| now(side)));
        if identity == record.identity {
            return Ok(());
        }
        let record = FolderRecord { identity, ..record.clone() };
        self.status.folder(pair)?.apply(Batch { record: Some(record), ..Batch::default() })
    }

    fn touched(&self, record: Option<&FolderRecord>, entries: &PerSide<Option<&FolderEntry>>) -> PerSide<bool> {
        if record.is_some_and(|record| self.policy.window.is_wider_than(&record.window)) {
            return EVERYTHING;
        }
        PerSide::from_fn(|side| {
            let recorded = record.and_then(|record| record.witness[side].as_deref());
            let now = entries[side].and_then(|entry| entry.witness.as_ref());
            !matches!((recorded, now), (Some(then), Some(now)) if self.proves_unchanged(then, now))
        })
    }

    fn proves_unchanged(&self, then: &[u8], now: &Witness) -> bool {
        *then == *now.token && (now.covers_flags || self.policy.quick)
    }

    fn in_order(&self, mut tasks: Vec<Task>, observer: &dyn Observer) -> Vec<Task> {
        tasks.sort_by_key(|task| std::cmp::Reverse(task.weight));
        let pairs: Vec<&FolderPair> = tasks.iter().map(|task| &task.pair).collect();
        let order = self.naming.order(&pairs).unwrap_or_else(|error| {
            observer.event(&Event::Warning { error: &error });
            None
        });
        let Some(order) = order else { return tasks };
        let mut place = vec![tasks.len(); tasks.len()];
        for (turn, at) in order.into_iter().enumerate().filter(|(_, at)| *at < tasks.len()) {
            place[at] = turn;
        }
        let mut placed: Vec<(usize, Task)> = place.into_iter().zip(tasks).collect();
        placed.sort_by_key(|(turn, _)| *turn);
        placed.into_iter().map(|(_, task)| task).collect()
    }

    /// Works on every task. Where nothing was ever synced nothing can have been moved, and each folder goes its way at once; else
    /// all are listed and planned first, so that moves between them are seen.
    fn work(&self, tasks: Vec<Task>, site: &Worksite<'_>, report: &mut Report) -> Vec<(FolderPair, FolderLoss)> {
        let ends = match site.moves_possible() {
            true => self.work_in_step(&tasks, site),
            false => {
                let ends = side_by_side(tasks.iter().collect(), self.threads(), |task: &Task| {
                    match site.prepare(self, task)? {
                        Ok(street) => site.walk(street),
                        Err(error) => Some((task.pair.clone(), Outcome::default(), Err(error))),
                    }
                });
                ends.into_iter().flatten().collect()
            }
        };
        let mut emptied = Vec::new();
        for (pair, outcome, result) in ends {
            report.take_in(&pair, outcome, result, &mut emptied);
        }
        emptied
    }

    fn work_in_step(&self, tasks: &[Task], site: &Worksite<'_>) -> Vec<End> {
        let (mut ends, mut streets) = (Vec::new(), Vec::new());
        let prepared = side_by_side(tasks.iter().collect(), self.threads(), |task: &Task| site.prepare(self, task));
        for (task, prepared) in tasks.iter().zip(prepared) {
            match prepared {
                Some(Ok(street)) => streets.push(street),
                Some(Err(error)) => ends.push((task.pair.clone(), Outcome::default(), Err(error))),
                None => {}
            }
        }
        ends.extend(site.follow_moves(&mut streets));
        ends.extend(site.refuse_losses(&mut streets, &self.policy.brake));
        ends.extend(side_by_side(streets, self.threads(), |street| site.walk(street)).into_iter().flatten());
        ends
    }

    pub(super) fn threads(&self) -> usize {
        let useful = self.repositories.remote.parallelism().min(self.repositories.local.parallelism()).max(1);
        if self.policy.workers == 0 { useful } else { useful.min(self.policy.workers) }
    }

    /// How many large copies can go on at the same time.
    fn streams(&self) -> usize {
        let useful = self.repositories.remote.streams().min(self.repositories.local.streams());
        useful.min(self.threads()).max(1)
    }

    pub(super) fn never_copied(&self, pair: &FolderPair) -> Result<PerSide<BTreeSet<Uid>>> {
        let remote = self.naming.never_copied(Side::Remote, &pair.remote)?;
        Ok(PerSide { remote, local: self.naming.never_copied(Side::Local, &pair.local)? })
    }

    pub(super) fn street<'a>(
        &'a self,
        task: &'a Task,
        streams: Arc<Streams>,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
    ) -> Result<Street<'a>> {
        cancel.check()?;
        let dry = self.policy.dry_run;
        if let Some(on) = task.create {
            observer.event(&Event::FolderCreated { pair: &task.pair, on });
            if task.forget_first && !dry {
                self.status.forget(&task.pair)?;
            }
            if !dry {
                self.repositories[on].create(&task.pair[on])?;
            }
        }
        let open = |side: Side| -> Result<Box<dyn Folder>> {
            match task.create == Some(side) && dry {
                true => Ok(Box::new(Absent(task.pair[side].clone()))),
                false => self.repositories[side].open(&task.pair[side]),
            }
        };
        let status = match task.forget_first && dry {
            true => MemoryStatus::default().folder(&task.pair)?,
            false => self.status.folder(&task.pair)?,
        };
        Ok(Street {
            pair: &task.pair,
            folders: PerSide { remote: open(Side::Remote)?, local: open(Side::Local)? },
            status,
            never_copied: self.never_copied(&task.pair)?,
            policy: &self.policy,
            may_be_emptied: task.may_be_emptied,
            touched: task.touched,
            anew: task.anew,
            identity: task.identity.clone(),
            terms: PerSide::default(),
            streams,
            stored: PerSide::default(),
            claimed: BTreeSet::new(),
            told: Told::default(),
            unkept: Keywords::default(),
            observer,
            cancel,
        })
    }

    /// Folders that lost everything are looked at together: one emptied folder is a user's work, all of them are a wiped store.
    fn judge_emptied(&self, emptied: Vec<(FolderPair, FolderLoss)>, listed: &Listed, report: &mut Report) -> Vec<Task> {
        if emptied.is_empty() {
            return Vec::new();
        }
        let lost = |pair: &FolderPair| emptied.iter().find(|(other, _)| other == pair).map(|(_, loss)| *loss);
        let losses: Vec<FolderLoss> = listed
            .recorded
            .iter()
            .map(|(pair, (_, rows))| lost(pair).unwrap_or(FolderLoss { rows: *rows, emptied: PerSide::default() }))
            .collect();
        let verdict = brake::check_account(&losses, &self.policy.brake);
        let mut again = Vec::new();
        for (pair, _) in emptied {
            match verdict {
                Ok(()) => {
                    let task = Task::new(pair, None, EVERYTHING, &PerSide::default());
                    again.push(Task { may_be_emptied: true, ..task });
                }
                Err(refusal) => {
                    let error = Error::from(refusal).at(place(&pair));
                    report.failures.push(Failure { pair: Some(pair), message: None, error });
                }
            }
        }
        again
    }
}

const EVERYTHING: PerSide<bool> = PerSide { remote: true, local: true };

impl Task {
    fn new(
        pair: FolderPair,
        create: Option<Side>,
        touched: PerSide<bool>,
        entries: &PerSide<Option<&FolderEntry>>,
    ) -> Self {
        let messages = |side: Side| entries[side].and_then(|entry| entry.messages).unwrap_or(0);
        let inbox = pair.remote.as_str().eq_ignore_ascii_case("inbox");
        let weight = if inbox { u64::MAX } else { messages(Side::Remote).max(messages(Side::Local)) };
        let identity = PerSide::from_fn(|side| entries[side].and_then(|entry| entry.identity.clone()));
        let anew = PerSide::default();
        Task { pair, create, forget_first: false, touched, anew, identity, may_be_emptied: false, weight }
    }
}

/// Where a folder of another identity has the name of the one that was recorded.
fn anew(record: Option<&FolderRecord>, entries: &PerSide<Option<&FolderEntry>>) -> PerSide<bool> {
    PerSide::from_fn(|side| {
        let then = record.and_then(|record| record.identity[side].as_deref());
        let now = entries[side].and_then(|entry| entry.identity.as_deref());
        matches!((then, now), (Some(then), Some(now)) if then != now)
    })
}

impl Report {
    /// Whether no folder that had mail is what it was. Several such folders are one event, which is told first.
    fn recognise_another_account<'p>(&mut self, known: impl Iterator<Item = &'p FolderPair>) {
        let other = |failure: &&Failure| {
            let kind = failure.error.kind();
            failure.message.is_none() && matches!(kind, ErrorKind::Numbering | ErrorKind::Refused)
        };
        let failed: BTreeMap<&FolderPair, ErrorKind> =
            self.failures.iter().filter(other).filter_map(|f| Some((f.pair.as_ref()?, f.error.kind()))).collect();
        let (mut folders, mut renumbered) = (0, 0);
        for pair in known {
            let Some(kind) = failed.get(pair) else { return };
            folders += 1;
            renumbered += usize::from(*kind == ErrorKind::Numbering);
        }
        if folders > 1 && renumbered > 0 {
            let error = refusals::another_account(folders);
            self.failures.insert(0, Failure { pair: None, message: None, error });
        }
    }

    fn take_in(
        &mut self,
        pair: &FolderPair,
        outcome: Outcome,
        result: Result<()>,
        emptied: &mut Vec<(FolderPair, FolderLoss)>,
    ) {
        self.counts.add(&outcome.counts);
        self.octets += outcome.octets;
        let messages = outcome.failed.into_iter().map(|(id, side, error)| (Some((id, side)), error));
        let folder = result.err().map(|error| (None, error));
        for (message, error) in messages.chain(folder) {
            self.failures.push(Failure { pair: Some(pair.clone()), message, error });
        }
        emptied.extend(outcome.emptied.map(|case| (pair.clone(), case)));
    }
}

fn shown(decision: FolderDecision, listed: &Listed) -> Option<PairedFolder> {
    let FolderDecision { pair, action } = decision;
    if matches!(action, FolderAction::Gone { .. }) {
        return None;
    }
    let find = |side: Side| listed.lists[side].folders.iter().find(|entry| entry.name == pair[side]).cloned();
    let entries = PerSide::from_fn(find);
    let rows = listed.recorded.get(&pair).map_or(0, |(_, rows)| *rows);
    Some(PairedFolder { pair, entries, rows })
}
