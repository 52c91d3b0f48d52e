//! Signals: the only place that installs handlers. A thread waits for them and turns them into [`Control`].

use crate::control::Control;
use offlinesync_core::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long the end of the process waits for its last words to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Installs the handlers. They stay until the process ends, so that it can be ended while its last report is written.
///
/// # Errors
/// Kind `Storage`: the system refuses.
pub fn listen(control: Arc<Control>) -> Result<()> {
    let all = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGABRT, SIGQUIT, SIGXFSZ];
    let mut signals = Signals::new(all).map_err(|error| Error::io("signals", error, ErrorKind::Storage))?;
    std::thread::spawn(move || signals.forever().for_each(|signal| act(signal, &control)));
    Ok(())
}

fn act(signal: i32, control: &Arc<Control>) {
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
pub(crate) fn interrupt(control: &Arc<Control>) {
    if control.interrupt() >= 3 {
        say_last(control, "error: interrupted three times; ending at once".to_owned());
        signal_hook::low_level::exit(130);
    }
}

fn dump_and_abort(control: &Arc<Control>) {
    say_last(control, control.describe());
    signal_hook::low_level::abort();
}

/// Cleans up and says the last words, as far as somebody takes them: a pipe or a terminal that nobody reads does not keep the process from
/// ending. There is nobody left to tell that they could not be written.
fn say_last(control: &Arc<Control>, words: String) {
    let (tell, told) = sync_channel(1);
    let control = Arc::clone(control);
    let thread = std::thread::Builder::new().spawn(move || {
        control.abort();
        let _ = writeln!(std::io::stderr(), "{words}");
        let _ = tell.send(());
    });
    if thread.is_ok() {
        let _ = told.recv_timeout(LAST_WORDS);
    }
}
