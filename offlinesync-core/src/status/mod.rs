//! The memory of a sync: [`StatusStore`], which rows it keeps and what durability it owes. Backends are in the files beside.

mod copy;
mod memory;
pub(crate) mod plain;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use copy::copy_status;
pub use memory::MemoryStatus;
pub use plain::PlainStatus;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStatus;

use crate::error::Result;
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::message::{ContentId, MessageId, PerSide, Side, UidValidity};
use crate::repository::Cursor;
use crate::window::Window;

/// One pair of folders, named as each side names it.
pub type FolderPair = PerSide<FolderName>;

/// What both sides agreed on about one message: the base of the three-way merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The message on each side.
    pub ids: PerSide<MessageId>,
    /// The flags both sides had.
    pub base: Flags,
}

/// How the name begins that stands for the missing half of a row; no store has such a name.
const ALONE: &str = "\0alone ";

impl Row {
    /// A row of a message that is on one side alone and shall stay so: it is neither copied to the other side nor removed. Programs
    /// that have other ways to leave a message out leave such rows behind when their status is taken over.
    pub fn alone(on: Side, id: MessageId) -> Row {
        let nobody = MessageId::Name(format!("{ALONE}{id}").into_boxed_str());
        let mut ids = PerSide { remote: nobody.clone(), local: nobody };
        ids[on] = id;
        Row { ids, base: Flags::default() }
    }

    /// The side that its message is on alone, if it is such a row.
    pub fn is_alone_on(&self) -> Option<Side> {
        let nobody = |id: &MessageId| matches!(id, MessageId::Name(name) if name.starts_with(ALONE));
        Side::BOTH.into_iter().find(|side| nobody(&self.ids[side.other()]))
    }
}

/// What is recorded about a pair of folders besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderRecord {
    /// The numbering each side had when its rows were written; `None` before the first sync.
    pub uid_validity: PerSide<Option<UidValidity>>,
    /// Where the last listing of each side ended.
    pub cursor: PerSide<Option<Cursor>>,
    /// Each side's witness token at a moment when rows and side agreed; see [`Witness`](crate::Witness).
    pub witness: PerSide<Option<Box<[u8]>>>,
    /// The narrowest window since the last complete listing: what is outside was passed over by the cursors. Open: nothing was.
    pub window: Window,
    /// What each side called the folder, whatever its name; see [`FolderEntry::identity`](crate::FolderEntry::identity).
    pub identity: PerSide<Option<Box<[u8]>>>,
}

/// Written down before an upload that could double: if the run dies, the next looks for it before uploading again. Changes no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The side the message is uploaded to.
    pub to: Side,
    /// The message on the other side.
    pub source: MessageId,
    /// What its copy will be known by.
    pub known_by: KnownBy,
    /// Whether the store confirmed the upload without telling the new id: it must not be uploaded again.
    pub confirmed: bool,
}

/// By what the next run knows the copy of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// By a comparison with its source: nothing else was known beforehand, and without the source it is another message.
    Source,
    /// By its name, which tells its source. Nothing else of it is looked at.
    Name,
    /// It is taken away, for its source was gone: a removal or a move was begun, and its row stands until that is done. If the source is back by
    /// then, nobody removed it.
    Removed,
    /// By its content, even if the source is gone.
    Content {
        /// Size in octets with CR LF line ends.
        octets: u64,
        /// SHA-256 of the message with CR LF line ends.
        digest: [u8; 32],
    },
}

impl KnownBy {
    /// As status files write it: a size alone is a name's, or, of one octet, that of a removal. `None` of a digest without a size, which nothing writes.
    pub(crate) fn from_parts(octets: Option<u64>, digest: Option<[u8; 32]>) -> Option<KnownBy> {
        match (octets, digest) {
            (None, None) => Some(KnownBy::Source),
            (Some(1), None) => Some(KnownBy::Removed),
            (Some(_), None) => Some(KnownBy::Name),
            (Some(octets), Some(digest)) => Some(KnownBy::Content { octets, digest }),
            (None, Some(_)) => None,
        }
    }

    /// The inverse of [`KnownBy::from_parts`].
    pub(crate) fn into_parts(self) -> (Option<u64>, Option<[u8; 32]>) {
        match self {
            KnownBy::Source => (None, None),
            KnownBy::Name => (Some(0), None),
            KnownBy::Removed => (Some(1), None),
            KnownBy::Content { octets, digest } => (Some(octets), Some(digest)),
        }
    }
}

impl Intent {
    /// Whether its copy is known by its name alone.
    pub fn is_by_name(&self) -> bool {
        self.known_by == KnownBy::Name
    }

    /// The digest that its copy has, where it was known beforehand.
    pub fn digest(&self) -> Option<[u8; 32]> {
        match self.known_by {
            KnownBy::Content { digest, .. } => Some(digest),
            KnownBy::Source | KnownBy::Name | KnownBy::Removed => None,
        }
    }
}

/// Changes that become durable together or not at all.
///
/// Rows are deleted before any is written, so a message can be paired anew in one batch: its old row in `delete`, the new one in
/// `upsert`. An `upsert` whose local id another row has fails the whole batch. Intents are written before any is deleted.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows to write; a row with the same remote id is replaced.
    pub upsert: Vec<Row>,
    /// Rows to delete, by their remote ids.
    pub delete: Vec<MessageId>,
    /// The folder's new record.
    pub record: Option<FolderRecord>,
    /// Intents to write; one with the same side and source is replaced.
    pub intents: Vec<Intent>,
    /// Intents to delete.
    pub settled: Vec<(Side, MessageId)>,
    /// What a side calls the content of messages that have rows once the others are written; for a message without a row it is not
    /// kept. A hint: a store may drop it, and it goes with the row.
    pub contents: Vec<(Side, MessageId, ContentId)>,
}

impl Batch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.upsert.is_empty()
            && self.delete.is_empty()
            && self.record.is_none()
            && self.intents.is_empty()
            && self.settled.is_empty()
            && self.contents.is_empty()
    }
}

/// The status of one account. Shared by all threads that work for it.
///
/// No two rows of a folder share an id on either side.
pub trait StatusStore: Send + Sync {
    /// Every pair with its record and number of rows. Cost grows with the number of folders, not of messages.
    fn folders(&self) -> Result<Vec<(FolderPair, FolderRecord, u64)>>;

    /// The status of one pair; an unknown pair has no row and an empty record, and is not written until its first batch.
    fn folder(&self, pair: &FolderPair) -> Result<Box<dyn FolderStatus>>;

    /// Forgets a pair: rows, record and intents. Durable on return.
    fn forget(&self, pair: &FolderPair) -> Result<()>;

    /// Gives a pair new names, keeping rows and record. Durable on return.
    fn rename(&self, from: &FolderPair, to: &FolderPair) -> Result<()>;
}

/// The status of one pair of folders.
pub trait FolderStatus: Send {
    /// Its record.
    fn record(&self) -> Result<FolderRecord>;

    /// Number of rows. Cheap.
    fn count(&self) -> Result<u64>;

    /// Calls `each` with every row, in ascending order of the remote id; memory does not grow with their number.
    fn rows(&self, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()>;

    /// The row whose id on `side` is `id`.
    fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>>;

    /// What the side calls the content of this message, if that was written down. Default: it never is.
    fn content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        let _ = (side, id);
        Ok(None)
    }

    /// All intents.
    fn intents(&self) -> Result<Vec<Intent>>;

    /// Applies a batch in one transaction; durable on return (unless the store was opened with `fsync` off, when it is durable
    /// soon and whole in any case).
    fn apply(&mut self, batch: Batch) -> Result<()>;
}
