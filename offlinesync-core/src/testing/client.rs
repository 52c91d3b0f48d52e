//! What a test sees of a store through the eyes of another mail client: no sync engine, no backend in between.

use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::message::{InternalDate, MessageId};

/// Another mail client at work in the same store. Whatever it cannot do is a failed test, so it panics.
///
/// Content is raw here: the bytes as they lie in the store (a Maildir file with its LF, an IMAP literal with its CR LF).
pub trait Client {
    /// Adds a message the way a mail client does; answers what the backend will call it.
    fn add(&mut self, folder: &FolderName, raw: &[u8], flags: &Flags, date: Option<InternalDate>) -> MessageId;

    /// Removes a message.
    fn remove(&mut self, folder: &FolderName, id: &MessageId);

    /// Gives a message exactly these flags.
    fn set_flags(&mut self, folder: &FolderName, id: &MessageId, flags: &Flags);

    /// Everything in a folder, in any order, each with what the backend calls it.
    fn list(&mut self, folder: &FolderName) -> Vec<(MessageId, Held)>;

    /// Creates a folder.
    fn create(&mut self, folder: &FolderName);

    /// Gives a folder a new numbering with the same messages, as a restored backup does. `false` where that cannot be arranged.
    fn renumber(&mut self, folder: &FolderName) -> bool {
        let _ = folder;
        false
    }
}

/// A message as it lies in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its content.
    pub octets: Vec<u8>,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived.
    pub date: Option<InternalDate>,
}

/// How much of an [`InternalDate`] a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatePrecision {
    /// Nothing.
    Nothing,
    /// The moment, to the second; the zone becomes 0.
    Seconds,
    /// The moment and the zone.
    #[default]
    SecondsAndZone,
}

impl DatePrecision {
    /// What is left of a date in a store of this precision.
    pub fn of(self, date: Option<InternalDate>) -> Option<InternalDate> {
        match self {
            DatePrecision::Nothing => None,
            DatePrecision::Seconds => date.map(|date| InternalDate { zone_minutes: 0, ..date }),
            DatePrecision::SecondsAndZone => date,
        }
    }
}
