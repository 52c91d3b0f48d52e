//! What is to be sent, in order, with the places where the server must first say `+`. Pure.

use std::collections::VecDeque;
use zeroize::Zeroize;

/// Octets and gates. Everything behind a gate waits until it is opened.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// May be sent now: `ready[sent..]`.
    ready: Vec<u8>,
    sent: usize,
    secret: bool,
    /// The command whose literal waits for `+`.
    gate: Option<u32>,
    held: VecDeque<(u32, Piece)>,
}

#[derive(Debug)]
enum Piece {
    Octets(Vec<u8>),
    Gate,
}

impl Outbox {
    /// Appends octets of the command with this tag.
    pub(super) fn octets(&mut self, tag: u32, octets: &[u8]) {
        if self.gate.is_none() {
            self.ready.extend_from_slice(octets);
        } else if let Some((last, Piece::Octets(held))) = self.held.back_mut()
            && *last == tag
        {
            held.extend_from_slice(octets);
        } else {
            self.held.push_back((tag, Piece::Octets(octets.to_vec())));
        }
    }

    /// Something in here is secret: memory is wiped once it is sent.
    pub(super) fn mark_secret(&mut self) {
        self.secret = true;
    }

    /// From here on, wait for `+`.
    pub(super) fn gate(&mut self, tag: u32) {
        match self.gate {
            None => self.gate = Some(tag),
            Some(_) => self.held.push_back((tag, Piece::Gate)),
        }
    }

    /// The command that waits for `+`.
    pub(super) fn waiting(&self) -> Option<u32> {
        self.gate
    }

    /// The server said `+`. Answers whether anyone waited for it.
    pub(super) fn open(&mut self) -> bool {
        let waited = self.gate.take().is_some();
        self.release();
        waited
    }

    /// The server ended this command: if it waits for `+`, the rest of it is not sent, and what is behind it may go.
    pub(super) fn ended(&mut self, tag: u32) {
        if self.gate == Some(tag) {
            self.gate = None;
            self.held.retain(|(of, _)| *of != tag);
            self.release();
        }
    }

    fn release(&mut self) {
        while self.gate.is_none() {
            match self.held.pop_front() {
                None => return,
                Some((tag, Piece::Gate)) => self.gate = Some(tag),
                Some((_, Piece::Octets(mut octets))) => {
                    self.ready.extend_from_slice(&octets);
                    if self.secret {
                        octets.zeroize();
                    }
                }
            }
        }
    }

    /// What may be sent now.
    pub(super) fn pending(&self) -> &[u8] {
        self.ready.get(self.sent..).unwrap_or_default()
    }

    /// How much waits in all, sendable or not.
    pub(super) fn len(&self) -> usize {
        let held = self.held.iter().map(|(_, piece)| if let Piece::Octets(octets) = piece { octets.len() } else { 0 });
        self.pending().len() + held.sum::<usize>()
    }

    /// So much of [`Outbox::pending`] was sent.
    pub(super) fn consume(&mut self, octets: usize) {
        self.sent += octets;
        if self.sent < self.ready.len() {
            return;
        }
        if self.secret {
            self.ready.zeroize();
            self.secret = !self.held.is_empty();
        }
        self.ready.clear();
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(outbox: &mut Outbox) -> String {
        let text = String::from_utf8(outbox.pending().to_vec()).unwrap();
        outbox.consume(text.len());
        text
    }

    #[test]
    fn nothing_passes_a_gate_before_it_is_opened() {
        let mut outbox = Outbox::default();
        outbox.octets(1, b"A1 LOGIN {2}");
        outbox.gate(1);
        outbox.octets(1, b"me {2}");
        outbox.gate(1);
        outbox.octets(1, b"pw");
        outbox.octets(2, b"A2 NOOP");
        assert_eq!(take(&mut outbox), "A1 LOGIN {2}");
        assert_eq!(take(&mut outbox), "");
        assert!(outbox.open());
        assert_eq!(take(&mut outbox), "me {2}");
        assert!(outbox.open());
        assert_eq!(take(&mut outbox), "pwA2 NOOP");
        assert!(!outbox.open());
    }

    #[test]
    fn a_refused_literal_is_left_out_and_the_next_command_goes_on() {
        let mut outbox = Outbox::default();
        outbox.octets(1, b"A1 {1}");
        outbox.gate(1);
        outbox.octets(1, b"x");
        outbox.octets(2, b"A2 {1}");
        outbox.gate(2);
        outbox.octets(2, b"y");
        assert_eq!(take(&mut outbox), "A1 {1}");
        outbox.ended(2);
        assert_eq!((take(&mut outbox), outbox.len()), (String::new(), 8));
        outbox.ended(1);
        assert_eq!(take(&mut outbox), "A2 {1}");
        outbox.open();
        assert_eq!(take(&mut outbox), "y");
    }
}
