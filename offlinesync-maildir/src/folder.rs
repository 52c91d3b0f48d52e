//! One folder: listing, changing and removing its messages. Reads directories, renames and unlinks files; message content is read
//! in [`read`](crate::read) and written in [`deliver`](crate::deliver); moves are in [`moving`](crate::moving).

use crate::config::MaildirConfig;
use crate::deliver::Delivery;
use crate::disk::{self, Disk};
use crate::keywords::{Letters, Table, Vocabulary};
use crate::layout::Layout;
use crate::name::{self, Claim, FileName, NumberedBase, short_digest};
use crate::names::{Found, Names};
use crate::read::Reader;
use crate::scan::{self, Grammar, Sub};
use crate::stamp::{self, Stamp};
use offlinesync_core::wording::are;
use offlinesync_core::{
    ChangeSet, Coverage, Cursor, Entry, Error, ErrorKind, Event, Failures, FlagChange, Folder, FolderName, Headers,
    Intake, Keywords, Known, LineEnding, MessageId, Partner, Result, Sink, SourceFolder, UidValidity, Window, Witness,
};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A Maildir numbers nothing; this is the constant OfflineIMAP answers, too.
pub(crate) const UID_VALIDITY: UidValidity = UidValidity(42);
/// More oddities than this in one listing are summed up.
const WARNINGS: usize = 20;

/// One Maildir: the directories `cur`, `new` and `tmp`.
#[derive(Debug)]
pub struct MaildirFolder {
    pub(crate) config: Arc<MaildirConfig>,
    name: FolderName,
    pub(crate) directory: PathBuf,
    pub(crate) digest: String,
    pub(crate) names: Option<Names>,
    pub(crate) reader: Reader,
    pub(crate) tidied: bool,
}

/// Directories whose entries changed and are not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    new: bool,
    cur: bool,
}

impl Touched {
    pub(crate) fn mark(&mut self, sub: Sub) {
        match sub {
            Sub::New => self.new = true,
            Sub::Cur => self.cur = true,
        }
    }

    /// `cur` first: renames lead from `new` to `cur`, and where each directory reaches the disk by itself, a message must not have left
    /// the one before it is in the other.
    fn subs(&self) -> impl Iterator<Item = Sub> {
        [(self.cur, Sub::Cur), (self.new, Sub::New)].into_iter().filter(|(touched, _)| *touched).map(|(_, sub)| sub)
    }
}

impl MaildirFolder {
    /// A handle; touches no file. Refuses a name that can be no directory.
    pub(crate) fn new(config: &Arc<MaildirConfig>, name: &FolderName) -> Result<Self> {
        let relative = Layout::of(config.separator).directory(name).map_err(|e| e.at(&config.name))?;
        Ok(MaildirFolder {
            config: Arc::clone(config),
            name: name.clone(),
            directory: config.root.join(relative),
            digest: config.digest(name.as_str()),
            names: None,
            reader: Reader::default(),
            tidied: false,
        })
    }

