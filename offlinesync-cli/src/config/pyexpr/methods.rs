//! Methods of strings, lists, dictionaries, patterns and matches, and the functions of `re`. Pure.

use super::builtins::in_module;
use super::error::{Result, fail};
use super::eval::{Arguments, Machine};
use super::format;
use super::regex::{Anchor, Found, Pattern};
use super::strings;
use super::value::Value;
use std::rc::Rc;
use std::sync::Arc;

const LIST: [&str; 3] = ["index", "count", "copy"];
const DICT: [&str; 5] = ["get", "keys", "values", "items", "copy"];
const MATCH: [&str; 6] = ["group", "groups", "groupdict", "start", "end", "span"];
const PATTERN: [&str; 6] = ["search", "match", "fullmatch", "sub", "split", "findall"];

/// `of.name`.
pub(super) fn attribute(machine: &Machine, of: Value, name: &str) -> Result<Value> {
    machine.pay(1)?;
    let known: &[&str] = match &of {
        Value::Module(module) => return in_module(module, name),
        Value::Str(_) => &strings::METHODS,
        Value::List(_) | Value::Tuple(_) => &LIST,
        Value::Dict(_) => &DICT,
        Value::Match(_) => &MATCH,
        Value::Pattern(pattern) if name == "pattern" => return machine.string(pattern.source.as_str()),
        Value::Pattern(_) => &PATTERN,
        _ => &[],
    };
    match known.contains(&name) {
        true => Ok(Value::Method(Rc::new(of), name.into())),
        false => fail(format!("{} has nothing called `{name}` that can be used here", of.type_name())),
    }
}

/// Calls a method.
pub(super) fn call(machine: &Machine, of: &Value, name: &str, arguments: Arguments) -> Result<Value> {
    match of {
        Value::Str(text) if name == "format" => machine.string(format::braces(text, &arguments)?),
        Value::Str(text) => strings::call(machine, text, name, arguments),
        Value::List(items) | Value::Tuple(items) => list_method(machine, items, name, arguments),
        Value::Dict(entries) => dict_method(machine, entries, name, arguments),
        Value::Match(found) => match_method(found, name, &arguments),
        Value::Pattern(pattern) => {
            let Arguments { mut positional, named } = arguments;
            positional.insert(0, Value::Pattern(Arc::clone(pattern)));
            re_function(machine, name, Arguments { positional, named })
        }
        other => fail(format!("{} has no `{name}`", other.type_name())),
    }
}

fn list_method(machine: &Machine, items: &[Value], name: &str, arguments: Arguments) -> Result<Value> {
    let [item] = arguments.bind(name, ["item"])?;
    machine.pay(items.len())?;
    match (name, item) {
        ("copy", None) => machine.list(items.to_vec()),
        ("count", Some(item)) => Ok(Value::Int(items.iter().filter(|other| other.equals(&item)).count() as i64)),
        ("index", Some(item)) => match items.iter().position(|other| other.equals(&item)) {
            Some(at) => Ok(Value::Int(at as i64)),
            None => fail(format!("{} is not in the list", item.repr()?)),
        },
        _ => fail(format!("`{name}` has other arguments")),
    }
}

fn dict_method(machine: &Machine, entries: &[(Value, Value)], name: &str, arguments: Arguments) -> Result<Value> {
    machine.pay(entries.len())?;
    let [key, default] = arguments.bind(name, ["key", "default"])?;
    match (name, key) {
        ("get", Some(key)) => {
            let found = entries.iter().find(|(other, _)| other.equals(&key)).map(|(_, value)| value.clone());
            Ok(found.or(default).unwrap_or(Value::None))
        }
        ("keys", None) => machine.list(entries.iter().map(|(key, _)| key.clone()).collect()),
        ("values", None) => machine.list(entries.iter().map(|(_, value)| value.clone()).collect()),
        ("items", None) => {
            let pair = |(key, value): &(Value, Value)| Value::Tuple(Rc::new(vec![key.clone(), value.clone()]));
            machine.list(entries.iter().map(pair).collect())
        }
        ("copy", None) => Ok(Value::Dict(Rc::new(entries.to_vec()))),
        _ => fail(format!("`{name}` has other arguments")),
    }
}

fn match_method(found: &Found, name: &str, arguments: &Arguments) -> Result<Value> {
    let groups = &arguments.positional;
    let whole = Value::Int(0);
    let group = groups.first().unwrap_or(&whole);
    match name {
        "group" if groups.len() > 1 => {
            let texts: Result<Vec<Value>> = groups.iter().map(|group| found.group(group)).collect();
            Ok(Value::Tuple(Rc::new(texts?)))
        }
        "group" => found.group(group),
        "groups" => {
            let default = groups.first().cloned().unwrap_or(Value::None);
            let text = |at| found.group_at(at).map_or(default.clone(), Value::str);
            Ok(Value::Tuple(Rc::new((1..=found.group_count()).map(text).collect())))
        }
        "groupdict" => Ok(Value::Dict(Rc::new(found.named_groups()))),
        "start" => Ok(Value::Int(found.span(group)?.0)),
        "end" => Ok(Value::Int(found.span(group)?.1)),
        _ => {
            let (start, end) = found.span(group)?;
            Ok(Value::Tuple(Rc::new(vec![Value::Int(start), Value::Int(end)])))
        }
    }
}

