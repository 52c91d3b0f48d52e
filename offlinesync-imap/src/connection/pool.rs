//! The connections of one account: which one runs an exchange, and when a new one is opened.

use super::lease::Lease;
use super::line::Line;
use super::link::{Exclusive, Link};
use super::login::{self, Remembered};
use super::{Command, Exchange, Expected, Mailbox, On, SessionView};
use crate::codec::decoder::Item;
use crate::codec::response::Tagged;
use crate::commands::mailbox::noop;
use crate::config::{ImapConfig, Tls};
use crate::stream::TlsSettings;
use offlinesync_core::{Error, ErrorKind, Event, Result};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod choose;
#[cfg(test)]
mod compression_tests;
#[cfg(test)]
mod tests;

use choose::{Amount, Choice, Slots, Use};

/// How long a waiting thread sleeps before it looks whether it was cancelled; a change in the pool wakes it.
const NAP: Duration = Duration::from_millis(250);
/// How long a thread waits for a connection while nothing changes in the pool.
const PATIENCE: Duration = Duration::from_secs(600);

/// The connections of one account. Shared by all threads that work for it; opens connections when they are needed.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

pub(super) struct Inner {
    config: Arc<ImapConfig>,
    slots: Mutex<Slots>,
    changed: Condvar,
    tls: Mutex<Option<TlsSettings>>,
    remembered: Mutex<Remembered>,
    line: Arc<Line>,
}

impl Pool {
    /// No connection is opened yet.
    pub fn new(config: Arc<ImapConfig>) -> Self {
        let slots = Mutex::new(Slots::new(config.max_connections.max(1)));
        Pool(Arc::new(Inner {
            config,
            slots,
            changed: Condvar::new(),
            tls: Mutex::default(),
            remembered: Mutex::default(),
            line: Arc::default(),
        }))
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Arc<ImapConfig> {
        &self.0.config
    }

    /// Runs an exchange to its end on this thread, on the connection that suits it best. See [`Exchange`].
    ///
    /// Errors: what the exchange returned; `Folder` for a mailbox that cannot be selected; `Numbering` for [`On::Verified`];
    /// `Unavailable` when the connection was lost or a deadline passed, whether or not the server carried out the commands.
    pub fn run(&self, on: On<'_>, exchange: &mut dyn Exchange) -> Result<()> {
        self.run_expecting(on, Expected::default(), exchange)
    }

    /// As [`Pool::run`], for an exchange that moves much.
    pub fn run_expecting(&self, on: On<'_>, expected: Expected, exchange: &mut dyn Exchange) -> Result<()> {
        loop {
            let used = self.0.obtain(Use::Shared(on, Amount::of(expected.now)))?;
            // It may have been lost since; then nothing was sent.
            if let Some(place) = used.link.enter() {
                return place.run(on, expected, exchange);
            }
        }
    }

    /// What the server can do: of a connection that is there, or of a new one.
    pub fn session(&self) -> Result<Arc<SessionView>> {
        Ok(self.0.obtain(Use::Shared(On::Anywhere, Amount::Little))?.link.view())
    }

    /// A connection for this thread alone, for commands whose data is written bit by bit. With two connections or more, one always
    /// stays free for [`Pool::run`]; with one, `run` on the same thread would wait for this lease: use [`Lease::run`].
    /// `octets`: how many will be written, about.
    pub fn lease(&self, octets: u64) -> Result<Lease> {
        Lease::new(self.0.obtain(Use::Alone)?, octets)
    }

    /// Sends a sign of life on every connection that nobody uses, so that the server keeps it. One that is gone is dropped.
    pub fn keep_alive(&self) {
        let idle = self.0.lock().take_idle();
        for link in idle {
            let used = Used { link, inner: self.0.clone() };
            if let Some(place) = used.link.enter() {
                // Whoever needs a connection next finds out by itself that this one is lost.
                let _ = place.run(On::Anywhere, Expected::default(), &mut SignOfLife);
            }
        }
    }

    /// Says LOGOUT on idle connections and drops them without waiting; busy ones follow when their work ends. The pool can be used again.
    pub fn close(&self) {
        let links = self.0.lock().take_all();
        self.0.changed.notify_all();
        drop(links);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("config", &self.0.config).finish_non_exhaustive()
    }
}

struct SignOfLife;

impl Exchange for SignOfLife {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(vec![noop()])
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, _: usize, _: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }
}