    fn grammar(&self) -> Grammar<'_> {
        Grammar { info_separator: self.config.info_separator, digest: &self.digest }
    }

    fn table(&self) -> Table<'_> {
        let config = &*self.config;
        let (custom, fsync, cancel, disk) = (&config.custom_flags, config.fsync, &config.cancel, &config.disk);
        Table { folder: &self.directory, custom, fsync, cancel, disk }
    }

    pub(crate) fn warn(&self, error: &Error) {
        self.config.observer.event(&Event::Warning { error });
    }

    fn warn_of_oddities(&self, odd: &[(String, &str)]) {
        for (file, why) in odd.iter().take(WARNINGS) {
            self.warn(&Error::new(
                ErrorKind::Message,
                format!("{}: {file:?} is left alone: {why}", self.directory.display()),
            ));
        }
        if odd.len() > WARNINGS {
            let more = odd.len() - WARNINGS;
            self.warn(&Error::new(
                ErrorKind::Message,
                format!("{}: {} left alone", self.directory.display(), are(more, "more file")),
            ));
        }
    }

    /// The messages whose file changed, in its name or otherwise, at this moment or later.
    pub(crate) fn changed_since(&mut self, moment: SystemTime) -> Result<BTreeSet<MessageId>> {
        let since = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let directory = self.directory.clone();
        let mut changed = BTreeSet::new();
        for found in self.names()?.iter() {
            let path = found.path(&directory);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if u64::try_from(metadata.ctime()).is_ok_and(|at| at < since) => {}
                Ok(_) => drop(changed.insert(MessageId::Name(found.id().into()))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(path.display(), error, ErrorKind::Folder)),
            }
        }
        Ok(changed)
    }

    /// The messages by id, listed now if they were not listed before or not all their names are known any more.
    pub(crate) fn names(&mut self) -> Result<&mut Names> {
        self.names = self.names.take().filter(Names::is_whole);
        self.bases()
    }

    /// As [`MaildirFolder::names`], but of some messages no more may be known than that they are there.
    pub(crate) fn bases(&mut self) -> Result<&mut Names> {
        let names = match self.names.take() {
            Some(names) => names,
            None => scan::scan(&self.directory, self.grammar())?.names,
        };
        Ok(self.names.insert(names))
    }

    pub(crate) fn put(&mut self, file: Found<&str>) {
        let separator = self.config.info_separator;
        if let Some(names) = &mut self.names {
            names.put(file, separator);
        }
    }

    /// The meaning of letters here, with letters for `keywords` where there is room.
    pub(crate) fn vocabulary_for(&mut self, keywords: &Keywords) -> Result<Vocabulary> {
        let (mut vocabulary, _) = Vocabulary::read(&self.directory, &self.config.custom_flags);
        if !keywords.is_empty() {
            let used = self.bases()?.letters();
            vocabulary.learn(&self.table(), keywords, used)?;
        }
        Ok(vocabulary)
    }

    /// Makes what was done in these directories durable.
    pub(crate) fn sync(&self, touched: &Touched) -> Result<()> {
        if self.config.fsync {
            for sub in touched.subs() {
                let directory = self.directory.join(sub.name());
                self.config
                    .disk
                    .sync_dir(&directory)
                    .map_err(|e| Error::io(directory.display(), e, ErrorKind::Folder))?;
            }
        }
        Ok(())
    }

    /// Does something to a message's file. If the file is not where it was, a mail program may have renamed it: the folder is
    /// listed anew, once for each file that moved. `None`: there is no such message.
    pub(crate) fn attempt<T>(
        &mut self,
        id: &MessageId,
        fresh: &mut bool,
        mut act: impl FnMut(&Found, &Path) -> io::Result<T>,
    ) -> Result<Option<T>> {
        let MessageId::Name(id) = id else { return Ok(None) };
        let mut again = true;
        loop {
            let Some(found) = self.locate(id, fresh)? else { return Ok(None) };
            let path = found.path(&self.directory);
            match act(&found, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && again => {
                    (again, self.names) = (false, None);
                }
                Err(error) => return Err(Error::io(path.display(), error, ErrorKind::Message)),
                Ok(done) => return Ok(Some(done)),
            }
        }
    }

    /// Other names of a message's file: it goes with all of them, or it would be there again. A rename that took two steps and was cut short
    /// leaves such a name.
    pub(crate) fn other_names(&mut self, id: &MessageId) -> Result<Vec<Found>> {
        let MessageId::Name(id) = id else { return Ok(Vec::new()) };
        let names = self.names()?;
        let base = names.get(id).map(|found| found.base().to_owned()).unwrap_or_default();
        Ok(names.twins(&base).cloned().collect())
    }

    /// Where a message is; looked for in a new listing if it is not in the one at hand, unless that is `fresh`.
    fn locate(&mut self, id: &str, fresh: &mut bool) -> Result<Option<Found>> {
        *fresh |= self.names.as_ref().is_none_or(|names| !names.is_whole());
        let found = self.names()?.get(id).map(Found::to_owned);
        if found.is_some() || *fresh {
            return Ok(found);
        }
        self.names = None;
        *fresh = true;
        Ok(self.names()?.get(id).map(Found::to_owned))
    }

    /// Renames a message's file; `name` makes the new place from the old. Answers where the file is then.
    pub(crate) fn rename(
        &mut self,
        id: &MessageId,
        fresh: &mut bool,
        touched: &mut Touched,
        name: impl Fn(&Found, &FileName<'_>) -> (Sub, String),
    ) -> Result<Option<Found>> {
        let (directory, separator) = (self.directory.clone(), self.config.info_separator);
        let disk = self.config.disk.clone();
        let renamed = self.attempt(id, fresh, |found, path| {
            let parsed = found.parse(separator).ok_or(io::ErrorKind::InvalidData)?;
            let (sub, whole) = name(found, &parsed);
            let target = found.renamed(sub, whole);
            if target != *found {
                disk.rename_new(path, &target.path(&directory))?;
                touched.mark(found.sub());
                touched.mark(sub);
            }
            Ok(target)
        })?;
        renamed.iter().for_each(|found| self.put(found.borrowed()));
        Ok(renamed)
    }

    /// Changes the flags of one message.
    pub(crate) fn change_flags(
        &mut self,
        change: &FlagChange,
        vocabulary: &Vocabulary,
        fresh: &mut bool,
        touched: &mut Touched,
    ) -> Result<Option<Found>> {
        self.rename(&change.id, fresh, touched, |found, name| {
            let letters = vocabulary.edit(name.letters(), &change.add, &change.remove);
            match letters == name.letters() {
                true => (found.sub(), found.whole().to_owned()),
                false if letters.is_empty() => (found.sub(), name.with_letters(&letters)),
                false => (Sub::Cur, name.with_letters(&letters)),
            }
        })
    }

    fn token(&self, stamp: &Stamp) -> Box<[u8]> {
        stamp.token(self.config.reading())
    }

    fn witness(&self, stamp: Option<Stamp>) -> Option<Witness> {
        stamp.map(|stamp| Witness { token: self.token(&stamp), covers_flags: true })
    }

    /// The answer that costs no listing: the directories are as they were at the cursor.
    fn unchanged(&self, since: Option<&Cursor>) -> Result<Option<ChangeSet>> {
        let Some(since) = since else { return Ok(None) };
        let stamp = Stamp::take(&self.directory)?;
        if self.token(&stamp) != since.0 {
            return Ok(None);
        }
        let (vocabulary, _) = Vocabulary::read(&self.directory, &self.config.custom_flags);
        let mut set = self.change_set(Coverage::Since, Some(stamp), &vocabulary, Letters::default());
        set.cursor = Some(since.clone());
        Ok(Some(set))
    }

    fn change_set(
        &self,
        coverage: Coverage,
        stamp: Option<Stamp>,
        vocabulary: &Vocabulary,
        used: Letters,
    ) -> ChangeSet {
        let witness = self.witness(stamp);
        // Where letters without a meaning are in use, what the folder can keep follows from a listing alone.
        let begins = stamp.filter(|_| !vocabulary.has_strays(used));
        let cursor = begins.map(|stamp| Cursor(self.token(&stamp)));
        ChangeSet {
            coverage,
            uid_validity: UID_VALIDITY,
            present: Vec::new(),
            gone: Vec::new(),
            cursor,
            witness,
            support: vocabulary.support(used),
            read_only: false,
        }
    }

    fn everything(&mut self) -> Result<ChangeSet> {
        // The scan's own stamp comes after the table is read; this one shows if the table is replaced in between.
        let before = Stamp::take(&self.directory)?;
        let (vocabulary, warning) = Vocabulary::read(&self.directory, &self.config.custom_flags);
        warning.iter().for_each(|w| self.warn(w));
        // Two listings of a large folder need not be in memory at the same time.
        self.names = None;
        let scan = scan::scan(&self.directory, self.grammar())?;
        self.warn_of_oddities(&scan.odd);
        let stamp = scan.stamp.filter(|stamp| *stamp == before);
        let used = scan.names.letters();
        let mut set = self.change_set(Coverage::Complete, stamp, &vocabulary, used);
        set.cursor = set.cursor.or_else(|| Some(Cursor(stamp::of_identity_alone(self.token(&before)))));
        set.present.reserve_exact(scan.names.upper_bound());
        set.present.extend(scan.names.iter().filter_map(|found| self.entry(found, &vocabulary)));
        self.names = Some(scan.names);
        Ok(set)
    }

    fn entry(&self, found: Found<&str>, vocabulary: &Vocabulary) -> Option<Entry> {
        let name = found.parse(self.config.info_separator)?;
        let partner = name.partner(&self.digest).map(|uid| {
            let told = NumberedBase::parse(name.base()).filter(|base| base.uid == uid);
            Partner { uid, uid_validity: told.map(|base| base.uid_validity) }
        });
        Some(Entry {
            id: MessageId::Name(found.id().into()),
            flags: vocabulary.flags(name.letters()),
            partner,
            content: None,
        })
    }
}

