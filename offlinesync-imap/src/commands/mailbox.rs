//! LIST, LSUB, STATUS, CREATE, RENAME, SUBSCRIBE (RFC 3501 section 6.3, RFC 5258, RFC 5819, RFC 6154): the folders there are and their state.

use super::line;
use crate::codec::encode::Writer;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::ListEntry;
use crate::connection::{Command, SessionView};
use offlinesync_core::{FolderName, SpecialUse};

/// How folders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListForm {
    /// One command answers names and states together (RFC 5819).
    pub(crate) with_status: bool,
    special_use: bool,
    /// Subscribed folders are a selection of LIST (RFC 5258); otherwise LSUB says which they are.
    pub(crate) subscribed_by_list: bool,
    mod_seq: bool,
    /// Mailboxes have ids that stay when their names change (RFC 8474).
    object_id: bool,
}

impl ListForm {
    /// The form that suits what the server offers.
    pub(crate) fn of(session: &SessionView) -> Self {
        let has = |name: &str| session.capabilities.contains(name);
        let extended = has("LIST-EXTENDED") || has("IMAP4REV2");
        ListForm {
            with_status: has("LIST-STATUS") || has("IMAP4REV2"),
            special_use: has("SPECIAL-USE") && extended,
            subscribed_by_list: extended,
            mod_seq: has("CONDSTORE") || has("QRESYNC"),
            object_id: has("OBJECTID"),
        }
    }

    /// Nothing that an old server does not know.
    pub(crate) fn plain(self) -> Self {
        ListForm { with_status: false, special_use: false, subscribed_by_list: false, object_id: false, ..self }
    }

    fn status_items(self) -> &'static str {
        match (self.mod_seq, self.object_id) {
            (true, true) => "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ MAILBOXID)",
            (true, false) => "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)",
            (false, true) => "(MESSAGES UIDNEXT UIDVALIDITY MAILBOXID)",
            (false, false) => "(MESSAGES UIDNEXT UIDVALIDITY)",
        }
    }

    /// `LIST`, of all folders or of those subscribed to.
    pub(crate) fn list(self, reference: &str, subscribed: bool, form: NameForm) -> Command {
        let writer = Writer::new("LIST");
        let writer = if subscribed && self.subscribed_by_list { writer.word("(SUBSCRIBED)") } else { writer };
        let mut wanted: Vec<String> = Vec::new();
        if self.special_use {
            wanted.push("SPECIAL-USE".to_owned());
        }
        if self.with_status {
            wanted.push(format!("STATUS {}", self.status_items()));
        }
        let writer = writer.string(&reference_bytes(reference, form), form.utf8).word("\"*\"");
        match wanted.is_empty() {
            true => writer.finish(),
            false => writer.word(&format!("RETURN ({})", wanted.join(" "))).finish(),
        }
    }

    /// `STATUS` of one folder.
    pub(crate) fn status(self, name: &FolderName, form: NameForm) -> Command {
        Writer::new("STATUS").mailbox(name, form).word(self.status_items()).finish()
    }
}

/// `LSUB` of all folders.
pub(crate) fn lsub(reference: &str, form: NameForm) -> Command {
    Writer::new("LSUB").string(&reference_bytes(reference, form), form.utf8).word("\"*\"").finish()
}

/// `LIST` of one folder.
pub(crate) fn list_one(name: &FolderName, form: NameForm) -> Command {
    // A name with a wildcard in it matches itself among others.
    Writer::new("LIST").word("\"\"").mailbox(name, form).finish()
}

/// The reference in the form of a folder name; the empty one stays empty.
fn reference_bytes(reference: &str, form: NameForm) -> Vec<u8> {
    match reference {
        "" => Vec::new(),
        _ => crate::codec::mailbox_name::encode(&FolderName::from(reference), form),
    }
}

/// `CREATE`.
pub(crate) fn create(name: &FolderName, form: NameForm) -> Command {
    Writer::new("CREATE").mailbox(name, form).finish()
}

/// `DELETE`, with everything in it.
pub(crate) fn delete(name: &FolderName, form: NameForm) -> Command {
    Writer::new("DELETE").mailbox(name, form).finish()
}

/// `UNSUBSCRIBE`.
pub(crate) fn unsubscribe(name: &FolderName, form: NameForm) -> Command {
    Writer::new("UNSUBSCRIBE").mailbox(name, form).finish()
}

/// `SUBSCRIBE`, so that programs which show only subscribed folders show it.
pub(crate) fn subscribe(name: &FolderName, form: NameForm) -> Command {
    Writer::new("SUBSCRIBE").mailbox(name, form).finish()
}

/// `NAMESPACE` (RFC 2342): below which names folders are kept.
pub(crate) fn namespace() -> Command {
    line("NAMESPACE")
}

/// `RENAME`.
pub(crate) fn rename(from: &FolderName, to: &FolderName, form: NameForm) -> Command {
    Writer::new("RENAME").mailbox(from, form).mailbox(to, form).finish()
}

/// A command that does nothing.
pub(crate) fn noop() -> Command {
    line("NOOP")
}

/// Whether a listed name can hold messages.
pub(crate) fn is_selectable(entry: &ListEntry) -> bool {
    !has_attribute(entry, "\\Noselect") && !has_attribute(entry, "\\NonExistent")
}

fn has_attribute(entry: &ListEntry, name: &str) -> bool {
    entry.attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(name))
}

/// What a listed name is for.
pub(crate) fn special_use(entry: &ListEntry) -> Option<SpecialUse> {
    const USES: [(&str, SpecialUse); 8] = [
        ("\\All", SpecialUse::All),
        ("\\Archive", SpecialUse::Archive),
        ("\\Drafts", SpecialUse::Drafts),
        ("\\Flagged", SpecialUse::Flagged),
        ("\\Important", SpecialUse::Important),
        ("\\Junk", SpecialUse::Junk),
        ("\\Sent", SpecialUse::Sent),
        ("\\Trash", SpecialUse::Trash),
    ];
    USES.iter().find(|(name, _)| has_attribute(entry, name)).map(|(_, special_use)| *special_use)
}
