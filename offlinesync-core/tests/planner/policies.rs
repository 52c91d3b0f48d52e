//! What each policy means, told by example.

use offlinesync_core::plan::{
    Action, Change, ConflictRule, Counts, Notice, Plan, PlanPolicy, Seen, Step, Touched, plan,
};
use offlinesync_core::{FlagSupport, Flags, KeywordSupport, MessageId, PerSide, Row, Side, SystemFlags, Uid};

fn ids() -> PerSide<MessageId> {
    PerSide { remote: Uid::MIN.into(), local: MessageId::Name("m".into()) }
}

fn flags(names: &[&str]) -> Flags {
    Flags::from_imap(names.iter().copied())
}

fn there(side: Side, names: &[&str]) -> Seen {
    Seen::Present(ids()[side].clone(), flags(names))
}

fn known(base: &[&str], remote: Seen, local: Seen) -> Touched {
    Touched { row: Some(Row { ids: ids(), base: flags(base) }), seen: PerSide { remote, local } }
}

fn only(touched: Touched, policy: &PlanPolicy) -> Option<Step> {
    let mut steps = plan(vec![touched], policy).steps;
    assert!(steps.len() <= 1);
    steps.pop()
}

fn read_only(side: Side) -> PlanPolicy {
    PlanPolicy { read_only: PerSide::from_fn(|s| s == side), ..PlanPolicy::default() }
}

#[test]
fn a_read_only_side_gets_no_copy_and_loses_nothing() {
    let new = Touched { row: None, seen: PerSide { remote: Seen::Unchanged, local: there(Side::Local, &[]) } };
    assert_eq!(only(new, &read_only(Side::Remote)), None);
    let removed = known(&[], Seen::Unchanged, Seen::Gone);
    assert_eq!(only(removed, &read_only(Side::Remote)), None);
}

/// Mail that is not sent because a mailbox is read-only must be told of; what the user ruled out need not be.
#[test]
fn what_a_store_refuses_is_told_message_by_message_and_what_the_user_ruled_out_is_not() {
    let touched = || {
        let new = Touched { row: None, seen: PerSide { remote: Seen::Unchanged, local: there(Side::Local, &[]) } };
        let removed = known(&[], Seen::Unchanged, Seen::Gone);
        let flagged = known(&[], Seen::Unchanged, there(Side::Local, &["\\Flagged"]));
        let arrived = Touched { row: None, seen: PerSide { remote: there(Side::Remote, &[]), local: Seen::Unchanged } };
        vec![new, removed, flagged, arrived]
    };
    assert_eq!(plan(touched(), &read_only(Side::Remote)).refused, []);
    let policy = PlanPolicy { refusing: PerSide { remote: true, local: false }, ..read_only(Side::Remote) };
    let refusing = plan(touched(), &policy);
    let told: Vec<_> = refusing.refused.iter().map(|refused| (refused.on, refused.change)).collect();
    let on = |change| (Side::Remote, change);
    assert_eq!(told, [on(Change::Copy), on(Change::Removal), on(Change::Flags)]);
    assert_eq!(refusing.refused[0].ids, PerSide { remote: None, local: Some(ids().local) });
    assert_eq!(refusing.counts().copies, PerSide { remote: 0, local: 1 });
    let kept = PlanPolicy { propagate_removals: PerSide { remote: true, local: false }, ..policy };
    assert!(plan(touched(), &kept).refused.iter().all(|refused| refused.change != Change::Removal));
}

