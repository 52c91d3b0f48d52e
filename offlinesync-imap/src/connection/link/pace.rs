//! How far away the server is, as the login shows: there, every question is asked alone. Looks at the clock, waits for nothing.

use std::time::{Duration, Instant};

/// An answer within this time comes over a line that is quicker than packing.
const QUICK: Duration = Duration::from_millis(10);

/// The quickest answer so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    asked: Option<Instant>,
    quickest: Option<Duration>,
    known: bool,
}

impl Pace {
    /// Octets went out.
    pub(super) fn sent(&mut self) {
        if !self.is_known() {
            self.asked.get_or_insert_with(Instant::now);
        }
    }

    /// Octets came in.
    pub(super) fn heard(&mut self) {
        if let Some(asked) = self.asked.take() {
            let took = asked.elapsed();
            self.quickest = Some(self.quickest.map_or(took, |quickest| quickest.min(took)));
        }
    }

    /// From now on several questions are asked at the same time, so that answers tell nothing.
    pub(super) fn known(&mut self) {
        self.known = true;
    }

    fn is_known(&self) -> bool {
        self.known && self.quickest.is_some()
    }

    /// Whether the line is slow, as far as is known.
    pub(super) fn is_slow(&self) -> bool {
        self.quickest.is_none_or(|quickest| quickest > QUICK)
    }
}
