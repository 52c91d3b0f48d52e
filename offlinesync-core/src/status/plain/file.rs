//! The text file of one pair: opened by a glance at its end, read whole when rows are asked for, appended to, and written anew when
//! most of it is history. It touches that file, and its name while it is being written.

use super::text::{self, End, LONGEST_LINE, Line};
use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::status::memory::FolderData;
use crate::status::{Batch, FolderPair, FolderRecord, Row};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How the name ends of a file that is being written.
pub(super) const UNFINISHED: &str = ".new";

/// How much of the end is looked at first.
const GLANCE: u64 = 16 << 10;

/// So many lines of history are kept at least, and otherwise as many as there are rows.
const HISTORY: u64 = 1000;

/// How many rows are written in one transaction when a file is written anew.
const CHUNK: usize = 1000;

/// A file with at least one whole transaction.
#[derive(Debug)]
pub(super) struct FolderFile {
    path: PathBuf,
    fsync: bool,
    /// Where the last whole transaction ends: what follows is the rest of one that never was.
    end: u64,
    record_at: Option<u64>,
    /// The pair's record.
    pub(super) record: FolderRecord,
    /// Its number of rows.
    pub(super) count: u64,
    /// Everything, while somebody works with it, and the number of lines it comes from.
    loaded: Option<(FolderData, u64)>,
}

/// What one transaction says.
struct Last {
    end: u64,
    count: u64,
    record_at: Option<u64>,
}

impl FolderFile {
    /// Opens a file by its first and its last lines. `None`: it holds no whole transaction.
    pub(super) fn open(path: &Path, fsync: bool) -> Result<Option<(FolderPair, FolderFile)>> {
        let failed = |error| broken(path, error);
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let first = read_line(&mut file).map_err(failed)?.unwrap_or_default();
        let start = first.len() as u64;
        let Some(pair) = std::str::from_utf8(&first).ok().and_then(|line| text::pair(line.strip_suffix('\n')?)) else {
            return Err(damaged(path, "its first line is not that of a status file of this version"));
        };
        let mut opened = FolderFile {
            path: path.to_owned(),
            fsync,
            end: start,
            record_at: None,
            record: FolderRecord::default(),
            count: 0,
            loaded: None,
        };
        let known = match glance(file.get_mut(), start).map_err(failed)? {
            Some(last) => opened.believe(file.get_mut(), &last)?,
            None => opened.read_whole()?,
        };
        opened.loaded = None;
        Ok(known.then_some((pair, opened)))
    }

