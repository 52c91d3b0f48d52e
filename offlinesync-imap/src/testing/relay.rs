//! A relay on loopback between a client and a server: delays every octet as a slow line would, counts what a slow line makes dear
//! (connections, octets, turns), and fails as lines fail. Four threads for each connection; they end with it.

mod fault;

pub use fault::{Fault, Way};

use fault::{Verdict, Watch};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const PIECE: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(60);
/// Pieces on the line in one direction: 16 MiB, so that a line of 20 ms lets 800 MB a second through.
const PIECES: usize = 256;

/// A running relay. Dropped, it takes no more connections; those there are live on until one end closes.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

/// What has passed through a relay, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections opened.
    pub connections: u64,
    /// Octets from the client to the server.
    pub up: u64,
    /// Octets from the server to the client.
    pub down: u64,
    /// How often the client spoke after it had heard something: each costs a round trip if the client waited for what it heard.
    pub turns: u64,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    one_way: Duration,
    stopping: AtomicBool,
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    turns: AtomicU64,
    /// What goes wrong on the next connections, in order.
    faults: Mutex<VecDeque<Fault>>,
    /// Clients that have not closed, or whose last words are not counted yet.
    talking: Mutex<usize>,
    closed: Condvar,
}

/// Octets that arrive at the other end at a certain time.
type Piece = (Instant, Vec<u8>);

impl Relay {
    /// Relays to a port of 127.0.0.1; what either side sends arrives at the other after `one_way`.
    ///
    /// # Panics
    /// If no port can be had.
    pub fn start(target: u16, one_way: Duration) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: (Ipv4Addr::LOCALHOST, target).into(),
            one_way,
            stopping: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            faults: Mutex::default(),
            talking: Mutex::new(0),
            closed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Relay { port, shared }
    }

    /// The port to connect to, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What goes wrong on the connections that will be opened: the first fault on the first of them, and so on. What was to go wrong
    /// before and has not is forgotten.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults.into_iter().collect();
    }

    /// Waits until every client has closed and all that it said is counted.
    ///
    /// # Panics
    /// If one does not close for a long time.
    pub fn settle(&self) {
        let talking = self.shared.talking.lock().unwrap();
        let waited = self.shared.closed.wait_timeout_while(talking, DEADLINE, |talking| *talking > 0).unwrap();
        assert!(!waited.1.timed_out(), "a client is still connected");
    }

    /// What has passed since the start or the last call of [`Relay::take`]; counting starts again.
    pub fn take(&self) -> Traffic {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        let Shared { connections, up, down, turns, .. } = &*self.shared;
        Traffic { connections: take(connections), up: take(up), down: take(down), turns: take(turns) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        // A server that is not there closes the connection, as it would without a relay.
        let Ok(server) = TcpStream::connect(shared.target) else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        relay(client, server, shared);
    }
}

fn relay(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    [&client, &server].into_iter().for_each(|socket| socket.set_nodelay(true).unwrap());
    let heard = Arc::new(AtomicBool::new(true));
    let (counts, spoke) = (Arc::clone(shared), Arc::clone(&heard));
    let sent = move |octets| {
        counts.up.fetch_add(octets, Ordering::SeqCst);
        if spoke.swap(false, Ordering::SeqCst) {
            counts.turns.fetch_add(1, Ordering::SeqCst);
        }
    };
    let counts = Arc::clone(shared);
    let arrives = move |octets| {
        counts.down.fetch_add(octets, Ordering::SeqCst);
        heard.store(true, Ordering::SeqCst);
    };
    let (up, down) = (sync_channel(PIECES), sync_channel(PIECES));
    let ends = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let fault = shared.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let watch = |way: Way| fault.filter(|fault| fault.way() == way).map(Watch::new);
    let (watch_up, watch_down) = (watch(Way::Up), watch(Way::Down));
    let (delay, (from_client, to_server), (to_client, from_server)) = (shared.one_way, ends(), ends());
    *shared.talking.lock().unwrap() += 1;
    let talking = Arc::clone(shared);
    thread::spawn(move || {
        read(from_client, delay, &up.0, watch_up, sent);
        *talking.talking.lock().unwrap() -= 1;
        talking.closed.notify_all();
    });
    thread::spawn(move || write(to_server, &up.1, |_| ()));
    thread::spawn(move || read(from_server, delay, &down.0, watch_down, |_| ()));
    thread::spawn(move || write(to_client, &down.1, arrives));
}

fn read(mut from: TcpStream, delay: Duration, line: &SyncSender<Piece>, mut watch: Option<Watch>, count: impl Fn(u64)) {
    let mut buffer = vec![0; watch.as_ref().map_or(PIECE, |watch| watch.pieces().min(PIECE))];
    let mut stalled = false;
    while let Ok(octets) = from.read(&mut buffer)
        && octets > 0
    {
        let verdict = watch.as_mut().map_or(Verdict::Passes, |watch| watch.judge(&buffer[..octets]));
        let passing = match verdict {
            _ if stalled => continue,
            Verdict::Passes => octets,
            Verdict::Cuts(passing) | Verdict::Stalls(passing) => passing,
        };
        count(passing as u64);
        if line.send((Instant::now() + delay, buffer[..passing].to_vec())).is_err() {
            return;
        }
        stalled = matches!(verdict, Verdict::Stalls(_));
        if matches!(verdict, Verdict::Cuts(_)) {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Writes what is due; then the end of the stream arrives, too. A receiver that has gone closes the other way round.
fn write(mut to: TcpStream, line: &Receiver<Piece>, count: impl Fn(u64)) {
    for (due, piece) in line {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        count(piece.len() as u64);
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    /// Answers every line with the line itself, after a greeting.
    fn echo_server() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                client.write_all(b"hello\n").unwrap();
                let lines = BufReader::new(client.try_clone().unwrap()).lines();
                let echo = |line| client.write_all(format!("{line}\n").as_bytes()).is_ok();
                lines.map_while(Result::ok).all(echo);
            }
        });
        port
    }

    #[test]
    fn a_connection_that_is_to_fail_is_closed_where_it_was_said_and_the_next_one_is_whole() {
        let relay = Relay::start(echo_server(), Duration::ZERO);
        relay.fail([Fault::Cut { way: Way::Up, after: 6 }]);
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
        client.write_all(b"one\ntwo\n").unwrap();
        let mut heard = String::new();
        let _ = client.read_to_string(&mut heard);
        assert!("hello\none\n".starts_with(&heard), "{heard:?}");
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
        client.write_all(b"one\ntwo\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        heard.clear();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello\none\ntwo\n");
    }

    #[test]
    fn what_is_said_arrives_and_every_answer_waited_for_is_a_turn() {
        let relay = Relay::start(echo_server(), Duration::from_millis(20));
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        assert_eq!(line(), "hello");
        client.write_all(b"one\n").unwrap();
        client.write_all(b"two\n").unwrap();
        assert_eq!((line(), line()), ("one".into(), "two".into()));
        client.write_all(b"three\n").unwrap();
        assert_eq!(line(), "three");
        assert_eq!(relay.take(), Traffic { connections: 1, up: 14, down: 20, turns: 2 });
        client.shutdown(Shutdown::Write).unwrap();
        assert!(lines.next().is_none(), "the end arrives, too");
        relay.settle();
        assert_eq!(relay.take(), Traffic::default());
    }
}
