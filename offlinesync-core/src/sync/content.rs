//! Whether two messages are the same, told by what they contain: header digests first, whole digests where those do not decide. Of
//! several that are the same, names tell which go together. Reads both folders, changes nothing.
//!
//! What digests leave out is said in [`digest`](super::digest).

use super::digest::{self, Digest, Hash};
use crate::error::{Error, ErrorKind, Result};
use crate::line_ending::LineEnding;
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::repository::{Failures, Folder, Headers, Incoming, Sink, SourceFolder};
use crate::status::{Intent, KnownBy};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a header block, with the size, tells a message from every other. A short one does not, and one without a Message-ID
/// (RFC 5322 section 3.6.4) may be that of every message some program writes: such messages are compared whole.
pub(super) fn is_telling(header: &[u8]) -> bool {
    const SHORT: usize = 60;
    header.len() >= SHORT && message_id(header).is_some()
}

/// The Message-ID of a header block (RFC 5322 section 3.6.4) without its white space, also where its line is folded; `None` if it has none, or an
/// empty one.
pub fn message_id(header: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"message-id:";
    // Of `<>` too no other message can be told.
    const EMPTY: usize = 2;
    let is_named = |line: &[u8]| line.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME));
    let mut lines = header.split(|octet| *octet == b'\n').peekable();
    while let Some(line) = lines.next() {
        if !is_named(line) {
            continue;
        }
        let mut value: Vec<u8> = line[NAME.len()..].iter().copied().filter(u8::is_ascii_graphic).collect();
        while let Some(more) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            value.extend(more.iter().filter(|octet| octet.is_ascii_graphic()));
        }
        if value.len() > EMPTY {
            return Some(value);
        }
    }
    None
}

/// Shows every header to `each`; answers the messages that were not looked at, and why. One that the store passed over in silence is among
/// them: it was listed a moment ago, and whether it has gone since only the next listing tells.
fn look_at(folder: &mut dyn Folder, ids: &[MessageId], each: &mut dyn FnMut(&Headers<'_>)) -> Result<Failures> {
    let mut left: BTreeSet<&MessageId> = ids.iter().collect();
    let failures = folder.headers(ids, &mut |headers| {
        left.remove(headers.id);
        each(&headers);
        Ok(())
    })?;
    for (id, _) in &failures {
        left.remove(id);
    }
    let silent = |id: &MessageId| Error::new(ErrorKind::Message, format!("the store did not show message {id}"));
    let silent = left.into_iter().map(|id| (id.clone(), silent(id)));
    Ok(failures.into_iter().chain(silent).collect())
}

/// The Message-IDs of messages that have one; none at all where a message could not be looked at, for it may have one of them too.
pub(super) fn message_ids(folder: &mut dyn Folder, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let unread = look_at(folder, ids, &mut |headers| {
        found.extend(message_id(headers.header).map(|value| (headers.id.clone(), value)));
    })?;
    Ok(if unread.is_empty() { found } else { BTreeMap::new() })
}

/// Messages that have the digest of an intent, by that digest, and those that could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Proven {
    pub(super) found: BTreeMap<Hash, Vec<MessageId>>,
    pub(super) unread: Failures,
}

/// Those of the messages that have the digest of an intent. Only messages of the right size are read whole.
pub(super) fn that_prove(folder: &mut dyn Folder, ids: &[MessageId], intents: &[&Intent]) -> Result<Proven> {
    let sought: BTreeSet<Hash> = intents.iter().filter_map(|intent| intent.digest()).collect();
    if sought.is_empty() || ids.is_empty() {
        return Ok(Proven::default());
    }
    let mut found: BTreeMap<Hash, Vec<MessageId>> = BTreeMap::new();
    let sizes: BTreeSet<Option<u64>> = intents.iter().map(|intent| intent.known_by.into_parts().0).collect();
    let mut right_size = Vec::new();
    let mut unread =
        look_at(folder, ids, &mut |headers| match proof(headers).filter(|proof| sought.contains(&proof.digest)) {
            Some(proof) => found.entry(proof.digest).or_default().push(headers.id.clone()),
            None if headers.octets.is_none() || sizes.contains(&headers.octets) => right_size.push(headers.id.clone()),
            None => {}
        })?;
    for (id, content) in digests(folder, &right_size, &mut unread)? {
        found.entry(content.digest).or_default().push(id);
    }
    Ok(Proven { found, unread })
}

