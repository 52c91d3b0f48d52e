//! `machineui` against OfflineIMAP's: the same syncs, step by step, told by both programs.
//!
//! What OfflineIMAP said is in `tests/fixtures/machineui`, recorded by `scripts/record-machineui`; where OfflineIMAP is installed, it
//! is asked again.

use crate::house::{House, Run, Setup};
use crate::mail::{deliver, files};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What happens between two syncs.
type Deed = fn(&mut Client, &House);

/// The steps: a name, options, and what happens before.
const STEPS: [(&str, &[&str], Deed); 10] = [
    ("first", &[], |client, _| fill(client)),
    ("server", &[], |client, _| {
        client.append("Sent", "", None, &crate::mail::to_crlf(&message("not wanted")));
        client.select("INBOX");
        client.store("1", "+FLAGS", "\\Seen \\Flagged");
        client.store("4", "+FLAGS", "\\Seen");
        client.remove("2");
    }),
    ("both", &[], |client, house| {
        client.select("INBOX");
        client.store("1", "-FLAGS", "\\Flagged");
        rename(house, "INBOX", 3, "RS");
        deliver(&house.folder("INBOX"), "1700000001.up.host", &message("up"));
        deliver(&house.folder("INBOX"), "1700000002.up.host", &message("up too"));
        deliver(&house.folder("New"), "1700000003.new.host:2,S", &message("in a new folder"));
    }),
    ("deleted", &[], |_, house| remove(house, "INBOX", 3)),
    ("emptied", &[], |_, house| remove(house, "Sent", 1)),
    ("moved", &[], |client, house| {
        client.select("Sent");
        client.remove("2");
        let file = find(house, "INBOX", 4);
        fs::rename(&file, house.folder("New").join("cur/1700000004.moved.host:2,S")).unwrap();
    }),
    ("nothing", &[], |_, _| {}),
    ("quick", &["-q"], |_, _| {}),
    ("single", &["-1"], |client, _| {
        client.append("INBOX", "\\Seen", None, &message("more"));
    }),
    ("dry", &["--dry-run"], |client, house| {
        client.append("New", "", None, &message("never fetched"));
        client.select("INBOX");
        client.store("1", "+FLAGS", "\\Draft");
        deliver(&house.folder("INBOX"), "1700000005.up.host", &message("never sent"));
    }),
];

fn message(subject: &str) -> Vec<u8> {
    let head = format!("From: a@example.org\nTo: b@example.org\nSubject: {subject}\n");
    format!("{head}Date: Mon, 01 Jan 2024 00:00:00 +0000\nMessage-ID: <{}@example.org>\n\nbody\n", subject.len()).into()
}

fn fill(client: &mut Client) {
    for number in 1..=4 {
        client.append("INBOX", "", None, &crate::mail::to_crlf(&message(&format!("message {number}"))));
    }
    client.create("Sent");
    client.create("With Space");
    client.append("Sent", "\\Seen", None, &crate::mail::to_crlf(&message("sent")));
}

/// The file of the message with this UID.
fn find(house: &House, folder: &str, uid: u32) -> PathBuf {
    let directory = house.folder(folder);
    let file = files(&directory).into_iter().find(|file| file.name.contains(&format!(",U={uid},")));
    directory.join(file.unwrap_or_else(|| panic!("no message {uid} in {folder}")).name)
}

fn remove(house: &House, folder: &str, uid: u32) {
    fs::remove_file(find(house, folder, uid)).unwrap();
}

fn rename(house: &House, folder: &str, uid: u32, letters: &str) {
    let file = find(house, folder, uid);
    let name = file.file_name().unwrap().to_str().unwrap();
    let stem = name.split_once(":2,").map_or(name, |(stem, _)| stem);
    fs::rename(&file, house.folder(folder).join(format!("cur/{stem}:2,{letters}"))).unwrap();
}

