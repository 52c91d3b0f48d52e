//! What people and their programs do to mail that no rule foresees: nothing is lost, and the next sync is quiet.

use crate::content::fill;
use crate::house::{House, Setup};
use crate::kill::kill_at;
use crate::mail::{Held, assert_in_step, assert_same, deliver, files, in_maildir, on_server};
use offlinesync_core::testing::mails::{self, Mail, Random};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn world() -> (Dovecot, Client, House) {
    let server = Dovecot::start(Options::default());
    let client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    (server, client, house)
}

/// Mutt and others move a message by moving its file, name and all.
/// offlineimap3 #201, #226; OfflineIMAP #522, #662: a move was a removal and another upload, with the date of that upload.
#[test]
fn a_file_moved_to_another_folder_is_moved_on_the_server() {
    let (_server, mut client, house) = world();
    client.create("Archive");
    fill(&mut client, "INBOX", mails::ordinary(10, 60));
    fill(&mut client, "Archive", mails::ordinary(3, 61));
    house.settle();
    let moved = files(&house.folder("INBOX")).swap_remove(4);
    let name = moved.name.replace("new/", "cur/");
    let name = if name.contains(":2,") { name } else { name + ":2," };
    fs::rename(house.folder("INBOX").join(&moved.name), house.folder("Archive").join(name)).unwrap();
    house.settle();
    assert_eq!((on_server(&mut client, "INBOX").len(), on_server(&mut client, "Archive").len()), (9, 4));
    assert_in_step(&mut client, &house);
}

/// Two files with the same name in front of the flags are two messages.
#[test]
fn a_file_that_was_copied_is_another_message() {
    let (_server, mut client, house) = world();
    fill(&mut client, "INBOX", mails::ordinary(3, 62));
    house.settle();
    let folder = house.folder("INBOX");
    let file = files(&folder).swap_remove(0);
    let stem = file.name[4..].split(":2,").next().unwrap();
    fs::copy(folder.join(&file.name), folder.join(format!("cur/{stem}:2,DFRS"))).unwrap();
    let before: BTreeSet<_> = files(&folder).into_iter().map(|file| file.held.bytes).collect();
    house.sync();
    house.settle();
    let after: BTreeSet<_> = files(&folder).into_iter().map(|file| file.held.bytes).collect();
    assert_eq!(before, after);
    assert_eq!((files(&folder).len(), on_server(&mut client, "INBOX").len()), (4, 4));
    // Which of the two is the old one cannot be told, so it may be either's date that the server has.
    let undated = |mut held: Vec<Held>| {
        held.iter_mut().for_each(|held| held.arrived = 0);
        held.sort();
        held
    };
    assert_same("INBOX", &undated(on_server(&mut client, "INBOX")), &undated(in_maildir(&folder)));
}

