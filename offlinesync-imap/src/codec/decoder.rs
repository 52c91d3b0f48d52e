//! Cuts the byte stream into responses and streams message bodies through without holding them.

use super::response::{BodyStart, Response};
use offlinesync_core::Result;

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

/// Incremental decoder of a server's byte stream.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// Takes a piece of the stream from the front of `input`: how many bytes were consumed, and an item if one is complete.
    ///
    /// `(0, None)` means that more input is needed; the caller keeps what was not consumed and appends to it. A line that
    /// grows beyond the limit, or a literal outside a body that is too large, is a protocol error; the stream is then unusable.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Item<'a>>)> {
        let _ = input;
        Ok((0, None))
    }
}
