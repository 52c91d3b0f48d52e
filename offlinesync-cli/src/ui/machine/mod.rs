//! `machineui`: OfflineIMAP's stream for programs, protocol 7.2.0, on standard output; a password is read from standard input.
//!
//! The stream tells a sync as OfflineIMAP would do it: it looks at every folder, also at those that the engine can tell to be
//! unchanged, and a moved message is copied and deleted. Unlike OfflineIMAP's, the exit status is right.

mod folder;
mod record;

use super::{DebugTypes, Interface, Moment, Question, Scene, Who};
use crate::say::{Outcome, error_lines};
use crate::streams::Streams;
use folder::{Folder, Place, thread_ended};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::Report;
use offlinesync_core::{Error, ErrorKind, Event, PerSide, Result, Side, UidValidity};
use offlinesync_imap::config::Secret;
use record::{Record, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The version of the protocol.
const PROTOCOL: &str = "7.2.0";

/// The stream.
#[derive(Debug)]
pub(super) struct Machine {
    streams: Arc<Streams>,
    accounts: Mutex<BTreeMap<String, Account>>,
}

/// A run of an account.
#[derive(Debug, Default)]
struct Account {
    quick: bool,
    paired: Vec<Paired>,
    folders: BTreeMap<FolderPair, Folder>,
    /// With one thread one folder has the word, until it has ended; what others say waits.
    turn: Option<FolderPair>,
    held: BTreeMap<FolderPair, Vec<Record>>,
    /// Errors that were told already.
    told: BTreeSet<String>,
}

/// A folder that takes part.
#[derive(Debug)]
struct Paired {
    pair: FolderPair,
    missing: Option<Side>,
    touched: bool,
    recorded: u64,
}

impl Machine {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Machine { streams: Arc::clone(streams), accounts: Mutex::default() }
    }

    fn write(&self, records: impl IntoIterator<Item = Record>) {
        records.into_iter().for_each(|record| self.streams.out(&record.line()));
    }

    /// Lines of different threads do not mix: what follows from one event is written before the next is looked at.
    fn with(&self, scene: &Scene, work: impl FnOnce(&mut Account) -> Vec<Record>) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let records = work(accounts.entry(scene.account.clone()).or_default());
        self.write(records);
    }

    fn failure(&self, scene: &Scene, thread: &str, error: &Error) {
        let record = told(thread, error);
        self.with(scene, |account| {
            let new = account.told.insert(record.payload.clone());
            new.then_some(record).into_iter().collect()
        });
    }
}

/// An error in one record: the sentence, then the hint.
fn told(thread: &str, error: &Error) -> Record {
    let lines = error_lines(error);
    let text = lines.iter().map(|line| line.strip_prefix("error: ").unwrap_or(line)).collect::<Vec<_>>().join("\n  ");
    Record::msg("", thread, &[&format!("ERROR: {text}")]).with(Severity::Error)
}

impl Interface for Machine {
    fn notice(&self, line: &str) {
        self.write([Record::msg("", Who::Program, &[line]).with(Severity::Warn)]);
    }

    fn output(&self, line: &str) {
        self.write([Record::msg("", Who::Program, &[line])]);
    }

    fn announce(&self, who: Who<'_>, line: &str) {
        self.write([Record::msg("", who, &[line])]);
    }

    /// Its records tell it already.
    fn plan(&self, _: &str) {}

    fn debug(&self, kind: &str, who: Who<'_>, text: &str) {
        self.write([Record::msg("", who, &[&format!("[{kind}]: {text}")]).with(Severity::Debug)]);
    }

    fn warning(&self, who: Who<'_>, text: &str) {
        self.write([Record::msg("", who, &[text]).with(Severity::Warn)]);
    }

    fn error(&self, who: Who<'_>, error: &Error) {
        self.write([told(&who.to_string(), error)]);
    }

    fn failures(&self, scene: &Scene, report: &Report) {
        let thread = Who::Account(&scene.account).to_string();
        report.failures.iter().for_each(|failure| self.failure(scene, &thread, &failure.error));
    }

    fn event(&self, scene: &Scene, event: &Event<'_>) {
        if let Event::MessageFailed { pair, error, .. } = event {
            return self.failure(scene, &Place { scene, pair }.thread(), error);
        }
        self.with(scene, |account| account.event(scene, event));
        if let Event::FolderFailed { pair, error } = event {
            self.failure(scene, &Place { scene, pair }.thread(), error);
        }
    }

