//! The only writer of messages. A message is written to `tmp`, made durable, and then given its name in `new` or `cur` by a rename
//! that replaces nothing; the directories are made durable once for a whole group. Where no other message has its base, all of that is
//! done by another thread while the next messages come in; until the group is committed it can be taken back.
//!
//! The name follows from the source, so a message delivered again after a crash finds itself: the same content under the same
//! base is the same message.

use crate::disk;
use crate::draft::{Draft, HELD, NewMail, Tmp};
use crate::folder::{MaildirFolder, Touched};
use crate::keywords::Vocabulary;
use crate::name::{self, Claim, FileName, NumberedBase, UidKey};
use crate::names::Found;
use crate::scan::Sub;
use crate::writers::Writers;
use offlinesync_core::repository::HEADER_LIMIT;
use offlinesync_core::{
    Error, ErrorKind, FlagChange, Flags, GroupSize, Intake, InternalDate, Keywords, LineEnding, MessageId, Outgoing,
    Result, SourceFolder, Uid,
};
use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

const GROUP: GroupSize = GroupSize { messages: 128, octets: 32 * 1024 * 1024 };

/// A message being received.
#[derive(Debug)]
struct Current {
    draft: Draft,
    date: Option<InternalDate>,
    name: Name,
    /// The beginning of the message, where its header is asked for a date.
    header: Option<Vec<u8>>,
}

/// A message that is being finished, and the file that it becomes if its base was free.
#[derive(Debug)]
struct Ended {
    name: Name,
    promised: Option<Found>,
}

/// What a message shall be called, and how flagged.
#[derive(Clone, Debug)]
struct Name {
    base: String,
    partner: Option<Uid>,
    letters: String,
    flags: Flags,
}

/// An open intake; see [`Intake`].
#[derive(Debug)]
pub(crate) struct Delivery<'f> {
    folder: &'f mut MaildirFolder,
    source: SourceFolder,
    vocabulary: Vocabulary,
    /// UIDs of the source that the folder has, in order, with the seconds in front of their bases. Not asked before a message has a UID.
    delivered: Option<Vec<(Uid, u64)>>,
    tmp: Arc<Tmp>,
    current: Option<Current>,
    writers: Writers,
    /// What the writers have of this group, in order.
    ended: Vec<Ended>,
    /// The bases that the messages of this group get.
    promised: HashSet<String>,
    /// Why nothing can be put here any more.
    closed: Option<Error>,
    key: UidKey,
}

impl<'f> Delivery<'f> {
    pub(crate) fn new(folder: &'f mut MaildirFolder, source: &SourceFolder) -> Result<Self> {
        // A folder that cannot be listed takes nothing.
        folder.bases()?;
        let tmp = Tmp::open(folder.directory.join("tmp"), &folder.config.disk, folder.config.fsync)?;
        if !std::mem::replace(&mut folder.tidied, true) {
            tmp.tidy();
        }
        let vocabulary = folder.vocabulary_for(&Keywords::default())?;
        let (key, writers) = (folder.uid_key(), Writers::new(folder.config.fsync));
        Ok(Delivery {
            folder,
            source: source.clone(),
            vocabulary,
            delivered: None,
            tmp: Arc::new(tmp),
            current: None,
            writers,
            ended: Vec::new(),
            promised: HashSet::new(),
            closed: None,
            key,
        })
    }

    fn name(&mut self, message: &Outgoing<'_>) -> Result<Name> {
        if !self.vocabulary.knows(&message.flags.keywords) {
            self.vocabulary = self.folder.vocabulary_for(&message.flags.keywords)?;
        }
        let letters = self.vocabulary.edit("", message.flags, &Flags::default());
        if self.delivered.is_none() && message.source.uid().is_some() {
            self.delivered = Some(delivered(self.folder, &self.source)?);
        }
        let (base, partner) = match message.source {
            MessageId::Uid(uid) => (self.numbered_base(*uid, message.date), Some(*uid)),
            MessageId::Name(id) => (name::named_base(id, self.folder.config.info_separator), None),
        };
        Ok(Name { base, partner, letters, flags: message.flags.clone() })
    }