/// What a header tells that is as good as the digest of the whole message; none, where it does not tell enough. No message has it for
/// its digest.
pub(super) fn proof(headers: &Headers<'_>) -> Option<Content> {
    let (hash, octets) = digest::of_header(headers);
    let octets = octets.filter(|_| is_telling(headers.header))?;
    Some(Content { digest: digest::of_look(&hash, octets), octets: headers.octets? })
}

#[derive(Debug, Default)]
struct Group {
    ids: PerSide<Vec<(MessageId, Option<u64>)>>,
    weak: bool,
}

/// Which messages are the same.
#[derive(Debug, Default)]
pub(super) struct Equal {
    pub(super) pairs: Vec<PerSide<MessageId>>,
    /// Messages that could not be looked at: each of them may be any of those that are left.
    pub(super) unread: PerSide<Failures>,
}

/// Finds which messages of `remote` and `local` are the same. Each message is paired at most once; of several equal ones, each with the one that
/// is named after it in this numbering of the two sides, and the rest in order.
pub(super) fn pair_equal(
    folders: &mut PerSide<Box<dyn Folder>>,
    candidates: &PerSide<Vec<MessageId>>,
    numbering: &PerSide<Option<UidValidity>>,
) -> Result<Equal> {
    let (mut groups, mut equal) = (BTreeMap::<Hash, Group>::new(), Equal::default());
    for side in Side::BOTH {
        equal.unread[side] = look_at(folders[side].as_mut(), &candidates[side], &mut |headers| {
            let (hash, octets) = digest::of_header(headers);
            let group = groups.entry(hash).or_default();
            group.weak |= !is_telling(headers.header);
            group.ids[side].push((headers.id.clone(), octets));
        })?;
    }
    let mut doubtful = PerSide::<Vec<MessageId>>::default();
    for group in groups.into_values() {
        sort_out(group, &mut equal.pairs, &mut doubtful);
    }
    pair_by_digest(folders, &doubtful, numbering, &mut equal)?;
    leave_to_unread(folders, numbering, &mut equal);
    Ok(equal)
}

/// Takes out the pairs of which one got its name from a message that could not be looked at: it is that one's copy, and of the other it is only alike.
fn leave_to_unread(folders: &PerSide<Box<dyn Folder>>, numbering: &PerSide<Option<UidValidity>>, equal: &mut Equal) {
    let belong = belonging(folders, numbering);
    let Equal { pairs, unread } = equal;
    let of_unread = |side: Side, ids: &PerSide<MessageId>| {
        unread[side].iter().any(|(id, _)| {
            let mut named = ids.clone();
            named[side] = id.clone();
            belong(&named)
        })
    };
    pairs.retain(|ids| !Side::BOTH.into_iter().any(|side| of_unread(side, ids)));
}

/// What a look at a pair of messages tells.
#[derive(Debug)]
pub(super) enum Verdict {
    Same,
    Different,
    /// One of them could not be looked at.
    Unknown(Side, Error),
}

/// Which of these pairs are one message each, by their headers and where these do not decide by all that is in them; `None` where one of
/// the two is not there or could not be looked at. Changes nothing.
///
/// # Errors
/// A folder cannot be read just now.
pub fn are_same(folders: &mut PerSide<Box<dyn Folder>>, pairs: &[PerSide<MessageId>]) -> Result<Vec<Option<bool>>> {
    let verdicts = which_are_equal(folders, pairs)?;
    let told = |verdict| match verdict {
        Verdict::Same => Some(true),
        Verdict::Different => Some(false),
        Verdict::Unknown(..) => None,
    };
    Ok(verdicts.into_iter().map(told).collect())
}

