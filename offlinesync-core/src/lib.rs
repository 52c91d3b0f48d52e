//! The engine that keeps two mail stores in step: values, contracts for back ends, a pure planner, and the sync itself.
//!
//! A back end implements [`Repository`] and [`Folder`]; a [`StatusStore`] remembers what both sides agreed on; a
//! [`sync::Account`] puts the three together. The engine knows no protocol and no mail format, prints nothing, reads no
//! environment: progress comes as [`Event`]s, and a [`Cancel`] token stops a run where state is whole.
//!
//! ```text
//!   list both ─► difference ─► pair ─► plan (pure) ─► brake ─► execute ─► record
//! ```
//!
#![cfg_attr(
    feature = "testing",
    doc = "```
use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Flags, MemoryStatus};
use std::sync::Arc;

let remote = MemoryRepository::new(\"server\", Knobs::imap());
let local = MemoryRepository::new(\"disk\", Knobs::maildir());
remote.add(\"INBOX\", b\"Subject: hello\\r\\n\\r\\nHello.\\r\\n\", Flags::default());

let account = Account::new(\"me\", Arc::new(remote), Arc::new(local.clone()), Arc::new(MemoryStatus::default()));
let report = account.sync(&(), &Cancel::new())?;
assert!(report.in_step());
assert_eq!(local.mails(\"INBOX\").len(), 1);
# Ok::<(), offlinesync_core::Error>(())
```"
)]

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
pub mod window;
pub mod wording;

pub use cancel::{Cancel, CancelGuard};
pub use error::{Error, ErrorKind, Result, Scope};
pub use event::{Event, Observer};
pub use flags::{FlagSupport, Flags, KeywordSupport, Keywords, SystemFlags, is_atom};
pub use folder_name::FolderName;
pub use line_ending::LineEnding;
pub use message::{ContentId, InternalDate, MessageId, PerSide, Side, Uid, UidValidity};
pub use policy::{BrakeLimits, Policy};
pub use repository::{
    ChangeSet, Coverage, Cursor, Entry, Failures, FlagChange, Folder, FolderEntry, FolderList, GroupSize, Headers,
    Incoming, Intake, Known, NothingKnown, Outgoing, Partner, Repository, Sink, SourceFolder, SpecialUse, Witness,
};
#[cfg(feature = "sqlite")]
pub use status::SqliteStatus;
pub use status::{
    Batch, FolderPair, FolderRecord, FolderStatus, Intent, KnownBy, MemoryStatus, PlainStatus, Row, StatusStore,
};
pub use window::Window;
