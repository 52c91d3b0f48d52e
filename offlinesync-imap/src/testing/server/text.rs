//! Small texts of IMAP: number sets, name patterns, quoted strings, dates. Pure.

use std::collections::BTreeSet;

/// A sequence set with `*` as `last`, as inclusive ranges.
pub(super) fn ranges(set: &str, last: u32) -> Option<Vec<(u32, u32)>> {
    let number = |text: &str| if text == "*" { Some(last) } else { text.parse().ok().filter(|n| *n > 0) };
    let range = |text: &str| {
        let (a, b) = text.split_once(':').unwrap_or((text, text));
        let (a, b) = (number(a)?, number(b)?);
        Some((a.min(b), a.max(b)))
    };
    set.split(',').map(range).collect()
}

pub(super) fn within(ranges: &[(u32, u32)], number: u32) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
}

/// Ascending numbers as a sequence set.
pub(super) fn set(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let text =
        runs.map(|run| if run.len() == 1 { run[0].to_string() } else { format!("{}:{}", run[0], run[run.len() - 1]) });
    text.collect::<Vec<_>>().join(",")
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A mailbox name: bare where that is allowed.
pub(super) fn name(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+&,".contains(&b));
    if bare { name.to_owned() } else { quoted(name) }
}

pub(super) fn flags(flags: &BTreeSet<String>) -> String {
    format!("({})", flags.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}

/// LIST's patterns: `*` is anything, `%` anything within one level.
pub(super) fn matches(pattern: &str, name: &str, separator: char) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    if first != '*' && first != '%' {
        return name.strip_prefix(first).is_some_and(|name| matches(rest, name, separator));
    }
    let level = if first == '%' { name.find(separator).unwrap_or(name.len()) } else { name.len() };
    (0..=level).filter(|end| name.is_char_boundary(*end)).any(|end| matches(rest, &name[end..], separator))
}

/// The day of an IMAP date or date-time (`1-Feb-2003`), so that days compare as text.
pub(super) fn day(date: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut parts = date.trim().split([' ', '-']);
    let (day, month, year) = (parts.next()?.parse::<u8>().ok()?, parts.next()?.to_ascii_lowercase(), parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Some(format!("{year}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written() {
        assert_eq!(ranges("1,5:3,9:*", 7), Some(vec![(1, 1), (3, 5), (7, 9)]));
        assert_eq!((ranges("0", 7), ranges("a", 7)), (None, None));
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
    }

    #[test]
    fn patterns_stop_at_levels_or_do_not() {
        assert!(matches("*", "a/b", '/') && matches("a/%", "a/b", '/') && matches("%", "a", '/'));
        assert!(!matches("%", "a/b", '/') && !matches("a/%", "a/b/c", '/') && matches("INBOX*", "INBOX/x", '/'));
    }

    #[test]
    fn days_compare_as_text() {
        assert_eq!(day(" 1-Feb-2003 04:05:06 +0000").as_deref(), Some("2003-02-01"));
    }
}
