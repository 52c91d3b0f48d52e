//! Puts the engine's events into words: those of OfflineIMAP where it has words for them.

use super::hub::Hub;
use super::plans::{dry_run_lines, message_line, messages, place, summary};
use crate::say::Level;
use offlinesync_core::plan::{Action, Counts, Notice, Plan, Step};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::Report;
use offlinesync_core::{Event, MessageId, Observer, PerSide, Side, SystemFlags};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The type of each side, for messages.
pub(super) type Types = PerSide<&'static str>;

/// Listens to one account.
#[derive(Debug)]
pub struct Narrator {
    hub: Arc<Hub>,
    account: String,
    types: Types,
    names: PerSide<String>,
    dry_run: bool,
    /// When the run began that is going on.
    started: Mutex<Instant>,
    /// Copies begun in each folder towards each side, and how many there are to do.
    copies: Mutex<BTreeMap<FolderPair, PerSide<(u64, u64)>>>,
    /// What a dry run has to say of each folder: told at the end, in the order of the folders.
    plans: Mutex<BTreeMap<FolderPair, Vec<String>>>,
    /// Sides from which unread mail goes into the other side's INBOX.
    new_mail: Mutex<PerSide<bool>>,
}

impl Narrator {
    /// A listener for the runs of an account.
    pub fn new(hub: &Arc<Hub>, account: &str, types: Types, names: PerSide<String>, dry_run: bool) -> Self {
        Narrator {
            hub: Arc::clone(hub),
            account: account.to_owned(),
            types,
            names,
            dry_run,
            started: Mutex::new(Instant::now()),
            copies: Mutex::default(),
            plans: Mutex::default(),
            new_mail: Mutex::default(),
        }
    }

    /// Tells a person what came of the run.
    pub fn report(&self, report: &Report) {
        let line = summary(&self.account, self.dry_run, &report.counts, report.octets, report.folders.len());
        if self.dry_run { self.hub.output(&line) } else { self.hub.summary(&line) }
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

    fn account_says(&self, text: &str) {
        self.hub.say(Level::Info, &format!("Account sync {}", self.account), text);
    }

    fn folder_says(&self, pair: &FolderPair, text: &str) {
        self.hub.say(Level::Info, &format!("Folder {} [acc: {}]", pair.remote, self.account), text);
    }

    fn place(&self, pair: &FolderPair, side: Side) -> String {
        place(&self.types, pair, side)
    }

    fn created(&self, pair: &FolderPair, on: Side) {
        let text = format!("Creating folder {}[{}]", pair[on], self.names[on]);
        match self.dry_run {
            true => self.plan(pair, [format!("[DRYRUN] {text}")]),
            false => self.folder_says(pair, &text),
        }
    }

    fn planned(&self, pair: &FolderPair, counts: &Counts) {
        {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = copies.entry(pair.clone()).or_default();
            Side::BOTH.iter().for_each(|side| entry[*side].1 += counts.copies[*side]);
        }
        if self.dry_run {
            self.plan(pair, dry_run_lines(&self.types, pair, counts));
        }
        if self.hub.debug.maildir {
            let side = |side: Side| {
                let (copies, flags, removals) = (counts.copies[side], counts.flags[side], counts.removals[side]);
                format!("{side}: {copies} copies, {flags} flag changes, {removals} removals")
            };
            let (remote, local) = (side(Side::Remote), side(Side::Local));
            let text = format!("debug: folder '{}': {remote}; {local}; {} records", pair.remote, counts.records);
            self.hub.say(Level::Debug, "", &text);
        }
    }

    fn copying(&self, pair: &FolderPair, id: &MessageId, to: Side) {
        let (begun, all) = {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = copies.entry(pair.clone()).or_default();
            entry[to].0 += 1;
            entry[to]
        };
        let from = to.other();
        let text = format!(
            "Copy message UID {id} ({begun}/{all}) {}:{} -> {}:{}",
            self.names[from], pair[from], self.names[to], pair[to]
        );
        let thread = format!("Copy message from {}:{}", self.names[from], pair[from]);
        self.hub.say(Level::Info, &thread, &text);
    }

    fn ignored(&self, pair: &FolderPair, id: &MessageId, to: Side) {
        let from = to.other();
        let text = format!("IGNORED: Copy message UID {id} {}:{} -> {}", self.names[from], pair[from], self.names[to]);
        self.folder_says(pair, &text);
    }

    fn noticed(&self, pair: &FolderPair, id: &MessageId, notice: Notice) {
        let what = match notice {
            Notice::RemovedThoughChanged => "it was removed on the other side too",
            Notice::KeptBecauseChanged => "it was kept and copied back",
        };
        let text =
            format!("folder '{}': message {id} was changed on one side and removed on the other; {what}", pair.remote);
        self.hub.warn(&text);
    }

    fn trace(&self, repository: &str, connection: usize, sent: bool, line: &str) {
        if self.hub.debug.imap {
            let arrow = if sent { '>' } else { '<' };
            self.hub.say(Level::Debug, "", &format!("debug: imap {repository}#{connection} {arrow} {line}"));
        }
    }

    fn begin(&self) {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.account_says(&format!("*** Processing account {}", self.account));
    }

    /// Keeps lines of a dry run until the end.
    fn plan(&self, pair: &FolderPair, lines: impl IntoIterator<Item = String>) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).entry(pair.clone()).or_default().extend(lines);
    }

    fn finished(&self) {
        let plans = std::mem::take(&mut *self.plans.lock().unwrap_or_else(PoisonError::into_inner));
        plans.values().flatten().for_each(|line| self.hub.output(line));
        let seconds = self.started.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs();
        let text = format!("*** Finished account '{}' in {}:{:02}", self.account, seconds / 60, seconds % 60);
        self.account_says(&text);
    }

    fn listed(&self, pairs: usize, touched: usize) {
        if self.hub.debug.thread {
            let text = format!("debug: account '{}': {touched} of {pairs} folders need a look", self.account);
            self.hub.say(Level::Debug, "", &text);
        }
    }
}

