//! What came of uploads that were cut short: found by content, by digest, by Message-ID. Looks at the messages, changes nothing.

use super::super::content::{self, Equal};
use super::super::unread::{Unread, Waits};
use super::Settled;
use super::fresh::{Fresh, join};
use super::sources::{known_sources, orphan, rejoin};
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
    fn left_there(&self, fresh: &PerSide<Fresh>) -> Vec<MessageId> {
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
    let Question { to, ref intents, regardless, .. } = *question;
    let from = to.other();
    let known = known_sources(intents, from, touched);
    let copied_back = |id: &MessageId| known.get(id).copied().filter(|at| touched[*at].seen[to] == Seen::Gone);
    let mut back: BTreeMap<MessageId, usize> =
        intents.iter().filter_map(|i| Some((i.source.clone(), copied_back(&i.source)?))).collect();
    let candidates: Vec<MessageId> = intents
        .iter()
        .map(|intent| intent.source.clone())
        .filter(|id| fresh[from].has(id) || back.contains_key(id))
        .collect();
    // Of several alike, what is there is a copy of one that the store says it has.
    let confirmed: BTreeSet<&MessageId> = intents.iter().filter(|i| i.confirmed).map(|intent| &intent.source).collect();
    let (said, begun): (Vec<MessageId>, Vec<MessageId>) =
        candidates.iter().cloned().partition(|id| confirmed.contains(id));
    let mut blind = Blind::default();
    for sources in [said, begun] {
        let there = question.left_there(fresh);
        let sought = match to {
            Side::Remote => PerSide { remote: there, local: sources },
            Side::Local => PerSide { remote: sources, local: there },
        };
        if sought[from].is_empty() || sought[to].is_empty() {
            continue;
        }
        let Equal { pairs, unread } = content::pair_equal(folders, &sought, &question.numbering)?;
        for ids in pairs {
            match back.remove(&ids[from]) {
                Some(at) => rejoin(&mut touched[at], to, fresh[to].take(&ids[to])),
                None => touched.extend(join(fresh, &ids)),
            }
            settled.settled.push((to, ids[from].clone()));
        }
        blind.note(unread, to);
    }
    if regardless {
        blind = Blind::default();
    }
    touched.extend(told_by_digest(&mut blind, question, fresh, folders, &mut settled.settled)?);
    let untold = intents.iter().any(|intent| intent.digest().is_none() && blind.sources.contains_key(&intent.source));
    if blind.there.is_empty() && !untold {
        join_altered(question, fresh, folders, touched)?;
    }
    let (mut withdrawn, mut removed, mut waiting) = (BTreeSet::<usize>::new(), Vec::new(), 0);
    let answered: BTreeSet<(Side, MessageId)> = settled.settled.iter().cloned().collect();
    for intent in intents {
        let key = (to, intent.source.clone());
        if answered.contains(&key) {
            continue;
        }
        let at = back.get(&intent.source);
        let there = at.is_some() || fresh[from].has(&intent.source);
        let unseen = !blind.there.is_empty() || blind.sources.contains_key(&intent.source);
        if there && (unseen || intent.confirmed) {
            withdrawn.extend(at);
            fresh[from].take(&intent.source);
            match unseen {
                true => waiting += usize::from(!blind.there.is_empty()),
                false => settled.unidentified.push(key),
            }
            continue;
        }
        match candidates.contains(&intent.source) || known.contains_key(&intent.source) {
            true => settled.settled.push(key),
            false => removed.push(*intent),
        }
    }
    let gone = uploaded_and_then_removed(question, &removed, fresh, folders[to].as_mut())?;
    let mut at = 0..;
    touched.retain(|_| at.next().is_none_or(|at| !withdrawn.contains(&at)));
    settled.orphans.extend(gone.touched.iter().filter_map(|touched| touched.row.clone()));
    touched.extend(gone.touched);
    if !regardless {
        blind.there.extend(gone.unread);
    }
    match blind.there.is_empty() {
        true => settled.settled.extend(removed.iter().map(|intent| (to, intent.source.clone()))),
        false => {
            settled.settled.extend(gone.found);
            waiting += gone.missing;
        }
    }
    wait(blind, to, waiting, fresh, &mut settled.unread);
    Ok(untold)
}

