//! A connection held by one thread alone, for APPEND data that is written as it comes.

use super::link::Exclusive;
use super::pool::Used;
use super::{Exchange, Expected, On, SessionView};
use crate::codec::response::Tagged;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

#[cfg(test)]
mod tests;

/// A connection held exclusively. At most about 256 KiB written to it wait in memory; beyond, [`Lease::write`] waits for the
/// socket and takes in what the server says meanwhile.
///
/// ```text
/// begin_command(b"APPEND INBOX (\\Seen) ")?;     // tag and this
/// if literal(octets)? { write(bytes)?; … end_command()?; }   // {n+} or {n} and the wait for `+`; at last CR LF
/// let answers = finish()?;                       // one per command begun, in their order
/// ```
/// Several commands may be begun before `finish`. Dropping a lease in the middle of a command or with answers outstanding
/// closes its connection.
pub struct Lease {
    /// Before `used`, so that it is dropped first.
    connection: Option<Exclusive>,
    used: Used,
    /// How many commands were begun since the last `finish`.
    begun: usize,
    answers: Vec<(usize, Tagged)>,
}

impl Lease {
    pub(super) fn new(used: Used, octets: u64) -> Result<Self> {
        let connection = Exclusive::new(used.link.clone())?;
        connection.expect(octets);
        let connection = Some(connection);
        Ok(Lease { connection, used, begun: 0, answers: Vec::new() })
    }

    /// What the server can do.
    pub fn session(&self) -> Arc<SessionView> {
        self.used.link.view()
    }

    /// Starts a command: a tag, a blank and `text`.
    pub fn begin_command(&mut self, text: &[u8]) -> Result<()> {
        self.connection()?.begin(text)?;
        self.begun += 1;
        Ok(())
    }

    /// Announces a literal of exactly `octets` and, where the server wants it so, waits until it is allowed.
    ///
    /// `Ok(false)`: the server ended the command instead (its answer is among those of [`Lease::finish`]); nothing more may be
    /// written for this command: [`Lease::write`] and [`Lease::end_command`] do nothing until the next is begun.
    pub fn literal(&mut self, octets: u64) -> Result<bool> {
        self.connection()?.literal(octets)
    }

    /// The next bytes of the command or of its literal.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.connection()?.write(bytes)
    }

    /// Ends the command with CR LF.
    pub fn end_command(&mut self) -> Result<()> {
        self.connection()?.end()
    }

    /// Waits for the answers of all commands begun since the last time, in the order they were begun.
    pub fn finish(&mut self) -> Result<Vec<Tagged>> {
        while self.answers.len() < self.begun {
            let ended = self.connection()?.wait_ended()?;
            self.answers.push(ended);
        }
        self.answers.sort_by_key(|(index, _)| *index);
        self.begun = 0;
        Ok(self.answers.drain(..).map(|(_, tagged)| tagged).collect())
    }

    /// Runs an exchange on this connection, between two groups of commands: after [`Lease::finish`], before the next is begun.
    pub fn run(&mut self, on: On<'_>, exchange: &mut dyn Exchange) -> Result<()> {
        if self.begun > 0 {
            return Err(Error::new(ErrorKind::Unavailable, "the answers of the commands before were not waited for"));
        }
        self.connection = None;
        let link = &self.used.link;
        let result =
            link.enter().map_or_else(|| Err(link.death()), |place| place.run(on, Expected::default(), exchange));
        self.connection = Some(Exclusive::new(self.used.link.clone())?);
        result
    }

    /// Waits in IDLE (RFC 2177) until something changes in the selected mailbox; `false` if nothing did until then.
    ///
    /// # Errors
    /// Kind `Folder`: the server refuses IDLE. `Unavailable`: the connection was lost, or the system slept, after which no connection
    /// can be trusted.
    pub fn idle(&mut self, until: Instant) -> Result<bool> {
        self.connection()?.idle(until)
    }

    fn connection(&mut self) -> Result<&mut Exclusive> {
        self.connection.as_mut().ok_or_else(|| Error::new(ErrorKind::Unavailable, "the connection is closed"))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("begun", &self.begun).finish_non_exhaustive()
    }
}
