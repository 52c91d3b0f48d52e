//! What the engine refuses to protect mail, in words: each says what was not done and what would let it through. Pure but for
//! `forget_rows`.

use super::difference::Listings;
use super::doubt::Compared;
use super::unread::Waits;
use crate::error::{Error, ErrorKind, Result};
use crate::folder_name::FolderName;
use crate::message::{MessageId, Side, UidValidity};
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus};
use crate::wording::{are, counted, form};

/// The refusal of a folder whose UIDVALIDITY changed.
pub(super) fn new_numbering(pair: &FolderPair, side: Side, then: Option<UidValidity>, listings: &Listings) -> Error {
    let shown = |validity: Option<UidValidity>| validity.map_or_else(|| "unknown".to_owned(), |v| v.to_string());
    let now = listings[side].as_ref().map(|set| set.uid_validity);
    Error::new(
        ErrorKind::Numbering,
        format!(
            "folder '{}': the {side} side has new message numbers (UIDVALIDITY was {}, is {}); the folder was left alone, nothing was copied or removed",
            pair[side],
            shown(then),
            shown(now)
        ),
    )
    .with_hint(format!(
        "if the folder was re-created or restored from a backup, run once with --accept-uidvalidity{}: messages are paired again by content",
        only(&pair.remote)
    ))
}

/// The refusal of a folder that is not what it was: its numbers mean other messages, or it was put in the place of another.
/// `anew`: the store says so itself.
pub(super) fn not_as_it_was(pair: &FolderPair, side: Side, compared: Compared, anew: bool) -> Error {
    let (name, only) = (&pair[side], only(&pair.remote));
    let Compared { rows, failing, numbered } = compared;
    let (messages, are) = (counted(rows, "message"), form(failing, "is", "are"));
    let (kind, what, hint) = match numbered {
        true => (
            ErrorKind::Numbering,
            format!(
                "the {side} side {}, and {failing} of {messages} {are} not what was synced under that number",
                match anew {
                    true => "has another folder under this name (the old one was deleted, and a new one created)",
                    false => "showed an older state of the folder, as after a restored backup",
                }
            ),
            format!(
                "run once with --accept-uidvalidity{only}: messages are paired again by content, and what only one side has is copied to the other"
            ),
        ),
        false => (
            ErrorKind::Refused,
            format!(
                "its directory on the {side} side is another one than at the last sync, as after a restored backup, and {failing} of {messages} {are} missing in it"
            ),
            format!(
                "to fill it again, run once with --accept-uidvalidity{only}; if they were removed on purpose, let it through once with --allow-mass-delete={failing}; if its disk numbers directories anew at each mount, set stable_directories = no in its repository"
            ),
        ),
    };
    Error::new(kind, format!("folder '{name}': {what}; the folder was left alone, nothing was copied or removed"))
        .with_hint(hint)
}

/// The option that limits a run to this folder, as a shell takes it; none for a name that a list of names cannot hold.
fn only(folder: &FolderName) -> String {
    match folder.as_str() {
        name if name.contains(',') || name.trim() != name || name.is_empty() => String::new(),
        name => format!(" -f '{}'", name.replace('\'', "'\\''")),
    }
}

/// An upload that the server confirmed but that cannot be found there.
pub(super) fn unidentified(pair: &FolderPair, to: Side) -> Error {
    Error::new(
        ErrorKind::Message,
        format!(
            "folder '{}': the {to} side stored this message but no message there equals it; it is not uploaded again",
            pair[to]
        ),
    )
    .with_hint(format!(
        "if it is not there, run once with --accept-uidvalidity{}: what is not found by content is uploaded again",
        only(&pair.remote)
    ))
}

/// A message that could not be looked at, and is not taken for another one therefore.
pub(super) fn not_looked_at(pair: &FolderPair, on: Side, why: &Error, waits: Waits) -> Error {
    let here = format!("folder '{}': this message on the {on} side could not be looked at ({why})", pair[on]);
    let only = only(&pair.remote);
    let (what, hint) = match waits {
        Waits::Uploads(number) => (
            format!("it may be what an upload left there, so {} not uploaded again", are(number, "message")),
            format!(
                "if it can never be read, remove it, or run once with --accept-uidvalidity{only}: what is not found by content is uploaded again"
            ),
        ),
        Waits::Itself => (
            "its upload was cut short, and whether it is there was not told; it is not uploaded again".to_owned(),
            format!(
                "make it readable; or remove it, or run once with --accept-uidvalidity{only}: what is not found by content is uploaded again"
            ),
        ),
        Waits::Partner => (
            "whether it is the one on the other side that belongs to it by name was not told; neither was copied"
                .to_owned(),
            format!(
                "if it can never be read, remove it, or run once with --accept-uidvalidity{only}: both are kept then"
            ),
        ),
        Waits::News(number) => (
            format!("it may be there on both sides already, so {} not copied here", are(number, "message")),
            format!(
                "if it can never be read, remove it, or run once with --accept-uidvalidity{only}: what is not found by content is copied"
            ),
        ),
    };
    Error::new(ErrorKind::Message, format!("{here}; {what}")).with_hint(hint)
}

