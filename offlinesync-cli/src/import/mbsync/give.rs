//! Gives one account back to mbsync: what our status knows becomes mbsync's state, so that mbsync transfers nothing again. Lists both
//! sides, numbers messages of Maildirs, writes mbsync's state files.

use super::lock::StateLock;
use super::state::{self, Entry, State};
use super::take::Mover;
use crate::import::Given;
use crate::import::rows::gone_number;
use offlinesync_core::status::{FolderPair, Row};
use offlinesync_core::sync::is_doubted;
use offlinesync_core::{
    Error, ErrorKind, MessageId, NothingKnown, PerSide, Result, Side, StatusStore, SystemFlags, Uid,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// One side of a pair in mbsync's terms.
#[derive(Clone, Debug)]
struct Numbered {
    uid_validity: u32,
    numbers: BTreeMap<MessageId, Uid>,
    /// The numbers of the messages that are there.
    there: BTreeSet<Uid>,
}

impl Mover<'_> {
    /// Gives every pair of our status.
    pub(super) fn give(&self, status: &dyn StatusStore) -> Result<Given> {
        let mut given = Given::default();
        for (pair, ..) in status.folders()? {
            match self.give_pair(status, &pair) {
                Ok(messages) => {
                    given.folders += 1;
                    given.messages += messages;
                }
                Err(error) if error.kind() == ErrorKind::Locked => return Err(error),
                Err(error) => given.refused.push((pair, error)),
            }
        }
        Ok(given)
    }

    fn give_pair(&self, status: &dyn StatusStore, pair: &FolderPair) -> Result<usize> {
        let refuse = |why: &str| Error::new(ErrorKind::Folder, why);
        let folder = status.folder(pair)?;
        if !folder.intents()?.is_empty() {
            return Err(refuse("an upload was interrupted").with_hint("run `offlinesync` once, then this again"));
        }
        let record = folder.record()?;
        if Side::BOTH.iter().any(|side| is_doubted(&record, *side)) {
            let why = "its messages have to be compared first";
            return Err(refuse(why).with_hint("run `offlinesync` once, then this again"));
        }
        let paths = self.state_paths(pair)?;
        let path = paths.iter().find(|path| path.exists()).or_else(|| paths.iter().find(|path| has_parent(path)));
        let path = path.or(paths.last()).ok_or_else(|| refuse("mbsync has no name for it"))?;
        let _lock = StateLock::take(path, pair.remote.as_str())?;
        let old = match self.state(pair)? {
            None => None,
            Some(read) => Some(read.map_err(|why| refuse(&why))?),
        };
        let mut rows = Vec::new();
        folder.rows(&mut |row| {
            rows.push(row);
            Ok(())
        })?;
        let known = record.uid_validity.map(|validity| validity.map(|validity| validity.0));
        let side = |side: Side| -> Result<Numbered> {
            let numbered = self.numbered(side, pair, &rows)?;
            match self.maildir(side)?.is_some() || known[side] == Some(numbered.uid_validity) {
                true => Ok(numbered),
                false => Err(refuse("its numbering has changed (UIDVALIDITY)").with_hint("run `offlinesync` once")),
            }
        };
        let sides = PerSide { remote: side(Side::Remote)?, local: side(Side::Local)? };
        let state = state_of(&rows, &sides, old);
        write(path, &state::text(&state)).map_err(|error| Error::io(path.display(), error, ErrorKind::Storage))?;
        Ok(rows.iter().filter(|row| row.is_alone_on().is_none()).count())
    }

    /// The numbers of a side. Messages in a Maildir get theirs here if they have none.
    fn numbered(&self, side: Side, pair: &FolderPair, rows: &[Row]) -> Result<Numbered> {
        let ids: Vec<MessageId> = rows
            .iter()
            .filter(|row| row.is_alone_on().is_none_or(|on| on == side))
            .map(|row| row.ids[side].clone())
            .collect();
        let maildir = self.maildir(side)?;
        let numbered = maildir.map(|maildir| maildir.number_for_mbsync(&pair[side], &ids)).transpose()?;
        let listing = self.account.repositories()[side].open(&pair[side])?.changes(None, &NothingKnown)?;
        let present: Vec<MessageId> = listing.present.into_iter().map(|entry| entry.id).collect();
        let (uid_validity, numbers) = match numbered {
            Some(numbered) => (numbered.uid_validity, numbered.numbers),
            None => {
                let number = |id: &MessageId| Some((id.clone(), id.uid().or_else(|| gone_number(id))?));
                (listing.uid_validity, present.iter().chain(&ids).filter_map(number).collect())
            }
        };
        let there = present.iter().filter_map(|id| numbers.get(id).copied()).collect();
        Ok(Numbered { uid_validity: uid_validity.0, numbers, there })
    }
}

fn has_parent(path: &Path) -> bool {
    path.parent().is_some_and(Path::is_dir)
}

