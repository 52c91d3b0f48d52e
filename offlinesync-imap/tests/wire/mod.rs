//! What the tests of the codec share: wire lines, and a reader that feeds the decoder in pieces.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub(crate) mod lines;

use offlinesync_imap::codec::response::{Body, Data, Fetch, Response};
use offlinesync_imap::codec::{Decoder, Item};

/// One item, with the pieces of a body joined.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// A response.
    Response(Response),
    /// A body: its announced length, what was known of it, its octets, and whether it came to its end.
    Body(u64, Box<Fetch>, Vec<u8>, bool),
    /// The stream was given up.
    Error(String),
}

/// Reads a stream that arrives in pieces, up to its end or the first error.
pub(crate) fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        loop {
            let (used, item) = match decoder.decode(rest) {
                Ok(found) => found,
                Err(error) => {
                    seen.push(Seen::Error(error.to_string()));
                    return seen;
                }
            };
            rest = &rest[used..];
            let Some(item) = item else { break };
            note(&mut seen, item);
        }
        assert!(rest.is_empty(), "without an item everything is consumed");
    }
    seen
}

fn note(seen: &mut Vec<Seen>, item: Item<'_>) {
    match (item, seen.last_mut()) {
        (Item::Response(response), _) => seen.push(Seen::Response(response)),
        (Item::BodyStart(start), _) => seen.push(Seen::Body(start.octets, Box::new(start.fetch), Vec::new(), false)),
        (Item::BodyData(data), Some(Seen::Body(_, _, body, false))) => body.extend_from_slice(data),
        (Item::BodyEnd, Some(Seen::Body(octets, _, body, ended @ false))) => {
            assert_eq!(body.len() as u64, *octets, "a body ends when it is complete");
            *ended = true;
        }
        (item, last) => panic!("{item:?} after {last:?}"),
    }
}

/// The one response of a stream that has no more, with its body in it.
pub(crate) fn one(stream: &[u8]) -> Result<Response, Vec<Seen>> {
    match read([stream]).as_slice() {
        [Seen::Response(response)] => Ok(response.clone()),
        [Seen::Body(_, _, body, true), Seen::Response(Response::Data(Data::Fetch(fetch)))] => {
            assert_eq!(fetch.body, Body::Streamed);
            let body = Body::Inline(body.clone().into());
            Ok(Response::Data(Data::Fetch(Fetch { body, ..fetch.clone() })))
        }
        other => Err(other.to_vec()),
    }
}

/// [`one`], of text.
pub(crate) fn response(line: &str) -> Response {
    one(format!("{line}\r\n").as_bytes()).unwrap()
}
