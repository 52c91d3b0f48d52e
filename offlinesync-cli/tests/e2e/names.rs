//! Folder names that a server makes up: none leads out of the Maildir or into another folder's directories, and two folders never
//! become one. What cannot be a folder here is told, and the others are synced.

use crate::house::{House, Setup, imap, sent, tree};
use crate::mail::{deliver, files, folders};
use offlinesync_imap::testing::server::{Options, Server};
use std::fs;
use std::path::PathBuf;

const HOSTILE: [&str; 14] = [
    "../../evil",
    "../evil",
    "/etc/evil",
    "/tmp/../evil",
    "a/../../evil",
    "..",
    ".",
    "INBOX/cur",
    "INBOX/new/x",
    "tmp",
    "cur",
    "x//y",
    "a/./b",
    "\u{e9}\u{0}evil",
];

/// A server on which these folders hold a message each.
fn server(options: Options, names: &[&str]) -> Server {
    let server = Server::start(options);
    for name in names.iter().chain(&["INBOX", "Good"]) {
        server.create("u1", name);
        server.mailbox("u1", name).add(format!("Subject: in {name:?}\r\n\r\nevil\r\n").as_bytes(), &[]);
    }
    server
}

fn setup(server: &Server) -> Setup {
    Setup::of(&imap(server.host(), server.port(), "u1"))
}

/// Every file outside the Maildir, but for the configuration and the program's own.
fn strays(house: &House) -> Vec<PathBuf> {
    let expected = |path: &PathBuf| {
        let below = path.strip_prefix(house.path("")).unwrap();
        below.starts_with("mail") || below.starts_with(".offlineimap") || below.starts_with(".offlineimaprc")
    };
    tree(&house.path("")).into_iter().map(|(path, ..)| path).filter(|path| !expected(path)).collect()
}

