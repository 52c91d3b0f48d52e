//! Follows renamed folders: renames the other side's folder and the record, so that no message is copied again. Lists and reads a few
//! headers before it changes anything.
//!
//! The folder is renamed first, the record second. A run that ends in between leaves both sides with the new name and the old record,
//! which the next run recognizes by the state of both sides.

use super::account::{Account, Listed};
use super::digest::{self, Hash};
use super::known::KnownRows;
use super::report::{Failure, Report};
use super::standing::Standing;
use super::workers::side_by_side;
use crate::error::{ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::folder_name::FolderName;
use crate::message::{MessageId, PerSide, Side};
use crate::plan::renames::{KnownFolder, ListedFolder, Rename, Store, plan_renames};
use crate::repository::{Folder, FolderList};
use crate::status::{FolderPair, FolderRecord, FolderStatus};
use std::collections::BTreeMap;

/// So many messages are compared to prove that a folder is the same.
const SAMPLE: u64 = 8;

/// Follows what was renamed. Afterwards `listed` shows the folders under their new names, and not at all where following failed.
pub(super) fn follow(
    account: &Account,
    listed: &mut Listed,
    observer: &dyn Observer,
    report: &mut Report,
) -> Result<()> {
    let candidates = candidates(account, listed);
    if candidates.is_empty() {
        return Ok(());
    }
    let separators = listed.lists.as_ref().map(|list| list.separator);
    account.check_names(listed, &separators)?;
    for rename in proven(candidates, account, listed, report) {
        let dry = account.policy.dry_run;
        let done = match rename.on {
            Some(on) if !dry => carry_out(account, &rename, on),
            _ => Ok(true),
        };
        let error = match done {
            Ok(false) => continue,
            Ok(true) => None,
            Err(error) if error.kind() == ErrorKind::Folder => Some(error),
            Err(error) => return Err(error),
        };
        for one in rename.below.iter().chain([&rename]) {
            match (&error, dry) {
                (None, false) => {
                    account.status.rename(&one.from, &one.to)?;
                    listed.rename(one);
                }
                _ => listed.leave_out(one),
            }
            if let (None, Some(on)) = (&error, one.on) {
                observer.event(&Event::FolderRenamed { from: &one.from, to: &one.to, on });
            }
        }
        if let Some(error) = error {
            report.failures.push(Failure { pair: Some(rename.from.clone()), message: None, error });
        }
    }
    Ok(())
}

fn carry_out(account: &Account, rename: &Rename, on: Side) -> Result<bool> {
    let names = |one: &Rename| (one.from[on].clone(), one.to[on].clone());
    let below: Vec<(FolderName, FolderName)> = rename.below.iter().map(names).collect();
    account.repositories[on].rename(&rename.from[on], &rename.to[on], &below)
}

/// The renames that hold when messages are compared, each with all those below it. One that cannot be looked into is left out and
/// reported.
fn proven(candidates: Vec<Rename>, account: &Account, listed: &mut Listed, report: &mut Report) -> Vec<Rename> {
    let single: Vec<&Rename> = candidates.iter().flat_map(|top| top.below.iter().chain([top])).collect();
    let recorded = &listed.recorded;
    let looked = side_by_side(single, account.threads(), |rename| {
        let record = recorded.get(&rename.from).map(|(record, _)| record);
        (&rename.from, record.map_or(Ok(false), |record| is_the_same(account, rename, record)))
    });
    let mut verdicts: BTreeMap<FolderPair, Result<bool>> =
        looked.into_iter().map(|(pair, verdict)| (pair.clone(), verdict)).collect();
    let mut answer = Vec::new();
    for top in candidates {
        let all: Vec<Result<bool>> =
            top.below.iter().chain([&top]).filter_map(|one| verdicts.remove(&one.from)).collect();
        let mut holds = true;
        let mut failed = false;
        for verdict in all {
            match verdict {
                Ok(same) => holds &= same,
                Err(error) => {
                    failed = true;
                    report.failures.push(Failure { pair: Some(top.from.clone()), message: None, error });
                }
            }
        }
        match (failed, holds) {
            (true, _) => top.below.iter().chain([&top]).for_each(|one| listed.leave_out(one)),
            (false, true) => answer.push(top),
            (false, false) => {}
        }
    }
    answer
}

fn candidates(account: &Account, listed: &Listed) -> Vec<Rename> {
    let known: Vec<KnownFolder<'_>> = listed
        .recorded
        .iter()
        .map(|(pair, (record, _))| KnownFolder {
            pair,
            state: record.witness.as_ref().map(Option::as_deref),
            identity: record.identity.as_ref().map(Option::as_deref),
        })
        .collect();
    let folders = listed.lists.as_ref().map(shown);
    let separators = listed.lists.as_ref().map(|list| list.separator);
    let stores = PerSide::from_fn(|side| Store {
        separator: separators[side],
        may_rename: account.policy.create_folders[side] && !account.policy.read_only[side],
        case_sensitive: account.repositories[side].case_sensitive(),
    });
    let translate = |side: Side, name: &FolderName| account.translate(side, name, &separators).ok()?;
    plan_renames(&folders, &known, &stores, &translate)
}

fn shown(list: &FolderList) -> Vec<ListedFolder<'_>> {
    list.folders
        .iter()
        .map(|entry| ListedFolder {
            name: &entry.name,
            state: entry.witness.as_ref().filter(|_| entry.selectable).map(|witness| &*witness.token),
            identity: entry.identity.as_deref().filter(|_| entry.selectable),
        })
        .collect()
}

