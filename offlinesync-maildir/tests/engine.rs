//! The real engine between a Maildir and a store in memory, and between two Maildirs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Flags, MemoryStatus, Policy, Repository, SystemFlags};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::path::Path;
use std::sync::Arc;

fn files(root: &Path, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for sub in ["new", "cur"] {
        for entry in std::fs::read_dir(root.join(folder).join(sub)).unwrap() {
            names.push(format!("{sub}/{}", entry.unwrap().file_name().to_str().unwrap()));
        }
    }
    names.sort();
    names
}

#[test]
fn mail_goes_both_ways_and_the_second_sync_renames_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mail");
    let server = MemoryRepository::new("server", Knobs::imap());
    let body = |n: u32| {
        format!("Message-ID: <{n}@example.org>\r\nSubject: number {n}\r\nTo: me\r\n\r\nbody {n}\r\n").into_bytes()
    };
    for n in 0..20 {
        server.add("INBOX", &body(n), Flags::system(if n % 2 == 0 { SystemFlags::SEEN } else { SystemFlags::NONE }));
    }
    server.add("Lists/R&D \"x\"", &body(100), Flags::from_imap(["\\Flagged", "todo"]));
    let maildir = MaildirRepository::new(MaildirConfig::new("disk", &root).with_separator('/')).unwrap();
    let status = Arc::new(MemoryStatus::default());
    let account = Account::new("me", Arc::new(server.clone()), Arc::new(maildir) as Arc<dyn Repository>, status);
    let sync = || {
        let report = account.clone().with_policy(Policy::default()).sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        report
    };
    sync();
    let first = files(&root, "INBOX");
    assert_eq!(first.len(), 20);
    assert_eq!(files(&root, "Lists/R&D \"x\"").len(), 1);

    let before = server.work();
    sync();
    assert_eq!((files(&root, "INBOX"), server.work()), (first, before));

    std::fs::write(
        root.join("INBOX/new/1500000000.1.host"),
        "Message-ID: <new@here>\nSubject: written here\nTo: you\n\nhello\n",
    )
    .unwrap();
    sync();
    let mails = server.mails("INBOX");
    assert_eq!(mails.len(), 21);
    assert_eq!(
        mails.last().unwrap().1.octets,
        b"Message-ID: <new@here>\r\nSubject: written here\r\nTo: you\r\n\r\nhello\r\n"
    );
    assert!(
        files(&root, "INBOX").iter().any(|name| name.starts_with("new/1500000000.1.host,U=")),
        "{:?}",
        files(&root, "INBOX")
    );
    let (before, names) = (server.work(), files(&root, "INBOX"));
    sync();
    assert_eq!((files(&root, "INBOX"), server.work()), (names, before));
}

/// Files moved here from another account's INBOX by hand, names and all, claim UIDs that mean other messages here. Only a sample of
/// the claims was looked at, so a wrong one among many right ones was believed: its message and the one it was taken for were both
/// left alone from then on.
#[test]
fn a_name_that_claims_the_wrong_partner_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mail");
    let server = MemoryRepository::new("server", Knobs::imap());
    let text =
        |n: u32| format!("Message-ID: <{n}@example.org>\nSubject: number {n} of them\nFrom: me\nTo: me\n\nbody {n}\n");
    ["cur", "new", "tmp"].iter().for_each(|sub| std::fs::create_dir_all(root.join("INBOX").join(sub)).unwrap());
    for n in 1..=60 {
        let id = server.add("INBOX", text(n).replace('\n', "\r\n").as_bytes(), Flags::default());
        let held = if n == 31 { text(1031) } else { text(n) };
        let name = format!("1500000000_{n}.1.host,U={},FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S", id.uid().unwrap());
        std::fs::write(root.join("INBOX/cur").join(name), held).unwrap();
    }
    let maildir = MaildirRepository::new(MaildirConfig::new("disk", &root).with_separator('/')).unwrap();
    let status = Arc::new(MemoryStatus::default());
    let account = Account::new("me", Arc::new(server.clone()), Arc::new(maildir), status);
    let report = account.sync(&(), &Cancel::new()).unwrap();
    assert!(report.in_step(), "{:?}", report.failures);
    assert_eq!((files(&root, "INBOX").len(), server.count("INBOX")), (61, 61));
    assert_eq!((report.counts.copies.local, report.counts.copies.remote), (1, 1));
}
