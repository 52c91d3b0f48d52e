//! Which interface it is: by name, old names included, and what stands in where one cannot be used.

use super::{Interface, basic, json, machine, progress, quiet, ttyui};
use crate::control::Control;
use crate::streams::Streams;
use offlinesync_core::{Error, ErrorKind, Result};
use std::sync::Arc;

/// What may be given to `-u`.
const NAMES: [&str; 6] = ["quiet", "basic", "ttyui", "syslog", "machineui", "json"];

/// An interface, and what its user should know about the choice.
pub struct Chosen {
    /// The interface.
    pub interface: Box<dyn Interface>,
    /// Another one than was asked for.
    pub warning: Option<String>,
    /// Whether it can ask for passwords though there is no terminal.
    pub asks: bool,
}

impl From<Box<dyn Interface>> for Chosen {
    fn from(interface: Box<dyn Interface>) -> Self {
        Chosen { interface, warning: None, asks: false }
    }
}

/// Makes the interface of this name; without a name, the default one, which is silent where there is no terminal.
///
/// The names of old versions (`Curses.Blinkenlights`, `TTY.TTYUI`) are understood: what counts is after the last dot.
///
/// # Errors
/// Kind `Configuration`: unknown.
pub fn choose(name: Option<&str>, streams: &Arc<Streams>, control: &Arc<Control>) -> Result<Chosen> {
    let _ = control;
    let Some(name) = name else { return Ok(default_interface(streams).into()) };
    let interface: Box<dyn Interface> = match short(name).as_str() {
        "quiet" | "noninteractive" | "syslog" => Box::new(quiet::Quiet::new(streams)),
        "basic" => Box::new(basic::Basic::new(streams)),
        "ttyui" => terminal_interface(streams),
        "machineui" => return Ok(for_programs(machine::Machine::new(streams))),
        "json" => return Ok(for_programs(json::Json::new(streams))),
        "blinkenlights" => {
            let warning = format!("the interface `{name}` is not there; `ttyui` stands in for it");
            return Ok(Chosen { warning: Some(warning), ..terminal_interface(streams).into() });
        }
        _ => return Err(unknown(&format!("there is no interface `{name}`"))),
    };
    Ok(interface.into())
}

/// One that can ask a program for passwords.
fn for_programs(interface: impl Interface + 'static) -> Chosen {
    Chosen { interface: Box::new(interface), warning: None, asks: true }
}

/// The name without what old versions put before it; of a list, which they allowed, the first.
fn short(name: &str) -> String {
    let first = name.split(',').next().unwrap_or(name).trim();
    first.rsplit('.').next().unwrap_or(first).to_ascii_lowercase()
}

/// Whether the interface of this name writes to the system log.
pub fn is_syslog(name: Option<&str>) -> bool {
    name.is_some_and(|name| short(name) == "syslog")
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