/// Removes the other names of a file.
pub(crate) fn remove_others(
    disk: &Disk,
    path: &Path,
    (folder, others): (&Path, &[Found]),
    touched: &mut Touched,
) -> io::Result<()> {
    for other in others {
        let at = other.path(folder);
        if disk::is_one_file(path, &at) {
            disk.remove_file(&at)?;
            touched.mark(other.sub());
        }
    }
    Ok(())
}

/// Keywords in any of the sets; almost always there are few different ones.
pub(crate) fn union<'k>(sets: impl Iterator<Item = &'k Keywords>) -> Keywords {
    let mut all = Keywords::default();
    for keyword in sets.flat_map(Keywords::iter) {
        if !all.contains(keyword) {
            all.insert(keyword);
        }
    }
    all
}

pub(crate) fn not_there(id: &MessageId) -> Error {
    Error::new(ErrorKind::Message, format!("message {id} is not there any more"))
}

impl Folder for MaildirFolder {
    fn name(&self) -> &FolderName {
        &self.name
    }

    fn another(&self) -> Option<Box<dyn Folder>> {
        let another: Result<Box<dyn Folder>> =
            MaildirFolder::new(&self.config, &self.name).map(|folder| Box::new(folder) as Box<dyn Folder>);
        another.ok()
    }

    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet> {
        if let Some(set) = self.unchanged(since)? {
            return Ok(set);
        }
        if let Some(since) = since
            && self.config.stable_directories
            && known.count()? > 0
            && stamp::is_replaced(&self.directory, &since.0).unwrap_or(false)
        {
            let message = format!("{}: this directory is another one than before", self.directory.display());
            return Err(Error::new(ErrorKind::Numbering, message));
        }
        self.everything()
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        self.send(ids, form, sink)
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        self.read_headers(ids, each)
    }

