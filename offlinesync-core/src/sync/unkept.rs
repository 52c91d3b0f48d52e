//! Keywords that a store said it keeps, and did not: it answered that a change or a message was stored, and the next listing shows the message
//! without them. Nobody removed them, so they stay on the other side. Pure.

use crate::error::{Error, ErrorKind};
use crate::flags::Keywords;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::status::FolderPair;
use std::collections::BTreeMap;

/// The keywords that each side was told in this run, by message.
#[derive(Debug, Default)]
pub(super) struct Told(PerSide<BTreeMap<MessageId, Keywords>>);

impl Told {
    pub(super) fn note(&mut self, side: Side, id: &MessageId, keywords: &Keywords) {
        if !keywords.is_empty() {
            let told = self.0[side].entry(id.clone()).or_default();
            *told = told.union(keywords);
        }
    }

    pub(super) fn append(&mut self, other: Told) {
        for (side, told) in [(Side::Remote, other.0.remote), (Side::Local, other.0.local)] {
            told.iter().for_each(|(id, keywords)| self.note(side, id, keywords));
        }
    }

    /// Those that a side was told and does not show, though both sides agreed on them.
    pub(super) fn unkept(&self, side: Side, touched: &[Touched]) -> Keywords {
        let mut unkept = Keywords::default();
        for Touched { row, seen } in touched.iter().filter(|_| !self.0[side].is_empty()) {
            let (Some(row), Seen::Present(id, flags)) = (row, &seen[side]) else { continue };
            let Some(told) = self.0[side].get(id) else { continue };
            let missing = |keyword: &&str| row.base.keywords.contains(keyword) && !flags.keywords.contains(keyword);
            told.iter().filter(missing).for_each(|keyword| unkept.insert(keyword));
        }
        unkept
    }
}

/// What a side does not keep, in words.
pub(super) fn not_kept(pair: &FolderPair, side: Side, keyword: &str) -> Error {
    let sentence = format!(
        "folder '{}': the {side} side said that it stored the keyword '{keyword}', and does not show it; it stays on the other side",
        pair[side]
    );
    Error::new(ErrorKind::Message, sentence)
}
