//! UID MOVE (RFC 6851) and UID COPY (RFC 3501 section 6.4.7), and where the messages went (RFC 4315, COPYUID).

use super::sets;
use super::store::ForUids;
use crate::codec::encode::Writer;
use crate::codec::mailbox_name::NameForm;
use crate::codec::response::Code;
use crate::codec::uidset;
use crate::connection::SessionView;
use offlinesync_core::{FolderName, Uid};

/// Whether the server moves in one command.
pub(crate) fn can_move(session: &SessionView) -> bool {
    session.capabilities.contains("MOVE") || session.capabilities.contains("IMAP4REV2")
}

/// Whether the server names what it copies and expunges single messages.
pub(crate) fn has_uidplus(session: &SessionView) -> bool {
    session.capabilities.contains("UIDPLUS") || session.capabilities.contains("IMAP4REV2")
}

/// The commands that move these messages.
pub(crate) fn moves(uids: Vec<Uid>, to: &FolderName, form: NameForm) -> Vec<ForUids> {
    send("UID MOVE", uids, to, form)
}

/// The commands that copy these messages.
pub(crate) fn copies(uids: Vec<Uid>, to: &FolderName, form: NameForm) -> Vec<ForUids> {
    send("UID COPY", uids, to, form)
}

fn send(name: &str, uids: Vec<Uid>, to: &FolderName, form: NameForm) -> Vec<ForUids> {
    let command = |set: &str| Writer::new(name).word(set).mailbox(to, form).finish();
    sets(uids).into_iter().map(|(set, uids)| (command(&set), uids)).collect()
}

/// The pairs of old and new UID that a COPYUID names; none if its two sets do not match, or name more than `most` messages.
pub(crate) fn pairs(code: &Code, most: usize) -> Vec<(Uid, Uid)> {
    let Code::CopyUid { from, to, .. } = code else { return Vec::new() };
    let count = uidset::count(from);
    if count != uidset::count(to) || count > most as u64 {
        return Vec::new();
    }
    uidset::ids(from).zip(uidset::ids(to)).collect()
}
