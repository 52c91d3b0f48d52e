//! Moving in from OfflineIMAP: its metadata lies where ours does, so the first sync of an account takes it over by itself.
//!
//! ```text
//! <metadata>/Account-a/LocalStatus-sqlite/<folder>    what both sides agreed on, by remote UID
//! <metadata>/Account-a/LocalStatus/<folder>           the same in the form of older versions
//! <metadata>/Repository-r/FolderValidity/<folder>     the numbering those UIDs belong to
//! <metadata>/Repository-l/UIDMapping/<folder>         local UIDs of a local IMAP repository
//! ```
//! Which file holds which message is told by `,U=` and `,FMD5=` in its name. A message that the status has and no file claims was
//! removed locally, a message that is not on the server any more was removed there: both stay pending, and so do flags.

pub(crate) mod files;
pub(super) mod give;
pub(crate) mod status;

use super::claims::others;
use super::{Mark, Memory, Taken, rows, sentence, tell_refused, write};
use crate::backend;
use crate::settings::{AccountSettings, Store};
use crate::ui::{Hub, Who};
use files::Files;
use offlinesync_core::status::{FolderPair, Row};
use offlinesync_core::sync::{Account, PairedFolder};
use offlinesync_core::{
    Error, ErrorKind, MessageId, NothingKnown, PerSide, Result, Side, StatusStore, SystemFlags, Uid, UidValidity,
};
use status::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const PROGRAM: &str = "OfflineIMAP";

/// An account that may have been OfflineIMAP's.
pub struct House<'h> {
    /// The directory of both programs' metadata.
    pub metadata: &'h Path,
    /// The account.
    pub settings: &'h AccountSettings,
    /// Whoever is told.
    pub hub: &'h Hub,
    /// The engine's account, with every folder that takes part and no right to change anything.
    pub account: &'h Account,
}

