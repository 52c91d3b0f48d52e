//! What the screen shows, and what keys mean. Values only: no terminal, no clock.

use crate::say::{Level, Outcome, clean};
use crate::ui::Moment;
use offlinesync_core::plan::Counts;
use offlinesync_core::status::FolderPair;
use offlinesync_core::{Event, Side};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// So many lines of the log are kept.
const LOG: usize = 1000;

/// Everything on the screen.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) accounts: Vec<Account>,
    pub(super) log: VecDeque<(Level, String)>,
    /// So many lines of the log are below what is shown.
    pub(super) back: usize,
    pub(super) held: bool,
    pub(super) ending: bool,
    pub(super) prompt: Option<Prompt>,
}

/// An account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) doing: Doing,
    pub(super) folders: BTreeMap<FolderPair, Folder>,
    pub(super) found: usize,
    pub(super) touched: usize,
    pub(super) finished: usize,
    pub(super) done: u64,
    pub(super) planned: u64,
    pub(super) octets: u64,
    pub(super) since: Instant,
    /// How the last sync ended.
    pub(super) last: Option<Outcome>,
}

/// What an account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Waiting,
    Connecting,
    Listing,
    Syncing,
    Pausing { until: Instant },
    Ended,
}

/// A folder in work.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) planned: u64,
    pub(super) done: u64,
    pub(super) transfer: Option<Transfer>,
}

/// The message that is being copied.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: String,
    pub(super) to: Side,
    pub(super) octets: u64,
    pub(super) passed: u64,
}

/// A question.
pub(super) struct Prompt {
    pub(super) text: String,
    typed: Zeroizing<String>,
    answer: Sender<Zeroizing<String>>,
}

impl Prompt {
    pub(super) fn new(text: &str, answer: Sender<Zeroizing<String>>) -> Self {
        Prompt { text: clean(text), typed: Zeroizing::new(String::new()), answer }
    }

    /// How many characters are typed.
    pub(super) fn length(&self) -> usize {
        self.typed.chars().count()
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("text", &self.text).finish_non_exhaustive()
    }
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    SyncAll,
    Sync(String),
    Hold(bool),
    Quit,
}

impl State {
    /// Adds to the log.
    pub(super) fn log(&mut self, level: Level, text: &str) {
        for line in text.lines() {
            self.log.push_back((level, clean(line).replace('\t', " ")));
            self.back += usize::from(self.back > 0);
        }
        while self.log.len() > LOG {
            self.log.pop_front();
        }
        self.back = self.back.min(self.log.len());
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, key: KeyEvent) -> Option<Command> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return self.quit();
        }
        if self.prompt.is_some() {
            self.answer(key.code);
            return None;
        }
        match key.code {
            KeyCode::Char('q') => self.quit(),
            KeyCode::Char('s') => Some(Command::SyncAll),
            KeyCode::Char('p') => {
                self.held = !self.held;
                Some(Command::Hold(self.held))
            }
            KeyCode::Char(digit) => {
                let number = digit.to_digit(10)? as usize;
                self.accounts.get(number).map(|account| Command::Sync(account.name.clone()))
            }
            other => {
                self.scroll(other);
                None
            }
        }
    }

    fn quit(&mut self) -> Option<Command> {
        self.ending = true;
        Some(Command::Quit)
    }

    fn scroll(&mut self, code: KeyCode) {
        let page = 10;
        self.back = match code {
            KeyCode::Up => self.back + 1,
            KeyCode::PageUp => self.back + page,
            KeyCode::Home => self.log.len(),
            KeyCode::Down => self.back.saturating_sub(1),
            KeyCode::PageDown => self.back.saturating_sub(page),
            KeyCode::End => 0,
            _ => self.back,
        }
        .min(self.log.len());
    }

    fn answer(&mut self, code: KeyCode) {
        let Some(prompt) = &mut self.prompt else { return };
        match code {
            KeyCode::Enter => {
                let typed = std::mem::replace(&mut prompt.typed, Zeroizing::new(String::new()));
                let _ = prompt.answer.send(typed);
                self.prompt = None;
            }
            KeyCode::Esc => self.prompt = None,
            KeyCode::Backspace => {
                prompt.typed.pop();
            }
            KeyCode::Char(letter) => prompt.typed.push(letter),
            _ => {}
        }
    }

    fn account(&mut self, name: &str, now: Instant) -> &mut Account {
        let at = self.accounts.iter().position(|account| account.name == name);
        let at = at.unwrap_or_else(|| {
            self.accounts.push(Account::new(name, now));
            self.accounts.len() - 1
        });
        &mut self.accounts[at]
    }

    /// Something happened around the engine.
    pub(super) fn moment(&mut self, account: &str, moment: &Moment<'_>, now: Instant) {
        let account = self.account(account, now);
        match moment {
            Moment::SyncStarted { .. } => {
                let last = account.last;
                *account = Account { doing: Doing::Connecting, last, ..Account::new(&account.name, now) };
            }
            Moment::SyncEnded { outcome, .. } => {
                account.folders.clear();
                account.last = Some(*outcome);
                account.doing = Doing::Waiting;
            }
            Moment::Pausing { left } => account.doing = Doing::Pausing { until: now + *left },
            Moment::PauseEnded => account.doing = Doing::Waiting,
            Moment::AccountClosed => account.doing = Doing::Ended,
            Moment::AccountOpened | Moment::Hook(_) => {}
        }
    }

    /// Something happened in the engine.
    pub(super) fn event(&mut self, account: &str, event: &Event<'_>, now: Instant) {
        self.account(account, now).event(event);
    }
}

