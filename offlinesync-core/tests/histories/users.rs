//! Users at work in their stores, between syncs and in the middle of one. What one did is told, so that it can be counted afterwards.

use crate::{Act, FOLDERS};
use offlinesync_core::testing::histories::{Content, Deed, FlagSet};
use offlinesync_core::testing::{Held, MemoryRepository};
use offlinesync_core::{Flags, MessageId};
use proptest::prelude::*;

pub(crate) const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "work", "todo"];

/// Contents of messages that are there on both sides from the beginning, and stay.
pub(crate) const FIRST: Content = 900_001;

/// From here on contents have headers that tell them from others.
pub(crate) const TELLING: Content = 500_000;

/// Does in a store what a user would; a message that is added is this one.
pub(crate) fn perform(store: &MemoryRepository, act: &Act, content: Content) -> Option<Deed> {
    match act {
        Act::Add { folder, flags, .. } | Act::AddOnBoth { folder, flags, .. } => {
            let flags = FLAGS.iter().enumerate().filter(|(n, _)| flags & (1 << n) != 0).map(|(_, flag)| *flag);
            Some(add(store, FOLDERS[*folder], content, Flags::from_imap(flags)))
        }
        Act::Remove { which, .. } => {
            let (folder, id, held) = pick(store, which)?;
            store.remove(&local_name(store, &folder), &id);
            Some(Deed::Removed { folder, id, content: content_of(&held.octets) })
        }
        Act::Move { which, to, .. } => move_away(store, which, FOLDERS[*to]),
        Act::Flag { which, flag, .. } => toggle(store, which, FLAGS[*flag]),
        Act::Create { folder, .. } => {
            store.create_folder(&local_name(store, FOLDERS[*folder]));
            Some(Deed::Created { folder: FOLDERS[*folder].to_owned() })
        }
        Act::Rename { .. } | Act::Renumber { .. } | Act::Status { .. } | Act::Sync(_) => None,
    }
}

pub(crate) fn add(store: &MemoryRepository, folder: &str, content: Content, flags: Flags) -> Deed {
    let kept = names(&flags.supported(&store.knobs().support));
    store.add(&local_name(store, folder), &octets(content), flags);
    Deed::Added { folder: folder.to_owned(), content, flags: kept }
}

fn move_away(store: &MemoryRepository, which: &prop::sample::Index, to: &str) -> Option<Deed> {
    let (folder, id, held) = pick(store, which).filter(|(folder, ..)| folder != to)?;
    let content = content_of(&held.octets);
    store.remove(&local_name(store, &folder), &id);
    store.add(&local_name(store, to), &octets(content), held.flags);
    Some(Deed::Moved { folder, id, content, to: to.to_owned(), own_name: false })
}

fn toggle(store: &MemoryRepository, which: &prop::sample::Index, flag: &'static str) -> Option<Deed> {
    let (folder, id, held) = pick(store, which)?;
    let one = Flags::from_imap([flag]);
    let on = !names(&held.flags).contains(flag);
    if on && one.supported(&store.knobs().support).is_empty() {
        return None;
    }
    let flags = if on { held.flags.union(&one) } else { held.flags.difference(&one) };
    store.set_flags(&local_name(store, &folder), &id, flags);
    Some(Deed::Flagged { folder, id, content: content_of(&held.octets), flag, on })
}

/// One of the messages that do not stay.
pub(crate) fn pick(store: &MemoryRepository, which: &prop::sample::Index) -> Option<(String, MessageId, Held)> {
    let mut all = messages(store);
    all.retain(|(.., held)| content_of(&held.octets) < FIRST);
    // The order must be the same in a mirrored world, whatever the ids are.
    all.sort_by_key(|(folder, id, held)| (folder.clone(), content_of(&held.octets), id.clone()));
    (!all.is_empty()).then(|| all.swap_remove(which.index(all.len())))
}

pub(crate) fn messages(store: &MemoryRepository) -> Vec<(String, MessageId, Held)> {
    let named = |folder: &&'static str| {
        let folder = (*folder).to_owned();
        let mails = store.mails(&local_name(store, &folder));
        mails.into_iter().map(move |(id, held)| (folder.clone(), id, held))
    };
    FOLDERS.iter().flat_map(named).collect()
}

/// The name that a store gives a folder.
pub(crate) fn local_name(store: &MemoryRepository, folder: &str) -> String {
    let separator = store.knobs().separator.unwrap();
    folder.replace('/', &separator.to_string())
}

/// Every fourth has a header without a Message-ID, and those of all are short, but for those that shall tell.
fn octets(content: Content) -> Vec<u8> {
    let large = if content.is_multiple_of(2) { "" } else { "a longer line of text that fills it\r\n" };
    let id = match content {
        TELLING.. => format!("Subject: a letter\r\nMessage-ID: <{content}@example.org>\r\n"),
        _ if content.is_multiple_of(4) => String::new(),
        _ => format!("Message-ID: <{content}@example.org>\r\n"),
    };
    format!("From: x@example.org\r\n{id}\r\n{content:06}\r\n{}", large.repeat(10)).into_bytes()
}

pub(crate) fn content_of(octets: &[u8]) -> Content {
    let text = String::from_utf8_lossy(octets);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    body.get(..6).and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}

pub(crate) fn names(flags: &Flags) -> FlagSet {
    let has = |flag: &&'static str| Flags::from_imap([*flag]).difference(flags).is_empty();
    FLAGS.into_iter().filter(has).collect()
}
