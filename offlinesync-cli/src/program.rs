//! The whole program once the command line is read: configuration, interface, accounts, exit code.

use crate::account::Runner;
use crate::args::{self, Args, Task};
use crate::backend::Means;
use crate::check;
use crate::config::Config;
use crate::config::check as config_check;
use crate::config::discover::{self, Environment, expand};
use crate::control::Control;
use crate::delete_folder;
use crate::info::{self, Columns};
use crate::mbnames::Mailboxes;
use crate::metadata;
use crate::migrate;
use crate::profile::Profile;
use crate::roots::{Neighbour, Roots, neighbours};
use crate::say::{Outcome, error_lines};
use crate::settings::{AccountSettings, General, MailboxList, sections_of};
use crate::signals;
use crate::streams::Streams;
use crate::turns::Turns;
use crate::ui::{self, DebugTypes, Hub, LogFile, Syslog, Who};
use crate::verify;
use jiff::ZonedDateTime;
use offlinesync_core::{Error, ErrorKind, Result};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Does what the options ask for. What goes wrong is told here.
pub fn start(args: &Args, streams: &Arc<Streams>) -> Outcome {
    if args.version {
        streams.out(env!("CARGO_PKG_VERSION"));
        return Outcome::InStep;
    }
    if args.versions {
        streams.out(&args::versions());
        return Outcome::InStep;
    }
    match Basis::read(args, streams) {
        Ok(basis) => basis.run(args),
        Err(error) => {
            error_lines(&error).iter().for_each(|line| streams.err(&streams.paint(line)));
            Outcome::of(&error)
        }
    }
}

/// There is a configuration, and somebody listens.
struct Basis {
    config: Config,
    general: General,
    streams: Arc<Streams>,
    hub: Arc<Hub>,
    control: Arc<Control>,
}

impl Basis {
    fn read(args: &Args, streams: &Arc<Streams>) -> Result<Self> {
        let config = read_config(args, streams)?;
        let general = General::read(&config, &*streams.environment)?;
        let control = Arc::new(Control::default());
        let hub = Arc::new(hub(args, &general, streams, &control)?);
        Ok(Basis { config, general, streams: Arc::clone(streams), hub, control })
    }

    fn run(self, args: &Args) -> Outcome {
        let (hub, control) = (Arc::clone(&self.hub), Arc::clone(&self.control));
        let result = Program::prepare(args, self).and_then(|program| program.run(args));
        let result = if control.is_faulted() { Err(fault()) } else { result };
        let error = result.as_ref().err();
        error.iter().for_each(|error| hub.error(Who::Program, error));
        let outcome = result.as_ref().map_or_else(Outcome::of, |outcome| *outcome);
        hub.ended(outcome, error);
        outcome
    }
}

/// What a fault that ended the program is told as, after what it said itself.
fn fault() -> Error {
    let text = "a fault in this program ended it; what was done is recorded, and the next run goes on from there";
    Error::new(ErrorKind::Folder, text)
        .with_hint("another interface may not have it: -u ttyui; please report the lines above")
}

/// Everything is read and checked; nothing is touched yet.
struct Program {
    hub: Arc<Hub>,
    control: Arc<Control>,
    general: General,
    mailboxes: Arc<Mailboxes>,
    runners: Vec<Runner>,
}

