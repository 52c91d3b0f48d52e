//! A Maildir that disappears, wholly or in part, takes nothing with it on the server.

use crate::content::fill;
use crate::house::{House, Setup, imap};
use crate::mail::{assert_in_step, deliver, files, on_server};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{Options as Memory, Server};
use std::fs;
use std::path::Path;

struct World {
    _server: Dovecot,
    client: Client,
    house: House,
}

const FOLDERS: [(&str, usize); 3] = [("INBOX", 30), ("Sent", 8), ("Lists/rust", 3)];

/// Three folders in step.
fn world() -> World {
    world_of("")
}

/// With these lines more for the Maildir.
fn world_of(local: &str) -> World {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").more_local(local).house();
    for (name, messages) in FOLDERS {
        let _ = client.raw(&format!("CREATE {name}"));
        fill(&mut client, name, mails::ordinary(messages, messages as u64));
    }
    house.settle();
    World { client, house, _server: server }
}

impl World {
    fn counts(&mut self) -> [usize; 3] {
        FOLDERS.map(|(name, _)| on_server(&mut self.client, name).len())
    }
}

const ALL: [usize; 3] = [30, 8, 3];

fn empty(folder: &Path) {
    files(folder).iter().for_each(|file| fs::remove_file(folder.join(&file.name)).unwrap());
}

#[test]
fn a_maildir_that_is_gone_is_no_empty_one() {
    let mut world = world();
    fs::rename(world.house.path("mail"), world.house.path("away")).unwrap();
    world.house.run(&[]).refuses(3, &["is missing", "nothing was removed"], &["mounted", "--restore-folders"]);
    assert!(!world.house.path("mail").exists());
    world.house.run(&["--allow-mass-delete"]).refuses(3, &["is missing"], &[]);
    assert_eq!(world.counts(), ALL);
    fs::rename(world.house.path("away"), world.house.path("mail")).unwrap();
    world.house.sync_quietly();
}

#[test]
fn a_maildir_without_any_of_its_folders_is_refused_and_filled_again_when_told_to() {
    let mut world = world();
    fs::remove_dir_all(world.house.path("mail")).unwrap();
    fs::create_dir(world.house.path("mail")).unwrap();
    for options in [&[][..], &["--allow-mass-delete"]] {
        world.house.run(options).refuses(
            3,
            &["none of the 3 known folders", "nothing was removed"],
            &["--restore-folders"],
        );
        assert_eq!(world.counts(), ALL);
    }
    world.house.run(&["--restore-folders"]).succeeds();
    assert_eq!(world.counts(), ALL);
    assert_in_step(&mut world.client, &world.house);
    world.house.sync_quietly();
}

/// OfflineIMAP #333, #349: after the local state had been reset, the server's mailbox was emptied.
#[test]
fn folders_that_lost_every_message_are_refused_with_the_number_that_lets_it_through() {
    let mut world = world();
    ["INBOX", "Sent", "Lists.rust"].iter().for_each(|folder| empty(&world.house.folder(folder)));
    for options in [&[][..], &["--restore-folders"], &["--allow-mass-delete=2"]] {
        let refused = world.house.run(options);
        refused.refuses(3, &["refused to remove", "INBOX", "lost every message"], &["--allow-mass-delete="]);
        assert_eq!(world.counts(), ALL);
    }
    world.house.run(&["--allow-mass-delete"]).succeeds();
    assert_eq!(world.counts(), [0, 0, 0]);
    world.house.sync_quietly();
}

#[test]
fn one_large_folder_that_lost_every_message_is_refused_alone_and_let_through_by_number() {
    let mut world = world();
    empty(&world.house.folder("INBOX"));
    deliver(&world.house.folder("Sent"), "18.new.host:2,S", &Mail::text("sent").bytes);
    world.house.run(&[]).refuses(3, &["remove 30 of", "INBOX"], &["--allow-mass-delete=30"]);
    assert_eq!(world.counts(), [30, 9, 3]);
    world.house.run(&["--allow-mass-delete=29"]).refuses(3, &["remove 30 of"], &[]);
    world.house.run(&["--allow-mass-delete=30"]).succeeds();
    assert_eq!(world.counts(), [0, 9, 3]);
    world.house.sync_quietly();
}

#[test]
fn one_small_folder_that_was_emptied_is_a_users_work() {
    let mut world = world();
    empty(&world.house.folder("Lists.rust"));
    world.house.sync();
    assert_eq!(world.counts(), [30, 8, 0]);
    world.house.sync_quietly();
}

/// OfflineIMAP #117: what became of a folder that is gone on one side.
#[test]
fn one_folder_whose_directory_is_gone_is_refused_and_filled_again_when_told_to() {
    let mut world = world();
    fs::remove_dir_all(world.house.folder("Sent")).unwrap();
    let before = on_server(&mut world.client, "INBOX").len();
    world.client.append("INBOX", "", None, &Mail::text("new").bytes);
    world.house.run(&[]).refuses(3, &["'Sent'", "missing on the local side"], &["--restore-folders", "delete it"]);
    assert_eq!(world.counts(), [before + 1, 8, 3]);
    assert_eq!(files(&world.house.folder("INBOX")).len(), before + 1);
    world.house.run(&["--restore-folders"]).succeeds();
    assert_in_step(&mut world.client, &world.house);
    world.house.sync_quietly();
}

