//! Two servers that OfflineIMAP kept in step go on without it, and with it again.

use crate::from_offlineimap::{offlineimap, on_the_server, uid_of, undated};
use crate::house::{House, Setup, imap};
use crate::mail::{assert_same, on_server};
use crate::peers::{NOTHING, Served, counting_server, mails, served, with_client};
use offlinesync_imap::testing::dovecot::Dovecot;
use std::fs;

/// Two servers that OfflineIMAP has brought in step.
struct Servers {
    servers: [Dovecot; 2],
    house: House,
}

impl Servers {
    fn synced_by_offlineimap() -> Servers {
        let servers = [counting_server(), counting_server()];
        with_client(&servers[0], |client| client.append_all("INBOX", "\\Seen", None, &mails(0..30)));
        with_client(&servers[1], |client| client.append_all("INBOX", "", None, &mails(500..503)));
        let [remote, local] = [0, 1].map(|at: usize| imap(&servers[at].host(), servers[at].port(), "u1"));
        let house = Setup::of(&remote).local(&local).house();
        offlineimap(&house);
        let servers = Servers { servers, house };
        servers.assert_in_step("INBOX", 33);
        servers
    }

    fn held(&self, at: usize, folder: &str) -> Vec<crate::mail::Held> {
        with_client(&self.servers[at], |client| undated(on_server(client, folder)))
    }

    #[track_caller]
    fn assert_in_step(&self, folder: &str, messages: usize) {
        assert_same(folder, &self.held(0, folder), &self.held(1, folder));
        assert_eq!(self.held(0, folder).len(), messages);
    }

    /// What each of them served meanwhile.
    fn served(&self, work: impl FnOnce()) -> [Served; 2] {
        let mut there = Served::default();
        let here = served(&self.servers[0], || there = served(&self.servers[1], work));
        [here, there]
    }

    fn export(&self) -> crate::house::Run {
        self.house.run(&["export", "offlineimap"])
    }
}

#[test]
fn two_servers_that_offlineimap_kept_in_step_stay_so() {
    let both = Servers::synced_by_offlineimap();
    with_client(&both.servers[1], |client| {
        let uid = uid_of(client, "INBOX", 3);
        client.remove(&uid.to_string());
        on_the_server(client, "INBOX", 4, "-FLAGS", "\\Seen");
        on_the_server(client, "INBOX", 5, "+FLAGS", "\\Flagged");
    });
    assert_eq!(both.served(|| both.house.sync()), [Served { expunged: 1, ..NOTHING }, NOTHING]);
    both.assert_in_step("INBOX", 32);
    let [theirs, flagged] = ["\\Seen", "\\Flagged"]
        .map(|flag| both.held(0, "INBOX").iter().filter(|held| held.flags.contains(flag)).count());
    assert_eq!((theirs, flagged), (28, 1));
}

/// Mail that comes and goes on both sides.
fn work_on_both_servers(servers: &[Dovecot; 2]) {
    for (at, n) in [(0, 1000), (1, 2000)] {
        with_client(&servers[at], |client| {
            client.append_all("INBOX", "\\Seen", None, &mails(n..n + 5));
            client.create(&format!("from{at}"));
            client.append_all(&format!("from{at}"), "", None, &mails(n + 100..n + 104));
            for n in [10 + at, 20 + at] {
                let uid = uid_of(client, "INBOX", n);
                client.remove(&uid.to_string());
            }
            on_the_server(client, "INBOX", 5 + at, "+FLAGS", "\\Flagged");
            on_the_server(client, "INBOX", 7 + at, "-FLAGS", "\\Seen");
        });
    }
}

