//! Mailboxes that the server lets us read and not change.

use crate::house::{House, Run, Setup};
use crate::mail::{deliver, in_maildir, on_server};
use crate::peers::{file_of, mail, mails, run, set_letters};
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;

/// What OfflineIMAP says of a folder, of which a message was added, one removed and one flagged.
const WARNINGS: [&str; 3] = [
    "Attempted to synchronize message -1 to folder IMAP[Shared], but that folder is read-only.  The message will not be copied to that folder.",
    "Attempted to delete messages [2] in folder IMAP[Shared], but that folder is read-only.  No messages have been deleted in that folder.",
    "Attempted to modify flags for messages [3] in folder IMAP[Shared], but that folder is read-only.  No flags have been modified for that message.",
];

/// A server on which `Shared` cannot be changed any more, and a house in which it was, since it was synced.
fn changed_here_and_closed_there(ending: &str, sync: impl FnOnce(&House)) -> (Dovecot, House, tempfile::TempDir) {
    let rights = tempfile::tempdir().unwrap();
    let acl = rights.path().join("acl");
    fs::write(&acl, "").unwrap();
    let extra = format!(
        "protocol imap {{\n mail_plugins = $mail_plugins acl\n}}\nservice imap {{\n service_count = 1\n}}\n\
         plugin {{\n acl = vfile:{}\n}}",
        acl.display()
    );
    let server = Dovecot::start(Options { extra, ..Options::default() });
    let mut client = server.client("u1");
    client.create("Shared");
    client.append_all("Shared", "\\Seen", None, &mails(1..5));
    client.ok("LOGOUT");
    let house = Setup::new(&server, "u1").general(ending).house();
    sync(&house);
    fs::write(&acl, "Shared owner lr\n").unwrap();
    let shared = house.folder("Shared");
    deliver(&shared, "5000.new.here", mail(5000).as_bytes());
    fs::remove_file(file_of(&shared, 2)).unwrap();
    set_letters(&shared, 3, "FS");
    (server, house, rights)
}

#[test]
fn a_mailbox_that_cannot_be_changed_is_told_of_in_the_words_of_offlineimap_and_nothing_is_lost() {
    let (server, house, _rights) = changed_here_and_closed_there("", House::sync);
    let machine = house.run(&["-u", "machineui"]);
    assert_eq!(machine.code, 0, "{machine:?}");
    let encoded = |text: &str| {
        let mark = |c: char| match c {
            ' ' => "+".to_owned(),
            c if c.is_ascii_alphanumeric() || "-._*".contains(c) => c.to_string(),
            c => format!("%{:02X}", c as u32),
        };
        format!("warn::Folder+Shared+%5Bacc%3A+a%5D:{}", text.chars().map(mark).collect::<String>())
    };
    let warned =
        |run: &Run| run.out.lines().filter(|line| line.starts_with("warn:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(warned(&machine), WARNINGS.map(encoded));

    let told =
        |run: &Run| run.err.lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect::<Vec<_>>();
    let expected = WARNINGS.map(|text| format!("warning: {text}"));
    for interface in ["ttyui", "basic", "quiet"] {
        let run = house.run(&["-u", interface]);
        assert_eq!((run.code, told(&run)), (0, expected.to_vec()), "{interface}: {run:?}");
    }
    let silent = house.run(&["-k", "ignore-readonly=yes"]);
    assert_eq!((silent.code, silent.err.as_str()), (0, ""));

    assert_eq!(on_server(&mut server.client("u1"), "Shared").len(), 4);
    let shared = house.folder("Shared");
    assert_eq!(in_maildir(&shared).len(), 4);
    assert!(file_of(&shared, 5000).exists() && file_of(&shared, 3).display().to_string().ends_with(":2,FS"));
}

/// It has the other words in its source and never comes to them: it ends the folder with an exception at the first message that it would
/// delete there.
#[test]
fn offlineimap_itself_says_so_of_the_message_that_is_not_copied() {
    let (_server, house, _rights) =
        changed_here_and_closed_there("", |house| drop(run(house, "offlineimap", &["-o", "-u", "basic"])));
    let output = std::process::Command::new("offlineimap")
        .args(["-o", "-u", "basic"])
        .env_clear()
        .env("HOME", house.path(""))
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let said = Run::of(output).out;
    assert!(said.contains(WARNINGS[0]), "{said}");
}

#[test]
fn what_waited_for_the_right_to_change_a_mailbox_is_done_once_it_is_there() {
    let (server, house, rights) = changed_here_and_closed_there("ignore-readonly = yes", House::sync);
    house.sync();
    fs::write(rights.path().join("acl"), "").unwrap();
    house.sync();
    let held = on_server(&mut server.client("u1"), "Shared");
    assert_eq!((held.len(), held.iter().filter(|held| held.flags.contains("\\Flagged")).count()), (4, 1));
    house.sync_quietly();
}
