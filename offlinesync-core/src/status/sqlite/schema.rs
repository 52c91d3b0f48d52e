//! The format of the status file, version by version, and the statements that know its columns. Pure text.
//!
//! - `folders`: one row a pair. `messages` is the number of its rows in the table `messages`, kept up in the same transaction.
//! - `messages`: one row a message that both sides agreed on. A UID is an INTEGER, a name is TEXT; integers sort first, as in
//!   [`MessageId`](crate::MessageId). `flags` are the bits of [`SystemFlags`](crate::SystemFlags); `keywords` is 0 for none, else
//!   an id of `keyword_sets`.
//! - `messages.remote_content`, `messages.local_content`: what the side calls the content ([`ContentId`](crate::ContentId) as a signed
//!   number); NULL where it did not say.
//! - `folders.window_since`, `.window_octets`: the window of the record; NULL for a border that is not there.
//! - `folders.remote_identity`, `folders.local_identity`: what the side calls the folder, whatever its name.
//! - `keyword_sets`: each set of keywords that any message has or had; the encoding is in `values.rs`. Never deleted from.
//! - `intents`: uploads begun. `side` is 0 for remote, 1 for local.
//!
//! `application_id` says whose file it is, `user_version` which version of the format it has.

/// `olsy`.
pub(super) const APPLICATION_ID: i32 = 0x6f6c_7379;

/// Step `n` leads from version `n` to version `n + 1`; a new file takes them all. A step that was ever released is never changed.
pub(super) const STEPS: &[&str] = &[
    "
CREATE TABLE folders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    remote TEXT NOT NULL,
    local TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    remote_validity INTEGER,
    local_validity INTEGER,
    remote_cursor BLOB,
    local_cursor BLOB,
    remote_witness BLOB,
    local_witness BLOB,
    UNIQUE (remote, local)
) STRICT;
CREATE TABLE keyword_sets (
    id INTEGER PRIMARY KEY,
    keywords TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE messages (
    folder INTEGER NOT NULL,
    remote ANY NOT NULL,
    local ANY NOT NULL,
    flags INTEGER NOT NULL,
    keywords INTEGER NOT NULL,
    PRIMARY KEY (folder, remote)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_local ON messages (folder, local);
CREATE TABLE intents (
    folder INTEGER NOT NULL,
    side INTEGER NOT NULL,
    source ANY NOT NULL,
    octets INTEGER,
    digest BLOB,
    confirmed INTEGER NOT NULL,
    PRIMARY KEY (folder, side, source)
) STRICT, WITHOUT ROWID;
",
    "
ALTER TABLE folders ADD COLUMN window_since INTEGER;
ALTER TABLE folders ADD COLUMN window_octets INTEGER;
",
    "
ALTER TABLE messages ADD COLUMN remote_content INTEGER;
ALTER TABLE messages ADD COLUMN local_content INTEGER;
",
    "
ALTER TABLE folders ADD COLUMN remote_identity BLOB;
ALTER TABLE folders ADD COLUMN local_identity BLOB;
",
];

/// Columns as `values::pair`, `values::record` and `values::count` read them.
pub(super) const SELECT_FOLDERS: &str = "SELECT remote, local, messages, remote_validity, local_validity,
    remote_cursor, local_cursor, remote_witness, local_witness, window_since, window_octets,
    remote_identity, local_identity FROM folders ORDER BY remote, local";

/// The same for one pair.
pub(super) const SELECT_FOLDER: &str = "SELECT remote, local, messages, remote_validity, local_validity,
    remote_cursor, local_cursor, remote_witness, local_witness, window_since, window_octets,
    remote_identity, local_identity FROM folders WHERE remote = ?1 AND local = ?2";

pub(super) const UPDATE_RECORD: &str =
    "UPDATE folders SET remote_validity = ?2, local_validity = ?3, remote_cursor = ?4,
    local_cursor = ?5, remote_witness = ?6, local_witness = ?7, window_since = ?8, window_octets = ?9,
    remote_identity = ?10, local_identity = ?11 WHERE id = ?1";

/// Columns as `values::row` reads them.
pub(super) const SELECT_PAGE: &str = "SELECT remote, local, flags, keywords FROM messages
    WHERE folder = ?1 AND remote > ?2 ORDER BY remote LIMIT ?3";

pub(super) const SELECT_BY_REMOTE: &str =
    "SELECT remote, local, flags, keywords FROM messages WHERE folder = ?1 AND remote = ?2";

pub(super) const SELECT_BY_LOCAL: &str =
    "SELECT remote, local, flags, keywords FROM messages WHERE folder = ?1 AND local = ?2";

/// Inserts unless there is a row with that remote id; a local id that is taken is an error.
pub(super) const INSERT_ROW: &str = "INSERT INTO messages (folder, remote, local, flags, keywords)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (folder, remote) DO NOTHING";

pub(super) const UPDATE_ROW: &str =
    "UPDATE messages SET local_content = CASE WHEN local = ?3 THEN local_content END, local = ?3, flags = ?4, keywords = ?5
    WHERE folder = ?1 AND remote = ?2";

pub(super) const SELECT_REMOTE_CONTENT: &str = "SELECT remote_content FROM messages WHERE folder = ?1 AND remote = ?2";

pub(super) const SELECT_LOCAL_CONTENT: &str = "SELECT local_content FROM messages WHERE folder = ?1 AND local = ?2";

/// Writes nothing where nothing changes.
pub(super) const UPDATE_REMOTE_CONTENT: &str =
    "UPDATE messages SET remote_content = ?3 WHERE folder = ?1 AND remote = ?2 AND remote_content IS NOT ?3";

/// The same for the local side.
pub(super) const UPDATE_LOCAL_CONTENT: &str =
    "UPDATE messages SET local_content = ?3 WHERE folder = ?1 AND local = ?2 AND local_content IS NOT ?3";

pub(super) const DELETE_ROW: &str = "DELETE FROM messages WHERE folder = ?1 AND remote = ?2";

/// Columns as `values::intent` reads them.
pub(super) const SELECT_INTENTS: &str =
    "SELECT side, source, octets, digest, confirmed FROM intents WHERE folder = ?1 ORDER BY side, source";

pub(super) const UPSERT_INTENT: &str =
    "INSERT OR REPLACE INTO intents (folder, side, source, octets, digest, confirmed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) const DELETE_INTENT: &str = "DELETE FROM intents WHERE folder = ?1 AND side = ?2 AND source = ?3";

/// Everything about one folder, by its id.
pub(super) const FORGET_FOLDER: [&str; 3] = [
    "DELETE FROM messages WHERE folder = ?1",
    "DELETE FROM intents WHERE folder = ?1",
    "DELETE FROM folders WHERE id = ?1",
];
