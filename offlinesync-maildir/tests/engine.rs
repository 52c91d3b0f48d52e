//! The real engine between a Maildir and a store in memory, and between two Maildirs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::sync::Account;
use offlinesync_core::testing::{Faults, Faulty, Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Flags, InternalDate, MemoryStatus, Policy, Repository, SystemFlags, Window};
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

/// Without the memory of a sync, names that claim nothing, and three messages alike of which one had no file any more: each file went to the next
/// message, and the one left over was found copied already, under a name that had a row. The folder was never in step again. A repair paired
/// them in the same way, whatever the names claimed.
#[test]
fn of_messages_alike_each_goes_with_the_file_that_is_named_after_it() {
    for (translated, repair) in [("Mail.INBOX", false), ("INBOX", true)] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("mail");
        let server = MemoryRepository::new("server", Knobs::imap());
        let text = "Message-ID: <1@example.org>\r\nSubject: the same again and again\r\n\r\nbody\r\n";
        (0..3).for_each(|_| drop(server.add("INBOX", text.as_bytes(), Flags::default())));
        let account = |translated: &'static str| {
            let mut config = MaildirConfig::new("disk", &root);
            config.digest_name = Some(Arc::new(|_: &str| translated.to_owned()));
            let (maildir, status) = (MaildirRepository::new(config).unwrap(), Arc::new(MemoryStatus::default()));
            Account::new("me", Arc::new(server.clone()), Arc::new(maildir), status)
        };
        let sync = |account: &Account| {
            let report = account.sync(&(), &Cancel::new()).unwrap();
            assert!(report.in_step(), "{:?}", report.failures);
            files(&root, "INBOX")
        };
        let first = sync(&account("INBOX"));
        std::fs::remove_file(root.join("INBOX").join(&first[0])).unwrap();
        let account = account(translated);
        if repair {
            assert_eq!(account.verify(true, &(), &Cancel::new()).unwrap().paired, 2);
        }
        let second = sync(&account);
        assert_eq!((second.len(), server.count("INBOX")), (3, 3), "{second:?}");
        assert_eq!(second[1..], first[1..]);
    }
}

/// The same where the message that a file is named after cannot be looked at just then: the file is not the copy of another.
#[test]
fn a_file_waits_for_the_message_that_it_is_named_after() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mail");
    let store = MemoryRepository::new("server", Knobs::imap());
    let text = "Message-ID: <1@example.org>\r\nSubject: the same again\r\n\r\nbody\r\n";
    let ids = [0, 1].map(|_| store.add("INBOX", text.as_bytes(), Flags::default()));
    let server = Faulty::new(store, &Faults::new());
    let account = |translated: &'static str| {
        let mut config = MaildirConfig::new("disk", &root);
        config.digest_name = Some(Arc::new(|_: &str| translated.to_owned()));
        let (maildir, status) = (MaildirRepository::new(config).unwrap(), Arc::new(MemoryStatus::default()));
        Account::new("me", Arc::new(server.clone()), Arc::new(maildir), status)
    };
    assert!(account("INBOX").sync(&(), &Cancel::new()).unwrap().in_step());
    let first = files(&root, "INBOX");
    std::fs::remove_file(root.join("INBOX").join(&first[1])).unwrap();

    let anew = account("Mail.INBOX");
    server.spoil(|bad| bad.headerless = [ids[0].clone()].into());
    let refused = anew.sync(&(), &Cancel::new()).unwrap();
    assert!(refused.failures[0].error.to_string().contains("cannot be"), "{:?}", refused.failures);
    server.spoil(|bad| bad.headerless.clear());
    let report = anew.sync(&(), &Cancel::new()).unwrap();
    assert!(report.in_step(), "{:?}", report.failures);
    let second = files(&root, "INBOX");
    assert_eq!((second.len(), &second[0]), (2, &first[0]), "{second:?}");
}

