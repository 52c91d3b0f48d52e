//! The system log of `-s`: datagrams to `/dev/log` (RFC 3164). Touches that socket only.

use crate::say::Level;
use offlinesync_core::wording::were;
use offlinesync_core::{Error, ErrorKind, Result};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Facility "mail system" (RFC 3164 section 4.1.1).
const MAIL: u8 = 2;

/// Octets of a text; longer ones are cut. RFC 3164 allows 1024 for the whole record.
const LONGEST: usize = 900;

/// How long a line waits for a log that takes none. Those after it are tried without waiting, until one is taken.
const LIMIT: Duration = Duration::from_secs(1);

/// A connection to the system log.
#[derive(Debug)]
pub struct Syslog {
    ours: UnixDatagram,
    log: PathBuf,
    lost: Mutex<Lost>,
}

/// Of the lines that the log did not take.
#[derive(Debug, Default)]
struct Lost {
    /// How many since the last one that it took.
    lines: u64,
    /// Whether that was told.
    told: bool,
}

impl Syslog {
    /// Connects to the socket, usually `/dev/log`.
    ///
    /// # Errors
    /// Kind `Configuration`: there is none.
    pub fn open(socket: &Path) -> Result<Self> {
        let connect = || {
            let ours = UnixDatagram::unbound()?;
            ours.set_write_timeout(Some(LIMIT))?;
            ours.connect(socket)?;
            Ok(ours)
        };
        connect().map(|ours| Syslog { ours, log: socket.to_owned(), lost: Mutex::default() }).map_err(
            |error: std::io::Error| {
                let text = format!("cannot reach the system log {}: {error}", socket.display());
                Error::new(ErrorKind::Configuration, text)
                    .with_hint("start the system's log daemon, or write to a file: -l FILE")
            },
        )
    }

    /// Sends a record; to the log that is there now, if the one before went away. Neither a log that is gone nor one that hangs stops a
    /// sync: what it does not take in time is left out, and the log is told how much that was when it takes something again. `true`, once:
    /// this is the first line that is left out.
    pub fn write(&self, level: Level, text: &str) -> bool {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.lines > 0 && self.takes(Level::Warning, &format!("{} left out here", were(lost.lines, "line"))) {
            lost.lines = 0;
            let _ = self.ours.set_nonblocking(false);
        }
        if lost.lines == 0 && self.takes(level, text) {
            return false;
        }
        lost.lines += 1;
        let _ = self.ours.set_nonblocking(true);
        !std::mem::replace(&mut lost.told, true)
    }

    /// Whether the log took this, or is gone.
    fn takes(&self, level: Level, text: &str) -> bool {
        let record = record(level, text);
        match self.ours.send(record.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Err(_) if self.ours.connect(&self.log).is_ok() => {}
            _ => return true,
        }
        !matches!(self.ours.send(record.as_bytes()), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

fn record(level: Level, text: &str) -> String {
    let severity = match level {
        Level::Debug => 7,
        Level::Info => 6,
        Level::Warning => 4,
        Level::Error => 3,
    };
    let text = text.replace('\n', " ");
    let cut = &text[..text.floor_char_boundary(LONGEST)];
    format!("<{}>offlineimap[{}]: {cut}", MAIL * 8 + severity, std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(server: &UnixDatagram) -> String {
        let mut buffer = [0; 2000];
        let length = server.recv(&mut buffer).unwrap();
        std::str::from_utf8(&buffer[..length]).unwrap().to_owned()
    }

    #[test]
    fn a_record_carries_facility_severity_and_pid_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert!(Syslog::open(&path).is_err());
        let server = UnixDatagram::bind(&path).unwrap();
        let log = Syslog::open(&path).unwrap();
        assert!(!log.write(Level::Error, "a\nb"));
        assert_eq!(received(&server), format!("<19>offlineimap[{}]: a b", std::process::id()));
        log.write(Level::Info, &"ö".repeat(2000));
        let long = received(&server);
        assert!(long.len() < 1024 && long.ends_with('ö'), "{} octets", long.len());
    }

    /// A daemon that was started anew got nothing more of a program that went on.
    #[test]
    fn a_log_that_was_started_anew_gets_what_follows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        let log = Syslog::open(&path).unwrap();
        drop(server);
        log.write(Level::Info, "to nobody");
        std::fs::remove_file(&path).unwrap();
        log.write(Level::Info, "to nobody");
        let server = UnixDatagram::bind(&path).unwrap();
        log.write(Level::Info, "to the new one");
        assert!(received(&server).ends_with(": to the new one"));
    }

    /// A daemon that hangs kept the sync waiting for ever.
    #[test]
    fn a_log_that_takes_nothing_is_waited_for_once_and_hears_how_much_it_missed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        let log = Syslog::open(&path).unwrap();
        let taken = std::iter::repeat_with(|| log.write(Level::Info, "early")).take_while(|lost| !lost).count();
        (0..99).for_each(|_| assert!(!log.write(Level::Info, "late")));
        (0..taken).for_each(|_| assert!(received(&server).ends_with(": early")));
        log.write(Level::Info, "again");
        assert!(received(&server).ends_with(": 100 lines were left out here"));
        assert!(received(&server).ends_with(": again"));
        assert!(server.recv(&mut [0; 2000]).is_err());
    }
}
