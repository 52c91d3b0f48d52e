//! Keywords that a store said it keeps, and did not: it answered that a change or a message was stored, and the next listing shows the message
//! without them. Nobody removed them, so they stay on the other side. Pure.

use crate::error::{Error, ErrorKind};
use crate::flags::Keywords;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Seen, Touched};
use crate::status::FolderPair;
use std::collections::BTreeMap;

/// The keywords that each side was told in this run since it was listed, by message.
#[derive(Debug, Default)]
pub(super) struct Told(PerSide<BTreeMap<MessageId, Keywords>>);

impl Told {
    /// Names are written by ourselves and tell what was written: what they lack next somebody removed.
    pub(super) fn note(&mut self, side: Side, id: &MessageId, keywords: &Keywords) {
        if id.uid().is_some() && !keywords.is_empty() {
            let told = self.0[side].entry(id.clone()).or_default();
            *told = told.union(keywords);
        }
    }

    pub(super) fn append(&mut self, other: Told) {
        for (side, told) in [(Side::Remote, other.0.remote), (Side::Local, other.0.local)] {
            told.iter().for_each(|(id, keywords)| self.note(side, id, keywords));
        }
    }

    /// Those that a side was told and does not show, though both sides agreed on them. Only the next listing can tell: what a later one lacks somebody
    /// may have removed, and of what did not change one since a cursor says nothing.
    pub(super) fn take_unkept(&mut self, side: Side, touched: &[Touched]) -> Keywords {
        let told = std::mem::take(&mut self.0[side]);
        let mut unkept = Keywords::default();
        for Touched { row, seen } in touched.iter().filter(|_| !told.is_empty()) {
            let (Some(row), Seen::Present(id, flags)) = (row, &seen[side]) else { continue };
            let Some(told) = told.get(id) else { continue };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Uid;
    use crate::status::Row;

    fn keywords(name: &str) -> Keywords {
        let mut keywords = Keywords::default();
        keywords.insert(name);
        keywords
    }

    /// The message with this UID, whose keywords were agreed on as `base` and are shown as `shown`.
    fn message(uid: u32, base: &str, shown: &str) -> Touched {
        let flags = |name: &str| crate::Flags::from_imap([name].into_iter().filter(|name| !name.is_empty()));
        let id = MessageId::Uid(Uid::new(uid).unwrap());
        let ids = PerSide { remote: id.clone(), local: MessageId::Name("a".into()) };
        let seen = PerSide { remote: Seen::Present(id, flags(shown)), local: Seen::Unchanged };
        Touched { row: Some(Row { ids, base: flags(base) }), seen }
    }

    #[test]
    fn the_next_listing_alone_tells_what_was_not_kept() {
        let mut told = Told::default();
        let id = |uid| MessageId::Uid(Uid::new(uid).unwrap());
        told.note(Side::Remote, &id(7), &keywords("kept"));
        told.note(Side::Remote, &id(8), &keywords("dropped"));
        let unkept = told.take_unkept(Side::Remote, &[message(7, "kept", "kept"), message(8, "dropped", "")]);
        assert_eq!(unkept, keywords("dropped"));
        // Somebody removed it since.
        assert!(told.take_unkept(Side::Remote, &[message(7, "kept", "")]).is_empty());
    }

    #[test]
    fn a_name_says_what_was_written() {
        let mut told = Told::default();
        told.note(Side::Local, &MessageId::Name("a".into()), &keywords("work"));
        assert!(told.0.local.is_empty());
    }
}
