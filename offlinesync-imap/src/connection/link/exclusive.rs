//! Having a connection to oneself: for logging in, and for data that is written as it comes.

use super::super::session::{Notice, Owner, text};
use super::super::{Command, Reader, SessionView};
use super::Link;
use crate::codec::decoder::Item;
use crate::codec::response::{Response, Tagged};
use crate::stream::TlsSettings;
use offlinesync_core::{Error, ErrorKind, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// How much waits in memory before a writer waits for the socket.
const OUTBOX: usize = 256 << 10;

/// A connection with one user. Dropped with commands under way, it closes the connection.
#[derive(Debug)]
pub(in crate::connection) struct Exclusive {
    link: Arc<Link>,
    owner: Owner,
    reader: Option<Box<Reader>>,
    /// The command that is being written.
    writing: Option<u32>,
}

impl Exclusive {
    /// Takes an idle connection.
    pub(in crate::connection) fn new(link: Arc<Link>) -> Result<Self> {
        let mut state = link.lock();
        if let Some(death) = &state.dead {
            return Err(death.again());
        }
        let (owner, reader) = (state.session.enter(), state.reader.take());
        drop(state);
        Ok(Exclusive { link, owner, reader, writing: None })
    }

    pub(in crate::connection) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(in crate::connection) fn view(&self) -> Arc<SessionView> {
        self.link.view()
    }

    pub(in crate::connection) fn has(&self, capability: &str) -> bool {
        self.link.lock().session.has(capability)
    }

    pub(in crate::connection) fn set_capabilities(&self, words: &BTreeSet<Box<str>>) {
        self.link.lock().session.set_capabilities(words);
    }

    /// The login is over.
    pub(in crate::connection) fn ready(&self) {
        let mut state = self.link.lock();
        state.session.ready();
        state.pace.known();
    }

    /// So many octets will be written, about.
    pub(in crate::connection) fn expect(&self, octets: u64) {
        self.link.compress_if_worth(&mut self.link.lock(), octets);
    }

    /// The next response, after the session has taken note of it.
    pub(in crate::connection) fn response(&mut self) -> Result<Response> {
        loop {
            if let Some(response) = self.take_response()? {
                return Ok(response);
            }
            let link = self.link.clone();
            link.receive(self.reader()?)?;
        }
    }

    /// The next response, if one comes until then.
    pub(in crate::connection) fn response_until(&mut self, until: Instant) -> Result<Option<Response>> {
        loop {
            if let Some(response) = self.take_response()? {
                return Ok(Some(response));
            }
            let link = self.link.clone();
            if !link.receive_until(self.reader()?, until)? {
                return Ok(None);
            }
        }
    }

    /// Sends a line that belongs to a command under way and is no secret.
    pub(in crate::connection) fn say(&mut self, line: &str) {
        let mut state = self.link.lock();
        state.session.say(line);
        self.link.send(state);
    }

    /// Sends a command and waits for its end.
    pub(in crate::connection) fn command(&mut self, command: Command) -> Result<Tagged> {
        self.start(command);
        self.wait_end()
    }

    /// Sends a command of plain words and waits for its end.
    pub(in crate::connection) fn words(&mut self, words: &str) -> Result<Tagged> {
        self.command(text(words))
    }

    /// Sends a command.
    pub(in crate::connection) fn start(&mut self, command: Command) {
        let mut state = self.link.lock();
        state.session.extend(self.owner, vec![command]);
        self.link.send(state);
    }

    /// Waits for the end of a command.
    pub(in crate::connection) fn wait_end(&mut self) -> Result<Tagged> {
        self.wait_ended().map(|(_, tagged)| tagged)
    }

    /// Waits for the end of a command; answers its number as well.
    pub(in crate::connection) fn wait_ended(&mut self) -> Result<(usize, Tagged)> {
        loop {
            if let Some(ended) = self.ended() {
                return Ok(ended);
            }
            self.response()?;
        }
    }

    /// A command that has ended, and its number from 0.
    pub(in crate::connection) fn ended(&mut self) -> Option<(usize, Tagged)> {
        loop {
            if let Notice::Ended(index, tagged, _) = self.link.lock().session.next_notice(self.owner)? {
                return Some((index, tagged));
            }
        }
    }

    /// Sends a line that belongs to a command under way: an answer to `+`. Shown as `***`.
    pub(in crate::connection) fn answer(&mut self, line: &[u8]) {
        let mut state = self.link.lock();
        state.session.answer(line);
        self.link.send(state);
    }

    /// Encrypts from here on. What came in clear behind the server's consent may be forged (CVE-2011-0411), so there must be nothing.
    pub(in crate::connection) fn start_tls(&mut self, settings: &TlsSettings) -> Result<()> {
        if !self.reader()?.is_between_responses() {
            let message = "the server sent more in clear after it had agreed to STARTTLS";
            return Err(self.link.dying(Error::new(ErrorKind::Security, message)));
        }
        let mut state = self.link.lock();
        state.session.set_capabilities([""; 0]);
        state.stream.start_tls(settings)
    }

    /// Protocol version and cipher, for a person.
    pub(in crate::connection) fn security(&self) -> Option<String> {
        self.link.lock().stream.security()
    }

    /// Starts a command of which `text` is the beginning.
    pub(in crate::connection) fn begin(&mut self, text: &[u8]) -> Result<()> {
        let mut state = self.link.lock();
        self.writing = Some(state.session.begin(self.owner, text));
        self.link.send_part(state);
        self.relieve()
    }

    /// Announces a literal; `false` if the server ended the command instead of letting it come.
    pub(in crate::connection) fn literal(&mut self, octets: u64) -> Result<bool> {
        let Some(tag) = self.writing else { return Ok(false) };
        let mut state = self.link.lock();
        let waits = state.session.literal(tag, octets);
        self.link.send_part(state);
        while waits && self.link.lock().session.outbox.is_waiting(tag) {
            self.response()?;
        }
        let refused = waits && !self.link.lock().session.is_pending(tag);
        if refused {
            self.writing = None;
        }
        Ok(!refused)
    }

    /// More octets of the command; waits while too many wait already.
    pub(in crate::connection) fn write(&mut self, octets: &[u8]) -> Result<()> {
        let Some(tag) = self.writing else { return Ok(()) };
        for piece in octets.chunks(OUTBOX) {
            let mut state = self.link.lock();
            state.session.raw(tag, piece);
            self.link.send_part(state);
            self.relieve()?;
        }
        Ok(())
    }

    /// Ends the command.
    pub(in crate::connection) fn end(&mut self) -> Result<()> {
        self.write(b"\r\n")?;
        self.writing = None;
        Ok(())
    }

    /// Whether nothing is half written and no answer is due.
    pub(in crate::connection) fn is_clean(&self) -> bool {
        self.writing.is_none() && self.link.lock().session.is_done(self.owner)
    }

    /// While too much waits to be sent, lets the socket take it, and takes in what the server says meanwhile: a server that cannot get
    /// rid of its answers stops reading.
    fn relieve(&mut self) -> Result<()> {
        let link = self.link.clone();
        while link.lock().session.outbox.len() >= OUTBOX {
            while self.take_response()?.is_some() {}
            link.receive_or_send(self.reader()?, OUTBOX)?;
        }
        Ok(())
    }

    fn take_response(&mut self) -> Result<Option<Response>> {
        let link = self.link.clone();
        let reader = self.reader()?;
        link.tell_read(reader);
        loop {
            match reader.next().map_err(|error| link.dying(error))? {
                None => return Ok(None),
                Some(Item::Response(response)) => {
                    let mut state = link.lock();
                    let absorbed = state.absorb(response.clone(), reader);
                    link.send(state);
                    absorbed.map_err(|error| link.dying(error))?;
                    return Ok(Some(response));
                }
                Some(_) => {}
            }
        }
    }

    fn reader(&mut self) -> Result<&mut Reader> {
        let nobody = || Error::new(ErrorKind::Unavailable, "the connection is in use");
        self.reader.as_deref_mut().ok_or_else(nobody)
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        let clean = self.is_clean();
        if let Some(reader) = &mut self.reader {
            self.link.tell_read(reader);
        }
        let mut state = self.link.lock();
        if let Some(reader) = self.reader.take() {
            state.reader = Some(reader);
        }
        if state.session.leave(self.owner) || !clean {
            self.link.die(
                &mut state,
                &Error::new(ErrorKind::Unavailable, "the connection was given up in the middle of a command"),
            );
        }
        self.link.turn.notify_all();
    }
}
