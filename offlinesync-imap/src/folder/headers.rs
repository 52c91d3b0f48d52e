//! The headers of some messages, for comparing and for showing.

use super::asks::{Asks, Kind, SLICE};
use super::changes;
use crate::codec::decoder::Item;
use crate::codec::response::{Data, Fetch, Response, Tagged};
use crate::commands::{fetch, is_ok, is_passing, refusal, sets};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::line_ending::ToCrlf;
use offlinesync_core::repository::HEADER_LIMIT;
use offlinesync_core::{Error, ErrorKind, Failures, Headers, MessageId, Result, Uid, UidValidity};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// Who gets a header.
pub(super) type Each<'a> = dyn FnMut(Headers<'_>) -> Result<()> + 'a;

/// The headers of some messages, on their way to a function.
pub(super) struct HeaderBlocks<'a> {
    each: &'a mut Each<'a>,
    uid_validity: Option<UidValidity>,
    /// Repository and folder, for messages.
    place: String,
    asks: Asks,
    pending: BTreeSet<Uid>,
    refused: BTreeMap<Uid, Error>,
    stopped: Option<Error>,
}

impl<'a> HeaderBlocks<'a> {
    /// Asks for `uids`.
    pub(super) fn new(uids: &[Uid], uid_validity: Option<UidValidity>, each: &'a mut Each<'a>) -> Self {
        let mut asks = Asks::default();
        for slice in uids.chunks(SLICE) {
            for (set, uids) in sets(slice.to_vec()) {
                asks.push(fetch::headers(&set), Kind::Group, uids);
            }
        }
        HeaderBlocks {
            each,
            uid_validity,
            place: String::new(),
            asks,
            pending: uids.iter().copied().collect(),
            refused: BTreeMap::new(),
            stopped: None,
        }
    }

    /// Names the place that errors happen in.
    #[must_use]
    pub(super) fn at(mut self, place: String) -> Self {
        self.place = place;
        self
    }

    /// The messages whose header the server refused, or the error of whoever gets the headers, if there was one.
    pub(super) fn finish(self) -> Result<Failures> {
        match self.stopped {
            Some(error) => Err(error),
            None => Ok(self.refused.into_iter().map(|(uid, error)| (MessageId::Uid(uid), error)).collect()),
        }
    }

    fn tell(&mut self, fetch: &Fetch) {
        let (Some(uid), Some(header)) = (fetch.uid, &fetch.header) else { return };
        if self.stopped.is_some() || !self.pending.remove(&uid) {
            return;
        }
        let header = with_crlf(header);
        let header = &header[..header.len().min(HEADER_LIMIT)];
        if let Err(error) = (self.each)(Headers { id: &MessageId::Uid(uid), octets: fetch.size, header }) {
            self.stop(error);
        }
    }

    /// What a server does not answer for may be new to this connection only, whose mailbox was selected before the message was listed over
    /// another one: by the end of the command it has been told of.
    fn ask_again(&mut self, uids: Vec<Uid>) {
        let left: Vec<Uid> = uids.into_iter().filter(|uid| self.pending.contains(uid)).collect();
        for (set, uids) in sets(left) {
            self.asks.push(fetch::headers(&set), Kind::Again, uids);
        }
    }

    fn refuse(&mut self, uids: impl Iterator<Item = Uid>, error: &Error) {
        let left = uids.filter(|uid| self.pending.contains(uid));
        self.refused.extend(left.map(|uid| (uid, error.again())));
    }

    fn stop(&mut self, error: Error) {
        self.stopped.get_or_insert(error);
        self.asks.clear();
    }
}

impl Exchange for HeaderBlocks<'_> {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(self.asks.due())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        if let Err(error) = changes::require_numbering(mailbox, self.uid_validity) {
            self.stop(error.at(&self.place));
        }
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        if let Item::Response(Response::Data(Data::Fetch(fetch))) = item {
            self.tell(&fetch);
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        let ask = self.asks.ended(index);
        if !is_ok(&tagged) {
            let error = refusal("headers could not be read", &tagged, ErrorKind::Message).at(&self.place);
            match ask {
                _ if is_passing(&tagged) => self.stop(error),
                Some(ask) if ask.kind == Kind::Group && self.stopped.is_none() => {
                    let left = ask.uids.into_iter().filter(|uid| self.pending.contains(uid));
                    left.for_each(|uid| self.asks.push(fetch::headers(uid), Kind::Again, vec![uid]));
                }
                _ => self.refuse(ask.into_iter().flat_map(|ask| ask.uids), &error),
            }
        } else if let Some(ask) = ask.filter(|ask| ask.kind == Kind::Group && self.stopped.is_none()) {
            self.ask_again(ask.uids);
        }
        Ok(self.asks.due())
    }
}

/// The header with CR LF line ends, whatever the server has stored.
fn with_crlf(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len());
    let Ok(()) = ToCrlf::default().convert(header, |run| {
        out.extend_from_slice(run);
        Ok::<(), Infallible>(())
    });
    out
}