/// The stream of each step.
fn play(server: &Dovecot, user: &str, run: impl Fn(&House, &[&str]) -> Run) -> BTreeMap<&'static str, Vec<String>> {
    let setup = Setup::new(server, user)
        .account("presynchook = echo hello; echo alas >&2")
        .more_remote("maxconnections = 1\ncopy_ignore_eval = lambda folder: {'Sent': [2]}.get(folder)");
    let house = setup.house();
    let mut client = server.client(user);
    let mut streams = BTreeMap::new();
    for (name, args, deed) in STEPS {
        deed(&mut client, &house);
        let run = run(&house, &[&["-u", "machineui"], args].concat());
        assert_eq!(run.code, 0, "{name}: {run:?}");
        let port = format!("%0A{}%0A", server.port());
        streams.insert(name, run.out.lines().map(|line| line.replace(&port, "%0A143%0A")).collect());
    }
    streams
}

fn offlineimap(house: &House, args: &[&str]) -> Run {
    let mut command = Command::new("offlineimap");
    command.args(args).env_clear().env("HOME", house.path("")).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    Run::of(command.output().unwrap())
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/machineui").join(name)
}

/// A stream without what differs from run to run and between the programs: versions, and the order in which things that go on at the
/// same time are told. One list for each thread, or, where one thread does all, for each folder; what the main thread and short threads
/// say is in the order of the alphabet.
fn comparable(stream: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut threads: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut folder = String::new();
    for line in &stream[2..] {
        let fields: Vec<&str> = line.split(':').collect();
        let [severity, command, thread, payload] = fields[..] else { panic!("not a record: {line}") };
        let versions = command == "initbanner" || (thread == "MainThread" && command.is_empty());
        let payload = if versions { String::new() } else { sorted_lists(payload) };
        let record = format!("{severity}:{command}:{payload}");
        let thread = match command {
            "acctdone" | "terminate" => "end",
            "syncingfolder" if thread.starts_with("Account") => {
                folder = format!("Folder {payload}");
                &folder
            }
            _ if thread.starts_with("Account") && command != "registerthread" && !folder.is_empty() => &folder,
            _ => thread,
        };
        threads.entry(thread.to_owned()).or_default().push(record);
    }
    for (thread, records) in &mut threads {
        if thread.starts_with("Folder") || thread.starts_with("Account") {
            records.chunk_by_mut(|a, b| kind(a) == kind(b)).filter(|run| unordered(&run[0])).for_each(<[_]>::sort);
        } else {
            records.sort();
        }
    }
    threads
}

fn kind(record: &str) -> &str {
    record.rsplit_once(':').unwrap().0
}

/// Records whose order among each other means nothing.
fn unordered(record: &str) -> bool {
    ["msg:copyingmessage", "msg:addingflags", "msg:deletingflags"].contains(&kind(record))
}

/// Lists inside fields in the order of the alphabet.
fn sorted_lists(payload: &str) -> String {
    let field = |field: &str| {
        let mut values: Vec<&str> = field.split("%0C").collect();
        values.sort_unstable();
        values.join("%0C")
    };
    payload.split("%0A").map(field).collect::<Vec<_>>().join("%0A")
}

#[track_caller]
fn assert_same(step: &str, ours: &[String], theirs: &[String]) {
    let (ours, theirs) = (comparable(ours), comparable(theirs));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "step {step}: threads");
    for (thread, records) in &theirs {
        assert_eq!(ours[thread], *records, "step {step}, thread {thread}: ours, then OfflineIMAP's");
    }
}

#[test]
fn the_stream_of_a_scripted_sync_is_that_of_offlineimap_field_by_field() {
    let server = Dovecot::start(Options::default());
    let ours = play(&server, "u1", |house, args| house.run(args));
    for (step, stream) in &ours {
        let recorded = fs::read_to_string(fixture(&format!("{step}.txt"))).unwrap();
        assert_same(step, stream, &recorded.lines().map(str::to_owned).collect::<Vec<_>>());
    }
}

#[test]
fn offlineimap_itself_tells_the_scripted_sync_as_it_was_recorded() {
    let recording = std::env::var_os("OFFLINESYNC_RECORD").is_some();
    if !recording && Command::new("offlineimap").arg("--version").output().is_err() {
        eprintln!("NOT COMPARED: offlineimap is not installed; `scripts/test --peers` installs it");
        return;
    }
    let server = Dovecot::start(Options::default());
    for (step, stream) in &play(&server, "u2", offlineimap) {
        let path = fixture(&format!("{step}.txt"));
        if recording {
            fs::write(&path, stream.join("\n") + "\n").unwrap();
        }
        let recorded: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        assert_same(step, stream, &recorded);
    }
}
