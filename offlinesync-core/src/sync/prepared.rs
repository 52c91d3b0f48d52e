//! What moves between folders ask of a street that was listed and planned, and what they change of its plan.

use super::listing::numbering_of;
use super::pairing::alone;
use super::returned;
use super::street::Prepared;
use crate::error::Result;
use crate::event::Observer;
use crate::message::{ContentId, MessageId, PerSide, Side};
use crate::plan::{Step, Touched};
use crate::repository::{Entry, Folder, SourceFolder};
use crate::status::{Batch, FolderPair, Intent, Row};
use std::collections::BTreeSet;

impl Prepared<'_> {
    pub(super) fn pair(&self) -> &FolderPair {
        self.street.pair
    }

    pub(super) fn dry_run(&self) -> bool {
        self.street.policy.dry_run
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        self.street.observer
    }

    /// How many messages the plan removes from each side.
    pub(super) fn removals(&self) -> PerSide<u64> {
        self.planned.plan.counts().removals
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.planned.plan.steps
    }

    pub(super) fn folder(&mut self, side: Side) -> &mut dyn Folder {
        self.street.folders[side].as_mut()
    }

    /// A side's folder, where its numbering is known.
    pub(super) fn source(&self, side: Side) -> Option<SourceFolder> {
        let uid_validity = numbering_of(&self.planned.listings, &self.planned.record, side)?;
        Some(SourceFolder { name: self.street.pair[side].clone(), uid_validity })
    }

    pub(super) fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        self.street.status.row(side, id)
    }

    /// What a side's listing calls the content of a message.
    pub(super) fn listed_content(&self, side: Side, id: &MessageId) -> Option<ContentId> {
        let contents = &self.planned.contents[side];
        contents.binary_search_by(|(other, _)| other.cmp(id)).ok().map(|at| contents[at].1)
    }

    /// What a side called the content of a message that has a row.
    pub(super) fn recorded_content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        self.street.status.content(side, id)
    }

    /// Writes what a move did, after the numbering that the rows depend on.
    pub(super) fn record_move(&mut self, on: Side, batch: Batch) -> Result<()> {
        self.moved[on] = true;
        self.street.begin(&mut self.planned)?;
        self.street.status.apply(batch)
    }

    /// The intents that are written before messages are taken away from a side.
    pub(super) fn word(&self, from: Side, messages: &[&PerSide<MessageId>]) -> Result<Vec<Intent>> {
        returned::word(self.street.status.as_ref(), from, messages.iter().copied())
    }

    /// Tells messages of a store of names, which were moved here or whose copies were, what those are called here: the names they brought
    /// along tell of the folder they came from.
    pub(super) fn name_after_copies(&mut self, messages: &[PerSide<MessageId>]) -> Result<()> {
        let mut site = self.street.site(&self.planned.record, Vec::new());
        Side::BOTH.into_iter().try_for_each(|copies| site.note(copies, messages.iter()))
    }

    /// Notes the number that a store says it gave a message: a claim, as that of an upload, until the next listing. `false`: it is a name, and
    /// of our own making.
    pub(super) fn claim(&mut self, on: Side, source: &MessageId, new: &MessageId) -> bool {
        let numbered = new.uid().is_some();
        if numbered {
            self.street.stored[on].push(new.clone());
            self.street.claimed.insert((on, source.clone()));
        }
        numbered
    }

    /// Notes that not all news of a side has been dealt with when the plan is carried out: its cursor must not go past them.
    pub(super) fn withhold(&mut self, side: Side) {
        self.planned.plan.withheld[side] = true;
    }

    /// Messages of a side without a row that the window leaves out.
    pub(super) fn beyond(&self, side: Side) -> impl Iterator<Item = &MessageId> {
        self.planned.beyond[side].iter().map(|entry| &entry.id)
    }

    /// Plans for some of those all the same.
    pub(super) fn bring_in(&mut self, side: Side, ids: &BTreeSet<MessageId>) {
        let come: Vec<Entry> = self.planned.beyond[side].extract_if(.., |entry| ids.contains(&entry.id)).collect();
        self.replan(|_| true, come.into_iter().map(|entry| alone(side, entry)).collect());
    }

    /// Exchanges the steps for which `keep` does not hold for what follows from `instead`.
    pub(super) fn replan(&mut self, keep: impl FnMut(&Step) -> bool, instead: Vec<Touched>) {
        self.planned.plan.steps.retain(keep);
        let more = self.street.plan(instead);
        self.planned.plan.steps.extend(more.steps);
        for side in Side::BOTH {
            self.planned.plan.withheld[side] |= more.withheld[side];
        }
    }
}
