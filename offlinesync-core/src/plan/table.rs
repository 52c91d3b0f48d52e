//! The table at the heart: what becomes of one message and one flag. Pure, and total: 27 rows, no default.
//!
//! Every flag and keyword of a message follows this table alone. Whether the message itself is copied, removed or forgotten is
//! the same for each of its flags; only the notice depends on whether any of them changed.

use crate::message::Side;

/// One message as one observer knows it, looked at through one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Not there (of a row: no row). `-` in the table.
    Absent,
    /// There, without the flag. `.` in the table.
    Plain,
    /// There, with the flag. `s` in the table.
    Flagged,
}

impl Mark {
    /// All three.
    pub const ALL: [Mark; 3] = [Mark::Absent, Mark::Plain, Mark::Flagged];

    /// A message that is there, with or without the flag.
    pub fn there(flagged: bool) -> Mark {
        if flagged { Mark::Flagged } else { Mark::Plain }
    }
}

/// What a row of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything is as recorded.
    Nothing,
    /// Copy to this side, then write the row.
    Copy(Side),
    /// Both sides agree and no row says so: write it.
    Adopt,
    /// Both sides made the same change: write it into the row.
    Record,
    /// Set the flag on this side, then write the row.
    Set(Side),
    /// Clear the flag on this side, then write the row.
    Clear(Side),
    /// Remove from this side, then delete the row.
    Remove(Side),
    /// As [`Outcome::Remove`], and tell the user that the message had been changed there.
    RemoveChanged(Side),
    /// Delete the row.
    Forget,
}

/// The table: what is recorded, what is local, what is remote.
#[rustfmt::skip]
pub fn outcome(base: Mark, local: Mark, remote: Mark) -> Outcome {
    use Mark::{Absent as A, Flagged as S, Plain as P};
    use Outcome::{Adopt, Clear, Copy, Forget, Nothing, Record, Remove, RemoveChanged, Set};
    use Side::{Local, Remote};
    match (base, local, remote) {
        (A, A, A) => Nothing,
        (A, A, P) => Copy(Local),
        (A, A, S) => Copy(Local),
        (A, P, A) => Copy(Remote),
        (A, P, P) => Adopt,
        (A, P, S) => Set(Local),
        (A, S, A) => Copy(Remote),
        (A, S, P) => Set(Remote),
        (A, S, S) => Adopt,

        (P, A, A) => Forget,
        (P, A, P) => Remove(Remote),
        (P, A, S) => RemoveChanged(Remote),
        (P, P, A) => Remove(Local),
        (P, P, P) => Nothing,
        (P, P, S) => Set(Local),
        (P, S, A) => RemoveChanged(Local),
        (P, S, P) => Set(Remote),
        (P, S, S) => Record,

        (S, A, A) => Forget,
        (S, A, P) => RemoveChanged(Remote),
        (S, A, S) => Remove(Remote),
        (S, P, A) => RemoveChanged(Local),
        (S, P, P) => Record,
        (S, P, S) => Clear(Remote),
        (S, S, A) => Remove(Local),
        (S, S, P) => Clear(Local),
        (S, S, S) => Nothing,
    }
}
