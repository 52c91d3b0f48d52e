//! A cold sync of a large folder: several threads carry it, the newest messages come first, one thread records, and what was
//! interrupted goes on where it was.

#![allow(clippy::unwrap_used)]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Faults, Faulty, FaultyStatus};
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, ChangeSet, Cursor, Error, ErrorKind, Event, Failures, FlagChange, Flags, Folder, FolderList, FolderName,
    Headers, Intake, Known, LineEnding, MemoryStatus, MessageId, Observer, Repository, Sink, SourceFolder, StatusStore,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

const MESSAGES: u32 = 5000;
/// How many messages one thread takes at a time, at the end of the work.
const RANGE: usize = 500;

/// What happened, and when it shall stop.
#[derive(Default)]
struct Watch {
    /// Messages in the order in which they began, and on which thread.
    started: Mutex<Vec<(u32, ThreadId)>>,
    recorded: Mutex<u64>,
    stop: Option<(u64, Cancel)>,
}

impl Observer for Watch {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::MessageStarted { id: MessageId::Uid(uid), .. } => {
                self.started.lock().unwrap().push((uid.get(), std::thread::current().id()));
            }
            Event::MessagesCopied { messages, .. } => {
                let mut recorded = self.recorded.lock().unwrap();
                *recorded += messages;
                if let Some((after, cancel)) = &self.stop
                    && *recorded >= *after
                {
                    cancel.cancel();
                }
            }
            _ => {}
        }
    }
}

impl Watch {
    fn uids(&self) -> Vec<u32> {
        self.started.lock().unwrap().iter().map(|(uid, _)| *uid).collect()
    }

    fn threads(&self) -> usize {
        self.started.lock().unwrap().iter().map(|(_, thread)| *thread).collect::<HashSet<_>>().len()
    }
}

struct World {
    remote: MemoryRepository,
    local: MemoryRepository,
    status: MemoryStatus,
}

impl World {
    fn new(parallelism: usize) -> World {
        let remote = MemoryRepository::new("R", Knobs { parallelism, ..Knobs::imap() });
        for n in 1..=MESSAGES {
            remote.add("INBOX", format!("Subject: {n}\r\n\r\nbody {n}\r\n").as_bytes(), Flags::default());
        }
        let local = MemoryRepository::new("L", Knobs { parallelism: 16, ..Knobs::maildir() });
        World { remote, local, status: MemoryStatus::new() }
    }

    fn sync(&self, watch: &Watch) -> offlinesync_core::Result<Report> {
        let cancel = watch.stop.as_ref().map(|(_, cancel)| cancel.clone()).unwrap_or_default();
        self.sync_over(
            Arc::new(self.remote.clone()),
            Arc::new(self.local.clone()),
            Arc::new(self.status.clone()),
            watch,
            &cancel,
        )
    }

    fn sync_over(
        &self,
        remote: Arc<dyn Repository>,
        local: Arc<dyn Repository>,
        status: Arc<dyn StatusStore>,
        watch: &Watch,
        cancel: &Cancel,
    ) -> offlinesync_core::Result<Report> {
        Account::new("A", remote, local, status).sync(watch, cancel)
    }

    /// Every message is there once, with a row, and a further sync finds nothing to do.
    fn assert_complete(&self) {
        let there: BTreeSet<Vec<u8>> = self.remote.mails("INBOX").into_iter().map(|(_, mail)| mail.octets).collect();
        let here = self.local.mails("INBOX");
        assert_eq!(here.len(), MESSAGES as usize);
        assert!(here.into_iter().map(|(_, mail)| mail.octets).collect::<BTreeSet<_>>() == there);
        assert_eq!(self.rows(), u64::from(MESSAGES));
        let watch = Watch::default();
        assert!(self.sync(&watch).unwrap().in_step());
        assert_eq!(watch.uids().len(), 0);
    }

