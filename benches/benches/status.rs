//! How long the status file takes: to open, to fill, to read, to update. `cargo bench -p offlinesync-benches --bench status`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a measurement fails by panicking")]

use divan::Bencher;
use divan::counter::ItemsCount;
use offlinesync_core::{
    Batch, Flags, FolderPair, MessageId, PerSide, Row, SqliteStatus, StatusStore, SystemFlags, Uid,
};
use std::path::PathBuf;
use tempfile::TempDir;

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

fn pair(number: u32) -> FolderPair {
    PerSide { remote: format!("INBOX/{number}").as_str().into(), local: number.to_string().as_str().into() }
}

fn row(number: u32, flags: SystemFlags) -> Row {
    let remote = Uid::new(number).unwrap().into();
    let local = MessageId::Name(format!("1700000000.{number}.R8bd3f1.host").into());
    Row { ids: PerSide { remote, local }, base: Flags::system(flags) }
}

fn batch(numbers: impl IntoIterator<Item = u32>, flags: SystemFlags) -> Batch {
    Batch { upsert: numbers.into_iter().map(|number| row(number, flags)).collect(), ..Batch::default() }
}

fn empty() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status.sqlite");
    (directory, path)
}

/// A file with one folder of `size` rows.
fn filled(size: u32) -> (TempDir, PathBuf) {
    let (directory, path) = empty();
    let store = SqliteStatus::open(&path, false).unwrap();
    store.folder(&pair(1)).unwrap().apply(batch(1..=size, SystemFlags::SEEN)).unwrap();
    (directory, path)
}

/// All rows in one transaction.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn insert(bencher: Bencher<'_, '_>, size: u32) {
    bencher.counter(ItemsCount::new(size)).with_inputs(|| (empty(), batch(1..=size, SystemFlags::SEEN))).bench_values(
        |((directory, path), batch)| {
            let store = SqliteStatus::open(path, true).unwrap();
            store.folder(&pair(1)).unwrap().apply(batch).unwrap();
            directory
        },
    );
}

/// A hundred rows a transaction, each durable on the disk, as the engine writes them while copying.
#[divan::bench(args = [1_000, 10_000], sample_count = 3, sample_size = 1)]
fn insert_in_hundreds(bencher: Bencher<'_, '_>, size: u32) {
    bencher.counter(ItemsCount::new(size)).with_inputs(empty).bench_values(|(directory, path)| {
        let store = SqliteStatus::open(path, true).unwrap();
        let mut folder = store.folder(&pair(1)).unwrap();
        for start in (0..size).step_by(100) {
            folder.apply(batch(start + 1..=start + 100, SystemFlags::SEEN)).unwrap();
        }
        directory
    });
}

/// Every row, in order.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>, size: u32) {
    let (_directory, path) = filled(size);
    let store = SqliteStatus::open(path, true).unwrap();
    bencher.counter(ItemsCount::new(size)).bench(|| {
        let mut rows = Vec::with_capacity(size as usize);
        let folder = store.folder(&pair(1)).unwrap();
        let mut keep = |row| {
            rows.push(row);
            Ok(())
        };
        folder.rows(&mut keep).unwrap();
        rows
    });
}

/// A thousand rows found by their ids on either side, in a folder of a hundred thousand.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn find_a_thousand(bencher: Bencher<'_, '_>) {
    let (_directory, path) = filled(100_000);
    let store = SqliteStatus::open(path, true).unwrap();
    let folder = store.folder(&pair(1)).unwrap();
    bencher.counter(ItemsCount::new(1_000_u32)).bench_local(|| {
        for number in (100..=100_000).step_by(200) {
            let ids = row(number, SystemFlags::NONE).ids;
            for side in offlinesync_core::Side::BOTH {
                assert!(folder.row(side, &ids[side]).unwrap().is_some());
            }
        }
    });
}

/// A thousand flag changes in one transaction, in a folder of a hundred thousand.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn update_a_thousand(bencher: Bencher<'_, '_>) {
    let (_directory, path) = filled(100_000);
    let store = SqliteStatus::open(path, true).unwrap();
    bencher
        .counter(ItemsCount::new(1_000_u32))
        .with_inputs(|| batch((100..=100_000).step_by(100), SystemFlags::FLAGGED))
        .bench_values(|batch| store.folder(&pair(1)).unwrap().apply(batch).unwrap());
}

/// Opening a file of a hundred folders and a million rows, and learning that nothing happened.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn open_and_list(bencher: Bencher<'_, '_>) {
    let (_directory, path) = filled(1_000_000);
    let store = SqliteStatus::open(&path, false).unwrap();
    for number in 2..=100 {
        store.folder(&pair(number)).unwrap().apply(batch(1..=10, SystemFlags::SEEN)).unwrap();
    }
    drop(store);
    bencher.bench(|| SqliteStatus::open(&path, true).unwrap().folders().unwrap());
}
