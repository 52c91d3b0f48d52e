//! What can go wrong on a line. Pure: counts octets and says how many of them still pass.

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What goes wrong on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed once so many octets have passed this way.
    Cut {
        /// The way.
        way: Way,
        /// Octets that pass.
        after: u64,
    },
    /// Nothing more passes this way after so many octets, and nobody is told: the line is dead.
    Stall {
        /// The way.
        way: Way,
        /// Octets that pass.
        after: u64,
    },
    /// The connection is closed in the middle of a literal (RFC 3501 section 4.3).
    InLiteral {
        /// The way.
        way: Way,
        /// Which of the literals of two octets and more that pass this way; the first is 0.
        literal: u32,
    },
    /// Everything passes this way, but in pieces of at most so many octets, each delivered for itself.
    Crumbles {
        /// The way.
        way: Way,
        /// Octets of a piece; not 0.
        pieces: usize,
    },
}

impl Fault {
    pub(super) fn way(self) -> Way {
        match self {
            Fault::Cut { way, .. }
            | Fault::Stall { way, .. }
            | Fault::InLiteral { way, .. }
            | Fault::Crumbles { way, .. } => way,
        }
    }

    /// The largest piece that passes at once.
    pub(super) fn pieces(self) -> usize {
        match self {
            Fault::Crumbles { pieces, .. } => pieces.max(1),
            _ => usize::MAX,
        }
    }
}

/// What becomes of a piece of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passes,
    /// So many octets of it pass, then the connection is closed.
    Cuts(usize),
    /// So many octets of it pass, then no more.
    Stalls(usize),
}

/// One way of a connection on which something goes wrong.
#[derive(Debug)]
pub(super) struct Watch {
    fault: Fault,
    passed: u64,
    literals: Literals,
}

impl Watch {
    pub(super) fn new(fault: Fault) -> Watch {
        let left = match fault {
            Fault::InLiteral { literal, .. } => literal,
            _ => 0,
        };
        Watch { fault, passed: 0, literals: Literals { left, inside: 0, line: Vec::new() } }
    }

    pub(super) fn pieces(&self) -> usize {
        self.fault.pieces()
    }

    pub(super) fn judge(&mut self, piece: &[u8]) -> Verdict {
        if let Fault::InLiteral { way, .. } = self.fault
            && let Some(at) = self.literals.middle(piece)
        {
            self.fault = Fault::Cut { way, after: self.passed + at };
        }
        let octets = piece.len() as u64;
        let verdict = match self.fault {
            Fault::Cut { after, .. } if after < self.passed + octets => {
                Verdict::Cuts(after.saturating_sub(self.passed) as usize)
            }
            Fault::Stall { after, .. } if after < self.passed + octets => {
                Verdict::Stalls(after.saturating_sub(self.passed) as usize)
            }
            _ => Verdict::Passes,
        };
        self.passed += octets;
        verdict
    }
}

/// Finds the middle of a literal in a stream.
#[derive(Debug)]
struct Literals {
    left: u32,
    /// Octets of the current literal that are still to come.
    inside: u64,
    /// The line so far, or its end.
    line: Vec<u8>,
}

impl Literals {
    /// Where in the stream, counted from the start of this piece, the middle of the literal that is looked for lies.
    fn middle(&mut self, piece: &[u8]) -> Option<u64> {
        for (at, byte) in piece.iter().enumerate() {
            if self.inside > 0 {
                self.inside -= 1;
                continue;
            }
            self.line.push(*byte);
            if *byte != b'\n' {
                continue;
            }
            let octets = announced(&self.line).unwrap_or(0);
            self.line.clear();
            self.inside = octets;
            if octets >= 2 {
                if self.left == 0 {
                    return Some(at as u64 + 1 + octets / 2);
                }
                self.left -= 1;
            }
        }
        None
    }
}

/// The size that a line announces at its end: `{12}` or `{12+}`.
fn announced(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let start = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = line[start + 1..].strip_suffix(b"+").unwrap_or(&line[start + 1..]);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_after_exactly_so_many_octets_in_whatever_pieces_they_come() {
        let mut watch = Watch::new(Fault::Cut { way: Way::Down, after: 7 });
        assert_eq!([b"abcd", b"efgh"].map(|piece| watch.judge(piece)), [Verdict::Passes, Verdict::Cuts(3)]);
        let mut watch = Watch::new(Fault::Stall { way: Way::Down, after: 4 });
        assert_eq!([b"abcd", b"efgh"].map(|piece| watch.judge(piece)), [Verdict::Passes, Verdict::Stalls(0)]);
        assert_eq!(watch.judge(b"nothing more"), Verdict::Stalls(0));
    }

    #[test]
    fn a_line_is_cut_in_the_middle_of_a_literal_and_what_looks_like_one_inside_another_is_none() {
        let stream = b"* 1 FETCH (BODY[] {8}\r\n{99}\r\n)\r)\r\n* 2 FETCH (BODY[] {6+}\r\nabcdef)\r\n";
        let second = stream.iter().position(|byte| *byte == b'd').unwrap();
        for pieces in [1, 3, 1000] {
            let mut watch = Watch::new(Fault::InLiteral { way: Way::Up, literal: 1 });
            let mut passed = 0;
            for piece in stream.chunks(pieces) {
                match watch.judge(piece) {
                    Verdict::Passes => passed += piece.len(),
                    Verdict::Cuts(octets) => {
                        assert_eq!(passed + octets, second, "in pieces of {pieces}");
                        passed = usize::MAX;
                        break;
                    }
                    Verdict::Stalls(_) => unreachable!(),
                }
            }
            assert_eq!(passed, usize::MAX, "in pieces of {pieces}");
        }
    }
}
