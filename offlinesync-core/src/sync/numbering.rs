//! What is said and done when a folder's numbering is not the recorded one, or an upload cannot be found again.

use super::difference::Listings;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{MessageId, Side, UidValidity};
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus};

/// The refusal of a folder whose UIDVALIDITY changed.
pub(super) fn refused(pair: &FolderPair, side: Side, then: Option<UidValidity>, listings: &Listings) -> Error {
    let shown = |validity: Option<UidValidity>| validity.map_or_else(|| "unknown".to_owned(), |v| v.to_string());
    let now = listings[side].as_ref().map(|set| set.uid_validity);
    Error::new(
        ErrorKind::Numbering,
        format!(
            "folder '{}': the {side} side has new message numbers (UIDVALIDITY was {}, is {}); the folder was left alone, nothing was copied or removed",
            pair[side],
            shown(then),
            shown(now)
        ),
    )
    .with_hint(format!(
        "if the folder was re-created or restored from a backup, run once with --accept-uidvalidity -f '{}': messages are paired again by content",
        pair.remote
    ))
}

/// An upload that the server confirmed but that cannot be found there.
pub(super) fn unidentified(pair: &FolderPair, to: Side) -> Error {
    Error::new(
        ErrorKind::Message,
        format!(
            "folder '{}': the {to} side stored this message but no message there equals it; it is not uploaded again",
            pair[to]
        ),
    )
}

/// Deletes every row and the record, in transactions of bounded size; the folder is paired anew afterwards.
pub(super) fn forget_rows(status: &mut dyn FolderStatus) -> Result<()> {
    let mut delete: Vec<MessageId> = Vec::new();
    status.rows(&mut |row| {
        delete.push(row.ids.remote);
        Ok(())
    })?;
    status.apply(Batch { delete, record: Some(FolderRecord::default()), ..Batch::default() })
}
