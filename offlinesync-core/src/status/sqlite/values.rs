//! Between the engine's values and the columns of the status file. Touches the connection only to intern keyword sets.
//!
//! A keyword set is written as its keywords in the order of their folded names, separated by spaces; a space, a line end and `%`
//! inside a keyword are written `%20`, `%0A`, `%0D` and `%25`, an empty keyword is written `%`. IMAP keywords contain none of these.

use super::failure::Failure;
use crate::flags::{Flags, Keywords, SystemFlags};
use crate::folder_name::FolderName;
use crate::message::{MessageId, PerSide, Side, Uid, UidValidity};
use crate::repository::Cursor;
use crate::status::{FolderPair, FolderRecord, Intent, KnownBy, Row};
use crate::window::Window;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql};
use std::collections::HashMap;

/// How many keyword sets are remembered at most.
const REMEMBERED: usize = 10_000;

/// A message id as a parameter.
pub(super) struct Id<'a>(pub(super) &'a MessageId);

impl ToSql for Id<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            MessageId::Uid(uid) => ToSqlOutput::Owned(Value::Integer(uid.get().into())),
            MessageId::Name(name) => ToSqlOutput::Borrowed(ValueRef::Text(name.as_bytes())),
        })
    }
}

/// How a side is written in the table of intents.
pub(super) fn side_number(side: Side) -> i64 {
    match side {
        Side::Remote => 0,
        Side::Local => 1,
    }
}

fn message_id(value: ValueRef<'_>) -> Result<MessageId, Failure> {
    let damaged = || Failure::Damaged("a message id is neither a UID nor a name".to_owned());
    match value {
        ValueRef::Integer(number) => {
            u32::try_from(number).ok().and_then(Uid::new).map(MessageId::Uid).ok_or_else(damaged)
        }
        ValueRef::Text(name) => {
            std::str::from_utf8(name).map(|name| MessageId::Name(name.into())).map_err(|_| damaged())
        }
        _ => Err(damaged()),
    }
}

/// Columns 0 and 1 of a folder.
pub(super) fn pair(row: &rusqlite::Row<'_>) -> Result<FolderPair, Failure> {
    let name = |column| -> Result<FolderName, Failure> { Ok(FolderName::new(row.get::<_, String>(column)?)) };
    Ok(PerSide { remote: name(0)?, local: name(1)? })
}

/// Column 2 of a folder.
pub(super) fn count(row: &rusqlite::Row<'_>) -> Result<u64, Failure> {
    u64::try_from(row.get::<_, i64>(2)?).map_err(|_| Failure::Damaged("a folder has less than no message".to_owned()))
}

/// Columns 3 to 12 of a folder.
pub(super) fn record(row: &rusqlite::Row<'_>) -> Result<FolderRecord, Failure> {
    let validity = |column| -> Result<_, Failure> { Ok(row.get::<_, Option<u32>>(column)?.map(UidValidity)) };
    let bytes =
        |column| -> Result<_, Failure> { Ok(row.get::<_, Option<Vec<u8>>>(column)?.map(Vec::into_boxed_slice)) };
    Ok(FolderRecord {
        uid_validity: PerSide { remote: validity(3)?, local: validity(4)? },
        cursor: PerSide { remote: bytes(5)?.map(Cursor), local: bytes(6)?.map(Cursor) },
        witness: PerSide { remote: bytes(7)?, local: bytes(8)? },
        window: Window { since: row.get(9)?, max_octets: row.get::<_, Option<i64>>(10)?.map(i64::unsigned_abs) },
        identity: PerSide { remote: bytes(11)?, local: bytes(12)? },
    })
}

/// A row of the table of messages.
pub(super) fn row(connection: &Connection, sets: &mut KeywordSets, row: &rusqlite::Row<'_>) -> Result<Row, Failure> {
    let ids = PerSide { remote: message_id(row.get_ref(0)?)?, local: message_id(row.get_ref(1)?)? };
    let system = SystemFlags::from_bits(row.get(2)?);
    let keywords = sets.resolve(connection, row.get(3)?)?;
    Ok(Row { ids, base: Flags { system, keywords } })
}