    fn rows(&self) -> u64 {
        self.status.folders().unwrap().iter().map(|(_, _, rows)| rows).sum()
    }
}

#[test]
fn one_large_folder_is_carried_by_as_many_threads_as_the_store_can_use() {
    for (parallelism, most) in [(1, 1), (4, 4)] {
        let (world, watch) = (World::new(parallelism), Watch::default());
        let report = world.sync(&watch).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        assert_eq!((report.counts.copies.local, watch.threads() <= most), (u64::from(MESSAGES), true));
        assert!(parallelism == 1 || watch.threads() > 1);
        assert_eq!(*watch.recorded.lock().unwrap(), u64::from(MESSAGES));
        world.assert_complete();
    }
}

/// Between two requests a source waits for us, and on a slow line that is time: a single thread asked in ten parts and needed twice as long.
#[test]
fn one_thread_asks_for_everything_at_once() {
    let (world, watch, faults) = (World::new(1), Watch::default(), Faults::new());
    let remote = Faulty::new(world.remote.clone(), &faults);
    let (local, status) = (Arc::new(world.local.clone()), Arc::new(world.status.clone()));
    world.sync_over(Arc::new(remote), local, status, &watch, &Cancel::new()).unwrap();
    assert_eq!(faults.log().into_iter().filter(|effect| *effect == "fetch").count(), 1);
    world.assert_complete();
}

#[test]
fn the_newest_messages_come_first() {
    for threads in [1, 4] {
        let (world, watch) = (World::new(threads), Watch::default());
        world.sync(&watch).unwrap();
        for (place, uid) in watch.uids().into_iter().enumerate() {
            let age = (MESSAGES - uid) as usize;
            assert!(age < place + threads * RANGE, "message {uid} came {place}th on {threads} threads");
        }
    }
}

#[test]
fn an_interrupted_cold_sync_goes_on_where_it_was_and_fetches_no_recorded_message_again() {
    for threads in [1, 4] {
        let world = World::new(threads);
        let (mut rows, mut rounds, mut fetched) = (0, 0, BTreeMap::<u32, usize>::new());
        loop {
            let watch = Watch { stop: Some((700, Cancel::new())), ..Watch::default() };
            let ended = world.sync(&watch).is_ok_and(|report| report.in_step());
            watch.uids().into_iter().for_each(|uid| *fetched.entry(uid).or_default() += 1);
            // What began and was not recorded is at most a group, and one message, for each thread.
            let began = watch.uids().len() as u64;
            let new = world.rows() - rows;
            assert!(began <= new + threads as u64 * 101, "{began} began, {new} were recorded");
            (rows, rounds) = (world.rows(), rounds + 1);
            if ended {
                break;
            }
        }
        assert!(rounds > 3);
        assert_eq!(fetched.len(), MESSAGES as usize);
        world.assert_complete();
    }
}

#[test]
fn a_thread_that_loses_its_source_leaves_its_work_to_the_others() {
    for n in [3, 4, 6] {
        let (world, watch, faults) = (World::new(4), Watch::default(), Faults::new());
        let remote = Faulty::new(world.remote.clone(), &faults);
        faults.fail_at(n, ErrorKind::Unavailable);
        let local = Arc::new(world.local.clone());
        let report = world.sync_over(Arc::new(remote), local, Arc::new(world.status.clone()), &watch, &Cancel::new());
        let failed = faults.log()[n as usize - 1];
        assert_eq!(failed, "fetch", "effect {n} of {:?}", faults.log().len());
        assert!(report.unwrap().in_step());
        world.assert_complete();
    }
}

