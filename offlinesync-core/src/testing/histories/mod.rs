//! What suites of random histories have in common, whatever the stores are: what users did ([`Deed`]), what goes wrong in a run and what it
//! holds back ([`Ends`], [`Trouble`], [`Bound`]), and what must be there in the end ([`Model`]). Drawing histories and carrying them out is
//! up to each suite.

mod deed;
mod model;
mod story;
mod trouble;

pub use deed::Deed;
pub use model::Model;
pub use trouble::{Bound, Ends, Fails, Trouble};

use crate::status::{MemoryStatus, StatusStore, copy_status};
use std::collections::{BTreeMap, BTreeSet};

/// Which message it is, wherever it is.
pub type Content = u32;

/// Flags by their names in IMAP.
pub type FlagSet = BTreeSet<&'static str>;

/// Copies that a folder has of a content: the flags of each.
pub type Found = BTreeMap<(String, Content), Vec<FlagSet>>;

/// What is recorded now, to be looked at or put back later.
pub fn copy_of(status: &dyn StatusStore) -> MemoryStatus {
    let copy = MemoryStatus::default();
    copy_status(status, &copy).unwrap();
    copy
}
