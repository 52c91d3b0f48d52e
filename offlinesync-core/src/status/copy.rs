//! Carrying a status from one store to another. Reads one, writes the other.

use super::{Batch, FolderStatus, Row, StatusStore};
use crate::error::Result;

/// How many rows are written at a time.
const CHUNK: usize = 1000;

/// Makes `to` hold what `from` holds, and nothing else. The record of a pair is written with its last rows, so that a pair that was
/// cut short has none. Called again after an error, it begins anew.
///
/// # Errors
/// What either store says.
pub fn copy_status(from: &dyn StatusStore, to: &dyn StatusStore) -> Result<()> {
    for (pair, ..) in to.folders()? {
        to.forget(&pair)?;
    }
    for (pair, record, _) in from.folders()? {
        let source = from.folder(&pair)?;
        let mut target = to.folder(&pair)?;
        let rows = copy_rows(&*source, &mut *target)?;
        target.apply(Batch { upsert: rows, record: Some(record), intents: source.intents()?, ..Batch::default() })?;
    }
    Ok(())
}

/// Copies rows; answers the last ones, which are not written yet.
fn copy_rows(from: &dyn FolderStatus, to: &mut dyn FolderStatus) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    from.rows(&mut |row| {
        rows.push(row);
        match rows.len() < CHUNK {
            true => Ok(()),
            false => to.apply(Batch { upsert: std::mem::take(&mut rows), ..Batch::default() }),
        }
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{FolderPair, FolderRecord, Intent, KnownBy, MemoryStatus};
    use crate::{Flags, MessageId, PerSide, Side, Uid, UidValidity};

    #[test]
    fn everything_is_carried_over_and_what_was_there_is_gone() {
        let pair = |name: &str| FolderPair { remote: name.into(), local: name.into() };
        let row = |number: u32| Row {
            ids: PerSide {
                remote: Uid::new(number).unwrap().into(),
                local: MessageId::Name(number.to_string().into()),
            },
            base: Flags::from_imap(["\\Seen", "Work"]),
        };
        let uid_validity = PerSide { remote: Some(UidValidity(3)), local: None };
        let record = FolderRecord { uid_validity, ..FolderRecord::default() };
        let source = MessageId::Name("n".into());
        let intent = Intent {
            to: Side::Remote,
            source,
            known_by: KnownBy::Content { octets: 3, digest: [1; 32] },
            confirmed: true,
        };
        let (from, to) = (MemoryStatus::new(), MemoryStatus::new());
        to.folder(&pair("old")).unwrap().apply(Batch { upsert: vec![row(1)], ..Batch::default() }).unwrap();
        let upsert: Vec<Row> = (1..2500).map(row).collect();
        let batch =
            Batch { upsert: upsert.clone(), record: Some(record), intents: vec![intent.clone()], ..Batch::default() };
        from.folder(&pair("INBOX")).unwrap().apply(batch).unwrap();
        from.folder(&pair("Empty"))
            .unwrap()
            .apply(Batch { record: Some(FolderRecord::default()), ..Batch::default() })
            .unwrap();
        for _ in 0..2 {
            copy_status(&from, &to).unwrap();
            assert_eq!(to.folders().unwrap(), from.folders().unwrap());
            let folder = to.folder(&pair("INBOX")).unwrap();
            let mut rows = Vec::new();
            let each = &mut |row| {
                rows.push(row);
                Ok(())
            };
            folder.rows(each).unwrap();
            assert_eq!((rows, folder.intents().unwrap()), (upsert.clone(), vec![intent.clone()]));
        }
    }
}
