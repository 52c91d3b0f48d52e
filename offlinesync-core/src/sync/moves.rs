//! Moves without bodies: a message that left one folder and appeared in another is moved on the other side too.
//!
//! What a plan alone would do is remove it there and copy it again. Here the two halves are found by a name that tells the message they
//! were made from; by what the store calls their content, which the listings told in passing; else by header and size, where a message
//! has enough header to tell it from others and is alone with it. Any other name proves nothing: two files may share one by chance.
//!
//! What a store calls a content is believed only after a few headers of this run's moves were compared: a store that was found to give
//! two messages one name is not believed at all. What does not match beyond doubt is removed and copied as ever.

use super::content::{self, Content, is_telling};
use super::digest::{self, Hash};
use super::street::Prepared;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::flags::Flags;
use crate::message::{ContentId, MessageId, PerSide, Side};
use crate::plan::{Action, Seen, Step, Touched};
use crate::status::{Batch, Intent, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Headers are fetched only if there are at most this many new messages for each that left, and a few more.
const NEW_FOR_EACH_LEFT: usize = 20;
const A_FEW: usize = 50;

/// Messages that the window leaves out are looked at if they are no more than this.
const BEYOND: usize = 2000;

/// So many pairs that a store says are one message each are compared by their headers.
const SAMPLE: usize = 8;

/// A message that left: its street, and its row's ids.
#[derive(Clone, Debug)]
struct Left {
    street: usize,
    ids: PerSide<MessageId>,
}

/// A message that appeared: its street and its id there.
#[derive(Clone, Debug)]
struct Appeared {
    street: usize,
    id: MessageId,
    /// The window leaves it out: the date that its side tells is not the one that the other told where it was before.
    beyond: bool,
}

/// Follows every move, on whichever side it must be followed. An error leaves the plans of the streets it concerns alone; they must
/// not be carried out: answers which.
pub(super) fn follow(streets: &mut [Prepared<'_>]) -> Vec<(usize, Error)> {
    let mut failed = Vec::new();
    for on in Side::BOTH {
        let matched = match find(streets, on) {
            Ok(matched) => matched,
            // Not knowing what was moved costs bodies, no mail.
            Err(_) => continue,
        };
        bring_in(streets, on, &matched);
        for ((from, to), messages) in matched {
            let carried = those_whose_names_are_free(&mut streets[to], on, messages)
                .and_then(|m| carry(streets, on, (from, to), &m));
            if let Err(error) = carried {
                let again = Error::new(error.kind(), error.to_string());
                failed.push((from, error));
                failed.push((to, again));
            }
        }
    }
    failed
}

type Pair = (Left, Appeared);
type Matched = BTreeMap<(usize, usize), Vec<Pair>>;

fn find(streets: &mut [Prepared<'_>], on: Side) -> Result<Matched> {
    let (left, mut appeared) = halves(streets, on);
    if !left.is_empty() {
        appeared.extend(beyond(streets, on.other()));
    }
    if left.is_empty() || appeared.is_empty() {
        return Ok(Matched::new());
    }
    let (mut matched, left, appeared) = by_name(streets, left, appeared, on);
    let (called_alike, left, appeared) = by_what_the_store_calls_it(streets, left, appeared, on)?;
    let inside = appeared.iter().filter(|one| !one.beyond).count();
    let few = inside <= left.len() * NEW_FOR_EACH_LEFT + A_FEW && appeared.len() - inside <= BEYOND;
    let looked_at = match few && !left.is_empty() && !appeared.is_empty() {
        true => by_content(streets, left, appeared, on)?,
        false => Matched::new(),
    };
    for (way, messages) in called_alike.into_iter().chain(looked_at) {
        matched.entry(way).or_default().extend(messages);
    }
    Ok(matched)
}

/// What the window leaves out on a side, in every folder.
fn beyond(streets: &[Prepared<'_>], side: Side) -> Vec<Appeared> {
    let of = |(street, prepared): (usize, &Prepared<'_>)| -> Vec<Appeared> {
        prepared.beyond(side).map(|id| Appeared { street, id: id.clone(), beyond: true }).collect()
    };
    streets.iter().enumerate().flat_map(of).collect()
}

/// What was found to have been moved takes part, whatever the window says.
fn bring_in(streets: &mut [Prepared<'_>], on: Side, matched: &Matched) {
    for ((_, to), pairs) in matched {
        let come = pairs.iter().filter(|(_, appeared)| appeared.beyond).map(|(_, appeared)| appeared.id.clone());
        streets[*to].bring_in(on.other(), &come.collect());
    }
}

/// Where a store tells what it calls a content in every folder, the halves need not be looked at. A message may have left, and appeared in,
/// several folders at once: each that left becomes one of those that appeared. What cannot be told by that is handed back.
fn by_what_the_store_calls_it(
    streets: &mut [Prepared<'_>],
    left: Vec<Left>,
    appeared: Vec<Appeared>,
    on: Side,
) -> Result<(Matched, Vec<Left>, Vec<Appeared>)> {
    let there = on.other();
    let mut named: BTreeMap<ContentId, (Vec<Left>, Vec<Appeared>)> = BTreeMap::new();
    let mut rest = (Vec::new(), Vec::new());
    for one in appeared {
        match streets[one.street].listed_content(there, &one.id) {
            Some(name) => named.entry(name).or_default().1.push(one),
            None => rest.1.push(one),
        }
    }
    for one in left {
        let name =
            if named.is_empty() { None } else { streets[one.street].recorded_content(there, &one.ids[there])? };
        match name.and_then(|name| named.get_mut(&name)) {
            Some(group) => group.0.push(one),
            None => rest.0.push(one),
        }
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for (left, mut appeared) in named.into_values() {
        for one in left {
            match appeared.iter().position(|other| other.street != one.street) {
                Some(at) => pairs.push((one, appeared.remove(at))),
                None => rest.0.push(one),
            }
        }
        rest.1.extend(appeared);
    }
    let (believed, doubtful) = believable(streets, pairs, on)?;
    let (left, appeared): (Vec<Left>, Vec<Appeared>) = doubtful.into_iter().unzip();
    rest.0.extend(left);
    rest.1.extend(appeared);
    let mut matched = Matched::new();
    for (left, appeared) in believed {
        matched.entry((left.street, appeared.street)).or_default().push((left, appeared));
    }
    Ok((matched, rest.0, rest.1))
}

/// Which pairs to take for one message each, and which not. Of a sample each must look the same, or the store's word counts for nothing;
/// one in the sample whose header tells too little counts for nothing itself.
fn believable(streets: &mut [Prepared<'_>], pairs: Vec<Pair>, on: Side) -> Result<(Vec<Pair>, Vec<Pair>)> {
    let step = pairs.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&Pair> = pairs.iter().step_by(step).collect();
    let here = looks(streets, on, sample.iter().map(|(left, _)| (left.street, left.ids[on].clone())))?;
    let there = looks(streets, on.other(), sample.iter().map(|(_, appeared)| (appeared.street, appeared.id.clone())))?;
    let verdict = |(left, appeared): &Pair| {
        let (one, other) =
            (here.get(&(left.street, left.ids[on].clone()))?, there.get(&(appeared.street, appeared.id.clone()))?);
        let same = one.hash == other.hash && one.octets.zip(other.octets).is_none_or(|(one, other)| one == other);
        (!same || one.tells).then_some(same)
    };
    let verdicts: Vec<Option<bool>> = sample.into_iter().map(verdict).collect();
    if verdicts.contains(&Some(false)) || !verdicts.contains(&Some(true)) {
        return Ok((Vec::new(), pairs));
    }
    let mut at = 0..;
    let doubtful = |at: usize| at.is_multiple_of(step) && verdicts.get(at / step) == Some(&None);
    Ok(pairs.into_iter().partition(|_| !at.next().is_some_and(doubtful)))
}

/// What a header shows.
struct Look {
    hash: Hash,
    octets: Option<u64>,
    tells: bool,
}

fn looks(
    streets: &mut [Prepared<'_>],
    side: Side,
    messages: impl Iterator<Item = (usize, MessageId)>,
) -> Result<BTreeMap<(usize, MessageId), Look>> {
    let mut by_street: BTreeMap<usize, Vec<MessageId>> = BTreeMap::new();
    messages.for_each(|(street, id)| by_street.entry(street).or_default().push(id));
    let mut found = BTreeMap::new();
    for (street, ids) in by_street {
        streets[street].folder(side).headers(&ids, &mut |headers| {
            let (hash, octets) = digest::of_header(&headers);
            let look = Look { hash, octets, tells: is_telling(headers.header) };
            found.insert((street, headers.id.clone()), look);
            Ok(())
        })?;
    }
    Ok(found)
}

/// A file that was moved keeps its name, and one that we delivered has a name that no other message has. What cannot be told by that is
/// handed back.
fn by_name(
    streets: &mut [Prepared<'_>],
    left: Vec<Left>,
    appeared: Vec<Appeared>,
    on: Side,
) -> (Matched, Vec<Left>, Vec<Appeared>) {
    let there = on.other();
    let mut by_id: BTreeMap<MessageId, (Vec<Left>, Vec<Appeared>)> = BTreeMap::new();
    left.into_iter().for_each(|one| by_id.entry(one.ids[there].clone()).or_default().0.push(one));
    appeared.into_iter().for_each(|one| by_id.entry(one.id.clone()).or_default().1.push(one));
    let (mut matched, mut rest) = (Matched::new(), (Vec::new(), Vec::new()));
    for (mut left, mut appeared) in by_id.into_values() {
        let told = match (&left[..], &appeared[..]) {
            ([left], [appeared]) if left.street != appeared.street => {
                let source = streets[left.street].source(on);
                let folder = streets[appeared.street].folder(there);
                source.is_some_and(|source| folder.is_named_after(&appeared.id, &source, &left.ids[on]))
            }
            _ => false,
        };
        match (left.pop(), appeared.pop()) {
            (Some(left), Some(appeared)) if told => {
                matched.entry((left.street, appeared.street)).or_default().push((left, appeared));
            }
            (one, other) => {
                rest.0.extend(left.into_iter().chain(one));
                rest.1.extend(appeared.into_iter().chain(other));
            }
        }
    }
    (matched, rest.0, rest.1)
}

fn halves(streets: &[Prepared<'_>], on: Side) -> (Vec<Left>, Vec<Appeared>) {
    let (mut left, mut appeared) = (Vec::new(), Vec::new());
    for (street, prepared) in streets.iter().enumerate() {
        for Step { ids, action, .. } in prepared.steps() {
            match (action, &ids.remote, &ids.local) {
                (Action::Remove { from }, Some(remote), Some(local)) if *from == on => {
                    left.push(Left { street, ids: PerSide { remote: remote.clone(), local: local.clone() } });
                }
                (Action::Copy { to, .. }, _, _) if *to == on && ids[on].is_none() => {
                    appeared.extend(ids[on.other()].clone().map(|id| Appeared { street, id, beyond: false }));
                }
                _ => {}
            }
        }
    }
    (left, appeared)
}

fn by_content(streets: &mut [Prepared<'_>], left: Vec<Left>, appeared: Vec<Appeared>, on: Side) -> Result<Matched> {
    let left = fingerprints(streets, left, on, |one| (one.street, one.ids[on].clone()))?;
    let mut appeared = fingerprints(streets, appeared, on.other(), |one| (one.street, one.id.clone()))?;
    let mut matched = Matched::new();
    for (fingerprint, mut ones) in left {
        let (Some(one), Some(mut others)) = (ones.pop(), appeared.remove(&fingerprint)) else { continue };
        // Of what the window leaves out, one is as good as the other.
        if others.iter().any(|other| !other.beyond) {
            others.retain(|other| !other.beyond);
        }
        let Some(other) = others.pop() else { continue };
        if ones.is_empty() && (others.is_empty() || other.beyond) && one.street != other.street {
            matched.entry((one.street, other.street)).or_default().push((one, other));
        }
    }
    Ok(matched)
}

/// What messages look like, for those that can be told apart by it.
fn fingerprints<T>(
    streets: &mut [Prepared<'_>],
    ones: Vec<T>,
    side: Side,
    key: impl Fn(&T) -> (usize, MessageId),
) -> Result<BTreeMap<(Hash, u64), Vec<T>>> {
    let mut by_street: BTreeMap<usize, BTreeMap<MessageId, T>> = BTreeMap::new();
    for one in ones {
        let (street, id) = key(&one);
        by_street.entry(street).or_default().insert(id, one);
    }
    let mut found: BTreeMap<(Hash, u64), Vec<T>> = BTreeMap::new();
    for (street, mut ones) in by_street {
        let ids: Vec<MessageId> = ones.keys().cloned().collect();
        streets[street].folder(side).headers(&ids, &mut |headers| {
            let (hash, octets) = digest::of_header(&headers);
            if let Some(octets) = octets.filter(|_| is_telling(headers.header))
                && let Some(one) = ones.remove(headers.id)
            {
                found.entry((hash, octets)).or_default().push(one);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// A store of names keeps them when it moves messages, unless a message there has that name. One that a row of the target still has, of another
/// message that is gone there and has yet to be removed on the other side, cannot have a second row: it is removed and copied as ever.
fn those_whose_names_are_free(street: &mut Prepared<'_>, on: Side, messages: Vec<Pair>) -> Result<Vec<Pair>> {
    let forgotten = |step: &Step| matches!(step.action, Action::Forget).then(|| step.ids.remote.clone()).flatten();
    let forgotten: BTreeSet<MessageId> = street.steps().iter().filter_map(forgotten).collect();
    let mut owned = BTreeSet::new();
    for name in messages.iter().map(|(left, _)| &left.ids[on]).filter(|name| name.uid().is_none()) {
        let row = street.row(on, name)?.filter(|row| !forgotten.contains(&row.ids.remote));
        owned.extend(row.map(|row| row.ids[on].clone()));
    }
    let asked: Vec<MessageId> = owned.iter().cloned().collect();
    let mut there = BTreeSet::new();
    let unread = street.folder(on).headers(&asked, &mut |headers| {
        there.insert(headers.id.clone());
        Ok(())
    })?;
    there.extend(unread.into_iter().map(|(id, _)| id));
    let is_free = |(left, _): &Pair| !owned.contains(&left.ids[on]) || there.contains(&left.ids[on]);
    Ok(messages.into_iter().filter(is_free).collect())
}

/// Moves messages from one street's folder to another's on side `on`, and records it in both.
fn carry(streets: &mut [Prepared<'_>], on: Side, (from, to): (usize, usize), messages: &[Pair]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let (source, target) = (streets[from].pair().clone(), streets[to].pair().clone());
    let moved = if streets[to].dry_run() {
        let left = messages.iter().map(|(left, _)| left.ids.remote.clone()).collect();
        strike_out(streets, on, (from, to), messages, &left, Vec::new());
        messages.to_vec()
    } else {
        transfer(streets, on, (from, to), messages)?
    };
    if moved.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = moved.iter().map(|(left, appeared)| (left.ids.clone(), appeared.id.clone())).collect();
    let event = Event::MessagesMoved { from: &source, to: &target, on, messages: ids.len() as u64, ids: &ids };
    streets[to].observer().event(&event);
    Ok(())
}

/// Answers those for which the store was asked; none if it cannot move.
fn transfer(
    streets: &mut [Prepared<'_>],
    on: Side,
    (from, to): (usize, usize),
    messages: &[Pair],
) -> Result<Vec<Pair>> {
    let forgotten = forget_gone(&mut streets[to]);
    let (messages, contents): (Vec<Pair>, Vec<_>) = still_there(streets, on, (from, to), messages)?.into_iter().unzip();
    // Should the run die after the move, the next finds the moved message by this instead of copying another, and removes it if what
    // appeared is gone by then.
    let intent = |((_, appeared), content): (&Pair, Option<Content>)| Intent {
        to: on,
        source: appeared.id.clone(),
        known_by: Content::known_by(content),
        confirmed: false,
    };
    let intents: Vec<Intent> = messages.iter().zip(contents).map(intent).collect();
    let keys: Vec<(Side, MessageId)> = messages.iter().map(|(_, appeared)| (on, appeared.id.clone())).collect();
    streets[to].record_move(on, Batch { intents: intents.clone(), delete: forgotten, ..Batch::default() })?;
    if messages.is_empty() {
        return Ok(messages);
    }
    let folder = streets[to].pair()[on].clone();
    let ids: Vec<MessageId> = messages.iter().map(|(left, _)| left.ids[on].clone()).collect();
    let leaving: Vec<&PerSide<MessageId>> = messages.iter().map(|(left, _)| &left.ids).collect();
    let word = streets[from].word(on, &leaving)?;
    let mut said: Vec<(Side, MessageId)> = word.iter().map(|intent| (intent.to, intent.source.clone())).collect();
    if !word.is_empty() {
        streets[from].record_move(on, Batch { intents: word, ..Batch::default() })?;
    }
    let Some(moved) = streets[from].folder(on).transfer(&ids, &folder)? else {
        streets[to].record_move(on, Batch { settled: keys, ..Batch::default() })?;
        streets[from].record_move(on, Batch { settled: said, ..Batch::default() })?;
        return Ok(Vec::new());
    };
    let flags = flags_of_copies(&streets[to], on);
    let (mut arrived, mut delete) = (Batch::default(), Vec::new());
    let (mut instead, mut given, mut done) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (((left, appeared), new), intent) in messages.iter().zip(moved).zip(intents) {
        let (Some(new), Some(row)) = (new, streets[from].row(on, &left.ids[on])?) else { continue };
        // What has a row is another message, whatever the store calls this one.
        if streets[to].row(on, &new)?.is_some() || !given.insert(new.clone()) {
            continue;
        }
        match streets[to].claim(on, &appeared.id, &new) {
            true => arrived.intents.push(Intent { confirmed: true, ..intent }),
            false => arrived.settled.push((on, appeared.id.clone())),
        }
        let mut ids = PerSide { remote: new.clone(), local: new };
        ids[on.other()] = appeared.id.clone();
        let row = Row { ids, base: row.base };
        instead.extend(merged(on, &appeared.id, flags.get(&appeared.id), row.clone()));
        arrived.upsert.push(row);
        done.insert((on, left.ids[on.other()].clone()));
        delete.push(left.ids.remote.clone());
    }
    let named: Vec<PerSide<MessageId>> = arrived.upsert.iter().map(|row| row.ids.clone()).collect();
    // First, as afterwards nothing tells that they may not be.
    streets[to].name_after_copies(&named)?;
    streets[to].record_move(on, arrived)?;
    let left: BTreeSet<MessageId> = delete.iter().cloned().collect();
    said.retain(|key| done.contains(key));
    streets[from].record_move(on, Batch { delete, settled: said, ..Batch::default() })?;
    strike_out(streets, on, (from, to), &messages, &left, instead);
    Ok(messages)
}

/// Those that nobody moved on to yet another folder or removed meanwhile, whose move would not be known again should the run die after it; with what
/// they will be known by, told by whichever half is cheaper to look at. Whole messages are read only where that is cheap and a header does not tell
/// enough.
fn still_there(
    streets: &mut [Prepared<'_>],
    on: Side,
    (from, to): (usize, usize),
    messages: &[Pair],
) -> Result<Vec<(Pair, Option<Content>)>> {
    let here = !streets[to].folder(on.other()).cheap_content() && streets[from].folder(on).cheap_content();
    let folder = if here { streets[from].folder(on) } else { streets[to].folder(on.other()) };
    let id = |(left, appeared): &Pair| if here { left.ids[on].clone() } else { appeared.id.clone() };
    let mut there = BTreeMap::new();
    let unread = folder.headers(&messages.iter().map(id).collect::<Vec<_>>(), &mut |headers| {
        there.insert(headers.id.clone(), content::proof(&headers));
        Ok(())
    })?;
    there.extend(unread.into_iter().map(|(id, _)| (id, None)));
    let untold: Vec<MessageId> = there.iter().filter(|(_, told)| told.is_none()).map(|(id, _)| id.clone()).collect();
    if folder.cheap_content() && !untold.is_empty() {
        let read = content::read(folder, &untold)?.into_iter();
        there.extend(read.filter_map(|(id, content)| Some((id, Some(content.ok()?)))));
    }
    Ok(messages.iter().filter_map(|pair| Some((pair.clone(), *there.get(&id(pair))?))).collect())
}

/// Rows of messages that are gone on both sides; the caller deletes them. A file that comes back has its old name, and the row of then
/// would be in the way of the new one.
fn forget_gone(street: &mut Prepared<'_>) -> Vec<MessageId> {
    let gone = |step: &Step| matches!(step.action, Action::Forget);
    let rows = street.steps().iter().filter(|step| gone(step)).filter_map(|step| step.ids.remote.clone()).collect();
    street.replan(|step| !gone(step), Vec::new());
    rows
}

/// Takes both halves of moved messages out of the plans; `instead` is planned for the folder they are in now. Of one that the store
/// did not name, the copy waits until it was looked for, and the removal stays: the store may not have moved it at all.
fn strike_out(
    streets: &mut [Prepared<'_>],
    on: Side,
    (from, to): (usize, usize),
    messages: &[Pair],
    left: &BTreeSet<MessageId>,
    instead: Vec<Touched>,
) {
    let come: BTreeSet<&MessageId> = messages.iter().map(|(_, appeared)| &appeared.id).collect();
    let removal = |step: &Step| {
        matches!(step.action, Action::Remove { from } if from == on)
            && step.ids.remote.as_ref().is_some_and(|id| left.contains(id))
    };
    let copy = |step: &Step| {
        matches!(step.action, Action::Copy { to, .. } if to == on)
            && step.ids[on.other()].as_ref().is_some_and(|id| come.contains(id))
    };
    streets[from].replan(|step| !removal(step), Vec::new());
    streets[to].replan(|step| !copy(step), instead);
    if messages.iter().any(|(gone, _)| !left.contains(&gone.ids.remote)) {
        streets[to].withhold(on.other());
    }
}

/// The flags with which messages would be copied to a side.
fn flags_of_copies(street: &Prepared<'_>, on: Side) -> BTreeMap<MessageId, Flags> {
    let copied = street.steps().iter().filter_map(|Step { ids, action, .. }| match action {
        Action::Copy { to, flags } if *to == on => Some((ids[on.other()].clone()?, flags.clone())),
        _ => None,
    });
    copied.collect()
}

/// What is left to do about a moved message: its flags may have changed too.
fn merged(on: Side, appeared: &MessageId, flags: Option<&Flags>, row: Row) -> Option<Touched> {
    let mut seen = PerSide { remote: Seen::Unchanged, local: Seen::Unchanged };
    seen[on.other()] = Seen::Present(appeared.clone(), flags?.clone());
    Some(Touched { row: Some(row), seen })
}
