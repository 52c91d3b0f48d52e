//! What uploads left behind that their content cannot tell: by the digest of a source that cannot be read or is gone, by the Message-ID of
//! what the server altered. Looks at the messages, changes nothing.

use super::super::content;
use super::fresh::{Fresh, join};
use super::sources::orphan;
use super::uploads::{Blind, Question};
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::Touched;
use crate::repository::{Failures, Folder};
use crate::status::Intent;
use std::collections::BTreeMap;

/// Finds what was uploaded of sources that cannot be read, by the digests that were taken when they could.
pub(super) fn told_by_digest(
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
pub(super) fn join_altered(
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
pub(super) struct Orphans {
    pub(super) touched: Vec<Touched>,
    pub(super) found: Vec<(Side, MessageId)>,
    pub(super) missing: usize,
    pub(super) unread: Failures,
}

/// Their sources were removed after the upload: what was uploaded is found by its digest and goes the way of its source.
pub(super) fn uploaded_and_then_removed(
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
