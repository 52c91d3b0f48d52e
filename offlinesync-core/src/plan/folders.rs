//! Folder planning: which folders belong together, which must be created, which are missing, which must not be touched. Pure.
//!
//! Folders that a filter excludes are in none of the inputs, not even among the recorded pairs: to this planner an excluded
//! folder would look like a missing one.

use crate::folder_name::FolderName;
use crate::message::{PerSide, Side};
use crate::policy::Policy;
use crate::status::FolderPair;
use std::collections::{BTreeMap, BTreeSet};

/// A folder of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFolder {
    /// Its name, as its own repository writes it.
    pub own: FolderName,
    /// The name the other side would give it.
    pub translated: FolderName,
    /// Whether it can hold messages.
    pub selectable: bool,
}

/// What folder planning may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderPolicy {
    /// Whether folders may be created on this side.
    pub create_folders: PerSide<bool>,
    /// Sides that must not be changed.
    pub read_only: PerSide<bool>,
    /// A folder that has rows but is missing on one side is created there again and filled, instead of refused.
    pub restore_missing_folders: bool,
    /// Sides known to hold `a` and `A` as two folders. On any other side, a folder is not created where one is whose name differs in
    /// case only, for a store that cannot tell them apart would mix the two.
    pub case_sensitive: PerSide<bool>,
}

impl Default for FolderPolicy {
    fn default() -> Self {
        FolderPolicy::from(&Policy::default())
    }
}

impl From<&Policy> for FolderPolicy {
    fn from(policy: &Policy) -> Self {
        FolderPolicy {
            create_folders: policy.create_folders,
            read_only: policy.read_only,
            restore_missing_folders: policy.restore_missing_folders,
            case_sensitive: PerSide::default(),
        }
    }
}

/// What to do about one pair of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderDecision {
    /// The pair: existing folders by their own names, a folder to create by the name it shall get.
    pub pair: FolderPair,
    /// What to do.
    pub action: FolderAction,
}

/// The action of a [`FolderDecision`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderAction {
    /// Both are there: sync.
    Sync,
    /// Create the folder on a side, then sync. The pair has no rows.
    Create {
        /// The side that lacks it.
        on: Side,
    },
    /// Forget the rows of the pair, create the folder on a side, then sync, which fills it again.
    Restore {
        /// The side that lacks it.
        on: Side,
        /// How many rows there are.
        rows: u64,
    },
    /// Was synced before and is missing on a side now, which is no proof of anything: refuse.
    Missing {
        /// The side that lacks it.
        on: Side,
        /// How many rows there are.
        rows: u64,
    },
    /// Missing on a side where it may not be created. Never synced; nothing to do.
    NotCreated {
        /// The side that lacks it.
        on: Side,
    },
    /// Would be one folder with others: not synced, reported.
    Collision {
        /// The side where they would meet.
        on: Side,
        /// The other pairs that meet there, sorted.
        with: Vec<FolderPair>,
    },
    /// Recorded, and there on neither side: forget the pair.
    Gone {
        /// How many rows there are.
        rows: u64,
    },
}

/// Decides about every folder, sorted by remote, then local name.
///
/// A remote folder belongs to the local folder whose own name is its translated name. A local folder that no remote folder
/// belongs to becomes the remote folder of its translated name. Names that are `inbox` in any case are one folder if each side has
/// exactly one (RFC 3501 section 5.1). A folder that cannot hold messages counts as missing, so creating it means making it able to.
/// `recorded` holds every pair known from earlier runs with its number of rows.
///
/// Of several pairs that would share a folder, the one that is recorded goes on and the others are collisions; if that does not
/// single one out, all of them are.
///
/// That translating there and back again yields the same name is for the caller to check before it creates a folder.
pub fn plan_folders(
    remote: &[NamedFolder],
    local: &[NamedFolder],
    recorded: &[(FolderPair, u64)],
    policy: &FolderPolicy,
) -> Vec<FolderDecision> {
    let candidates = pair_up(&by_name(remote), &by_name(local), recorded);
    let meetings = Meetings::new(&candidates);
    let mut decisions: Vec<FolderDecision> =
        candidates.iter().filter_map(|one| decide(one, &candidates, &meetings, policy)).collect();
    decisions.extend(gone(remote, local, recorded));
    decisions.sort_by(|a, b| sort_key(&a.pair).cmp(&sort_key(&b.pair)));
    decisions
}

