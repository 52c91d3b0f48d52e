//! Every event there is, held against docs/json.md.

use super::*;
use crate::config::discover::Environment;
use offlinesync_core::plan::{Counts, Notice, Plan};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::Failure;
use offlinesync_core::{MessageId, PerSide, Side, Uid, UidValidity};
use std::path::PathBuf;
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../../docs/json.md");

/// What the document says of an event: name, type and whether it may be missing, of each field.
type Schema = BTreeMap<String, Vec<(String, String, bool)>>;

fn schema() -> Schema {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        (cells.len() == 3 && cells[1].starts_with('`')).then(|| (name, cells[1].split(", ").map(field).collect()))
    };
    let events = DOCUMENT.split_once("## The program").unwrap().1;
    events.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect()
}

/// "`name`? type".
fn field(text: &str) -> (String, String, bool) {
    let (name, rest) = text.strip_prefix('`').unwrap().split_once('`').unwrap();
    let optional = rest.starts_with('?');
    (name.to_owned(), rest.trim_start_matches('?').trim().to_owned(), optional)
}

fn fits(value: &Value, type_: &str) -> bool {
    match type_ {
        "string" => value.is_string(),
        "number" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "side" => matches!(value.as_str(), Some("remote" | "local")),
        "id" => value.is_u64() || value.is_string(),
        "sides" => value
            .as_object()
            .is_some_and(|sides| sides.keys().eq(["remote", "local"].iter()) && sides.values().all(Value::is_u64)),
        other => panic!("the document has a type `{other}` that it does not explain"),
    }
}

/// Asserts that a line is what the document says; answers its event.
fn check(line: &str, schema: &Schema) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    let object = value.as_object().unwrap();
    assert_eq!((&object["v"], object["time"].as_str().unwrap().len()), (&json!(1), 24), "{line}");
    let event = object["event"].as_str().unwrap();
    let fields = schema.get(event).unwrap_or_else(|| panic!("the document does not know `{event}`"));
    for (name, type_, optional) in fields {
        match object.get(name) {
            Some(value) => assert!(fits(value, type_), "{event}: `{name}` is no {type_}: {line}"),
            None => assert!(optional, "{event}: no `{name}`: {line}"),
        }
    }
    for name in object.keys().filter(|name| !["v", "time", "event"].contains(&name.as_str())) {
        assert!(fields.iter().any(|(known, ..)| known == name), "{event}: `{name}` is not in the document: {line}");
    }
    event.to_owned()
}

struct Nowhere;

