//! Random histories over random stores: two users work on the two sides, syncs run, stop anywhere, fail or look through a window, and
//! in the end a model says what must be there.
//!
//! More cases than usual: `PROPTEST_CASES=10000 cargo test --release -p offlinesync-core --all-features --test histories`

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod users;
mod world;

use offlinesync_core::testing::histories::{Bound, Ends, Fails, Trouble};
use offlinesync_core::testing::{ContentsKnob, Deltas, Knobs, WitnessKnob};
use offlinesync_core::{FlagSupport, KeywordSupport, PerSide, Side, SystemFlags};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use world::World;

const FOLDERS: [&str; 4] = ["INBOX", "Archive", "Lists/rust", "Shelf"];

/// The folder that users rename, and the name they give it.
const RENAMED: [&str; 2] = ["Archive", "Shelf"];

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    /// A new message, or one more of a content that is there.
    Add {
        side: Side,
        folder: usize,
        flags: u8,
        again: Option<Index>,
        large: bool,
    },
    /// Somebody else puts a new message on both sides.
    AddOnBoth {
        folder: usize,
        flags: u8,
        large: bool,
    },
    Remove {
        side: Side,
        which: Index,
    },
    Move {
        side: Side,
        which: Index,
        to: usize,
    },
    Flag {
        side: Side,
        which: Index,
        flag: usize,
    },
    Create {
        side: Side,
        folder: usize,
    },
    /// The one folder that has either name gets the other.
    Rename {
        side: Side,
    },
    /// Every message of a folder has another number.
    Renumber {
        side: Side,
        folder: usize,
    },
    /// What was recorded is lost, or an older copy of it is put back.
    Status {
        older: Option<Index>,
    },
    Sync(Run),
}

impl Act {
    /// On which side a user does it.
    fn side(&self) -> Side {
        match self {
            Act::Add { side, .. }
            | Act::Remove { side, .. }
            | Act::Move { side, .. }
            | Act::Flag { side, .. }
            | Act::Create { side, .. }
            | Act::Rename { side }
            | Act::Renumber { side, .. } => *side,
            Act::AddOnBoth { .. } | Act::Status { .. } | Act::Sync(_) => Side::Remote,
        }
    }
}

/// One sync.
#[derive(Clone, Debug)]
struct Run {
    ends: Ends,
    /// Large messages are left out.
    narrow: bool,
    without: Option<Without>,
    bound: Option<Bound>,
    trouble: Option<Trouble<Index>>,
    /// What a user does before one of its effects.
    meanwhile: Option<(u64, Box<Act>)>,
}

impl Run {
    /// Nothing goes wrong, and nothing is left out.
    const CLEAN: Run =
        Run { ends: Ends::Well, narrow: false, without: None, bound: None, trouble: None, meanwhile: None };

    fn is_clean(&self) -> bool {
        matches!(
            self,
            Run { ends: Ends::Well, narrow: false, without: None, bound: None, trouble: None, meanwhile: None }
        )
    }

    /// Whoever says that numbers are to be accepted says that what cannot be looked at is another message.
    fn trouble(&self) -> Option<&Trouble<Index>> {
        self.trouble.as_ref().filter(|_| !matches!(self.bound, Some(Bound::Numbers)))
    }
}

/// A folder that does not take part in one sync: a filter leaves it out, or fails for it.
#[derive(Clone, Copy, Debug)]
struct Without {
    folder: usize,
    failing: bool,
}

fn side() -> impl Strategy<Value = Side> {
    select(Side::BOTH.to_vec())
}

fn user() -> impl Strategy<Value = Act> {
    let again = || proptest::option::weighted(0.15, any::<Index>());
    prop_oneof![
        5 => (side(), 0..3usize, any::<u8>(), again(), any::<bool>())
            .prop_map(|(side, folder, flags, again, large)| Act::Add { side, folder, flags, again, large }),
        3 => (side(), any::<Index>()).prop_map(|(side, which)| Act::Remove { side, which }),
        3 => (side(), any::<Index>(), 0..3usize).prop_map(|(side, which, to)| Act::Move { side, which, to }),
        4 => (side(), any::<Index>(), 0..4usize).prop_map(|(side, which, flag)| Act::Flag { side, which, flag }),
        1 => (side(), 0..3usize).prop_map(|(side, folder)| Act::Create { side, folder }),
    ]
}