/// What mbsync shall know. What it knew of messages that are not pairs it goes on knowing.
fn state_of(rows: &[Row], sides: &PerSide<Numbered>, old: Option<State>) -> State {
    let uid_validity = sides.as_ref().map(|side| side.uid_validity);
    let old = old.filter(|old| old.uid_validity == uid_validity).unwrap_or_default();
    let by_uids: BTreeMap<_, &Entry> = old
        .entries
        .iter()
        .filter(|entry| entry.is_pair())
        .map(|entry| ((entry.uids.remote, entry.uids.local), entry))
        .collect();
    let mut entries = Vec::new();
    for row in rows.iter().filter(|row| row.is_alone_on().is_none()) {
        let number = |side: Side| sides[side].numbers.get(&row.ids[side]).copied();
        let (Some(remote), Some(local)) = (number(Side::Remote), number(Side::Local)) else { continue };
        // The versions with the old words know nothing of forwarding.
        let unknown = if old.old_words { SystemFlags::FORWARDED } else { SystemFlags::NONE };
        let letters = row.base.system.difference(unknown).letters().collect();
        let known = by_uids.get(&(Some(remote), Some(local))).copied();
        entries.push(Entry::of_both(PerSide { remote, local }, letters, known));
    }
    let paired = |side: Side| -> BTreeSet<Uid> { entries.iter().filter_map(|entry| entry.uids[side]).collect() };
    let paired = PerSide { remote: paired(Side::Remote), local: paired(Side::Local) };
    let is_free = |entry: &&Entry| {
        Side::BOTH.iter().all(|side| entry.uids[*side].is_none_or(|uid| !paired[*side].contains(&uid)))
    };
    entries.extend(old.entries.iter().filter(|entry| !entry.is_pair()).filter(is_free).cloned());
    let mut looked_at = PerSide::default();
    for side in Side::BOTH {
        let alone = rows.iter().filter(|row| row.is_alone_on() == Some(side));
        let alone = alone.filter_map(|row| sides[side].numbers.get(&row.ids[side]).copied());
        let done: BTreeSet<Uid> = entries.iter().filter_map(|entry| entry.uids[side]).chain(alone).collect();
        looked_at[side] = looked_at_until(&done, &sides[side].there, old.looked_at[side]);
    }
    State { uid_validity, looked_at, entries, others: old.others, old_words: old.old_words }
}

/// The number up to which mbsync shall look for nothing new: as far as possible without hiding a message that was never copied.
fn looked_at_until(done: &BTreeSet<Uid>, there: &BTreeSet<Uid>, before: u32) -> u32 {
    let last = done.last().map_or(0, |uid| uid.get()).max(before);
    let mut new = there.iter().map(|uid| uid.get()).filter(|uid| *uid > before);
    new.find(|uid| Uid::new(*uid).is_some_and(|uid| !done.contains(&uid))).map_or(last, |first| last.min(first - 1))
}

/// Puts a file in place of another, whole.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let next = path.with_added_extension("new");
    let mut file = File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::Flags;

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    fn far(n: u32) -> MessageId {
        MessageId::Uid(uid(n))
    }

    fn near(n: u32) -> MessageId {
        MessageId::Name(format!("{n}.host").into())
    }

    fn side(uid_validity: u32, id: fn(u32) -> MessageId, known: &[u32], there: &[u32]) -> Numbered {
        let numbers = known.iter().map(|n| (id(*n), uid(*n))).collect();
        Numbered { uid_validity, numbers, there: there.iter().map(|n| uid(*n)).collect() }
    }

    fn row(remote: MessageId, local: MessageId, letters: &str) -> Row {
        Row { ids: PerSide { remote, local }, base: Flags::system(crate::import::rows::system_flags(letters)) }
    }

    #[test]
    fn rows_become_pairs_and_what_mbsync_left_out_it_goes_on_leaving_out() {
        let old = "FarUidValidity 7\nNearUidValidity 8\nMaxPulledUid 5\nMaxExpiredFarUid 3\nMaxPushedUid 4\n\n\
                   1 1 S\n2 2 <F\n3 0 ~\n9 9 S\n";
        let rows = [
            row(far(1), near(1), "FPS"),
            row(far(2), near(2), "S"),
            row(far(6), near(5), ""),
            row(far(8), near(6), "R"),
            Row::alone(Side::Remote, far(3)),
        ];
        let sides = PerSide {
            remote: side(7, far, &[1, 2, 3, 6, 7, 8], &[1, 2, 3, 7, 8]),
            local: side(8, near, &[1, 2, 5, 6], &[1, 2, 5]),
        };
        let text = |old: &str| state::text(&state_of(&rows, &sides, Some(state::parse(old).unwrap())));
        assert_eq!(
            text(old),
            "FarUidValidity 7\nNearUidValidity 8\nMaxPulledUid 6\nMaxPushedUid 6\nMaxExpiredFarUid 3\n\n\
             1 1 FPS\n2 2 <S\n6 5 \n8 6 R\n3 0 ~\n",
            "7 is new on the far side and must be looked at"
        );
        let older = text("MasterUidValidity 7\nSlaveUidValidity 8\nMaxPulledUid 5\nMaxPushedUid 4\n\n1 1 S\n");
        assert!(
            older.starts_with("MasterUidValidity 7\nSlaveUidValidity 8\n") && older.contains("\n1 1 FS\n"),
            "{older}"
        );
        let renumbered = text(&old.replace("FarUidValidity 7", "FarUidValidity 6"));
        assert!(!renumbered.contains('~') && !renumbered.contains("Expired"), "{renumbered}");
        assert_eq!(state::parse(&renumbered).unwrap().entries.len(), 4);
    }
}
