//! A home directory of its own with a configuration and two Maildirs, and the program run in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A home directory.
pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// An account `a` between the Maildirs `remote` and `local` in the home directory.
pub(crate) const ACCOUNT: &str = "\
[general]
accounts = a
[Account a]
localrepository = l
remoterepository = r
[Repository l]
type = Maildir
localfolders = ~/local
[Repository r]
type = Maildir
localfolders = ~/remote
";

impl Sandbox {
    /// With this configuration, and two messages in the remote INBOX and one in Sent.
    pub(crate) fn new(config: &str) -> Sandbox {
        let sandbox = Sandbox { directory: tempfile::tempdir().unwrap() };
        fs::write(sandbox.path(".offlineimaprc"), config).unwrap();
        sandbox.deliver("remote/INBOX", "1700000001.one.host", "Subject: one\n\nfirst\n");
        sandbox.deliver("remote/INBOX", "1700000002.two.host", "Subject: =?utf-8?q?tw=C3=B6?=\n\nsecond\n");
        sandbox.deliver("remote/Sent", "1700000003.three.host:2,S", "Subject: three\n\nthird\n");
        sandbox
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// Writes a message into a Maildir, as a mail program would.
    pub(crate) fn deliver(&self, folder: &str, name: &str, content: &str) {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(self.path(folder).join(part)).unwrap();
        }
        let part = if name.contains(":2,") { "cur" } else { "new" };
        fs::write(self.path(folder).join(part).join(name), content).unwrap();
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

    /// Every file below a directory with its content.
    pub(crate) fn files(&self, below: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.path(below);
        collect(&root, &root, &mut files);
        files
    }

    /// The contents of the messages in a folder, sorted.
    pub(crate) fn messages(&self, folder: &str) -> Vec<String> {
        let mut contents: Vec<String> = ["cur", "new"]
            .iter()
            .flat_map(|part| self.files(&format!("{folder}/{part}")).into_values())
            .map(|content| String::from_utf8(content).unwrap())
            .collect();
        contents.sort();
        contents
    }

    /// Removes every message of a folder.
    pub(crate) fn empty(&self, folder: &str) {
        for part in ["cur", "new"] {
            for entry in fs::read_dir(self.path(folder).join(part)).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
    }
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts that all went well and nothing was said.
    pub(crate) fn silent(&self) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, "", ""));
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().display().to_string(), fs::read(&path).unwrap());
        }
    }
}
