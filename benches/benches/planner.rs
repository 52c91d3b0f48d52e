//! How long the planner takes, from a thousand to a million messages. `cargo bench -p offlinesync-benches --bench planner`.

#![allow(missing_docs)]

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use offlinesync_core::plan::{PlanPolicy, Seen, Touched, plan};
use offlinesync_core::{Flags, MessageId, PerSide, Row, Uid};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

fn ids(number: u32) -> PerSide<MessageId> {
    PerSide {
        remote: Uid::new(number).unwrap_or(Uid::MIN).into(),
        local: MessageId::Name(format!("1700000000.{number}.host").into()),
    }
}

fn known(number: u32, base: &[&str], remote: &[&str], local: &[&str]) -> Touched {
    let flags = |names: &[&str]| Flags::from_imap(names.iter().copied());
    let ids = ids(number);
    let seen = PerSide {
        remote: Seen::Present(ids.remote.clone(), flags(remote)),
        local: Seen::Present(ids.local.clone(), flags(local)),
    };
    Touched { row: Some(Row { ids, base: flags(base) }), seen }
}

fn new(number: u32) -> Touched {
    let seen = Seen::Present(ids(number).remote, Flags::from_imap(["\\Seen"]));
    Touched { row: None, seen: PerSide { remote: seen, local: Seen::Unchanged } }
}

fn measure(bencher: Bencher<'_, '_>, size: u32, message: impl Fn(u32) -> Touched + Sync) {
    let policy = PlanPolicy::default();
    bencher
        .counter(ItemsCount::new(size))
        .with_inputs(|| (1..=size).map(&message).collect::<Vec<_>>())
        .bench_values(|touched| plan(touched, &policy));
}

/// The first sync of a folder: everything is new.
#[divan::bench(args = SIZES, sample_count = 10)]
fn first_sync(bencher: Bencher<'_, '_>, size: u32) {
    measure(bencher, size, new);
}

/// Both sides listed completely, nothing changed.
#[divan::bench(args = SIZES, sample_count = 10)]
fn nothing_changed(bencher: Bencher<'_, '_>, size: u32) {
    measure(bencher, size, |number| known(number, &["\\Seen"], &["\\Seen"], &["\\Seen"]));
}

/// Every message got a system flag on one side.
#[divan::bench(args = SIZES, sample_count = 10)]
fn flags_changed(bencher: Bencher<'_, '_>, size: u32) {
    measure(bencher, size, |number| known(number, &["\\Seen"], &["\\Seen", "\\Flagged"], &["\\Seen"]));
}

/// Every message has keywords, and one of them changed.
#[divan::bench(args = SIZES, sample_count = 10)]
fn keywords_changed(bencher: Bencher<'_, '_>, size: u32) {
    measure(bencher, size, |number| known(number, &["Work", "NonJunk"], &["Work", "todo"], &["Work", "NonJunk"]));
}
