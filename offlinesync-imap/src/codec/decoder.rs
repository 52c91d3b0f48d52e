//! Cuts the byte stream into responses and streams message bodies through without holding them. Pure.
//!
//! A response is parsed once all of it is here, never before: lines are found by their line feed, literals by their length.
//! What is held of an unfinished response is held here, so the caller's buffer may be of any size.

use super::lexer::LiteralHeader;
use super::parse::{self, Start};
use super::protocol;
use super::response::{Body, BodyStart, Data, Fetch, Response};
use memchr::memchr;
use offlinesync_core::Result;

/// How long a response may be without its body: 16 MiB, a SEARCH with two million numbers.
pub const RESPONSE_LIMIT: usize = 16 << 20;
/// How long a literal may be that is not a body: 1 MiB. In a FETCH a longer one is cut there, elsewhere it is an error.
pub const LITERAL_LIMIT: usize = 1 << 20;
/// How many literals of one response are looked at whether they are the body.
const BODY_TRIES: u8 = 16;
/// The buffer kept between responses.
const KEPT: usize = 64 << 10;

/// What [`Decoder::decode`] found.
#[derive(Debug)]
pub enum Item<'a> {
    /// A whole response. A FETCH whose body was streamed comes after its [`Item::BodyEnd`], with every other attribute.
    Response(Response),
    /// A message body begins; what the FETCH said before it is known already.
    BodyStart(BodyStart),
    /// The next bytes of the body, borrowed from the input; never empty.
    BodyData(&'a [u8]),
    /// The body is complete.
    BodyEnd,
}

/// Incremental decoder of a server's byte stream.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// What is here of an unfinished response: its lines, with the literals that are not streamed.
    held: Vec<u8>,
    /// Where in `held` the line begins that is being read; a literal may stand before it.
    line: usize,
    start: Option<Start>,
    streamed: Option<usize>,
    body_tries: u8,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Line,
    /// Octets of a literal to hold, and octets behind them to drop.
    Literal(usize, u64),
    Body(u64),
    Broken,
}

