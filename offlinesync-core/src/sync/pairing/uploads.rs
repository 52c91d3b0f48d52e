//! What came of uploads that were cut short: what is found, what is sent again, what waits. Looks at the messages, changes nothing.

use super::super::content::{self, Equal};
use super::super::unread::{Unread, Waits};
use super::Settled;
use super::fresh::{Fresh, join};
use super::sources::{known_sources, rejoin};
use super::traces::{Orphans, join_altered, told_by_digest, uploaded_and_then_removed};
use crate::error::{Error, Result};
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::{Seen, Touched};
use crate::repository::{Failures, Folder};
use crate::status::Intent;
use std::collections::{BTreeMap, BTreeSet};

/// What became of unfinished uploads to one side?
pub(super) struct Question<'a> {
    pub(super) to: Side,
    pub(super) intents: Vec<&'a Intent>,
    /// Messages there that were on their own way to the other side: none of them is what an upload left behind, however alike they are.
    pub(super) sources: BTreeSet<&'a MessageId>,
    pub(super) numbering: PerSide<Option<UidValidity>>,
    pub(super) regardless: bool,
}

impl Question<'_> {
    /// What uploads may have left behind.
    pub(super) fn left_there(&self, fresh: &PerSide<Fresh>) -> Vec<MessageId> {
        let mut ids = fresh[self.to].ids();
        ids.retain(|id| !self.sources.contains(id));
        ids
    }
}

/// The messages of a side that were on their way to the other.
pub(super) fn sources(intents: &[Intent], of: Side) -> BTreeSet<&MessageId> {
    intents.iter().filter(|intent| intent.to == of.other()).map(|intent| &intent.source).collect()
}

/// Looks for the messages that unfinished uploads to one side may have left behind. `true`: what is left there may be any of the sources that
/// cannot be read and have no digest.
pub(super) fn settle(
    question: &Question<'_>,
    fresh: &mut PerSide<Fresh>,
    folders: &mut PerSide<Box<dyn Folder>>,
    touched: &mut Vec<Touched>,
    settled: &mut Settled,
) -> Result<bool> {
    let mut search = Search::new(question, fresh, touched);
    search.by_content(fresh, folders, touched, settled)?;
    if question.regardless {
        search.blind = Blind::default();
    }
    touched.extend(told_by_digest(&mut search.blind, question, fresh, folders, &mut settled.settled)?);
    let untold = search.is_untold();
    if search.blind.there.is_empty() && !untold {
        join_altered(question, fresh, folders, touched)?;
    }
    let open = search.judge(fresh, settled);
    open.withdraw(touched);
    let orphans = uploaded_and_then_removed(question, &open.removed, fresh, folders[question.to].as_mut())?;
    search.conclude(&open, orphans, fresh, touched, settled);
    Ok(untold)
}

/// The search for what uploads to one side left there.
struct Search<'a> {
    question: &'a Question<'a>,
    /// Where among the touched messages sources are spoken of as being there.
    known: BTreeMap<MessageId, usize>,
    /// Those of them whose copy is gone, and which were to be copied back.
    back: BTreeMap<MessageId, usize>,
    /// Sources whose copy is looked for, in the order of their intents.
    candidates: Vec<MessageId>,
    blind: Blind,
}

/// The uploads that the search found no answer to.
#[derive(Debug, Default)]
struct Open<'a> {
    /// Places among the touched messages of those that are not spoken of in this run.
    withdrawn: BTreeSet<usize>,
    /// Those whose source is gone.
    removed: Vec<&'a Intent>,
    /// How many wait for something that cannot be looked at.
    waiting: usize,
}

impl Open<'_> {
    fn withdraw(&self, touched: &mut Vec<Touched>) {
        let mut at = 0..;
        touched.retain(|_| at.next().is_none_or(|at| !self.withdrawn.contains(&at)));
    }
}

impl<'a> Search<'a> {
    fn new(question: &'a Question<'a>, fresh: &mut PerSide<Fresh>, touched: &[Touched]) -> Self {
        let (to, from) = (question.to, question.to.other());
        let known = known_sources(&question.intents, from, touched);
        let sources = || question.intents.iter().map(|intent| &intent.source);
        let copied_back = |id: &MessageId| known.get(id).copied().filter(|at| touched[*at].seen[to] == Seen::Gone);
        let back: BTreeMap<MessageId, usize> =
            sources().filter_map(|id| Some((id.clone(), copied_back(id)?))).collect();
        let candidates = sources().filter(|id| fresh[from].has(id) || back.contains_key(id)).cloned().collect();
        Search { question, known, back, candidates, blind: Blind::default() }
    }

