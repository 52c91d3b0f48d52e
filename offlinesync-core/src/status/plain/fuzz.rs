//! Whatever a status file holds: the body of a fuzz target. Octets in, a panic where a promise of the plain status is broken.

#![allow(clippy::unwrap_used, reason = "test code fails by panicking")]

use super::file::seal;
use super::{Batch, FolderFile, FolderPair, PlainStatus, Row, StatusStore, text};
use crate::flags::Flags;
use crate::message::{MessageId, PerSide, Uid};
use std::fs;
use std::path::Path;

/// A file of the plain status; the directory is emptied. An odd first octet has the checksums made right before, so that what they
/// guard is reached, too.
///
/// It is read or refused; what is read is written the same; a batch changes nothing but what it names, also after a reopening.
pub fn plain_status(data: &[u8], directory: &Path) {
    let Some((choice, octets)) = data.split_first() else { return };
    let octets = if choice & 1 == 0 { octets.to_vec() } else { sealed(&String::from_utf8_lossy(octets)).into_bytes() };
    lines(&String::from_utf8_lossy(&octets));
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).unwrap();
    let path = directory.join("fuzz.status");
    fs::write(&path, &octets).unwrap();
    let Ok(Some((pair, mut file))) = FolderFile::open(&path, false) else { return };
    let told = file.count;
    let Ok(data) = file.data() else { return };
    let rows = data.page_after(None, usize::MAX);
    assert_eq!(rows.len() as u64, file.count, "told {told}");
    drop(file);
    changes(directory, &pair, rows);
}

/// Lines that are read say what they say when they are written again.
fn lines(text: &str) {
    let mut whole = text.lines();
    if let Some(pair) = whole.next().and_then(text::pair) {
        assert_eq!(text::pair(text::header(&pair).trim_end_matches('\n')), Some(pair));
    }
    for line in whole.filter_map(text::line) {
        let batch = match &line {
            text::Line::Delete(id) => Batch { delete: vec![id.clone()], ..Batch::default() },
            text::Line::Upsert(row) => Batch { upsert: vec![row.clone()], ..Batch::default() },
            text::Line::Record(record) => Batch { record: Some(record.clone()), ..Batch::default() },
            text::Line::Intent(intent) => Batch { intents: vec![intent.clone()], ..Batch::default() },
            text::Line::Settled(to, source) => Batch { settled: vec![(*to, source.clone())], ..Batch::default() },
            text::Line::End(_) => continue,
        };
        let (written, _) = text::batch(&batch);
        assert_eq!(text::line(written.trim_end_matches('\n')), Some(line), "{written:?}");
    }
}

/// Every line that begins with `=` ends a transaction as it should.
fn sealed(text: &str) -> String {
    let (mut whole, mut transaction) = (String::new(), String::new());
    for (number, line) in text.lines().enumerate() {
        match text::line(line) {
            _ if number == 0 => whole.extend([line, "\n"]),
            Some(text::Line::End(end)) => {
                seal(&mut transaction, end.count, end.record_at);
                whole.push_str(&std::mem::take(&mut transaction));
            }
            _ => transaction.extend([line, "\n"]),
        }
    }
    whole + &transaction
}

fn changes(directory: &Path, pair: &FolderPair, mut rows: Vec<Row>) {
    let store = PlainStatus::open(directory, false).unwrap();
    let ids = PerSide { remote: MessageId::Uid(Uid::MAX), local: MessageId::Name("fuzz".into()) };
    let row = Row { ids, base: Flags::from_imap(["\\Seen", "word"]) };
    let batch = Batch { upsert: vec![row.clone()], ..Batch::default() };
    if store.folder(pair).unwrap().apply(batch).is_err() {
        // The local name is another message's already.
        assert!(rows.iter().any(|known| known.ids.local == row.ids.local));
        return;
    }
    drop(store);
    rows.retain(|known| known.ids.remote != row.ids.remote);
    rows.push(row);
    let store = PlainStatus::open_read_only(directory).unwrap();
    let mut read = Vec::new();
    let each = &mut |row| {
        read.push(row);
        Ok(())
    };
    store.folder(pair).unwrap().rows(each).unwrap();
    let sorted = |mut rows: Vec<Row>| {
        rows.sort_by(|a, b| a.ids.remote.cmp(&b.ids.remote));
        rows
    };
    assert_eq!(sorted(read), sorted(rows));
}