type Folders<'a> = BTreeMap<&'a FolderName, &'a NamedFolder>;

/// A pair that could be synced, before anything is decided.
struct Candidate {
    pair: FolderPair,
    /// Where it is, able to hold messages.
    there: PerSide<bool>,
    /// Its rows, if it is recorded.
    rows: Option<u64>,
    /// Its remote folder exists but belongs to another local folder.
    displaced: bool,
}

/// Each folder once; a list may name one twice.
fn by_name(list: &[NamedFolder]) -> Folders<'_> {
    let mut folders = Folders::new();
    for folder in list {
        let kept = folders.entry(&folder.own).or_insert(folder);
        if folder.selectable && !kept.selectable {
            *kept = folder;
        }
    }
    folders
}

fn pair_up(remote: &Folders<'_>, local: &Folders<'_>, recorded: &[(FolderPair, u64)]) -> Vec<Candidate> {
    let records: BTreeMap<_, u64> = recorded.iter().map(|(pair, rows)| (sort_key(pair), *rows)).collect();
    let inbox = single_inboxes(remote, local);
    let mut matched = BTreeSet::new();
    let mut candidates = Vec::new();
    for folder in remote.values() {
        let exact = local.get(&folder.translated).copied();
        let partner = exact.or_else(|| inbox.filter(|(theirs, _)| *theirs == &folder.own).map(|(_, ours)| ours));
        matched.extend(partner.map(|p| &p.own));
        let name = partner.map_or_else(|| missing_name(folder, Side::Local, recorded), |p| p.own.clone());
        let there = PerSide { remote: folder.selectable, local: partner.is_some_and(|p| p.selectable) };
        candidates.push((FolderPair { remote: folder.own.clone(), local: name }, there, false));
    }
    for folder in local.values().filter(|folder| !matched.contains(&folder.own)) {
        let name = missing_name(folder, Side::Remote, recorded);
        let displaced = remote.contains_key(&name);
        let there = PerSide { remote: false, local: folder.selectable };
        candidates.push((FolderPair { remote: name, local: folder.own.clone() }, there, displaced));
    }
    let rows_of = |pair: &FolderPair| records.get(&sort_key(pair)).copied();
    let candidate = |(pair, there, displaced)| Candidate { rows: rows_of(&pair), pair, there, displaced };
    candidates.into_iter().map(candidate).collect()
}

/// The one inbox of each side, if each has exactly one.
fn single_inboxes<'a>(remote: &Folders<'a>, local: &Folders<'a>) -> Option<(&'a FolderName, &'a NamedFolder)> {
    let mut theirs = remote.values().filter(|folder| is_inbox(&folder.translated));
    let mut ours = local.values().filter(|folder| is_inbox(&folder.own));
    match (theirs.next(), theirs.next(), ours.next(), ours.next()) {
        (Some(theirs), None, Some(ours), None) => Some((&theirs.own, ours)),
        _ => None,
    }
}

fn is_inbox(name: &FolderName) -> bool {
    name.as_str().eq_ignore_ascii_case("inbox")
}

/// What a folder's partner on `side` is called when it is not there: an inbox keeps the spelling it was recorded under.
fn missing_name(folder: &NamedFolder, side: Side, recorded: &[(FolderPair, u64)]) -> FolderName {
    let before =
        || recorded.iter().map(|(pair, _)| pair).find(|pair| pair[side.other()] == folder.own && is_inbox(&pair[side]));
    let inbox = is_inbox(&folder.translated).then(before).flatten();
    inbox.map_or(&folder.translated, |pair| &pair[side]).clone()
}

/// `None` for a pair of which neither side can hold messages.
fn decide(
    candidate: &Candidate,
    all: &[Candidate],
    meetings: &Meetings<'_>,
    policy: &FolderPolicy,
) -> Option<FolderDecision> {
    let action = alone(candidate, policy)?;
    let live = matches!(action, FolderAction::Sync | FolderAction::Create { .. } | FolderAction::Restore { .. });
    let collision = live.then(|| meetings.collision(candidate, &action, all, policy)).flatten();
    Some(FolderDecision { pair: candidate.pair.clone(), action: collision.unwrap_or(action) })
}

