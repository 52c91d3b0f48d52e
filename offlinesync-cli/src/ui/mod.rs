//! User interfaces: one file each. All of them say the same things; they differ in where, how much and how.
//!
//! The engine's events come in through [`Narrator`], which words them; [`Hub`] hands the words to the chosen interface, to the
//! log file and to the system log.

mod basic;
mod debug;
mod hub;
mod log;
mod narrator;
mod plans;
mod progress;
mod quiet;
mod syslog;
mod ttyui;

pub use debug::DebugTypes;
pub use hub::Hub;
pub use log::LogFile;
pub use narrator::Narrator;
pub use syslog::Syslog;

use crate::streams::Streams;
use offlinesync_core::{Error, ErrorKind, Event, Result};
use std::sync::Arc;

/// Shows a run to its user. Called from several threads.
pub trait Interface: Send + Sync {
    /// What is going on. `thread` says who tells it, as OfflineIMAP names its threads.
    fn info(&self, thread: &str, text: &str);

    /// A complete line that the user should not miss: a warning, an error, a hint.
    fn notice(&self, line: &str);

    /// A complete line that the user asked for: a plan, a list.
    fn output(&self, line: &str);

    /// One line at the end of an account's run, for a person.
    fn summary(&self, line: &str) {
        let _ = line;
    }

    /// Something that moves a bar.
    fn progress(&self, account: &str, event: &Event<'_>) {
        let _ = (account, event);
    }

    /// Runs something that needs the terminal for itself.
    fn with_terminal(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// What may be given to `-u`.
const NAMES: [&str; 4] = ["quiet", "basic", "ttyui", "syslog"];

/// Makes the interface of this name; without a name, the default one, which is silent where there is no terminal.
///
/// The names of old versions (`Curses.Blinkenlights`, `TTY.TTYUI`) are understood; the full-screen interface is not there, so the
/// default one stands in for it. Answers the interface and a warning, if one is due.
///
/// # Errors
/// Kind `Configuration`: unknown.
pub fn choose(name: Option<&str>, streams: &Arc<Streams>) -> Result<(Box<dyn Interface>, Option<String>)> {
    let Some(name) = name else { return Ok((default_interface(streams), None)) };
    let first = name.split(',').next().unwrap_or(name).trim();
    let last = first.rsplit('.').next().unwrap_or(first).to_ascii_lowercase();
    let interface: Box<dyn Interface> = match last.as_str() {
        "quiet" | "noninteractive" | "syslog" => Box::new(quiet::Quiet::new(streams)),
        "basic" => Box::new(basic::Basic::new(streams)),
        "ttyui" => terminal_interface(streams),
        "blinkenlights" => {
            let warning = format!("the interface `{name}` is not there; `ttyui` stands in for it");
            return Ok((terminal_interface(streams), Some(warning)));
        }
        "machineui" => return Err(unknown(&format!("the interface `{name}` is not supported yet"))),
        _ => return Err(unknown(&format!("there is no interface `{name}`"))),
    };
    Ok((interface, None))
}

/// Whether the interface of this name writes to the system log.
pub fn is_syslog(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.trim().eq_ignore_ascii_case("syslog"))
}

fn unknown(problem: &str) -> Error {
    Error::new(ErrorKind::Configuration, problem).with_hint(format!("choose one of {}", NAMES.join(", ")))
}

fn default_interface(streams: &Arc<Streams>) -> Box<dyn Interface> {
    if streams.err_is_terminal { terminal_interface(streams) } else { Box::new(quiet::Quiet::new(streams)) }
}

fn terminal_interface(streams: &Arc<Streams>) -> Box<dyn Interface> {
    if streams.err_is_terminal { Box::new(progress::Bars::new(streams)) } else { Box::new(ttyui::Lines::new(streams)) }
}
