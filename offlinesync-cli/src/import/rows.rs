//! Rows made from what another program wrote down. Pure.

use offlinesync_core::status::Row;
use offlinesync_core::{Flags, MessageId, PerSide, SystemFlags, Uid};

const GONE: &str = "\0gone ";

/// The id of a message that was there and is not any more: no store calls a message so, so that the next listing finds it gone.
pub fn gone(number: Uid) -> MessageId {
    MessageId::Name(format!("{GONE}{number}").into_boxed_str())
}

/// The number in such an id.
pub fn gone_number(id: &MessageId) -> Option<Uid> {
    match id {
        MessageId::Name(name) => name.strip_prefix(GONE)?.parse().ok().and_then(Uid::new),
        MessageId::Uid(_) => None,
    }
}

/// The flags of letters in the manner of a Maildir's file names. Letters of keywords are left out: whether the other side has them is
/// not known, and without a base nothing of them is lost.
pub fn system_flags(letters: &str) -> SystemFlags {
    letters.chars().filter_map(SystemFlags::from_letter).fold(SystemFlags::NONE, SystemFlags::union)
}

/// A row. A message that is not there any more locally gets an id of its own kind.
pub fn row(remote: Uid, local: Option<MessageId>, base: SystemFlags) -> Row {
    let local = local.unwrap_or_else(|| gone(remote));
    Row { ids: PerSide { remote: MessageId::Uid(remote), local }, base: Flags::system(base) }
}