/// What would be done about a pair if there were no other.
fn alone(candidate: &Candidate, policy: &FolderPolicy) -> Option<FolderAction> {
    let on = match (candidate.there.remote, candidate.there.local) {
        (true, true) => return Some(FolderAction::Sync),
        (true, false) => Side::Local,
        (false, true) => Side::Remote,
        (false, false) => return None,
    };
    let allowed = policy.create_folders[on] && !policy.read_only[on];
    Some(match candidate.rows.filter(|_| !candidate.displaced).unwrap_or(0) {
        0 if allowed => FolderAction::Create { on },
        0 => FolderAction::NotCreated { on },
        rows if allowed && policy.restore_missing_folders => FolderAction::Restore { on, rows },
        rows => FolderAction::Missing { on, rows },
    })
}

/// Which candidates have the same folder on a side, exactly or but for case.
struct Meetings<'a> {
    exact: PerSide<BTreeMap<&'a FolderName, Vec<usize>>>,
    folded: PerSide<BTreeMap<String, Vec<usize>>>,
}

impl<'a> Meetings<'a> {
    fn new(all: &'a [Candidate]) -> Self {
        let mut meetings = Meetings { exact: PerSide::default(), folded: PerSide::default() };
        for (index, candidate) in all.iter().enumerate() {
            for side in Side::BOTH {
                let name = &candidate.pair[side];
                meetings.exact[side].entry(name).or_default().push(index);
                meetings.folded[side].entry(name.as_str().to_lowercase()).or_default().push(index);
            }
        }
        meetings
    }

    fn collision(
        &self,
        candidate: &Candidate,
        action: &FolderAction,
        all: &[Candidate],
        policy: &FolderPolicy,
    ) -> Option<FolderAction> {
        let same = Side::BOTH.into_iter().find_map(|side| {
            let others = others(self.exact[side].get(&candidate.pair[side]), candidate, all);
            (!others.is_empty() && !prevails(candidate, &others)).then_some((side, others))
        });
        let (on, others) = same.or_else(|| self.differing_in_case(candidate, action, all, policy))?;
        let mut with: Vec<FolderPair> = others.into_iter().map(|other| other.pair.clone()).collect();
        with.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Some(FolderAction::Collision { on, with })
    }

    /// Only creating makes two folders meet that differ in case; two that exist are two.
    fn differing_in_case<'c>(
        &self,
        candidate: &Candidate,
        action: &FolderAction,
        all: &'c [Candidate],
        policy: &FolderPolicy,
    ) -> Option<(Side, Vec<&'c Candidate>)> {
        let (FolderAction::Create { on } | FolderAction::Restore { on, .. }) = *action else { return None };
        let name = &candidate.pair[on];
        if policy.case_sensitive[on] && !is_inbox(name) {
            return None;
        }
        let mut others = others(self.folded[on].get(&name.as_str().to_lowercase()), candidate, all);
        others.retain(|other| other.pair[on] != *name);
        (!others.is_empty()).then_some((on, others))
    }
}

fn others<'c>(meeting: Option<&Vec<usize>>, candidate: &Candidate, all: &'c [Candidate]) -> Vec<&'c Candidate> {
    let indices = meeting.into_iter().flatten();
    indices.map(|index| &all[*index]).filter(|other| other.pair != candidate.pair).collect()
}

/// Whether this one of several pairs that share a folder may go on: it alone is recorded, or it alone is no displaced one.
fn prevails(candidate: &Candidate, others: &[&Candidate]) -> bool {
    !candidate.displaced
        && others.iter().all(|other| other.displaced || (candidate.rows.is_some() && other.rows.is_none()))
}

/// Recorded pairs that are on neither side any more.
fn gone(remote: &[NamedFolder], local: &[NamedFolder], recorded: &[(FolderPair, u64)]) -> Vec<FolderDecision> {
    let names = |list: &[NamedFolder]| list.iter().map(|folder| folder.own.clone()).collect::<BTreeSet<_>>();
    let names = PerSide { remote: names(remote), local: names(local) };
    let has_inbox = names.as_ref().map(|names| names.iter().any(is_inbox));
    let listed = |side: Side, name: &FolderName| names[side].contains(name) || (has_inbox[side] && is_inbox(name));
    let absent = |pair: &FolderPair| Side::BOTH.into_iter().all(|side| !listed(side, &pair[side]));
    let lost = recorded.iter().filter(|(pair, _)| absent(pair));
    lost.map(|(pair, rows)| FolderDecision { pair: pair.clone(), action: FolderAction::Gone { rows: *rows } }).collect()
}

fn sort_key(pair: &FolderPair) -> (&FolderName, &FolderName) {
    (&pair.remote, &pair.local)
}
