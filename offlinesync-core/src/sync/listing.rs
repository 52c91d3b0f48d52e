//! Lists both sides as far as anything touched them, lays the listings over the rows, pairs what has no row, and has the plan made.
//! Changes nothing but rows and intents that were found to be wrong.

use super::claims::{self, Claim};
use super::difference::{Contents, Difference, Listings, contents_of, difference, speaks};
use super::pairing::{Circumstances, Settled, pair};
use super::returned;
use super::standing::is_doubted;
use super::street::{Street, Terms};
use super::unkept;
use super::unread::Unread;
use super::window::leave_out;
use crate::error::Result;
use crate::event::Event;
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::Plan;
use crate::repository::{ChangeSet, Entry, NothingKnown};
use crate::status::{Batch, FolderRecord, Intent, Row};
use crate::window::Window;
use std::collections::BTreeSet;

/// How often a side is listed again at most because more of an interrupted upload comes in.
const LATECOMERS: usize = 60;

/// A listed folder, compared and planned.
pub(super) struct Planned {
    pub(super) listings: Listings,
    pub(super) plan: Plan,
    pub(super) unidentified: Vec<(Side, MessageId)>,
    pub(super) unread: Unread,
    pub(super) settled: Vec<(Side, MessageId)>,
    /// Rows of messages that wait to be removed, which nobody has written.
    pub(super) pending: Vec<Row>,
    pub(super) record: FolderRecord,
    pub(super) contents: Contents,
    /// Messages without a row that the window leaves out, on sides where a look at them is cheap.
    pub(super) beyond: PerSide<Vec<Entry>>,
    /// What the listings pass over, once all that they tell has been dealt with.
    pub(super) window: Window,
}

