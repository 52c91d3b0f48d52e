//! What may be asked of a running program: stop now, stop after this sync, cut the pause short. No signal knows more than this.

use offlinesync_core::Cancel;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by everything that runs.
#[derive(Debug, Default)]
pub struct Control {
    /// Stops every account at the next place where state is whole.
    pub cancel: Cancel,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    interrupts: u32,
    finish: bool,
    /// Counts the requests to cut pauses short.
    cuts: u64,
    /// What each account is doing, for the dump of state.
    doing: BTreeMap<String, String>,
}

/// Why a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The time has passed.
    Time,
    /// It was cut short: sync now, fully.
    Cut,
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

    /// Stop after the sync that is running.
    pub fn finish(&self) {
        self.with(|state| state.finish = true);
    }

    /// Cut the pause that is running, or the next one, of every account.
    pub fn cut_sleep(&self) {
        self.with(|state| state.cuts += 1);
    }

    /// Whether no further sync shall begin.
    pub fn is_ending(&self) -> bool {
        self.cancel.is_cancelled() || self.with(|state| state.finish)
    }

    /// How many requests to cut a pause there were so far; a pause begun with this number ends at the next.
    pub fn cuts(&self) -> u64 {
        self.with(|state| state.cuts)
    }

    /// Waits. `cuts_seen` is the number of cuts before the sync that ended: one that came meanwhile cuts this pause.
    pub fn pause(&self, length: Duration, cuts_seen: u64) -> Woken {
        let deadline = Instant::now() + length;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.finish || self.cancel.is_cancelled() {
                return Woken::End;
            }
            if state.cuts != cuts_seen {
                return Woken::Cut;
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
        assert_eq!(control.pause(Duration::ZERO, 0), Woken::Time);
        control.cut_sleep();
        assert_eq!(control.pause(LONG, 0), Woken::Cut);
        let cuts = control.cuts();
        std::thread::scope(|scope| {
            let pause = scope.spawn(|| control.pause(LONG, cuts));
            control.finish();
            assert_eq!(pause.join().unwrap(), Woken::End);
        });
        assert!(control.is_ending() && !control.cancel.is_cancelled());
    }

    #[test]
    fn an_interrupt_cancels_and_is_counted() {
        let control = Control::default();
        assert_eq!(control.interrupt(), 1);
        assert_eq!(control.interrupt(), 2);
        assert!(control.cancel.is_cancelled());
        assert_eq!(control.pause(LONG, 0), Woken::End);
    }
}
