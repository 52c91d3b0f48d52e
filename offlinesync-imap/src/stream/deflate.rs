//! DEFLATE (RFC 4978) between the protocol above and what carries it below. Octets only: touches no socket.

use super::Input;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use offlinesync_core::{Error, ErrorKind, Result};
use std::fmt;

/// How many compressed octets are read at a time, and how many wait to be sent at most, give or take what one call makes.
const BUFFER: usize = 64 << 10;
/// What a write makes room for at least.
const ROOM: usize = 8 << 10;
/// What is sent is mail, most of it packed already: more effort gains little.
const LEVEL: u32 = 3;

/// Both directions of a compressed connection. Memory: two buffers and the two windows, about 400 KiB.
pub(super) struct Deflate {
    inflate: Decompress,
    /// Read and not yet inflated: `input[start..end]`.
    input: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    deflate: Compress,
    /// Deflated and not yet sent: `output[sent..]`.
    output: Vec<u8>,
    sent: usize,
    /// Octets were taken that the peer cannot read yet.
    held: bool,
}

impl Deflate {
    /// `received` was read behind the server's consent, so it is compressed already.
    pub(super) fn new(received: &[u8]) -> Self {
        let mut input = vec![0; BUFFER.max(received.len())];
        input[..received.len()].copy_from_slice(received);
        Deflate {
            inflate: Decompress::new(false),
            input,
            start: 0,
            end: received.len(),
            ended: false,
            deflate: Compress::new(Compression::new(LEVEL), false),
            output: Vec::new(),
            sent: 0,
            held: false,
        }
    }

    /// Reads into the front of `buffer`; `more` reads compressed octets.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        mut more: impl FnMut(&mut [u8]) -> Result<Input>,
    ) -> Result<Input> {
        loop {
            let octets = self.inflate(buffer)?;
            if octets > 0 {
                return Ok(Input::Octets(octets));
            }
            if self.ended {
                return Ok(Input::Closed);
            }
            if self.start < self.end {
                continue;
            }
            match more(&mut self.input)? {
                Input::Octets(octets) => (self.start, self.end) = (0, octets),
                other => return Ok(other),
            }
        }
    }

    fn inflate(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let input = self.input.get(self.start..self.end).unwrap_or_default();
        let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, buffer, FlushDecompress::None);
        let read = usize::try_from(self.inflate.total_in() - read).unwrap_or(input.len());
        let made = usize::try_from(self.inflate.total_out() - made).unwrap_or_default();
        self.start += read;
        match status {
            Ok(Status::StreamEnd) => self.ended = true,
            Ok(_) if read > 0 || made > 0 || input.is_empty() => {}
            Ok(_) => return Err(damaged("it does not go on")),
            Err(error) => return Err(damaged(&error.to_string())),
        }
        Ok(made)
    }

    /// Takes octets to send, as many as there is room for.
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<usize> {
        if self.waiting().len() >= BUFFER {
            return Ok(0);
        }
        self.output.reserve(ROOM);
        let before = self.deflate.total_in();
        self.step(octets, FlushCompress::None)?;
        let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(octets.len());
        self.held |= taken > 0;
        Ok(taken)
    }

    /// Lets the peer read everything that was taken, once it is sent.
    pub(super) fn flush(&mut self) -> Result<()> {
        while self.held {
            self.output.reserve(ROOM);
            self.step(&[], FlushCompress::Sync)?;
            self.held = self.output.len() == self.output.capacity();
        }
        Ok(())
    }

    fn step(&mut self, octets: &[u8], flush: FlushCompress) -> Result<()> {
        let done = self.deflate.compress_vec(octets, &mut self.output, flush);
        done.map(drop).map_err(|error| Error::new(ErrorKind::Unavailable, format!("compression failed: {error}")))
    }

    /// What is to be sent.
    pub(super) fn waiting(&self) -> &[u8] {
        self.output.get(self.sent..).unwrap_or_default()
    }

    /// So much of [`Deflate::waiting`] was sent.
    pub(super) fn consume(&mut self, octets: usize) {
        self.sent += octets;
        if self.sent >= self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
    }
}