    /// Writes a file for a pair that has none.
    pub(super) fn create(path: PathBuf, pair: &FolderPair, data: FolderData, fsync: bool) -> Result<FolderFile> {
        let mut file = FolderFile {
            path,
            fsync,
            end: 0,
            record_at: None,
            record: FolderRecord::default(),
            count: 0,
            loaded: Some((data, 0)),
        };
        file.write_anew(pair)?;
        Ok(file)
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<()> {
        let removed = fs::remove_file(&self.path).and_then(|()| sync_parent(&self.path));
        removed.map_err(|error| broken(&self.path, error))
    }

    /// Forgets the rows; they are read again when they are asked for.
    pub(super) fn unload(&mut self) {
        self.loaded = None;
    }

    /// Everything.
    pub(super) fn data(&mut self) -> Result<&FolderData> {
        if self.loaded.is_none() {
            self.read_whole()?;
        }
        match &self.loaded {
            Some((data, _)) => Ok(data),
            None => Err(damaged(&self.path, "it holds no whole transaction any more")),
        }
    }

    /// Applies a batch: on the disk first, unless it cannot be applied at all.
    pub(super) fn apply(&mut self, pair: &FolderPair, batch: Batch) -> Result<()> {
        self.data()?;
        let Some((data, lines)) = &mut self.loaded else { return Ok(()) };
        let (mut text, record_at) = text::batch(&batch);
        data.apply(batch)?;
        let count = data.rows.len() as u64;
        *lines += text.lines().count() as u64;
        let wasteful = *lines > 2 * count + data.intents.len() as u64 + HISTORY;
        let record_at = record_at.map(|at| self.end + at as u64).or(self.record_at);
        seal(&mut text, count, record_at);
        let (record, octets) = (data.record.clone(), text.len() as u64);
        if let Err(error) = self.append(text.as_bytes()) {
            // The rows are those of the file again, whatever became of the lines.
            self.loaded = None;
            return Err(broken(&self.path, error));
        }
        (self.end, self.record_at, self.record, self.count) = (self.end + octets, record_at, record, count);
        if wasteful {
            // Nothing is lost if that fails; it is tried again with the next batch.
            let _ = self.write_anew(pair);
        }
        Ok(())
    }

    fn append(&self, octets: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        if file.metadata()?.len() != self.end {
            file.set_len(self.end)?;
        }
        file.seek(SeekFrom::Start(self.end))?;
        let written = file.write_all(octets).and_then(|()| if self.fsync { file.sync_data() } else { Ok(()) });
        if written.is_err() {
            // A transaction that is told to have failed shall not be there; if it cannot be cut off, it ends the file at most.
            let _ = file.set_len(self.end);
        }
        written
    }

    /// Writes everything under this pair's names into a new file and puts it in the old one's place.
    pub(super) fn write_anew(&mut self, pair: &FolderPair) -> Result<()> {
        self.data()?;
        let Some((data, lines)) = &mut self.loaded else { return Ok(()) };
        let mut name = self.path.clone().into_os_string();
        name.push(UNFINISHED);
        let unfinished = PathBuf::from(name);
        // What takes the place of an older file must not be less than that, also where nobody waits for the disk otherwise.
        let sync = self.fsync || self.end > 0;
        let written = write_whole(&unfinished, pair, data, sync).and_then(|written| {
            fs::rename(&unfinished, &self.path)?;
            if sync {
                sync_parent(&self.path)?;
            }
            Ok(written)
        });
        let (end, record_at) = written.map_err(|error| broken(&self.path, error))?;
        *lines = (data.rows.len() + data.intents.len()) as u64;
        (self.record, self.count) = (data.record.clone(), data.rows.len() as u64);
        (self.end, self.record_at) = (end, Some(record_at));
        Ok(())
    }

    /// Takes what the last transaction says.
    fn believe(&mut self, file: &mut File, last: &Last) -> Result<bool> {
        if let Some(at) = last.record_at {
            let found = record_at(file, at).map_err(|error| broken(&self.path, error))?;
            self.record = found.ok_or_else(|| damaged(&self.path, &format!("there is no record at octet {at}")))?;
        }
        (self.end, self.record_at, self.count) = (last.end, last.record_at, last.count);
        Ok(true)
    }

    /// Reads the file from its beginning; answers whether there is a whole transaction.
    fn read_whole(&mut self) -> Result<bool> {
        let whole = self.scan()?;
        Ok(self.take_in(whole))
    }

    fn scan(&self) -> Result<Whole> {
        let failed = |error| broken(&self.path, error);
        let mut reader = BufReader::new(File::open(&self.path).map_err(failed)?);
        let mut at = read_line(&mut reader).map_err(failed)?.unwrap_or_default().len() as u64;
        let mut whole = Whole { data: FolderData::default(), lines: 0, end: at, record_at: None, found: false };
        let (mut transaction, mut recorded) = (Transaction::default(), None);
        while let Some(octets) = read_line(&mut reader).map_err(failed)? {
            let Some(ended) = transaction.take(&octets, at) else {
                at += octets.len() as u64;
                continue;
            };
            at += octets.len() as u64;
            recorded = ended.record_at.or(recorded);
            let (intact, told, record_at) = (ended.intact, ended.end.count, ended.end.record_at);
            if !intact || !whole.accept(ended, at) {
                self.check_end(&mut reader, whole.end)?;
                break;
            }
            let rows = whole.data.rows.len() as u64;
            if rows != told {
                return Err(damaged(
                    &self.path,
                    &format!("it holds {rows} rows at octet {at} where {told} were written"),
                ));
            }
            if record_at != recorded {
                return Err(damaged(&self.path, &format!("the record is not where it should be before octet {at}")));
            }
            transaction = Transaction::default();
        }
        Ok(whole)
    }

    /// After a transaction that is not whole: if others follow, the file was damaged; else it is one that was never finished.
    fn check_end(&self, reader: &mut impl BufRead, whole: u64) -> Result<()> {
        while let Some(octets) = read_line(reader).map_err(|error| broken(&self.path, error))? {
            if octets.starts_with(b"=\t") && octets.ends_with(b"\n") {
                return Err(damaged(&self.path, &format!("what follows octet {whole} is not what was written")));
            }
        }
        Ok(())
    }

    fn take_in(&mut self, whole: Whole) -> bool {
        (self.end, self.record_at) = (whole.end, whole.record_at);
        (self.record, self.count) = (whole.data.record.clone(), whole.data.rows.len() as u64);
        self.loaded = Some((whole.data, whole.lines));
        whole.found
    }
}

/// What was read so far.
struct Whole {
    data: FolderData,
    lines: u64,
    end: u64,
    record_at: Option<u64>,
    found: bool,
}

impl Whole {
    /// Takes an intact transaction that ends there; `false` if there is an end within it.
    fn accept(&mut self, ended: Ended, at: u64) -> bool {
        let Ended { lines, end, .. } = ended;
        self.lines += lines.len() as u64;
        let data = &mut self.data;
        for line in lines {
            match line {
                Line::Delete(remote) => drop(data.take(&remote)),
                Line::Upsert(row) => data.replace(row),
                Line::Record(record) => data.record = record,
                Line::Intent(intent) => drop(data.intents.insert((intent.to, intent.source.clone()), intent)),
                Line::Settled(to, source) => drop(data.intents.remove(&(to, source))),
                Line::End(_) => return false,
            }
        }
        (self.end, self.record_at, self.found) = (at, end.record_at, true);
        true
    }
}

/// The lines since the last end.
#[derive(Default)]
struct Transaction {
    sum: Sha256,
    lines: Vec<Line>,
    /// Where the last record in it begins.
    record_at: Option<u64>,
    unreadable: bool,
}

struct Ended {
    lines: Vec<Line>,
    record_at: Option<u64>,
    end: End,
    intact: bool,
}

impl Transaction {
    /// Takes the line that begins at octet `at`; answers the transaction if it ends here.
    fn take(&mut self, octets: &[u8], at: u64) -> Option<Ended> {
        let line = octets.strip_suffix(b"\n").and_then(|line| text::line(std::str::from_utf8(line).ok()?));
        match line {
            Some(Line::End(end)) => {
                let sum = std::mem::take(&mut self.sum);
                let intact = !self.unreadable && checksum(sum, octets) == end.checksum;
                Some(Ended { lines: std::mem::take(&mut self.lines), record_at: self.record_at.take(), end, intact })
            }
            line => {
                self.sum.update(octets);
                self.unreadable |= line.is_none();
                if matches!(line, Some(Line::Record(_))) {
                    self.record_at = Some(at);
                }
                self.lines.extend(line);
                None
            }
        }
    }
}

/// Adds the end of a transaction.
pub(super) fn seal(text: &mut String, count: u64, record_at: Option<u64>) {
    text::push_end(text, count, record_at);
    let sum = sum_text(Sha256::new().chain_update(&text));
    text.push_str(&sum);
    text.push('\n');
}

/// The checksum of a transaction that ends with this line, from the sum of the lines before.
fn checksum(before: Sha256, end: &[u8]) -> String {
    let without = end.iter().rposition(|octet| *octet == b'\t').map_or(end, |tab| &end[..=tab]);
    sum_text(before.chain_update(without))
}

fn sum_text(sum: Sha256) -> String {
    sum.finalize().iter().take(8).map(|octet| format!("{octet:02x}")).collect()
}

/// Writes rows in their order, intents, and at last the record; answers where the file ends and where the record is.
fn write_whole(path: &Path, pair: &FolderPair, data: &FolderData, sync: bool) -> io::Result<(u64, u64)> {
    let mut file = private().truncate(true).open(path)?;
    let header = text::header(pair);
    let mut end = header.len() as u64;
    file.write_all(header.as_bytes())?;
    let (mut count, mut last) = (0, None);
    loop {
        let rows: Vec<Row> = data.page_after(last.as_ref(), CHUNK);
        let Some(row) = rows.last() else { break };
        last = Some(row.ids.remote.clone());
        count += rows.len() as u64;
        let (mut text, _) = text::batch(&Batch { upsert: rows, ..Batch::default() });
        seal(&mut text, count, None);
        file.write_all(text.as_bytes())?;
        end += text.len() as u64;
    }
    let rest = Batch {
        record: Some(data.record.clone()),
        intents: data.intents.values().cloned().collect(),
        ..Batch::default()
    };
    let (mut text, at) = text::batch(&rest);
    let record_at = end + at.unwrap_or_default() as u64;
    seal(&mut text, count, Some(record_at));
    file.write_all(text.as_bytes())?;
    if sync {
        file.sync_all()?;
    }
    Ok((end + text.len() as u64, record_at))
}

/// Finds the last whole transaction if the end of the file shows it.
fn glance(file: &mut File, start: u64) -> io::Result<Option<Last>> {
    let length = file.metadata()?.len();
    let mut window = GLANCE;
    loop {
        let from = length.saturating_sub(window).max(start);
        file.seek(SeekFrom::Start(from))?;
        let mut octets = Vec::new();
        file.take(length - from).read_to_end(&mut octets)?;
        match last_transaction(&octets, from == start) {
            Some((before, line, end)) => {
                let intact = |ended: &End| {
                    checksum(Sha256::new().chain_update(&octets[before..line]), &octets[line..end]) == ended.checksum
                };
                let parsed = std::str::from_utf8(&octets[line..end - 1]).ok().and_then(text::line);
                return Ok(match parsed {
                    Some(Line::End(ended)) if intact(&ended) => {
                        Some(Last { end: from + end as u64, count: ended.count, record_at: ended.record_at })
                    }
                    _ => None,
                });
            }
            None if from == start => return Ok(None),
            None => window *= 4,
        }
    }
}

/// Where the last transaction that has an end begins, where its last line begins, and where it ends.
fn last_transaction(octets: &[u8], from_start: bool) -> Option<(usize, usize, usize)> {
    let breaks = || memchr::memchr_iter(b'\n', octets);
    let starts = from_start.then_some(0).into_iter().chain(breaks().map(|at| at + 1));
    let ends = starts.filter_map(|at| {
        let length = memchr::memchr(b'\n', &octets[at..])?;
        octets[at..].starts_with(b"=\t").then_some((at, at + length + 1))
    });
    let mut before = from_start.then_some(0);
    let mut last = None;
    for (line, end) in ends {
        last = before.map(|before| (before, line, end));
        before = Some(end);
    }
    last
}

fn record_at(file: &mut File, at: u64) -> io::Result<Option<FolderRecord>> {
    file.seek(SeekFrom::Start(at))?;
    let line = read_line(&mut BufReader::new(file))?.unwrap_or_default();
    let line = std::str::from_utf8(&line).ok().and_then(|line| text::line(line.strip_suffix('\n')?));
    Ok(match line {
        Some(Line::Record(record)) => Some(record),
        _ => None,
    })
}

/// The next line with its line end; the last may have none. `None` at the end of the file.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut octets = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut octets)?;
    Ok((!octets.is_empty()).then_some(octets))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes names durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

pub(super) fn broken(path: &Path, error: io::Error) -> Error {
    Error::io(path.display(), error, ErrorKind::Storage)
}

/// A second file of one pair.
pub(super) fn another_of(path: &Path, folder: &FolderName) -> Error {
    let place = path.display();
    let message = format!("{place}: another file beside it is that of folder '{folder}' too");
    Error::new(ErrorKind::Storage, message).with_hint("move the copy away, or the older one of the two")
}

fn damaged(path: &Path, what: &str) -> Error {
    let place = path.display();
    Error::new(ErrorKind::Storage, format!("{place}: the status file is damaged: {what}")).with_hint(format!(
        "move {place} away; the next run compares both sides of this folder afresh and removes nothing"
    ))
}
