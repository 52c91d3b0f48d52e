//! What each folder is called on the other side, and with it which pairs there are. Asks naming and the planner; no I/O but for
//! what `partners` reads.

use super::account::{Account, Listed, Recorded};
use super::partners;
use super::refusals;
use super::report::{Failure, Report};
use crate::error::Result;
use crate::folder_name::FolderName;
use crate::message::{PerSide, Side};
use crate::plan::folders::{FolderDecision, FolderPolicy, NamedFolder, plan_folders};
use crate::repository::FolderList;
use crate::status::FolderPair;
use std::collections::{BTreeMap, BTreeSet};

impl Account {
    /// What is to become of each pair of folders. Drops what is recorded of pairs that a rule leaves out.
    pub(super) fn decide(&self, listed: &mut Listed, report: &mut Report) -> Result<Vec<FolderDecision>> {
        let separators = listed.lists.as_ref().map(|list| list.separator);
        self.check_names(listed, &separators)?;
        let remote = self.name_folders(Side::Remote, &listed.lists.remote, &BTreeMap::new(), &separators, report);
        let (recorded, left_out) = self.recorded(listed, &separators);
        let known = partners(&remote, &listed.lists.remote, &recorded);
        let local = self.name_folders(Side::Local, &listed.lists.local, &known, &separators, report);
        let case_sensitive = self.repositories.as_ref().map(|repository| repository.case_sensitive());
        let policy = FolderPolicy { case_sensitive, ..FolderPolicy::from(&self.policy) };
        let mut decisions = plan_folders(&remote, &local, &recorded, &policy);
        partners::refuse_others(self, &mut decisions, listed, &left_out, &mut report.failures)?;
        Ok(decisions)
    }

    pub(super) fn check_names(&self, listed: &Listed, separators: &PerSide<Option<char>>) -> Result<()> {
        let folders = listed.lists.as_ref().map(|list| {
            let selectable = list.folders.iter().filter(|entry| entry.selectable);
            selectable.map(|entry| entry.name.clone()).collect::<Vec<_>>()
        });
        let may_create = PerSide::from_fn(|side| self.may_create(side));
        self.naming.check(&folders, separators, &may_create)
    }

    fn may_create(&self, side: Side) -> bool {
        self.policy.create_folders[side] && !self.policy.read_only[side]
    }

    /// The recorded pairs that naming does not leave out, with their rows, and the records of the others. Those are dropped from the listing, so
    /// that they do not count where the account is judged as a whole: nobody looks at them, and they would pass for folders that are as they were.
    /// Those that are left out of this run alone are kept.
    fn recorded(&self, listed: &mut Listed, separators: &PerSide<Option<char>>) -> (Vec<(FolderPair, u64)>, Recorded) {
        let (mut taking_part, mut left_out) = (Vec::new(), Recorded::new());
        for (pair, known) in std::mem::take(&mut listed.recorded) {
            let takes_part = self.takes_part(&pair, separators);
            taking_part.extend(takes_part.then(|| (pair.clone(), known.1)));
            let kept = takes_part || self.naming.is_set_aside(&pair.remote);
            let place = if kept { &mut listed.recorded } else { &mut left_out };
            place.insert(pair, known);
        }
        (taking_part, left_out)
    }

    /// Where naming fails, nothing is known of the pair in this run: its folders are in no list of named ones, and it is not gone for that.
    fn takes_part(&self, pair: &FolderPair, separators: &PerSide<Option<char>>) -> bool {
        match self.naming.translate(Side::Remote, &pair.remote, separators) {
            Err(_) | Ok(None) => false,
            Ok(Some(there)) if there == pair.local => true,
            Ok(Some(_)) => matches!(self.naming.translate(Side::Local, &pair.local, separators), Ok(Some(_))),
        }
    }

    /// Names the folders of a side; those in `known` have the name that stands there.
    fn name_folders(
        &self,
        side: Side,
        list: &FolderList,
        known: &BTreeMap<&FolderName, &FolderName>,
        separators: &PerSide<Option<char>>,
        report: &mut Report,
    ) -> Vec<NamedFolder> {
        let mut named = Vec::with_capacity(list.folders.len());
        for entry in &list.folders {
            let translated = match known.get(&entry.name) {
                Some(remote) => Ok(Some((*remote).clone())),
                None => self.translate(side, &entry.name, separators),
            };
            match translated {
                Ok(Some(translated)) => {
                    named.push(NamedFolder { own: entry.name.clone(), translated, selectable: entry.selectable });
                }
                Ok(None) => {}
                Err(error) => report.failures.push(Failure { pair: None, message: None, error }),
            }
        }
        named
    }

    /// Translates a name. A local one must come back, or the folder that is created for it would be another folder's next time.
    pub(super) fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        let Some(there) = self.naming.translate(side, name, separators)? else { return Ok(None) };
        if side == Side::Remote {
            return Ok(Some(there));
        }
        match self.naming.translate(side.other(), &there, separators)? {
            Some(back) if back == *name => Ok(Some(there)),
            _ if !self.may_create(side.other()) => Ok(None),
            back => Err(refusals::does_not_translate_back(side, name, &there, back.as_ref())),
        }
    }
}

/// Local folders whose remote name is known without translating: some remote folder is translated to them, or they are recorded
/// with one that is gone from the remote list.
fn partners<'a>(
    remote: &'a [NamedFolder],
    list: &FolderList,
    recorded: &'a [(FolderPair, u64)],
) -> BTreeMap<&'a FolderName, &'a FolderName> {
    let listed: BTreeSet<&FolderName> = list.folders.iter().map(|entry| &entry.name).collect();
    let gone = recorded.iter().map(|(pair, _)| pair).filter(|pair| !listed.contains(&pair.remote));
    let mut partners: BTreeMap<_, _> = gone.map(|pair| (&pair.local, &pair.remote)).collect();
    partners.extend(remote.iter().map(|folder| (&folder.translated, &folder.own)));
    partners
}
