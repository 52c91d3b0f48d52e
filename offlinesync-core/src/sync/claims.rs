//! Rows of uploads that no listing has confirmed yet. The store told under which number it stored a message, and may have told the number of
//! another; then what it did store lies there without a row. Reads both folders, changes nothing.
//!
//! A claim is a row whose intent still stands, confirmed. The first listing after the upload ends it, in the same run or, should that be
//! killed, in the next.

use super::content::{self, Verdict};
use super::difference::Difference;
use super::unread::{Unread, Waits};
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::Seen;
use crate::repository::{Failures, Folder};
use crate::status::{FolderStatus, Intent, Row};
use std::collections::BTreeSet;

/// A row, and the intent of the upload that it came from.
#[derive(Debug)]
pub(super) struct Claim {
    row: Row,
    intent: Intent,
}

impl Claim {
    /// Takes those intents out that are claims.
    pub(super) fn take(intents: &mut Vec<Intent>, status: &dyn FolderStatus) -> Result<Vec<Claim>> {
        let (mut claims, mut open) = (Vec::new(), Vec::new());
        for intent in std::mem::take(intents) {
            match Self::row_of(&intent, status)? {
                Some(row) => claims.push(Claim { row, intent }),
                None => open.push(intent),
            }
        }
        *intents = open;
        Ok(claims)
    }

    /// The row that the intent's upload was recorded with.
    pub(super) fn row_of(intent: &Intent, status: &dyn FolderStatus) -> Result<Option<Row>> {
        if intent.confirmed { status.row(intent.to.other(), &intent.source) } else { Ok(None) }
    }

    pub(super) fn key(&self) -> (Side, MessageId) {
        (self.intent.to, self.intent.source.clone())
    }
}

/// Whether an intent is of an upload of this run that the listing to come will confirm. Without its row it is an open one, whose source must
/// not be left out of a listing.
pub(super) fn awaits(
    claimed: &BTreeSet<(Side, MessageId)>,
    intent: &Intent,
    status: &dyn FolderStatus,
) -> Result<bool> {
    let claimed = claimed.contains(&(intent.to, intent.source.clone()));
    Ok(claimed && Claim::row_of(intent, status)?.is_some())
}

/// What was found out about claims.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The remote ids of rows that are wrong: what was uploaded is there without a row, and what the row names is gone or another message.
    pub(super) wrong: Vec<MessageId>,
    /// Claims that nothing could be told of, by the remote ids of their rows: they are neither confirmed nor acted on.
    pub(super) unsure: BTreeSet<MessageId>,
    /// Messages that could not be looked at.
    pub(super) unread: Unread,
}

impl Judged {
    /// Takes what is said of unsure claims out of a difference.
    pub(super) fn set_aside(&self, found: &mut Difference) {
        let unsure = |row: &Row| self.unsure.contains(&row.ids.remote);
        found.touched.retain(|touched| !touched.row.as_ref().is_some_and(unsure));
    }

    /// The claims that a listing has confirmed.
    pub(super) fn confirmed<'c>(&'c self, claims: &'c [Claim]) -> impl Iterator<Item = (Side, MessageId)> + 'c {
        claims.iter().filter(|claim| !self.unsure.contains(&claim.row.ids.remote)).map(Claim::key)
    }
}

/// Lays claims over a listing.
pub(super) fn judge(claims: &[Claim], found: &Difference, folders: &mut PerSide<Box<dyn Folder>>) -> Result<Judged> {
    if claims.is_empty() {
        return Ok(Judged::default());
    }
    let gone = PerSide::from_fn(|side| gone(found, side));
    // Both halves were taken away: that is over. What lies there without a row may have been put there since, and is kept.
    let is_over = |claim: &Claim| Side::BOTH.iter().all(|side| gone[*side].contains(&claim.row.ids[*side]));
    let mut judged = Judged::default();
    for to in Side::BOTH {
        let fresh: Vec<MessageId> = found.fresh[to].iter().map(|entry| entry.id.clone()).collect();
        let (orphaned, whole): (Vec<&Claim>, Vec<&Claim>) = claims
            .iter()
            .filter(|claim| claim.intent.to == to && !fresh.is_empty() && !is_over(claim))
            .partition(|claim| gone[to.other()].contains(&claim.intent.source));
        judge_by_source(&whole, (to, &gone[to]), &fresh, folders, &mut judged)?;
        judge_by_digest(&orphaned, to, &fresh, folders, &mut judged)?;
    }
    Ok(judged)
}

