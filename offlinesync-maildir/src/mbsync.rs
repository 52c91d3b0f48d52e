//! Folders that mbsync looks after, too: it numbers messages by `,U=` in their names and keeps the numbering in a file. Reads both; a
//! folder that goes back to mbsync has its messages numbered here.

use crate::altmap::AltMap;
use crate::disk::Disk;
use crate::folder::{MaildirFolder, Touched};
use crate::name::{FileName, UidKey};
use offlinesync_core::{Error, ErrorKind, MessageId, Result, Uid, UidValidity};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Two lines: the numbering, and the last number that was given.
const FILE: &str = ".uidvalidity";
/// With it the numbers are not in the names.
const DATABASE: &str = ".isyncuidmap.db";

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbering {
    uid_validity: UidValidity,
    last: u32,
}

/// mbsync's numbers of a folder's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MbsyncNumbers {
    /// The numbering they belong to.
    pub uid_validity: UidValidity,
    /// The number of each message.
    pub numbers: BTreeMap<MessageId, Uid>,
}

impl MaildirFolder {
    /// How this folder's names tell UIDs. Where mbsync looks after the folder too, `,U=` is its own, and it would take ours for that.
    pub(crate) fn uid_key(&self) -> UidKey {
        if self.is_numbered_by_mbsync() { UidKey::Foreign } else { UidKey::Usual }
    }

    pub(crate) fn is_numbered_by_mbsync(&self) -> bool {
        [FILE, DATABASE].iter().any(|file| self.directory.join(file).exists())
    }

    /// The messages that have a number of mbsync's; `None` if it does not number this folder. Two with one number are an error.
    pub(crate) fn mbsync_numbers(&mut self) -> Result<Option<MbsyncNumbers>> {
        let database = self.directory.join(DATABASE);
        if database.exists() {
            let map = AltMap::read(&database).map_err(|e| Error::io(database.display(), e, ErrorKind::Folder))?;
            let number = |name: &FileName<'_>| map.numbers.get(name.base().as_bytes()).copied().and_then(Uid::new);
            return self.numbered(UidValidity(map.uid_validity), number).map(Some);
        }
        match Numbering::read(&self.directory).map_err(|error| self.failed(error))? {
            Some(numbering) => self.numbered(numbering.uid_validity, |name| name.mbsync_uid()).map(Some),
            None => Ok(None),
        }
    }

    fn numbered(
        &mut self,
        uid_validity: UidValidity,
        number: impl Fn(&FileName<'_>) -> Option<Uid>,
    ) -> Result<MbsyncNumbers> {
        let (separator, directory) = (self.config.info_separator, self.directory.clone());
        let (mut numbers, mut given) = (BTreeMap::new(), BTreeSet::new());
        for file in self.names()?.iter() {
            let Some(uid) = file.parse(separator).and_then(|name| number(&name)) else { continue };
            if !given.insert(uid) {
                return Err(unfit(&directory, &format!("two messages have mbsync's number {uid}")));
            }
            numbers.insert(MessageId::Name(file.id().into()), uid);
        }
        Ok(MbsyncNumbers { uid_validity, numbers })
    }

    /// Gives each of these messages a number, unless it has one. One that is not there gets a number that no file has.
    pub(crate) fn number_for_mbsync(&mut self, ids: &[MessageId]) -> Result<MbsyncNumbers> {
        if self.directory.join(DATABASE).exists() {
            return Err(self.unfit("its numbers are in a database (AltMap), not in the names of its files"));
        }
        let there = Numbering::read(&self.directory).map_err(|error| self.failed(error))?;
        let mut numbers = self.mbsync_numbers()?.map(|known| known.numbers).unwrap_or_default();
        let highest = numbers.values().map(|uid| uid.get()).max();
        let mut numbering = there.unwrap_or_else(Numbering::new);
        numbering.last = numbering.last.max(highest.unwrap_or(0));
        let mut new = Vec::new();
        for id in ids.iter().filter(|id| !numbers.contains_key(id)) {
            let number = numbering.next().ok_or_else(|| self.unfit("it has no number left"))?;
            new.push((id.clone(), number));
        }
        numbers.extend(new.iter().cloned());
        self.check_names(&new)?;
        if there != Some(numbering) {
            numbering.write(&self.directory, &self.config.disk).map_err(|error| self.failed(error))?;
        }
        self.write_numbers(&new)?;
        Ok(MbsyncNumbers { uid_validity: numbering.uid_validity, numbers })
    }

    /// Two files with one base are told apart by what stands behind it: a number there would make another message of one.
    fn check_names(&mut self, new: &[(MessageId, Uid)]) -> Result<()> {
        let names = self.names()?;
        let mut twins = new.iter().filter(|(id, _)| match id {
            MessageId::Name(id) => names.get(id).is_some_and(|found| !found.has_base_as_id()),
            MessageId::Uid(_) => false,
        });
        let Some((id, _)) = twins.next() else { return Ok(()) };
        let sentence = format!("another file is called like '{id}' but for what stands behind the first comma");
        Err(self.unfit(&sentence).with_hint("give one of the two another name and sync once"))
    }

    fn write_numbers(&mut self, new: &[(MessageId, Uid)]) -> Result<()> {
        let (mut fresh, mut touched) = (false, Touched::default());
        for (id, number) in new {
            self.rename(id, &mut fresh, &mut touched, |found, name| (found.sub(), name.with_mbsync_uid(*number)))?;
        }
        self.sync(&touched)
    }

    fn unfit(&self, why: &str) -> Error {
        unfit(&self.directory, why)
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(self.directory.join(FILE).display(), error, ErrorKind::Folder)
    }
}

fn unfit(directory: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Folder, format!("{}: {why}", directory.display()))
}

impl Numbering {
    /// As mbsync begins one.
    fn new() -> Numbering {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
        Numbering { uid_validity: UidValidity(u32::try_from(seconds).unwrap_or(u32::MAX)), last: 0 }
    }

    fn read(directory: &Path) -> io::Result<Option<Numbering>> {
        let text = match fs::read_to_string(directory.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Numbering::from_text(&text).map(Some)
    }

    /// Reads what the file holds.
    pub(crate) fn from_text(text: &str) -> io::Result<Numbering> {
        let mut numbers = text.lines().map(|line| line.trim().parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(validity), Some(last)) => Ok(Numbering { uid_validity: UidValidity(validity), last }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it does not hold two numbers")),
        }
    }

    /// What the file shall hold.
    pub(crate) fn text(self) -> String {
        format!("{}\n{}\n", self.uid_validity, self.last)
    }

    fn next(&mut self) -> Option<Uid> {
        self.last = self.last.checked_add(1)?;
        Uid::new(self.last)
    }

    fn write(self, directory: &Path, disk: &Disk) -> io::Result<()> {
        let (file, next) = (directory.join(FILE), directory.join(format!("{FILE}.new")));
        // What a crash left is of no use.
        let _ = disk.remove_file(&next);
        let mut new = disk.create_private(&next)?;
        new.write_all(self.text().as_bytes())?;
        new.sync()?;
        disk.replace(&next, &file)?;
        disk.sync_dir(directory)
    }
}
