//! Users of OfflineIMAP move in with their own file and their own Maildir, and can go back.

use crate::house::{House, Setup, imap, sent};
use crate::mail::{assert_same, deliver, in_maildir, on_server};
use crate::peers::{
    NOTHING, Scale, Served, counting_server, file_of, mail, mails, names, run, served, set_letters, usurp, with_client,
};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::Dovecot;
use std::collections::BTreeSet;
use std::fs;

/// Where a folder of the server is in the Maildir, by the rules below.
fn here(there: &str) -> String {
    match there {
        "Sent Items" => "sent".to_owned(),
        _ => there.replacen("Archive", "Old", 1).replace('/', "."),
    }
}

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

pub(crate) fn offlineimap(house: &House) -> String {
    run(house, "offlineimap", &["-o", "-u", "basic"])
}

fn synced_by_offlineimap(server: &Dovecot, scale: Scale) -> House {
    let Scale { inbox, archive, sent, lists, .. } = scale;
    with_client(server, |client| {
        for folder in ["Archive/2023", "Sent Items", "Lists/rust", "Drafts of mine"] {
            client.create(folder);
        }
        client.append_all("INBOX", "\\Seen", None, &mails(0..inbox - 10));
        client.append_all("INBOX", "", None, &mails(inbox - 10..inbox));
        client.append_all("Archive/2023", "\\Seen \\Answered", None, &mails(101_000..101_000 + archive));
        client.append_all("Sent Items", "\\Seen", None, &mails(102_000..102_000 + sent));
        client.append_all("Lists/rust", "\\Flagged", None, &mails(103_000..103_000 + lists));
        scale.fill_others(client);
    });
    let house = house(server);
    offlineimap(&house);
    assert_in_step(server, &house);
    house
}

#[track_caller]
fn assert_in_step(server: &Dovecot, house: &House) {
    with_client(server, |client| {
        for folder in client
            .list()
            .iter()
            .map(|folder| &folder.name)
            .filter(|name| *name != "Drafts of mine" && *name != "Archive" && *name != "Lists")
        {
            assert_same(
                folder,
                &undated(on_server(client, folder)),
                &undated(in_maildir(&house.folder(&here(folder)))),
            );
        }
    });
}

/// OfflineIMAP does not keep the time at which a message arrived.
pub(crate) fn undated(mut held: Vec<crate::mail::Held>) -> Vec<crate::mail::Held> {
    held.iter_mut().for_each(|held| held.arrived = 0);
    held.sort();
    held
}

pub(crate) fn uid_of(client: &mut Client, folder: &str, n: usize) -> u32 {
    client.select(folder);
    let answer = client.ok(&format!("UID SEARCH HEADER Message-ID \"<{n}@overlook\""));
    let found = answer.data("SEARCH");
    let text = format!("{:?}", found[0]);
    text.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty()).unwrap().parse().unwrap()
}

pub(crate) fn on_the_server(client: &mut Client, folder: &str, n: usize, how: &str, flags: &str) {
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
    fs::remove_file(file_of(&old, 101_000)).unwrap();
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
        on_the_server(client, "Sent Items", 102_000, "+FLAGS", "\\Flagged");
    });
    let changed = [30, 31, 60].into_iter().chain(20..24).chain(40..43).chain(50..54).chain(5000..5005);
    let mut changing: BTreeSet<String> = changed.map(|n| named(house, "INBOX", n)).collect();
    changing.extend([102_000, 5100].map(|n| named(house, "sent", n)));
    all_names(house).difference(&changing).cloned().collect()
}

fn named(house: &House, folder: &str, n: usize) -> String {
    file_of(&house.folder(folder), n).strip_prefix(house.path("mail")).unwrap().display().to_string()
}

fn all_names(house: &House) -> BTreeSet<String> {
    crate::peers::all_names(&house.path("mail"))
}

/// The names without the flags: OfflineIMAP puts what has no `S` back into `new`.
fn stems(house: &House) -> BTreeSet<String> {
    let stem = |name: String| name.replace("/new/", "/cur/").split(":2,").next().unwrap().to_owned();
    all_names(house).into_iter().map(stem).collect()
}

