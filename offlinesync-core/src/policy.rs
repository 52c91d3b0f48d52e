//! What the user allows: directions, removals, folder creation, conflicts, the brake. Values only.

use crate::message::PerSide;
use crate::plan::ConflictRule;
use crate::window::Window;
use std::time::Duration;

/// The policy of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Sides that must not be changed (`readonly` of a repository).
    pub read_only: PerSide<bool>,
    /// Whether removals *on* this side are carried over (`sync_deletes` of a repository).
    pub propagate_removals: PerSide<bool>,
    /// Whether folders may be created *on* this side (`createfolders` of a repository).
    pub create_folders: PerSide<bool>,
    /// Who wins when one side changed what the other removed.
    pub conflict: ConflictRule,
    /// Which messages take part, by age and size (`maxage`, `startdate`, `maxsize`).
    pub window: Window,
    /// When a plan removes too much.
    pub brake: BrakeLimits,
    /// Folders whose witness says "no message came or went" are skipped though flags may have changed (`-q`, `quick`).
    pub quick: bool,
    /// A folder whose numbering changed is paired again by content instead of refused.
    pub accept_new_numbering: bool,
    /// A folder that has rows but is missing on one side is created there again and filled, instead of refused.
    pub restore_missing_folders: bool,
    /// Plan, report, and change nothing anywhere.
    pub dry_run: bool,
    /// In a dry run, read and report the header of each message that would be copied.
    pub show_messages: bool,
    /// How many folders are worked on at the same time at most; 0 lets the repositories decide.
    pub workers: usize,
    /// How often work is taken up again within a run, without any progress between, because the server has too much to do. Default 6.
    pub retries: u32,
    /// The pause before the first of them; each that follows is twice as long, and none is shorter than the server asks for. Default 1 s.
    pub retry_pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            read_only: PerSide::default(),
            propagate_removals: PerSide { remote: true, local: true },
            create_folders: PerSide { remote: true, local: true },
            conflict: ConflictRule::default(),
            window: Window::default(),
            brake: BrakeLimits::default(),
            quick: false,
            accept_new_numbering: false,
            restore_missing_folders: false,
            dry_run: false,
            show_messages: false,
            workers: 0,
            retries: 6,
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// When removals are too many to be meant. Ordinary use never meets the defaults; a wiped store always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeLimits {
    /// In one folder, up to this many removals always pass, unless they empty it; so do they in the account. Default 100.
    pub folder_floor: u64,
    /// More removals than the floor pass only up to this share of the folder's messages, and of the account's, in percent. Default 50.
    pub folder_percent: u8,
    /// A folder with at least this many messages is never emptied. Default 25.
    pub emptied_folder: u64,
    /// When every folder that loses all its messages is taken together: at least this many messages, and at least half of all
    /// that the account knows, is a wiped store. Default 5.
    pub emptied_account: u64,
    /// Lets through up to this many removals, once, whatever the other limits say (`--allow-mass-delete`).
    pub allowed: Option<u64>,
}

impl Default for BrakeLimits {
    fn default() -> Self {
        BrakeLimits { folder_floor: 100, folder_percent: 50, emptied_folder: 25, emptied_account: 5, allowed: None }
    }
}
