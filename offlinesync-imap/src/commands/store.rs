//! UID STORE (RFC 3501 section 6.4.6): which commands a list of flag changes takes.

use super::{line, sets};
use crate::codec::encode::flag_list;
use crate::connection::Command;
use offlinesync_core::{FlagChange, FlagSupport, Uid};
use std::collections::BTreeMap;

/// A command and the messages it is about.
pub(crate) type ForUids = (Command, Vec<Uid>);

/// The commands for these changes: one for each distinct set of flags and direction, split where the UID set gets long.
/// Flags that the folder cannot keep are left out.
pub(crate) fn changes(changes: &[FlagChange], support: &FlagSupport) -> Vec<ForUids> {
    let mut groups: BTreeMap<String, Vec<Uid>> = BTreeMap::new();
    for change in changes {
        let Some(uid) = change.id.uid() else { continue };
        for (sign, flags) in [('+', &change.add), ('-', &change.remove)] {
            let names = flag_list(&flags.supported(support));
            if names != "()" {
                groups.entry(format!("{sign}FLAGS.SILENT {names}")).or_default().push(uid);
            }
        }
    }
    groups.into_iter().flat_map(|(action, uids)| store(&action, uids)).collect()
}

/// Marks messages for removal.
pub(crate) fn delete(uids: Vec<Uid>) -> Vec<ForUids> {
    store("+FLAGS.SILENT (\\Deleted)", uids)
}

/// Removes marked messages for good (RFC 4315 section 2.1), and no others.
pub(crate) fn expunge(uids: Vec<Uid>) -> Vec<ForUids> {
    sets(uids).into_iter().map(|(set, uids)| (line(format!("UID EXPUNGE {set}")), uids)).collect()
}

fn store(action: &str, uids: Vec<Uid>) -> Vec<ForUids> {
    sets(uids).into_iter().map(|(set, uids)| (line(format!("UID STORE {set} {action}")), uids)).collect()
}

/// Removes every marked message, whoever marked it.
pub(crate) fn expunge_all_marked() -> Command {
    line("EXPUNGE")
}
