//! A home directory with a configuration, and the program run in it.

use offlinesync_imap::testing::dovecot::Dovecot;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What the configuration file says, section by section.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    general: String,
    account: String,
    remote: String,
    local: String,
}

/// The lines of an IMAP repository without encryption, user and password `pw`.
pub(crate) fn imap(host: &str, port: u16, user: &str) -> String {
    format!(
        "type = IMAP\nremotehost = {host}\nremoteport = {port}\nremoteuser = {user}\nremotepass = pw\nssl = no\nstarttls = no\n"
    )
}

impl Setup {
    /// The mailboxes of a user of the server, and a Maildir.
    pub(crate) fn new(server: &Dovecot, user: &str) -> Setup {
        Setup::of(&imap(&server.host(), server.port(), user))
    }

    /// The repository that these lines describe, and a Maildir.
    pub(crate) fn of(remote: &str) -> Setup {
        Setup {
            general: String::new(),
            account: String::new(),
            remote: remote.to_owned(),
            local: "type = Maildir\nlocalfolders = ~/mail\n".to_owned(),
        }
    }

    /// More lines for `[general]`.
    pub(crate) fn general(mut self, lines: &str) -> Setup {
        self.general += &format!("{lines}\n");
        self
    }

    /// More lines for the account.
    pub(crate) fn account(mut self, lines: &str) -> Setup {
        self.account += &format!("{lines}\n");
        self
    }

    /// Other lines for the local repository.
    pub(crate) fn local(mut self, lines: &str) -> Setup {
        self.local = format!("{lines}\n");
        self
    }

    /// More lines for the local repository.
    pub(crate) fn more_local(mut self, lines: &str) -> Setup {
        self.local += &format!("{lines}\n");
        self
    }

    /// More lines for the remote repository.
    pub(crate) fn more_remote(mut self, lines: &str) -> Setup {
        self.remote += &format!("{lines}\n");
        self
    }

    fn text(&self) -> String {
        let Setup { general, account, remote, local } = self;
        format!(
            "[general]\naccounts = a\n{general}[Account a]\nlocalrepository = l\nremoterepository = r\n{account}\
             [Repository r]\n{remote}[Repository l]\n{local}"
        )
    }

    /// A home directory with this configuration.
    pub(crate) fn house(&self) -> House {
        let house = House { directory: tempfile::tempdir().unwrap() };
        house.configure(self);
        house
    }
}

/// A home directory.
#[derive(Debug)]
pub(crate) struct House {
    directory: tempfile::TempDir,
}

impl House {
    /// Replaces the configuration.
    pub(crate) fn configure(&self, setup: &Setup) {
        fs::write(self.path(".offlineimaprc"), setup.text()).unwrap();
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// The directory of a folder of the Maildir.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.path("mail").join(name)
    }

    /// The program, ready to run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offlinesync"));
        command.args(args).env_clear().env("HOME", self.directory.path()).env("PATH", "/usr/bin:/bin");
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// Runs it, and it must find nothing to complain of.
    pub(crate) fn sync(&self) {
        self.run(&[]).succeeds();
    }

    /// Runs it with a protocol trace, and it must find nothing to do: it lists, and changes neither a file of the Maildir nor
    /// anything on the server. Answers the trace.
    pub(crate) fn sync_quietly(&self) -> String {
        let before = tree(&self.path("mail"));
        let run = self.run(&["-d", "imap"]);
        assert_eq!(run.code, 0, "{run:?}");
        let commands = sent(&run.err);
        let idle =
            ["LIST", "STATUS", "CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "ENABLE", "NAMESPACE", "LOGOUT", "NOOP"];
        let busy: Vec<&String> = commands.iter().filter(|line| !idle.contains(&verb(line).as_str())).collect();
        assert!(busy.is_empty(), "there was nothing to do, but it sent {busy:#?}");
        assert_eq!(tree(&self.path("mail")), before, "there was nothing to do, but files changed");
        run.err
    }

    /// Syncs until the program finds nothing to do; a second time at most.
    pub(crate) fn settle(&self) {
        self.sync();
        self.sync_quietly();
    }
}

/// Commands in a trace, without their tags; what belongs to a command begun before is left out.
pub(crate) fn sent(trace: &str) -> Vec<String> {
    let line = |line: &str| {
        let (_, rest) = line.split_once("debug: imap ")?;
        let (_, command) = rest.split_once(" > ")?;
        let (tag, command) = command.split_once(' ')?;
        let is_tag = tag.len() > 1 && tag.ends_with(|c: char| c.is_ascii_digit());
        is_tag.then(|| command.to_owned())
    };
    trace.lines().filter_map(line).collect()
}

/// The name of a command, with UID where it has one.
pub(crate) fn verb(command: &str) -> String {
    let mut words = command.split_ascii_whitespace();
    match words.next() {
        Some("UID") => format!("UID {}", words.next().unwrap_or_default()),
        word => word.unwrap_or_default().to_owned(),
    }
}

/// Every path below a directory with what tells whether it was touched: inode, time, size.
pub(crate) fn tree(root: &Path) -> Vec<(PathBuf, u64, i64, i64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                found.push((entry.path(), metadata.ino(), metadata.mtime(), metadata.ctime(), metadata.size()));
            }
        }
    }
    found.sort();
    found
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn succeeds(&self) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, "", ""));
    }

    /// It ended with this code, and told the user a sentence that has these words and a hint that has these.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, words: &[&str], hints: &[&str]) {
        assert_eq!(self.code, code, "{}", self.err);
        let lines = |start: &str| {
            let lines = self.err.lines().filter(|line| line.starts_with(start));
            lines.collect::<Vec<_>>().join("\n")
        };
        let (errors, hint) = (lines("error: "), lines("hint: "));
        words.iter().for_each(|word| assert!(errors.contains(word), "no {word:?} in: {}", self.err));
        hints.iter().for_each(|word| assert!(hint.contains(word), "no hint {word:?} in: {}", self.err));
    }
}
