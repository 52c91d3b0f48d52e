//! `basic`: one line on standard output for everything that happens; warnings and errors on standard error.

use super::{Interface, Who};
use crate::streams::Streams;
use std::sync::Arc;

/// Plain lines.
#[derive(Debug)]
pub(super) struct Basic {
    streams: Arc<Streams>,
}

impl Basic {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Basic { streams: Arc::clone(streams) }
    }
}

impl Interface for Basic {
    fn info(&self, _: Who<'_>, text: &str) {
        self.streams.out(text);
    }

    fn notice(&self, line: &str) {
        self.streams.err(&self.streams.paint(line));
    }

    fn output(&self, line: &str) {
        self.streams.out(line);
    }
}
