//! `ttyui` without a terminal: everything on standard error, grouped under the name of the thread that tells it.

use super::{Interface, Who};
use crate::streams::Streams;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines under headings.
#[derive(Debug)]
pub(super) struct Lines {
    streams: Arc<Streams>,
    /// Who spoke last.
    thread: Mutex<String>,
}

impl Lines {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Lines { streams: Arc::clone(streams), thread: Mutex::default() }
    }
}

impl Interface for Lines {
    fn info(&self, who: Who<'_>, text: &str) {
        let thread = who.to_string();
        let mut last = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != thread {
            self.streams.err(&format!("{thread}:"));
            *last = thread;
        }
        self.streams.err(&format!(" {text}"));
    }

    fn notice(&self, line: &str) {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.streams.err(&self.streams.paint(line));
    }

    fn output(&self, line: &str) {
        self.streams.out(line);
    }
}