/// A folder of which a part is missing cannot be listed, so nothing is known of it.
#[test]
fn a_folder_without_its_cur_is_not_synced_and_loses_nothing() {
    let mut world = world();
    fs::rename(world.house.folder("INBOX").join("cur"), world.house.path("cur")).unwrap();
    let run = world.house.run(&["--allow-mass-delete"]);
    assert!(run.code == 1 || run.code == 3, "{run:?}");
    assert!(run.err.contains("error: ") && run.err.contains("INBOX"), "{run:?}");
    assert_eq!(world.counts(), ALL);
    fs::rename(world.house.path("cur"), world.house.folder("INBOX").join("cur")).unwrap();
    world.house.settle();
    assert_eq!(world.counts(), ALL);
}

/// The server's side is protected the same way: an account that was reset does not empty the Maildir.
#[test]
fn a_server_that_lost_everything_empties_no_maildir() {
    let mut world = world();
    for (name, _) in FOLDERS {
        world.client.select(name);
        world.client.remove("1:*");
    }
    world.house.run(&[]).refuses(
        3,
        &["on the local side", "the remote side lost every message"],
        &["--allow-mass-delete"],
    );
    for (folder, messages) in [("INBOX", 30), ("Sent", 8), ("Lists.rust", 3)] {
        assert_eq!(files(&world.house.folder(folder)).len(), messages);
    }
}

/// OfflineIMAP #2, #333: what was emptied here was emptied there. An emptied Maildir is known by that.
#[test]
fn an_emptied_maildir_is_asked_about_by_name() {
    let mut world = world();
    ["INBOX", "Sent", "Lists.rust"].iter().for_each(|folder| empty(&world.house.folder(folder)));
    world.house.run(&[]).refuses(
        3,
        &["the local side lost every message"],
        &["is its disk mounted, or was it emptied?"],
    );
    assert_eq!(world.counts(), ALL);
}

/// OfflineIMAP #426: what a link that leads nowhere did not show was removed on the server.
#[test]
fn a_link_that_leads_nowhere_is_no_empty_maildir() {
    let mut world = world();
    fs::rename(world.house.path("mail"), world.house.path("disk")).unwrap();
    std::os::unix::fs::symlink(world.house.path("disk"), world.house.path("mail")).unwrap();
    world.house.sync();
    fs::rename(world.house.path("disk"), world.house.path("unmounted")).unwrap();
    world.house.run(&["--allow-mass-delete"]).refuses(3, &["is missing"], &["is its disk mounted?"]);
    assert_eq!(world.counts(), ALL);
}

/// Many folders that lost most of their mail, none of them all: an old copy was put back.
#[test]
fn a_store_that_lost_most_of_its_mail_in_many_folders_is_refused_as_a_whole() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    let folders: Vec<String> = (0..8).map(|n| format!("F{n}")).collect();
    for (n, folder) in folders.iter().enumerate() {
        let _ = client.raw(&format!("CREATE {folder}"));
        fill(&mut client, folder, mails::ordinary(20, n as u64));
    }
    house.settle();
    for folder in &folders {
        let held = files(&house.folder(folder));
        held.iter().skip(5).for_each(|file| fs::remove_file(house.folder(folder).join(&file.name)).unwrap());
    }
    house.run(&[]).refuses(
        3,
        &["refused to remove 120 of the 160 messages of the account", "lost unusually many in several folders"],
        &["was an older copy put back?", "--allow-mass-delete=120"],
    );
    assert!(folders.iter().all(|folder| on_server(&mut client, folder).len() == 20));
    house.run(&["--allow-mass-delete=119"]).refuses(3, &["refused to remove 120"], &[]);
    house.run(&["--allow-mass-delete=120"]).succeeds();
    assert!(folders.iter().all(|folder| on_server(&mut client, folder).len() == 5));
    house.sync_quietly();
}

/// A backup of the Maildir is put back; what came since is missing in it and is not removed on the server.
#[test]
fn a_maildir_restored_from_a_backup_is_recognised_and_filled_again() {
    let mut world = world();
    let copied = std::process::Command::new("cp")
        .args(["-a"])
        .args([world.house.path("mail"), world.house.path("backup")])
        .status();
    assert!(copied.unwrap().success());
    fill(&mut world.client, "INBOX", mails::ordinary(4, 99));
    world.house.settle();
    fs::remove_dir_all(world.house.path("mail")).unwrap();
    fs::rename(world.house.path("backup"), world.house.path("mail")).unwrap();
    for _ in 0..2 {
        world.house.run(&[]).refuses(
            3,
            &["'INBOX'", "another one than at the last sync", "restored backup", "4 of 34 messages are missing"],
            &["--accept-uidvalidity -f 'INBOX'", "--allow-mass-delete=4"],
        );
        assert_eq!(world.counts(), [34, 8, 3]);
    }
    world.house.run(&["--accept-uidvalidity", "-f", "INBOX"]).succeeds();
    assert_eq!(world.counts(), [34, 8, 3]);
    assert_in_step(&mut world.client, &world.house);
    world.house.settle();
}

