//! A loopback port at which nobody listens, and at which nobody else can begin to: a connection's own end has it. Touches loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// A port that refuses connections for as long as this lives. One that was merely free a moment ago may be another test's by now.
pub struct ClosedPort {
    holder: TcpStream,
    _peer: TcpStream,
}

impl ClosedPort {
    /// Takes a port.
    ///
    /// # Panics
    /// If no port can be had.
    #[expect(clippy::new_without_default, reason = "it takes something of the machine's")]
    pub fn new() -> ClosedPort {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let holder = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        ClosedPort { holder, _peer: peer }
    }

    /// The address, on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        self.holder.local_addr().unwrap()
    }

    /// The port's number.
    pub fn port(&self) -> u16 {
        self.address().port()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn it_refuses_and_cannot_be_taken() {
        let closed = ClosedPort::new();
        let refused = TcpStream::connect(closed.address()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpListener::bind(closed.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
