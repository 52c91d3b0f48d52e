//! The in-memory server: it answers as a real one does, it notices what a client may not do, and its faults do what they say.

use offlinesync_imap::testing::client::{Answer, Client};
use offlinesync_imap::testing::dovecot::{self, Dovecot};
use offlinesync_imap::testing::server::{Action, Options, Server};
use std::sync::mpsc;

const A: &[u8] = b"From: a@example.org\r\nSubject: one\r\n folded\r\nX: 1\r\n\r\nfirst\r\n";
const B: &[u8] = b"Subject: two\r\n\r\nsecond (\"{3}\r\n";
const DATE: &str = "01-Feb-2003 04:05:06 +0000";

/// A whole conversation, with what depends on the server (tags, numbering, texts) left out.
fn conversation(client: &mut Client) -> Vec<String> {
    let mut heard = Vec::new();
    let mut say = |client: &mut Client, command: &str| {
        let answer = client.raw(command);
        heard.push(format!("> {command}"));
        heard.extend(facts(&answer));
    };
    say(client, "CREATE work");
    say(client, "CREATE work/deep");
    say(client, "LIST \"\" \"work*\"");
    client.append("work/deep", "\\Seen todo", Some(DATE), A);
    client.append("work/deep", "", Some(DATE), B);
    client.append("work/deep", "\\Flagged", Some(DATE), A);
    say(client, "ENABLE QRESYNC");
    client.select("work/deep");
    for command in [
        "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
        "UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[]<5.9>)",
        "UID FETCH 2 (BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
        "UID SEARCH ALL",
        "UID SEARCH RETURN (MIN MAX COUNT ALL) NOT SEEN",
        "UID SEARCH UID 2:9 SUBJECT two",
        "UID SEARCH HEADER SUBJECT folded",
        "UID SEARCH SINCE 1-Feb-2003 UNFLAGGED",
        "UID STORE 2 +FLAGS (\\Deleted)",
        "UID STORE 2:3 +FLAGS.SILENT (\\Answered)",
        "UID EXPUNGE 2",
        "UID FETCH 1:* (FLAGS)",
        "UID COPY 1:3 work",
        "UID MOVE 3 work",
        "NOOP",
        "UNSELECT",
        "RENAME work/deep work/down",
        "LIST \"\" (work/* none) RETURN (STATUS (MESSAGES UIDNEXT))",
        "DELETE work/down",
        "SELECT work/down",
        "STATUS work (MESSAGES UIDNEXT UNSEEN)",
    ] {
        say(client, command);
    }
    heard
}

fn facts(answer: &Answer) -> Vec<String> {
    let mut facts: Vec<String> =
        answer.untagged.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    facts.push(answer.status.split(' ').next().unwrap_or_default().to_owned());
    facts.retain(|fact| !fact.contains("[HIGHESTMODSEQ") && !fact.contains(" RECENT"));
    facts.iter().map(|fact| without_numbering(fact)).collect()
}

/// MODSEQ, UIDVALIDITY and \Recent are the server's own; the rest must agree.
fn without_numbering(line: &str) -> String {
    let mut line = line.replace("\\Recent", "").replace(" )", ")").replace("( ", "(");
    for (start, end) in [(" MODSEQ (", ")"), ("[COPYUID ", " "), ("(TAG ", ")"), ("] ", "\n")] {
        if let Some(at) = line.find(start).map(|at| at + start.len()) {
            let to = line[at..].find(end).map_or(line.len(), |to| at + to);
            line.replace_range(at..to, "_");
        }
    }
    let sorted = |line: String| match line.find("FLAGS (").map(|at| at + 7) {
        Some(at) => {
            let to = at + line[at..].find(')').unwrap_or(0);
            let mut flags: Vec<&str> = line[at..to].split_whitespace().collect();
            flags.sort_unstable();
            format!("{}{}{}", &line[..at], flags.join(" "), &line[to..])
        }
        None => line,
    };
    sorted(line)
}

#[test]
fn a_conversation_goes_as_with_dovecot() {
    let real = Dovecot::start(dovecot::Options::default());
    let ours = Server::start(Options::default());
    let (theirs, ours_heard) = (conversation(&mut real.client("u1")), conversation(&mut ours.client("u1")));
    assert_eq!(ours_heard.join("\n"), theirs.join("\n"));
}

