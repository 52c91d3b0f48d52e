//! The text files: what every store must do, what a crash leaves, what a reader sees.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::flags::Flags;
use crate::message::{PerSide, Uid, UidValidity};
use crate::testing::status_suite::{check_persistence, check_status_store};
use tempfile::TempDir;

fn pair() -> FolderPair {
    PerSide { remote: "INBOX/Büro".into(), local: "Buero".into() }
}

fn row(number: u32, flags: &[&str]) -> Row {
    let ids =
        PerSide { remote: Uid::new(number).unwrap().into(), local: MessageId::Name(format!("{number}.a").into()) };
    Row { ids, base: Flags::from_imap(flags.iter().copied()) }
}

fn rows_of(rows: impl IntoIterator<Item = Row>) -> Batch {
    Batch { upsert: rows.into_iter().collect(), ..Batch::default() }
}

fn numbering(number: u32) -> FolderRecord {
    let uid_validity = PerSide { remote: Some(UidValidity(number)), local: None };
    FolderRecord { uid_validity, ..FolderRecord::default() }
}

/// Everything about a store with one pair.
type State = (Vec<(FolderPair, FolderRecord, u64)>, Vec<Row>);

fn state(store: &PlainStatus) -> State {
    let mut rows = Vec::new();
    let folder = store.folder(&pair()).unwrap();
    let each = &mut |row| {
        rows.push(row);
        Ok(())
    };
    folder.rows(each).unwrap();
    (store.folders().unwrap(), rows)
}

fn file(directory: &Path) -> PathBuf {
    files(directory).unwrap().pop().unwrap()
}

#[test]
fn text_files_conform() {
    let mut directories = Vec::new();
    check_status_store(&mut || {
        directories.push(tempfile::tempdir().unwrap());
        Box::new(PlainStatus::open(directories.last().unwrap().path().join("s"), false).unwrap())
    });
    let directory = tempfile::tempdir().unwrap();
    check_persistence(&mut || Box::new(PlainStatus::open(directory.path(), true).unwrap()));
    check_persistence(&mut || Box::new(PlainStatus::open(directory.path(), true).unwrap()));
}

#[test]
fn the_files_can_be_read_by_a_human() {
    let directory = tempfile::tempdir().unwrap();
    let store = PlainStatus::open(directory.path(), true).unwrap();
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(Batch { record: Some(numbering(7)), ..rows_of([row(1, &["\\Seen", "Work"]), row(2, &[])]) }).unwrap();
    folder.apply(Batch { delete: vec![row(1, &[]).ids.remote], ..Batch::default() }).unwrap();
    let text = fs::read_to_string(file(directory.path())).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.rsplit_once('\t').map_or(line, |(line, _)| line)).collect();
    assert_eq!(
        lines,
        [
            "offlinesync status 1\tINBOX/Büro",
            "+\t1\t=1.a\tS",
            "+\t2\t=2.a\t-",
            "=\t2\t-",
            "r\t7\t-\t-\t-\t-\t-\t-",
            "=\t2\t90",
            "-",
            "=\t1\t90"
        ]
    );
    assert!(file(directory.path()).file_name().unwrap().to_str().unwrap().starts_with("INBOX_B_ro~"));
}

/// A history of batches, and the state after each.
fn history(directory: &TempDir) -> Vec<State> {
    let store = PlainStatus::open(directory.path(), false).unwrap();
    let mut states = Vec::new();
    for number in 1..6 {
        let batch =
            Batch { record: (number % 2 == 0).then(|| numbering(number)), ..rows_of([row(number, &["\\Seen", "k"])]) };
        store.folder(&pair()).unwrap().apply(batch).unwrap();
        states.push(state(&store));
    }
    store
        .folder(&pair())
        .unwrap()
        .apply(Batch { delete: vec![row(2, &[]).ids.remote], ..rows_of([row(3, &[])]) })
        .unwrap();
    states.push(state(&store));
    states
}

#[test]
fn a_file_that_ends_anywhere_holds_every_whole_batch_and_is_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let states = history(&directory);
    let path = file(directory.path());
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (1..whole.len()).filter(|at| whole[..*at].ends_with(b"\n")).collect();
    // The first batch is there from the beginning: a file appears whole or not at all.
    let first =
        *ends.iter().find(|end| whole[..**end].windows(3).filter(|mark| *mark == b"\n=\t").count() == 2).unwrap();
    let mut seen = 0;
    for length in first..=whole.len() {
        let unknown: &[u8] = match whole[..length].ends_with(b"\n") {
            true => b"+\t9\t=9.a\t-\t\n=\t9\t-\t0000000000000000\n",
            false => b"+\t9\t=9.a",
        };
        let rests = [&b""[..], b"\0\0\0", unknown];
        for rest in rests.into_iter().filter(|rest| rest.is_empty() || length % 4 == 0 || rest.ends_with(b"\n")) {
            fs::write(&path, [&whole[..length], rest].concat()).unwrap();
            let store = PlainStatus::open(directory.path(), false).unwrap();
            let now = state(&store);
            let after = states.iter().position(|state| *state == now);
            seen = seen.max(after.unwrap_or_else(|| panic!("{length}: {now:?}")));
            store.folder(&pair()).unwrap().apply(rows_of([row(50, &[])])).unwrap();
            drop(store);
            let then = state(&PlainStatus::open(directory.path(), false).unwrap()).1;
            assert_eq!(then, now.1.into_iter().chain([row(50, &[])]).collect::<Vec<_>>(), "{length}");
        }
    }
    assert_eq!(seen, states.len() - 1);
}

