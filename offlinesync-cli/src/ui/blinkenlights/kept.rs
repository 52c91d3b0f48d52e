//! What is printed once the screen is gone: what was asked for, whole; of what was told besides, the last. Pure.

use std::collections::VecDeque;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The user asked for it.
    Output,
    /// A warning, an error, a hint.
    Notice,
    /// How a sync went.
    Summary,
}

impl Kind {
    /// So many lines are kept. A program that goes on for weeks tells of thousands of syncs.
    fn most(self) -> usize {
        match self {
            Kind::Output => usize::MAX,
            Kind::Notice => 500,
            Kind::Summary => 20,
        }
    }
}

/// Lines in the order in which they were told.
#[derive(Debug, Default)]
pub(super) struct Kept(VecDeque<(Kind, String)>);

impl Kept {
    /// Adds a line; if there are too many of its kind, the first of them goes.
    pub(super) fn push(&mut self, kind: Kind, line: &str) {
        let is_own = |(other, _): &&(Kind, String)| *other == kind;
        if self.0.iter().filter(is_own).count() >= kind.most()
            && let Some(first) = self.0.iter().position(|line| is_own(&line))
        {
            self.0.remove(first);
        }
        self.0.push_back((kind, line.to_owned()));
    }

    /// All of them, once.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Kind, String)> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a thousand syncs nothing was kept any more, and an error of the last hour was not told.
    #[test]
    fn after_weeks_the_last_lines_are_told_and_none_that_was_asked_for_is_missing() {
        let mut kept = Kept::default();
        for number in 0..2000 {
            kept.push(Kind::Output, &format!("list {number}"));
            kept.push(Kind::Summary, &format!("sync {number}"));
        }
        kept.push(Kind::Notice, "error: late");
        let lines: Vec<(Kind, String)> = kept.take().collect();
        let of = |kind| lines.iter().filter(|line| line.0 == kind).map(|line| line.1.as_str()).collect::<Vec<_>>();
        assert_eq!((of(Kind::Output).len(), of(Kind::Notice)), (2000, vec!["error: late"]));
        assert_eq!((of(Kind::Summary).len(), of(Kind::Summary)[0]), (20, "sync 1980"));
        assert_eq!(kept.take().count(), 0);
    }
}
