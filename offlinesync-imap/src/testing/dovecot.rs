//! A throwaway Dovecot 2.3 on loopback: started with [`Dovecot::start`], gone when the handle is dropped, whatever happens to the test.
//! Touches processes, a temporary directory and loopback ports. Works as root (the server then runs as `mail`) and as anyone else.
//!
//! A shell beside the server reads from a pipe that the test holds: when the test dies, even by SIGKILL, the pipe closes and the
//! shell ends the whole process group.

mod config;

use super::certificates::{Certificate, Chain};
use super::client::Client;
use rustix::process::{Pid, Signal, getuid, kill_process_group};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a mailbox is kept on the server's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One file per message, indexes hold the rest: the fastest.
    #[default]
    Sdbox,
    /// Several messages per file.
    Mdbox,
    /// Maildir++.
    Maildir,
}

/// Whether the server insists on TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain text, STARTTLS and IMAPS all work.
    #[default]
    Offered,
    /// `LOGINDISABLED` until STARTTLS.
    Required,
    /// No TLS port and no STARTTLS.
    Off,
}

/// What kind of server to start. `Options::default()` is an ordinary one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Storage format.
    pub format: Format,
    /// Capabilities to leave out of what the server says it can do, for example `QRESYNC`. Dovecot would still obey such a
    /// command, so a client that uses what is not offered goes unnoticed here; the in-memory server notices.
    pub hide: Vec<&'static str>,
    /// Storage limit of every user in octets.
    pub quota: Option<u64>,
    /// TLS policy.
    pub tls: Tls,
    /// The server's certificate.
    pub certificate: Certificate,
    /// Hierarchy separator; `None`: `/`.
    pub separator: Option<char>,
    /// Prefix of the personal namespace, for example `INBOX.`.
    pub prefix: &'static str,
    /// Longest command line in octets, without literals; `None`: 64 KiB.
    pub max_line: Option<usize>,
    /// Connections that one user may have at the same time; `None`: 100.
    pub max_connections: Option<usize>,
    /// More lines for the end of the configuration.
    pub extra: String,
}

/// A running server. Users `u1` to `u10` log in with the password `pw`.
#[derive(Debug)]
pub struct Dovecot {
    master: Child,
    dir: Option<tempfile::TempDir>,
    host: Ipv4Addr,
    port: u16,
    tls_port: u16,
    certificate_der: Vec<u8>,
}

const ATTEMPTS: usize = 5;
const START: Duration = Duration::from_secs(20);

