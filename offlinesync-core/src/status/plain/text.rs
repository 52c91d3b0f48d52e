//! Lines of the text files and the values they stand for. Pure.
//!
//! A file begins with a line that names the format, the version and the pair. Then come transactions: lines about messages, and one
//! that ends them. Fields are separated by tabs. What follows each mark:
//! - `-` a row that is deleted: its remote id.
//! - `+` a row: remote id, local id, system flags as in a Maildir, keywords.
//! - `r` the record: numbering, cursor and witness of each side (remote first), window (since, octets), and what each side
//!   calls the folder, if either does.
//! - `>` an upload begun: side, source, octets, digest, whether it is confirmed. `<` one that is settled: side, source.
//! - `=` the end of a transaction: number of rows, offset of the record in the file, checksum of the transaction.
//!
//! `-` stands for what is not there. A UID is a number, a name follows a `=`. Octets that would disturb are written as `%0A`.

use crate::flags::{Flags, Keywords, SystemFlags};
use crate::folder_name::FolderName;
use crate::message::{MessageId, PerSide, Side, Uid, UidValidity};
use crate::repository::Cursor;
use crate::status::{Batch, FolderPair, FolderRecord, Intent, KnownBy, Row};
use crate::window::Window;
use std::fmt::Write as _;

const FORMAT: &str = "offlinesync status 1";

/// How long a line may be: far more than any that is written.
pub(super) const LONGEST_LINE: u64 = 1 << 20;

/// A line about a message or the folder.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Delete(MessageId),
    Upsert(Row),
    Record(FolderRecord),
    Intent(Intent),
    Settled(Side, MessageId),
    End(End),
}

/// The end of a transaction.
#[derive(Debug, PartialEq)]
pub(super) struct End {
    pub(super) count: u64,
    pub(super) record_at: Option<u64>,
    pub(super) checksum: String,
}

/// The first line, with its line end.
pub(super) fn header(pair: &FolderPair) -> String {
    format!("{FORMAT}\t{}\t{}\n", escape(pair.remote.as_str()), escape(pair.local.as_str()))
}

/// The pair of a first line without line end.
pub(super) fn pair(line: &str) -> Option<FolderPair> {
    let mut fields = line.strip_prefix(FORMAT)?.strip_prefix('\t')?.split('\t');
    let mut name = || Some(FolderName::new(unescape(fields.next()?)?));
    Some(FolderPair { remote: name()?, local: name()? })
}

/// Everything of a batch but the end, and where in it the record begins.
pub(super) fn batch(batch: &Batch) -> (String, Option<usize>) {
    let mut text = String::new();
    batch.delete.iter().for_each(|remote| push(&mut text, &["-", &id(remote)]));
    batch.upsert.iter().for_each(|row| push_row(&mut text, row));
    let record_at = batch.record.as_ref().map(|record| {
        let at = text.len();
        push_record(&mut text, record);
        at
    });
    batch.intents.iter().for_each(|intent| push_intent(&mut text, intent));
    batch.settled.iter().for_each(|(to, source)| push(&mut text, &["<", side(*to), &id(source)]));
    (text, record_at)
}

/// The end of a transaction but its checksum.
pub(super) fn push_end(text: &mut String, count: u64, record_at: Option<u64>) {
    let _ = write!(text, "=\t{count}\t{}\t", optional(record_at));
}

/// A line without line end.
pub(super) fn line(text: &str) -> Option<Line> {
    let mut fields = text.split('\t');
    Some(match fields.next()? {
        "-" => Line::Delete(read_id(fields.next()?)?),
        "+" => Line::Upsert(row(&mut fields)?),
        "r" => Line::Record(record(&mut fields)?),
        ">" => Line::Intent(intent(&mut fields)?),
        "<" => Line::Settled(read_side(fields.next()?)?, read_id(fields.next()?)?),
        "=" => Line::End(End {
            count: fields.next()?.parse().ok()?,
            record_at: read_optional(fields.next()?)?,
            checksum: fields.next()?.to_owned(),
        }),
        _ => return None,
    })
}