/// Whoever repairs the status after that does not have removed on the server what the backup lacks: what showed that the directory is another was
/// forgotten with the repair.
#[test]
fn a_repair_of_the_status_does_not_hide_that_a_backup_was_put_back() {
    let mut world = world();
    let (mail, backup) = (world.house.path("mail"), world.house.path("backup"));
    assert!(std::process::Command::new("cp").arg("-a").args([&mail, &backup]).status().unwrap().success());
    fill(&mut world.client, "INBOX", mails::ordinary(4, 99));
    world.house.settle();
    fs::remove_dir_all(&mail).unwrap();
    fs::rename(&backup, &mail).unwrap();
    world.client.select("INBOX");
    world.client.remove("34");
    let repaired = world.house.run(&["verify", "--repair"]);
    assert!(repaired.out.contains("0 rows written, 1 deleted"), "{repaired:?}");
    world.house.run(&[]).refuses(
        3,
        &["'INBOX'", "another one than at the last sync", "3 of 33 messages are missing"],
        &["--accept-uidvalidity -f 'INBOX'", "--allow-mass-delete=3"],
    );
    assert_eq!(world.counts(), [33, 8, 3]);
    world.house.run(&["--accept-uidvalidity", "-f", "INBOX"]).succeeds();
    assert_eq!(world.counts(), [33, 8, 3]);
    assert_in_step(&mut world.client, &world.house);
    world.house.settle();
}

/// A Maildir that moved to another disk is the same Maildir, and what was removed meanwhile can be let through.
#[test]
fn a_maildir_on_another_disk_goes_on_and_asks_only_if_something_is_missing() {
    let mut world = world();
    renew(&world.house);
    world.house.settle();
    assert_eq!(world.counts(), ALL);
    renew(&world.house);
    let folder = world.house.folder("INBOX");
    files(&folder).iter().take(2).for_each(|file| fs::remove_file(folder.join(&file.name)).unwrap());
    let hints = ["--allow-mass-delete=2", "stable_directories = no"];
    world.house.run(&[]).refuses(3, &["2 of 30 messages are missing"], &hints);
    world.house.run(&["--allow-mass-delete=2"]).succeeds();
    assert_eq!(world.counts(), [28, 8, 3]);
    world.house.settle();
}

/// The same mail in other directories, as after a move to another disk.
fn renew(house: &House) {
    let copied = std::process::Command::new("cp").args(["-a"]).args([house.path("mail"), house.path("new")]).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(house.path("mail")).unwrap();
    fs::rename(house.path("new"), house.path("mail")).unwrap();
}

/// A file system that numbers its directories anew at each mount: whatever the user removed was refused at every run.
#[test]
fn where_directories_are_others_at_each_mount_the_user_can_say_so() {
    let mut world = world_of("stable_directories = no");
    for left in [29, 28, 27] {
        renew(&world.house);
        let folder = world.house.folder("INBOX");
        fs::remove_file(folder.join(&files(&folder)[0].name)).unwrap();
        world.house.settle();
        assert_eq!(world.counts(), [left, 8, 3]);
    }
    renew(&world.house);
    empty(&world.house.folder("INBOX"));
    world.house.run(&[]).refuses(3, &["INBOX"], &["--allow-mass-delete"]);
    assert_eq!(world.counts(), [27, 8, 3], "the brake stands");
}

/// The user's mailboxes are made anew: other numbers, and not all the folders there were.
#[test]
fn a_server_account_that_was_made_anew_is_recognised_and_filled_again_when_told_to() {
    let server = Server::start(Memory::default());
    for (name, messages) in FOLDERS {
        server.create("u1", name);
        for number in 0..messages {
            server
                .mailbox("u1", name)
                .add(format!("Subject: {name} {number} of this test, told at length\r\n\r\nx\r\n").as_bytes(), &[]);
        }
    }
    let house = Setup::of(&imap(server.host(), server.port(), "u1")).house();
    house.sync();
    for (name, _) in FOLDERS {
        server.delete("u1", name);
    }
    server.create("u1", "INBOX");
    server.create("u1", "Sent");
    server
        .mailbox("u1", "INBOX")
        .add(b"Subject: welcome to your new account, which is empty otherwise\r\n\r\nx\r\n", &[]);
    for _ in 0..2 {
        house.run(&["--allow-mass-delete"]).refuses(
            3,
            &["none of the 3 folders that were synced is what it was", "made anew"],
            &["is it the right account?", "--accept-uidvalidity --restore-folders"],
        );
        assert_eq!(files(&house.folder("INBOX")).len(), 30);
        assert_eq!(server.mailbox("u1", "Sent").messages().len(), 0);
    }
    house.run(&["--accept-uidvalidity", "--restore-folders"]).succeeds();
    assert_eq!(FOLDERS.map(|(name, _)| server.mailbox("u1", name).messages().len()), [31, 8, 3]);
    assert_eq!(files(&house.folder("INBOX")).len(), 31);
}
