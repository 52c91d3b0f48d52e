//! The two forms of OfflineIMAP's status: a small SQLite file (versions 1 and 2), and lines of text (formats 1 and 2). Reads one
//! file, or writes a new one in the last version of its form.

use offlinesync_core::Uid;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A message that both sides had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// On the remote side.
    pub(super) uid: Uid,
    /// The flags both had, as letters.
    pub(super) letters: String,
}

/// Reads a database. Both versions have these two columns; numbers below 1 are messages without a UID.
pub(super) fn from_database(path: &Path) -> Result<Vec<Entry>, rusqlite::Error> {
    // What a program that died left half written can only be undone by one who may write.
    let ways = [OpenFlags::SQLITE_OPEN_READ_ONLY, OpenFlags::SQLITE_OPEN_READ_WRITE];
    let read = |flags| read_database(&Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?);
    read(ways[0]).or_else(|_| read(ways[1]))
}

fn read_database(connection: &Connection) -> Result<Vec<Entry>, rusqlite::Error> {
    let mut select = connection.prepare("SELECT id, flags FROM status ORDER BY id")?;
    let rows = select.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?)))?;
    let mut entries = Vec::new();
    for row in rows {
        let (id, letters) = row?;
        let uid = u32::try_from(id).ok().and_then(Uid::new);
        entries.extend(uid.map(|uid| Entry { uid, letters: letters.unwrap_or_default() }));
    }
    Ok(entries)
}

const MAGIC: &str = "OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT ";

/// Reads lines: a header that tells the format, then `uid:flags` or `uid|flags|mtime|labels`.
pub(super) fn from_text(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let separator = match lines.next().and_then(|line| line.trim().strip_prefix(MAGIC)) {
        Some("1") => ':',
        Some("2") => '|',
        _ => return Err("its first line is not that of a status".to_owned()),
    };
    let mut entries = Vec::new();
    for (number, line) in lines.enumerate() {
        let damaged = || format!("line {} is damaged", number + 2);
        let (uid, rest) = line.split_once(separator).ok_or_else(damaged)?;
        let uid: i64 = uid.trim().parse().map_err(|_| damaged())?;
        let letters = rest.split(separator).next().unwrap_or_default().trim().to_owned();
        let uid = u32::try_from(uid).ok().and_then(Uid::new);
        entries.extend(uid.map(|uid| Entry { uid, letters }));
    }
    Ok(entries)
}

/// Makes a new database. It is whole once this returns; that it is durable is for the caller to see to.
pub(super) fn to_database(path: &Path, entries: &[Entry]) -> Result<(), rusqlite::Error> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE metadata (key VARCHAR(50) PRIMARY KEY, value VARCHAR(128));
         INSERT INTO metadata VALUES('db_version', '2');
         CREATE TABLE status (id INTEGER PRIMARY KEY, flags VARCHAR(50), mtime INTEGER, labels VARCHAR(256));",
    )?;
    let mut insert = transaction.prepare("INSERT INTO status (id, flags, mtime, labels) VALUES (?1, ?2, 0, '')")?;
    for entry in entries {
        insert.execute((entry.uid.get(), &entry.letters))?;
    }
    drop(insert);
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

/// The lines of format 2.
pub(super) fn to_text(entries: &[Entry]) -> String {
    let lines = entries.iter().map(|Entry { uid, letters }| format!("{uid}|{letters}|0|\n"));
    std::iter::once(format!("{MAGIC}2\n")).chain(lines).collect()
}

/// A file of either form: read or refused, and never more entries than octets.
#[cfg(feature = "testing")]
pub(crate) fn check(path: &Path, bytes: &[u8]) {
    let entries = from_text(bytes).unwrap_or_default();
    assert!(entries.len() <= bytes.len());
    if bytes.starts_with(b"SQLite format 3\0") && std::fs::write(path, bytes).is_ok() {
        let entries = from_database(path).unwrap_or_default();
        assert!(entries.len() <= bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[(u32, &str)]) -> Vec<Entry> {
        list.iter().map(|(n, letters)| Entry { uid: Uid::new(*n).unwrap(), letters: (*letters).to_owned() }).collect()
    }

    #[test]
    fn both_versions_of_the_database_are_read_and_messages_without_a_uid_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let tables = [
            "CREATE TABLE status (id INTEGER PRIMARY KEY, flags VARCHAR(50));",
            "CREATE TABLE status (id INTEGER PRIMARY KEY, flags VARCHAR(50), mtime INTEGER, labels VARCHAR(256));",
        ];
        for (version, table) in tables.iter().enumerate() {
            let path = dir.path().join(version.to_string());
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch(table).unwrap();
            connection
                .execute_batch("INSERT INTO status (id, flags) VALUES (7, 'FS'), (-1, 'S'), (3, ''), (9, NULL);")
                .unwrap();
            assert_eq!(from_database(&path).unwrap(), entries(&[(3, ""), (7, "FS"), (9, "")]));
        }
        std::fs::write(dir.path().join("x"), "no database").unwrap();
        assert!(from_database(&dir.path().join("x")).is_err());
    }

    #[test]
    fn what_is_written_is_read_back_in_both_forms() {
        let dir = tempfile::tempdir().unwrap();
        let all = entries(&[(3, ""), (7, "FS"), (9, "Sa")]);
        assert_eq!(from_text(to_text(&all).as_bytes()).unwrap(), all);
        let path = dir.path().join("INBOX");
        to_database(&path, &all).unwrap();
        assert_eq!(from_database(&path).unwrap(), all);
        let only: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(only, ["INBOX"], "something is left beside it");
    }

    #[test]
    fn both_formats_of_the_text_are_read_and_a_damaged_one_is_refused_whole() {
        let text = |format: &str, lines: &str| from_text(format!("{MAGIC}{format}\n{lines}").as_bytes());
        assert_eq!(text("1", "7:FS\n3:\n").unwrap(), entries(&[(7, "FS"), (3, "")]));
        assert_eq!(text("2", "7|FS|1400000000|a, b\n3||0|\n").unwrap(), entries(&[(7, "FS"), (3, "")]));
        assert_eq!(text("2", "7|FS|1|\n3").unwrap_err(), "line 3 is damaged");
        assert!(text("3", "").is_err());
        assert!(from_text(b"").is_err());
    }
}