impl Program {
    fn prepare(args: &Args, basis: Basis) -> Result<Self> {
        let Basis { config, general, streams, hub, control } = basis;
        let environment = &*streams.environment;
        let names = account_names(args, &general, &config)?;
        warn(args, &config, &names, &hub);
        let forced = hub.debug.any() && !hub.debug.thread;
        if forced {
            hub.info(Who::Program, "Debug mode: Forcing to singlethreaded.");
        }
        let single = args.single || args.profile.is_some() || forced;
        let turns = Turns::new(if single { 1 } else { general.max_sync_accounts });
        let means = Means {
            hub: Arc::clone(&hub),
            streams: Arc::clone(&streams),
            cancel: control.cancel.clone(),
            fsync: general.fsync,
            single,
        };
        let list = MailboxList::read(&config, environment)?;
        let mailboxes = Arc::new(Mailboxes::new(list, &general.metadata));
        let (mut runners, roots) = (Vec::new(), Arc::new(Roots::default()));
        for name in &names {
            let settings = AccountSettings::read(&config, &general, name, environment)?;
            settings.age.map(|age| age.since(&ZonedDateTime::now())).transpose()?;
            let settings = with_args(settings, args, &hub, single);
            runners.push(Runner {
                only: args.folder_list(),
                once: args.once || args.dry_run,
                reads_only: settings.policy.dry_run
                    || matches!(args.task, Task::Check | Task::Verify { repair: false }),
                settings,
                metadata: general.metadata.clone(),
                means: means.clone(),
                control: Arc::clone(&control),
                turns: Arc::clone(&turns),
                mailboxes: Arc::clone(&mailboxes),
                roots: Arc::clone(&roots),
                neighbours: neighbours_of(&config, name, environment)?,
            });
        }
        if let Some(directory) = &args.profile {
            hub.start_profile(Profile::create(&expand(directory, environment))?);
        }
        Ok(Program { hub, control, general, mailboxes, runners })
    }

    fn run(&self, args: &Args) -> Result<Outcome> {
        if self.runners.first().is_some_and(|runner| runner.means.streams.signals) {
            signals::listen(Arc::clone(&self.control))?;
        }
        let columns = self.columns(args);
        if args.info {
            return Ok(info::show(&self.runners, &self.hub, columns));
        }
        if args.task == Task::Check {
            return Ok(check::show(&self.runners, &self.hub, columns, &self.control));
        }
        if !self.runners.iter().all(|runner| runner.reads_only) {
            metadata::create(&self.general.metadata, self.general.fsync)?;
        }
        if args.mbnames_prune {
            return self.prune();
        }
        if let Some(name) = &args.delete_folder {
            return delete_folder::delete(name, &self.runners, &self.hub);
        }
        if let Task::Verify { repair } = args.task {
            return Ok(verify::show(&self.runners, repair, &self.hub, &self.control));
        }
        if args.migrate_fmd5 {
            return Ok(migrate::run(&self.runners, args.dry_run, &self.hub));
        }
        Ok(self.run_accounts())
    }

    /// `--mbnames-prune`: of the accounts that the file lists, whatever `-a` says.
    fn prune(&self) -> Result<Outcome> {
        let dry_run = self.runners.iter().any(|runner| runner.settings.policy.dry_run);
        for path in self.mailboxes.prune(&self.general.accounts, dry_run)? {
            let text = if dry_run { "would remove" } else { "removed" };
            self.hub.info(Who::Program, &format!("{text} {}", path.display()));
        }
        Ok(Outcome::InStep)
    }

    fn columns(&self, args: &Args) -> Columns {
        args.columns(self.runners.first().is_some_and(|runner| runner.means.streams.out_is_terminal))
    }

    /// Every account on a thread of its own; the worst outcome counts.
    fn run_accounts(&self) -> Outcome {
        #[cfg(feature = "testing")]
        crate::testing::fault("accounts");
        let outcomes: Vec<(&str, Outcome)> = std::thread::scope(|scope| {
            let threads: Vec<_> = self.runners.iter().map(|runner| (runner, scope.spawn(|| runner.run()))).collect();
            let outcomes = threads.into_iter().map(|(runner, thread)| {
                let name = runner.settings.name.as_str();
                let outcome = thread.join().unwrap_or_else(|_| {
                    let text = format!("account '{name}' ended by a fault in this program; what was done is recorded");
                    self.hub.error(Who::Account(name), &Error::new(ErrorKind::Folder, text));
                    Outcome::Incomplete
                });
                (name, outcome)
            });
            outcomes.collect()
        });
        if let Some(line) = sum_up(&outcomes) {
            self.hub.announce(Who::Program, &line);
        }
        outcomes.into_iter().map(|(_, outcome)| outcome).max().unwrap_or_default()
    }
}

/// Of several accounts, those that are not in step: what was told of them may have scrolled away.
fn sum_up(outcomes: &[(&str, Outcome)]) -> Option<String> {
    let not: Vec<String> = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome != Outcome::InStep)
        .map(|(name, outcome)| format!("'{name}' ({})", outcome.words()))
        .collect();
    let (all, in_step) = (outcomes.len(), outcomes.len() - not.len());
    (all > 1 && in_step < all).then(|| format!("{in_step} of {all} accounts in step; not: {}", not.join(", ")))
}

