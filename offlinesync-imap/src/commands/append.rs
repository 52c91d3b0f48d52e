//! APPEND (RFC 3501 section 6.3.11), of several messages at once (RFC 3502), and what its answer says (RFC 4315, APPENDUID).

use super::{is_ok, of_message, refusal};
use crate::codec::encode::{Writer, flag_list};
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::{Code, Tagged};
use crate::codec::{date, uidset};
use crate::connection::{Part, SessionView};
use offlinesync_core::{Error, ErrorKind, Flags, FolderName, InternalDate, Uid, UidValidity};

/// The beginning of the command, up to the first message.
pub(crate) fn start(to: &FolderName, form: NameForm) -> Vec<Part> {
    Writer::new("APPEND").mailbox(to, form).finish().parts
}

/// What stands between two messages, or before the first. `binary`: the literal behind it holds NUL octets (RFC 3516 section 4.4).
pub(crate) fn head(flags: &Flags, date: Option<InternalDate>, binary: bool) -> String {
    let mut head = String::new();
    if !flags.is_empty() {
        head += &format!(" {}", flag_list(flags));
    }
    if let Some(date) = date {
        head += &format!(" \"{}\"", date::format(date));
    }
    head + if binary { " ~" } else { " " }
}

/// Whether several messages may go in one command. Without LITERAL+ each would be waited for anyway.
pub(crate) fn can_group(session: &SessionView) -> bool {
    session.capabilities.contains("MULTIAPPEND") && session.capabilities.contains("LITERAL+")
}

/// Whether NUL octets may be sent.
pub(crate) fn can_binary(session: &SessionView) -> bool {
    session.capabilities.contains("BINARY")
}

/// How large a message the server takes at most, in octets, where it says so for all mailboxes (APPENDLIMIT, RFC 7889 section 3).
pub(crate) fn limit(session: &SessionView) -> Option<u64> {
    session.capabilities.iter().find_map(|capability| capability.strip_prefix("APPENDLIMIT=")?.parse().ok())
}

/// Why a message is not sent at all.
pub(crate) fn too_large(octets: u64, limit: u64) -> Error {
    let told = format!("the message has {octets} octets, and the server takes no more than {limit}; it was not sent");
    Error::new(ErrorKind::Message, told)
}

/// What the new messages are called; `None` if the server does not say so believably: as many as were sent, ascending, of this
/// numbering, and none that there was before (`uid_next` and above).
pub(crate) fn new_uids(tagged: &Tagged, messages: usize, numbering: UidValidity, uid_next: u32) -> Option<Vec<Uid>> {
    let Some(Code::AppendUid { uid_validity, uids }) = &tagged.status.code else { return None };
    if *uid_validity != numbering.0 || uidset::count(uids) != messages as u64 {
        return None;
    }
    let uids: Vec<Uid> = uidset::ids(uids).collect();
    let ascending = uids.is_sorted_by(|a, b| a < b) && uids.first().is_some_and(|uid| uid.get() >= uid_next);
    ascending.then_some(uids)
}

/// Whether the server speaks UTF-8 alone (RFC 6855 section 7). A message with such a header goes to it as any other (RFC 9755 section 4). One that
/// still wants it in the form of RFC 6855 section 4 refuses it, and the message stays where it is.
pub(crate) fn is_utf8_alone(session: &SessionView) -> bool {
    session.capabilities.contains("UTF8=ONLY")
}

/// Why a message was not stored. `alone`: the command was about it alone.
pub(crate) fn failure(tagged: &Tagged, alone: bool, utf8_alone: bool) -> Error {
    debug_assert!(!is_ok(tagged), "a failure needs a refusal");
    if !alone && !is_for_the_folder(tagged) {
        return of_message(refusal("the message was refused together with others", tagged, ErrorKind::Message));
    }
    let kind = if is_for_the_folder(tagged) { ErrorKind::Folder } else { ErrorKind::Message };
    let error = refusal("the message was not stored", tagged, kind);
    match tagged.status.code {
        Some(Code::TooBig) => error.with_hint("it is larger than the server accepts"),
        Some(Code::TryCreate | Code::NonExistent) => {
            error.with_hint("the folder does not exist on the server any more")
        }
        _ if utf8_alone => error.with_hint(
            "the server speaks UTF8=ONLY: has the message other characters than those of ASCII in its header? The server may take those in the form of RFC 6855 only, which is not sent",
        ),
        _ => error,
    }
}

fn is_for_the_folder(tagged: &Tagged) -> bool {
    matches!(tagged.status.code, Some(Code::TryCreate | Code::NonExistent))
}