fn ends() -> impl Strategy<Value = Ends> {
    prop_oneof![
        2 => Just(Ends::Well),
        1 => (1..60u64).prop_map(Ends::Before),
        1 => (1..60u64).prop_map(Ends::Within),
        2 => (1..60u64).prop_map(Ends::After),
        1 => (1..60u64).prop_map(Ends::Failing),
    ]
}

fn without() -> impl Strategy<Value = Option<Without>> {
    let without = (0..3usize, any::<bool>()).prop_map(|(folder, failing)| Without { folder, failing });
    proptest::option::weighted(0.3, without)
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    let bound = prop_oneof![
        side().prop_map(Bound::ReadOnly),
        side().prop_map(Bound::Removals),
        Just(Bound::Folders),
        Just(Bound::Numbers),
        Just(Bound::Missing)
    ];
    proptest::option::weighted(0.3, bound)
}

/// Most of it about messages that cannot be looked at.
fn trouble() -> impl Strategy<Value = Option<Trouble<Index>>> {
    let what = prop_oneof![
        3 => Just(Fails::Everything),
        3 => Just(Fails::Header),
        1 => Just(Fails::Body),
        1 => Just(Fails::Rest),
        1 => Just(Fails::Begin),
        1 => Just(Fails::Commit),
        1 => Just(Fails::Flags),
        1 => Just(Fails::Removal),
        1 => Just(Fails::Move),
    ];
    let some = prop::collection::vec(any::<Index>(), 1..4);
    let trouble = (side(), some, what).prop_map(|(side, which, what)| Trouble { side, which, what });
    proptest::option::weighted(0.2, trouble)
}