/// The accounts whose folders in its Maildir an account leaves alone: all but those that are to share it, as this one is.
fn neighbours_of(config: &Config, account: &str, environment: &dyn Environment) -> Result<Vec<Neighbour>> {
    let mut others = neighbours(config, account, environment);
    if shares(config, account)? {
        let both: Result<Vec<bool>> = others.iter().map(|other| shares(config, &other.account)).collect();
        let mut both = both?.into_iter();
        others.retain(|_| !both.next().unwrap_or_default());
    }
    Ok(others)
}

/// Whether the account may share the folders of its Maildir with others that may.
fn shares(config: &Config, account: &str) -> Result<bool> {
    config.boolean(&format!("Account {account}"), "share_maildir", false)
}

fn read_config(args: &Args, streams: &Streams) -> Result<Config> {
    let path = discover::find(args.config.as_deref(), &*streams.environment)?;
    let mut config = Config::read(&path)?;
    args.overrides.iter().try_for_each(|text| config.override_option(text))?;
    config.load_python(&*streams.environment)?;
    Ok(config)
}

fn hub(args: &Args, general: &General, streams: &Arc<Streams>, control: &Arc<Control>) -> Result<Hub> {
    let name = args.ui.as_deref().or(general.ui.as_ref().map(|value| value.text.as_str()));
    let syncs = !args.info && args.delete_folder.is_none() && args.task == Task::Sync;
    let name = if syncs || args.ui.is_some() { name } else { None };
    let chosen = ui::choose(name, streams, control)?;
    let debug = args.debug.as_deref().map_or(Ok(DebugTypes::default()), DebugTypes::parse)?;
    let log = match &args.log {
        Some(path) => Some(LogFile::open(&expand(path, &*streams.environment))?),
        None => None,
    };
    let syslog = if args.syslog || chosen.syslog { Some(Syslog::open(Path::new(ui::SYSTEM_LOG))?) } else { None };
    let hub = Hub::new(chosen.interface, log, syslog, debug, streams.can_ask || chosen.asks);
    hub.banner(&args::banner(), &args::versions());
    if let Some(warning) = chosen.warning {
        hub.warn(Who::Program, &warning);
    }
    Ok(hub)
}

fn account_names(args: &Args, general: &General, config: &Config) -> Result<Vec<String>> {
    let names = args.account_list().unwrap_or_else(|| general.accounts.clone());
    if names.is_empty() {
        let error = config.place().error("no account is to be synced");
        return Err(error.with_hint("list them in `accounts` in [general], or name them with -a"));
    }
    let mut seen = BTreeSet::new();
    let names: Vec<String> = names.into_iter().filter(|name| seen.insert(name.clone())).collect();
    match names.iter().find(|name| name.contains(['/', '\0']) || *name == "." || *name == "..") {
        Some(name) => Err(Error::new(ErrorKind::Configuration, format!("`{name}` cannot be the name of an account"))),
        None => Ok(names),
    }
}

fn warn(args: &Args, config: &Config, accounts: &[String], hub: &Hub) {
    if !args.stray.is_empty() {
        hub.warn(Who::Program, &format!("ignored on the command line: {}", args.stray.join(" ")));
    }
    let mut sections = vec!["general".to_owned(), "mbnames".to_owned()];
    sections.extend(accounts.iter().filter_map(|account| sections_of(config, account).ok()).flatten());
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    config_check::warnings(config, &sections).iter().for_each(|warning| hub.warn(Who::Program, &warning.to_string()));
}

/// What the command line changes in an account's settings.
fn with_args(mut settings: AccountSettings, args: &Args, hub: &Hub, single: bool) -> AccountSettings {
    let policy = &mut settings.policy;
    policy.dry_run |= args.dry_run;
    policy.show_messages = policy.dry_run && hub.debug.any();
    policy.accept_new_numbering = args.accept_uidvalidity;
    policy.restore_missing_folders = args.restore_folders;
    policy.brake.allowed = args.allow_mass_delete;
    policy.workers = usize::from(single);
    if args.quick {
        settings.quick = -1;
    }
    settings
}
