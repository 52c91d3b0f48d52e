//! What is written down before the first effect and after the last: numberings, intents that are answered, cursors.

use super::difference::{Contents, Listings};
use super::execute::Site;
use super::listing::{Planned, numbering_of};
use super::standing::Standing;
use super::street::Street;
use crate::error::Result;
use crate::message::{ContentId, MessageId, PerSide, Side, UidValidity};
use crate::plan::{Action, Plan, Step};
use crate::repository::ChangeSet;
use crate::status::{Batch, FolderRecord, Row};
use crate::window::Window;
use std::collections::BTreeSet;

impl Street<'_> {
    /// Writes the numbering before the first row that depends on it.
    pub(super) fn begin(&mut self, planned: &mut Planned) -> Result<()> {
        let before = planned.record.clone();
        planned.record.uid_validity =
            PerSide::from_fn(|side| Some(numbering_of(&planned.listings, &before, side).unwrap_or(UidValidity(0))));
        let (settled, pending) = (std::mem::take(&mut planned.settled), std::mem::take(&mut planned.pending));
        let left = self.left_claims(&settled)?;
        let mut site = self.site(&planned.record, settled);
        Side::BOTH.into_iter().try_for_each(|to| site.note(to, left[to].iter()))?;
        site.begin(&before, &planned.plan, pending)?;
        planned.settled = site.settled.into_iter().collect();
        Ok(())
    }

    /// Confirmed claims of a run that was cut short, by the side of the upload: it may not have told their sources what they are called there.
    fn left_claims(&self, settled: &[(Side, MessageId)]) -> Result<PerSide<Vec<PerSide<MessageId>>>> {
        let mut left = PerSide::<Vec<_>>::default();
        for (to, source) in settled.iter().filter(|key| !self.claimed.contains(key)) {
            left[*to].extend(self.status.row(to.other(), source)?.map(|row| row.ids));
        }
        Ok(left)
    }

    pub(super) fn site(&mut self, record: &FolderRecord, settled: Vec<(Side, MessageId)>) -> Site<'_> {
        let support = self.support();
        Site {
            pair: self.pair,
            folders: &mut self.folders,
            status: self.status.as_mut(),
            uid_validity: record.uid_validity.map(|validity| validity.unwrap_or(UidValidity(0))),
            support,
            settled: settled.into_iter().collect(),
            streams: &self.streams,
            observer: self.observer,
            cancel: self.cancel,
        }
    }

    /// Moves the cursors past what has been dealt with: only when all of it has. A side whose news was withheld is listed whole next
    /// time, for no cursor would tell that news again.
    pub(super) fn record(
        &mut self,
        before: FolderRecord,
        listings: Listings,
        contents: Contents,
        complete: Option<Window>,
        withheld: PerSide<bool>,
    ) -> Result<()> {
        // Cursors that stay where they were have passed over what they had passed over.
        let mut after = FolderRecord { window: complete.unwrap_or(before.window), ..before.clone() };
        for side in Side::BOTH {
            let Some(ChangeSet { uid_validity, cursor, witness, .. }) = &listings[side] else { continue };
            after.uid_validity[side] = Some(*uid_validity);
            if complete.is_some() {
                after.cursor[side] = cursor.clone();
                after.witness[side] = witness.as_ref().map(|witness| witness.token.clone());
            }
            if withheld[side] {
                (after.cursor[side], after.witness[side]) =
                    (Standing::of(&after, side).into_evidence().recorded(), None);
            }
            if complete.is_some() {
                after.identity[side] = self.identity[side].clone().or(after.identity[side].take());
            }
        }
        if complete.is_none() {
            // What failed is looked at again next time, even where nothing changes until then.
            after.witness = PerSide::default();
        }
        let of = |side: Side, ids: Vec<(MessageId, ContentId)>| ids.into_iter().map(move |(id, name)| (side, id, name));
        let contents = of(Side::Remote, contents.remote).chain(of(Side::Local, contents.local)).collect();
        let record = (self.status.record()? != after).then_some(after);
        let batch = Batch { record, contents, ..Batch::default() };
        if batch.is_empty() { Ok(()) } else { self.status.apply(batch) }
    }
}

impl Site<'_> {
    /// Writes a new numbering, and deletes the intents whose answer is that nothing came of them. The intent of an upload that was
    /// found again goes with the step that deals with it, in one transaction: without it and without a row, the next run would take
    /// the two for two messages.
    ///
    /// A first meeting is over once the numbering is written, so the rows of all pairs it found are written with it. So are those of messages whose
    /// removal the policy holds back, for which there is no step: `pending`.
    fn begin(&mut self, record: &FolderRecord, plan: &Plan, pending: Vec<Row>) -> Result<()> {
        let now = self.uid_validity.map(Some);
        let first_meeting = record.uid_validity.remote.is_none() || record.uid_validity.local.is_none();
        let record = (record.uid_validity != now).then(|| FolderRecord { uid_validity: now, ..record.clone() });
        let mut upsert: Vec<Row> =
            if first_meeting { plan.steps.iter().filter_map(agreed).collect() } else { Vec::new() };
        let mut found: BTreeSet<(Side, MessageId)> = plan.steps.iter().flat_map(|step| self.settled_by(step)).collect();
        for key in upsert.iter().flat_map(|row| self.settled(&row.ids)) {
            found.remove(&key);
        }
        upsert.extend(pending);
        let settled = self.settled.difference(&found).cloned().collect();
        self.settled = found;
        let batch = Batch { record, upsert, settled, ..Batch::default() };
        if batch.is_empty() { Ok(()) } else { self.status.apply(batch) }
    }

    fn settled_by(&self, step: &Step) -> Vec<(Side, MessageId)> {
        match (&step.action, &step.ids) {
            (Action::Merge { .. } | Action::Remove { .. }, PerSide { remote: Some(remote), local: Some(local) }) => {
                self.settled(&PerSide { remote: remote.clone(), local: local.clone() }).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The row of a pair that was just found: what both sides agree on so far. Flags of one side alone are new on that side.
fn agreed(step: &Step) -> Option<Row> {
    match (&step.action, &step.ids) {
        (Action::Merge { store, base }, PerSide { remote: Some(remote), local: Some(local) }) => {
            let added = Side::BOTH.into_iter().filter_map(|side| store[side].as_ref());
            let base = added.fold(base.clone(), |base, delta| base.difference(&delta.add));
            Some(Row { ids: PerSide { remote: remote.clone(), local: local.clone() }, base })
        }
        _ => None,
    }
}
