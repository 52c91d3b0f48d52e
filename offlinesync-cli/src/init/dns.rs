//! Asks a name server for SRV and MX records (RFC 1035, RFC 2782): one datagram there, one back. The operating system's resolver
//! answers for addresses only. Opens a socket; reads `/etc/resolv.conf`.

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, TYPE, header_buffer};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that comes in one datagram.
const LONGEST: usize = 4096;

/// A name server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver {
    server: SocketAddr,
    patience: Duration,
}

/// A server that a domain offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offered {
    priority: u16,
    /// Its name; empty if the domain says that there is none.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Resolver {
    /// The first server in `/etc/resolv.conf`, if there is one.
    pub(super) fn of_system() -> Option<Resolver> {
        let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let address =
            text.lines().find_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok());
        Some(Resolver::new(SocketAddr::new(address?, 53), PATIENCE))
    }

    /// A server at this address.
    pub(super) fn new(server: SocketAddr, patience: Duration) -> Resolver {
        Resolver { server, patience }
    }

    /// The servers a domain offers for a service such as `_imaps._tcp`, the preferred one first. No answer is an empty list.
    pub(super) fn services(&self, service: &str, domain: &str) -> Vec<Offered> {
        let mut offered = self.ask(&format!("{service}.{domain}"), TYPE::SRV, |record| match record {
            RData::SRV(record) => {
                Some(Offered { priority: record.priority, host: host(&record.target)?, port: record.port })
            }
            _ => None,
        });
        offered.sort();
        offered
    }

    /// The mail exchangers of a domain.
    pub(super) fn exchangers(&self, domain: &str) -> Vec<String> {
        self.ask(domain, TYPE::MX, |record| match record {
            // The root says that the domain takes no mail (RFC 7505).
            RData::MX(record) => host(&record.exchange).filter(|host| !host.is_empty()),
            _ => None,
        })
    }

    /// What `read` makes of the records that answer. No answer is an empty list.
    fn ask<T>(&self, domain: &str, kind: TYPE, read: impl Fn(&RData<'_>) -> Option<T>) -> Vec<T> {
        let id = std::process::id() as u16 ^ u16::from(kind);
        let Some(answer) = question(id, domain, kind).and_then(|question| self.exchange(id, &question)) else {
            return Vec::new();
        };
        let records = Packet::parse(&answer).map(|packet| packet.answers).unwrap_or_default();
        records.iter().filter_map(|record| read(&record.rdata)).collect()
    }

    /// Sends a question and waits for what answers it.
    fn exchange(&self, id: u16, question: &[u8]) -> Option<Vec<u8>> {
        let local = if self.server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(self.server).ok()?;
        socket.send(question).ok()?;
        let deadline = Instant::now() + self.patience;
        let mut buffer = vec![0; LONGEST];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            socket.set_read_timeout(Some(left)).ok()?;
            let length = socket.recv(&mut buffer).ok()?;
            let head = &buffer[..length];
            let is_ours = header_buffer::id(head).is_ok_and(|of| of == id);
            if is_ours && header_buffer::has_flags(head, PacketFlag::RESPONSE).unwrap_or(false) {
                buffer.truncate(length);
                return Some(buffer);
            }
        }
    }
}

/// A name that can be a host's; the root, which says that there is none, is empty.
fn host(name: &Name<'_>) -> Option<String> {
    let name = name.to_string();
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)).then_some(name)
}

/// A question for one name; `None` if it is none.
fn question(id: u16, domain: &str, kind: TYPE) -> Option<Vec<u8>> {
    let domain = domain.trim_end_matches('.');
    let name = Name::new(domain).ok().filter(|_| domain.split('.').all(|label| !label.is_empty()))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Answers one question with these records: the data of each.
    fn answering(kind: TYPE, records: Vec<Vec<u8>>) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(b"not an answer", peer).unwrap();
            let mut answer = buffer[..length].to_vec();
            answer[2] |= 0x80;
            answer[7] = records.len() as u8;
            for record in records {
                answer.extend([0xc0, 12]);
                answer.extend(u16::from(kind).to_be_bytes());
                answer.extend([0, 1, 0, 0, 0, 60, 0, record.len() as u8]);
                answer.extend(record);
            }
            socket.send_to(&answer, peer).unwrap();
        });
        Resolver::new(address, Duration::from_secs(20))
    }

    #[test]
    fn services_come_with_the_preferred_one_first() {
        let record = |priority: u8, host: &[u8], port: u16| {
            let mut data = vec![0, priority, 0, 0];
            data.extend(port.to_be_bytes());
            data.extend(host);
            data
        };
        let resolver =
            answering(TYPE::SRV, vec![record(9, b"\x05other\0", 994), record(1, b"\x04imap\x07example\x03org\0", 993)]);
        let offered = resolver.services("_imaps._tcp", "example.org");
        let told: Vec<(&str, u16)> = offered.iter().map(|server| (server.host.as_str(), server.port)).collect();
        assert_eq!(told, [("imap.example.org", 993), ("other", 994)]);
    }

    #[test]
    fn exchangers_may_point_at_the_name_in_the_question() {
        let resolver = answering(TYPE::MX, vec![vec![0, 10, 2, b'm', b'x', 0xc0, 12]]);
        assert_eq!(resolver.exchangers("example.org"), ["mx.example.org"]);
    }

    #[test]
    fn a_name_that_points_at_itself_or_is_none_is_no_answer() {
        assert!(answering(TYPE::MX, vec![vec![0, 10, 0xc0, 43]]).exchangers("example.org").is_empty());
        assert_eq!(question(1, "a..b", TYPE::MX), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packet) = Packet::parse(&message) {
                packet.answers.iter().for_each(|record| {
                    if let RData::SRV(record) = &record.rdata {
                        host(&record.target);
                    }
                });
            }
        }
    }
}
