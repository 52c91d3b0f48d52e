//! The three questions that tell what is in a mailbox, as exchanges: every message with its flags, what changed since a state,
//! and the UIDs alone. They gather and check what one command said; what follows from it is decided in `changes`.

use super::ranges::Ranges;
use crate::codec::decoder::Item;
use crate::codec::response::{Condition, Data, Fetch, Response, Tagged};
use crate::codec::uidset;
use crate::commands::fetch::Naming;
use crate::commands::search::{self, Search};
use crate::commands::{fetch, is_expunge_issued, is_ok, mailbox, require_ok};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::wording::counted;
use offlinesync_core::{ContentId, Error, ErrorKind, Flags, Result, Uid};

/// The mailbox as SELECT showed it, and what came and went since.
#[derive(Debug, Default)]
pub(super) struct Watch {
    at: Option<Mailbox>,
    /// Messages reported gone since.
    pub(super) expunged: u64,
    /// Whether messages were reported to have come since.
    grown: bool,
    /// How many ranges of UIDs were named.
    heard: u64,
}

/// So many ranges may be named in one answer, and as many as there are messages and UIDs between them.
const ENDLESS: u64 = 1 << 18;

impl Watch {
    fn selected(&mut self, mailbox: &Mailbox) {
        *self = Watch { at: Some(mailbox.clone()), ..Watch::default() };
    }

    /// Notes what came or went.
    fn note(&mut self, data: &Data) {
        match data {
            Data::Expunge(_) => self.expunged += 1,
            Data::Vanished { earlier: false, uids } => self.expunged += uidset::count(uids),
            Data::Exists(exists) => self.grown |= u64::from(*exists) > self.left(),
            _ => {}
        }
    }

    /// Adds ranges. A server that repeats itself must not fill the memory, and one that never ends is not listened to for ever.
    fn collect(&mut self, ranges: &mut Ranges, more: impl IntoIterator<Item = (Uid, Uid)>) -> Result<()> {
        let before = ranges.len();
        ranges.extend(more);
        self.heard += (ranges.len() - before) as u64;
        if ranges.len() >= 1 << 16 && ranges.len() == ranges.capacity() {
            *ranges = uidset::merged(std::mem::take(ranges));
        }
        let exists = self.at.as_ref().map_or(0, |mailbox| u64::from(mailbox.exists));
        match self.heard > ENDLESS + 8 * exists {
            true => Err(Error::new(
                ErrorKind::Protocol,
                "the server's answer does not end: it names more messages than there are",
            )),
            false => Ok(()),
        }
    }

    /// How many of the messages there were at SELECT have not been reported gone.
    fn left(&self) -> u64 {
        self.at.as_ref().map_or(0, |mailbox| u64::from(mailbox.exists).saturating_sub(self.expunged))
    }

    /// The state at SELECT.
    pub(super) fn mailbox(&self) -> Result<&Mailbox> {
        self.at.as_ref().ok_or_else(|| Error::new(ErrorKind::Protocol, "the mailbox was never selected"))
    }

    /// What comes before SELECT has ended is about another mailbox or another state.
    fn is_selected(&self) -> bool {
        self.at.is_some()
    }

    fn is_empty(&self) -> bool {
        self.at.as_ref().is_some_and(|mailbox| mailbox.exists == 0)
    }

    /// The state at SELECT with what the listing proves wrong taken out: a UIDNEXT that is not above every UID there was.
    pub(super) fn believable(&self, highest: Option<Uid>) -> Result<Mailbox> {
        let mut mailbox = self.mailbox()?.clone();
        let below = |next: &u32| *next > 0 && (self.grown || highest.is_none_or(|uid| uid.get() < *next));
        mailbox.uid_next = mailbox.uid_next.filter(below);
        Ok(mailbox)
    }

    /// Fails unless the ranges, all that a listing named, hold as many messages as there must be: every one that was there at
    /// SELECT and has not been reported gone. Later arrivals do not make up for missing ones.
    pub(super) fn require_all(&self, listed: &[(Uid, Uid)]) -> Result<()> {
        let next = self.mailbox()?.uid_next.filter(|next| *next > 0 && self.grown);
        let old = listed.iter().filter_map(|(first, last)| match next {
            Some(next) => (first.get() < next).then(|| (*first, Uid::new(last.get().min(next - 1)).unwrap_or(*last))),
            None => Some((*first, *last)),
        });
        let (listed, exist) = (uidset::count(&old.collect::<Vec<_>>()), self.left());
        if listed >= exist {
            return Ok(());
        }
        let told = format!(
            "the listing is incomplete: the server told of {listed} of its {}; nothing was changed",
            counted(exist, "message")
        );
        Err(Error::new(ErrorKind::Folder, told))
    }
}

/// A listed message, and what the server calls its content.
pub(super) type Told = (Uid, Flags, Option<ContentId>);

/// Messages with their flags, each once: the last word counts.
#[derive(Debug, Default)]
pub(super) struct Seen {
    messages: Vec<Told>,
    compact_at: usize,
}

impl Seen {
    fn note(&mut self, fetch: Fetch) {
        let (Some(uid), Some(flags)) = (fetch.uid, fetch.flags) else { return };
        let content = fetch.email_id.zip(fetch.size).map(|(name, octets)| ContentId::of(name.as_bytes(), octets));
        self.messages.push((uid, flags, content));
        // A server that repeats itself must not fill the memory.
        if self.messages.len() > self.compact_at.max(1 << 16) {
            self.compact();
            self.compact_at = self.messages.len() * 2;
        }
    }

