//! Gives accounts back to OfflineIMAP: what our status knows becomes OfflineIMAP's, so that its next run transfers nothing and what is
//! pending stays pending. Lists both sides and writes OfflineIMAP's files, under its lock; touches no mail.

use super::files::Files;
use super::status::Entry;
use super::{PROGRAM, status_name};
use crate::account::account_for_import;
use crate::args::Export;
use crate::backend::{Backends, Means};
use crate::config::Config;
use crate::config::discover;
use crate::import::rows::gone_number;
use crate::import::{Given, Mark, means, tell_given, told};
use crate::lock::Lock;
use crate::say::Outcome;
use crate::settings::{AccountSettings, General, Store};
use crate::status;
use crate::streams::Streams;
use crate::ui::Who;
use offlinesync_core::status::{FolderPair, Row};
use offlinesync_core::sync::{Account, PairedFolder, is_doubted};
use offlinesync_core::{
    ChangeSet, Error, ErrorKind, MemoryStatus, MessageId, NothingKnown, Observer, PerSide, Result, Side, StatusStore,
    SystemFlags, Uid, UidValidity,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What OfflineIMAP calls the numbering of every Maildir.
const OF_A_MAILDIR: UidValidity = UidValidity(42);

/// Does it. What goes wrong is told here.
pub(crate) fn command(export: &Export, streams: &Arc<Streams>) -> Outcome {
    told(Exporter::new(export, streams).map(|exporter| exporter.run(export)), streams)
}

/// The configuration that both programs read.
struct Exporter {
    means: Means,
    config: Config,
    general: General,
}

impl Exporter {
    fn new(export: &Export, streams: &Arc<Streams>) -> Result<Self> {
        let environment = &*streams.environment;
        let mut config = Config::read(&discover::find(export.config.as_deref(), environment)?)?;
        config.load_python(environment)?;
        let general = General::read(&config, environment)?;
        Ok(Exporter { means: means(streams)?, config, general })
    }

    /// Every account by itself; the worst outcome counts.
    fn run(&self, export: &Export) -> Outcome {
        let accounts = export.account_list().unwrap_or_else(|| self.general.accounts.clone());
        let outcomes = accounts.iter().map(|account| {
            self.give(account).unwrap_or_else(|error| {
                let outcome = Outcome::of(&error);
                self.means.hub.error(Who::Account(account), &error.at(format!("account '{account}'")));
                outcome
            })
        });
        outcomes.max().unwrap_or_default()
    }

    fn give(&self, name: &str) -> Result<Outcome> {
        let settings = AccountSettings::read(&self.config, &self.general, name, &*self.means.streams.environment)?;
        let directory = self.general.metadata.join(format!("Account-{name}"));
        let Some(status) = status::existing(&directory)? else {
            self.means.streams.out(&format!("account '{name}' has no status; nothing is given to {PROGRAM}"));
            return Ok(Outcome::InStep);
        };
        refuse_ages_between_servers(&settings)?;
        let _lock = Lock::take(&self.general.metadata, name)?;
        let observer: Arc<dyn Observer> = Arc::new(());
        let backends = Backends::new(&settings, &self.means, &observer)?;
        let account = account_for_import(&settings, &backends, Arc::new(MemoryStatus::default()));
        let files = Files::of(&self.general.metadata, &settings);
        let given = Giver { settings: &settings, account: &account, files }.give(&*status);
        backends.rest(None);
        // What was written here is what our own status says: once that is lost it would be old.
        Mark::of_the_past(&directory).set()?;
        let danger = match settings.repositories.local.store {
            Store::Imap(_) => ", which would copy what is new in it to both sides once more",
            Store::Maildir(_) => "",
        };
        Ok(tell_given(&self.means, name, PROGRAM, danger, given?))
    }
}

/// Between two servers OfflineIMAP takes ages for ranges of UIDs: what is outside of its range and in its status it would remove.
fn refuse_ages_between_servers(settings: &AccountSettings) -> Result<()> {
    if settings.age.is_none() || matches!(settings.repositories.local.store, Store::Maildir(_)) {
        return Ok(());
    }
    let sentence = format!("{PROGRAM} cannot go on between two servers where `startdate` or `maxage` is set");
    Err(Error::new(ErrorKind::Configuration, sentence)
        .with_hint("remove the limit, run `offlinesync` once, then this again"))
}

/// One account.
struct Giver<'g> {
    settings: &'g AccountSettings,
    account: &'g Account,
    files: Files,
}

/// A pair whose rows are true.
struct Known {
    rows: Vec<Row>,
    uid_validity: PerSide<UidValidity>,
    listings: PerSide<ChangeSet>,
}

