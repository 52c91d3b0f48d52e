//! Mail for tests: hostile messages, ordinary messages, and one that is too large to be held. Deterministic, no clock.

mod hostile;
mod large;
mod ordinary;
mod random;

pub use hostile::hostile;
pub use large::Large;
pub use ordinary::ordinary;
pub use random::Random;

use crate::flags::Flags;
use crate::message::InternalDate;

/// A message and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What a failed test calls it.
    pub name: String,
    /// Its content as it travels on the wire: with CR LF line ends, unless it is hostile.
    pub bytes: Vec<u8>,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived.
    pub date: Option<InternalDate>,
}

impl Mail {
    /// A message without flags and date.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Mail { name: name.into(), bytes: bytes.into(), flags: Flags::default(), date: None }
    }

    /// A short proper message with this text, for tests that do not care.
    pub fn text(text: &str) -> Self {
        let id: u64 =
            text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        let head = format!(
            "From: Ada <ada@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: {text}\r\nMessage-ID: <{id:016x}@example.org>\r\nDate: Mon, 6 May 2024 10:00:00 +0200\r\n\r\n"
        );
        Mail::new(text, format!("{head}{text}\r\n"))
    }
}