/// What could not be looked at while the question was asked.
#[derive(Debug, Default)]
struct Blind {
    /// Candidates: each may be the copy of any source that was not found.
    there: BTreeMap<MessageId, Error>,
    /// Sources.
    sources: BTreeMap<MessageId, Error>,
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

/// Finds what was uploaded of sources that cannot be read, by the digests that were taken when they could.
fn told_by_digest(
    blind: &mut Blind,
    question: &Question<'_>,
    fresh: &mut PerSide<Fresh>,
    folders: &mut PerSide<Box<dyn Folder>>,
    settled: &mut Vec<(Side, MessageId)>,
) -> Result<Vec<Touched>> {
    let to = question.to;
    let unread = question.intents.iter().filter(|intent| blind.sources.contains_key(&intent.source));
    let told: Vec<&Intent> = unread.copied().filter(|intent| intent.digest().is_some()).collect();
    let mut proven = content::that_prove(folders[to].as_mut(), &question.left_there(fresh), &told)?;
    let mut touched = Vec::new();
    for intent in told {
        let found = intent.digest().and_then(|digest| proven.found.get_mut(&digest)?.pop());
        let Some(found) = found else { continue };
        let mut ids = PerSide { remote: intent.source.clone(), local: intent.source.clone() };
        ids[to] = found;
        if let Some(pair) = join(fresh, &ids) {
            touched.push(pair);
            blind.sources.remove(&intent.source);
            settled.push((to, intent.source.clone()));
        }
    }
    blind.there.extend(proven.unread);
    Ok(touched)
}

/// Joins confirmed uploads with what a server made of them that alters messages: the one new message there with the same Message-ID.
fn join_altered(
    question: &Question<'_>,
    fresh: &mut PerSide<Fresh>,
    folders: &mut PerSide<Box<dyn Folder>>,
    touched: &mut Vec<Touched>,
) -> Result<()> {
    let (to, from) = (question.to, question.to.other());
    let lost = question.intents.iter().filter(|intent| intent.confirmed && fresh[from].has(&intent.source));
    let lost: Vec<MessageId> = lost.map(|intent| intent.source.clone()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let mut named: BTreeMap<Vec<u8>, PerSide<Vec<MessageId>>> = BTreeMap::new();
    for (side, ids) in [(from, lost), (to, question.left_there(fresh))] {
        for (id, name) in content::message_ids(folders[side].as_mut(), &ids)? {
            named.entry(name).or_default()[side].push(id);
        }
    }
    for PerSide { remote, local } in named.into_values() {
        if let ([remote], [local]) = (&remote[..], &local[..]) {
            touched.extend(join(fresh, &PerSide { remote: remote.clone(), local: local.clone() }));
        }
    }
    Ok(())
}

/// What was found of uploads whose sources were removed after them.
#[derive(Debug, Default)]
struct Orphans {
    touched: Vec<Touched>,
    found: Vec<(Side, MessageId)>,
    missing: usize,
    unread: Failures,
}

/// Their sources were removed after the upload: what was uploaded is found by its digest and goes the way of its source.
fn uploaded_and_then_removed(
    question: &Question<'_>,
    intents: &[&Intent],
    fresh: &mut PerSide<Fresh>,
    folder: &mut dyn Folder,
) -> Result<Orphans> {
    let sought: Vec<&Intent> = intents.iter().filter(|intent| intent.digest().is_some()).copied().collect();
    let there = question.left_there(fresh);
    if sought.is_empty() || there.is_empty() {
        return Ok(Orphans { missing: intents.len(), ..Orphans::default() });
    }
    let mut proven = content::that_prove(folder, &there, &sought)?;
    let mut orphans = Orphans { unread: proven.unread, ..Orphans::default() };
    for intent in sought {
        let copies = intent.digest().and_then(|digest| proven.found.get_mut(&digest));
        let Some(entry) = copies.and_then(Vec::pop).and_then(|id| fresh[question.to].take(&id)) else { continue };
        orphans.touched.push(orphan(intent, entry));
        orphans.found.push((intent.to, intent.source.clone()));
    }
    orphans.missing = intents.len() - orphans.found.len();
    Ok(orphans)
}