#[test]
fn dates_that_no_mail_has_stop_no_message() {
    let (_server, mut client, house) = world();
    let folder = house.folder("INBOX");
    let dates = [-2_000_000_000_i64, -1, 0, 1, 951_782_400, 4_102_444_800, 32_503_680_000, 300_000_000_000];
    for (number, seconds) in dates.into_iter().enumerate() {
        let name = format!("17{number}.date.host:2,S");
        deliver(&folder, &name, &Mail::text(&format!("date {seconds}")).bytes);
        set_time(&folder.join("cur").join(name), seconds);
    }
    client.append("INBOX", "", Some("01-Jan-1970 00:00:00 +0000"), &Mail::text("first second").bytes);
    client.append("INBOX", "", Some("29-Feb-2096 23:59:59 -1200"), &Mail::text("far away").bytes);
    let run = house.run(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!((on_server(&mut client, "INBOX").len(), files(&folder).len()), (10, 10));
    house.sync_quietly();
}

fn set_time(path: &Path, seconds: i64) {
    let done = std::process::Command::new("touch").arg("-d").arg(format!("@{seconds}")).arg(path).status().unwrap();
    assert!(done.success());
}

/// A Maildir has letters for 26 keywords: what has none stays where it is.
/// OfflineIMAP #209: keywords went one way and were lost on the other.
#[test]
fn keywords_beyond_the_letters_of_a_maildir_stay_on_the_server() {
    let (_server, mut client, house) = world();
    for number in 0..40 {
        client.append("INBOX", &format!("keyword{number:02}"), None, &Mail::text(&format!("one {number}")).bytes);
    }
    let all: String = (0..40).map(|number| format!("keyword{number:02} ")).collect();
    client.append("INBOX", all.trim(), None, &Mail::text("all").bytes);
    client.append("INBOX", "$label1 k:w+x NonJunk \\Seen", None, &Mail::text("odd").bytes);
    let before = on_server(&mut client, "INBOX");
    let run = house.run(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    house.sync_quietly();
    assert_eq!(on_server(&mut client, "INBOX"), before);
    // A change of other flags does not touch them.
    for file in files(&house.folder("INBOX")) {
        let (stem, letters) = file.name[4..].split_once(":2,").unwrap_or((&file.name[4..], ""));
        let letters: BTreeSet<char> = letters.chars().chain(['F']).collect();
        let letters: String = letters.into_iter().collect();
        let folder = house.folder("INBOX");
        fs::rename(folder.join(&file.name), folder.join(format!("cur/{stem}:2,{letters}"))).unwrap();
    }
    house.settle();
    let mut expected = before;
    expected.iter_mut().for_each(|held| held.flags.extend(["\\Flagged".to_owned()]));
    expected.sort();
    assert_eq!(on_server(&mut client, "INBOX"), expected);
}

#[test]
fn what_is_no_message_is_left_alone() {
    let (_server, mut client, house) = world();
    let folder = house.folder("INBOX");
    deliver(&folder, "1700000001.a.host:2,S", b"Subject: a\n\na\n");
    deliver(&folder, "1700000002.b.host", b"Subject: b\n\nb\n");
    fs::create_dir(folder.join("cur/1700000003.directory.host:2,S")).unwrap();
    fs::write(folder.join("cur/.hidden"), b"x").unwrap();
    fs::write(folder.join("tmp/1700000004.writing.host"), b"half a mes").unwrap();
    fs::write(folder.join("notes.txt"), b"x").unwrap();
    std::os::unix::fs::symlink("/nonexistent", folder.join("cur/1700000005.dangling.host:2,S")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(folder.join("cur/1700000006.fifo.host:2,S")).status().unwrap();
    assert!(fifo.success());
    use std::os::unix::ffi::OsStrExt;
    fs::write(folder.join("cur").join(std::ffi::OsStr::from_bytes(b"17\xff.latin.host:2,S")), b"Subject: l\n\nl\n")
        .unwrap();
    let run = house.run(&[]);
    assert!(run.code == 0 || run.code == 1, "{run:?}");
    assert_eq!(on_server(&mut client, "INBOX").len(), 2, "{run:?}");
    let again = house.run(&[]);
    assert_eq!((again.code, on_server(&mut client, "INBOX").len()), (run.code, 2), "{again:?}");
    assert!(folder.join("tmp/1700000004.writing.host").exists() && folder.join("cur/.hidden").exists());
}

/// Other programs are at work on both sides while syncs run. In the end nothing is lost that nobody removed, nothing is there twice,
/// and nothing came back that somebody removed.
fn busy(hide: &[&'static str], killed: bool) {
    let server = Dovecot::start(Options { hide: hide.to_vec(), ..Options::default() });
    let (mut client, house) = (server.client("u1"), Setup::new(&server, "u1").house());
    fill(&mut client, "INBOX", mails::ordinary(100, 63).filter(|mail| mail.bytes.len() < 4000));
    house.sync();
    let ended = AtomicBool::new(false);
    let (there, here) = std::thread::scope(|scope| {
        let there = scope.spawn(|| busy_client(&mut server.client("u1")));
        let here = scope.spawn(|| busy_files(&house.folder("INBOX")));
        let syncs = scope.spawn(|| {
            let mut random = Random::new(5);
            while !ended.load(Ordering::Relaxed) {
                if killed && random.one_in(2) {
                    let words = *random.of(&["> A", "< A", "APPEND", "FETCH (", "STORE", "EXPUNGE", "APPENDUID"]);
                    kill_at(&house, words, 1 + random.below(12) as usize);
                    continue;
                }
                let run = house.run(&[]);
                assert!(run.code == 0 || run.code == 1, "{run:?}");
            }
        });
        let both = (there.join().unwrap(), here.join().unwrap());
        ended.store(true, Ordering::Relaxed);
        syncs.join().unwrap();
        both
    });
    let run = house.run(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_in_step(&mut client, &house);
    let subjects = subjects(&house.folder("INBOX"));
    let kept: BTreeSet<String> = there.union(&here).cloned().collect();
    let found: BTreeSet<String> = subjects.iter().cloned().collect();
    assert_eq!(found.len(), subjects.len(), "doubled: {subjects:?}");
    assert_eq!(kept.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(found.difference(&kept).collect::<Vec<_>>(), Vec::<&String>::new(), "came back");
}

/// OfflineIMAP #65: mail that came during a sync was doubled.
#[test]
fn mail_that_comes_and_goes_while_syncs_run_is_neither_lost_nor_doubled() {
    busy(&[], false);
}

#[test]
fn mail_that_comes_and_goes_on_a_server_that_tells_no_changes_is_neither_lost_nor_doubled() {
    busy(&["QRESYNC", "CONDSTORE", "MULTIAPPEND", "ESEARCH"], false);
}

#[test]
fn mail_that_comes_and_goes_while_syncs_are_killed_is_neither_lost_nor_doubled() {
    busy(&[], true);
}

/// Here the new numbers of uploaded messages are found by looking, and a run may be killed before it has looked.
#[test]
fn mail_that_comes_and_goes_on_a_server_that_tells_no_numbers_while_syncs_are_killed_is_neither_lost_nor_doubled() {
    busy(&["UIDPLUS"], true);
}

fn subjects(folder: &Path) -> Vec<String> {
    let subject = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
        subject.filter(|subject| subject.starts_with("busy "))
    };
    let mut found: Vec<String> = in_maildir(folder).iter().filter_map(|held| subject(&held.bytes)).collect();
    found.sort();
    found
}

/// Adds, flags and removes its own messages; answers the subjects of those it leaves.
fn busy_client(client: &mut Client) -> BTreeSet<String> {
    let (mut random, mut own) = (Random::new(1), Vec::new());
    for number in 0..150 {
        let subject = format!("busy there {number}");
        let uid = client.append("INBOX", "", None, &Mail::text(&subject).bytes);
        own.push((uid, subject));
        client.select("INBOX");
        let at = random.below(own.len() as u64) as usize;
        client.store(&own[at].0.to_string(), "+FLAGS", "\\Flagged");
        if random.one_in(3) {
            let (uid, _) = own.swap_remove(at);
            client.remove(&uid.to_string());
        }
    }
    own.into_iter().map(|(_, subject)| subject).collect()
}

fn busy_files(folder: &Path) -> BTreeSet<String> {
    let (mut random, mut left) = (Random::new(2), BTreeSet::new());
    for number in 0..300 {
        let subject = format!("busy here {number}");
        deliver(folder, &format!("17{number}.busy.host"), &crate::mail::to_lf(&Mail::text(&subject).bytes));
        left.insert(subject);
        let names: Vec<_> = fs::read_dir(folder.join("cur")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let new: Vec<_> = fs::read_dir(folder.join("new")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let all: Vec<_> =
            names.into_iter().chain(new).filter(|path| path.to_string_lossy().contains(".busy.")).collect();
        let Some(path) = all.get(random.below(all.len().max(1) as u64) as usize) else { continue };
        if random.one_in(3) {
            let Ok(content) = fs::read_to_string(path) else { continue };
            let subject = content.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
            if fs::remove_file(path).is_ok() {
                left.remove(&subject);
            }
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let stem = name.split(":2,").next().unwrap().to_owned();
            let _ = fs::rename(path, folder.join(format!("cur/{stem}:2,{}", random.of(&["", "S", "FS"]))));
        }
    }
    left
}
