//! The status of one pair of folders inside the file. The pair is looked up by name at every call, so that a handle never speaks
//! of a pair that was renamed or forgotten meanwhile.

use super::failure::Failure;
use super::values::{self, Id, KeywordSets};
use super::{Database, Shared, folder_id, schema};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{ContentId, MessageId, PerSide, Side};
use crate::repository::Cursor;
use crate::status::memory::id_taken;
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus, Intent, Row};
use rusqlite::{Connection, OptionalExtension, Params, ToSql, Transaction, ffi, params};
use std::sync::Arc;

/// How many rows are read at a time.
const PAGE: i64 = 1024;

pub(super) struct SqliteFolder {
    pub(super) shared: Arc<Shared>,
    pub(super) pair: FolderPair,
}

impl SqliteFolder {
    /// Reads one value of the pair's own row.
    fn read_own<T: Default>(&self, read: impl FnOnce(&rusqlite::Row<'_>) -> Result<T, Failure>) -> Result<T> {
        self.shared.read(|database| {
            let mut select = database.connection.prepare_cached(schema::SELECT_FOLDER)?;
            let mut rows = select.query(params![self.pair.remote.as_str(), self.pair.local.as_str()])?;
            rows.next()?.map_or_else(|| Ok(T::default()), read)
        })
    }

    fn page_after(&self, last: &dyn ToSql) -> Result<Vec<Row>> {
        self.shared.read(|database| {
            let Some(folder) = folder_id(&database.connection, &self.pair)? else { return Ok(Vec::new()) };
            database.rows(schema::SELECT_PAGE, params![folder, last, PAGE])
        })
    }
}

impl Database {
    fn rows(&mut self, sql: &str, params: impl Params) -> Result<Vec<Row>, Failure> {
        let mut select = self.connection.prepare_cached(sql)?;
        let mut found = select.query(params)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(values::row(&self.connection, &mut self.keywords, row)?);
        }
        Ok(rows)
    }
}

impl FolderStatus for SqliteFolder {
    fn record(&self) -> Result<FolderRecord> {
        self.read_own(values::record)
    }

    fn count(&self) -> Result<u64> {
        self.read_own(values::count)
    }

    fn rows(&self, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let mut page = self.page_after(&0)?;
        while let Some(last) = page.last().map(|row| row.ids.remote.clone()) {
            page.into_iter().try_for_each(&mut *each)?;
            page = self.page_after(&Id(&last))?;
        }
        Ok(())
    }

    fn row(&self, side: Side, id: &MessageId) -> Result<Option<Row>> {
        let sql = match side {
            Side::Remote => schema::SELECT_BY_REMOTE,
            Side::Local => schema::SELECT_BY_LOCAL,
        };
        self.shared.read(|database| {
            let Some(folder) = folder_id(&database.connection, &self.pair)? else { return Ok(None) };
            Ok(database.rows(sql, params![folder, Id(id)])?.pop())
        })
    }

    fn content(&self, side: Side, id: &MessageId) -> Result<Option<ContentId>> {
        let sql = match side {
            Side::Remote => schema::SELECT_REMOTE_CONTENT,
            Side::Local => schema::SELECT_LOCAL_CONTENT,
        };
        self.shared.read(|database| {
            let Some(folder) = folder_id(&database.connection, &self.pair)? else { return Ok(None) };
            let mut select = database.connection.prepare_cached(sql)?;
            let found: Option<Option<i64>> = select.query_row(params![folder, Id(id)], |row| row.get(0)).optional()?;
            Ok(found.flatten().and_then(|number| ContentId::from_number(number.cast_unsigned())))
        })
    }

    fn intents(&self) -> Result<Vec<Intent>> {
        self.shared.read(|database| {
            let Some(folder) = folder_id(&database.connection, &self.pair)? else { return Ok(Vec::new()) };
            let mut select = database.connection.prepare_cached(schema::SELECT_INTENTS)?;
            let mut rows = select.query([folder])?;
            let mut intents = Vec::new();
            while let Some(row) = rows.next()? {
                intents.push(values::intent(row)?);
            }
            Ok(intents)
        })
    }

    fn apply(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let place = format!("{} and {}", self.pair.remote, self.pair.local);
        self.shared.write(|transaction, keywords| {
            let folder =
                folder_id(transaction, &self.pair)?.map_or_else(|| insert_folder(transaction, &self.pair), Ok)?;
            Writer { transaction, keywords, folder }.apply(&batch).map_err(|failure| match failure {
                Failure::Other(error) => Failure::Other(error.at(&place)),
                other => other,
            })
        })
    }
}

fn insert_folder(connection: &Connection, pair: &FolderPair) -> Result<i64, Failure> {
    let names = params![pair.remote.as_str(), pair.local.as_str()];
    connection.prepare_cached("INSERT INTO folders (remote, local) VALUES (?1, ?2)")?.execute(names)?;
    Ok(connection.last_insert_rowid())
}

