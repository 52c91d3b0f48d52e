//! A folder that was re-created on the server has new numbers: it is left alone until the user says so, and then paired again.

use crate::content::fill;
use crate::house::{Setup, sent};
use crate::mail::{assert_in_step, files, in_maildir, on_server};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::dovecot::{Dovecot, Options};

/// OfflineIMAP #633: "skipping it" was said of such a folder, and its messages were removed.
#[test]
fn a_re_created_folder_is_refused_while_the_others_are_synced_and_then_paired_without_a_download() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    client.create("Project's \"A\"");
    client.create("B");
    fill(&mut client, "Project's \"A\"", mails::ordinary(40, 5));
    fill(&mut client, "B", mails::ordinary(5, 6));
    house.settle();

    client.delete("Project's \"A\"");
    client.create("Project's \"A\"");
    fill(&mut client, "Project's \"A\"", mails::ordinary(40, 5));
    client.append("B", "", None, &Mail::text("new").bytes);
    let before = files(&house.folder("Project's \"A\"")).len();
    let refused = house.run(&[]);
    let option = "--accept-uidvalidity -f";
    refused.refuses(3, &["Project's \"A\"", "UIDVALIDITY", "nothing was copied or removed"], &[option]);
    assert_eq!((before, files(&house.folder("Project's \"A\"")).len()), (40, 40));
    assert_eq!(in_maildir(&house.folder("B")).len(), 6);
    assert_eq!(on_server(&mut client, "Project's \"A\"").len(), 40);

    let again = house.run(&["-d", "imap", "--accept-uidvalidity", "-f", "Project's \"A\""]);
    assert_eq!(again.code, 0, "{again:?}");
    let asked = sent(&again.err);
    let transfers = |line: &&String| line.contains("BODY.PEEK[]") || line.starts_with("APPEND");
    assert_eq!(asked.iter().filter(transfers).count(), 0, "{asked:#?}");
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}

/// The date of mail that is delivered twice: another second would be another date.
const RECEIVED: &str = "06-May-2024 10:00:00 +0000";

/// What a hint tells to type must work as it stands: it is run by a shell here.
#[test]
fn the_hint_can_be_pasted_into_a_shell() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    for name in ["it's \"quoted\" $HOME", "Entw&APw-rfe", "first, second"] {
        client.create(name);
        client.append(name, "", Some(RECEIVED), &Mail::text("one").bytes);
        house.sync();
        client.delete(name);
        client.create(name);
        client.append(name, "", Some(RECEIVED), &Mail::text("one").bytes);
        let refused = house.run(&[]);
        assert_eq!(refused.code, 3, "{refused:?}");
        let hint = refused.err.lines().find(|line| line.starts_with("hint: ")).unwrap();
        let options = &hint[hint.find("--accept").unwrap()..hint.rfind(": messages").unwrap()];
        let script = format!("\"{}\" {options}", env!("CARGO_BIN_EXE_offlinesync"));
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).env_clear().env("HOME", house.path("")).env("PATH", "/usr/bin:/bin");
        let run = crate::house::Run::of(shell.output().unwrap());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{script}");
        house.sync_quietly();
        assert_in_step(&mut client, &house);
    }
}

#[test]
fn hostile_mail_is_paired_again_without_being_doubled() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    client.create("A");
    let hostile: Vec<Vec<u8>> = mails::hostile().into_iter().map(|m| m.bytes).filter(|b| !b.is_empty()).collect();
    client.append_all("A", "\\Seen", None, &hostile);
    house.settle();
    client.delete("A");
    client.create("A");
    client.append_all("A", "\\Seen", None, &hostile);
    house.run(&["--accept-uidvalidity"]).succeeds();
    assert_eq!(files(&house.folder("A")).len(), hostile.len());
    assert_eq!(on_server(&mut client, "A").len(), hostile.len());
    house.sync_quietly();
}

/// A status that is lost altogether is the same case for every folder at once.
/// OfflineIMAP #333, #349: a state that was lost here was a removal there.
#[test]
fn a_lost_status_file_costs_no_download_and_doubles_nothing() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    fill(&mut client, "INBOX", mails::ordinary(60, 7));
    for number in 0..20 {
        let content =
            format!("Subject: up {number}\nMessage-ID: <{number}.1700000000@here.example.org>\nTo: me\n\nbody\n");
        crate::mail::deliver(&house.folder("INBOX"), &format!("17.{number}.host:2,"), content.as_bytes());
    }
    house.settle();
    std::fs::remove_dir_all(house.path(".offlineimap")).unwrap();
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    let asked = sent(&run.err);
    assert!(!asked.iter().any(|line| line.contains("BODY.PEEK[]") || line.starts_with("APPEND")), "{asked:#?}");
    assert_in_step(&mut client, &house);
    assert_eq!(files(&house.folder("INBOX")).len(), 80);
    house.sync_quietly();
}

/// A backup of the status alone was put back: what came and went since is known on both sides by what is there, and nothing comes back.
#[test]
fn an_older_status_put_back_doubles_nothing_and_brings_nothing_back() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    fill(&mut client, "INBOX", mails::ordinary(60, 8));
    house.settle();
    let (status, kept) = (house.path(".offlineimap"), house.path("kept"));
    let put_back = || {
        let _ = std::fs::remove_dir_all(&status);
        let copied = std::process::Command::new("cp").arg("-a").args([&kept, &status]).status().unwrap();
        assert!(copied.success());
    };
    std::fs::rename(&status, &kept).unwrap();
    put_back();
    let removed_here = |count: usize| {
        let folder = house.folder("INBOX");
        files(&folder).iter().take(count).for_each(|file| std::fs::remove_file(folder.join(&file.name)).unwrap());
    };
    removed_here(5);
    fill(&mut client, "INBOX", mails::ordinary(4, 9));
    client.select("INBOX");
    client.remove("20:24");
    client.store("25:30", "+FLAGS", "\\Flagged");
    crate::mail::deliver(&house.folder("INBOX"), "17.own.host:2,S", b"Subject: own\n\nx\n");
    house.settle();
    let before = on_server(&mut client, "INBOX");
    put_back();
    house.sync();
    assert_eq!(on_server(&mut client, "INBOX"), before);
    assert_in_step(&mut client, &house);
    // What was removed on either side since the last sync is removed on the other.
    removed_here(3);
    client.select("INBOX");
    client.remove("40:42");
    put_back();
    house.sync();
    let after = on_server(&mut client, "INBOX");
    assert!(after.iter().all(|held| before.contains(held)));
    assert!((before.len() - 6..=before.len() - 3).contains(&after.len()), "{} of {}", after.len(), before.len());
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}
