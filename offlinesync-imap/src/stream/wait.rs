//! The one place where this crate waits for a descriptor: with a deadline, and with a waker that ends the wait at once.

use offlinesync_core::{Cancel, Result};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, BorrowedFd};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Ends a wait from another thread. Waking without anyone waiting ends the next wait.
#[derive(Debug)]
pub(crate) struct Waker {
    read: UnixStream,
    write: UnixStream,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Waker { read, write })
    }

    pub(crate) fn wake(&self) {
        // A full pipe wakes just as well.
        let _ = (&self.write).write(&[0]);
    }

    /// For waiting until [`Waker::wake`] was called, where this is not the [`Patience`]'s own waker.
    pub(super) fn interest(&self) -> (BorrowedFd<'_>, Interest) {
        (self.read.as_fd(), Interest::Read)
    }

    fn drain(&self) {
        let mut buffer = [0; 64];
        while matches!((&self.read).read(&mut buffer), Ok(1..)) {}
    }
}

/// Who can end a wait, and the token to look at afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience<'a> {
    pub(crate) waker: &'a Waker,
    pub(crate) cancel: &'a Cancel,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
    Both,
}

impl From<Interest> for PollFlags {
    fn from(interest: Interest) -> Self {
        match interest {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
            Interest::Both => PollFlags::IN | PollFlags::OUT,
        }
    }
}

/// Waits until one of the descriptors is ready (or broken), someone wakes us, or the time is over; answers which descriptors are ready.
/// An error only if the token is cancelled or the system refuses to poll.
pub(crate) fn poll(fds: &[(BorrowedFd<'_>, Interest)], until: Instant, patience: &Patience<'_>) -> Result<Vec<bool>> {
    patience.cancel.check()?;
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|(fd, interest)| PollFd::from_borrowed_fd(*fd, (*interest).into())).collect();
    polled.push(PollFd::from_borrowed_fd(patience.waker.read.as_fd(), PollFlags::IN));
    let timeout = timespec(until.saturating_duration_since(Instant::now()));
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(super::lost("poll", error.into())),
    }
    let mut ready: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
    if ready.pop() == Some(true) {
        patience.waker.drain();
    }
    patience.cancel.check()?;
    Ok(ready)
}

fn timespec(duration: Duration) -> Timespec {
    // A day is enough for anyone, and fits every system's types.
    Timespec::try_from(duration.min(Duration::from_secs(86_400))).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_beforehand_ends_the_next_wait_and_only_that() {
        let (waker, cancel) = (Waker::new().unwrap(), Cancel::new());
        let patience = Patience { waker: &waker, cancel: &cancel };
        waker.wake();
        waker.wake();
        assert_eq!(poll(&[], Instant::now() + Duration::from_secs(3600), &patience).unwrap(), []);
        assert_eq!(poll(&[], Instant::now(), &patience).unwrap(), []);
        let mut byte = [0];
        assert!((&waker.read).read(&mut byte).is_err(), "nothing is left to wake anyone");
    }

    #[test]
    fn a_cancelled_token_ends_a_wait_with_an_error() {
        let (waker, cancel) = (std::sync::Arc::new(Waker::new().unwrap()), Cancel::new());
        let other = waker.clone();
        let _guard = cancel.on_cancel(move || other.wake());
        let token = cancel.clone();
        let thread = std::thread::spawn(move || token.cancel());
        let patience = Patience { waker: &waker, cancel: &cancel };
        let until = Instant::now() + Duration::from_secs(3600);
        let error = std::iter::repeat_with(|| poll(&[], until, &patience)).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), offlinesync_core::ErrorKind::Cancelled);
        thread.join().unwrap();
    }
}
