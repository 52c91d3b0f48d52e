//! A taste of offlinesync with no server and no account: an IMAP server in this process, a Maildir in a new directory, and the real
//! engine between them over a real socket. `cargo run --release --example demo`

#![allow(clippy::print_stdout)]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::{Cancel, SqliteStatus};
use offlinesync_examples::{FOLDERS, contents, files, message};
use offlinesync_imap::config::{Secret, Tls};
use offlinesync_imap::testing::server::{Options, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

const USER: &str = "ann";

struct Demo {
    server: Server,
    account: Account,
    maildir: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let demo = Demo::prepare()?;
    demo.first_sync()?;
    demo.something_happens()?;
    demo.second_sync()?;
    demo.quiet_sync()?;
    println!("The mail stays in {}", demo.maildir.display());
    println!("  mutt -f '{}'", demo.maildir.join("INBOX").display());
    Ok(())
}

impl Demo {
    fn prepare() -> Result<Demo, Box<dyn Error>> {
        let server = Server::start(Options::default().user(USER, "secret"));
        for (folder, messages) in FOLDERS {
            server.create(USER, folder);
            for number in 0..messages {
                let flags: &[&str] = if number % 3 == 0 { &["\\Seen"] } else { &[] };
                server.mailbox(USER, folder).add(&message(folder, number), flags);
            }
        }
        let directory = tempfile::Builder::new().prefix("offlinesync-demo-").tempdir()?.keep();
        let maildir = directory.join("Maildir");
        let account = account(&server, &maildir, &directory.join("status.sqlite"))?;
        let messages: u32 = FOLDERS.iter().map(|(_, messages)| messages).sum();
        println!("A mail server listens on {}:{}:", server.host(), server.port());
        println!("  {} folders with {messages} messages.\n", server.names(USER).len());
        Ok(Demo { server, account, maildir })
    }

    fn first_sync(&self) -> Result<(), Box<dyn Error>> {
        println!("The first sync copies everything into a Maildir.");
        let report = self.sync()?;
        println!("  {} messages came, {:.1} MB.", report.counts.copies.local, report.octets as f64 / 1e6);
        self.compare()
    }

    /// Changes on both sides, as by other mail programs.
    fn something_happens(&self) -> Result<(), Box<dyn Error>> {
        println!("Meanwhile, on the server: two new messages, one flagged, one removed.");
        let inbox = self.server.mailbox(USER, "INBOX");
        inbox.add(&message("INBOX", 1000), &[]);
        inbox.add(&message("INBOX", 1001), &[]);
        inbox.flag(2, &["\\Flagged"], &[]);
        inbox.remove(3);
        println!("And in the Maildir: one message read, one removed, one written.\n");
        let folder = self.maildir.join("Lists/rust.users");
        let there = files(&folder)?;
        let [.., one, two] = &there[..] else { return Err("the Maildir is empty".into()) };
        std::fs::remove_file(one)?;
        mark_as_read(two)?;
        std::fs::write(self.maildir.join("Entw&APw-rfe/new/1.draft.here"), "Subject: a draft\n\nDear Ann,\n")?;
        Ok(())
    }

    fn second_sync(&self) -> Result<(), Box<dyn Error>> {
        println!("The second sync carries over these changes, and nothing else.");
        let (report, counts) = (self.sync()?, ["remote", "local"]);
        for (side, name) in offlinesync_core::Side::BOTH.into_iter().zip(counts) {
            let counts = &report.counts;
            let (copies, flags, removals) = (counts.copies[side], counts.flags[side], counts.removals[side]);
            println!("  {name} side: {copies} added, {flags} with other flags, {removals} removed.");
        }
        self.compare()
    }

    fn quiet_sync(&self) -> Result<(), Box<dyn Error>> {
        println!("The third sync finds nothing to do.");
        self.server.clear_log();
        self.sync()?;
        let (commands, octets) = (self.server.log().join(", "), self.server.octets_sent());
        println!("  All it took: {commands}, and an answer of {octets} octets. No folder was opened on the server.\n");
        Ok(())
    }

    fn sync(&self) -> Result<Report, Box<dyn Error>> {
        let start = Instant::now();
        let report = self.account.sync(&(), &Cancel::new())?;
        println!("  done in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        match report.failures.first() {
            Some(failure) => Err(format!("not synced: {}", failure.error).into()),
            None => Ok(report),
        }
    }

    /// Both sides hold the same messages, octet for octet.
    fn compare(&self) -> Result<(), Box<dyn Error>> {
        let mut equal = 0;
        for folder in self.server.names(USER) {
            let local = self.maildir.join(&folder);
            let mut here = if local.join("cur").is_dir() { contents(&local)? } else { Default::default() };
            for stored in self.server.mailbox(USER, &folder).messages() {
                let left = here.get_mut(&stored.bytes).filter(|left| **left > 0).ok_or("a message differs")?;
                *left -= 1;
                equal += 1;
            }
            if here.values().any(|left| *left > 0) {
                return Err(format!("{folder}: the Maildir holds a message that the server does not").into());
            }
        }
        println!("  Compared octet by octet: {equal} messages, both sides equal.\n");
        Ok(())
    }
}

fn account(server: &Server, maildir: &Path, status: &Path) -> Result<Account, Box<dyn Error>> {
    let password = || Ok(Secret::new("secret".to_owned()));
    let config = ImapConfig::new("server", server.host(), USER, password).port(Some(server.port())).tls(Tls::None);
    let remote = ImapRepository::new(config);
    let local = MaildirRepository::new(MaildirConfig::new("disk", maildir).with_separator('/'))?;
    let status = SqliteStatus::open(status, true)?;
    Ok(Account::new("demo", Arc::new(remote), Arc::new(local), Arc::new(status)))
}

/// As a mail program does it: from `new` to `cur`, with an S at the end of the name.
fn mark_as_read(file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("a file without a name")?;
    let folder = file.parent().and_then(Path::parent).ok_or("a file without a folder")?;
    let (base, flags) = name.split_once(":2,").unwrap_or((name, ""));
    let seen = if flags.contains('S') { flags.to_owned() } else { format!("{flags}S") };
    std::fs::rename(file, folder.join("cur").join(format!("{base}:2,{seen}")))?;
    Ok(())
}
