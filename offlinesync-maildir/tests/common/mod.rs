//! What the tests of a Maildir share: a repository in a temporary directory, a way to deliver, a sink that keeps what it gets.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use offlinesync_core::*;
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { error } = event {
            self.0.lock().unwrap().push(error.to_string());
        }
    }
}

pub struct Mail {
    pub dir: TempDir,
    pub repository: MaildirRepository,
    pub heard: Arc<Heard>,
}

impl Mail {
    pub fn new() -> Mail {
        Mail::with(|config| config)
    }

    pub fn with(change: impl FnOnce(MaildirConfig) -> MaildirConfig) -> Mail {
        let dir = tempfile::tempdir().unwrap();
        let heard = Arc::new(Heard::default());
        let config = MaildirConfig::new("local", dir.path()).with_observer(heard.clone());
        let repository = MaildirRepository::new(change(config)).unwrap();
        Mail { dir, repository, heard }
    }

    pub fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }

    pub fn folder(&self, name: &str) -> Box<dyn Folder> {
        self.repository.create(&name.into()).unwrap();
        self.repository.open(&name.into()).unwrap()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        fs::write(self.path(path), content).unwrap();
    }

    /// Names in a directory, in order.
    pub fn files(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(directory))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub fn flags(imap: &str) -> Flags {
    Flags::from_imap(imap.split_whitespace())
}

pub fn name(id: &str) -> MessageId {
    MessageId::Name(id.into())
}

pub fn uid(uid: u32) -> MessageId {
    MessageId::Uid(Uid::new(uid).unwrap())
}

pub fn inbox() -> SourceFolder {
    SourceFolder { name: "INBOX".into(), uid_validity: UidValidity(7) }
}

pub fn listed(folder: &mut dyn Folder) -> Vec<(String, String)> {
    let set = folder.changes(None, &NothingKnown).unwrap();
    assert_eq!(set.coverage, Coverage::Complete);
    set.present.iter().map(|e| (e.id.to_string(), e.flags.to_string())).collect()
}

pub fn give(intake: &mut dyn Intake, source: &MessageId, marks: &str, date: Option<i64>, content: &str) {
    let (flags, date) = (flags(marks), date.map(|seconds| InternalDate { seconds, zone_minutes: 0 }));
    intake.begin(&Outgoing { source, flags: &flags, date, octets: content.len() as u64 }).unwrap();
    content.as_bytes().chunks(7).for_each(|piece| intake.write(piece).unwrap());
    intake.end().unwrap();
}

pub fn deliver(
    folder: &mut dyn Folder,
    source: &MessageId,
    marks: &str,
    date: Option<i64>,
    content: &str,
) -> MessageId {
    let mut intake = folder.intake(&inbox()).unwrap();
    give(&mut *intake, source, marks, date, content);
    intake.commit().unwrap().remove(0).unwrap().unwrap()
}

/// One fetched message: id, announced octets, date, content.
#[derive(Debug, PartialEq)]
pub struct Got {
    pub id: MessageId,
    pub octets: u64,
    pub date: Option<i64>,
    pub content: Vec<u8>,
}

#[derive(Default)]
pub struct Keep {
    pub got: Vec<Got>,
    pub ended: usize,
    pub failed: Vec<(MessageId, Error)>,
    pub calls: usize,
}

impl Sink for Keep {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        let (id, date) = (message.id.clone(), message.date.map(|d| d.seconds));
        self.got.push(Got { id, octets: message.octets, date, content: Vec::new() });
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.calls += 1;
        self.got.last_mut().unwrap().content.extend_from_slice(bytes);
        Ok(())
    }
    fn end(&mut self) -> Result<()> {
        self.ended += 1;
        Ok(())
    }
    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        self.failed.push((id.clone(), error));
        Ok(())
    }
}

pub fn fetched(folder: &mut dyn Folder, ids: &[MessageId], form: LineEnding) -> Keep {
    let mut sink = Keep::default();
    folder.fetch(ids, form, &mut sink).unwrap();
    sink
}
