//! Which of some messages are outside a window of age and size. For many, a search tells most of those outside; the dates and sizes of
//! the rest are fetched, for a search is no more exact than a day.

use super::asks::{Asks, Kind, SLICE};
use super::changes;
use crate::codec::decoder::Item;
use crate::codec::response::{Data, Response, Tagged};
use crate::commands::search::{self, Search};
use crate::commands::{fetch, is_ok, is_passing, refusal, sets};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::{Error, ErrorKind, MessageId, Result, Uid, UidValidity, Window};
use std::collections::BTreeSet;

/// From so many messages on, a search comes first.
const MANY: usize = 200;

/// Messages to be judged.
pub(super) struct Judged {
    window: Window,
    uid_validity: Option<UidValidity>,
    asks: Asks,
    /// Not judged yet. What has gone stays here.
    pending: BTreeSet<Uid>,
    found: BTreeSet<Uid>,
    outside: BTreeSet<Uid>,
    failed: Option<Error>,
}

impl Judged {
    pub(super) fn new(uids: Vec<Uid>, uid_validity: Option<UidValidity>, window: Window) -> Self {
        Judged {
            window,
            uid_validity,
            asks: Asks::default(),
            pending: uids.into_iter().collect(),
            found: BTreeSet::new(),
            outside: BTreeSet::new(),
            failed: None,
        }
    }

    /// Those outside.
    pub(super) fn finish(self) -> Result<Vec<MessageId>> {
        self.failed.map_or_else(|| Ok(self.outside.into_iter().map(MessageId::Uid).collect()), Err)
    }

    fn fetch(&mut self) {
        let uids: Vec<Uid> = self.pending.iter().copied().collect();
        for slice in uids.chunks(SLICE) {
            for (set, uids) in sets(slice.to_vec()) {
                self.asks.push(fetch::dates_and_sizes(&set), Kind::Group, uids);
            }
        }
    }

    fn searched(&mut self) {
        let outside: Vec<Uid> = self.pending.difference(&self.found).copied().collect();
        self.pending = std::mem::take(&mut self.found);
        self.outside.extend(outside);
        self.fetch();
    }

    fn note(&mut self, data: &Data) {
        if let Data::Fetch(fetch) = data
            && let Some(uid) = fetch.uid
            && (fetch.date.is_some() || fetch.size.is_some())
            && self.pending.remove(&uid)
            && !self.window.admits(fetch.date, fetch.size)
        {
            self.outside.insert(uid);
        }
        for (first, last) in search::found(data) {
            self.found.extend(self.pending.range(first..=last));
        }
    }
}

impl Exchange for Judged {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        match self.pending.len() {
            0..MANY => self.fetch(),
            _ => self.asks.push(search::search(Search::Around(&self.window), session), Kind::Dates, Vec::new()),
        }
        Ok(self.asks.due())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        if let Err(error) = changes::require_numbering(mailbox, self.uid_validity) {
            self.failed.get_or_insert(error);
            self.asks.clear();
        }
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        if let Item::Response(Response::Data(data)) = item {
            self.note(&data);
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        match self.asks.ended(index) {
            Some(ask) if ask.kind == Kind::Dates && is_ok(&tagged) => self.searched(),
            Some(ask) if ask.kind == Kind::Dates && !is_passing(&tagged) => self.fetch(),
            _ if is_ok(&tagged) => {}
            _ => {
                let error = refusal("the dates and sizes of messages could not be read", &tagged, ErrorKind::Folder);
                self.failed.get_or_insert(error);
                self.asks.clear();
            }
        }
        Ok(self.asks.due())
    }
}