/// Which of these pairs are one message each.
pub(super) fn which_are_equal(
    folders: &mut PerSide<Box<dyn Folder>>,
    pairs: &[PerSide<MessageId>],
) -> Result<Vec<Verdict>> {
    let mut looks: PerSide<BTreeMap<MessageId, Look>> = PerSide::default();
    let mut unread: PerSide<Failures> = PerSide::default();
    for side in Side::BOTH {
        let ids: BTreeSet<&MessageId> = pairs.iter().map(|ids| &ids[side]).collect();
        let ids: Vec<MessageId> = ids.into_iter().cloned().collect();
        unread[side] = look_at(folders[side].as_mut(), &ids, &mut |headers| {
            let (hash, octets) = digest::of_header(headers);
            looks[side].insert(headers.id.clone(), (hash, octets.filter(|_| is_telling(headers.header))));
        })?;
    }
    let verdicts = pairs.iter().map(|ids| compare(looks.remote.get(&ids.remote), looks.local.get(&ids.local)));
    let verdicts: Vec<Option<bool>> = verdicts.collect();
    let looked_at = |ids: &&PerSide<MessageId>| Side::BOTH.iter().all(|side| looks[*side].contains_key(&ids[*side]));
    let doubtful = pairs.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none()).map(|(ids, _)| ids);
    let doubtful: Vec<&PerSide<MessageId>> = doubtful.filter(looked_at).collect();
    let mut digests_of: PerSide<BTreeMap<MessageId, Hash>> = PerSide::default();
    for side in Side::BOTH {
        let ids: BTreeSet<&MessageId> = doubtful.iter().map(|ids| &ids[side]).collect();
        let ids: Vec<MessageId> = ids.into_iter().cloned().collect();
        let read = digests(folders[side].as_mut(), &ids, &mut unread[side])?;
        digests_of[side] = read.into_iter().map(|(id, content)| (id, content.digest)).collect();
    }
    let unread = unread.map(|failures| failures.into_iter().collect::<BTreeMap<MessageId, Error>>());
    let unknown = |ids: &PerSide<MessageId>| {
        Side::BOTH.into_iter().find_map(|side| Some(Verdict::Unknown(side, unread[side].get(&ids[side])?.again())))
    };
    let whole = |ids: &PerSide<MessageId>| {
        let digest = digests_of.remote.get(&ids.remote);
        digest.is_some() && digest == digests_of.local.get(&ids.local)
    };
    let judge = |(ids, verdict): (&PerSide<MessageId>, Option<bool>)| match verdict {
        Some(same) => Verdict::from(same),
        None => unknown(ids).unwrap_or_else(|| Verdict::from(whole(ids))),
    };
    Ok(pairs.iter().zip(verdicts).map(judge).collect())
}

impl From<bool> for Verdict {
    fn from(same: bool) -> Self {
        if same { Verdict::Same } else { Verdict::Different }
    }
}

/// Digest of the header; size, if the two together tell enough.
type Look = (Hash, Option<u64>);

/// `None`: only the whole messages can tell.
fn compare(one: Option<&Look>, other: Option<&Look>) -> Option<bool> {
    match (one, other) {
        (Some((a, _)), Some((b, _))) if a != b => Some(false),
        (Some((_, Some(a))), Some((_, Some(b)))) if a == b => Some(true),
        _ => None,
    }
}

fn sort_out(group: Group, pairs: &mut Vec<PerSide<MessageId>>, doubtful: &mut PerSide<Vec<MessageId>>) {
    let PerSide { mut remote, mut local } = group.ids;
    if remote.is_empty() || local.is_empty() {
        return;
    }
    let same_size = match (remote[0].1, local[0].1) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    if remote.len() == 1 && local.len() == 1 && same_size && !group.weak {
        if let (Some((remote, _)), Some((local, _))) = (remote.pop(), local.pop()) {
            pairs.push(PerSide { remote, local });
        }
        return;
    }
    doubtful.remote.extend(remote.into_iter().map(|(id, _)| id));
    doubtful.local.extend(local.into_iter().map(|(id, _)| id));
}

fn pair_by_digest(
    folders: &mut PerSide<Box<dyn Folder>>,
    doubtful: &PerSide<Vec<MessageId>>,
    numbering: &PerSide<Option<UidValidity>>,
    equal: &mut Equal,
) -> Result<()> {
    if doubtful.remote.is_empty() || doubtful.local.is_empty() {
        return Ok(());
    }
    let mut by_digest: BTreeMap<Hash, PerSide<Vec<MessageId>>> = BTreeMap::new();
    for side in Side::BOTH {
        for (id, seen) in digests(folders[side].as_mut(), &doubtful[side], &mut equal.unread[side])? {
            by_digest.entry(seen.digest).or_default()[side].push(id);
        }
    }
    let belong = belonging(folders, numbering);
    equal.pairs.extend(by_digest.into_values().flat_map(|both| pair_alike(both, &belong)));
    Ok(())
}

/// Whether one of a pair got its name from the other, in this numbering of the two sides.
pub(super) fn belonging<'f>(
    folders: &'f PerSide<Box<dyn Folder>>,
    numbering: &PerSide<Option<UidValidity>>,
) -> impl Fn(&PerSide<MessageId>) -> bool + 'f {
    let sources = PerSide::from_fn(|side| {
        let name = folders[side].name().clone();
        numbering[side].map(|uid_validity| SourceFolder { name, uid_validity })
    });
    let bears_name = move |copy: Side, ids: &PerSide<MessageId>| {
        let source = sources[copy.other()].as_ref();
        source.is_some_and(|source| folders[copy].bears_name_of(&ids[copy], source, &ids[copy.other()]))
    };
    move |ids| Side::BOTH.into_iter().any(|copy| bears_name(copy, ids))
}

