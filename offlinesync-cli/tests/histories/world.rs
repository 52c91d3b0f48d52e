//! A Maildir on a disk, a server, their users, and the account between them.

use crate::client::{self, USER};
use crate::deeds::{Deed, LocalAct, RemoteAct};
use crate::files::Mailer;
use crate::letters::{Content, FLAGS, FlagSet, KINDS, SMALL};
use crate::model::{Found, Model};
use crate::{Act, Backend, Bound, Ends, FOLDERS, Fails, Kind, Narrow, Run, Settings, Trouble};
use offlinesync_core::plan::{ConflictRule, Counts};
use offlinesync_core::status::copy_status;
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Bad, Fate, Faults, Faulty, FaultyStatus};
use offlinesync_core::{
    BrakeLimits, Cancel, Error, ErrorKind, MemoryStatus, MessageId, PerSide, PlainStatus, Policy, Repository, Result,
    Side, SqliteStatus, StatusStore, Window,
};
use offlinesync_imap::config::{Secret, Timeouts, Tls};
use offlinesync_imap::testing::server::{Action, Mail, Received, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use offlinesync_maildir::testing::{Effect, Loss, SimulatedDisk, Watch};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use std::{fs, io};
use tempfile::TempDir;

/// Between the messages that are old and those that are not: the first of June 2026.
const NOT_OLD: i64 = 1_780_272_000;

type Checked = std::result::Result<(), TestCaseError>;

pub(crate) struct World {
    directory: TempDir,
    server: Server,
    mailer: Mailer,
    separator: char,
    settings: Settings,
    status: PathBuf,
    faults: Faults,
    model: Model,
    /// Which messages each side had when all was in step.
    settled: PerSide<BTreeSet<(String, MessageId)>>,
    contents: u32,
    /// Somebody removed or moved away what was not recorded.
    removed_early: bool,
    /// What was recorded when each sync began.
    earlier: Vec<MemoryStatus>,
    /// Those before are of syncs of which something went wrong in one, or of the time before files were renamed or moved.
    named_since: usize,
    /// Folders were numbered anew or removed since all was in step, or ever.
    doubtful: bool,
    ever_doubtful: bool,
    /// What users of each side removed or moved away, and what syncs removed there, while nothing went wrong.
    gone: PerSide<u64>,
    removed: PerSide<u64>,
    disturbed: bool,
    /// A file had a letter that stands for nothing in its folder. What keywords are there is left alone on both sides from then on.
    strayed: bool,
}

/// What a user did in the middle of a sync.
type Told = Arc<Mutex<Vec<Deed>>>;

impl World {
    pub(crate) fn new(kind: &Kind) -> World {
        let shared_memory = Path::new("/dev/shm");
        let directory = match shared_memory.is_dir() {
            true => tempfile::tempdir_in(shared_memory),
            false => tempfile::tempdir(),
        };
        let directory = directory.unwrap();
        let server = Server::start(kind.options.clone());
        let (root, status) = (directory.path().join("mail"), directory.path().join("status"));
        [&root, &status].iter().for_each(|path| fs::create_dir(path).unwrap());
        let mailer = Mailer::new(&root, kind.separator);
        // What only holds others is a folder as well, on both sides from the beginning.
        for folder in ["INBOX", "Lists"] {
            server.create(USER, folder);
            mailer.make(folder);
        }
        let mut world = World {
            directory,
            server,
            mailer,
            separator: kind.separator,
            settings: kind.settings,
            status,
            faults: Faults::new(),
            model: Model::with_folder("INBOX"),
            settled: PerSide::default(),
            contents: 0,
            removed_early: false,
            earlier: Vec::new(),
            named_since: 0,
            doubtful: false,
            ever_doubtful: false,
            gone: PerSide::default(),
            removed: PerSide::default(),
            disturbed: false,
            strayed: false,
        };
        world.set(kind.settings);
        world
    }

    fn set(&mut self, settings: Settings) {
        if settings.backend != self.settings.backend {
            let next = self.open(settings.backend);
            copy_status(&*self.open(self.settings.backend), &*next).unwrap();
        }
        self.settings = settings;
        self.mailer.info = if settings.windows { '!' } else { ':' };
    }

    fn open(&self, backend: Backend) -> Box<dyn StatusStore> {
        match backend {
            Backend::Sqlite => Box::new(self.sqlite()),
            Backend::Plain => Box::new(self.plain()),
        }
    }

    fn sqlite(&self) -> SqliteStatus {
        SqliteStatus::open(self.status.join("account.db"), false).unwrap()
    }

    fn plain(&self) -> PlainStatus {
        PlainStatus::open(self.status.join("plain"), false).unwrap()
    }

    pub(crate) fn act(&mut self, act: &Act) -> Checked {
        match act {
            Act::Remote(remote) => {
                let content = self.content_for(act);
                let deeds = client::perform(&self.server.mail(), remote, content);
                self.take_note(Side::Remote, deeds);
            }
            Act::Local(local) => {
                let content = self.content_for(act);
                let deeds = self.mailer.perform(local, content, true);
                self.take_note(Side::Local, deeds);
            }
            Act::Renumber { folder } => self.renumber(FOLDERS[*folder]),
            Act::RemoveFolder { side, folder } => self.remove_folder(*side, FOLDERS[*folder]),
            Act::Status { older } => self.forget(older.as_ref()),
            Act::Set(settings) => self.set(*settings),
            Act::Sync(run) if run.is_clean() => self.settle()?,
            Act::Sync(run) => self.disturbed(run),
        }
        Ok(())
    }

    /// The content of a message that is to be added.
    fn content_for(&mut self, act: &Act) -> Content {
        let (again, kind) = match act {
            Act::Remote(RemoteAct::Add { again, kind, .. }) | Act::Local(LocalAct::Deliver { again, kind, .. }) => {
                (again.as_ref(), *kind)
            }
            Act::Local(LocalAct::Edit { kind, .. }) => (None, *kind),
            _ => return 0,
        };
        match again {
            Some(index) if self.contents > 0 => 1 + index.index(self.contents as usize) as u32,
            _ => {
                self.contents += 1;
                while self.contents % KINDS != kind {
                    self.contents += 1;
                }
                self.contents
            }
        }
    }

    fn take_note(&mut self, side: Side, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Added { folder, content, flags } => self.model.added(side, &folder, content, &flags),
                Deed::Copied { folder, content, own_name } => self.model.copied(side, &folder, content, own_name),
                Deed::Removed { folder, id, content } => {
                    let settled = self.taken_away(side, &folder, &id);
                    self.model.removed(side, &folder, content, settled);
                }
                Deed::Moved { folder, id, content, to, own_name } => {
                    let settled = self.taken_away(side, &folder, &id);
                    self.model.moved(side, &folder, content, settled, &to, own_name);
                }
                Deed::Flagged { folder, id, content, flag, on } => {
                    let settled = self.settled[side].contains(&(folder.clone(), id));
                    self.model.flagged(side, &folder, content, settled, flag, on);
                }
                Deed::Created { folder } => drop(self.model.folders.insert(folder)),
                Deed::Renamed => self.named_since = self.earlier.len(),
            }
        }
    }

    /// Whether it was there when all was in step.
    fn taken_away(&mut self, side: Side, folder: &str, id: &MessageId) -> bool {
        let settled = self.settled[side].remove(&(folder.to_owned(), id.clone()));
        self.gone[side] += 1;
        self.removed_early |= !settled;
        settled
    }

    fn renumber(&mut self, folder: &str) {
        if self.server.names(USER).iter().any(|name| name == folder) {
            self.server.mailbox(USER, folder).renumber();
            self.in_doubt(folder);
            self.model.forgotten_in(folder);
        }
    }

    fn in_doubt(&mut self, folder: &str) {
        (self.doubtful, self.ever_doubtful) = (true, true);
        Side::BOTH.into_iter().for_each(|side| self.settled[side].retain(|(other, _)| other != folder));
    }

    fn remove_folder(&mut self, side: Side, folder: &str) {
        let is_there = |(other, _): &(String, MessageId)| other == folder;
        let settled: BTreeSet<MessageId> =
            self.settled[side].iter().filter(|key| is_there(key)).map(|(_, id)| id.clone()).collect();
        let held: Vec<(Content, MessageId)> = match side {
            Side::Remote => {
                if !self.server.names(USER).iter().any(|name| name == folder) {
                    return;
                }
                let held = client::in_folder(&self.server.mail(), folder);
                self.server.delete(USER, folder);
                held.iter().map(|stored| (stored.content, stored.id())).collect()
            }
            Side::Local => {
                let letters = self.mailer.messages().into_iter().filter(|letter| letter.folder == folder);
                let held = letters.map(|letter| (letter.content, letter.id(self.mailer.info))).collect();
                self.mailer.remove_folder(folder);
                held
            }
        };
        let copies: Vec<(Content, bool)> =
            held.into_iter().map(|(content, id)| (content, settled.contains(&id))).collect();
        self.model.folder_removed(side, folder, &copies);
        self.removed_early |= copies.iter().any(|(_, settled)| !settled);
        self.in_doubt(folder);
    }

    fn sync(&mut self, run: &Run, disk: Option<Arc<dyn Watch>>) -> Result<Report> {
        match self.settings.backend {
            Backend::Sqlite => self.sync_with(self.sqlite(), run, disk),
            Backend::Plain => self.sync_with(self.plain(), run, disk),
        }
    }

    fn sync_with<S: StatusStore + 'static>(
        &mut self,
        status: S,
        run: &Run,
        disk: Option<Arc<dyn Watch>>,
    ) -> Result<Report> {
        self.earlier.push(copy_of(&status));
        self.strayed |= self.mailer.has_strays();
        let imap = Faulty::new(self.imap(), &self.faults);
        let maildir = Faulty::new(self.maildir(disk)?, &self.faults);
        // Whoever says that numbers are to be accepted says that what cannot be looked at is another message.
        if let Some(trouble) = run.trouble.as_ref().filter(|_| !matches!(run.bound, Some(Bound::Numbers))) {
            let bad = self.bad(trouble);
            let taking = matches!(trouble.what, Fails::Begin | Fails::Commit);
            match if taking { trouble.side.other() } else { trouble.side } {
                Side::Remote => imap.spoil(|good| *good = bad),
                Side::Local => maildir.spoil(|good| *good = bad),
            }
        }
        let status = Arc::new(FaultyStatus::new(status, &self.faults));
        // Whose folder is another one did not remove what is missing in it.
        let policy = policy(run, !self.doubtful);
        let account = Account::new("A", Arc::new(imap.clone()), Arc::new(maildir), status).with_policy(policy);
        let result = account.sync(&(), &Cancel::new());
        imap.close();
        drop((account, imap));
        self.server.settle();
        result
    }

    fn imap(&self) -> ImapRepository {
        let password = || Ok(Secret::new("pw".to_owned()));
        let config = ImapConfig::new("server", self.server.host(), USER, password);
        // This server is done with a connection when it has ended.
        let timeouts = Timeouts { aftermath: Duration::ZERO, read: Duration::from_secs(20), ..Timeouts::default() };
        ImapRepository::new(config.port(Some(self.server.port())).tls(Tls::None).timeouts(timeouts))
    }

    fn maildir(&self, disk: Option<Arc<dyn Watch>>) -> Result<MaildirRepository> {
        let mut config = MaildirConfig::new("disk", self.root()).with_separator(self.separator);
        config.info_separator = self.mailer.info;
        config.fsync = self.settings.fsync;
        (config.name_from_header, config.time_from_header) = (self.settings.header_dates, self.settings.header_dates);
        // Every message says that it is of the same day.
        config.header_date = Some(Arc::new(|_: &[u8]| Some(1_790_000_000)));
        if let Some(disk) = disk {
            config = config.watched_by(disk);
        }
        MaildirRepository::new(config)
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("mail")
    }

    /// What fails with some messages.
    fn bad(&self, trouble: &Trouble) -> Bad {
        let all: Vec<MessageId> = match trouble.side {
            Side::Remote => client::messages(&self.server.mail()).iter().map(client::Stored::id).collect(),
            Side::Local => self.mailer.messages().iter().map(|letter| letter.id(self.mailer.info)).collect(),
        };
        let chosen = trouble.which.iter().filter(|_| !all.is_empty());
        let ids: BTreeSet<MessageId> = chosen.map(|which| which.get(&all).clone()).collect();
        let mut bad = Bad::default();
        match trouble.what {
            Fails::Everything => (bad.headerless, bad.unreadable) = (ids.clone(), ids),
            Fails::Header => bad.headerless = ids,
            Fails::Body => bad.unreadable = ids,
            Fails::Rest => bad.breaking_off = ids,
            Fails::Begin => bad.refused = ids,
            Fails::Commit => bad.not_committed = ids,
            Fails::Flags => bad.unchangeable = ids,
            Fails::Removal => bad.unremovable = ids,
            Fails::Move => bad.unmovable = ids,
        }
        bad
    }

    fn disturbed(&mut self, run: &Run) {
        self.disturbed = true;
        let before = self.faults.effects();
        match run.ends {
            Ends::Well => {}
            Ends::Before(n) => self.faults.stop_before(before + n),
            Ends::Within(n) => self.faults.stop_within(before + n),
            Ends::After(n) | Ends::Power(n, _) => self.faults.stop_after(before + n),
            Ends::Failing(n) => self.faults.fail_at(before + n, ErrorKind::Message),
        }
        let told = run.meanwhile.as_ref().map(|(n, act)| self.meanwhile(before + n, act));
        self.watch_commands(run);
        match run.ends {
            Ends::Power(_, how) if run.meanwhile.is_none() && self.settings.fsync => {
                let disk = SimulatedDisk::new(&self.root(), &self.faults);
                let _ = self.sync(run, Some(Arc::new(disk.clone())));
                disk.lose_power(how.map_or(Loss::Unsynced, Loss::Some));
            }
            _ => drop(self.sync(run, Some(Arc::new(Disk(self.faults.clone()))))),
        }
        self.server.behave();
        end_of_life(&self.root());
        if let Some((side, told)) = told {
            let deeds = std::mem::take(&mut *told.lock().unwrap());
            self.take_note(side, deeds);
        }
        if run.change_wins {
            self.model.let_changes_win();
        }
        self.named_since = self.earlier.len();
        self.faults.mend();
    }

    /// One command goes wrong, and all of them count.
    fn watch_commands(&self, run: &Run) {
        let (faults, mut next) = (self.faults.clone(), run.server.clone());
        let mut number = 0;
        self.server.on_command(move |received| {
            number += 1;
            if let Some((_, action)) = next.take_if(|(n, _)| *n <= number && received.name != "LOGIN") {
                return sensible(action, received);
            }
            sensible(fate(&faults, received), received)
        });
    }

    /// A user does something just before effect `n`; what it was is told there.
    fn meanwhile(&mut self, n: u64, act: &Act) -> (Side, Told) {
        let (act, content) = (act.clone(), self.content_for(act));
        let told = Told::default();
        let side = if matches!(act, Act::Local(_)) { Side::Local } else { Side::Remote };
        let (mail, mailer, tell): (Mail, Mailer, Told) = (self.server.mail(), self.mailer.clone(), Arc::clone(&told));
        self.faults.act_before(n, move || {
            *tell.lock().unwrap() = match &act {
                Act::Remote(act) => client::perform(&mail, act, content),
                Act::Local(act) => mailer.perform(act, content, false),
                _ => Vec::new(),
            };
        });
        (side, told)
    }

    /// What was recorded is gone, or as it was before some sync.
    fn forget(&mut self, older: Option<&prop::sample::Index>) {
        let kept = &self.earlier[self.named_since..];
        let none = MemoryStatus::default();
        let status = older.filter(|_| !kept.is_empty()).map_or(&none, |at| at.get(kept));
        copy_status(status, &*self.open(self.settings.backend)).unwrap();
        self.settled = PerSide::default();
        self.model.forgotten();
        // An older status knows an older numbering.
        self.doubtful |= self.ever_doubtful;
        self.disturbed = true;
    }

    /// A clean sync, and everything as it must be then.
    pub(crate) fn settle(&mut self) -> Checked {
        let failed = |error: offlinesync_core::Error| TestCaseError::fail(error.to_string());
        if self.doubtful {
            self.disturbed = true;
            for bound in [None, Some(Bound::Missing), Some(Bound::Numbers)] {
                self.sync(&Run { bound, ..Run::CLEAN }, None).map_err(failed)?;
            }
            self.doubtful = false;
        }
        if self.strayed || self.mailer.has_strays() {
            // The letters may go with their files, and keywords are spoken of again.
            self.sync(&Run::CLEAN, None).map_err(failed)?;
        }
        self.server.clear_log();
        let report = self.sync(&Run::CLEAN, None).map_err(failed)?;
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        // Removed there before it was recorded here: that is told, and the message is kept where it is until its user decides.
        prop_assume!(
            !self.removed_early || !failures.iter().any(|failure| failure.ends_with("it is not uploaded again"))
        );
        prop_assert!(report.in_step(), "{:?}", failures);
        prop_assert_eq!(self.server.violations(), Vec::<String>::new());
        self.count_removals(&report.counts)?;
        let found = PerSide { remote: self.found_on_the_server(), local: self.found_in_the_maildir() };
        let kept: FlagSet = FLAGS.into_iter().filter(|flag| !self.strayed || flag.starts_with(['\\', '$'])).collect();
        for side in Side::BOTH {
            let complaints = self.model.complaints(&found[side], &kept);
            prop_assert!(complaints.is_empty(), "{}: {:#?}", side, complaints);
        }
        for folder in &self.model.folders {
            prop_assert!(self.mailer.has(folder), "no directory for {}", folder);
            prop_assert!(self.server.names(USER).contains(folder), "no mailbox {}", folder);
        }
        prop_assert_eq!(sorted(&found.remote, &kept), sorted(&found.local, &kept));
        self.nothing_is_left_to_do()?;
        self.model.settle(&found.remote);
        let info = self.mailer.info;
        self.settled.remote = client::messages(&self.server.mail())
            .into_iter()
            .map(|stored| (stored.folder.clone(), stored.id()))
            .collect();
        self.settled.local =
            self.mailer.messages().into_iter().map(|letter| (letter.folder.to_owned(), letter.id(info))).collect();
        (self.gone, self.removed, self.disturbed, self.removed_early) =
            (PerSide::default(), PerSide::default(), false, false);
        Ok(())
    }

    /// Without trouble no sync removes more on one side than the user of the other removed and moved away.
    fn count_removals(&mut self, counts: &Counts) -> Checked {
        for side in Side::BOTH {
            self.removed[side] += counts.removals[side];
            let (removed, meant) = (self.removed[side], self.gone[side.other()]);
            prop_assert!(self.disturbed || removed <= meant, "{}: {} removed, {} meant", side, removed, meant);
        }
        Ok(())
    }

    fn nothing_is_left_to_do(&mut self) -> Checked {
        let before = (self.mailer.tree(), self.on_the_server());
        let report = self.sync(&Run::CLEAN, None).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(report.in_step());
        prop_assert_eq!(report.counts, Counts::default());
        let after = (self.mailer.tree(), self.on_the_server());
        prop_assert!(before.1 == after.1, "the next sync changes the server");
        let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(names(&before.0), names(&after.0), "the next sync changes names");
        prop_assert!(before.0 == after.0, "the next sync changes files");
        Ok(())
    }

    /// Names, numbers and messages with their flags.
    fn on_the_server(&self) -> Vec<(String, (u32, u32, u64))> {
        let names = self.server.names(USER).into_iter();
        names.map(|name| (name.clone(), self.server.mailbox(USER, &name).numbers())).collect()
    }

    fn found_on_the_server(&self) -> Found {
        let mut found = Found::new();
        for stored in client::messages(&self.server.mail()) {
            found.entry((stored.folder, stored.content)).or_default().push(stored.flags);
        }
        found
    }

    fn found_in_the_maildir(&self) -> Found {
        let mut found = Found::new();
        for letter in self.mailer.messages() {
            found.entry((letter.folder.to_owned(), letter.content)).or_default().push(self.mailer.flags(&letter));
        }
        found
    }
}

