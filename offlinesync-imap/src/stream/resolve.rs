//! Names to addresses. The system's resolver blocks without a deadline, so it runs on a thread of its own, which is left behind when
//! the deadline passes and ends by itself.

use super::wait::{self, Patience, Waker};
use offlinesync_core::{Error, ErrorKind, Result};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// The addresses of a host, in the order in which they should be tried (RFC 8305 section 4): families alternate.
pub(super) fn resolve(
    host: &str,
    port: u16,
    ipv6: Option<bool>,
    until: Instant,
    p: &Patience<'_>,
) -> Result<Vec<SocketAddr>> {
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let found = match literal {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => look_up(host, port, until, p)?,
    };
    let addresses = in_order(found, ipv6);
    if addresses.is_empty() {
        let family = if ipv6 == Some(true) { "IPv6" } else { "IPv4" };
        return Err(Error::new(ErrorKind::Unavailable, format!("{host} has no {family} address")));
    }
    Ok(addresses)
}

fn look_up(host: &str, port: u16, until: Instant, patience: &Patience<'_>) -> Result<Vec<SocketAddr>> {
    let failed = |why: String| Error::new(ErrorKind::Unavailable, format!("the name {host} cannot be resolved: {why}"));
    let waker = Arc::new(Waker::new().map_err(|error| failed(error.to_string()))?);
    let answer = start(host.to_owned(), port, waker.clone()).map_err(|error| failed(error.to_string()))?;
    loop {
        match answer.try_recv() {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(mpsc::TryRecvError::Disconnected) => return Err(failed("the resolver gave up".into())),
            Err(mpsc::TryRecvError::Empty) if Instant::now() >= until => {
                return Err(failed("no answer in time".into()));
            }
            Err(mpsc::TryRecvError::Empty) => wait::poll(&[waker.interest()], until, patience)?,
        };
    }
}

type Answer = mpsc::Receiver<io::Result<Vec<SocketAddr>>>;

fn start(host: String, port: u16, waker: Arc<Waker>) -> io::Result<Answer> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("resolver".into()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        let _ = send.send(found);
        waker.wake();
    })?;
    Ok(receive)
}

fn in_order(found: Vec<SocketAddr>, ipv6: Option<bool>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let wanted = found.into_iter().filter(|address| ipv6.is_none_or(|v6| v6 == address.is_ipv6()));
    let (first, second): (Vec<_>, Vec<_>) = wanted.partition(|address| address.is_ipv6() == first_is_v6);
    let mut others = second.into_iter();
    let mut order: Vec<SocketAddr> = first.into_iter().flat_map(|a| [Some(a), others.next()]).flatten().collect();
    order.extend(others);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::Cancel;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 143)).collect()
    }

    #[test]
    fn families_alternate_and_the_resolvers_favourite_is_first() {
        let found = addresses(&["::1", "::2", "::3", "10.0.0.1"]);
        assert_eq!(in_order(found.clone(), None), addresses(&["::1", "10.0.0.1", "::2", "::3"]));
        assert_eq!(in_order(found.clone(), Some(false)), addresses(&["10.0.0.1"]));
        assert_eq!(in_order(found, Some(true)), addresses(&["::1", "::2", "::3"]));
    }

    #[test]
    fn an_address_needs_no_resolver_and_the_wrong_family_is_an_error() {
        let (waker, cancel) = (Waker::new().unwrap(), Cancel::new());
        let patience = Patience { waker: &waker, cancel: &cancel };
        let resolve = |host, ipv6| resolve(host, 143, ipv6, Instant::now(), &patience);
        assert_eq!(resolve("[::1]", None).unwrap(), addresses(&["::1"]));
        assert_eq!(resolve("127.0.0.1", None).unwrap(), addresses(&["127.0.0.1"]));
        assert!(resolve("127.0.0.1", Some(true)).unwrap_err().to_string().contains("no IPv6 address"));
    }
}
