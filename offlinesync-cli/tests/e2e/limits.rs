//! Limits that the system sets: rights, open files, the size of a file, a disk that takes nothing, a clock that jumps. Each is told in a
//! sentence, no message is left half-written, what can go on does, and without the limit the next run completes the work.

use crate::house::{House, Run, Setup, imap};
use crate::mail::{deliver, files, to_crlf};
use crate::trouble::Mounted;
use offlinesync_imap::testing::server::{Action, Options, Server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

const INBOX: usize = 40;
const SENT: usize = 10;

fn message(folder: &str, number: usize) -> Vec<u8> {
    let lines = "a line of a message that is long enough to be cut\r\n".repeat(20);
    format!("Subject: {folder} {number}\r\nMessage-ID: <{folder}.{number}@example.org>\r\n\r\n{lines}").into_bytes()
}

/// A server with mail in two folders, and an empty house.
fn world() -> (Server, House) {
    world_on(Options::default())
}

fn world_on(options: Options) -> (Server, House) {
    let server = Server::start(options);
    server.create("u1", "Sent");
    for (folder, messages) in [("INBOX", INBOX), ("Sent", SENT)] {
        (0..messages).for_each(|number| {
            server.mailbox("u1", folder).add(&message(folder, number), &["\\Seen"]);
        });
    }
    let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    (server, house)
}

/// Every message that lies in the Maildir is one of the server's, whole.
#[track_caller]
fn assert_nothing_is_cut(server: &Server, house: &House) {
    for folder in ["INBOX", "Sent"].into_iter().filter(|folder| house.folder(folder).join("cur").is_dir()) {
        let there: Vec<Vec<u8>> = server.mailbox("u1", folder).messages().into_iter().map(|m| m.bytes).collect();
        for file in files(&house.folder(folder)) {
            assert!(there.contains(&to_crlf(&file.held.bytes)), "{folder}: {} is no whole message", file.name);
        }
    }
}

/// Without the limit the next run completes the work, and nothing is there twice.
#[track_caller]
fn assert_recovers(server: &Server, house: &House) {
    assert_nothing_is_cut(server, house);
    house.sync();
    assert_nothing_is_cut(server, house);
    for (folder, messages) in [("INBOX", INBOX), ("Sent", SENT)] {
        let (there, here) = (server.mailbox("u1", folder).messages().len(), files(&house.folder(folder)).len());
        assert!(there == here && there >= messages, "{folder}: {there} on the server, {here} here");
        assert_eq!(fs::read_dir(house.folder(folder).join("tmp")).unwrap().count(), 0);
    }
    house.sync_quietly();
}

/// The program under a limit of the shell: `ulimit -n 20`.
fn limited(house: &House, limit: &str, args: &[&str]) -> Run {
    let program = house.command(args);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")]).arg(program.get_program()).args(program.get_args());
    shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(house.path("")).stdin(std::process::Stdio::null());
    Run::of(shell.output().unwrap())
}

#[test]
fn too_few_open_files_are_told_and_cost_nothing() {
    for allowed in [8, 12, 16, 20, 24, 32, 48] {
        let (server, house) = world();
        let run = limited(&house, &format!("ulimit -n {allowed}"), &[]);
        assert!(run.code == 0 || run.code == 1 || run.code == 75, "{allowed}: {run:?}");
        assert!(
            run.code == 0
                || run.err.contains("Too many open files")
                || run.err.contains("os error 24")
                || run.err.contains("open"),
            "{allowed}: {run:?}"
        );
        assert!(!run.err.contains("panicked"), "{allowed}: {run:?}");
        assert_recovers(&server, &house);
    }
}

/// A message larger than a file may be is told, and the others arrive.
#[test]
fn a_file_that_may_not_grow_costs_one_message() {
    let (server, house) = world();
    let large =
        [b"Subject: large\r\n\r\n".to_vec(), b"0123456789012345678901234567890123456789\r\n".repeat(80_000)].concat();
    server.mailbox("u1", "INBOX").add(&large, &["\\Seen"]);
    let run = limited(&house, "ulimit -f 4096", &[]);
    run.refuses(1, &["File too large", "INBOX"], &[]);
    assert_eq!((files(&house.folder("INBOX")).len(), files(&house.folder("Sent")).len()), (INBOX, SENT));
    assert_eq!(fs::read_dir(house.folder("INBOX").join("tmp")).unwrap().count(), 0);
    assert_recovers(&server, &house);
}

/// On a disk with room for some of the mail, what is there is whole.
#[test]
fn on_a_full_disk_no_message_is_half_written() {
    let (server, house) = world();
    let disk = Mounted::new(house.path("mail"), "64k");
    house.run(&[]).refuses(1, &["No space left", "mail"], &[]);
    assert_nothing_is_cut(&server, &house);
    disk.remount("size=50m");
    assert_recovers(&server, &house);
}

#[test]
fn a_read_only_disk_under_status_and_locks_is_told_before_anything_is_done() {
    let (server, house) = world();
    house.sync();
    let disk = Mounted::new(house.path("elsewhere"), "10m");
    house.configure(&Setup::of(&imap(server.host(), server.port(), "u1")).general("metadata = ~/elsewhere/metadata"));
    house.sync();
    server.mailbox("u1", "INBOX").add(&message("INBOX", 900), &["\\Seen"]);
    disk.remount("ro");
    house.run(&[]).refuses(1, &["elsewhere", "Read-only file system"], &[]);
    assert_eq!(files(&house.folder("INBOX")).len(), INBOX);
    disk.remount("rw");
    assert_recovers(&server, &house);
}

/// The house belongs to a user without rights, and the program runs as that one.
struct Unprivileged {
    house: House,
    program: PathBuf,
}

const NOBODY: u32 = 65534;

impl Unprivileged {
    fn new(house: House) -> Self {
        let program = house.path("program");
        fs::copy(house.command(&[]).get_program(), &program).unwrap();
        let unprivileged = Unprivileged { house, program };
        unprivileged.own();
        unprivileged
    }

    fn own(&self) {
        let done = Command::new("chown").args(["-R", "65534:65534"]).arg(self.house.path("")).status().unwrap();
        assert!(done.success(), "this test changes owners and must be root");
    }

    fn run(&self) -> Run {
        let command = self.house.command(&[]);
        let mut other = Command::new(&self.program);
        other.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other.current_dir(self.house.path("")).stdin(std::process::Stdio::null());
        Run::of(other.uid(NOBODY).gid(NOBODY).output().unwrap())
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn directories_without_rights_are_told_and_lose_nothing() {
    let (server, house) = world();
    let there = Unprivileged::new(house);
    assert_eq!(there.run().code, 0);
    for (below, rights) in [
        ("mail/INBOX/cur", 0o500),
        ("mail/INBOX/cur", 0o000),
        ("mail/INBOX/tmp", 0o500),
        ("mail/INBOX", 0o000),
        ("mail", 0o000),
        (".offlineimap", 0o500),
        (".offlineimap/Account-a", 0o000),
        (".offlineimap/a.lock", 0o000),
    ] {
        let there_before = server.mailbox("u1", "INBOX").messages().len();
        server.mailbox("u1", "INBOX").add(&message("INBOX", 900 + there_before), &["\\Seen"]);
        server.mailbox("u1", "Sent").add(&message("Sent", 900 + there_before), &["\\Seen"]);
        mode(&there.house.path(below), rights);
        let run = there.run();
        // A database that is there already can be written where no other file can be made.
        assert!(matches!(run.code, 1 | 3) || (below == ".offlineimap" && run.code == 0), "{below} {rights:o}: {run:?}");
        assert!(
            run.code == 0
                || run.err.to_lowercase().contains("permission denied")
                || run.err.contains("cannot be opened"),
            "{below} {rights:o}: {run:?}"
        );
        assert!(!run.err.contains("panicked"), "{below}: {run:?}");
        assert_eq!(server.mailbox("u1", "INBOX").messages().len(), there_before + 1, "{below}");
        mode(&there.house.path(below), 0o700);
        let run = there.run();
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{below}");
        assert_eq!(files(&there.house.folder("INBOX")).len(), there_before + 1, "{below}");
        assert_nothing_is_cut(&server, &there.house);
    }
}

/// The server takes no more, then some, then all.
/// OfflineIMAP #724: a message that the server did not take held up the others.
#[test]
fn a_message_over_quota_is_told_and_the_others_go_up() {
    let (server, house) = world();
    house.sync();
    for number in 0..6 {
        let text = message("INBOX", 500 + number);
        deliver(&house.folder("INBOX"), &format!("18{number}.up.host:2,S"), &crate::mail::to_lf(&text));
    }
    let mut seen = 0;
    server.on_command(move |received| {
        seen += usize::from(received.name == "APPEND");
        match received.name == "APPEND" && seen % 2 == 0 {
            true => Action::No("[OVERQUOTA] Quota exceeded (mailbox for user is full)"),
            false => Action::Continue,
        }
    });
    let run = house.run(&[]);
    run.refuses(1, &["INBOX", "Quota exceeded"], &[]);
    let stored = server.mailbox("u1", "INBOX").messages().len() - INBOX;
    assert!((1..6).contains(&stored), "{stored}: {run:?}");
    assert_eq!(files(&house.folder("INBOX")).len(), INBOX + 6);
    server.behave();
    house.sync();
    assert_recovers(&server, &house);
    assert_eq!(server.mailbox("u1", "INBOX").messages().len(), INBOX + 6);
}

/// OfflineIMAP #281, #336: a message too large for the server was tried for ever and held up the others. Where the server says what it
/// takes, it is not even sent.
#[test]
fn a_message_too_large_for_the_server_is_told_and_holds_up_no_other() {
    let limited = Options::default().append_limit(4000);
    let telling = limited.clone().with("APPENDLIMIT=4000");
    for (options, words, large_ones_sent) in [(limited, "too large", true), (telling, "no more than 4000", false)] {
        let (server, house) = world_on(options);
        house.sync();
        let large =
            [b"Subject: large\n\n".to_vec(), b"0123456789012345678901234567890123456789\n".repeat(800)].concat();
        for (number, text) in [message("INBOX", 500), large, message("INBOX", 501)].into_iter().enumerate() {
            deliver(&house.folder("INBOX"), &format!("18{number}.up.host:2,S"), &crate::mail::to_lf(&text));
        }
        let before = server.octets_received();
        for _ in 0..2 {
            house.run(&[]).refuses(1, &["INBOX", words, "181.up.host"], &[]);
            assert_eq!(server.mailbox("u1", "INBOX").messages().len(), INBOX + 2);
            assert_eq!(files(&house.folder("INBOX")).len(), INBOX + 3);
        }
        assert_eq!(server.octets_received() - before > 30_000, large_ones_sent);
        fs::remove_file(house.folder("INBOX").join("cur/181.up.host:2,S")).unwrap();
        house.sync();
        assert_recovers(&server, &house);
    }
}

/// The clock was a day ahead and was set right: directories and files are from the future, and what changes is seen all the same.
#[test]
fn a_clock_that_jumps_back_hides_no_change() {
    let (server, house) = world();
    house.sync();
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let from_tomorrow = |house: &House| {
        for folder in ["INBOX", "Sent"] {
            for file in files(&house.folder(folder)) {
                fs::File::open(house.folder(folder).join(&file.name)).unwrap().set_modified(tomorrow).unwrap();
            }
            for part in ["cur", "new", "tmp", ""] {
                fs::File::open(house.folder(folder).join(part)).unwrap().set_modified(tomorrow).unwrap();
            }
        }
        let lock = fs::OpenOptions::new().write(true).open(house.path(".offlineimap/a.lock")).unwrap();
        lock.set_modified(tomorrow).unwrap();
    };
    from_tomorrow(&house);
    house.sync();
    for round in 0..3 {
        from_tomorrow(&house);
        let held = files(&house.folder("INBOX"));
        let old = &held[round].name;
        fs::rename(house.folder("INBOX").join(old), house.folder("INBOX").join(format!("{old}F"))).unwrap_or_default();
        let text = message("INBOX", 700 + round);
        deliver(&house.folder("INBOX"), &format!("19{round}.up.host:2,S"), &crate::mail::to_lf(&text));
        from_tomorrow(&house);
        server.mailbox("u1", "Sent").add(&message("Sent", 700 + round), &["\\Seen"]);
        house.sync();
        assert_eq!(server.mailbox("u1", "INBOX").messages().len(), INBOX + round + 1);
        assert_eq!(files(&house.folder("Sent")).len(), SENT + round + 1);
    }
    assert_nothing_is_cut(&server, &house);
}
