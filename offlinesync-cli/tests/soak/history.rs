//! One history: two stores, both used by others at random while the program syncs them over failing lines and is killed at random
//! moments. Then one clean run, after which everything must be as the model says.

use crate::model::{Model, shown};
use crate::program::{Binary, Home, imap};
use crate::store::{FOLDERS, Found, Mailboxes, Maildir, Store, once_on_the_wire, to_lf};
use offlinesync_core::testing::mails::{self, Random};
use offlinesync_imap::testing::dovecot::Dovecot;
use offlinesync_imap::testing::relay::{Fault, Relay, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// What kind of history.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Runs that are killed.
    pub(crate) kills: u32,
    /// Runs between two looks at everything.
    pub(crate) runs_between_audits: u64,
    /// Whether the server tells that a folder is as it was (CONDSTORE).
    pub(crate) tells_changes: bool,
    /// User of the remote side, and of the local side if that is a server too.
    pub(crate) users: (String, Option<String>),
}

/// What a history went through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) killed: u32,
    pub(crate) failed: u32,
    pub(crate) ended: u32,
    pub(crate) changes: u64,
    pub(crate) audits: u32,
    pub(crate) messages: u64,
}

/// A line that died is not waited for longer than this.
const DEAD_LINE: Duration = Duration::from_millis(1500);

/// In a folder so many messages are always left, so that nobody takes it for a wiped one.
const LEFT: usize = 8;

pub(crate) struct History {
    random: Random,
    home: Home,
    relays: Vec<Relay>,
    stores: [Box<dyn Store>; 2],
    model: Model,
    plan: Plan,
    /// What was done since all was in step.
    log: Vec<String>,
    tally: Tally,
    /// How long a run takes, about.
    usual: Duration,
    hostile: Vec<Vec<u8>>,
    written: u64,
}

