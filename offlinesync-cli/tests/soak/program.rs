//! The program in a home directory of its own: run, run and killed, with the line to its server failing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How the program is started: its file, and words that go before all others.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) file: PathBuf,
    pub(crate) words: Vec<String>,
}

/// A home directory.
#[derive(Debug)]
pub(crate) struct Home {
    binary: Binary,
    directory: PathBuf,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// No run takes longer, but one whose line is dead.
const PATIENCE: Duration = Duration::from_secs(120);

/// The lines of an IMAP repository.
pub(crate) fn imap(port: u16, user: &str) -> String {
    format!(
        "type = IMAP\nremotehost = 127.0.0.1\nremoteport = {port}\nremoteuser = {user}\nremotepass = pw\nssl = no\nstarttls = no\nmaxconnections = 3\n"
    )
}

impl Home {
    pub(crate) fn new(binary: &Binary, directory: &Path) -> Home {
        fs::create_dir_all(directory).unwrap();
        Home { binary: binary.clone(), directory: directory.to_owned() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.join(below)
    }

    pub(crate) fn configure(&self, remote: &str, local: &str) {
        let text = format!(
            "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\nutf8foldernames = yes\n[Repository r]\n{remote}[Repository l]\n{local}"
        );
        fs::write(self.path(".offlineimaprc"), text).unwrap();
    }

    /// Starts it. What it says goes into files, so that it never waits for a reader.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let file = |name| fs::File::create(self.path(name)).unwrap();
        let mut command = Command::new(&self.binary.file);
        command.args(&self.binary.words).args(args).env_clear().env("HOME", &self.directory);
        command.env("PATH", "/usr/bin:/bin").current_dir(&self.directory).stdin(Stdio::null());
        command.stdout(file("out")).stderr(file("err")).spawn().unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let mut child = self.start(args);
        let ended = self.wait(&mut child, PATIENCE);
        assert!(ended.is_some(), "{args:?} did not end: {}", self.said("err"));
        Run { code: ended.flatten(), out: self.said("out"), err: self.said("err") }
    }

    /// Waits for its end, but not longer than this; then it is killed. `None`: it was killed.
    pub(crate) fn wait(&self, child: &mut Child, patience: Duration) -> Option<Option<i32>> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status.code());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    }

    pub(crate) fn said(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }
}
