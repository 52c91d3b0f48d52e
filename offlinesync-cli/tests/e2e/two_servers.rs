//! From one IMAP account to another.

use crate::changes::work_on_server;
use crate::content::fill;
use crate::house::{House, Setup, imap};
use crate::mail::{assert_same, on_server};
use offlinesync_core::testing::mails::{self, Mail, Random};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};

struct World {
    _servers: [Dovecot; 2],
    there: Client,
    here: Client,
    house: House,
}

/// Two servers with different separators.
fn world(connections: usize) -> World {
    let servers = ['/', '.'].map(|c| Dovecot::start(Options { separator: Some(c), ..Options::default() }));
    let [there, here] = [0, 1].map(|at: usize| servers[at].client("u1"));
    let lines = |at: usize| {
        let server = &servers[at];
        imap(&server.host(), server.port(), "u1") + &format!("maxconnections = {connections}\n")
    };
    let house = Setup::of(&lines(0)).local(&lines(1)).house();
    World { there, here, house, _servers: servers }
}

impl World {
    fn assert_in_step(&mut self) {
        let names = |client: &mut Client, separator: &str| {
            let mut names: Vec<String> = client
                .list()
                .into_iter()
                .filter(|entry| !entry.attributes.iter().any(|a| a == "\\Noselect"))
                .map(|entry| entry.name.replace(separator, "/"))
                .collect();
            names.sort();
            names
        };
        let (there, here) = (names(&mut self.there, "/"), names(&mut self.here, "."));
        assert_eq!(there, here);
        for name in there {
            let here = on_server(&mut self.here, &name.replace('/', "."));
            assert_same(&name, &on_server(&mut self.there, &name), &here);
        }
    }
}

fn both_ways(connections: usize) {
    let mut world = world(connections);
    world.there.create("Lists/rust");
    world.here.create("Lists.c");
    world.here.create("Entw&APw-rfe");
    fill(&mut world.there, "INBOX", mails::ordinary(150, 20));
    fill(&mut world.there, "Lists/rust", mails::ordinary(50, 21));
    fill(&mut world.here, "Lists.c", mails::ordinary(60, 22));
    fill(&mut world.here, "Entw&APw-rfe", mails::ordinary(5, 23));
    // Dovecot itself changes what has several CRs before an LF or one at the end, each time it is given it.
    let altered =
        |bytes: &[u8]| bytes.is_empty() || bytes.ends_with(b"\r") || bytes.windows(2).any(|two| two == b"\r\r");
    let hostile: Vec<Vec<u8>> = mails::hostile().into_iter().map(|m| m.bytes).filter(|bytes| !altered(bytes)).collect();
    world.here.create("Hostile");
    world.here.append_all("Hostile", "\\Answered", None, &hostile);
    world.house.sync();
    world.assert_in_step();
    world.house.sync_quietly();
    let mut random = Random::new(7);
    for _ in 0..3 {
        for name in ["INBOX", "Lists/rust", "Lists/c"] {
            work_on_server(&mut world.there, &mut random, name);
            work_on_server(&mut world.here, &mut random, &name.replace('/', "."));
        }
        let run = world.house.run(&[]);
        assert_eq!(run.code, 0, "{run:?}");
        world.assert_in_step();
        world.house.sync_quietly();
    }
}

#[test]
fn mail_goes_both_ways_over_one_connection_on_each_side() {
    both_ways(1);
}

#[test]
fn mail_goes_both_ways_over_four_connections_on_each_side() {
    both_ways(4);
}

/// What both servers had before is recognised; mail that only looks alike is not taken for the same.
/// OfflineIMAP #380: a map of UIDs that was lost meant every message once more.
#[test]
fn mail_that_both_servers_have_already_is_not_copied() {
    let mut world = world(2);
    fill(&mut world.there, "INBOX", mails::ordinary(80, 24));
    fill(&mut world.here, "INBOX", mails::ordinary(100, 24));
    let alike = |text: &str| {
        Mail::new(
            "",
            format!("From: a@example.org\r\nSubject: the very same long subject line\r\nTo: me\r\n\r\n{text}\r\n"),
        )
    };
    world.there.append("INBOX", "", None, &alike("one").bytes);
    world.here.append("INBOX", "", None, &alike("one").bytes);
    world.there.append("INBOX", "", None, &alike("two").bytes);
    world.here.append("INBOX", "", None, &alike("three").bytes);
    world.house.sync();
    let there: Vec<Vec<u8>> = on_server(&mut world.there, "INBOX").into_iter().map(|held| held.bytes).collect();
    let here: Vec<Vec<u8>> = on_server(&mut world.here, "INBOX").into_iter().map(|held| held.bytes).collect();
    assert_eq!(there.len(), 103);
    assert!(there == here);
    world.house.sync_quietly();
}