impl House<'_> {
    /// Whether our status knows nothing yet, or not all that it was to learn, and OfflineIMAP's is there. If ours was lost, OfflineIMAP's
    /// is of use only if it was written since.
    ///
    /// # Errors
    /// Our status cannot be read. Kind `Refused`: it knows a part only of what another program knew, mbsync.
    pub fn is_new(&self, status: &dyn StatusStore) -> Result<bool> {
        let Some(written) = self.files().written() else {
            return if self.mark().is_set() { Err(self.mark().left_behind()) } else { Ok(false) };
        };
        let is_news = self.past().time().is_none_or(|taken_over| taken_over < written);
        Ok(self.mark().is_set() || is_news && status.folders()?.is_empty())
    }

    /// Takes over what OfflineIMAP knows. `durable`: `status` outlives this run.
    ///
    /// # Errors
    /// A side cannot be listed; our status cannot be written; every local folder that OfflineIMAP knew is gone.
    pub fn move_in(&self, status: &dyn StatusStore, durable: bool) -> Result<()> {
        for (pair, ..) in status.folders()? {
            status.forget(&pair)?;
        }
        let known = self.known_pairs()?;
        self.check_for_a_wiped_store(&known)?;
        if durable {
            self.mark().set()?;
        }
        let mut taken = Taken::default();
        for (paired, entries) in known.into_iter().filter(|(paired, _)| is_on_both_sides(paired)) {
            match self.memory(&paired.pair, entries)? {
                Ok(memory) => {
                    taken.folders += 1;
                    taken.messages += memory.rows.len();
                    write(status, &paired.pair, memory)?;
                }
                Err(why) => tell_refused(self.hub, &paired.pair, PROGRAM, &why),
            }
        }
        if durable {
            self.past().set()?;
            self.mark().clear()?;
        }
        if taken.folders > 0 {
            let account = &self.settings.name;
            self.hub.announce(Who::Account(account), &sentence(account, PROGRAM, taken));
        }
        Ok(())
    }

    fn files(&self) -> Files {
        Files::of(self.metadata, self.settings)
    }

    fn mark(&self) -> Mark {
        Mark::of(&self.directory())
    }

    fn past(&self) -> Mark {
        Mark::of_the_past(&self.directory())
    }

    fn directory(&self) -> PathBuf {
        self.metadata.join(format!("Account-{}", self.settings.name))
    }

    /// Pairs of folders with a status that has messages. Two folders that would share one status file have none.
    fn known_pairs(&self) -> Result<Vec<(PairedFolder, Vec<Entry>)>> {
        let files = self.files();
        let mut by_file: BTreeMap<String, Vec<PairedFolder>> = BTreeMap::new();
        for paired in self.account.pairs()?.0 {
            by_file.entry(status_name(self.settings, &paired.pair)).or_default().push(paired);
        }
        let mut known = Vec::new();
        for (file, mut pairs) in by_file {
            let (Some(paired), true) = (pairs.pop(), pairs.is_empty()) else { continue };
            match files.status(&file) {
                Ok(entries) if entries.is_empty() => {}
                Ok(entries) => known.push((paired, entries)),
                Err(why) => tell_refused(self.hub, &paired.pair, PROGRAM, &why),
            }
        }
        Ok(known)
    }

    /// A Maildir that has lost every folder is not mounted, or another one.
    fn check_for_a_wiped_store(&self, known: &[(PairedFolder, Vec<Entry>)]) -> Result<()> {
        let lost = known.iter().all(|(paired, _)| paired.entries.local.is_none());
        if known.is_empty() || !lost || self.settings.policy.restore_missing_folders {
            return Ok(());
        }
        let (folders, name) = (known.len(), &self.settings.repositories.local.name);
        let sentence = format!(
            "{} in the local store '{name}'; nothing was synced",
            match folders {
                1 => format!("the only folder that {PROGRAM} synced is not"),
                _ => format!("none of the {folders} folders that {PROGRAM} synced is"),
            }
        );
        Err(Error::new(ErrorKind::Refused, sentence).with_hint(
            "is its disk mounted, is the path right? To fetch all mail again, run once with --restore-folders",
        ))
    }

    /// What is known of a pair, or why that is of no use.
    fn memory(&self, pair: &FolderPair, entries: Vec<Entry>) -> Result<Result<Memory, String>> {
        let files = self.files();
        let Some(remote) = files.validity(Side::Remote, pair) else {
            return Ok(Err("it did not write down the numbering (FolderValidity)".to_owned()));
        };
        let local = match self.settings.repositories.local.store {
            Store::Maildir(_) => self.in_maildir(pair, &entries)?,
            Store::Imap(_) => files.mapping(pair),
        };
        let local = match local {
            Ok(local) => local,
            Err(why) => return Ok(Err(why)),
        };
        let uid_validity = PerSide { remote, local: local.uid_validity };
        Ok(Ok(Memory { uid_validity, rows: rows_of(entries, local) }))
    }

    /// Which file each message is.
    fn in_maildir(&self, pair: &FolderPair, entries: &[Entry]) -> Result<Result<Local, String>> {
        let mut folder = self.account.repositories().local.open(&pair.local)?;
        let listing = folder.changes(None, &NothingKnown)?;
        let files = listing.present.len();
        let claims = listing.present.into_iter().filter_map(|entry| Some((entry.partner?.uid, entry.id)));
        let local = Local::new(listing.uid_validity, claims);
        let known: BTreeSet<Uid> = entries.iter().map(|entry| entry.uid).collect();
        if files > 0 && local.by_remote.keys().chain(&local.doubtful).all(|uid| !known.contains(uid)) {
            return Ok(Err("no file name there says which message it is (was `nametrans` changed?)".to_owned()));
        }
        self.leave_to_content(pair, &known, local).map(Ok)
    }

    /// A file that came or was renamed since OfflineIMAP looked last may be another message than its name claims: one that was moved here
    /// from another account's folder of the same name. Those are compared with the server's, and what is not the same has no row.
    fn leave_to_content(&self, pair: &FolderPair, known: &BTreeSet<Uid>, mut local: Local) -> Result<Local> {
        let Some(written) = self.files().written_for(&status_name(self.settings, pair)) else { return Ok(local) };
        let changed = backend::maildir_repository(self.settings, Side::Local)?.changed_since(&pair.local, written)?;
        let claims = local.by_remote.iter().filter(|(uid, id)| known.contains(uid) && changed.contains(id));
        let pairs = claims.map(|(uid, id)| PerSide { remote: MessageId::Uid(*uid), local: id.clone() }).collect();
        for uid in others(self.account, pair, pairs)?.into_iter().filter_map(|ids| ids.remote.uid()) {
            local.by_remote.remove(&uid);
            local.doubtful.insert(uid);
        }
        Ok(local)
    }
}

/// The name of the file that holds a pair's status: the local name with the levels separated by dots.
fn status_name(settings: &AccountSettings, pair: &FolderPair) -> String {
    let name = pair.local.as_str();
    files::base_name(&match &settings.repositories.local.store {
        Store::Maildir(maildir) => name.replace(maildir.separator, "."),
        Store::Imap(_) => name.to_owned(),
    })
}