/// Whether the folders hold the messages that the rows pair, as far as a sample tells.
fn is_the_same(account: &Account, rename: &Rename, record: &FolderRecord) -> Result<bool> {
    let status = account.status.folder(&rename.from)?;
    let sample = sample(status.as_ref())?;
    if sample.is_empty() {
        return Ok(true);
    }
    let mut seen = PerSide::<BTreeMap<MessageId, (Hash, Option<u64>)>>::default();
    for side in Side::BOTH {
        let name = if rename.on == Some(side) { &rename.from[side] } else { &rename.to[side] };
        let mut folder = account.repositories[side].open(name)?;
        let now = folder
            .changes(Standing::of(record, side).since(), &KnownRows { status: status.as_ref(), side })?
            .uid_validity;
        if record.uid_validity[side] != Some(now) {
            return Ok(false);
        }
        seen[side] = headers(folder.as_mut(), sample.iter().map(|ids| ids[side].clone()).collect())?;
    }
    let same = |ids: &PerSide<MessageId>| -> Option<bool> {
        let (remote, local) = (seen.remote.get(&ids.remote)?, seen.local.get(&ids.local)?);
        Some(remote.0 == local.0 && (remote.1 == local.1 || remote.1.is_none() || local.1.is_none()))
    };
    let compared: Vec<bool> = sample.iter().filter_map(same).collect();
    Ok(!compared.is_empty() && compared.into_iter().all(|same| same))
}

fn headers(folder: &mut dyn Folder, ids: Vec<MessageId>) -> Result<BTreeMap<MessageId, (Hash, Option<u64>)>> {
    let mut seen = BTreeMap::new();
    let mut failures = folder.headers(&ids, &mut |headers| {
        seen.insert(headers.id.clone(), digest::of_header(&headers));
        Ok(())
    })?;
    match failures.pop() {
        Some((_, error)) if seen.is_empty() => Err(error.as_kind(ErrorKind::Folder)),
        _ => Ok(seen),
    }
}

/// Some of a pair's rows, spread evenly, the first and the last among them.
pub(super) fn sample(status: &dyn FolderStatus) -> Result<Vec<PerSide<MessageId>>> {
    let step = (status.count()? / SAMPLE).max(1);
    let (mut at, mut sample, mut last) = (0u64, Vec::new(), None);
    status.rows(&mut |row| {
        if at.is_multiple_of(step) {
            sample.push(row.ids.clone());
        }
        at += 1;
        last = Some(row.ids);
        Ok(())
    })?;
    sample.extend(last.filter(|last| sample.last() != Some(last)));
    Ok(sample)
}

impl Listed {
    fn rename(&mut self, rename: &Rename) {
        if let Some(on) = rename.on {
            let entries = &mut self.lists[on].folders;
            entries.iter_mut().filter(|entry| entry.name == rename.from[on]).for_each(|entry| {
                entry.name = rename.to[on].clone();
            });
        }
        if let Some(recorded) = self.recorded.remove(&rename.from) {
            self.recorded.insert(rename.to.clone(), recorded);
        }
    }

    /// Neither of the folders, nor the record, takes part in this run.
    fn leave_out(&mut self, rename: &Rename) {
        for side in Side::BOTH {
            self.lists[side].folders.retain(|entry| entry.name != rename.from[side] && entry.name != rename.to[side]);
        }
        self.recorded.remove(&rename.from);
    }
}
