//! offlinesync-core

pub mod cancel;
pub mod error;
pub mod event;
pub mod flags;
pub mod folder_name;
pub mod line_ending;
pub mod message;
pub mod plan;
pub mod policy;
pub mod repository;
pub mod status;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use cancel::{Cancel, CancelGuard};
pub use error::{Error, ErrorKind, Result, Scope};
pub use event::{Event, Observer};
pub use flags::{FlagSupport, Flags, KeywordSupport, Keywords, SystemFlags};
pub use folder_name::FolderName;
pub use line_ending::LineEnding;
pub use message::{InternalDate, MessageId, PerSide, Side, Uid, UidValidity};
pub use policy::{BrakeLimits, Policy};
pub use repository::{
    ChangeSet, Coverage, Cursor, Entry, Failures, FlagChange, Folder, FolderEntry, FolderList, GroupSize, Headers,
    Incoming, Intake, Known, NothingKnown, Outgoing, Partner, Repository, Sink, SourceFolder, SpecialUse, Witness,
};
#[cfg(feature = "sqlite")]
pub use status::SqliteStatus;
pub use status::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, MemoryStatus, Row, StatusStore};
