//! Rows of uploads that no listing has confirmed yet. The store told under which number it stored a message, and may have told the number of
//! another; then what it did store lies there without a row. Reads both folders, changes nothing.
//!
//! A claim is a row whose intent still stands, confirmed. The first listing after the upload ends it, in the same run or, should that be
//! killed, in the next.

use super::content;
use super::difference::Difference;
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::Seen;
use crate::repository::Folder;
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

/// Whether an intent is of an upload of this run that the listing to come will confirm.
pub(super) fn awaits(claimed: &BTreeSet<(Side, MessageId)>, intent: &Intent) -> bool {
    intent.confirmed && claimed.contains(&(intent.to, intent.source.clone()))
}

/// Which claims are wrong, by the remote ids of their rows: what was uploaded is there without a row, and what the row names is gone or
/// another message.
pub(super) fn wrong(
    claims: &[Claim],
    found: &Difference,
    folders: &mut PerSide<Box<dyn Folder>>,
) -> Result<Vec<MessageId>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let gone = PerSide::from_fn(|side| gone(found, side));
    let mut wrong = Vec::new();
    for to in Side::BOTH {
        let fresh: Vec<MessageId> = found.fresh[to].iter().map(|entry| entry.id.clone()).collect();
        let (orphaned, whole): (Vec<&Claim>, Vec<&Claim>) = claims
            .iter()
            .filter(|claim| claim.intent.to == to && !fresh.is_empty())
            .partition(|claim| gone[to.other()].contains(&claim.intent.source));
        let suspects = with_another(&whole, to, &fresh, folders)?;
        let (missing, there): (Vec<&Claim>, Vec<&Claim>) =
            suspects.into_iter().partition(|claim| gone[to].contains(&claim.row.ids[to]));
        let pairs: Vec<PerSide<MessageId>> = there.iter().map(|claim| claim.row.ids.clone()).collect();
        let equal = if pairs.is_empty() { Vec::new() } else { content::which_are_equal(folders, &pairs)? };
        let unequal = there.into_iter().zip(equal).filter(|(_, equal)| !equal).map(|(claim, _)| claim);
        let orphaned = orphans_elsewhere(&orphaned, to, &fresh, folders)?;
        wrong.extend(missing.into_iter().chain(unequal).chain(orphaned).map(|claim| claim.row.ids.remote.clone()));
    }
    Ok(wrong)
}

fn gone(found: &Difference, side: Side) -> BTreeSet<MessageId> {
    let rows = found.touched.iter().filter(|touched| touched.seen[side] == Seen::Gone);
    rows.filter_map(|touched| touched.row.as_ref().map(|row| row.ids[side].clone())).collect()
}

/// Claims whose source equals a message without a row.
fn with_another<'c>(
    claims: &[&'c Claim],
    to: Side,
    fresh: &[MessageId],
    folders: &mut PerSide<Box<dyn Folder>>,
) -> Result<Vec<&'c Claim>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut candidates = PerSide::<Vec<MessageId>>::default();
    candidates[to.other()] = claims.iter().map(|claim| claim.intent.source.clone()).collect();
    candidates[to] = fresh.to_vec();
    let pairs = content::pair_equal(folders, &candidates)?;
    let found: BTreeSet<&MessageId> = pairs.iter().map(|ids| &ids[to.other()]).collect();
    Ok(claims.iter().copied().filter(|claim| found.contains(&claim.intent.source)).collect())
}

/// Claims whose source is gone, and whose digest a message without a row has, but not the one that the row names.
fn orphans_elsewhere<'c>(
    claims: &[&'c Claim],
    to: Side,
    fresh: &[MessageId],
    folders: &mut PerSide<Box<dyn Folder>>,
) -> Result<Vec<&'c Claim>> {
    let folder = folders[to].as_mut();
    let intents: Vec<&Intent> = claims.iter().map(|claim| &claim.intent).collect();
    let elsewhere = content::that_prove(folder, fresh, &intents)?;
    let suspects: Vec<&Claim> = claims
        .iter()
        .copied()
        .filter(|claim| claim.intent.digest.is_some_and(|d| elsewhere.contains_key(&d)))
        .collect();
    let named: Vec<MessageId> = suspects.iter().map(|claim| claim.row.ids[to].clone()).collect();
    let intents: Vec<&Intent> = suspects.iter().map(|claim| &claim.intent).collect();
    let right = content::that_prove(folder, &named, &intents)?;
    let holds = |claim: &&Claim| {
        let proven = claim.intent.digest.and_then(|digest| right.get(&digest));
        proven.is_some_and(|ids| ids.contains(&claim.row.ids[to]))
    };
    Ok(suspects.into_iter().filter(|claim| !holds(claim)).collect())
}
