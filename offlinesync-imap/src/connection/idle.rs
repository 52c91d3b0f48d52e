//! IDLE (RFC 2177) on a connection that one thread has to itself.

use super::link::Exclusive;
use crate::codec::response::{Condition, Data, Response};
use crate::commands::refusal;
use offlinesync_core::{Error, ErrorKind, Result};
use std::time::{Duration, Instant, SystemTime};

/// How long is waited at a stretch; in between, the clock is compared with what should have passed.
const STRETCH: Duration = Duration::from_secs(30);

/// A clock that is further ahead than this tells of a system that slept.
const LEAP: Duration = Duration::from_secs(20);

impl Exclusive {
    /// Waits until something changes in the selected mailbox; `false` if nothing did until then.
    pub(super) fn idle(&mut self, until: Instant) -> Result<bool> {
        // Written as it is: a command for any mailbox might leave the one that is selected.
        self.begin(b"IDLE")?;
        self.end()?;
        let mut changed = self.begun_to_idle()?;
        while !changed && Instant::now() < until {
            changed = self.stretch(until)?;
        }
        self.say("DONE");
        loop {
            if let Some((_, tagged)) = self.ended() {
                return match tagged.status.condition {
                    Condition::Ok => Ok(changed),
                    _ => Err(refusal("IDLE ended badly", &tagged, ErrorKind::Folder)),
                };
            }
            changed |= tells_of_change(&self.response()?);
        }
    }

    /// Waits for the server's `+`; answers whether it told of a change before.
    fn begun_to_idle(&mut self) -> Result<bool> {
        let mut changed = false;
        loop {
            if let Some((_, tagged)) = self.ended() {
                return Err(refusal("the server does not idle", &tagged, ErrorKind::Folder));
            }
            match self.response()? {
                Response::Continue(_) => return Ok(changed),
                response => changed |= tells_of_change(&response),
            }
        }
    }

    fn stretch(&mut self, until: Instant) -> Result<bool> {
        let (began, clock) = (Instant::now(), SystemTime::now());
        let response = self.response_until(until.min(began + STRETCH))?;
        let (passed, told) = (began.elapsed(), clock.elapsed().unwrap_or_default());
        if told.saturating_sub(passed) > LEAP {
            let error = Error::new(ErrorKind::Unavailable, "the system slept; the connection is not trusted any more");
            self.link().kill(&error);
            return Err(error);
        }
        Ok(response.is_some_and(|response| tells_of_change(&response)))
    }
}

fn tells_of_change(response: &Response) -> bool {
    matches!(response, Response::Data(Data::Exists(_) | Data::Expunge(_) | Data::Vanished { .. } | Data::Fetch(_)))
}
