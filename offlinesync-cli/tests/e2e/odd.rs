//! What people and their programs do to mail that no rule foresees: nothing is lost, and the next sync is quiet.

use crate::content::fill;
use crate::house::{House, Setup, sent, verb};
use crate::mail::{Held, assert_in_step, assert_same, deliver, files, in_maildir, on_server};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    let verbs: Vec<String> = sent(&run.err).iter().map(|command| verb(command)).collect();
    let count = |verb: &str| verbs.iter().filter(|sent| *sent == verb).count();
    assert_eq!((count("UID MOVE"), count("APPEND"), run.err.matches("BODY.PEEK[]").count()), (1, 0, 0), "{verbs:?}");
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

/// Keywords that are no words of IMAP were never sent, and then taken for removed on the server: the Maildir lost them.
#[test]
fn a_keyword_that_no_command_can_say_stays_in_the_maildir() {
    let (_server, mut client, house) = world();
    let folder = house.folder("INBOX");
    deliver(&folder, "1700000001.a.host:2,Fabcd", b"Subject: a\n\na\n");
    fs::write(folder.join("dovecot-keywords"), "0 k\u{e4}se\n1 a(b\n2 $Label1\n3 NIL\n").unwrap();
    house.sync();
    house.settle();
    assert!(files(&folder)[0].name.ends_with(":2,Fabcd"), "{:?}", files(&folder)[0].name);
    client.select("INBOX");
    client.store("1:*", "+FLAGS", "\\Seen");
    house.settle();
    assert!(files(&folder)[0].name.ends_with(":2,FSabcd"), "{:?}", files(&folder)[0].name);
    let flags: Vec<String> = on_server(&mut client, "INBOX").remove(0).flags.into_iter().collect();
    assert_eq!(flags, ["$Label1", "\\Flagged", "\\Seen"]);
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