impl History {
    pub(crate) fn new(plan: Plan, server: &Dovecot, binary: &Binary, directory: &Path) -> History {
        let home = Home::new(binary, directory);
        let (remote, local) = &plan.users;
        let mut relays = vec![Relay::start(server.port(), Duration::ZERO)];
        let remote_lines = imap(relays[0].port(), remote);
        let mut stores: [Box<dyn Store>; 2] =
            [Box::new(Mailboxes(server.client(remote))), Box::new(Maildir::new(home.path("mail")))];
        let local_lines = match local {
            None => "type = Maildir\nlocalfolders = ~/mail\n".to_owned(),
            Some(user) => {
                relays.push(Relay::start(server.port(), Duration::ZERO));
                stores[1] = Box::new(Mailboxes(server.client(user)));
                imap(relays[1].port(), user)
            }
        };
        home.configure(&remote_lines, &local_lines);
        // What Dovecot stores otherwise than it was given is no test of the program: it drops CRs that no LF follows.
        let bare = |bytes: &[u8]| (0..bytes.len()).any(|at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let passes = |bytes: &[u8]| !bytes.is_empty() && !bytes.contains(&0) && !bare(bytes);
        let hostile = mails::hostile().into_iter().map(|mail| mail.bytes).filter(|bytes| passes(bytes)).collect();
        History {
            random: Random::new(plan.seed),
            home,
            relays,
            stores,
            model: Model::default(),
            plan,
            log: Vec::new(),
            tally: Tally::default(),
            usual: Duration::from_millis(300),
            hostile,
            written: 0,
        }
    }

    /// Lives through it.
    ///
    /// # Panics
    /// If anything was lost, doubled or altered; the message tells what was done.
    pub(crate) fn live(mut self) -> Tally {
        self.begin();
        while self.tally.killed < self.plan.kills {
            for _ in 0..1 + self.random.below(self.plan.runs_between_audits) {
                self.change_some(24);
                self.disturbed_run();
            }
            self.audit();
        }
        self.tally
    }

    fn begin(&mut self) {
        for (side, number) in [(0, 40), (1, 25)] {
            for folder in ["INBOX", "Archive"] {
                self.create(side, folder);
                (0..number).for_each(|_| self.add(side, folder));
            }
        }
        // The first meeting is killed, too.
        self.disturbed_run();
        self.audit();
    }

    fn change_some(&mut self, most: u64) {
        for _ in 0..self.random.below(most) {
            self.change();
        }
    }

    fn change(&mut self) {
        let side = self.random.below(2) as usize;
        let folders: Vec<String> = self.stores[side].folders().into_iter().collect();
        if folders.is_empty() {
            return;
        }
        let folder = self.random.of(&folders).clone();
        self.tally.changes += 1;
        match self.random.below(100) {
            0..40 => self.add(side, &folder),
            40..44 => (0..20).for_each(|_| self.add(side, &folder)),
            44..47 => {
                let name = self.random.of(&FOLDERS).0;
                self.create(side, name);
            }
            47..60 => self.with_some(side, &folder, Self::remove),
            60..74 => self.with_some(side, &folder, Self::move_away),
            _ => self.with_some(side, &folder, Self::flag),
        }
    }

    fn create(&mut self, side: usize, folder: &str) {
        if !self.stores[side].folders().contains(folder) {
            self.stores[side].create(folder);
            self.note(side, format!("creates {folder}"));
        }
        self.model.folders.insert(folder.to_owned());
    }

    fn add(&mut self, side: usize, folder: &str) {
        let content = self.content(side, folder);
        let flags: BTreeSet<String> = match self.random.below(3) {
            0 => BTreeSet::new(),
            _ => [*self.random.of(self.stores[side].flags())].map(str::to_owned).into(),
        };
        self.stores[side].add(folder, &content, &flags);
        let content = once_on_the_wire(&to_lf(&content));
        let head = String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned();
        self.note(side, format!("adds to {folder} {head:?} {flags:?}"));
        self.model.added(side, folder, &content, &flags);
    }

    /// Ordinary, hostile, a copy of what is there, or nearly one.
    fn content(&mut self, side: usize, folder: &str) -> Vec<u8> {
        self.written += 1;
        let number = self.written;
        let own = format!(
            "From: soak@example.org\r\nSubject: {number} of {}\r\nMessage-ID: <{number}.{}@soak>\r\n\r\n",
            self.plan.seed, self.plan.seed
        );
        match self.random.below(20) {
            0..3 => self.random.of(&self.hostile).clone(),
            3..5 => {
                let there = self.stores[side].messages(folder);
                let small: Vec<&Found> = there.iter().filter(|found| found.content.len() < 50_000).collect();
                if small.is_empty() { own.into_bytes() } else { wire(&self.random.of(&small).content) }
            }
            5..7 => {
                // One header and one size, and only the body tells them apart.
                let body = format!("{:08}\r\n", number);
                format!("From: soak@example.org\r\nSubject: always the same, always as long\r\n\r\n{body}").into_bytes()
            }
            7 => [own.as_bytes(), &b"large \r\n".repeat(20_000)].concat(),
            _ => [own.as_bytes(), &b"text\r\n".repeat(self.random.below(200) as usize)].concat(),
        }
    }

    fn with_some(&mut self, side: usize, folder: &str, act: fn(&mut Self, usize, &str, &Found)) {
        let there = self.stores[side].messages(folder);
        for _ in 0..1 + self.random.below(4) {
            if there.len() > LEFT {
                let message = self.random.of(&there).clone();
                act(self, side, folder, &message);
            }
        }
    }

    fn remove(&mut self, side: usize, folder: &str, message: &Found) {
        if self.stores[side].messages(folder).len() > LEFT && self.stores[side].remove(folder, message) {
            self.note(side, format!("removes from {folder} {}", message.id));
            self.model.removed(side, folder, message);
        }
    }

    fn move_away(&mut self, side: usize, folder: &str, message: &Found) {
        let folders: Vec<String> = self.stores[side].folders().into_iter().filter(|name| name != folder).collect();
        if folders.is_empty() || self.stores[side].messages(folder).len() <= LEFT {
            return;
        }
        let to = self.random.of(&folders).clone();
        if self.stores[side].move_to(folder, message, &to) {
            self.note(side, format!("moves from {folder} to {to} {}", message.id));
            self.model.moved(side, folder, message, &to);
        }
    }

    fn flag(&mut self, side: usize, folder: &str, message: &Found) {
        let flag = *self.random.of(self.stores[side].flags());
        let on = !message.flags.contains(flag);
        if self.stores[side].set_flag(folder, message, flag, on) {
            self.note(side, format!("sets {flag} to {on} in {folder} of {}", message.id));
            self.model.flagged(side, folder, message, flag, on);
        }
    }

    fn note(&mut self, side: usize, what: String) {
        self.log.push(format!("{} {what}", ["remote", "local"][side]));
    }

    /// A run that fails, is killed, or ends, while others go on working.
    fn disturbed_run(&mut self) {
        let faults = self.faults();
        let (kill, others_work) = (!self.random.one_in(6), self.random.one_in(3));
        let patience = match kill {
            true => self.usual.mul_f64(self.random.below(1300) as f64 / 1000.0),
            false => DEAD_LINE,
        };
        self.log.push(format!("RUN {faults:?} kill after {patience:?}: {kill}"));
        let start = Instant::now();
        let mut child = self.home.start(&[]);
        if others_work {
            self.change_some(8);
        }
        let ended = self.home.wait(&mut child, patience.saturating_sub(start.elapsed()));
        self.log.push(format!("    ended {ended:?} after {:?}: {}", start.elapsed(), self.home.said("err")));
        match ended {
            None => self.tally.killed += 1,
            Some(Some(0)) => {
                self.tally.ended += 1;
                self.usual = (self.usual * 3 + start.elapsed()) / 4;
            }
            Some(Some(1 | 75)) => self.tally.failed += 1,
            Some(code) => self.fail(&[format!("a run ended with {code:?}: {}", self.home.said("err"))]),
        }
        self.relays.iter().for_each(|relay| relay.fail([]));
    }

    fn faults(&mut self) -> Vec<Fault> {
        let number = self.random.below(4);
        let random = &mut self.random;
        let faults: Vec<Fault> = (0..number)
            .map(|_| {
                let way = *random.of(&[Way::Up, Way::Down]);
                let scale = *random.of(&[300, 3000, 30_000, 300_000]);
                match random.below(7) {
                    0 => Fault::Stall { way, after: random.below(scale) },
                    6 => Fault::Crumbles { way, pieces: 1 + random.below(40) as usize },
                    1..4 => Fault::InLiteral { way, literal: random.below(30) as u32 },
                    _ => Fault::Cut { way, after: random.below(scale) },
                }
            })
            .collect();
        let relay = random.below(self.relays.len() as u64) as usize;
        self.relays[relay].fail(faults.iter().copied());
        faults
    }

    /// A clean run, a second one that has nothing to do, and everything as it must be.
    fn audit(&mut self) {
        self.tally.audits += 1;
        let start = Instant::now();
        let run = self.home.run(&["-d", "imap"]);
        self.usual = (self.usual * 3 + start.elapsed()) / 4;
        std::fs::write(self.home.path("trace"), &run.err).unwrap();
        let told =
            |line: &&str| line.starts_with("debug: ") || line.contains("changed on one side and removed on the other");
        let complaints: Vec<&str> = run.err.lines().filter(|line| !told(line)).collect();
        if run.code != Some(0) || !complaints.is_empty() {
            self.fail(&[format!("a clean run ended with {:?}: {complaints:?}", run.code)]);
        }
        let found = self.look();
        let mut wrong = self.compare(&found);
        let run = self.home.run(&["-d", "imap"]);
        wrong.extend(
            busy(&run.err, self.plan.tells_changes).map(|line| format!("the second run was not quiet: {line}")),
        );
        if run.code != Some(0) {
            wrong.push(format!("the second run ended with {:?}", run.code));
        }
        let again = self.look();
        let all = |found: &BTreeMap<String, [Vec<Found>; 2]>| format!("{found:?}");
        if all(&again) != all(&found) {
            wrong.push("the second run changed something".to_owned());
        }
        let verified = self.home.run(&["verify"]);
        if verified.code != Some(0) {
            wrong.push(format!("verify ended with {:?}: {}{}", verified.code, verified.out, verified.err));
        }
        if !wrong.is_empty() {
            self.fail(&wrong);
        }
        self.tally.messages = found.values().map(|sides| sides[0].len() as u64).sum();
        self.model.settle(&found);
        self.log.clear();
    }

    fn look(&mut self) -> BTreeMap<String, [Vec<Found>; 2]> {
        let [remote, local] = &mut self.stores;
        let names = &remote.folders() | &local.folders();
        let mut look = |folder: &str| {
            let mut sides = [remote.folders().contains(folder), local.folders().contains(folder)]
                .into_iter()
                .zip([&mut *remote, &mut *local])
                .map(|(there, store)| if there { store.messages(folder) } else { Vec::new() });
            [sides.next().unwrap(), sides.next().unwrap()].map(|mut side| {
                side.sort_by(|a, b| key(a).cmp(&key(b)).then(a.id.cmp(&b.id)));
                side
            })
        };
        names.iter().map(|name| (name.clone(), look(name))).collect()
    }

    fn compare(&mut self, found: &BTreeMap<String, [Vec<Found>; 2]>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (side, store) in self.stores.iter_mut().enumerate() {
            let missing = self.model.folders.difference(&store.folders()).cloned().collect::<Vec<_>>();
            if !missing.is_empty() {
                wrong.push(format!("folders missing on side {side}: {missing:?}"));
            }
        }
        let dated = |found: &Found| {
            let arrived = if self.model.is_unique(&found.content) { found.arrived } else { 0 };
            Found { arrived, ..found.clone() }
        };
        wrong.extend(self.model.vanished(found));
        for (folder, sides) in found {
            let [remote, local] = sides.each_ref().map(|side| side.iter().map(dated).collect::<Vec<_>>());
            let (remote, local) = (&remote, &local);
            wrong.extend(self.model.complaints(folder, remote));
            wrong.extend(only(remote, local).map(|found| format!("{folder}: only remote: {}", shown(found))));
            wrong.extend(only(local, remote).map(|found| format!("{folder}: only local: {}", shown(found))));
        }
        wrong
    }

    fn fail(&self, wrong: &[String]) -> ! {
        panic!(
            "\nseed {}, users {:?}\nsince all was in step:\n  {}\n{}\nWRONG:\n  {}\n{:?}",
            self.plan.seed,
            self.plan.users,
            self.log.join("\n  "),
            self.home.path("").display(),
            wrong.join("\n  "),
            self.tally
        )
    }
}

/// To the form of the wire.
fn wire(file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(file.len() + 100);
    for (at, byte) in file.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || file[at - 1] != b'\r') {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}

type HeldKey<'a> = (&'a [u8], &'a BTreeSet<String>, i64);

/// What must be the same on both sides.
fn key(found: &Found) -> HeldKey<'_> {
    (&found.content, &found.flags, found.arrived)
}

