//! What may be asked of a running program: stop now, stop after this sync, cut the pause short. No signal knows more than this.

use offlinesync_core::Cancel;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Shared by everything that runs.
#[derive(Default)]
pub struct Control {
    /// Stops every account at the next place where state is whole.
    pub cancel: Cancel,
    state: Mutex<State>,
    changed: Condvar,
    clean_up: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    interrupts: u32,
    finish: bool,
    faulted: bool,
    /// No sync begins.
    held: bool,
    /// Counts the requests to cut pauses short, of every account and of single ones.
    cuts: u64,
    cuts_of: BTreeMap<String, u64>,
    /// Counts what watchers told of each account.
    changes: BTreeMap<String, u64>,
    /// What each account is doing, for the dump of state.
    doing: BTreeMap<String, String>,
}

impl State {
    fn cuts_for(&self, account: &str) -> u64 {
        self.cuts + self.cuts_of.get(account).copied().unwrap_or(0)
    }
}

/// What was asked and told before a sync: whatever is newer cuts the pause after it.
#[derive(Clone, Debug)]
pub struct Seen {
    account: String,
    cuts: u64,
    changes: u64,
}

/// Why a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The time has passed.
    Time,
    /// It was cut short: sync now, fully.
    Cut,
    /// Something changed in a folder that is watched.
    Change,
    /// The program shall end.
    End,
}

impl Control {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        self.changed.notify_all();
        result
    }

    /// Stop now. Answers how often this was asked.
    pub fn interrupt(&self) -> u32 {
        self.cancel.cancel();
        self.with(|state| {
            state.interrupts += 1;
            state.interrupts
        })
    }

    /// There was a fault in this program: stop now.
    pub fn fault(&self) {
        self.cancel.cancel();
        self.with(|state| state.faulted = true);
    }

    /// Whether a fault ended the program.
    pub fn is_faulted(&self) -> bool {
        self.with(|state| state.faulted)
    }

    /// Stop after the sync that is running.
    pub fn finish(&self) {
        self.with(|state| state.finish = true);
    }

    /// Cut the pause that is running, or the next one, of every account.
    pub fn cut_sleep(&self) {
        self.with(|state| state.cuts += 1);
    }

    /// Cut the pause of one account, the one that is running or the next.
    pub fn cut_sleep_of(&self, account: &str) {
        self.with(|state| *state.cuts_of.entry(account.to_owned()).or_default() += 1);
    }

    /// Let no sync begin until this is taken back. What runs goes on to its end.
    pub fn hold(&self, held: bool) {
        self.with(|state| state.held = held);
    }

    /// Whether no sync may begin now.
    pub fn is_held(&self) -> bool {
        self.with(|state| state.held)
    }

    /// Leaves a way to clean up before the process ends at once.
    pub fn on_abort(&self, clean_up: impl Fn() + Send + Sync + 'static) {
        let _ = self.clean_up.set(Box::new(clean_up));
    }

    /// Cleans up: the process is about to end at once.
    pub fn abort(&self) {
        if let Some(clean_up) = self.clean_up.get() {
            clean_up();
        }
    }

    /// Whether no further sync shall begin.
    pub fn is_ending(&self) -> bool {
        self.cancel.is_cancelled() || self.with(|state| state.finish)
    }

    /// Tells that something changed in a folder of this account.
    pub fn changed(&self, account: &str) {
        self.with(|state| *state.changes.entry(account.to_owned()).or_default() += 1);
    }

    /// What was asked and told so far.
    pub fn seen(&self, account: &str) -> Seen {
        self.with(|state| Seen {
            account: account.to_owned(),
            cuts: state.cuts_for(account),
            changes: state.changes.get(account).copied().unwrap_or_default(),
        })
    }

    /// Waits. `seen` is from before the sync that ended: what came meanwhile cuts this pause.
    pub fn pause(&self, length: Duration, seen: &Seen) -> Woken {
        self.wait(length, seen, true)
    }

    /// Waits, whatever changes meanwhile.
    pub fn settle(&self, length: Duration, seen: &Seen) -> Woken {
        self.wait(length, seen, false)
    }

    fn wait(&self, length: Duration, seen: &Seen, hears: bool) -> Woken {
        let deadline = Instant::now() + length;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.finish || self.cancel.is_cancelled() {
                return Woken::End;
            }
            if state.cuts_for(&seen.account) != seen.cuts {
                return Woken::Cut;
            }
            if hears && state.changes.get(&seen.account).is_some_and(|changes| *changes != seen.changes) {
                return Woken::Change;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::Time;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Notes what an account is doing.
    pub fn note(&self, account: &str, doing: &str) {
        self.with(|state| state.doing.insert(account.to_owned(), doing.to_owned()));
    }

    /// What everything is doing, in lines.
    pub fn describe(&self) -> String {
        self.with(|state| {
            let mut text = format!("state: interrupts {}, ending {}", state.interrupts, state.finish);
            state.doing.iter().for_each(|(account, doing)| text.push_str(&format!("\naccount '{account}': {doing}")));
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_pause_ends_by_time_by_a_cut_even_an_early_one_and_by_the_end() {
        let control = Control::default();
        let before = control.seen("a");
        assert_eq!(control.pause(Duration::ZERO, &before), Woken::Time);
        control.cut_sleep();
        assert_eq!(control.pause(LONG, &before), Woken::Cut);
        let seen = control.seen("a");
        std::thread::scope(|scope| {
            let pause = scope.spawn(|| control.pause(LONG, &seen));
            control.finish();
            assert_eq!(pause.join().unwrap(), Woken::End);
        });
        assert!(control.is_ending() && !control.cancel.is_cancelled());
    }

    #[test]
    fn one_account_can_be_woken_without_the_others() {
        let control = Control::default();
        let (one, other) = (control.seen("a"), control.seen("b"));
        control.cut_sleep_of("a");
        assert_eq!(control.pause(LONG, &one), Woken::Cut);
        assert_eq!(control.pause(Duration::ZERO, &other), Woken::Time);
    }

    #[test]
    fn an_interrupt_cancels_and_is_counted() {
        let control = Control::default();
        assert_eq!(control.interrupt(), 1);
        assert_eq!(control.interrupt(), 2);
        assert!(control.cancel.is_cancelled());
        assert_eq!(control.pause(LONG, &control.seen("a")), Woken::End);
    }

    #[test]
    fn a_change_cuts_the_pause_of_its_account_alone_and_nothing_that_settles() {
        let control = Control::default();
        let (one, other) = (control.seen("a"), control.seen("b"));
        control.changed("a");
        assert_eq!(control.pause(LONG, &one), Woken::Change);
        assert_eq!(control.settle(Duration::ZERO, &one), Woken::Time);
        assert_eq!(control.pause(Duration::ZERO, &other), Woken::Time);
        assert_eq!(control.pause(Duration::ZERO, &control.seen("a")), Woken::Time);
    }
}