    /// Pairs sources with what is equal there. Of several alike, what is there is a copy of one that the store says it has.
    fn by_content(
        &mut self,
        fresh: &mut PerSide<Fresh>,
        folders: &mut PerSide<Box<dyn Folder>>,
        touched: &mut Vec<Touched>,
        settled: &mut Settled,
    ) -> Result<()> {
        let (to, from) = (self.question.to, self.question.to.other());
        let intents = self.question.intents.iter();
        let confirmed: BTreeSet<&MessageId> = intents.filter(|i| i.confirmed).map(|intent| &intent.source).collect();
        let (said, begun): (Vec<MessageId>, Vec<MessageId>) =
            self.candidates.iter().cloned().partition(|id| confirmed.contains(id));
        for sources in [said, begun] {
            let there = self.question.left_there(fresh);
            let sought = match to {
                Side::Remote => PerSide { remote: there, local: sources },
                Side::Local => PerSide { remote: sources, local: there },
            };
            if sought[from].is_empty() || sought[to].is_empty() {
                continue;
            }
            let Equal { pairs, unread } = content::pair_equal(folders, &sought, &self.question.numbering)?;
            for ids in pairs {
                match self.back.remove(&ids[from]) {
                    Some(at) => rejoin(&mut touched[at], to, fresh[to].take(&ids[to])),
                    None => touched.extend(join(fresh, &ids)),
                }
                settled.settled.push((to, ids[from].clone()));
            }
            self.blind.note(unread, to);
        }
        Ok(())
    }

    /// Whether what is left there may be any of the sources that cannot be read and have no digest.
    fn is_untold(&self) -> bool {
        let mut untold = self.question.intents.iter().filter(|intent| intent.digest().is_none());
        untold.any(|intent| self.blind.sources.contains_key(&intent.source))
    }

    /// What becomes of the uploads that were not found: one that is said to be there, or may be, is not sent again; one that is not goes as
    /// any new message.
    fn judge(&self, fresh: &mut PerSide<Fresh>, settled: &mut Settled) -> Open<'a> {
        let (to, from) = (self.question.to, self.question.to.other());
        let answered: BTreeSet<(Side, MessageId)> = settled.settled.iter().cloned().collect();
        let mut open = Open::default();
        for intent in &self.question.intents {
            let key = (to, intent.source.clone());
            if answered.contains(&key) {
                continue;
            }
            let back = self.back.get(&intent.source);
            let here = back.is_some() || fresh[from].has(&intent.source);
            let unseen = !self.blind.there.is_empty() || self.blind.sources.contains_key(&intent.source);
            if here && (unseen || intent.confirmed) {
                open.withdrawn.extend(back);
                fresh[from].take(&intent.source);
                match unseen {
                    true => open.waiting += usize::from(!self.blind.there.is_empty()),
                    false => settled.unidentified.push(key),
                }
                continue;
            }
            match self.candidates.contains(&intent.source) || self.known.contains_key(&intent.source) {
                true => settled.settled.push(key),
                false => open.removed.push(*intent),
            }
        }
        open
    }

    /// Says of the uploads whose sources are gone what was found of them, and lets wait what cannot be looked at.
    fn conclude(
        mut self,
        open: &Open<'_>,
        orphans: Orphans,
        fresh: &mut PerSide<Fresh>,
        touched: &mut Vec<Touched>,
        settled: &mut Settled,
    ) {
        let (to, mut waiting) = (self.question.to, open.waiting);
        settled.orphans.extend(orphans.touched.iter().filter_map(|touched| touched.row.clone()));
        touched.extend(orphans.touched);
        if !self.question.regardless {
            self.blind.there.extend(orphans.unread);
        }
        match self.blind.there.is_empty() {
            true => settled.settled.extend(open.removed.iter().map(|intent| (to, intent.source.clone()))),
            false => {
                settled.settled.extend(orphans.found);
                waiting += orphans.missing;
            }
        }
        wait(self.blind, to, waiting, fresh, &mut settled.unread);
    }
}

/// What could not be looked at while the question was asked.
#[derive(Debug, Default)]
pub(super) struct Blind {
    /// Candidates: each may be the copy of any source that was not found.
    pub(super) there: BTreeMap<MessageId, Error>,
    /// Sources.
    pub(super) sources: BTreeMap<MessageId, Error>,
}

impl Blind {
    fn note(&mut self, unread: PerSide<Failures>, to: Side) {
        let (there, sources) = match to {
            Side::Remote => (unread.remote, unread.local),
            Side::Local => (unread.local, unread.remote),
        };
        self.there.extend(there);
        self.sources.extend(sources);
    }
}

/// While uploads wait, what they wait for is not copied back: it may be theirs.
fn wait(blind: Blind, to: Side, waiting: usize, fresh: &mut PerSide<Fresh>, unread: &mut Unread) {
    for (id, why) in blind.there.into_iter().filter(|_| waiting > 0) {
        fresh[to].take(&id);
        unread.note(to, id, why, Waits::Uploads(waiting));
    }
    for (id, why) in blind.sources {
        unread.note(to.other(), id, why, Waits::Itself);
    }
}
