//! What the rows of one pair tell a side that lists its changes. Reads rows, changes nothing.

use crate::error::Result;
use crate::message::{Side, Uid, UidValidity};
use crate::repository::Known;
use crate::status::FolderStatus;

pub(super) struct KnownRows<'a> {
    pub(super) status: &'a dyn FolderStatus,
    pub(super) side: Side,
}

impl Known for KnownRows<'_> {
    fn numbering(&self) -> Result<Option<UidValidity>> {
        Ok(self.status.record()?.uid_validity[self.side])
    }

    fn count(&self) -> Result<u64> {
        self.status.count()
    }

    fn uids(&self) -> Result<Vec<(Uid, Uid)>> {
        let mut uids = Vec::new();
        self.status.rows(&mut |row| {
            uids.extend(row.ids[self.side].uid());
            Ok(())
        })?;
        // What was on its way from here was here, too: a store that has not given its number out yet shows an older state.
        let begun = self.status.intents()?.into_iter().filter(|intent| intent.is_by_name() && intent.to != self.side);
        uids.extend(begun.filter_map(|intent| intent.source.uid()));
        uids.sort_unstable();
        uids.dedup();
        let mut ranges: Vec<(Uid, Uid)> = Vec::new();
        for uid in uids {
            match ranges.last_mut() {
                Some((_, last)) if last.get().checked_add(1) == Some(uid.get()) => *last = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        Ok(ranges)
    }
}
