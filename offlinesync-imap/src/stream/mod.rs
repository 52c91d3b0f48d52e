//! The only place in this crate that touches a socket: TCP or a tunnel command, with TLS on top or without, and compression above that.
//! Nothing here blocks but [`wait::poll`], and that has a deadline and a waker. Knows nothing of IMAP.

mod connect;
mod deflate;
mod proxy;
mod resolve;
mod socket;
mod tls;
mod tls_error;
#[cfg(test)]
mod tls_tests;
mod tunnel;
mod verify;
pub(crate) mod wait;

pub(crate) use socket::Socket;
pub(crate) use tls::TlsSettings;

use crate::config::ImapConfig;
use deflate::Deflate;
use offlinesync_core::{Error, ErrorKind, Result};
use rustls::ClientConnection;
use std::io::{self, Read, Write};
use std::sync::Arc;
use tunnel::Child;
use wait::Patience;

/// How many octets one system call may read from the socket under TLS.
const CIPHERTEXT: usize = 64 << 10;

/// A connection to a server, in clear or encrypted, compressed or not. All calls return at once.
#[derive(Debug)]
pub(crate) struct Stream {
    carrier: Carrier,
    deflate: Option<Box<Deflate>>,
    _child: Option<Child>,
}

/// What carries the octets.
#[derive(Debug)]
struct Carrier {
    socket: Arc<Socket>,
    tls: Option<Box<Tls>>,
    place: String,
}

#[derive(Debug)]
struct Tls {
    connection: ClientConnection,
    /// Read from the socket and not yet decrypted: `ciphertext[start..end]`.
    ciphertext: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What [`Stream::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// This many octets.
    Octets(usize),
    /// Nothing yet.
    Blocked,
    /// The peer has closed.
    Closed,
}

impl Stream {
    /// Connects as configured, without TLS. Waits for the peer, as long as the configuration allows.
    pub(crate) fn connect(config: &ImapConfig, patience: &Patience<'_>) -> Result<Self> {
        let place = config.destination();
        let (socket, child) = match &config.tunnel {
            Some(tunnel) => tunnel::start(tunnel).map(|(socket, child)| (socket, Some(child)))?,
            None => (connect::connect(config, patience)?, None),
        };
        Ok(Stream { carrier: Carrier { socket: Arc::new(socket), tls: None, place }, deflate: None, _child: child })
    }

    /// A stream over a connected socket.
    #[cfg(test)]
    pub(crate) fn over(socket: std::os::unix::net::UnixStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        let socket = Arc::new(Socket::new(socket.into()).unwrap());
        Stream { carrier: Carrier { socket, tls: None, place: "test".into() }, deflate: None, _child: None }
    }

    /// The socket, for waiting on it.
    pub(crate) fn socket(&self) -> Arc<Socket> {
        self.carrier.socket.clone()
    }

    /// Encrypts from here on. The handshake takes place while reading and writing; nothing written is sent before it has ended well.
    pub(crate) fn start_tls(&mut self, settings: &TlsSettings) -> Result<()> {
        let connection = settings.connection()?;
        let ciphertext = vec![0; CIPHERTEXT].into_boxed_slice();
        self.carrier.tls = Some(Box::new(Tls { connection, ciphertext, start: 0, end: 0 }));
        Ok(())
    }

    /// Compresses from here on, in both directions (RFC 4978). `received` was read behind the peer's consent.
    pub(crate) fn start_deflate(&mut self, received: &[u8]) {
        self.deflate = Some(Box::new(Deflate::new(received)));
    }

    /// Protocol version and cipher, for a person; `None` without TLS or before the handshake has ended.
    pub(crate) fn security(&self) -> Option<String> {
        let connection = &self.carrier.tls.as_ref()?.connection;
        let version = match connection.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
            rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
            other => format!("{other:?}"),
        };
        let suite = connection.negotiated_cipher_suite().map_or(String::new(), |s| format!(", {:?}", s.suite()));
        Some(version + &suite)
    }

    /// Reads what is there into the front of `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Input> {
        let Stream { carrier, deflate, .. } = self;
        match deflate {
            None => carrier.read(buffer),
            Some(deflate) => deflate.read(buffer, |buffer| carrier.read(buffer)),
        }
    }

    /// Takes octets to send, as many as fit. Follow with [`Stream::push`].
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<usize> {
        let Stream { carrier, deflate: Some(deflate), .. } = self else { return self.carrier.write(octets) };
        let mut taken = 0;
        while taken < octets.len() {
            let more = deflate.write(&octets[taken..])?;
            taken += more;
            if more == 0 && carrier.drain(deflate)? == 0 {
                break;
            }
        }
        Ok(taken)
    }

    /// Sends what was written, as far as the socket takes it; of what is compressed, the last part may be kept back until
    /// [`Stream::flush`]. Answers whether octets were sent.
    pub(crate) fn push(&mut self) -> Result<bool> {
        let drained = self.deflate.as_mut().map_or(Ok(0), |deflate| self.carrier.drain(deflate))? > 0;
        Ok(self.carrier.flush()? || drained)
    }

    /// Sends everything that was written, as far as the socket takes it: at the end of a batch, for compression is the worse the
    /// more often it is called. Answers whether octets were sent.
    pub(crate) fn flush(&mut self) -> Result<bool> {
        if let Some(deflate) = &mut self.deflate {
            deflate.flush()?;
        }
        self.push()
    }

    /// Whether [`Stream::push`] left something.
    pub(crate) fn wants_write(&self) -> bool {
        let compressed = self.deflate.as_ref().is_some_and(|deflate| !deflate.waiting().is_empty());
        compressed || self.carrier.tls.as_ref().is_some_and(|tls| tls.connection.wants_write())
    }

    /// Says goodbye to the peer as far as the socket takes it, and closes: everyone who waits on the socket wakes.
    pub(crate) fn close(&mut self) {
        if let Some(tls) = &mut self.carrier.tls {
            tls.connection.send_close_notify();
            let _ = tls.flush(&self.carrier.socket);
        }
        self.carrier.socket.shut_down();
    }
}

impl Carrier {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Input> {
        match &mut self.tls {
            None => socket_input((&*self.socket).read(buffer)).map_err(|error| lost(&self.place, error)),
            Some(tls) => tls.read(&self.socket, buffer).map_err(|error| error.describe(&self.place)),
        }
    }