fn copy_of(status: &dyn StatusStore) -> MemoryStatus {
    let copy = MemoryStatus::default();
    copy_status(status, &copy).unwrap();
    copy
}

/// Of flags, those that are kept on both sides.
fn sorted(found: &Found, kept: &FlagSet) -> Found {
    let mut found = found.clone();
    for copies in found.values_mut() {
        copies.iter_mut().for_each(|flags| flags.retain(|flag| kept.contains(flag)));
        copies.sort();
    }
    found
}

/// `meant`: users that remove everything they have mean it.
fn policy(run: &Run, meant: bool) -> Policy {
    // Where a user is at work in the middle, nobody else is.
    let workers = usize::from(run.meanwhile.is_some());
    let window = match run.narrow {
        None => Window::default(),
        Some(Narrow::Size) => Window { max_octets: Some(SMALL), since: None },
        Some(Narrow::Age) => Window { max_octets: None, since: Some(NOT_OLD) },
    };
    let brake = BrakeLimits { allowed: meant.then_some(u64::MAX), ..BrakeLimits::default() };
    let conflict = if run.change_wins { ConflictRule::ChangeWins } else { ConflictRule::RemovalWins };
    let mut policy =
        Policy { window, brake, workers, conflict, quick: run.quick, retry_pause: Duration::ZERO, ..Policy::default() };
    match run.bound {
        None => {}
        Some(Bound::ReadOnly(side)) => policy.read_only[side] = true,
        Some(Bound::Removals(side)) => policy.propagate_removals[side] = false,
        Some(Bound::Folders) => policy.create_folders = PerSide::default(),
        Some(Bound::Numbers) => policy.accept_new_numbering = true,
        Some(Bound::Missing) => policy.restore_missing_folders = true,
    }
    policy
}

