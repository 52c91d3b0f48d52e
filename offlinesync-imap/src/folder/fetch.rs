//! Streams message bodies from the server into a sink. Knows what servers do wrong here, and holds no message.
//!
//! Most servers answer `UID n INTERNALDATE "…" BODY[] {…}` in this order. One that puts UID or date behind the body is asked again
//! for the messages concerned, alone, with what the first answer told; the same goes for a message without content and for a
//! command that was refused as a whole.

use super::asks::{Ask, Asks, Kind, SLICE};
use super::changes;
use crate::codec::decoder::Item;
use crate::codec::response::{Body, BodyStart, Data, Fetch, Response, Tagged};
use crate::commands::{fetch, is_ok, is_passing, of_message, refusal, sets};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::line_ending::ToLf;
use offlinesync_core::{
    Error, ErrorKind, Incoming, InternalDate, LineEnding, MessageId, Result, Sink, Uid, UidValidity,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// After an error of the sink, so many octets are read and dropped to keep the connection; for more it is cheaper to open another.
const DRAIN_LIMIT: u64 = 1 << 20;

/// What a server puts behind the body though it was asked for before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Late {
    #[default]
    Nothing,
    Date,
    Uid,
}

impl Late {
    /// The inverse of `as u8`.
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            0 => Late::Nothing,
            1 => Late::Date,
            _ => Late::Uid,
        }
    }
}

#[derive(Debug)]
enum Current {
    /// No body is coming.
    None,
    /// This message flows into the sink.
    Flowing(Uid, Option<ToLf>),
    /// This body is dropped because UID or date are still to come.
    Late,
    /// This body is dropped.
    Dropped,
}

/// The bodies of some messages, on their way into a sink.
pub(super) struct Bodies<'a> {
    sink: &'a mut dyn Sink,
    form: LineEnding,
    uid_validity: Option<UidValidity>,
    /// Repository and folder, for messages.
    place: String,
    asks: Asks,
    /// Messages that have not been delivered yet.
    pending: BTreeSet<Uid>,
    /// Those among them that were answered, but in a form that could not be used, with what is wrong with it.
    odd: BTreeMap<Uid, &'static str>,
    dates: BTreeMap<Uid, Option<InternalDate>>,
    current: Current,
    /// The last piece of a body, converted: lines are short, and to hand them on one by one costs more than to copy them.
    converted: Vec<u8>,
    left: u64,
    late: Late,
    stopped: Option<Error>,
    dropped: u64,
    delivered: usize,
}

impl<'a> Bodies<'a> {
    /// Asks for `uids`, in about this order. `late` is what is known of the server's habits.
    pub(super) fn new(
        uids: &[Uid],
        form: LineEnding,
        uid_validity: Option<UidValidity>,
        late: Late,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let mut bodies = Bodies {
            sink,
            form,
            uid_validity,
            place: String::new(),
            asks: Asks::default(),
            pending: uids.iter().copied().collect(),
            odd: BTreeMap::new(),
            dates: BTreeMap::new(),
            current: Current::None,
            converted: Vec::new(),
            left: 0,
            late,
            stopped: None,
            dropped: 0,
            delivered: 0,
        };
        uids.chunks(SLICE).for_each(|slice| bodies.ask(slice));
        bodies
    }

    /// Names the place that errors happen in.
    #[must_use]
    pub(super) fn at(mut self, place: String) -> Self {
        self.place = place;
        self
    }

    fn ask(&mut self, slice: &[Uid]) {
        for (set, uids) in sets(slice.to_vec()) {
            if self.late > Late::Nothing {
                self.asks.push(fetch::dates(&set), Kind::Dates, uids.clone());
            }
            match self.late {
                Late::Uid => uids.into_iter().for_each(|uid| self.ask_alone(uid)),
                _ => self.asks.push(fetch::bodies(&set), Kind::Group, uids),
            }
        }
    }

    fn ask_alone(&mut self, uid: Uid) {
        self.asks.push(fetch::body_again(uid), Kind::Again, vec![uid]);
    }

    /// What is asked from now on is asked in the way that suits a server with this habit.
    fn found_late(&mut self, late: Late) {
        if late <= self.late {
            return;
        }
        self.late = late;
        for ask in self.asks.clear() {
            match ask.kind {
                Kind::Dates => {}
                Kind::Group => self.ask(&ask.uids),
                Kind::Again => ask.uids.into_iter().for_each(|uid| self.ask_alone(uid)),
            }
        }
    }