/// A row of the table of intents.
pub(super) fn intent(row: &rusqlite::Row<'_>) -> Result<Intent, Failure> {
    let octets = row.get::<_, Option<i64>>(2)?.map(u64::try_from).transpose();
    let octets = octets.map_err(|_| Failure::Damaged("a message has less than no octets".to_owned()))?;
    let known_by = KnownBy::from_parts(octets, row.get(3)?);
    Ok(Intent {
        to: if row.get::<_, i64>(0)? == 0 { Side::Remote } else { Side::Local },
        source: message_id(row.get_ref(1)?)?,
        known_by: known_by.ok_or_else(|| Failure::Damaged("a message has a digest and no size".to_owned()))?,
        confirmed: row.get(4)?,
    })
}

/// The keyword sets of the file, as far as they were met.
#[derive(Debug, Default)]
pub(super) struct KeywordSets {
    by_id: HashMap<i64, Keywords>,
    by_text: HashMap<String, i64>,
}

impl KeywordSets {
    /// Forgets what a transaction that failed may have interned.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The id of a set, which is written to the file if it is new.
    pub(super) fn intern(&mut self, connection: &Connection, keywords: &Keywords) -> Result<i64, Failure> {
        if keywords.is_empty() {
            return Ok(0);
        }
        let text = encode(keywords);
        if let Some(id) = self.by_text.get(&text) {
            return Ok(*id);
        }
        let mut find = connection.prepare_cached("SELECT id FROM keyword_sets WHERE keywords = ?1")?;
        let id = match find.query_row([&text], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                connection.prepare_cached("INSERT INTO keyword_sets (keywords) VALUES (?1)")?.execute([&text])?;
                connection.last_insert_rowid()
            }
        };
        self.make_room();
        self.by_text.insert(text, id);
        Ok(id)
    }

    fn resolve(&mut self, connection: &Connection, id: i64) -> Result<Keywords, Failure> {
        if id == 0 {
            return Ok(Keywords::default());
        }
        if let Some(keywords) = self.by_id.get(&id) {
            return Ok(keywords.clone());
        }
        let mut find = connection.prepare_cached("SELECT keywords FROM keyword_sets WHERE id = ?1")?;
        let text: Option<String> = find.query_row([id], |row| row.get(0)).optional()?;
        let keywords = decode(&text.ok_or_else(|| Failure::Damaged(format!("keyword set {id} is missing")))?);
        self.make_room();
        self.by_id.insert(id, keywords.clone());
        Ok(keywords)
    }

    fn make_room(&mut self) {
        if self.by_id.len() >= REMEMBERED || self.by_text.len() >= REMEMBERED {
            self.clear();
        }
    }
}

fn encode(keywords: &Keywords) -> String {
    let escaped = |keyword: &str| match keyword {
        "" => "%".to_owned(),
        _ => keyword.replace('%', "%25").replace(' ', "%20").replace('\n', "%0A").replace('\r', "%0D"),
    };
    keywords.iter().map(escaped).collect::<Vec<_>>().join(" ")
}

fn decode(text: &str) -> Keywords {
    let plain = |keyword: &str| match keyword {
        "%" => String::new(),
        _ => keyword.replace("%0D", "\r").replace("%0A", "\n").replace("%20", " ").replace("%25", "%"),
    };
    let keywords: Vec<String> = text.split(' ').map(plain).collect();
    keywords.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_set_of_keywords_survives_its_encoding() {
        for set in [&["Work"][..], &["", "a b", "50%", "%20", "%", "x\r\ny", "ä"], &["$MDNSent", "NonJunk"]] {
            let keywords: Keywords = set.iter().copied().collect();
            let decoded = decode(&encode(&keywords));
            assert_eq!(decoded.iter().collect::<Vec<_>>(), keywords.iter().collect::<Vec<_>>());
        }
    }
}
