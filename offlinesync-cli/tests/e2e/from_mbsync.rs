//! Users of mbsync move in by one command, with their Maildir as it is; mbsync can go on with what it knows.

use crate::house::{House, Setup};
use crate::mail::{Held, assert_same, deliver, in_maildir, on_server};
use crate::peers::{
    Scale, Served, counting_server, file_of, mail, mails, names, run, served, set_letters, usurp, with_client,
};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::Dovecot;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A configuration of mbsync; `near` describes the Maildir store, `channels` what is synced how, after a blank line if options come first
/// that are for all of them.
fn house(server: &Dovecot, near: &str, channel: &str) -> House {
    let house = Setup::new(server, "u1").house();
    fs::remove_file(house.path(".offlineimaprc")).unwrap();
    fs::create_dir(house.path("mail")).unwrap();
    configure(server, &house, near, channel);
    house
}

fn configure(server: &Dovecot, house: &House, near: &str, channels: &str) {
    let (host, port) = (server.host(), server.port());
    let (general, channels) = channels.split_once("\n\n").unwrap_or(("", channels));
    let text = format!(
        "# Mail\nFSync no\n{general}\n\nIMAPAccount work\nHost {host}\nPort {port}\nUser u1\nPassCmd \"echo pw\"\nSSLType None\n\
         AuthMechs LOGIN\n\nIMAPStore far\nAccount work\n\nMaildirStore near\n{near}\n{channels}"
    );
    fs::write(house.path(".mbsyncrc"), text).unwrap();
}

const VERBATIM: &str = "Path ~/mail/\nInbox ~/mail/INBOX\nSubFolders Verbatim\n";
const ALL: &str = "Channel work\nFar :far:\nNear :near:\nPatterns * !Trash\nCreate Both\nExpunge Both\nSyncState *\n";

/// Folders on the server and in a Maildir.
type Pairs<'p> = &'p [(&'p str, &'p str)];

const NESTED: Pairs<'static> =
    &[("INBOX", "INBOX"), ("Archive/2023", "Archive/2023"), ("Sent Items", "Sent Items"), ("Lists/rust", "Lists/rust")];

fn synced_by_mbsync(server: &Dovecot, near: &str, channel: &str, scale: Scale) -> House {
    let Scale { inbox, archive, sent, lists, .. } = scale;
    with_client(server, |client| {
        scale.fill_others(client);
        for folder in ["Archive/2023", "Sent Items", "Lists/rust", "Trash"] {
            client.create(folder);
        }
        client.append_all("INBOX", "\\Seen", None, &mails(0..inbox));
        client.append_all("Archive/2023", "\\Seen \\Answered", None, &mails(101_000..101_000 + archive));
        client.append_all("Sent Items", "", None, &mails(102_000..102_000 + sent));
        client.append_all("Lists/rust", "\\Flagged", None, &mails(103_000..103_000 + lists));
        client.append_all("Trash", "", None, &mails(104_000..104_003));
    });
    let house = house(server, near, channel);
    mbsync(&house, &["-a"]);
    house
}

fn mbsync(house: &House, args: &[&str]) -> String {
    run(house, "mbsync", args)
}