#[test]
fn a_local_change_towards_a_read_only_remote_stays_pending_while_other_flags_go_on() {
    let both_changed = known(&["todo"], there(Side::Remote, &["\\Seen", "todo"]), there(Side::Local, &["\\Flagged"]));
    let step = only(both_changed, &read_only(Side::Remote)).unwrap();
    let Action::Merge { store, base } = step.action else { panic!("{step:?}") };
    assert_eq!(store.remote, None);
    assert_eq!(store.local.unwrap().add, flags(&["\\Seen"]));
    assert_eq!(base, flags(&["\\Seen", "todo"]), "neither the new flag nor the lost keyword is agreed on");

    let pending = known(&["\\Seen", "todo"], Seen::Unchanged, there(Side::Local, &["\\Seen", "\\Flagged"]));
    assert_eq!(only(pending, &read_only(Side::Remote)), None);
    let caught_up =
        known(&["\\Seen"], there(Side::Remote, &["\\Seen", "\\Flagged"]), there(Side::Local, &["\\Seen", "\\Flagged"]));
    let Action::Merge { base, store } = only(caught_up, &read_only(Side::Remote)).unwrap().action else { panic!() };
    assert_eq!((base, store), (flags(&["\\Seen", "\\Flagged"]), PerSide::default()));
}

#[test]
fn a_removal_that_is_not_carried_over_is_neither_undone() {
    let policy = PlanPolicy {
        propagate_removals: PerSide { remote: true, local: false },
        conflict: ConflictRule::ChangeWins,
        ..PlanPolicy::default()
    };
    assert_eq!(only(known(&[], Seen::Unchanged, Seen::Gone), &policy), None);
    assert_eq!(only(known(&[], there(Side::Remote, &["\\Seen"]), Seen::Gone), &policy), None);
    let other_way = only(known(&[], Seen::Gone, Seen::Unchanged), &policy).unwrap();
    assert_eq!(other_way.action, Action::Remove { from: Side::Local });
}

