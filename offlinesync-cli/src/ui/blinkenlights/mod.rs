//! `blinkenlights`: the whole terminal, with accounts, folders in work, what is being copied, and a log; keys to sync now, to pause and
//! to quit. Draws on the terminal of standard output, in a thread of its own, and gives it back whatever happens.

mod draw;
mod kept;
mod screen;
mod state;

use super::{Interface, Moment, Question, Scene, Who};
use crate::control::Control;
use crate::say::{Level, Outcome};
use crate::streams::Streams;
use kept::{Kept, Kind};
use offlinesync_core::{Error, ErrorKind, Event, Result};
use offlinesync_imap::config::Secret;
use screen::Screen;
use state::Prompt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How soon somebody who waits for an answer hears that the program ends.
const STEP: Duration = Duration::from_millis(100);

/// The full-screen interface.
pub(super) struct Blinkenlights {
    streams: Arc<Streams>,
    control: Arc<Control>,
    screen: Screen,
    /// What is printed once the terminal is as before.
    kept: Mutex<Kept>,
}

impl Blinkenlights {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be drawn on.
    pub(super) fn new(streams: &Arc<Streams>, control: &Arc<Control>) -> std::io::Result<Self> {
        let screen = Screen::open(Arc::clone(control), !streams.plain)?;
        let (streams, control) = (Arc::clone(streams), Arc::clone(control));
        Ok(Blinkenlights { streams, control, screen, kept: Mutex::default() })
    }

    fn log(&self, level: Level, text: &str) {
        self.screen.change(|state| state.log(level, text));
    }

    /// Shows a line now, and prints it again once the terminal is as before.
    fn keep(&self, level: Level, kind: Kind, line: &str) {
        self.log(level, line);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kind, line);
    }

    fn close(&self) {
        self.screen.close();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        for (kind, line) in kept {
            match kind {
                Kind::Output => self.streams.out(&line),
                Kind::Notice | Kind::Summary => self.streams.err(&self.streams.paint(&line)),
            }
        }
    }
}

impl Drop for Blinkenlights {
    fn drop(&mut self) {
        self.close();
    }
}

impl Interface for Blinkenlights {
    fn info(&self, _: Who<'_>, text: &str) {
        self.log(Level::Info, text);
    }

    fn notice(&self, line: &str) {
        let level = if line.starts_with("warning:") { Level::Warning } else { Level::Error };
        self.keep(level, Kind::Notice, line);
    }

    fn debug(&self, _: &str, _: Who<'_>, text: &str) {
        self.log(Level::Debug, text);
    }

    fn output(&self, line: &str) {
        self.keep(Level::Info, Kind::Output, line);
    }

    fn summary(&self, line: &str) {
        self.keep(Level::Info, Kind::Summary, line);
    }

    fn event(&self, scene: &Scene, event: &Event<'_>) {
        self.screen.change(|state| state.event(&scene.account, event, Instant::now()));
    }

    fn moment(&self, scene: &Scene, moment: &Moment<'_>) {
        self.screen.change(|state| state.moment(&scene.account, moment, Instant::now()));
    }

    fn password(&self, question: &Question<'_>) -> Option<Result<Secret>> {
        if !self.screen.is_open() {
            return None;
        }
        if let Some(refused) = question.refused {
            self.log(Level::Warning, refused);
        }
        let (sender, answers) = channel();
        self.screen.change(|state| state.prompt = Some(Prompt::new(question.prompt, sender)));
        let answer = loop {
            match answers.recv_timeout(STEP) {
                Err(RecvTimeoutError::Timeout) if self.control.cancel.is_cancelled() || !self.screen.is_open() => {
                    break None;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(answer) => break Some(answer),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        self.screen.change(|state| state.prompt = None);
        let nobody = || Error::new(ErrorKind::Configuration, "the password was not given");
        Some(answer.map(|answer| Secret::new(answer.as_str().to_owned())).ok_or_else(nobody))
    }

    fn with_terminal(&self, work: &mut dyn FnMut()) {
        self.screen.lend(work);
    }

    fn ended(&self, _: Outcome, _: Option<&Error>) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
