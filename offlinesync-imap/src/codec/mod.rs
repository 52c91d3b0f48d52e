//! Bytes to typed responses and back. Pure: no socket, no clock; never panics, bounded memory.
//!
//! Reading: [`decoder`] cuts the stream into responses and lets bodies through, [`lexer`] reads the tokens of one response,
//! [`parse`] says what they mean, [`response`] holds the answer. Writing: [`encode`] builds commands out of names
//! ([`mailbox_name`], [`utf7`]), dates ([`date`]) and UID sets ([`uidset`]).

pub mod date;
pub mod decoder;
pub mod encode;
pub mod lexer;
pub mod mailbox_name;
pub mod parse;
pub(crate) mod pressure;
pub mod response;
pub mod uidset;
pub mod utf7;

pub use decoder::{Decoder, Item};

/// The peer said something that is not IMAP.
fn protocol(message: impl Into<String>) -> offlinesync_core::Error {
    offlinesync_core::Error::new(offlinesync_core::ErrorKind::Protocol, message)
}
