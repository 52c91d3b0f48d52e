//! `ttyui` on a terminal: a bar for each folder in work, one for the whole account, and a line when an account is done.
//! Draws on the terminal behind standard error.

use super::{Interface, Scene};
use crate::streams::Streams;
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use offlinesync_core::Event;
use offlinesync_core::plan::Counts;
use offlinesync_core::status::FolderPair;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const FOLDER: &str = "  {prefix:24!} [{bar:24}] {pos}/{len}";
const TOTAL: &str = "{prefix} {msg}";

/// How often a bar is drawn when nothing else happens.
const TICK: Duration = Duration::from_millis(200);

/// Bars on a terminal.
#[derive(Debug)]
pub(super) struct Bars {
    streams: Arc<Streams>,
    bars: MultiProgress,
    accounts: Mutex<BTreeMap<String, Account>>,
}

/// What is drawn of one account.
#[derive(Debug)]
struct Account {
    total: ProgressBar,
    folders: BTreeMap<FolderPair, ProgressBar>,
    started: Instant,
    octets: u64,
    done: u64,
    planned: u64,
    pairs: Option<usize>,
    finished_folders: usize,
    touched: usize,
}

impl Bars {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Bars { streams: Arc::clone(streams), bars: MultiProgress::new(), accounts: Mutex::default() }
    }

    fn print(&self, line: &str, to_out: bool) {
        self.bars.suspend(|| if to_out { self.streams.out(line) } else { self.streams.err(line) });
    }

    fn begin(&self, name: &str) -> Account {
        let total = self.bars.add(ProgressBar::new_spinner().with_style(style(TOTAL)));
        total.set_prefix(format!("{name}:"));
        total.set_message("connecting");
        total.enable_steady_tick(TICK);
        Account {
            total,
            folders: BTreeMap::new(),
            started: Instant::now(),
            octets: 0,
            done: 0,
            planned: 0,
            pairs: None,
            finished_folders: 0,
            touched: 0,
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

impl Interface for Bars {
    fn notice(&self, line: &str) {
        self.print(&self.streams.paint(line), false);
    }

    fn output(&self, line: &str) {
        self.print(line, true);
    }

    fn summary(&self, line: &str) {
        self.print(line, false);
    }

    fn with_terminal(&self, work: &mut dyn FnMut()) {
        self.bars.suspend(work);
    }

    fn event(&self, scene: &Scene, event: &Event<'_>) {
        let name = scene.account.as_str();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::AccountFinished { .. } = event {
            if let Some(account) = accounts.remove(name) {
                account.clear();
            }
            return;
        }
        if let Event::AccountStarted { .. } = event {
            accounts.insert(name.to_owned(), self.begin(name));
        }
        if let Some(account) = accounts.get_mut(name) {
            account.take_in(event, &self.bars);
        }
    }
}

impl Account {
    fn take_in(&mut self, event: &Event<'_>, bars: &MultiProgress) {
        match event {
            Event::Connected { .. } if self.pairs.is_none() => self.total.set_message("listing folders"),
            Event::FoldersListed { pairs, touched } => {
                self.pairs = Some(*pairs);
                self.touched = *touched;
            }
            Event::FolderStarted { pair } => self.open(pair, bars),
            Event::FolderPlanned { pair, counts, .. } => self.plan(pair, counts),
            Event::BytesCopied { octets, .. } => self.octets += octets,
            Event::MessagesCopied { pair, messages, .. }
            | Event::FlagsChanged { pair, messages, .. }
            | Event::MessagesRemoved { pair, messages, .. } => self.step(pair, *messages),
            Event::FolderFinished { pair } => self.close(pair),
            _ => return,
        }
        self.describe();
    }

    fn open(&mut self, pair: &FolderPair, bars: &MultiProgress) {
        let bar = bars.insert_before(&self.total, ProgressBar::new(0).with_style(style(FOLDER)));
        bar.set_prefix(crate::say::clean(pair.remote.as_str()));
        self.folders.insert(pair.clone(), bar);
    }

    fn plan(&mut self, pair: &FolderPair, counts: &Counts) {
        let steps = steps(counts);
        self.planned += steps;
        if let Some(bar) = self.folders.get(pair) {
            bar.inc_length(steps);
        }
    }

    fn step(&mut self, pair: &FolderPair, messages: u64) {
        self.done += messages;
        if let Some(bar) = self.folders.get(pair) {
            bar.inc(messages);
        }
    }

    fn close(&mut self, pair: &FolderPair) {
        self.finished_folders += 1;
        if let Some(bar) = self.folders.remove(pair) {
            bar.finish_and_clear();
        }
    }

    fn clear(self) {
        self.folders.values().for_each(ProgressBar::finish_and_clear);
        self.total.finish_and_clear();
    }

    fn describe(&self) {
        if self.pairs.is_none() {
            return;
        }
        let elapsed = self.started.elapsed();
        let rate = self.octets as f64 / elapsed.as_secs_f64().max(0.001);
        let left = match self.done {
            0 => String::new(),
            done => {
                let share = self.planned.saturating_sub(done) as f64 / done as f64;
                format!(", {} left", HumanDuration(elapsed.mul_f64(share.min(1e6))))
            }
        };
        self.total.set_message(format!(
            "folder {}/{}, message {}/{}, {} at {}/s{left}",
            self.finished_folders,
            self.touched,
            self.done,
            self.planned,
            HumanBytes(self.octets),
            HumanBytes(rate as u64),
        ));
    }
}

/// What moves a bar: everything but rows.
fn steps(counts: &Counts) -> u64 {
    [counts.copies, counts.flags, counts.removals].iter().map(|both| both.remote + both.local).sum()
}
