//! Cuts the byte stream into responses and streams message bodies through without holding them.
//!
//! A parser never sees an incomplete line: the end is searched first, and not twice in the same bytes. A line that ends in
//! `{n}`, `{n+}` or `~{n}` goes on after `n` octets of literal; the literal of a message body is passed on piece by piece.

use super::lexer::{LITERAL, Literal};
use super::parse;
use super::response::{BodyStart, Response};
use offlinesync_core::{Error, ErrorKind, Result};

/// What [`Decoder::decode`] found.
#[derive(Debug)]
pub enum Item<'a> {
    /// A whole response. A FETCH whose body was streamed comes after its [`Item::BodyEnd`], with every other attribute.
    Response(Response),
    /// A message body begins; what the FETCH said before it is known already.
    BodyStart(BodyStart),
    /// The next bytes of the body, borrowed from the input.
    BodyData(&'a [u8]),
    /// The body is complete.
    BodyEnd,
}

/// The longest response without its streamed bodies: 32 MiB (a SEARCH with a million numbers has 8).
pub const RESPONSE_LIMIT: usize = 32 * 1024 * 1024;
/// The longest literal that is not a message body: 1 MiB.
pub const LITERAL_LIMIT: u64 = 1024 * 1024;
/// The most literals in one response.
const LITERALS: usize = 4096;

/// Incremental decoder of a server's byte stream.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Lines of the current response so far, each literal replaced by one byte.
    line: Vec<u8>,
    literals: Vec<Literal>,
    held: usize,
    /// How far the unconsumed input was searched for a line end.
    searched: usize,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Line,
    Inline(u64),
    Body(u64),
}

impl Decoder {
    /// Takes a piece of the stream from the front of `input`: how many bytes were consumed, and an item if one is complete.
    ///
    /// `(0, None)` means that more input is needed; the caller keeps what was not consumed and appends to it.
    ///
    /// # Errors
    /// Kind `Protocol` when a response or a literal outside a body is too long; the stream is then unusable.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        match self.state {
            State::Line => self.decode_line(input),
            State::Inline(octets) => self.decode_inline(octets, input),
            State::Body(left) => Ok(self.decode_body(left, input)),
        }
    }

    fn decode_line<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        let Some(at) = memchr::memchr(b'\n', &input[self.searched..]).map(|at| self.searched + at) else {
            self.searched = input.len();
            self.within_limit(input.len())?;
            return Ok((0, None));
        };
        self.searched = 0;
        self.within_limit(at)?;
        let line = input[..at].strip_suffix(b"\r").unwrap_or(&input[..at]);
        let consumed = at + 1;
        let may_hold_literals = !self.line.is_empty() || parse::may_hold_literals(line);
        if let Some((head, octets)) = literal_header(line).filter(|_| may_hold_literals) {
            return self.begin_literal(head, octets, consumed);
        }
        if self.line.is_empty() {
            // The usual case: nothing is copied.
            let response = if line.contains(&LITERAL) {
                parse::response(&without_nul(line), &[])
            } else {
                parse::response(line, &[])
            };
            return Ok((consumed, response.map(Item::Response)));
        }
        let mut whole = std::mem::take(&mut self.line);
        whole.extend(line.iter().filter(|byte| **byte != LITERAL));
        let literals = std::mem::take(&mut self.literals);
        self.held = 0;
        Ok((consumed, parse::response(&whole, &literals).map(Item::Response)))
    }

    fn within_limit(&self, more: usize) -> Result<()> {
        if self.line.len() + self.held + more > RESPONSE_LIMIT || self.literals.len() > LITERALS {
            return Err(Error::new(ErrorKind::Protocol, "the server sent a response that is too long"));
        }
        Ok(())
    }

    fn begin_literal<'a>(&mut self, head: &[u8], octets: u64, consumed: usize) -> Result<(usize, Option<Item<'a>>)> {
        self.line.extend(head.iter().filter(|byte| **byte != LITERAL));
        if parse::ends_in_body_section(&self.line) {
            let fetch = parse::partial_fetch(&self.line, &self.literals);
            self.line.push(LITERAL);
            self.literals.push(Literal::Streamed);
            self.state = State::Body(octets);
            return Ok((consumed, Some(Item::BodyStart(BodyStart { octets, fetch }))));
        }
        if octets > LITERAL_LIMIT {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("the server announced a literal of {octets} octets outside a message"),
            ));
        }
        self.within_limit(octets as usize)?;
        self.line.push(LITERAL);
        self.state = State::Inline(octets);
        Ok((consumed, None))
    }

    fn decode_inline<'a>(&mut self, octets: u64, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        let length = octets as usize;
        if input.len() < length {
            return Ok((0, None));
        }
        self.held += length;
        self.literals.push(Literal::Inline(input[..length].into()));
        self.state = State::Line;
        Ok((length, None))
    }

    fn decode_body<'a>(&mut self, left: u64, input: &'a [u8]) -> (usize, Option<Item<'a>>) {
        if left == 0 {
            self.state = State::Line;
            return (0, Some(Item::BodyEnd));
        }
        if input.is_empty() {
            return (0, None);
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        self.state = State::Body(left - take as u64);
        (take, Some(Item::BodyData(&input[..take])))
    }
}

/// `… {123}`, `{123+}` or `~{123}` at the end of a line: what stands before, and the length.
fn literal_header(line: &[u8]) -> Option<(&[u8], u64)> {
    let inner = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inner)?;
    let digits = &inner[open + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let octets = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let head = line[..open].strip_suffix(b"~").unwrap_or(&line[..open]);
    Some((head, octets))
}

fn without_nul(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|byte| *byte != LITERAL).collect()
}