#[test]
fn a_returning_client_hears_only_what_changed() {
    let server = Server::start(Options::default());
    let inbox = server.mailbox("u1", "INBOX");
    let uids: Vec<u32> = (0..5).map(|_| inbox.add(A, &[])).collect();
    let (validity, _, state) = inbox.numbers();
    inbox.remove(uids[1]);
    inbox.flag(uids[3], &["\\Seen"], &[]);
    inbox.add(B, &[]);
    let mut client = server.client("u1");
    client.ok("ENABLE QRESYNC");
    let answer = client.ok(&format!("SELECT INBOX (QRESYNC ({validity} {state}))"));
    assert_eq!(answer.data("VANISHED")[0].last().map(|v| v.text()).as_deref(), Some("2"));
    let fetched: Vec<String> = answer.data("FETCH").iter().map(|values| values[3].members()[1].text()).collect();
    assert_eq!(fetched, ["4", "6"]);
    inbox.forget_removals();
    let answer = client.ok(&format!("UID FETCH 1:9 (FLAGS) (CHANGEDSINCE {} VANISHED)", inbox.numbers().2));
    assert_eq!(answer.data("VANISHED")[0].last().map(|v| v.text()).as_deref(), Some("2"));
    let other = client.ok(&format!("SELECT INBOX (QRESYNC ({} 1))", validity + 1));
    assert!(other.data("FETCH").is_empty());
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn what_is_not_offered_is_refused_and_noted() {
    let commands = [
        ("QRESYNC", "SELECT INBOX (QRESYNC (1 1))"),
        ("CONDSTORE", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)"),
        ("UIDPLUS", "UID EXPUNGE 1"),
        ("MOVE", "UID MOVE 1 INBOX"),
        ("ESEARCH", "UID SEARCH RETURN (COUNT) ALL"),
        ("LIST-STATUS", "LIST \"\" \"*\" RETURN (STATUS (MESSAGES))"),
        ("IDLE", "IDLE"),
    ];
    for (capability, command) in commands {
        let server = Server::start(Options::default().without(capability));
        let mut client = server.client("u1");
        client.select("INBOX");
        assert!(client.raw(command).status.starts_with("BAD"), "{command} without {capability}");
        assert_eq!(server.violations().len(), 1);
    }
}

#[test]
fn a_malformed_command_is_refused_and_noted() {
    let server = Server::start(Options::default());
    let mut client = server.client("u1");
    for command in ["SELECT  INBOX", "UID FETCH 1 FLAGS", "STATUS INBOX MESSAGES", "FROBNICATE", "LOGIN a b"] {
        assert!(client.raw(command).status.starts_with("BAD"), "{command}");
    }
    assert_eq!(server.violations().len(), 5);
}

#[test]
fn a_literal_needs_permission_to_come_at_once() {
    let server = Server::start(Options::default().without("LITERAL+").with("LITERAL-"));
    let mut client = server.client("u1");
    assert_eq!(client.append("INBOX", "", None, &[b'x'; 4096]), 1);
    client.send_bytes(b"t APPEND INBOX {5000}\r\n");
    assert!(client.line().starts_with(b"+"));
    client.send_bytes(&[b'y'; 5000]);
    client.send_bytes(b"\r\n");
    assert!(client.line().starts_with(b"t OK"));
    assert!(server.violations().is_empty());
    client.send_bytes(b"u APPEND INBOX {5000+}\r\n");
    assert!(client.line().starts_with(b"* BYE"));
    assert_eq!(server.violations().len(), 1);
}

#[test]
fn too_large_a_message_is_refused_before_it_is_sent() {
    let server = Server::start(Options::default().append_limit(10));
    let mut client = server.client("u1");
    client.send_bytes(b"t APPEND INBOX {11}\r\n");
    assert!(client.line().starts_with(b"t NO [TOOBIG]"));
    assert!(client.raw("APPEND INBOX {11+}\r\n12345678901").status.starts_with("NO [TOOBIG]"));
    assert!(client.raw("APPEND INBOX {2+}\r\n12").is_ok());
}

#[test]
fn an_idling_client_hears_at_once() {
    let server = Server::start(Options::default());
    let inbox = server.mailbox("u1", "INBOX");
    let uid = inbox.add(A, &[]);
    let mut client = server.client("u1");
    client.select("INBOX");
    client.send_bytes(b"i IDLE\r\n");
    assert!(client.line().starts_with(b"+"));
    inbox.flag(uid, &["\\Flagged"], &[]);
    assert_eq!(client.line(), b"* 1 FETCH (UID 1 FLAGS (\\Flagged))");
    inbox.remove(uid);
    assert_eq!(client.line(), b"* 1 EXPUNGE");
    inbox.add(B, &[]);
    assert_eq!(client.line(), b"* 1 EXISTS");
    client.send_bytes(b"DONE\r\n");
    assert!(client.line().starts_with(b"i OK"));
}

#[test]
fn every_fault_does_what_it_says() {
    let server = Server::start(Options::default());
    let inbox = server.mailbox("u1", "INBOX");
    let script = |action: Action| {
        server.on_command(move |received| if received.name == "APPEND" { action.clone() } else { Action::Continue });
        server.client("u1")
    };
    let append = format!("a APPEND INBOX {{{}+}}\r\n{}\r\n", B.len(), String::from_utf8_lossy(B));
    let hear = |mut client: Client| {
        client.send_bytes(append.as_bytes());
        std::iter::from_fn(|| Some(client.line()).filter(|line| !line.is_empty())).take(2).collect::<Vec<_>>().concat()
    };
    assert_eq!(hear_one(script(Action::No("[OVERQUOTA] full")), &append), b"a NO [OVERQUOTA] full");
    assert_eq!(hear_one(script(Action::Bad("what")), &append), b"a BAD what");
    assert!(hear(script(Action::Bye)).starts_with(b"* BYE"));
    assert!(hear(script(Action::CutInput(5))).is_empty());
    assert_eq!(hear_one(script(Action::Replace(b"{tag} OK \xff\r\n".to_vec())), &append), "a OK \u{fffd}".as_bytes());
    assert!(inbox.messages().is_empty());
    assert!(hear(script(Action::CutAfter(0))).is_empty());
    assert_eq!(hear(script(Action::CutAfter(4))), b"a OK");
    assert_eq!(hear_one(script(Action::Insert(b"* OK hm\r\n".to_vec())), &append), b"* OK hm");
    assert_eq!(inbox.messages().len(), 3);
    server.behave();
    assert!(hear_one(server.client("u1"), &append).starts_with(b"a OK [APPENDUID"));
}

fn hear_one(mut client: Client, command: &str) -> Vec<u8> {
    client.send_bytes(command.as_bytes());
    client.line()
}

#[test]
fn a_stalled_connection_ends_with_the_server() {
    let server = Server::start(Options::default());
    server.on_command(|received| if received.name == "NOOP" { Action::Stall } else { Action::Continue });
    let mut client = server.client("u1");
    let (asked, answered) = (mpsc::channel(), mpsc::channel());
    let waiting = std::thread::spawn(move || {
        client.send_bytes(b"n NOOP\r\n");
        asked.0.send(()).unwrap();
        answered.0.send(client.line()).unwrap();
    });
    asked.1.recv().unwrap();
    drop(server);
    assert_eq!(answered.1.recv().unwrap(), b"");
    waiting.join().unwrap();
}

#[test]
fn credentials_are_checked_by_every_mechanism() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let server = Server::start(Options::default().with("AUTH=XOAUTH2").with("AUTH=OAUTHBEARER"));
    let good = [
        ("PLAIN", "\0u1\0pw"),
        ("XOAUTH2", "user=u1\x01auth=Bearer pw\x01\x01"),
        ("OAUTHBEARER", "n,a=u1,\x01host=h\x01auth=Bearer pw\x01\x01"),
    ];
    for (mechanism, response) in good {
        let connect = || Client::connect((server.host(), server.port()));
        connect().ok(&format!("AUTHENTICATE {mechanism} {}", encode(response)));
        let mut client = connect();
        client.send_bytes(format!("a AUTHENTICATE {mechanism}\r\n").as_bytes());
        assert_eq!(client.line(), b"+ ");
        client.send_bytes(format!("{}\r\n", encode(&response.replace("pw", "no"))).as_bytes());
        if mechanism != "PLAIN" {
            assert!(client.line().starts_with(b"+ eyJ"));
            client.send_bytes(b"\r\n");
        }
        assert!(client.line().starts_with(b"a NO [AUTHENTICATIONFAILED]"));
    }
}

