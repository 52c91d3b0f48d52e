//! UID SEARCH (RFC 3501 section 6.4.4), with RETURN where ESEARCH (RFC 4731) is offered.

use super::line;
use crate::codec::response::Data;
use crate::connection::{Command, SessionView};
use offlinesync_core::Uid;

/// What to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search<'a> {
    /// Every message.
    All,
    /// Messages marked for removal.
    Deleted,
    /// Those of this UID set that are there.
    Among(&'a str),
}

/// The search; its answer is ranges instead of single numbers where the server can.
pub(crate) fn search(what: Search<'_>, session: &SessionView) -> Command {
    let key = match what {
        Search::All => "ALL".to_owned(),
        Search::Deleted => "DELETED".to_owned(),
        Search::Among(set) => format!("UID {set}"),
    };
    let extended = session.capabilities.contains("ESEARCH") || session.capabilities.contains("IMAP4REV2");
    line(format!("UID SEARCH {}{key}", if extended { "RETURN (ALL) " } else { "" }))
}

/// What one piece of data adds to the answer of a search.
pub(crate) fn found(data: &Data) -> Vec<(Uid, Uid)> {
    let range = |(first, last): (u32, u32)| Some((Uid::new(first)?, Uid::new(last)?));
    match data {
        Data::Search { numbers, .. } => numbers.iter().filter_map(|number| range((*number, *number))).collect(),
        Data::ESearch(answer) => answer.all.iter().filter_map(|pair| range(*pair)).collect(),
        _ => Vec::new(),
    }
}
