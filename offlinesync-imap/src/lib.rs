//! IMAP accounts as repositories of [`offlinesync_core`]: fast over slow lines, careful with servers that err.
//!
//! ```no_run
//! use offlinesync_core::{NothingKnown, Repository};
//! use offlinesync_imap::config::Secret;
//! use offlinesync_imap::{ImapConfig, ImapRepository};
//!
//! # fn main() -> offlinesync_core::Result<()> {
//! let config = ImapConfig::new("work", "imap.example.org", "me", || Ok(Secret::new("password".to_owned())));
//! let repository = ImapRepository::new(config);
//! for entry in repository.list()?.folders {
//!     let mut folder = repository.open(&entry.name)?;
//!     let listing = folder.changes(None, &NothingKnown)?;
//!     println!("{}: {} messages", entry.name, listing.present.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How little is asked
//!
//! What costs time in IMAP is waiting for answers. So questions go out together, and an account that nobody touched costs one
//! flight after login, however many folders it has:
//!
//! ```text
//!      us                                                                      server
//!       │ LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)) ►│   every folder and its state:
//!       │◄ names, states                                                            │   the touched ones are known
//!       │                                                                           │
//!       │ SELECT a ; UID FETCH … (CHANGEDSINCE m VANISHED) ────────────────────────►│   what changed in them,
//!       │◄ changes, removals                                                        │   each with its proof
//!       │                                                                           │
//!       │ UID FETCH … (UID INTERNALDATE BODY.PEEK[]) ; UID FETCH … ; … ────────────►│   bodies: the server always
//!       │◄ bodies, straight into the sink                                           │   has some ahead of it
//! ```
//!
//! Where a server offers less, the same is asked with more words: STATUS for each folder, all in one flight; removals found by
//! count and by UID; everything listed. What the answer means does not depend on the way it came.
//!
//! # How a connection is shared
//!
//! Folders do not own connections. Each call is an *exchange*: commands that belong together, and what happens with their answers. The
//! [`Pool`](connection::Pool) puts exchanges of several folders on one connection, one behind the other, without waiting in
//! between; the thread whose commands are the oldest reads for all. No thread is kept for reading, and no message is held: its
//! octets go from the socket's buffer into the sink of whoever asked for it.
//!
//! # What is believed
//!
//! Nothing is taken for gone because it was not mentioned. A listing must be as long as SELECT says, a delta must add up, a name
//! for an uploaded message must fit what was sent; else the dearer question is asked, or the call fails and says why. The module
//! that lists a folder tells the rules with each step.
//!
//! # Limits
//!
//! `BODY[]` cannot carry NUL octets (RFC 3501 section 9, `CHAR8`): some servers store such mail and hand out another octet in their
//! place. What they hand out is what is kept. Going up, such mail is sent as binary (RFC 3516) or refused.

pub mod codec;
mod commands;
pub mod config;
pub mod connection;
mod folder;
mod repository;
mod sasl;
#[cfg(test)]
mod script;
mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod watch;

pub use config::ImapConfig;
pub use repository::ImapRepository;
pub use watch::Pace;