    fn outside(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        self.judge(ids, window)
    }

    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        Ok(Box::new(Delivery::new(self, source)?))
    }

    fn needs_intent(&self) -> bool {
        false
    }

    fn is_named_after(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        let (MessageId::Name(id), MessageId::Uid(uid)) = (id, source) else { return false };
        NumberedBase::parse(id).is_some_and(|base| {
            base.uid == *uid
                && base.uid_validity == from.uid_validity
                && base.source == short_digest(from.name.as_str())
        })
    }

    fn bears_name_of(&self, id: &MessageId, from: &SourceFolder, source: &MessageId) -> bool {
        let MessageId::Name(id) = id else { return false };
        name::and_first_base(id).any(|base| match source {
            MessageId::Uid(_) => self.is_named_after(&MessageId::Name(base.into()), from, source),
            MessageId::Name(source) => base == name::named_base(source, self.config.info_separator),
        })
    }

    fn cheap_content(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        self.is_numbered_by_mbsync()
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        let wanted = union(changes.iter().map(|change| &change.add.keywords));
        let vocabulary = self.vocabulary_for(&wanted)?;
        let (mut fresh, mut touched, mut failures) = (false, Touched::default(), Failures::new());
        for change in changes {
            match self.change_flags(change, &vocabulary, &mut fresh, &mut touched) {
                Ok(Some(_)) => {}
                Ok(None) => failures.push((change.id.clone(), not_there(&change.id))),
                Err(error) => failures.push((change.id.clone(), error)),
            }
        }
        self.sync(&touched)?;
        Ok(failures)
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        let (mut fresh, mut touched, mut failures) = (false, Touched::default(), Failures::new());
        let (disk, directory) = (self.config.disk.clone(), self.directory.clone());
        for id in ids {
            let removed = self.other_names(id).and_then(|others| {
                self.attempt(id, &mut fresh, |found, path| {
                    remove_others(&disk, path, (&directory, &others), &mut touched)?;
                    disk.remove_file(path)?;
                    touched.mark(found.sub());
                    Ok(())
                })
            });
            match removed {
                Err(error) => failures.push((id.clone(), error)),
                Ok(_) => self.names.iter_mut().zip(named(id)).for_each(|(names, id)| names.forget(id)),
            }
        }
        self.sync(&touched)?;
        Ok(failures)
    }

    fn transfer(&mut self, ids: &[MessageId], to: &FolderName) -> Result<Option<Vec<Option<MessageId>>>> {
        self.move_to(ids, &mut MaildirFolder::new(&self.config, to)?)
    }

    fn note_partners(&mut self, partners: &[(MessageId, Partner)]) -> Result<()> {
        let (mut fresh, mut touched) = (false, Touched::default());
        let (digest, key) = (self.digest.clone(), self.uid_key());
        for (id, partner) in partners {
            let claim = Claim { uid: partner.uid, digest: &digest, key };
            let noted = self.rename(id, &mut fresh, &mut touched, |found, name| {
                // A message called by its stem would be another one if its attributes changed.
                let keep = !found.has_base_as_id();
                let whole = if keep { found.whole().to_owned() } else { name.with_partner(Some(claim)) };
                (found.sub(), whole)
            });
            noted.err().iter().for_each(|error| self.warn(error));
        }
        Ok(())
    }
}

fn named(id: &MessageId) -> Option<&str> {
    match id {
        MessageId::Name(name) => Some(name),
        MessageId::Uid(_) => None,
    }
}