impl Giver<'_> {
    /// Gives every pair that takes part and was synced.
    fn give(&self, status: &dyn StatusStore) -> Result<Given> {
        let mut given = Given::default();
        let (pairs, failures) = self.account.pairs()?;
        if let Some(failure) = failures.into_iter().next() {
            return Err(failure.error);
        }
        let mut by_file: BTreeMap<String, Vec<PairedFolder>> = BTreeMap::new();
        for paired in pairs {
            by_file.entry(status_name(self.settings, &paired.pair)).or_default().push(paired);
        }
        for (file, pairs) in by_file {
            let alone = pairs.len() == 1;
            for paired in pairs {
                let done = if alone { self.give_pair(status, &file, &paired) } else { Err(shares_a_file(&file)) };
                match done {
                    Ok(Some(messages)) => {
                        given.folders += 1;
                        given.messages += messages;
                    }
                    Ok(None) => {}
                    Err(error) => given.refused.push((paired.pair, error)),
                }
            }
        }
        Ok(given)
    }

    /// Gives a pair; answers its messages, or `None` if it is on one side only and was never synced.
    fn give_pair(&self, status: &dyn StatusStore, file: &str, paired: &PairedFolder) -> Result<Option<usize>> {
        let (pair, both) = (&paired.pair, Side::BOTH.iter().all(|side| paired.entries[*side].is_some()));
        match (both, status.folder(pair)?.record()?.uid_validity) {
            (false, PerSide { remote: None, local: None }) => Ok(None),
            (false, _) => Err(refused("it is missing on one side")),
            (true, PerSide { remote: Some(remote), local: Some(local) }) => {
                let known = self.known(status, pair, PerSide { remote, local })?;
                self.check(pair, &known)?;
                self.write(pair, file, &known).map(|()| Some(known.rows.len()))
            }
            (true, _) => Err(refused("it was not synced yet").with_hint(ONCE)),
        }
    }

    fn known(&self, status: &dyn StatusStore, pair: &FolderPair, uid_validity: PerSide<UidValidity>) -> Result<Known> {
        let folder = status.folder(pair)?;
        if !folder.intents()?.is_empty() {
            return Err(refused("an upload has not been confirmed yet").with_hint(ONCE));
        }
        let record = folder.record()?;
        if Side::BOTH.iter().any(|side| is_doubted(&record, *side)) {
            return Err(refused("its messages have to be compared first").with_hint(ONCE));
        }
        let mut rows = Vec::new();
        folder.rows(&mut |row| {
            rows.push(row);
            Ok(())
        })?;
        let list = |side: Side| self.account.repositories()[side].open(&pair[side])?.changes(None, &NothingKnown);
        Ok(Known { rows, uid_validity, listings: PerSide { remote: list(Side::Remote)?, local: list(Side::Local)? } })
    }

    /// Refuses what OfflineIMAP would make something else of.
    fn check(&self, pair: &FolderPair, known: &Known) -> Result<()> {
        for side in Side::BOTH {
            if known.listings[side].uid_validity != known.uid_validity[side] {
                return Err(refused("its numbering has changed (UIDVALIDITY)").with_hint(ONCE));
            }
            let there: BTreeSet<&MessageId> = known.listings[side].present.iter().map(|entry| &entry.id).collect();
            if !known.rows.is_empty() && !known.rows.iter().any(|row| there.contains(&row.ids[side])) {
                let sentence =
                    format!("every message is gone from '{}', and {PROGRAM} would remove them all", pair[side]);
                return Err(Error::new(ErrorKind::Refused, sentence));
            }
        }
        if known.rows.iter().any(|row| row.is_alone_on().is_some()) {
            return Err(refused("messages in it are to stay on one side alone, which OfflineIMAP does not know of"));
        }
        let new = self.without_row(pair, known)?;
        if Side::BOTH.iter().all(|side| !new[*side].is_empty()) {
            return Err(refused("there are new messages on both sides").with_hint(ONCE));
        }
        let first = self.files.first_uid(pair);
        if known.rows.iter().any(|row| remote_uid(row) < first) {
            return Err(refused("OfflineIMAP's `startdate` leaves out messages of it that are synced now"));
        }
        match &self.settings.repositories.local.store {
            Store::Maildir(_) => check_names(known),
            Store::Imap(_) => Ok(()),
        }
    }

    /// Messages that take part and have no row yet.
    fn without_row(&self, pair: &FolderPair, known: &Known) -> Result<PerSide<Vec<MessageId>>> {
        let mut new = PerSide::from_fn(|side| {
            let rows: BTreeSet<&MessageId> = known.rows.iter().map(|row| &row.ids[side]).collect();
            let ids = known.listings[side].present.iter().map(|entry| &entry.id);
            ids.filter(|id| !rows.contains(id)).cloned().collect::<Vec<_>>()
        });
        let window = &self.settings.policy.window;
        for side in Side::BOTH {
            if window.is_open() || new[side].is_empty() {
                continue;
            }
            let outside = self.account.repositories()[side].open(&pair[side])?.outside(&new[side], window)?;
            new[side].retain(|id| !outside.contains(id));
        }
        Ok(new)
    }

    /// In an order in which nothing that is there together is wrong, wherever it is cut off: a status that belongs to other numbers is
    /// gone before the new numbers are there, and a message that is on both sides and in no status is only written down.
    fn write(&self, pair: &FolderPair, file: &str, known: &Known) -> Result<()> {
        let is_maildir = matches!(self.settings.repositories.local.store, Store::Maildir(_));
        let mut numbering = known.uid_validity;
        if is_maildir {
            numbering.local = OF_A_MAILDIR;
        }
        if Side::BOTH.iter().any(|side| self.files.validity(*side, pair) != Some(numbering[*side])) {
            self.files.forget(file, pair)?;
        }
        if !is_maildir {
            self.files.write_mapping(pair, &mapping(&known.rows))?;
        }
        Side::BOTH.iter().try_for_each(|side| self.files.write_validity(*side, pair, numbering[*side]))?;
        self.files.write_status(file, &self.entries(&known.rows))
    }

    /// Rows in OfflineIMAP's terms. Of keywords it knows those that have a letter in the configuration.
    fn entries(&self, rows: &[Row]) -> Vec<Entry> {
        let letters = |row: &Row| -> String {
            let mut letters: BTreeSet<char> = row.base.system.difference(SystemFlags::FORWARDED).letters().collect();
            if let Store::Maildir(maildir) = &self.settings.repositories.local.store {
                let custom = maildir.custom_flags.iter();
                letters.extend(
                    custom.filter(|(_, keyword)| row.base.keywords.contains(keyword)).map(|(letter, _)| letter),
                );
            }
            letters.into_iter().collect()
        };
        rows.iter().filter_map(|row| Some(Entry { uid: remote_uid(row)?, letters: letters(row) })).collect()
    }
}

