//! A message made piece by piece, so that nobody has to hold it.

use super::random::Random;
use sha2::{Digest, Sha256};

/// A message of a given size with CR LF line ends, generated in pieces.
#[derive(Clone, Debug)]
pub struct Large {
    octets: u64,
    seed: u64,
}

const LINE: usize = 72;

impl Large {
    /// A message of about this many octets: never fewer, at most 100 more.
    pub fn new(octets: u64, seed: u64) -> Self {
        Large { octets, seed }
    }

    /// The pieces, each a whole number of lines: 64 KiB or so.
    pub fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        let (mut random, mut left) = (Random::new(self.seed), i128::from(self.octets));
        let mut first = Some(format!("From: large@example.org\r\nSubject: large {}\r\n\r\n", self.seed).into_bytes());
        std::iter::from_fn(move || {
            if left <= 0 {
                return None;
            }
            let mut piece = first.take().unwrap_or_default();
            while piece.len() < 64 * 1024 && (piece.len() as i128) < left {
                line(&mut random, &mut piece);
            }
            left -= piece.len() as i128;
            Some(piece)
        })
    }

    /// Its exact size and the SHA-256 of its octets.
    pub fn size_and_digest(&self) -> (u64, [u8; 32]) {
        let (mut size, mut hash) = (0, Sha256::new());
        for piece in self.pieces() {
            size += piece.len() as u64;
            hash.update(&piece);
        }
        (size, hash.finalize().into())
    }
}

fn line(random: &mut Random, out: &mut Vec<u8>) {
    for _ in 0..LINE / 8 {
        let word = random.number();
        out.extend((0..8).map(|at| b'A' + ((word >> (8 * at)) % 26) as u8));
    }
    out.extend_from_slice(b"\r\n");
}
