//! Takes over the state of one account's mailboxes. Reads mbsync's files and lists both sides; writes our status alone.

use super::channel::StatePlace;
use super::lock::StateLock;
use super::names::Chosen;
use super::plan::Move;
use super::state::{self, State};
use crate::backend;
use crate::config::discover::{Environment, tilde};
use crate::import::claims::others;
use crate::import::rows::{gone, system_flags};
use crate::import::{Mark, Memory, Taken, write};
use crate::settings::{AccountSettings, Store};
use offlinesync_core::status::{FolderPair, Row};
use offlinesync_core::sync::Account;
use offlinesync_core::{
    Error, ErrorKind, Flags, MessageId, NothingKnown, PerSide, Result, Side, StatusStore, Uid, UidValidity,
};
use offlinesync_maildir::MaildirRepository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What was found out about an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) taken: Taken,
    /// Messages that mbsync left on one side alone.
    pub(super) alone: PerSide<usize>,
    pub(super) placeholders: usize,
    /// Folders without a state, with the reason.
    pub(super) refused: Vec<(FolderPair, String)>,
}

/// An account that moves in.
pub(super) struct Mover<'m> {
    pub(super) one: &'m Move,
    pub(super) settings: &'m AccountSettings,
    pub(super) account: &'m Account,
    pub(super) environment: &'m dyn Environment,
    pub(super) delimiter: char,
}

/// The messages of one side of a pair by the numbers mbsync knows them by.
struct Side_ {
    by_number: BTreeMap<Uid, MessageId>,
    /// As mbsync wrote it down.
    numbering: Option<u32>,
    /// As our listing has it.
    uid_validity: UidValidity,
}