impl Decoder {
    /// Takes a piece of the stream from the front of `input`: how many bytes were consumed, and an item if one is complete.
    ///
    /// No item means that all of `input` was consumed and more is needed. An item may come with nothing consumed
    /// ([`Item::BodyEnd`]). A response beyond [`RESPONSE_LIMIT`], a literal outside a FETCH beyond [`LITERAL_LIMIT`], and what is not
    /// IMAP at all are protocol errors; the stream is then unusable.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        let result = self.advance(input);
        if result.is_err() {
            *self = Decoder { state: State::Broken, ..Decoder::default() };
        }
        result
    }

    /// Whether the stream stands between two responses: where it may end, or change to TLS, without anything being lost.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Line) && self.held.is_empty()
    }

    fn advance<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        let mut rest = input;
        loop {
            let (n, item) = match self.state {
                State::Line => self.take_line(rest)?,
                State::Literal(keep, drop) => (self.take_literal(rest, keep, drop)?, None),
                State::Body(left) => self.take_body(rest, left),
                State::Broken => return Err(protocol("the stream of answers was given up after an error")),
            };
            rest = rest.get(n..).unwrap_or_default();
            if item.is_some() || rest.is_empty() {
                return Ok((input.len() - rest.len(), item));
            }
        }
    }

    fn take_body<'a>(&mut self, input: &'a [u8], left: u64) -> (usize, Option<Item<'a>>) {
        if left == 0 {
            self.state = State::Line;
            return (0, Some(Item::BodyEnd));
        }
        let (data, _) = input.split_at(clamped(left, input.len()));
        self.state = State::Body(left - data.len() as u64);
        (data.len(), (!data.is_empty()).then_some(Item::BodyData(data)))
    }

    fn take_literal(&mut self, input: &[u8], keep: usize, drop: u64) -> Result<usize> {
        let (kept, rest) = input.split_at(keep.min(input.len()));
        self.hold(kept)?;
        let dropped = clamped(drop, rest.len());
        let (keep, drop) = (keep - kept.len(), drop - dropped as u64);
        self.state = if keep == 0 && drop == 0 { State::Line } else { State::Literal(keep, drop) };
        self.line = self.held.len();
        Ok(kept.len() + dropped)
    }

    fn take_line(&mut self, input: &[u8]) -> Result<(usize, Option<Item<'static>>)> {
        let Some(end) = memchr(b'\n', input) else {
            self.hold(input)?;
            return Ok((input.len(), None));
        };
        let (line, _) = input.split_at(end + 1);
        let text = without_line_end(line);
        let whole = self.held.is_empty() && text.last() != Some(&b'}') && line.len() <= RESPONSE_LIMIT;
        let item = if whole { parse::response(text)?.map(Item::Response) } else { self.held_line(line)? };
        Ok((line.len(), item))
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        if self.held.len() + bytes.len() > RESPONSE_LIMIT {
            return Err(protocol(format!("the server sent a response longer than {} MiB", RESPONSE_LIMIT >> 20)));
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn held_line(&mut self, line: &[u8]) -> Result<Option<Item<'static>>> {
        self.hold(line)?;
        let (before, line) = self.held.split_at(self.line);
        let line = without_line_end(line);
        let end = before.len() + line.len();
        match LiteralHeader::at_end(line) {
            Some(header) if self.expects_literal(header.start) => {
                self.open_literal(LiteralHeader { start: self.line + header.start, ..header })
            }
            _ => self.finish(end),
        }
    }

    /// Whether `{5}` at the end of the current line, beginning at `start` of it, announces a literal. In a text for a person it does
    /// not, nor at the end of an atom.
    fn expects_literal(&mut self, start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|i| self.held.get(self.line + i));
        match *self.start.get_or_insert_with(|| parse::start(&self.held)) {
            Start::Fetch => true,
            Start::Data => matches!(before, None | Some(b' ' | b'(' | b'[' | b']' | b'>')),
            Start::Text => false,
        }
    }

    fn open_literal(&mut self, header: LiteralHeader) -> Result<Option<Item<'static>>> {
        let too_long = || protocol("the server announced a literal that is too long");
        let octets = header.octets.ok_or_else(too_long)?;
        if let Some(fetch) = self.body_at(header.start)? {
            self.line = self.held.len();
            self.streamed = Some(header.start);
            self.state = State::Body(octets);
            return Ok(Some(Item::BodyStart(BodyStart { octets, fetch })));
        }
        let keep = clamped(octets, LITERAL_LIMIT);
        let drop = octets - keep as u64;
        if drop > 0 {
            if self.start != Some(Start::Fetch) {
                return Err(too_long());
            }
            self.held.truncate(header.start);
            self.hold(format!("{{{keep}}}\r\n").as_bytes())?;
        }
        self.line = self.held.len();
        self.state = if octets == 0 { State::Line } else { State::Literal(keep, drop) };
        Ok(None)
    }

    /// What the FETCH has said so far, if the literal that begins at `start` is the body it brings.
    fn body_at(&mut self, start: usize) -> Result<Option<Fetch>> {
        let before = self.held.get(..start).unwrap_or_default().trim_ascii_end();
        let named =
            |name: &[u8]| before.len() >= name.len() && before[before.len() - name.len()..].eq_ignore_ascii_case(name);
        let likely = [&b"]"[..], b">", b"RFC822", b"RFC822.TEXT"].into_iter().any(named);
        if self.start != Some(Start::Fetch) || self.streamed.is_some() || !likely || self.body_tries == BODY_TRIES {
            return Ok(None);
        }
        self.body_tries += 1;
        match parse::with_streamed(&self.held, Some(start))? {
            Some(Response::Data(Data::Fetch(fetch))) if fetch.body == Body::Streamed => Ok(Some(fetch)),
            _ => Ok(None),
        }
    }

    /// The response is complete: its text ends at `end` of what is held.
    fn finish(&mut self, end: usize) -> Result<Option<Item<'static>>> {
        let response = parse::with_streamed(self.held.get(..end).unwrap_or_default(), self.streamed)?;
        let mut held = std::mem::take(&mut self.held);
        held.clear();
        held.shrink_to(KEPT);
        *self = Decoder { held, ..Decoder::default() };
        Ok(response.map(Item::Response))
    }
}

fn clamped(octets: u64, limit: usize) -> usize {
    usize::try_from(octets).map_or(limit, |n| n.min(limit))
}

