//! Two sides in step, a server that can be made to lie, and what both sides hold afterwards.

use offlinesync_core::status::{Batch, Intent, KnownBy};
use offlinesync_core::sync::{Account, Report, Verification};
use offlinesync_core::testing::lines::in_form;
use offlinesync_core::testing::memory::{Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, Error, ErrorKind, Flags, FolderName, LineEnding, MemoryStatus, MessageId, Outgoing, PerSide, Policy,
    Repository, Side, SourceFolder, StatusStore, SystemFlags, Uid,
};
use offlinesync_imap::config::{Secret, Timeouts, Tls};
use offlinesync_imap::testing::server::{Action, Options, Received, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A folder and the content of a message in it.
type Held = (String, Vec<u8>);

/// What both sides hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) remote: Vec<Held>,
    pub(crate) local: Vec<Held>,
}

pub(crate) struct Pair {
    pub(crate) server: Server,
    pub(crate) local: MemoryRepository,
    status: Arc<MemoryStatus>,
    lies: Arc<AtomicUsize>,
    timeout: Duration,
}

/// What a run ended with.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) kinds: Vec<ErrorKind>,
    pub(crate) text: String,
    pub(crate) report: Option<Report>,
}

/// Servers that can tell changes with removals, changes alone, nothing.
pub(crate) fn offers() -> [Options; 3] {
    let nothing = Options::default().without("QRESYNC").without("CONDSTORE").without("ESEARCH").without("LIST-STATUS");
    [Options::default(), Options::default().without("QRESYNC"), nothing]
}

pub(crate) fn mail(number: u32) -> Vec<u8> {
    format!("Subject: number {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\nbody {number}\r\n").into_bytes()
}

const FOLDERS: [(&str, u32); 3] = [("Archive", 30), ("INBOX", 12), ("Sent", 20)];

impl Pair {
    /// Three folders in step.
    pub(crate) fn new(options: Options) -> Pair {
        let server = Server::start(options);
        for (at, (folder, messages)) in (1..).zip(FOLDERS) {
            server.create("u1", folder);
            for number in 0..messages {
                server
                    .mailbox("u1", folder)
                    .add(&mail(at * 100 + number), if number % 3 == 0 { &["\\Seen"] } else { &[] });
            }
        }
        let local =
            MemoryRepository::new("disk", Knobs { separator: Some('/'), tells_octets: true, ..Knobs::maildir() });
        let timeout = Duration::from_secs(60);
        let pair = Pair { server, local, status: Arc::default(), lies: Arc::default(), timeout };
        pair.in_step();
        pair
    }

