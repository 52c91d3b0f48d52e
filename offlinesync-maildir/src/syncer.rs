//! Makes files durable while the next ones are still being written: a few threads that wait for the disk. Knows nothing of mail.

use crate::disk::NewFile;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Threads of one syncer: syncs that wait together share the file system's journal commit.
const THREADS: usize = 4;
/// Files that may wait for a thread; with those being synced, the most that are open at a time.
const QUEUE: usize = 16;

type Job = (usize, NewFile);
type Done = (usize, io::Result<()>);

/// Takes files and syncs them in the background.
#[derive(Debug)]
pub(crate) struct Syncer {
    queue: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    threads: Vec<JoinHandle<()>>,
    results: Vec<Option<io::Result<()>>>,
    waiting: usize,
}

impl Syncer {
    /// Starts the threads. With fewer than wanted it is slower; with none, a file is synced when it is given.
    pub(crate) fn start() -> Syncer {
        let (queue, jobs) = sync_channel(QUEUE);
        let (report, done) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let work = |_| {
            let (jobs, report) = (Arc::clone(&jobs), report.clone());
            Builder::new().name("maildir-sync".into()).spawn(move || work(&jobs, &report)).ok()
        };
        let threads: Vec<_> = (0..THREADS).filter_map(work).collect();
        Syncer { queue: (!threads.is_empty()).then_some(queue), done, threads, results: Vec::new(), waiting: 0 }
    }

    /// Takes the next file of the group, and closes it once it is synced.
    pub(crate) fn give(&mut self, file: NewFile) {
        let index = self.results.len();
        self.results.push(None);
        let refused = match &self.queue {
            Some(queue) => queue.send((index, file)).err().map(|job| job.0.1),
            None => Some(file),
        };
        match refused {
            None => self.waiting += 1,
            Some(file) => self.results[index] = Some(file.sync()),
        }
    }

    /// Waits for every file given since the last call and answers, in order, what became of each.
    pub(crate) fn finish(&mut self) -> Vec<io::Result<()>> {
        while self.waiting > 0 {
            let Ok((index, result)) = self.done.recv() else { break };
            self.results[index] = Some(result);
            self.waiting -= 1;
        }
        self.waiting = 0;
        let lost = || Err(io::Error::other("the thread that syncs files has died"));
        self.results.drain(..).map(|result| result.unwrap_or_else(lost)).collect()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.queue = None;
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, report: &Sender<Done>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((index, file)) = next else { return };
        let result = file.sync();
        drop(file);
        if report.send((index, result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_gets_its_own_answer_group_after_group() {
        let mut syncer = Syncer::start();
        for group in [100, 0, 3] {
            (0..group).for_each(|_| syncer.give(tempfile::tempfile().unwrap().into()));
            let results = syncer.finish();
            assert_eq!(results.len(), group);
            assert!(results.iter().all(Result::is_ok));
        }
    }

    #[test]
    fn a_file_that_cannot_be_synced_says_so_in_its_place() {
        let mut syncer = Syncer::start();
        syncer.give(tempfile::tempfile().unwrap().into());
        // A pipe has nothing to sync.
        let (_reader, writer) = io::pipe().unwrap();
        syncer.give(std::fs::File::from(std::os::fd::OwnedFd::from(writer)).into());
        let results = syncer.finish();
        assert!(results[0].is_ok() && results[1].is_err());
    }
}