/// Messages of a first meeting could not be looked at, so that new ones cannot be told from those that both sides have.
pub(super) fn cannot_meet(pair: &FolderPair, on: Side, unread: usize, news: usize, why: &Error) -> Error {
    Error::new(
        ErrorKind::Folder,
        format!(
            "folder '{}': {} on the {on} side could not be looked at ({why}), so that it cannot be told what of {} of the {} side is there already; nothing was copied",
            pair[on],
            counted(unread, "message"),
            counted(news, "message"),
            on.other()
        ),
    )
    .with_hint(format!(
        "if they can never be read, remove them, or run once with --accept-uidvalidity{}: what is not found by content is copied",
        only(&pair.remote)
    ))
}

/// Deletes every row and the intents and exchanges the record in one transaction; the folder is paired anew afterwards.
pub(super) fn forget_rows(status: &mut dyn FolderStatus, record: FolderRecord) -> Result<()> {
    let mut delete: Vec<MessageId> = Vec::new();
    status.rows(&mut |row| {
        delete.push(row.ids.remote);
        Ok(())
    })?;
    let settled = status.intents()?.into_iter().map(|intent| (intent.to, intent.source)).collect();
    status.apply(Batch { delete, record: Some(record), settled, ..Batch::default() })
}

/// A store that was there before is missing as a whole.
pub(super) fn store_missing(side: Side, name: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "the {side} store '{name}' is missing though it was synced before; nothing was removed on the other side"
        ),
    )
    .with_hint(
        "is its disk mounted? To start it anew and fill it again, create it empty and run once with --restore-folders",
    )
}

/// The store is there, but none of the folders that had mail.
pub(super) fn all_folders_missing(side: Side, name: &str, folders: usize) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "{} left in the {side} store '{name}'; nothing was removed on the other side",
            match folders {
                1 => "the only known folder is not".to_owned(),
                _ => format!("none of the {folders} known folders is"),
            }
        ),
    )
    .with_hint("is its disk mounted, is it the right account? To fill it again, run once with --restore-folders")
}

/// Every folder that had mail has new numbers or is missing.
pub(super) fn another_account(folders: usize) -> Error {
    Error::new(
        ErrorKind::Numbering,
        format!(
            "none of the {folders} folders that were synced is what it was: each has new message numbers or is missing, as in an account that was made anew or restored from a backup; nothing was copied or removed in them"
        ),
    )
    .with_hint(
        "is it the right account? To pair everything again by content and fill up both sides, run once with --accept-uidvalidity --restore-folders",
    )
}

/// The names of the two sides do not undo each other.
pub(super) fn does_not_translate_back(
    side: Side,
    name: &FolderName,
    there: &FolderName,
    back: Option<&FolderName>,
) -> Error {
    let back = back.map_or_else(|| "nothing".to_owned(), |back| format!("'{back}'"));
    Error::new(
        ErrorKind::Folder,
        format!(
            "folder '{name}' of the {side} side was not synced: it would be called '{there}' on the other side, but that name translates back to {back}"
        ),
    )
    .with_hint("the nametrans of both repositories must undo each other")
}

/// Two folders would be one.
pub(super) fn collision(pair: &FolderPair, on: Side, with: &[FolderPair]) -> Error {
    let names: Vec<String> = with.iter().map(|other| format!("'{}'", other[on.other()])).collect();
    Error::new(
        ErrorKind::Folder,
        format!(
            "folder '{}' was not synced: on the {on} side it would be the same folder '{}' as {}",
            pair[on.other()],
            pair[on],
            names.join(", ")
        ),
    )
    .with_hint("give them different names with nametrans, or leave one out with folderfilter")
}

/// A folder holds the mail of the folder that it was synced with, and has another partner now.
pub(super) fn other_partner(pair: &FolderPair, side: Side, before: &FolderPair) -> Error {
    let other = side.other();
    Error::new(
        ErrorKind::Refused,
        format!(
            "folder '{}' of the {side} side was synced with '{}', which is still there, and by its name belongs to '{}' now; it was left alone, nothing was copied",
            pair[side], before[other], pair[other]
        ),
    )
    .with_hint(format!(
        "after a change of nametrans or sep, rename the folders of the local side alike; to pair it anew by content, and copy what one side lacks, run once with --accept-uidvalidity{}",
        only(&pair.remote)
    ))
}

/// A folder that was synced before is missing on one side.
pub(super) fn folder_missing(pair: &FolderPair, on: Side, rows: u64) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "folder '{}' is missing on the {on} side, but {} in it had been synced; it was left alone on the other side",
            pair[on],
            counted(rows, "message")
        ),
    )
    .with_hint("to create and fill it again, run once with --restore-folders; to drop it for good, delete it on the other side too")
}