/// The local messages of a folder by the UID each has on the remote side.
#[derive(Debug)]
struct Local {
    uid_validity: UidValidity,
    by_remote: BTreeMap<Uid, MessageId>,
    /// UIDs that several messages claim: which of them it is only their content tells, to the first sync.
    doubtful: BTreeSet<Uid>,
}

impl Local {
    fn new(uid_validity: UidValidity, claims: impl Iterator<Item = (Uid, MessageId)>) -> Self {
        let mut local = Local { uid_validity, by_remote: BTreeMap::new(), doubtful: BTreeSet::new() };
        for (uid, id) in claims {
            if local.by_remote.insert(uid, id).is_some() {
                local.doubtful.insert(uid);
            }
        }
        // Nor is one message two.
        let mut times: BTreeMap<MessageId, usize> = BTreeMap::new();
        local.by_remote.values().for_each(|id| *times.entry(id.clone()).or_default() += 1);
        local.doubtful.extend(local.by_remote.iter().filter(|(_, id)| times[*id] > 1).map(|(uid, _)| *uid));
        local.by_remote.retain(|uid, _| !local.doubtful.contains(uid));
        local
    }
}

fn is_on_both_sides(paired: &PairedFolder) -> bool {
    Side::BOTH.into_iter().all(|side| paired.entries[side].is_some())
}

/// `P` is left out of what was agreed on: OfflineIMAP writes it down without having told the server, and then takes it away locally.
fn rows_of(entries: Vec<Entry>, local: Local) -> Vec<Row> {
    let Local { mut by_remote, doubtful, .. } = local;
    let row = |Entry { uid, letters }: Entry| {
        let base = rows::system_flags(&letters).difference(SystemFlags::FORWARDED);
        rows::row(uid, by_remote.remove(&uid), base)
    };
    entries.into_iter().filter(|entry| !doubtful.contains(&entry.uid)).map(row).collect()
}

impl std::fmt::Debug for House<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("account", &self.settings.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_file_that_claims_its_uid_and_the_flags_agreed_on_without_what_the_server_was_never_told() {
        let uid = |n| Uid::new(n).unwrap();
        let entry = |n, letters: &str| Entry { uid: uid(n), letters: letters.to_owned() };
        let file = MessageId::Name("1.a".into());
        let local = Local::new(UidValidity(42), std::iter::once((uid(1), file.clone())));
        let rows = rows_of(vec![entry(1, "FPSa"), entry(2, "")], local);
        assert_eq!(rows[0].ids, PerSide { remote: MessageId::Uid(uid(1)), local: file });
        assert_eq!(rows[0].base.system.letters().collect::<String>(), "FS");
        assert_eq!(rows[1].ids.local, rows::gone(uid(2)));
    }

    /// A file that was moved here from another account's folder of the same name was taken for the message that it claims to be, and that
    /// message was uploaded once more.
    #[test]
    fn a_message_that_two_files_claim_to_be_has_no_row_yet() {
        let uid = |n| Uid::new(n).unwrap();
        let claims = [(uid(1), "1.a"), (uid(2), "2.a"), (uid(2), "2.b")];
        let claims = claims.map(|(uid, name)| (uid, MessageId::Name(name.into())));
        let entries = (1..4).map(|n| Entry { uid: uid(n), letters: String::new() }).collect();
        let rows = rows_of(entries, Local::new(UidValidity(42), claims.into_iter()));
        let remote: Vec<MessageId> = rows.into_iter().map(|row| row.ids.remote).collect();
        assert_eq!(remote, [1, 3].map(|n| MessageId::Uid(uid(n))));
    }

    /// The status refused the second row, and the account could not be synced at all.
    #[test]
    fn two_messages_that_a_map_gives_one_number_have_no_row_yet() {
        let uid = |n| Uid::new(n).unwrap();
        let map = [(1, 11), (2, 12), (3, 12)].map(|(remote, local)| (uid(remote), MessageId::Uid(uid(local))));
        let entries = (1..4).map(|n| Entry { uid: uid(n), letters: String::new() }).collect();
        let rows = rows_of(entries, Local::new(UidValidity(7), map.into_iter()));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].ids, PerSide { remote: MessageId::Uid(uid(1)), local: MessageId::Uid(uid(11)) });
    }
}