fn gone(found: &Difference, side: Side) -> BTreeSet<MessageId> {
    let rows = found.touched.iter().filter(|touched| touched.seen[side] == Seen::Gone);
    rows.filter_map(|touched| touched.row.as_ref().map(|row| row.ids[side].clone())).collect()
}

/// A claim is wrong if its source equals a message without a row and not the one that the row names. Where not all of those without a row
/// could be looked at, it must equal the one that the row names.
fn judge_by_source(
    claims: &[&Claim],
    (to, gone): (Side, &BTreeSet<MessageId>),
    fresh: &[MessageId],
    folders: &mut PerSide<Box<dyn Folder>>,
    judged: &mut Judged,
) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let mut candidates = PerSide::<Vec<MessageId>>::default();
    candidates[to.other()] = claims.iter().map(|claim| claim.intent.source.clone()).collect();
    candidates[to] = fresh.to_vec();
    let equal = content::pair_equal(folders, &candidates, &PerSide::default())?;
    let elsewhere: BTreeSet<&MessageId> = equal.pairs.iter().map(|ids| &ids[to.other()]).collect();
    let blind = Side::BOTH.iter().any(|side| !equal.unread[*side].is_empty());
    let asked: Vec<&Claim> =
        claims.iter().copied().filter(|claim| blind || elsewhere.contains(&claim.intent.source)).collect();
    let (missing, there): (Vec<&Claim>, Vec<&Claim>) =
        asked.into_iter().partition(|claim| gone.contains(&claim.row.ids[to]));
    let pairs: Vec<PerSide<MessageId>> = there.iter().map(|claim| claim.row.ids.clone()).collect();
    let verdicts = if pairs.is_empty() { Vec::new() } else { content::which_are_equal(folders, &pairs)? };
    let missing = missing.into_iter().map(|claim| (claim, Verdict::Different));
    for (claim, verdict) in missing.chain(there.into_iter().zip(verdicts)) {
        let row = claim.row.ids.remote.clone();
        match verdict {
            Verdict::Same => {}
            Verdict::Different if elsewhere.contains(&claim.intent.source) => judged.wrong.push(row),
            _ => drop(judged.unsure.insert(row)),
        }
    }
    tell(equal.unread, to, judged);
    Ok(())
}

/// Where claims wait, tells what they wait for.
fn tell(unread: PerSide<Failures>, to: Side, judged: &mut Judged) {
    if judged.unsure.is_empty() {
        return;
    }
    let waits = Waits::Uploads(judged.unsure.len());
    let PerSide { remote, local } = unread;
    for (on, failures) in [(Side::Remote, remote), (Side::Local, local)] {
        judged.unread.note_all(on, failures, if on == to { waits } else { Waits::Itself });
    }
}

/// A claim whose source is gone is wrong if a message without a row has its digest, and the one that the row names has not.
fn judge_by_digest(
    claims: &[&Claim],
    to: Side,
    fresh: &[MessageId],
    folders: &mut PerSide<Box<dyn Folder>>,
    judged: &mut Judged,
) -> Result<()> {
    let folder = folders[to].as_mut();
    let intents: Vec<&Intent> = claims.iter().map(|claim| &claim.intent).collect();
    let elsewhere = content::that_prove(folder, fresh, &intents)?;
    let blind = !elsewhere.unread.is_empty();
    let is_elsewhere = |claim: &Claim| claim.intent.digest().is_some_and(|d| elsewhere.found.contains_key(&d));
    let asked: Vec<&Claim> = claims.iter().copied().filter(|claim| blind || is_elsewhere(claim)).collect();
    let named: Vec<MessageId> = asked.iter().map(|claim| claim.row.ids[to].clone()).collect();
    let intents: Vec<&Intent> = asked.iter().map(|claim| &claim.intent).collect();
    let right = content::that_prove(folder, &named, &intents)?;
    let holds = |claim: &Claim| {
        let proven = claim.intent.digest().and_then(|digest| right.found.get(&digest));
        proven.is_some_and(|ids| ids.contains(&claim.row.ids[to]))
    };
    let is_seen = |claim: &Claim| right.unread.iter().all(|(id, _)| *id != claim.row.ids[to]);
    for claim in asked.into_iter().filter(|claim| !holds(claim)) {
        let row = claim.row.ids.remote.clone();
        match is_elsewhere(claim) && is_seen(claim) {
            true => judged.wrong.push(row),
            false => drop(judged.unsure.insert(row)),
        }
    }
    let mut unread = PerSide::<Failures>::default();
    unread[to] = elsewhere.unread.into_iter().chain(right.unread).collect();
    tell(unread, to, judged);
    Ok(())
}
