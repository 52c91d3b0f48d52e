//! Which interface it is: by name, old names included, and what stands in where one cannot be used.

use super::{Interface, basic, blinkenlights, json, machine, progress, quiet, ttyui};
use crate::control::Control;
use crate::streams::Streams;
use offlinesync_core::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;

/// What may be given to `-u`.
pub const INTERFACES: [&str; 7] = ["quiet", "basic", "ttyui", "blinkenlights", "syslog", "machineui", "json"];

/// Where the system log listens.
pub(crate) const SYSTEM_LOG: &str = "/dev/log";

/// An interface, and what its user should know about the choice.
pub struct Chosen {
    /// The interface.
    pub interface: Box<dyn Interface>,
    /// Another one than was asked for.
    pub warning: Option<String>,
    /// Whether it can ask for passwords by itself.
    pub asks: bool,
    /// Whether everything goes to the system log.
    pub syslog: bool,
}

impl From<Box<dyn Interface>> for Chosen {
    fn from(interface: Box<dyn Interface>) -> Self {
        Chosen { interface, warning: None, asks: false, syslog: false }
    }
}

/// Makes the interface of this name; without a name, the default one, which is silent where there is no terminal.
///
/// The names of old versions (`Curses.Blinkenlights`, `TTY.TTYUI`) are understood: what counts is after the last dot. Of a list the
/// first that can be used is taken.
///
/// # Errors
/// Kind `Configuration`: unknown.
pub fn choose(names: Option<&str>, streams: &Arc<Streams>, control: &Arc<Control>) -> Result<Chosen> {
    let Some(names) = names else { return Ok(default_interface(streams).into()) };
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !is_known(&short(name))) {
        let error = Error::new(ErrorKind::Configuration, format!("there is no interface `{unknown}`"));
        return Err(error.with_hint(format!("choose one of {}", INTERFACES.join(", "))));
    }
    let usable = names.iter().find(|name| is_usable(&short(name), streams)).or(names.last());
    match usable {
        Some(name) => Ok(make(name, streams, control)),
        None => Ok(default_interface(streams).into()),
    }
}

fn make(name: &str, streams: &Arc<Streams>, control: &Arc<Control>) -> Chosen {
    match short(name).as_str() {
        "basic" => (Box::new(basic::Basic::new(streams)) as Box<dyn Interface>).into(),
        "ttyui" => terminal_interface(streams).into(),
        "machineui" => asking(machine::Machine::new(streams)),
        "json" => asking(json::Json::new(streams)),
        "blinkenlights" => full_screen(name, streams, control),
        "syslog" => Chosen { syslog: true, ..quiet_interface(streams).into() },
        _ => quiet_interface(streams).into(),
    }
}

/// Where there is no terminal that can be drawn on, `ttyui` stands in.
fn full_screen(name: &str, streams: &Arc<Streams>, control: &Arc<Control>) -> Chosen {
    let problem = match streams.full_screen.then(|| blinkenlights::Blinkenlights::new(streams, control)) {
        Some(Ok(interface)) => return asking(interface),
        Some(Err(error)) => format!("the interface `{name}` cannot be used: {error}"),
        None => format!("the interface `{name}` needs a terminal"),
    };
    Chosen { warning: Some(format!("{problem}; `ttyui` stands in for it")), ..terminal_interface(streams).into() }
}

/// One that can ask for passwords by itself.
fn asking(interface: impl Interface + 'static) -> Chosen {
    Chosen { interface: Box::new(interface), warning: None, asks: true, syslog: false }
}

/// The name without what old versions put before it.
fn short(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase()
}

fn is_known(short: &str) -> bool {
    INTERFACES.contains(&short) || short == "noninteractive"
}

/// Whether it shows all it can where it would run.
fn is_usable(short: &str, streams: &Streams) -> bool {
    match short {
        "blinkenlights" => streams.full_screen,
        "ttyui" => streams.err_is_terminal,
        "syslog" => Path::new(SYSTEM_LOG).exists(),
        _ => true,
    }
}

fn default_interface(streams: &Arc<Streams>) -> Box<dyn Interface> {
    if streams.err_is_terminal { terminal_interface(streams) } else { quiet_interface(streams) }
}

fn quiet_interface(streams: &Arc<Streams>) -> Box<dyn Interface> {
    Box::new(quiet::Quiet::new(streams))
}

fn terminal_interface(streams: &Arc<Streams>) -> Box<dyn Interface> {
    if streams.err_is_terminal { Box::new(progress::Bars::new(streams)) } else { Box::new(ttyui::Lines::new(streams)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::discover::ProcessEnvironment;

    fn chosen(names: &str) -> Result<Chosen> {
        let streams = Arc::new(Streams::new(std::io::sink(), std::io::sink(), Arc::new(ProcessEnvironment)));
        choose(Some(names), &streams, &Arc::default())
    }

    #[test]
    fn names_of_old_files_are_understood_in_any_case() {
        for name in
            ["Noninteractive.Basic", "TTY.TTYUI", "Noninteractive.Quiet", "MachineUI", "Machine.MachineUI", "JSON"]
        {
            assert!(chosen(name).is_ok_and(|chosen| chosen.warning.is_none()), "{name}");
        }
        assert!(chosen("Noninteractive.Syslog").unwrap().syslog);
        assert!(chosen("MachineUI").unwrap().asks);
    }

    #[test]
    fn of_a_list_the_first_usable_one_is_taken_without_a_word_and_a_single_one_says_what_stands_in_for_it() {
        assert!(chosen("Curses.Blinkenlights, TTY.TTYUI, Noninteractive.Basic").unwrap().warning.is_none());
        let warning = chosen("Curses.Blinkenlights").unwrap().warning.unwrap();
        assert_eq!(warning, "the interface `Curses.Blinkenlights` needs a terminal; `ttyui` stands in for it");
        assert!(chosen("Curses.Blinkenlights, fancy").is_err());
    }
}
