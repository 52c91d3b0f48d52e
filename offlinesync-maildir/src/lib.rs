//! Maildirs for offlinesync: [`MaildirRepository`] is a tree of mail folders on disk, one file a message, as most mail programs on
//! Unix read and write them. It keeps the contracts of [`offlinesync_core::repository`] and touches files and nothing else.
//!
//! ```text
//! Mail/                       the root
//! ├── INBOX/                  a folder
//! │   ├── new/                unread messages without flags, as delivered
//! │   ├── cur/                everything else; flags stand at the end of the name
//! │   ├── tmp/                messages being written
//! │   └── dovecot-keywords    which keyword each of the letters a to z is
//! └── Lists.rust/             another folder: flat with `.`, or nested directories with `/`
//! ```
//!
//! # What a message is called
//!
//! ```text
//! 1700000000_17.1690000000.7e33429f,U=17,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,FS
//! └──────────── base ─────────────┘└──────────────── attributes ─────────────┘   └┘ flags
//! ```
//!
//! The base is the message's id: whatever mail programs do to the rest, the message stays the same. The base of a message that came
//! from a numbered store follows from where it came from (arrival, UID, UIDVALIDITY, a digest of the folder), so delivering it twice
//! finds the first and writes nothing. `,U=` and `,FMD5=` are what OfflineIMAP writes and reads: one may change between the two programs
//! and back. The grammar is in [`name`].
//!
//! # What is promised
//!
//! - **No file is ever replaced.** Every rename refuses a target that exists. A base that is taken by other content gets a number.
//! - **Durable means durable.** A message is synced to the disk before it is renamed into place, a keyword's letter before a file bears it,
//!   a directory before the call returns; many at a time, by a few threads, so that it costs little.
//! - **A listing is whole or an error.** A missing directory, a directory that cannot be read, or one that keeps changing while it is read
//!   is never a shorter list. What is no mail is left alone and told to the observer.
//! - **Unknown things stay.** Attributes, flag letters and files of other programs are carried along or left where they are.
//! - **An untouched folder costs a look at three times.** See [`Witness`](offlinesync_core::Witness) and
//!   [`Cursor`](offlinesync_core::Cursor): directories whose times have not changed are not read.
//! - **Memory does not grow with a message.** Content passes through buffers of a fixed size.
//!
//! # Example
//!
//! ```
//! use offlinesync_core::{Flags, MessageId, NothingKnown, Outgoing, Repository, SourceFolder, Uid, UidValidity};
//! use offlinesync_maildir::{MaildirConfig, MaildirRepository};
//!
//! # fn main() -> offlinesync_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let root = directory.path().join("Mail");
//! let mail = MaildirRepository::new(MaildirConfig::new("local", &root).with_separator('/'))?;
//! if !mail.exists()? {
//!     mail.initialize()?;
//! }
//! mail.create(&"Lists/rust".into())?;
//! assert_eq!(mail.list()?.folders.len(), 1);
//!
//! // A message comes in, as if it were number 17 of a folder on a server.
//! let mut folder = mail.open(&"Lists/rust".into())?;
//! let source = SourceFolder { name: "rust".into(), uid_validity: UidValidity(1690000000) };
//! let id = MessageId::Uid(Uid::new(17).unwrap());
//! let content = b"Subject: hello\n\nworld\n";
//! let mut intake = folder.intake(&source)?;
//! let flags = Flags::from_imap(["\\Seen"]);
//! intake.begin(&Outgoing { source: &id, flags: &flags, date: None, octets: content.len() as u64 })?;
//! intake.write(content)?;
//! intake.end()?;
//! let stored = intake.commit()?.remove(0)?;
//! drop(intake);
//!
//! // It is there, and says what it is a copy of.
//! let listing = folder.changes(None, &NothingKnown)?;
//! assert_eq!(Some(&listing.present[0].id), stored.as_ref());
//! assert_eq!(listing.present[0].flags, flags);
//! assert_eq!(listing.present[0].partner.map(|partner| partner.uid), Uid::new(17));
//! # Ok(())
//! # }
//! ```

mod altmap;
mod config;
mod deliver;
mod disk;
mod draft;
mod folder;
mod keywords;
mod layout;
mod lock;
mod mbsync;
mod migrate;
mod moving;
pub mod name;
mod names;
mod read;
mod repository;
mod scan;
mod stamp;
#[cfg(feature = "testing")]
pub mod testing;
mod texts;
mod tree;
#[cfg(feature = "watch")]
mod watch;
mod writers;

pub use config::{DigestName, HeaderDate, MaildirConfig};
pub use folder::MaildirFolder;
pub use mbsync::MbsyncNumbers;
pub use migrate::Migrated;
pub use repository::MaildirRepository;
#[cfg(feature = "watch")]
pub use watch::Watch;
