//! The reading end of a connection: octets from the socket on one side, decoded items on the other. Belongs to whoever leads.

use super::Mailbox;
use super::session::Owner;
use super::trace::Lines;
use crate::codec::decoder::{Decoder, Item};
use crate::stream::{Input, Stream};
use offlinesync_core::Result;
use std::sync::Arc;

/// How much is read from the socket at a time.
const BUFFER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Reader {
    decoder: Decoder,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Who sees the body that is being read.
    pub(super) body: Option<Owner>,
    /// The state of the mailbox at the last response.
    pub(super) mailbox: Arc<Mailbox>,
    /// Lines for the trace, where someone traces.
    pub(super) lines: Option<Lines>,
}

impl Reader {
    pub(super) fn new(trace: bool) -> Self {
        Reader {
            decoder: Decoder::default(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            body: None,
            mailbox: Arc::default(),
            lines: trace.then(Lines::default),
        }
    }

    /// Reads what the stream has, once [`Reader::next`] has nothing more.
    pub(super) fn fill(&mut self, stream: &mut Stream) -> Result<Input> {
        if self.start < self.end {
            return Ok(Input::Octets(self.end - self.start));
        }
        let input = stream.read(&mut self.buffer)?;
        (self.start, self.end) = (0, if let Input::Octets(n) = input { n } else { 0 });
        Ok(input)
    }

    /// The next item of what was read.
    pub(super) fn next(&mut self) -> Result<Option<Item<'_>>> {
        let input = self.buffer.get(self.start..self.end).unwrap_or_default();
        let (used, item) = self.decoder.decode(input)?;
        self.start += used;
        if let Some(lines) = &mut self.lines {
            lines.consumed(input.get(..used).unwrap_or_default(), item.as_ref());
        }
        Ok(item)
    }

    /// Gives up what was read behind the last item: it is compressed.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.get(self.start..self.end).unwrap_or_default().to_vec();
        self.start = self.end;
        rest
    }

    /// Whether everything that was read is dealt with and the stream stands between two responses.
    pub(super) fn is_between_responses(&self) -> bool {
        self.start == self.end && self.decoder.is_idle()
    }
}