    /// What was learned of the server's habits.
    pub(super) fn late(&self) -> Late {
        self.late
    }

    /// Whether the call shall end whatever is still to come.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Messages delivered or given up.
    pub(super) fn settled(&self) -> usize {
        self.delivered
    }

    /// The messages still to be asked for, after the connection was lost. One that was cut in the middle is given up for now.
    pub(super) fn after_a_break(mut self, why: &Error) -> Result<Vec<Uid>> {
        if let Current::Flowing(uid, _) = std::mem::replace(&mut self.current, Current::None) {
            let error = Error::new(ErrorKind::Unavailable, format!("message {uid} was cut short: {why}"));
            self.give_up(uid, error.with_retry_after(Duration::ZERO))?;
        }
        Ok(self.pending.into_iter().collect())
    }

    /// The error that ended the call early, if there was one: usually the sink's.
    pub(super) fn finish(self) -> Result<()> {
        self.stopped.map_or(Ok(()), Err)
    }

    fn begin(&mut self, start: &BodyStart) -> Result<()> {
        self.left = start.octets;
        if self.stopped.is_some() && self.dropped + start.octets > DRAIN_LIMIT {
            return Err(stop());
        }
        self.current = self.usable(start);
        match &self.current {
            Current::Flowing(uid, _) => {
                let (id, date) = (MessageId::Uid(*uid), self.date(*uid, &start.fetch));
                let begun = self.sink.begin(&Incoming { id: &id, octets: start.octets, date });
                self.check(begun)
            }
            _ => {
                self.dropped += start.octets;
                Ok(())
            }
        }
    }

    /// What to do with a body that begins.
    fn usable(&mut self, start: &BodyStart) -> Current {
        let alone = self.asks.current().filter(|ask| ask.kind == Kind::Again).and_then(|ask| ask.uids.first());
        let Some(uid) = start.fetch.uid.or(alone.copied()).filter(|_| self.stopped.is_none()) else {
            return if self.stopped.is_some() { Current::Dropped } else { Current::Late };
        };
        if !self.pending.contains(&uid) {
            return Current::Dropped;
        }
        let dated = start.fetch.date.is_some() || self.dates.contains_key(&uid) || alone.is_some();
        if !dated {
            return Current::Late;
        }
        if start.octets == 0 && !self.may_be_empty(uid, alone.is_some(), start.fetch.size) {
            return Current::Dropped;
        }
        Current::Flowing(uid, (self.form == LineEnding::Lf).then(ToLf::default))
    }

    /// A message without a single octet is mail like any other if the server says so twice, and says that its size is 0.
    fn may_be_empty(&mut self, uid: Uid, asked_alone: bool, size: Option<u64>) -> bool {
        if asked_alone && size == Some(0) {
            return true;
        }
        self.odd.insert(uid, "the server sent it without content");
        false
    }

    fn date(&self, uid: Uid, fetch: &Fetch) -> Option<InternalDate> {
        fetch.date.or_else(|| self.dates.get(&uid).copied().flatten())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        let Current::Flowing(_, convert) = &mut self.current else { return Ok(()) };
        let piece = match convert {
            Some(convert) => {
                self.converted.clear();
                convert.append(bytes, &mut self.converted);
                self.converted.as_slice()
            }
            None => bytes,
        };
        let written = if piece.is_empty() { Ok(()) } else { self.sink.write(piece) };
        self.check(written)
    }

    fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.current, Current::None) {
            Current::Flowing(uid, convert) => {
                let sink = &mut *self.sink;
                let ended = convert.map_or(Ok(()), |mut convert| convert.finish(|run| sink.write(run)));
                let ended = ended.and_then(|()| sink.end());
                self.settle(uid);
                self.check(ended)
            }
            Current::Late => {
                self.current = Current::Late;
                Ok(())
            }
            Current::None | Current::Dropped => Ok(()),
        }
    }

    fn settle(&mut self, uid: Uid) {
        self.delivered += usize::from(self.pending.remove(&uid));
        self.odd.remove(&uid);
    }

    /// Keeps the sink's error for the end. What is left of the body is dropped, or the connection with it.
    fn check(&mut self, result: Result<()>) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        self.current = Current::Dropped;
        self.asks.clear();
        self.dropped += self.left;
        self.stopped = Some(error);
        if self.dropped > DRAIN_LIMIT { Err(stop()) } else { Ok(()) }
    }

    /// A whole FETCH: the end of a streamed body, a small body, or an answer without any.
    fn answered(&mut self, fetch: Fetch) -> Result<()> {
        let was_late = matches!(std::mem::replace(&mut self.current, Current::None), Current::Late);
        let Some(uid) = fetch.uid else { return Ok(()) };
        if self.stopped.is_some() || !self.pending.contains(&uid) {
            return Ok(());
        }
        match fetch.body {
            Body::Streamed if was_late => self.learn(uid, &fetch),
            Body::Streamed => {}
            Body::Inline(ref bytes) => return self.deliver(uid, bytes, &fetch),
            Body::Nil => {
                self.odd.insert(uid, "the server has no content for it");
            }
            Body::Absent if fetch.date.is_some() => {
                self.dates.insert(uid, fetch.date);
                if self.asks.current().is_some_and(|ask| ask.kind != Kind::Dates && ask.uids.contains(&uid)) {
                    self.odd.insert(uid, "the server left its content out");
                }
            }
            Body::Absent => {}
        }
        Ok(())
    }

    fn learn(&mut self, uid: Uid, fetch: &Fetch) {
        let late = match self.dates.insert(uid, fetch.date) {
            None if fetch.date.is_some() => Late::Date,
            _ => Late::Nothing,
        };
        self.found_late(late);
        self.odd.insert(uid, "the server named it only after its content");
    }

    fn deliver(&mut self, uid: Uid, bytes: &[u8], fetch: &Fetch) -> Result<()> {
        let start = BodyStart { octets: bytes.len() as u64, fetch: Fetch { uid: Some(uid), ..fetch.clone() } };
        self.begin(&start)?;
        if matches!(self.current, Current::Late) {
            // All of it is here: nothing can come behind it.
            self.dates.insert(uid, fetch.date);
            self.begin(&start)?;
        }
        if matches!(self.current, Current::Flowing(..)) {
            self.data(bytes)?;
            self.end()?;
        }
        self.current = Current::None;
        Ok(())
    }

    fn give_up(&mut self, uid: Uid, error: Error) -> Result<()> {
        self.settle(uid);
        let told = self.sink.failed(&MessageId::Uid(uid), error.at(&self.place));
        self.check(told)
    }

    /// A command has ended: what it left unanswered is asked for once more alone, or given up.
    fn settle_ask(&mut self, ask: Ask, tagged: &Tagged) -> Result<()> {
        if ask.kind == Kind::Dates {
            ask.uids.iter().for_each(|uid| {
                self.dates.entry(*uid).or_default();
            });
            return Ok(());
        }
        for uid in ask.uids {
            if self.stopped.is_some() {
                break;
            }
            if !self.pending.contains(&uid) {
                continue;
            }
            match self.odd.get(&uid) {
                None if is_ok(tagged) => self.give_up(uid, gone(uid))?,
                _ if ask.kind == Kind::Group => self.ask_alone(uid),
                Some(why) => {
                    let error = Error::new(ErrorKind::Message, format!("message {uid} could not be read: {why}"));
                    self.give_up(uid, error)?;
                }
                None => {
                    let what = format!("message {uid} could not be read");
                    self.give_up(uid, of_message(refusal(&what, tagged, ErrorKind::Message)))?;
                }
            }
        }
        Ok(())
    }
}

/// Ends the exchange at once; the reason is in [`Bodies::finish`].
fn stop() -> Error {
    Error::new(ErrorKind::Folder, "reading was ended")
}

fn gone(uid: Uid) -> Error {
    Error::new(ErrorKind::Message, format!("message {uid} is gone: the server did not answer for it"))
}

impl Exchange for Bodies<'_> {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(self.asks.due())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        let verified = changes::require_numbering(mailbox, self.uid_validity);
        self.check(verified.map_err(|error| error.at(&self.place)))
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::BodyStart(start) => {
                if start.fetch.uid.is_none() && self.stopped.is_none() {
                    self.found_late(Late::Uid);
                }
                self.begin(&start)
            }
            Item::BodyData(bytes) => self.data(bytes),
            Item::BodyEnd => self.end(),
            Item::Response(Response::Data(Data::Fetch(fetch))) => self.answered(fetch),
            Item::Response(_) => Ok(()),
        }
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if !is_ok(&tagged) && is_passing(&tagged) && self.stopped.is_none() {
            let error = refusal("messages could not be read", &tagged, ErrorKind::Unavailable);
            self.stopped = Some(error.at(&self.place));
            self.asks.clear();
        }
        if let Some(ask) = self.asks.ended(index) {
            self.settle_ask(ask, &tagged)?;
        }
        Ok(self.asks.due())
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
