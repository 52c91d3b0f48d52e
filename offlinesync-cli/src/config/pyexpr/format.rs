//! `'…' % …`, `'…'.format(…)` and the formats of f-strings. Pure.

use super::error::{PyError, Result, fail};
use super::eval::Arguments;
use super::value::Value;

/// Nothing is padded to more characters than this.
const MAX_WIDTH: usize = 1000;

/// `template % arguments`.
pub(super) fn percent(template: &str, arguments: &Value) -> Result<String> {
    let items = match arguments {
        Value::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    };
    let mut next = items.iter();
    let mut named = false;
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((_, behind)) = name {
            rest = behind;
        }
        let end = rest.find(|c: char| !"-+ #0123456789.".contains(c)).unwrap_or(rest.len());
        let (spec, behind) = rest.split_at(end);
        let Some(conversion) = behind.chars().next() else { return fail("a `%` at the end of a format") };
        rest = &behind[conversion.len_utf8()..];
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let value = match name {
            Some((name, _)) => {
                named = true;
                lookup(arguments, name)?
            }
            None => next.next().cloned().ok_or_else(|| PyError::new("a format has more places than values"))?,
        };
        out.push_str(&convert(&value, conversion, spec)?);
    }
    if !named && next.next().is_some() && !matches!(arguments, Value::Dict(_) | Value::List(_)) {
        return fail("a format has fewer places than values");
    }
    out.push_str(rest);
    Ok(out)
}

fn lookup(arguments: &Value, name: &str) -> Result<Value> {
    let Value::Dict(entries) = arguments else { return fail("a format with names needs a dictionary") };
    let found = entries.iter().find(|(key, _)| matches!(key, Value::Str(key) if **key == *name));
    found.map(|(_, value)| value.clone()).ok_or_else(|| PyError::new(format!("there is no `{name}` for a format")))
}

fn convert(value: &Value, conversion: char, spec: &str) -> Result<String> {
    let text = match conversion {
        's' => value.text()?,
        'r' => value.repr()?,
        'd' | 'i' => value.as_int()?.to_string(),
        _ => return fail(format!("`%{conversion}` cannot be used in a format here")),
    };
    let left = spec.starts_with('-');
    let zero = spec.starts_with('0') && conversion != 's';
    pad(&text, spec.trim_start_matches(['-', '0']), if left { '<' } else { '>' }, if zero { '0' } else { ' ' })
}

fn pad(text: &str, width: &str, align: char, fill: char) -> Result<String> {
    let width: usize = if width.is_empty() { 0 } else { width.parse().unwrap_or(usize::MAX) };
    if width > MAX_WIDTH {
        return fail("a format that cannot be used here");
    }
    let missing = width.saturating_sub(text.chars().count());
    let (before, behind) = match align {
        '<' => (0, missing),
        '^' => (missing / 2, missing - missing / 2),
        _ => (missing, 0),
    };
    let fill = |count: usize| String::from_iter(std::iter::repeat_n(fill, count));
    let (sign, digits) =
        if text.starts_with('-') && before > 0 && fill(1) == "0" { text.split_at(1) } else { ("", text) };
    Ok(format!("{sign}{}{digits}{}", fill(before), fill(behind)))
}

/// A value in the format of an f-string's or `format`'s braces: `[[fill]align][0][width][s|d]`.
pub(super) fn formatted(value: &Value, spec: &str) -> Result<String> {
    if spec.is_empty() {
        return value.text();
    }
    let number = matches!(value, Value::Int(_));
    let characters: Vec<char> = spec.chars().collect();
    let (fill, align, used) = match characters.as_slice() {
        [fill, align @ ('<' | '>' | '^'), ..] => (*fill, *align, 2),
        [align @ ('<' | '>' | '^'), ..] => (' ', *align, 1),
        ['0', ..] if number => ('0', '>', 1),
        _ => (' ', if number { '>' } else { '<' }, 0),
    };
    let rest: String = characters[used..].iter().collect();
    let width = rest.strip_suffix(if number { 'd' } else { 's' }).unwrap_or(&rest);
    pad(&value.text()?, width, align, fill)
}

/// `template.format(…)`.
pub(super) fn braces(template: &str, arguments: &Arguments) -> Result<String> {
    let mut out = String::new();
    let mut automatic = 0;
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        if rest[at + 1..].starts_with(brace) {
            out.push_str(brace);
            rest = &rest[at + 2..];
            continue;
        }
        let field = rest[at + 1..].split_once('}').filter(|_| brace == "{");
        let Some((field, behind)) = field else { return fail("a brace in a format has no partner") };
        out.push_str(&replacement(field, arguments, &mut automatic)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn replacement(field: &str, arguments: &Arguments, automatic: &mut usize) -> Result<String> {
    let (field, spec) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = field.split_once('!').unwrap_or((field, "s"));
    let value = match name {
        "" => {
            *automatic += 1;
            arguments.positional.get(*automatic - 1)
        }
        _ => match name.parse::<usize>() {
            Ok(index) => arguments.positional.get(index),
            Err(_) => arguments.named.iter().find(|(other, _)| other == name).map(|(_, value)| value),
        },
    };
    let Some(value) = value else { return fail(format!("there is no `{name}` for a format")) };
    match conversion {
        "r" => formatted(&Value::str(value.repr()?), spec),
        "s" => formatted(value, spec),
        _ => fail("a conversion that cannot be used in a format here"),
    }
}
