//! Asks a name server for SRV and MX records (RFC 1035, RFC 2782): one datagram there, one back. The operating system's resolver
//! answers for addresses only. Opens a socket; reads `/etc/resolv.conf`.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const SRV: u16 = 33;
const MX: u16 = 15;
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
        let answers = self.ask(&format!("{service}.{domain}"), SRV).unwrap_or_default();
        let mut offered: Vec<Offered> = answers.data.iter().filter_map(|at| answers.service(*at)).collect();
        offered.sort();
        offered
    }

    /// The mail exchangers of a domain.
    pub(super) fn exchangers(&self, domain: &str) -> Vec<String> {
        let answers = self.ask(domain, MX).unwrap_or_default();
        answers.data.iter().filter_map(|at| Some(name(&answers.message, at + 2)?.0)).collect()
    }

    fn ask(&self, domain: &str, kind: u16) -> Option<Answers> {
        let id = std::process::id() as u16 ^ kind;
        let question = question(id, domain, kind)?;
        let local = if self.server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(self.server).ok()?;
        socket.send(&question).ok()?;
        let deadline = Instant::now() + self.patience;
        let mut buffer = vec![0; LONGEST];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            socket.set_read_timeout(Some(left)).ok()?;
            let length = socket.recv(&mut buffer).ok()?;
            if length >= 12 && buffer[..2] == id.to_be_bytes() && buffer[2] & 0x80 != 0 {
                return Answers::read(&buffer[..length], kind);
            }
        }
    }
}

/// A message with where the data of its answers of one kind begins.
#[derive(Debug, Default)]
struct Answers {
    message: Vec<u8>,
    data: Vec<usize>,
}

impl Answers {
    /// `None` if the message ends too early.
    fn read(message: &[u8], kind: u16) -> Option<Answers> {
        let (questions, answers) = (number(message, 4)?, number(message, 6)?);
        let mut at = 12;
        for _ in 0..questions {
            at = name(message, at)?.1 + 4;
        }
        let mut data = Vec::new();
        for _ in 0..answers {
            let head = name(message, at)?.1;
            let length = usize::from(number(message, head + 8)?);
            message.get(head + 10..head + 10 + length)?;
            if number(message, head)? == kind {
                data.push(head + 10);
            }
            at = head + 10 + length;
        }
        Some(Answers { message: message.to_vec(), data })
    }

    /// RFC 2782: priority, weight, port, target.
    fn service(&self, at: usize) -> Option<Offered> {
        let (host, _) = name(&self.message, at + 6)?;
        Some(Offered { priority: number(&self.message, at)?, host, port: number(&self.message, at + 4)? })
    }
}

fn number(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]))
}

/// A name and where it ends. Names point into the message, never forwards; so following them ends.
fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut end, mut limit) = (Vec::new(), start, None, start);
    loop {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => break,
            1..=63 => {
                let label = message.get(at + 1..at + 1 + length)?;
                let sound = label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
                labels.push(std::str::from_utf8(label).ok().filter(|_| sound)?.to_owned());
                at += 1 + length;
            }
            0xc0.. => {
                end = end.or(Some(at + 2));
                let target = usize::from(number(message, at)? & 0x3fff);
                if target >= limit {
                    return None;
                }
                (limit, at) = (target, target);
            }
            _ => return None,
        }
        if labels.len() > 127 {
            return None;
        }
    }
    Some((labels.join("."), end.unwrap_or(at + 1)))
}

/// A question for one name; `None` if it is none.
fn question(id: u16, domain: &str, kind: u16) -> Option<Vec<u8>> {
    let mut message = Vec::from(id.to_be_bytes());
    // Recursion is desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in domain.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Answers one question with these records: the data of each.
    fn answering(kind: u16, records: Vec<Vec<u8>>) -> Resolver {
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
                answer.extend(kind.to_be_bytes());
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
            answering(SRV, vec![record(9, b"\x05other\0", 994), record(1, b"\x04imap\x07example\x03org\0", 993)]);
        let offered = resolver.services("_imaps._tcp", "example.org");
        let told: Vec<(&str, u16)> = offered.iter().map(|server| (server.host.as_str(), server.port)).collect();
        assert_eq!(told, [("imap.example.org", 993), ("other", 994)]);
    }

    #[test]
    fn exchangers_may_point_at_the_name_in_the_question() {
        let resolver = answering(MX, vec![vec![0, 10, 2, b'm', b'x', 0xc0, 12]]);
        assert_eq!(resolver.exchangers("example.org"), ["mx.example.org"]);
    }

    #[test]
    fn a_name_that_points_at_itself_or_forwards_is_refused() {
        assert_eq!(name(&[0xc0, 0], 0), None);
        assert_eq!(name(&[0xc0, 2, 1, b'a', 0], 0), None);
        assert_eq!(name(&[1, b'a', 0, 0xc0, 0], 3), Some(("a".to_owned(), 5)));
        assert_eq!(question(1, "a..b", MX), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(answers) = Answers::read(&message, SRV) {
                answers.data.iter().for_each(|at| _ = answers.service(*at));
            }
        }
    }
}
