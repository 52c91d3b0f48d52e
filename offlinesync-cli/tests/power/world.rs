//! An account between a server in memory and a Maildir on a disk whose power can go, or another user of the server.

use crate::disk::{self, Message, Tree};
use crate::interrupted::{self, end_of_life, fate};
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Faults, FaultyStatus};
use offlinesync_core::{Cancel, Policy, Repository, Result, SqliteStatus};
use offlinesync_imap::ImapRepository;
use offlinesync_imap::config::Timeouts;
use offlinesync_imap::testing::relay::{Fault, Relay};
use offlinesync_imap::testing::server::{MailboxHandle, Options, SavedMail, Server};
use offlinesync_maildir::testing::{Loss, SimulatedDisk};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// What the local side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Maildir,
    Server,
}

/// How a world comes to the run that is interrupted.
pub(crate) struct Start<'s> {
    pub(crate) options: Options,
    pub(crate) local: Local,
    pub(crate) policy: Policy,
    /// Whether all was in step before the news.
    pub(crate) in_step: bool,
    pub(crate) news: &'s dyn Fn(&World),
}

/// What both sides hold, by folder.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    remote: BTreeMap<String, Vec<Message>>,
    local: BTreeMap<String, Vec<Message>>,
}

pub(crate) struct World {
    server: Server,
    directory: TempDir,
    local: Local,
    policy: Policy,
    saved: Option<(SavedMail, Tree)>,
}

/// A message of some size, as a file has it.
pub(crate) fn mail(number: u32) -> Vec<u8> {
    let body = "a line of text\n".repeat(number as usize % 5 * 10);
    format!("From: x@example.org\nSubject: number {number}\nMessage-ID: <{number}@example.org>\n\n{body}").into_bytes()
}

pub(crate) fn wire(content: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(content).replace('\n', "\r\n").into_bytes()
}

impl Start<'_> {
    /// Ten messages in two folders on the server, in step or not, then the news.
    pub(crate) fn world(&self) -> World {
        let mut world = World {
            server: Server::start(self.options.clone()),
            directory: interrupted::directory(),
            local: self.local,
            policy: self.policy.clone(),
            saved: None,
        };
        ["mail", "status"].iter().for_each(|name| fs::create_dir(world.path(name)).unwrap());
        world.server.create("u1", "Archive");
        for number in 0..10 {
            let flags: &[&str] = if number % 3 == 0 { &["\\Seen", "todo"] } else { &[] };
            world.remote(if number < 7 { "INBOX" } else { "Archive" }).add(&wire(&mail(number)), flags);
        }
        if self.in_step {
            (0..2).for_each(|_| world.sync());
        }
        (self.news)(&world);
        world.saved = Some((world.server.save(), Tree::save(world.directory.path())));
        world
    }
}

impl World {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn remote<'w>(&'w self, folder: &'w str) -> MailboxHandle<'w> {
        self.server.mailbox("u1", folder)
    }

