//! What a run tells while it works. The engine speaks in events; words, bars and logs are the listener's business.

use crate::error::Error;
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::{Counts, Notice, Plan};
use crate::status::FolderPair;
use std::time::Duration;

/// Something that happened. Borrowed: a listener copies what it keeps.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A repository opens a connection.
    Connecting {
        /// Repository name.
        repository: &'a str,
        /// Host and port, or the tunnel command.
        to: &'a str,
    },
    /// A repository is connected and logged in.
    Connected {
        /// Repository name.
        repository: &'a str,
        /// What the connection is like, for a person: protocol version, mechanism.
        how: &'a str,
    },
    /// A line of protocol, with credentials redacted; only if the repository was built with tracing on.
    Trace {
        /// Repository name.
        repository: &'a str,
        /// Connection number, from 1.
        connection: usize,
        /// `true` for what we sent.
        sent: bool,
        /// The line.
        line: &'a str,
    },
    /// An account's run begins.
    AccountStarted {
        /// Account name.
        account: &'a str,
    },
    /// A pair that takes part in the run. One event for each pair, in the order of their names, before [`Event::FoldersListed`].
    FolderPaired {
        /// The pair.
        pair: &'a FolderPair,
        /// The side on which it is missing, and will be created (in a dry run: would be).
        missing: Option<Side>,
        /// Whether something touched it. If not, the run does not open it, and nothing more is heard of it.
        touched: bool,
        /// Messages that both sides agreed on when it was last synced.
        recorded: u64,
    },
    /// Both sides are listed.
    FoldersListed {
        /// Folder pairs in all.
        pairs: usize,
        /// Pairs that something touched.
        touched: usize,
    },
    /// A folder was created (or would be, in a dry run).
    FolderCreated {
        /// The pair.
        pair: &'a FolderPair,
        /// Where.
        on: Side,
    },
    /// A folder was renamed (or would be, in a dry run), because the other side's was.
    FolderRenamed {
        /// The pair as it was.
        from: &'a FolderPair,
        /// The pair as it is.
        to: &'a FolderPair,
        /// Where the folder was renamed; on the other side it had been before.
        on: Side,
    },
    /// Work on a pair begins.
    FolderStarted {
        /// The pair.
        pair: &'a FolderPair,
    },
    /// Both sides of a pair are listed.
    FolderRead {
        /// The pair.
        pair: &'a FolderPair,
        /// Messages on each side.
        messages: PerSide<u64>,
    },
    /// A side of a pair has new message numbers. The pair is left alone, unless
    /// [`Policy::accept_new_numbering`](crate::Policy::accept_new_numbering) says to pair it anew.
    NumberingChanged {
        /// The pair.
        pair: &'a FolderPair,
        /// Where.
        on: Side,
        /// UIDVALIDITY when it was last synced.
        recorded: UidValidity,
        /// UIDVALIDITY now.
        now: UidValidity,
    },
    /// What will be done in a pair (in a dry run: would be done).
    FolderPlanned {
        /// The pair.
        pair: &'a FolderPair,
        /// The plan.
        plan: &'a Plan,
        /// Its counts.
        counts: &'a Counts,
    },
    /// In a dry run with [`Policy::show_messages`](crate::Policy::show_messages): one message that would be copied.
    MessagePlanned {
        /// The pair.
        pair: &'a FolderPair,
        /// The message on the side it comes from.
        id: &'a MessageId,
        /// The side it would go to.
        to: Side,
        /// Its header block, CR LF line ends.
        header: &'a [u8],
    },
    /// A message begins to be copied.
    MessageStarted {
        /// The pair.
        pair: &'a FolderPair,
        /// The message on the side it comes from.
        id: &'a MessageId,
        /// The side it goes to.
        to: Side,
        /// Octets expected.
        octets: u64,
    },
    /// A message is not copied because the user said so ([`Naming::never_copied`](crate::sync::Naming::never_copied)).
    MessageIgnored {
        /// The pair.
        pair: &'a FolderPair,
        /// The message on the side it is on.
        id: &'a MessageId,
        /// The side it does not go to.
        to: Side,
    },
    /// More bytes of message content passed.
    BytesCopied {
        /// The pair.
        pair: &'a FolderPair,
        /// Octets since the last such event of this pair.
        octets: u64,
    },
    /// Messages are copied and durable.
    MessagesCopied {
        /// The pair.
        pair: &'a FolderPair,
        /// The side they went to.
        to: Side,
        /// How many.
        messages: u64,
    },
    /// Flags were changed.
    FlagsChanged {
        /// The pair.
        pair: &'a FolderPair,
        /// Where.
        on: Side,
        /// How many messages.
        messages: u64,
    },
    /// Messages were removed.
    MessagesRemoved {
        /// The pair.
        pair: &'a FolderPair,
        /// Where.
        on: Side,
        /// How many.
        messages: u64,
    },
    /// Messages were moved inside one side, to follow a move on the other.
    MessagesMoved {
        /// The pair they left.
        from: &'a FolderPair,
        /// The pair they are in now.
        to: &'a FolderPair,
        /// Where.
        on: Side,
        /// How many.
        messages: u64,
        /// Each message: the ids in the pair it left, and the id with which it was found in `to`, on the side that is followed.
        ids: &'a [(PerSide<MessageId>, MessageId)],
    },
    /// Something the user should know about one message.
    Noticed {
        /// The pair.
        pair: &'a FolderPair,
        /// The message.
        id: &'a MessageId,
        /// What.
        notice: Notice,
    },
    /// A message was not synced; the folder goes on.
    MessageFailed {
        /// The pair.
        pair: &'a FolderPair,
        /// The message.
        id: &'a MessageId,
        /// The side that failed.
        on: Side,
        /// Why.
        error: &'a Error,
    },
    /// A folder was not (wholly) synced; the account goes on.
    FolderFailed {
        /// The pair.
        pair: &'a FolderPair,
        /// Why.
        error: &'a Error,
    },
    /// The server has too much to do. What was refused is tried again after a pause.
    Pausing {
        /// How long.
        pause: Duration,
        /// What was refused, and how.
        error: &'a Error,
    },
    /// Something odd that stops nothing.
    Warning {
        /// What and where.
        error: &'a Error,
    },
    /// Work on a pair has ended.
    FolderFinished {
        /// The pair.
        pair: &'a FolderPair,
    },
    /// An account's run has ended.
    AccountFinished {
        /// Account name.
        account: &'a str,
    },
}

/// Listens to a run. Called from several threads; must not block for long.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Listens to nothing.
impl Observer for () {
    fn event(&self, _: &Event<'_>) {}
}
