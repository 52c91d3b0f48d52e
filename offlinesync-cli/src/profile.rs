//! `-P`: where each thread spends its time, in the trace event format that Perfetto, Chrome (`about:tracing`) and speedscope open.
//! Writes one file in a directory of its own.

use crate::metadata;
use offlinesync_core::status::FolderPair;
use offlinesync_core::wording::counted;
use offlinesync_core::{Error, ErrorKind, Event, Result, Side};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Instant;

/// A profile being written. What a thread does between two events is one bar, named after the first of them.
pub struct Profile {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    file: Option<BufWriter<File>>,
    /// The number of each thread, and what it is at.
    threads: HashMap<ThreadId, (usize, Option<Bar>)>,
}

struct Bar {
    name: String,
    account: String,
    wall: u128,
    cpu: u128,
}

impl Profile {
    /// Begins a profile in a new directory.
    ///
    /// # Errors
    /// Kind `Configuration`: the directory is there already, or cannot be made.
    pub fn create(directory: &Path) -> Result<Self> {
        let failed = |problem: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Configuration, format!("cannot profile into {}: {problem}", directory.display()))
        };
        if directory.symlink_metadata().is_ok() {
            return Err(failed(&"it is there already").with_hint("name a directory that is not there yet"));
        }
        metadata::create(directory, false).map_err(|error| failed(&error))?;
        let path = directory.join("offlinesync.trace.json");
        let mut file = BufWriter::new(File::create_new(&path).map_err(|error| failed(&error))?);
        file.write_all(b"[").map_err(|error| failed(&error))?;
        let state = State { file: Some(file), threads: HashMap::new() };
        Ok(Profile { began: Instant::now(), state: Mutex::new(state) })
    }

    /// Something happened on this thread.
    pub fn event(&self, account: &str, event: &Event<'_>) {
        let Some(name) = bar_name(event) else { return };
        let (wall, cpu) = (self.began.elapsed().as_micros(), cpu_time());
        let ends = matches!(event, Event::FolderFinished { .. } | Event::AccountFinished { .. });
        let bar = (!ends).then(|| Bar { name, account: account.to_owned(), wall, cpu });
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (thread, before) = state.replace(bar);
        if let Some(before) = before {
            state.close(thread, &before, wall, cpu);
        }
        if let Event::FolderPlanned { pair, counts, .. } = event {
            let copies = counts.copies;
            state.mark(
                thread,
                wall,
                &format!(
                    "plan of {}: {} copies to the local side, {} to the remote side",
                    pair.remote,
                    copies[Side::Local],
                    copies[Side::Remote]
                ),
            );
        }
    }

    /// Completes the file.
    pub fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut file) = state.file.take() {
            let end = "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\"offlinesync\"}}\n]\n";
            let _ = file.write_all(end.as_bytes()).and_then(|()| file.flush());
        }
    }
}

impl State {
    /// What this thread is at from now on; answers its number and what it was at.
    fn replace(&mut self, bar: Option<Bar>) -> (usize, Option<Bar>) {
        let next = self.threads.len() + 1;
        let current = std::thread::current();
        let thread = self.threads.entry(current.id()).or_insert((next, None));
        let (number, before) = (thread.0, std::mem::replace(&mut thread.1, bar));
        if number == next {
            let name = current.name().map_or_else(|| format!("thread {number}"), str::to_owned);
            self.name_thread(number, &name);
        }
        (number, before)
    }

    fn close(&mut self, thread: usize, bar: &Bar, wall: u128, cpu: u128) {
        let (name, account) = (quoted(&bar.name), quoted(&bar.account));
        let (length, busy) = (wall.saturating_sub(bar.wall), cpu.saturating_sub(bar.cpu));
        self.write(&format!(
            "{{\"ph\":\"X\",\"name\":{name},\"cat\":{account},\"ts\":{},\"dur\":{length},\"tts\":{},\"tdur\":{busy},\"pid\":1,\"tid\":{thread}}}",
            bar.wall, bar.cpu
        ));
    }

    fn name_thread(&mut self, thread: usize, name: &str) {
        self.write(&format!(
            "{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":{thread},\"args\":{{\"name\":{}}}}}",
            quoted(name)
        ));
    }

    fn mark(&mut self, thread: usize, wall: u128, text: &str) {
        let name = quoted(text);
        self.write(&format!("{{\"ph\":\"i\",\"s\":\"t\",\"name\":{name},\"ts\":{wall},\"pid\":1,\"tid\":{thread}}}"));
    }

    /// A full disk ends the profile, not the sync.
    fn write(&mut self, record: &str) {
        let Some(file) = &mut self.file else { return };
        if file.write_all(record.as_bytes()).and_then(|()| file.write_all(b",\n")).is_err() {
            self.file = None;
        }
    }
}

/// What the thread does from this event on; `None`: it goes on with what it did.
fn bar_name(event: &Event<'_>) -> Option<String> {
    let folder = |what: &str, pair: &FolderPair| format!("{what} {}", pair.remote);
    Some(match event {
        Event::Connecting { repository, .. } => format!("connect {repository}"),
        Event::Connected { repository, .. } => format!("wait for {repository}"),
        Event::AccountStarted { account } => format!("list folders of {account}"),
        Event::FoldersListed { touched, .. } => format!("work on {}", counted(touched, "folder")),
        Event::FolderCreated { pair, .. } => folder("create", pair),
        Event::FolderStarted { pair } => folder("list", pair),
        Event::FolderPlanned { pair, .. } => folder("carry out the plan of", pair),
        Event::MessageStarted { pair, id, .. } => format!("copy {id} of {}", pair.remote),
        Event::MessagesCopied { pair, .. } | Event::FlagsChanged { pair, .. } => folder("record", pair),
        Event::MessagesRemoved { pair, .. } => folder("record", pair),
        Event::MessagesMoved { to, .. } => folder("record", to),
        Event::FolderFinished { .. } | Event::AccountFinished { .. } => String::new(),
        _ => return None,
    })
}

/// Microseconds that this thread has used a processor for.
fn cpu_time() -> u128 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u128::try_from(number).unwrap_or(0);
    part(time.tv_sec) * 1_000_000 + part(time.tv_nsec) / 1000
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.finish();
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}