    fn write(&mut self, octets: &[u8]) -> Result<usize> {
        let written = match &mut self.tls {
            None => (&*self.socket).write(octets),
            Some(tls) => tls.connection.writer().write(octets),
        };
        blocked_is(written, 0).map_err(|error| lost(&self.place, error))
    }

    fn flush(&mut self) -> Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(false) };
        tls.flush(&self.socket).map_err(|error| lost(&self.place, error))
    }

    /// Sends what is compressed; answers how much of it went.
    fn drain(&mut self, deflate: &mut Deflate) -> Result<usize> {
        let mut sent = 0;
        while !deflate.waiting().is_empty() {
            let octets = self.write(deflate.waiting())?;
            if octets == 0 {
                break;
            }
            deflate.consume(octets);
            sent += octets;
            self.flush()?;
        }
        Ok(sent)
    }
}

impl Tls {
    fn read(&mut self, socket: &Socket, buffer: &mut [u8]) -> Result<Input, Broken> {
        loop {
            match self.connection.reader().read(buffer) {
                Ok(0) => return Ok(Input::Closed),
                Ok(n) => return Ok(Input::Octets(n)),
                // No close_notify: many servers just close. A cut is noticed by the protocol above.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Input::Closed),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(Broken::Io(error)),
            }
            if self.start == self.end && self.fill(socket)? == Input::Blocked {
                return Ok(Input::Blocked);
            }
            self.decrypt(socket)?;
        }
    }

    fn fill(&mut self, mut socket: &Socket) -> Result<Input, Broken> {
        let input = socket_input(socket.read(&mut self.ciphertext)).map_err(Broken::Io)?;
        (self.start, self.end) = (0, if let Input::Octets(n) = input { n } else { 0 });
        Ok(input)
    }

    fn decrypt(&mut self, socket: &Socket) -> Result<(), Broken> {
        let mut rest = self.ciphertext.get(self.start..self.end).unwrap_or_default();
        self.start += self.connection.read_tls(&mut rest).map_err(Broken::Io)?;
        let processed = self.connection.process_new_packets();
        // Handshake answers, key updates, and the alert that tells the peer why we give up.
        let flushed = self.flush(socket);
        processed.map_err(Broken::Tls)?;
        flushed.map(drop).map_err(Broken::Io)
    }

    fn flush(&mut self, mut socket: &Socket) -> io::Result<bool> {
        let mut sent = false;
        while self.connection.wants_write() {
            if blocked_is(self.connection.write_tls(&mut socket), 0)? == 0 {
                break;
            }
            sent = true;
        }
        Ok(sent)
    }
}

/// Why an encrypted stream cannot be read.
enum Broken {
    Io(io::Error),
    Tls(rustls::Error),
}

impl Broken {
    fn describe(self, place: &str) -> Error {
        match self {
            Broken::Io(error) => lost(place, error),
            Broken::Tls(error) => tls_error::describe(place, error),
        }
    }
}

fn lost(place: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{place}: connection lost: {error}")).with_source(error)
}

fn socket_input(read: io::Result<usize>) -> io::Result<Input> {
    match read {
        Ok(0) => Ok(Input::Closed),
        Ok(n) => Ok(Input::Octets(n)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Input::Blocked),
        Err(error) => Err(error),
    }
}

fn blocked_is(result: io::Result<usize>, value: usize) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(value),
        other => other,
    }
}
