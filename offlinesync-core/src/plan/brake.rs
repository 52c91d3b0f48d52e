//! The brake: refuses a plan that removes more than anyone is likely to mean. Pure.
//!
//! A store that is empty because a disk is not mounted, an account was reset or a path was mistyped looks exactly like one whose
//! owner removed everything. The brake asks before it believes that.

use super::Counts;
use crate::error::{Error, ErrorKind};
use crate::message::{PerSide, Side};
use crate::policy::BrakeLimits;
use crate::wording::counted;
use std::fmt;

/// The rule that a plan broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`BrakeLimits::folder_floor`] and [`BrakeLimits::folder_percent`].
    Share,
    /// [`BrakeLimits::emptied_folder`].
    EmptiedFolder,
    /// [`BrakeLimits::emptied_account`].
    EmptiedAccount,
    /// [`BrakeLimits::folder_floor`] and [`BrakeLimits::folder_percent`], taken of the whole account.
    AccountShare,
}

/// Why a plan must not be carried out. Nothing has been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The side that would lose messages.
    pub side: Side,
    /// How many it would lose.
    pub removals: u64,
    /// How many messages are recorded, in the folder or ([`Limit::EmptiedAccount`], [`Limit::AccountShare`]) in the account.
    pub rows: u64,
    /// The rule.
    pub limit: Limit,
    /// Whether every recorded message of the folder (of each folder counted) is gone from the other side.
    pub emptied: bool,
}

impl Refusal {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        let (n, other) = (self.removals, self.side.other());
        let suspicion = match (self.emptied, other) {
            (false, _) => "was an older copy put back? ",
            (true, Side::Local) => "is its disk mounted, or was it emptied? ",
            (true, Side::Remote) => "was the account emptied or made anew? ",
        };
        format!("{suspicion}if the {other} side lost them on purpose, let it through once with --allow-mass-delete={n}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { side, removals, rows, .. } = self;
        let (other, messages) = (side.other(), counted(rows, "message"));
        match (self.limit, self.emptied) {
            (Limit::EmptiedAccount, _) => write!(
                f,
                "refused to remove {removals} of the {messages} of the account on the {side} side: the {other} side lost every message of the folders they are in"
            ),
            (Limit::AccountShare, _) => write!(
                f,
                "refused to remove {removals} of the {messages} of the account on the {side} side: the {other} side lost unusually many in several folders"
            ),
            (_, true) => write!(
                f,
                "refused to remove {removals} of {messages} on the {side} side: the {other} side lost every message of the folder"
            ),
            (_, false) => write!(
                f,
                "refused to remove {removals} of {messages} on the {side} side: the {other} side lost unusually many"
            ),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::new(ErrorKind::Refused, refusal.to_string()).with_hint(refusal.hint())
    }
}

/// Judges the plan of one folder that has `rows` rows, each side by itself.
///
/// A plan passes if it removes nothing, or at most [`BrakeLimits::allowed`]. Otherwise it is refused on the side where it would
/// carry over the loss of every recorded message, if there are at least [`BrakeLimits::emptied_folder`] of them, or where it
/// removes more than [`BrakeLimits::folder_floor`] messages and more than [`BrakeLimits::folder_percent`] of all.
pub fn check(counts: &Counts, rows: u64, limits: &BrakeLimits) -> Result<(), Refusal> {
    Side::BOTH.into_iter().try_for_each(|side| check_side(counts, rows, limits, side))
}

fn check_side(counts: &Counts, rows: u64, limits: &BrakeLimits, side: Side) -> Result<(), Refusal> {
    let removals = counts.removals[side];
    let emptied = empties(counts, rows)[side];
    if removals == 0 || is_allowed(removals, limits) {
        return Ok(());
    }
    let share = u128::from(removals) * 100 > u128::from(rows) * u128::from(limits.folder_percent);
    let limit = match () {
        () if emptied && rows >= limits.emptied_folder => Limit::EmptiedFolder,
        () if removals > limits.folder_floor && share => Limit::Share,
        () => return Ok(()),
    };
    Err(Refusal { side, removals, rows, limit, emptied })
}

/// Judges the removals of all folders of an account together, by the rule for one: refused if they are more than
/// [`BrakeLimits::folder_floor`] and more than [`BrakeLimits::folder_percent`] of all `rows`.
///
/// It catches a store that lost most of its messages in many folders, none of which reaches its own limit.
pub fn check_total(removals: PerSide<u64>, rows: u64, limits: &BrakeLimits) -> Result<(), Refusal> {
    Side::BOTH.into_iter().try_for_each(|side| {
        let removals = removals[side];
        let share = u128::from(removals) * 100 > u128::from(rows) * u128::from(limits.folder_percent);
        if removals <= limits.folder_floor || !share || is_allowed(removals, limits) {
            return Ok(());
        }
        Err(Refusal { side, removals, rows, limit: Limit::AccountShare, emptied: false })
    })
}

fn is_allowed(removals: u64, limits: &BrakeLimits) -> bool {
    limits.allowed.is_some_and(|allowed| removals <= allowed)
}

/// For each side: whether a plan removes messages from it because the other side lost every message of the folder's `rows` rows.
///
/// A message that both sides lost, or that is copied back because it was changed, is lost like those that are removed.
pub fn empties(counts: &Counts, rows: u64) -> PerSide<bool> {
    PerSide::from_fn(|side| counts.removals[side] > 0 && counts.vanished[side.other()] >= rows)
}

/// What the plan of one folder takes away, for the rule about the whole account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderLoss {
    /// The folder's rows.
    pub rows: u64,
    /// Messages removed from each side if [`empties`] holds for it, else 0.
    pub emptied: PerSide<u64>,
}

impl FolderLoss {
    /// The loss that a plan with these counts brings to a folder with `rows` rows. A folder without a plan has
    /// `Counts::default()`.
    pub fn new(counts: &Counts, rows: u64) -> Self {
        let emptied = empties(counts, rows);
        FolderLoss { rows, emptied: PerSide::from_fn(|side| if emptied[side] { counts.removals[side] } else { 0 }) }
    }
}

/// Judges all folders of an account together, those without a plan included: refused if the folders that would be emptied on a
/// side hold at least [`BrakeLimits::emptied_account`] messages and at least half of all.
///
/// It catches the wiped store of a small account, where no single folder reaches its own limit.
pub fn check_account(folders: &[FolderLoss], limits: &BrakeLimits) -> Result<(), Refusal> {
    let rows: u64 = folders.iter().map(|folder| folder.rows).sum();
    Side::BOTH.into_iter().try_for_each(|side| {
        let emptied = folders.iter().filter(|folder| folder.emptied[side] > 0);
        let (lost, removals) =
            emptied.fold((0, 0), |(lost, removals), folder| (lost + folder.rows, removals + folder.emptied[side]));
        if removals == 0 || is_allowed(removals, limits) || lost < limits.emptied_account || lost < rows - lost {
            return Ok(());
        }
        Err(Refusal { side, removals, rows, limit: Limit::EmptiedAccount, emptied: true })
    })
}
