//! UID FETCH (RFC 3501 section 6.4.8, RFC 7162 section 3.1.4): flags, bodies, headers.

use super::line;
use crate::connection::{Command, SessionView};
use offlinesync_core::Uid;
use offlinesync_core::repository::HEADER_LIMIT;
use std::fmt::Display;

/// What a server calls the content of a message in every folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// EMAILID (RFC 8474).
    EmailId,
    /// X-GM-MSGID, Gmail's.
    Gmail,
}

impl Naming {
    /// The one that the server offers.
    pub(crate) fn of(session: &SessionView) -> Option<Naming> {
        let has = |name: &str| session.capabilities.contains(name);
        match (has("OBJECTID"), has("X-GM-EXT-1")) {
            (true, _) => Some(Naming::EmailId),
            (false, true) => Some(Naming::Gmail),
            (false, false) => None,
        }
    }
}

/// What is asked of each listed message. A name without a size is of no use.
fn listed(naming: Option<Naming>) -> &'static str {
    match naming {
        None => "(UID FLAGS)",
        Some(Naming::EmailId) => "(UID FLAGS RFC822.SIZE EMAILID)",
        Some(Naming::Gmail) => "(UID FLAGS RFC822.SIZE X-GM-MSGID)",
    }
}

/// Flags of every message, and what else names it.
pub(crate) fn all_flags(naming: Option<Naming>) -> Command {
    line(format!("UID FETCH 1:* {}", listed(naming)))
}

/// Flags of every message that is new or changed since; with `vanished`, also what was removed since (QRESYNC must be enabled).
///
/// The range ends in the largest UID and not in `*`: there are servers that leave the last removed message out of the latter.
pub(crate) fn flags_since(mod_seq: u64, vanished: bool, naming: Option<Naming>) -> Command {
    let vanished = if vanished { " VANISHED" } else { "" };
    let items = listed(naming);
    line(format!("UID FETCH 1:4294967295 {items} (CHANGEDSINCE {mod_seq}{vanished})"))
}

/// Arrival dates alone, for servers that put them behind the body.
pub(crate) fn dates(set: &str) -> Command {
    line(format!("UID FETCH {set} (UID INTERNALDATE)"))
}

/// Arrival dates and sizes.
pub(crate) fn dates_and_sizes(set: &str) -> Command {
    line(format!("UID FETCH {set} (UID INTERNALDATE RFC822.SIZE)"))
}

/// Whole messages. The mark of having been read is left alone.
pub(crate) fn bodies(set: &str) -> Command {
    line(format!("UID FETCH {set} (UID INTERNALDATE BODY.PEEK[])"))
}

/// One whole message once more, with its size, because the first answer was odd.
pub(crate) fn body_again(uid: Uid) -> Command {
    line(format!("UID FETCH {uid} (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
}

/// Sizes and the beginnings of headers.
pub(crate) fn headers(set: impl Display) -> Command {
    line(format!("UID FETCH {set} (UID RFC822.SIZE BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>)"))
}