impl Street<'_> {
    pub(super) fn list_and_plan(&mut self, own_changes_only: bool) -> Result<Planned> {
        let (mut record, mut intents) = (self.status.record()?, self.intents()?);
        // What a narrower window left out, no cursor tells again.
        let wider = self.policy.window.is_wider_than(&record.window);
        let window = if wider { self.policy.window } else { self.policy.window.and(&record.window) };
        let mut listings = self.look(&mut record, &mut intents, wider, own_changes_only)?;
        let contents = PerSide::from_fn(|side| contents_of(listings[side].as_ref()));
        let mut found = difference(&mut listings, self.status.as_ref())?;
        let taken = returned::take(&mut intents);
        if let Some(batch) = returned::forget(&taken, &found).filter(|_| !self.policy.dry_run) {
            self.status.apply(batch)?;
            return self.list_and_plan(own_changes_only);
        }
        returned::unmark(&taken, &mut found);
        let claims = Claim::take(&mut intents, self.status.as_ref())?;
        let judged = claims::judge(&claims, &found, &mut self.folders)?;
        if !judged.wrong.is_empty() && !self.policy.dry_run {
            // Their intents stand, so what was uploaded is looked for by content, and what the rows named is news.
            self.status.apply(Batch { delete: judged.wrong, ..Batch::default() })?;
            return self.list_and_plan(own_changes_only);
        }
        judged.set_aside(&mut found);
        self.note_unkept(&found, &listings);
        if !own_changes_only {
            let messages = found.messages(self.status.count()?);
            self.observer.event(&Event::FolderRead { pair: self.pair, messages });
        }
        let first_meeting = Side::BOTH.into_iter().any(|side| record.uid_validity[side].is_none());
        let circumstances = Circumstances {
            pair: self.pair,
            uid_validity: PerSide::from_fn(|side| numbering_of(&listings, &record, side)),
            first_meeting,
            names_tell: Side::BOTH.into_iter().all(|side| !is_doubted(&record, side)),
            regardless: self.policy.accept_new_numbering,
            intents: &intents,
        };
        let (mut paired, mut settled) = pair(found, &mut self.folders, &circumstances)?;
        settled.settled.extend(judged.confirmed(&claims).filter(|(to, _)| listings[*to].is_some()));
        settled.settled.extend(taken.into_iter().map(|intent| (intent.to, intent.source)));
        settled.unread.append(judged.unread);
        let beyond = leave_out(&mut paired, &settled.settled, &mut self.folders, &self.policy.window)?;
        self.come_to_terms(&listings);
        let plan = self.plan(paired.into_touched());
        let Settled { unidentified, unread, settled, orphans } = settled;
        let pending = without_step(orphans, &plan);
        Ok(Planned { listings, plan, unidentified, unread, settled, pending, record, contents, beyond, window })
    }

    /// Lists what is to be looked at: what anything touched, both sides as soon as either has something to say, all there is if `wider`.
    fn look(
        &mut self,
        record: &mut FolderRecord,
        intents: &mut Vec<Intent>,
        wider: bool,
        own_changes_only: bool,
    ) -> Result<Listings> {
        // An unfinished upload is looked for among everything there is: a source left out of a listing is not a source that is gone.
        let whole = wider || self.has_open(intents)?;
        let wanted = if whole { PerSide { remote: true, local: true } } else { self.touched };
        let mut listings = self.list(record, wanted, whole)?;
        self.await_latecomers(intents, &mut listings)?;
        self.check_numbering(record, &mut listings, intents)?;
        if !whole && !own_changes_only && speaks(&mut listings, self.status.as_ref())? {
            self.list_the_rest(record, &mut listings)?;
        }
        Ok(listings)
    }

    /// Whether any of the uploads is not one that the listing to come will confirm.
    fn has_open(&self, intents: &[Intent]) -> Result<bool> {
        for intent in intents {
            if !claims::awaits(&self.claimed, intent, self.status.as_ref())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Uploads that were begun and not recorded. Whoever lets numbers be given anew lets uploads be sent again that are not found.
    fn intents(&mut self) -> Result<Vec<Intent>> {
        let mut intents = self.status.intents()?;
        if self.policy.accept_new_numbering && intents.iter().any(|intent| intent.confirmed) {
            for intent in &mut intents {
                intent.confirmed &= Claim::row_of(intent, self.status.as_ref())?.is_some();
            }
            if !self.policy.dry_run {
                self.status.apply(Batch { intents: intents.clone(), ..Batch::default() })?;
            }
        }
        Ok(intents)
    }

    /// An upload that was cut short, by a crash or a lost connection, may still be on its way into the store, and would be there twice
    /// if it was not waited for: the side is listed again until nothing more comes in.
    fn await_latecomers(&mut self, intents: &[Intent], listings: &mut Listings) -> Result<()> {
        for side in Side::BOTH {
            let pause = self.folders[side].aftermath();
            let open = intents.iter().any(|intent| intent.to == side && !intent.confirmed);
            if !open || pause.is_zero() || self.policy.dry_run {
                continue;
            }
            for _ in 0..LATECOMERS {
                self.cancel.pause(pause)?;
                let before = listings[side].replace(self.folders[side].changes(None, &NothingKnown)?);
                let ids = |set: &Option<ChangeSet>| {
                    set.iter().flat_map(|set| &set.present).map(|entry| entry.id.clone()).collect::<BTreeSet<_>>()
                };
                if ids(&before) == ids(&listings[side]) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A side that nobody touched is listed too once there is something to do in the folder, so that the plan is made from both
    /// sides as they are, and every change goes to a folder whose numbering was just seen.
    fn list_the_rest(&mut self, record: &mut FolderRecord, listings: &mut Listings) -> Result<()> {
        let missing = PerSide::from_fn(|side| listings[side].is_none());
        let rest = self.list(record, missing, false)?;
        for (side, set) in [(Side::Remote, rest.remote), (Side::Local, rest.local)] {
            listings[side] = listings[side].take().or(set);
        }
        self.check_numbering(record, listings, &mut Vec::new())
    }

    /// Leaves keywords alone for the rest of the run that a side was told in it and does not show.
    fn note_unkept(&mut self, found: &Difference, listings: &Listings) {
        for side in Side::BOTH.into_iter().filter(|side| listings[*side].is_some()) {
            for keyword in self.told.take_unkept(side, &found.touched).iter() {
                if !self.unkept.contains(keyword) {
                    let error = unkept::not_kept(self.pair, side, keyword);
                    self.observer.event(&Event::Warning { error: &error });
                    self.unkept.insert(keyword);
                }
            }
        }
    }

    fn come_to_terms(&mut self, listings: &Listings) {
        for side in Side::BOTH {
            if let Some(set) = &listings[side] {
                self.terms[side] = Terms { support: set.support.clone(), read_only: set.read_only };
            }
        }
    }
}

/// The rows about which a plan says nothing.
fn without_step(mut rows: Vec<Row>, plan: &Plan) -> Vec<Row> {
    let planned: BTreeSet<&MessageId> = match rows.is_empty() {
        true => BTreeSet::new(),
        false => plan.steps.iter().filter_map(|step| step.ids.remote.as_ref()).collect(),
    };
    rows.retain(|row| !planned.contains(&row.ids.remote));
    rows
}

pub(super) fn numbering_of(listings: &Listings, record: &FolderRecord, side: Side) -> Option<UidValidity> {
    listings[side].as_ref().map(|set| set.uid_validity).or(record.uid_validity[side])
}
