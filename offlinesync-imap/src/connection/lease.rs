//! A connection held by one thread alone, for APPEND data that is written as it comes.

use super::{Exchange, On, SessionView};
use crate::codec::response::Tagged;
use offlinesync_core::{Error, ErrorKind, Result};
use std::sync::Arc;

/// A connection held exclusively. At most about 256 KiB written to it wait in memory; beyond, [`Lease::write`] waits for the
/// socket and takes in what the server says meanwhile.
///
/// ```text
/// begin_command(b"APPEND INBOX (\\Seen) ")?;     // tag and this
/// if literal(octets)? { write(bytes)?; … write(b"")? }   // {n+} or {n} and the wait for `+`
/// end_command()?;                                // CR LF
/// let answers = finish()?;                       // one per command begun, in their order
/// ```
/// Several commands may be begun before `finish`. Dropping a lease in the middle of a command or with answers outstanding
/// closes its connection.
#[derive(Debug)]
pub struct Lease {
    _private: (),
}

impl Lease {
    /// What the server can do.
    pub fn session(&self) -> Arc<SessionView> {
        Arc::default()
    }

    /// Starts a command: a tag, a blank and `text`.
    pub fn begin_command(&mut self, text: &[u8]) -> Result<()> {
        let _ = text;
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Announces a literal of exactly `octets` and, where the server wants it so, waits until it is allowed.
    ///
    /// `Ok(false)`: the server ended the command instead (its answer is among those of [`Lease::finish`]); nothing more may be
    /// written for this command, not even [`Lease::end_command`].
    pub fn literal(&mut self, octets: u64) -> Result<bool> {
        let _ = octets;
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// The next bytes of the command or of its literal.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let _ = bytes;
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Ends the command with CR LF.
    pub fn end_command(&mut self) -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Waits for the answers of all commands begun since the last time, in the order they were begun.
    pub fn finish(&mut self) -> Result<Vec<Tagged>> {
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Runs an exchange on this connection, between two groups of commands.
    pub fn run(&mut self, on: On<'_>, exchange: &mut dyn Exchange) -> Result<()> {
        let _ = (on, exchange);
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }
}