    fn moment(&self, scene: &Scene, moment: &Moment<'_>) {
        let name = scene.account.as_str();
        let msg = |command: &'static str, fields: &[&str]| Record::msg(command, Who::Account(name), fields);
        match moment {
            Moment::AccountOpened => self.write([msg("registerthread", &[name])]),
            Moment::SyncStarted { quick } => self.with(scene, |account| {
                *account = Account { quick: *quick, ..Account::default() };
                vec![msg("acct", &[name])]
            }),
            Moment::Hook(text) => self.write([msg("callhook", &[text])]),
            Moment::SyncEnded { .. } => self.write([msg("acctdone", &[name])]),
            Moment::Pausing { left } => self.write([msg("sleeping", &["10", &left.as_secs().to_string()])]),
            Moment::PauseEnded => self.write([msg("sleeping", &["0", "0"])]),
            Moment::AccountClosed if scene.single => {}
            Moment::AccountClosed => self.write(thread_ended(&Who::Account(name).to_string())),
        }
    }

    fn password(&self, question: &Question<'_>) -> Option<Result<Secret>> {
        let msg = |command: &'static str, fields: &[&str]| Record::msg(command, Who::Account(question.account), fields);
        if let Some(refused) = question.refused {
            self.write([msg("getpasserror", &[question.user, refused]).with(Severity::Warn)]);
        }
        self.write([msg("getpass", &[question.user])]);
        let answer = self.streams.read_line().map(Secret::new);
        Some(answer.ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "no password was given on standard input")
                .with_hint("answer a `getpass` record with the password in a line")
        }))
    }

    fn banner(&self, banner: &str, versions: &str, debug: DebugTypes) {
        self.streams.out(banner);
        let msg = |command: &'static str, text: &str| Record::msg(command, Who::Program, &[text]);
        self.write([msg("protocol", PROTOCOL), msg("initbanner", banner), msg("", versions)]);
        if debug.any() && !debug.thread {
            self.write([msg("_display", "Debug mode: Forcing to singlethreaded.")]);
        }
        self.write(debug.kinds().map(|kind| msg("debugging", kind).with(Severity::Debug)));
    }

    fn ended(&self, outcome: Outcome, error: Option<&Error>) {
        let (title, message) = match error {
            Some(error) => ("error", error.to_string()),
            None => ("", String::new()),
        };
        let status = outcome.code().to_string();
        self.write([Record::msg("terminate", Who::Program, &[&status, title, &message])]);
    }
}

impl Account {
    fn event(&mut self, scene: &Scene, event: &Event<'_>) -> Vec<Record> {
        match event {
            Event::Connecting { repository, to } => vec![connecting(scene, repository, to)],
            Event::FolderPaired { pair, missing, touched, recorded } => {
                let (pair, missing, touched, recorded) = ((*pair).clone(), *missing, *touched, *recorded);
                self.paired.push(Paired { pair, missing, touched, recorded });
                Vec::new()
            }
            Event::FoldersListed { .. } => self.listed(scene),
            Event::MessagesMoved { from, to, on, ids, .. } => {
                ids.iter().for_each(|(left, _)| self.folder(from).moved_out(*on, left));
                ids.iter().for_each(|(_, appeared)| self.folder(to).moved_in(*on, appeared));
                Vec::new()
            }
            Event::AccountFinished { .. } => self.finished(scene),
            other => self.in_turn(scene, other),
        }
    }

    /// What a folder says, once it is its turn.
    fn in_turn(&mut self, scene: &Scene, event: &Event<'_>) -> Vec<Record> {
        let mut records = self.folder_event(scene, event);
        let Some(pair) = pair_of(event).filter(|_| scene.single) else { return records };
        if *self.turn.get_or_insert_with(|| pair.clone()) != *pair {
            self.held.entry(pair.clone()).or_default().append(&mut records);
            return records;
        }
        while let Some(turn) = self.turn.take_if(|turn| !self.folders.contains_key(turn)) {
            self.held.remove(&turn);
            if let Some(mut next) = self.held.first_entry() {
                records.append(next.get_mut());
                self.turn = Some(next.key().clone());
            }
        }
        records
    }

