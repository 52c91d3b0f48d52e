//! What a sync costs on a slow line: how often the program waits for the server, and how many octets pass. Counted by a relay in
//! front of a real server; no time is measured.

mod support;

use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::relay::{Relay, Traffic};
use std::time::Duration;
use support::sandbox::Sandbox;

/// Long enough that what is sent without waiting for an answer is one turn, also on a busy machine.
const ONE_WAY: Duration = Duration::from_millis(40);

/// Login, LIST with the state of every folder, and LOGOUT, whose answer nobody waits for.
const NOTHING_TO_DO: u64 = 3;

struct Line {
    server: Dovecot,
    relay: Relay,
    sandbox: Sandbox,
}

impl Line {
    /// A server with so many folders and so many messages in INBOX, and a home where all that is in step.
    fn in_step(folders: usize, messages: usize) -> Line {
        Line::with(folders, messages, "")
    }

    fn with(folders: usize, messages: usize, local: &str) -> Line {
        let server = Dovecot::start(Options::default());
        let mut client = server.client("u1");
        (0..folders).for_each(|folder| client.create(&format!("folder {folder}")));
        for number in 0..messages {
            client.append("INBOX", "", None, message(number).as_bytes());
        }
        let relay = Relay::start(server.port(), ONE_WAY);
        let config = format!(
            "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n\
             [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n{local}[Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\n\
             remoteport = {}\nremoteuser = u1\nremotepass = pw\nssl = no\nstarttls = no\n",
            relay.port()
        );
        let line = Line { server, relay, sandbox: Sandbox::new(&config) };
        line.sync();
        line
    }

    fn sync(&self) -> Traffic {
        self.relay.settle();
        self.relay.take();
        self.sandbox.run(&[]).silent();
        self.relay.settle();
        self.relay.take()
    }

    fn inbox(&self) -> Client {
        let mut client = self.server.client("u1");
        client.select("INBOX");
        client
    }
}

fn message(number: usize) -> String {
    format!(
        "Subject: number {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n{}",
        "one line of many\r\n".repeat(20)
    )
}

/// OfflineIMAP #135, #61, #317: every folder was listed whole with every run.
#[test]
fn with_nothing_to_do_the_program_waits_twice_however_many_folders_there_are() {
    let (few, many) = (Line::in_step(3, 5), Line::in_step(60, 5));
    let (few, many) = (few.sync(), many.sync());
    for traffic in [few, many] {
        assert!(traffic.connections == 1 && traffic.turns <= NOTHING_TO_DO, "{traffic:?}");
        assert!(traffic.up <= 200, "{traffic:?}");
    }
    assert!(many.down <= 1000 + 60 * 150, "{many:?}");
}

#[test]
fn one_flag_changed_on_the_server_costs_one_turn_more_and_no_listing_of_the_folder() {
    let line = Line::in_step(20, 200);
    let nothing = line.sync();
    line.inbox().store("77", "+FLAGS", "\\Flagged");
    let traffic = line.sync();
    assert!(traffic.turns <= NOTHING_TO_DO + 1, "{traffic:?}");
    assert!(traffic.up + traffic.down <= nothing.up + nothing.down + 1000, "{traffic:?} instead of {nothing:?}");
    let flagged = line.sandbox.files("local/INBOX/cur").into_keys().filter(|name| name.ends_with(":2,F")).count();
    assert_eq!(flagged, 1);
}

#[test]
fn one_flag_changed_in_one_of_300_folders_costs_10_kilobytes_for_a_long_list_is_compressed() {
    let line = Line::in_step(300, 50);
    line.inbox().store("33", "+FLAGS", "\\Flagged");
    let traffic = line.sync();
    assert!(traffic.turns <= NOTHING_TO_DO + 2, "{traffic:?}");
    assert!(traffic.up + traffic.down <= 10_000, "{traffic:?}");
    let flagged = line.sandbox.files("local/INBOX/cur").into_keys().filter(|name| name.ends_with(":2,F")).count();
    assert_eq!(flagged, 1);
}

#[test]
fn one_flag_changed_here_costs_three_turns_more() {
    let line = Line::in_step(20, 200);
    let nothing = line.sync();
    let new = line.sandbox.path("local/INBOX/new");
    let name = line.sandbox.files("local/INBOX/new").into_keys().next().unwrap();
    std::fs::rename(new.join(&name), line.sandbox.path("local/INBOX/cur").join(format!("{name}:2,F"))).unwrap();
    let traffic = line.sync();
    assert!(traffic.turns <= NOTHING_TO_DO + 3, "{traffic:?}");
    assert!(traffic.up + traffic.down <= nothing.up + nothing.down + 2000, "{traffic:?} instead of {nothing:?}");
    let flagged =
        line.inbox().messages("INBOX").into_iter().filter(|message| message.flags.join(" ") == "\\Flagged").count();
    assert_eq!(flagged, 1);
}