    /// The base under which the folder has this message, whatever date the server told then; a new one if it has not.
    fn numbered_base(&self, uid: Uid, date: Option<InternalDate>) -> String {
        let delivered = self.delivered.as_deref().unwrap_or_default();
        let known = delivered.binary_search_by_key(&uid, |(uid, _)| *uid).ok();
        let seconds = known.and_then(|at| i64::try_from(delivered[at].1).ok());
        let date = seconds.map(|seconds| InternalDate { seconds, zone_minutes: 0 }).or(date);
        name::numbered_base(uid, &self.source, date)
    }

    /// The date that the header of the message being written tells.
    fn date_in_header(&self) -> Option<InternalDate> {
        let read = self.folder.config.header_date()?;
        let seconds = read(self.current.as_ref()?.header.as_ref()?)?;
        Some(InternalDate { seconds, zone_minutes: 0 })
    }

    /// The base of the message being written if it began with this date.
    fn name_by(&self, date: InternalDate) -> Option<String> {
        Some(self.numbered_base(self.current.as_ref()?.name.partner?, Some(date)))
    }

    /// The file that a message becomes under this base.
    fn found(&self, base: &str, name: &Name) -> Result<Found> {
        let partner = name.partner.map(|uid| Claim { uid, digest: &self.folder.digest, key: self.key });
        let whole = name::compose(base, partner, &name.letters, self.folder.config.info_separator);
        let sub = if name.letters.is_empty() { Sub::New } else { Sub::Cur };
        let parsed = FileName::parse(&whole, self.folder.config.info_separator);
        let unnameable = || Error::new(ErrorKind::Message, format!("{whole:?} is no name for a message"));
        Ok(Found::new(sub, &parsed.ok_or_else(unnameable)?).to_owned())
    }

    /// What a message becomes as soon as it is whole. `None` if its base is taken: then the two have to be compared.
    fn promise(&mut self, name: &Name) -> Result<Option<Found>> {
        if self.folder.bases()?.has_base(&name.base) || !self.promised.insert(name.base.clone()) {
            return Ok(None);
        }
        self.found(&name.base, name).map(Some)
    }

    /// Notes a message that is in its place.
    fn arrived(&mut self, mail: &mut NewMail, found: Found, touched: &mut Touched) -> MessageId {
        mail.keep();
        touched.mark(found.sub());
        let id = MessageId::Name(found.id().into());
        self.folder.put(found.borrowed());
        id
    }

    /// Gives a written message its place. A base that tells the source's number and is taken by the same content is the message itself, delivered
    /// before. A base that the source has by its name tells no more than another: a message that came back under its old name is not the copy
    /// of the one that took its place.
    fn place(&mut self, mail: &mut NewMail, name: &Name, touched: &mut Touched) -> Result<MessageId> {
        let mut n = 1;
        loop {
            let base = if n == 1 { name.base.clone() } else { name::other_base(&name.base, n) };
            if self.folder.bases()?.has_base(&base) {
                let id = MessageId::Name(base.into());
                if name.partner.is_some() && self.is_copy(&id, mail)? {
                    return self.adopt(id, name, touched);
                }
            } else {
                // Where a file of that very name is, though no message of that base was, another base is tried.
                let found = self.found(&base, name)?;
                if mail.place(&found.path(&self.folder.directory))? {
                    return Ok(self.arrived(mail, found, touched));
                }
            }
            n += 1;
        }
    }

    fn is_copy(&mut self, id: &MessageId, mail: &NewMail) -> Result<bool> {
        let same = self.folder.attempt(id, &mut false, |_, path| same_content(path, mail.path()))?;
        Ok(same.unwrap_or(false))
    }

    /// Takes a message that is there for the one delivered: it gets the flags it lacks, and is durable like one just written.
    fn adopt(&mut self, id: MessageId, name: &Name, touched: &mut Touched) -> Result<MessageId> {
        let change = FlagChange { id, add: name.flags.clone(), remove: Flags::default() };
        self.folder.change_flags(&change, &self.vocabulary, &mut false, touched)?;
        let fsync = self.folder.config.fsync;
        let disk = self.folder.config.disk.clone();
        self.folder.attempt(&change.id, &mut false, |found, path| {
            touched.mark(found.sub());
            if fsync { disk.sync_file(path) } else { Ok(()) }
        })?;
        Ok(change.id)
    }
}

