//! Asks a proxy for a connection: what is said before the connection is the server's. Waits only as the patience allows.

use super::socket::Socket;
use super::wait::{self, Interest, Patience};
use crate::config::{Proxy, ProxyKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use offlinesync_core::{Error, ErrorKind, Result};
use rustix::fd::AsFd;
use std::io::{self, Read, Write};
use std::time::Instant;

/// The longest answer of an HTTP proxy.
const LONGEST: usize = 16 * 1024;

/// Makes a connection to the proxy one to the server.
///
/// # Errors
/// Kind `Unavailable`: the proxy does not answer, or does not connect. `Configuration`: it wants another login, or the name is too
/// long for it.
pub(super) fn pass(
    proxy: &Proxy,
    socket: Socket,
    (host, port): (&str, u16),
    until: Instant,
    patience: &Patience<'_>,
) -> Result<Socket> {
    let mut talk = Talk { socket: &socket, until, patience, proxy };
    match proxy.kind {
        ProxyKind::Socks5 => talk.socks5(host, port)?,
        ProxyKind::Socks4 => talk.socks4(host, port)?,
        ProxyKind::Http => talk.http(host, port)?,
    }
    Ok(socket)
}

struct Talk<'a> {
    socket: &'a Socket,
    until: Instant,
    patience: &'a Patience<'a>,
    proxy: &'a Proxy,
}

impl Talk<'_> {
    fn socks5(&mut self, host: &str, port: u16) -> Result<()> {
        let method = if self.proxy.login.is_some() { 2 } else { 0 };
        self.send(&[5, 1, method])?;
        if self.receive::<2>()? != [5, method] {
            return Err(self.mistake("does not accept this login"));
        }
        if let Some((user, password)) = &self.proxy.login {
            let mut login = vec![1];
            for text in [user.as_str(), password.expose()] {
                login.push(self.length(text)?);
                login.extend(text.as_bytes());
            }
            self.send(&login)?;
            if self.receive::<2>()?[1] != 0 {
                return Err(self.mistake("refuses this login"));
            }
        }
        let mut request = vec![5, 1, 0, 3, self.length(host)?];
        request.extend(host.as_bytes());
        request.extend(port.to_be_bytes());
        self.send(&request)?;
        let [_, reply, _, kind] = self.receive::<4>()?;
        if reply != 0 {
            return Err(self.refused(host, socks5_reply(reply)));
        }
        match kind {
            1 => self.receive::<6>().map(|_| ()),
            4 => self.receive::<18>().map(|_| ()),
            _ => {
                let [length] = self.receive::<1>()?;
                (0..usize::from(length) + 2).try_for_each(|_| self.receive::<1>().map(|_| ()))
            }
        }
    }

    /// With the name of the server, as SOCKS 4a has it.
    fn socks4(&mut self, host: &str, port: u16) -> Result<()> {
        let mut request = vec![4, 1];
        request.extend(port.to_be_bytes());
        request.extend([0, 0, 0, 1]);
        request.extend(self.proxy.login.iter().flat_map(|(user, _)| user.bytes().filter(|byte| *byte != 0)));
        request.push(0);
        request.extend(host.bytes().filter(|byte| *byte != 0));
        request.push(0);
        self.send(&request)?;
        match self.receive::<8>()?[1] {
            90 => Ok(()),
            92 | 93 => Err(self.mistake("refuses this user")),
            _ => Err(self.refused(host, "it does not connect")),
        }
    }

    fn http(&mut self, host: &str, port: u16) -> Result<()> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some((user, password)) = &self.proxy.login {
            let login = STANDARD.encode(format!("{user}:{}", password.expose()));
            request.push_str(&format!("Proxy-Authorization: Basic {login}\r\n"));
        }
        request.push_str("\r\n");
        self.send(request.as_bytes())?;
        // Octet by octet: what follows the empty line is the server's.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= LONGEST {
                return Err(self.refused(&host, "its answer does not end"));
            }
            answer.extend(self.receive::<1>()?);
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default();
        match line.split(' ').nth(1) {
            Some(code) if code.len() == 3 && code.starts_with('2') => Ok(()),
            Some("407") => Err(self.mistake("wants a user and a password, or others")),
            _ => Err(self.refused(&host, &format!("it answers: {line}"))),
        }
    }

    fn send(&mut self, mut octets: &[u8]) -> Result<()> {
        while !octets.is_empty() {
            let mut socket = self.socket;
            match socket.write(octets) {
                Ok(sent) => octets = &octets[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(Interest::Write)?,
                Err(error) => return Err(self.lost(error)),
            }
        }
        Ok(())
    }

    fn receive<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (mut octets, mut at) = ([0; N], 0);
        while at < N {
            let mut socket = self.socket;
            match socket.read(&mut octets[at..]) {
                Ok(0) => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => at += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(Interest::Read)?,
                Err(error) => return Err(self.lost(error)),
            }
        }
        Ok(octets)
    }

    fn wait(&self, interest: Interest) -> Result<()> {
        if Instant::now() >= self.until {
            return Err(self.lost(io::ErrorKind::TimedOut.into()));
        }
        wait::poll(&[(self.socket.as_fd(), interest)], self.until, self.patience).map(|_| ())
    }

    fn length(&self, text: &str) -> Result<u8> {
        let too_long = |_| self.mistake("takes no name and no password longer than 255 octets");
        u8::try_from(text.len()).map_err(too_long)
    }

    fn place(&self) -> String {
        format!("the proxy {}:{}", self.proxy.host, self.proxy.port)
    }

    fn lost(&self, error: io::Error) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{} gives no answer: {error}", self.place())).with_source(error)
    }

    fn refused(&self, host: &str, why: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{} gives no connection to {host}: {why}", self.place()))
    }

    fn mistake(&self, problem: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("{} {problem}", self.place()))
    }
}