fn assert_pending_changes_were_carried_out(server: &Dovecot, house: &House, scale: Scale) {
    assert_in_step(server, house);
    let inbox = house.folder("INBOX");
    let letters = |n: usize| {
        let path = file_of(&inbox, n).display().to_string();
        path.split_once(":2,").map_or(String::new(), |(_, letters)| letters.to_owned())
    };
    assert_eq!(in_maildir(&inbox).len(), scale.inbox + 5 - 3 + 5 - 3);
    assert_eq!(in_maildir(&house.folder("Old.2023")).len(), scale.archive - 1);
    assert_eq!([20, 30, 31, 50, 60].map(letters), ["FS", "", "FRS", "RS", ""]);
}

#[test]
fn an_account_of_offlineimap_goes_on_without_a_body_and_offlineimap_goes_on_after_us() {
    let (server, scale) = (counting_server(), Scale::of_proof());
    let house = synced_by_offlineimap(&server, scale);
    let staying = work_on_both_sides(&server, &house);

    let plan = house.run(&["--dry-run"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(!house.path(".offlineimap/Account-a/offlinesync.db").exists(), "a dry run wrote a status");
    let mut said = String::new();
    let ours = served(&server, || said = house.run(&["-u", "basic"]).out);
    let folders = scale.others + 4;
    let line =
        format!("account 'a': goes on where OfflineIMAP left off: {} messages in {folders} folders", scale.all());
    assert!(said.contains(&line), "{said}");
    assert_eq!(ours, Served { bodies: 6, appended: 6, expunged: 4 }, "more than what was new");
    assert_pending_changes_were_carried_out(&server, &house, scale);
    let lost: Vec<String> = staying.difference(&all_names(&house)).cloned().collect();
    assert!(lost.is_empty(), "renamed without need: {lost:#?}");
    house.sync_quietly();

    let before = stems(&house);
    let theirs = served(&server, || drop(offlineimap(&house)));
    assert_eq!(theirs, Served::default(), "OfflineIMAP did something");
    let changed: Vec<String> = stems(&house).symmetric_difference(&before).cloned().collect();
    assert!(changed.is_empty(), "OfflineIMAP renamed files: {changed:#?}");
    assert_pending_changes_were_carried_out(&server, &house, scale);
    assert_eq!(served(&server, || house.sync()), Served::default());
}

#[test]
fn what_offlineimap_copied_and_removed_meanwhile_is_taken_in_without_a_body() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
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
    let house = synced_by_offlineimap(&server, Scale::small(40));
    with_client(&server, |client| {
        client.delete("Lists/rust");
        client.create("Lists/rust");
        client.append_all("Lists/rust", "", None, &mails(103_000..103_020));
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
    let house = synced_by_offlineimap(&server, Scale::small(40));
    fs::rename(house.path("mail"), house.path("elsewhere")).unwrap();
    house.run(&[]).refuses(3, &["none of the 4 folders that OfflineIMAP synced"], &["--restore-folders"]);
    fs::create_dir(house.path("mail")).unwrap();
    house.run(&[]).refuses(3, &["none of the 4 folders"], &["mounted"]);
    fs::remove_dir(house.path("mail")).unwrap();
    fs::rename(house.path("elsewhere"), house.path("mail")).unwrap();
    assert_eq!(served(&server, || house.sync()), Served::default());
}

/// OfflineIMAP #411: another nametrans made every number void.
#[test]
fn file_names_that_another_nametrans_made_are_paired_by_content_and_nothing_is_removed() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
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
    let house = synced_by_offlineimap(&server, Scale::small(40));
    let from = file_of(&house.folder("INBOX"), 7);
    fs::rename(&from, house.folder("sent").join("cur").join(from.file_name().unwrap())).unwrap();
    let ours = served(&server, || house.sync());
    assert_eq!((ours.bodies, ours.appended), (0, 0));
    assert_in_step(&server, &house);
    assert_eq!(in_maildir(&house.folder("sent")).len(), 31);
}

/// A file that was moved here from another account's folder of the same name was taken for the message that its name claims. It was not
/// uploaded, and went when that message was removed on the server.
#[test]
fn a_file_that_claims_to_be_a_message_it_is_not_is_told_by_its_content() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    usurp(&house.folder("INBOX"), 7, 7000);
    house.sync();
    with_client(&server, |client| {
        let uid = uid_of(client, "INBOX", 7);
        client.remove(&uid.to_string());
    });
    house.sync();
    assert_in_step(&server, &house);
    assert!(file_of(&house.folder("INBOX"), 7000).exists());
    with_client(&server, |client| assert!(uid_of(client, "INBOX", 7000) > 0));
    house.sync_quietly();
}

/// OfflineIMAP adds a header to what it uploads to a server that tells no numbers, and a server may change one.
#[test]
fn a_file_whose_header_is_not_quite_the_servers_is_that_message_all_the_same() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    let file = file_of(&house.folder("INBOX"), 7);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("X-OfflineIMAP: 1-2\n{text}")).unwrap();
    set_letters(&house.folder("INBOX"), 7, "FS");
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_eq!(in_maildir(&house.folder("INBOX")).len(), Scale::small(40).inbox);
    house.sync_quietly();
}