    fn folder_event(&mut self, scene: &Scene, event: &Event<'_>) -> Vec<Record> {
        let place = |pair| Place { scene, pair };
        match event {
            Event::FolderStarted { pair } => self.started(&place(pair)),
            Event::FolderRead { pair, messages } => self.folder(pair).read(&place(pair), *messages),
            Event::NumberingChanged { pair, on, recorded, now } => vec![numbering(&place(pair), *on, *recorded, *now)],
            Event::FolderPlanned { pair, plan, .. } => self.folder(pair).plan(&place(pair), plan),
            Event::MessageStarted { pair, id, to, .. } => self.folder(pair).copy(&place(pair), *to, id),
            Event::MessagesCopied { pair, to, messages } => self.folder(pair).copied(&place(pair), *to, *messages),
            Event::MessageIgnored { pair, id, to } => {
                self.folder(pair).ignore(&place(pair), *to, id);
                Vec::new()
            }
            Event::FlagsChanged { pair, on, .. } | Event::MessagesRemoved { pair, on, .. } => {
                self.folder(pair).effect(*on)
            }
            Event::FolderFailed { pair, .. } => self.folder(pair).fail(),
            Event::FolderFinished { pair } => self.ended(&place(pair)),
            _ => Vec::new(),
        }
    }

    fn folder(&mut self, pair: &FolderPair) -> &mut Folder {
        self.folders.entry(pair.clone()).or_default()
    }

    /// What is created, that folders are synced, and the folders that nobody touched.
    fn listed(&mut self, scene: &Scene) -> Vec<Record> {
        let mut records = Vec::new();
        for Paired { pair, missing, .. } in &self.paired {
            records.extend(missing.iter().flat_map(|on| created(scene, pair, *on)));
        }
        let PerSide { remote, local } = scene.types;
        records.push(Record::msg("syncfolders", Who::Account(&scene.account), &[remote, local]));
        for Paired { pair, recorded, .. } in self.paired.drain(..).filter(|paired| !paired.touched) {
            records.extend(Place { scene, pair: &pair }.untouched(recorded, self.quick));
        }
        records
    }

    /// A folder that is taken up again, after the whole account was looked at, was told to be taken up.
    fn started(&mut self, place: &Place<'_>) -> Vec<Record> {
        if self.folders.contains_key(place.pair) {
            return Vec::new();
        }
        self.folder(place.pair);
        place.started().into()
    }

    fn ended(&mut self, place: &Place<'_>) -> Vec<Record> {
        let Some(records) = self.folder(place.pair).finish(place) else { return Vec::new() };
        self.folders.remove(place.pair);
        records
    }

    /// Folders of which nothing more is heard have ended too.
    fn finished(&mut self, scene: &Scene) -> Vec<Record> {
        let folders = std::mem::take(&mut self.folders);
        let ended = folders.into_iter().flat_map(|(pair, mut folder)| {
            let place = Place { scene, pair: &pair };
            folder.finish(&place).unwrap_or_else(|| place.ended())
        });
        let held = std::mem::take(&mut self.held).into_values().flatten();
        held.chain(ended).collect()
    }
}

/// The folder that an event is about.
fn pair_of<'a>(event: &Event<'a>) -> Option<&'a FolderPair> {
    match event {
        Event::FolderStarted { pair }
        | Event::FolderRead { pair, .. }
        | Event::NumberingChanged { pair, .. }
        | Event::FolderPlanned { pair, .. }
        | Event::MessageStarted { pair, .. }
        | Event::MessagesCopied { pair, .. }
        | Event::FlagsChanged { pair, .. }
        | Event::MessagesRemoved { pair, .. }
        | Event::FolderFailed { pair, .. }
        | Event::FolderFinished { pair } => Some(pair),
        _ => None,
    }
}

/// Host, port and repository; `to` for a repository that is not the scene's.
fn connecting(scene: &Scene, repository: &str, to: &str) -> Record {
    let side = Side::BOTH.into_iter().find(|side| scene.names[*side] == repository && scene.is_imap(*side));
    let endpoint = side.and_then(|side| scene.endpoints[side].clone());
    let (host, port) = endpoint.unwrap_or_else(|| (to.to_owned(), String::new()));
    Record::msg("connecting", Who::Account(&scene.account), &[&host, &port, repository])
}

fn created(scene: &Scene, pair: &FolderPair, on: Side) -> Vec<Record> {
    let who = Who::Account(&scene.account);
    let text = format!("Creating folder {}[{}]", pair[on], scene.names[on]);
    if scene.dry_run {
        return vec![Record::msg("", who, &[&format!("[DRYRUN] {text}")])];
    }
    let status = format!("Creating new Local Status db for {}:{}", scene.names.local, pair.local);
    vec![Record::msg("", who, &[&text]), Record::msg("_display", who, &[&status])]
}

fn numbering(place: &Place<'_>, on: Side, recorded: UidValidity, now: UidValidity) -> Record {
    let (folder, repository) = (place.pair[on].as_str(), place.scene.names[on].as_str());
    let fields = [folder, repository, &recorded.to_string(), &now.to_string()];
    Record::msg("validityproblem", place.thread(), &fields).with(Severity::Warn)
}
