//! The log file of `-l`: lines of `date time LEVEL: text`, appended. Touches that file only.

use crate::say::Level;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An open log file.
#[derive(Debug)]
pub struct LogFile(Mutex<File>);

impl LogFile {
    /// Opens a file to append to; it is created readable for its owner alone.
    ///
    /// # Errors
    /// Kind `Configuration`: it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let open = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = open.map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("cannot open the log file {}: {error}", path.display()))
        })?;
        Ok(LogFile(Mutex::new(file)))
    }

    /// Appends a record. A full disk does not stop a sync.
    pub fn write(&self, level: Level, text: &str) {
        let now = jiff::ZonedDateTime::now();
        let record = format!("{} {}: {text}\n", now.strftime("%Y-%m-%d %H:%M:%S"), word(level));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(record.as_bytes());
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    }
}