#[test]
fn a_file_that_was_changed_in_its_middle_is_damaged_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    history(&directory);
    let path = file(directory.path());
    let changed = fs::read_to_string(&path).unwrap().replacen("=2.a", "=7.a", 1);
    fs::write(&path, changed).unwrap();
    let store = PlainStatus::open(directory.path(), false).unwrap();
    let error = store.folder(&pair()).unwrap().intents().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("damaged") && error.hint().unwrap().contains("move"), "{error}");
    drop(store);
    fs::write(&path, "something else\n").unwrap();
    assert!(PlainStatus::open(directory.path(), false).unwrap_err().to_string().contains("first line"));
}

#[test]
fn a_file_of_which_most_is_history_is_written_anew_and_stays_small() {
    let directory = tempfile::tempdir().unwrap();
    let store = PlainStatus::open(directory.path(), false).unwrap();
    let mut folder = store.folder(&pair()).unwrap();
    for turn in 0..2000 {
        folder.apply(rows_of([row(turn % 3 + 1, if turn % 2 == 0 { &["\\Seen"] } else { &[] })])).unwrap();
    }
    let size = fs::metadata(file(directory.path())).unwrap().len();
    assert!(size < 100_000, "{size}");
    assert_eq!(state(&store).1.len(), 3);
}

#[test]
fn a_message_more_costs_its_line_and_not_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = PlainStatus::open(directory.path(), false).unwrap();
    let mut folder = store.folder(&pair()).unwrap();
    folder.apply(rows_of((1..5000).map(|number| row(number, &[])))).unwrap();
    let before = fs::metadata(file(directory.path())).unwrap().len();
    folder.apply(rows_of([row(9999, &[])])).unwrap();
    let after = fs::metadata(file(directory.path())).unwrap().len();
    assert!(after - before < 100, "{before} and then {after}");
}

#[test]
fn what_a_dead_run_left_unfinished_is_removed_and_reading_only_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let states = history(&directory);
    let unfinished = directory.path().join(format!("x{SUFFIX}{UNFINISHED}"));
    fs::write(&unfinished, "offl").unwrap();
    let reading = PlainStatus::open_read_only(directory.path()).unwrap();
    assert_eq!(state(&reading), *states.last().unwrap());
    assert!(unfinished.exists());
    let error = reading.folder(&pair()).unwrap().apply(rows_of([row(8, &[])])).unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
    assert!(PlainStatus::open_read_only(directory.path().join("none")).unwrap().folders().unwrap().is_empty());
    let store = PlainStatus::open(directory.path(), true).unwrap();
    assert!(!unfinished.exists());
    assert_eq!(PlainStatus::open(directory.path(), true).unwrap_err().kind(), ErrorKind::Locked);
    drop(store);
    PlainStatus::open(directory.path(), true).unwrap();
}

#[test]
fn a_pair_that_was_renamed_and_one_that_takes_its_name_do_not_meet() {
    let directory = tempfile::tempdir().unwrap();
    let store = PlainStatus::open(directory.path(), true).unwrap();
    let other = PerSide { remote: "New".into(), local: "New".into() };
    store.folder(&pair()).unwrap().apply(rows_of([row(1, &[])])).unwrap();
    store.rename(&pair(), &other).unwrap();
    store.folder(&pair()).unwrap().apply(rows_of([row(2, &[])])).unwrap();
    drop(store);
    let store = PlainStatus::open(directory.path(), true).unwrap();
    let names: Vec<FolderPair> = store.folders().unwrap().into_iter().map(|(pair, _, _)| pair).collect();
    assert_eq!(names, [pair(), other]);
    assert_eq!(state(&store).1, [row(2, &[])]);
}

/// Half of it was believed: what was written next made the whole file count as damaged.
#[test]
fn a_transaction_that_tells_another_number_of_rows_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut transaction, _) = text::batch(&rows_of([row(1, &[])]));
    file::seal(&mut transaction, 2, None);
    let path = directory.path().join(format!("x{SUFFIX}"));
    fs::write(&path, text::header(&pair()) + &transaction).unwrap();
    let store = PlainStatus::open(directory.path(), false).unwrap();
    let error = store.folder(&pair()).unwrap().apply(rows_of([row(2, &[])])).unwrap_err();
    assert!(error.to_string().contains("it holds 1 rows"), "{error}");
}

/// It was believed as long as the whole file was read, and refused once only its end was.
#[test]
fn a_transaction_that_tells_of_a_record_where_there_is_none_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut transaction, _) = text::batch(&rows_of([row(1, &[])]));
    file::seal(&mut transaction, 1, Some(2));
    // Its last end is not whole, so everything is read.
    transaction.push_str("=\t1\t90\tsum\n");
    fs::write(directory.path().join(format!("x{SUFFIX}")), text::header(&pair()) + &transaction).unwrap();
    let error = PlainStatus::open(directory.path(), false).unwrap_err();
    assert!(error.to_string().contains("the record is not where it should be"), "{error}");
}

/// One of the two was read, whichever came last in the order of their names: an older one, and another one once the copy was removed.
#[test]
fn a_copy_of_a_file_beside_it_is_not_taken_for_the_file() {
    let directory = tempfile::tempdir().unwrap();
    history(&directory);
    let path = file(directory.path());
    fs::copy(&path, directory.path().join(format!("copy{SUFFIX}"))).unwrap();
    let error = PlainStatus::open(directory.path(), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("another file") && error.hint().unwrap().contains("move"), "{error}");
}