#[test]
fn a_destination_or_a_status_that_fails_ends_it_and_the_next_run_completes_it() {
    for (in_status, n) in [(false, 3), (false, 30), (false, 700), (false, 2500), (true, 2), (true, 3), (true, 5)] {
        let (world, watch, faults) = (World::new(4), Watch::default(), Faults::new());
        faults.fail_at(n, ErrorKind::Storage);
        let (mut local, mut status): (Arc<dyn Repository>, Arc<dyn StatusStore>) =
            (Arc::new(world.local.clone()), Arc::new(world.status.clone()));
        match in_status {
            true => status = Arc::new(FaultyStatus::new(world.status.clone(), &faults)),
            false => local = Arc::new(Faulty::new(world.local.clone(), &faults)),
        }
        let result = world.sync_over(Arc::new(world.remote.clone()), local, status, &watch, &Cancel::new());
        assert!(!result.is_ok_and(|report| report.in_step()), "effect {n} failed unnoticed");
        world.sync(&watch).unwrap();
        world.assert_complete();
    }
}

/// A store whose messages cannot be read for the time being, after some that could. It loses patience in the end.
struct Down {
    inner: MemoryRepository,
    asked: Arc<AtomicU64>,
}

struct DownFolder {
    inner: Box<dyn Folder>,
    asked: Arc<AtomicU64>,
}

const PATIENCE: u64 = 60;

impl Repository for Down {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn list(&self) -> offlinesync_core::Result<FolderList> {
        self.inner.list()
    }
    fn open(&self, folder: &FolderName) -> offlinesync_core::Result<Box<dyn Folder>> {
        Ok(Box::new(DownFolder { inner: self.inner.open(folder)?, asked: self.asked.clone() }))
    }
    fn create(&self, folder: &FolderName) -> offlinesync_core::Result<()> {
        self.inner.create(folder)
    }
    fn parallelism(&self) -> usize {
        4
    }
}

impl Folder for DownFolder {
    fn name(&self) -> &FolderName {
        self.inner.name()
    }
    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> offlinesync_core::Result<ChangeSet> {
        self.inner.changes(since, known)
    }
    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> offlinesync_core::Result<()> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if asked == 0 {
            return self.inner.fetch(ids, form, sink);
        }
        // Not all at the same moment.
        (0..asked % 4 * 20).for_each(|_| std::thread::yield_now());
        let kind = if asked < PATIENCE { ErrorKind::Unavailable } else { ErrorKind::Folder };
        Err(Error::new(kind, "the line is dead"))
    }
    fn headers(
        &mut self,
        ids: &[MessageId],
        each: &mut dyn FnMut(Headers<'_>) -> offlinesync_core::Result<()>,
    ) -> offlinesync_core::Result<Failures> {
        self.inner.headers(ids, each)
    }
    fn intake(&mut self, source: &SourceFolder) -> offlinesync_core::Result<Box<dyn Intake + '_>> {
        self.inner.intake(source)
    }
    fn needs_intent(&self) -> bool {
        true
    }
    fn store(&mut self, changes: &[FlagChange]) -> offlinesync_core::Result<Failures> {
        self.inner.store(changes)
    }
    fn remove(&mut self, ids: &[MessageId]) -> offlinesync_core::Result<Failures> {
        self.inner.remove(ids)
    }
    fn another(&self) -> Option<Box<dyn Folder>> {
        Some(Box::new(DownFolder { inner: self.inner.another()?, asked: self.asked.clone() }))
    }
}

/// When the line was dead, each thread that failed was followed by a new one, and the run did not end.
#[test]
fn a_source_that_stays_away_ends_it() {
    let (world, watch, asked) = (World::new(4), Watch::default(), Arc::new(AtomicU64::new(0)));
    let remote = Down { inner: world.remote.clone(), asked: asked.clone() };
    let (local, status) = (Arc::new(world.local.clone()), Arc::new(world.status.clone()));
    let report = world.sync_over(Arc::new(remote), local, status, &watch, &Cancel::new()).unwrap();
    assert_eq!(report.failures[0].error.kind(), ErrorKind::Unavailable, "{:?}", report.failures);
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked < 12, "it was asked {asked} times");
    world.sync(&watch).unwrap();
    world.assert_complete();
}