/// What helps in most cases.
const ONCE: &str = "run `offlinesync` once, then this again";

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Folder, why)
}

fn shares_a_file(file: &str) -> Error {
    refused(&format!("{PROGRAM} has one status, '{file}', for this folder and another"))
}

/// The UID of a message on the remote side, or the one it had.
fn remote_uid(row: &Row) -> Option<Uid> {
    row.ids.remote.uid().or_else(|| gone_number(&row.ids.remote))
}

/// The UIDs of messages on the local and on the remote side.
fn mapping(rows: &[Row]) -> Vec<(Uid, Uid)> {
    rows.iter().filter_map(|row| Some((row.ids.local.uid()?, remote_uid(row)?))).collect()
}

/// A file that does not say which message it is would be taken for a new one, and its message for one that was removed here.
fn check_names(known: &Known) -> Result<()> {
    let claims: BTreeMap<&MessageId, Option<Uid>> = known
        .listings
        .local
        .present
        .iter()
        .map(|entry| (&entry.id, entry.partner.map(|partner| partner.uid)))
        .collect();
    let nameless = |row: &&Row| claims.get(&row.ids.local).is_some_and(|claim| *claim != remote_uid(row));
    match known.rows.iter().filter(nameless).count() {
        0 => Ok(()),
        1 => Err(refused(&format!("1 of its files is not named as {PROGRAM} names them"))),
        n => Err(refused(&format!("{n} of its files are not named as {PROGRAM} names them"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rows;
    use offlinesync_core::{Coverage, Entry as Listed, FlagSupport, Flags, Partner};

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    fn row(remote: u32, local: MessageId) -> Row {
        Row { ids: PerSide { remote: MessageId::Uid(uid(remote)), local }, base: Flags::default() }
    }

    #[test]
    fn a_message_that_is_gone_on_either_side_is_known_and_has_no_local_number() {
        let far_gone =
            Row { ids: PerSide { remote: rows::gone(uid(9)), local: MessageId::Uid(uid(4)) }, base: Flags::default() };
        let rows = [row(7, MessageId::Uid(uid(3))), row(8, rows::gone(uid(8))), far_gone];
        assert_eq!(mapping(&rows), [(uid(3), uid(7)), (uid(4), uid(9))]);
        assert_eq!(rows.iter().filter_map(remote_uid).collect::<Vec<_>>(), [uid(7), uid(8), uid(9)]);
    }

    #[test]
    fn a_file_that_does_not_say_which_message_it_is_stops_its_folder() {
        let file = |n: u32| MessageId::Name(format!("{n}.host").into());
        let claim = |n: u32, claimed: Option<u32>| Listed {
            id: file(n),
            flags: Flags::default(),
            partner: claimed.map(|n| Partner { uid: uid(n), uid_validity: None }),
            content: None,
        };
        let known = |present: Vec<Listed>| {
            let listing = ChangeSet {
                coverage: Coverage::Complete,
                uid_validity: UidValidity(1),
                present,
                gone: Vec::new(),
                cursor: None,
                witness: None,
                support: FlagSupport::default(),
                read_only: false,
            };
            Known {
                rows: vec![row(1, file(1)), row(2, file(2))],
                uid_validity: PerSide { remote: UidValidity(1), local: UidValidity(1) },
                listings: PerSide { remote: listing.clone(), local: listing },
            }
        };
        assert!(check_names(&known(vec![claim(1, Some(1)), claim(3, None)])).is_ok(), "2 was removed, 3 is new");
        for wrong in [None, Some(5)] {
            let error = check_names(&known(vec![claim(1, Some(1)), claim(2, wrong)])).unwrap_err();
            assert!(error.to_string().contains("1 of its files"), "{error}");
        }
    }
}