fn push(text: &mut String, fields: &[&str]) {
    text.push_str(&fields.join("\t"));
    text.push('\n');
}

fn push_row(text: &mut String, row: &Row) {
    let letters: String = row.base.system.letters().collect();
    let letters = if letters.is_empty() { "-" } else { &letters };
    let keywords: Vec<String> = row.base.keywords.iter().map(|word| escape(word).replace(' ', "%20")).collect();
    push(text, &["+", &id(&row.ids.remote), &id(&row.ids.local), letters, &keywords.join(" ")]);
}

fn row<'t>(fields: &mut impl Iterator<Item = &'t str>) -> Option<Row> {
    let ids = PerSide { remote: read_id(fields.next()?)?, local: read_id(fields.next()?)? };
    let mut system = SystemFlags::NONE;
    for letter in fields.next()?.chars().filter(|letter| *letter != '-') {
        system = system.union(SystemFlags::from_letter(letter)?);
    }
    let mut keywords = Keywords::default();
    for word in fields.next()?.split(' ').filter(|word| !word.is_empty()) {
        keywords.insert(&unescape(word)?);
    }
    Some(Row { ids, base: Flags { system, keywords } })
}

fn push_record(text: &mut String, record: &FolderRecord) {
    let number = |side: Side| optional(record.uid_validity[side].map(|validity| validity.0));
    let cursor = |side: Side| hex(record.cursor[side].as_ref().map(|cursor| &*cursor.0));
    let witness = |side: Side| hex(record.witness[side].as_deref());
    let mut fields = vec!["r".to_owned()];
    fields.extend(Side::BOTH.map(number));
    fields.extend(Side::BOTH.map(cursor));
    fields.extend(Side::BOTH.map(witness));
    fields.extend([optional(record.window.since), optional(record.window.max_octets)]);
    if record.identity != PerSide::default() {
        fields.extend(Side::BOTH.map(|side| hex(record.identity[side].as_deref())));
    }
    push(text, &fields.iter().map(String::as_str).collect::<Vec<_>>());
}

fn record<'t>(fields: &mut impl Iterator<Item = &'t str>) -> Option<FolderRecord> {
    let mut record = FolderRecord::default();
    for side in Side::BOTH {
        record.uid_validity[side] = read_optional(fields.next()?)?.map(UidValidity);
    }
    for side in Side::BOTH {
        record.cursor[side] = read_hex(fields.next()?)?.map(Cursor);
    }
    for side in Side::BOTH {
        record.witness[side] = read_hex(fields.next()?)?;
    }
    record.window = Window { since: read_optional(fields.next()?)?, max_octets: read_optional(fields.next()?)? };
    for side in Side::BOTH {
        record.identity[side] = fields.next().map_or(Some(None), read_hex)?;
    }
    Some(record)
}

fn push_intent(text: &mut String, intent: &Intent) {
    let Intent { to, source, known_by, confirmed } = intent;
    let (octets, digest) = known_by.into_parts();
    let confirmed = if *confirmed { "1" } else { "0" };
    push(text, &[">", side(*to), &id(source), &optional(octets), &hex(digest.as_ref().map(|d| &d[..])), confirmed]);
}

fn intent<'t>(fields: &mut impl Iterator<Item = &'t str>) -> Option<Intent> {
    let (to, source) = (read_side(fields.next()?)?, read_id(fields.next()?)?);
    let octets = read_optional(fields.next()?)?;
    let digest = match read_hex(fields.next()?)? {
        Some(digest) => Some((*digest).try_into().ok()?),
        None => None,
    };
    let known_by = KnownBy::from_parts(octets, digest)?;
    Some(Intent { to, source, known_by, confirmed: fields.next()? == "1" })
}

fn id(id: &MessageId) -> String {
    match id {
        MessageId::Uid(uid) => uid.get().to_string(),
        MessageId::Name(name) => format!("={}", escape(name)),
    }
}

