//! Which messages without a row belong together: by the partner a name claims, by an upload that was cut short, by content.
//! Decides only who is who; what follows from it is the planner's business.

use super::content::{self, Equal, Verdict};
use super::difference::Difference;
use super::refusals;
use super::unread::{Unread, Waits};
use crate::error::{Error, Result};
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::{Seen, Touched};
use crate::repository::{Entry, Failures, Folder};
use crate::status::{FolderPair, Intent, Row};
use std::collections::{BTreeMap, BTreeSet};

/// What is known about how messages without a row may belong together.
pub(super) struct Circumstances<'a> {
    pub(super) pair: &'a FolderPair,
    /// Each side's numbering now, where it was listed or recorded.
    pub(super) uid_validity: PerSide<Option<UidValidity>>,
    /// The pair has never been in step, or its numbering is new: messages may be there on both sides already.
    pub(super) first_meeting: bool,
    /// Whether names that claim a partner by its number may be believed after a look at some of them. Where the numbers themselves are
    /// doubted, each is compared.
    pub(super) names_tell: bool,
    /// The user has what cannot be looked at taken for other messages.
    pub(super) regardless: bool,
    /// Uploads that were begun and not recorded.
    pub(super) intents: &'a [Intent],
}

/// The outcome for intents.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Intents that are answered and can be deleted.
    pub(super) settled: Vec<(Side, MessageId)>,
    /// Confirmed uploads that could not be found again: their sources must not be uploaded once more.
    pub(super) unidentified: Vec<(Side, MessageId)>,
    /// Messages that could not be looked at, and for which others wait.
    pub(super) unread: Unread,
    /// What was uploaded of sources that were removed since, as rows that nobody has written.
    pub(super) orphans: Vec<Row>,
}

/// The messages of a difference, paired where they belong together.
pub(super) struct Paired {
    /// Messages with a row, and pairs that were found.
    pub(super) touched: Vec<Touched>,
    /// Messages that are on one side alone. There may be very many: they become [`Touched`] one by one, on their way to the planner.
    pub(super) alone: PerSide<Fresh>,
}

impl Paired {
    pub(super) fn into_touched(self) -> impl Iterator<Item = Touched> {
        let PerSide { remote, local } = self.alone;
        self.touched.into_iter().chain(remote.into_touched(Side::Remote)).chain(local.into_touched(Side::Local))
    }
}

/// Pairs the fresh messages of a difference where they belong together.
pub(super) fn pair(
    found: Difference,
    folders: &mut PerSide<Box<dyn Folder>>,
    circumstances: &Circumstances<'_>,
) -> Result<(Paired, Settled)> {
    let Difference { mut touched, fresh } = found;
    let mut fresh = fresh.map(Fresh::new);
    let mut settled = Settled::default();
    let regardless = circumstances.regardless;

    let Claimed { pairs, waiting } = claimed_partners(&mut fresh, folders, circumstances, &mut settled.unread)?;
    touched.extend(pairs.iter().filter_map(|ids| join(&mut fresh, ids)));
    let waits = |intent: &Intent| waiting.iter().any(|ids| ids[intent.to.other()] == intent.source);
    let mut untold = PerSide::<bool>::default();
    for side in Side::BOTH {
        let intents = circumstances.intents.iter().filter(|intent| intent.to == side && !waits(intent));
        let (named, intents): (Vec<&Intent>, Vec<&Intent>) = intents.partition(|intent| intent.is_by_name());
        if !named.is_empty() {
            // Of a store that showed an older state of itself, that a source is not there proves nothing.
            let numbering = circumstances.uid_validity[side.other()].filter(|_| circumstances.names_tell);
            settle_by_name(side, &named, numbering, &mut fresh, &mut touched, &mut settled);
        }
        if !intents.is_empty() {
            let (sources, numbering) = (sources(circumstances.intents, side), circumstances.uid_validity);
            let question = Question { to: side, intents, sources, numbering, regardless };
            untold[side] = settle(&question, &mut fresh, folders, &mut touched, &mut settled)?;
        }
    }
    // Only now: a message that is set aside here may be the source of what the other side was asked for.
    Side::BOTH.into_iter().filter(|side| untold[*side]).for_each(|side| fresh[side].clear());
    if (circumstances.first_meeting || are_shared(folders)) && fresh.remote.any() && fresh.local.any() {
        let candidates = fresh.as_ref().map(|side| side.ids());
        let Equal { pairs, unread } = content::pair_equal(folders, &candidates, &circumstances.uid_validity)?;
        touched.extend(pairs.iter().filter_map(|ids| join(&mut fresh, ids)));
        if !regardless {
            hold_back(unread, &mut fresh, circumstances, &mut settled.unread)?;
        }
    }
    if are_shared(folders) && !regardless {
        // What was set aside was compared with nobody: it may be any of the other side's news.
        let aside = |side: &Side| untold[*side] || settled.unread.any_on(*side);
        Side::BOTH.into_iter().filter(aside).for_each(|side| fresh[side.other()].clear());
    }
    Ok((Paired { touched, alone: fresh }, settled))
}

