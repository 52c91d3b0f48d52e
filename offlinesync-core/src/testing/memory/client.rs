//! A mail client at work in a store in memory.

use super::MemoryRepository;
use crate::flags::Flags;
use crate::folder_name::FolderName;
use crate::message::{InternalDate, MessageId};
use crate::testing::client::{Client, Held};

/// The [`Client`] of a [`MemoryRepository`].
#[derive(Clone, Debug)]
pub struct MemoryClient(pub MemoryRepository);

impl Client for MemoryClient {
    fn add(&mut self, folder: &FolderName, raw: &[u8], flags: &Flags, date: Option<InternalDate>) -> MessageId {
        self.0.add_raw(folder.as_str(), raw, flags.clone(), date)
    }

    fn remove(&mut self, folder: &FolderName, id: &MessageId) {
        self.0.remove(folder.as_str(), id);
    }

    fn set_flags(&mut self, folder: &FolderName, id: &MessageId, flags: &Flags) {
        self.0.set_flags(folder.as_str(), id, flags.clone());
    }

    fn list(&mut self, folder: &FolderName) -> Vec<(MessageId, Held)> {
        self.0.raw_mails(folder.as_str())
    }

    fn create(&mut self, folder: &FolderName) {
        self.0.create_folder(folder.as_str());
    }

    fn renumber(&mut self, folder: &FolderName) -> bool {
        self.0.renumber(folder.as_str());
        true
    }
}