impl Dovecot {
    /// Starts a server and waits until it greets.
    ///
    /// # Panics
    /// If Dovecot is not installed or does not start; the message holds its log.
    pub fn start(options: Options) -> Dovecot {
        require_dovecot();
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&options) {
                Ok(server) => return server,
                Err(why) => log = why,
            }
        }
        panic!("dovecot did not start:\n{log}");
    }

    /// The address to connect to. 127.0.0.2 with [`Tls::Required`]: Dovecot trusts a peer with its own address as if it used TLS.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The port for plain text and STARTTLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for IMAPS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The directory that holds everything; removed with the handle.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// The CA's certificate as PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.dir().join("ca.pem")
    }

    /// The server's certificate as DER, for fingerprints.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Where a user's mail lies.
    pub fn mail_dir(&self, user: &str) -> PathBuf {
        self.dir().join("mail").join(user)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    /// A raw client, logged in as `user`. Not with [`Tls::Required`]: use [`Dovecot::doveadm`] there.
    pub fn client(&self, user: &str) -> Client {
        let mut client = Client::connect((self.host, self.port));
        client.login(user, "pw");
        client
    }

    /// Runs `doveadm` with this server's configuration and returns what it printed.
    ///
    /// # Panics
    /// If it fails; the message holds what it said.
    pub fn doveadm(&self, args: &[&str]) -> String {
        let mut command = Command::new(find("doveadm").expect("doveadm comes with dovecot"));
        command.arg("-c").arg(self.dir().join("dovecot.conf")).args(args).current_dir(self.dir());
        let output = as_mail(&mut command).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "doveadm {args:?} failed: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Copies a whole Maildir (`cur`, `new`, `tmp`, Maildir++ folders) into a user's mailboxes, INBOX into INBOX. Reads `maildir` as
    /// the user that the server runs as, so it is copied into the server's directory first.
    pub fn import_maildir(&self, user: &str, maildir: &Path) {
        let copy = self.dir().join("import");
        run(Command::new("cp").arg("-Rp").arg(maildir).arg(&copy));
        give_to_mail(&copy);
        self.doveadm(&["import", "-u", user, &format!("maildir:{}", copy.display()), "", "all"]);
        std::fs::remove_dir_all(&copy).unwrap();
    }

    fn attempt(options: &Options) -> Result<Dovecot, String> {
        let dir = short_tempdir();
        let host = if options.tls == Tls::Required { Ipv4Addr::new(127, 0, 0, 2) } else { Ipv4Addr::LOCALHOST };
        let [port, tls_port] = free_ports(host);
        let greeting = greeting_of(dir.path());
        let chain = Chain::generate(options.certificate);
        write_files(dir.path(), &chain, &config::text(options, dir.path(), host, [port, tls_port], &greeting));
        let mut server = Dovecot {
            master: spawn(dir.path()),
            dir: Some(dir),
            host,
            port,
            tls_port,
            certificate_der: chain.leaf_der,
        };
        if server.greets(&greeting) { Ok(server) } else { Err(server.complaint()) }
    }

    /// Tries until the greeting is ours, the server has ended, or the time is up.
    fn greets(&mut self, greeting: &str) -> bool {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if greeting_at((self.host, self.port).into()).is_some_and(|line| line.contains(greeting)) {
                return true;
            }
            if self.master.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    fn complaint(&self) -> String {
        let start = std::fs::read_to_string(self.dir().join("start.log")).unwrap_or_default();
        format!("{start}{}", self.log())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.master), Signal::KILL);
        let _ = self.master.wait();
        let Some(dir) = self.dir.take().map(tempfile::TempDir::keep) else { return };
        // A process that was just killed may still finish creating a file.
        for _ in 0..100 {
            if std::fs::remove_dir_all(&dir).is_ok() || !dir.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn require_dovecot() {
    let Some(dovecot) = find("dovecot") else {
        panic!("dovecot is not installed: install dovecot-imapd (scripts/test does)");
    };
    let output = Command::new(dovecot).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(version.starts_with("2.3."), "these tests speak the configuration of Dovecot 2.3, found {version}");
}

/// Administration programs are not on everyone's PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Unix socket names are limited to about 100 octets and Dovecot's own are long.
fn short_tempdir() -> tempfile::TempDir {
    let usual = std::env::temp_dir();
    let base = if usual.as_os_str().len() > 40 { Path::new("/tmp") } else { &usual };
    tempfile::Builder::new().prefix("dovecot").tempdir_in(base).unwrap()
}

/// The greeting of the server that lives in `dir`: no other server's.
pub fn greeting_of(dir: &Path) -> String {
    format!("ready {}", dir.file_name().unwrap().to_string_lossy())
}

/// Both ports are held until both are known, so that they differ. Somebody else may take one before the server does; then the
/// greeting is not ours and the next attempt takes others.
fn free_ports(host: Ipv4Addr) -> [u16; 2] {
    let held = [0, 0].map(|port| TcpListener::bind((host, port)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// What a server at `address` greets with: its own name, or that of another one which has the port since. `None` where nobody
/// greets within five seconds.
pub fn greeting_at(address: SocketAddr) -> Option<String> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

/// The shell becomes the server; what it leaves behind waits for the end of the pipe.
fn spawn(dir: &Path) -> Child {
    let script = r#"exec 3<&0
        { read -r _ <&3; kill -KILL 0; } &
        exec "$1" -F -c "$2/dovecot.conf" >"$2/start.log" 2>&1 </dev/null 3<&-"#;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).arg(find("dovecot").unwrap()).arg(dir);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    as_mail(&mut command).spawn().unwrap()
}

/// Root's servers run as `mail`, everyone else's as themselves.
fn as_mail(command: &mut Command) -> &mut Command {
    match mail_ids() {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

fn mail_ids() -> Option<(u32, u32)> {
    let number = |flag| id(&[flag, "mail"]).parse::<u32>().expect("a system user named mail");
    getuid().is_root().then(|| (number("-u"), number("-g")))
}

fn names() -> [String; 2] {
    if getuid().is_root() { [id(&["-un", "mail"]), id(&["-gn", "mail"])] } else { [id(&["-un"]), id(&["-gn"])] }
}

fn id(args: &[&str]) -> String {
    let output = Command::new("id").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn give_to_mail(path: &Path) {
    if let Some((uid, gid)) = mail_ids() {
        run(Command::new("chown").arg("-R").arg(format!("{uid}:{gid}")).arg(path));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?} failed");
}

fn write_files(dir: &Path, chain: &Chain, configuration: &str) {
    let users: String = (1..=10).map(|n| format!("u{n}:{{PLAIN}}pw::::::\n")).collect();
    let files = [
        ("ca.pem", &chain.ca),
        ("cert.pem", &chain.leaf),
        ("key.pem", &chain.key),
        ("users", &users),
        ("dovecot.conf", &configuration.to_owned()),
    ];
    for (name, content) in files {
        std::fs::write(dir.join(name), content).unwrap();
    }
    for name in ["run", "state", "mail"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    if let Some((uid, gid)) = mail_ids() {
        let ours = ["", "ca.pem", "cert.pem", "key.pem", "users", "dovecot.conf", "run", "state", "mail"];
        ours.iter().for_each(|name| chown(dir.join(name), Some(uid), Some(gid)).unwrap());
    }
}
