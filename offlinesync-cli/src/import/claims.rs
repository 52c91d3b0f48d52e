//! Whether files are the messages that their names claim to be. Reads headers on both sides, changes nothing.

use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::{Account, are_same};
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

/// The Message-ID of a header block (RFC 5322 section 3.6.4), also where its line is folded; `None` if it has none.
fn message_id(header: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"message-id:";
    let mut lines = header.split(|octet| *octet == b'\n');
    let first = lines.find(|line| line.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME)))?;
    let folded = lines.take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t"));
    let value = first[NAME.len()..].iter().chain(folded.flatten());
    let value: Vec<u8> = value.copied().filter(u8::is_ascii_graphic).collect();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_found_whatever_its_case_and_wherever_its_line_is_folded() {
        for header in ["Message-ID: <a@b>\r\nTo: c\r\n\r\n", "To: c\r\nMESSAGE-ID:\r\n <a@b>\r\n\r\n"] {
            assert_eq!(message_id(header.as_bytes()).as_deref(), Some(&b"<a@b>"[..]), "{header}");
        }
        assert_eq!(message_id(b"Subject: Message-ID: <a@b>\r\nMessage-ID: \r\n\r\n"), None);
    }
}
