//! The laws of the planner, on thousands of random worlds and policies.

use crate::world::{Content, World};
use offlinesync_core::plan::{Action, ConflictRule, Notice, Plan, PlanPolicy, Refused, Seen, Step, Touched, plan};
use offlinesync_core::{FlagSupport, Flags, KeywordSupport, MessageId, PerSide, Row, Side};
use proptest::prelude::*;
use proptest::sample::select;

const NAMES: [&str; 4] = ["\\Seen", "\\Flagged", "Work", "todo"];

/// More effects than any run has.
const UNLIMITED: usize = 1000;

fn flags() -> impl Strategy<Value = Flags> {
    any::<u8>().prop_map(|bits| {
        Flags::from_imap(NAMES.iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, name)| *name))
    })
}

/// One message: its row's base, if it has one, and its flags where it is.
type Message = (Option<Flags>, PerSide<Option<Flags>>);

fn message() -> impl Strategy<Value = Message> {
    let there = || proptest::option::weighted(0.7, flags());
    (proptest::option::of(flags()), there(), there())
        .prop_map(|(base, remote, local)| (base, PerSide { remote, local }))
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    proptest::collection::vec(message(), 0..6)
}

fn world(messages: &[Message]) -> World {
    let mut world = World::default();
    for (content, (base, sides)) in messages.iter().enumerate() {
        let ids = PerSide::from_fn(|side| {
            let flags = sides[side].clone().unwrap_or_default();
            let id = world.add(side, content as Content, flags);
            if sides[side].is_none() {
                world.sides[side].remove(&id);
            }
            id
        });
        world.rows.extend(base.clone().map(|base| Row { ids, base }));
    }
    world
}

fn support() -> impl Strategy<Value = FlagSupport> {
    let only = |names: &[&str]| KeywordSupport::Only(names.iter().copied().collect());
    let keywords = select(vec![KeywordSupport::Any, only(&[]), only(&["WORK"]), only(&["todo", "other"])]);
    (any::<u8>(), keywords)
        .prop_map(|(bits, keywords)| FlagSupport { system: offlinesync_core::SystemFlags::from_bits(bits), keywords })
}

fn per_side() -> impl Strategy<Value = PerSide<bool>> {
    (any::<bool>(), any::<bool>()).prop_map(|(remote, local)| PerSide { remote, local })
}

fn conflict() -> impl Strategy<Value = ConflictRule> {
    select(vec![ConflictRule::RemovalWins, ConflictRule::ChangeWins])
}

fn any_policy() -> impl Strategy<Value = PlanPolicy> {
    (per_side(), per_side(), conflict(), support()).prop_map(|(read_only, propagate_removals, conflict, support)| {
        PlanPolicy { read_only, refusing: read_only, propagate_removals, conflict, support }
    })
}

/// Nothing protected and nothing unsupported: both sides must become equal.
fn open_policy() -> impl Strategy<Value = PlanPolicy> {
    conflict().prop_map(|conflict| PlanPolicy { conflict, ..PlanPolicy::default() })
}

fn swap_touched(touched: Touched) -> Touched {
    let row = touched.row.map(|row| Row { ids: row.ids.swapped(), base: row.base });
    Touched { row, seen: touched.seen.swapped() }
}

fn swap_step(step: Step) -> Step {
    let action = match step.action {
        Action::Copy { to, flags } => Action::Copy { to: to.other(), flags },
        Action::Merge { store, base } => Action::Merge { store: store.swapped(), base },
        Action::Remove { from } => Action::Remove { from: from.other() },
        Action::Forget => Action::Forget,
    };
    Step { ids: step.ids.swapped(), action, notice: step.notice }
}

