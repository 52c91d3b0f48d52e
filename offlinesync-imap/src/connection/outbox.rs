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
    /// The command that nothing may follow yet, and what opens the way.
    gate: Option<(u32, Opens)>,
    held: VecDeque<(u32, Piece)>,
}

#[derive(Debug)]
enum Piece {
    Octets(Vec<u8>),
    Gate(Opens),
}

/// What opens a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    /// `+`, or the end of the command, whose rest is then not sent.
    Consent,
    /// The end of the command.
    End,
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
        self.close(tag, Opens::Consent);
    }

    /// From here on, wait for the end of this command.
    pub(super) fn gate_until_ended(&mut self, tag: u32) {
        self.close(tag, Opens::End);
    }

    fn close(&mut self, tag: u32, opens: Opens) {
        match self.gate {
            None => self.gate = Some((tag, opens)),
            Some(_) => self.held.push_back((tag, Piece::Gate(opens))),
        }
    }

    /// Whether the rest of this command waits for `+`, or for what is ahead of it.
    pub(super) fn is_waiting(&self, tag: u32) -> bool {
        let gated = |(of, piece): &(u32, Piece)| *of == tag && matches!(piece, Piece::Gate(_));
        self.gate.is_some_and(|(of, _)| of == tag) || self.held.iter().any(gated)
    }

    /// The server said `+`. Answers whether anyone waited for it.
    pub(super) fn open(&mut self) -> bool {
        let waited = self.gate.take_if(|(_, opens)| *opens == Opens::Consent).is_some();
        self.release();
        waited
    }

    /// The server ended this command: if it waits for `+`, the rest of it is not sent, and what is behind it may go.
    pub(super) fn ended(&mut self, tag: u32) {
        if self.gate.is_some_and(|(of, _)| of == tag) {
            self.gate = None;
            self.held.retain(|(of, _)| *of != tag);
            self.release();
        }
    }

    fn release(&mut self) {
        while self.gate.is_none() {
            match self.held.pop_front() {
                None => return,
                Some((tag, Piece::Gate(opens))) => self.gate = Some((tag, opens)),
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

    #[test]
    fn only_its_end_lets_anything_follow_a_command_that_nothing_may_follow() {
        let mut outbox = Outbox::default();
        outbox.octets(1, b"A1 COMPRESS DEFLATE");
        outbox.gate_until_ended(1);
        outbox.octets(2, b"A2 {1}");
        outbox.gate(2);
        outbox.octets(2, b"y");
        assert_eq!((take(&mut outbox), outbox.is_waiting(2)), ("A1 COMPRESS DEFLATE".into(), true));
        assert!(!outbox.open());
        assert_eq!(take(&mut outbox), "");
        outbox.ended(1);
        assert_eq!((take(&mut outbox), outbox.is_waiting(2)), ("A2 {1}".into(), true));
        assert!(outbox.open());
        assert_eq!((take(&mut outbox), outbox.is_waiting(2)), ("y".into(), false));
    }
}