/// What was not looked at may be any of the other side's new messages, so none of them is copied before it was. At a first meeting,
/// after which nothing is compared any more, nothing is done at all.
fn hold_back(
    unread: PerSide<Failures>,
    fresh: &mut PerSide<Fresh>,
    circumstances: &Circumstances<'_>,
    told: &mut Unread,
) -> Result<()> {
    let PerSide { remote, local } = unread;
    let news = fresh.as_ref().map(Fresh::count);
    let blind = [(Side::Remote, remote), (Side::Local, local)].into_iter().filter(|(_, failures)| !failures.is_empty());
    for (on, failures) in blind.filter(|(on, _)| news[on.other()] > 0) {
        if let (true, Some((_, why))) = (circumstances.first_meeting, failures.first()) {
            return Err(refusals::cannot_meet(circumstances.pair, on, failures.len(), news[on.other()], why));
        }
        failures.iter().for_each(|(id, _)| drop(fresh[on].take(id)));
        fresh[on.other()].clear();
        told.note_all(on, failures, Waits::News(news[on.other()]));
    }
    Ok(())
}

/// Whether somebody else may have put the same message on both sides. Between two servers it is always asked: there are no names that
/// would tell.
fn are_shared(folders: &PerSide<Box<dyn Folder>>) -> bool {
    let servers = Side::BOTH.iter().all(|side| !folders[*side].cheap_content());
    servers || Side::BOTH.iter().any(|side| folders[*side].is_shared())
}

/// The fresh messages of a side; taken ones are gone, the order of the rest stays.
pub(super) struct Fresh {
    entries: Vec<Option<Entry>>,
    index: BTreeMap<MessageId, usize>,
}

impl Fresh {
    fn new(entries: Vec<Entry>) -> Self {
        Fresh { entries: entries.into_iter().map(Some).collect(), index: BTreeMap::new() }
    }

    /// The index costs memory, and a first download needs none: it is built at the first question.
    fn find(&mut self, id: &MessageId) -> Option<&mut Option<Entry>> {
        if self.index.is_empty() {
            self.index = self.iter().map(|(at, entry)| (entry.id.clone(), at)).collect();
        }
        self.index.get(id).map(|at| &mut self.entries[*at])
    }

    fn has(&mut self, id: &MessageId) -> bool {
        self.find(id).is_some_and(|slot| slot.is_some())
    }

    fn take(&mut self, id: &MessageId) -> Option<Entry> {
        self.find(id)?.take()
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter_map(|(at, slot)| slot.as_ref().map(|entry| (at, entry)))
    }

    pub(super) fn ids(&self) -> Vec<MessageId> {
        self.iter().map(|(_, entry)| entry.id.clone()).collect()
    }

    /// Takes those out for which `wanted` holds.
    pub(super) fn take_all(&mut self, wanted: impl Fn(&MessageId) -> bool) -> Vec<Entry> {
        let taken = |slot: &mut Option<Entry>| slot.take_if(|entry| wanted(&entry.id));
        self.entries.iter_mut().filter_map(taken).collect()
    }

