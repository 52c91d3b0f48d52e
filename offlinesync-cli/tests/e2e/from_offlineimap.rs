//! Users of OfflineIMAP move in with their own file and their own Maildir, and can go back.

use crate::house::{House, Setup, imap, sent};
use crate::mail::{assert_same, deliver, in_maildir, on_server};
use crate::peers::{Served, counting_server, file_of, mail, mails, names, run, served, set_letters, with_client};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::Dovecot;
use std::collections::BTreeSet;
use std::fs;

const FOLDERS: [(&str, &str); 4] =
    [("INBOX", "INBOX"), ("Archive/2023", "Old.2023"), ("Sent Items", "sent"), ("Lists/rust", "Lists.rust")];

const REMOTE: &str = "nametrans = lambda f: {'Sent Items': 'sent'}.get(f, re.sub('^Archive', 'Old', f))\n\
                      folderfilter = lambda f: f.split('/')[0] in ['INBOX', 'Archive', 'Sent Items', 'Lists']\n";
const LOCAL: &str = "nametrans = lambda f: {'sent': 'Sent Items'}.get(f, re.sub('^Old', 'Archive', f))";

fn house(server: &Dovecot) -> House {
    let house = Setup::of(&(imap(&server.host(), server.port(), "u1") + REMOTE)).more_local(LOCAL).house();
    let path = house.path(".offlineimaprc");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("[general]", "[general]\nfsync = no")).unwrap();
    house
}

fn offlineimap(house: &House) -> String {
    run(house, "offlineimap", &["-o", "-u", "basic"])
}

/// An account of `inbox` messages and some more in other folders.
fn synced_by_offlineimap(server: &Dovecot, inbox: usize) -> House {
    with_client(server, |client| {
        for (folder, _) in &FOLDERS[1..] {
            client.create(folder);
        }
        client.create("Drafts of mine");
        client.append_all("INBOX", "\\Seen", None, &mails(0..inbox - 10));
        client.append_all("INBOX", "", None, &mails(inbox - 10..inbox));
        client.append_all("Archive/2023", "\\Seen \\Answered", None, &mails(1000..1000 + inbox / 4));
        client.append_all("Sent Items", "\\Seen", None, &mails(2000..2030));
        client.append_all("Lists/rust", "\\Flagged", None, &mails(3000..3020));
    });
    let house = house(server);
    offlineimap(&house);
    assert_in_step(server, &house);
    house
}

#[track_caller]
fn assert_in_step(server: &Dovecot, house: &House) {
    with_client(server, |client| {
        for (there, here) in FOLDERS {
            assert_same(there, &undated(on_server(client, there)), &undated(in_maildir(&house.folder(here))));
        }
    });
}

/// OfflineIMAP does not keep the time at which a message arrived.
fn undated(mut held: Vec<crate::mail::Held>) -> Vec<crate::mail::Held> {
    held.iter_mut().for_each(|held| held.arrived = 0);
    held.sort();
    held
}

fn uid_of(client: &mut Client, folder: &str, n: usize) -> u32 {
    client.select(folder);
    let answer = client.ok(&format!("UID SEARCH HEADER Message-ID \"<{n}@overlook\""));
    let found = answer.data("SEARCH");
    let text = format!("{:?}", found[0]);
    text.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty()).unwrap().parse().unwrap()
}

fn on_the_server(client: &mut Client, folder: &str, n: usize, how: &str, flags: &str) {
    let uid = uid_of(client, folder, n);
    client.store(&uid.to_string(), how, flags);
}

