//! Random histories between a Maildir on a real disk and a server in memory, with the real client and a real status: mail programs and
//! people work on files, another client works on the server, syncs run, are cut short anywhere or meet a server that fails, and in the end a
//! model says what must be there.
//!
//! More cases than usual: `PROPTEST_CASES=5000 cargo test --release -p offlinesync-cli --all-features --test histories`

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod deeds;
mod files;
#[path = "../support/interrupted.rs"]
mod interrupted;
mod letters;
mod world;

use deeds::{LocalAct, Naming, NewName, RemoteAct};
use letters::KINDS;
use offlinesync_core::Side;
use offlinesync_core::testing::histories::{Bound, Ends, Fails, Trouble};
use offlinesync_imap::testing::server::{Action, EmailIds, Options};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use world::World;

const FOLDERS: [&str; 3] = ["INBOX", "Archive", "Lists/rust"];

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    Remote(RemoteAct),
    Local(LocalAct),
    /// Every message of a mailbox has another number.
    Renumber {
        folder: usize,
    },
    /// With everything that is in it.
    RemoveFolder {
        side: Side,
        folder: usize,
    },
    /// What was recorded is lost, or an older copy of it is put back.
    Status {
        older: Option<Index>,
    },
    Set(Settings),
    Sync(Run),
}

/// What a user sets, and changes now and then.
#[derive(Clone, Copy, Debug)]
struct Settings {
    backend: Backend,
    /// `maildir-windows-compatible`.
    windows: bool,
    fsync: bool,
    /// `filename_use_mail_timestamp`, `utime_from_header`.
    header_dates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Sqlite,
    Plain,
}

/// One sync.
#[derive(Clone, Debug)]
struct Run {
    ends: Ends,
    /// What becomes of the nth command.
    server: Option<(u64, Action)>,
    narrow: Option<Narrow>,
    bound: Option<Bound>,
    trouble: Option<Trouble<Index>>,
    change_wins: bool,
    quick: bool,
    /// What a user does before one of its effects.
    meanwhile: Option<(u64, Box<Act>)>,
}

impl Run {
    /// Nothing goes wrong, and nothing is left out.
    const CLEAN: Run = Run {
        ends: Ends::Well,
        server: None,
        narrow: None,
        bound: None,
        trouble: None,
        change_wins: false,
        quick: false,
        meanwhile: None,
    };

    fn is_clean(&self) -> bool {
        matches!(
            self,
            Run {
                ends: Ends::Well,
                server: None,
                narrow: None,
                bound: None,
                trouble: None,
                change_wins: false,
                quick: false,
                meanwhile: None
            }
        )
    }

    /// Whoever says that numbers are to be accepted says that what cannot be looked at is another message.
    fn trouble(&self) -> Option<&Trouble<Index>> {
        self.trouble.as_ref().filter(|_| !matches!(self.bound, Some(Bound::Numbers)))
    }
}

/// What is left out of one sync.
#[derive(Clone, Copy, Debug)]
enum Narrow {
    Size,
    Age,
}

/// The two sides.
#[derive(Clone, Debug)]
struct Kind {
    options: Options,
    /// Of folders in the Maildir.
    separator: char,
    settings: Settings,
}

fn side() -> impl Strategy<Value = Side> {
    select(Side::BOTH.to_vec())
}

fn folder() -> std::ops::Range<usize> {
    0..FOLDERS.len()
}

fn again() -> impl Strategy<Value = Option<Index>> {
    proptest::option::weighted(0.2, any::<Index>())
}

fn remote_user(flags: usize) -> impl Strategy<Value = RemoteAct> {
    let which = any::<Index>;
    prop_oneof![
        5 => (folder(), any::<u8>(), again(), 0..KINDS)
            .prop_map(|(folder, flags, again, kind)| RemoteAct::Add { folder, flags, again, kind }),
        3 => which().prop_map(|which| RemoteAct::Remove { which }),
        3 => (which(), folder()).prop_map(|(which, to)| RemoteAct::Move { which, to }),
        1 => (which(), folder()).prop_map(|(which, to)| RemoteAct::Copy { which, to }),
        4 => (which(), 0..flags).prop_map(|(which, flag)| RemoteAct::Flag { which, flag }),
        1 => which().prop_map(|which| RemoteAct::Replace { which }),
        1 => folder().prop_map(|folder| RemoteAct::Create { folder }),
    ]
}

