//! Runs, and what becomes of them.

use super::World;
use crate::client::{self, USER};
use crate::files::Mailer;
use crate::interrupted::{end_of_life, fate, imap};
use crate::letters::SMALL;
use crate::{Act, Backend, Narrow, Run};
use offlinesync_core::plan::ConflictRule;
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::histories::{Deed, Ends, Trouble, copy_of};
use offlinesync_core::testing::{Bad, Faults, Faulty, FaultyStatus};
use offlinesync_core::{
    BrakeLimits, Cancel, Error, ErrorKind, MessageId, Policy, Repository, Result, Side, StatusStore, Window,
};
use offlinesync_imap::config::Timeouts;
use offlinesync_imap::testing::server::{Action, Mail, Received};
use offlinesync_maildir::testing::{Effect, Loss, SimulatedDisk, Watch};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use proptest::sample::Index;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between the messages that are old and those that are not: the first of June 2026.
const NOT_OLD: i64 = 1_780_272_000;

/// What a user did in the middle of a sync.
type Told = Arc<Mutex<Vec<Deed>>>;

impl World {
    pub(super) fn sync(&mut self, run: &Run, disk: Option<Arc<dyn Watch>>) -> Result<Report> {
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
        let timeouts = Timeouts { read: Duration::from_secs(20), ..Timeouts::default() };
        let imap = Faulty::new(imap(&self.server, USER, self.server.port(), timeouts), &self.faults);
        let maildir = Faulty::new(self.maildir(disk)?, &self.faults);
        if let Some(trouble) = run.trouble() {
            let bad = self.bad(trouble);
            match trouble.at() {
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

    /// What fails with some messages.
    fn bad(&self, trouble: &Trouble<Index>) -> Bad {
        let all: Vec<MessageId> = match trouble.side {
            Side::Remote => client::messages(&self.server.mail()).iter().map(client::Stored::id).collect(),
            Side::Local => self.mailer.messages().iter().map(|letter| letter.id(self.mailer.info)).collect(),
        };
        trouble.bad(|which| (!all.is_empty()).then(|| which.get(&all).clone()))
    }

    pub(super) fn disturbed(&mut self, run: &Run) {
        self.disturbed = true;
        run.ends.arrange(&self.faults);
        let told = run.meanwhile.as_ref().map(|(n, act)| self.meanwhile(*n, act));
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

    /// A user does something just before effect `n` from now; what it was is told there.
    fn meanwhile(&mut self, n: u64, act: &Act) -> (Side, Told) {
        let (act, content) = (act.clone(), self.content_for(act));
        let told = Told::default();
        let side = if matches!(act, Act::Local(_)) { Side::Local } else { Side::Remote };
        let (mail, mailer, tell): (Mail, Mailer, Told) = (self.server.mail(), self.mailer.clone(), Arc::clone(&told));
        self.faults.act_before(self.faults.effects() + n, move || {
            *tell.lock().unwrap() = match &act {
                Act::Remote(act) => client::perform(&mail, act, content),
                Act::Local(act) => mailer.perform(act, content, false),
                _ => Vec::new(),
            };
        });
        (side, told)
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
            sensible(fate(&faults, received, SHORTEST), received)
        });
    }
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
    if let Some(bound) = run.bound {
        bound.bind(&mut policy);
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
