//! Commands that ask for messages, sent so that the server always has some ahead of it and never so many that stopping is dear.

use crate::connection::Command;
use offlinesync_core::Uid;
use std::collections::{BTreeMap, VecDeque};

/// So many messages are asked for ahead of the answers at most, give or take one command.
const MESSAGES_AHEAD: usize = 2000;
/// So many commands are ahead of the answers at most.
const COMMANDS_AHEAD: usize = 64;
/// Messages in one command at most. A caller's order is kept between slices of this size.
pub(super) const SLICE: usize = 500;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is needed beforehand.
    Dates,
    /// Several messages.
    Group,
    /// One message, or the same messages once more, because the first answer was no use.
    Again,
}

/// A command and the messages it is about.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) kind: Kind,
    pub(super) command: Command,
    pub(super) uids: Vec<Uid>,
}

/// Commands waiting to be sent, and those sent.
#[derive(Debug, Default)]
pub(super) struct Asks {
    waiting: VecDeque<Ask>,
    sent: BTreeMap<usize, Ask>,
    next_index: usize,
    messages_ahead: usize,
}

impl Asks {
    /// Puts a command at the end of the queue.
    pub(super) fn push(&mut self, command: Command, kind: Kind, uids: Vec<Uid>) {
        self.waiting.push_back(Ask { kind, command, uids });
    }

    /// What to send now.
    pub(super) fn due(&mut self) -> Vec<Command> {
        let mut due = Vec::new();
        while self.messages_ahead < MESSAGES_AHEAD && self.sent.len() < COMMANDS_AHEAD {
            let Some(ask) = self.waiting.pop_front() else { break };
            self.messages_ahead += ask.uids.len();
            due.push(ask.command.clone());
            self.sent.insert(self.next_index, ask);
            self.next_index += 1;
        }
        due
    }

    /// The command whose answers come now: the oldest that has not ended.
    pub(super) fn current(&self) -> Option<&Ask> {
        self.sent.values().next()
    }

    /// Whether everything sent has ended and nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.sent.is_empty() && self.waiting.is_empty()
    }

    /// Command `index` has ended. A server may end commands in another order than they were sent in.
    pub(super) fn ended(&mut self, index: usize) -> Option<Ask> {
        let ask = self.sent.remove(&index)?;
        self.messages_ahead -= ask.uids.len();
        Some(ask)
    }

    /// Sends nothing more; answers what was still to be asked.
    pub(super) fn clear(&mut self) -> Vec<Ask> {
        self.waiting.drain(..).collect()
    }
}
