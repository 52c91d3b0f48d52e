//! UID FETCH (RFC 3501 section 6.4.8, RFC 7162 section 3.1.4): flags, bodies, headers.

use super::line;
use crate::connection::Command;
use offlinesync_core::Uid;
use offlinesync_core::repository::HEADER_LIMIT;
use std::fmt::Display;

/// Flags of every message.
pub(crate) fn all_flags() -> Command {
    line("UID FETCH 1:* (UID FLAGS)")
}

/// Flags of every message that is new or changed since; with `vanished`, also what was removed since (QRESYNC must be enabled).
///
/// The range ends in the largest UID and not in `*`: there are servers that leave the last removed message out of the latter.
pub(crate) fn flags_since(mod_seq: u64, vanished: bool) -> Command {
    let vanished = if vanished { " VANISHED" } else { "" };
    line(format!("UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE {mod_seq}{vanished})"))
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
