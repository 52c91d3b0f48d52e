//! The methods of strings. Positions count characters, as in Python. Pure.

use super::error::{Result, fail};
use super::eval::{Arguments, Machine};
use super::value::Value;
use crate::config::ini::is_space;
use std::rc::Rc;

/// Those there are.
pub(super) const METHODS: [&str; 37] = [
    "startswith",
    "endswith",
    "replace",
    "lower",
    "upper",
    "casefold",
    "title",
    "capitalize",
    "swapcase",
    "strip",
    "lstrip",
    "rstrip",
    "split",
    "rsplit",
    "splitlines",
    "join",
    "find",
    "rfind",
    "index",
    "rindex",
    "count",
    "format",
    "isdigit",
    "isalpha",
    "isalnum",
    "isupper",
    "islower",
    "isspace",
    "partition",
    "rpartition",
    "removeprefix",
    "removesuffix",
    "encode",
    "decode",
    "zfill",
    "isdecimal",
    "isnumeric",
];

/// Calls a method of a string.
pub(super) fn call(machine: &Machine, text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    machine.pay(text.len() + 1)?;
    match name {
        "startswith" | "endswith" => affix(text, name, arguments),
        "replace" => replace(machine, text, arguments),
        "split" | "rsplit" => split(machine, text, name, arguments),
        "join" => join(machine, text, arguments),
        "find" | "rfind" | "index" | "rindex" | "count" => search(text, name, arguments),
        "partition" | "rpartition" => partition(text, name, arguments),
        "encode" | "decode" => recode(text, name, arguments),
        _ => simple(machine, text, name, arguments),
    }
}

fn simple(machine: &Machine, text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [argument] = arguments.bind(name, ["chars"])?;
    if let Some(answer) = question(text, name) {
        return Ok(Value::Bool(answer));
    }
    let changed = match (name, &argument) {
        ("lower" | "casefold", None) => text.to_lowercase(),
        ("upper", None) => text.to_uppercase(),
        ("title", None) => title(text),
        ("capitalize", None) => capitalize(text),
        ("swapcase", None) => text.chars().map(swap_case).collect(),
        ("strip" | "lstrip" | "rstrip", _) => strip(text, name, argument.as_ref())?.to_owned(),
        ("splitlines", None) => return machine.list(text.lines().map(Value::str).collect()),
        ("removeprefix", Some(prefix)) => text.strip_prefix(prefix.as_str()?).unwrap_or(text).to_owned(),
        ("removesuffix", Some(suffix)) => text.strip_suffix(suffix.as_str()?).unwrap_or(text).to_owned(),
        ("zfill", Some(width)) => return fill(machine, text, width.as_int()?),
        _ => return fail(format!("`{name}` has other arguments")),
    };
    machine.string(changed)
}

fn question(text: &str, name: &str) -> Option<bool> {
    let all = |fits: fn(char) -> bool| !text.is_empty() && text.chars().all(fits);
    let cased = |upper: bool| {
        let letters = || text.chars().filter(|c| c.is_uppercase() || c.is_lowercase());
        letters().next().is_some() && letters().all(|c| c.is_uppercase() == upper)
    };
    Some(match name {
        "isdigit" | "isdecimal" | "isnumeric" => all(|c| c.is_numeric()),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(is_space),
        "isupper" => cased(true),
        "islower" => cased(false),
        _ => return None,
    })
}

fn fill(machine: &Machine, text: &str, width: i64) -> Result<Value> {
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
    machine.pay(missing)?;
    let (sign, digits) = if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", text) };
    machine.string(format!("{sign}{}{digits}", "0".repeat(missing)))
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_uppercase() || c.is_lowercase();
    }
    out
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + &chars.as_str().to_lowercase()
}

fn swap_case(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

fn strip<'t>(text: &'t str, name: &str, characters: Option<&Value>) -> Result<&'t str> {
    let set = match characters {
        None | Some(Value::None) => None,
        Some(characters) => Some(characters.as_str()?),
    };
    let fits = |c: char| set.map_or_else(|| is_space(c), |set| set.contains(c));
    Ok(match name {
        "lstrip" => text.trim_start_matches(fits),
        "rstrip" => text.trim_end_matches(fits),
        _ => text.trim_matches(fits),
    })
}

/// The part of a text between two positions, as Python's slices count them.
fn part<'t>(text: &'t str, from: Option<&Value>, to: Option<&Value>) -> Result<&'t str> {
    let length = text.chars().count() as i64;
    let position = |bound: Option<&Value>, default: i64| -> Result<usize> {
        let at = match bound {
            None | Some(Value::None) => default,
            Some(bound) => bound.as_int()?,
        };
        let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
        Ok(text.char_indices().nth(usize::try_from(at).unwrap_or(0)).map_or(text.len(), |(octet, _)| octet))
    };
    let (from, to) = (position(from, 0)?, position(to, length)?);
    Ok(text.get(from..to).unwrap_or(""))
}

