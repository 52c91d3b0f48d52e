//! After arbitrary changes on both sides one sync brings them in step, and the next finds nothing to do.

use crate::house::{House, Setup};
use crate::mail::{assert_in_step, deliver, files, folders, on_server};
use offlinesync_core::testing::mails::{Mail, Random};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::collections::BTreeSet;
use std::fs;

/// A user of other mail programs, on both sides, who does whatever comes to mind.
pub(crate) struct User<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) house: &'a House,
    random: Random,
}

const FLAGS: [&str; 6] = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded", "work"];
const LETTERS: [char; 5] = ['S', 'F', 'R', 'D', 'P'];

/// Some deeds in one mailbox of a server.
pub(crate) fn work_on_server(client: &mut Client, random: &mut Random, mailbox: &str) {
    for _ in 0..random.below(4) {
        let mail = Mail::text(&format!("server {}", random.number()));
        let flags = *random.of(&["", "\\Seen", "\\Flagged \\Seen", "work", "$Junk NonJunk"]);
        client.append(mailbox, flags, None, &mail.bytes);
    }
    let uids: Vec<u32> = client.messages(mailbox).iter().map(|message| message.uid).collect();
    for uid in uids {
        match random.below(10) {
            0 => client.remove(&uid.to_string()),
            1..4 => {
                let (how, flag) = (*random.of(&["+FLAGS", "-FLAGS"]), *random.of(&FLAGS));
                client.store(&uid.to_string(), how, flag);
            }
            _ => {}
        }
    }
}

impl<'a> User<'a> {
    pub(crate) fn new(client: &'a mut Client, house: &'a House, seed: u64) -> Self {
        User { client, house, random: Random::new(seed) }
    }

    /// Some deeds in one mailbox of the server.
    pub(crate) fn work_on_server(&mut self, mailbox: &str) {
        work_on_server(self.client, &mut self.random, mailbox);
    }

    /// Some deeds in one folder of the Maildir.
    pub(crate) fn work_in_maildir(&mut self, folder: &str) {
        let directory = self.house.folder(folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(directory.join(part)).unwrap();
        }
        let (seed, keyword) = (self.random.number(), fs::metadata(directory.join("dovecot-keywords")).is_ok());
        for number in 0..self.random.below(4) {
            let mail = Mail::text(&format!("maildir {}", self.random.number())).bytes;
            let flags = *self.random.of(&["", ":2,", ":2,S", ":2,FS"]);
            deliver(&directory, &format!("1700000000.{seed}_{number}.host{flags}"), &crate::mail::to_lf(&mail));
        }
        for file in files(&directory) {
            let path = directory.join(&file.name);
            let (stem, letters) = file.name[4..].split_once(":2,").unwrap_or((&file.name[4..], ""));
            let mut letters: BTreeSet<char> = letters.chars().collect();
            match self.random.below(10) {
                0 => fs::remove_file(path).unwrap(),
                1..4 => {
                    let letter = if keyword && self.random.one_in(4) { 'a' } else { *self.random.of(&LETTERS) };
                    if !letters.remove(&letter) {
                        letters.insert(letter);
                    }
                    let letters: String = letters.into_iter().collect();
                    fs::rename(path, directory.join(format!("cur/{stem}:2,{letters}"))).unwrap();
                }
                _ => {}
            }
        }
    }

    /// Deeds in every folder on both sides.
    pub(crate) fn work_everywhere(&mut self) {
        let listed = self.client.list();
        let selectable = listed.into_iter().filter(|entry| !entry.attributes.iter().any(|a| a == "\\Noselect"));
        for entry in selectable {
            self.work_on_server(&entry.name);
        }
        for folder in folders(&self.house.path("mail")) {
            self.work_in_maildir(&folder);
        }
    }
}

/// Names as they are on the wire.
const NAMES: [&str; 7] =
    ["with space", "quo\"te", "back\\slash", "R&-D", "Entw&APw-rfe", "deep/er/and deeper", "a:b;c|d<e>f'g%h*i"];