/// A connection in use. Dropped, it is free for others.
pub(super) struct Used {
    pub(super) link: Arc<Link>,
    inner: Arc<Inner>,
}

impl Drop for Used {
    fn drop(&mut self) {
        let gone = self.inner.lock().release(&self.link);
        self.inner.changed.notify_all();
        drop(gone);
    }
}

/// A place among the connections while one is being opened.
struct Opening<'a>(&'a Inner);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.lock().opening -= 1;
        self.0.changed.notify_all();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for this use: one that is there, a new one, or one that becomes free.
    fn obtain(self: &Arc<Self>, what: Use<'_>) -> Result<Used> {
        let mut slots = self.lock();
        let failures = slots.failures;
        let mut seen = (slots.changes, Instant::now());
        loop {
            self.config.cancel.check()?;
            if let Some(error) = slots.failed_since(failures) {
                return Err(error);
            }
            match slots.choose(what) {
                Choice::Take(link) => return Ok(Used { link, inner: self.clone() }),
                Choice::Open => {
                    slots.opening += 1;
                    slots.number += 1;
                    let number = slots.number;
                    drop(slots);
                    match self.open(what, number) {
                        Ok(used) => return Ok(used),
                        Err(error) => slots = self.do_without(error)?,
                    }
                }
                Choice::Wait => {
                    if slots.changes != seen.0 {
                        seen = (slots.changes, Instant::now());
                    } else if seen.1.elapsed() > PATIENCE {
                        let message = format!("{}: all connections are busy", self.config.destination());
                        return Err(Error::new(ErrorKind::Unavailable, message));
                    }
                    slots = self.changed.wait_timeout(slots, NAP).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn open(self: &Arc<Self>, what: Use<'_>, number: usize) -> Result<Used> {
        let opening = Opening(self);
        let link = self.connect(number);
        let mut slots = self.lock();
        let result = match link {
            Ok(link) => {
                slots.add(link.clone(), what);
                Ok(Used { link, inner: self.clone() })
            }
            Err(error) => {
                slots.note_failure(&error);
                Err(error)
            }
        };
        drop(slots);
        drop(opening);
        result
    }

    /// One connection more is refused: where others work, they must do, and no more are asked for.
    fn do_without(&self, error: Error) -> Result<MutexGuard<'_, Slots>> {
        let mut slots = self.lock();
        let refused = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Authentication);
        if refused && slots.give_up_growing() { Ok(slots) } else { Err(error) }
    }

    fn connect(&self, number: usize) -> Result<Arc<Link>> {
        let config = &self.config;
        let to = config.destination();
        config.observer.event(&Event::Connecting { repository: &config.name, to: &to });
        let tls = self.tls_settings()?;
        let link = Arc::new(Link::connect(config, &self.line, number, tls.as_ref())?);
        let mut connection = Exclusive::new(link.clone())?;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let how = login::log_in(&mut connection, config, tls.as_ref(), &mut remembered)?;
        drop(connection);
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = remembered;
        config.observer.event(&Event::Connected { repository: &config.name, how: &how });
        Ok(link)
    }

    fn tls_settings(&self) -> Result<Option<TlsSettings>> {
        if self.config.tls == Tls::None {
            return Ok(None);
        }
        let mut settings = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if settings.is_none() {
            *settings = Some(TlsSettings::new(&self.config)?);
        }
        Ok(settings.clone())
    }
}
