//! The place where all is measured: one server, its users' mailboxes, and a synced home directory for each program and user.

use crate::corpus::{self, Sizes};
use crate::report::{Cell, Row};
use crate::tools::{Run, Setting, Tool};
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::relay::{Relay, Traffic};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// All numbers of messages and folders are divided by it.
    pub(crate) divisor: u64,
    /// Whether to measure what takes many minutes.
    pub(crate) all: bool,
}

/// Everything. No file is removed before the end: ext4 is slow at making files for some time after many were removed.
pub(crate) struct Lab {
    pub(crate) server: Dovecot,
    pub(crate) scale: Scale,
    directory: PathBuf,
    keep: bool,
    filled: BTreeSet<String>,
    synced: BTreeMap<(Tool, String), Setting>,
    homes: usize,
    pub(crate) tools: Vec<Tool>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        match self.keep {
            true => eprintln!("kept: {}", self.directory.display()),
            false => drop(fs::remove_dir_all(&self.directory)),
        }
    }
}

/// The line between program and server.
pub(crate) enum Line {
    Loopback,
    /// This long to the server, and as long back.
    Slow(Duration),
}

/// A round trip of 40 ms.
pub(crate) const FAR: Line = Line::Slow(Duration::from_millis(20));

impl Lab {
    pub(crate) fn new(scale: Scale, keep: bool) -> io::Result<Lab> {
        let directory = tempfile::Builder::new().prefix("peers").tempdir()?.keep();
        let tools = Tool::ALL.into_iter().filter(|tool| tool.is_there()).collect();
        let (filled, synced) = (BTreeSet::new(), BTreeMap::new());
        Ok(Lab { server: Dovecot::start(Options::default()), scale, directory, keep, filled, synced, homes: 0, tools })
    }

    /// A number of messages or folders at this scale.
    pub(crate) fn scaled(&self, number: u64) -> u64 {
        number / self.scale.divisor
    }

    fn new_directory(&mut self, what: &str) -> PathBuf {
        self.homes += 1;
        self.directory.join(format!("{:02}-{what}", self.homes))
    }

    /// Fills a user's mailboxes, once: so many messages in INBOX, so many folders with so many messages each.
    pub(crate) fn fill(&mut self, user: &str, inbox: u64, folders: u64, each: u64, sizes: Sizes) -> io::Result<()> {
        if !self.filled.insert(user.to_owned()) {
            return Ok(());
        }
        let maildir = self.new_directory("corpus");
        corpus::maildir(&maildir, 0, inbox, sizes)?;
        for folder in (0..folders).filter(|_| each > 0) {
            corpus::maildir(&maildir.join(format!(".f{folder:04}")), inbox + folder * each, each, sizes)?;
        }
        self.server.import_maildir(user, &maildir);
        if each == 0 {
            self.add_folders(user, folders);
        }
        Ok(())
    }

    /// Gives a user empty folders, `f0000` and on.
    pub(crate) fn add_folders(&self, user: &str, folders: u64) {
        let mut client = self.server.client(user);
        (0..folders).for_each(|folder| client.create(&format!("f{folder:04}")));
    }

    /// A home in which nothing was synced yet.
    pub(crate) fn home(&mut self, tool: Tool, user: &str) -> Setting {
        let home = self.new_directory(tool.name());
        Setting { home, user: user.to_owned(), port: self.server.port(), tls: None, connections: 1, fsync: false }
    }

    /// A home in which everything is in step, and known to be.
    pub(crate) fn synced(&mut self, tool: Tool, user: &str) -> io::Result<Setting> {
        let key = (tool, user.to_owned());
        if let Some(setting) = self.synced.get(&key) {
            return Ok(setting.clone());
        }
        let setting = self.home(tool, user);
        // A directory is trusted to be as it was seen only some time after it was changed.
        for _ in 0..2 {
            setting.run(tool)?;
            wait_for_the_next_second();
        }
        self.synced.insert(key, setting.clone());
        Ok(setting)
    }