#[test]
fn moving_in_that_was_cut_short_starts_over() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    house.sync();
    let mark = house.path(".offlineimap/Account-a/offlinesync.importing");
    fs::write(&mark, "").unwrap();
    let run = house.run(&["-u", "basic"]);
    assert!(run.out.contains("account 'a': goes on where OfflineIMAP left off: 100 messages in 4 folders"), "{run:?}");
    assert!(!mark.exists());
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_in_step(&server, &house);
}

/// What OfflineIMAP wrote down of each folder, by the names of its files.
fn statuses(house: &House) -> Vec<(String, Vec<(u32, String)>)> {
    let files = fs::read_dir(house.path(".offlineimap/Account-a/LocalStatus-sqlite")).unwrap();
    let read = |path: std::path::PathBuf| {
        let database = rusqlite::Connection::open(&path).unwrap();
        let mut select = database.prepare("SELECT id, flags FROM status").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), rows.map(Result::unwrap).collect())
    };
    files.map(|entry| read(entry.unwrap().path())).collect()
}

/// The same in the form of an older version.
fn write_statuses(house: &House, statuses: &[(String, Vec<(u32, String)>)], form: &str) {
    const HEAD: &str = "OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT";
    let account = house.path(".offlineimap/Account-a");
    let directory = account.join(if form == "sqlite 1" { "LocalStatus-sqlite" } else { "LocalStatus" });
    for old in ["LocalStatus", "LocalStatus-sqlite"] {
        let _ = fs::remove_dir_all(account.join(old));
    }
    fs::create_dir(&directory).unwrap();
    for (folder, entries) in statuses {
        let lines = |line: &dyn Fn(u32, &str) -> String| -> String {
            entries.iter().map(|(uid, letters)| line(*uid, letters)).collect()
        };
        let path = directory.join(folder);
        match form {
            "text 1" => {
                fs::write(path, format!("{HEAD} 1\n{}", lines(&|uid, letters| format!("{uid}:{letters}\n")))).unwrap()
            }
            "text 2" => {
                fs::write(path, format!("{HEAD} 2\n{}", lines(&|uid, letters| format!("{uid}|{letters}|0|\n"))))
                    .unwrap()
            }
            _ => {
                let rows = lines(&|uid, letters| format!("INSERT INTO status VALUES ({uid}, '{letters}');"));
                rusqlite::Connection::open(path)
                    .unwrap()
                    .execute_batch(&format!(
                        "BEGIN; CREATE TABLE metadata (key VARCHAR(50) PRIMARY KEY, value VARCHAR(128));\
                     INSERT INTO metadata VALUES ('db_version', '1');\
                     CREATE TABLE status (id INTEGER PRIMARY KEY, flags VARCHAR(50)); {rows} COMMIT;"
                    ))
                    .unwrap();
            }
        }
    }
}

#[test]
fn a_status_of_any_version_is_taken_over_and_the_first_uid_of_a_limited_folder_changes_nothing() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    let there = statuses(&house);
    assert_eq!(there.len(), 4);
    let inbox = house.folder("INBOX");
    for (n, form) in ["text 1", "text 2", "sqlite 1"].into_iter().enumerate() {
        write_statuses(&house, &there, form);
        for file in ["db", "db-wal", "db-shm", "imported"] {
            let _ = fs::remove_file(house.path(&format!(".offlineimap/Account-a/offlinesync.{file}")));
        }
        let start = house.path(".offlineimap/Repository-r/StartUID");
        assert!(start.parent().unwrap().join("FolderValidity").exists());
        fs::create_dir_all(&start).unwrap();
        fs::write(start.join("INBOX"), "30\n").unwrap();
        fs::remove_file(file_of(&inbox, n)).unwrap();
        set_letters(&inbox, 10 + n, "");
        with_client(&server, |client| on_the_server(client, "INBOX", 20 + n, "+FLAGS", "\\Flagged"));
        let mut said = String::new();
        let cost = served(&server, || said = house.run(&["-u", "basic"]).out);
        assert!(said.contains("goes on where OfflineIMAP left off: 100 messages in 4 folders"), "{form}: {said}");
        assert_eq!(cost, Served { expunged: 1, ..Served::default() }, "{form}");
        assert_in_step(&server, &house);
        let letters = |n: usize| file_of(&inbox, n).display().to_string().split_once(":2,").unwrap().1.to_owned();
        assert_eq!([letters(10 + n), letters(20 + n)], ["", "FS"], "{form}");
    }
}

