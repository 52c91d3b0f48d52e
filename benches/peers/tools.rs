//! The programs that are compared: their configuration, and one run of each with its time and memory. Starts processes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No run takes longer.
const PATIENCE: Duration = Duration::from_secs(900);

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Ours,
    Mbsync,
    OfflineImap,
}

impl Tool {
    pub(crate) const ALL: [Tool; 3] = [Tool::Ours, Tool::Mbsync, Tool::OfflineImap];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Ours => "offlinesync",
            Tool::Mbsync => "mbsync",
            Tool::OfflineImap => "offlineimap",
        }
    }

    /// Whether it can be run here.
    pub(crate) fn is_there(self) -> bool {
        self == Tool::Ours || find(self.name()).is_some()
    }
}

/// Where and how mail is synced.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Everything of this program: configuration, mail, status.
    pub(crate) home: PathBuf,
    pub(crate) user: String,
    pub(crate) port: u16,
    /// IMAPS, checked against this authority.
    pub(crate) tls: Option<PathBuf>,
    pub(crate) connections: usize,
    pub(crate) fsync: bool,
}

/// One run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    /// From start to end of the process.
    pub(crate) seconds: f64,
    /// Processor time, its own and the kernel's for it.
    pub(crate) cpu: f64,
    /// Most memory it held, in KiB; 0 if not known.
    pub(crate) memory: u64,
}

impl Setting {
    /// Where the tool keeps a folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.home.join("mail").join(name)
    }

    /// Certificates name `localhost`; without them, looking the name up is not what is measured.
    fn host(&self) -> &'static str {
        if self.tls.is_some() { "localhost" } else { "127.0.0.1" }
    }

    fn ours(&self) -> String {
        let tls = match &self.tls {
            Some(ca) => format!("ssl = yes\nsslcacertfile = {}", ca.display()),
            None => "ssl = no\nstarttls = no".to_owned(),
        };
        let fsync = if self.fsync { "yes" } else { "no" };
        let (Setting { home, user, port, connections, .. }, host) = (self, self.host());
        let home = home.display();
        format!(
            "[general]\naccounts = a\nmetadata = {home}/meta\nui = quiet\nfsync = {fsync}\n\
             [Account a]\nlocalrepository = l\nremoterepository = r\n\
             [Repository l]\ntype = Maildir\nlocalfolders = {home}/mail\nsep = /\n\
             [Repository r]\ntype = IMAP\nremotehost = {host}\nremoteport = {port}\nremoteuser = {user}\n\
             remotepass = pw\nmaxconnections = {connections}\n{tls}\n"
        )
    }

    fn mbsync(&self) -> String {
        let tls = match &self.tls {
            Some(ca) => format!("SSLType IMAPS\nCertificateFile {}", ca.display()),
            None => "SSLType None".to_owned(),
        };
        let fsync = if self.fsync { "yes" } else { "no" };
        let (Setting { home, user, port, .. }, host) = (self, self.host());
        let home = home.display();
        format!(
            "FSync {fsync}\n\nIMAPStore r\nHost {host}\nPort {port}\nUser {user}\nPass pw\n{tls}\nAuthMechs PLAIN\nTimeout 60\n\n\
             MaildirStore l\nPath {home}/mail/\nInbox {home}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel c\nFar :r:\nNear :l:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
        )
    }

    /// Runs a tool once.
    pub(crate) fn run(&self, tool: Tool) -> io::Result<Run> {
        fs::create_dir_all(self.home.join("mail"))?;
        let rc = self.home.join("rc");
        fs::write(&rc, if tool == Tool::Mbsync { self.mbsync() } else { self.ours() })?;
        let rc = rc.display().to_string();
        let program = match tool {
            Tool::Ours => std::env::current_exe()?,
            other => find(other.name()).ok_or(io::ErrorKind::NotFound)?,
        };
        let args: Vec<&str> = match tool {
            Tool::Ours => vec![offlinesync_benches::AS_OFFLINESYNC, "-c", &rc, "-o", "-u", "quiet"],
            Tool::Mbsync => vec!["-q", "-c", &rc, "c"],
            Tool::OfflineImap => vec!["-c", &rc, "-o", "-u", "quiet"],
        };
        timed(&program, &args, &self.home)
    }
}

/// Runs a program under `time`, where that is installed: it tells memory and processor time.
fn timed(program: &Path, args: &[&str], home: &Path) -> io::Result<Run> {
    let told = home.join("time");
    let mut command = match find("time") {
        Some(time) => {
            let mut command = Command::new(time);
            command.args(["-o", &told.display().to_string(), "-f", "%M %U %S"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    let log = fs::File::create(home.join("log"))?;
    command.args(args).env("HOME", home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let start = Instant::now();
    let mut child = command.spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
        }
        // Shorter than what is measured by far; a blocking wait would have no deadline.
        std::thread::sleep(if start.elapsed().as_millis() < 100 {
            Duration::from_micros(100)
        } else {
            Duration::from_millis(2)
        });
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        let log = fs::read_to_string(home.join("log")).unwrap_or_default();
        return Err(io::Error::other(format!("{} ended with {status}: {}", program.display(), log.trim_end())));
    }
    let told = fs::read_to_string(told).unwrap_or_default();
    let numbers: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [memory, user, system] = numbers[..] else { return Ok(Run { seconds, ..Run::default() }) };
    Ok(Run { seconds, cpu: user + system, memory: memory as u64 })
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}
