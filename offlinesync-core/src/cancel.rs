//! The token by which a caller stops a run. No signal handler, no global: the caller decides when.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Waker = Box<dyn Fn() + Send>;

/// A token shared by everyone who works for one run. Cloning it is cheap and gives the same token.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    wakers: Mutex<Vec<(usize, Waker)>>,
}

impl Cancel {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone to stop at the next place where state is whole. Never blocks for their work; idempotent.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.iter().for_each(|(_, wake)| wake());
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// An error of kind [`Cancelled`](crate::ErrorKind::Cancelled) once the token is cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Lets time pass; an error of kind [`Cancelled`](crate::ErrorKind::Cancelled) as soon as the token is cancelled.
    pub fn pause(&self, length: Duration) -> Result<()> {
        let (end, thread) = (Instant::now() + length, std::thread::current());
        let _guard = self.on_cancel(move || thread.unpark());
        loop {
            self.check()?;
            match end.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return Ok(()),
                left => std::thread::park_timeout(left),
            }
        }
    }

    /// Calls `wake` when the token is cancelled (at once if it already is), until the guard is dropped.
    pub fn on_cancel(&self, wake: impl Fn() + Send + 'static) -> CancelGuard {
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            wake();
        }
        let key = wakers.last().map_or(0, |(key, _)| key + 1);
        wakers.push((key, Box::new(wake)));
        CancelGuard { token: self.clone(), key }
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cancel({})", self.is_cancelled())
    }
}

/// Keeps a waker registered; see [`Cancel::on_cancel`].
#[derive(Debug)]
pub struct CancelGuard {
    token: Cancel,
    key: usize,
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        let mut wakers = self.token.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.retain(|(key, _)| *key != self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_when_it_is_over_or_cancelled() {
        let cancel = Cancel::new();
        cancel.pause(Duration::from_millis(1)).unwrap();
        std::thread::scope(|scope| {
            let pausing = scope.spawn(|| cancel.pause(Duration::from_secs(3600)));
            cancel.cancel();
            assert!(pausing.join().unwrap().is_err());
        });
    }
}
