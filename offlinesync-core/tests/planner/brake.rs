//! The brake at its edges.

use offlinesync_core::plan::Counts;
use offlinesync_core::plan::brake::{FolderLoss, Limit, check, check_account};
use offlinesync_core::{BrakeLimits, Error, ErrorKind, PerSide, Side};

/// Removals from the local side because the remote lost messages.
fn removals(n: u64) -> Counts {
    Counts { removals: PerSide { remote: 0, local: n }, vanished: PerSide { remote: n, local: 0 }, ..Counts::default() }
}

fn limit(counts: &Counts, rows: u64) -> Option<Limit> {
    check(counts, rows, &BrakeLimits::default()).err().map(|refusal| refusal.limit)
}

#[test]
fn ordinary_removals_pass() {
    for (n, rows) in [(0, 0), (0, 1_000_000), (1, 1), (24, 24), (100, 101), (500, 1000), (50, 60)] {
        assert_eq!(limit(&removals(n), rows), None, "{n} of {rows}");
    }
}

#[test]
fn an_emptied_folder_is_refused_from_its_limit_on() {
    assert_eq!(limit(&removals(25), 25), Some(Limit::EmptiedFolder));
    assert_eq!(limit(&removals(25), 26), None);
    assert_eq!(limit(&removals(100_000), 100_000), Some(Limit::EmptiedFolder));
}

#[test]
fn more_than_the_floor_and_more_than_the_share_is_refused() {
    assert_eq!(limit(&removals(101), 201), Some(Limit::Share));
    assert_eq!(limit(&removals(101), 202), None);
    assert_eq!(limit(&removals(100), 120), None);
    assert_eq!(limit(&removals(u64::MAX), u64::MAX), Some(Limit::EmptiedFolder), "no overflow");
}

#[test]
fn a_wiped_side_is_seen_through_forgotten_and_rescued_messages() {
    let mut counts = removals(20);
    counts.vanished = PerSide { remote: 30, local: 4 };
    assert_eq!(limit(&counts, 30), Some(Limit::EmptiedFolder));
    assert_eq!(limit(&counts, 31), None);
}

#[test]
fn a_folder_that_both_sides_thinned_is_not_a_wiped_one() {
    let half = PerSide { remote: 20, local: 20 };
    assert_eq!(limit(&Counts { removals: half, vanished: half, ..Counts::default() }, 40), None);
}

#[test]
fn each_side_is_judged_by_itself_and_named() {
    let counts = Counts {
        removals: PerSide { remote: 150, local: 0 },
        vanished: PerSide { remote: 0, local: 150 },
        ..Counts::default()
    };
    let refusal = check(&counts, 200, &BrakeLimits::default()).unwrap_err();
    assert_eq!((refusal.side, refusal.removals, refusal.rows, refusal.emptied), (Side::Remote, 150, 200, false));
    let text = "refused to remove 150 of 200 messages on the remote side: the local side lost unusually many";
    assert_eq!(refusal.to_string(), text);
    let error = Error::from(refusal);
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap().contains("--allow-mass-delete=150"));
}

#[test]
fn what_is_allowed_passes_and_one_more_does_not() {
    let limits = BrakeLimits { allowed: Some(150), ..BrakeLimits::default() };
    assert!(check(&removals(150), 150, &limits).is_ok());
    assert!(check(&removals(151), 151, &limits).is_err());
    let loss = [FolderLoss::new(&removals(100), 100), FolderLoss::new(&removals(51), 51)];
    assert!(check_account(&loss[..1], &limits).is_ok());
    assert!(check_account(&loss, &limits).is_err());
}

fn account(folders: &[(u64, u64)]) -> Option<(u64, u64)> {
    let losses: Vec<_> = folders.iter().map(|(n, rows)| FolderLoss::new(&removals(*n), *rows)).collect();
    check_account(&losses, &BrakeLimits::default()).err().map(|refusal| (refusal.removals, refusal.rows))
}

#[test]
fn a_small_wiped_account_is_refused_as_a_whole() {
    assert_eq!(account(&[(3, 3), (2, 2)]), Some((5, 5)));
    assert_eq!(account(&[(2, 2), (2, 2)]), None, "too few to tell");
    assert_eq!(account(&[(5, 5), (0, 5)]), Some((5, 10)), "half is enough");
    assert_eq!(account(&[(5, 5), (0, 6)]), None);
    assert_eq!(account(&[(9, 10), (5, 5)]), None, "a folder that keeps a message is not emptied");
    assert_eq!(account(&[(0, 0), (0, 40)]), None);
    assert_eq!(account(&[]), None);
}
