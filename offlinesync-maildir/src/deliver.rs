//! The only writer of messages. A message is written to `tmp`, made durable, and then given its name in `new` or `cur` by a rename
//! that replaces nothing; the directories are made durable once for a whole group.
//!
//! The name follows from the source, so a message delivered again after a crash finds itself: the same content under the same
//! base is the same message.

use crate::disk::{self, Disk, NewFile};
use crate::folder::{MaildirFolder, Touched};
use crate::keywords::Vocabulary;
use crate::name::{self, Claim, FileName, NumberedBase, UidKey};
use crate::names::Found;
use crate::scan::Sub;
use crate::syncer::Syncer;
use offlinesync_core::repository::HEADER_LIMIT;
use offlinesync_core::{
    Error, ErrorKind, FlagChange, Flags, GroupSize, Intake, InternalDate, Keywords, LineEnding, MessageId, Outgoing,
    Result, SourceFolder, Uid,
};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BUFFER: usize = 64 * 1024;
const GROUP: GroupSize = GroupSize { messages: 128, octets: 32 * 1024 * 1024 };
/// How files of ours in `tmp` end.
const SUFFIX: &str = ".offlinesync";
/// After this long nobody is still writing a file in `tmp` (maildir(5)).
const LEFTOVER: Duration = Duration::from_secs(36 * 60 * 60);

/// A file in `tmp`, removed when dropped unless it was renamed.
#[derive(Debug)]
struct TempFile {
    path: PathBuf,
    renamed: bool,
    disk: Disk,
}

impl TempFile {
    /// Gives it another name, unless that one is taken.
    fn rename(&mut self, to: &Path) -> io::Result<()> {
        self.disk.rename_new(&self.path, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = self.disk.remove_file(&self.path);
        }
    }
}

/// A message being written.
#[derive(Debug)]
struct Draft {
    file: NewFile,
    temp: TempFile,
    date: Option<InternalDate>,
    name: Name,
    /// The beginning of the message, where its header is asked for a date.
    header: Option<Vec<u8>>,
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
    /// UIDs of the source that the folder has, in order, with the seconds in front of their bases.
    delivered: Vec<(Uid, u64)>,
    draft: Option<Draft>,
    buffer: Vec<u8>,
    written: Vec<(TempFile, Name)>,
    syncer: Option<Syncer>,
    key: UidKey,
    process: u32,
    counter: u64,
}

impl<'f> Delivery<'f> {
    pub(crate) fn new(folder: &'f mut MaildirFolder, source: &SourceFolder) -> Result<Self> {
        let tmp = folder.directory.join("tmp");
        let delivered = delivered(folder, source)?;
        folder.config.disk.ensure_dir(&tmp).map_err(|e| Error::io(tmp.display(), e, ErrorKind::Folder))?;
        if !std::mem::replace(&mut folder.tidied, true) {
            tidy(&folder.config.disk, &tmp);
        }
        let vocabulary = folder.vocabulary_for(&Keywords::default())?;
        let key = folder.uid_key();
        Ok(Delivery {
            folder,
            source: source.clone(),
            vocabulary,
            delivered,
            draft: None,
            buffer: Vec::new(),
            written: Vec::new(),
            syncer: None,
            key,
            process: std::process::id(),
            counter: 0,
        })
    }

    fn name(&mut self, message: &Outgoing<'_>) -> Result<Name> {
        if !self.vocabulary.knows(&message.flags.keywords) {
            self.vocabulary = self.folder.vocabulary_for(&message.flags.keywords)?;
        }
        let letters = self.vocabulary.edit("", message.flags, &Flags::default());
        let (base, partner) = match message.source {
            MessageId::Uid(uid) => (self.numbered_base(*uid, message.date), Some(*uid)),
            MessageId::Name(id) => (name::named_base(id, self.folder.config.info_separator), None),
        };
        Ok(Name { base, partner, letters, flags: message.flags.clone() })
    }