impl Observer for Narrator {
    fn event(&self, event: &Event<'_>) {
        self.hub.progress(&self.account, event);
        match event {
            Event::AccountStarted { .. } => self.begin(),
            Event::AccountFinished { .. } => self.finished(),
            Event::Connecting { repository, to } => {
                self.account_says(&format!("Establishing connection to {to} ({repository})"));
            }
            Event::Trace { repository, connection, sent, line } => self.trace(repository, *connection, *sent, line),
            Event::FoldersListed { pairs, touched } => self.listed(*pairs, *touched),
            Event::FolderCreated { pair, on } => self.created(pair, *on),
            Event::FolderStarted { pair } => {
                let text = format!("Syncing {}: {} -> {}", pair.remote, self.types.remote, self.types.local);
                self.folder_says(pair, &text);
            }
            Event::FolderPlanned { pair, counts, plan } => {
                self.note_new_mail(pair, plan);
                self.planned(pair, counts);
            }
            Event::MessageIgnored { pair, id, to } => self.ignored(pair, id, *to),
            Event::MessagePlanned { pair, id, header, .. } => self.plan(pair, [message_line(id, header)]),
            Event::MessageStarted { pair, id, to, .. } => self.copying(pair, id, *to),
            Event::FlagsChanged { pair, on, messages: number } => {
                self.folder_says(
                    pair,
                    &format!("Changing flags of {} on {}", messages(*number), self.place(pair, *on)),
                );
            }
            Event::MessagesRemoved { pair, on, messages: number } => {
                self.folder_says(pair, &format!("Deleting {} in {}", messages(*number), self.place(pair, *on)));
            }
            Event::MessagesMoved { from, to, on, messages: number } => {
                let text =
                    format!("Moving {} from {} to {}", messages(*number), self.place(from, *on), self.place(to, *on));
                self.folder_says(from, &text);
            }
            Event::Noticed { pair, id, notice } => self.noticed(pair, id, *notice),
            Event::Warning { error } => self.hub.warn(&error.to_string()),
            _ => {}
        }
    }
}