/// Writes one batch inside one transaction.
struct Writer<'t> {
    transaction: &'t Transaction<'t>,
    keywords: &'t mut KeywordSets,
    folder: i64,
}

impl Writer<'_> {
    fn apply(&mut self, batch: &Batch) -> Result<(), Failure> {
        let deleted = self.delete_rows(&batch.delete)?;
        let inserted = self.upsert_rows(&batch.upsert)?;
        if inserted != deleted {
            let sql = "UPDATE folders SET messages = messages + ?2 WHERE id = ?1";
            self.transaction.prepare_cached(sql)?.execute([self.folder, inserted - deleted])?;
        }
        if let Some(record) = &batch.record {
            self.update_record(record)?;
        }
        batch.intents.iter().try_for_each(|intent| self.upsert_intent(intent))?;
        self.delete_intents(&batch.settled)?;
        batch.contents.iter().try_for_each(|(side, id, content)| self.update_content(*side, id, *content))
    }

    fn update_content(&self, side: Side, id: &MessageId, content: ContentId) -> Result<(), Failure> {
        let sql = match side {
            Side::Remote => schema::UPDATE_REMOTE_CONTENT,
            Side::Local => schema::UPDATE_LOCAL_CONTENT,
        };
        let number = content.number().cast_signed();
        self.transaction.prepare_cached(sql)?.execute(params![self.folder, Id(id), number])?;
        Ok(())
    }

    fn delete_rows(&self, remote_ids: &[MessageId]) -> Result<i64, Failure> {
        let mut delete = self.transaction.prepare_cached(schema::DELETE_ROW)?;
        let mut deleted = 0;
        for id in remote_ids {
            deleted += delete.execute(params![self.folder, Id(id)])? as i64;
        }
        Ok(deleted)
    }

    /// How many rows there are more.
    fn upsert_rows(&mut self, rows: &[Row]) -> Result<i64, Failure> {
        let mut insert = self.transaction.prepare_cached(schema::INSERT_ROW)?;
        let mut update = self.transaction.prepare_cached(schema::UPDATE_ROW)?;
        let mut inserted = 0;
        for row in rows {
            let PerSide { remote, local } = &row.ids;
            let keywords = self.keywords.intern(self.transaction, &row.base.keywords)?;
            let values = params![self.folder, Id(remote), Id(local), row.base.system.bits(), keywords];
            let new = insert.execute(values).map_err(|error| row_failure(error, row))? as i64;
            if new == 0 {
                update.execute(values).map_err(|error| row_failure(error, row))?;
            }
            inserted += new;
        }
        Ok(inserted)
    }

    fn update_record(&self, record: &FolderRecord) -> Result<(), Failure> {
        let validity = record.uid_validity.map(|validity| validity.map(|v| v.0));
        let cursor = record.cursor.as_ref().map(|cursor| cursor.as_ref().map(|Cursor(bytes)| &**bytes));
        let witness = record.witness.as_ref().map(|token| token.as_deref());
        self.transaction.prepare_cached(schema::UPDATE_RECORD)?.execute(params![
            self.folder,
            validity.remote,
            validity.local,
            cursor.remote,
            cursor.local,
            witness.remote,
            witness.local,
            record.window.since,
            record.window.max_octets.map(|octets| i64::try_from(octets).unwrap_or(i64::MAX)),
            record.identity.remote.as_deref(),
            record.identity.local.as_deref(),
        ])?;
        Ok(())
    }

    fn upsert_intent(&self, intent: &Intent) -> Result<(), Failure> {
        let (octets, digest) = intent.known_by.into_parts();
        let octets = octets.map(i64::try_from).transpose().map_err(|_| too_large(&intent.source))?;
        self.transaction.prepare_cached(schema::UPSERT_INTENT)?.execute(params![
            self.folder,
            values::side_number(intent.to),
            Id(&intent.source),
            octets,
            digest,
            intent.confirmed,
        ])?;
        Ok(())
    }

    fn delete_intents(&self, settled: &[(Side, MessageId)]) -> Result<(), Failure> {
        let mut delete = self.transaction.prepare_cached(schema::DELETE_INTENT)?;
        for (side, source) in settled {
            delete.execute(params![self.folder, values::side_number(*side), Id(source)])?;
        }
        Ok(())
    }
}

fn row_failure(error: rusqlite::Error, row: &Row) -> Failure {
    match error.sqlite_extended_error_code() {
        Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => Failure::Other(id_taken(row, None)),
        _ => Failure::Sql(error),
    }
}

fn too_large(source: &MessageId) -> Failure {
    Failure::Other(Error::new(ErrorKind::Message, format!("message {source}: its size is beyond all bounds")))
}