#[test]
fn counts_and_limits_are_exact() {
    let server = Server::start(Options::default().connection_limit(2));
    let (mut one, two) = (server.client("u1"), server.client("u2"));
    assert!(Client::connect((server.host(), server.port())).greeting().starts_with("* BYE"));
    server.clear_log();
    one.ok("NOOP");
    one.select("INBOX");
    assert_eq!(server.log(), ["NOOP", "SELECT"]);
    assert_eq!((server.count("SELECT"), server.connections()), (1, 3));
    assert_eq!(server.octets_received(), "t2 NOOP\r\nt3 SELECT \"INBOX\"\r\n".len() as u64);
    assert_eq!(server.commands()[1].user, "u1");
    server.clear_log();
    one.send_bytes(b"a NOOP\r\nb NOOP\r\nc NOOP\r\n");
    let answers = [one.line(), one.line(), one.line()];
    assert!(answers.iter().all(|line| line.ends_with(b"OK done")));
    one.ok("NOOP");
    assert_eq!((server.count("NOOP"), server.flights()), (4, 2));
    drop(two);
}

#[test]
fn a_new_numbering_ends_the_session_that_has_the_mailbox_open() {
    let server = Server::start(Options::default());
    let inbox = server.mailbox("u1", "INBOX");
    inbox.add(A, &[]);
    let gone = inbox.add(A, &[]);
    inbox.add(B, &[]);
    inbox.remove(gone);
    let mut client = server.client("u1");
    let before = client.select("INBOX");
    inbox.renumber();
    client.send_bytes(b"n NOOP\r\n");
    assert!(client.line().starts_with(b"* BYE"));
    let after = server.client("u1").select("INBOX");
    assert_ne!(before.uid_validity, after.uid_validity);
    assert_eq!(inbox.messages().iter().map(|message| message.uid).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_hook_can_change_the_mail_just_before_a_command() {
    let server = Server::start(Options::default());
    let uid = server.mailbox("u1", "INBOX").add(A, &[]);
    let mail = server.mail();
    server.on_command(move |received| {
        if received.name == "UID STORE" {
            mail.mailbox("u1", "INBOX").remove(uid);
        }
        Action::Continue
    });
    let mut client = server.client("u1");
    client.select("INBOX");
    let answer = client.ok("UID STORE 1 +FLAGS (\\Seen)");
    assert_eq!((answer.data("FETCH").len(), answer.data("EXPUNGE").len()), (0, 1));
}
