//! Python's `re` on top of fancy-regex: the syntax translated, matching bounded. Pure.

use super::error::{PyError, Result, fail};
use super::value::Value;
use fancy_regex::{Captures, Regex, RegexBuilder};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// Steps after which a match that goes astray is given up.
const BACKTRACK_LIMIT: usize = 100_000;

/// Compiled size of a pattern, in octets.
const SIZE_LIMIT: usize = 1024 * 1024;

pub(super) const IGNORECASE: i64 = 2;
pub(super) const MULTILINE: i64 = 8;
pub(super) const DOTALL: i64 = 16;
pub(super) const VERBOSE: i64 = 64;
pub(super) const UNICODE: i64 = 32;

/// Where a match must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Anchor {
    Anywhere,
    Start,
    Whole,
}

/// A compiled pattern.
pub(super) struct Pattern {
    /// As written.
    pub(super) source: String,
    /// Python's flags.
    pub(super) flags: i64,
    regex: Regex,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// A match.
#[derive(Debug)]
pub(super) struct Found {
    /// The text that was searched.
    text: Rc<str>,
    /// Where each group matched; group 0 is the whole.
    groups: Vec<Option<Range<usize>>>,
    names: Vec<Option<String>>,
}

impl Pattern {
    pub(super) fn compile(source: &str, flags: i64, anchor: Anchor) -> Result<Pattern> {
        let known = IGNORECASE | MULTILINE | DOTALL | VERBOSE | UNICODE;
        if flags & !known != 0 {
            return fail("a flag of `re` that cannot be used here");
        }
        let letters: String = [(IGNORECASE, 'i'), (MULTILINE, 'm'), (DOTALL, 's'), (VERBOSE, 'x')]
            .iter()
            .filter(|(flag, _)| flags & flag != 0)
            .map(|(_, letter)| letter)
            .collect();
        let set = if letters.is_empty() { String::new() } else { format!("(?{letters})") };
        let body = translate(source)?;
        // A comment in a verbose pattern must not swallow the bracket.
        let end = if flags & VERBOSE != 0 { "\n" } else { "" };
        let whole = match anchor {
            Anchor::Anywhere => format!("{set}{body}"),
            Anchor::Start => format!("\\A(?:{set}{body}{end})"),
            Anchor::Whole => format!("\\A(?:{set}{body}{end})\\z"),
        };
        let mut builder = RegexBuilder::new(&whole);
        builder.backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(SIZE_LIMIT).delegate_dfa_size_limit(SIZE_LIMIT);
        let regex = builder
            .build()
            .map_err(|error| PyError::new(format!("the pattern `{source}` is not understood: {error}")))?;
        Ok(Pattern { source: source.to_owned(), flags, regex })
    }

    /// The first match at or behind an octet.
    pub(super) fn find(&self, text: &Rc<str>, from: usize) -> Result<Option<Found>> {
        let captures = self.regex.captures_from_pos(&**text, from).map_err(|_| self.astray())?;
        Ok(captures.map(|captures| self.found(text, &captures)))
    }

    fn astray(&self) -> PyError {
        PyError::new(format!("matching the pattern `{}` takes too long", self.source))
    }

    fn found(&self, text: &Rc<str>, captures: &Captures<'_, str>) -> Found {
        let groups = (0..captures.len()).map(|group| captures.get(group).map(|found| found.range())).collect();
        let names = self.regex.capture_names().map(|name| name.map(str::to_owned)).collect();
        Found { text: Rc::clone(text), groups, names }
    }

    /// Every match, as Python's `sub` and `findall` see them: at most `limit`, an empty one may follow another match directly.
    pub(super) fn find_all(&self, text: &Rc<str>, limit: usize) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        let mut from = 0;
        while from <= text.len() && all.len() < limit {
            let Some(found) = self.find(text, from)? else { break };
            let range = found.range();
            from = match range.is_empty() {
                true => range.end + text[range.end..].chars().next().map_or(1, char::len_utf8),
                false => range.end,
            };
            all.push(found);
        }
        Ok(all)
    }
}

impl Found {
    pub(super) fn range(&self) -> Range<usize> {
        self.groups.first().cloned().flatten().unwrap_or(0..0)
    }

    /// How many groups there are besides the whole.
    pub(super) fn group_count(&self) -> usize {
        self.groups.len().saturating_sub(1)
    }

