//! Finishes messages while the next ones are still being received: a few threads that make files and wait for the disk. Knows nothing
//! of mail.

use crate::draft::{Draft, HELD, NewMail};
use offlinesync_core::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// How the work is shared. In memory are at most the batches of the queue, one for each thread and the one being gathered.
#[derive(Clone, Copy, Debug)]
struct Shape {
    threads: usize,
    /// Batches that may wait for a thread.
    queue: usize,
    /// Messages handed over together: to wake a thread costs about as much as to make a file.
    batch: usize,
}

/// To make files in one directory is work for one processor.
const QUICK: Shape = Shape { threads: 1, queue: 3, batch: 16 };
/// Syncs that wait together share the file system's journal commit.
const DURABLE: Shape = Shape { threads: 4, queue: 16, batch: 1 };
/// So many octets are handed over together at most, give or take one message.
const BATCH_OCTETS: usize = 2 * HELD;

/// Messages that are handed over together.
#[derive(Debug, Default)]
struct Batch {
    /// The octets that are not in the files yet, message after message.
    room: Vec<u8>,
    /// The place in the group, the message, and where it ends in the room.
    drafts: Vec<(usize, Draft, usize)>,
}

/// What became of a batch. The room is used again.
#[derive(Debug)]
struct Done {
    room: Vec<u8>,
    results: Vec<(usize, Result<NewMail>)>,
}

/// Takes messages and finishes them in the background.
#[derive(Debug)]
pub(crate) struct Writers {
    shape: Shape,
    threads: Option<Threads>,
    gathered: Batch,
    rooms: Vec<Vec<u8>>,
    results: Vec<Option<Result<NewMail>>>,
    /// Batches that the threads have.
    waiting: usize,
}

impl Writers {
    /// The threads are started when there is something for them. With fewer than wanted it is slower; with none, messages are finished
    /// when they are handed over.
    pub(crate) fn new(fsync: bool) -> Writers {
        let shape = if fsync { DURABLE } else { QUICK };
        Writers { shape, threads: None, gathered: Batch::default(), rooms: Vec::new(), results: Vec::new(), waiting: 0 }
    }

    /// The room for the message that is being written.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        &mut self.gathered.room
    }

    /// Takes the next message of the group; what is in the room behind its beginning belongs to it.
    pub(crate) fn give(&mut self, draft: Draft) {
        let Batch { room, drafts } = &mut self.gathered;
        drafts.push((self.results.len(), draft, room.len()));
        self.results.push(None);
        let open = drafts.iter().filter(|(_, draft, _)| draft.is_open()).count();
        if drafts.len() >= self.shape.batch || room.len() + open * HELD >= BATCH_OCTETS {
            self.hand_over();
        }
    }

    /// Waits for every message given since the last call and answers, in order, what became of each.
    pub(crate) fn finish(&mut self) -> Vec<Result<NewMail>> {
        self.hand_over();
        while self.waiting > 0 {
            let Some(done) = self.threads.as_ref().and_then(|threads| threads.done.recv().ok()) else { break };
            self.heard(done);
        }
        self.waiting = 0;
        self.results.drain(..).map(|result| result.unwrap_or_else(|| Err(died()))).collect()
    }

    fn hand_over(&mut self) {
        if self.gathered.drafts.is_empty() {
            return;
        }
        while let Some(done) = self.threads.as_ref().and_then(|threads| threads.done.try_recv().ok()) {
            self.heard(done);
        }
        let room = self.rooms.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.gathered, Batch { room, drafts: Vec::new() });
        self.threads = self.threads.take().or_else(|| Threads::start(self.shape));
        let refused = match &self.threads {
            Some(threads) => threads.queue.send(batch).err().map(|refused| refused.0),
            None => Some(batch),
        };
        match refused {
            None => self.waiting += 1,
            Some(batch) => self.note(finish(batch)),
        }
    }

    fn heard(&mut self, done: Done) {
        self.waiting = self.waiting.saturating_sub(1);
        self.note(done);
    }

    fn note(&mut self, done: Done) {
        done.results.into_iter().for_each(|(index, result)| self.results[index] = Some(result));
        self.rooms.push(done.room);
    }
}