#[test]
fn a_status_that_is_lost_after_moving_in_is_made_anew_from_names_and_not_from_old_news() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    house.sync();
    let inbox = house.folder("INBOX");
    // OfflineIMAP's status still says of this message that both sides have it, and of that one that it is unread.
    let back = fs::read(file_of(&inbox, 3)).unwrap();
    fs::remove_file(file_of(&inbox, 3)).unwrap();
    set_letters(&inbox, 35, "S");
    deliver(&inbox, "5000.new.here", mail(5000).as_bytes());
    house.sync();
    let forget = || {
        ["", "-wal", "-shm"]
            .map(|end| drop(fs::remove_file(house.path(&format!(".offlineimap/Account-a/offlinesync.db{end}")))))
    };
    forget();
    deliver(&inbox, "3.back.here", &back);
    set_letters(&inbox, 36, "F");
    with_client(&server, |client| {
        on_the_server(client, "INBOX", 36, "+FLAGS", "\\Seen");
        on_the_server(client, "INBOX", 35, "-FLAGS", "\\Seen");
    });
    let mut run = None;
    let cost = served(&server, || run = Some(house.run(&["-u", "basic"])));
    let run = run.unwrap();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.out.contains("left off"), "old news were believed: {run:?}");
    assert_eq!(cost, Served { appended: 1, ..Served::default() }, "more than what is new");
    assert_in_step(&server, &house);
    assert_eq!(in_maildir(&inbox).len(), 41);
    let letters = |n: usize| file_of(&inbox, n).display().to_string().split_once(":2,").unwrap().1.to_owned();
    assert_eq!([letters(35), letters(36)], ["S", "FS"], "flags are joined");

    offlineimap(&house);
    forget();
    let run = house.run(&["-u", "basic"]);
    assert!(run.out.contains("goes on where OfflineIMAP left off: 101 messages in 4 folders"), "{run:?}");
    house.sync_quietly();
}

/// With a Maildir the names of files say which message is which, but not what was agreed on.
#[test]
fn what_is_pending_of_mail_that_came_meanwhile_is_pending_for_offlineimap_if_it_was_told() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    house.sync();
    deliver(&house.folder("INBOX"), "5000.new.here:2,S", mail(5000).as_bytes());
    with_client(&server, |client| client.append_all("INBOX", "\\Seen", None, &mails(6000..6003)));
    house.sync();
    let inbox = house.folder("INBOX");
    fs::remove_file(file_of(&inbox, 6001)).unwrap();
    set_letters(&inbox, 6002, "");
    with_client(&server, |client| on_the_server(client, "INBOX", 5000, "+FLAGS", "\\Flagged"));
    let run = house.run(&["export", "offlineimap"]);
    let line = "account 'a': OfflineIMAP goes on where offlinesync left off: 104 messages in 4 folders\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, line, ""));
    assert_eq!(served(&server, || drop(offlineimap(&house))), Served { expunged: 1, ..NOTHING });
    assert_in_step(&server, &house);
    assert_eq!(in_maildir(&inbox).len(), 43);
    let letters = |n: usize| file_of(&inbox, n).display().to_string().split_once(":2,").unwrap().1.to_owned();
    assert_eq!([letters(5000), letters(6002)], ["FS", ""]);
    assert_eq!(served(&server, || house.sync()), NOTHING);
    house.sync_quietly();
}

/// OfflineIMAP before version 7 can keep its status as text, and then looks for it there.
#[test]
fn an_account_whose_status_was_text_gets_text_back() {
    let server = counting_server();
    let house = synced_by_offlineimap(&server, Scale::small(40));
    let there = statuses(&house);
    write_statuses(&house, &there, "text 2");
    house.sync();
    assert_eq!(house.run(&["export", "offlineimap"]).code, 0);
    assert!(!house.path(".offlineimap/Account-a/LocalStatus-sqlite").exists());
    let text = fs::read_to_string(house.path(".offlineimap/Account-a/LocalStatus/sent")).unwrap();
    assert!(text.starts_with("OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT 2\n1|S|0|\n"), "{text}");
    assert_eq!(text.lines().count(), 31);
}
