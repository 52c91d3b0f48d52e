//! UID SEARCH (RFC 3501 section 6.4.4), with RETURN where ESEARCH (RFC 4731) is offered.

use super::line;
use crate::codec::date;
use crate::codec::response::Data;
use crate::connection::{Command, SessionView};
use offlinesync_core::{InternalDate, Uid, Window};

/// What to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search<'a> {
    /// Every message.
    All,
    /// Messages marked for removal.
    Deleted,
    /// Those of this UID set that are there.
    Among(&'a str),
    /// Messages that may be inside a window; a message near its border may be found or not.
    Around(&'a Window),
}

/// The search; its answer is ranges instead of single numbers where the server can.
pub(crate) fn search(what: Search<'_>, session: &SessionView) -> Command {
    let key = match what {
        Search::All => "ALL".to_owned(),
        Search::Deleted => "DELETED".to_owned(),
        Search::Among(set) => format!("UID {set}"),
        Search::Around(window) => around(window),
    };
    let extended = session.capabilities.contains("ESEARCH") || session.capabilities.contains("IMAP4REV2");
    line(format!("UID SEARCH {}{key}", if extended { "RETURN (ALL) " } else { "" }))
}

/// SINCE looks at days, in a zone of the server's choice: two days earlier is early enough anywhere.
fn around(window: &Window) -> String {
    let since = window.since.map(|since| {
        let early = date::format(InternalDate { seconds: since.saturating_sub(2 * 86_400), zone_minutes: 0 });
        format!("SINCE {}", early.trim_start().split(' ').next().unwrap_or_default())
    });
    let size = window.max_octets.map(|most| format!("SMALLER {}", most.saturating_add(1).min(u64::from(u32::MAX))));
    let keys: Vec<String> = since.into_iter().chain(size).collect();
    if keys.is_empty() { "ALL".to_owned() } else { keys.join(" ") }
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