/// The value by which an item is ordered.
pub(super) fn with_key(machine: &Machine, key: Option<&Value>, item: &Value) -> Result<Value> {
    match key {
        None | Some(Value::None) => Ok(item.clone()),
        Some(key) => machine.call(key, Arguments::of(vec![item.clone()])),
    }
}

/// A function of `re`, or the method of a pattern of the same name with the pattern as its first argument.
pub(super) fn re_function(machine: &Machine, name: &str, arguments: Arguments) -> Result<Value> {
    match name {
        "escape" => {
            let [Some(text)] = arguments.bind(name, ["pattern"])? else { return fail("`re.escape` lacks an argument") };
            machine.string(strings::escape_pattern(text.as_str()?))
        }
        "compile" => {
            let [pattern, flags] = arguments.bind(name, ["pattern", "flags"])?;
            Ok(Value::Pattern(pattern_of(machine, pattern, flags, Anchor::Anywhere)?))
        }
        "sub" => substitute(machine, arguments),
        "split" => split(machine, arguments),
        "search" | "match" | "fullmatch" | "findall" => find(machine, name, arguments),
        _ => fail(format!("`re.{name}` cannot be used here")),
    }
}

fn pattern_of(machine: &Machine, pattern: Option<Value>, flags: Option<Value>, anchor: Anchor) -> Result<Arc<Pattern>> {
    match pattern {
        Some(Value::Pattern(pattern)) if anchor == Anchor::Anywhere => Ok(pattern),
        Some(Value::Pattern(pattern)) => machine.pattern(&pattern.source, pattern.flags, anchor),
        Some(source) => {
            let flags = flags.map_or(Ok(0), |flags| flags.as_int())?;
            machine.pattern(source.as_str()?, flags, anchor)
        }
        None => fail("a function of `re` lacks its pattern"),
    }
}

fn find(machine: &Machine, name: &str, arguments: Arguments) -> Result<Value> {
    let [pattern, text, flags] = arguments.bind(name, ["pattern", "string", "flags"])?;
    let anchor = match name {
        "match" => Anchor::Start,
        "fullmatch" => Anchor::Whole,
        _ => Anchor::Anywhere,
    };
    let pattern = pattern_of(machine, pattern, flags, anchor)?;
    let text = subject(machine, text)?;
    if name != "findall" {
        let found = pattern.find(&text, 0)?;
        return Ok(found.map_or(Value::None, |found| Value::Match(Rc::new(found))));
    }
    let whole = |found: &Found| match found.group_count() {
        0 | 1 => Value::str(found.group_at(found.group_count()).unwrap_or("")),
        groups => Value::Tuple(Rc::new((1..=groups).map(|at| Value::str(found.group_at(at).unwrap_or(""))).collect())),
    };
    machine.list(pattern.find_all(&text, usize::MAX)?.iter().map(whole).collect())
}

fn subject(machine: &Machine, text: Option<Value>) -> Result<Rc<str>> {
    match text {
        Some(Value::Str(text)) => {
            machine.pay(text.len() + 10)?;
            Ok(text)
        }
        Some(other) => fail(format!("{} where a string is expected", other.type_name())),
        None => fail("a function of `re` lacks its string"),
    }
}

/// At most how many matches; 0 and nothing mean all of them.
fn limit(count: Option<Value>) -> Result<usize> {
    let count = count.map_or(Ok(0), |count| count.as_int())?;
    Ok(usize::try_from(count).ok().filter(|count| *count > 0).unwrap_or(usize::MAX))
}

fn substitute(machine: &Machine, arguments: Arguments) -> Result<Value> {
    let [pattern, replacement, text, count, flags] =
        arguments.bind("sub", ["pattern", "repl", "string", "count", "flags"])?;
    let pattern = pattern_of(machine, pattern, flags, Anchor::Anywhere)?;
    let text = subject(machine, text)?;
    let Some(replacement) = replacement else { return fail("`sub` lacks its replacement") };
    let mut out = String::new();
    let mut from = 0;
    for found in pattern.find_all(&text, limit(count)?)? {
        let range = found.range();
        out.push_str(&text[from..range.start]);
        from = range.end;
        match &replacement {
            Value::Str(template) => out.push_str(&found.expand(template)?),
            function => {
                let result = machine.call(function, Arguments::of(vec![Value::Match(Rc::new(found))]))?;
                out.push_str(result.as_str()?);
            }
        }
        machine.pay(out.len() / 16 + 1)?;
    }
    out.push_str(&text[from..]);
    machine.string(out)
}

fn split(machine: &Machine, arguments: Arguments) -> Result<Value> {
    let [pattern, text, count, flags] = arguments.bind("split", ["pattern", "string", "maxsplit", "flags"])?;
    let pattern = pattern_of(machine, pattern, flags, Anchor::Anywhere)?;
    let text = subject(machine, text)?;
    let mut parts = Vec::new();
    let mut from = 0;
    for found in pattern.find_all(&text, limit(count)?)? {
        let range = found.range();
        parts.push(Value::str(&text[from..range.start]));
        parts.extend((1..=found.group_count()).map(|at| found.group_at(at).map_or(Value::None, Value::str)));
        from = range.end;
    }
    parts.push(Value::str(&text[from..]));
    machine.list(parts)
}
