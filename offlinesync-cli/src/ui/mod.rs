//! User interfaces: one file each. All of them say the same things; they differ in where, how much and how.
//!
//! The engine's events come in through [`Narrator`], which words them; [`Hub`] hands events and words to the chosen interface, the
//! words to the log file and to the system log. An interface for people shows the words; one for programs takes the events.

mod basic;
mod blinkenlights;
mod choice;
mod debug;
mod effects;
mod hub;
mod json;
mod log;
mod machine;
mod narrator;
mod plans;
mod progress;
mod quiet;
mod refused;
mod scene;
mod syslog;
mod ttyui;

pub(crate) use choice::SYSTEM_LOG;
pub use choice::{Chosen, INTERFACES, choose};
pub use debug::{DEBUG_TYPES, DebugTypes};
pub use hub::{Hub, Question};
pub use log::LogFile;
pub use narrator::Narrator;
pub use scene::{Scene, Who};
pub use syslog::Syslog;

use crate::say::{Outcome, error_lines, report_lines};
use offlinesync_core::sync::Report;
use offlinesync_core::{Error, Event, Result};
use offlinesync_imap::config::Secret;
use std::time::Duration;

/// Something that happens around the engine's runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Moment<'a> {
    /// Work on an account begins; one sync follows, or many.
    AccountOpened,
    /// A sync begins, hooks included.
    SyncStarted {
        /// Folders in which no message came or went are skipped.
        quick: bool,
    },
    /// A line about a hook.
    Hook(&'a str),
    /// A sync has ended, hooks included.
    SyncEnded {
        /// How.
        outcome: Outcome,
        /// What was done, if the run reached its end.
        report: Option<&'a Report>,
    },
    /// The pause between two syncs: so much of it is left. Told at its begin and every ten seconds.
    Pausing {
        /// Until the next sync.
        left: Duration,
    },
    /// The pause is over.
    PauseEnded,
    /// Nothing more will be done for the account.
    AccountClosed,
}

/// Shows a run to its user. Called from several threads.
pub trait Interface: Send + Sync {
    /// What is going on, in words.
    fn info(&self, who: Who<'_>, text: &str) {
        let _ = (who, text);
    }

    /// A complete line that the user should not miss: a warning, an error, a hint.
    fn notice(&self, line: &str);

    /// A complete line that the user asked for: a list, a finding.
    fn output(&self, line: &str);

    /// A line of what a dry run would do, in words.
    fn plan(&self, line: &str) {
        self.output(line);
    }

    /// One line at the end of an account's run, for a person.
    fn summary(&self, line: &str) {
        let _ = line;
    }

    /// A line that is told once, to whoever follows the run: line by line, or with bars.
    fn announce(&self, who: Who<'_>, line: &str) {
        self.summary(line);
        self.info(who, line);
    }

    /// A detail that `-d` asked for, of this kind.
    fn debug(&self, kind: &str, who: Who<'_>, text: &str) {
        let _ = (kind, who);
        self.notice(&format!("debug: {text}"));
    }

    /// Something odd that stops nothing.
    fn warning(&self, who: Who<'_>, text: &str) {
        let _ = who;
        self.notice(&format!("warning: {text}"));
    }

    /// Something was not done.
    fn error(&self, who: Who<'_>, error: &Error) {
        let _ = who;
        error_lines(error).iter().for_each(|line| self.notice(line));
    }

    /// Everything that a run did not sync.
    fn failures(&self, scene: &Scene, report: &Report) {
        let _ = scene;
        report_lines(report).iter().for_each(|line| self.notice(line));
    }

    /// Something happened in the engine.
    fn event(&self, scene: &Scene, event: &Event<'_>) {
        let _ = (scene, event);
    }

    /// Something happened around it.
    fn moment(&self, scene: &Scene, moment: &Moment<'_>) {
        let _ = (scene, moment);
    }

    /// Asks for a password; `None` if the terminal shall be asked.
    fn password(&self, question: &Question<'_>) -> Option<Result<Secret>> {
        let _ = question;
        None
    }

    /// Runs something that needs the terminal for itself.
    fn with_terminal(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// The first words: the program's banner, what it is built with, and what details will be told.
    fn banner(&self, banner: &str, versions: &str, debug: DebugTypes) {
        let _ = (banner, versions, debug);
    }

    /// The last words.
    fn ended(&self, outcome: Outcome, error: Option<&Error>) {
        let _ = (outcome, error);
    }
}
