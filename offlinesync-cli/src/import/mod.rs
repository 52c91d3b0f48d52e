//! Moving in from another program: what it remembers of each folder becomes rows of our status, so that nothing is transferred again
//! and what was pending stays pending. And moving out again, when rows become what the other program remembers.

mod claims;
pub mod mbsync;
pub mod offlineimap;
pub mod rows;
mod unfinished;

use crate::args::Export;
use crate::backend::Means;
use crate::say::{Outcome, error_lines};
use crate::streams::Streams;
use crate::ui::{self, DebugTypes, Hub, Who};
use offlinesync_core::status::{Batch, FolderPair, FolderRecord, Row};
use offlinesync_core::wording::counted;
use offlinesync_core::{Cancel, Error, PerSide, Result, StatusStore, UidValidity};
use std::sync::Arc;
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

/// What was given back to another program.
#[derive(Debug, Default)]
struct Given {
    folders: usize,
    messages: usize,
    /// Folders that were not given, with the reason.
    refused: Vec<(FolderPair, Error)>,
}

/// `offlinesync export`.
pub fn export(export: &Export, streams: &Arc<Streams>) -> Outcome {
    match export.program.as_str() {
        "offlineimap" => offlineimap::give::command(export, streams),
        _ => mbsync::command_back(export, streams),
    }
}

/// What the commands here work with: lines instead of an interface, one connection to a server, every change waited for.
fn means(streams: &Arc<Streams>) -> Result<Means> {
    let interface = ui::choose(None, streams, &Arc::default())?.interface;
    let hub = Arc::new(Hub::new(interface, None, None, DebugTypes::default(), streams.can_ask));
    Ok(Means { hub, streams: Arc::clone(streams), cancel: Cancel::new(), fsync: true, single: true })
}

/// How a command ended; a mistake that stopped it whole is told here.
fn told(done: Result<Outcome>, streams: &Streams) -> Outcome {
    done.unwrap_or_else(|error| {
        error_lines(&error).iter().for_each(|line| streams.err(&streams.paint(line)));
        Outcome::of(&error)
    })
}

/// Tells what an account gave to a program; `danger` is what the program would do in a folder that was not given, as a clause.
fn tell_given(means: &Means, account: &str, program: &str, danger: &str, given: Given) -> Outcome {
    let Given { folders, messages, refused } = given;
    let done = sentence(account, "offlinesync", Taken { folders, messages });
    means.streams.out(&done.replacen("goes on", &format!("{program} goes on"), 1));
    let outcome = if refused.is_empty() { Outcome::InStep } else { Outcome::Incomplete };
    for (pair, error) in refused {
        let error = error.at(format!("folder '{}' was not given to {program}{danger}", pair.remote));
        means.hub.error(Who::Account(account), &error);
    }
    outcome
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
    let (messages, folders) = (counted(messages, "message"), counted(folders, "folder"));
    format!("account '{account}': goes on where {program} left off: {messages} in {folders}")
}

/// Warns of a folder whose memory is of no use.
fn tell_refused(hub: &Hub, pair: &FolderPair, program: &str, why: &str) {
    let folder = &pair.remote;
    let text =
        format!("folder '{folder}': what {program} knew of it is of no use: {why}; its messages are paired by content");
    hub.warn(Who::Program, &text);
}