/// Every change of the disk counts.
#[derive(Debug)]
struct Disk(Faults);

impl Watch for Disk {
    fn effect(&self, effect: &Effect<'_>, carry_out: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let name = match effect {
            Effect::Create(_) | Effect::Write(..) => "write file",
            _ => "change directory",
        };
        let mut told = None;
        let done = self.0.effect(name, || {
            carry_out().map_err(|error| {
                told = Some(error);
                Error::new(ErrorKind::Storage, "refused by the disk")
            })
        });
        match (done, told) {
            (_, Some(error)) => Err(error),
            (done, None) => done.map_err(|error| io::Error::other(error.to_string())),
        }
    }
}

/// What the end of a run makes of a command.
fn fate(faults: &Faults, received: &Received) -> Action {
    const NAMES: [&str; 9] =
        ["LIST", "SELECT", "UID FETCH", "UID STORE", "UID EXPUNGE", "UID MOVE", "APPEND", "CREATE", "UID SEARCH"];
    let name = NAMES.into_iter().find(|name| *name == received.name).unwrap_or("another command");
    match faults.fate(name) {
        Fate::Whole => Action::Continue,
        Fate::Unheard => Action::CutAfter(0),
        Fate::Half if name == "APPEND" => Action::CutInput(SHORTEST),
        Fate::Half => Action::CutAfter(200),
        Fate::Nothing => Action::CutInput(0),
    }
}

/// No message is shorter.
const SHORTEST: usize = 10;

/// A line is cut in what the client sends without being asked for it; anywhere else both sides would wait.
fn sensible(action: Action, received: &Received) -> Action {
    match action {
        Action::CutInput(octets) if received.line.ends_with("+}") => Action::CutInput(octets.min(SHORTEST)),
        Action::CutInput(_) => Action::CutInput(0),
        action => action,
    }
}

/// Locks below the root are those of a process that has ended, some minutes ago.
fn end_of_life(root: &Path) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let lock = path.join("dovecot-keywords.lock");
        if let Ok(holder) = fs::read_to_string(&lock) {
            // No process ever has this number.
            fs::write(&lock, holder.replace(&std::process::id().to_string(), "999999999")).unwrap();
            let long_ago = SystemTime::now() - Duration::from_secs(600);
            fs::File::options().write(true).open(lock).unwrap().set_modified(long_ago).unwrap();
        }
        if path.is_dir() && !path.join("cur").is_dir() || path.join("rust").is_dir() {
            end_of_life(&path);
        }
    }
}
