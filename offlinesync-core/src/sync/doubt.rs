//! Listing a side, and doubting it. A side may not be what it was: it showed an older state of itself, as after a restored backup, it
//! calls the folder by another identity than before, or it does not have a message that it said it had stored. Until every row has been
//! compared with what is there, none of them proves anything.
//!
//! The mark of a doubted side stands in place of its cursor, which is of no use any more, until the folder is in step again. As long
//! as it stands, names that claim a partner are each compared too: they tell the same numbers.
//!
//! Only a cursor tells an older state. So a side that is to be listed whole is asked what changed first, and its cursor stays, marked as
//! evidence, where no listing may begin at it.

use super::difference::Listings;
use super::digest;
use super::known::KnownRows;
use super::refusals;
use super::standing::Standing;
use super::street::Street;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::message::{MessageId, PerSide, Side};
use crate::repository::{ChangeSet, Coverage, Cursor, Known, NothingKnown};
use crate::status::{Batch, FolderRecord, Intent, MemoryStatus, Row, StatusStore};
use std::collections::{BTreeMap, BTreeSet};

/// The marks of a record, without its cursors.
fn only_marks(record: &FolderRecord) -> PerSide<Option<Cursor>> {
    let mark = |standing: Standing| if standing.is_doubted() { standing.recorded() } else { None };
    PerSide::from_fn(|side| mark(Standing::of(record, side)))
}

/// Whether an error of a listing means that the side's numbers are to be doubted.
fn doubts(error: &Error) -> bool {
    error.kind() == ErrorKind::Numbering
}

/// Whether a listing since a cursor leaves out messages that were stored after it.
fn lacks(set: &ChangeSet, stored: &[MessageId]) -> bool {
    if stored.is_empty() || set.coverage == Coverage::Complete {
        return false;
    }
    let told: BTreeSet<&MessageId> = set.present.iter().map(|entry| &entry.id).chain(&set.gone).collect();
    !stored.iter().all(|id| told.contains(id))
}

/// The rows of a doubted side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub(super) rows: u64,
    /// Those that do not hold.
    pub(super) failing: u64,
    /// Whether the side's messages have numbers, which may be given to others, or names, which stay.
    pub(super) numbered: bool,
}