    fn compact(&mut self) {
        self.messages.reverse();
        self.messages.sort_by_key(|(uid, ..)| *uid);
        self.messages.dedup_by_key(|(uid, ..)| *uid);
    }

    /// The messages in ascending order.
    pub(super) fn into_messages(mut self) -> Vec<Told> {
        self.compact();
        self.messages
    }
}

/// Every message with its flags.
#[derive(Debug, Default)]
pub(super) struct AllFlags {
    pub(super) watch: Watch,
    pub(super) seen: Seen,
    /// Whether this is not the first listing of the folder.
    again: bool,
    naming: Option<Naming>,
}

impl AllFlags {
    /// `again`: not for the first time.
    pub(super) fn new(again: bool) -> Self {
        AllFlags { again, ..AllFlags::default() }
    }
}

impl Exchange for AllFlags {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        // Names are worth their octets once; a server without CONDSTORE would send all of them at every change.
        self.naming = Naming::of(session).filter(|_| !self.again || can_condstore(session));
        Ok(vec![fetch::all_flags(self.naming)])
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.watch.selected(mailbox);
        self.seen = Seen::default();
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(data)) if self.watch.is_selected() => {
                self.watch.note(&data);
                if let Data::Fetch(fetch) = data {
                    self.seen.note(fetch);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, _: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if !self.watch.is_empty() && refuses(&mut self.naming, &tagged) {
            return Ok(vec![fetch::all_flags(None)]);
        }
        // Some servers say BAD to a range in an empty mailbox. A message removed under the command's hands is for the count to judge.
        if !self.watch.is_empty() && !is_expunge_issued(&tagged) {
            require_ok("the messages could not be listed", &tagged, ErrorKind::Folder)?;
        }
        Ok(Vec::new())
    }
}

/// What changed since a mod-sequence.
#[derive(Debug)]
pub(super) struct Delta {
    mod_seq: u64,
    /// Whether the server was asked for removals too.
    pub(super) with_vanished: bool,
    pub(super) watch: Watch,
    pub(super) seen: Seen,
    /// What the server says was removed since; may name UIDs that never were, in any order.
    pub(super) vanished: Ranges,
    asked: bool,
    naming: Option<Naming>,
    /// Whether the command could be sent and succeeded. If not, nothing else counts.
    pub(super) answered: bool,
}

impl Delta {
    pub(super) fn since(mod_seq: u64) -> Self {
        Delta {
            mod_seq,
            with_vanished: false,
            watch: Watch::default(),
            seen: Seen::default(),
            vanished: Vec::new(),
            asked: false,
            naming: None,
            answered: false,
        }
    }
}

impl Exchange for Delta {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        if !can_condstore(session) {
            return Ok(vec![mailbox::noop()]);
        }
        self.asked = true;
        self.with_vanished = session.qresync;
        self.naming = Naming::of(session);
        Ok(vec![fetch::flags_since(self.mod_seq, session.qresync, self.naming)])
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.watch.selected(mailbox);
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(data)) if self.watch.is_selected() => {
                self.watch.note(&data);
                match data {
                    Data::Fetch(fetch) => self.seen.note(fetch),
                    Data::Vanished { earlier: true, uids } => self.watch.collect(&mut self.vanished, uids)?,
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, _: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if self.asked && refuses(&mut self.naming, &tagged) {
            return Ok(vec![fetch::flags_since(self.mod_seq, self.with_vanished, None)]);
        }
        self.answered = self.asked && is_ok(&tagged);
        Ok(Vec::new())
    }
}

/// Whether the server offers names and does not know them when it is asked. It is not asked again.
fn refuses(naming: &mut Option<Naming>, tagged: &Tagged) -> bool {
    let bad = tagged.status.condition == Condition::Bad;
    bad && naming.take().is_some()
}

/// Whether the server can tell what changed since a mod-sequence.
pub(super) fn can_condstore(session: &SessionView) -> bool {
    session.qresync || session.condstore || ["CONDSTORE", "QRESYNC"].iter().any(|c| session.capabilities.contains(*c))
}

/// The UIDs of all messages.
#[derive(Debug, Default)]
pub(super) struct Uids {
    pub(super) watch: Watch,
    found: Ranges,
}

impl Uids {
    /// What was found, ascending and disjoint; an error if it is not everything.
    pub(super) fn complete(self) -> Result<Ranges> {
        let found = uidset::merged(self.found);
        self.watch.require_all(&found)?;
        Ok(found)
    }
}

impl Exchange for Uids {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        Ok(vec![search::search(Search::All, session)])
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.watch.selected(mailbox);
        self.found.clear();
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(data)) if self.watch.is_selected() => {
                self.watch.note(&data);
                self.watch.collect(&mut self.found, search::found(&data))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, _: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        if !self.watch.is_empty() {
            require_ok("the messages could not be listed", &tagged, ErrorKind::Folder)?;
        }
        Ok(Vec::new())
    }
}

/// Nothing but the mailbox's state.
#[derive(Debug, Default)]
pub(super) struct Look {
    watch: Watch,
}

impl Look {
    /// The state.
    pub(super) fn mailbox(&self) -> Result<&Mailbox> {
        self.watch.mailbox()
    }
}

impl Exchange for Look {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(vec![mailbox::noop()])
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.watch.selected(mailbox);
        Ok(())
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, _: usize, _: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }
}
