//! How far away the server is, as the login shows: there, every question is asked alone. And how fast octets come while much of them
//! does. Looks at the clock, waits for nothing.

use std::time::{Duration, Instant};

/// An answer within this time comes over a line that is quicker than packing.
const QUICK: Duration = Duration::from_millis(10);

/// TCP begins slowly: so many octets show nothing yet.
const BEGINNING: u64 = 1 << 20;
/// So many octets behind those show how wide the line is.
const SAMPLE: u64 = 3 << 20;
/// A line on which the sample is waited for longer than this is narrow: it carries less than 20 MB a second.
const NARROW: Duration = Duration::from_millis(150);

/// The quickest answer so far, and what the first octets showed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    asked: Option<Instant>,
    quickest: Option<Duration>,
    known: bool,
    octets: u64,
    waited: Duration,
}

impl Pace {
    /// Octets went out.
    pub(super) fn sent(&mut self) {
        if !self.is_known() {
            self.asked.get_or_insert_with(Instant::now);
        }
    }

    /// So long the rest of an answer was waited for that had begun to come.
    pub(super) fn waited(&mut self, time: Duration) {
        if self.octets > BEGINNING {
            self.waited += time;
        }
    }

    /// So many octets came in. Answers once whether the line is narrow.
    pub(super) fn heard(&mut self, octets: usize) -> Option<bool> {
        self.time_answer();
        let before = self.octets;
        self.octets += octets as u64;
        let whole = before < BEGINNING + SAMPLE && self.octets >= BEGINNING + SAMPLE;
        whole.then_some(self.waited > NARROW)
    }

    fn time_answer(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_narrow_if_the_sample_had_to_be_waited_for() {
        for (each, narrow) in
            [(Duration::from_millis(9), true), (Duration::from_millis(1), false), (Duration::ZERO, false)]
        {
            let mut pace = Pace::default();
            pace.waited(Duration::from_secs(10));
            let heard = |_| {
                let heard = pace.heard(64 << 10);
                pace.waited(each);
                heard
            };
            assert_eq!((0..200).filter_map(heard).collect::<Vec<_>>(), [narrow]);
        }
    }
}