impl Environment for Nowhere {
    fn var(&self, _: &str) -> Option<std::ffi::OsString> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn tell_events(json: &Json, scene: &Scene) {
    let pair = &FolderPair { remote: "INBOX".into(), local: "in".into() };
    let (uid, name) = (MessageId::from(Uid::new(7).unwrap()), MessageId::Name("17.a\u{1b}".into()));
    let error = &Error::new(ErrorKind::Message, "no").with_hint("look");
    let busy = &Error::new(ErrorKind::Unavailable, "too much to do");
    let (plan, counts, on, to) = (&Plan::default(), &Counts::default(), Side::Local, Side::Remote);
    let events = [
        Event::Connecting { repository: "r", to: "host:143" },
        Event::Connected { repository: "r", how: "TLS" },
        Event::FolderPaired { pair, missing: Some(on), touched: true, recorded: 3 },
        Event::FolderPaired { pair, missing: None, touched: false, recorded: 3 },
        Event::FoldersListed { pairs: 2, touched: 1 },
        Event::FolderCreated { pair, on },
        Event::FolderRenamed { from: pair, to: pair, on },
        Event::Pausing { pause: Duration::from_millis(1500), error: busy },
        Event::FolderStarted { pair },
        Event::FolderRead { pair, messages: PerSide { remote: 1, local: 2 } },
        Event::NumberingChanged { pair, on, recorded: UidValidity(1), now: UidValidity(2) },
        Event::FolderPlanned { pair, plan, counts },
        Event::MessagePlanned { pair, id: &uid, to, header: b"Subject: =?utf-8?q?=C3=A9?=\r\n\r\n" },
        Event::MessagePlanned { pair, id: &uid, to, header: b"\r\n" },
        Event::MessageIgnored { pair, id: &uid, to },
        Event::MessageStarted { pair, id: &name, to, octets: 9 },
        Event::BytesCopied { pair, octets: 9 },
        Event::MessagesCopied { pair, to, messages: 1 },
        Event::FlagsChanged { pair, on, messages: 1 },
        Event::MessagesRemoved { pair, on, messages: 1 },
        Event::MessagesMoved { from: pair, to: pair, on, messages: 0, ids: &[] },
        Event::Noticed { pair, id: &name, notice: Notice::RemovedThoughChanged },
        Event::Noticed { pair, id: &uid, notice: Notice::KeptBecauseChanged },
        Event::MessageFailed { pair, id: &uid, on, error },
        Event::FolderFailed { pair, error },
        Event::FolderFinished { pair },
    ];
    events.iter().for_each(|event| json.event(scene, event));
}

fn tell_moments(json: &Json, scene: &Scene) {
    let moments = [
        Moment::AccountOpened,
        Moment::SyncStarted { quick: true },
        Moment::Hook("Hook return code: 0"),
        Moment::SyncEnded { outcome: Outcome::InStep, report: Some(&Report::default()) },
        Moment::SyncEnded { outcome: Outcome::Mistake, report: None },
        Moment::Pausing { left: Duration::from_millis(1500) },
        Moment::PauseEnded,
        Moment::AccountClosed,
    ];
    moments.iter().for_each(|moment| json.moment(scene, moment));
}

/// Everything that can be said, as lines.
fn everything() -> Vec<String> {
    let paper = Paper::default();
    let streams = Arc::new(Streams::new(paper.clone(), std::io::sink(), Arc::new(Nowhere)));
    let json = Json::new(&streams);
    let scene = Scene { account: "a".into(), ..Scene::default() };
    let error = Error::new(ErrorKind::Refused, "no\nnever");
    json.banner("", "", DebugTypes::default());
    tell_moments(&json, &scene);
    tell_events(&json, &scene);
    json.notice("n");
    json.output("line");
    json.plan("not told");
    json.announce(Who::Account("a"), "taken over");
    json.debug("imap", Who::Account("a"), "> NOOP");
    json.warning(Who::Program, "odd");
    json.error(Who::Account("a"), &error);
    let failure = |kind, text| Failure { pair: None, message: None, error: Error::new(kind, text) };
    let told_already = failure(ErrorKind::Message, "no");
    let failures = vec![told_already, failure(ErrorKind::Folder, "said at the end alone")];
    json.failures(&scene, &Report { failures, ..Report::default() });
    let question = Question { account: "a", user: "u", prompt: "?", refused: Some("wrong") };
    assert!(json.password(&question).unwrap().is_err(), "there is nobody to answer");
    json.ended(Outcome::Refused, Some(&error));
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_event_is_one_line_as_the_document_describes_it_and_the_document_describes_no_other() {
    let schema = schema();
    let said: BTreeSet<String> = everything().iter().map(|line| check(line, &schema)).collect();
    let documented: BTreeSet<String> = schema.keys().cloned().collect();
    assert_eq!(said, documented);
}

#[test]
fn every_kind_of_error_is_in_the_document() {
    let kinds = [
        ErrorKind::Message,
        ErrorKind::Folder,
        ErrorKind::Numbering,
        ErrorKind::Refused,
        ErrorKind::Unavailable,
        ErrorKind::Authentication,
        ErrorKind::Security,
        ErrorKind::Configuration,
        ErrorKind::Storage,
        ErrorKind::Denied,
        ErrorKind::Protocol,
        ErrorKind::Locked,
        ErrorKind::Cancelled,
    ];
    for kind in kinds {
        let fields = failure(&Error::new(kind, "x"));
        let word = fields["kind"].as_str().unwrap();
        assert!(DOCUMENT.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn what_failed_is_told_once_with_its_hint() {
    let lines = everything();
    let about = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(about("\"message\":\"no\""), 2, "the message and its folder");
    assert_eq!(about("said at the end alone"), 1);
    assert_eq!(about("\"hint\":\"look\""), 2);
    assert_eq!(about("not told"), 0);
}
