//! The whole road, engine to socket and back, against the in-memory server with more and with less to offer: mail arrives octet for
//! octet, changes go both ways, nothing is done twice, and the client never uses what it was not offered.

#![allow(clippy::unwrap_used)]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::memory::{Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, Flags, Headers, MemoryStatus, MessageId, NothingKnown, Policy, Repository, SystemFlags, Uid,
};
use offlinesync_imap::config::{Secret, Tls};
use offlinesync_imap::testing::server::{Action, Mail, Options, Received, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Folder, content and flags of a message.
type Seen = (String, Vec<u8>, Vec<String>);

fn shown((folder, content, flags): &Seen) -> String {
    format!("{folder}: {} {flags:?}", String::from_utf8_lossy(content).lines().next().unwrap_or_default())
}

struct Pair {
    server: Server,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

impl Pair {
    fn new(options: Options) -> Pair {
        let server = Server::start(options);
        server.create("u1", "Archive/old &- odd");
        for number in 0..30u32 {
            let folder = if number % 2 == 0 { "INBOX" } else { "Archive/old &- odd" };
            server.mailbox("u1", folder).add(&mail(number), if number % 3 == 0 { &["\\Seen", "todo"] } else { &[] });
        }
        Pair { server, local: MemoryRepository::new("disk", Knobs::imap()), status: Arc::default() }
    }

    fn sync(&self) -> offlinesync_core::Result<Report> {
        let password = || Ok(Secret::new("pw".to_owned()));
        let config = ImapConfig::new("server", self.server.host(), "u1", password);
        let remote = Arc::new(ImapRepository::new(config.port(Some(self.server.port())).tls(Tls::None)));
        let account = Account::new("a", remote.clone(), Arc::new(self.local.clone()), self.status.clone());
        let account = account.with_policy(quick());
        let result = account.sync(&(), &Cancel::new());
        remote.close();
        drop((account, remote));
        self.server.settle();
        result
    }

    fn sync_well(&self) -> Report {
        let report = self.sync().unwrap();
        let failures: Vec<_> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
        assert_eq!(failures, [""; 0]);
        assert_eq!(self.server.violations(), [""; 0]);
        let (here, there) = (self.seen_locally(), seen_remotely(&self.server));
        let only = |one: &[Seen], other: &[Seen]| {
            one.iter().filter(|seen| !other.contains(seen)).map(shown).collect::<Vec<_>>()
        };
        assert!(here == there, "only here: {:?}\nonly there: {:?}", only(&here, &there), only(&there, &here));
        report
    }

    /// Folder, content and flags of every message, sorted.
    fn seen_locally(&self) -> Vec<Seen> {
        let mut all = Vec::new();
        for folder in self.local.folder_names() {
            for (_, held) in self.local.mails(&folder) {
                let mut flags: Vec<String> = held.flags.to_string().split_whitespace().map(str::to_owned).collect();
                flags.sort();
                all.push((folder.clone(), held.octets.to_vec(), flags));
            }
        }
        all.sort();
        all
    }
}

/// Nobody here waits for long.
fn quick() -> Policy {
    Policy { retry_pause: Duration::ZERO, ..Policy::default() }
}

fn seen_remotely(mail: &Mail) -> Vec<Seen> {
    let mut all = Vec::new();
    for folder in mail.names("u1") {
        let messages = mail.mailbox("u1", &folder).messages();
        all.extend(messages.into_iter().map(|message| (folder.clone(), message.bytes, message.flags)));
    }
    all.sort();
    all
}

fn mail(number: u32) -> Vec<u8> {
    let body = "line (\"{3}\r\n".repeat(number as usize * 7);
    format!("Subject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\n{body}\u{e9}").into_bytes()
}

/// Everything, then one thing less at a time, then nothing.
fn offers() -> Vec<Options> {
    let all = [
        "QRESYNC",
        "CONDSTORE",
        "UIDPLUS",
        "MOVE",
        "ESEARCH",
        "LIST-STATUS",
        "LITERAL+",
        "SASL-IR",
        "ENABLE",
        "UNSELECT",
    ];
    let mut offers = vec![Options::default(), Options::default().without("LITERAL+").with("LITERAL-")];
    offers.extend(all.map(|capability| match capability {
        "CONDSTORE" => Options::default().without("QRESYNC").without(capability),
        _ => Options::default().without(capability),
    }));
    offers.push(Options::default().with("OBJECTID"));
    offers.push(Options::default().without("QRESYNC").with("X-GM-EXT-1"));
    offers.push(Options::bare().with("OBJECTID"));
    offers.push(Options::bare());
    offers
}

#[test]
fn both_sides_come_and_stay_in_step_whatever_the_server_offers() {
    for options in offers() {
        let shown = format!("{options:?}");
        let pair = Pair::new(options);
        assert_eq!(pair.sync_well().counts.copies.local, 30, "{shown}");
        let inbox = pair.server.mailbox("u1", "INBOX");
        inbox.remove(2);
        inbox.flag(1, &["\\Flagged"], &["todo"]);
        inbox.add(&mail(99), &["\\Answered"]);
        let here = pair.local.mails("INBOX");
        pair.local.remove("INBOX", &here[4].0);
        pair.local.set_flags("INBOX", &here[5].0, Flags::system(SystemFlags::SEEN.union(SystemFlags::FORWARDED)));
        pair.local.add("Archive/old &- odd", &mail(500), Flags::from_imap(["\\Seen", "mine"]));
        pair.local.create_folder("New/one");
        pair.local.add("New/one", &mail(7), Flags::default());
        let counts = pair.sync_well().counts;
        assert_eq!((counts.copies.local, counts.copies.remote), (1, 2), "{shown}");
        assert_eq!((counts.removals.local, counts.removals.remote), (1, 1), "{shown}");
        let before = seen_remotely(&pair.server);
        let counts = pair.sync_well().counts;
        assert_eq!((counts.copies.local, counts.copies.remote, counts.removals.local), (0, 0, 0), "{shown}");
        assert_eq!(before, seen_remotely(&pair.server), "{shown}");
    }
}

/// In step, then changed on both sides: two messages more and a removal here, two messages more there.
fn changed_on_both_sides(options: Options) -> Pair {
    let pair = Pair::new(options);
    pair.sync_well();
    let inbox = pair.server.mailbox("u1", "INBOX");
    inbox.add(&mail(900), &[]);
    inbox.add(&mail(901), &[]);
    let here = pair.local.mails("INBOX");
    pair.local.remove("INBOX", &here[3].0);
    pair.local.set_flags("INBOX", &here[2].0, Flags::system(SystemFlags::FLAGGED));
    pair.local.add("INBOX", &mail(800), Flags::default());
    pair.local.add("INBOX", &mail(801), Flags::default());
    pair.server.clear_log();
    pair
}

const AFTER_CHANGES: usize = 15 + 4 - 1;

/// Does `action` to every `command` during one sync, then syncs undisturbed.
fn disturbed(options: Options, command: &'static str, action: &Action) -> offlinesync_core::Result<Report> {
    let pair = changed_on_both_sides(options);
    let act = action.clone();
    pair.server.on_command(move |received| if received.name == command { act.clone() } else { Action::Continue });
    let result = pair.sync();
    pair.server.behave();
    assert!(pair.server.count(command) > 0, "{command} was never sent");
    // Commands sent in one flight with a refused SELECT find no mailbox selected; that is no fault of the client.
    pair.server.clear_log();
    pair.sync_well();
    assert_eq!(pair.server.mailbox("u1", "INBOX").messages().len(), AFTER_CHANGES, "{command}: {action:?}");
    result
}

#[test]
fn a_connection_cut_anywhere_loses_and_doubles_nothing() {
    for octets in [0, 1, 40, 500, 5_000, 20_000] {
        for command in ["LIST", "SELECT", "UID FETCH", "APPEND", "UID STORE", "UID EXPUNGE"] {
            let result = disturbed(Options::default(), command, &Action::CutAfter(octets));
            assert!(octets > 0 || !result.is_ok_and(|report| report.in_step()), "{command} cut off unnoticed");
        }
    }
}

#[test]
fn an_upload_whose_answer_is_lost_is_found_again_also_without_uidplus() {
    for capability in ["UIDPLUS", "QRESYNC", "ESEARCH", "LITERAL+"] {
        drop(disturbed(Options::default().without(capability), "APPEND", &Action::CutAfter(0)));
    }
}

#[test]
fn an_upload_cut_short_is_sent_again() {
    for octets in [0, 1, 500, 5_000] {
        for options in [Options::default(), Options::default().without("LITERAL+")] {
            let result = disturbed(options, "APPEND", &Action::CutInput(octets));
            assert!(!result.is_ok_and(|report| report.in_step()), "cut off after {octets} unnoticed");
        }
    }
}

/// What an upload left behind is told by its whole content where its header tells too little. When the line was lost while that was read,
/// the message counted as another, and the upload was sent again.
#[test]
fn an_upload_that_cannot_be_read_for_the_time_being_is_not_sent_again() {
    let weak = format!("Subject: no Message-ID\r\n\r\n{}", "its content alone tells it\r\n".repeat(100)).into_bytes();
    for options in [Options::default(), Options::default().without("UIDPLUS")] {
        let local = MemoryRepository::new("disk", Knobs::maildir());
        let pair = Pair { local, ..Pair::new(options) };
        pair.sync().unwrap();
        pair.local.add("INBOX", &weak, Flags::default());
        let mut appended = false;
        pair.server.on_command(move |received| {
            let first = received.name == "APPEND" && !std::mem::replace(&mut appended, true);
            if first { Action::CutAfter(0) } else { Action::Continue }
        });
        drop(pair.sync());
        // In the midst of the body.
        let mut read = false;
        pair.server.on_command(move |received| {
            let first = received.line.contains("BODY.PEEK[]") && !std::mem::replace(&mut read, true);
            if first { Action::CutAfter(1000) } else { Action::Continue }
        });
        drop(pair.sync());
        pair.server.behave();
        assert!(pair.sync().unwrap().in_step());
        let copies = |mails: Vec<Vec<u8>>| mails.into_iter().filter(|mail| *mail == weak).count();
        let there = pair.server.mailbox("u1", "INBOX").messages().into_iter().map(|message| message.bytes).collect();
        let here = pair.local.mails("INBOX").into_iter().map(|(_, mail)| mail.octets).collect();
        assert_eq!((copies(there), copies(here)), (1, 1));
    }
}

/// A message with UTF-8 in its header goes up as it is (RFC 9755 section 4); what an older server of this kind refuses is told with the reason. The server in memory
/// tells the names of folders in their old form all the same, so they are not compared.
#[test]
fn a_server_of_utf_8_alone_gets_messages_as_they_are_and_what_it_refuses_is_told() {
    let written = "Subject: Gr\u{fc}\u{df}e\r\nMessage-ID: <900@x>\r\n\r\nx\r\n".as_bytes();
    let local = MemoryRepository::new("disk", Knobs::maildir());
    let pair = Pair { local, ..Pair::new(Options::default().with("UTF8=ONLY")) };
    assert!(pair.sync().unwrap().in_step());
    pair.local.add("INBOX", written, Flags::default());
    pair.server.on_command(|received| match received.name.as_str() {
        "APPEND" => Action::No("8-bit data in headers"),
        _ => Action::Continue,
    });
    let report = pair.sync().unwrap();
    let hints: Vec<&str> = report.failures.iter().filter_map(|failure| failure.error.hint()).collect();
    assert!(matches!(hints[..], [hint] if hint.contains("UTF8=ONLY")), "{:?}", report.failures);
    pair.server.behave();
    assert!(pair.sync().unwrap().in_step());
    let there = pair.server.mailbox("u1", "INBOX").messages();
    assert_eq!(there.iter().filter(|message| message.bytes == written).count(), 1);
}

/// After a folder had lost its last messages to moves of this very run, it was looked at once more, and what the list had said before was
/// held against the server.
#[test]
fn a_folder_that_this_run_emptied_itself_is_believed_to_be_empty() {
    let pair = Pair::new(Options::default());
    pair.server.create("u1", "Other");
    let password = || Ok(Secret::new("pw".to_owned()));
    let config = ImapConfig::new("server", pair.server.host(), "u1", password);
    let remote = ImapRepository::new(config.port(Some(pair.server.port())).tls(Tls::None));
    remote.list().unwrap();
    for (folder, moves) in [("INBOX", true), ("Archive/old &- odd", false)] {
        let mut first = remote.open(&folder.into()).unwrap();
        let ids: Vec<MessageId> =
            first.changes(None, &NothingKnown).unwrap().present.into_iter().map(|entry| entry.id).collect();
        match moves {
            true => drop(first.transfer(&ids, &"Other".into()).unwrap().unwrap()),
            false => assert!(first.remove(&ids).unwrap().is_empty()),
        }
        let again = remote.open(&folder.into()).unwrap().changes(None, &NothingKnown).unwrap();
        assert!(again.present.is_empty());
    }
}

/// A server refused the header of one message for good, or answered without it. It was passed over as if it were not there: it was what an
/// upload had left there, and the upload was sent again.
#[test]
fn an_upload_whose_header_the_server_never_shows_is_not_sent_again() {
    let answers = [Action::No("this message is broken"), Action::Replace(b"{tag} OK done\r\n".to_vec())];
    // How many are told run by run. Without UIDPLUS nothing tells which message an upload has become, so the second one waits for a look, too.
    let servers = [(Options::default(), [1, 1]), (Options::default().without("UIDPLUS"), [1, 2])];
    for ((options, unseen), answer) in
        servers.into_iter().flat_map(|server| answers.clone().map(|answer| (server.clone(), answer)))
    {
        let local = MemoryRepository::new("disk", Knobs::maildir());
        let pair = Pair { local, ..Pair::new(options) };
        pair.sync().unwrap();
        pair.local.add("INBOX", &mail(100), Flags::default());
        let mut appended = false;
        pair.server.on_command(move |received| {
            let first = received.name == "APPEND" && !std::mem::replace(&mut appended, true);
            if first { Action::CutAfter(0) } else { Action::Continue }
        });
        drop(pair.sync());
        pair.local.add("INBOX", &mail(101), Flags::default());
        pair.server.on_command(move |received| match received.line.contains("BODY.PEEK[HEADER]") {
            true => answer.clone(),
            false => Action::Continue,
        });
        let there = |number: u32| {
            let all = pair.server.mailbox("u1", "INBOX").messages();
            all.into_iter().filter(|message| message.bytes == mail(number)).count()
        };
        for unseen in unseen {
            let report = pair.sync().unwrap();
            let told: Vec<String> = report.failures.iter().map(|failure| failure.error.to_string()).collect();
            assert!(told.iter().all(|told| told.contains("it may be what an upload left there")), "{told:?}");
            assert_eq!((told.len(), there(100), there(101)), (unseen, 1, 1), "{told:?}");
        }
        pair.server.behave();
        assert!(pair.sync().unwrap().in_step());
        assert_eq!(pair.local.mails("INBOX").len(), pair.server.mailbox("u1", "INBOX").messages().len());
        assert_eq!(there(100), 1);
    }
}

#[test]
fn a_refused_command_is_a_failure_that_the_next_run_makes_good() {
    let refusals = [Action::No("[OVERQUOTA] full"), Action::No("[INUSE] later"), Action::Bad("what"), Action::Bye];
    for command in ["SELECT", "UID FETCH", "APPEND", "UID STORE", "UID EXPUNGE"] {
        for action in &refusals {
            eprintln!("{command} {action:?}");
            let result = disturbed(Options::default(), command, action);
            eprintln!(
                "{:?}",
                result.as_ref().map(|r| r.failures.iter().map(|f| f.error.to_string()).collect::<Vec<_>>())
            );
            assert!(!result.is_ok_and(|report| report.in_step()), "{command}: {action:?} went unnoticed");
        }
    }
}

#[test]
fn what_a_server_says_out_of_turn_does_no_harm() {
    let odd = [
        "* OK [ALERT] maintenance (\"tonight\r\n",
        "* OK still here\r\n* 3 RECENT\r\n* FLAGS (\\Seen)\r\n",
        "* 1 FETCH (FLAGS (\\Seen))\r\n",
        "* XNEW {5}\r\n(((\"\r more\r\n",
        "* CAPABILITY IMAP4rev1\r\n",
    ];
    for command in ["LIST", "UID FETCH", "APPEND", "UID STORE"] {
        for line in odd {
            drop(disturbed(Options::default(), command, &Action::Insert(line.as_bytes().to_vec())));
        }
    }
}

#[test]
fn a_new_numbering_is_refused_and_removes_nothing() {
    let pair = changed_on_both_sides(Options::default());
    let (inbox, here) = (pair.server.mailbox("u1", "INBOX"), pair.local.mails("INBOX"));
    inbox.remove(1);
    inbox.renumber();
    let there = inbox.messages();
    let report = pair.sync().unwrap();
    assert_eq!(report.worst().map(offlinesync_core::Error::kind), Some(offlinesync_core::ErrorKind::Numbering));
    assert_eq!((inbox.messages(), pair.local.mails("INBOX")), (there, here));
}

/// Enough that several connections share the work.
const LARGE: u32 = 3000;

fn large(options: Options) -> Server {
    let server = Server::start(options);
    for number in 0..LARGE {
        let padding = "x".repeat(400);
        let mail = format!("Subject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\n{padding}\r\n");
        server.mailbox("u1", "INBOX").add(mail.as_bytes(), &[]);
    }
    server
}

fn cold(server: &Server, connections: usize) -> (MemoryRepository, Arc<MemoryStatus>, Report) {
    let (local, status) = (MemoryRepository::new("disk", Knobs::maildir()), Arc::new(MemoryStatus::new()));
    let report = sync_again(server, connections, &local, &status);
    (local, status, report)
}

fn sync_again(server: &Server, connections: usize, local: &MemoryRepository, status: &Arc<MemoryStatus>) -> Report {
    let config = ImapConfig::new("server", server.host(), "u1", || Ok(Secret::new("pw".to_owned())))
        .port(Some(server.port()))
        .tls(Tls::None)
        .max_connections(connections);
    let remote = Arc::new(ImapRepository::new(config));
    let account = Account::new("a", remote.clone(), Arc::new(local.clone()), status.clone()).with_policy(quick());
    let report = account.sync(&(), &Cancel::new()).unwrap();
    remote.close();
    drop((account, remote));
    server.settle();
    report
}

#[test]
fn a_large_folder_comes_over_all_connections_and_every_message_is_asked_for_once() {
    for connections in [1, 3] {
        let server = large(Options::default());
        let (local, status, report) = cold(&server, connections);
        assert!(report.in_step());
        assert_eq!(local.mails("INBOX").len(), LARGE as usize);
        let bodies = |received: &Received| received.line.contains("BODY.PEEK[]").then_some(received.connection);
        let used: Vec<usize> = server.commands().iter().filter_map(bodies).collect();
        assert_eq!((used.len(), server.violations().len()), (LARGE as usize / 500, 0));
        let different: BTreeSet<usize> = used.into_iter().collect();
        assert!(different.len() <= connections && (connections == 1 || different.len() > 1), "{different:?}");
        server.clear_log();
        sync_again(&server, connections, &local, &status);
        assert_eq!(server.count("UID FETCH"), 0);
    }
}

#[test]
fn connections_that_are_lost_or_refused_meanwhile_cost_a_large_folder_nothing() {
    for (limit, cuts) in [(usize::MAX, 3), (2, 0), (1, 2)] {
        let server = large(Options::default().connection_limit(limit));
        let mut cuts = cuts;
        server.on_command(move |received| {
            if received.line.contains("BODY.PEEK[]") && cuts > 0 {
                cuts -= 1;
                return Action::CutAfter(100_000);
            }
            Action::Continue
        });
        let (local, status, report) = cold(&server, 4);
        assert!(report.in_step(), "{:?}", report.failures);
        assert_eq!(report.counts.copies.local, u64::from(LARGE));
        server.clear_log();
        sync_again(&server, 4, &local, &status);
        assert_eq!(server.count("UID FETCH"), 0);
        assert_eq!((local.mails("INBOX").len(), server.violations().len()), (LARGE as usize, 0));
    }
}

/// OfflineIMAP #318, #608: slow servers.
#[test]
fn a_server_that_has_too_much_to_do_gets_time_and_fewer_connections() {
    let busy = [
        ("UID FETCH", "[LIMIT] Rate limit hit"),
        ("UID FETCH", "[THROTTLED] later"),
        ("UID FETCH", "Request is throttled. Suggested Backoff Time: 3 milliseconds"),
        ("SELECT", "[LIMIT] not so fast"),
        ("LIST", "[THROTTLED] later"),
        ("AUTHENTICATE", "[LIMIT] Too many simultaneous connections. (Failure)"),
    ];
    for (command, words) in busy {
        let server = large(Options::default());
        let mut refusals = 4;
        server.on_command(move |received| {
            if received.name == command && refusals > 0 {
                refusals -= 1;
                return Action::No(words);
            }
            Action::Continue
        });
        let (local, status, report) = cold(&server, 4);
        assert!(report.in_step(), "{command} {words}: {:?}", report.failures);
        assert_eq!(local.mails("INBOX").len(), LARGE as usize, "{command} {words}");
        // What was sent in one flight with a SELECT that is refused finds no mailbox.
        assert!(command == "SELECT" || server.violations().is_empty(), "{command} {words}");
        server.clear_log();
        sync_again(&server, 4, &local, &status);
        assert_eq!(server.count("UID FETCH"), 0, "{command} {words}");
    }
}

#[test]
fn a_server_that_never_has_time_is_given_up() {
    let server = large(Options::default());
    server.on_command(|received| match &*received.name {
        "UID FETCH" => Action::No("[THROTTLED] never"),
        _ => Action::Continue,
    });
    let (local, _, report) = cold(&server, 4);
    assert!(!report.in_step() && local.mails("INBOX").is_empty());
    assert!(server.count("UID FETCH") <= 8, "{}", server.count("UID FETCH"));
}

/// A message was listed over one connection and its header asked for over another, on which the mailbox had been selected before it
/// came: without an answer it was taken for a message that is not there, and an upload for lost.
#[test]
fn the_header_of_a_message_that_is_new_to_a_connection_is_found() {
    let pair = Pair::new(Options::default());
    let password = || Ok(Secret::new("pw".to_owned()));
    let config = ImapConfig::new("server", pair.server.host(), "u1", password);
    let remote = ImapRepository::new(config.port(Some(pair.server.port())).tls(Tls::None));
    let mut folder = remote.open(&"INBOX".into()).unwrap();
    folder.changes(None, &NothingKnown).unwrap();
    let uid = pair.server.mailbox("u1", "INBOX").add(&mail(77), &[]);
    let id = MessageId::Uid(Uid::new(uid).unwrap());
    let mut found = Vec::new();
    let each = &mut |headers: Headers<'_>| {
        found.push(headers.id.clone());
        Ok(())
    };
    folder.headers(std::slice::from_ref(&id), each).unwrap();
    assert_eq!(found, [id]);
    drop(folder);
    remote.close();
}
