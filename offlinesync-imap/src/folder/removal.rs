//! Removal of exactly these messages, and a look at which of them are still there.
//!
//! OK proves nothing: Dovecot says it to UID EXPUNGE and leaves the messages, marked, when another client is at work in the mailbox and
//! STORE and EXPUNGE come in one flight.

use super::effects::Effects;
use super::ranges::{Ranges, difference};
use crate::codec::decoder::Item;
use crate::codec::response::{Data, Response, Tagged};
use crate::codec::uidset;
use crate::commands::search::{self, Search};
use crate::commands::store;
use crate::commands::{is_ok, refusal, sets, transfer};
use crate::connection::{Command, Exchange, Mailbox, SessionView};
use offlinesync_core::{Error, ErrorKind, Failures, Result, Uid};

/// One attempt.
#[derive(Debug)]
pub(super) struct Removal {
    effects: Effects,
    uids: Vec<Uid>,
    expunge: bool,
    stage: Stage,
    session: SessionView,
    /// Messages marked for removal, ours or not.
    marked: Ranges,
    /// Ours that the last look found.
    found: Ranges,
    vanished: Ranges,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The commands name their messages, the look included.
    Named,
    /// Messages are marked; which ones are marked in all comes next.
    Marking,
    Searching,
    /// Everything marked is expunged; a look comes next.
    Expunging,
    /// So many looks are under way.
    Looking(usize),
}

/// What an attempt came to.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// Messages that the server did not want to remove.
    pub(super) failures: Failures,
    /// Messages that are there though the server said that they were removed. All others are gone.
    pub(super) left: Vec<Uid>,
}

impl Removal {
    /// `expunge`: not only marked.
    pub(super) fn new(uids: Vec<Uid>, expunge: bool) -> Self {
        let marks = store::delete(uids.clone());
        Removal {
            effects: Effects::new(marks, "it was not removed"),
            uids,
            expunge,
            stage: Stage::Named,
            session: SessionView::default(),
            marked: Ranges::new(),
            found: Ranges::new(),
            vanished: Ranges::new(),
        }
    }

    /// What came of it.
    pub(super) fn finish(self) -> Removed {
        let there = difference(&uidset::merged(self.found), &uidset::merged(self.vanished));
        let is_left = |uid: &Uid| uidset::contains(&there, *uid) && !self.effects.has_failed(*uid);
        let left = self.uids.iter().copied().filter(is_left).collect();
        Removed { failures: self.effects.failures(), left }
    }

    fn still_marked(&mut self, why: impl Fn() -> String) {
        let uids = self.uids.clone();
        self.effects.fail(uids, |uid| still_there(uid, &why()));
    }

    /// Without UIDPLUS, EXPUNGE takes everything that is marked: only if all of that is ours.
    fn searched(&mut self, tagged: &Tagged) -> Vec<Command> {
        let ours = uidset::merged(self.uids.iter().map(|uid| (*uid, *uid)).collect());
        let theirs = difference(&uidset::merged(std::mem::take(&mut self.marked)), &ours);
        match (is_ok(tagged), uidset::count(&theirs)) {
            (true, 0) => {
                self.stage = Stage::Expunging;
                return vec![store::expunge_all_marked()];
            }
            (true, others) => self.still_marked(|| {
                let others = match others {
                    1 => "1 other message is".to_owned(),
                    _ => format!("{others} other messages are"),
                };
                format!("the server cannot expunge it alone (no UIDPLUS), and {others} marked too")
            }),
            (false, _) => self.still_marked(|| refusal("search failed", tagged, ErrorKind::Message).to_string()),
        }
        Vec::new()
    }

    fn looks(&self) -> Vec<(Command, Vec<Uid>)> {
        let look = |(set, uids): (String, Vec<Uid>)| (search::search(Search::Among(&set), &self.session), uids);
        sets(self.uids.clone()).into_iter().map(look).collect()
    }

    fn expunged(&mut self, tagged: &Tagged) -> Vec<Command> {
        if !is_ok(tagged) {
            self.still_marked(|| refusal("expunging failed", tagged, ErrorKind::Message).to_string());
            return Vec::new();
        }
        let looks: Vec<Command> = self.looks().into_iter().map(|(look, _)| look).collect();
        self.stage = Stage::Looking(looks.len());
        looks
    }
}

/// The failure of a message that is there though it should not be.
pub(super) fn still_there(uid: Uid, why: &str) -> Error {
    Error::new(ErrorKind::Message, format!("message {uid}: it was marked \\Deleted, but not removed: {why}"))
}

impl Exchange for Removal {
    fn commands(&mut self, session: &SessionView) -> Result<Vec<Command>> {
        self.session = session.clone();
        match (self.expunge, transfer::has_uidplus(session)) {
            (true, true) => {
                self.effects.extend(store::expunge(self.uids.clone()));
                let looks = self.looks();
                self.effects.extend(looks);
            }
            (true, false) => self.stage = Stage::Marking,
            (false, _) => {}
        }
        self.effects.commands(session)
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        match (self.stage, item) {
            (_, Item::Response(Response::Data(Data::Vanished { uids, .. }))) => self.vanished.extend(uids),
            (Stage::Searching, Item::Response(Response::Data(data))) => self.marked.extend(search::found(&data)),
            (Stage::Named | Stage::Looking(_), Item::Response(Response::Data(data))) => {
                self.found.extend(search::found(&data));
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, mailbox: &Mailbox) -> Result<Vec<Command>> {
        match self.stage {
            Stage::Named => self.effects.ended(index, tagged, mailbox),
            Stage::Marking => {
                let more = self.effects.ended(index, tagged, mailbox)?;
                if !more.is_empty() || !self.effects.asks.is_done() {
                    return Ok(more);
                }
                self.stage = Stage::Searching;
                Ok(vec![search::search(Search::Deleted, &SessionView::default())])
            }
            Stage::Searching => Ok(self.searched(&tagged)),
            Stage::Expunging => Ok(self.expunged(&tagged)),
            Stage::Looking(left) => {
                self.stage = Stage::Looking(left.saturating_sub(1));
                if !is_ok(&tagged) {
                    self.still_marked(|| refusal("a look at it failed", &tagged, ErrorKind::Message).to_string());
                }
                Ok(Vec::new())
            }
        }
    }
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
