//! A small in-memory IMAP server for tests and demonstrations: standard threads on a loopback port, every command checked by a strict
//! parser, every count exact, faults on demand. It refuses what it does not offer, as the servers that a client meets do not always.
//!
//! ```
//! use offlinesync_imap::testing::server::{Options, Server};
//! let server = Server::start(Options::default().without("QRESYNC"));
//! server.create("u1", "Archive");
//! let uid = server.mailbox("u1", "INBOX").add(b"Subject: hello\r\n\r\nbody\r\n", &["\\Seen"]);
//! assert_eq!((uid, server.names("u1").len()), (1, 2));
//! assert_eq!(server.log().len(), 0); // nobody has connected yet
//! ```

mod checked;
mod faults;
mod handle;
mod login;
mod mailboxes;
mod messages;
mod session;
mod store;
mod text;
mod watch;
mod wire;

pub use faults::{Action, Received, Rewrite};
pub use handle::{Backup, Mail, MailboxHandle, SavedMail};

use faults::Hook;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use store::State;

const CAPABILITIES: &str = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ENABLE ID NAMESPACE UIDPLUS MOVE IDLE UNSELECT CHILDREN \
    CONDSTORE QRESYNC ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE";

/// What kind of server to start. The default offers everything it knows and has the users `u1` to `u9` with the password `pw`.
#[derive(Clone, Debug)]
pub struct Options {
    users: Vec<(String, String)>,
    capabilities: BTreeSet<String>,
    separator: char,
    folds_case: bool,
    append_limit: usize,
    connection_limit: usize,
    email_ids: EmailIds,
}

/// What a server that offers OBJECTID or X-GM-EXT-1 calls the contents of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailIds {
    /// Equal contents, and no others, are called the same (RFC 8474 section 5.1).
    True,
    /// Every message is called the same.
    AllAlike,
    /// Messages of one UID are called the same in all folders.
    ByNumber,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            users: (1..10).map(|n| (format!("u{n}"), "pw".to_owned())).collect(),
            capabilities: CAPABILITIES.split_whitespace().map(str::to_owned).collect(),
            separator: '/',
            folds_case: false,
            append_limit: usize::MAX,
            connection_limit: usize::MAX,
            email_ids: EmailIds::True,
        }
    }
}

impl Options {
    /// Offers nothing beyond RFC 3501.
    pub fn bare() -> Self {
        Options { capabilities: BTreeSet::from(["IMAP4rev1".to_owned()]), ..Options::default() }
    }

    /// Drops a capability; a command that needs it is then refused with BAD.
    pub fn without(mut self, capability: &str) -> Self {
        self.capabilities.remove(capability);
        self
    }

    /// What contents are called, by a server that offers OBJECTID or X-GM-EXT-1.
    pub fn email_ids(mut self, email_ids: EmailIds) -> Self {
        self.email_ids = email_ids;
        self
    }

    /// Offers one more: `OBJECTID` (EMAILID and MAILBOXID), `X-GM-EXT-1` (X-GM-MSGID alone), `COMPRESS=DEFLATE`, `LITERAL-`, `AUTH=XOAUTH2` and `AUTH=OAUTHBEARER` (the password is the token), `LOGINDISABLED`, or one that only shows.
    pub fn with(mut self, capability: &str) -> Self {
        self.capabilities.insert(capability.to_owned());
        self
    }

    /// One more user.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// The hierarchy separator instead of `/`.
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Takes names of mailboxes that differ in case only for one, as Gmail does; the list shows the case they were created with.
    pub fn folds_case(mut self) -> Self {
        self.folds_case = true;
        self
    }

    /// Refuses larger messages with `[TOOBIG]`, before their bytes are sent if the client waits.
    pub fn append_limit(mut self, octets: usize) -> Self {
        self.append_limit = octets;
        self
    }

    /// Greets with BYE when so many connections are open.
    pub fn connection_limit(mut self, connections: usize) -> Self {
        self.connection_limit = connections;
        self
    }
}

/// A running server; it ends, with all connections, when it is dropped.
#[derive(Debug)]
pub struct Server {
    mail: Mail,
    port: u16,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    state: Mutex<State>,
    changed: Condvar,
    hook: Mutex<Hook>,
    log: Mutex<Vec<Received>>,
    violations: Mutex<Vec<String>>,
    octets_received: AtomicU64,
    octets_sent: AtomicU64,
    flights: AtomicU64,
    connections: Mutex<Connections>,
    ending: AtomicBool,
}

#[derive(Default)]
struct Connections {
    ever: usize,
    most: usize,
    open: Vec<(usize, TcpStream)>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    /// Works on the mail and wakes whoever waits for changes.
    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = work(&mut state);
        state.version += 1;
        drop(state);
        self.changed.notify_all();
        result
    }

    fn read<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        work(&lock(&self.state))
    }

    fn offers(&self, capability: &str) -> bool {
        self.options.capabilities.contains(capability)
    }

    fn ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }
}

