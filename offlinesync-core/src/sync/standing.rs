//! What is known of a side from earlier listings, as its record keeps it in the place of the cursor: one column of octets, whose meaning is
//! read and written here alone.

use crate::message::Side;
use crate::repository::Cursor;
use crate::status::FolderRecord;

const DOUBTED: &[u8] = b"doubted";
const CREATED_ANEW: &[u8] = b"doubted: created anew";
/// In front of a cursor.
const EVIDENCE: &[u8] = b"evidence: ";

/// How a side stands. No backend is ever given anything but its own cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is known: the next listing is a whole one.
    Unknown,
    /// The next listing begins here.
    Since(Cursor),
    /// The next listing is a whole one; this cursor only shows whether the side is still what it was.
    Evidence(Cursor),
    /// Every row is to be compared with what is there.
    Doubted,
    /// As [`Standing::Doubted`]: the store calls the folder by another identity, for it was deleted and created again under its name.
    CreatedAnew,
}

impl Standing {
    pub(super) fn of(record: &FolderRecord, side: Side) -> Standing {
        let Some(Cursor(octets)) = &record.cursor[side] else { return Standing::Unknown };
        match octets.strip_prefix(EVIDENCE) {
            Some(cursor) => Standing::Evidence(Cursor(cursor.into())),
            None if **octets == *DOUBTED => Standing::Doubted,
            None if **octets == *CREATED_ANEW => Standing::CreatedAnew,
            None => Standing::Since(Cursor(octets.clone())),
        }
    }

    /// As it is recorded.
    pub(super) fn recorded(self) -> Option<Cursor> {
        match self {
            Standing::Unknown => None,
            Standing::Since(cursor) => Some(cursor),
            Standing::Evidence(cursor) => Some(Cursor([EVIDENCE, &cursor.0].concat().into())),
            Standing::Doubted => Some(Cursor(DOUBTED.into())),
            Standing::CreatedAnew => Some(Cursor(CREATED_ANEW.into())),
        }
    }

    pub(super) fn is_doubted(&self) -> bool {
        matches!(self, Standing::Doubted | Standing::CreatedAnew)
    }

    /// The cursor that the next listing begins at.
    pub(super) fn since(&self) -> Option<&Cursor> {
        if let Standing::Since(cursor) = self { Some(cursor) } else { None }
    }

    /// The cursor that shows whether the side is what it was.
    pub(super) fn evidence(&self) -> Option<&Cursor> {
        match self {
            Standing::Since(cursor) | Standing::Evidence(cursor) => Some(cursor),
            Standing::Unknown | Standing::Doubted | Standing::CreatedAnew => None,
        }
    }

    /// The same without a place to begin at: the next listing is a whole one.
    pub(super) fn into_evidence(self) -> Standing {
        if let Standing::Since(cursor) = self { Standing::Evidence(cursor) } else { self }
    }
}

/// Whether the recorded numbers of this side are to be compared with what is there before any of them is believed.
pub fn is_doubted(record: &FolderRecord, side: Side) -> bool {
    Standing::of(record, side).is_doubted()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::PerSide;

    #[test]
    fn a_standing_reads_back_and_evidence_is_no_place_to_begin_at() {
        let cursor = Cursor(b"doubted, or evidence: who knows".as_slice().into());
        let standings = [
            Standing::Unknown,
            Standing::Since(cursor.clone()),
            Standing::Evidence(cursor.clone()),
            Standing::Doubted,
            Standing::CreatedAnew,
        ];
        for standing in standings {
            let cursor = PerSide { remote: standing.clone().recorded(), local: None };
            let record = FolderRecord { cursor, ..FolderRecord::default() };
            assert_eq!(Standing::of(&record, Side::Remote), standing);
            assert_eq!(
                is_doubted(&record, Side::Remote),
                standing.evidence().is_none() && standing != Standing::Unknown
            );
            let kept = standing.clone().into_evidence();
            assert_eq!((kept.since(), kept.evidence()), (None, standing.evidence()));
        }
    }
}
