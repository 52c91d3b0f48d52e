//! What all connections over one line know of it: how much there is to carry, and whether the line is narrow. Looks at no clock.
//!
//! Deflating costs the server about a second for every 50 MB, so a line that carries mail faster than that is only held up by it. How
//! wide a line is shows only when much has come over it. Until then little is compressed, and for much it is waited what it shows.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Of so many octets on, the first ones are well spent on finding out how wide the line is.
const LOTS: u64 = 16 << 20;

const UNKNOWN: u8 = 0;
const NARROW: u8 = 1;
const WIDE: u8 = 2;

/// Shared by the connections of a pool.
#[derive(Debug, Default)]
pub(super) struct Line {
    expected: AtomicU64,
    width: AtomicU8,
}

impl Line {
    /// Somebody expects so many octets.
    pub(super) fn expect(&self, octets: u64) {
        self.expected.fetch_max(octets, Ordering::Relaxed);
    }

    /// A connection has found out.
    pub(super) fn found(&self, narrow: bool) {
        self.width.store(if narrow { NARROW } else { WIDE }, Ordering::Relaxed);
    }

    /// Whether it is known to be narrow.
    pub(super) fn is_narrow(&self) -> bool {
        self.width.load(Ordering::Relaxed) == NARROW
    }

    /// Whether compression can pay, as far as is known.
    pub(super) fn gains_by_compression(&self) -> bool {
        match self.width.load(Ordering::Relaxed) {
            UNKNOWN => self.expected.load(Ordering::Relaxed) < LOTS,
            width => width == NARROW,
        }
    }
}