/// Without LF or CR LF; some servers and many tunnels leave out the CR.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::{SystemFlags, Uid};

    /// Everything in the stream, fed in pieces of `n`; bodies joined.
    fn items(stream: &[u8], n: usize) -> Result<Vec<String>> {
        let mut decoder = Decoder::default();
        let mut seen: Vec<String> = Vec::new();
        for piece in stream.chunks(n) {
            let mut rest = piece;
            loop {
                let (used, item) = decoder.decode(rest)?;
                rest = &rest[used..];
                match item {
                    None => break,
                    Some(Item::BodyData(data)) => match seen.last_mut() {
                        Some(last) if last.starts_with("data ") => last.push_str(&data.escape_ascii().to_string()),
                        _ => seen.push(format!("data {}", data.escape_ascii())),
                    },
                    Some(Item::BodyStart(start)) => {
                        seen.push(format!("body {} uid {:?}", start.octets, start.fetch.uid.map(Uid::get)));
                    }
                    Some(Item::BodyEnd) => seen.push("end".into()),
                    Some(Item::Response(response)) => seen.push(format!("{response:?}")),
                }
            }
            assert!(rest.is_empty(), "no item means that everything was consumed");
        }
        Ok(seen)
    }

    fn responses(stream: &str) -> Vec<Response> {
        let mut decoder = Decoder::default();
        let mut rest = stream.as_bytes();
        let mut all = Vec::new();
        loop {
            let (used, item) = decoder.decode(rest).unwrap();
            rest = &rest[used..];
            match item {
                Some(Item::Response(response)) => all.push(response),
                Some(_) => {}
                None => return all,
            }
        }
    }

    fn fetch(line: &str) -> Fetch {
        match responses(line).pop() {
            Some(Response::Data(Data::Fetch(fetch))) => fetch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_is_streamed_and_what_follows_it_is_in_the_response() {
        let fetch = fetch("* 1 FETCH (BODY[] {5}\r\nhello UID 7 FLAGS (\\Seen))\r\n");
        assert_eq!(fetch.uid, Uid::new(7));
        assert_eq!(fetch.flags.map(|f| f.system), Some(SystemFlags::SEEN));
        assert_eq!(fetch.body, Body::Streamed);
    }

    #[test]
    fn a_body_comes_with_what_was_said_before_it() {
        for line in [
            "* 1 FETCH (UID 7 BODY[] {5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BODY[]{5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BODY[] ~{5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BODY[] {5+}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BODY[]<0> {5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BINARY[] ~{5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 BODY[TEXT] {5}\r\nhello)\r\n",
            "* 1 FETCH (UID 7 RFC822 {5}\r\nhello)\r\n",
            "* 1 fetch (uid 7 rfc822{5}\nhello)\n",
            "* 7 UIDFETCH (BODY[] {5}\r\nhello)\r\n",
        ] {
            let seen = items(line.as_bytes(), 1000).unwrap();
            assert_eq!(seen[..3], ["body 5 uid Some(7)", "data hello", "end"], "{line}");
            assert!(seen[3].contains("Streamed") && seen.len() == 4, "{line}");
        }
    }

    #[test]
    fn an_empty_body_has_a_beginning_and_an_end() {
        let seen = items(b"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n", 1000).unwrap();
        assert_eq!(seen[..2], ["body 0 uid Some(7)", "end"]);
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_literal_elsewhere_in_a_fetch_is_held() {
        let fetch =
            fetch("* 1 FETCH (X (BODY[] {3}\r\nabc) BODY[HEADER] {4}\r\na\r\n\r X-GM-LABELS ({1}\r\n)) UID 7)\r\n");
        assert_eq!(fetch.header.as_deref(), Some(&b"a\r\n\r"[..]));
        assert_eq!(fetch.labels.as_deref(), Some(&[b")".to_vec().into_boxed_slice()][..]));
        assert_eq!((fetch.uid, fetch.body), (Uid::new(7), Body::Absent));
    }

    #[test]
    fn what_looks_like_a_literal_in_a_text_or_behind_one_is_none() {
        assert_eq!(responses("* OK use {5}\r\nA1 OK done {5}\r\n+ {5}\r\n* BYE {5}\r\n").len(), 4);
        assert_eq!(responses("* LIST () \"/\" a{5}\r\n* OK\r\n").len(), 2);
        assert_eq!(
            responses("* LIST () \"/\" {6}\r\nab {5}\r\n* OK\r\n").len(),
            2,
            "the literal ends in what looks like one"
        );
        assert_eq!(responses("* LIST () \"/\" {3}\r\nab\r\n* OK\r\n").len(), 2, "the literal ends in CR");
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same_items() {
        let stream = b"* OK hi\r\n* 1 FETCH (UID 7 BODY[] {5}\r\nh\r\nlo FLAGS ())\r\n\r\n* LIST () \"/\" {3}\r\n{1}\r\n* SEARCH 1 2\n\
            * 2 FETCH (BODY[HEADER] {2}\r\n\r\n BODY[] {0}\r\n UID 8)\r\nA1 OK\r\n";
        let whole = items(stream, stream.len()).unwrap();
        assert_eq!(whole.len(), 11);
        for n in 1..stream.len() {
            assert_eq!(items(stream, n).unwrap(), whole, "in pieces of {n}");
        }
    }

    #[test]
    fn too_much_is_refused_and_the_stream_given_up() {
        let mut decoder = Decoder::default();
        assert!(decoder.decode(b"* LIST () \"/\" {1048577}\r\n").is_err());
        assert!(decoder.decode(b"* OK\r\n").is_err());
        assert!(items(b"* 1 FETCH (BODY[] {18446744073709551616}\r\n", 99).is_err());
        let long = [b"* XFOO ".to_vec(), vec![b'x'; RESPONSE_LIMIT], b"\r\n".to_vec()].concat();
        assert!(items(&long, long.len()).is_err());
        assert!(items(&long, 1 << 16).is_err());
        assert!(items(b"HTTP/1.1 400 Bad Request\r\n", 99).unwrap_err().to_string().contains("HTTP/1.1"));
    }

    #[test]
    fn a_header_that_is_too_long_is_cut_and_the_message_goes_on() {
        let long = LITERAL_LIMIT + 5;
        let stream = format!("* 1 FETCH (BODY[HEADER] {{{long}}}\r\n{} UID 7)\r\nA1 OK\r\n", "x".repeat(long));
        for n in [4096, stream.len()] {
            let seen = items(stream.as_bytes(), n).unwrap();
            assert_eq!(seen.len(), 2);
            assert!(seen[0].contains("Uid(7)"));
        }
        assert_eq!(fetch(&stream.replace("A1 OK\r\n", "")).header.map(|h| h.len()), Some(LITERAL_LIMIT));
    }

    #[test]
    fn the_stream_is_idle_between_responses_only() {
        let mut decoder = Decoder::default();
        for (piece, idle) in [("* O", false), ("K\r\n", true), ("* 1 FETCH (BODY[] {2}\r\n", false), ("ab", false)] {
            while decoder.decode(piece.as_bytes()).unwrap().0 == 0 {}
            assert_eq!(decoder.is_idle(), idle, "{piece}");
        }
    }

    /// The most that is held while a stream is read that is the same piece again and again.
    fn most_held(start: &str, piece: &[u8], times: usize) -> usize {
        let mut decoder = Decoder::default();
        let mut most = 0;
        for piece in std::iter::once(start.as_bytes()).chain(std::iter::repeat_n(piece, times)) {
            let mut rest = piece;
            while let Ok((used, Some(_))) = decoder.decode(rest) {
                rest = &rest[used..];
            }
            most = most.max(decoder.held.capacity());
        }
        most
    }

    #[test]
    fn what_is_held_is_bounded_whatever_comes() {
        let piece = vec![b'x'; 1 << 20];
        assert!(most_held("* 1 FETCH (BODY[] {1000000000000}\r\n", &piece, 200) < KEPT, "a body is not held");
        assert!(most_held("* 1 FETCH (BODY[HEADER] {1000000000000}\r\n", &piece, 50) <= 4 * LITERAL_LIMIT);
        assert!(most_held("* OK ", &piece, 50) <= 2 * RESPONSE_LIMIT);
        assert!(most_held("* LIST () \"/\" ", &b"{8}\r\nxxxxxxxx ".repeat(1000), 3000) <= 2 * RESPONSE_LIMIT);
        assert!(most_held("", b"\r\n", 1000) < KEPT);
    }

    #[test]
    fn a_long_response_leaves_no_large_buffer_behind() {
        let mut decoder = Decoder::default();
        let long = [b"* SEARCH ".to_vec(), b"12345 ".repeat(100_000)].concat();
        assert_eq!(decoder.decode(&long).unwrap().0, long.len());
        assert!(decoder.decode(b"\r\n").unwrap().1.is_some());
        assert!(decoder.held.capacity() <= KEPT);
    }
}