fn new_name() -> impl Strategy<Value = NewName> {
    prop_oneof![
        4 => Just(NewName::Usual),
        1 => Just(NewName::Sized),
        1 => (1..12u32).prop_map(NewName::Lying),
        1 => Just(NewName::Bare),
        1 => Just(NewName::Odd),
    ]
}

fn naming() -> impl Strategy<Value = Naming> {
    prop_oneof![
        4 => Just(Naming::AsItWas),
        1 => Just(Naming::Unclaimed),
        1 => Just(Naming::WithoutDigest),
        1 => Just(Naming::OtherBase),
        1 => Just(Naming::Anew),
    ]
}

fn local_user(flags: usize) -> impl Strategy<Value = LocalAct> {
    let which = any::<Index>;
    prop_oneof![
        5 => (folder(), any::<u8>(), again(), 0..KINDS, new_name(), prop::bool::weighted(0.2)).prop_map(
            |(folder, flags, again, kind, name, crlf)| LocalAct::Deliver { folder, flags, again, kind, name, crlf }
        ),
        3 => which().prop_map(|which| LocalAct::Remove { which }),
        4 => (which(), folder(), naming()).prop_map(|(which, to, how)| LocalAct::Move { which, to, how }),
        2 => (which(), folder(), naming()).prop_map(|(which, to, how)| LocalAct::Copy { which, to, how }),
        4 => (which(), 0..flags).prop_map(|(which, flag)| LocalAct::Flag { which, flag }),
        1 => which().prop_map(|which| LocalAct::Look { which }),
        1 => (which(), 0..KINDS).prop_map(|(which, kind)| LocalAct::Edit { which, kind }),
        1 => (which(), 0..400i64).prop_map(|(which, days)| LocalAct::Touch { which, days }),
        1 => (which(), select(vec!['X', 'c', 'b', 'z'])).prop_map(|(which, letter)| LocalAct::Letter { which, letter }),
        1 => folder().prop_map(|folder| LocalAct::Create { folder }),
    ]
}

fn user(flags: usize) -> impl Strategy<Value = Act> {
    prop_oneof![2 => remote_user(flags).prop_map(Act::Remote), 3 => local_user(flags).prop_map(Act::Local)]
}

fn ends() -> impl Strategy<Value = Ends> {
    let n = || 1..120u64;
    prop_oneof![
        3 => Just(Ends::Well),
        1 => n().prop_map(Ends::Before),
        1 => n().prop_map(Ends::Within),
        2 => n().prop_map(Ends::After),
        1 => n().prop_map(Ends::Failing),
        1 => (n(), proptest::option::of(any::<u64>())).prop_map(|(n, some)| Ends::Power(n, some)),
    ]
}

fn server_fault() -> impl Strategy<Value = Option<(u64, Action)>> {
    let action = prop_oneof![
        2 => Just(Action::No("not now")),
        1 => Just(Action::Bye),
        3 => (0..300usize).prop_map(Action::CutAfter),
        2 => (0..300usize).prop_map(Action::CutInput),
    ];
    proptest::option::weighted(0.4, (2..40u64, action))
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    let bound = prop_oneof![
        side().prop_map(Bound::ReadOnly),
        side().prop_map(Bound::Removals),
        Just(Bound::Folders),
        Just(Bound::Numbers),
        Just(Bound::Missing)
    ];
    proptest::option::weighted(0.2, bound)
}

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

fn settings() -> impl Strategy<Value = Settings> {
    let backend = prop_oneof![Just(Backend::Sqlite), Just(Backend::Plain)];
    (backend, prop::bool::weighted(0.3), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(backend, windows, fsync, header_dates)| Settings { backend, windows, fsync, header_dates })
}

/// What goes wrong in a sync, or is left out.
fn run(flags: usize) -> impl Strategy<Value = Run> {
    let narrow = proptest::option::weighted(0.15, select(vec![Narrow::Size, Narrow::Age]));
    let meanwhile = proptest::option::weighted(0.2, (1..120u64, user(flags).prop_map(Box::new)));
    let toggles = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (ends(), server_fault(), narrow, bound(), trouble(), toggles, meanwhile).prop_map(
        |(ends, server, narrow, bound, trouble, (change_wins, quick), meanwhile)| Run {
            ends,
            server,
            narrow,
            bound,
            trouble,
            change_wins,
            quick,
            meanwhile,
        },
    )
}

