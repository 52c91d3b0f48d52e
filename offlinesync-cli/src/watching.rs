//! What happens between two syncs: folders that are watched on both sides, and signs of life on connections that are kept.

use crate::account::Runner;
use crate::backend::Backends;
use crate::control::Control;
use crate::hooks::Mode;
use crate::settings::{AccountSettings, ImapSettings, Store};
use crate::ui::{Hub, Who};
use offlinesync_core::{Cancel, Error, ErrorKind, FolderName, Result, Side};
use offlinesync_imap::{ImapRepository, Pace};
use offlinesync_maildir::{MaildirRepository, Watch};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How soon a watch that failed for good is tried again: the user may have mended the reason.
const AGAIN: Duration = Duration::from_secs(300);

/// Watches what an account wants watched until it is dropped, and tells [`Control`] of every change.
pub struct Watching {
    cancel: Cancel,
    threads: Vec<JoinHandle<()>>,
    local: Vec<Watch>,
}

impl Watching {
    /// Begins; `None` if nothing is to be watched. Where `idlefolders` are named, changes on this machine are heard of too.
    pub fn start(runner: &Runner, backends: &Backends) -> Option<Watching> {
        let imap = |side: Side| imap(&runner.settings, side);
        if !Side::BOTH.into_iter().any(|side| imap(side).is_some_and(|settings| !settings.idle_folders.is_empty())) {
            return None;
        }
        let mut watching = Watching { cancel: Cancel::new(), threads: Vec::new(), local: Vec::new() };
        for side in Side::BOTH {
            if let (Some(server), Some(settings)) = (&backends.servers[side], imap(side)) {
                watching.watch_server(runner, server, settings);
            }
            if let Some(maildir) = &backends.maildirs[side] {
                watching.watch_maildir(runner, maildir);
            }
        }
        // Between the sync before and the beginning of the watch something may have happened.
        runner.control.changed(&runner.settings.name);
        Some(watching)
    }

    fn watch_maildir(&mut self, runner: &Runner, maildir: &MaildirRepository) {
        let bell = Bell::of(runner);
        match maildir.watch(move || bell.ring()) {
            Ok(watch) => self.local.push(watch),
            Err(error) => warn(runner, &format!("{error}; they are synced at the next refresh")),
        }
    }

    fn watch_server(&mut self, runner: &Runner, server: &ImapRepository, settings: &ImapSettings) {
        for name in &settings.idle_folders {
            let watch = ServerWatch {
                server: server.clone(),
                folder: FolderName::from(name.as_str()),
                pace: pace(settings),
                cancel: self.cancel.clone(),
                bell: Bell::of(runner),
                hub: Arc::clone(&runner.means.hub),
            };
            match std::thread::Builder::new().name(format!("watch {name}")).spawn(move || watch.run()) {
                Ok(thread) => self.threads.push(thread),
                Err(error) => {
                    let error = Error::io("no thread", error, ErrorKind::Storage);
                    warn(runner, &format!("folder {name} is not watched: {error}"));
                }
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.cancel.cancel();
        for thread in self.threads.drain(..) {
            // A watch that ended by a fault has nothing to leave in order.
            let _ = thread.join();
        }
    }
}

fn warn(runner: &Runner, text: &str) {
    runner.means.hub.warn(Who::Account(&runner.settings.name), text);
}

fn imap(account: &AccountSettings, side: Side) -> Option<&ImapSettings> {
    match &account.repositories[side].store {
        Store::Imap(settings) => Some(settings),
        Store::Maildir(_) => None,
    }
}

fn pace(settings: &ImapSettings) -> Pace {
    let usual = Pace::default();
    Pace {
        renew: settings.keep_alive.unwrap_or(usual.renew).min(usual.renew),
        look: settings.keep_alive.unwrap_or(usual.look),
        ..usual
    }
}

struct Bell {
    control: Arc<Control>,
    account: String,
}

impl Bell {
    fn of(runner: &Runner) -> Bell {
        Bell { control: Arc::clone(&runner.control), account: runner.settings.name.clone() }
    }

    fn ring(&self) {
        self.control.changed(&self.account);
    }
}

/// One folder on a server.
struct ServerWatch {
    server: ImapRepository,
    folder: FolderName,
    pace: Pace,
    cancel: Cancel,
    bell: Bell,
    hub: Arc<Hub>,
}

impl ServerWatch {
    /// Until it is cancelled. What ends a watch is told once, and tried again.
    fn run(&self) {
        let mut told = None;
        while let Err(error) = self.watch() {
            let text = format!("{error}; this folder is not watched for now");
            if told.as_ref() != Some(&text) {
                self.hub.warn(Who::Account(&self.bell.account), &text);
                told = Some(text);
            }
            if self.cancel.pause(AGAIN).is_err() {
                return;
            }
        }
    }

    fn watch(&self) -> Result<()> {
        self.server.watch(&self.folder, self.pace, &self.cancel, &mut || self.bell.ring())
    }
}

/// How long is waited before a change is synced.
#[derive(Debug, Default)]
pub struct Patience {
    /// How many changes in a row turned out to be nothing: what a sync or a hook does is heard like anything else.
    in_vain: u32,
}

impl Patience {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(60);

    /// Takes note of a sync.
    pub fn after(&mut self, mode: Mode, worked: bool) {
        self.in_vain = if mode == Mode::Idle && !worked { self.in_vain.saturating_add(1) } else { 0 };
    }

    /// So short that it is not felt, unless changes keep turning out to be nothing.
    pub fn pause(&self) -> Duration {
        match self.in_vain {
            0..=2 => Self::SHORTEST,
            more => Duration::from_secs(1 << (more - 3).min(6)).min(Self::LONGEST),
        }
    }
}

/// Signs of life on connections that are kept, and a look at the clock.
#[derive(Debug)]
pub struct Pulse {
    interval: Duration,
    keeps: bool,
    next: Instant,
    clocks: Clocks,
}

/// Two clocks at the same moment: one that stands still while the system sleeps, and one that does not.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    awake: Instant,
    wall: SystemTime,
}

impl Clocks {
    /// A clock this much ahead tells of a system that slept.
    const LEAP: Duration = Duration::from_secs(20);

