//! QRESYNC, CONDSTORE and neither: whatever a server offers, the same history ends in the same state, on both sides. Random histories on
//! a real Dovecot, whose higher capabilities are hidden from some of the accounts.

#![allow(clippy::unwrap_used)]

use offlinesync_core::sync::Account;
use offlinesync_core::testing::mails::{Mail, Random};
use offlinesync_core::testing::memory::{Knobs, MemoryRepository};
use offlinesync_core::{Cancel, Flags, MemoryStatus, SystemFlags};
use offlinesync_imap::config::{Secret, Tls};
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::sync::Arc;

/// What is hidden from each account.
const TIERS: [&[&str]; 5] = [
    &[],
    &["QRESYNC"],
    &["QRESYNC", "ESEARCH"],
    &["QRESYNC", "CONDSTORE"],
    &["QRESYNC", "CONDSTORE", "ENABLE", "UIDPLUS", "ESEARCH", "LIST-STATUS", "MOVE", "MULTIAPPEND", "LITERAL+"],
];
const FOLDERS: [&str; 2] = ["INBOX", "Other"];

/// A mailbox of its own with one tier's view of the server, and the store it is kept in step with.
struct Tier {
    name: String,
    client: Client,
    remote: ImapConfig,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

/// Content and flags.
type Seen = Vec<(Vec<u8>, String)>;

impl Tier {
    fn new(server: &Dovecot, number: usize) -> Tier {
        let user = format!("u{}", number + 1);
        let mut client = server.client(&user);
        client.create("Other");
        let remote = ImapConfig::new("dovecot", server.host(), &user, || Ok(Secret::new("pw".to_owned())))
            .port(Some(server.port()))
            .tls(Tls::None)
            .disabled_capabilities(TIERS[number].iter().map(ToString::to_string).collect());
        let (local, status) = (MemoryRepository::new("local", Knobs::maildir()), Arc::new(MemoryStatus::new()));
        Tier { name: format!("without {:?}", TIERS[number]), client, remote, local, status }
    }

    fn sync(&self) {
        let remote = Arc::new(ImapRepository::new(self.remote.clone()));
        let account = Account::new("a", remote, Arc::new(self.local.clone()), self.status.clone());
        let report = account.sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{}: {:?}", self.name, report.failures);
    }

    fn on_server(&mut self, folder: &str) -> Seen {
        let shown = |flags: Vec<String>| Flags::from_imap(flags.iter().map(String::as_str)).to_string();
        sorted(self.client.messages(folder).into_iter().map(|stored| (stored.bytes, shown(stored.flags))).collect())
    }

    fn here(&self, folder: &str) -> Seen {
        let mails = self.local.mails(folder).into_iter();
        sorted(mails.map(|(_, held)| (held.octets, held.flags.to_string())).collect())
    }

    /// Another client's deeds.
    fn work_there(&mut self, random: &mut Random, folder: &str) {
        for _ in 0..random.below(4) {
            let flags = *random.of(&["", "\\Seen", "\\Flagged \\Seen"]);
            self.client.append(folder, flags, None, &mail(random));
        }
        // By content, for numbers differ where messages were uploaded in another order.
        let mut there = self.client.messages(folder);
        there.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        for stored in there {
            let (uid, flag) = (stored.uid.to_string(), *random.of(&["\\Flagged", "\\Answered", "\\Seen"]));
            match random.below(9) {
                0 => self.client.remove(&uid),
                1 => self.client.store(&uid, "+FLAGS", flag),
                2 => self.client.store(&uid, "-FLAGS", flag),
                _ => {}
            }
        }
    }

    /// A mail program's deeds.
    fn work_here(&self, random: &mut Random, folder: &str) {
        for _ in 0..random.below(3) {
            self.local.add(folder, &mail(random), Flags::default());
        }
        let mut here = self.local.mails(folder);
        here.sort_by(|a, b| a.1.octets.cmp(&b.1.octets));
        for (id, held) in here {
            let flag = Flags::system(*random.of(&[SystemFlags::FLAGGED, SystemFlags::ANSWERED, SystemFlags::SEEN]));
            match random.below(12) {
                0 => self.local.remove(folder, &id),
                1 => self.local.set_flags(folder, &id, held.flags.union(&flag)),
                2 => self.local.set_flags(folder, &id, held.flags.difference(&flag)),
                _ => {}
            }
        }
    }
}

fn mail(random: &mut Random) -> Vec<u8> {
    Mail::text(&format!("letter {}", random.number())).bytes
}

fn sorted(mut seen: Seen) -> Seen {
    seen.sort();
    seen
}

fn shown(seen: &Seen) -> Vec<String> {
    let last = |octets: &[u8]| String::from_utf8_lossy(octets).lines().last().unwrap_or_default().to_owned();
    seen.iter().map(|(octets, flags)| format!("{} [{flags}]", last(octets))).collect()
}

#[test]
fn every_tier_reaches_the_same_state_on_the_same_history() {
    let server = Dovecot::start(Options::default());
    let mut tiers: Vec<Tier> = (0..TIERS.len()).map(|number| Tier::new(&server, number)).collect();
    for round in 0..8 {
        let mut states = Vec::new();
        for tier in &mut tiers {
            // The same deeds everywhere.
            let mut random = Random::new(4711 + round);
            for folder in FOLDERS {
                tier.work_there(&mut random, folder);
                if round > 0 {
                    tier.work_here(&mut random, folder);
                }
            }
            tier.sync();
            let state = FOLDERS.map(|folder| tier.on_server(folder));
            for (folder, there) in FOLDERS.iter().zip(&state) {
                assert_eq!(shown(&tier.here(folder)), shown(there), "{} {folder}, round {round}", tier.name);
                assert!(tier.here(folder) == *there);
            }
            states.push((tier.name.clone(), state));
        }
        for (name, state) in &states[1..] {
            assert_eq!(state.each_ref().map(shown), states[0].1.each_ref().map(shown), "{name}, round {round}");
        }
    }
}