impl Intake for Delivery<'_> {
    fn line_ending(&self) -> LineEnding {
        LineEnding::Lf
    }

    fn group_size(&self) -> GroupSize {
        GROUP
    }

    fn begin(&mut self, message: &Outgoing<'_>) -> Result<()> {
        self.discard()?;
        if let Some(closed) = &self.closed {
            return Err(closed.again());
        }
        let name = self.name(message)?;
        let header = self.folder.config.header_date().map(|_| Vec::new());
        self.current =
            Some(Current { draft: Draft::new(&self.tmp, self.writers.room()), date: message.date, name, header });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let current = self.current.as_mut().ok_or_else(not_begun)?;
        if let Some(header) = &mut current.header {
            header.extend_from_slice(&bytes[..bytes.len().min(HEADER_LIMIT - header.len())]);
        }
        let written = current.draft.write(bytes, self.writers.room());
        if written.is_err() {
            self.discard()?;
        }
        written
    }

    fn end(&mut self) -> Result<()> {
        let written = self.date_in_header();
        let config = &self.folder.config;
        let (file_time, from_header) = (config.file_time, config.time_from_header);
        let base = written.filter(|_| config.name_from_header).and_then(|date| self.name_by(date));
        let Current { mut draft, date, mut name, .. } = self.current.take().ok_or_else(not_begun)?;
        name.base = base.unwrap_or(name.base);
        draft.time = written.filter(|_| from_header).or(date.filter(|_| file_time));
        let promised = self.promise(&name)?;
        draft.place = promised.as_ref().map(|found| found.path(&self.folder.directory));
        self.ended.push(Ended { name, promised });
        self.writers.give(draft);
        Ok(())
    }

    fn discard(&mut self) -> Result<()> {
        if let Some(current) = self.current.take() {
            current.draft.discard(self.writers.room());
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>> {
        // What is being written has no end yet and is in no group.
        self.discard()?;
        let finished = self.writers.finish();
        let ended = std::mem::take(&mut self.ended);
        self.promised.clear();
        let (mut touched, mut others) = (Touched::default(), Vec::new());
        let mut answers = Vec::with_capacity(finished.len());
        for (Ended { name, promised }, mail) in ended.into_iter().zip(finished) {
            answers.push(match (mail, promised) {
                (Ok(mut mail), Some(found)) if mail.is_placed() => {
                    Ok(Some(self.arrived(&mut mail, found, &mut touched)))
                }
                (Ok(mail), _) => {
                    others.push((answers.len(), name, mail));
                    Ok(None)
                }
                (Err(error), _) => Err(error),
            });
        }
        // They are compared with what is there, once all of it is known.
        for (at, name, mut mail) in others {
            answers[at] = self.place(&mut mail, &name, &mut touched).map(Some);
        }
        let mut trouble = answers.iter().filter_map(|answer| answer.as_ref().err());
        self.closed = trouble.find(|error| error.kind() != ErrorKind::Message).map(Error::again);
        self.folder.sync(&touched)?;
        Ok(answers)
    }
}

fn not_begun() -> Error {
    Error::new(ErrorKind::Message, "no message was begun")
}

/// Which messages of the source the folder has, by what the bases of their names tell.
fn delivered(folder: &mut MaildirFolder, source: &SourceFolder) -> Result<Vec<(Uid, u64)>> {
    let digest = name::short_digest(source.name.as_str());
    let mut delivered: Vec<(Uid, u64)> = Vec::new();
    for found in folder.names()?.iter() {
        let base = NumberedBase::parse(found.base());
        let ours = base.filter(|base| base.source == digest && base.uid_validity == source.uid_validity);
        delivered.extend(ours.map(|base| (base.uid, base.seconds)));
    }
    delivered.sort_unstable();
    delivered.dedup_by_key(|(uid, _)| *uid);
    Ok(delivered)
}

fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    let ((mut a, one), (b, other)) = (disk::open_regular(a)?, disk::open_regular(b)?);
    if one.len() != other.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; HELD], Vec::with_capacity(HELD));
    loop {
        let read = match a.read(&mut left) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        right.clear();
        (&b).take(read as u64).read_to_end(&mut right)?;
        if left[..read] != right[..] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}
