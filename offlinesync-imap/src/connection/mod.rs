//! Connections: who may write when, who reads, and which mailbox is selected. The only module that touches sockets (through `stream`).
//!
//! A connection has no thread of its own. Callers queue their commands on it and are answered in order; the caller whose
//! commands are the oldest reads for everyone (the leader), hands over when its last command completes, and the next leads on.
//! So several folders share one connection with all their commands in flight, message bodies go from the socket straight into
//! the leader's sink, and nobody waits for a round trip that another could use.

mod idle;
mod lease;
mod line;
mod link;
mod login;
mod outbox;
mod pool;
mod reader;
mod selection;
mod session;
#[cfg(test)]
mod talk;
mod trace;

pub use lease::Lease;
pub use pool::Pool;

use reader::Reader;

use crate::codec::decoder::Item;
use crate::codec::response::Tagged;
use offlinesync_core::{Flags, FolderName, Result, UidValidity};

/// A command without tag and CR LF: pieces that are sent one after another.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The pieces.
    pub parts: Vec<Part>,
}

/// A piece of a [`Command`].
#[derive(Clone)]
pub enum Part {
    /// Bytes sent as they are.
    Text(Vec<u8>),
    /// A literal: `{n+}` (RFC 7888) where the server allows it for this length, else `{n}` and a wait for `+`.
    Literal(Vec<u8>),
    /// Like [`Part::Text`], but replaced by `***` in any trace.
    Secret(Vec<u8>),
}

/// Shows no secret, and of a literal, which may be a password or a message, only the length.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Text(text) => write!(f, "{}", text.escape_ascii()),
            Part::Literal(octets) => write!(f, "{{{}}}", octets.len()),
            Part::Secret(_) => f.write_str("***"),
        }
    }
}

/// How many octets a connection will carry because of an exchange, as far as it can be guessed: compression has to be worth its
/// round trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// By the exchange itself, in either direction.
    pub now: u64,
    /// By those that follow it.
    pub afterwards: u64,
}

/// From so many octets on, compression is worth a round trip.
const WORTH_COMPRESSING: u64 = 100 << 10;
/// The same at the start of a connection, where a round trip carries some 14 kB only (RFC 6928) and each that follows twice as much: what
/// is four times smaller saves one.
const WORTH_COMPRESSING_AT_FIRST: u64 = 24 << 10;

impl Expected {
    /// For an exchange that is the first after login.
    pub(crate) fn at_first(octets: u64) -> Self {
        let worth = octets >= WORTH_COMPRESSING_AT_FIRST;
        Expected { now: if worth { octets.max(WORTH_COMPRESSING) } else { octets }, afterwards: 0 }
    }
}

/// What an exchange may know of its connection.
#[derive(Clone, Debug, Default)]
pub struct SessionView {
    /// Capabilities after login, in upper case.
    pub capabilities: std::collections::BTreeSet<Box<str>>,
    /// Whether `ENABLE QRESYNC` or `ENABLE CONDSTORE` (RFC 5161, RFC 7162) was sent.
    pub qresync: bool,
    /// See above.
    pub condstore: bool,
    /// Whether `ENABLE UTF8=ACCEPT` (RFC 6855) was sent: names and quoted strings are UTF-8.
    pub utf8: bool,
}

/// What SELECT or EXAMINE said, kept up to date by untagged responses.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    /// UIDVALIDITY.
    pub uid_validity: Option<UidValidity>,
    /// UIDNEXT, where told.
    pub uid_next: Option<u32>,
    /// EXISTS.
    pub exists: u32,
    /// HIGHESTMODSEQ; `None` with NOMODSEQ or 0 or no CONDSTORE.
    pub highest_mod_seq: Option<u64>,
    /// PERMANENTFLAGS; `None` if not told (RFC 3501: then all flags are permanent).
    pub permanent_flags: Option<Flags>,
    /// Whether PERMANENTFLAGS had `\*`.
    pub any_keyword: bool,
    /// `[READ-ONLY]` or EXAMINE.
    pub read_only: bool,
}

/// Where commands must run.
#[derive(Clone, Copy, Debug)]
pub enum On<'a> {
    /// Anywhere after login: LIST, STATUS, CREATE, APPEND.
    Anywhere,
    /// With this mailbox selected. A SELECT is sent in the same flight, before the commands, if it is not selected already, or if `fresh`.
    Mailbox {
        /// Its name, not encoded.
        name: &'a FolderName,
        /// Select again even if it is selected, so that [`Mailbox`] is current.
        fresh: bool,
    },
    /// With this mailbox selected and its numbering known to be this before the first command is sent: for commands that change or remove.
    /// Another numbering is an error of kind `Numbering` and nothing is sent.
    Verified {
        /// Its name, not encoded.
        name: &'a FolderName,
        /// The numbering it must have.
        uid_validity: UidValidity,
    },
}

/// Some commands that belong together, and what happens with their answers. Everything is called on the thread that runs it.
pub trait Exchange {
    /// The commands to send, all in one flight. Called once.
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>>;

    /// The mailbox is selected, now or since before, and this is its state; no answer to a command of this exchange has come yet.
    /// Called once, before the first [`Exchange::ended`], and not for [`On::Anywhere`]. An error means the same as in [`Exchange::item`].
    ///
    /// A SELECT's state has to be told from what comes later: cursors and completeness checks are about the former.
    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        let _ = mailbox;
        Ok(())
    }

    /// Everything untagged that arrives while the commands (and the SELECT before them) run, in order. SELECT's own answers are also
    /// in `mailbox`. An error makes the connection unusable only in the middle of a body; otherwise the rest is read and dropped.
    fn item(&mut self, item: Item<'_>, mailbox: &Mailbox) -> Result<()>;

    /// Command number `index` (from 0 over all commands of this exchange) has ended, whatever its condition. Answers what to send behind it.
    fn ended(&mut self, index: usize, tagged: Tagged, mailbox: &Mailbox) -> Result<Vec<Command>>;
}
