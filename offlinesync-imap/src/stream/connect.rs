//! TCP connections: the addresses of a host are tried side by side, a quarter of a second apart, and the first that answers wins
//! (RFC 8305).

use super::proxy::pass;
use super::resolve::resolve;
use super::socket::Socket;
use super::wait::{self, Interest, Patience};
use crate::config::ImapConfig;
use offlinesync_core::{Error, ErrorKind, Result};
use rustix::fd::AsFd;
use rustix::net::AddressFamily;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Head start of each address before the next is tried too.
const HEAD_START: Duration = Duration::from_millis(250);

/// Resolves the configured host and connects to it; behind a proxy, the proxy does.
pub(super) fn connect(config: &ImapConfig, patience: &Patience<'_>) -> Result<Socket> {
    let until = Instant::now() + config.timeouts.connect;
    let server = (config.host.as_str(), config.port_number());
    let (host, port) = config.proxy.as_ref().map_or(server, |proxy| (proxy.host.as_str(), proxy.port));
    let addresses = resolve(host, port, config.ipv6, until, patience)?;
    let socket = race(addresses, config.timeouts.connect, patience)?;
    match &config.proxy {
        Some(proxy) => pass(proxy, socket, server, Instant::now() + config.timeouts.connect, patience),
        None => Ok(socket),
    }
}

struct Race<'a> {
    waiting: VecDeque<SocketAddr>,
    running: Vec<(Socket, SocketAddr, Instant)>,
    next_start: Instant,
    each: Duration,
    patience: &'a Patience<'a>,
    failure: Option<Error>,
}

/// Connects to the first address that answers, giving each `each` of time.
fn race(addresses: Vec<SocketAddr>, each: Duration, patience: &Patience<'_>) -> Result<Socket> {
    let waiting = VecDeque::from(addresses);
    let next_start = Instant::now();
    let mut race = Race { waiting, running: Vec::new(), next_start, each, patience, failure: None };
    loop {
        race.start_due();
        if race.running.is_empty() && race.waiting.is_empty() {
            let nothing = || Error::new(ErrorKind::Unavailable, "no address to connect to");
            return Err(race.failure.unwrap_or_else(nothing));
        }
        if let Some(winner) = race.wait()? {
            return Ok(winner);
        }
    }
}

impl Race<'_> {
    /// Starts the next address if its time has come or nothing else is under way.
    fn start_due(&mut self) {
        while self.running.is_empty() || Instant::now() >= self.next_start {
            let Some(address) = self.waiting.pop_front() else { return };
            self.next_start = Instant::now() + HEAD_START;
            match start(&address) {
                Ok(socket) => self.running.push((socket, address, Instant::now() + self.each)),
                Err(error) => self.fail(&address, error),
            }
        }
    }

    fn wait(&mut self) -> Result<Option<Socket>> {
        let fds: Vec<_> = self.running.iter().map(|(socket, ..)| (socket.as_fd(), Interest::Write)).collect();
        let deadlines = self.running.iter().map(|(.., deadline)| *deadline);
        let until = deadlines.chain((!self.waiting.is_empty()).then_some(self.next_start)).min();
        let ready = wait::poll(&fds, until.unwrap_or(self.next_start), self.patience)?;
        let now = Instant::now();
        for ((socket, address, deadline), ready) in std::mem::take(&mut self.running).into_iter().zip(ready) {
            match ready.then(|| socket.outcome()) {
                Some(Ok(())) => return Ok(Some(socket)),
                Some(Err(error)) => self.fail(&address, error),
                None if now >= deadline => self.fail(&address, io::ErrorKind::TimedOut.into()),
                None => self.running.push((socket, address, deadline)),
            }
        }
        Ok(None)
    }

    /// Remembers the first failure, and lets the next address start at once.
    fn fail(&mut self, address: &SocketAddr, error: io::Error) {
        self.next_start = Instant::now();
        let message = format!("cannot connect to {address}: {error}");
        self.failure.get_or_insert_with(|| Error::new(ErrorKind::Unavailable, message).with_source(error));
    }
}

fn start(address: &SocketAddr) -> io::Result<Socket> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = Socket::tcp(family)?;
    socket.start_connect(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::wait::Waker;
    use crate::testing::closed_port::ClosedPort;
    use offlinesync_core::Cancel;
    use std::net::TcpListener;

    fn run(addresses: Vec<SocketAddr>) -> Result<Socket> {
        let (waker, cancel) = (Waker::new().unwrap(), Cancel::new());
        race(addresses, Duration::from_secs(30), &Patience { waker: &waker, cancel: &cancel })
    }

    #[test]
    fn a_dead_address_does_not_keep_a_living_one_from_being_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        run(vec![ClosedPort::new().address(), listener.local_addr().unwrap()]).unwrap();
    }

    #[test]
    fn when_nobody_answers_the_first_address_is_named() {
        let closed = [ClosedPort::new(), ClosedPort::new()];
        let error = run(closed.iter().map(ClosedPort::address).collect()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(&closed[0].address().to_string()), "{error}");
    }

    #[test]
    fn cancelling_ends_the_race() {
        let (waker, cancel) = (Waker::new().unwrap(), Cancel::new());
        cancel.cancel();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let patience = Patience { waker: &waker, cancel: &cancel };
        let result = race(vec![listener.local_addr().unwrap()], Duration::from_secs(30), &patience);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