impl Account {
    fn new(name: &str, now: Instant) -> Self {
        Account {
            name: name.to_owned(),
            doing: Doing::Waiting,
            folders: BTreeMap::new(),
            found: 0,
            touched: 0,
            finished: 0,
            done: 0,
            planned: 0,
            octets: 0,
            since: now,
            last: None,
        }
    }

    /// Octets in a second, since the sync began.
    pub(super) fn rate(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.since).max(Duration::from_millis(1));
        (self.octets as f64 / passed.as_secs_f64()) as u64
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Connected { .. } if self.doing == Doing::Connecting => self.doing = Doing::Listing,
            Event::FoldersListed { pairs, touched } => {
                (self.found, self.touched, self.doing) = (*pairs, *touched, Doing::Syncing);
            }
            Event::FolderStarted { pair } => drop(self.folders.insert((*pair).clone(), Folder::default())),
            Event::FolderPlanned { pair, counts, .. } => self.plan(pair, counts),
            Event::MessageStarted { pair, id, to, octets } => {
                let transfer = Transfer { id: clean(&id.to_string()), to: *to, octets: *octets, passed: 0 };
                self.folder(pair, |folder| folder.transfer = Some(transfer));
            }
            Event::BytesCopied { pair, octets } => {
                self.octets += octets;
                self.folder(pair, |folder| {
                    if let Some(transfer) = &mut folder.transfer {
                        transfer.passed = (transfer.passed + octets).min(transfer.octets);
                    }
                });
            }
            Event::MessagesCopied { pair, messages, .. }
            | Event::FlagsChanged { pair, messages, .. }
            | Event::MessagesRemoved { pair, messages, .. } => {
                self.done += messages;
                self.folder(pair, |folder| folder.done += messages);
            }
            Event::FolderFinished { pair } => self.finish(pair),
            Event::FolderFailed { pair, .. } => drop(self.folders.remove(*pair)),
            _ => {}
        }
    }

    fn folder(&mut self, pair: &FolderPair, change: impl FnOnce(&mut Folder)) {
        if let Some(folder) = self.folders.get_mut(pair) {
            change(folder);
        }
    }

    fn plan(&mut self, pair: &FolderPair, counts: &Counts) {
        let steps: u64 =
            [counts.copies, counts.flags, counts.removals].iter().map(|both| both.remote + both.local).sum();
        self.planned += steps;
        self.folder(pair, |folder| folder.planned += steps);
    }

    fn finish(&mut self, pair: &FolderPair) {
        self.finished += 1;
        self.folders.remove(pair);
    }
}