/// A test that panicked elsewhere must not hide behind a second panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1. Every user has an empty INBOX.
    pub fn start(options: Options) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(&options.users, options.separator, options.folds_case)),
            options,
            changed: Condvar::new(),
            hook: Mutex::default(),
            log: Mutex::default(),
            violations: Mutex::default(),
            octets_received: AtomicU64::new(0),
            octets_sent: AtomicU64::new(0),
            flights: AtomicU64::new(0),
            connections: Mutex::default(),
            ending: AtomicBool::new(false),
        });
        let sharing = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &sharing));
        Server { mail: Mail { shared }, port, accepting: Some(accepting) }
    }

    /// The mail, for a hook: `let mail = server.mail();`
    pub fn mail(&self) -> Mail {
        self.mail.clone()
    }

    /// The address to connect to.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port for plain text.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Asks `hook` about every command before it is carried out (before its literals are read), one command at a time over all
    /// connections. Replaces an earlier hook. What shall happen to the mail just then goes through a copy of the server's [`Mail`].
    pub fn on_command(&self, hook: impl FnMut(&Received) -> Action + Send + 'static) {
        *lock(&self.mail.shared.hook) = Hook::new(hook);
    }

    /// Carries commands out again without asking.
    pub fn behave(&self) {
        *lock(&self.mail.shared.hook) = Hook::default();
    }

    /// Every command so far, in order of arrival.
    pub fn commands(&self) -> Vec<Received> {
        lock(&self.mail.shared.log).clone()
    }

    /// The names of every command so far: `SELECT`, `UID FETCH`.
    pub fn log(&self) -> Vec<String> {
        lock(&self.mail.shared.log).iter().map(|received| received.name.clone()).collect()
    }

    /// How often this command was received.
    pub fn count(&self, name: &str) -> usize {
        lock(&self.mail.shared.log).iter().filter(|received| received.name == name).count()
    }

    /// Forgets the commands, violations, octets and flights counted so far.
    pub fn clear_log(&self) {
        lock(&self.mail.shared.log).clear();
        lock(&self.mail.shared.violations).clear();
        self.mail.shared.octets_received.store(0, Ordering::SeqCst);
        self.mail.shared.octets_sent.store(0, Ordering::SeqCst);
        self.mail.shared.flights.store(0, Ordering::SeqCst);
    }

    /// What clients did against the grammar, without being offered the extension, or in the wrong state; empty for a good client.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.mail.shared.violations).clone()
    }

    /// Octets received from clients.
    pub fn octets_received(&self) -> u64 {
        self.mail.shared.octets_received.load(Ordering::SeqCst)
    }

    /// Octets sent to clients.
    pub fn octets_sent(&self) -> u64 {
        self.mail.shared.octets_sent.load(Ordering::SeqCst)
    }

    /// How often commands arrived while the server had answered everything and waited: the round trips of a client that sends what
    /// belongs together in one write (of at most 64 KiB).
    pub fn flights(&self) -> u64 {
        self.mail.shared.flights.load(Ordering::SeqCst)
    }

    /// How many connections there ever were.
    pub fn connections(&self) -> usize {
        lock(&self.mail.shared.connections).ever
    }

    /// How many connections were open at the same time at most.
    pub fn most_connections(&self) -> usize {
        lock(&self.mail.shared.connections).most
    }

    /// Waits until every connection has ended, so that all commands of clients that have left are carried out and counted.
    ///
    /// # Panics
    /// If a client is still there after 20 seconds.
    pub fn settle(&self) {
        let shared = &self.mail.shared;
        let busy = |_: &mut State| !lock(&shared.connections).open.is_empty();
        let waited = shared.changed.wait_timeout_while(lock(&shared.state), Duration::from_secs(20), busy);
        let over = waited.unwrap_or_else(std::sync::PoisonError::into_inner).1;
        assert!(!over.timed_out(), "a client is still connected");
    }

    /// Cuts every open connection, as a network does.
    pub fn cut_all(&self) {
        lock(&self.mail.shared.connections).open.iter().for_each(|(_, stream)| drop(stream.shutdown(Shutdown::Both)));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.mail.shared.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        drop(self.accepting.take().map(JoinHandle::join));
        self.cut_all();
        self.mail.shared.changed.notify_all();
        let threads = std::mem::take(&mut lock(&self.mail.shared.connections).threads);
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.ending() {
            return;
        }
        let mut connections = lock(&shared.connections);
        connections.ever += 1;
        let (number, full) = (connections.ever, connections.open.len() >= shared.options.connection_limit);
        let Ok(copy) = stream.try_clone() else { continue };
        connections.open.push((number, copy));
        connections.most = connections.most.max(connections.open.len());
        let sharing = Arc::clone(shared);
        // A thread keeps its stack until it is joined or let go.
        connections.threads.retain(|thread| !thread.is_finished());
        connections.threads.push(std::thread::spawn(move || {
            session::serve(&sharing, stream, number, full);
            lock(&sharing.connections).open.retain(|(other, _)| *other != number);
            sharing.change(|_| ());
        }));
    }
}
