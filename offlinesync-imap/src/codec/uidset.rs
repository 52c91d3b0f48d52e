//! Sets of UIDs as inclusive ranges, and their text on the wire (RFC 3501 section 9, `sequence-set`). Pure.

use offlinesync_core::Uid;

/// Ascending, disjoint, inclusive ranges of ascending ids. Repeated ids are taken once; where the order breaks, a new range starts.
pub fn from_sorted(ids: impl IntoIterator<Item = Uid>) -> Vec<(Uid, Uid)> {
    let mut ranges: Vec<(Uid, Uid)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if id == *last || last.get().checked_add(1) == Some(id.get()) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges
}

/// The same set, ascending, with what overlaps or touches made one range.
pub fn merged(mut ranges: Vec<(Uid, Uid)>) -> Vec<(Uid, Uid)> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = kept.1.get().checked_add(1).is_none_or(|after| next.0.get() <= after);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
    ranges
}

/// Whether merged ranges hold this id.
pub fn contains(ranges: &[(Uid, Uid)], id: Uid) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= id);
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, last)| id <= *last)
}

/// How many ids disjoint ranges hold.
pub fn count(ranges: &[(Uid, Uid)]) -> u64 {
    ranges.iter().map(|(first, last)| u64::from(last.get().saturating_sub(first.get())) + 1).sum()
}

/// Every id in the order of the ranges, or `None` if there are more than `most`: a peer may write `1:4294967295`.
pub fn expand(ranges: &[(Uid, Uid)], most: usize) -> Option<Vec<Uid>> {
    (count(ranges) <= most as u64).then(|| ids(ranges).collect())
}

/// Every id in the order of the ranges, for sets that are known to be small; see [`expand`].
pub fn ids(ranges: &[(Uid, Uid)]) -> impl Iterator<Item = Uid> {
    ranges.iter().flat_map(|(first, last)| first.get()..=last.get()).filter_map(Uid::new)
}

/// Reads a set, keeping its order; `None` if any element is not a UID or a range of UIDs (`*` is neither).
pub fn parse(text: &[u8]) -> Option<Vec<(Uid, Uid)>> {
    elements(text).map(|range| range.and_then(as_uids)).collect()
}

/// Reads a set, leaving out what is not a UID or a range of UIDs.
pub fn parse_lenient(text: &[u8]) -> Vec<(Uid, Uid)> {
    elements(text).filter_map(|range| range.and_then(as_uids)).collect()
}

/// Reads a set of numbers that may be UIDs or sequence numbers; `None` if any element is neither number nor range.
pub fn parse_numbers(text: &[u8]) -> Option<Vec<(u32, u32)>> {
    elements(text).collect()
}

fn as_uids((first, last): (u32, u32)) -> Option<(Uid, Uid)> {
    Some((Uid::new(first)?, Uid::new(last)?))
}

/// The elements, each as `(low, high)`: `4:2` means the same as `2:4`.
fn elements(text: &[u8]) -> impl Iterator<Item = Option<(u32, u32)>> {
    let text = text.trim_ascii();
    let parts = (!text.is_empty()).then(|| text.split(|b| *b == b','));
    parts.into_iter().flatten().map(|element| {
        let mut ends = element.trim_ascii().splitn(2, |b| *b == b':');
        let first = number(ends.next()?)?;
        let second = ends.next().map_or(Some(first), number)?;
        Some((first.min(second), first.max(second)))
    })
}

fn number(digits: &[u8]) -> Option<u32> {
    super::lexer::number(digits).and_then(|n| u32::try_from(n).ok())
}

/// The set as text: `1:3,5`. Empty for no range, which no command accepts.
pub fn format(ranges: &[(Uid, Uid)]) -> String {
    let mut text = String::with_capacity(ranges.len() * 8);
    for (i, range) in ranges.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push(&mut text, *range);
    }
    text
}

