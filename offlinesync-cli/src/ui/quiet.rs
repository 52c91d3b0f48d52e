//! `quiet`: nothing but warnings and errors, on standard error. Also what is used where nobody is watching.

use super::Interface;
use crate::streams::Streams;
use std::sync::Arc;

/// Says only what must be said.
#[derive(Debug)]
pub(super) struct Quiet {
    streams: Arc<Streams>,
}

impl Quiet {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Quiet { streams: Arc::clone(streams) }
    }
}

impl Interface for Quiet {
    fn notice(&self, line: &str) {
        self.streams.err(&self.streams.paint(line));
    }

    fn output(&self, line: &str) {
        self.streams.out(line);
    }
}