/// Pairs messages that are all the same, in order. A copy that got its name from one of them goes to that one, though (`belong`): where it is
/// another's, the one that it is named after would be taken for copied already, and could not be recorded.
pub(super) fn pair_alike(
    both: PerSide<Vec<MessageId>>,
    belong: &dyn Fn(&PerSide<MessageId>) -> bool,
) -> Vec<PerSide<MessageId>> {
    let PerSide { mut remote, mut local } = both;
    let mut pairs = Vec::new();
    if [&remote, &local].iter().any(|ids| ids.iter().any(|id| id.uid().is_none())) {
        remote.retain(|one| {
            let pair = |other: &MessageId| PerSide { remote: one.clone(), local: other.clone() };
            let at = local.iter().position(|other| belong(&pair(other)));
            pairs.extend(at.map(|at| pair(&local.remove(at))));
            at.is_none()
        });
    }
    pairs.extend(remote.into_iter().zip(local).map(|(remote, local)| PerSide { remote, local }));
    pairs
}

/// What reading a message whole tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Digest of the message.
    pub(super) digest: Hash,
    /// Octets with CR LF line ends.
    pub(super) octets: u64,
}

impl Content {
    /// What an intent says of a copy whose content is known, or is not.
    pub(super) fn known_by(content: Option<Content>) -> KnownBy {
        content.map_or(KnownBy::Source, |Content { octets, digest }| KnownBy::Content { octets, digest })
    }
}

/// Reads messages whole. One that cannot be read joins `unread`, unless it cannot be read just now, which is an error: what was not looked
/// at is not another.
fn digests(folder: &mut dyn Folder, ids: &[MessageId], unread: &mut Failures) -> Result<Vec<(MessageId, Content)>> {
    let mut found = Vec::new();
    for (id, content) in read(folder, ids)? {
        match content {
            Ok(content) => found.push((id, content)),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => unread.push((id, error)),
        }
    }
    Ok(found)
}

/// Reads messages whole; for each what is in it, or why it cannot be read.
pub(super) fn read(folder: &mut dyn Folder, ids: &[MessageId]) -> Result<Vec<(MessageId, Result<Content>)>> {
    let mut sink = Digesting::default();
    folder.fetch(ids, LineEnding::Crlf, &mut sink)?;
    Ok(sink.done)
}

#[derive(Default)]
struct Digesting {
    current: Option<(MessageId, Digest, u64)>,
    done: Vec<(MessageId, Result<Content>)>,
}

impl Sink for Digesting {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        self.current = Some((message.id.clone(), Digest::default(), 0));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((_, hash, octets)) = &mut self.current {
            hash.update(bytes);
            *octets += bytes.len() as u64;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if let Some((id, hash, octets)) = self.current.take() {
            self.done.push((id, Ok(Content { digest: hash.finish(), octets })));
        }
        Ok(())
    }

    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        self.current = None;
        self.done.push((id.clone(), Err(error)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_found_whatever_its_case_and_wherever_its_line_is_folded() {
        let folded = "To: c\r\nMESSAGE-ID:\r\n <a@b>\r\n\r\n";
        for header in ["Message-ID: <a@b>\r\nTo: c\r\n\r\n", folded, "Message-ID: <>\r\nMessage-ID: <a@b>\r\n\r\n"] {
            assert_eq!(message_id(header.as_bytes()).as_deref(), Some(&b"<a@b>"[..]), "{header}");
        }
        for header in ["Subject: Message-ID: <a@b>\r\nMessage-ID: \r\n\r\n", "Message-ID:\r\n\r\n <a@b>\r\n", ""] {
            assert_eq!(message_id(header.as_bytes()), None, "{header}");
        }
    }

    /// Of two messages alike the second had been copied when the run died. Its copy was taken for that of the first, and from then on the second
    /// was found copied already, under a name that had a row: the folder was never in step again.
    #[test]
    fn of_messages_alike_each_goes_with_the_copy_that_is_named_after_it() {
        let name = |name: &str| MessageId::Name(name.into());
        let both = PerSide { remote: vec![name("m2"), name("m5"), name("m7")], local: vec![name("a:m5"), name("x")] };
        let pair = |remote, local| PerSide { remote: name(remote), local: name(local) };
        let belong = |ids: &PerSide<MessageId>| *ids == pair("m5", "a:m5");
        assert_eq!(pair_alike(both, &belong), [pair("m5", "a:m5"), pair("m2", "x")]);
    }
}
