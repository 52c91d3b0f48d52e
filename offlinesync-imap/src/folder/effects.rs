//! Commands that change messages: flags and moves. A command that fails is a failure of the messages it is about; the others
//! go on.

use super::asks::{Asks, Kind};
use super::ranges::{Ranges, difference};
use crate::codec::decoder::Item;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::{Code, Data, Response, Tagged};
use crate::codec::uidset;
use crate::commands::search::{self, Search};
use crate::commands::store::ForUids;
use crate::commands::{is_expunge_issued, is_ok, of_message, refusal, sets, transfer};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::{Error, ErrorKind, Failures, FolderName, MessageId, Result, Uid};
use std::collections::BTreeMap;

/// Commands, each about some messages, all in one flight.
#[derive(Debug)]
pub(super) struct Effects {
    pub(super) asks: Asks,
    what: &'static str,
    failed: BTreeMap<Uid, Error>,
}

impl Effects {
    /// `what` says what could not be done when a command fails.
    pub(super) fn new(commands: Vec<ForUids>, what: &'static str) -> Self {
        let mut effects = Effects { asks: Asks::default(), what, failed: BTreeMap::new() };
        effects.extend(commands);
        effects
    }

    pub(super) fn extend(&mut self, commands: Vec<ForUids>) {
        commands.into_iter().for_each(|(command, uids)| self.asks.push(command, Kind::Group, uids));
    }

    pub(super) fn fail(&mut self, uids: impl IntoIterator<Item = Uid>, why: impl Fn(Uid) -> Error) {
        for uid in uids {
            self.failed.entry(uid).or_insert_with(|| why(uid));
        }
    }

    fn command_ended(&mut self, index: usize, tagged: &Tagged) {
        let ask = self.asks.ended(index);
        if let Some(ask) = ask.filter(|_| !is_ok(tagged) || matches!(tagged.status.code, Some(Code::Modified(_)))) {
            if ask.kind == Kind::Group && is_expunge_issued(tagged) {
                return self.asks.push(ask.command, Kind::Again, ask.uids);
            }
            let what = self.what;
            let failed = |uid: Uid| refusal(&format!("message {uid}: {what}"), tagged, ErrorKind::Message);
            self.fail(ask.uids, |uid| of_message(failed(uid)));
        }
    }

    /// Whether it failed for this message.
    pub(super) fn has_failed(&self, uid: Uid) -> bool {
        self.failed.contains_key(&uid)
    }

    /// The messages for which it failed.
    pub(super) fn failures(self) -> Failures {
        self.failed.into_iter().map(|(uid, error)| (MessageId::Uid(uid), error)).collect()
    }
}

impl Exchange for Effects {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(self.asks.due())
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        self.command_ended(index, &tagged);
        Ok(self.asks.due())
    }
}

/// Changes of flags, and a look at which of the messages are there: STORE says OK whether they are or not.
#[derive(Debug)]
pub(super) struct FlagChanges {
    effects: Effects,
    uids: Vec<Uid>,
    found: Ranges,
    vanished: Ranges,
    /// A message was told to be gone, but not which: the search may have come too early to know.
    look_again: bool,
    session: SessionView,
}

impl FlagChanges {
    pub(super) fn new(commands: Vec<ForUids>) -> Self {
        let uids = commands.iter().flat_map(|(_, uids)| uids.iter().copied()).collect();
        FlagChanges {
            effects: Effects::new(commands, "its flags were not changed"),
            uids,
            found: Ranges::new(),
            vanished: Ranges::new(),
            look_again: false,
            session: SessionView::default(),
        }
    }

    fn look(&mut self) {
        self.found.clear();
        for (set, uids) in sets(self.uids.clone()) {
            self.effects.extend(vec![(search::search(Search::Among(&set), &self.session), uids)]);
        }
    }

    /// The messages whose flags are not as they should be.
    pub(super) fn failures(mut self) -> Failures {
        let there = difference(&uidset::merged(self.found), &uidset::merged(self.vanished));
        let gone = self.uids.into_iter().filter(|uid| !uidset::contains(&there, *uid));
        self.effects.fail(gone, |uid| Error::new(ErrorKind::Message, format!("message {uid} is gone")));
        self.effects.failures()
    }
}

impl Exchange for FlagChanges {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.session = session.clone();
        self.look();
        self.effects.commands(session)
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match item {
            Item::Response(Response::Data(Data::Expunge(_))) => self.look_again = true,
            Item::Response(Response::Data(Data::Vanished { uids, .. })) => self.vanished.extend(uids),
            Item::Response(Response::Data(data)) => self.found.extend(search::found(&data)),
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        self.effects.command_ended(index, &tagged);
        if self.effects.asks.is_done() && std::mem::take(&mut self.look_again) {
            self.look();
        }
        Ok(self.effects.asks.due())
    }
}

/// A move into another mailbox of the server.
#[derive(Debug)]
pub(super) struct Transfer {
    effects: Effects,
    uids: Vec<Uid>,
    to: FolderName,
    form: NameForm,
    copied: bool,
    moved: BTreeMap<Uid, Uid>,
    refused: Option<Error>,
}

impl Transfer {
    pub(super) fn new(mut uids: Vec<Uid>, to: FolderName, form: NameForm) -> Self {
        uids.sort_unstable();
        let effects = Effects::new(Vec::new(), "it was not moved");
        Transfer { effects, uids, to, form, copied: false, moved: BTreeMap::new(), refused: None }
    }

    /// Where each message went; an error if none could be moved and the server said why.
    pub(super) fn finish(self) -> Result<BTreeMap<Uid, Uid>> {
        match self.refused {
            Some(error) if self.moved.is_empty() => Err(error),
            _ => Ok(self.moved),
        }
    }

    /// Whether the originals are still there: their copies are, where they are named, and now the originals can be removed.
    pub(super) fn has_copied(&self) -> bool {
        self.copied
    }

    /// Takes the pairs a COPYUID names.
    fn note(&mut self, code: Option<&Code>) {
        let pairs = code.map(|code| transfer::pairs(code, self.uids.len())).unwrap_or_default();
        self.moved.extend(pairs.into_iter().filter(|(from, _)| self.uids.binary_search(from).is_ok()));
    }
}

impl Exchange for Transfer {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.form.utf8 = session.utf8;
        let commands = if transfer::can_move(session) {
            transfer::moves(self.uids.clone(), &self.to, self.form)
        } else {
            self.copied = true;
            transfer::copies(self.uids.clone(), &self.to, self.form)
        };
        self.effects.extend(commands);
        self.effects.commands(session)
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        if let Item::Response(Response::Status(status)) = item {
            self.note(status.code.as_ref());
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, mailbox: &Mailbox) -> Result<Vec<Command>> {
        if !is_ok(&tagged) && !is_expunge_issued(&tagged) {
            self.refused.get_or_insert_with(|| refusal("messages were not moved", &tagged, ErrorKind::Folder));
        }
        self.note(tagged.status.code.as_ref());
        self.effects.ended(index, tagged, mailbox)
    }
}

#[cfg(test)]
#[path = "effects_tests.rs"]
mod tests;
