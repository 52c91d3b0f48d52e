//! What is remembered of a mailbox between two runs: cursor and witness, byte for byte. Pure.
//!
//! Both are written big-endian behind a version octet; what does not read is as good as none.
//! - cursor, version 1: UIDVALIDITY (4), UIDNEXT (4), EXISTS (4), HIGHESTMODSEQ (8, 0 if the server tells none);
//! - witness, version 1: UIDVALIDITY (4), UIDNEXT (4), MESSAGES (8), HIGHESTMODSEQ (8, 0 if the server tells none).

use crate::connection::Mailbox;
use offlinesync_core::{Cursor, UidValidity, Witness};

const VERSION: u8 = 1;

/// The state of a mailbox at one SELECT, with everything in it that a listing since then relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) uid_validity: UidValidity,
    pub(super) uid_next: u32,
    pub(super) exists: u32,
    /// 0 if the server does not know: CHANGEDSINCE 0 is no command (RFC 7162 section 3.1.4.1).
    pub(super) mod_seq: u64,
}

impl Since {
    /// `None` if the server told too little to go on from here.
    pub(super) fn of(mailbox: &Mailbox) -> Option<Since> {
        Some(Since {
            uid_validity: mailbox.uid_validity.filter(|validity| validity.0 > 0)?,
            uid_next: mailbox.uid_next.filter(|next| *next > 0)?,
            exists: mailbox.exists,
            mod_seq: mailbox.highest_mod_seq.unwrap_or(0),
        })
    }

    /// Whether what changed since this state can be asked for.
    pub(super) fn has_mod_seq(&self) -> bool {
        self.mod_seq > 0
    }

    pub(super) fn cursor(&self) -> Cursor {
        let mut bytes = vec![VERSION];
        bytes.extend(self.uid_validity.0.to_be_bytes());
        bytes.extend(self.uid_next.to_be_bytes());
        bytes.extend(self.exists.to_be_bytes());
        bytes.extend(self.mod_seq.to_be_bytes());
        Cursor(bytes.into())
    }

    pub(super) fn read(cursor: &Cursor) -> Option<Since> {
        let rest = cursor.0.strip_prefix(&[VERSION])?;
        let (uid_validity, rest) = rest.split_first_chunk()?;
        let (uid_next, rest) = rest.split_first_chunk()?;
        let (exists, rest) = rest.split_first_chunk()?;
        let since = Since {
            uid_validity: UidValidity(u32::from_be_bytes(*uid_validity)),
            uid_next: u32::from_be_bytes(*uid_next),
            exists: u32::from_be_bytes(*exists),
            mod_seq: u64::from_be_bytes(rest.try_into().ok()?),
        };
        (since.uid_validity.0 > 0 && since.uid_next > 0).then_some(since)
    }

    /// Whether a mailbox in state `now` can have come from this one: same numbering, and nothing that only grows has shrunk.
    pub(super) fn leads_to(&self, now: &Since) -> bool {
        self.uid_validity == now.uid_validity && self.uid_next <= now.uid_next && self.mod_seq <= now.mod_seq
    }
}

/// The witness of a mailbox; `None` if the server told too little.
pub(crate) fn witness(
    uid_validity: Option<u32>,
    uid_next: Option<u32>,
    messages: Option<u64>,
    mod_seq: Option<u64>,
) -> Option<Witness> {
    let mod_seq = mod_seq.unwrap_or(0);
    let mut token = vec![VERSION];
    token.extend(uid_validity.filter(|value| *value > 0)?.to_be_bytes());
    token.extend(uid_next.filter(|next| *next > 0)?.to_be_bytes());
    token.extend(messages?.to_be_bytes());
    token.extend(mod_seq.to_be_bytes());
    Some(Witness { token: token.into(), covers_flags: mod_seq > 0 })
}

/// UIDNEXT and MESSAGES of a witness, for guesses.
pub(crate) fn told(witness: &Witness) -> Option<(u32, u64)> {
    let (_, rest) = witness.token.strip_prefix(&[VERSION])?.split_at_checked(4)?;
    let (uid_next, rest) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*uid_next), u64::from_be_bytes(*rest.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn since(uid_validity: u32, uid_next: u32, exists: u32, mod_seq: u64) -> Since {
        Since { uid_validity: UidValidity(uid_validity), uid_next, exists, mod_seq }
    }

    proptest! {
        #[test]
        fn a_cursor_reads_as_it_was_written(v in 1u32.., n in 1u32.., e: u32, m: u64) {
            let state = since(v, n, e, m);
            prop_assert_eq!(Since::read(&state.cursor()), Some(state));
        }

        #[test]
        fn any_other_bytes_are_no_cursor(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(state) = Since::read(&Cursor(bytes.clone().into())) {
                prop_assert_eq!(&*state.cursor().0, &bytes[..]);
            }
        }
    }

    #[test]
    fn a_cursor_of_another_version_or_length_is_none() {
        let mut bytes = since(1, 2, 3, 4).cursor().0.to_vec();
        assert_eq!(bytes.len(), 21);
        bytes.push(0);
        assert_eq!(Since::read(&Cursor(bytes.clone().into())), None);
        bytes.truncate(21);
        bytes[0] = 2;
        assert_eq!(Since::read(&Cursor(bytes.into())), None);
    }

    #[test]
    fn what_only_grows_must_not_shrink() {
        let before = since(7, 100, 50, 1000);
        assert!(before.leads_to(&since(7, 100, 10, 1000)));
        assert!(before.leads_to(&since(7, 101, 51, 1001)));
        assert!(!before.leads_to(&since(8, 101, 51, 1001)));
        assert!(!before.leads_to(&since(7, 99, 50, 1001)));
        assert!(!before.leads_to(&since(7, 101, 51, 999)));
    }

    #[test]
    fn a_witness_tells_what_it_was_made_of() {
        assert_eq!(told(&witness(Some(1), Some(5), Some(4), Some(9)).unwrap()), Some((5, 4)));
        assert_eq!(told(&Witness { token: [VERSION, 0, 0].into(), covers_flags: false }), None);
    }

    #[test]
    fn a_witness_without_modseq_says_nothing_of_flags() {
        assert!(witness(Some(1), Some(5), Some(4), Some(9)).unwrap().covers_flags);
        assert!(!witness(Some(1), Some(5), Some(4), Some(0)).unwrap().covers_flags);
        assert!(!witness(Some(1), Some(5), Some(4), None).unwrap().covers_flags);
        assert_eq!(witness(None, Some(5), Some(4), Some(9)), None);
        assert_eq!(witness(Some(1), None, Some(4), Some(9)), None);
        assert_eq!(witness(Some(1), Some(5), None, Some(9)), None);
    }
}