    fn now() -> Clocks {
        Clocks { awake: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether the system slept between these and `later`. A wall clock that was set back tells nothing.
    fn slept_until(self, later: Clocks) -> bool {
        let wall = later.wall.duration_since(self.wall).unwrap_or_default();
        wall.saturating_sub(later.awake.saturating_duration_since(self.awake)) > Self::LEAP
    }
}

impl Pulse {
    /// How often the clocks are looked at.
    const LOOK: Duration = Duration::from_secs(30);

    /// Begins with a pause.
    pub fn new(account: &AccountSettings) -> Pulse {
        let kept =
            Side::BOTH.into_iter().filter_map(|side| imap(account, side)).filter(|settings| settings.holds_open());
        let intervals = kept.filter_map(|settings| settings.keep_alive.or(default_interval(settings)));
        let interval = intervals.min();
        let every = interval.unwrap_or(Duration::MAX);
        let now = Instant::now();
        let next = now + every.min(Duration::from_secs(86_400));
        Pulse { interval: every, keeps: interval.is_some(), next, clocks: Clocks::now() }
    }

    /// How long may be waited.
    pub fn until_next(&self) -> Duration {
        let sign = if self.keeps { self.next.saturating_duration_since(Instant::now()) } else { Duration::MAX };
        sign.min(Self::LOOK)
    }

    /// Does what is due. `false`: the system slept, connections were dropped, and it is time to sync.
    pub fn beat(&mut self, backends: &Backends) -> bool {
        let now = Clocks::now();
        if std::mem::replace(&mut self.clocks, now).slept_until(now) {
            backends.close();
            return false;
        }
        if self.keeps && Instant::now() >= self.next {
            backends.keep_alive();
            self.next = Instant::now() + self.interval;
        }
        true
    }
}

/// Connections that are kept because folders are watched are kept alive as the watch is.
fn default_interval(settings: &ImapSettings) -> Option<Duration> {
    (!settings.idle_folders.is_empty()).then(|| Pace::default().renew)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_turn_out_to_be_nothing_are_taken_ever_more_slowly() {
        let mut patience = Patience::default();
        let pauses: Vec<u64> = (0..12)
            .map(|_| {
                let pause = patience.pause();
                patience.after(Mode::Idle, false);
                pause.as_millis() as u64
            })
            .collect();
        assert_eq!(pauses, [100, 100, 100, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
        patience.after(Mode::Idle, true);
        assert_eq!(patience.pause(), Patience::SHORTEST);
    }

    /// OfflineIMAP #56: connections from before a sleep were waited for.
    #[test]
    fn a_system_that_slept_is_known_by_its_clocks() {
        let before = Clocks::now();
        let after = |awake: u64, wall: i64| Clocks {
            awake: before.awake + Duration::from_secs(awake),
            wall: match wall {
                0.. => before.wall + Duration::from_secs(wall.unsigned_abs()),
                _ => before.wall - Duration::from_secs(wall.unsigned_abs()),
            },
        };
        let slept = [(30, 30), (30, 45), (30, 3_630), (0, 28_800), (30, -3_600)]
            .map(|(awake, wall)| before.slept_until(after(awake, wall)));
        assert_eq!(slept, [false, false, true, true, false]);
    }
}
