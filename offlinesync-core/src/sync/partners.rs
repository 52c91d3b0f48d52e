//! Folders that names give another partner than the one they were synced with. They hold that one's mail, which would be copied into a folder
//! where it never was. Lists folders, changes nothing.

use super::account::{Account, Listed};
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

type Recorded = BTreeMap<FolderPair, (FolderRecord, u64)>;

/// Takes out every pair that was never synced and of which one folder has its old partner still, and tells of it. `recorded`: all that is
/// known, with what takes no part in this run.
pub(super) fn refuse_others(
    account: &Account,
    decisions: &mut Vec<FolderDecision>,
    listed: &Listed,
    recorded: &Recorded,
    failures: &mut Vec<Failure>,
) -> Result<()> {
    if account.policy.accept_new_numbering {
        return Ok(());
    }
    let before = Before::new(recorded, listed);
    let mut kept = Vec::with_capacity(decisions.len());
    for decision in decisions.drain(..) {
        match before.of(account, &decision, listed)? {
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

/// What was synced, by each side's name, as far as both folders are there.
struct Before<'a> {
    recorded: &'a Recorded,
    pairs: PerSide<BTreeMap<&'a FolderName, Vec<&'a FolderPair>>>,
}

impl<'a> Before<'a> {
    fn new(recorded: &'a Recorded, listed: &Listed) -> Self {
        let there = listed.lists.as_ref().map(|list| {
            let selectable = list.folders.iter().filter(|entry| entry.selectable);
            selectable.map(|entry| &entry.name).collect::<BTreeSet<&FolderName>>()
        });
        let mut pairs = PerSide::<BTreeMap<_, Vec<_>>>::default();
        for (pair, (_, rows)) in recorded {
            if *rows > 0 && Side::BOTH.into_iter().all(|side| there[side].contains(&pair[side])) {
                Side::BOTH.into_iter().for_each(|side| pairs[side].entry(&pair[side]).or_default().push(pair));
            }
        }
        Before { recorded, pairs }
    }

    /// The pair that one of these folders belongs to, and the side of that folder.
    fn of(
        &self,
        account: &Account,
        decision: &FolderDecision,
        listed: &Listed,
    ) -> Result<Option<(Side, &'a FolderPair)>> {
        let FolderDecision { pair, action } = decision;
        let new = matches!(action, FolderAction::Sync | FolderAction::Create { .. });
        if !new || self.recorded.contains_key(pair) {
            return Ok(None);
        }
        for side in Side::BOTH {
            for old in self.pairs[side].get(&pair[side]).into_iter().flatten().copied() {
                // A local folder that names leave out now is an old copy that stays where it is.
                let counts = side == Side::Local || takes_part(account, &old.local, listed);
                if counts && self.holds(account, old)? {
                    return Ok(Some((side, old)));
                }
            }
        }
        Ok(None)
    }

    /// Whether messages that were synced are in the local folder of that name still: its directory may be another by now.
    fn holds(&self, account: &Account, pair: &FolderPair) -> Result<bool> {
        let Some((record, _)) = self.recorded.get(pair) else { return Ok(false) };
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
            Err(error) if matches!(error.kind(), ErrorKind::Folder | ErrorKind::Message | ErrorKind::Denied) => {
                Ok(true)
            }
            looked => looked,
        }
    }
}

fn takes_part(account: &Account, local: &FolderName, listed: &Listed) -> bool {
    let separators = listed.lists.as_ref().map(|list| list.separator);
    matches!(account.translate(Side::Local, local, &separators), Ok(Some(_)))
}
