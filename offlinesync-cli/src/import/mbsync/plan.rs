//! From mbsync's configuration to accounts of ours. Pure but for what it is told of the servers and `~`.

use super::Notes;
use super::channel::{self, Channel, StatePlace};
use super::names::{Chosen, Names};
use super::rc::{Kind, Section};
use super::stores::{self, ImapStore, MaildirStore, Store, Style};
use crate::config::discover::Environment;
use offlinesync_core::{Error, ErrorKind, PerSide, Result, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What an IMAP server says of its mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) separator: char,
    /// Before the names of the user's own mailboxes.
    pub(super) namespace: String,
}

/// One account of ours.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) account: String,
    /// Line of the channel.
    pub(super) number: usize,
    pub(super) stores: PerSide<Store>,
    /// Where a side that is a Maildir has its root.
    pub(super) roots: PerSide<Option<PathBuf>>,
    pub(super) names: PerSide<Names>,
    pub(super) chosen: Chosen,
    pub(super) rights: PerSide<channel::Rights>,
    /// Names of mbsync's stores, which are part of the names of state files.
    pub(super) store_names: PerSide<String>,
    pub(super) state: StatePlace,
    /// Larger messages are left alone.
    pub(super) max_octets: Option<u64>,
}

/// The channels with their stores, before any server was asked. A channel that cannot be expressed is noted and left out.
pub(super) fn channels(
    sections: &[Section],
    environment: &dyn Environment,
    notes: &mut Notes,
) -> Vec<(Channel, PerSide<Store>)> {
    let mut found = Vec::new();
    for section in sections.iter().filter(|section| section.kind == Kind::Channel) {
        match channel_with_stores(section, sections, environment, notes) {
            Ok(both) => found.push(both),
            Err(error) => notes.leave_out(section, &error),
        }
    }
    found
}

fn channel_with_stores(
    section: &Section,
    sections: &[Section],
    environment: &dyn Environment,
    notes: &mut Notes,
) -> Result<(Channel, PerSide<Store>)> {
    let mut channel = channel::read(section, &sections[0], notes)?;
    let ends = channel.ends.clone();
    let mut sizes = Vec::new();
    let mut store = |side: Side| {
        let name = &ends[side].store;
        let found = sections
            .iter()
            .find(|section| matches!(section.kind, Kind::ImapStore | Kind::MaildirStore) && section.name == *name);
        let section = found.ok_or_else(|| mistake(format!("line {}: there is no store `{name}`", channel.number)))?;
        sizes.extend(stores::max_size(section)?);
        stores::read(section, sections, environment, notes)
    };
    let stores = PerSide { remote: store(Side::Remote)?, local: store(Side::Local)? };
    let limits = channel.max_size.map_or(sizes, |size| vec![size]);
    channel.max_size = limits.into_iter().filter(|size| *size > 0).min();
    if channel.max_size.is_some() {
        let text = "has become `maxsize`: larger messages are left alone on both sides, and get no placeholder";
        notes.remark_at(channel.number, &format!("MaxSize of channel {}", channel.name), text);
    }
    Ok((channel, stores))
}

fn mistake(sentence: String) -> Error {
    Error::new(ErrorKind::Configuration, sentence)
}

/// The accounts that a channel becomes: one, or two where INBOX lies apart from all other mailboxes.
///
/// # Errors
/// Its mailboxes cannot be expressed.
pub(super) fn moves(
    channel: &Channel,
    stores: &PerSide<Store>,
    servers: &BTreeMap<String, Server>,
    taken: &mut BTreeSet<String>,
) -> Result<Vec<Move>> {
    let ends = PerSide {
        remote: Placed::of(channel, stores, servers, Side::Remote)?,
        local: Placed::of(channel, stores, servers, Side::Local)?,
    };
    let apart = Side::BOTH.iter().any(|side| ends[*side].inbox_apart.is_some());
    let mut moves = Vec::new();
    let mut add = |suffix: &str, ends: PerSide<Placed>, chosen: Chosen| {
        moves.push(Move {
            account: free_name(&format!("{}{suffix}", channel.name), taken),
            number: channel.number,
            stores: stores.clone(),
            roots: ends.as_ref().map(|end| end.root.clone()),
            names: ends.map(|end| end.names),
            chosen,
            rights: channel.rights,
            store_names: channel.ends.as_ref().map(|end| end.store.clone()),
            state: channel.state.clone(),
            max_octets: channel.max_size,
        });
    };
    let inbox = PerSide { remote: "INBOX".to_owned(), local: "INBOX".to_owned() };
    if channel.patterns.is_empty() {
        let mailbox = |side: Side| match channel.ends[side].mailbox.as_str() {
            "" => "INBOX".to_owned(),
            mailbox => mailbox.to_owned(),
        };
        let one = PerSide { remote: mailbox(Side::Remote), local: mailbox(Side::Local) };
        let ends = PerSide { remote: ends.remote.for_one(&one.remote)?, local: ends.local.for_one(&one.local)? };
        add("", ends, Chosen::One(one));
        return Ok(moves);
    }
    let with_wildcard = ends.remote.names.below.is_empty()
        && ends.local.names.below.is_empty()
        && Side::BOTH.iter().any(|side| ends[*side].inbox_in_path);
    if apart && wants_inbox(channel, with_wildcard) {
        let both =
            PerSide { remote: ends.remote.clone().for_one("INBOX")?, local: ends.local.clone().for_one("INBOX")? };
        add("-inbox", both, Chosen::One(inbox));
    }
    let mut patterns = channel.patterns.clone();
    if apart {
        patterns.push(channel::Pattern { text: "INBOX".to_owned(), excludes: true });
    }
    let rooted = Side::BOTH.iter().all(|side| ends[*side].root.is_some() || ends[*side].is_imap);
    if !rooted {
        return Err(mistake(format!("line {}: the Maildir store of this channel has no `Path`", channel.number)));
    }
    add("", ends, Chosen::Matching { patterns, inbox: with_wildcard && !apart });
    Ok(moves)
}

