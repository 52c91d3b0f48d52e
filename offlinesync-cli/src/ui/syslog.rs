//! The system log of `-s`: datagrams to `/dev/log` (RFC 3164). Touches that socket only.

use crate::say::Level;
use offlinesync_core::{Error, ErrorKind, Result};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Facility "mail system" (RFC 3164 section 4.1.1).
const MAIL: u8 = 2;

/// Octets of a text; longer ones are cut. RFC 3164 allows 1024 for the whole record.
const LONGEST: usize = 900;

/// A connection to the system log.
#[derive(Debug)]
pub struct Syslog {
    ours: UnixDatagram,
    log: PathBuf,
}

impl Syslog {
    /// Connects to the socket, usually `/dev/log`.
    ///
    /// # Errors
    /// Kind `Configuration`: there is none.
    pub fn open(socket: &Path) -> Result<Self> {
        let connect = || {
            let ours = UnixDatagram::unbound()?;
            ours.connect(socket)?;
            Ok(ours)
        };
        connect().map(|ours| Syslog { ours, log: socket.to_owned() }).map_err(|error: std::io::Error| {
            let text = format!("cannot reach the system log {}: {error}", socket.display());
            Error::new(ErrorKind::Configuration, text)
                .with_hint("start the system's log daemon, or write to a file: -l FILE")
        })
    }

    /// Sends a record; to the log that is there now, if the one before went away. A log that is gone does not stop a sync.
    pub fn write(&self, level: Level, text: &str) {
        let severity = match level {
            Level::Debug => 7,
            Level::Info => 6,
            Level::Warning => 4,
            Level::Error => 3,
        };
        let text = text.replace('\n', " ");
        let cut = &text[..text.floor_char_boundary(LONGEST)];
        let record = format!("<{}>offlineimap[{}]: {cut}", MAIL * 8 + severity, std::process::id());
        if self.ours.send(record.as_bytes()).is_err() && self.ours.connect(&self.log).is_ok() {
            let _ = self.ours.send(record.as_bytes());
        }
    }
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
        log.write(Level::Error, "a\nb");
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
}
