//! Hands every word to whoever listens: the interface, the log file, the system log.

use super::{DebugTypes, Interface, LogFile, Moment, Scene, Syslog, Who};
use crate::profile::Profile;
use crate::say::{Level, Outcome, clean, error_lines, report_lines};
use crate::unseen;
use offlinesync_core::sync::Report;
use offlinesync_core::{Error, ErrorKind, Event, Result};
use offlinesync_imap::config::Secret;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Everyone who listens.
pub struct Hub {
    interface: Box<dyn Interface>,
    log: Option<LogFile>,
    syslog: Option<Syslog>,
    /// What `-d` asked for.
    pub debug: DebugTypes,
    /// Whether somebody can be asked, one question at a time.
    can_ask: bool,
    asking: Mutex<()>,
    profile: OnceLock<Profile>,
}

/// A password is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The account it is for.
    pub account: &'a str,
    /// The user.
    pub user: &'a str,
    /// What to ask at a terminal.
    pub prompt: &'a str,
    /// What the server said to the password given before.
    pub refused: Option<&'a str>,
}

impl Hub {
    /// A hub.
    pub fn new(
        interface: Box<dyn Interface>,
        log: Option<LogFile>,
        syslog: Option<Syslog>,
        debug: DebugTypes,
        can_ask: bool,
    ) -> Self {
        Hub { interface, log, syslog, debug, can_ask, asking: Mutex::new(()), profile: OnceLock::new() }
    }

    /// Lets events be timed from now on.
    pub fn start_profile(&self, profile: Profile) {
        let _ = self.profile.set(profile);
    }

    /// Tells who we are.
    pub fn banner(&self, banner: &str, versions: &str) {
        self.record(Level::Info, versions);
        self.interface.banner(banner, versions, self.debug);
    }

    /// Tells what is going on.
    pub fn info(&self, who: Who<'_>, text: &str) {
        let text = clean(text);
        self.record(Level::Info, &text);
        self.interface.info(who, &text);
    }

    /// Tells a detail of a kind that was asked for.
    pub fn debug(&self, kind: &str, who: Who<'_>, text: &str) {
        let text = clean(text);
        self.record(Level::Debug, &text);
        self.interface.debug(kind, who, &text);
    }

    /// Warns.
    pub fn warn(&self, who: Who<'_>, text: &str) {
        let text = clean(text);
        self.record(Level::Warning, &text);
        self.interface.warning(who, &text);
    }

    /// Tells of an error with its hint.
    pub fn error(&self, who: Who<'_>, error: &Error) {
        self.record_lines(&error_lines(error));
        self.interface.error(who, error);
    }

    /// Tells everything that a run did not sync.
    pub fn failures(&self, scene: &Scene, report: &Report) {
        self.record_lines(&report_lines(report));
        self.interface.failures(scene, report);
    }

    /// Prints what the user asked for.
    pub fn output(&self, line: &str) {
        let line = clean(line);
        self.record(Level::Info, &line);
        self.interface.output(&line);
    }

    /// Tells what a dry run would do.
    pub fn plan(&self, line: &str) {
        let line = clean(line);
        self.record(Level::Info, &line);
        self.interface.plan(&line);
    }

    /// Tells a person how an account's run went.
    pub fn summary(&self, line: &str) {
        self.record(Level::Info, line);
        self.interface.summary(line);
    }

    /// Tells a line once to whoever follows the run.
    pub fn announce(&self, who: Who<'_>, line: &str) {
        self.record(Level::Info, line);
        self.interface.announce(who, line);
    }

    /// Something happened in the engine.
    pub fn event(&self, scene: &Scene, event: &Event<'_>) {
        if let Some(profile) = self.profile.get() {
            profile.event(&scene.account, event);
        }
        self.interface.event(scene, event);
    }

    /// Something happened around it.
    pub fn moment(&self, scene: &Scene, moment: &Moment<'_>) {
        self.interface.moment(scene, moment);
    }

    /// The program ends.
    pub fn ended(&self, outcome: Outcome, error: Option<&Error>) {
        self.interface.ended(outcome, error);
    }

    fn record_lines(&self, lines: &[String]) {
        lines.iter().for_each(|line| self.record(Level::Error, line.strip_prefix("error: ").unwrap_or(line)));
    }

    /// Writes to the logs alone.
    fn record(&self, level: Level, text: &str) {
        if let Some(log) = &self.log {
            log.write(level, text);
        }
        if self.syslog.as_ref().is_some_and(|syslog| syslog.write(level, text)) {
            let text = "the system log takes no lines; what it does not take is left out";
            self.interface.warning(Who::Program, text);
        }
    }

    /// Whether somebody can be asked for a password.
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Asks for a password.
    ///
    /// # Errors
    /// Kind `Configuration`: nobody answered.
    pub fn ask(&self, question: &Question<'_>) -> Result<Secret> {
        let _turn = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = self.interface.password(question) {
            return answer;
        }
        let mut answer = Err(std::io::Error::other("nobody was asked"));
        self.interface.with_terminal(&mut || answer = unseen::ask(&clean(question.prompt)));
        answer.map(Secret::new).map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("the password could not be read: {error}")).with_source(error)
        })
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("debug", &self.debug).finish_non_exhaustive()
    }
}