fn affix(text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [affixes, from, to] = arguments.bind(name, ["prefix", "start", "end"])?;
    let text = part(text, from.as_ref(), to.as_ref())?;
    let affixes = match affixes {
        Some(Value::Tuple(affixes)) => affixes.to_vec(),
        Some(one) => vec![one],
        None => return fail(format!("`{name}` lacks an argument")),
    };
    for affix in &affixes {
        let affix = affix.as_str()?;
        if if name == "startswith" { text.starts_with(affix) } else { text.ends_with(affix) } {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn replace(machine: &Machine, text: &str, arguments: Arguments) -> Result<Value> {
    let [Some(old), Some(new), count] = arguments.bind("replace", ["old", "new", "count"])? else {
        return fail("`replace` lacks an argument");
    };
    let (old, new) = (old.as_str()?, new.as_str()?);
    let count = usize::try_from(count.map_or(Ok(-1), |count| count.as_int())?).unwrap_or(usize::MAX);
    let matches = if old.is_empty() { text.len() + 1 } else { text.matches(old).count() }.min(count);
    machine.pay(matches.saturating_mul(new.len()))?;
    machine.string(text.replacen(old, new, count))
}

fn split(machine: &Machine, text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [separator, limit] = arguments.bind(name, ["sep", "maxsplit"])?;
    let limit =
        usize::try_from(limit.map_or(Ok(-1), |limit| limit.as_int())?).map_or(usize::MAX, |n| n.saturating_add(1));
    let separator = separator.filter(|separator| !matches!(separator, Value::None));
    let mut parts: Vec<&str> = match (&separator, name) {
        (None, "split") => return machine.list(split_spaces(text, limit)),
        (None, _) if limit == usize::MAX => text.split(is_space).filter(|part| !part.is_empty()).rev().collect(),
        (None, _) => return fail("`rsplit` needs a separator here"),
        (Some(separator), _) if separator.as_str()?.is_empty() => return fail("`split` at an empty string"),
        (Some(separator), "split") => text.splitn(limit, separator.as_str()?).collect(),
        (Some(separator), _) => text.rsplitn(limit, separator.as_str()?).collect(),
    };
    if name == "rsplit" {
        parts.reverse();
    }
    machine.list(parts.into_iter().map(Value::str).collect())
}

/// Words between spaces; the last part of a limited split keeps what follows it.
fn split_spaces(text: &str, limit: usize) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let end = if parts.len() + 1 >= limit { rest.len() } else { rest.find(is_space).unwrap_or(rest.len()) };
        let (word, behind) = rest.split_at(end);
        parts.push(Value::str(if parts.len() + 1 >= limit { word.trim_end_matches(is_space) } else { word }));
        rest = behind.trim_start_matches(is_space);
    }
    parts
}

fn join(machine: &Machine, text: &str, arguments: Arguments) -> Result<Value> {
    let [Some(items)] = arguments.bind("join", ["iterable"])? else { return fail("`join` lacks an argument") };
    let items = items.items()?;
    let parts: Result<Vec<&str>> = items.iter().map(Value::as_str).collect();
    machine.pay(text.len().saturating_mul(items.len()))?;
    machine.string(parts?.join(text))
}

fn search(text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [Some(wanted), from, to] = arguments.bind(name, ["sub", "start", "end"])? else {
        return fail(format!("`{name}` lacks an argument"));
    };
    let wanted = wanted.as_str()?;
    let within = part(text, from.as_ref(), to.as_ref())?;
    if name == "count" {
        let number = if wanted.is_empty() { within.chars().count() + 1 } else { within.matches(wanted).count() };
        return Ok(Value::Int(number as i64));
    }
    let at = if name.starts_with('r') { within.rfind(wanted) } else { within.find(wanted) };
    let before = within.as_ptr() as usize - text.as_ptr() as usize;
    match at {
        Some(at) if before <= text.len() => Ok(Value::Int(text[..before + at].chars().count() as i64)),
        _ if name.ends_with("index") => fail("a part of a string is not found"),
        _ => Ok(Value::Int(-1)),
    }
}

fn partition(text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [Some(separator)] = arguments.bind(name, ["sep"])? else { return fail(format!("`{name}` lacks an argument")) };
    let separator = separator.as_str()?;
    if separator.is_empty() {
        return fail(format!("`{name}` at an empty string"));
    }
    let parts = match name {
        "partition" => text.split_once(separator).map_or((text, "", ""), |(a, b)| (a, separator, b)),
        _ => text.rsplit_once(separator).map_or(("", "", text), |(a, b)| (a, separator, b)),
    };
    Ok(Value::Tuple(Rc::new(vec![Value::str(parts.0), Value::str(parts.1), Value::str(parts.2)])))
}

/// What Python 2 needed and Python 3 does not: strings are Unicode already.
fn recode(text: &str, name: &str, arguments: Arguments) -> Result<Value> {
    let [encoding, _errors] = arguments.bind(name, ["encoding", "errors"])?;
    check_codec(name, encoding.as_ref().map_or(Ok("utf-8"), Value::as_str)?, text.is_ascii())?;
    Ok(Value::str(text))
}

/// An error for a codec that strings of Python 3 do not pass through unchanged.
pub(super) fn check_codec(method: &str, codec: &str, ascii: bool) -> Result<()> {
    match codec.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => Ok(()),
        "ascii" | "us-ascii" if ascii => Ok(()),
        _ => fail(format!("`{method}('{codec}')` cannot be used here; set `utf8foldernames = yes` and leave it out")),
    }
}

/// `re.escape`.
pub(super) fn escape_pattern(text: &str) -> String {
    let special = |c: char| "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
