//! One connection: the session, its stream, and who may use them when.
//!
//! State is behind one lock that is never held while waiting or while an exchange is called. The [`Reader`] is a baton: whoever has
//! the oldest commands takes it and leads, the others wait for it.

use super::line::Line;
use super::reader::Reader;
use super::session::{Habits, Owner, Session};
use super::{SessionView, WORTH_COMPRESSING};
use crate::codec::decoder::Item;
use crate::codec::response::Response;
use crate::config::{Compression, ImapConfig, Tls};
use crate::stream::wait::{self, Interest, Patience, Waker};
use crate::stream::{Input, Socket, Stream, TlsSettings};
use offlinesync_core::wording::counted;
use offlinesync_core::{CancelGuard, Error, ErrorKind, Event, FolderName, Result};
use rustix::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod exclusive;
mod pace;
mod turn;

pub(super) use exclusive::Exclusive;
use pace::Pace;

/// How long a follower sleeps before it looks whether it was cancelled; the leader wakes it for everything else.
const NAP: Duration = Duration::from_secs(1);
/// In the middle of something so many octets are sent together: a system call, a TLS record and a peer that wakes for each short message
/// cost more than the message.
const PART: usize = 32 << 10;

/// One connection. Dropped, it says goodbye and closes.
#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    turn: Condvar,
    socket: Arc<Socket>,
    waker: Arc<Waker>,
    config: Arc<ImapConfig>,
    line: Arc<Line>,
    /// From 1, for traces.
    number: usize,
    _cancel: CancelGuard,
}

#[derive(Debug)]
struct State {
    session: Session,
    stream: Stream,
    /// The baton; away while someone leads.
    reader: Option<Box<Reader>>,
    pace: Pace,
    /// Why the connection is no more.
    dead: Option<Error>,
    write_failed: bool,
}

impl Link {
    /// Connects; no login yet.
    pub(super) fn connect(
        config: &Arc<ImapConfig>,
        line: &Arc<Line>,
        number: usize,
        tls: Option<&TlsSettings>,
    ) -> Result<Self> {
        let waker = Arc::new(Waker::new().map_err(|error| Error::io("waker", error, ErrorKind::Storage))?);
        let woken = waker.clone();
        let cancel = config.cancel.on_cancel(move || woken.wake());
        let mut stream = Stream::connect(config, &Patience { waker: &waker, cancel: &config.cancel })?;
        if let (Tls::Implicit, Some(settings)) = (config.tls, tls) {
            stream.start_tls(settings)?;
        }
        let mut link = Self::over(stream, config, number, waker, cancel);
        link.line = Arc::clone(line);
        Ok(link)
    }

    fn over(stream: Stream, config: &Arc<ImapConfig>, number: usize, waker: Arc<Waker>, cancel: CancelGuard) -> Self {
        let habits = Habits {
            decoded_names: config.utf8_folder_names,
            disabled: config.disabled_capabilities.clone(),
            send_id: config.send_id,
            compress_at_once: config.compression == Compression::Always,
            trace: config.trace,
        };
        let socket = stream.socket();
        let reader = Some(Box::new(Reader::new(config.trace)));
        let (session, pace) = (Session::new(habits), Pace::default());
        let state = State { session, stream, reader, pace, dead: None, write_failed: false };
        Link {
            state: Mutex::new(state),
            turn: Condvar::new(),
            socket,
            waker,
            config: config.clone(),
            line: Arc::default(),
            number,
            _cancel: cancel,
        }
    }

    /// A connection over a socket, for tests.
    #[cfg(test)]
    pub(super) fn over_socket(socket: std::os::unix::net::UnixStream, config: &Arc<ImapConfig>) -> Self {
        let waker = Arc::new(Waker::new().unwrap());
        let woken = waker.clone();
        let cancel = config.cancel.on_cancel(move || woken.wake());
        Self::over(Stream::over(socket), config, 1, waker, cancel)
    }

    pub(super) fn view(&self) -> Arc<SessionView> {
        self.lock().session.view().clone()
    }

    /// Whether this mailbox will be selected once everything sent is done.
    pub(super) fn will_have(&self, name: &FolderName) -> bool {
        self.lock().session.will_have() == Some(name)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.lock().dead.is_some()
    }

