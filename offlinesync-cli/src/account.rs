//! One account from its lock to its last sync: hooks, the engine, pauses.

use crate::backend::{Backends, Means};
use crate::control::{Control, Seen, Woken};
use crate::hooks::{self, Mode};
use crate::import::offlineimap::House;
use crate::lock::Lock;
use crate::mbnames::{Mailbox, Mailboxes};
use crate::naming::Names;
use crate::roots::{self, Neighbour, Root, Roots};
use crate::say::{Level, Outcome};
use crate::settings::{AccountSettings, Store};
use crate::status;
use crate::turns::Turns;
use crate::ui::{Moment, Narrator, Scene, Who};
use crate::watching::{Patience, Pulse, Watching};
use jiff::ZonedDateTime;
use offlinesync_core::plan::Counts;
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::{
    BrakeLimits, Error, ErrorKind, FolderPair, MemoryStatus, Observer, Policy, Result, Side, StatusStore,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many runs that end in a mistake of configuration or a refused password, one after the other, end an account.
const MISTAKES: u32 = 3;

/// How often it is told how long a pause still takes.
const STEP: Duration = Duration::from_secs(10);

/// Everything an account's run needs.
#[derive(Debug)]
pub struct Runner {
    /// The account.
    pub settings: AccountSettings,
    /// `-f`.
    pub only: Option<Vec<String>>,
    /// `-o`: no pause, one sync.
    pub once: bool,
    /// Nothing may be changed anywhere: a dry run, or a look.
    pub reads_only: bool,
    /// Status files and locks.
    pub metadata: PathBuf,
    /// What repositories need.
    pub means: Means,
    /// Signals.
    pub control: Arc<Control>,
    /// Who may sync now.
    pub turns: Arc<Turns>,
    /// The list of mailboxes.
    pub mailboxes: Arc<Mailboxes>,
    /// The Maildirs that are locked.
    pub roots: Arc<Roots>,
    /// Accounts whose Maildir is the same, or lies in this one or around it, and whose folders in it are theirs.
    pub neighbours: Vec<Neighbour>,
}

impl Runner {
    /// Syncs once, or again and again. Whatever goes wrong is told here; the outcome is that of the last sync.
    pub fn run(&self) -> Outcome {
        let narrator = self.narrator();
        narrator.moment(&Moment::AccountOpened);
        let outcome = self.try_run(&narrator).unwrap_or_else(|error| self.tell(&error));
        narrator.moment(&Moment::AccountClosed);
        self.control.note(&self.settings.name, "ended");
        if self.control.cancel.is_cancelled() { outcome.max(Outcome::Interrupted) } else { outcome }
    }

    fn tell(&self, error: &Error) -> Outcome {
        self.means.hub.error(Who::Account(&self.settings.name), error);
        Outcome::of(error)
    }

    pub(crate) fn narrator(&self) -> Arc<Narrator> {
        Arc::new(Narrator::new(&self.means.hub, Scene::new(&self.settings, self.means.single)))
    }

    fn try_run(&self, narrator: &Arc<Narrator>) -> Result<Outcome> {
        let _lock = self.lock()?;
        let observer: Arc<dyn Observer> = narrator.clone();
        let backends = Backends::new(&self.settings, &self.means, &observer)?;
        let mut quick = QuickCounter::new(self.settings.quick);
        let (mut mistakes, mut maildirs) = (0, Vec::new());
        self.hold(&mut maildirs)?;
        let mut policy = self.settings.policy.clone();
        let mut watching = None;
        let (mut patience, mut woken) = (Patience::default(), Woken::Time);
        loop {
            let seen = self.control.seen(&self.settings.name);
            let Some(turn) = self.turns.take(&self.control) else { return Ok(Outcome::Interrupted) };
            // A quick sync cannot tell what came into the window or left it.
            let mode = match woken {
                Woken::Change => Mode::Idle,
                _ if self.settings.age.is_some() => Mode::Full,
                _ => quick.next(),
            };
            let (outcome, worked) = match self.hold(&mut maildirs) {
                Ok(()) => {
                    let _turns = roots::take_turns(&maildirs);
                    self.sync(&backends, narrator, &policy, mode)
                }
                Err(error) => (self.tell(&error), false),
            };
            // A Maildir that the first sync made is held while the account sleeps.
            let outcome = self.hold(&mut maildirs).map_or_else(|error| self.tell(&error), |()| outcome);
            drop(turn);
            patience.after(mode, worked);
            if outcome != Outcome::TryLater {
                policy = ordinary(policy);
            }
            mistakes = if outcome == Outcome::Mistake { mistakes + 1 } else { 0 };
            if watching.is_none() && self.refresh(mistakes).is_some() {
                watching = Watching::start(self, &backends);
            }
            woken = self.pause(&backends, narrator, &seen, mistakes);
            if woken == Woken::Change {
                woken = self.settle(&patience);
            }
            match woken {
                Woken::End => return Ok(outcome),
                Woken::Cut => quick.reset(),
                Woken::Time | Woken::Change => {}
            }
        }
    }

    /// Lets what belongs together happen before it is synced, and a loop of changes made by syncing run slowly.
    fn settle(&self, patience: &Patience) -> Woken {
        match self.control.settle(patience.pause(), &self.control.seen(&self.settings.name)) {
            Woken::Time => Woken::Change,
            woken => woken,
        }
    }

    /// How long the pause before the next sync is, if there is one.
    fn refresh(&self, mistakes: u32) -> Option<Duration> {
        self.settings.autorefresh.filter(|_| !self.once && mistakes < MISTAKES)
    }

    /// The lock, held until the account has ended. A run that changes nothing and finds no metadata has nothing to protect.
    pub(crate) fn lock(&self) -> Result<Option<Lock>> {
        if self.reads_only && !self.metadata.exists() {
            return Ok(None);
        }
        Lock::take(&self.metadata, &self.settings.name).map(Some)
    }

    /// Locks the Maildirs of the account that are there, and keeps those locked before.
    fn hold(&self, maildirs: &mut Vec<Arc<Root>>) -> Result<()> {
        let mut locked = Vec::new();
        for side in Side::BOTH.into_iter().filter(|_| !self.reads_only) {
            if let Store::Maildir(settings) = &self.settings.repositories[side].store {
                locked.extend(self.roots.lock(&settings.root, &self.settings.name)?);
            }
        }
        if locked.len() > maildirs.len() {
            *maildirs = locked;
        }
        Ok(())
    }

    fn pause(&self, backends: &Backends, narrator: &Narrator, seen: &Seen, mistakes: u32) -> Woken {
        let Some(length) = self.refresh(mistakes) else { return Woken::End };
        if self.control.is_ending() {
            return Woken::End;
        }
        self.control.note(&self.settings.name, "waiting for the next sync");
        let minutes = length.as_secs_f64() / 60.0;
        narrator.account_says(&format!("Next refresh in {minutes:.1} minutes"));
        let (end, mut pulse) = (Instant::now() + length, Pulse::new(&self.settings));
        let woken = loop {
            let left = end.saturating_duration_since(Instant::now());
            narrator.moment(&Moment::Pausing { left: in_whole_seconds(left) });
            match self.control.pause(left.min(STEP).min(pulse.until_next()), seen) {
                Woken::Time if left.is_zero() || !pulse.beat(backends) => break Woken::Time,
                Woken::Time => {}
                woken => break woken,
            }
        };
        narrator.moment(&Moment::PauseEnded);
        woken
    }

    /// One sync with its hooks; answers also whether there was anything to do.
    fn sync(&self, backends: &Backends, narrator: &Arc<Narrator>, policy: &Policy, mode: Mode) -> (Outcome, bool) {
        self.control.note(&self.settings.name, "syncing");
        #[cfg(feature = "testing")]
        crate::testing::fault("syncing");
        narrator.begin(mode == Mode::Quick);
        let result = self.sync_with_hooks(backends, narrator, policy, mode);
        let refused = |error: &&Error| error.kind() == ErrorKind::Authentication;
        let (outcome, report) = match result {
            Ok(report) => {
                backends.rest(report.failures.iter().map(|failure| &failure.error).find(refused));
                narrator.failures(&report);
                (Outcome::of_report(&report), Some(report))
            }
            Err(error) => {
                backends.rest(Some(&error).filter(refused));
                (self.tell(&error.at(format!("account '{}'", self.settings.name))), None)
            }
        };
        narrator.end(outcome, report.as_ref());
        (outcome, report.is_some_and(|report| report.counts != Counts::default()))
    }

    fn sync_with_hooks(
        &self,
        backends: &Backends,
        narrator: &Arc<Narrator>,
        policy: &Policy,
        mode: Mode,
    ) -> Result<Report> {
        self.hook(narrator, self.settings.pre_sync_hook.as_deref(), mode)?;
        let policy = Policy { quick: mode == Mode::Quick, ..self.as_of_now(policy.clone())? };
        let status = self.moved_in(backends, self.open_status(policy.dry_run)?)?;
        let account = self.account(backends, policy, status)?;
        narrator.take_new_mail();
        let report = account.sync(&**narrator, &self.control.cancel)?;
        narrator.report(&report);
        self.list_mailboxes(&report)?;
        if !self.control.cancel.is_cancelled() {
            let new_mail = narrator.take_new_mail();
            for side in Side::BOTH.into_iter().filter(|side| new_mail[*side]) {
                let Store::Imap(settings) = &self.settings.repositories[side].store else { continue };
                self.hook(narrator, settings.new_mail_hook.as_deref(), mode)?;
            }
            self.hook(narrator, self.settings.post_sync_hook.as_deref(), mode)?;
        }
        Ok(report)
    }

    /// The policy with the window as it is today.
    fn as_of_now(&self, mut policy: Policy) -> Result<Policy> {
        if let Some(age) = &self.settings.age {
            policy.window.since = Some(age.since(&ZonedDateTime::now())?);
        }
        Ok(policy)
    }

    /// Tells which mailboxes there are. A run over some folders alone knows of no others, and leaves the list as it is.
    fn list_mailboxes(&self, report: &Report) -> Result<()> {
        let local = &self.settings.repositories.local;
        let Store::Maildir(settings) = &local.store else { return Ok(()) };
        if self.only.is_some() || self.settings.policy.dry_run {
            return Ok(());
        }
        let mailbox = |pair: &FolderPair| Mailbox {
            account: self.settings.name.clone(),
            folder: pair.local.as_str().to_owned(),
            directory: settings.root.display().to_string(),
        };
        let mailboxes: Vec<Mailbox> = report.folders.iter().map(mailbox).collect();
        self.mailboxes.replace(&self.settings.name, &mailboxes)
    }

    fn hook(&self, narrator: &Narrator, command: Option<&str>, mode: Mode) -> Result<()> {
        let Some(command) = command else { return Ok(()) };
        if self.settings.policy.dry_run {
            narrator.hook(&format!("Calling hook: {command}"));
            return Ok(());
        }
        hooks::call(command, mode, &self.control.cancel, &|level, text| match level {
            Level::Warning | Level::Error => narrator.account_warns(text),
            Level::Info | Level::Debug => narrator.hook(text),
        })
    }

    /// The engine's account.
    fn account(&self, backends: &Backends, policy: Policy, status: Arc<dyn StatusStore>) -> Result<Account> {
        let taken = roots::folders_of(&self.neighbours, &self.metadata)?;
        let names = self.names(self.only.clone()).without(taken);
        Ok(self.account_of(backends, policy, status, names))
    }

    /// The same, with other names.
    fn account_of(&self, backends: &Backends, policy: Policy, status: Arc<dyn StatusStore>, names: Names) -> Account {
        engine_account(&self.settings, backends, policy, status, names)
    }

    /// What its folders are called; with a list, of these folders alone.
    pub fn names(&self, only: Option<Vec<String>>) -> Names {
        Names::new(self.settings.repositories.as_ref().map(|repository| repository.rules.clone()), only)
    }

    fn open_status(&self, read_only: bool) -> Result<Arc<dyn StatusStore>> {
        let directory = self.metadata.join(format!("Account-{}", self.settings.name));
        status::open(&directory, self.settings.status, read_only, self.means.fsync)
    }

    /// The status, with what OfflineIMAP knew of the account if it was OfflineIMAP's until now. A dry run takes it over into memory.
    fn moved_in(&self, backends: &Backends, status: Arc<dyn StatusStore>) -> Result<Arc<dyn StatusStore>> {
        let account =
            self.account_of(backends, self.looking_only(), Arc::new(MemoryStatus::default()), self.names(None));
        let (metadata, settings, hub) = (self.metadata.as_path(), &self.settings, &*self.means.hub);
        let house = House { metadata, settings, hub, account: &account };
        if !house.is_new(&*status)? {
            return Ok(status);
        }
        let durable = !settings.policy.dry_run;
        let status = if durable { status } else { Arc::new(MemoryStatus::default()) };
        house.move_in(&*status, durable)?;
        Ok(status)
    }

    fn looking_only(&self) -> Policy {
        looking_only(&self.settings)
    }

    /// The engine's account without a right to change anything, for showing.
    ///
    /// # Errors
    /// The status file cannot be read.
    pub fn account_for_showing(&self, backends: &Backends) -> Result<Account> {
        let policy = Policy { dry_run: true, ..self.as_of_now(self.settings.policy.clone())? };
        self.account(backends, policy, self.open_status(true)?)
    }

    /// The engine's account for comparing; with `repair`, its status can be written.
    ///
    /// # Errors
    /// The status file cannot be opened.
    pub fn account_for_verifying(&self, backends: &Backends, repair: bool) -> Result<Account> {
        let policy = Policy { dry_run: !repair, ..self.as_of_now(self.settings.policy.clone())? };
        self.account(backends, policy, self.open_status(!repair)?)
    }

    /// Repositories that tell nobody what they do.
    ///
    /// # Errors
    /// Kind `Configuration`.
    pub fn backends_for_showing(&self) -> Result<Backends> {
        let observer: Arc<dyn Observer> = self.narrator();
        Backends::new(&self.settings, &self.means, &observer)
    }
}

/// What the command line lets through is let through once, not again at every sync of a program that goes on.
fn ordinary(policy: Policy) -> Policy {
    let brake = BrakeLimits { allowed: None, ..policy.brake };
    Policy { accept_new_numbering: false, restore_missing_folders: false, brake, ..policy }
}

fn engine_account(
    settings: &AccountSettings,
    backends: &Backends,
    policy: Policy,
    status: Arc<dyn StatusStore>,
    names: Names,
) -> Account {
    let [remote, local] = Side::BOTH.map(|side| Arc::clone(&backends.repositories[side]));
    Account::new(&settings.name, remote, local, status).with_naming(names).with_policy(policy)
}

/// Rounded up, so that a pause begins with its whole length.
fn in_whole_seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

fn looking_only(settings: &AccountSettings) -> Policy {
    Policy { dry_run: true, ..settings.policy.clone() }
}

/// The engine's account without a right to change anything, for taking over what another program knows of it.
pub fn account_for_import(settings: &AccountSettings, backends: &Backends, status: Arc<dyn StatusStore>) -> Account {
    let rules = settings.repositories.as_ref().map(|repository| repository.rules.clone());
    engine_account(settings, backends, looking_only(settings), status, Names::new(rules, None))
}

/// Counts quick syncs between full ones.
#[derive(Debug)]
struct QuickCounter {
    between: i64,
    left: i64,
}

impl QuickCounter {
    fn new(between: i64) -> Self {
        QuickCounter { between, left: 0 }
    }

    fn next(&mut self) -> Mode {
        if self.between < 0 {
            return Mode::Quick;
        }
        if self.left > 0 {
            self.left -= 1;
            return Mode::Quick;
        }
        self.left = self.between;
        Mode::Full
    }

    /// The next sync is a full one.
    fn reset(&mut self) {
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(between: i64) -> String {
        let mut counter = QuickCounter::new(between);
        (0..6).map(|_| if counter.next() == Mode::Full { 'f' } else { 'q' }).collect()
    }

    #[test]
    fn one_full_sync_then_as_many_quick_ones_as_configured() {
        assert_eq!(modes(0), "ffffff");
        assert_eq!(modes(-1), "qqqqqq");
        assert_eq!(modes(2), "fqqfqq");
        let mut counter = QuickCounter::new(5);
        assert_eq!(counter.next(), Mode::Full);
        assert_eq!(counter.next(), Mode::Quick);
        counter.reset();
        assert_eq!(counter.next(), Mode::Full);
    }
}