    /// New messages in the server's INBOX.
    pub(crate) fn arrive(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.server.mailbox("u1", "INBOX").add(&mail(number), &[]);
        }
    }

    /// The server may be silent for a short time only.
    pub(crate) fn impatient(self) -> Pair {
        Pair { timeout: Duration::from_millis(300), ..self }
    }

    /// Something to do in every direction: a message more on each side, and a flag changed on each side.
    pub(crate) fn stirred(self) -> Pair {
        self.server.mailbox("u1", "INBOX").add(&mail(900), &[]);
        self.server.mailbox("u1", "INBOX").flag(3, &["\\Flagged"], &[]);
        let here = self.local.mails("INBOX");
        self.local.set_flags("INBOX", &here[7].0, Flags::system(SystemFlags::ANSWERED));
        self.local.add("INBOX", &mail(800), Flags::default());
        self
    }

    /// From now on `lie` decides about every command; what it lets pass counts as no lie.
    pub(crate) fn lie(&self, mut lie: impl FnMut(&Received) -> Action + Send + 'static) {
        let lies = Arc::clone(&self.lies);
        lies.store(0, Ordering::SeqCst);
        self.server.on_command(move |received| {
            let action = lie(received);
            lies.fetch_add(usize::from(action != Action::Continue), Ordering::SeqCst);
            action
        });
    }

    /// How many commands were lied to.
    pub(crate) fn lies(&self) -> usize {
        self.lies.load(Ordering::SeqCst)
    }

    /// One run.
    pub(crate) fn sync(&self) -> Told {
        self.sync_with(Policy::default())
    }

    pub(crate) fn sync_with(&self, policy: Policy) -> Told {
        Told::new(self.with_account(policy, |account| account.sync(&(), &Cancel::new())))
    }

    /// Compares everything, and writes rows anew.
    pub(crate) fn repair(&self) -> Verification {
        self.with_account(Policy::default(), |account| account.verify(true, &(), &Cancel::new())).unwrap()
    }

    /// As if a run had been killed right after it had downloaded this message of INBOX: it is here, and nothing of it is recorded.
    pub(crate) fn left_behind(&self, uid: u32, number: u32) {
        let (id, flags) = (MessageId::Uid(Uid::new(uid).unwrap()), Flags::default());
        let pair = PerSide { remote: FolderName::from("INBOX"), local: FolderName::from("INBOX") };
        let mut status = self.status.folder(&pair).unwrap();
        let uid_validity = status.record().unwrap().uid_validity.remote.unwrap();
        let intent = Intent { to: Side::Local, source: id.clone(), known_by: KnownBy::Name, confirmed: false };
        let intents = vec![intent];
        status.apply(Batch { intents, ..Batch::default() }).unwrap();
        let mut folder = self.local.open(&pair.local).unwrap();
        let mut intake = folder.intake(&SourceFolder { name: pair.remote, uid_validity }).unwrap();
        let bytes = in_form(&mail(number), LineEnding::Crlf, intake.line_ending());
        intake.begin(&Outgoing { source: &id, flags: &flags, date: None, octets: bytes.len() as u64 }).unwrap();
        intake.write(&bytes).unwrap();
        intake.end().unwrap();
        intake.commit().unwrap();
    }

    fn with_account<T>(&self, policy: Policy, work: impl FnOnce(&Account) -> T) -> T {
        let password = || Ok(Secret::new("pw".to_owned()));
        let config = ImapConfig::new("server", self.server.host(), "u1", password).timeouts(Timeouts {
            connect: self.timeout,
            read: self.timeout,
            ..Timeouts::default()
        });
        let remote = Arc::new(ImapRepository::new(config.port(Some(self.server.port())).tls(Tls::None)));
        let account = Account::new("a", remote.clone(), Arc::new(self.local.clone()), self.status.clone());
        let account = account.with_policy(policy);
        let result = work(&account);
        remote.close();
        drop((remote, account));
        self.server.cut_all();
        self.server.settle();
        result
    }

    /// The server is honest again, and one run brings both sides in step; another finds nothing to do.
    pub(crate) fn in_step(&self) {
        self.server.behave();
        self.sync().is_silent();
        self.equal();
        let before = self.world();
        let told = self.sync();
        told.is_silent();
        let counts = told.report.unwrap().counts;
        assert_eq!((counts.copies, counts.removals), Default::default());
        assert_eq!(self.world(), before);
    }

    #[track_caller]
    pub(crate) fn equal(&self) {
        let world = self.world();
        assert!(world.remote == world.local, "the sides differ:\n{}\n{}", shown(&world.remote), shown(&world.local));
    }

    pub(crate) fn world(&self) -> World {
        let mut world = World { remote: Vec::new(), local: Vec::new() };
        for folder in self.server.names("u1") {
            let messages = self.server.mailbox("u1", &folder).messages();
            world.remote.extend(messages.into_iter().map(|message| (folder.clone(), message.bytes)));
        }
        for folder in self.local.folder_names() {
            let held = self.local.mails(&folder).into_iter();
            world.local.extend(held.map(|(_, held)| (folder.clone(), held.octets.to_vec())));
        }
        world.remote.sort();
        world.local.sort();
        world
    }

    /// Fails unless everything that was there is there, once.
    #[track_caller]
    pub(crate) fn keeps(&self, before: &World) {
        let now = self.world();
        for (side, before, now) in [("server", &before.remote, &now.remote), ("disk", &before.local, &now.local)] {
            let lost: Vec<Held> = before.iter().filter(|held| !now.contains(held)).cloned().collect();
            assert!(lost.is_empty(), "lost from the {side}: {}", shown(&lost));
            let twice: Vec<Held> = now.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
            assert!(twice.is_empty(), "doubled on the {side}: {}", shown(&twice));
        }
    }

    /// One run with a lie: it is told, and it costs nothing.
    #[track_caller]
    pub(crate) fn endures(&self, lie: impl FnMut(&Received) -> Action + Send + 'static) -> Told {
        let before = self.world();
        self.lie(lie);
        let told = self.sync();
        assert!(self.lies() > 0, "there was no occasion to lie: {:?}", self.server.log());
        self.keeps(&before);
        told
    }
}

fn shown(held: &[Held]) -> String {
    let line = |(folder, content): &Held| {
        let first = String::from_utf8_lossy(content).lines().next().unwrap_or_default().to_owned();
        format!("{folder}: {first}")
    };
    held.iter().map(line).collect::<Vec<_>>().join(", ")
}

impl Told {
    fn new(result: offlinesync_core::Result<Report>) -> Told {
        let all = |errors: &[&Error]| -> (Vec<ErrorKind>, String) {
            let line = |error: &&Error| format!("{error}\n  {}\n", error.hint().unwrap_or_default());
            (errors.iter().map(|error| error.kind()).collect(), errors.iter().map(line).collect())
        };
        match result {
            Ok(report) => {
                let errors: Vec<&Error> = report.failures.iter().map(|failure| &failure.error).collect();
                let (kinds, text) = all(&errors);
                Told { kinds, text, report: Some(report) }
            }
            Err(error) => {
                let (kinds, text) = all(&[&error]);
                Told { kinds, text, report: None }
            }
        }
    }

    #[track_caller]
    pub(crate) fn is_silent(&self) {
        assert_eq!(self.text, "");
    }

    /// There was a failure, and the words were said.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        assert!(!self.kinds.is_empty(), "nothing was said");
        words.iter().for_each(|word| assert!(self.text.contains(word), "no {word:?} in: {}", self.text));
    }
}

/// A command that asks for flags, not for content.
pub(crate) fn lists(received: &Received) -> bool {
    received.name == "UID FETCH" && received.line.contains("FLAGS") && !received.line.contains("BODY")
}

/// A command that asks for whole messages.
pub(crate) fn reads(received: &Received) -> bool {
    received.name == "UID FETCH" && received.line.contains("BODY.PEEK[]")
}

/// The action for commands for which `when` holds.
pub(crate) fn on(
    when: impl Fn(&Received) -> bool + Send + 'static,
    action: Action,
) -> impl FnMut(&Received) -> Action + Send {
    move |received| if when(received) { action.clone() } else { Action::Continue }
}