    /// The directory of a local folder, by its name on the server.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.path("mail").join(name.replace('/', "."))
    }

    pub(crate) fn local(&self) -> Local {
        self.local
    }

    pub(crate) fn forget_status(&self) {
        fs::remove_dir_all(self.path("status")).unwrap();
        fs::create_dir(self.path("status")).unwrap();
    }

    fn imap(&self, user: &str, port: u16) -> Arc<ImapRepository> {
        Arc::new(interrupted::imap(&self.server, user, port, Timeouts::default()))
    }

    fn run(&self, faults: &Faults, disk: Option<&SimulatedDisk>, port: u16) -> Result<Report> {
        let mut servers = vec![self.imap("u1", port)];
        let local: Arc<dyn Repository> = match self.local {
            Local::Server => {
                servers.push(self.imap("u2", port));
                servers[1].clone()
            }
            Local::Maildir => {
                let config = MaildirConfig::new("disk", self.path("mail"));
                let config = match disk {
                    Some(disk) => config.watched_by(Arc::new(disk.clone())),
                    None => config,
                };
                Arc::new(MaildirRepository::new(config)?)
            }
        };
        let status = SqliteStatus::open(self.path("status/account.db"), true)?;
        let status = Arc::new(FaultyStatus::new(status, faults));
        let account = Account::new("a", servers[0].clone(), local, status).with_policy(self.policy.clone());
        let result = account.sync(&(), &Cancel::new());
        servers.iter().for_each(|server| server.close());
        drop((account, servers));
        self.server.settle();
        result
    }

    /// A run of which nothing is wrong.
    #[track_caller]
    fn sync(&self) {
        self.sync_well("before all");
    }

    #[track_caller]
    fn sync_well(&self, when: &str) -> Report {
        let report =
            self.run(&Faults::new(), None, self.server.port()).unwrap_or_else(|error| panic!("{when}: {error}"));
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        assert!(report.in_step(), "{when}: {failures:?}");
        report
    }

    fn restore(&self) {
        let (mail, tree) = self.saved.as_ref().unwrap();
        self.server.restore(mail);
        tree.restore(self.directory.path());
    }

    /// What a run that nothing interrupts makes of it.
    pub(crate) fn uninterrupted(&self) -> Contents {
        self.restore();
        let before = self.contents();
        self.sync_well("uninterrupted");
        let contents = self.contents();
        assert!(contents != before, "there is something to do");
        assert!(contents.remote == contents.local, "uninterrupted:\n{}", difference(&contents.remote, &contents.local));
        contents
    }

    /// Interrupts a run where `stop` says so, and answers at which effect; `None` if it came to its end before.
    pub(crate) fn interrupted(&self, stop: impl Fn(&Faults), loss: Loss) -> Option<(u64, &'static str)> {
        self.restore();
        let faults = Faults::new();
        stop(&faults);
        let disk = SimulatedDisk::new(&self.path("mail"), &faults);
        let asked = faults.clone();
        self.server.on_command(move |received| fate(&asked, received, 60));
        let _ = self.run(&faults, Some(&disk), self.server.port());
        self.server.behave();
        disk.lose_power(loss);
        end_of_life(&self.path("mail"));
        let at = faults.stopped_at()?;
        Some((at, faults.log()[usize::try_from(at - 1).unwrap()]))
    }

    /// How many octets go up and down a line that is whole.
    pub(crate) fn traffic(&self, relay: &Relay) -> (u64, u64) {
        self.over(relay, None);
        let traffic = relay.take();
        (traffic.up, traffic.down)
    }

    /// A run over a line on which something goes wrong with every connection.
    pub(crate) fn over(&self, relay: &Relay, fault: Option<Fault>) {
        const CONNECTIONS: usize = 50;
        self.restore();
        relay.fail(fault.into_iter().flat_map(|fault| [fault; CONNECTIONS]));
        let _ = self.run(&Faults::new(), None, relay.port());
        relay.fail([]);
    }

    /// The next run puts everything right, and the one after that has nothing to do.
    #[track_caller]
    pub(crate) fn assert_mended(&self, expected: &Contents, when: &str) {
        self.sync_well(when);
        let contents = self.contents();
        assert!(contents == *expected, "{when}:\n{}", contents.difference(expected));
        let report = self.sync_well(when);
        assert_eq!(report.counts, Default::default(), "{when}: the next run has nothing to do");
        assert!(self.contents() == contents, "{when}: the next run changes nothing");
    }

    fn contents(&self) -> Contents {
        let local = match self.local {
            Local::Maildir => disk::contents(&self.path("mail")),
            Local::Server => self.contents_of("u2"),
        };
        Contents { remote: self.contents_of("u1"), local }
    }

    fn contents_of(&self, user: &str) -> BTreeMap<String, Vec<Message>> {
        let messages = |folder: &str| {
            let stored = self.server.mailbox(user, folder).messages().into_iter();
            let file = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("\r\n", "\n").into_bytes();
            let flags = |mut flags: Vec<String>| {
                flags.retain(|flag| flag != "\\Recent");
                flags.sort();
                flags
            };
            let mut messages: Vec<Message> = stored.map(|m| (file(m.bytes), flags(m.flags))).collect();
            messages.sort();
            messages
        };
        let named = self.server.names(user).into_iter().map(|name| (name.clone(), messages(&name)));
        // What only holds others is no folder.
        named.filter(|(_, messages)| !messages.is_empty()).collect()
    }
}

impl Contents {
    fn difference(&self, expected: &Contents) -> String {
        let remote = difference(&self.remote, &expected.remote);
        format!("remote: {remote}\nlocal: {}", difference(&self.local, &expected.local))
    }
}

fn difference(found: &BTreeMap<String, Vec<Message>>, expected: &BTreeMap<String, Vec<Message>>) -> String {
    let shown = |(content, flags): &Message| {
        let text = String::from_utf8_lossy(content);
        format!("{} {flags:?}", text.lines().nth(1).unwrap_or("an empty message"))
    };
    let list = |folders: &BTreeMap<String, Vec<Message>>, name: &str| {
        folders.get(name).map(|messages| messages.iter().map(shown).collect::<Vec<_>>())
    };
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let differing = names.into_iter().filter(|name| found.get(*name) != expected.get(*name));
    let lines = differing.map(|name| format!("{name} is {:?}\n  not {:?}", list(found, name), list(expected, name)));
    lines.collect::<Vec<_>>().join("\n")
}
