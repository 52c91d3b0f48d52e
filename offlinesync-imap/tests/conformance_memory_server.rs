//! The conformance suite of a backend against the in-memory server, which refuses whatever it does not offer, with more and less on
//! offer. No case may end with a violation of the protocol.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::testing::suite::{Fixture, Traits};
use offlinesync_core::testing::{Client, DatePrecision, Held};
use offlinesync_core::{Flags, FolderName, InternalDate, MessageId, Repository, Uid};
use offlinesync_imap::codec::date;
use offlinesync_imap::config::{Secret, Tls};
use offlinesync_imap::testing::client::Stored;
use offlinesync_imap::testing::server::{Mail, Options, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::sync::Arc;

struct OnServer {
    server: Server,
    deltas: bool,
    uidplus: bool,
}

impl OnServer {
    fn without(capabilities: &[&str]) -> Self {
        let options = capabilities.iter().fold(Options::default(), |options, name| options.without(name));
        OnServer {
            server: Server::start(options),
            deltas: !capabilities.contains(&"CONDSTORE"),
            uidplus: !capabilities.contains(&"UIDPLUS"),
        }
    }
}

impl Drop for OnServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // What was sent behind a SELECT that failed finds no mailbox; that is the price of not waiting for it.
            let behind_select = |violation: &&String| !violation.ends_with("not in this state");
            let violations = self.server.violations();
            let unexpected: Vec<&String> = violations.iter().filter(behind_select).collect();
            assert!(unexpected.is_empty(), "{unexpected:?}");
        }
    }
}

impl Fixture for OnServer {
    fn repository(&self) -> Arc<dyn Repository> {
        let config = ImapConfig::new("server", self.server.host(), "u1", || Ok(Secret::new("pw".to_owned())))
            .port(Some(self.server.port()))
            .tls(Tls::None);
        Arc::new(ImapRepository::new(config))
    }

    fn client(&self) -> Box<dyn Client> {
        Box::new(Other(self.server.mail()))
    }

    fn traits(&self) -> Traits {
        Traits {
            dates: DatePrecision::SecondsAndZone,
            deltas: self.deltas,
            removes_beside_marked: self.uidplus,
            tells_ids: self.uidplus,
            accepts_name: |name| name.is_ascii() && !name.contains(['&', '%', '*']),
            // BINARY is not offered, and without it no NUL may be sent.
            becomes: |wire| (!wire.contains(&0)).then(|| wire.to_vec()),
            large: 8 << 20,
            ..Traits::default()
        }
    }
}

/// A hand in the server's memory.
struct Other(Mail);

fn names(flags: &Flags) -> Vec<String> {
    let system = flags.system.imap_names().map(str::to_owned);
    system.chain(flags.keywords.iter().map(str::to_owned)).collect()
}

fn uid(id: &MessageId) -> u32 {
    id.uid().expect("IMAP numbers its messages").get()
}

fn held(stored: Stored) -> (MessageId, Held) {
    let flags = Flags::from_imap(stored.flags.iter().map(String::as_str));
    let date = date::parse(stored.date.as_bytes());
    (MessageId::Uid(Uid::new(stored.uid).unwrap()), Held { octets: stored.bytes, flags, date })
}

impl Client for Other {
    fn add(&mut self, folder: &FolderName, raw: &[u8], flags: &Flags, date: Option<InternalDate>) -> MessageId {
        let names = names(flags);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mailbox = self.0.mailbox("u1", folder.as_str());
        let uid = match date {
            Some(date) => mailbox.add_at(raw, &names, &date::format(date)),
            None => mailbox.add(raw, &names),
        };
        MessageId::Uid(Uid::new(uid).unwrap())
    }

    fn remove(&mut self, folder: &FolderName, id: &MessageId) {
        self.0.mailbox("u1", folder.as_str()).remove(uid(id));
    }

    fn set_flags(&mut self, folder: &FolderName, id: &MessageId, flags: &Flags) {
        let stored = self.0.mailbox("u1", folder.as_str()).messages();
        let before = stored.into_iter().find(|stored| stored.uid == uid(id)).expect("the message").flags;
        let (set, clear) = (names(flags), before);
        let clear: Vec<&str> = clear.iter().filter(|name| !set.contains(name)).map(String::as_str).collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        self.0.mailbox("u1", folder.as_str()).flag(uid(id), &set, &clear);
    }

    fn list(&mut self, folder: &FolderName) -> Vec<(MessageId, Held)> {
        self.0.mailbox("u1", folder.as_str()).messages().into_iter().map(held).collect()
    }

    fn create(&mut self, folder: &FolderName) {
        self.0.create("u1", folder.as_str());
    }

    fn renumber(&mut self, folder: &FolderName) -> bool {
        self.0.mailbox("u1", folder.as_str()).renumber();
        true
    }
}

mod with_everything {
    use super::*;
    offlinesync_core::conformance!(OnServer::without(&[]));
}

mod without_qresync {
    use super::*;
    offlinesync_core::conformance!(OnServer::without(&["QRESYNC", "ENABLE", "ESEARCH"]));
}

mod with_imap4rev1_alone {
    use super::*;
    offlinesync_core::conformance!(OnServer::without(&[
        "QRESYNC",
        "CONDSTORE",
        "ENABLE",
        "ESEARCH",
        "LIST-STATUS",
        "LIST-EXTENDED",
        "SPECIAL-USE",
        "UIDPLUS",
        "MOVE",
        "UNSELECT",
        "LITERAL+",
        "NAMESPACE",
        "SASL-IR",
    ]));
}
