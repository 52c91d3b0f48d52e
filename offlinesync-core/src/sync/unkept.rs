//! Keywords that a store said it keeps, and did not: it answered that a change or a message was stored, and the next listing shows the message
//! without them, or says nothing of it. Nobody removed them, so they stay on the other side. Reads rows, changes nothing.

use crate::error::{Error, ErrorKind, Result};
use crate::flags::{Flags, Keywords};
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::repository::{ChangeSet, Coverage, Entry};
use crate::status::{FolderPair, FolderStatus};
use std::collections::{BTreeMap, BTreeSet};

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

    /// Messages of which a listing of changes says nothing, though a side was told keywords of them in between: they are as they were before. It is a
    /// change to a store that numbers messages, if it kept them.
    pub(super) fn unheard(&self, side: Side, set: &ChangeSet, status: &dyn FolderStatus) -> Result<Vec<Entry>> {
        if self.0[side].is_empty() || set.coverage == Coverage::Complete {
            return Ok(Vec::new());
        }
        let heard: BTreeSet<&MessageId> = set.present.iter().map(|entry| &entry.id).chain(&set.gone).collect();
        let mut unheard = Vec::new();
        for (id, told) in self.0[side].iter().filter(|(id, _)| id.uid().is_some() && !heard.contains(id)) {
            let Some(row) = status.row(side, id)? else { continue };
            let keywords = row.base.keywords.filtered(|keyword| !told.contains(keyword));
            if keywords != row.base.keywords {
                let flags = Flags { keywords, ..row.base };
                unheard.push(Entry { id: id.clone(), flags, partner: None, content: None });
            }
        }
        Ok(unheard)
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
