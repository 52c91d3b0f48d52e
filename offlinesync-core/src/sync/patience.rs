//! How often, and after which pause, work that was broken off is taken up again. Waits; touches nothing.

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::policy::Policy;
use std::time::Duration;

/// Nobody is waited for longer at a time, and not so long unless they ask for it.
const LONGEST: Duration = Duration::from_secs(300);
const LONGEST_UNASKED: Duration = Duration::from_secs(30);

/// What is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    retries: u32,
    pause: Duration,
    tried: u32,
}

impl Patience {
    pub(super) fn new(policy: &Policy) -> Self {
        Patience { retries: policy.retries, pause: policy.retry_pause, tried: 0 }
    }

    /// Whether a failure like this one will pass soon. A connection that was lost is for the next run, which begins with a fresh list.
    pub(super) fn will_pass(error: &Error) -> bool {
        error.kind() == ErrorKind::Unavailable && error.retry_after().is_some()
    }

    /// Tells that there is a pause and waits before the next try; `false` if there is none. `progress`: something was done since the
    /// last.
    pub(super) fn wait(
        &mut self,
        error: &Error,
        progress: bool,
        (observer, cancel): (&dyn Observer, &Cancel),
    ) -> Result<bool> {
        if progress {
            self.tried = 0;
        }
        if !Self::will_pass(error) || self.tried >= self.retries {
            return Ok(false);
        }
        let own = self.pause.saturating_mul(1 << self.tried.min(16)).min(LONGEST_UNASKED);
        self.tried += 1;
        let pause = own.max(error.retry_after().unwrap_or_default()).min(LONGEST);
        observer.event(&Event::Pausing { pause, error });
        cancel.pause(pause)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(error: &Error) -> u32 {
        let mut patience = Patience::new(&Policy { retry_pause: Duration::ZERO, ..Policy::default() });
        (0..).find(|_| !patience.wait(error, false, (&(), &Cancel::new())).unwrap()).unwrap()
    }

    #[test]
    fn a_busy_server_is_asked_some_times_more_and_a_lost_one_is_not() {
        let lost = Error::new(ErrorKind::Unavailable, "gone");
        assert_eq!(tries(&lost), 0);
        assert_eq!(tries(&lost.with_retry_after(Duration::ZERO)), 6);
        assert_eq!(tries(&Error::new(ErrorKind::Folder, "no")), 0);
    }

    #[test]
    fn progress_renews_it_and_cancelling_ends_it() {
        let busy = Error::new(ErrorKind::Unavailable, "gone").with_retry_after(Duration::ZERO);
        let mut patience = Patience::new(&Policy { retry_pause: Duration::ZERO, ..Policy::default() });
        assert!((0..100).all(|_| patience.wait(&busy, true, (&(), &Cancel::new())).unwrap()));
        let cancel = Cancel::new();
        cancel.cancel();
        assert_eq!(patience.wait(&busy, true, (&(), &cancel)).unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