/// What both sides did since OfflineIMAP ran last. Answers the files whose names must stay.
fn work_on_both_sides(server: &Dovecot, house: &House) -> BTreeSet<String> {
    let (inbox, old) = (house.folder("INBOX"), house.folder("Old.2023"));
    for n in 5000..5005 {
        deliver(&inbox, &format!("{n}.new.here"), mail(n).as_bytes());
    }
    deliver(&house.folder("sent"), "5100.new.here:2,S", mail(5100).as_bytes());
    (10..13).for_each(|n| fs::remove_file(file_of(&inbox, n)).unwrap());
    fs::remove_file(file_of(&old, 1000)).unwrap();
    (20..24).for_each(|n| set_letters(&inbox, n, "FS"));
    set_letters(&inbox, 30, "");
    set_letters(&inbox, 31, "RS");
    with_client(server, |client| {
        client.append_all("INBOX", "", None, &mails(6000..6005));
        client.append_all("Lists/rust", "\\Seen", None, &mails(6100..6101));
        client.select("INBOX");
        for n in 40..43 {
            let uid = uid_of(client, "INBOX", n);
            client.remove(&uid.to_string());
        }
        (50..54).for_each(|n| on_the_server(client, "INBOX", n, "+FLAGS", "\\Answered"));
        on_the_server(client, "INBOX", 60, "-FLAGS", "\\Seen");
        on_the_server(client, "INBOX", 31, "+FLAGS", "\\Flagged");
        on_the_server(client, "Sent Items", 2000, "+FLAGS", "\\Flagged");
    });
    let changed = [30, 31, 60].into_iter().chain(20..24).chain(40..43).chain(50..54).chain(5000..5005);
    let mut changing: BTreeSet<String> = changed.map(|n| named(house, "INBOX", n)).collect();
    changing.extend([2000, 5100].map(|n| named(house, "sent", n)));
    all_names(house).difference(&changing).cloned().collect()
}

fn named(house: &House, folder: &str, n: usize) -> String {
    file_of(&house.folder(folder), n).strip_prefix(house.path("mail")).unwrap().display().to_string()
}

fn all_names(house: &House) -> BTreeSet<String> {
    let of = |folder: &str| -> Vec<String> {
        names(&house.folder(folder)).iter().map(|name| format!("{folder}/{name}")).collect()
    };
    FOLDERS.iter().flat_map(|(_, here)| of(here)).collect()
}

/// The names without the flags: OfflineIMAP puts what has no `S` back into `new`.
fn stems(house: &House) -> BTreeSet<String> {
    let stem = |name: String| name.replace("/new/", "/cur/").split(":2,").next().unwrap().to_owned();
    all_names(house).into_iter().map(stem).collect()
}

fn assert_pending_changes_were_carried_out(server: &Dovecot, house: &House) {
    assert_in_step(server, house);
    let inbox = house.folder("INBOX");
    let letters = |n: usize| {
        let path = file_of(&inbox, n).display().to_string();
        path.split_once(":2,").map_or(String::new(), |(_, letters)| letters.to_owned())
    };
    assert_eq!(in_maildir(&inbox).len(), 800 + 5 - 3 + 5 - 3);
    assert_eq!(in_maildir(&house.folder("Old.2023")).len(), 199);
    assert_eq!([20, 30, 31, 50, 60].map(letters), ["FS", "", "FRS", "RS", ""]);
}

#[test]
fn an_account_of_offlineimap_goes_on_without_a_body_and_offlineimap_goes_on_after_us() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 800);
    let staying = work_on_both_sides(&server, &house);

    let plan = house.run(&["--dry-run"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(!house.path(".offlineimap/Account-a/offlinesync.db").exists(), "a dry run wrote a status");
    let ours = served(&server, || house.sync());
    assert_eq!(ours, Served { bodies: 6, appended: 6, expunged: 4 }, "more than what was new");
    assert_pending_changes_were_carried_out(&server, &house);
    let lost: Vec<String> = staying.difference(&all_names(&house)).cloned().collect();
    assert!(lost.is_empty(), "renamed without need: {lost:#?}");
    house.sync_quietly();

    let before = stems(&house);
    let theirs = served(&server, || drop(offlineimap(&house)));
    assert_eq!(theirs, Served::default(), "OfflineIMAP did something");
    let changed: Vec<String> = stems(&house).symmetric_difference(&before).cloned().collect();
    assert!(changed.is_empty(), "OfflineIMAP renamed files: {changed:#?}");
    assert_pending_changes_were_carried_out(&server, &house);
    assert_eq!(served(&server, || house.sync()), Served::default());
}

#[test]
fn what_offlineimap_copied_and_removed_meanwhile_is_taken_in_without_a_body() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    house.sync();
    deliver(&house.folder("INBOX"), "5000.new.here", mail(5000).as_bytes());
    fs::remove_file(file_of(&house.folder("INBOX"), 10)).unwrap();
    with_client(&server, |client| client.append_all("INBOX", "", None, &mails(6000..6001)));
    offlineimap(&house);
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_in_step(&server, &house);
    house.sync_quietly();
}

