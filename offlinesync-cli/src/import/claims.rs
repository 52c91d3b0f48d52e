//! Whether files are the messages that their names claim to be. Reads headers on both sides, changes nothing.

use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::{Account, are_same};
use offlinesync_core::{MessageId, PerSide, Result};

/// So many claims are compared one by one. Of more, as after a Maildir was copied to another disk, a sample is first, and holds for all.
const COMPARED: usize = 1000;
const SAMPLE: usize = 16;

/// Those of the pairs that are not one message each. One that is not there on a side, or cannot be looked at, is none of them.
///
/// # Errors
/// A folder cannot be read just now.
pub(super) fn others(
    account: &Account,
    pair: &FolderPair,
    pairs: Vec<PerSide<MessageId>>,
) -> Result<Vec<PerSide<MessageId>>> {
    if pairs.is_empty() {
        return Ok(pairs);
    }
    let repositories = account.repositories();
    let mut folders =
        PerSide { remote: repositories.remote.open(&pair.remote)?, local: repositories.local.open(&pair.local)? };
    let mut differing = |pairs: Vec<PerSide<MessageId>>| -> Result<Vec<PerSide<MessageId>>> {
        let verdicts = are_same(&mut folders, &pairs)?;
        Ok(pairs.into_iter().zip(verdicts).filter(|(_, same)| *same == Some(false)).map(|(ids, _)| ids).collect())
    };
    let sample = pairs.iter().step_by(pairs.len().div_ceil(SAMPLE)).cloned().collect();
    if pairs.len() > COMPARED && differing(sample)?.is_empty() {
        return Ok(Vec::new());
    }
    differing(pairs)
}
