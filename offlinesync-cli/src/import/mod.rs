//! Moving in from another program: what it remembers of each folder becomes rows of our status, so that nothing is transferred again
//! and what was pending stays pending. Reads the other program's files and never writes one of them.

pub mod mbsync;
pub mod offlineimap;
pub mod rows;
mod unfinished;

use crate::ui::{Hub, Who};
use offlinesync_core::status::{Batch, FolderPair, FolderRecord, Row};
use offlinesync_core::{PerSide, Result, StatusStore, UidValidity};
use unfinished::Mark;

/// So many rows are written at a time.
const ROWS: usize = 5000;

/// What another program remembers of one pair of folders.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The numbering of each side when the rows were written.
    pub uid_validity: PerSide<UidValidity>,
    /// What both sides agreed on.
    pub rows: Vec<Row>,
}

/// What came of taking over an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Pairs of folders.
    pub folders: usize,
    /// Messages known on both sides.
    pub messages: usize,
}

/// Writes what was remembered of a pair.
///
/// # Errors
/// As [`FolderStatus::apply`](offlinesync_core::status::FolderStatus::apply).
pub fn write(status: &dyn StatusStore, pair: &FolderPair, memory: Memory) -> Result<()> {
    let mut folder = status.folder(pair)?;
    let record = FolderRecord { uid_validity: memory.uid_validity.map(Some), ..FolderRecord::default() };
    folder.apply(Batch { record: Some(record), ..Batch::default() })?;
    let mut rows = memory.rows.into_iter().peekable();
    while rows.peek().is_some() {
        folder.apply(Batch { upsert: rows.by_ref().take(ROWS).collect(), ..Batch::default() })?;
    }
    Ok(())
}

/// What was taken over, in one line.
fn sentence(account: &str, program: &str, Taken { folders, messages }: Taken) -> String {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "account '{account}': goes on where {program} left off: {messages} message{} in {folders} folder{}",
        plural(messages),
        plural(folders)
    )
}

/// Warns of a folder whose memory is of no use.
fn tell_refused(hub: &Hub, pair: &FolderPair, program: &str, why: &str) {
    let folder = &pair.remote;
    let text =
        format!("folder '{folder}': what {program} knew of it is of no use: {why}; its messages are paired by content");
    hub.warn(Who::Program, &text);
}
