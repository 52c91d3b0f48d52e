//! Tests of what only this store does: the file, its format, its mode, its errors.

use super::*;
use crate::flags::Flags;
use crate::message::{ContentId, MessageId, PerSide, Side, Uid};
use crate::status::{Batch, Row};
use crate::testing::status_suite::{check_contents, check_persistence, check_status_store};
use std::fs;
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a?b#c%20 ä.sqlite");
    (directory, path)
}

fn pair() -> FolderPair {
    PerSide { remote: "INBOX".into(), local: "Inbox".into() }
}

fn row(number: u32, flags: &[&str]) -> Row {
    let ids = PerSide { remote: Uid::new(number).unwrap().into(), local: MessageId::Name(number.to_string().into()) };
    Row { ids, base: Flags::from_imap(flags.iter().copied()) }
}

fn batch(rows: impl IntoIterator<Item = Row>) -> Batch {
    Batch { upsert: rows.into_iter().collect(), ..Batch::default() }
}

fn filled(path: &Path) {
    let store = SqliteStatus::open(path, true).unwrap();
    store.folder(&pair()).unwrap().apply(batch((1..=100).map(|n| row(n, &["\\Seen", "Work"])))).unwrap();
}

fn rows(store: &SqliteStatus) -> Vec<Row> {
    let mut rows = Vec::new();
    let folder = store.folder(&pair()).unwrap();
    folder
        .rows(&mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
    rows
}

fn files(directory: &TempDir) -> Vec<String> {
    let names = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_store_in_a_file_conforms() {
    for fsync in [true, false] {
        let (directory, _) = directory();
        let mut number = 0;
        check_status_store(&mut || {
            number += 1;
            Box::new(SqliteStatus::open(directory.path().join(number.to_string()), fsync).unwrap())
        });
        check_contents(&SqliteStatus::open(directory.path().join("contents"), fsync).unwrap());
    }
}

#[test]
fn the_status_outlives_the_process() {
    let (_directory, path) = directory();
    check_persistence(&mut || Box::new(SqliteStatus::open(&path, true).unwrap()));
}

#[test]
fn a_run_that_changes_nothing_writes_nothing() {
    let (directory, path) = directory();
    filled(&path);
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    {
        let store = SqliteStatus::open(&path, true).unwrap();
        assert_eq!(store.folders().unwrap()[0].2, 100);
        store.folder(&pair()).unwrap().apply(Batch::default()).unwrap();
        let log = directory.path().join("a?b#c%20 ä.sqlite-wal");
        assert_eq!(fs::metadata(log).map_or(0, |log| log.len()), 0);
    }
    assert_eq!((fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()), before);
}

#[test]
fn reading_only_creates_no_file_and_refuses_changes() {
    let (directory, path) = directory();
    let store = SqliteStatus::open_read_only(&path).unwrap();
    assert_eq!(store.folders().unwrap(), []);
    assert_eq!(store.folder(&pair()).unwrap().row(Side::Remote, &Uid::MIN.into()).unwrap(), None);
    store.folder(&pair()).unwrap().apply(batch([row(1, &[])])).unwrap_err();
    store.forget(&pair()).unwrap_err();
    assert!(files(&directory).is_empty());

    filled(&path);
    let store = SqliteStatus::open_read_only(&path).unwrap();
    assert_eq!(rows(&store).len(), 100);
    let error = store.folder(&pair()).unwrap().apply(batch([row(1, &[])])).unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
    assert_eq!(files(&directory), ["a?b#c%20 ä.sqlite"]);
}

#[test]
fn reading_only_sees_what_a_killed_run_left_in_its_log() {
    let (directory, path) = directory();
    let store = SqliteStatus::open(&path, true).unwrap();
    store.folder(&pair()).unwrap().apply(batch([row(1, &["x"])])).unwrap();
    let copy = directory.path().join("copy");
    for suffix in ["", "-wal"] {
        let from = directory.path().join(format!("a?b#c%20 ä.sqlite{suffix}"));
        fs::copy(from, directory.path().join(format!("copy{suffix}"))).unwrap();
    }
    assert_eq!(rows(&SqliteStatus::open_read_only(&copy).unwrap()), [row(1, &["x"])]);
    assert_eq!(rows(&SqliteStatus::open(&copy, true).unwrap()), [row(1, &["x"])]);
}

/// Without fsync, the log of a run stays beside the file for a while; the next run that finds it there carries it over.
#[test]
fn what_was_not_waited_for_is_there_for_the_next_run_which_tidies_up() {
    let (directory, path) = directory();
    let store = SqliteStatus::open(&path, false).unwrap();
    (1..=100).for_each(|n| store.folder(&pair()).unwrap().apply(batch([row(n, &[])])).unwrap());
    drop(store);
    assert!(files(&directory).iter().any(|name| name.ends_with("-wal")), "{:?}", files(&directory));
    assert_eq!(rows(&SqliteStatus::open_read_only(&path).unwrap()).len(), 100);
    assert_eq!(rows(&SqliteStatus::open(&path, false).unwrap()).len(), 100);
    assert_eq!(files(&directory).len(), 1, "{:?}", files(&directory));
    assert_eq!(rows(&SqliteStatus::open(&path, true).unwrap()).len(), 100);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path) = directory();
    let store = SqliteStatus::open(&path, false).unwrap();
    store.folder(&pair()).unwrap().apply(batch([row(1, &[])])).unwrap();
    for name in files(&directory) {
        let mode = fs::metadata(directory.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn an_older_format_is_brought_up_to_date_and_keeps_its_rows() {
    let (_directory, path) = directory();
    filled(&path);
    let mut connection = Connection::open(&path).unwrap();
    let later = "ALTER TABLE folders ADD COLUMN later INTEGER; UPDATE folders SET later = 7;";
    open::migrate(&mut connection, &[schema::STEPS, &[later]].concat()).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), schema::STEPS.len() as i64 + 1);
    assert_eq!(number("SELECT later FROM folders"), 7);
    assert_eq!(number("SELECT count(*) FROM messages"), 100);
}

#[test]
fn a_step_that_fails_leaves_the_older_format_whole() {
    let (_directory, path) = directory();
    filled(&path);
    let mut connection = Connection::open(&path).unwrap();
    let broken = "DELETE FROM messages; ALTER TABLE nowhere ADD COLUMN x INTEGER;";
    open::migrate(&mut connection, &[schema::STEPS, &[broken]].concat()).unwrap_err();
    drop(connection);
    assert_eq!(rows(&SqliteStatus::open(&path, true).unwrap()).len(), 100);
}

/// Version 1 as it was first written. Every later version must open it.
const VERSION_1: &str = "
CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, remote TEXT NOT NULL, local TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0, remote_validity INTEGER, local_validity INTEGER, remote_cursor BLOB,
    local_cursor BLOB, remote_witness BLOB, local_witness BLOB, UNIQUE (remote, local)) STRICT;
CREATE TABLE keyword_sets (id INTEGER PRIMARY KEY, keywords TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE messages (folder INTEGER NOT NULL, remote ANY NOT NULL, local ANY NOT NULL, flags INTEGER NOT NULL,
    keywords INTEGER NOT NULL, PRIMARY KEY (folder, remote)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_local ON messages (folder, local);
CREATE TABLE intents (folder INTEGER NOT NULL, side INTEGER NOT NULL, source ANY NOT NULL, octets INTEGER, digest BLOB,
    confirmed INTEGER NOT NULL, PRIMARY KEY (folder, side, source)) STRICT, WITHOUT ROWID;
INSERT INTO folders VALUES (1, 'INBOX', 'Inbox', 2, 7, NULL, x'01', NULL, NULL, x'02');
INSERT INTO keyword_sets VALUES (1, 'Junk Work');
INSERT INTO messages VALUES (1, 1, '1', 1, 1), (1, 2, '2', 0, 0);
PRAGMA application_id = 1869378425;
PRAGMA user_version = 1;
";

#[test]
fn version_1_as_first_written_still_opens() {
    let (_directory, path) = directory();
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let store = SqliteStatus::open(&path, true).unwrap();
    assert_eq!(rows(&store), [row(1, &["\\Seen", "Junk", "Work"]), row(2, &[])]);
    let (_, record, count) = store.folders().unwrap().remove(0);
    assert_eq!((record.uid_validity.remote.unwrap().0, count), (7, 2));
    let (id, name) = (row(1, &[]).ids.remote, ContentId::of(b"a", 1));
    let mut folder = store.folder(&pair()).unwrap();
    assert_eq!(folder.content(Side::Remote, &id).unwrap(), None);
    folder.apply(Batch { contents: vec![(Side::Remote, id.clone(), name)], ..Batch::default() }).unwrap();
    assert_eq!(folder.content(Side::Remote, &id).unwrap(), Some(name));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (_directory, path) = directory();
    filled(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    for error in [SqliteStatus::open(&path, true).unwrap_err(), SqliteStatus::open_read_only(&path).unwrap_err()] {
        assert!(error.to_string().contains("has format 99"), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let (_directory, path) = directory();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE status (id INTEGER PRIMARY KEY, flags TEXT)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteStatus::open(&path, true).unwrap_err();
    assert!(error.to_string().contains("not a status file"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_a_clear_error_with_a_hint() {
    let (_directory, path) = directory();
    fs::write(&path, "mail is not SQL. ".repeat(500)).unwrap();
    let error = SqliteStatus::open(&path, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(error.hint().unwrap().contains("move "), "{error}");

    fs::remove_file(&path).unwrap();
    filled(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let error = SqliteStatus::open(&path, true).and_then(|store| store.folders().map(drop)).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn values_that_no_version_writes_are_damage() {
    for sql in [
        "UPDATE messages SET remote = x'00' WHERE remote = 1",
        "UPDATE messages SET local = 4294967296 WHERE remote = 1",
        "UPDATE messages SET keywords = 12 WHERE remote = 1",
        "UPDATE messages SET flags = 300 WHERE remote = 1",
    ] {
        let (_directory, path) = directory();
        filled(&path);
        Connection::open(&path).unwrap().execute(sql, []).unwrap();
        let store = SqliteStatus::open(&path, true).unwrap();
        let error = store.folder(&pair()).unwrap().rows(&mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{sql}: {error}");
    }
}

#[test]
fn a_missing_directory_is_named() {
    let (_directory, path) = directory();
    let error = SqliteStatus::open(path.join("x"), true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
}
