//! Where a configured value was written, for messages. Pure.

use offlinesync_core::{Error, ErrorKind};
use std::fmt;
use std::sync::Arc;

/// The place of a line or a value: a file with a line number, or the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: Arc<str>,
    line: Option<usize>,
}

impl Place {
    /// A line of a file, counted from 1.
    pub fn line(file: &Arc<str>, line: usize) -> Self {
        Place { source: Arc::clone(file), line: Some(line) }
    }

    /// The command line's option of this name.
    pub fn argument(name: &str) -> Self {
        Place { source: format!("command line, {name}").into(), line: None }
    }

    /// A file as a whole.
    pub fn file(file: &Arc<str>) -> Self {
        Place { source: Arc::clone(file), line: None }
    }

    /// A configuration error at this place.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Configuration, format!("{self}: {message}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// Something odd in the configuration that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What, in lower case and without a full stop.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
