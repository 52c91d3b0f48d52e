//! Signals: the only place that installs handlers. A thread waits for them and turns them into [`Control`].

use crate::control::Control;
use offlinesync_core::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::{Handle, Signals};
use std::io::Write;
use std::sync::Arc;

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Listener {
    handle: Handle,
}

impl Listener {
    /// Installs the handlers.
    ///
    /// # Errors
    /// Kind `Storage`: the system refuses.
    pub fn start(control: Arc<Control>) -> Result<Listener> {
        let all = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGABRT, SIGQUIT, SIGXFSZ];
        let mut signals = Signals::new(all).map_err(|error| Error::io("signals", error, ErrorKind::Storage))?;
        let handle = signals.handle();
        std::thread::spawn(move || signals.forever().for_each(|signal| act(signal, &control)));
        Ok(Listener { handle })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn act(signal: i32, control: &Control) {
    match signal {
        SIGUSR1 => control.cut_sleep(),
        SIGUSR2 | SIGABRT => control.finish(),
        SIGQUIT => dump_and_abort(control),
        // Whoever wrote more than a file may hold is told so by the write itself.
        SIGXFSZ => {}
        _ => interrupt(control),
    }
}

/// What SIGINT does: everything stops where its state is whole; the third time, at once.
pub(crate) fn interrupt(control: &Control) {
    if control.interrupt() >= 3 {
        control.abort();
        tell("error: interrupted three times; ending at once");
        signal_hook::low_level::exit(130);
    }
}

fn dump_and_abort(control: &Control) {
    control.abort();
    tell(&control.describe());
    signal_hook::low_level::abort();
}

/// The last words before the process ends; there is nobody left to tell that they could not be written.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