fn read_id(text: &str) -> Option<MessageId> {
    match text.strip_prefix('=') {
        Some(name) => Some(MessageId::Name(unescape(name)?.into())),
        None => Uid::new(text.parse().ok()?).map(MessageId::Uid),
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Remote => "remote",
        Side::Local => "local",
    }
}

fn read_side(text: &str) -> Option<Side> {
    Side::BOTH.into_iter().find(|known| side(*known) == text)
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn read_optional<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
}

/// The empty octets are `.`.
fn hex(octets: Option<&[u8]>) -> String {
    match octets {
        None => "-".to_owned(),
        Some([]) => ".".to_owned(),
        Some(octets) => octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        }),
    }
}

fn read_hex(text: &str) -> Option<Option<Box<[u8]>>> {
    match text {
        "-" => return Some(None),
        "." => return Some(Some(Box::default())),
        _ => {}
    }
    let digits = text.as_bytes().chunks(2);
    let octets: Option<Vec<u8>> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    Some(Some(octets?.into()))
}

/// The empty text is `%`.
fn escape(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '%' | '\0'..='\x1f' | '\x7f' => drop(write!(escaped, "%{:02X}", u32::from(c))),
            _ => escaped.push(c),
        }
        escaped
    })
}

fn unescape(text: &str) -> Option<String> {
    if text == "%" {
        return Some(String::new());
    }
    let mut parts = text.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let octet = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        plain.push(char::from(octet));
        plain.push_str(&part[2..]);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        text.lines().map(|text| line(text).unwrap_or_else(|| panic!("{text}"))).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let name = |name: &str| MessageId::Name(name.into());
        let keywords: Keywords = ["", "a b", "50%", "%20", "x\r\ny", "ä"].into_iter().collect();
        let row = Row {
            ids: PerSide { remote: Uid::MAX.into(), local: name("1.a:2,\t\n\0") },
            base: Flags { system: SystemFlags::ALL, keywords },
        };
        let record = FolderRecord {
            uid_validity: PerSide { remote: Some(UidValidity(7)), local: None },
            cursor: PerSide { remote: Some(Cursor(Box::default())), local: Some(Cursor([0, 255].into())) },
            witness: PerSide::default(),
            window: Window { since: Some(-5), max_octets: None },
            identity: PerSide { remote: Some([1, 2].into()), local: None },
        };
        let intent = Intent {
            to: Side::Local,
            source: name(""),
            known_by: KnownBy::Content { octets: 3, digest: [9; 32] },
            confirmed: true,
        };
        let all = Batch {
            upsert: vec![row.clone()],
            delete: vec![name("=")],
            record: Some(record.clone()),
            intents: vec![intent.clone()],
            settled: vec![(Side::Remote, name("-"))],
            contents: Vec::new(),
        };
        let (mut text, at) = batch(&all);
        assert!(text[at.unwrap()..].starts_with("r\t7\t-\t.\t00ff\t-\t-\t-5\t-\t0102\t-\n"), "{text}");
        push_end(&mut text, 1, Some(20));
        text.push_str("sum");
        let end = End { count: 1, record_at: Some(20), checksum: "sum".into() };
        assert_eq!(
            lines(&text),
            [
                Line::Delete(name("=")),
                Line::Upsert(row),
                Line::Record(record),
                Line::Intent(intent),
                Line::Settled(Side::Remote, name("-")),
                Line::End(end),
            ]
        );
        let names = FolderPair { remote: "Tab\there".into(), local: "".into() };
        assert_eq!(pair(header(&names).trim_end_matches('\n')), Some(names));
    }

    #[test]
    fn what_is_no_line_is_none() {
        for text in [
            "",
            "?",
            "+\t1",
            "+\t0\t=a\t-\t",
            "+\t1\t=a\tZ\t",
            "-\tx",
            "r\t1",
            "=\tx\t-\t",
            "+\t1\t=%zz\t-\t",
            "<\tup\t1",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
        assert_eq!(pair("offlinesync status 2\ta\tb"), None);
    }
}
