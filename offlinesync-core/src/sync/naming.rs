//! What a folder of one side is called on the other, whether it takes part, and when its turn comes. Pure.

use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::message::{PerSide, Side, Uid};
use crate::status::FolderPair;
use std::collections::BTreeSet;

/// Translates folder names between the sides. Must be the same on every call within a run.
pub trait Naming: Send + Sync {
    /// What `name` of `side` is called on the other side; `None` if the folder does not take part.
    ///
    /// The two directions must undo each other; the engine checks that and refuses folders for which they do not. An error
    /// concerns this folder alone.
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>>;

    /// Whether a remote folder that does not take part is left out of this run alone, as one that was not asked for. What is known of it then
    /// counts for the account as ever; what a rule leaves out for good does not count. Default: no.
    fn is_set_aside(&self, name: &FolderName) -> bool {
        let _ = name;
        false
    }

    /// Messages of a folder of `side` that are never copied to the other side. Default: none. An error concerns this folder alone.
    fn never_copied(&self, side: Side, name: &FolderName) -> Result<BTreeSet<Uid>> {
        let _ = (side, name);
        Ok(BTreeSet::new())
    }

    /// The order in which folders are begun: the positions of the pairs. Default, and if a position is missing: INBOX first, then
    /// the larger before the smaller, so that none is waited for at the end.
    /// An error is told, and the default taken.
    fn order(&self, pairs: &[&FolderPair]) -> Result<Option<Vec<usize>>> {
        let _ = pairs;
        Ok(None)
    }

    /// Looks over every folder that can hold messages, before anything is touched. `may_create` tells the sides on which folders
    /// may be created.
    ///
    /// # Errors
    /// The names are such that no folder of the account should be synced; names the folders concerned.
    fn check(
        &self,
        _folders: &PerSide<Vec<FolderName>>,
        _separators: &PerSide<Option<char>>,
        _may_create: &PerSide<bool>,
    ) -> Result<()> {
        Ok(())
    }
}

/// The same names on both sides, but for the separator. Everything takes part.
#[derive(Clone, Copy, Debug, Default)]
pub struct SameNames;

impl Naming for SameNames {
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        exchange_separator(side, name, separators).map(Some)
    }
}

/// Exchanges the separator of `side` for that of the other side.
///
/// # Errors
/// The name contains the other side's separator, so that two folders could meet in one.
pub fn exchange_separator(side: Side, name: &FolderName, separators: &PerSide<Option<char>>) -> Result<FolderName> {
    name.with_separator(separators[side], separators[side.other()]).ok_or_else(|| {
        let why = match separators[side.other()] {
            Some(c) => format!("its name contains '{c}', which separates levels on the other side"),
            None => "it lies below another folder, and the other side has no levels".to_owned(),
        };
        Error::new(ErrorKind::Folder, format!("folder '{name}' of the {side} side was not synced: {why}"))
            .with_hint("choose another 'sep' for the Maildir, or rename the folder with nametrans")
    })
}
