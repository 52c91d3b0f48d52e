//! A back end of one's own: an old mbox file, read-only, kept in step with a Maildir.
//!
//! `cargo run --example custom_backend [MBOX MAILDIR]`; without arguments it makes up an mbox.
//!
//! Two traits are all there is to implement: [`Repository`] says which folders there are, [`Folder`] lists and reads messages.
//! The engine does the rest; run it again with a grown mbox and only the new messages are copied.

#![allow(clippy::print_stdout)]

use offlinesync_core::line_ending::ToCrlf;
use offlinesync_core::sync::Account;
use offlinesync_core::{
    Cancel, ChangeSet, Coverage, Cursor, Entry, Error, ErrorKind, Failures, FlagChange, FlagSupport, Flags, Folder,
    FolderEntry, FolderList, FolderName, Headers, Incoming, Intake, Known, LineEnding, MessageId, PerSide, Policy,
    Repository, Result, Sink, SourceFolder, SqliteStatus, Uid, UidValidity,
};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository of one folder, the mbox. Nothing is kept open between calls.
struct Mbox(PathBuf);

impl Repository for Mbox {
    fn name(&self) -> &str {
        "mbox"
    }

    fn exists(&self) -> Result<bool> {
        Ok(self.0.is_file())
    }

    fn list(&self) -> Result<FolderList> {
        Ok(FolderList { separator: None, folders: vec![FolderEntry::named("INBOX".into())] })
    }

    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        Ok(Box::new(MboxFolder { path: self.0.clone(), name: folder.clone() }))
    }

    fn create(&self, _: &FolderName) -> Result<()> {
        Err(read_only())
    }
}

struct MboxFolder {
    path: PathBuf,
    name: FolderName,
}

impl MboxFolder {
    /// Every message by its place in the file, which numbers it: an mbox like this one only grows. A line that begins with "From "
    /// behind an empty one begins a message.
    fn messages(&self) -> Result<Vec<(Uid, Vec<u8>)>> {
        let place = || self.path.display();
        let content = std::fs::read(&self.path).map_err(|e| Error::io(place(), e, ErrorKind::Folder))?;
        let mut messages: Vec<Vec<u8>> = Vec::new();
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            match messages.last_mut() {
                Some(message) if !(line.starts_with(b"From ") && ends_in_an_empty_line(message)) => {
                    message.extend(line)
                }
                None if !line.starts_with(b"From ") => return Err(Error::new(ErrorKind::Folder, "no mbox").at(place())),
                _ => messages.push(Vec::new()),
            }
        }
        // The empty line before the next From, and at the end, belongs to the file and not to the message.
        for message in messages.iter_mut().filter(|message| ends_in_an_empty_line(message)) {
            message.pop();
        }
        Ok((1..).filter_map(Uid::new).zip(messages).collect())
    }

    /// The messages that were asked for; what is not there any more is `None`.
    fn pick(&self, ids: &[MessageId]) -> Result<Vec<(MessageId, Option<Vec<u8>>)>> {
        let messages = self.messages()?;
        let find =
            |id: &MessageId| messages.iter().find(|(uid, _)| id.uid() == Some(*uid)).map(|(_, bytes)| bytes.clone());
        Ok(ids.iter().map(|id| (id.clone(), find(id))).collect())
    }
}

impl Folder for MboxFolder {
    fn name(&self) -> &FolderName {
        &self.name
    }

    fn changes(&mut self, _: Option<&Cursor>, _: &dyn Known) -> Result<ChangeSet> {
        let entry = |(uid, _): &(Uid, Vec<u8>)| Entry {
            id: (*uid).into(),
            flags: Flags::default(),
            partner: None,
            content: None,
        };
        Ok(ChangeSet {
            coverage: Coverage::Complete,
            uid_validity: UidValidity(1),
            present: self.messages()?.iter().map(entry).collect(),
            gone: Vec::new(),
            cursor: None,
            witness: None,
            support: FlagSupport::default(),
            read_only: true,
        })
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        for (id, found) in self.pick(ids)? {
            let Some(bytes) = found.map(|bytes| in_form(bytes, form)) else {
                sink.failed(&id, Error::new(ErrorKind::Message, "not in the file any more"))?;
                continue;
            };
            sink.begin(&Incoming { id: &id, octets: bytes.len() as u64, date: None })?;
            sink.write(&bytes)?;
            sink.end()?;
        }
        Ok(())
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        for (id, found) in self.pick(ids)? {
            let Some(bytes) = found.map(|bytes| in_form(bytes, LineEnding::Crlf)) else { continue };
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
            each(Headers { id: &id, octets: Some(bytes.len() as u64), header: &bytes[..end] })?;
        }
        Ok(Failures::new())
    }

    fn cheap_content(&self) -> bool {
        true
    }

    fn needs_intent(&self) -> bool {
        false
    }

    fn intake(&mut self, _: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        Err(read_only())
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        Ok(changes.iter().map(|change| (change.id.clone(), read_only())).collect())
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        Ok(ids.iter().map(|id| (id.clone(), read_only())).collect())
    }
}

fn ends_in_an_empty_line(message: &[u8]) -> bool {
    message.ends_with(b"\n\n")
}

fn read_only() -> Error {
    Error::new(ErrorKind::Denied, "the mbox is not written to")
}

fn in_form(bytes: Vec<u8>, form: LineEnding) -> Vec<u8> {
    if form == LineEnding::Lf {
        return bytes;
    }
    let mut wire = Vec::with_capacity(bytes.len());
    let done: Result<()> = ToCrlf::default().convert(&bytes, |piece| {
        wire.extend_from_slice(piece);
        Ok(())
    });
    debug_assert!(done.is_ok(), "appending to memory does not fail");
    wire
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (mbox, maildir) = match (arguments.next(), arguments.next()) {
        (Some(mbox), Some(maildir)) => (mbox, maildir),
        _ => made_up()?,
    };
    let local = MaildirRepository::new(MaildirConfig::new("maildir", &maildir))?;
    let status = SqliteStatus::open(maildir.with_extension("status"), true)?;
    let account = Account::new("old mail", Arc::new(Mbox(mbox)), Arc::new(local), Arc::new(status))
        .with_policy(Policy { read_only: PerSide { remote: true, local: false }, ..Policy::default() });
    let report = account.sync(&(), &Cancel::new())?;
    println!("{} messages copied to {}", report.counts.copies.local, maildir.display());
    report.failures.iter().for_each(|failure| println!("not synced: {}", failure.error));
    Ok(())
}

/// Two messages in a temporary directory that stays.
fn made_up() -> std::io::Result<(PathBuf, PathBuf)> {
    let directory: &Path = &tempfile::tempdir()?.keep();
    let mbox = directory.join("old.mbox");
    std::fs::write(
        &mbox,
        "From ann@example.org Thu Jan  1 00:00:00 2026\nSubject: one\n\nHello.\n\n\
         From bob@example.org Fri Jan  2 00:00:00 2026\nSubject: two\n\nHello again.\n",
    )?;
    Ok((mbox, directory.join("Maildir")))
}