    fn count(&self) -> usize {
        self.iter().count()
    }

    fn any(&self) -> bool {
        self.iter().next().is_some()
    }

    fn clear(&mut self) {
        self.entries.iter_mut().for_each(|slot| drop(slot.take()));
    }

    fn into_touched(self, side: Side) -> impl Iterator<Item = Touched> {
        self.entries.into_iter().filter_map(move |slot| slot.map(|entry| alone(side, entry)))
    }
}

fn join(fresh: &mut PerSide<Fresh>, ids: &PerSide<MessageId>) -> Option<Touched> {
    if !fresh.remote.has(&ids.remote) || !fresh.local.has(&ids.local) {
        return None;
    }
    let (remote, local) = (fresh.remote.take(&ids.remote)?, fresh.local.take(&ids.local)?);
    let seen = PerSide { remote: Seen::Present(remote.id, remote.flags), local: Seen::Present(local.id, local.flags) };
    Some(Touched { row: None, seen })
}

/// A message without a row that is on one side only.
pub(super) fn alone(side: Side, entry: Entry) -> Touched {
    let mut seen = PerSide { remote: Seen::Gone, local: Seen::Gone };
    seen[side] = Seen::Present(entry.id, entry.flags);
    Touched { row: None, seen }
}

/// So many claims that tell the numbering are each compared by content. Of more, as after the loss of the status, a sample is.
const COMPARED: usize = 1000;
const SAMPLE: usize = 16;

/// What names claim.
#[derive(Default)]
struct Claimed {
    /// Messages that belong together.
    pairs: Vec<PerSide<MessageId>>,
    /// Those of which one could not be looked at: neither counts as there or as gone before it was.
    waiting: Vec<PerSide<MessageId>>,
}

/// Pairs that a name claims. A claim that tells the numbering must match it. No claim is believed without a look at the messages: a
/// file may have been moved here from another account's folder, and the name with it.
fn claimed_partners(
    fresh: &mut PerSide<Fresh>,
    folders: &mut PerSide<Box<dyn Folder>>,
    circumstances: &Circumstances<'_>,
    unread: &mut Unread,
) -> Result<Claimed> {
    let (mut certain, mut likely, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for side in Side::BOTH {
        let other = side.other();
        let numbering = circumstances.uid_validity[other];
        let numbered: BTreeSet<_> = match fresh[side].iter().any(|(_, entry)| entry.partner.is_some()) {
            true => fresh[other].iter().filter_map(|(_, entry)| entry.id.uid()).collect(),
            false => Default::default(),
        };
        for (_, entry) in fresh[side].iter() {
            let Some(partner) = entry.partner.filter(|partner| numbered.contains(&partner.uid)) else { continue };
            let mut ids = PerSide { remote: entry.id.clone(), local: entry.id.clone() };
            ids[other] = partner.uid.into();
            match partner.uid_validity {
                Some(validity) if Some(validity) == numbering => certain.push(ids),
                Some(_) => {}
                None => likely.push(ids),
            }
        }
    }
    if !circumstances.names_tell || certain.len() <= COMPARED || !holds_for_a_sample(&certain, folders)? {
        likely.append(&mut certain);
    }
    let verdicts = if likely.is_empty() { Vec::new() } else { content::which_are_equal(folders, &likely)? };
    for (ids, verdict) in likely.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Same => certain.push(ids),
            Verdict::Unknown(on, why) if !circumstances.regardless => {
                Side::BOTH.into_iter().for_each(|side| drop(fresh[side].take(&ids[side])));
                unread.note(on, ids[on].clone(), why, Waits::Partner);
                waiting.push(ids);
            }
            Verdict::Different | Verdict::Unknown(..) => {}
        }
    }
    Ok(Claimed { pairs: certain, waiting })
}