#[test]
fn a_folder_that_was_re_created_since_is_refused_as_one_whose_numbering_changed() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    with_client(&server, |client| {
        client.delete("Lists/rust");
        client.create("Lists/rust");
        client.append_all("Lists/rust", "", None, &mails(3000..3020));
    });
    let run = house.run(&[]);
    run.refuses(3, &["Lists/rust", "UIDVALIDITY"], &["--accept-uidvalidity"]);
    let accepted = served(&server, || house.run(&["--accept-uidvalidity"]).succeeds());
    assert_eq!(accepted.bodies + accepted.appended + accepted.expunged, 0, "{accepted:?}");
    assert_in_step(&server, &house);
}

#[test]
fn a_maildir_that_is_not_there_any_more_is_not_fetched_again_unasked() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    fs::rename(house.path("mail"), house.path("elsewhere")).unwrap();
    house.run(&[]).refuses(3, &["none of the 4 folders that OfflineIMAP synced"], &["--restore-folders"]);
    fs::create_dir(house.path("mail")).unwrap();
    house.run(&[]).refuses(3, &["none of the 4 folders"], &["mounted"]);
    fs::remove_dir(house.path("mail")).unwrap();
    fs::rename(house.path("elsewhere"), house.path("mail")).unwrap();
    assert_eq!(served(&server, || house.sync()), Served::default());
}

#[test]
fn file_names_that_another_nametrans_made_are_paired_by_content_and_nothing_is_removed() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    let sent_folder = house.folder("sent");
    for name in names(&sent_folder) {
        let other = name.replace(",FMD5=", ",FMD5=0");
        fs::rename(sent_folder.join(&name), sent_folder.join(other)).unwrap();
    }
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("warning: folder 'Sent Items': what OfflineIMAP knew of it is of no use"), "{}", run.err);
    assert!(!sent(&run.err).iter().any(|line| line.contains("BODY.PEEK[]") || line.starts_with("APPEND")));
    assert_in_step(&server, &house);
}

#[test]
fn a_message_that_was_moved_before_moving_in_is_moved_on_the_server() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    let from = file_of(&house.folder("INBOX"), 7);
    fs::rename(&from, house.folder("sent").join("cur").join(from.file_name().unwrap())).unwrap();
    let ours = served(&server, || house.sync());
    assert_eq!((ours.bodies, ours.appended), (0, 0));
    assert_in_step(&server, &house);
    assert_eq!(in_maildir(&house.folder("sent")).len(), 31);
}

#[test]
fn moving_in_that_was_cut_short_starts_over() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, 40);
    house.sync();
    let mark = house.path(".offlineimap/Account-a/offlinesync.importing");
    fs::write(&mark, "").unwrap();
    let run = house.run(&["-u", "basic"]);
    assert!(run.out.contains("account 'a': goes on where OfflineIMAP left off: 100 messages in 4 folders"), "{run:?}");
    assert!(!mark.exists());
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_in_step(&server, &house);
}

#[test]
fn two_servers_that_offlineimap_kept_in_step_stay_so() {
    let servers = [counting_server(), counting_server()];
    with_client(&servers[0], |client| client.append_all("INBOX", "\\Seen", None, &mails(0..30)));
    with_client(&servers[1], |client| client.append_all("INBOX", "", None, &mails(500..503)));
    let [remote, local] = [0, 1].map(|at: usize| imap(&servers[at].host(), servers[at].port(), "u1"));
    let house = Setup::of(&remote).local(&local).house();
    offlineimap(&house);
    let held = |at: usize| with_client(&servers[at], |client| undated(on_server(client, "INBOX")));
    assert_same("INBOX", &held(0), &held(1));
    with_client(&servers[1], |client| {
        let uid = uid_of(client, "INBOX", 3);
        client.remove(&uid.to_string());
        on_the_server(client, "INBOX", 4, "-FLAGS", "\\Seen");
        on_the_server(client, "INBOX", 5, "+FLAGS", "\\Flagged");
    });
    let there = served(&servers[0], || {
        assert_eq!(served(&servers[1], || house.sync()), Served::default());
    });
    assert_eq!(there, Served { expunged: 1, ..Served::default() });
    assert_same("INBOX", &held(0), &held(1));
    assert_eq!(held(0).len(), 32);
    let [theirs, flagged] =
        ["\\Seen", "\\Flagged"].map(|flag| held(0).iter().filter(|held| held.flags.contains(flag)).count());
    assert_eq!((theirs, flagged), (28, 1));
}
