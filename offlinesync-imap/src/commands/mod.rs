//! The commands a folder and a repository send, and what their answers mean: one file for each group. Pure.

pub(crate) mod append;
pub(crate) mod fetch;
pub(crate) mod mailbox;
pub(crate) mod search;
pub(crate) mod store;
pub(crate) mod transfer;

use crate::codec::pressure::pressure;
use crate::codec::response::{Code, Condition, Tagged};
use crate::codec::uidset;
use crate::connection::{Command, Part};
use offlinesync_core::{Error, ErrorKind, Result, Uid};

/// The longest UID set in one command: servers refuse lines somewhere above 8,000 octets (RFC 7162 section 4), Exchange above 4,000.
const SET_OCTETS: usize = 3000;

/// A command that is one line.
pub(crate) fn line(text: impl Into<Vec<u8>>) -> Command {
    Command { parts: vec![Part::Text(text.into())] }
}

/// The sets, as text, that name all of these UIDs, given in any order.
pub(crate) fn sets(mut uids: Vec<Uid>) -> Vec<(String, Vec<Uid>)> {
    uids.sort_unstable();
    uids.dedup();
    let ranges = uidset::from_sorted(uids);
    uidset::pieces(&ranges, SET_OCTETS).map(|piece| (uidset::format(piece), uidset::ids(piece).collect())).collect()
}

/// The error that a command's NO or BAD stands for; `what` says what could not be done.
pub(crate) fn refusal(what: &str, tagged: &Tagged, kind: ErrorKind) -> Error {
    let status = &tagged.status;
    let kind = match &status.code {
        Some(Code::OverQuota | Code::NoPerm | Code::AuthorizationFailed) => ErrorKind::Denied,
        _ if is_passing(tagged) => ErrorKind::Unavailable,
        _ => kind,
    };
    let error = Error::new(kind, format!("{what}: the server answered: {}", said(tagged)));
    let error = match pressure(status) {
        Some(pause) => error.with_retry_after(pause),
        None => error,
    };
    match status.code {
        Some(Code::OverQuota) => error.with_hint("make room on the server, then sync again"),
        _ => error,
    }
}

/// What the server said, for a person.
fn said(tagged: &Tagged) -> String {
    let status = &tagged.status;
    let word = match status.condition {
        Condition::No => "NO",
        Condition::Bad => "BAD",
        _ => "OK",
    };
    format!("{word} {}", status.text)
}

/// Whether the server is only too busy now (RFC 5530 and what large providers say).
pub(crate) fn is_passing(tagged: &Tagged) -> bool {
    match &tagged.status.code {
        Some(Code::InUse) => true,
        Some(Code::Other(name, _)) if matches!(&**name, "SERVERBUG" | "CONTACTADMIN") => true,
        _ => pressure(&tagged.status).is_some(),
    }
}

/// Whether the command met a message that somebody has just removed (RFC 5530 section 3): the same command can succeed now.
pub(crate) fn is_expunge_issued(tagged: &Tagged) -> bool {
    matches!(&tagged.status.code, Some(Code::Other(name, _)) if &**name == "EXPUNGEISSUED")
}

/// The same refusal as one that concerns a message alone, unless it will pass.
pub(crate) fn of_message(refusal: Error) -> Error {
    if refusal.kind() == ErrorKind::Unavailable { refusal } else { refusal.as_kind(ErrorKind::Message) }
}

/// OK, or the error that this is not.
pub(crate) fn require_ok(what: &str, tagged: &Tagged, kind: ErrorKind) -> Result<()> {
    if is_ok(tagged) { Ok(()) } else { Err(refusal(what, tagged, kind)) }
}

/// Whether a command succeeded.
pub(crate) fn is_ok(tagged: &Tagged) -> bool {
    tagged.status.condition == Condition::Ok
}