/// RFC 1928 section 6.
fn socks5_reply(reply: u8) -> &'static str {
    match reply {
        2 => "its rules do not allow it",
        3 => "the network is unreachable",
        4 => "the host is unreachable",
        5 => "the connection was refused",
        6 => "the time is over",
        7 | 8 => "it cannot do what was asked for",
        _ => "it does not say why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::stream::wait::Waker;
    use offlinesync_core::Cancel;
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    /// A proxy that expects and answers this in turns, and then says `server`.
    fn through(kind: ProxyKind, login: Option<(&str, &str)>, script: &[(&[u8], &[u8])]) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let login = login.map(|(user, password)| (user.to_owned(), Secret::new(password.to_owned())));
        let proxy = Proxy { kind, host: "127.0.0.1".to_owned(), port: address.port(), login };
        let script: Vec<(Vec<u8>, Vec<u8>)> = script.iter().map(|(a, b)| (a.to_vec(), b.to_vec())).collect();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for (expected, answer) in script {
                let mut read = vec![0; expected.len()];
                stream.read_exact(&mut read).unwrap();
                assert_eq!(read, expected, "{}", String::from_utf8_lossy(&read));
                stream.write_all(&answer).unwrap();
            }
            stream.write_all(b"server").unwrap();
            stream
        });
        let (waker, cancel) = (Waker::new().unwrap(), Cancel::new());
        let patience = Patience { waker: &waker, cancel: &cancel };
        let until = Instant::now() + Duration::from_secs(30);
        let socket = std::net::TcpStream::connect(address).unwrap();
        let passed = pass(&proxy, Socket::new(socket.into()).unwrap(), ("imap.example.org", 993), until, &patience);
        let _peer = peer.join();
        let socket = passed?;
        let mut talk = Talk { socket: &socket, until, patience: &patience, proxy: &proxy };
        assert_eq!(&talk.receive::<6>()?, b"server", "what follows is the server's");
        Ok(())
    }

    const NAME: &[u8] = b"\x05\x01\x00\x03\x10imap.example.org\x03\xe1";

    #[test]
    fn socks_5_is_spoken_with_and_without_a_login() {
        let granted = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50";
        through(ProxyKind::Socks5, None, &[(b"\x05\x01\x00", b"\x05\x00"), (NAME, granted)]).unwrap();
        let named = b"\x05\x00\x00\x03\x02ab\x00\x50";
        let login = (&b"\x01\x01u\x02pw"[..], &b"\x01\x00"[..]);
        let script = [(&b"\x05\x01\x02"[..], &b"\x05\x02"[..]), login, (NAME, named)];
        through(ProxyKind::Socks5, Some(("u", "pw")), &script).unwrap();
    }

    #[test]
    fn socks_4a_and_http_are_spoken() {
        let request = b"\x04\x01\x03\xe1\x00\x00\x00\x01u\x00imap.example.org\x00";
        let login = Some(("u", "p"));
        through(ProxyKind::Socks4, login, &[(request, b"\x00\x5a\x00\x00\x00\x00\x00\x00")]).unwrap();
        let request = b"CONNECT imap.example.org:993 HTTP/1.1\r\nHost: imap.example.org:993\r\n\
                        Proxy-Authorization: Basic dTpw\r\n\r\n";
        through(ProxyKind::Http, login, &[(request, b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n")]).unwrap();
    }

    #[test]
    fn a_proxy_that_refuses_says_why() {
        let said = |kind, script: &[(&[u8], &[u8])]| through(kind, None, script).unwrap_err();
        let error = said(ProxyKind::Socks5, &[(b"\x05\x01\x00", b"\x05\x00"), (NAME, b"\x05\x05\x00\x01")]);
        assert!(
            error.to_string().ends_with("no connection to imap.example.org: the connection was refused"),
            "{error}"
        );
        let error = said(ProxyKind::Socks5, &[(b"\x05\x01\x00", b"\x05\xff")]);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let request = b"CONNECT imap.example.org:993 HTTP/1.1\r\nHost: imap.example.org:993\r\n\r\n";
        let error = said(ProxyKind::Http, &[(request, b"HTTP/1.1 403 No\r\n\r\n")]);
        assert!(error.to_string().ends_with("it answers: HTTP/1.1 403 No"), "{error}");
        assert!(said(ProxyKind::Http, &[(request, &[b'x'; LONGEST])]).to_string().contains("does not end"));
        assert_eq!(
            said(ProxyKind::Socks4, &[(b"\x04", b"\x00\x5b\x00\x00\x00\x00\x00\x00")]).kind(),
            ErrorKind::Unavailable
        );
    }
}