/// What `these` have more often than `those`.
fn only<'a>(these: &'a [Found], those: &'a [Found]) -> impl Iterator<Item = &'a Found> {
    let mut left: BTreeMap<HeldKey<'a>, usize> = BTreeMap::new();
    those.iter().for_each(|found| *left.entry(key(found)).or_default() += 1);
    these.iter().filter(move |found| match left.get_mut(&key(found)) {
        Some(number) if *number > 0 => {
            *number -= 1;
            false
        }
        _ => true,
    })
}

/// Commands in a trace that a run without work does not send.
fn busy(trace: &str, tells_changes: bool) -> impl Iterator<Item = String> {
    const IDLE: [&str; 12] = [
        "LIST",
        "STATUS",
        "CAPABILITY",
        "LOGIN",
        "AUTHENTICATE",
        "ID",
        "ENABLE",
        "NAMESPACE",
        "LOGOUT",
        "NOOP",
        "UNSELECT",
        "COMPRESS",
    ];
    let looks = |command: &str| {
        command.starts_with("SELECT") || command.starts_with("UID FETCH") && command.ends_with("(UID FLAGS)")
    };
    trace.lines().filter_map(move |line| {
        let (_, rest) = line.strip_prefix("debug: imap ")?.split_once(" > ")?;
        let (tag, command) = rest.split_once(' ')?;
        let is_tag = tag.len() > 1 && tag.ends_with(|c: char| c.is_ascii_digit());
        let idle = IDLE.contains(&command.split(' ').next()?) || !tells_changes && looks(command);
        (is_tag && !idle).then(|| command.to_owned())
    })
}