/// OfflineIMAP #148: separators and dots in names led to other folders.
#[test]
fn a_name_that_leads_elsewhere_is_refused_in_every_layout() {
    for (layout, separator) in [("sep = /", '/'), ("", '/'), ("sep = /", '.'), ("", '.')] {
        let names: Vec<&str> = HOSTILE.into_iter().filter(|name| !name.ends_with(separator)).collect();
        let server = server(Options::default().separator(separator), &names);
        let house = setup(&server).more_local(layout).house();
        let run = house.run(&[]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(strays(&house).is_empty(), "{layout:?} {separator:?}: {:?}", strays(&house));
        assert_eq!(fs::read_dir(house.folder("Good").join("new")).unwrap().count(), 1, "{run:?}");
        assert_eq!(fs::read_dir(house.folder("INBOX").join("new")).unwrap().count(), 1, "{run:?}");
        assert!(run.err.contains("error: ") && run.err.contains("folder"), "{run:?}");
        for name in &names {
            assert_eq!(server.mailbox("u1", name).messages().len(), 1, "{name}");
        }
    }
}

#[test]
fn the_refusal_names_the_folder_and_what_would_help() {
    let server = server(Options::default(), &["../evil", "x/cur"]);
    let house = setup(&server).more_local("sep = /").house();
    house.run(&[]).refuses(1, &["\"../evil\" cannot be a directory", "it leads to another directory"], &["nametrans"]);
    house.run(&[]).refuses(1, &["\"x/cur\"", "directories of a Maildir itself"], &["folderfilter"]);
    let filtered = imap(server.host(), server.port(), "u1") + "folderfilter = lambda f: f in ['INBOX', 'Good']\n";
    house.configure(&Setup::of(&filtered).more_local("sep = /"));
    house.sync();
}

/// OfflineIMAP #547: two folders of the server became one here, and the mail of each was removed in turn.
#[test]
fn two_folders_translated_to_one_are_refused_both_and_nothing_is_removed() {
    let server = server(Options::default(), &["Sent"]);
    let lines = imap(server.host(), server.port(), "u1") + "nametrans = lambda f: f.replace('[Gmail]/', '')\n";
    let house = Setup::of(&lines).house();
    house.sync();
    server.create("u1", "[Gmail]/Sent");
    server.mailbox("u1", "[Gmail]/Sent").add(b"Subject: other\r\n\r\nx\r\n", &[]);
    for _ in 0..2 {
        house.run(&[]).refuses(
            2,
            &["'Sent', '[Gmail]/Sent' of the remote side would all be 'Sent'", "nothing was synced"],
            &["nametrans"],
        );
        assert_eq!(folders(&house.path("mail")), ["Good", "INBOX", "Sent"]);
        assert_eq!(fs::read_dir(house.folder("Sent").join("new")).unwrap().count(), 1);
        assert_eq!(server.mailbox("u1", "Sent").messages().len(), 1);
        assert_eq!(server.mailbox("u1", "[Gmail]/Sent").messages().len(), 1);
    }
}

/// offlineimap3 #199: to such a server `Sent` and `sent` are one folder. Both were synced with it, and the mail of each was removed in turn.
#[test]
fn a_folder_that_a_server_takes_for_another_of_other_case_is_refused_and_nothing_is_mixed() {
    let server = server(Options::default().folds_case(), &["Sent"]);
    let house = setup(&server).house();
    house.sync();
    deliver(&house.folder("sent"), "17.own.host:2,S", b"Subject: own\n\nx\n");
    deliver(&house.folder("Good"), "18.own.host:2,S", b"Subject: own\n\nx\n");
    for _ in 0..2 {
        house.run(&[]).refuses(1, &["folder sent", "was not created"], &["capital letters", "folderfilter"]);
        assert_eq!((files(&house.folder("sent")).len(), files(&house.folder("Sent")).len()), (1, 1));
        assert_eq!(server.mailbox("u1", "Sent").messages().len(), 1);
        assert_eq!(server.mailbox("u1", "Good").messages().len(), 2);
    }
    fs::remove_dir_all(house.folder("sent")).unwrap();
    house.sync();
    assert_eq!(server.mailbox("u1", "Sent").messages().len(), 1);
}

/// OfflineIMAP #411, #405, #408: what was known of a folder hung on its translated name, and another nametrans made it void.
#[test]
fn another_nametrans_removes_nothing_and_doubles_nothing() {
    let server = server(Options::default(), &["Sent", "Work"]);
    let lines = imap(server.host(), server.port(), "u1");
    let house = setup(&server).house();
    house.sync();
    let there = || ["INBOX", "Good", "Sent", "Work"].map(|name| server.mailbox("u1", name).messages());
    let (before, names) = (there(), server.names("u1"));
    let local = "nametrans = lambda f: {'gesendet': 'Sent'}.get(f, f)";
    house.configure(
        &Setup::of(&format!("{lines}nametrans = lambda f: {{'Sent': 'gesendet'}}.get(f, f)\n")).more_local(local),
    );
    house.run(&[]).refuses(2, &["nothing was synced", "'Sent'"], &["nametrans"]);
    assert_eq!(folders(&house.path("mail")), ["Good", "INBOX", "Sent", "Work"]);
    // Whoever renames the directory too goes on with it.
    fs::rename(house.folder("Sent"), house.folder("gesendet")).unwrap();
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    let bodies = sent(&run.err).into_iter().filter(|line| line.contains("BODY.PEEK[]") || line.starts_with("APPEND"));
    assert_eq!(bodies.collect::<Vec<_>>(), [""; 0]);
    house.sync_quietly();
    // Names in one direction only: the folder comes down under its new name, and the old directory is left alone.
    let one_way = "nametrans = lambda f: {'Sent': 'gesendet', 'Work': 'arbeit'}.get(f, f)\ncreatefolders = no\n";
    house.configure(&Setup::of(&format!("{lines}{one_way}")));
    house.settle();
    assert_eq!(folders(&house.path("mail")), ["Good", "INBOX", "Work", "arbeit", "gesendet"]);
    for folder in folders(&house.path("mail")) {
        assert_eq!(files(&house.folder(&folder)).len(), 1, "{folder}");
    }
    assert_eq!((there(), server.names("u1")), (before, names));
}

/// Names lost their prefix, or changed places: every folder was uploaded once more as one of another name, or was mixed with another.
#[test]
fn what_another_nametrans_or_sep_would_pair_with_another_folder_is_refused_until_the_directories_follow() {
    let server = server(Options::default(), &["A", "A/B"]);
    let lines = imap(server.host(), server.port(), "u1");
    let there = || ["INBOX", "Good", "A", "A/B"].map(|name| server.mailbox("u1", name).messages());
    let (before, names) = (there(), server.names("u1"));
    let house = Setup::of(&format!("{lines}nametrans = lambda f: 'x-' + f\n"))
        .more_local("nametrans = lambda f: f[2:] if f.startswith('x-') else f\n")
        .house();
    house.sync();
    let refused = |what: [&str; 2]| {
        for _ in 0..2 {
            house.run(&[]).refuses(3, &what, &["rename the folders of the local side", "--accept-uidvalidity"]);
            assert_eq!((there(), server.names("u1")), (before.clone(), names.clone()));
        }
    };
    house.configure(&setup(&server));
    refused(["folder 'x-A' of the local side was synced with 'A'", "belongs to 'x-A' now"]);
    assert_eq!(folders(&house.path("mail")), ["x-A", "x-A.B", "x-Good", "x-INBOX"]);
    for name in ["A", "A.B", "Good", "INBOX"] {
        fs::rename(house.folder(&format!("x-{name}")), house.folder(name)).unwrap();
    }
    house.settle();
    house.configure(&setup(&server).more_local("sep = /"));
    refused(["folder 'A.B' of the local side was synced with 'A/B'", "belongs to 'A.B' now"]);
    fs::rename(house.folder("A.B"), house.folder("A").join("B")).unwrap();
    house.settle();
    let swap = "nametrans = lambda f: {'A': 'Good', 'Good': 'A'}.get(f, f)\n";
    house.configure(&Setup::of(&format!("{lines}{swap}")).more_local(&format!("sep = /\n{swap}")));
    refused(["folder 'A' of the remote side was synced with 'A'", "belongs to 'Good' now"]);
    fs::rename(house.folder("A"), house.folder("C")).unwrap();
    fs::rename(house.folder("Good"), house.folder("A")).unwrap();
    fs::rename(house.folder("C").join("B"), house.folder("A").join("B")).unwrap();
    fs::rename(house.folder("C"), house.folder("Good")).unwrap();
    house.settle();
    assert_eq!((there(), server.names("u1")), (before, names));
}