    /// Where a group matched, in characters.
    pub(super) fn span(&self, group: &Value) -> Result<(i64, i64)> {
        let characters = |octets: usize| i64::try_from(self.text[..octets].chars().count()).unwrap_or(i64::MAX);
        Ok(self.groups[self.index(group)?].as_ref().map_or((-1, -1), |r| (characters(r.start), characters(r.end))))
    }

    /// The text of a group, by number or name.
    pub(super) fn group(&self, group: &Value) -> Result<Value> {
        Ok(self.group_at(self.index(group)?).map_or(Value::None, Value::str))
    }

    pub(super) fn group_at(&self, index: usize) -> Option<&str> {
        self.groups.get(index)?.as_ref().map(|range| &self.text[range.clone()])
    }

    /// Names and texts of the groups that have a name.
    pub(super) fn named_groups(&self) -> Vec<(Value, Value)> {
        let named = self.names.iter().enumerate().filter_map(|(at, name)| Some((at, name.as_deref()?)));
        named.map(|(at, name)| (Value::str(name), self.group_at(at).map_or(Value::None, Value::str))).collect()
    }

    fn index(&self, group: &Value) -> Result<usize> {
        let index = match group {
            Value::Str(name) => self.names.iter().position(|other| other.as_deref() == Some(name)),
            number => usize::try_from(number.as_int()?).ok().filter(|index| *index < self.groups.len()),
        };
        index.ok_or_else(|| PyError::new("the pattern has no such group"))
    }

    /// The replacement that a template of `sub` stands for.
    pub(super) fn expand(&self, template: &str) -> Result<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('\\') {
            out.push_str(&rest[..at]);
            rest = self.escape(&rest[at + 1..], &mut out)?;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Expands what stands behind a backslash; answers what follows it.
    fn escape<'t>(&self, rest: &'t str, out: &mut String) -> Result<&'t str> {
        let Some(c) = rest.chars().next() else { return fail("a replacement ends in a backslash") };
        let behind = &rest[c.len_utf8()..];
        match c {
            'g' => {
                let (name, behind) = behind
                    .strip_prefix('<')
                    .and_then(|inner| inner.split_once('>'))
                    .ok_or_else(|| PyError::new("`\\g` without a group in `<…>`"))?;
                let group = name.parse().map_or_else(|_| Value::str(name), Value::Int);
                out.push_str(self.group_at(self.index(&group)?).unwrap_or(""));
                return Ok(behind);
            }
            '0' => return fail("octal escapes cannot be used in a replacement"),
            '1'..='9' => {
                let digits = rest.chars().take(2).take_while(char::is_ascii_digit).count();
                let number: i64 = rest[..digits].parse().unwrap_or(i64::MAX);
                out.push_str(self.group_at(self.index(&Value::Int(number))?).unwrap_or(""));
                return Ok(&rest[digits..]);
            }
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\\' => out.push('\\'),
            c if c.is_ascii_alphabetic() => return fail(format!("`\\{c}` means nothing in a replacement")),
            c => out.extend(['\\', c]),
        }
        Ok(behind)
    }
}

/// Python's pattern syntax in fancy-regex's.
fn translate(source: &str) -> Result<String> {
    let mut out = String::with_capacity(source.len() + 8);
    let mut chars = source.char_indices().peekable();
    let mut in_class = false;
    let mut class_start = 0;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let Some((_, escaped)) = chars.next() else { return fail("a pattern ends in a backslash") };
                escape(escaped, in_class, &mut out);
            }
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if chars.next_if(|(_, c)| *c == '^').is_some() {
                    out.push('^');
                }
                class_start = out.len();
            }
            ']' if in_class && out.len() == class_start => out.push_str("\\]"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', c]),
            '-' if in_class && (out.ends_with('-') || source[at + 1..].starts_with('-')) => out.push_str("\\-"),
            '{' if !in_class && !is_quantifier(&source[at..]) => out.push_str("\\{"),
            c => out.push(c),
        }
    }
    Ok(out)
}

fn escape(c: char, in_class: bool, out: &mut String) {
    match c {
        'Z' if !in_class => out.push_str("\\z"),
        '0' => out.push_str("\\x00"),
        'b' if in_class => out.push_str("\\x08"),
        c if c.is_ascii_alphanumeric() => out.extend(['\\', c]),
        '<' | '>' => out.push(c),
        c if c.is_ascii_punctuation() => out.extend(['\\', c]),
        c => out.push(c),
    }
}

/// Whether `{…}` repeats what stands before it, rather than meaning itself.
fn is_quantifier(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(least) && digits(most) && !inside.is_empty() && inside != ","
}
