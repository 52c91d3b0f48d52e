//! Digests that are the same for a message in every form in which a store may hold it. Pure.
//!
//! Left out are CRs, so that the form of the wire and that of a file compare equal, and the header line `X-TUID` that mbsync adds to the
//! copy it makes: the one line by which the two halves of a pair of its making differ.

use crate::repository::Headers;
use sha2::{Digest as _, Sha256};

/// SHA-256.
pub(super) type Hash = [u8; 32];

/// As mbsync writes it.
const TUID: &[u8] = b"X-TUID: ";

/// Takes a message piece by piece.
#[derive(Debug, Default)]
pub(super) struct Digest {
    hash: Sha256,
    at: At,
    /// Octets of lines left out, with CR LF line ends.
    left_out: u64,
}

/// Where in the message the last piece ended.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In the header, after so many octets of a line that may be left out.
    Start(usize),
    /// In a line of the header that stays.
    Line,
    /// In one that is left out.
    Left,
    Body,
}

impl Default for At {
    fn default() -> Self {
        At::Start(0)
    }
}

impl Digest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            match self.at {
                At::Body => return self.keep(rest),
                At::Line => {
                    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    self.keep(&rest[..end]);
                    self.at = if rest[..end].ends_with(b"\n") { At::Start(0) } else { At::Line };
                    rest = &rest[end..];
                }
                At::Left => {
                    self.left_out += u64::from(*first != b'\r');
                    if *first == b'\n' {
                        self.left_out += 1;
                        self.at = At::Start(0);
                    }
                    rest = after;
                }
                At::Start(_) if *first == b'\r' => rest = after,
                At::Start(n) if *first == TUID[n] && n + 1 == TUID.len() => {
                    self.left_out += TUID.len() as u64;
                    self.at = At::Left;
                    rest = after;
                }
                At::Start(n) if *first == TUID[n] => {
                    self.at = At::Start(n + 1);
                    rest = after;
                }
                At::Start(0) if *first == b'\n' => self.at = At::Body,
                At::Start(n) => {
                    self.hash.update(&TUID[..n]);
                    self.at = At::Line;
                }
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\r', bytes) {
            self.hash.update(&bytes[from..at]);
            from = at + 1;
        }
        self.hash.update(&bytes[from..]);
    }

    pub(super) fn finish(mut self) -> Hash {
        if let At::Start(n) = self.at {
            self.hash.update(&TUID[..n]);
        }
        self.hash.finalize().into()
    }
}

/// The digest of a header block, and the size of its message without what the digest leaves out.
pub(super) fn of_header(headers: &Headers<'_>) -> (Hash, Option<u64>) {
    let mut digest = Digest::default();
    digest.update(headers.header);
    let octets = headers.octets.map(|octets| octets.saturating_sub(digest.left_out));
    (digest.finish(), octets)
}

/// One digest of a header's digest and a size, which is that of no message.
pub(super) fn of_look(header: &Hash, octets: u64) -> Hash {
    let mut hash = Sha256::new_with_prefix(b"header and size\r");
    hash.update(header);
    hash.update(octets.to_be_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Hash, u64) {
        let mut digest = Digest::default();
        pieces.into_iter().for_each(|piece| digest.update(piece));
        let left_out = digest.left_out;
        (digest.finish(), left_out)
    }

    fn plain(bytes: &[u8]) -> Hash {
        let without: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
        Sha256::digest(without).into()
    }

    #[test]
    fn the_line_of_mbsync_is_left_out_of_the_header_and_of_nothing_else() {
        let with = b"Subject: a\r\nX-TUID: 0123456789ab\r\nX-TU: b\r\n\r\nX-TUID: body\r\n";
        let without = b"Subject: a\nX-TU: b\n\nX-TUID: body\n";
        assert_eq!(digest([&with[..]]), (plain(without), 22));
        let lf: Vec<u8> = with.iter().copied().filter(|byte| *byte != b'\r').collect();
        assert_eq!(digest([&lf[..]]), (plain(without), 22));
        assert_eq!(digest([&b"X-TUI"[..]]).0, plain(b"X-TUI"));
    }

    proptest! {
        #[test]
        fn any_message_without_that_line_has_the_digest_of_its_octets_however_it_is_cut(
            lines in prop::collection::vec("(X-TUI|X-|x-tuid: |X-TUID:x)?[a-c: \r]{0,6}", 0..8),
            cut in 0usize..40,
        ) {
            let text = lines.join("\n").into_bytes();
            let (a, b) = text.split_at(cut.min(text.len()));
            prop_assert_eq!(digest([a, b]), digest([&text[..]]));
            prop_assert_eq!(digest([&text[..]]).0, plain(&text));
        }
    }
}
