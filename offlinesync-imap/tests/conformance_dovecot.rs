//! The conformance suite of a backend against a real Dovecot, with everything it offers and with less and less of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::testing::suite::{Fixture, Traits};
use offlinesync_core::testing::{Client, DatePrecision, Held};
use offlinesync_core::{Flags, FolderName, InternalDate, MessageId, Repository, Uid};
use offlinesync_imap::codec::date;
use offlinesync_imap::codec::encode::flag_list;
use offlinesync_imap::codec::mailbox_name::{self, NameForm};
use offlinesync_imap::config::{Compression, Secret, Tls, Trust};
use offlinesync_imap::testing::client;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::sync::Arc;

/// How much of what the server offers is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    Everything,
    WithoutQresync,
    Plain,
}

struct OnDovecot {
    server: Arc<Dovecot>,
    tier: Tier,
}

impl OnDovecot {
    fn new(tier: Tier) -> Self {
        OnDovecot { server: Arc::new(Dovecot::start(Options::default())), tier }
    }

    /// One setting has everything between protocol and socket that there can be.
    fn encrypted_and_compressed(&self, config: ImapConfig) -> ImapConfig {
        config
            .port(Some(self.server.tls_port()))
            .tls(Tls::Implicit)
            .trust(Trust::CaFile(self.server.ca_file()))
            .verify_name(false)
            .compression(Compression::Always)
    }

    /// One setting shows names decoded, the others as they are on the wire.
    fn form(&self) -> NameForm {
        NameForm { decoded: self.tier == Tier::Everything, utf8: false }
    }
}

impl Fixture for OnDovecot {
    fn repository(&self) -> Arc<dyn Repository> {
        let without: &[&str] = match self.tier {
            Tier::Everything => &[],
            Tier::WithoutQresync => &["QRESYNC"],
            Tier::Plain => &[
                "QRESYNC",
                "CONDSTORE",
                "ENABLE",
                "UIDPLUS",
                "LIST-STATUS",
                "LIST-EXTENDED",
                "SPECIAL-USE",
                "MOVE",
                "ESEARCH",
                "MULTIAPPEND",
                "LITERAL+",
            ],
        };
        let config = ImapConfig::new("dovecot", self.server.host(), "u1", || Ok(Secret::new("pw".to_owned())))
            .port(Some(self.server.port()))
            .tls(Tls::None)
            .utf8_folder_names(self.form().decoded)
            .disabled_capabilities(without.iter().map(ToString::to_string).collect());
        Arc::new(ImapRepository::new(match self.tier {
            Tier::WithoutQresync => self.encrypted_and_compressed(config),
            _ => config,
        }))
    }

    fn client(&self) -> Box<dyn Client> {
        Box::new(Other { client: self.server.client("u1"), server: Arc::clone(&self.server), form: self.form() })
    }

    fn traits(&self) -> Traits {
        Traits {
            dates: DatePrecision::Seconds,
            future_dates: false,
            deltas: self.tier != Tier::Plain,
            removes_beside_marked: self.tier != Tier::Plain,
            tells_ids: self.tier != Tier::Plain,
            accepts_name: if self.form().decoded { accepts } else { accepts_on_the_wire },
            becomes,
            large: 20 << 20,
            ..Traits::default()
        }
    }
}

/// Dovecot takes no empty message. It keeps messages with LF, so a lone LF and a CR before CR LF do not come back, nor does a CR at
/// the very end; and it gives out NUL octets, which it keeps, as 0x80.
fn becomes(wire: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for (at, octet) in wire.strip_suffix(b"\r").unwrap_or(wire).iter().enumerate() {
        match octet {
            b'\r' if wire.get(at + 1) == Some(&b'\n') => {}
            0 => kept.push(0x80),
            octet => kept.push(*octet),
        }
    }
    let mut given = Vec::new();
    for octet in kept {
        if octet == b'\n' && given.last() != Some(&b'\r') {
            given.push(b'\r');
        }
        given.push(octet);
    }
    (!wire.is_empty()).then_some(given)
}

fn accepts(name: &str) -> bool {
    !name.starts_with('~')
}

fn accepts_on_the_wire(name: &str) -> bool {
    accepts(name) && name.is_ascii() && !name.contains('&')
}

/// Another client, which shares no code with the one under test.
struct Other {
    client: client::Client,
    server: Arc<Dovecot>,
    form: NameForm,
}

impl Other {
    fn wire(&self, folder: &FolderName) -> String {
        String::from_utf8(mailbox_name::encode(folder, self.form)).unwrap()
    }

    fn select(&mut self, folder: &FolderName) {
        let wire = self.wire(folder);
        self.client.select(&wire);
    }
}

fn number(id: &MessageId) -> String {
    id.uid().expect("IMAP numbers its messages").to_string()
}

impl Client for Other {
    fn add(&mut self, folder: &FolderName, raw: &[u8], flags: &Flags, date: Option<InternalDate>) -> MessageId {
        let (wire, flags) = (self.wire(folder), flag_list(flags));
        let uid = self.client.append(&wire, flags.trim_matches(['(', ')']), date.map(date::format).as_deref(), raw);
        MessageId::Uid(Uid::new(uid).expect("UIDPLUS"))
    }

    fn remove(&mut self, folder: &FolderName, id: &MessageId) {
        self.select(folder);
        self.client.remove(&number(id));
    }

    fn set_flags(&mut self, folder: &FolderName, id: &MessageId, flags: &Flags) {
        self.select(folder);
        self.client.store(&number(id), "FLAGS", flag_list(flags).trim_matches(['(', ')']));
    }

    fn list(&mut self, folder: &FolderName) -> Vec<(MessageId, Held)> {
        let wire = self.wire(folder);
        if self.client.select(&wire).exists == 0 {
            return Vec::new();
        }
        let held = |stored: client::Stored| {
            let flags = Flags::from_imap(stored.flags.iter().map(String::as_str));
            let id = MessageId::Uid(Uid::new(stored.uid).unwrap());
            (id, Held { octets: stored.bytes, flags, date: date::parse(stored.date.as_bytes()) })
        };
        self.client.messages(&wire).into_iter().map(held).collect()
    }

    fn create(&mut self, folder: &FolderName) {
        let wire = self.wire(folder);
        self.client.create(&wire);
    }

    fn renumber(&mut self, folder: &FolderName) -> bool {
        let wire = self.wire(folder);
        let now = self.client.select(&wire).uid_validity;
        self.client.ok("UNSELECT");
        let next = (now + 1).to_string();
        self.server.doveadm(&["mailbox", "update", "-u", "u1", "--uid-validity", &next, folder.as_str()]);
        true
    }
}

mod with_everything {
    use super::*;
    offlinesync_core::conformance!(OnDovecot::new(Tier::Everything));
}

mod without_qresync {
    use super::*;
    offlinesync_core::conformance!(OnDovecot::new(Tier::WithoutQresync));
}

mod with_imap4rev1_alone {
    use super::*;
    offlinesync_core::conformance!(OnDovecot::new(Tier::Plain));
}