impl Mover<'_> {
    /// Takes over every pair. `mark` is set meanwhile.
    pub(super) fn take(&self, status: &dyn StatusStore, mark: &Mark) -> Result<Found> {
        for (pair, ..) in status.folders()? {
            status.forget(&pair)?;
        }
        mark.set()?;
        let mut found = Found::default();
        let (pairs, failures) = self.account.pairs()?;
        if let Some(failure) = failures.into_iter().next() {
            return Err(failure.error);
        }
        for paired in pairs {
            let both = Side::BOTH.iter().all(|side| paired.entries[*side].is_some());
            let _lock = self.lock(&paired.pair)?;
            match self.state(&paired.pair)? {
                Some(Ok(state)) if both => self.take_pair(status, paired.pair, &state, &mut found)?,
                Some(Ok(_)) => found.refused.push((paired.pair, "it is missing on one side".to_owned())),
                Some(Err(why)) => found.refused.push((paired.pair, why)),
                None => {}
            }
        }
        mark.clear()?;
        Ok(found)
    }

    fn take_pair(&self, status: &dyn StatusStore, pair: FolderPair, state: &State, found: &mut Found) -> Result<()> {
        let (remote, local) = match (self.side(Side::Remote, &pair, state)?, self.side(Side::Local, &pair, state)?) {
            (Ok(remote), Ok(local)) => (remote, local),
            (Err(why), _) | (_, Err(why)) => {
                found.refused.push((pair, why));
                return Ok(());
            }
        };
        let sides = PerSide { remote, local };
        let others = self.files_that_differ(&pair, &rows(state, &sides, &BTreeSet::new()))?;
        let rows = rows(state, &sides, &others);
        let alone: Vec<Side> = rows.iter().filter_map(Row::is_alone_on).collect();
        found.taken.folders += 1;
        found.taken.messages += rows.len() - alone.len();
        Side::BOTH.iter().for_each(|side| found.alone[*side] += alone.iter().filter(|on| *on == side).count());
        found.placeholders += state.entries.iter().filter(|entry| entry.placeholder).count();
        let uid_validity = sides.map(|side| side.uid_validity);
        write(status, &pair, Memory { uid_validity, rows })
    }

    /// Files that came or were renamed since mbsync looked last, and are not the messages whose numbers they bear: a number goes along when a file
    /// is moved here from another mailbox. They have no row, and neither have those messages.
    fn files_that_differ(&self, pair: &FolderPair, rows: &[Row]) -> Result<BTreeSet<MessageId>> {
        let modified = |path: PathBuf| std::fs::metadata(path).ok()?.modified().ok();
        let written = self.state_paths(pair)?.into_iter().find_map(modified);
        let (Some(written), Some(maildir)) = (written, self.maildir(Side::Local)?) else { return Ok(BTreeSet::new()) };
        let changed = maildir.changed_since(&pair.local, written)?;
        let pairs = rows.iter().filter(|row| row.is_alone_on().is_none() && changed.contains(&row.ids.local));
        let others = others(self.account, pair, pairs.map(|row| row.ids.clone()).collect())?;
        Ok(others.into_iter().map(|ids| ids.local).collect())
    }

    /// The lock of a pair's state; `None` if there is none.
    ///
    /// # Errors
    /// mbsync holds it, or it cannot be taken.
    fn lock(&self, pair: &FolderPair) -> Result<Option<StateLock>> {
        let paths = self.state_paths(pair)?;
        let there = |path: &&PathBuf| path.exists() || path.with_added_extension("journal").exists();
        paths.iter().find(there).map(|path| StateLock::take(path, pair.remote.as_str())).transpose()
    }

    /// A pair's state; `None` if mbsync never had it, an error for its reader's eyes if it is of no use.
    ///
    /// # Errors
    /// mbsync died while it worked on the pair.
    pub(super) fn state(&self, pair: &FolderPair) -> Result<Option<Result<State, String>>> {
        for path in self.state_paths(pair)? {
            let journal = path.with_added_extension("journal");
            if journal.exists() {
                let sentence =
                    format!("mbsync has not finished its work on '{}': {} is there", pair.remote, journal.display());
                return Err(Error::new(ErrorKind::Refused, sentence).with_hint("run mbsync once more, then this again"));
            }
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let state = state::parse(&text).map_err(|why| format!("{}: {why}", path.display()));
                    return Ok(Some(state));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Ok(Some(Err(format!("{}: {error}", path.display())))),
            }
        }
        Ok(None)
    }

    /// Where the state of a pair may be.
    pub(super) fn state_paths(&self, pair: &FolderPair) -> Result<Vec<PathBuf>> {
        let Some(mailboxes) = self.mailboxes(pair) else { return Ok(Vec::new()) };
        let clean = mailboxes.map(|mailbox| mailbox.replace('/', "!"));
        let shared = |base: String| {
            let (d, stores) = (self.delimiter, &self.one.store_names);
            PathBuf::from(format!(
                "{base}{d}{}{d}{}_{d}{}{d}{}",
                stores.remote, clean.remote, stores.local, clean.local
            ))
        };
        let expanded = |path: &str| tilde(path, self.environment).display().to_string();
        Ok(match &self.one.state {
            StatePlace::Mailbox => match self.maildir(Side::Local)? {
                Some(maildir) => vec![maildir.directory(&pair.local)?.join(".mbsyncstate")],
                None => Vec::new(),
            },
            StatePlace::Own(path) => vec![PathBuf::from(format!("{}{}", expanded(path), clean.local))],
            StatePlace::Shared(Some(path)) => vec![shared(expanded(path))],
            StatePlace::Shared(None) => {
                let home = self.environment.home().unwrap_or_default();
                let set = self.environment.var("XDG_STATE_HOME").filter(|dir| !dir.is_empty());
                let state = set.map_or_else(|| home.join(".local/state"), PathBuf::from);
                [home.join(".mbsync"), state.join("isync")]
                    .iter()
                    .map(|directory| shared(format!("{}/", directory.display())))
                    .collect()
            }
        })
    }

    /// mbsync's names of a pair.
    fn mailboxes(&self, pair: &FolderPair) -> Option<PerSide<String>> {
        match &self.one.chosen {
            Chosen::One(mailboxes) => Some(mailboxes.clone()),
            Chosen::Matching { .. } => {
                let mailbox = |side: Side| self.one.names[side].mailbox(pair[side].as_str());
                Some(PerSide { remote: mailbox(Side::Remote)?, local: mailbox(Side::Local)? })
            }
        }
    }

    pub(super) fn maildir(&self, side: Side) -> Result<Option<MaildirRepository>> {
        match &self.settings.repositories[side].store {
            Store::Maildir(_) => backend::maildir_repository(self.settings, side).map(Some),
            Store::Imap(_) => Ok(None),
        }
    }

    /// The messages of a side by their numbers, or why they are not known.
    fn side(&self, side: Side, pair: &FolderPair, state: &State) -> Result<Result<Side_, String>> {
        let listing = self.account.repositories()[side].open(&pair[side])?.changes(None, &NothingKnown)?;
        let Some(maildir) = self.maildir(side)? else {
            let by_number = listing.present.into_iter().filter_map(|entry| Some((entry.id.uid()?, entry.id)));
            let uid_validity = UidValidity(state.uid_validity[side]);
            let numbering = Some(listing.uid_validity.0);
            return Ok(Ok(Side_ { by_number: by_number.collect(), numbering, uid_validity }));
        };
        let directory = maildir.directory(&pair[side])?;
        Ok(match maildir.mbsync_numbers(&pair[side]) {
            Ok(Some(numbered)) if numbered.uid_validity.0 == state.uid_validity[side] => {
                let by_number = numbered.numbers.into_iter().map(|(id, number)| (number, id)).collect();
                let numbering = Some(numbered.uid_validity.0);
                Ok(Side_ { by_number, numbering, uid_validity: listing.uid_validity })
            }
            Ok(_) => Err(format!("the numbers of the messages in {} are not those it knows", directory.display())),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// A pair of numbers is a row, whether its messages are still there or not. What mbsync left out on one side stays alone on the other, and
/// so does what it looked at without making it a pair. Of pairs with one of `others` nothing is known.
fn rows(state: &State, sides: &PerSide<Side_>, others: &BTreeSet<MessageId>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut spoken_for: PerSide<BTreeSet<Uid>> = PerSide::default();
    for entry in state.entries.iter().filter(|entry| entry.is_pair()) {
        let PerSide { remote: Some(far), local: Some(near) } = entry.uids else { continue };
        let id = |side: Side, number: Uid| sides[side].by_number.get(&number).cloned();
        let new = spoken_for.remote.insert(far) & spoken_for.local.insert(near);
        let (remote, local) = (id(Side::Remote, far), id(Side::Local, near));
        if new && (remote.is_some() || local.is_some()) && local.as_ref().is_none_or(|local| !others.contains(local)) {
            let ids =
                PerSide { remote: remote.unwrap_or_else(|| gone(far)), local: local.unwrap_or_else(|| gone(near)) };
            rows.push(Row { ids, base: Flags::system(system_flags(&entry.letters)) });
        }
    }
    for side in Side::BOTH {
        let same = sides[side].numbering == Some(state.uid_validity[side]);
        let left: BTreeSet<Uid> = state.entries.iter().filter_map(|entry| entry.uids[side]).collect();
        let looked_at = |number: Uid| number.get() <= state.looked_at[side] || left.contains(&number);
        let alone = sides[side]
            .by_number
            .iter()
            .filter(|(number, _)| same && looked_at(**number) && !spoken_for[side].contains(number));
        rows.extend(alone.map(|(_, id)| Row::alone(side, id.clone())));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_rows_and_what_was_left_out_stays_alone() {
        let state = state::parse(
            "FarUidValidity 7\nNearUidValidity 8\nMaxPulledUid 20\nMaxPushedUid 10\n\n1 1 FS\n2 2 S\n3 3 \n4 0 \n0 5 \n6 6 ~\n7 7 \n",
        )
        .unwrap();
        let side = |present: &[u32], numbering, name: fn(u32) -> MessageId| Side_ {
            by_number: present.iter().map(|n| (Uid::new(*n).unwrap(), name(*n))).collect(),
            numbering: Some(numbering),
            uid_validity: UidValidity(numbering),
        };
        let far = |n| MessageId::Uid(Uid::new(n).unwrap());
        let near = |n: u32| MessageId::Name(format!("{n}.host").into());
        let sides =
            PerSide { remote: side(&[1, 2, 4, 6, 7, 15, 25], 7, far), local: side(&[1, 3, 5, 6, 7, 9, 11], 8, near) };
        let rows = rows(&state, &sides, &BTreeSet::from([near(7)]));
        let shared: Vec<_> = rows.iter().filter(|row| row.is_alone_on().is_none()).map(|row| row.ids.clone()).collect();
        let gone = |n| gone(Uid::new(n).unwrap());
        assert_eq!(
            shared,
            [
                PerSide { remote: far(1), local: near(1) },
                PerSide { remote: far(2), local: gone(2) },
                PerSide { remote: gone(3), local: near(3) },
            ]
        );
        let alone = |side: Side| -> Vec<MessageId> {
            rows.iter().filter(|row| row.is_alone_on() == Some(side)).map(|row| row.ids[side].clone()).collect()
        };
        assert_eq!(alone(Side::Remote), [far(4), far(6), far(15)], "25 is new");
        assert_eq!(alone(Side::Local), [near(5), near(6), near(9)], "11 is new");
        assert_eq!(rows[0].base.system.letters().collect::<String>(), "FS");

        let renumbered = PerSide { remote: side(&[1, 30], 99, far), local: sides.local };
        assert!(
            super::rows(&state, &renumbered, &BTreeSet::new())
                .iter()
                .all(|row| row.is_alone_on() != Some(Side::Remote))
        );
    }
}