#[test]
fn a_hundred_uploads_are_one_flight() {
    let line = Line::in_step(1, 1);
    let mut octets = 0;
    for number in 100..200 {
        let content = message(number).replace("\r\n", "\n");
        octets += message(number).len() as u64;
        line.sandbox.deliver("local/INBOX", &format!("17000{number}.up.host:2,S"), &content);
    }
    let traffic = line.sync();
    assert!(traffic.turns <= NOTHING_TO_DO + 3, "{traffic:?}");
    assert!(traffic.up <= octets + 100 * 80 + 1000, "{traffic:?}: {octets} octets of mail");
    assert!(traffic.down <= 100 * 80 + 3000, "{traffic:?}");
    assert_eq!(line.inbox().messages("INBOX").len(), 101);
    assert!(line.sync().turns <= NOTHING_TO_DO);
}

#[test]
fn a_hundred_downloads_are_one_flight() {
    let line = Line::in_step(1, 1);
    let mut client = line.inbox();
    let mut octets = 0;
    for number in 100..200 {
        octets += message(number).len() as u64;
        client.append("INBOX", "", None, message(number).as_bytes());
    }
    let traffic = line.sync();
    assert!(traffic.turns <= NOTHING_TO_DO + 2, "{traffic:?}");
    assert!(traffic.up <= 1000 && traffic.down <= octets + 100 * 160 + 3000, "{traffic:?}: {octets} octets of mail");
    assert_eq!(line.sandbox.messages("local/INBOX").len(), 101);
}

/// Two folders, one below the other, with ten messages of 30 kB each.
fn with_old_folders(local: &str) -> Line {
    let line = Line::with(0, 1, local);
    let mut client = line.server.client("u1");
    for folder in ["Old", "Old/below"] {
        client.create(folder);
        client.ok(&format!("SUBSCRIBE \"{folder}\""));
        for number in 0..10 {
            let content = format!("{folder} {}{}", message(number), "more of it\r\n".repeat(3000));
            client.append(folder, "\\Seen", None, format!("X-Folder: {folder}\r\n{content}").as_bytes());
        }
    }
    line.sync();
    assert!(line.sync().turns <= NOTHING_TO_DO);
    line
}

const LOCALS: [(&str, &str); 2] = [("sep = .\n", "."), ("sep = /\n", "/")];

/// OfflineIMAP #668, #580: a renamed folder was another one, and the old one stayed.
#[test]
fn folders_renamed_on_the_server_are_renamed_in_the_maildir_and_no_body_crosses_the_line() {
    for (local, separator) in LOCALS {
        let line = with_old_folders(local);
        line.server.client("u1").rename("Old", "New");
        let traffic = line.sync();
        assert!(traffic.up + traffic.down <= 20_000, "{traffic:?}");
        for (new, old) in
            [("New".to_owned(), "Old".to_owned()), (format!("New{separator}below"), format!("Old{separator}below"))]
        {
            assert_eq!(line.sandbox.messages(&format!("local/{new}")).len(), 10, "{new}");
            assert!(!line.sandbox.path(&format!("local/{old}")).exists(), "{old}");
        }
        assert!(line.sync().turns <= NOTHING_TO_DO);
    }
}

#[test]
fn folders_renamed_in_the_maildir_are_renamed_on_the_server_and_no_body_crosses_the_line() {
    for (local, separator) in LOCALS {
        let line = with_old_folders(local);
        let root = line.sandbox.path("local");
        std::fs::rename(root.join("Old"), root.join("New")).unwrap();
        if separator == "." {
            std::fs::rename(root.join("Old.below"), root.join("New.below")).unwrap();
        }
        let traffic = line.sync();
        assert!(traffic.up + traffic.down <= 20_000, "{traffic:?}");
        let mut client = line.server.client("u1");
        let mut names: Vec<String> = client.list().into_iter().map(|listed| listed.name).collect();
        names.sort();
        assert_eq!(names, ["INBOX", "New", "New/below"]);
        let answer = client.ok("LSUB \"\" *");
        let lines: String =
            answer.untagged.iter().map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect();
        assert!(lines.contains("New/below") && !lines.contains("Old"), "{lines}");
        assert_eq!((client.messages("New").len(), client.messages("New/below").len()), (10, 10));
        assert!(line.sync().turns <= NOTHING_TO_DO);
    }
}

#[test]
fn a_hundred_messages_moved_in_the_maildir_cost_neither_header_nor_body() {
    let line = Line::in_step(2, 150);
    let mut names: Vec<String> = line.sandbox.files("local/INBOX/new").into_keys().collect();
    names.truncate(100);
    let (from, to) = (line.sandbox.path("local/INBOX/new"), line.sandbox.path("local/folder 1/cur"));
    for name in &names {
        std::fs::rename(from.join(name), to.join(format!("{name}:2,"))).unwrap();
    }
    let traffic = line.sync();
    assert!(traffic.up + traffic.down <= 10_000, "{traffic:?}");
    // Three, where both folders are listed at the same time, which a busy machine may not do.
    assert!((NOTHING_TO_DO + 3..=NOTHING_TO_DO + 6).contains(&traffic.turns), "{traffic:?}");
    let mut client = line.server.client("u1");
    assert_eq!((client.messages("INBOX").len(), client.messages("folder 1").len()), (50, 100));
    assert!(line.sync().turns <= NOTHING_TO_DO);
}
