//! Messages that could not be looked at, and what waits for them. What was not looked at is not another message: nothing is copied that it
//! may already be. Pure.

use super::refusals;
use crate::error::Error;
use crate::message::{MessageId, Side};
use crate::repository::Failures;
use crate::status::FolderPair;
use std::collections::BTreeMap;

/// What waits until a message can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// So many uploads to its side that were cut short, or whose number is not confirmed yet.
    Uploads(usize),
    /// Its own upload, which was cut short.
    Itself,
    /// The one message that a name says it is a copy of.
    Partner,
    /// So many new messages of the other side, where others may have put the same message on both.
    News(usize),
}

/// Messages that were not looked at, each once.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<(Side, MessageId), (Error, Waits)>);

impl Unread {
    pub(super) fn note(&mut self, on: Side, id: MessageId, error: Error, waits: Waits) {
        self.0.entry((on, id)).or_insert((error, waits));
    }

    pub(super) fn note_all(&mut self, on: Side, failures: Failures, waits: Waits) {
        failures.into_iter().for_each(|(id, error)| self.note(on, id, error, waits));
    }

    pub(super) fn append(&mut self, other: Unread) {
        other.0.into_iter().for_each(|((on, id), (error, waits))| self.note(on, id, error, waits));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any is on this side.
    pub(super) fn any_on(&self, side: Side) -> bool {
        self.0.keys().any(|(on, _)| *on == side)
    }

    /// As failures of these messages.
    pub(super) fn into_failures(self, pair: &FolderPair) -> impl Iterator<Item = (MessageId, Side, Error)> {
        self.0.into_iter().map(move |((on, id), (error, waits))| {
            let told = refusals::not_looked_at(pair, on, &error, waits);
            (id, on, told)
        })
    }
}
