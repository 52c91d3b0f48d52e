//! `maxsyncaccounts`: how many accounts sync at the same time. An account that pauses between two syncs takes no turn.

use crate::control::Control;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How soon somebody waiting for a turn hears that the program ends.
const STEP: Duration = Duration::from_millis(100);

/// So many turns at the same time.
#[derive(Debug)]
pub struct Turns {
    free: Mutex<usize>,
    changed: Condvar,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Turns>);

impl Turns {
    /// At least one.
    pub fn new(number: usize) -> Arc<Self> {
        Arc::new(Turns { free: Mutex::new(number.max(1)), changed: Condvar::new() })
    }

    /// Waits for a turn; `None` if the program ends first.
    pub fn take(self: &Arc<Self>, control: &Control) -> Option<Turn> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if control.is_ending() {
                return None;
            }
            if *free > 0 && !control.is_held() {
                *free -= 1;
                return Some(Turn(Arc::clone(self)));
            }
            free = self.changed.wait_timeout(free, STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_free_again_once_it_is_dropped_and_nobody_waits_past_the_end() {
        let (turns, control) = (Turns::new(1), Control::default());
        let turn = turns.take(&control).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| turns.take(&control).is_some());
            drop(turn);
            assert!(second.join().unwrap());
        });
        let _held = turns.take(&control).unwrap();
        control.finish();
        assert!(turns.take(&control).is_none());
    }
}
