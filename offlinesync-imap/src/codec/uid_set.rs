//! UID sets (RFC 3501 `sequence-set`, RFC 4315 `uid-set`) as ascending, disjoint, inclusive ranges. Pure.

use offlinesync_core::Uid;
use std::fmt::Write;

/// A range of UIDs, both ends included.
pub type Range = (Uid, Uid);

/// Reads a set such as `1:3,7`. `*` stands for the largest UID. `None` if it is none. The order of the set is kept.
pub fn parse(bytes: &[u8]) -> Option<Vec<Range>> {
    let numbers = parse_numbers(bytes)?;
    numbers.into_iter().map(|(first, last)| Some((Uid::new(first)?, Uid::new(last)?))).collect()
}

/// Like [`parse`] for plain numbers.
pub fn parse_numbers(bytes: &[u8]) -> Option<Vec<(u32, u32)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.split(',').map(range).collect()
}

fn range(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| if text == "*" { Some(u32::MAX) } else { text.parse().ok() };
    match text.split_once(':') {
        Some((a, b)) => {
            let (a, b) = (number(a)?, number(b)?);
            Some((a.min(b), a.max(b)))
        }
        None => number(text).map(|n| (n, n)),
    }
}

/// Ranges of the given UIDs, which may come in any order and more than once.
pub fn ranges(uids: impl IntoIterator<Item = Uid>) -> Vec<Range> {
    let mut uids: Vec<Uid> = uids.into_iter().collect();
    uids.sort_unstable();
    uids.dedup();
    let mut ranges: Vec<Range> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.get() + 1 == uid.get() => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    ranges
}

/// Writes ranges as sets of at most `limit` octets each (one range at least).
pub fn format(ranges: &[Range], limit: usize) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for (first, last) in ranges {
        let mut one = first.to_string();
        if first != last {
            let _ = write!(one, ":{last}");
        }
        match sets.last_mut() {
            Some(set) if set.len() + 1 + one.len() <= limit => {
                set.push(',');
                set.push_str(&one);
            }
            _ => sets.push(one),
        }
    }
    sets
}

/// Every UID of the ranges in order, or `None` if there are more than `most`.
pub fn expand(ranges: &[Range], most: usize) -> Option<Vec<Uid>> {
    let count: u64 = ranges.iter().map(|(a, b)| u64::from(b.get() - a.get()) + 1).sum();
    if count > most as u64 {
        return None;
    }
    Some(ranges.iter().flat_map(|(a, b)| (a.get()..=b.get()).filter_map(Uid::new)).collect())
}

/// Whether a UID is in ascending ranges.
pub fn contains(ranges: &[Range], uid: Uid) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < uid);
    ranges.get(at).is_some_and(|(first, _)| *first <= uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    #[test]
    fn sets_are_read_as_they_are_written() {
        assert_eq!(parse(b"4:2,9,7:*"), Some(vec![(uid(2), uid(4)), (uid(9), uid(9)), (uid(7), uid(u32::MAX))]));
        assert_eq!(parse(b"0"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(format(&ranges([3, 1, 2, 9].map(uid)), 100), ["1:3,9"]);
        assert_eq!(format(&ranges([1, 3, 5].map(uid)), 3), ["1,3", "5"]);
        assert_eq!(expand(&[(uid(1), uid(u32::MAX))], 1000), None);
    }

    proptest! {
        #[test]
        fn any_uids_survive(numbers in proptest::collection::btree_set(1u32.., 0..50), limit in 1usize..40) {
            let uids: Vec<Uid> = numbers.iter().copied().map(uid).collect();
            let ranges = ranges(uids.clone());
            let read: Vec<Range> = format(&ranges, limit).iter().flat_map(|set| parse(set.as_bytes()).unwrap()).collect();
            prop_assert_eq!(expand(&read, 1000).unwrap(), uids.clone());
            prop_assert!(uids.iter().all(|u| contains(&ranges, *u)));
        }
    }
}
