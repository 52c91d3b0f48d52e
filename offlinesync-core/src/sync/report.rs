//! What a run did, for programs. Values only.

use crate::error::{Error, ErrorKind};
use crate::message::{MessageId, Side};
use crate::plan::Counts;
use crate::status::FolderPair;

/// The result of a run that reached its end, for better or worse.
#[derive(Debug, Default)]
pub struct Report {
    /// Folder pairs that take part.
    pub folders: Vec<FolderPair>,
    /// Folder pairs that were opened because something touched them.
    pub opened: usize,
    /// What was done; in a dry run, what would be done.
    pub counts: Counts,
    /// Octets of message content copied.
    pub octets: u64,
    /// Everything that was not synced.
    pub failures: Vec<Failure>,
}

/// Something that was not synced.
#[derive(Debug)]
pub struct Failure {
    /// The pair, if it concerns one.
    pub pair: Option<FolderPair>,
    /// The message and the side that failed, if it concerns one.
    pub message: Option<(MessageId, Side)>,
    /// Why.
    pub error: Error,
}

impl Report {
    /// Whether both sides are in step.
    pub fn in_step(&self) -> bool {
        self.failures.is_empty()
    }

    /// The failure that should decide how a program ends: cancelling before protection before the network before the rest.
    pub fn worst(&self) -> Option<&Error> {
        self.failures.iter().map(|failure| &failure.error).max_by_key(|error| gravity(error.kind()))
    }
}

fn gravity(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Cancelled => 9,
        ErrorKind::Refused | ErrorKind::Numbering => 8,
        ErrorKind::Configuration => 7,
        ErrorKind::Security | ErrorKind::Authentication => 6,
        ErrorKind::Storage => 5,
        ErrorKind::Locked => 4,
        ErrorKind::Unavailable => 3,
        ErrorKind::Protocol | ErrorKind::Denied | ErrorKind::Folder => 2,
        ErrorKind::Message => 1,
    }
}