fn damaged(why: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("what the server sends is compressed wrongly: {why}"))
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate").field("ended", &self.ended).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives `bytes` out in pieces, now and then nothing.
    fn source(bytes: Vec<u8>, piece: usize) -> impl FnMut(&mut [u8]) -> Result<Input> {
        let (mut at, mut turn) = (0, 0);
        move |buffer| {
            turn += 1;
            if turn % 3 == 0 {
                return Ok(Input::Blocked);
            }
            let n = piece.min(bytes.len() - at).min(buffer.len());
            buffer[..n].copy_from_slice(&bytes[at..at + n]);
            at += n;
            Ok(if n == 0 { Input::Closed } else { Input::Octets(n) })
        }
    }

    fn read_all(deflate: &mut Deflate, mut more: impl FnMut(&mut [u8]) -> Result<Input>, room: usize) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        loop {
            match deflate.read(&mut buffer, &mut more).unwrap() {
                Input::Octets(n) => all.extend_from_slice(&buffer[..n]),
                Input::Blocked => {}
                Input::Closed => return all,
            }
        }
    }

    /// Writes batch after batch, each flushed; answers what goes over the line.
    fn sent(batches: &[Vec<u8>]) -> Vec<u8> {
        let (mut deflate, mut line) = (Deflate::new(b""), Vec::new());
        for batch in batches {
            let mut rest = batch.as_slice();
            while !rest.is_empty() {
                let taken = deflate.write(rest).unwrap();
                rest = &rest[taken..];
                if taken == 0 {
                    let n = deflate.waiting().len().min(1000);
                    line.extend_from_slice(&deflate.waiting()[..n]);
                    deflate.consume(n);
                }
            }
            deflate.flush().unwrap();
            line.extend_from_slice(deflate.waiting());
            deflate.consume(deflate.waiting().len());
        }
        line
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            seed in proptest::collection::vec((any::<u8>(), 0usize..40_000), 0..6),
            piece in 1usize..5000,
            room in 1usize..5000,
            split in 0usize..100,
        ) {
            let noise = |byte: u8, n: usize| (0..n).map(|i| byte.wrapping_mul(i as u8).wrapping_add((i >> 7) as u8)).collect();
            let batches: Vec<Vec<u8>> = seed.into_iter().map(|(byte, n)| noise(byte, n)).collect();
            let line = sent(&batches);
            let received = split.min(line.len());
            let mut reader = Deflate::new(&line[..received]);
            let read = read_all(&mut reader, source(line[received..].to_vec(), piece), room);
            prop_assert!(read == batches.concat());
        }

        #[test]
        fn any_other_octets_are_an_error_or_an_end_and_never_go_on_for_ever(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (mut deflate, mut more, mut buffer) = (Deflate::new(b""), source(line, 7), [0; 64]);
            for _ in 0..100_000 {
                match deflate.read(&mut buffer, &mut more) {
                    Err(_) | Ok(Input::Closed) => return Ok(()),
                    Ok(_) => {}
                }
            }
            prop_assert!(false, "no end");
        }
    }

    #[test]
    fn a_batch_can_be_read_at_once_and_costs_five_octets_to_flush() {
        let line = sent(&[b"A1 NOOP\r\n".to_vec()]);
        let mut reader = Deflate::new(&line);
        let mut buffer = [0; 64];
        let input = reader.read(&mut buffer, |_| Ok(Input::Blocked)).unwrap();
        assert_eq!((input, &buffer[..9]), (Input::Octets(9), &b"A1 NOOP\r\n"[..]));
        assert_eq!(reader.read(&mut buffer, |_| Ok(Input::Blocked)).unwrap(), Input::Blocked);
        assert!(line.ends_with(&[0, 0, 0xff, 0xff]) && line.len() <= 9 + 8, "{}", line.len());
    }

    #[test]
    fn what_waits_to_be_sent_is_bounded() {
        let mut deflate = Deflate::new(b"");
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let noise: Vec<u8> = (0..1 << 20).map(|_| next()).collect();
        let mut taken = 0;
        while let n @ 1.. = deflate.write(&noise[taken..]).unwrap() {
            taken += n;
        }
        assert!(taken < noise.len() && deflate.waiting().len() < 2 * BUFFER);
    }
}
