//! Puts the engine's events into words: those of OfflineIMAP where it has words for them.

use super::effects::{Effects, Numbering, number_set};
use super::hub::Hub;
use super::plans::{dry_run_lines, message_line, messages, place, summary};
use super::refused;
use super::{Moment, Scene, Who};
use crate::say::Outcome;
use offlinesync_core::plan::{Action, Counts, Notice, Plan, Step};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::Report;
use offlinesync_core::wording::counted;
use offlinesync_core::{Event, MessageId, Observer, PerSide, Side, SystemFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Listens to one account.
#[derive(Debug)]
pub struct Narrator {
    hub: Arc<Hub>,
    scene: Scene,
    /// When the run began that is going on.
    started: Mutex<Instant>,
    /// Whether folders are skipped in which no message came or went.
    quick: AtomicBool,
    /// Copies begun in each folder towards each side, and how many there are to do.
    copies: Mutex<BTreeMap<FolderPair, PerSide<(u64, u64)>>>,
    /// What is to be told of each folder once it is done.
    effects: Mutex<BTreeMap<FolderPair, PerSide<Effects>>>,
    /// What a dry run has to say of each folder: told at the end, in the order of the folders.
    plans: Mutex<BTreeMap<FolderPair, Vec<String>>>,
    /// Folders of which it is told that their server refuses changes.
    refused: Mutex<BTreeSet<FolderPair>>,
    /// Sides from which unread mail goes into the other side's INBOX.
    new_mail: Mutex<PerSide<bool>>,
}

impl Narrator {
    /// A listener for the runs of an account.
    pub fn new(hub: &Arc<Hub>, scene: Scene) -> Self {
        Narrator {
            hub: Arc::clone(hub),
            scene,
            started: Mutex::new(Instant::now()),
            quick: AtomicBool::new(false),
            copies: Mutex::default(),
            effects: Mutex::default(),
            plans: Mutex::default(),
            refused: Mutex::default(),
            new_mail: Mutex::default(),
        }
    }

    /// Tells a person what came of the run.
    pub fn report(&self, report: &Report) {
        let dry_run = self.scene.dry_run;
        let line = summary(&self.scene.account, dry_run, &report.counts, report.octets, report.folders.len());
        if dry_run { self.hub.plan(&line) } else { self.hub.summary(&line) }
    }

    /// The sides from which unread mail came into the other side's INBOX since this was last asked.
    pub fn take_new_mail(&self) -> PerSide<bool> {
        std::mem::take(&mut *self.new_mail.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_new_mail(&self, pair: &FolderPair, plan: &Plan) {
        if !pair.remote.as_str().eq_ignore_ascii_case("INBOX") {
            return;
        }
        let unread = |step: &Step| match &step.action {
            Action::Copy { to, flags } if !flags.system.contains(SystemFlags::SEEN) => Some(to.other()),
            _ => None,
        };
        let mut new_mail = self.new_mail.lock().unwrap_or_else(PoisonError::into_inner);
        plan.steps.iter().filter_map(unread).for_each(|from| new_mail[from] = true);
    }

    /// A sync begins, hooks included.
    pub fn begin(&self, quick: bool) {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.quick.store(quick, Ordering::Relaxed);
        self.hub.moment(&self.scene, &Moment::SyncStarted { quick });
        self.account_says(&format!("*** Processing account {}", self.scene.account));
    }

    /// It has ended.
    pub fn end(&self, outcome: Outcome, report: Option<&Report>) {
        let seconds = self.started.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs();
        let (account, minutes) = (&self.scene.account, seconds / 60);
        self.account_says(&format!("*** Finished account '{account}' in {minutes}:{:02}", seconds % 60));
        self.hub.moment(&self.scene, &Moment::SyncEnded { outcome, report });
    }

    /// Tells everything that the run did not sync.
    pub fn failures(&self, report: &Report) {
        self.hub.failures(&self.scene, report);
    }

    /// A line about a hook.
    pub fn hook(&self, text: &str) {
        let prefix = if self.scene.dry_run { "[DRYRUN] " } else { "" };
        self.account_says(&format!("{prefix}{text}"));
        self.hub.moment(&self.scene, &Moment::Hook(text));
    }

    /// Something else that happens to the account.
    pub fn moment(&self, moment: &Moment<'_>) {
        self.hub.moment(&self.scene, moment);
    }

    /// What is going on with the account.
    pub fn account_says(&self, text: &str) {
        self.hub.info(Who::Account(&self.scene.account), text);
    }

    /// Something odd about the account.
    pub fn account_warns(&self, text: &str) {
        self.hub.warn(Who::Account(&self.scene.account), text);
    }

    fn folder<'a>(&'a self, pair: &'a FolderPair) -> Who<'a> {
        Who::Folder { account: &self.scene.account, folder: pair.remote.as_str() }
    }

    fn folder_says(&self, pair: &FolderPair, text: &str) {
        self.hub.info(self.folder(pair), text);
    }

    fn place(&self, pair: &FolderPair, side: Side) -> String {
        place(&self.scene.types, pair, side)
    }

    fn created(&self, pair: &FolderPair, on: Side) {
        let text = format!("Creating folder {}[{}]", pair[on], self.scene.names[on]);
        match self.scene.dry_run {
            true => self.plan(pair, [format!("[DRYRUN] {text}")]),
            false => self.folder_says(pair, &text),
        }
    }

    fn planned(&self, pair: &FolderPair, plan: &Plan, counts: &Counts) {
        {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = copies.entry(pair.clone()).or_default();
            Side::BOTH.iter().for_each(|side| entry[*side].1 += counts.copies[*side]);
        }
        if self.scene.dry_run {
            self.plan(pair, dry_run_lines(&self.scene.types, pair, counts));
        } else {
            let effects = Effects::of(plan, &self.scene, &mut Numbering::default());
            self.effects.lock().unwrap_or_else(PoisonError::into_inner).insert(pair.clone(), effects);
        }
        if self.hub.debug.maildir {
            let side = |side: Side| {
                let (copies, flags, removals) = (counts.copies[side], counts.flags[side], counts.removals[side]);
                format!("{side}: {copies} copies, {flags} flag changes, {removals} removals")
            };
            let (remote, local) = (side(Side::Remote), side(Side::Local));
            let text = format!("folder '{}': {remote}; {local}; {} records", pair.remote, counts.records);
            self.hub.debug("maildir", self.folder(pair), &text);
        }
    }

    /// Once in a run: a folder is planned for more than once.
    fn refused(&self, pair: &FolderPair, plan: &Plan) {
        let quiet = plan.refused.is_empty() || self.scene.ignore_read_only;
        if quiet || !self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(pair.clone()) {
            return;
        }
        refused::lines(&self.scene, pair, plan).iter().for_each(|line| self.hub.warn(self.folder(pair), line));
    }

    fn copying(&self, pair: &FolderPair, id: &MessageId, to: Side) {
        let (begun, all) = {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = copies.entry(pair.clone()).or_default();
            entry[to].0 += 1;
            entry[to]
        };
        let (from, names) = (to.other(), &self.scene.names);
        let way = format!("{}:{} -> {}:{}", names[from], pair[from], names[to], pair[to]);
        let (account, repository, folder) = (self.scene.account.as_str(), &names[from], pair[from].as_str());
        let who = Who::Copy { account, repository, folder };
        self.hub.info(who, &format!("Copy message UID {id} ({begun}/{all}) {way}"));
    }

    fn ignored(&self, pair: &FolderPair, id: &MessageId, to: Side) {
        let (from, names) = (to.other(), &self.scene.names);
        let text = format!("IGNORED: Copy message UID {id} {}:{} -> {}", names[from], pair[from], names[to]);
        self.folder_says(pair, &text);
    }

    fn noticed(&self, pair: &FolderPair, id: &MessageId, notice: Notice) {
        let what = match notice {
            Notice::RemovedThoughChanged => "it was removed on the other side too",
            Notice::KeptBecauseChanged => "it was kept and copied back",
        };
        let text =
            format!("folder '{}': message {id} was changed on one side and removed on the other; {what}", pair.remote);
        self.hub.warn(self.folder(pair), &text);
    }

    /// Flags were changed on a side: tells which, once for each plan.
    fn flags_changed(&self, pair: &FolderPair, on: Side) {
        let changes = self
            .effects_of(pair, on, |effects| (std::mem::take(&mut effects.added), std::mem::take(&mut effects.removed)));
        let Some((added, removed)) = changes else { return };
        for (flag, numbers) in added {
            self.folder_says(pair, &format!("Adding flag {flag} to {} messages on {}", numbers.len(), pair[on]));
        }
        for (flag, numbers) in removed {
            self.folder_says(pair, &format!("Deleting flag {flag} from {} messages on {}", numbers.len(), pair[on]));
        }
    }

    /// Messages were removed from a side: tells which, once for each plan.
    fn removed(&self, pair: &FolderPair, on: Side) {
        let deleted = self.effects_of(pair, on, |effects| std::mem::take(&mut effects.deleted)).unwrap_or_default();
        if !deleted.is_empty() {
            let (set, place) = (number_set(&deleted), self.place(pair, on));
            self.folder_says(pair, &format!("Deleting {} messages ({set}) in {place}", deleted.len()));
        }
    }

    fn effects_of<T>(&self, pair: &FolderPair, on: Side, take: impl FnOnce(&mut Effects) -> T) -> Option<T> {
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        effects.get_mut(pair).map(|effects| take(&mut effects[on]))
    }

    fn trace(&self, repository: &str, connection: usize, sent: bool, line: &str) {
        if self.hub.debug.imap {
            let arrow = if sent { '>' } else { '<' };
            let text = format!("imap {repository}#{connection} {arrow} {line}");
            self.hub.debug("imap", Who::Account(&self.scene.account), &text);
        }
    }

    /// Keeps lines of a dry run until the end.
    fn plan(&self, pair: &FolderPair, lines: impl IntoIterator<Item = String>) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).entry(pair.clone()).or_default().extend(lines);
    }

    fn finished(&self) {
        let plans = std::mem::take(&mut *self.plans.lock().unwrap_or_else(PoisonError::into_inner));
        plans.values().flatten().for_each(|line| self.hub.plan(line));
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn listed(&self, pairs: usize, touched: usize) {
        if self.hub.debug.thread {
            let text =
                format!("account '{}': {} to look at, of {pairs}", self.scene.account, counted(touched, "folder"));
            self.hub.debug("thread", Who::Account(&self.scene.account), &text);
        }
    }
}

impl Observer for Narrator {
    fn event(&self, event: &Event<'_>) {
        self.hub.event(&self.scene, event);
        match event {
            Event::AccountFinished { .. } => self.finished(),
            Event::Connecting { repository, to } => {
                self.account_says(&format!("Establishing connection to {to} ({repository})"));
            }
            Event::Trace { repository, connection, sent, line } => self.trace(repository, *connection, *sent, line),
            Event::FoldersListed { pairs, touched } => self.listed(*pairs, *touched),
            Event::FolderPaired { pair, touched: false, .. } if self.quick.load(Ordering::Relaxed) => {
                self.folder_says(pair, &format!("Skipping {} (not changed)", pair.remote));
            }
            Event::FolderCreated { pair, on } => self.created(pair, *on),
            Event::FolderRenamed { from, to, on } => {
                let text = format!("Renaming folder {}[{}] to {}", from[*on], self.scene.names[*on], to[*on]);
                match self.scene.dry_run {
                    true => self.plan(from, [format!("[DRYRUN] {text}")]),
                    false => self.folder_says(to, &text),
                }
            }
            Event::FolderStarted { pair } => {
                let types = &self.scene.types;
                let text = format!("Syncing {}: {} -> {}", pair.remote, types.remote, types.local);
                self.folder_says(pair, &text);
            }
            Event::FolderPlanned { pair, plan, counts } => {
                self.note_new_mail(pair, plan);
                self.planned(pair, plan, counts);
                self.refused(pair, plan);
            }
            Event::MessageIgnored { pair, id, to } => self.ignored(pair, id, *to),
            Event::MessagePlanned { pair, id, header, .. } => self.plan(pair, [message_line(id, header)]),
            Event::MessageStarted { pair, id, to, .. } => self.copying(pair, id, *to),
            Event::FlagsChanged { pair, on, .. } => self.flags_changed(pair, *on),
            Event::MessagesRemoved { pair, on, .. } => self.removed(pair, *on),
            Event::MessagesMoved { from, to, on, messages: number, .. } => {
                let text =
                    format!("Moving {} from {} to {}", messages(*number), self.place(from, *on), self.place(to, *on));
                self.folder_says(from, &text);
            }
            Event::Noticed { pair, id, notice } => self.noticed(pair, id, *notice),
            Event::Pausing { pause, error } => {
                let seconds = pause.as_secs_f32().ceil();
                self.account_says(&format!("{error}; trying again in {seconds} s"));
            }
            Event::Warning { error } => self.account_warns(&error.to_string()),
            _ => {}
        }
    }
}
