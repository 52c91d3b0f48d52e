//! Commands that ask for messages, sent so that the server always has some ahead of it and never so many that stopping is dear.

use crate::connection::Command;
use offlinesync_core::Uid;
use std::collections::VecDeque;

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
    /// One message, because the answer for a group was no use.
    Alone,
}

/// The messages that one command asks for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) kind: Kind,
    pub(super) uids: Vec<Uid>,
}

/// Commands waiting to be sent, and those sent.
#[derive(Debug, Default)]
pub(super) struct Asks {
    waiting: VecDeque<(Command, Ask)>,
    sent: VecDeque<Ask>,
    first_sent: usize,
    messages_ahead: usize,
}

impl Asks {
    /// Puts a command at the end of the queue.
    pub(super) fn push(&mut self, command: Command, kind: Kind, uids: Vec<Uid>) {
        self.waiting.push_back((command, Ask { kind, uids }));
    }

    /// What to send now.
    pub(super) fn due(&mut self) -> Vec<Command> {
        let mut due = Vec::new();
        while self.messages_ahead < MESSAGES_AHEAD && self.sent.len() < COMMANDS_AHEAD {
            let Some((command, ask)) = self.waiting.pop_front() else { break };
            self.messages_ahead += ask.uids.len();
            self.sent.push_back(ask);
            due.push(command);
        }
        due
    }

    /// The command whose answers come now.
    pub(super) fn current(&self) -> Option<&Ask> {
        self.sent.front()
    }

    /// Command `index` has ended; answers come in the order of the commands.
    pub(super) fn ended(&mut self, index: usize) -> Option<Ask> {
        let at = index.checked_sub(self.first_sent)?;
        let ask = if at == 0 { self.sent.pop_front() } else { None }?;
        self.first_sent += 1;
        self.messages_ahead -= ask.uids.len();
        Some(ask)
    }

    /// Sends nothing more; answers what was still to be asked.
    pub(super) fn clear(&mut self) -> Vec<Ask> {
        self.waiting.drain(..).map(|(_, ask)| ask).collect()
    }
}