impl Street<'_> {
    /// Lists the sides asked for; `whole`: not only what changed.
    pub(super) fn list(&mut self, record: &mut FolderRecord, wanted: PerSide<bool>, whole: bool) -> Result<Listings> {
        let mut answer = Listings::default();
        for side in [Side::Local, Side::Remote].into_iter().filter(|side| wanted[*side]) {
            answer[side] = Some(self.list_side(record, side, whole)?);
        }
        Ok(answer)
    }

    /// Lists a side; one that gives reason to doubt its numbers is marked, and listed whole.
    fn list_side(&mut self, record: &mut FolderRecord, side: Side, whole: bool) -> Result<ChangeSet> {
        let stored = std::mem::take(&mut self.stored[side]);
        if std::mem::take(&mut self.anew[side]) {
            self.doubt(record, side, Standing::CreatedAnew)?;
        }
        let standing = Standing::of(record, side);
        let whole = whole || standing.since().is_none();
        let known = KnownRows { status: self.status.as_ref(), side };
        match self.folders[side].changes(standing.evidence(), &known) {
            Ok(set) if !lacks(&set, &stored) => {
                let suffices = !whole || set.coverage == Coverage::Complete;
                return if suffices { Ok(set) } else { self.folders[side].changes(None, &known) };
            }
            Err(error) if !doubts(&error) => return Err(error),
            _ => {}
        }
        self.doubt(record, side, Standing::Doubted)?;
        let known = KnownRows { status: self.status.as_ref(), side };
        // Whoever has the folder paired anew has its state of now taken for what it is.
        let known: &dyn Known = if self.policy.accept_new_numbering { &NothingKnown } else { &known };
        self.folders[side].changes(None, known)
    }

    /// Refuses a folder whose numbering changed or means something else now, or, when the policy says so, forgets its rows so that it is
    /// paired anew. What was uploaded then is paired by content too, like all the rest: that its source is not there under the new
    /// numbering proves nothing.
    pub(super) fn check_numbering(
        &mut self,
        record: &mut FolderRecord,
        listings: &mut Listings,
        intents: &mut Vec<Intent>,
    ) -> Result<()> {
        for side in Side::BOTH {
            let now = listings[side].as_ref().map(|set| set.uid_validity);
            let changed = matches!((record.uid_validity[side], now), (Some(then), Some(now)) if then != now);
            if let (true, Some(recorded), Some(now)) = (changed, record.uid_validity[side], now) {
                self.observer.event(&Event::NumberingChanged { pair: self.pair, on: side, recorded, now });
            }
            let standing = Standing::of(record, side);
            let (doubted, is_anew) = (standing.is_doubted(), standing == Standing::CreatedAnew);
            if (changed || doubted) && self.policy.accept_new_numbering {
                intents.clear();
                return self.start_anew(record, listings);
            }
            if changed {
                return Err(refusals::new_numbering(self.pair, side, record.uid_validity[side], listings));
            }
            if doubted && now.is_some() {
                let compared = self.rows_that_fail(listings, side)?;
                let meant = self.policy.brake.allowed.is_some_and(|allowed| compared.failing <= allowed);
                if compared.failing > 0 && (compared.numbered || !meant) {
                    return Err(refusals::not_as_it_was(self.pair, side, compared, is_anew));
                }
            }
        }
        Ok(())
    }

    fn start_anew(&mut self, record: &mut FolderRecord, listings: &mut Listings) -> Result<()> {
        *record = FolderRecord { cursor: only_marks(record), ..FolderRecord::default() };
        for side in Side::BOTH {
            listings[side] = Some(self.folders[side].changes(None, &NothingKnown)?);
        }
        match self.policy.dry_run {
            true => self.status = MemoryStatus::default().folder(self.pair)?,
            false => refusals::forget_rows(self.status.as_mut(), record.clone())?,
        }
        Ok(())
    }

    /// Marks a side, for this run and for those to come.
    fn doubt(&mut self, record: &mut FolderRecord, side: Side, standing: Standing) -> Result<()> {
        record.cursor[side] = standing.recorded();
        record.witness[side] = None;
        if self.policy.dry_run {
            return Ok(());
        }
        self.status.apply(Batch { record: Some(record.clone()), ..Batch::default() })
    }

    /// Compares the rows of a doubted side with what is there. A row does not hold if the message is not
    /// there, or is another than its partner on the other side. A row without a partner cannot be compared: it is forgotten, so that
    /// the message comes back rather than that another is removed.
    fn rows_that_fail(&mut self, listings: &Listings, side: Side) -> Result<Compared> {
        let present = ids(listings[side].iter());
        if let Some(numbers) = self.rows_missing_from(&present, side)? {
            return Ok(numbers);
        }
        let partners = ids([&self.folders[side.other()].changes(None, &NothingKnown)?].into_iter());
        let (mut rows, mut alone, mut absent) = (Vec::<Row>::new(), Vec::new(), 0);
        self.status.rows(&mut |row| {
            match (present.contains(&row.ids[side]), partners.contains(&row.ids[side.other()])) {
                (true, true) => rows.push(row),
                (true, false) => alone.push(row.ids.remote),
                (false, _) => absent += 1,
            }
            Ok(())
        })?;
        let all = rows.len() as u64 + absent;
        let failing = absent + self.unequal(&rows)?;
        if failing == 0 && !alone.is_empty() && !self.policy.dry_run {
            self.status.apply(Batch { delete: alone, ..Batch::default() })?;
        }
        Ok(Compared { rows: all, failing, numbered: true })
    }

    /// Of a side without numbers: a name stays with its message, so there is nothing to compare.
    fn rows_missing_from(&self, present: &BTreeSet<MessageId>, side: Side) -> Result<Option<Compared>> {
        let (mut rows, mut missing, mut numbered) = (0, 0, false);
        self.status.rows(&mut |row| {
            rows += 1;
            numbered |= row.ids[side].uid().is_some();
            missing += u64::from(!present.contains(&row.ids[side]));
            Ok(())
        })?;
        Ok((!numbered).then_some(Compared { rows, failing: missing, numbered }))
    }

    /// How many rows pair messages that are not the same by their headers.
    fn unequal(&mut self, rows: &[Row]) -> Result<u64> {
        let mut hashes = PerSide::<BTreeMap<MessageId, digest::Hash>>::default();
        for side in Side::BOTH {
            let ids: Vec<MessageId> = rows.iter().map(|row| row.ids[side].clone()).collect();
            let mut failures = self.folders[side].headers(&ids, &mut |headers| {
                hashes[side].insert(headers.id.clone(), digest::of_header(&headers).0);
                Ok(())
            })?;
            // What was not looked at is not another message.
            if let Some((_, error)) = failures.pop() {
                let hint =
                    "if the message can never be read, remove it, or pair the folder anew with --accept-uidvalidity";
                return Err(error.as_kind(ErrorKind::Folder).with_hint(hint));
            }
        }
        let of = |row: &Row, side: Side| hashes[side].get(&row.ids[side]);
        let unequal = |row: &&Row| of(row, Side::Remote).is_none() || of(row, Side::Remote) != of(row, Side::Local);
        Ok(rows.iter().filter(unequal).count() as u64)
    }
}

fn ids<'a>(sets: impl Iterator<Item = &'a ChangeSet>) -> BTreeSet<MessageId> {
    sets.flat_map(|set| &set.present).map(|entry| entry.id.clone()).collect()
}
