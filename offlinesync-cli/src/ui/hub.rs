//! Hands every word to whoever listens: the interface, the log file, the system log.

use super::{DebugTypes, Interface, LogFile, Syslog};
use crate::profile::Profile;
use crate::say::{Level, clean, error_lines};
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

    /// Tells what is going on, or warns.
    pub fn say(&self, level: Level, thread: &str, text: &str) {
        let text = clean(text);
        self.record(level, &text);
        match level {
            Level::Debug => self.interface.notice(&text),
            Level::Info => self.interface.info(thread, &text),
            Level::Warning => self.interface.notice(&format!("warning: {text}")),
            Level::Error => self.interface.notice(&format!("error: {text}")),
        }
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.say(Level::Warning, "", text);
    }

    /// Tells of an error with its hint.
    pub fn error(&self, error: &Error) {
        self.lines(&error_lines(error));
    }

    /// Tells lines that carry their labels already.
    pub fn lines(&self, lines: &[String]) {
        for line in lines {
            self.record(Level::Error, line.strip_prefix("error: ").unwrap_or(line));
            self.interface.notice(line);
        }
    }

    /// Prints what the user asked for.
    pub fn output(&self, line: &str) {
        let line = clean(line);
        self.record(Level::Info, &line);
        self.interface.output(&line);
    }

    /// Tells a person how an account's run went.
    pub fn summary(&self, line: &str) {
        self.record(Level::Info, line);
        self.interface.summary(line);
    }

    /// Tells a line once to whoever follows the run, line by line or with bars.
    pub fn announce(&self, thread: &str, line: &str) {
        self.summary(line);
        self.interface.info(thread, line);
    }

    /// Writes to the logs alone.
    pub fn record(&self, level: Level, text: &str) {
        if let Some(log) = &self.log {
            log.write(level, text);
        }
        if let Some(syslog) = &self.syslog {
            syslog.write(level, text);
        }
    }

    /// Lets an event move the bars.
    pub fn progress(&self, account: &str, event: &Event<'_>) {
        if let Some(profile) = self.profile.get() {
            profile.event(account, event);
        }
        self.interface.progress(account, event);
    }

    /// Whether somebody can be asked for a password.
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Asks for a password.
    ///
    /// # Errors
    /// Kind `Configuration`: nobody answered.
    pub fn ask(&self, prompt: &str) -> Result<Secret> {
        let _turn = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = Err(std::io::Error::other("nobody was asked"));
        self.interface.with_terminal(&mut || answer = rpassword::prompt_password(clean(prompt)));
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