fn act(flags: usize) -> impl Strategy<Value = Act> {
    let status = proptest::option::of(any::<Index>()).prop_map(|older| Act::Status { older });
    let renumber = folder().prop_map(|folder| Act::Renumber { folder });
    let remove_folder = (side(), 1..FOLDERS.len()).prop_map(|(side, folder)| Act::RemoveFolder { side, folder });
    prop_oneof![
        40 => user(flags),
        8 => run(flags).prop_map(Act::Sync),
        2 => Just(Act::Sync(Run::CLEAN)),
        1 => status,
        1 => renumber,
        1 => remove_folder,
        1 => settings().prop_map(Act::Set),
    ]
}

/// Of a server with these flags.
fn history(flags: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(flags), 1..30)
}

/// Without anything that goes wrong.
fn quiet_history(flags: usize) -> impl Strategy<Value = Vec<Act>> {
    let sync = Just(Act::Sync(Run::CLEAN));
    prop::collection::vec(prop_oneof![6 => user(flags), 1 => sync, 1 => settings().prop_map(Act::Set)], 1..30)
}

/// Everything, or less and less of it.
fn options() -> impl Strategy<Value = Options> {
    const LESS: [&str; 10] = [
        "UIDPLUS",
        "MOVE",
        "CONDSTORE",
        "QRESYNC",
        "ESEARCH",
        "LIST-STATUS",
        "LIST-EXTENDED",
        "LITERAL+",
        "UNSELECT",
        "ENABLE",
    ];
    let ids = select(vec![EmailIds::True, EmailIds::AllAlike, EmailIds::ByNumber]);
    let more = (proptest::option::of(ids), prop::bool::weighted(0.2));
    (prop::collection::vec(prop::bool::weighted(0.25), LESS.len()), more, prop::bool::weighted(0.15)).prop_map(
        |(less, (ids, folds), bare)| {
            if bare {
                return Options::bare();
            }
            let mut options = Options::default();
            for (name, _) in LESS.iter().zip(less).filter(|(_, less)| *less) {
                options = options.without(name);
                if matches!(*name, "CONDSTORE" | "ENABLE") {
                    options = options.without("QRESYNC");
                }
            }
            if let Some(ids) = ids {
                options = options.with("OBJECTID").email_ids(ids);
            }
            if folds { options.folds_case() } else { options }
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let separator = select(vec!['.', '.', '/']);
    (options(), separator, settings()).prop_map(|(options, separator, settings)| Kind { options, separator, settings })
}

/// The usual cases are the same each time, so that what fails failed by a change; those that somebody asks for are others.
fn cases(usual: u32) -> ProptestConfig {
    let wanted: Option<u32> = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let rng_seed = wanted.map_or(RngSeed::Fixed(1), |_| RngSeed::Random);
    ProptestConfig {
        rng_seed,
        max_shrink_iters: 5_000,
        max_global_rejects: 10_000,
        ..ProptestConfig::with_cases(wanted.unwrap_or(usual))
    }
}

/// All flags but the one that marks for removal: where a server cannot expunge single messages, others that are marked stand in the way.
const UNMARKED: usize = letters::FLAGS.len() - 1;

proptest! {
    #![proptest_config(cases(50))]

    /// Nothing is lost, nothing is there twice or comes back, both sides become equal, and the sync after that has nothing to do.
    #[test]
    fn after_any_history_a_maildir_and_a_server_are_as_they_must_be(kind in kind(), history in history(UNMARKED)) {
        World::new(&kind).live(&history)?;
    }

    /// Without trouble, no sync removes more than users did.
    #[test]
    fn use_alone_keeps_a_maildir_and_a_server_in_step(kind in kind(), history in quiet_history(UNMARKED)) {
        World::new(&kind).live(&history)?;
    }

    /// Messages that are marked for removal are mail like any other where a server can expunge others alone.
    #[test]
    fn messages_that_are_marked_for_removal_stay_until_somebody_removes_them(
        separator in select(vec!['.', '/']), settings in settings(), history in history(UNMARKED + 1)
    ) {
        World::new(&Kind { options: Options::default(), separator, settings }).live(&history)?;
    }
}
