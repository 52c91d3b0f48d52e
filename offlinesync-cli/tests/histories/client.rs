//! The user at the server, with another client.

use crate::deeds::RemoteAct;
use crate::letters::{FLAGS, content_of, wire};
use offlinesync_core::testing::histories::{Content, Deed, FlagSet};
use offlinesync_core::{MessageId, Uid};
use offlinesync_imap::testing::server::{Mail, MailboxHandle};
use proptest::sample::Index;

pub(crate) const USER: &str = "u1";

/// A message on the server.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) folder: String,
    pub(crate) uid: u32,
    pub(crate) content: Content,
    pub(crate) flags: FlagSet,
}

impl Stored {
    pub(crate) fn id(&self) -> MessageId {
        Uid::new(self.uid).unwrap().into()
    }
}

/// Every message.
pub(crate) fn messages(mail: &Mail) -> Vec<Stored> {
    mail.names(USER).iter().flat_map(|folder| in_folder(mail, folder)).collect()
}

pub(crate) fn in_folder(mail: &Mail, folder: &str) -> Vec<Stored> {
    let known = |flags: &[String]| FLAGS.into_iter().filter(|flag| flags.iter().any(|there| there == flag)).collect();
    let stored = mail.mailbox(USER, folder).messages().into_iter();
    let told = |message: offlinesync_imap::testing::client::Stored| Stored {
        folder: folder.to_owned(),
        uid: message.uid,
        content: content_of(&message.bytes),
        flags: known(&message.flags),
    };
    stored.map(told).collect()
}

/// Does what a user would; a message that is added is this one.
pub(crate) fn perform(mail: &Mail, act: &RemoteAct, content: Content) -> Vec<Deed> {
    match act {
        RemoteAct::Add { folder, flags, .. } => {
            add(mail, crate::FOLDERS[*folder], content, *flags).into_iter().collect()
        }
        RemoteAct::Remove { which } => pick(mail, which).map_or_else(Vec::new, |stored| vec![remove(mail, &stored)]),
        RemoteAct::Move { which, to } => move_away(mail, which, crate::FOLDERS[*to]),
        RemoteAct::Copy { which, to } => copy(mail, which, crate::FOLDERS[*to]),
        RemoteAct::Flag { which, flag } => toggle(mail, which, FLAGS[*flag]),
        RemoteAct::Replace { which } => replace(mail, which),
        RemoteAct::Create { folder } => {
            mail.create(USER, crate::FOLDERS[*folder]);
            vec![Deed::Created { folder: crate::FOLDERS[*folder].to_owned() }]
        }
    }
}

fn pick(mail: &Mail, which: &Index) -> Option<Stored> {
    let mut all = messages(mail);
    (!all.is_empty()).then(|| all.swap_remove(which.index(all.len())))
}

fn put(mailbox: MailboxHandle<'_>, content: Content, flags: &FlagSet) {
    let flags: Vec<&str> = flags.iter().copied().collect();
    mailbox.add(&wire(content), &flags);
}

/// The first flags by the bits of a number.
pub(crate) fn flags_of(bits: u8) -> FlagSet {
    FLAGS.into_iter().take(6).enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, flag)| flag).collect()
}

fn add(mail: &Mail, folder: &str, content: Content, flags: u8) -> Option<Deed> {
    mail.create(USER, folder);
    let flags = flags_of(flags);
    put(mail.mailbox(USER, folder), content, &flags);
    Some(Deed::Added { folder: folder.to_owned(), content, flags })
}

fn remove(mail: &Mail, stored: &Stored) -> Deed {
    mail.mailbox(USER, &stored.folder).remove(stored.uid);
    Deed::Removed { folder: stored.folder.clone(), id: stored.id(), content: stored.content }
}

fn move_away(mail: &Mail, which: &Index, to: &str) -> Vec<Deed> {
    let Some(stored) = pick(mail, which).filter(|stored| stored.folder != to) else { return Vec::new() };
    mail.create(USER, to);
    remove(mail, &stored);
    put(mail.mailbox(USER, to), stored.content, &stored.flags);
    vec![Deed::Moved {
        folder: stored.folder.clone(),
        id: stored.id(),
        content: stored.content,
        to: to.to_owned(),
        own_name: false,
    }]
}

fn copy(mail: &Mail, which: &Index, to: &str) -> Vec<Deed> {
    let Some(stored) = pick(mail, which) else { return Vec::new() };
    mail.create(USER, to);
    put(mail.mailbox(USER, to), stored.content, &stored.flags);
    vec![Deed::Added { folder: to.to_owned(), content: stored.content, flags: stored.flags }]
}

/// Appended again and expunged, as clients do that edit drafts or tidy up.
fn replace(mail: &Mail, which: &Index) -> Vec<Deed> {
    let Some(stored) = pick(mail, which) else { return Vec::new() };
    put(mail.mailbox(USER, &stored.folder), stored.content, &stored.flags);
    let added = Deed::Added { folder: stored.folder.clone(), content: stored.content, flags: stored.flags.clone() };
    vec![added, remove(mail, &stored)]
}

fn toggle(mail: &Mail, which: &Index, flag: &'static str) -> Vec<Deed> {
    let Some(stored) = pick(mail, which) else { return Vec::new() };
    let on = !stored.flags.contains(flag);
    let one = [flag];
    let (set, clear): (&[&str], &[&str]) = if on { (&one, &[]) } else { (&[], &one) };
    mail.mailbox(USER, &stored.folder).flag(stored.uid, set, clear);
    vec![Deed::Flagged { folder: stored.folder.clone(), id: stored.id(), content: stored.content, flag, on }]
}
