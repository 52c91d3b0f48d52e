//! The two halves of a connection: a reader that counts, and a writer that can be cut short. Both can be compressed (RFC 4978).

use super::Shared;
use super::faults::Rewrite;
use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Longest line or command taken.
const LIMIT: u64 = 1 << 30;

/// Where octets come from.
enum Source {
    Plain(BufReader<TcpStream>),
    Packed(BufReader<DeflateDecoder<BufReader<TcpStream>>>),
    Nowhere,
}

impl Source {
    fn reader(&mut self) -> Option<&mut dyn BufRead> {
        match self {
            Source::Plain(stream) => Some(stream),
            Source::Packed(stream) => Some(stream),
            Source::Nowhere => None,
        }
    }

    fn buffered(&self) -> usize {
        match self {
            Source::Plain(stream) => stream.buffer().len(),
            Source::Packed(stream) => stream.buffer().len(),
            Source::Nowhere => 0,
        }
    }
}

pub(super) struct Input {
    stream: Source,
    shared: Arc<Shared>,
}

impl Input {
    pub(super) fn new(stream: TcpStream, shared: &Arc<Shared>) -> Input {
        Input { stream: Source::Plain(BufReader::with_capacity(1 << 16, stream)), shared: Arc::clone(shared) }
    }

    pub(super) fn is_unpacking(&self) -> bool {
        matches!(self.stream, Source::Packed(_))
    }

    /// What comes next is compressed.
    pub(super) fn unpack(&mut self) {
        self.stream = match std::mem::replace(&mut self.stream, Source::Nowhere) {
            Source::Plain(stream) => Source::Packed(BufReader::with_capacity(1 << 16, DeflateDecoder::new(stream))),
            other => other,
        };
    }

    /// A line with its line end; `None` at the end of the connection.
    pub(super) fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let waits = self.stream.buffered() == 0;
        let reader = self.stream.reader()?;
        if waits && !reader.fill_buf().ok()?.is_empty() {
            self.shared.flights.fetch_add(1, Ordering::SeqCst);
        }
        reader.take(LIMIT).read_until(b'\n', &mut line).ok()?;
        self.count(line.len());
        line.ends_with(b"\n").then_some(line)
    }

    pub(super) fn exactly(&mut self, octets: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.reader()?.take(octets as u64).read_to_end(&mut bytes).ok()?;
        self.count(bytes.len());
        (bytes.len() == octets).then_some(bytes)
    }

    /// Reads until the client gives up.
    pub(super) fn drain(&mut self) {
        drop(self.stream.reader().map(|reader| std::io::copy(reader, &mut std::io::sink())));
    }

    fn count(&self, octets: usize) {
        self.shared.octets_received.fetch_add(octets as u64, Ordering::SeqCst);
    }
}

pub(super) struct Output {
    stream: TcpStream,
    shared: Arc<Shared>,
    buffer: Vec<u8>,
    /// How much may still be sent before the connection is cut.
    budget: Option<usize>,
    packer: Option<Compress>,
    closed: bool,
    /// What becomes of everything up to the next [`Output::flush`].
    rewrite: Option<Rewrite>,
}

impl Output {
    pub(super) fn new(stream: TcpStream, shared: &Arc<Shared>) -> Output {
        Output {
            stream,
            shared: Arc::clone(shared),
            buffer: Vec::new(),
            budget: None,
            packer: None,
            closed: false,
            rewrite: None,
        }
    }

    /// From here on only so many octets pass; then, or at the next [`Output::flush`], the connection is cut.
    pub(super) fn cut_after(&mut self, octets: usize) {
        self.budget = Some(octets);
    }

    pub(super) fn rewrite(&mut self, rewrite: Rewrite) {
        self.rewrite = Some(rewrite);
    }

    pub(super) fn line(&mut self, line: &str) {
        self.bytes(line.as_bytes());
        self.bytes(b"\r\n");
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > 1 << 16 && self.rewrite.is_none() {
            self.send();
        }
    }

    /// What is sent next is compressed.
    pub(super) fn pack(&mut self) {
        self.packer = Some(Compress::new(Compression::default(), false));
    }

    /// Sends what is buffered; false when the connection is over.
    pub(super) fn flush(&mut self) -> bool {
        if let Some(rewrite) = self.rewrite.take() {
            self.buffer = rewrite.apply(&self.buffer);
        }
        self.send();
        if self.budget.is_some() {
            self.close();
        }
        !self.closed
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        drop(self.stream.shutdown(Shutdown::Both));
    }

    fn send(&mut self) {
        if let Some(packer) = self.packer.as_mut().filter(|_| !self.buffer.is_empty()) {
            self.buffer = packed(packer, &self.buffer);
        }
        let most = self.budget.unwrap_or(usize::MAX).min(self.buffer.len());
        if !self.closed && self.stream.write_all(&self.buffer[..most]).is_err() {
            self.closed = true;
        }
        self.shared.octets_sent.fetch_add(most as u64, Ordering::SeqCst);
        self.budget.iter_mut().for_each(|budget| *budget -= most);
        if self.budget == Some(0) {
            self.close();
        }
        self.buffer.clear();
    }
}

fn packed(packer: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let (mut packed, start) = (Vec::with_capacity(bytes.len() + 64), packer.total_in());
    loop {
        let done = (packer.total_in() - start) as usize;
        packer.compress_vec(&bytes[done..], &mut packed, FlushCompress::Sync).expect("compression does not fail");
        if packed.len() < packed.capacity() {
            return packed;
        }
        packed.reserve(bytes.len() + 64);
    }
}
