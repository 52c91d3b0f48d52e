//! Folders that names give another partner than the one they were synced with. They hold that one's mail, which would be copied into a folder
//! where it never was. Lists folders, changes nothing.

use super::account::{Account, Listed, Recorded};
use super::refusals;
use super::renames::sample;
use super::report::Failure;
use crate::error::{ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::folders::{FolderAction, FolderDecision};
use crate::repository::NothingKnown;
use crate::status::{FolderPair, FolderRecord};
use std::collections::{BTreeMap, BTreeSet};

/// Takes out every pair that was never synced and of which one folder has its old partner still, and tells of it. `left_out`: what is known of
/// pairs that names leave out now.
pub(super) fn refuse_others(
    account: &Account,
    decisions: &mut Vec<FolderDecision>,
    listed: &Listed,
    left_out: &Recorded,
    failures: &mut Vec<Failure>,
) -> Result<()> {
    let is_known = |pair: &FolderPair| listed.recorded.contains_key(pair) || left_out.contains_key(pair);
    let begins = |FolderDecision { pair, action }: &FolderDecision| {
        matches!(action, FolderAction::Sync | FolderAction::Create { .. }) && !is_known(pair)
    };
    if account.policy.accept_new_numbering || !decisions.iter().any(begins) {
        return Ok(());
    }
    let before = Before::new(listed, left_out);
    let mut kept = Vec::with_capacity(decisions.len());
    for decision in decisions.drain(..) {
        let other = if begins(&decision) { before.of(account, &decision.pair)? } else { None };
        match other {
            Some((side, old)) => {
                let error = refusals::other_partner(&decision.pair, side, old);
                failures.push(Failure { pair: Some(decision.pair), message: None, error });
            }
            None => kept.push(decision),
        }
    }
    *decisions = kept;
    Ok(())
}

type ByName<'a> = BTreeMap<&'a FolderName, Vec<(&'a FolderPair, &'a FolderRecord)>>;

/// What was synced, by each side's name, as far as both folders are there.
struct Before<'a> {
    listed: &'a Listed,
    pairs: PerSide<ByName<'a>>,
}

impl<'a> Before<'a> {
    fn new(listed: &'a Listed, left_out: &'a Recorded) -> Self {
        let there = listed.lists.as_ref().map(|list| {
            let selectable = list.folders.iter().filter(|entry| entry.selectable);
            selectable.map(|entry| &entry.name).collect::<BTreeSet<&FolderName>>()
        });
        let mut pairs = PerSide::<ByName<'_>>::default();
        for (pair, (record, rows)) in listed.recorded.iter().chain(left_out) {
            if *rows > 0 && Side::BOTH.into_iter().all(|side| there[side].contains(&pair[side])) {
                Side::BOTH
                    .into_iter()
                    .for_each(|side| pairs[side].entry(&pair[side]).or_default().push((pair, record)));
            }
        }
        Before { listed, pairs }
    }

    /// The pair that one of these folders belongs to, and the side of that folder.
    fn of(&self, account: &Account, pair: &FolderPair) -> Result<Option<(Side, &'a FolderPair)>> {
        for side in Side::BOTH {
            for (old, record) in self.pairs[side].get(&pair[side]).into_iter().flatten().copied() {
                // A local folder that names leave out now is an old copy that stays where it is.
                let counts = side == Side::Local || takes_part(account, &old.local, self.listed);
                if counts && holds(account, old, record)? {
                    return Ok(Some((side, old)));
                }
            }
        }
        Ok(None)
    }
}

/// Whether messages that were synced are in the local folder of that name still: its directory may be another by now.
fn holds(account: &Account, pair: &FolderPair, record: &FolderRecord) -> Result<bool> {
    let side = Side::Local;
    let status = account.status.folder(pair)?;
    let mut folder = account.repositories[side].open(&pair[side])?;
    let looked = folder.changes(None, &NothingKnown).and_then(|now| {
        let ids: BTreeSet<MessageId> = sample(status.as_ref())?.into_iter().map(|ids| ids.local).collect();
        let same = record.uid_validity[side] == Some(now.uid_validity);
        Ok(same && now.present.iter().any(|entry| ids.contains(&entry.id)))
    });
    match looked {
        // What could not be looked at may be what it was.
        Err(error) if matches!(error.kind(), ErrorKind::Folder | ErrorKind::Message | ErrorKind::Denied) => Ok(true),
        looked => looked,
    }
}

fn takes_part(account: &Account, local: &FolderName, listed: &Listed) -> bool {
    let separators = listed.lists.as_ref().map(|list| list.separator);
    matches!(account.translate(Side::Local, local, &separators), Ok(Some(_)))
}