fn holds_for_a_sample(claims: &[PerSide<MessageId>], folders: &mut PerSide<Box<dyn Folder>>) -> Result<bool> {
    let step = claims.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<PerSide<MessageId>> = claims.iter().step_by(step).cloned().collect();
    Ok(content::which_are_equal(folders, &sample)?.into_iter().all(|verdict| matches!(verdict, Verdict::Same)))
}

/// Answers unfinished copies to where names tell what was copied. What came of them has been joined with its source by then, unless that has a
/// row already, of the copy that was there before, or was removed since; then the copy goes the way of its source.
fn settle_by_name(
    to: Side,
    intents: &[&Intent],
    numbering: Option<UidValidity>,
    fresh: &mut PerSide<Fresh>,
    touched: &mut Vec<Touched>,
    settled: &mut Settled,
) {
    let told = |entry: &Entry| {
        let partner = entry.partner.filter(|partner| numbering.is_some() && partner.uid_validity == numbering)?;
        Some((MessageId::Uid(partner.uid), entry.id.clone()))
    };
    let named: BTreeMap<MessageId, MessageId> = fresh[to].iter().filter_map(|(_, entry)| told(entry)).collect();
    let known = known_sources(intents, to.other(), touched);
    for intent in intents {
        settled.settled.push((to, intent.source.clone()));
        let known = known.get(&intent.source).copied();
        if fresh[to.other()].has(&intent.source) || known.is_some_and(|at| touched[at].seen[to] != Seen::Gone) {
            continue;
        }
        let Some(entry) = named.get(&intent.source).and_then(|id| fresh[to].take(id)) else { continue };
        match known {
            Some(at) => rejoin(&mut touched[at], to, Some(entry)),
            None => {
                let orphan = orphan(intent, entry);
                settled.orphans.extend(orphan.row.clone());
                touched.push(orphan);
            }
        }
    }
}

/// What became of unfinished uploads to one side?
struct Question<'a> {
    to: Side,
    intents: Vec<&'a Intent>,
    /// Messages there that were on their own way to the other side: none of them is what an upload left behind, however alike they are.
    sources: BTreeSet<&'a MessageId>,
    numbering: PerSide<Option<UidValidity>>,
    regardless: bool,
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
fn sources(intents: &[Intent], of: Side) -> BTreeSet<&MessageId> {
    intents.iter().filter(|intent| intent.to == of.other()).map(|intent| &intent.source).collect()
}

/// Looks for the messages that unfinished uploads to one side may have left behind. `true`: what is left there may be any of the sources that
/// cannot be read and have no digest.
fn settle(
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

/// Where sources are spoken of already as being there: because a name claimed them, or because they have a row.
fn known_sources(intents: &[&Intent], from: Side, touched: &[Touched]) -> BTreeMap<MessageId, usize> {
    let sources: BTreeSet<&MessageId> = intents.iter().map(|intent| &intent.source).collect();
    let present = touched.iter().enumerate().filter_map(|(at, touched)| match &touched.seen[from] {
        Seen::Present(id, _) if sources.contains(id) => Some((id.clone(), at)),
        _ => None,
    });
    present.collect()
}

/// A message that was to be copied back, and was: its row is of the copy that is gone.
fn rejoin(touched: &mut Touched, to: Side, found: Option<Entry>) {
    if let Some(entry) = found {
        touched.row = None;
        touched.seen[to] = Seen::Present(entry.id, entry.flags);
    }
}

/// What was found of uploads whose sources were removed after them.
#[derive(Debug, Default)]
struct Orphans {
    touched: Vec<Touched>,
    found: Vec<(Side, MessageId)>,
    missing: usize,
    unread: Failures,
}

/// A copy whose source is gone.
fn orphan(intent: &Intent, entry: Entry) -> Touched {
    let mut ids = PerSide { remote: intent.source.clone(), local: intent.source.clone() };
    ids[intent.to] = entry.id.clone();
    let mut seen = PerSide { remote: Seen::Gone, local: Seen::Gone };
    seen[intent.to] = Seen::Present(entry.id, entry.flags.clone());
    Touched { row: Some(Row { ids, base: entry.flags }), seen }
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