/// Cuts a set into runs of ranges whose text takes at most `octets` each (a run has at least one range, at most 21 octets long).
pub fn pieces(ranges: &[(Uid, Uid)], octets: usize) -> impl Iterator<Item = &[(Uid, Uid)]> {
    let mut rest = ranges;
    std::iter::from_fn(move || {
        let mut used = 0;
        let fitting = rest.iter().take_while(|range| {
            used += length(**range) + usize::from(used > 0);
            used <= octets
        });
        let n = fitting.count().max(1).min(rest.len());
        let (piece, after) = rest.split_at(n);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn length((first, last): (Uid, Uid)) -> usize {
    let digits = |id: Uid| id.get().ilog10() as usize + 1;
    if first == last { digits(first) } else { digits(first) + 1 + digits(last) }
}

fn push(text: &mut String, (first, last): (Uid, Uid)) {
    use std::fmt::Write;
    // Writing to a String cannot fail.
    let _ = if first == last { write!(text, "{first}") } else { write!(text, "{first}:{last}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    fn set(ranges: &[(u32, u32)]) -> Vec<(Uid, Uid)> {
        ranges.iter().map(|(a, b)| (uid(*a), uid(*b))).collect()
    }

    #[test]
    fn sorted_ids_become_ranges_and_come_back() {
        let ids_in = [1, 2, 3, 5, 5, 7, 8, u32::MAX].map(uid);
        let ranges = from_sorted(ids_in);
        assert_eq!(ranges, set(&[(1, 3), (5, 5), (7, 8), (u32::MAX, u32::MAX)]));
        assert_eq!(format(&ranges), "1:3,5,7:8,4294967295");
        assert_eq!(parse(b"1:3,5,7:8,4294967295"), Some(ranges.clone()));
        assert_eq!(count(&ranges), 7);
        assert_eq!(expand(&ranges, 7).map(|ids| ids.len()), Some(7));
        assert_eq!(expand(&ranges, 6), None);
        assert_eq!(ids(&ranges).map(Uid::get).collect::<Vec<_>>(), [1, 2, 3, 5, 7, 8, u32::MAX]);
    }

    #[test]
    fn merging_joins_what_overlaps_or_touches() {
        assert_eq!(merged(set(&[(7, 9), (1, 3), (4, 4), (2, 2), (8, 12)])), set(&[(1, 4), (7, 12)]));
        assert_eq!(merged(set(&[(5, u32::MAX), (6, 7), (u32::MAX, u32::MAX)])), set(&[(5, u32::MAX)]));
        let merged = merged(set(&[(1, 4), (7, 12)]));
        let held: Vec<u32> = (1..15).filter(|n| contains(&merged, uid(*n))).collect();
        assert_eq!(held, [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn a_star_a_zero_and_a_huge_number_are_no_uids() {
        for text in ["300:*", "*", "0", "0:3", "4294967296", "1,,2", "x", "1:", "1:2:3", "-1", "+1", "1 2"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_lenient(b"1,300:*,0:3,9:7, 12"), set(&[(1, 1), (7, 9), (12, 12)]));
        assert_eq!(parse(b""), Some(vec![]));
        assert_eq!(parse_numbers(b"0:5"), Some(vec![(0, 5)]));
    }

    #[test]
    fn pieces_hold_everything_within_the_limit() {
        let ranges = from_sorted((1..5000).map(|n| uid(n * 1001)).chain([uid(u32::MAX)]));
        let pieces: Vec<_> = pieces(&ranges, 100).collect();
        assert!(pieces.iter().all(|p| (1..=100).contains(&format(p).len())));
        assert!(pieces.iter().rev().skip(1).all(|p| format(p).len() > 100 - 22), "a piece is filled");
        assert_eq!(pieces.concat(), ranges);
        assert_eq!(super::pieces(&ranges, 0).count(), ranges.len());
        assert_eq!(super::pieces(&[], 100).count(), 0);
    }
}