/// Between two Maildirs a copy has the base of its source. Without the memory of a sync it was taken for that of another message alike, whose base was
/// the end of it, and its source could not be recorded with it: the folder was refused from then on.
#[test]
fn between_two_maildirs_a_copy_goes_with_the_file_of_the_same_base() {
    let dir = tempfile::tempdir().unwrap();
    let maildir = |name: &str| MaildirRepository::new(MaildirConfig::new(name, dir.path().join(name))).unwrap();
    let deliver = |side: &str, base: &str| {
        let inbox = dir.path().join(side).join("INBOX");
        ["cur", "new", "tmp"].iter().for_each(|sub| std::fs::create_dir_all(inbox.join(sub)).unwrap());
        std::fs::write(inbox.join("cur").join(format!("{base}:2,S")), "Subject: the same again\n\nbody\n").unwrap();
    };
    let bases = ["1.host", "11.host", "111.host"];
    bases.iter().for_each(|base| deliver("one", base));
    deliver("other", bases[1]);
    let (one, other) = (Arc::new(maildir("one")), Arc::new(maildir("other")));
    let account = Account::new("me", one, other, Arc::new(MemoryStatus::default()));
    let report = account.sync(&(), &Cancel::new()).unwrap();
    assert!(report.in_step(), "{:?}", report.failures);
    for side in ["one", "other"] {
        assert_eq!(files(&dir.path().join(side), "INBOX"), bases.map(|base| format!("cur/{base}:2,S")), "{side}");
    }
}

/// `maildir-windows-compatible` was set, or taken back: no name had flags any more, and they were all cleared on the server.
#[test]
fn names_with_the_separator_of_before_keep_their_flags_and_their_messages() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mail");
    let server = MemoryRepository::new("server", Knobs::imap());
    let body = |n: u32| format!("Message-ID: <{n}@example.org>\r\nSubject: number {n}\r\n\r\nbody\r\n");
    for n in 0..8 {
        let flags = if n % 2 == 0 { SystemFlags::SEEN } else { SystemFlags::FLAGGED };
        server.add("INBOX", body(n).as_bytes(), Flags::system(flags));
    }
    let status: Arc<MemoryStatus> = Arc::default();
    let sync = |separator: char| {
        let mut config = MaildirConfig::new("disk", &root);
        config.info_separator = separator;
        let maildir = MaildirRepository::new(config).unwrap();
        let account = Account::new("me", Arc::new(server.clone()), Arc::new(maildir), status.clone());
        let report = account.sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
    };
    sync(':');
    std::fs::write(root.join("INBOX/cur/1500000000.1.host:2,FS"), body(9)).unwrap();
    sync(':');
    let (mails, names) = (server.mails("INBOX"), files(&root, "INBOX"));
    for separator in ['!', ':'] {
        sync(separator);
        assert_eq!((server.mails("INBOX"), files(&root, "INBOX")), (mails.clone(), names.clone()), "{separator}");
    }
}

/// `maxage` and `utime_from_header`: the file of a message that arrived today bore the date of its author, of years ago. When it was removed on the
/// server, its file stayed. When its file was moved to another folder, it was removed on the server, was not sent again, and nobody was told.
#[test]
fn a_message_with_an_old_date_in_its_header_is_judged_by_its_arrival_on_both_sides() {
    for dated_names in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("mail");
        let server = MemoryRepository::new("server", Knobs::imap()).with_folder("Archive");
        let body = |n: u32| format!("Message-ID: <{n}@example.org>\r\nSubject: number {n}\r\n\r\nbody\r\n");
        let arrived = |seconds| Some(InternalDate { seconds, zone_minutes: 0 });
        for n in 0..20 {
            server.add_dated("INBOX", body(n).as_bytes(), Flags::default(), arrived(1_700_000_000));
        }
        let status: Arc<MemoryStatus> = Arc::default();
        let sync = || {
            let mut config = MaildirConfig::new("disk", &root);
            (config.time_from_header, config.name_from_header) = (true, dated_names);
            config.header_date = Some(Arc::new(|_: &[u8]| Some(1_000_000_000)));
            let maildir = MaildirRepository::new(config).unwrap();
            let account = Account::new("me", Arc::new(server.clone()), Arc::new(maildir), status.clone());
            let window = Window { since: Some(1_690_000_000), max_octets: None };
            let report = account.with_policy(Policy { window, ..Policy::default() }).sync(&(), &Cancel::new()).unwrap();
            assert!(report.in_step(), "{:?}", report.failures);
        };
        sync();
        server.remove("INBOX", &server.mails("INBOX")[3].0);
        sync();
        assert_eq!(files(&root, "INBOX").len(), 19);
        let name = files(&root, "INBOX").remove(0);
        std::fs::rename(root.join("INBOX").join(&name), root.join("Archive").join(&name)).unwrap();
        sync();
        assert_eq!((server.count("INBOX"), server.count("Archive")), (18, 1));
    }
}
