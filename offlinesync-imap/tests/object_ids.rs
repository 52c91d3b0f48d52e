//! Servers that say what they call a message in every folder (EMAILID of RFC 8474, X-GM-MSGID): a large move costs a handful of headers, and one
//! that calls different messages the same loses, doubles and alters nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::memory::{Knobs, MemoryRepository};
use offlinesync_core::{BrakeLimits, Cancel, Flags, MemoryStatus, Policy, Repository};
use offlinesync_imap::config::{Secret, Tls};
use offlinesync_imap::testing::server::{Action, EmailIds, Options, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const FOLDERS: [&str; 3] = ["INBOX", "Archive", "Lists"];
const MOVED: u32 = 200;

struct Pair {
    server: Server,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

/// Of ten contents in a row all have one size, and the last of them no Message-ID.
fn mail(number: u32) -> Vec<u8> {
    let id = if number % 10 == 9 { String::new() } else { format!("Message-ID: <{number:04}@example.org>\r\n") };
    let fields = "X-Field: of a header as long as others are, give or take a line\r\n".repeat(10);
    format!("From: someone@example.org\r\n{fields}{id}\r\nletter {number:04}\r\n").into_bytes()
}

impl Pair {
    fn new(options: Options) -> Pair {
        let server = Server::start(options);
        FOLDERS[1..].iter().for_each(|folder| server.create("u1", folder));
        Pair {
            server,
            local: MemoryRepository::new("disk", Knobs { tells_octets: true, ..Knobs::maildir() }),
            status: Arc::default(),
        }
    }

    /// So many letters in INBOX and one in the archive, in step.
    fn in_step(options: Options, letters: u32) -> Pair {
        let pair = Pair::new(options);
        (0..letters).for_each(|n| pair.add(&mail(n)));
        pair.server.mailbox("u1", "Archive").add(&mail(9000), &[]);
        pair.sync();
        pair.sync();
        pair.server.clear_log();
        pair
    }

    fn sync(&self) -> Report {
        let report = self.try_sync();
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        assert_eq!(failures, [""; 0]);
        report
    }

    fn try_sync(&self) -> Report {
        let config = ImapConfig::new("server", self.server.host(), "u1", || Ok(Secret::new("pw".to_owned())));
        let remote = Arc::new(ImapRepository::new(config.port(Some(self.server.port())).tls(Tls::None)));
        let brake = BrakeLimits { allowed: Some(u64::MAX), ..BrakeLimits::default() };
        let account = Account::new("a", remote.clone(), Arc::new(self.local.clone()), self.status.clone())
            .with_policy(Policy { retry_pause: Duration::ZERO, brake, ..Policy::default() });
        let report = account.sync(&(), &Cancel::new()).unwrap();
        remote.close();
        drop((account, remote));
        self.server.settle();
        report
    }

    fn add(&self, mail: &[u8]) {
        self.server.mailbox("u1", "INBOX").add(mail, &[]);
    }

    /// Another client moves a letter: here it is gone, there it is new.
    fn move_there(&self, uid: u32, from: &str, to: &str) {
        let (source, target) = (self.server.mailbox("u1", from), self.server.mailbox("u1", to));
        let found = source.messages().into_iter().find(|message| message.uid == uid).unwrap();
        source.remove(uid);
        target.add(&found.bytes, &[]);
    }

    fn there(&self, folder: &str) -> Vec<Vec<u8>> {
        let mut all: Vec<_> = self.server.mailbox("u1", folder).messages().into_iter().map(|m| m.bytes).collect();
        all.sort();
        all
    }

    fn here(&self, folder: &str) -> Vec<Vec<u8>> {
        let crlf = |(_, held): (_, offlinesync_core::testing::Held)| held.octets;
        let mut all: Vec<_> = self.local.mails(folder).into_iter().map(crlf).collect();
        all.sort();
        all
    }

    fn assert_equal(&self, when: &str) {
        for folder in FOLDERS {
            assert!(self.here(folder) == self.there(folder), "{folder} {when}");
        }
    }

    fn asked_for(&self, what: &str) -> usize {
        self.server.commands().iter().filter(|received| received.line.contains(what)).count()
    }
}

fn offered() -> [(&'static str, Options); 3] {
    [
        ("EMAILID", Options::default().with("OBJECTID")),
        ("EMAILID", Options::default().without("QRESYNC").with("OBJECTID")),
        ("X-GM-MSGID", Options::default().without("QRESYNC").with("X-GM-EXT-1")),
    ]
}

/// Octets of a sync after another client moved many letters, all with a Message-ID.
fn cost_of_a_move_there(options: Options) -> u64 {
    let pair = Pair::in_step(options, 0);
    (0..MOVED).filter(|n| n % 10 != 9).for_each(|n| pair.add(&mail(n)));
    pair.sync();
    pair.sync();
    pair.server.clear_log();
    let uids: Vec<u32> = pair.server.mailbox("u1", "INBOX").messages().iter().map(|message| message.uid).collect();
    uids.iter().for_each(|uid| pair.move_there(*uid, "INBOX", "Archive"));
    let report = pair.sync();
    assert_eq!((report.counts.copies.local, report.counts.removals.local), (0, 0));
    assert_eq!((pair.asked_for("BODY.PEEK[]"), pair.server.violations().len()), (0, 0));
    assert_eq!(pair.local.calls().transferred, uids.len() as u64);
    pair.assert_equal("after the move");
    // One command for what is compared, as without names; all else comes with the listings.
    assert_eq!(pair.asked_for("BODY.PEEK[HEADER]"), 1);
    pair.server.octets_sent() + pair.server.octets_received()
}

#[test]
fn a_large_move_on_the_server_costs_a_handful_of_headers_and_no_command_more() {
    for (name, options) in offered() {
        let nameless = options.clone().without("OBJECTID").without("X-GM-EXT-1");
        let octets_before = cost_of_a_move_there(nameless);
        let octets = cost_of_a_move_there(options);
        assert!(octets * 4 < octets_before, "{name}: {octets} octets instead of {octets_before}");
    }
}

#[test]
fn a_large_move_in_the_maildir_is_one_move_on_the_server_and_the_next_one_is_known_there() {
    for (name, options) in offered() {
        let pair = Pair::in_step(options, MOVED);
        for (id, held) in pair.local.mails("INBOX") {
            pair.local.remove("INBOX", &id);
            pair.local.add("Archive", &held.octets, Flags::default());
        }
        pair.sync();
        pair.assert_equal("after the move here");
        assert_eq!(
            (pair.asked_for("BODY.PEEK[]"), pair.asked_for("UID COPY"), pair.server.violations().len()),
            (0, 0, 0)
        );
        // What was moved there is known by name: it is followed to the next folder.
        pair.server.clear_log();
        let uids: Vec<u32> =
            pair.server.mailbox("u1", "Archive").messages().iter().map(|message| message.uid).collect();
        uids.iter().for_each(|uid| pair.move_there(*uid, "Archive", "Lists"));
        pair.sync();
        pair.assert_equal("after the move there");
        assert_eq!(pair.asked_for("BODY.PEEK[]"), 0, "{name}");
        assert!(pair.server.octets_sent() < 45_000, "{name}: {} octets", pair.server.octets_sent());
    }
}

#[test]
fn a_sync_with_nothing_to_do_asks_for_no_name() {
    for (name, options) in offered() {
        let pair = Pair::in_step(options, 20);
        pair.sync();
        assert_eq!((pair.asked_for(name), pair.server.count("SELECT")), (0, 0));
    }
}

/// MAILBOXID comes with the list of folders and costs no command.
#[test]
fn a_folder_that_was_renamed_and_changed_is_renamed_here_and_only_what_changed_is_transferred() {
    let kinds =
        [(true, Options::default()), (true, Options::default().without("LIST-STATUS")), (false, Options::bare())];
    for (tells_changes, options) in kinds {
        let pair = Pair::in_step(options.with("OBJECTID"), 1);
        pair.server.rename("u1", "Archive", "Attic");
        pair.server.mailbox("u1", "Attic").add(&mail(1), &[]);
        pair.sync();
        assert_eq!(pair.local.folder_names(), ["Attic", "INBOX", "Lists"]);
        assert_eq!((pair.here("Attic") == pair.there("Attic"), pair.asked_for("BODY.PEEK[]")), (true, 1));
        assert_eq!(pair.server.violations(), [""; 0]);
        pair.server.clear_log();
        pair.sync();
        assert!(pair.server.count("SELECT") == 0 || !tells_changes, "the next sync opens nothing");
    }
}

#[test]
fn a_folder_deleted_and_created_anew_with_the_numbers_of_the_old_one_is_refused() {
    let pair = Pair::in_step(Options::default().with("OBJECTID"), 1);
    let (numbers, kept) = (pair.server.mailbox("u1", "Archive").numbers(), pair.here("Archive"));
    pair.server.delete("u1", "Archive");
    pair.server.create("u1", "Archive");
    let archive = pair.server.mailbox("u1", "Archive");
    archive.add(&mail(2), &[]);
    archive.number_as(numbers.0);
    let report = pair.try_sync();
    let told = report.worst().unwrap().to_string();
    assert!(told.contains("the old one was deleted, and a new one created"), "{told}");
    assert_eq!((pair.here("Archive") == kept, archive.messages().len()), (true, 1));
}

/// It offers OBJECTID and says BAD to EMAILID.
#[test]
fn a_server_that_does_not_know_what_it_offers_is_asked_without() {
    let pair = Pair::new(Options::default().with("OBJECTID"));
    let clueless = |received: &offlinesync_imap::testing::server::Received| match received.line.contains("EMAILID") {
        true => Action::Bad("no such item"),
        false => Action::Continue,
    };
    pair.server.on_command(clueless);
    (0..20).for_each(|n| pair.add(&mail(n)));
    pair.sync();
    pair.assert_equal("at first");
    (1..=15).for_each(|uid| pair.move_there(uid, "INBOX", "Archive"));
    pair.server.mailbox("u1", "INBOX").flag(16, &["\\Seen"], &[]);
    let report = pair.sync();
    pair.assert_equal("after a move");
    // The one without Message-ID is copied, as ever.
    assert_eq!(report.counts.copies.local, 1);
}

#[derive(Clone, Debug)]
enum Act {
    AddThere(usize, u32),
    AddHere(usize, u32),
    MoveThere(prop::sample::Index, usize, usize),
    MoveHere(prop::sample::Index, usize, usize),
    RemoveThere(prop::sample::Index, usize),
    Sync,
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0..3usize, 0..30u32).prop_map(|(folder, content)| Act::AddThere(folder, content)),
        1 => (0..3usize, 0..30u32).prop_map(|(folder, content)| Act::AddHere(folder, content)),
        4 => (index(), 0..3usize, 0..3usize).prop_map(|(which, from, to)| Act::MoveThere(which, from, to)),
        2 => (index(), 0..3usize, 0..3usize).prop_map(|(which, from, to)| Act::MoveHere(which, from, to)),
        1 => (index(), 0..3usize).prop_map(|(which, from)| Act::RemoveThere(which, from)),
        2 => Just(Act::Sync),
    ]
}

impl Pair {
    fn act(&self, act: &Act) {
        match act {
            Act::AddThere(folder, content) => {
                self.server.mailbox("u1", FOLDERS[*folder]).add(&mail(*content), &[]);
            }
            Act::AddHere(folder, content) => {
                self.local.create_folder(FOLDERS[*folder]);
                drop(self.local.add(FOLDERS[*folder], &mail(*content), Flags::default()));
            }
            Act::MoveThere(which, from, to) if from != to => {
                let messages = self.server.mailbox("u1", FOLDERS[*from]).messages();
                if !messages.is_empty() {
                    self.move_there(messages[which.index(messages.len())].uid, FOLDERS[*from], FOLDERS[*to]);
                }
            }
            Act::MoveHere(which, from, to)
                if from != to && self.local.folder_names().contains(&FOLDERS[*from].into()) =>
            {
                let mut mails = self.local.mails(FOLDERS[*from]);
                if !mails.is_empty() {
                    let (id, held) = mails.swap_remove(which.index(mails.len()));
                    self.local.remove(FOLDERS[*from], &id);
                    self.local.create_folder(FOLDERS[*to]);
                    self.local.add(FOLDERS[*to], &held.octets, held.flags);
                }
            }
            Act::RemoveThere(which, from) => {
                let mailbox = self.server.mailbox("u1", FOLDERS[*from]);
                let messages = mailbox.messages();
                if !messages.is_empty() {
                    mailbox.remove(messages[which.index(messages.len())].uid);
                }
            }
            Act::MoveThere(..) | Act::MoveHere(..) => {}
            Act::Sync => self.in_step_again(),
        }
    }

    /// Where both sides moved the same messages at once, a folder may have to wait for the next sync; that is told.
    fn in_step_again(&self) {
        let quiet = (0..3).any(|_| self.try_sync().in_step());
        assert!(quiet, "three syncs do not bring it in step");
        self.assert_equal("after a sync");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    /// Whatever the server calls its messages, the outcome is that of a server that calls them nothing.
    #[test]
    fn what_a_server_calls_its_messages_changes_no_outcome(
        history in prop::collection::vec(act(), 1..25),
        lie in prop::sample::select(vec![EmailIds::True, EmailIds::AllAlike, EmailIds::ByNumber]),
        offer in prop::sample::select(vec!["OBJECTID", "X-GM-EXT-1"]),
        without in prop::sample::select(vec!["QRESYNC", "MOVE", "UIDPLUS", "none"]),
    ) {
        let plain = Pair::new(Options::default().without(without));
        let named = Pair::new(Options::default().without(without).with(offer).email_ids(lie));
        for act in history.iter().chain([&Act::Sync]) {
            plain.act(act);
            named.act(act);
        }
        for folder in FOLDERS {
            prop_assert!(plain.there(folder) == named.there(folder), "{}", folder);
        }
    }
}
