//! Sets of UIDs against each other. Pure.

use offlinesync_core::Uid;

/// Ranges of UIDs, ends included; ascending and disjoint unless said otherwise.
pub(super) type Ranges = Vec<(Uid, Uid)>;

/// What is in both.
pub(super) fn intersection(a: &[(Uid, Uid)], b: &[(Uid, Uid)]) -> Ranges {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut both = Ranges::new();
    while let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.peek(), b.peek()) {
        let (first, last) = (*a_first.max(b_first), *a_last.min(b_last));
        if first <= last {
            both.push((first, last));
        }
        if a_last <= b_last {
            a.next()
        } else {
            b.next()
        };
    }
    both
}

/// What is in `a` and not in `b`.
pub(super) fn difference(a: &[(Uid, Uid)], b: &[(Uid, Uid)]) -> Ranges {
    let mut left = Ranges::new();
    let mut b = b.iter().copied().peekable();
    for (first, last) in a {
        let mut from = Some(*first);
        while let Some(start) = from {
            while b.next_if(|(_, b_last)| *b_last < start).is_some() {}
            match b.peek() {
                Some((b_first, b_last)) if *b_first <= *last => {
                    if let Some(end) = Uid::new(b_first.get() - 1).filter(|end| start <= *end) {
                        left.push((start, end));
                    }
                    from = b_last.get().checked_add(1).and_then(Uid::new).filter(|next| next <= last);
                }
                _ => {
                    left.push((start, *last));
                    from = None;
                }
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::uidset;
    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges(numbers: &BTreeSet<u32>) -> Ranges {
        uidset::from_sorted(numbers.iter().filter_map(|number| Uid::new(*number)))
    }

    fn numbers() -> impl Strategy<Value = BTreeSet<u32>> {
        let edges = prop_oneof![1u32..40, Just(u32::MAX), Just(u32::MAX - 1), Just(1)];
        btree_set(edges, 0..30)
    }

    proptest! {
        #[test]
        fn they_are_the_operations_on_sets(a in numbers(), b in numbers()) {
            let both: BTreeSet<u32> = a.intersection(&b).copied().collect();
            let left: BTreeSet<u32> = a.difference(&b).copied().collect();
            let same = |found: Ranges, expected: &BTreeSet<u32>| {
                uidset::ids(&found).map(Uid::get).eq(expected.iter().copied())
            };
            prop_assert!(same(intersection(&ranges(&a), &ranges(&b)), &both));
            prop_assert!(same(difference(&ranges(&a), &ranges(&b)), &left));
        }
    }
}
