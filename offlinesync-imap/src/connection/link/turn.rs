//! Running an exchange: waiting for the baton, leading with it, handing it over.

use super::super::session::{Front, Notice, Owner};
use super::super::{Exchange, Expected, On, Reader, WORTH_COMPRESSING};
use super::{Link, NAP};
use crate::codec::decoder::Item;
use crate::codec::response::Response;
use offlinesync_core::{Error, ErrorKind, Result};
use std::sync::PoisonError;

/// What someone with commands on the connection does next.
enum Turn<'a> {
    Done,
    Told(Notice),
    Lead(Baton<'a>),
}

/// What became of the leader's next item.
enum Step {
    /// More may have been read already.
    More,
    /// Everything read is dealt with.
    Starved,
    /// Others have the oldest commands now, or nobody has any.
    Over,
}

/// The right to read. Dropped, it goes to the next; if its holder panics, the connection ends.
pub(super) struct Baton<'a> {
    link: &'a Link,
    reader: Option<Box<Reader>>,
}

impl Drop for Baton<'_> {
    fn drop(&mut self) {
        if let Some(reader) = &mut self.reader {
            self.link.tell_read(reader);
        }
        let mut state = self.link.lock();
        state.reader = self.reader.take();
        if std::thread::panicking() {
            self.link.die(&mut state, &Error::new(ErrorKind::Protocol, "the reader of the connection failed"));
        }
        drop(state);
        self.link.turn.notify_all();
    }
}

/// Someone in line. Dropped, they leave; a connection that still has answers to give, and nobody to hear them, is closed.
pub(in crate::connection) struct Place<'a> {
    link: &'a Link,
    owner: Owner,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.link.lock();
        if state.session.leave(self.owner) && state.session.load() == 0 {
            let message = "the connection was given up in the middle of an answer";
            self.link.die(&mut state, &Error::new(ErrorKind::Unavailable, message));
        }
        self.link.send(state);
        self.link.turn.notify_all();
    }
}

impl Place<'_> {
    /// Runs an exchange to its end on this thread.
    pub(in crate::connection) fn run(self, on: On<'_>, expected: Expected, exchange: &mut dyn Exchange) -> Result<()> {
        let (link, owner) = (self.link, self.owner);
        let commands = exchange.commands(&link.view())?;
        link.line.expect(expected.now.saturating_add(expected.afterwards));
        let mut state = link.lock();
        link.compress_if_worth(&mut state, expected.now);
        state.session.start(owner, on.into(), commands);
        // Behind these commands it costs no time: what follows them waits for their answers anyway.
        link.compress_if_worth(&mut state, expected.afterwards);
        link.send(state);
        loop {
            match link.turn(owner)? {
                Turn::Done => return Ok(()),
                Turn::Told(notice) => link.pass_on(owner, notice, exchange)?,
                Turn::Lead(mut baton) => link.lead(owner, &mut baton, exchange)?,
            }
        }
    }
}

impl Link {
    /// Gets in line, if the connection is there at all.
    pub(in crate::connection) fn enter(&self) -> Option<Place<'_>> {
        let mut state = self.lock();
        state.dead.is_none().then(|| Place { link: self, owner: state.session.enter() })
    }

    /// Why nobody can get in line any more.
    pub(in crate::connection) fn death(&self) -> Error {
        let lost = || Error::new(ErrorKind::Unavailable, "the connection is closed");
        self.lock().dead.as_ref().map_or_else(lost, Error::again)
    }

    /// Waits until there is something to do.
    fn turn(&self, owner: Owner) -> Result<Turn<'_>> {
        let mut state = self.lock();
        loop {
            if let Some(notice) = state.session.next_notice(owner) {
                return Ok(Turn::Told(notice));
            }
            if let Some(error) = state.session.failure(owner) {
                return Err(error);
            }
            if state.session.is_done(owner) {
                return Ok(Turn::Done);
            }
            if let Some(death) = &state.dead {
                return Err(death.again());
            }
            self.config.cancel.check()?;
            let mine = match state.session.front() {
                Front::Owner(front) => front == owner,
                Front::Nobody | Front::Nothing => true,
            };
            if mine && let Some(reader) = state.reader.take() {
                return Ok(Turn::Lead(Baton { link: self, reader: Some(reader) }));
            }
            state = self.turn.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lead(&self, owner: Owner, baton: &mut Baton<'_>, exchange: &mut dyn Exchange) -> Result<()> {
        let Some(reader) = &mut baton.reader else { return Ok(()) };
        loop {
            match self.step(owner, reader, exchange)? {
                Step::More => {}
                Step::Starved => self.receive(reader)?,
                Step::Over => return Ok(()),
            }
        }
    }

    fn step(&self, owner: Owner, reader: &mut Reader, exchange: &mut dyn Exchange) -> Result<Step> {
        self.tell_read(reader);
        let (body, mailbox) = (reader.body, reader.mailbox.clone());
        match reader.next().map_err(|error| self.dying(error))? {
            None => return Ok(Step::Starved),
            Some(Item::Response(response)) => return self.response(owner, response, reader, exchange),
            Some(Item::BodyStart(start)) => {
                let receiver = {
                    let state = self.lock();
                    let mailbox = state.session.selection.mailbox();
                    (state.session.body_receiver(), mailbox)
                };
                (reader.body, reader.mailbox) = receiver;
                if reader.body == Some(owner) {
                    exchange.item(Item::BodyStart(start), &reader.mailbox)?;
                }
            }
            Some(item) if body == Some(owner) => exchange.item(item, &mailbox)?,
            Some(_) => {}
        }
        Ok(Step::More)
    }

    fn response(
        &self,
        owner: Owner,
        response: Response,
        reader: &mut Reader,
        exchange: &mut dyn Exchange,
    ) -> Result<Step> {
        let ends = matches!(response, Response::Tagged(_) | Response::Continue(_) | Response::Status(_));
        let mut state = self.lock();
        let absorbed = state.absorb(response, reader);
        reader.mailbox = state.session.selection.mailbox();
        if ends {
            self.send(state);
        } else {
            drop(state);
        }
        if let Some((receiver, response)) = absorbed.map_err(|error| self.dying(error))?
            && receiver == owner
        {
            exchange.item(Item::Response(response), &reader.mailbox)?;
        }
        if ends { self.after_end(owner, exchange) } else { Ok(Step::More) }
    }

    /// A command may have ended: tells the exchange, and looks who leads on.
    fn after_end(&self, owner: Owner, exchange: &mut dyn Exchange) -> Result<Step> {
        loop {
            let notice = self.lock().session.next_notice(owner);
            match notice {
                Some(notice) => self.pass_on(owner, notice, exchange)?,
                None => break,
            }
        }
        let mut state = self.lock();
        if let Some(error) = state.session.failure(owner) {
            return Err(error);
        }
        Ok(match state.session.front() {
            _ if state.session.is_done(owner) => Step::Over,
            Front::Owner(front) if front != owner => Step::Over,
            _ => Step::More,
        })
    }

    fn pass_on(&self, owner: Owner, notice: Notice, exchange: &mut dyn Exchange) -> Result<()> {
        let more = match notice {
            Notice::Selected(mailbox) => return exchange.selected(&mailbox),
            Notice::Ended(index, tagged, mailbox) => exchange.ended(index, tagged, &mailbox)?,
        };
        if !more.is_empty() {
            let mut state = self.lock();
            if self.line.is_narrow() {
                // It was not known when the first commands were sent.
                self.compress_if_worth(&mut state, WORTH_COMPRESSING);
            }
            state.session.extend(owner, more);
            self.send(state);
        }
        Ok(())
    }
}