    /// Forgets the homes of a user whose mail was changed.
    pub(crate) fn forget(&mut self, user: &str) {
        self.synced.retain(|(_, other), _| other != user);
    }

    /// Measures one run over a line.
    pub(crate) fn run(&self, tool: Tool, setting: &Setting, line: &Line) -> io::Result<(Run, Option<Traffic>)> {
        let Line::Slow(one_way) = *line else { return Ok((setting.run(tool)?, None)) };
        let port = if setting.tls.is_some() { self.server.tls_port() } else { self.server.port() };
        let relay = Relay::start(port, one_way);
        let run = Setting { port: relay.port(), ..setting.clone() }.run(tool)?;
        Ok((run, Some(relay.take())))
    }

    /// A first sync with each program that takes part, in a fresh home each time; `change` sets connections and the like.
    pub(crate) fn cold(
        &mut self,
        row: &mut Row,
        user: &str,
        line: &Line,
        times: usize,
        takes_part: impl Fn(Tool) -> bool,
        change: impl Fn(Setting) -> Setting,
    ) -> io::Result<()> {
        let expected = self.count_on_server(user);
        for tool in self.tools.clone().into_iter().filter(|tool| takes_part(*tool)) {
            let mut cell: Option<Cell> = None;
            for _ in 0..times {
                let setting = change(self.home(tool, user));
                let (run, traffic) = self.run(tool, &setting, line)?;
                let got = files(&setting.home.join("mail"))?;
                if got != expected {
                    return Err(io::Error::other(format!("{}: {got} messages instead of {expected}", tool.name())));
                }
                if tool == Tool::Ours && row.wants_copy {
                    row.add(Cell::new("cp -r", self.copy(&setting.home.join("mail"))?, None));
                }
                let new = Cell::new(tool.name(), run, traffic);
                cell = Some(cell.map_or(new.clone(), |best| best.better(new)));
            }
            row.cells.extend(cell);
        }
        Ok(())
    }

    /// Runs each program that takes part so many times in a home that is in step; `before` may change something first.
    pub(crate) fn warm(
        &mut self,
        row: &mut Row,
        user: &str,
        line: &Line,
        times: usize,
        takes_part: impl Fn(Tool) -> bool,
        mut before: impl FnMut(&Lab, Tool, &mut Setting) -> io::Result<()>,
    ) -> io::Result<()> {
        for tool in self.tools.clone().into_iter().filter(|tool| takes_part(*tool)) {
            let mut setting = self.synced(tool, user)?;
            for _ in 0..times {
                before(self, tool, &mut setting)?;
                let (run, traffic) = self.run(tool, &setting, line)?;
                row.add(Cell::new(tool.name(), run, traffic));
            }
        }
        Ok(())
    }

    /// How many messages a user has in all folders.
    pub(crate) fn count_on_server(&self, user: &str) -> u64 {
        let told = self.server.doveadm(&["mailbox", "status", "-t", "-u", user, "messages", "*"]);
        told.trim().rsplit('=').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    fn copy(&mut self, mail: &Path) -> io::Result<Run> {
        let to = self.new_directory("copy");
        let start = Instant::now();
        let status = std::process::Command::new("cp").arg("-r").arg(mail).arg(&to).status()?;
        let seconds = start.elapsed().as_secs_f64();
        if status.success() { Ok(Run { seconds, ..Run::default() }) } else { Err(io::Error::other("cp failed")) }
    }
}

/// Messages below a directory of Maildirs.
pub(crate) fn files(directory: &Path) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if !entry.is_dir() {
            continue;
        }
        count += match name.to_str() {
            Some("cur" | "new") => {
                let names = fs::read_dir(entry)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                names.filter(|name| !name.starts_with('.')).count() as u64
            }
            _ => files(&entry)?,
        };
    }
    Ok(count)
}

fn wait_for_the_next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}
