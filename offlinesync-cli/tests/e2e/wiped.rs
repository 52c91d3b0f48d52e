//! A Maildir that disappears, wholly or in part, takes nothing with it on the server.

use crate::content::fill;
use crate::house::{House, Setup};
use crate::mail::{assert_in_step, deliver, on_server};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
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
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
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
    for part in ["cur", "new"] {
        fs::remove_dir_all(folder.join(part)).unwrap();
        fs::create_dir(folder.join(part)).unwrap();
    }
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

#[test]
fn one_folder_whose_directory_is_gone_is_refused_and_filled_again_when_told_to() {
    let mut world = world();
    fs::remove_dir_all(world.house.folder("Sent")).unwrap();
    let before = on_server(&mut world.client, "INBOX").len();
    world.client.append("INBOX", "", None, &Mail::text("new").bytes);
    world.house.run(&[]).refuses(3, &["'Sent'", "missing on the local side"], &["--restore-folders", "delete it"]);
    assert_eq!(world.counts(), [before + 1, 8, 3]);
    assert_eq!(crate::mail::files(&world.house.folder("INBOX")).len(), before + 1);
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
        assert_eq!(crate::mail::files(&world.house.folder(folder)).len(), messages);
    }
}
