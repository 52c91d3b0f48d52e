//! What there was to do when the power went.

use crate::disk::{deliver, file_with, files, make_folder};
use crate::world::{Local, Start, World, mail, wire};
use crate::{all, at_every_octet};
use offlinesync_core::Policy;
use offlinesync_imap::testing::server::Options;
use std::fs;

pub(crate) type Scenario = (&'static str, Start<'static>);

/// A server that is waited for is waited for without a pause.
fn quick() -> Policy {
    Policy { retry_pause: std::time::Duration::ZERO, ..Policy::default() }
}

fn start(options: Options, local: Local, news: &'static dyn Fn(&World)) -> Start<'static> {
    Start { options, local, policy: quick(), in_step: true, news }
}

/// With everything, without UIDPLUS, and with nothing beyond RFC 3501; by a Maildir.
fn on_three_servers(news: &'static dyn Fn(&World)) -> [Scenario; 3] {
    [
        ("a full server", start(Options::default(), Local::Maildir, news)),
        ("a server without UIDPLUS", start(Options::default().without("UIDPLUS"), Local::Maildir, news)),
        ("a bare server", start(Options::bare(), Local::Maildir, news)),
    ]
}

fn new_on_the_server(world: &World) {
    for number in 20..24 {
        let flags: &[&str] = if number % 2 == 0 { &["\\Flagged", "fresh"] } else { &[] };
        world.remote("INBOX").add(&wire(&mail(number)), flags);
    }
    world.remote("Archive").add(&wire(&mail(24)), &["\\Seen"]);
}

/// The Maildir was put back from a backup that lacks nothing: its directories are others.
fn a_restored_maildir(world: &World) {
    let (folder, aside) = (world.folder("INBOX"), world.path("aside"));
    fs::rename(&folder, &aside).unwrap();
    make_folder(&folder);
    for file in files(&aside).iter().chain([&aside.join("dovecot-keywords")]) {
        fs::rename(file, folder.join(file.strip_prefix(&aside).unwrap())).unwrap();
    }
    fs::remove_dir_all(aside).unwrap();
    new_on_the_server(world);
}

fn add_locally(world: &World, folder: &str, number: u32, flags: &str) {
    match world.local() {
        Local::Maildir => {
            let info = if flags.is_empty() { String::new() } else { format!(":2,{flags}") };
            deliver(&world.folder(folder), &format!("17000000{number}.program.host{info}"), &mail(number));
        }
        Local::Server => {
            let flags: &[&str] = if flags.is_empty() { &[] } else { &["\\Seen"] };
            world.server().mailbox("u2", folder).add(&wire(&mail(number)), flags);
        }
    }
}

fn new_locally(world: &World) {
    (30..34).for_each(|number| add_locally(world, "INBOX", number, if number % 2 == 0 { "S" } else { "" }));
    add_locally(world, "Archive", 34, "S");
}

fn uid_of(world: &World, user: &str, folder: &str, number: u32) -> u32 {
    let messages = world.server().mailbox(user, folder).messages();
    messages.iter().find(|message| message.bytes == wire(&mail(number))).unwrap().uid
}

fn changes(world: &World) {
    let inbox = world.remote("INBOX");
    inbox.remove(uid_of(world, "u1", "INBOX", 0));
    inbox.flag(uid_of(world, "u1", "INBOX", 1), &["\\Seen", "another"], &[]);
    inbox.flag(uid_of(world, "u1", "INBOX", 3), &["\\Flagged"], &["todo"]);
    match world.local() {
        Local::Maildir => {
            let folder = world.folder("INBOX");
            fs::remove_file(file_with(&folder, &mail(2))).unwrap();
            for (number, info) in [(4, ":2,F"), (5, ":2,S")] {
                let path = file_with(&folder, &mail(number));
                let name = path.file_name().unwrap().to_str().unwrap();
                let name = name.split_once(":2,").map_or(name, |(base, _)| base).to_owned() + info;
                fs::rename(&path, folder.join("cur").join(name)).unwrap();
            }
        }
        Local::Server => {
            let inbox = world.server().mailbox("u2", "INBOX");
            inbox.remove(uid_of(world, "u2", "INBOX", 2));
            inbox.flag(uid_of(world, "u2", "INBOX", 4), &["\\Flagged"], &[]);
        }
    }
    new_on_the_server(world);
    new_locally(world);
}

/// Moved by another client of this user of the server.
fn move_on_server(world: &World, user: &str, numbers: &[u32]) {
    for number in numbers {
        let uid = uid_of(world, user, "INBOX", *number);
        world.server().mailbox(user, "INBOX").remove(uid);
        let flags: &[&str] = if number % 3 == 0 { &["\\Seen", "todo"] } else { &[] };
        world.server().mailbox(user, "Archive").add(&wire(&mail(*number)), flags);
    }
}

fn moved_on_the_server(world: &World) {
    move_on_server(world, "u1", &[1, 3, 4]);
}

fn moved_locally(world: &World) {
    if world.local() == Local::Server {
        return move_on_server(world, "u2", &[1, 3, 4]);
    }
    for number in [1, 3, 4] {
        let from = file_with(&world.folder("INBOX"), &mail(number));
        let name = from.file_name().unwrap().to_str().unwrap().to_owned();
        let name = if name.contains(":2,") { name } else { name + ":2," };
        fs::rename(&from, world.folder("Archive").join("cur").join(name)).unwrap();
    }
}

fn new_folders(world: &World) {
    world.server().create("u1", "Lists/rust");
    for number in 40..42 {
        world.remote("Lists/rust").add(&wire(&mail(number)), &[]);
    }
    match world.local() {
        Local::Maildir => make_folder(&world.folder("Notes/old")),
        Local::Server => world.server().create("u2", "Notes/old"),
    }
    (42..44).for_each(|number| add_locally(world, "Notes/old", number, "S"));
}

fn no_folder_on_the_server(world: &World) {
    world.server().delete("u1", "Archive");
}

fn no_folder_locally(world: &World) {
    fs::remove_dir_all(world.folder("Archive")).unwrap();
}

fn no_folder_anywhere(world: &World) {
    no_folder_on_the_server(world);
    no_folder_locally(world);
    new_locally_in_inbox(world);
}

fn new_locally_in_inbox(world: &World) {
    add_locally(world, "INBOX", 30, "S");
}

fn new_numbering(world: &World) {
    world.remote("INBOX").renumber();
    world.remote("INBOX").add(&wire(&mail(20)), &[]);
    world.remote("INBOX").flag(uid_of(world, "u1", "INBOX", 1), &["\\Flagged"], &[]);
    new_locally_in_inbox(world);
}

/// The Maildir was there before the account was: some of its messages are on the server too.
fn a_first_meeting(world: &World) {
    for (folder, numbers) in [("INBOX", [0, 1, 50]), ("Archive", [8, 9, 51])] {
        make_folder(&world.folder(folder));
        numbers.iter().for_each(|number| add_locally(world, folder, *number, "S"));
    }
}

fn no_status(world: &World) {
    world.forget_status();
    world.remote("INBOX").add(&wire(&mail(20)), &[]);
    new_locally_in_inbox(world);
    assert_eq!(files(&world.folder("INBOX")).len(), 8);
}

#[test]
fn while_new_mail_comes_from_the_server() {
    all(&on_three_servers(&new_on_the_server), 8);
}

/// What a run had delivered before it was killed was taken for new mail of the Maildir and sent up, because no name was believed.
#[test]
fn while_new_mail_comes_to_a_maildir_that_was_put_back() {
    all(&on_three_servers(&a_restored_maildir), 8);
}

#[test]
fn while_new_mail_goes_to_the_server() {
    all(&on_three_servers(&new_locally), 8);
}

#[test]
fn while_all_kinds_of_changes_are_carried_over() {
    all(&on_three_servers(&changes), 16);
}

#[test]
fn while_moves_on_the_server_are_followed() {
    all(&on_three_servers(&moved_on_the_server), 8);
}

#[test]
fn while_moves_in_the_maildir_are_followed() {
    all(&on_three_servers(&moved_locally), 8);
}

#[test]
fn while_folders_are_made() {
    all(&on_three_servers(&new_folders), 8);
}

#[test]
fn while_a_missing_folder_is_restored_or_forgotten() {
    let policy = Policy { restore_missing_folders: true, ..quick() };
    let [scenario, ..] = on_three_servers(&no_folder_on_the_server);
    let [other, ..] = on_three_servers(&no_folder_locally);
    let [third, ..] = on_three_servers(&no_folder_anywhere);
    let with = |(name, start): Scenario| (name, Start { policy: policy.clone(), ..start });
    all(&[with(scenario), with(other), with(third)], 5);
}

#[test]
fn while_a_new_numbering_is_taken_in() {
    let policy = Policy { accept_new_numbering: true, ..quick() };
    all(&on_three_servers(&new_numbering).map(|(name, start)| (name, Start { policy: policy.clone(), ..start })), 8);
}

#[test]
fn while_two_stores_meet_for_the_first_time() {
    all(&on_three_servers(&a_first_meeting).map(|(name, start)| (name, Start { in_step: false, ..start })), 16);
}

#[test]
fn while_a_lost_status_is_made_anew() {
    all(&on_three_servers(&no_status), 8);
}

#[test]
fn between_two_servers() {
    let on = |options: Options, news| start(options, Local::Server, news);
    all(
        &[
            ("two full servers: changes", on(Options::default(), &changes)),
            ("two servers without UIDPLUS: changes", on(Options::default().without("UIDPLUS"), &changes)),
            ("two bare servers: changes", on(Options::bare(), &changes)),
            ("two full servers: moves", on(Options::default(), &moved_locally)),
            ("two full servers: folders", on(Options::default(), &new_folders)),
        ],
        23,
    );
}

#[test]
fn a_line_that_is_cut_after_any_octet_costs_nothing() {
    let cuts: u64 = [
        at_every_octet("new mail comes", &start(Options::default(), Local::Maildir, &new_on_the_server), 597),
        at_every_octet(
            "new mail goes",
            &start(Options::default().without("UIDPLUS"), Local::Maildir, &new_locally),
            597,
        ),
        at_every_octet("changes", &start(Options::default(), Local::Maildir, &changes), 797),
        at_every_octet("two servers", &start(Options::default(), Local::Server, &changes), 1197),
    ]
    .iter()
    .sum();
    println!("{cuts} cuts in all");
    assert!(cuts > 20, "{cuts}");
}
