//! The system log of `-s`: datagrams to `/dev/log` (RFC 3164). Touches that socket only.

use crate::say::Level;
use offlinesync_core::{Error, ErrorKind, Result};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Facility "mail system" (RFC 3164 section 4.1.1).
const MAIL: u8 = 2;

/// Longer lines are cut: RFC 3164 allows 1024 octets.
const LONGEST: usize = 900;

/// A connection to the system log.
#[derive(Debug)]
pub struct Syslog(UnixDatagram);

impl Syslog {
    /// Connects to the socket, usually `/dev/log`.
    ///
    /// # Errors
    /// Kind `Configuration`: there is none.
    pub fn open(socket: &Path) -> Result<Self> {
        let connect = || {
            let datagram = UnixDatagram::unbound()?;
            datagram.connect(socket)?;
            Ok(datagram)
        };
        connect().map(Syslog).map_err(|error: std::io::Error| {
            Error::new(ErrorKind::Configuration, format!("cannot reach the system log {}: {error}", socket.display()))
        })
    }

    /// Sends a record. A log that went away does not stop a sync.
    pub fn write(&self, level: Level, text: &str) {
        let severity = match level {
            Level::Debug => 7,
            Level::Info => 6,
            Level::Warning => 4,
            Level::Error => 3,
        };
        let cut: String = text.replace('\n', " ").chars().take(LONGEST).collect();
        let record = format!("<{}>offlineimap[{}]: {cut}", MAIL * 8 + severity, std::process::id());
        let _ = self.0.send(record.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_carries_facility_severity_and_pid_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert!(Syslog::open(&path).is_err());
        let server = UnixDatagram::bind(&path).unwrap();
        Syslog::open(&path).unwrap().write(Level::Error, "a\nb");
        let mut buffer = [0; 200];
        let length = server.recv(&mut buffer).unwrap();
        let expected = format!("<19>offlineimap[{}]: a b", std::process::id());
        assert_eq!(std::str::from_utf8(&buffer[..length]).unwrap(), expected);
    }
}
