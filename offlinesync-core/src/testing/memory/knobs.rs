//! What a store in memory can do and how it behaves.

use crate::flags::FlagSupport;
use crate::line_ending::LineEnding;
use crate::message::{ContentId, MessageId};
use crate::repository::GroupSize;
use crate::testing::client::DatePrecision;

/// The behaviour of a [`MemoryRepository`](super::MemoryRepository). Start from a preset and change what matters.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The character between levels.
    pub separator: Option<char>,
    /// Ids are UIDs; otherwise names.
    pub numbered: bool,
    /// How a listing since a cursor is made.
    pub deltas: Deltas,
    /// What the list of folders proves.
    pub witness: WitnessKnob,
    /// A message delivered twice is there twice. Otherwise it is recognised by its source, and a named store names it after that.
    pub needs_intent: bool,
    /// A commit tells the new ids (IMAP: UIDPLUS).
    pub tells_ids: bool,
    /// A message is there from its end on, not from the commit on (IMAP: one APPEND for each).
    pub eager: bool,
    /// Flags and keywords that are kept; others are dropped in silence, as servers do.
    pub support: FlagSupport,
    /// The form in which content lies in the store.
    pub native: LineEnding,
    /// What is kept of dates.
    pub dates: DatePrecision,
    /// Messages can be moved between folders.
    pub transfer: bool,
    /// Headers come with the exact size.
    pub tells_octets: bool,
    /// Whether the list of folders tells what each is called whatever its name.
    pub folder_identities: bool,
    /// What a listing calls the content of a message.
    pub contents: ContentsKnob,
    /// What [`Folder::cheap_content`](crate::Folder::cheap_content) answers.
    pub cheap_content: bool,
    /// What [`Folder::is_shared`](crate::Folder::is_shared) answers.
    pub shared: bool,
    /// How much an intake takes before a commit.
    pub group: GroupSize,
    /// How many folder handles work at the same time.
    pub parallelism: usize,
}

impl Knobs {
    /// A good IMAP server: UIDs, deltas with removals, a witness for everything, UIDPLUS, MOVE, any keyword.
    pub fn imap() -> Self {
        Knobs {
            separator: Some('/'),
            numbered: true,
            deltas: Deltas::Logged,
            witness: WitnessKnob::Everything,
            needs_intent: true,
            tells_ids: true,
            eager: false,
            support: FlagSupport::default(),
            native: LineEnding::Crlf,
            dates: DatePrecision::SecondsAndZone,
            transfer: true,
            tells_octets: true,
            folder_identities: false,
            contents: ContentsKnob::Nothing,
            cheap_content: false,
            shared: false,
            group: GroupSize { messages: 50, octets: 1 << 20 },
            parallelism: 4,
        }
    }

    /// An IMAP server of the plainest kind: complete listings only, no witness, no UIDPLUS, no MULTIAPPEND, no MOVE.
    pub fn plain_imap() -> Self {
        Knobs {
            deltas: Deltas::Nothing,
            witness: WitnessKnob::Nothing,
            tells_ids: false,
            eager: true,
            transfer: false,
            ..Knobs::imap()
        }
    }

    /// A Maildir: named messages whose names follow from their source, LF, complete listings.
    pub fn maildir() -> Self {
        Knobs {
            separator: Some('.'),
            numbered: false,
            deltas: Deltas::Nothing,
            witness: WitnessKnob::Everything,
            needs_intent: false,
            native: LineEnding::Lf,
            dates: DatePrecision::Seconds,
            tells_octets: false,
            cheap_content: true,
            shared: false,
            ..Knobs::imap()
        }
    }
}

/// How a listing since a cursor is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deltas {
    /// Not at all: every listing is complete and has no cursor.
    Nothing,
    /// The store remembers what was removed (IMAP: QRESYNC).
    Logged,
    /// The store asks the caller which UIDs it knows and says which of them are gone (IMAP: CONDSTORE alone). Numbered stores only.
    Compared,
}

/// What a listing calls the content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentsKnob {
    /// Nothing.
    Nothing,
    /// Equal contents, and no others, are called the same.
    True,
    /// Every message is called the same, whatever is in it.
    AllAlike,
    /// Messages of one number are called the same in all folders, whatever is in them.
    ByNumber,
    /// Messages of one size are called the same.
    BySize,
}

impl ContentsKnob {
    pub(super) fn of(self, id: &MessageId, bytes: &[u8]) -> Option<ContentId> {
        match self {
            ContentsKnob::Nothing => None,
            ContentsKnob::True => Some(ContentId::of(bytes, bytes.len() as u64)),
            ContentsKnob::AllAlike => Some(ContentId::of(b"", 0)),
            ContentsKnob::ByNumber => Some(ContentId::of(id.to_string().as_bytes(), 0)),
            ContentsKnob::BySize => Some(ContentId::of(b"", bytes.len() as u64)),
        }
    }
}

/// What the list of folders proves about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessKnob {
    /// Nothing.
    Nothing,
    /// That no message came or went.
    Messages,
    /// That nothing changed at all.
    Everything,
}