    /// Takes in what an unused connection has received meanwhile. Answers whether it is still good: the server may have closed it.
    pub(super) fn is_fresh(&self) -> bool {
        let mut state = self.lock();
        let Some(mut reader) = state.reader.take() else { return state.dead.is_none() };
        let outcome = state.take_in(&mut reader);
        state.reader = Some(reader);
        if let Err(error) = outcome {
            self.die(&mut state, &error);
        }
        state.dead.is_none()
    }

    /// Whether the server has said since the last time that it has too much to do.
    pub(super) fn take_pressed(&self) -> bool {
        std::mem::take(&mut self.lock().session.pressed)
    }

    /// Ends the connection now; everyone who works on it gets an error.
    pub(super) fn kill(&self, error: &Error) {
        self.die(&mut self.lock(), error);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn die(&self, state: &mut State, error: &Error) {
        if state.dead.is_none() {
            state.dead = Some(error.again());
            state.stream.close();
            self.waker.wake();
        }
        self.turn.notify_all();
    }

    /// The error of a connection that an error has just ended.
    fn dying(&self, error: Error) -> Error {
        let error = if error.kind() == ErrorKind::Cancelled { error } else { self.placed(error) };
        self.die(&mut self.lock(), &error);
        error
    }

    fn placed(&self, error: Error) -> Error {
        let place = self.config.destination();
        if error.to_string().starts_with(&place) { error } else { error.at(place) }
    }

    /// Asks for compression where so many octets make up for it.
    fn compress_if_worth(&self, state: &mut State, octets: u64) {
        let worth = octets >= WORTH_COMPRESSING && state.pace.is_slow() && self.line.gains_by_compression();
        if worth && self.config.compression == Compression::Auto {
            state.session.compress();
        }
    }

    /// Sends what may be sent; what the socket does not take, the leader sends when it does. Then tells the observer.
    fn send(&self, mut state: MutexGuard<'_, State>) {
        if state.flush() {
            state.pace.sent();
        }
        self.sent(state);
    }

    /// As [`Link::send`], in the middle of something, by the one who has the connection to himself: what is little waits for more.
    /// Whoever waits for the server sends all of it first.
    fn send_part(&self, mut state: MutexGuard<'_, State>) {
        if state.session.outbox.pending().len() >= PART {
            state.push();
        }
        self.tell_sent(state);
    }

    fn sent(&self, state: MutexGuard<'_, State>) {
        if state.wants_write() && state.reader.is_none() {
            self.waker.wake();
        }
        self.tell_sent(state);
    }

    fn tell_sent(&self, mut state: MutexGuard<'_, State>) {
        let (sent, alerts) =
            (state.session.trace.as_mut().map(std::mem::take), std::mem::take(&mut state.session.alerts));
        drop(state);
        self.tell(true, sent.unwrap_or_default());
        for alert in alerts {
            let error = self.placed(Error::new(ErrorKind::Unavailable, alert));
            self.config.observer.event(&Event::Warning { error: &error });
        }
    }

    /// Tells what was read since the last time.
    fn tell_read(&self, reader: &mut Reader) {
        if let Some(lines) = &mut reader.lines {
            self.tell(false, lines.take());
        }
    }

    fn tell(&self, sent: bool, lines: Vec<String>) {
        for line in &lines {
            let event = Event::Trace { repository: &self.config.name, connection: self.number, sent, line };
            self.config.observer.event(&event);
        }
    }

    /// Waits for octets. An error has ended the connection.
    fn receive(&self, reader: &mut Reader) -> Result<()> {
        self.receive_unless(reader, |_| false)
    }

    /// Waits for octets at most until then; `false` if none came. An error has ended the connection.
    fn receive_until(&self, reader: &mut Reader, until: Instant) -> Result<bool> {
        self.tell_read(reader);
        self.try_receive(reader, Some(until), |_| false).map_err(|error| self.dying(error))
    }

    /// Waits for octets, or until less than this waits to be sent. An error has ended the connection.
    fn receive_or_send(&self, reader: &mut Reader, left: usize) -> Result<()> {
        self.receive_unless(reader, |state| state.session.outbox.len() < left)
    }

    fn receive_unless(&self, reader: &mut Reader, enough: impl Fn(&State) -> bool) -> Result<()> {
        self.tell_read(reader);
        self.try_receive(reader, None, enough).map_err(|error| self.dying(error)).map(|_| ())
    }

    /// `false` if `until` passed, at which silence is no failure.
    fn try_receive(
        &self,
        reader: &mut Reader,
        until: Option<Instant>,
        enough: impl Fn(&State) -> bool,
    ) -> Result<bool> {
        let timeout = self.config.timeouts.read;
        let patience = Patience { waker: &self.waker, cancel: &self.config.cancel };
        let mut deadline = until.unwrap_or_else(|| Instant::now() + timeout);
        loop {
            let interest = {
                let mut state = self.lock();
                if let Some(death) = &state.dead {
                    return Err(death.again());
                }
                if state.flush() && until.is_none() {
                    deadline = Instant::now() + timeout;
                    state.pace.sent();
                }
                if enough(&state) {
                    return Ok(true);
                }
                match reader.fill(&mut state.stream)? {
                    Input::Octets(octets) => {
                        let found = state.pace.heard(octets);
                        found.into_iter().for_each(|narrow| self.line.found(narrow));
                        return Ok(true);
                    }
                    Input::Closed => {
                        return Err(Error::new(ErrorKind::Unavailable, "the server closed the connection"));
                    }
                    Input::Blocked if state.wants_write() => Interest::Both,
                    Input::Blocked => Interest::Read,
                }
            };
            if Instant::now() >= deadline {
                if until.is_some() {
                    return Ok(false);
                }
                let message = format!("the server was silent for {}", counted(timeout.as_secs(), "second"));
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
            let since = Instant::now();
            wait::poll(&[(self.socket.as_fd(), interest)], deadline, &patience)?;
            if !reader.is_between_responses() {
                self.lock().pace.waited(since.elapsed());
            }
        }
    }
}

impl State {
    /// Sends what may be sent, as far as the socket takes it. Answers whether octets went out.
    ///
    /// A failure is left to the reader to find: what the server said before it closed is the better explanation.
    fn flush(&mut self) -> bool {
        self.unless_broken(|state| {
            let sent = state.try_push()?;
            Ok(state.stream.flush()? || sent)
        })
    }

    /// As [`State::flush`], but what is compressed need not be sent to its end.
    fn push(&mut self) -> bool {
        self.unless_broken(Self::try_push)
    }

    fn unless_broken(&mut self, send: impl FnOnce(&mut Self) -> Result<bool>) -> bool {
        if self.write_failed || self.dead.is_some() {
            return false;
        }
        let sent = send(self);
        self.write_failed = sent.is_err();
        sent.unwrap_or(false)
    }

    fn try_push(&mut self) -> Result<bool> {
        let mut sent = self.stream.push()?;
        while !self.session.outbox.pending().is_empty() {
            let octets = self.stream.write(self.session.outbox.pending())?;
            if octets == 0 {
                break;
            }
            self.session.outbox.consume(octets);
            self.stream.push()?;
            sent = true;
        }
        Ok(sent)
    }

    fn wants_write(&self) -> bool {
        !self.write_failed && (self.stream.wants_write() || !self.session.outbox.pending().is_empty())
    }

    /// Lets the session take in a response that the reader has just read; see [`Session::absorb`].
    fn absorb(&mut self, response: Response, reader: &mut Reader) -> Result<Option<(Owner, Response)>> {
        let absorbed = self.session.absorb(response)?;
        if self.session.begins_compression() {
            self.stream.start_deflate(&reader.take_rest());
        }
        Ok(absorbed)
    }

    /// Reads and takes in whatever is there, for nobody.
    fn take_in(&mut self, reader: &mut Reader) -> Result<()> {
        loop {
            while let Some(item) = reader.next()? {
                if let Item::Response(response) = item {
                    self.absorb(response, reader)?;
                }
            }
            match reader.fill(&mut self.stream)? {
                Input::Octets(_) => {}
                Input::Blocked => return Ok(()),
                Input::Closed => return Err(Error::new(ErrorKind::Unavailable, "the server closed the connection")),
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.dead.is_none() && state.session.load() == 0 {
            state.session.log_out();
            state.flush();
            self.socket.send_all_when_closed();
        }
        state.stream.close();
    }
}