/// In the middle of a sync.
fn meanwhile(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Option<(u64, Box<Act>)>> {
    proptest::option::weighted(0.15, (1..60u64, act.prop_map(Box::new)))
}

fn renumber() -> impl Strategy<Value = Act> {
    (side(), 0..3usize).prop_map(|(side, folder)| Act::Renumber { side, folder })
}

fn renamed() -> impl Strategy<Value = Act> {
    side().prop_map(|side| Act::Rename { side })
}

fn both() -> impl Strategy<Value = Act> {
    (0..3usize, any::<u8>(), any::<bool>()).prop_map(|(folder, flags, large)| Act::AddOnBoth { folder, flags, large })
}

fn status() -> impl Strategy<Value = Act> {
    proptest::option::of(any::<Index>()).prop_map(|older| Act::Status { older })
}

fn history() -> impl Strategy<Value = Vec<Act>> {
    let sync = (ends(), prop::bool::weighted(0.2), without(), bound(), trouble(), meanwhile(user())).prop_map(
        |(ends, narrow, without, bound, trouble, meanwhile)| {
            Act::Sync(Run { ends, narrow, without, bound, trouble, meanwhile })
        },
    );
    prop::collection::vec(
        prop_oneof![32 => user(), 8 => sync, 1 => status(), 1 => renumber(), 1 => renamed(), 2 => both()],
        1..30,
    )
}

/// Without anything that goes wrong.
fn quiet_history() -> impl Strategy<Value = Vec<Act>> {
    let sync = Just(Act::Sync(Run::CLEAN));
    prop::collection::vec(prop_oneof![4 => user(), 1 => sync], 1..30)
}

/// Both users move most of what there is, between syncs that may be cut short: names and numbers come back in other folders.
fn moving_history() -> impl Strategy<Value = Vec<Act>> {
    let add = || {
        (side(), 0..3usize, prop::bool::ANY).prop_map(|(side, folder, large)| Act::Add {
            side,
            folder,
            flags: 0,
            again: None,
            large,
        })
    };
    let moved = || (side(), any::<Index>(), 0..3usize).prop_map(|(side, which, to)| Act::Move { side, which, to });
    let removed = || (side(), any::<Index>()).prop_map(|(side, which)| Act::Remove { side, which });
    let meanwhile = meanwhile(prop_oneof![add(), moved(), removed()]);
    let sync =
        (ends(), without(), bound(), trouble(), meanwhile).prop_map(|(ends, without, bound, trouble, meanwhile)| {
            Act::Sync(Run { ends, narrow: false, without, bound, trouble, meanwhile })
        });
    let rest = prop::collection::vec(
        prop_oneof![4 => add(), 16 => moved(), 2 => removed(), 4 => sync, 1 => status(), 1 => renumber(), 1 => both()],
        5..30,
    );
    let first = prop::collection::vec(add(), 2..8);
    (first, rest).prop_map(|(mut first, rest)| {
        first.push(Act::Sync(Run::CLEAN));
        first.extend(rest);
        first
    })
}

/// One user adds, moves and removes, and nobody does on the other side.
fn lonely_history() -> impl Strategy<Value = Vec<Act>> {
    let add = (0..3usize, any::<bool>()).prop_map(|(folder, large)| Act::Add {
        side: Side::Remote,
        folder,
        flags: 0,
        again: None,
        large,
    });
    let moved = (any::<Index>(), 0..3usize).prop_map(|(which, to)| Act::Move { side: Side::Remote, which, to });
    let removed = any::<Index>().prop_map(|which| Act::Remove { side: Side::Remote, which });
    // What is told by its header alone, and whose header cannot be read, is copied all the same; nothing tells that the copy is its own
    // should the run end then and the message be removed.
    let seen = |trouble: Option<Trouble<Index>>| trouble.filter(|trouble| !matches!(trouble.what, Fails::Header));
    let sync = (ends(), without(), trouble().prop_map(seen))
        .prop_map(|(ends, without, trouble)| Act::Sync(Run { ends, without, trouble, ..Run::CLEAN }));
    prop::collection::vec(prop_oneof![3 => add, 3 => moved, 3 => removed, 2 => sync], 5..30)
}

/// Stores as there are, whose messages tell what they are.
fn telling_stores() -> impl Strategy<Value = PerSide<Knobs>> {
    let kinds = || select(vec![Knobs::imap(), Knobs::maildir()]);
    let stores = (kinds(), kinds(), 1..6usize, any::<bool>());
    stores.prop_map(|(remote, local, messages, transfer)| {
        PerSide { remote, local }.map(|kind| {
            let mut knobs = Knobs { tells_octets: true, transfer, ..kind };
            knobs.group.messages = messages;
            knobs
        })
    })
}

fn support() -> impl Strategy<Value = FlagSupport> {
    let only = |names: &[&str]| KeywordSupport::Only(names.iter().copied().collect());
    let keywords = select(vec![KeywordSupport::Any, KeywordSupport::Any, only(&[]), only(&["work"])]);
    let system = select(vec![SystemFlags::ALL, SystemFlags::ALL, SystemFlags::SEEN, SystemFlags::NONE]);
    (system, keywords).prop_map(|(system, keywords)| FlagSupport { system, keywords })
}

/// A store of some kind that can do more or less than that kind can.
fn knobs() -> impl Strategy<Value = Knobs> {
    let kinds = vec![Knobs::imap(), Knobs::plain_imap(), Knobs::maildir()];
    let deltas = vec![Deltas::Nothing, Deltas::Logged, Deltas::Compared];
    let witnesses = vec![WitnessKnob::Nothing, WitnessKnob::Messages, WitnessKnob::Everything];
    let toggles =
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let contents = vec![
        ContentsKnob::Nothing,
        ContentsKnob::True,
        ContentsKnob::True,
        ContentsKnob::AllAlike,
        ContentsKnob::ByNumber,
        ContentsKnob::BySize,
    ];
    (select(kinds), select(deltas), select(witnesses), toggles, 1..6usize, support(), select(contents)).prop_map(
        |(
            kind,
            deltas,
            witness,
            (tells_ids, eager, transfer, tells_octets, cheap, shared),
            messages,
            support,
            contents,
        )| {
            let kind = Knobs { contents, folder_identities: contents != ContentsKnob::Nothing, ..kind };
            let mut knobs = Knobs { witness, transfer, tells_octets, cheap_content: cheap, shared, support, ..kind };
            knobs.group.messages = messages;
            if knobs.numbered {
                knobs = Knobs { deltas, tells_ids, eager, ..knobs };
            }
            knobs
        },
    )
}

fn stores() -> impl Strategy<Value = PerSide<Knobs>> {
    (knobs(), knobs()).prop_map(|(remote, local)| PerSide { remote, local })
}

/// The usual cases are the same each time, so that what fails failed by a change; those that somebody asks for are others.
fn cases(usual: u32) -> ProptestConfig {
    let wanted: Option<u32> = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let rng_seed = wanted.map_or(RngSeed::Fixed(1), |_| RngSeed::Random);
    ProptestConfig {
        rng_seed,
        max_shrink_iters: 20_000,
        max_global_rejects: 10_000,
        ..ProptestConfig::with_cases(wanted.unwrap_or(usual))
    }
}

fn mirrored(history: &[Act]) -> Vec<Act> {
    let mut history = history.to_vec();
    for act in &mut history {
        match act {
            Act::Add { side, .. }
            | Act::Remove { side, .. }
            | Act::Move { side, .. }
            | Act::Flag { side, .. }
            | Act::Create { side, .. } => *side = side.other(),
            Act::AddOnBoth { .. } | Act::Rename { .. } | Act::Renumber { .. } | Act::Status { .. } | Act::Sync(_) => {}
        }
    }
    history
}

proptest! {
    #![proptest_config(cases(300))]

    /// Nothing is lost, nothing is there twice or comes back, both sides become equal, and the sync after that has nothing to do.
    #[test]
    fn after_any_history_a_clean_sync_makes_all_as_it_must_be(stores in stores(), history in history()) {
        World::new(&stores).live(&history)?;
    }

    /// A clean history, told on the two sides the other way round, ends the other way round.
    #[test]
    fn the_mirrored_history_ends_mirrored(stores in stores(), history in quiet_history()) {
        let ends = |stores: &PerSide<Knobs>, history: &[Act]| {
            let mut world = World::new(stores);
            world.live(history)?;
            Ok::<_, TestCaseError>(Side::BOTH.map(|side| world.contents(side)))
        };
        let [remote, local] = ends(&stores, &history)?;
        let [mirrored_remote, mirrored_local] = ends(&stores.clone().swapped(), &mirrored(&history))?;
        prop_assert_eq!(remote, mirrored_local);
        prop_assert_eq!(local, mirrored_remote);
    }

    /// Without faults no sync removes more on one side than the user of the other removed and moved away, however the stores answer.
    #[test]
    fn no_more_is_removed_than_was_removed(stores in stores(), history in quiet_history()) {
        let mut world = World::new(&stores);
        for act in &history {
            world.act(act)?;
            world.check_removals()?;
        }
        world.settle()?;
        world.check_removals()?;
    }
}

proptest! {
    #![proptest_config(cases(100))]

    /// Where one side alone is worked on, it ends as its user left it, wherever runs ended meanwhile: nothing that was removed or moved away there
    /// comes back, unless it was never looked at before.
    #[test]
    fn a_side_that_is_worked_on_alone_ends_as_its_user_left_it(
        stores in telling_stores(), side in side(), history in lonely_history()
    ) {
        let mut world = World::new(&stores);
        world.begin_together()?;
        let history = if side == Side::Remote { history } else { mirrored(&history) };
        for act in &history {
            world.act(act)?;
        }
        world.settle_as_left(side)?;
    }

    /// Where both sides move mail at once, too, all ends as it must.
    #[test]
    fn moves_on_both_sides_at_once_end_as_they_must(stores in stores(), history in moving_history()) {
        World::new(&stores.map(|knobs| Knobs { transfer: true, ..knobs })).live(&history)?;
    }
}