#[test]
fn when_the_change_wins_the_message_is_copied_back_in_place_of_its_row() {
    let policy = PlanPolicy { conflict: ConflictRule::ChangeWins, ..PlanPolicy::default() };
    let step = only(known(&[], Seen::Gone, there(Side::Local, &["\\Answered"])), &policy).unwrap();
    assert_eq!(step.action, Action::Copy { to: Side::Remote, flags: flags(&["\\Answered"]) });
    assert_eq!(step.ids, ids().map(Some), "the old remote id tells which row goes");
    assert_eq!(step.notice, Some(Notice::KeptBecauseChanged));
    let counts = Plan { steps: vec![step], ..Plan::default() }.counts();
    let expected = Counts {
        copies: PerSide { remote: 1, local: 0 },
        vanished: PerSide { remote: 1, local: 0 },
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    let protected = PlanPolicy { read_only: PerSide { remote: true, local: false }, ..policy };
    assert_eq!(only(known(&[], Seen::Gone, there(Side::Local, &["\\Answered"])), &protected), None);
}

/// A removal was cut short between STORE and EXPUNGE. The mark that it left there was taken for a change, and the message came back.
#[test]
fn a_mark_for_removal_is_no_change_that_speaks_against_a_removal() {
    let policy = PlanPolicy { conflict: ConflictRule::ChangeWins, ..PlanPolicy::default() };
    let there = |flags: &[&str]| there(Side::Remote, flags);
    let step = only(known(&["\\Seen"], there(&["\\Seen", "\\Deleted"]), Seen::Gone), &policy).unwrap();
    assert_eq!((step.action, step.notice), (Action::Remove { from: Side::Remote }, None));
    for (before, after) in [(&["\\Deleted"][..], &[][..]), (&[], &["\\Seen", "\\Deleted"])] {
        let step = only(known(before, there(after), Seen::Gone), &policy).unwrap();
        assert_eq!(step.notice, Some(Notice::KeptBecauseChanged), "{before:?} {after:?}");
    }
}

#[test]
fn a_change_that_the_other_side_cannot_keep_is_no_conflict() {
    let support = FlagSupport { system: SystemFlags::ALL, keywords: KeywordSupport::Only(flags(&[]).keywords) };
    let policy = PlanPolicy { support, conflict: ConflictRule::ChangeWins, ..PlanPolicy::default() };
    let step = only(known(&[], Seen::Gone, there(Side::Local, &["Work"])), &policy).unwrap();
    assert_eq!((step.action, step.notice), (Action::Remove { from: Side::Local }, None));
}

#[test]
fn a_keyword_that_one_side_dropped_for_want_of_support_is_not_taken_for_removed() {
    let support = FlagSupport { system: SystemFlags::ALL, keywords: KeywordSupport::Only(flags(&[]).keywords) };
    let limited = PlanPolicy { support, ..PlanPolicy::default() };
    let dropped = known(&["Work"], there(Side::Remote, &[]), Seen::Unchanged);
    let Action::Merge { store, base } = only(dropped, &limited).unwrap().action else { panic!() };
    assert_eq!((store, base), (PerSide::default(), Flags::default()));
    let able_again = known(&[], Seen::Unchanged, there(Side::Local, &["Work"]));
    let Action::Merge { store, .. } = only(able_again, &PlanPolicy::default()).unwrap().action else { panic!() };
    assert_eq!(store.remote.unwrap().add, flags(&["Work"]), "the keyword comes back, it is not lost");
}

/// OfflineIMAP #665: keywords were told apart by case.
#[test]
fn a_keyword_in_another_spelling_is_the_same_keyword() {
    let same = known(&["NonJunk"], there(Side::Remote, &["nonjunk"]), there(Side::Local, &["NONJUNK"]));
    assert_eq!(only(same, &PlanPolicy::default()), None);
}

/// A listing since a cursor tells news once; what was kept back must be told again when the policy has changed.
#[test]
fn news_that_the_policy_keeps_back_is_told() {
    let withheld = |touched, policy: &PlanPolicy| {
        let PerSide { remote, local } = plan(vec![touched], policy).withheld;
        (remote, local)
    };
    let new = Touched { row: None, seen: PerSide { remote: Seen::Unchanged, local: there(Side::Local, &[]) } };
    assert_eq!(withheld(new.clone(), &read_only(Side::Remote)), (false, true));
    assert_eq!(withheld(new.clone(), &read_only(Side::Local)), (false, false));
    assert_eq!(withheld(new, &PlanPolicy::default()), (false, false));

    for changed in [&["\\Seen"][..], &["Work"]] {
        let flagged = known(&[], Seen::Unchanged, there(Side::Local, changed));
        assert_eq!(withheld(flagged.clone(), &read_only(Side::Remote)), (false, true));
        assert_eq!(withheld(flagged, &read_only(Side::Local)), (false, false));
    }

    let kept = PlanPolicy { propagate_removals: PerSide { remote: false, local: true }, ..PlanPolicy::default() };
    assert_eq!(withheld(known(&[], Seen::Gone, Seen::Unchanged), &kept), (true, false));
    assert_eq!(withheld(known(&[], Seen::Gone, there(Side::Local, &["\\Seen"])), &kept), (true, true));
    assert_eq!(withheld(known(&[], Seen::Unchanged, Seen::Gone), &kept), (false, false));
    assert_eq!(withheld(known(&[], Seen::Unchanged, Seen::Gone), &read_only(Side::Remote)), (false, true));
}

#[test]
fn steps_keep_the_order_of_the_messages() {
    let numbers = [5, 3, 9, 1];
    let new = |number| {
        let seen = Seen::Present(Uid::new(number).unwrap().into(), Flags::default());
        Touched { row: None, seen: PerSide { remote: seen, local: Seen::Unchanged } }
    };
    let steps = plan(numbers.into_iter().map(new), &PlanPolicy::default()).steps;
    let uids: Vec<_> = steps.iter().map(|step| step.ids.remote.as_ref().unwrap().uid().unwrap().get()).collect();
    assert_eq!(uids, numbers);
}

#[test]
fn a_hundred_thousand_copies_take_less_than_ten_megabytes() {
    assert!(100_000 * size_of::<Step>() < 10_000_000, "{} bytes a step", size_of::<Step>());
}
