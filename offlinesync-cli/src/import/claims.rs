//! Whether files are the messages that their names claim to be. Reads headers on both sides, changes nothing.

use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::{Account, are_same, message_id};
use offlinesync_core::{Folder, MessageId, PerSide, Result, Side};
use std::collections::BTreeMap;

/// So many claims are compared one by one. Of more, as after a Maildir was copied to another disk, a sample is first, and holds for all.
const COMPARED: usize = 1000;
const SAMPLE: usize = 16;

type Pair = PerSide<MessageId>;
type Folders = PerSide<Box<dyn Folder>>;

/// Those of the pairs that are two messages: they differ, and so do their Message-IDs. Of one that differs otherwise the program that put it
/// there, or the server, may have changed the header (OfflineIMAP adds `X-OfflineIMAP` to what it uploads). A message that is not there on a
/// side, or cannot be looked at, proves nothing.
///
/// # Errors
/// A folder cannot be read just now.
pub(super) fn others(account: &Account, pair: &FolderPair, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
    if pairs.is_empty() {
        return Ok(pairs);
    }
    let repositories = account.repositories();
    let mut folders =
        PerSide { remote: repositories.remote.open(&pair.remote)?, local: repositories.local.open(&pair.local)? };
    let sample = pairs.iter().step_by(pairs.len().div_ceil(SAMPLE)).cloned().collect();
    if pairs.len() > COMPARED && strangers(&mut folders, sample)?.is_empty() {
        return Ok(Vec::new());
    }
    strangers(&mut folders, pairs)
}

fn strangers(folders: &mut Folders, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
    let verdicts = are_same(folders, &pairs)?;
    let differing = pairs.into_iter().zip(verdicts).filter(|(_, same)| *same == Some(false));
    let mut differing: Vec<Pair> = differing.map(|(ids, _)| ids).collect();
    let mut named = PerSide::<BTreeMap<MessageId, Vec<u8>>>::default();
    for side in Side::BOTH.into_iter().filter(|_| !differing.is_empty()) {
        let ids: Vec<MessageId> = differing.iter().map(|ids| ids[side].clone()).collect();
        folders[side].headers(&ids, &mut |headers| {
            named[side].extend(message_id(headers.header).map(|name| (headers.id.clone(), name)));
            Ok(())
        })?;
    }
    differing.retain(|ids| {
        let name = |side: Side| named[side].get(&ids[side]);
        matches!((name(Side::Remote), name(Side::Local)), (Some(one), Some(other)) if one != other)
    });
    Ok(differing)
}
