//! A nonblocking stream socket that raises no signal and is closed on exec.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketType, sockopt};
use std::io::{self, Read, Write};
use std::time::Duration;

/// How long a silent TCP connection may be before the kernel asks whether the peer is there, and between such questions.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// A nonblocking stream socket.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Takes over a stream socket and makes it nonblocking.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        #[cfg(target_vendor = "apple")]
        sockopt::set_socket_nosigpipe(&fd, true)?;
        Ok(Socket(fd))
    }

    /// A TCP socket that is not connected yet.
    pub(crate) fn tcp(family: AddressFamily) -> io::Result<Self> {
        let socket = Socket::new(rustix::net::socket(family, SocketType::STREAM, None)?)?;
        sockopt::set_tcp_nodelay(&socket.0, true)?;
        // When the connection is given up, or the program is killed, what was not sent yet must not be sent by the kernel minutes
        // later, when the next run has looked at the mailbox already.
        sockopt::set_socket_linger(&socket.0, Some(Duration::ZERO))?;
        sockopt::set_socket_keepalive(&socket.0, true)?;
        // Best effort: not every system has these.
        #[cfg(not(target_os = "openbsd"))]
        let _ = sockopt::set_tcp_keepidle(&socket.0, KEEPALIVE);
        #[cfg(not(target_os = "openbsd"))]
        let _ = sockopt::set_tcp_keepintvl(&socket.0, KEEPALIVE / 4);
        Ok(socket)
    }

    /// Starts to connect; writable once that has ended, well or not.
    pub(crate) fn start_connect(&self, address: &std::net::SocketAddr) -> io::Result<()> {
        match rustix::net::connect(&self.0, address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How connecting has ended.
    pub(crate) fn outcome(&self) -> io::Result<()> {
        sockopt::socket_error(&self.0)?.map_err(io::Error::from)
    }

    /// What was written is still sent when the socket is closed.
    pub(crate) fn send_all_when_closed(&self) {
        let _ = sockopt::set_socket_linger(&self.0, None);
    }

    /// Ends the connection in both directions without closing the descriptor, so that everyone who polls it wakes.
    pub(crate) fn shut_down(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Ok((_, n)) => return Ok(n),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::net::send(&self.0, octets, SEND) {
                Ok(n) => return Ok(n),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