fn import(house: &House) -> String {
    let run = house.run(&["import", "mbsync"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    run.out
}

/// mbsync adds a header to what it copies; apart from that both sides are the same.
#[track_caller]
fn assert_in_step(server: &Dovecot, house: &House, pairs: Pairs<'_>) {
    with_client(server, |client| {
        for (there, here) in pairs {
            assert_same(there, &plain(on_server(client, there)), &plain(in_maildir(&house.folder(here))));
        }
    });
}

fn plain(mut held: Vec<Held>) -> Vec<Held> {
    for held in &mut held {
        held.arrived = 0;
        let text = String::from_utf8(std::mem::take(&mut held.bytes)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("X-TUID: "));
        held.bytes = lines.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
    }
    held.sort();
    held
}

fn uid_of(client: &mut Client, folder: &str, n: usize) -> String {
    client.select(folder);
    let answer = client.ok(&format!("UID SEARCH HEADER Message-ID \"<{n}@overlook\""));
    let text = format!("{:?}", answer.data("SEARCH")[0]);
    text.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty()).unwrap().to_owned()
}

fn all_names(house: &House) -> BTreeSet<String> {
    crate::peers::all_names(&house.path("mail"))
}

/// The names without what stands for flags.
fn stems(house: &House) -> BTreeSet<String> {
    let stem = |name: String| name.replace("/new/", "/cur/").split(":2,").next().unwrap().to_owned();
    all_names(house).into_iter().map(stem).collect()
}

/// Flags and removals of both sides since mbsync ran last.
fn work_on_old_mail(server: &Dovecot, house: &House) {
    let inbox = house.folder("INBOX");
    (10..13).for_each(|n| fs::remove_file(file_of(&inbox, n)).unwrap());
    (20..24).for_each(|n| set_letters(&inbox, n, "FS"));
    set_letters(&inbox, 30, "");
    set_letters(&inbox, 31, "RS");
    with_client(server, |client| {
        for n in 40..43 {
            let uid = uid_of(client, "INBOX", n);
            client.remove(&uid);
        }
        for (n, how, flag) in [(50, "+FLAGS", "\\Answered"), (60, "-FLAGS", "\\Seen"), (31, "+FLAGS", "\\Flagged")] {
            let uid = uid_of(client, "INBOX", n);
            client.store(&uid, how, flag);
        }
    });
}

#[test]
fn an_account_of_mbsync_goes_on_without_a_body_and_mbsync_goes_on_after_us() {
    let (server, scale) = (counting_server(), Scale::of_proof());
    let house = synced_by_mbsync(&server, VERBATIM, ALL, scale);
    let before = all_names(&house);
    let mut said = String::new();
    assert_eq!(served(&server, || said = import(&house)), Served::default());
    let (messages, folders) = (scale.all(), scale.others + 4);
    let line = format!("account 'work': goes on where mbsync left off: {messages} messages in {folders} folders");
    assert!(said.contains(&line), "{said}");
    let config = house.path(".config/offlinesync/config");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_eq!(all_names(&house), before, "renamed without need");
    house.sync_quietly();

    work_on_old_mail(&server, &house);
    assert_eq!(served(&server, || house.sync()), Served { expunged: 3, ..Served::default() });
    assert_in_step(&server, &house, NESTED);
    let others: Vec<String> = scale.other_folders().collect();
    others.iter().for_each(|folder| assert_in_step(&server, &house, &[(folder, folder)]));
    let before = all_names(&house);
    assert_eq!(served(&server, || drop(mbsync(&house, &["-a"]))), Served::default(), "mbsync did something");
    assert_eq!(all_names(&house), before, "mbsync changed files");
    assert!(!house.folder("Trash").exists());
    house.sync();
    assert_in_step(&server, &house, NESTED);
}

#[test]
fn what_was_pending_when_mbsync_ran_last_is_carried_out_and_only_what_is_new_is_copied() {
    let (server, scale) = (counting_server(), Scale::of_proof());
    let house = synced_by_mbsync(&server, VERBATIM, ALL, scale);
    work_on_old_mail(&server, &house);
    deliver(&house.folder("INBOX"), "5000.new.here", mail(5000).as_bytes());
    deliver(&house.folder("Sent Items"), "5001.new.here:2,S", mail(5001).as_bytes());
    with_client(&server, |client| client.append_all("Archive/2023", "", None, &mails(6000..6002)));
    let from = file_of(&house.folder("INBOX"), 70);
    fs::rename(&from, house.folder("Archive/2023").join("cur").join("70.moved.here:2,S")).unwrap();
    let before = stems(&house);
    import(&house);
    let ours = served(&server, || house.sync());
    assert_eq!((ours.bodies, ours.appended), (2, 2), "more than what was new");
    assert_in_step(&server, &house, NESTED);
    // Three were removed on the server, two are new and get a number, one moved.
    let gone: Vec<String> = before.difference(&stems(&house)).cloned().collect();
    assert!(gone.len() <= 6, "renamed without need: {gone:#?}");
    assert_eq!(in_maildir(&house.folder("INBOX")).len(), scale.inbox - 3 - 3 + 1 - 1);
    assert_eq!(in_maildir(&house.folder("Archive/2023")).len(), scale.archive + 2 + 1);
    house.sync_quietly();

    let inbox = names(&house.folder("INBOX"));
    let ours: Vec<&String> = inbox.iter().filter(|name| name.contains("5000.new.here")).collect();
    assert!(ours[0].contains(",RU=") && !ours[0].contains(",U="), "mbsync would take {ours:?} for its own number");
}

/// A file that was moved here from another mailbox brought its number along, that of a message which had just been removed here. It was taken for that
/// message, not uploaded, and gone when that was removed on the server.
#[test]
fn a_file_that_brought_the_number_of_another_message_along_is_told_by_its_content() {
    let server = counting_server();
    let house = synced_by_mbsync(&server, VERBATIM, ALL, Scale::small(40));
    usurp(&house.folder("INBOX"), 7, 7000);
    import(&house);
    house.sync();
    with_client(&server, |client| {
        let uid = uid_of(client, "INBOX", 7);
        client.remove(&uid);
    });
    house.sync();
    assert_in_step(&server, &house, NESTED);
    assert!(file_of(&house.folder("INBOX"), 7000).exists());
    with_client(&server, |client| assert!(!uid_of(client, "INBOX", 7000).is_empty()));
    house.sync_quietly();
}

#[test]
fn mbsync_goes_on_after_us_with_what_came_and_went_meanwhile_without_a_body() {
    let (server, scale) = (counting_server(), Scale::of_proof());
    let house = synced_by_mbsync(&server, VERBATIM, ALL, scale);
    import(&house);
    house.sync();
    work_on_old_mail(&server, &house);
    for n in 5000..5010 {
        deliver(&house.folder("INBOX"), &format!("{n}.new.here"), mail(n).as_bytes());
    }
    with_client(&server, |client| {
        client.append_all("INBOX", "\\Seen", None, &mails(6000..6010));
        client.create("Later");
        client.append_all("Later", "\\Seen", None, &mails(7000..7020));
    });
    house.sync();
    // What is pending when mbsync takes over stays pending.
    fs::remove_file(file_of(&house.folder("INBOX"), 14)).unwrap();
    fs::remove_file(file_of(&house.folder("Later"), 7003)).unwrap();
    set_letters(&house.folder("INBOX"), 6001, "FS");
    with_client(&server, |client| {
        for (folder, n, how, flag) in [("INBOX", 5001, "+FLAGS", "\\Seen"), ("INBOX", 24, "-FLAGS", "\\Seen")] {
            let uid = uid_of(client, folder, n);
            client.store(&uid, how, flag);
        }
        let uid = uid_of(client, "INBOX", 44);
        client.remove(&uid);
    });
    const WITH_LATER: Pairs<'static> = &[NESTED[0], NESTED[1], NESTED[2], NESTED[3], ("Later", "Later")];
    let mut run = None;
    assert_eq!(served(&server, || run = Some(house.run(&["export", "mbsync"]))), Served::default());
    let run = run.unwrap();
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let (messages, folders) = (scale.all() - 6 + 40, scale.others + 5);
    let line = format!(
        "account 'work': mbsync goes on where offlinesync left off: {messages} messages in {folders} folders\n"
    );
    assert!(run.out.contains(&line), "{run:?}");
    let theirs = served(&server, || drop(mbsync(&house, &["-a"])));
    assert_eq!(theirs, Served { expunged: 2, ..Served::default() }, "mbsync transferred mail");
    assert_in_step(&server, &house, WITH_LATER);
    let counts = |folder: &str| in_maildir(&house.folder(folder)).len();
    assert_eq!((counts("INBOX"), counts("Later")), (scale.inbox - 6 + 20 - 2, 19));
    assert_eq!(served(&server, || drop(mbsync(&house, &["-a"]))), Served::default());

    with_client(&server, |client| client.append_all("Later", "", None, &mails(7100..7101)));
    assert_eq!(served(&server, || drop(mbsync(&house, &["-a"]))), Served { bodies: 1, ..Served::default() });
    assert_eq!(served(&server, || house.sync()), Served::default(), "we did what mbsync had done");
    assert_in_step(&server, &house, WITH_LATER);
    assert_eq!(counts("Later"), 20);
}

#[test]
fn a_maildir_whose_numbers_are_in_a_database_moves_in_and_only_the_way_back_asks_for_names() {
    let server = counting_server();
    let near = format!("{VERBATIM}AltMap yes\n");
    let house = synced_by_mbsync(&server, &near, ALL, Scale::small(120));
    assert!(house.folder("INBOX").join(".isyncuidmap.db").exists());
    work_on_old_mail(&server, &house);
    let said = import(&house);
    assert!(said.contains("account 'work': goes on where mbsync left off: 200 messages in 4 folders"), "{said}");
    let before = all_names(&house);
    assert_eq!(served(&server, || house.sync()), Served { expunged: 3, ..Served::default() });
    assert_in_step(&server, &house, NESTED);
    let stems = |names: &BTreeSet<String>| -> BTreeSet<String> {
        names.iter().map(|name| name.split(":2,").next().unwrap().to_owned()).collect()
    };
    assert!(stems(&all_names(&house)).is_subset(&stems(&before)), "renamed without need");
    assert_eq!(served(&server, || drop(mbsync(&house, &["-a"]))), Served::default(), "mbsync did something");
    house.sync_quietly();
    let back = house.run(&["export", "mbsync"]);
    assert_eq!(back.code, 1, "{back:?}");
    assert!(back.err.contains("its numbers are in a database (AltMap)"), "{back:?}");
}

/// OfflineIMAP #589; offlineimap3 #143: directories that begin with a dot were no folders.
#[test]
fn a_maildir_plus_plus_tree_with_states_in_the_usual_place_and_single_mailboxes_moves_in() {
    let server = counting_server();
    let near = "Inbox ~/mail\nSubFolders Maildir++\n";
    let channels = "Create Both\nExpunge Both\n\nChannel all\nFar :far:\nNear :near:\nPatterns % Archive/% !INBOX !Trash !Lists* !Sent* !sent\n\n\
                    Channel sent\nFar :far:\"Sent Items\"\nNear :near:sent\n\nChannel inbox\nFar :far:\nNear :near:\n\n\
                    Group both all sent\nChannel inbox\n";
    let pairs: Pairs<'_> = &[("INBOX", ""), ("Archive/2023", ".Archive.2023"), ("Sent Items", ".sent")];
    let house = synced_by_mbsync(&server, near, channels, Scale::small(40));
    fs::remove_file(file_of(&house.folder(""), 7)).unwrap();
    let run = house.run(&["import", "mbsync"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("Group both is written `-a all,sent,inbox`"), "{run:?}");
    for (account, messages) in [("all", 10), ("sent", 30), ("inbox", 40)] {
        let line = format!("account '{account}': goes on where mbsync left off: {messages} messages in 1 folder\n");
        assert!(run.out.contains(&line), "{run:?}");
    }
    assert_eq!(served(&server, || house.sync()), Served { expunged: 1, ..Served::default() });
    assert_in_step(&server, &house, pairs);
    house.sync_quietly();
}

#[test]
fn messages_that_mbsync_expired_or_was_not_to_expunge_stay_where_they_are() {
    let server = counting_server();
    let limited = ALL.replace("SyncState *", "SyncState *\nMaxMessages 60").replace("Expunge Both", "Expunge Near");
    let house = synced_by_mbsync(&server, VERBATIM, &limited, Scale::small(100));
    let refused = house.run(&["import", "mbsync"]);
    refused.refuses(2, &["no channel can be taken over", "line 28: `MaxMessages` has no counterpart"], &[]);
    assert!(!house.path(".config/offlinesync/config").exists());
    let here = in_maildir(&house.folder("INBOX")).len();
    assert_eq!(here, 60);

    configure(&server, &house, VERBATIM, &limited.replace("\nMaxMessages 60", ""));
    fs::remove_file(file_of(&house.folder("INBOX"), 90)).unwrap();
    let run = house.run(&["import", "mbsync"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("40 messages that mbsync left on the far side alone stay there alone"), "{run:?}");
    assert!(run.err.contains("only marks on the far side what was removed on the other"), "{run:?}");
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_eq!(in_maildir(&house.folder("INBOX")).len(), 59);
    with_client(&server, |client| assert_eq!(on_server(client, "INBOX").len(), 100));
    with_client(&server, |client| client.append_all("INBOX", "", None, &mails(500..501)));
    assert_eq!(served(&server, || house.sync()), Served { bodies: 1, ..Served::default() });
    assert_eq!(in_maildir(&house.folder("INBOX")).len(), 60);
}

#[test]
fn an_unfinished_journal_a_changed_numbering_and_a_file_that_is_there_are_refused() {
    let server = counting_server();
    let house = synced_by_mbsync(&server, VERBATIM, ALL, Scale::small(40));
    let journal = house.folder("INBOX").join(".mbsyncstate.journal");
    fs::write(&journal, "5\n").unwrap();
    house.run(&["import", "mbsync"]).refuses(3, &["mbsync has not finished its work on 'INBOX'"], &["run mbsync once"]);
    fs::remove_file(&journal).unwrap();
    with_client(&server, |client| {
        client.delete("Sent Items");
        client.create("Sent Items");
        client.append_all("Sent Items", "", None, &mails(102_000..102_030));
    });
    import(&house);
    house.run(&[]).refuses(3, &["Sent Items", "UIDVALIDITY"], &["--accept-uidvalidity"]);
    assert_eq!(served(&server, || house.run(&["--accept-uidvalidity"]).succeeds()), Served::default());
    assert_in_step(&server, &house, NESTED);
    assert!(import(&house).contains("account 'work' has a status already"));
    fs::write(house.path(".config/offlinesync/config"), "[general]\n").unwrap();
    house.run(&["import", "mbsync"]).refuses(2, &["is there already"], &["--write"]);
    let elsewhere = house.run(&["import", "mbsync", "--write", "other"]);
    assert_eq!(elsewhere.code, 0, "{elsewhere:?}");
    assert_eq!(served(&server, || house.run(&["-c", "other"]).succeeds()), Served::default());
}

/// The import was killed as soon as its configuration was there, and a sync came next: of the accounts that it had not come to nothing was known, and
/// what had been removed on one side since mbsync ran last came back.
#[test]
fn no_account_of_an_import_that_was_killed_is_synced_before_it_is_taken_over() {
    let server = counting_server();
    let two = "\n\nChannel one\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Both\nExpunge Both\nSyncState *\n\n\
               Channel two\nFar :far:\nNear :near:\nPatterns * !INBOX !Trash\nCreate Both\nExpunge Both\nSyncState *\n";
    let house = synced_by_mbsync(&server, VERBATIM, two, Scale::small(40));
    with_client(&server, |client| {
        let uid = uid_of(client, "Sent Items", 102_003);
        client.remove(&uid);
    });
    // The first connection after the configuration was written is its last.
    let rc = fs::read_to_string(house.path(".mbsyncrc")).unwrap();
    let deadly = "if test -e .config/offlinesync/config; then kill -9 $PPID; fi; echo pw";
    fs::write(house.path(".mbsyncrc"), rc.replace("echo pw", deadly)).unwrap();
    let killed = house.run(&["import", "mbsync"]);
    assert!(killed.code != 0 && killed.out.contains("wrote "), "{killed:?}");
    let config = fs::read_to_string(house.path(".config/offlinesync/config")).unwrap();
    fs::write(house.path("mended"), config.replace(deadly, "echo pw")).unwrap();
    for account in ["one", "two"] {
        let run = house.run(&["-c", "mended", "-a", account]);
        run.refuses(3, &["in part only", "nothing was synced"], &["offlinesync import mbsync"]);
    }
    fs::write(house.path(".mbsyncrc"), rc).unwrap();
    fs::remove_file(house.path(".config/offlinesync/config")).unwrap();
    import(&house);
    house.sync();
    assert_eq!(in_maildir(&house.folder("Sent Items")).len(), 29);
    assert_in_step(&server, &house, NESTED);
}

#[test]
fn a_mailbox_that_mbsync_is_working_on_is_left_to_it() {
    let server = counting_server();
    let house = synced_by_mbsync(&server, VERBATIM, ALL, Scale::small(40));
    let path = house.folder("INBOX").join(".mbsyncstate.lock");
    let lock = || {
        let file = fs::File::create(&path).unwrap();
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        file
    };
    let refused = |command: &str| {
        house.run(&[command, "mbsync"]).refuses(75, &["mbsync is working on 'INBOX'"], &["when mbsync has ended"]);
    };
    let held = lock();
    refused("import");
    drop(held);
    assert!(import(&house).contains("goes on where mbsync left off: 100 messages in 4 folders"));
    house.sync();
    let held = lock();
    refused("export");
    drop(held);
    let back = house.run(&["export", "mbsync"]);
    assert_eq!((back.code, back.err.as_str()), (0, ""), "{back:?}");
    assert!(!path.exists(), "a lock is left behind");
    assert_eq!(served(&server, || drop(mbsync(&house, &["-a"]))), Served::default());
}

/// A state as older versions wrote it.
fn in_form(text: &str, form: &str) -> String {
    let (head, entries) = text.split_once("\n\n").unwrap();
    let number = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("0").trim().to_owned();
    match form {
        "1.0" => {
            let [far, near] = ["FarUidValidity", "NearUidValidity"].map(number);
            format!("{far}:{} {near}:0:{}\n{entries}", number("MaxPulledUid"), number("MaxPushedUid"))
        }
        "1.3" => text.replace("FarUid", "MasterUid").replace("NearUid", "SlaveUid"),
        _ => text.to_owned(),
    }
}

#[test]
fn states_at_a_path_of_their_own_are_taken_over_in_every_version() {
    let server = counting_server();
    let channel = ALL.replace("SyncState *", "SyncState ~/state-");
    let house = synced_by_mbsync(&server, VERBATIM, &channel, Scale::small(40));
    let inbox = house.folder("INBOX");
    let files = ["INBOX", "Archive!2023", "Sent Items", "Lists!rust"].map(|name| house.path(&format!("state-{name}")));
    let texts = files.clone().map(|file| fs::read_to_string(file).unwrap());
    for (n, form) in ["1.4", "1.3", "1.0"].into_iter().enumerate() {
        files.iter().zip(&texts).for_each(|(file, text)| fs::write(file, in_form(text, form)).unwrap());
        let _ = fs::remove_dir_all(house.path(".offlinesync/Account-work"));
        fs::remove_file(file_of(&inbox, n)).unwrap();
        set_letters(&inbox, 10 + n, "F");
        with_client(&server, |client| {
            let uid = uid_of(client, "INBOX", 20 + n);
            client.store(&uid, "+FLAGS", "\\Answered");
        });
        let said = import(&house);
        let line = "goes on where mbsync left off: ";
        assert!(said.contains(line) && said.contains("messages in 4 folders"), "{form}: {said}");
        assert_eq!(served(&server, || house.sync()), Served { expunged: 1, ..Served::default() }, "{form}");
        assert_in_step(&server, &house, NESTED);
        let letters = |n: usize| file_of(&inbox, n).display().to_string().split_once(":2,").unwrap().1.to_owned();
        assert_eq!([letters(10 + n), letters(20 + n)], ["F", "RS"], "{form}");
        house.sync_quietly();
    }
}

#[test]
fn the_size_at_which_mbsync_stops_becomes_ours_and_larger_messages_stay_as_they_are() {
    let server = counting_server();
    let house = synced_by_mbsync(&server, &format!("{VERBATIM}MaxSize 1k\n"), ALL, Scale::small(40));
    let run = house.run(&["import", "mbsync"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("MaxSize of channel work has become `maxsize`"), "{run:?}");
    assert!(run.out.contains("messages are placeholders on one side, and stay so"), "{run:?}");
    let config = fs::read_to_string(house.path(".config/offlinesync/config")).unwrap();
    assert!(config.contains("\nmaxsize = 1024\n"), "{config}");
    let before = all_names(&house);
    assert_eq!(served(&server, || house.sync()), Served::default());
    assert_eq!(all_names(&house), before);
    with_client(&server, |client| client.append_all("INBOX", "", None, &mails(559..561)));
    assert_eq!(served(&server, || house.sync()), Served { bodies: 1, ..Served::default() }, "559 is large, 560 is not");
    assert_eq!(all_names(&house).len(), before.len() + 1);
    house.sync_quietly();
}