/// Between two servers nothing but OfflineIMAP's files says which message is which: without them it would copy to both sides what came
/// meanwhile.
#[test]
fn offlineimap_goes_on_between_two_servers_with_what_came_and_went_meanwhile_without_a_body() {
    let both = Servers::synced_by_offlineimap();
    both.house.sync();
    work_on_both_servers(&both.servers);
    both.house.sync();
    both.assert_in_step("INBOX", 39);

    // What is pending when OfflineIMAP goes on stays pending, also of what came meanwhile.
    with_client(&both.servers[0], |client| on_the_server(client, "INBOX", 2001, "-FLAGS", "\\Seen"));
    with_client(&both.servers[1], |client| {
        for n in [1001, 15] {
            let uid = uid_of(client, "INBOX", n);
            client.remove(&uid.to_string());
        }
        on_the_server(client, "from0", 1101, "+FLAGS", "\\Answered");
    });
    let mut export = None;
    assert_eq!(both.served(|| export = Some(both.export())), [NOTHING, NOTHING]);
    let export = export.unwrap();
    let line = "account 'a': OfflineIMAP goes on where offlinesync left off: 47 messages in 3 folders\n";
    assert_eq!((export.code, export.out.as_str(), export.err.as_str()), (0, line, ""));
    assert!(!both.house.path(".offlineimap/Account-a/offlinesync.export").exists());

    let theirs = both.served(|| drop(offlineimap(&both.house)));
    assert_eq!(theirs, [Served { expunged: 2, ..NOTHING }, NOTHING], "OfflineIMAP transferred mail");
    let assert_settled = || {
        both.assert_in_step("INBOX", 37);
        both.assert_in_step("from0", 4);
        both.assert_in_step("from1", 4);
        let with =
            |folder: &str, flag: &str| both.held(1, folder).iter().filter(|held| held.flags.contains(flag)).count();
        assert_eq!((with("INBOX", "\\Seen"), with("INBOX", "\\Flagged"), with("from0", "\\Answered")), (31, 2, 1));
    };
    assert_settled();
    assert_eq!(both.served(|| drop(offlineimap(&both.house))), [NOTHING, NOTHING]);
    assert_eq!(both.served(|| both.house.sync()), [NOTHING, NOTHING]);
    assert_settled();
    both.house.sync_quietly();

    // And to and fro.
    with_client(&both.servers[0], |client| client.append_all("from1", "", None, &mails(3000..3002)));
    offlineimap(&both.house);
    assert_eq!(both.served(|| both.house.sync()), [NOTHING, NOTHING]);
    both.assert_in_step("from1", 6);
    assert_eq!(both.export().code, 0);
    assert_eq!(both.served(|| drop(offlineimap(&both.house))), [NOTHING, NOTHING]);
    both.assert_in_step("from1", 6);
}

#[test]
fn what_is_not_in_step_is_not_given_to_offlineimap_and_neither_is_an_account_it_works_on() {
    let both = Servers::synced_by_offlineimap();
    assert!(both.export().out.contains("account 'a' has no status; nothing is given to OfflineIMAP"));
    both.house.sync();
    let status = || fs::read(both.house.path(".offlineimap/Account-a/LocalStatus-sqlite/INBOX")).unwrap();
    let before = status();
    let lock = fs::File::create(both.house.path(".offlineimap/a.lock")).unwrap();
    rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    both.export().refuses(75, &["account 'a'", "is syncing it"], &["the lock is"]);
    drop(lock);
    for (at, n) in [(0, 1000), (1, 2000)] {
        with_client(&both.servers[at], |client| client.append_all("INBOX", "", None, &mails(n..n + 1)));
    }
    let refused = both.export();
    refused.refuses(
        1,
        &["folder 'INBOX' was not given to OfflineIMAP", "new messages on both sides"],
        &["`offlinesync` once"],
    );
    assert_eq!(status(), before);
    both.house.sync();
    assert_eq!(both.export().code, 0);
    assert_ne!(status(), before);

    with_client(&both.servers[1], |client| {
        client.select("INBOX");
        client.remove("1:*");
    });
    both.export().refuses(1, &["every message is gone from 'INBOX'"], &[]);
    let limited = both.house.run(&["export", "offlineimap", "-a", "nobody"]);
    limited.refuses(2, &["there is no account 'nobody'"], &["valid accounts are: a"]);
}
