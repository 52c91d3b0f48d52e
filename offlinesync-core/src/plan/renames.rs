//! Which folders were renamed on one side, told by the state that each side's list shows. Pure.
//!
//! A folder that is gone under its name is taken for renamed if exactly one folder of that side that was never synced is called what it was
//! called whatever its name, or shows the very state that was recorded for it, and no other folder ever did. Either is a strong hint and no
//! proof: some servers give all folders one UIDVALIDITY. Whoever acts on the answer compares messages first.

use crate::folder_name::FolderName;
use crate::message::{PerSide, Side};
use crate::status::FolderPair;
use std::collections::{BTreeMap, BTreeSet};

/// A folder that a side lists.
#[derive(Clone, Debug)]
pub struct ListedFolder<'a> {
    /// Its name.
    pub name: &'a FolderName,
    /// The state it is in, where that is known.
    pub state: Option<&'a [u8]>,
    /// What the side calls it, whatever its name, where it tells.
    pub identity: Option<&'a [u8]>,
}

/// A pair that was synced before.
#[derive(Clone, Debug)]
pub struct KnownFolder<'a> {
    /// The pair.
    pub pair: &'a FolderPair,
    /// The state of each side when both agreed.
    pub state: PerSide<Option<&'a [u8]>>,
    /// What each side called it, whatever its name.
    pub identity: PerSide<Option<&'a [u8]>>,
}

/// What a side's store is like.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// The character between levels of the hierarchy.
    pub separator: Option<char>,
    /// Whether folders may be renamed there.
    pub may_rename: bool,
    /// Whether it holds `a` and `A` as two folders.
    pub case_sensitive: bool,
}

/// A pair that has other names now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// As it is recorded.
    pub from: FolderPair,
    /// As it shall be recorded.
    pub to: FolderPair,
    /// Where the folder has its old name still; `None`: nowhere.
    pub on: Option<Side>,
    /// Pairs whose folders lie below it there and get their new names with it.
    pub below: Vec<Rename>,
}

/// Finds the renamed folders; those that lie below another go with it. `translate` answers the name that a side's folder has on the
/// other side, if it is synced at all.
pub fn plan_renames(
    listed: &PerSide<Vec<ListedFolder<'_>>>,
    known: &[KnownFolder<'_>],
    stores: &PerSide<Store>,
    translate: &dyn Fn(Side, &FolderName) -> Option<FolderName>,
) -> Vec<Rename> {
    let sides = PerSide::from_fn(|side| Evidence::new(side, &listed[side], known));
    let mut found: Vec<Rename> = known.iter().filter_map(|known| renamed(known, &sides, stores, translate)).collect();
    only_one_for_each_target(&mut found);
    found.sort_by(|a, b| (&a.from.remote, &a.from.local).cmp(&(&b.from.remote, &b.from.local)));
    let (mut answer, there): (Vec<Rename>, Vec<Rename>) = found.into_iter().partition(|rename| rename.on.is_none());
    for side in Side::BOTH {
        let of_side = there.iter().filter(|rename| rename.on == Some(side)).cloned().collect();
        answer.extend(with_those_below(of_side, side, &sides[side], stores[side].separator));
    }
    answer
}

/// What one side shows.
struct Evidence<'a> {
    names: BTreeMap<&'a FolderName, Option<&'a [u8]>>,
    /// The only folder in a state, if it was never synced.
    by_state: BTreeMap<&'a [u8], &'a FolderName>,
    /// The only folder that is called so, whatever its name, if it was never synced.
    by_identity: BTreeMap<&'a [u8], &'a FolderName>,
}

impl<'a> Evidence<'a> {
    fn new(side: Side, listed: &[ListedFolder<'a>], known: &[KnownFolder<'a>]) -> Self {
        let synced: BTreeSet<&FolderName> = known.iter().map(|known| &known.pair[side]).collect();
        let free = |folder: &&ListedFolder<'a>| !synced.contains(folder.name) && !is_inbox(folder.name);
        let only = |recorded: BTreeMap<&'a [u8], usize>, shown: &dyn Fn(&ListedFolder<'a>) -> Option<&'a [u8]>| {
            let times = count(listed.iter().filter_map(shown));
            let once = |mark: &&[u8]| recorded.get(mark) == Some(&1) && times.get(mark) == Some(&1);
            let unsynced = listed.iter().filter(free);
            unsynced.filter_map(|folder| Some((shown(folder).filter(once)?, folder.name))).collect()
        };
        Evidence {
            names: listed.iter().map(|folder| (folder.name, folder.identity)).collect(),
            by_state: only(count(known.iter().filter_map(|known| known.state[side])), &|folder| folder.state),
            by_identity: only(count(known.iter().filter_map(|known| known.identity[side])), &|folder| folder.identity),
        }
    }

    /// Whether the folder that was recorded under this name can be the one that has it now.
    fn has(&self, name: &FolderName, identity: Option<&[u8]>) -> bool {
        self.names.get(name).is_some_and(|now| !differ(*now, identity))
    }

    /// Where the folder is now that is gone under its name.
    fn find(&self, state: Option<&[u8]>, identity: Option<&[u8]>) -> Option<&'a FolderName> {
        let called_so = identity.and_then(|identity| self.by_identity.get(identity));
        let in_state = || {
            let found = self.by_state.get(state?)?;
            self.has(found, identity).then_some(found)
        };
        called_so.or_else(in_state).copied()
    }
}