/// OfflineIMAP #227, #629, #693: names with dots, slashes and other characters led to other folders.
#[test]
fn whatever_was_done_on_both_sides_one_sync_brings_them_in_step_and_the_next_does_nothing() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let house = Setup::new(&server, "u1").house();
    NAMES.iter().for_each(|name| client.create(name));
    for round in 0..6 {
        let mut user = User::new(&mut client, &house, round);
        if round == 0 {
            NAMES.iter().for_each(|name| user.work_on_server(name));
        } else {
            user.client.create(&format!("new there {round}/below"));
            user.work_in_maildir(&format!("new here {round}.R&- D &APw-ber \"it\""));
            user.work_everywhere();
        }
        let run = house.run(&[]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_in_step(&mut client, &house);
        house.sync_quietly();
        assert_in_step(&mut client, &house);
    }
    assert!(client.list().len() > NAMES.len() + 10);
}

#[test]
fn folders_are_named_in_utf_8_and_nested_when_asked_for() {
    let server = Dovecot::start(Options { separator: Some('.'), ..Options::default() });
    let mut client = server.client("u1");
    client.create("Entw&APw-rfe.R&-D");
    client.append("Entw&APw-rfe.R&-D", "\\Seen", None, &Mail::text("one").bytes);
    let house = Setup::new(&server, "u1").account("utf8foldernames = yes").more_local("sep = /").house();
    deliver(&house.folder("von hier/\u{65e5}\u{672c} & mehr"), "1.x:2,F", b"Subject: up\n\nbody\n");
    house.settle();
    assert_eq!(files(&house.folder("Entw\u{fc}rfe/R&D")).len(), 1);
    assert_eq!(on_server(&mut client, "von hier.&ZeVnLA- &- mehr").len(), 1);
}

/// A name in which the other side's separator stands would be two levels there: it is left out, with a way to choose, and nothing else is.
/// OfflineIMAP #705; offlineimap3 #213: a dot in a name made two levels of one.
#[test]
fn a_name_with_the_other_sides_separator_is_refused_alone() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    for name in ["v1.0", "fine"] {
        client.create(name);
        client.append(name, "", None, &Mail::text(name).bytes);
    }
    let setup = Setup::new(&server, "u1");
    let house = setup.house();
    let refused = house.run(&[]);
    refused.refuses(1, &["'v1.0'", "'.'", "was not synced"], &["'sep'", "nametrans"]);
    assert_eq!(files(&house.folder("fine")).len(), 1);
    let nested = setup.more_local("sep = /").house();
    nested.settle();
    assert_eq!(files(&nested.folder("v1.0")).len(), 1);
    assert_in_step_but_for(&mut client, &nested);
}

/// With `/` on both sides, names are the same.
fn assert_in_step_but_for(client: &mut Client, house: &House) {
    for entry in client.list() {
        crate::mail::assert_same(
            &entry.name,
            &on_server(client, &entry.name),
            &crate::mail::in_maildir(&house.folder(&entry.name)),
        );
    }
}

#[test]
fn a_local_name_that_is_none_on_the_wire_comes_with_a_hint() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let setup = Setup::new(&server, "u1");
    let house = setup.house();
    deliver(&house.folder("\u{fc}ber"), "1.x:2,", b"Subject: one\n\nbody\n");
    deliver(&house.folder("Sent"), "2.x:2,", b"Subject: two\n\nbody\n");
    house.run(&[]).refuses(1, &["\u{fc}ber", "not created"], &["&APw-ber", "utf8foldernames = yes"]);
    assert_eq!(on_server(&mut client, "Sent").len(), 1);
    house.configure(&setup.account("utf8foldernames = yes"));
    house.settle();
    assert_eq!(on_server(&mut client, "&APw-ber").len(), 1);
}
