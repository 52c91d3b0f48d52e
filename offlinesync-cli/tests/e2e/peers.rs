//! OfflineIMAP and mbsync themselves, and what a server says it served them.

use crate::house::House;
use crate::mail::deliver;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
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
    let format =
        "imap_logout_format = cost user=%{user} bodies=%{fetch_body_count} appended=%{appended} expunged=%{expunged}";
    Dovecot::start(Options { extra: format.to_owned(), ..Options::default() })
}

/// What the server served while `work` ran; every session of it must have ended with it.
pub(crate) fn served(server: &Dovecot, work: impl FnOnce()) -> Served {
    let log = all_ended(server);
    work();
    let mut sum = Served::default();
    for line in all_ended(server)[log.len()..].lines().filter(|line| line.contains(COST)) {
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

/// In the lines that tell what a session cost.
const COST: &str = "cost user=";

/// The log once every session that logged in has been told to have ended. Lines come late, when they come at all: a session of a user of
/// its own comes last, and once it is in the log so are those before it.
fn all_ended(server: &Dovecot) -> String {
    const LAST: &str = "cost user=u9 ";
    let deadline = Instant::now() + Duration::from_secs(20);
    let before = server.log().matches(LAST).count();
    server.client("u9").ok("LOGOUT");
    loop {
        let log = server.log();
        let all = log.matches("Login: user=").count() == log.matches(COST).count();
        if all && log.matches(LAST).count() > before {
            return log;
        }
        assert!(Instant::now() < deadline, "sessions have not ended:\n{log}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Nothing was transferred.
pub(crate) const NOTHING: Served = Served { bodies: 0, appended: 0, expunged: 0 };

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

/// How much mail programs are taken over with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) inbox: usize,
    pub(crate) archive: usize,
    pub(crate) sent: usize,
    pub(crate) lists: usize,
    /// Other folders.
    pub(crate) others: usize,
    /// Messages in each.
    pub(crate) each: usize,
}

impl Scale {
    pub(crate) fn small(inbox: usize) -> Scale {
        Scale { inbox, archive: inbox / 4, sent: 30, lists: 20, others: 0, each: 0 }
    }

    /// For the whole proof set `TAKEOVER_MESSAGES` to 10000; they are spread over 30 folders.
    pub(crate) fn of_proof() -> Scale {
        let whole = std::env::var("TAKEOVER_MESSAGES").ok().and_then(|number| number.parse().ok());
        let Some(whole) = whole.filter(|whole: &usize| *whole >= 1000) else { return Scale::small(300) };
        let few = Scale::small(whole * 2 / 5);
        let others = whole - few.known_folders();
        Scale { sent: few.sent + others % 26, others: 26, each: others / 26, ..few }
    }

    fn known_folders(self) -> usize {
        self.inbox + self.archive + self.sent + self.lists
    }

    pub(crate) fn all(self) -> usize {
        self.known_folders() + self.others * self.each
    }

    pub(crate) fn other_folders(self) -> impl Iterator<Item = String> {
        (0..self.others).map(|n| format!("Lists/l{n:02}"))
    }

    /// Creates the other folders with their messages.
    pub(crate) fn fill_others(self, client: &mut Client) {
        for (n, folder) in self.other_folders().enumerate() {
            client.create(&folder);
            client.append_all(&folder, "\\Seen", None, &mails(400_000 + n * 1000..400_000 + n * 1000 + self.each));
        }
    }
}

/// The message files below a directory, by their paths from there.
pub(crate) fn all_names(mail: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![mail.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_message = path.parent().is_some_and(|parent| parent.ends_with("cur") || parent.ends_with("new"));
            match path.is_dir() {
                true => left.push(path),
                false if is_message => drop(found.insert(path.strip_prefix(mail).unwrap().display().to_string())),
                false => {}
            }
        }
    }
    found
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

/// As if a file had been moved here from another mailbox: message `n` is gone, and `other` bears the numbers of its name.
pub(crate) fn usurp(folder: &Path, n: usize, other: usize) {
    let file = file_of(folder, n);
    let name = file.file_name().unwrap().to_str().unwrap().replacen('.', "9.", 1);
    std::fs::remove_file(&file).unwrap();
    deliver(folder, &name, mail(other).as_bytes());
}