fn differ(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

fn count<'a>(states: impl Iterator<Item = &'a [u8]>) -> BTreeMap<&'a [u8], usize> {
    let mut counts = BTreeMap::new();
    states.for_each(|state| *counts.entry(state).or_default() += 1);
    counts
}

/// INBOX is always there, and RENAME does something else with it (RFC 3501 section 6.3.5).
fn is_inbox(name: &FolderName) -> bool {
    name.as_str().eq_ignore_ascii_case("inbox")
}

fn renamed(
    known: &KnownFolder<'_>,
    sides: &PerSide<Evidence<'_>>,
    stores: &PerSide<Store>,
    translate: &dyn Fn(Side, &FolderName) -> Option<FolderName>,
) -> Option<Rename> {
    let from = known.pair;
    if is_inbox(&from.remote) || is_inbox(&from.local) {
        return None;
    }
    let there = PerSide::from_fn(|side| sides[side].has(&from[side], known.identity[side]));
    let now = PerSide::from_fn(|side| {
        let found = if there[side] { None } else { sides[side].find(known.state[side], known.identity[side]) };
        found.cloned()
    });
    let (to, on) = match (now.remote, now.local) {
        (Some(remote), Some(local)) => {
            if translate(Side::Remote, &remote).as_ref() != Some(&local) {
                return None;
            }
            (FolderPair { remote, local }, None)
        }
        (Some(remote), None) if there.local => follow(Side::Local, from, translate(Side::Remote, &remote)?, remote),
        (None, Some(local)) if there.remote => follow(Side::Remote, from, translate(Side::Local, &local)?, local),
        _ => return None,
    };
    let Some(on) = on else { return Some(Rename { from: from.clone(), to, on: None, below: Vec::new() }) };
    let target = &to[on];
    let taken = |name: &FolderName| {
        name == target || (!stores[on].case_sensitive && name.as_str().eq_ignore_ascii_case(target.as_str()))
    };
    let below_itself =
        stores[on].separator.is_some_and(|c| is_below(target, &from[on], c) || is_below(&from[on], target, c));
    let free = !sides[on].names.keys().any(|name| taken(name)) && !below_itself && !is_inbox(target);
    (free && stores[on].may_rename).then(|| Rename { from: from.clone(), to, on: Some(on), below: Vec::new() })
}

/// The pair's new names; `on`: the side that still has the old one, if it has another at all.
fn follow(on: Side, from: &FolderPair, there: FolderName, here: FolderName) -> (FolderPair, Option<Side>) {
    let on_is_old = from[on] != there;
    let mut to = FolderPair { remote: here.clone(), local: here };
    to[on] = there;
    (to, on_is_old.then_some(on))
}

fn only_one_for_each_target(found: &mut Vec<Rename>) {
    for side in Side::BOTH {
        let mut targets: BTreeMap<FolderName, usize> = BTreeMap::new();
        found.iter().for_each(|rename| *targets.entry(rename.to[side].clone()).or_default() += 1);
        found.retain(|rename| targets.get(&rename.to[side]) == Some(&1));
    }
}

fn is_below(name: &FolderName, parent: &FolderName, separator: char) -> bool {
    name.as_str().strip_prefix(parent.as_str()).is_some_and(|rest| rest.starts_with(separator))
}

/// Renaming a folder takes those below it along. Where not all of those were renamed alike, the folder itself cannot be renamed.
fn with_those_below(
    mut found: Vec<Rename>,
    side: Side,
    evidence: &Evidence<'_>,
    separator: Option<char>,
) -> Vec<Rename> {
    let Some(separator) = separator else { return found };
    let alike = |rename: &Rename, name: &FolderName, others: &[Rename]| {
        let rest = name.as_str().strip_prefix(rename.from[side].as_str()).unwrap_or_default();
        let wanted = format!("{}{rest}", rename.to[side]);
        others.iter().any(|other| other.from[side] == *name && other.to[side].as_str() == wanted)
    };
    let all = found.clone();
    found.retain(|rename| {
        evidence
            .names
            .keys()
            .filter(|name| is_below(name, &rename.from[side], separator))
            .all(|name| alike(rename, name, &all))
    });
    // Sorted by the name on this side, a folder comes before those below it.
    found.sort_by(|a, b| a.from[side].cmp(&b.from[side]));
    let mut tops: Vec<Rename> = Vec::new();
    for rename in found {
        match tops.iter_mut().find(|top| is_below(&rename.from[side], &top.from[side], separator)) {
            Some(top) => top.below.push(rename),
            None => tops.push(rename),
        }
    }
    tops
}