    /// The base under which the folder has this message, whatever date the server told then; a new one if it has not.
    fn numbered_base(&self, uid: Uid, date: Option<InternalDate>) -> String {
        let known = self.delivered.binary_search_by_key(&uid, |(uid, _)| *uid).ok();
        let seconds = known.and_then(|at| i64::try_from(self.delivered[at].1).ok());
        let date = seconds.map(|seconds| InternalDate { seconds, zone_minutes: 0 }).or(date);
        name::numbered_base(uid, &self.source, date)
    }

    /// The date that the header of the message being written tells.
    fn date_in_header(&self) -> Option<InternalDate> {
        let read = self.folder.config.header_date()?;
        let seconds = read(self.draft.as_ref()?.header.as_ref()?)?;
        Some(InternalDate { seconds, zone_minutes: 0 })
    }

    /// The base of the message being written if it began with this date.
    fn name_by(&self, date: InternalDate) -> Option<String> {
        Some(self.numbered_base(self.draft.as_ref()?.name.partner?, Some(date)))
    }

    fn create(&mut self) -> Result<(NewFile, TempFile)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        loop {
            self.counter += 1;
            let (seconds, nanos, pid, n) = (now.as_secs(), now.subsec_nanos(), self.process, self.counter);
            let path = self.folder.directory.join(format!("tmp/{seconds}.N{nanos}P{pid}Q{n}{SUFFIX}"));
            let disk = self.folder.config.disk.clone();
            match disk.create_private(&path) {
                Ok(file) => return Ok((file, TempFile { path, renamed: false, disk })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(path.display(), error, ErrorKind::Folder)),
            }
        }
    }

    /// Runs a step on the draft; a draft that a step failed on is gone.
    fn on_draft<T>(&mut self, step: impl FnOnce(&mut Draft, &mut Vec<u8>) -> io::Result<T>) -> Result<T> {
        let none = || Error::new(ErrorKind::Message, "no message was begun");
        let mut draft = self.draft.take().ok_or_else(none)?;
        let done = step(&mut draft, &mut self.buffer);
        let done = done.map_err(|e| Error::io(draft.temp.path.display(), e, ErrorKind::Message))?;
        self.draft = Some(draft);
        Ok(done)
    }

    /// Gives a written message its place. A base that is taken by the same content is the message itself, delivered before.
    fn place(&mut self, temp: &mut TempFile, name: &Name, touched: &mut Touched) -> Result<MessageId> {
        let mut n = 1;
        loop {
            let base = if n == 1 { name.base.clone() } else { name::other_base(&name.base, n) };
            if self.folder.names()?.has_base(&base) {
                let id = MessageId::Name(base.into());
                if self.is_copy(&id, temp)? {
                    return self.adopt(id, name, touched);
                }
            } else if let Some(id) = self.put(temp, &base, name, touched)? {
                return Ok(id);
            }
            n += 1;
        }
    }

    /// `None` if a file of that very name is there, though no message of that base was.
    fn put(
        &mut self,
        temp: &mut TempFile,
        base: &str,
        name: &Name,
        touched: &mut Touched,
    ) -> Result<Option<MessageId>> {
        let partner = name.partner.map(|uid| Claim { uid, digest: &self.folder.digest, key: self.key });
        let whole = name::compose(base, partner, &name.letters, self.folder.config.info_separator);
        let sub = if name.letters.is_empty() { Sub::New } else { Sub::Cur };
        let parsed = FileName::parse(&whole, self.folder.config.info_separator);
        let unnameable = || Error::new(ErrorKind::Message, format!("{whole:?} is no name for a message"));
        let found = Found::new(sub, &parsed.ok_or_else(unnameable)?);
        let path = found.path(&self.folder.directory);
        match temp.rename(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(Error::io(path.display(), error, ErrorKind::Message)),
        }
        touched.mark(sub);
        let id = MessageId::Name(found.id().into());
        self.folder.put(found);
        Ok(Some(id))
    }

    fn is_copy(&mut self, id: &MessageId, temp: &TempFile) -> Result<bool> {
        let same = self.folder.attempt(id, &mut false, |_, path| same_content(path, &temp.path))?;
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
        let name = self.name(message)?;
        let (file, temp) = self.create()?;
        let header = self.folder.config.header_date().map(|_| Vec::new());
        self.draft = Some(Draft { file, temp, date: message.date, name, header });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.on_draft(|draft, buffer| {
            if let Some(header) = &mut draft.header {
                header.extend_from_slice(&bytes[..bytes.len().min(HEADER_LIMIT - header.len())]);
            }
            if buffer.len() + bytes.len() > BUFFER {
                draft.file.write_all(buffer)?;
                buffer.clear();
            }
            if bytes.len() >= BUFFER {
                return draft.file.write_all(bytes);
            }
            buffer.extend_from_slice(bytes);
            Ok(())
        })
    }

    fn end(&mut self) -> Result<()> {
        let written = self.date_in_header();
        let config = &self.folder.config;
        let (file_time, from_header) = (config.file_time, config.time_from_header);
        if let Some(name) = written.filter(|_| config.name_from_header).and_then(|date| self.name_by(date))
            && let Some(draft) = &mut self.draft
        {
            draft.name.base = name;
        }
        self.on_draft(|draft, buffer| {
            draft.file.write_all(buffer)?;
            buffer.clear();
            match written.filter(|_| from_header).or(draft.date.filter(|_| file_time)) {
                Some(date) => set_time(draft.file.file(), date),
                None => Ok(()),
            }
        })?;
        if let Some(Draft { file, temp, name, .. }) = self.draft.take() {
            self.written.push((temp, name));
            if self.folder.config.fsync {
                self.syncer.get_or_insert_with(Syncer::start).give(file);
            }
        }
        Ok(())
    }

    fn discard(&mut self) -> Result<()> {
        self.draft = None;
        self.buffer.clear();
        Ok(())
    }

    fn commit(&mut self) -> Result<Vec<Result<Option<MessageId>>>> {
        let mut written = std::mem::take(&mut self.written);
        let synced = match &mut self.syncer {
            Some(syncer) => syncer.finish(),
            None => written.iter().map(|_| Ok(())).collect(),
        };
        let mut touched = Touched::default();
        let mut answers = Vec::with_capacity(written.len());
        for ((temp, name), synced) in written.iter_mut().zip(synced) {
            let synced = synced.map_err(|e| Error::io(temp.path.display(), e, ErrorKind::Message));
            answers.push(synced.and_then(|()| self.place(temp, name, &mut touched)).map(Some));
        }
        self.folder.sync(&touched)?;
        Ok(answers)
    }
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

/// Out-of-range dates leave the file time as it is: a date that no file can have is not worth a message.
fn set_time(file: &File, date: InternalDate) -> io::Result<()> {
    let time = filetime::FileTime::from_unix_time(date.seconds, 0);
    match filetime::set_file_handle_times(file, None, Some(time)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput) => Ok(()),
        done => done,
    }
}

fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    let ((mut a, one), (b, other)) = (disk::open_regular(a)?, disk::open_regular(b)?);
    if one.len() != other.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; BUFFER], Vec::with_capacity(BUFFER));
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

/// Removes what earlier runs left in `tmp`. Judged by the time of the last change to the inode, for the file time is the message's.
/// Best effort.
fn tidy(disk: &Disk, tmp: &Path) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            continue;
        }
        let changed = entry.metadata().ok().and_then(|m| u64::try_from(m.ctime()).ok());
        if changed.is_some_and(|changed| now.as_secs().saturating_sub(changed) > LEFTOVER.as_secs()) {
            let _ = disk.remove_file(&entry.path());
        }
    }
}
