//! OfflineIMAP and mbsync themselves, and what a server says it served them.

use crate::house::House;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What sessions cost, as the server's log has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    /// Messages sent whole.
    pub(crate) bodies: u64,
    /// Messages taken in.
    pub(crate) appended: u64,
    /// Messages removed for good.
    pub(crate) expunged: u64,
}

/// A server that writes into its log what each session cost.
pub(crate) fn counting_server() -> Dovecot {
    let format = "imap_logout_format = cost bodies=%{fetch_body_count} appended=%{appended} expunged=%{expunged}";
    Dovecot::start(Options { extra: format.to_owned(), ..Options::default() })
}

/// What the server served while `work` ran; every session of it must have ended with it.
pub(crate) fn served(server: &Dovecot, work: impl FnOnce()) -> Served {
    let log = all_ended(server);
    work();
    let mut sum = Served::default();
    for line in all_ended(server)[log.len()..].lines().filter(|line| line.contains("cost bodies=")) {
        let number = |key: &str| -> u64 {
            let rest = line.split_once(&format!("{key}=")).unwrap().1;
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        sum.bodies += number("bodies");
        sum.appended += number("appended");
        sum.expunged += number("expunged");
    }
    sum
}

/// The log once every session that logged in has been told to have ended. A session may end before the log tells that it began; one
/// more, begun after it and told of, shows that the log has come so far.
fn all_ended(server: &Dovecot) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    let told = |log: &str| log.matches("cost bodies=").count();
    let before = told(&server.log());
    server.client("u1").ok("LOGOUT");
    loop {
        let log = server.log();
        if told(&log) > before && log.matches("Login: user=").count() == told(&log) {
            return log;
        }
        assert!(Instant::now() < deadline, "sessions have not ended:\n{log}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets an independent client do something; its session ends with it.
pub(crate) fn with_client<T>(server: &Dovecot, work: impl FnOnce(&mut Client) -> T) -> T {
    let mut client = server.client("u1");
    let done = work(&mut client);
    client.ok("LOGOUT");
    done
}

/// Runs another program in the house. It must succeed; answers what it said.
pub(crate) fn run(house: &House, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", house.path("")).env("PATH", "/usr/bin:/bin");
    let output = command.current_dir(house.path("")).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed (scripts/test installs it): {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {args:?} failed:\n{said}");
    said
}

/// A plain message that every program passes on as it is.
pub(crate) fn mail(n: usize) -> String {
    let body = "All work and no play makes Jack a dull boy.\n".repeat(n % 40 + 1);
    format!(
        "From: Jack <jack@example.org>\nTo: Wendy <wendy@example.org>\nSubject: chapter {n}\nDate: Mon, 2 Jan 2023 10:{:02}:{:02} +0000\nMessage-ID: <{n}@overlook.example.org>\n\n{body}",
        n / 60 % 60,
        n % 60
    )
}

/// Messages in the form of the wire.
pub(crate) fn mails(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| mail(n).replace('\n', "\r\n")).collect()
}

/// The names of the message files in a folder, with their directories.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    crate::mail::files(folder).into_iter().map(|file| file.name).collect()
}

/// The file whose message has this subject.
pub(crate) fn file_of(folder: &Path, n: usize) -> std::path::PathBuf {
    let subject = format!("\nSubject: chapter {n}\n");
    let files = crate::mail::files(folder);
    let found = files.iter().find(|file| String::from_utf8_lossy(&file.held.bytes).contains(&subject));
    folder.join(&found.unwrap_or_else(|| panic!("no chapter {n} in {}", folder.display())).name)
}

/// Gives a message's file other letters, as a mail program does.
pub(crate) fn set_letters(folder: &Path, n: usize, letters: &str) {
    let path = file_of(folder, n);
    let name = path.file_name().unwrap().to_str().unwrap();
    let stem = name.split(":2,").next().unwrap();
    std::fs::rename(&path, folder.join("cur").join(format!("{stem}:2,{letters}"))).unwrap();
}
