//! A run was killed in the middle of an upload, and the server went on with what it had received: the next run listed the folder, found
//! a part of the messages missing, and uploaded them, while the server stored them from the old connection. They were there twice.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::status::{Batch, Intent, KnownBy};
use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, ChangeSet, Cursor, Failures, FlagChange, Flags, Folder, FolderList, FolderName, Headers, Intake, Known,
    LineEnding, MemoryStatus, MessageId, PerSide, Repository, Result, Side, Sink, SourceFolder, StatusStore,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store in which messages of a lost connection come in one by one, each after a listing.
struct Late {
    inner: MemoryRepository,
    coming: Arc<Mutex<Vec<Vec<u8>>>>,
}

struct LateFolder {
    inner: Box<dyn Folder>,
    store: MemoryRepository,
    coming: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Repository for Late {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn list(&self) -> Result<FolderList> {
        self.inner.list()
    }
    fn open(&self, folder: &FolderName) -> Result<Box<dyn Folder>> {
        let (store, coming) = (self.inner.clone(), self.coming.clone());
        Ok(Box::new(LateFolder { inner: self.inner.open(folder)?, store, coming }))
    }
    fn create(&self, folder: &FolderName) -> Result<()> {
        self.inner.create(folder)
    }
}

impl Folder for LateFolder {
    fn name(&self) -> &FolderName {
        self.inner.name()
    }
    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet> {
        let listed = self.inner.changes(since, known)?;
        let next = self.coming.lock().unwrap().pop();
        next.iter().for_each(|mail| drop(self.store.add("INBOX", mail, Flags::default())));
        Ok(listed)
    }
    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        self.inner.fetch(ids, form, sink)
    }
    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        self.inner.headers(ids, each)
    }
    fn intake(&mut self, source: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        self.inner.intake(source)
    }
    fn needs_intent(&self) -> bool {
        true
    }
    fn aftermath(&self) -> Duration {
        Duration::from_millis(1)
    }
    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        self.inner.store(changes)
    }
    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        self.inner.remove(ids)
    }
}

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.org>\r\nSubject: message {n} of the test\r\nTo: me\r\n\r\nbody {n}\r\n").into()
}

#[test]
fn what_the_server_still_had_of_an_interrupted_upload_is_waited_for() {
    let local = MemoryRepository::new("L", Knobs::maildir()).with_folder("INBOX");
    let sources: Vec<MessageId> = (0..6).map(|n| local.add("INBOX", &mail(n), Flags::default())).collect();
    let inner = MemoryRepository::new("R", Knobs::imap()).with_folder("INBOX");
    let remote = Late { inner: inner.clone(), coming: Arc::new(Mutex::new((0..4).map(mail).collect())) };
    let status = Arc::new(MemoryStatus::default());
    let pair = PerSide { remote: FolderName::from("INBOX"), local: FolderName::from("INBOX") };
    let intent = |source: MessageId| Intent { to: Side::Remote, source, known_by: KnownBy::Source, confirmed: false };
    let intents = sources.into_iter().map(intent).collect();
    status.folder(&pair).unwrap().apply(Batch { intents, ..Batch::default() }).unwrap();

    let account = Account::new("A", Arc::new(remote), Arc::new(local.clone()), status);
    let report = account.sync(&(), &Cancel::new()).unwrap();
    assert!(report.in_step(), "{:?}", report.failures);
    assert_eq!((inner.count("INBOX"), local.count("INBOX")), (6, 6));
    assert_eq!(report.counts.copies, PerSide { remote: 2, local: 0 });
}