/// Whether the patterns let INBOX in.
fn wants_inbox(channel: &Channel, with_wildcard: bool) -> bool {
    let matching = |pattern: &&channel::Pattern| match pattern.text.as_str() {
        "INBOX" => true,
        "*" | "%" => with_wildcard || pattern.excludes,
        _ => false,
    };
    channel.patterns.iter().rev().find(matching).is_some_and(|pattern| !pattern.excludes)
}

fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let wanted = wanted.replace(['/', ',', ' ', ']'], "-");
    let candidates = std::iter::once(wanted.clone()).chain((2..).map(|n| format!("{wanted}-{n}")));
    let name = candidates.into_iter().find(|name| !taken.contains(name)).unwrap_or(wanted);
    taken.insert(name.clone());
    name
}

/// One side of a channel with its place.
#[derive(Clone, Debug)]
struct Placed {
    is_imap: bool,
    root: Option<PathBuf>,
    names: Names,
    /// INBOX lies among the other mailboxes.
    inbox_in_path: bool,
    /// INBOX lies where no name below the root leads.
    inbox_apart: Option<PathBuf>,
}

impl Placed {
    fn of(
        channel: &Channel,
        stores: &PerSide<Store>,
        servers: &BTreeMap<String, Server>,
        side: Side,
    ) -> Result<Placed> {
        let below = if channel.patterns.is_empty() { "" } else { channel.ends[side].mailbox.as_str() };
        match &stores[side] {
            Store::Imap(store) => {
                let name = &channel.ends[side].store;
                let server = servers.get(name).ok_or_else(|| mistake(format!("nothing is known of store `{name}`")))?;
                Ok(Placed::imap(store, server, below))
            }
            Store::Maildir(store) => Ok(Placed::maildir(store, below)),
        }
    }

    fn imap(store: &ImapStore, server: &Server, below: &str) -> Placed {
        let prefix = match (store.path.as_str(), store.namespace) {
            ("", true) => server.namespace.clone(),
            (path, _) => path.replace('/', server.separator.encode_utf8(&mut [0; 4])),
        };
        let inbox_in_path = prefix.is_empty();
        let (separator, style) = (server.separator, Style::Verbatim);
        let names = Names { prefix, inbox: "INBOX".to_owned(), separator, style, below: below.to_owned() };
        Placed { is_imap: true, root: None, names, inbox_in_path, inbox_apart: None }
    }

    fn maildir(store: &MaildirStore, below: &str) -> Placed {
        let separator = match store.style {
            Style::PlusPlus => '.',
            Style::Flat(c) => c,
            Style::Verbatim | Style::Legacy => '/',
        };
        let (root, prefix) = match (&store.path, store.style) {
            (_, Style::PlusPlus) => (Some(store.inbox.clone()), String::new()),
            (Some(path), _) => {
                let (directory, prefix) = path.rsplit_once('/').unwrap_or((".", path));
                (Some(PathBuf::from(if directory.is_empty() { "/" } else { directory })), prefix.to_owned())
            }
            (None, _) => (None, String::new()),
        };
        let inbox = root.as_deref().and_then(|root| below_root(root, &store.inbox, separator));
        let apart = inbox.is_none().then(|| store.inbox.clone());
        let names = Names {
            prefix,
            inbox: inbox.clone().unwrap_or_else(|| "INBOX".to_owned()),
            separator,
            style: store.style,
            below: below.to_owned(),
        };
        Placed { is_imap: false, root, names, inbox_in_path: inbox.is_some(), inbox_apart: apart }
    }

    /// The same for one mailbox alone.
    fn for_one(self, mailbox: &str) -> Result<Placed> {
        match self.inbox_apart {
            Some(inbox) if mailbox == "INBOX" => {
                let names = Names { inbox: String::new(), separator: '.', style: Style::Flat('.'), ..self.names };
                Ok(Placed { root: Some(inbox), names, inbox_apart: None, ..self })
            }
            _ if self.root.is_none() && !self.is_imap => {
                Err(mistake(format!("the Maildir store of mailbox `{mailbox}` has no `Path`")))
            }
            _ => Ok(self),
        }
    }
}

/// The name that the inbox has below the root.
fn below_root(root: &Path, inbox: &Path, separator: char) -> Option<String> {
    let name = inbox.strip_prefix(root).ok()?.to_str()?;
    (separator == '/' || !name.contains('/')).then(|| name.to_owned())
}