fn swap_policy(policy: &PlanPolicy) -> PlanPolicy {
    PlanPolicy {
        read_only: policy.read_only.swapped(),
        refusing: policy.refusing.swapped(),
        propagate_removals: policy.propagate_removals.swapped(),
        ..policy.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_second_plan_is_empty(messages in messages(), policy in any_policy(), sparse: bool) {
        let mut world = world(&messages);
        world.sync(&policy, sparse, UNLIMITED);
        let second = world.plan(&policy, sparse);
        prop_assert!(second.is_empty(), "{second:?}");
        prop_assert!(world.plan(&policy, !sparse).is_empty());
    }

    #[test]
    fn both_sides_and_the_status_become_equal(messages in messages(), policy in open_policy(), sparse: bool) {
        let mut world = world(&messages);
        world.sync(&policy, sparse, UNLIMITED);
        let shape = world.shape();
        prop_assert_eq!(&shape.remote, &shape.local);
        prop_assert_eq!(&shape.remote, &shape.rows);
    }

    #[test]
    fn the_mirrored_question_has_the_mirrored_answer(messages in messages(), policy in any_policy(), sparse: bool) {
        let touched = world(&messages).touched(sparse);
        let mirrored = plan(touched.iter().cloned().map(swap_touched), &swap_policy(&policy));
        let Plan { steps, withheld, refused } = plan(touched, &policy);
        let steps: Vec<Step> = steps.into_iter().map(swap_step).collect();
        prop_assert_eq!((mirrored.steps, mirrored.withheld), (steps, withheld.swapped()));
        // Where both sides refuse flags of one message, the remote side is told first.
        let in_order = |refused: Vec<Refused>| {
            let mut told: Vec<String> = refused.iter().map(|one| format!("{one:?}")).collect();
            told.sort();
            told
        };
        let swapped = refused.into_iter().map(|one| Refused { on: one.on.other(), ids: one.ids.swapped(), ..one });
        prop_assert_eq!(in_order(mirrored.refused), in_order(swapped.collect()));
    }

    #[test]
    fn only_what_both_agreed_on_and_one_removed_vanishes(messages in messages(), policy in any_policy(), sparse: bool) {
        let mut after = world(&messages);
        after.sync(&policy, sparse, UNLIMITED);
        for (content, (base, before)) in messages.iter().enumerate() {
            for side in Side::BOTH {
                let lost = before[side].is_some() && !after.contents(side).contains(&(content as Content));
                let agreed = base.is_some() && before[side.other()].is_none();
                let meant = policy.propagate_removals[side.other()] && !policy.read_only[side];
                prop_assert!(!lost || (agreed && meant), "{content} vanished from {side}");
            }
        }
    }

    #[test]
    fn no_message_is_doubled(messages in messages(), policy in any_policy(), sparse: bool, fuel in 0usize..20) {
        let mut world = world(&messages);
        world.sync(&policy, sparse, fuel);
        world.sync(&policy, sparse, UNLIMITED);
        for side in Side::BOTH {
            prop_assert_eq!(world.contents(side).len(), world.sides[side].len());
        }
    }

    #[test]
    fn a_side_that_must_not_change_does_not(messages in messages(), policy in any_policy(), sparse: bool) {
        let mut after = world(&messages);
        let before = after.clone();
        after.sync(&policy, sparse, UNLIMITED);
        for side in Side::BOTH.into_iter().filter(|side| policy.read_only[*side]) {
            prop_assert_eq!(&after.sides[side], &before.sides[side]);
        }
    }

    /// The other way round: where nothing is kept back, a run without protection would do nothing more.
    #[test]
    fn what_is_not_withheld_is_done(messages in messages(), policy in any_policy(), sparse: bool) {
        let mut world = world(&messages);
        let withheld = world.plan(&policy, sparse).withheld;
        world.sync(&policy, sparse, UNLIMITED);
        let open = PlanPolicy { conflict: policy.conflict, support: policy.support, ..PlanPolicy::default() };
        let rest = world.plan(&open, sparse);
        prop_assert_eq!(rest.is_empty(), withheld == PerSide::default(), "{:?}", rest);
    }

    #[test]
    fn a_flag_that_one_side_cannot_keep_is_left_alone(messages in messages(), policy in any_policy(), sparse: bool) {
        let before = world(&messages);
        let beyond = |flags: &Flags| flags.difference(&flags.supported(&policy.support));
        for step in before.plan(&policy, sparse).steps {
            match step.action {
                Action::Copy { flags, .. } => prop_assert!(beyond(&flags).is_empty()),
                Action::Merge { store, base } => {
                    for delta in Side::BOTH.iter().filter_map(|side| store[*side].as_deref()) {
                        prop_assert!(beyond(&delta.add).is_empty() && beyond(&delta.remove).is_empty());
                    }
                    let row = before.rows.iter().find(|row| Some(&row.ids.remote) == step.ids.remote.as_ref());
                    let recorded = row.map(|row| row.base.clone()).unwrap_or_default();
                    prop_assert!(beyond(&base).difference(&recorded).is_empty(), "entered the base");
                }
                Action::Remove { .. } | Action::Forget => {}
            }
        }
    }

    /// Stop after any single effect, start again: the same end.
    #[test]
    fn stopping_anywhere_and_running_again_ends_the_same(messages in messages(), policy in open_policy(), sparse: bool) {
        let start = world(&messages);
        let mut whole = start.clone();
        let effects = UNLIMITED - whole.sync(&policy, sparse, UNLIMITED);
        for stop in 0..effects {
            let mut world = start.clone();
            world.sync(&policy, sparse, stop);
            world.sync(&policy, sparse, UNLIMITED);
            prop_assert_eq!(world.shape(), whole.shape(), "stopped after {} of {} effects", stop, effects);
        }
    }

    /// Users and crashes interleave as they like: mail that nobody ever removed is on both sides in the end.
    #[test]
    fn mail_that_nobody_removed_survives_any_history(
        messages in messages(),
        policy in open_policy(),
        history in proptest::collection::vec((any::<bool>(), any::<proptest::sample::Index>(), flags(), 0usize..12), 1..6),
    ) {
        let mut world = world(&messages);
        world.sync(&policy, true, UNLIMITED);
        let mut kept = world.contents(Side::Remote);
        for (remove, index, flags, fuel) in history {
            let side = if fuel % 2 == 0 { Side::Remote } else { Side::Local };
            if let Some(id) = pick(&world, side, index) {
                match remove {
                    true => drop(world.sides[side].remove(&id).map(|(content, _)| kept.remove(&content))),
                    false => world.sides[side].get_mut(&id).unwrap().1 = flags,
                }
            }
            world.sync(&policy, fuel % 3 == 0, fuel);
        }
        world.sync(&policy, false, UNLIMITED);
        world.sync(&policy, false, UNLIMITED);
        for side in Side::BOTH {
            prop_assert!(kept.is_subset(&world.contents(side)), "lost on {}", side);
        }
    }

    #[test]
    fn the_counts_add_up(messages in messages(), policy in any_policy()) {
        let plan = world(&messages).plan(&policy, false);
        let counts = plan.counts();
        let is = |action: fn(&Action) -> bool| plan.steps.iter().filter(|step| action(&step.action)).count() as u64;
        prop_assert_eq!(counts.copies.remote + counts.copies.local, is(|a| matches!(a, Action::Copy { .. })));
        prop_assert_eq!(counts.removals.remote + counts.removals.local, is(|a| matches!(a, Action::Remove { .. })));
        let both = is(|a| matches!(a, Action::Merge { store, .. } if store.remote.is_some() && store.local.is_some()));
        let quiet = is(|a| matches!(a, Action::Merge { .. } | Action::Forget));
        prop_assert_eq!(counts.flags.remote + counts.flags.local + counts.records, quiet + both);
        let kept = plan.steps.iter().filter(|step| step.notice == Some(Notice::KeptBecauseChanged)).count() as u64;
        let vanished = counts.removals.remote + counts.removals.local + kept + 2 * is(|a| matches!(a, Action::Forget));
        prop_assert_eq!(counts.vanished.remote + counts.vanished.local, vanished);
    }
}

fn pick(world: &World, side: Side, index: proptest::sample::Index) -> Option<MessageId> {
    let ids: Vec<_> = world.sides[side].keys().collect();
    (!ids.is_empty()).then(|| (*index.get(&ids)).clone())
}

#[test]
fn a_message_nobody_has_needs_nothing() {
    let nobody = Touched { row: None, seen: PerSide { remote: Seen::Gone, local: Seen::Unchanged } };
    assert!(plan(vec![nobody], &PlanPolicy::default()).is_empty());
}