/// Those who finish messages. Dropped, they end what was handed over to them.
#[derive(Debug)]
struct Threads {
    queue: SyncSender<Batch>,
    done: Receiver<Done>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// `None` if not even one can be started.
    fn start(shape: Shape) -> Option<Threads> {
        let (queue, jobs) = sync_channel(shape.queue);
        let (report, done) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let start = |_| {
            let (jobs, report) = (Arc::clone(&jobs), report.clone());
            Builder::new().name("maildir-write".into()).spawn(move || work(&jobs, &report)).ok()
        };
        let handles: Vec<_> = (0..shape.threads).filter_map(start).collect();
        (!handles.is_empty()).then_some(Threads { queue, done, handles })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue = sync_channel(0).0;
        self.handles.drain(..).for_each(|handle| drop(handle.join()));
    }
}

fn work(jobs: &Mutex<Receiver<Batch>>, report: &Sender<Done>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        if report.send(finish(batch)).is_err() {
            return;
        }
    }
}

/// Somebody waits for an answer for every message, whatever happens.
fn finish(batch: Batch) -> Done {
    let Batch { mut room, drafts } = batch;
    let finish = |draft: Draft, end: usize| {
        let rest = &room[draft.start()..end];
        catch_unwind(AssertUnwindSafe(|| draft.finish(rest))).unwrap_or_else(|_| Err(died()))
    };
    let results = drafts.into_iter().map(|(index, draft, end)| (index, finish(draft, end))).collect();
    room.clear();
    Done { room, results }
}

fn died() -> Error {
    Error::new(ErrorKind::Message, "the thread that makes files has died")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::draft::Tmp;
    use std::fs;

    fn give(writers: &mut Writers, tmp: &Arc<Tmp>, content: &[u8]) {
        let mut draft = Draft::new(tmp, writers.room());
        content.chunks(50_000).for_each(|piece| draft.write(piece, writers.room()).unwrap());
        writers.give(draft);
    }

    #[test]
    fn every_message_gets_its_own_answer_group_after_group() {
        for fsync in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let tmp = Arc::new(Tmp::open(dir.path().join("tmp"), &Disk::default(), fsync).unwrap());
            let mut writers = Writers::new(fsync);
            for group in [200, 0, 3] {
                let contents: Vec<Vec<u8>> = (0..group).map(|n: u8| vec![n; usize::from(n) * 1000]).collect();
                contents.iter().for_each(|content| give(&mut writers, &tmp, content));
                let read = |file: &Result<NewMail>| fs::read(file.as_ref().unwrap().path()).unwrap();
                assert_eq!(writers.finish().iter().map(read).collect::<Vec<_>>(), contents);
            }
            let mut draft = Draft::new(&tmp, writers.room());
            draft.write(&[0; 100_000], writers.room()).unwrap();
            draft.discard(writers.room());
            assert!(writers.finish().is_empty());
            assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0, "what got no place is removed");
        }
    }

    #[test]
    fn a_message_that_cannot_be_made_says_so_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = |name: &str| Arc::new(Tmp::open(dir.path().join(name), &Disk::default(), false).unwrap());
        let (good, bad) = (tmp("good"), tmp("bad"));
        fs::remove_dir(dir.path().join("bad")).unwrap();
        let mut writers = Writers::new(false);
        [&good, &bad, &good].iter().for_each(|tmp| give(&mut writers, tmp, b"mail"));
        let results = writers.finish();
        assert!(results[0].is_ok() && results[2].is_ok());
        assert!(results[1].as_ref().unwrap_err().to_string().contains("bad/"));
    }
}
