//! The functions and modules that an expression finds without being given them: those of Python that compute and touch nothing.
//! Pure.

use super::error::{Result, fail};
use super::eval::{Arguments, Machine};
use super::methods::{re_function, with_key};
use super::value::{Value, unique, unique_entries};
use std::cmp::Ordering;
use std::rc::Rc;

/// Plain functions.
const FUNCTIONS: [&str; 23] = [
    "len",
    "any",
    "all",
    "str",
    "int",
    "bool",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "sorted",
    "reversed",
    "min",
    "max",
    "sum",
    "abs",
    "map",
    "filter",
    "zip",
    "enumerate",
    "range",
    "repr",
];

/// Functions of modules.
const MODULE_FUNCTIONS: [&str; 12] = [
    "re.search",
    "re.match",
    "re.fullmatch",
    "re.sub",
    "re.split",
    "re.findall",
    "re.compile",
    "re.escape",
    "os.path.basename",
    "os.path.dirname",
    "os.path.join",
    "cmp",
];

/// What a name means that nothing else defines.
pub(super) fn find(name: &str) -> Option<Value> {
    match name {
        "re" => Some(Value::Module("re")),
        "os" => Some(Value::Module("os")),
        "unicode" => Some(Value::Builtin("str")),
        "cmp" => Some(Value::Builtin("cmp")),
        _ => FUNCTIONS.iter().find(|function| **function == name).map(|function| Value::Builtin(function)),
    }
}

/// What a module holds under a name.
pub(super) fn in_module(module: &str, name: &str) -> Result<Value> {
    use super::regex::{DOTALL, IGNORECASE, MULTILINE, UNICODE, VERBOSE};
    match (module, name) {
        ("re", "I" | "IGNORECASE") => return Ok(Value::Int(IGNORECASE)),
        ("re", "M" | "MULTILINE") => return Ok(Value::Int(MULTILINE)),
        ("re", "S" | "DOTALL") => return Ok(Value::Int(DOTALL)),
        ("re", "X" | "VERBOSE") => return Ok(Value::Int(VERBOSE)),
        ("re", "U" | "UNICODE") => return Ok(Value::Int(UNICODE)),
        ("os", "path") => return Ok(Value::Module("os.path")),
        ("os", "sep") | ("os.path", "sep") => return Ok(Value::str("/")),
        _ => {}
    }
    let full = format!("{module}.{name}");
    match MODULE_FUNCTIONS.iter().find(|function| **function == full) {
        Some(function) => Ok(Value::Builtin(function)),
        None => fail(format!("`{full}` cannot be used in an expression: it could reach the system")),
    }
}

/// Calls one of them.
pub(super) fn call(machine: &Machine, name: &str, arguments: Arguments) -> Result<Value> {
    match name {
        "sorted" | "min" | "max" => return ordered(machine, name, arguments),
        "dict" => return dict(arguments),
        "os.path.join" => return path_join(machine, &arguments),
        "zip" => return zip(machine, &arguments),
        "map" | "filter" => return map(machine, name, arguments),
        _ => {}
    }
    if let Some(function) = name.strip_prefix("re.") {
        return re_function(machine, function, arguments);
    }
    let [first, second, third] = arguments.bind(name, ["object", "second", "third"])?;
    if third.is_some() && name != "range"
        || second.is_some() && !["int", "enumerate", "sum", "range", "cmp"].contains(&name)
    {
        return fail(format!("`{name}` has too many arguments"));
    }
    match first {
        Some(first) => unary(machine, name, &first, second.as_ref(), third.as_ref()),
        None => empty(name),
    }
}

fn empty(name: &str) -> Result<Value> {
    Ok(match name {
        "str" => Value::str(""),
        "int" => Value::Int(0),
        "bool" => Value::Bool(false),
        "list" => Value::list(Vec::new()),
        "tuple" => Value::Tuple(Rc::default()),
        "set" | "frozenset" => Value::Set(Rc::default()),
        _ => return fail(format!("`{name}` lacks an argument")),
    })
}

fn unary(machine: &Machine, name: &str, first: &Value, second: Option<&Value>, third: Option<&Value>) -> Result<Value> {
    machine.pay(1)?;
    Ok(match name {
        "len" => Value::Int(first.items()?.len() as i64),
        "any" => Value::Bool(first.items()?.iter().any(Value::truth)),
        "all" => Value::Bool(first.items()?.iter().all(Value::truth)),
        "str" => machine.string(first.text()?)?,
        "repr" => machine.string(first.repr()?)?,
        "int" => Value::Int(integer(first, second)?),
        "bool" => Value::Bool(first.truth()),
        "list" => machine.list(first.items()?)?,
        "tuple" => Value::Tuple(Rc::new(first.items()?)),
        "set" | "frozenset" => Value::Set(Rc::new(unique(first.items()?)?)),
        "reversed" => machine.list(first.items()?.into_iter().rev().collect())?,
        "sum" => sum(first, second)?,
        "abs" => Value::Int(first.as_int()?.saturating_abs()),
        "enumerate" => enumerate(machine, first, second)?,
        "range" => range(machine, first, second, third)?,
        "os.path.basename" => Value::str(split_path(first.as_str()?).1),
        "os.path.dirname" => Value::str(split_path(first.as_str()?).0),
        "cmp" => match second {
            Some(second) if first.equals(second) => Value::Int(0),
            Some(second) => Value::Int(if first.compare(second)? == Ordering::Less { -1 } else { 1 }),
            None => return fail("`cmp` lacks an argument"),
        },
        _ => return fail(format!("`{name}` is not defined")),
    })
}

fn integer(value: &Value, base: Option<&Value>) -> Result<i64> {
    let Value::Str(text) = value else { return value.as_int() };
    let base = base.map_or(Ok(10), |base| base.as_int())?;
    let digits = text.trim().replace('_', "");
    let number = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    match number.and_then(|base| i64::from_str_radix(&digits, base).ok()) {
        Some(number) => Ok(number),
        None => fail(format!("`{text}` is not a whole number")),
    }
}

fn sum(items: &Value, start: Option<&Value>) -> Result<Value> {
    let mut total = start.map_or(Ok(0), |start| start.as_int())?;
    for item in items.items()? {
        total = total.checked_add(item.as_int()?).map_or_else(|| fail("a number grows too large"), Ok)?;
    }
    Ok(Value::Int(total))
}

fn enumerate(machine: &Machine, items: &Value, start: Option<&Value>) -> Result<Value> {
    let start = start.map_or(Ok(0), |start| start.as_int())?;
    let pair = |(index, item): (usize, Value)| {
        Value::Tuple(Rc::new(vec![Value::Int(start.saturating_add(index as i64)), item]))
    };
    machine.list(items.items()?.into_iter().enumerate().map(pair).collect())
}

fn range(machine: &Machine, first: &Value, second: Option<&Value>, third: Option<&Value>) -> Result<Value> {
    let (from, to) = match second {
        Some(second) => (first.as_int()?, second.as_int()?),
        None => (0, first.as_int()?),
    };
    let step = third.map_or(Ok(1), |third| third.as_int())?;
    if step == 0 {
        return fail("the step of a range is zero");
    }
    let mut numbers = Vec::new();
    let mut at = from;
    while if step > 0 { at < to } else { at > to } {
        machine.pay(1)?;
        numbers.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(Value::list(numbers))
}

fn ordered(machine: &Machine, name: &str, arguments: Arguments) -> Result<Value> {
    let Arguments { positional, named } = arguments;
    let option = |wanted: &str| named.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    if let Some((unknown, _)) = named.iter().find(|(name, _)| !["key", "reverse", "default"].contains(&name.as_str())) {
        return fail(format!("`{name}` has no argument `{unknown}`"));
    }
    let items = match positional.as_slice() {
        [one] => one.items()?,
        [] => return fail(format!("`{name}` lacks an argument")),
        _ if name == "sorted" => return fail("`sorted` has too many arguments"),
        several => several.to_vec(),
    };
    let sorted = sort(machine, items, option("key").as_ref())?;
    let found = match name {
        "sorted" if option("reverse").is_some_and(|reverse| reverse.truth()) => {
            return machine.list(reversed_stably(sorted)?);
        }
        "sorted" => return machine.list(sorted.into_iter().map(|(_, item)| item).collect()),
        "min" => sorted.into_iter().next(),
        _ => last_first(sorted)?,
    };
    match found.map(|(_, item)| item).or_else(|| option("default")) {
        Some(item) => Ok(item),
        None => fail(format!("`{name}` of nothing")),
    }
}

type Keyed = Vec<(Value, Value)>;

/// Sorts, keeping the order of equal items; answers keys and items.
fn sort(machine: &Machine, items: Vec<Value>, key: Option<&Value>) -> Result<Keyed> {
    machine.pay(items.len() * 4)?;
    let mut keyed: Keyed = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((with_key(machine, key, &item)?, item));
    }
    let mut problem = None;
    keyed.sort_by(|(a, _), (b, _)| {
        a.compare(b).unwrap_or_else(|error| {
            problem.get_or_insert(error);
            Ordering::Equal
        })
    });
    problem.map_or(Ok(keyed), Err)
}

/// The first of the greatest.
fn last_first(sorted: Keyed) -> Result<Option<(Value, Value)>> {
    let Some((greatest, _)) = sorted.last().cloned() else { return Ok(None) };
    Ok(sorted.into_iter().find(|(key, _)| key.equals(&greatest)))
}

/// Greatest first, equal items in their old order.
fn reversed_stably(sorted: Keyed) -> Result<Vec<Value>> {
    let mut out: Vec<Value> = Vec::with_capacity(sorted.len());
    let mut rest = sorted.as_slice();
    while let Some((key, _)) = rest.last() {
        let start = rest.iter().position(|(other, _)| other.equals(key)).unwrap_or(rest.len() - 1);
        out.extend(rest[start..].iter().map(|(_, item)| item.clone()));
        rest = &rest[..start];
    }
    Ok(out)
}

fn dict(arguments: Arguments) -> Result<Value> {
    let mut entries = Vec::new();
    match arguments.positional.as_slice() {
        [] => {}
        [Value::Dict(given)] => entries.extend(given.iter().cloned()),
        [pairs] => {
            for pair in pairs.items()? {
                match <[Value; 2]>::try_from(pair.items()?) {
                    Ok([key, value]) => entries.push((key, value)),
                    Err(_) => return fail("`dict` of something that is no list of pairs"),
                }
            }
        }
        _ => return fail("`dict` has too many arguments"),
    }
    entries.extend(arguments.named.into_iter().map(|(name, value)| (Value::str(name), value)));
    Ok(Value::Dict(Rc::new(unique_entries(entries)?)))
}

fn zip(machine: &Machine, arguments: &Arguments) -> Result<Value> {
    let lists: Result<Vec<Vec<Value>>> = arguments.positional.iter().map(Value::items).collect();
    let lists = lists?;
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    machine.pay(length * lists.len())?;
    let row = |at: usize| Value::Tuple(Rc::new(lists.iter().map(|list| list[at].clone()).collect()));
    machine.list((0..length).map(row).collect())
}

fn map(machine: &Machine, name: &str, arguments: Arguments) -> Result<Value> {
    let [Some(function), Some(items)] = arguments.bind(name, ["function", "iterable"])? else {
        return fail(format!("`{name}` lacks an argument"));
    };
    let mut out = Vec::new();
    for item in items.items()? {
        let result = match &function {
            Value::None => item.clone(),
            function => machine.call(function, Arguments::of(vec![item.clone()]))?,
        };
        match name {
            "map" => out.push(result),
            _ if result.truth() => out.push(item),
            _ => {}
        }
    }
    machine.list(out)
}

/// Everything up to the last slash, and what follows it.
fn split_path(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(at);
    let trimmed = head.trim_end_matches('/');
    (if trimmed.is_empty() { head } else { trimmed }, tail)
}

fn path_join(machine: &Machine, arguments: &Arguments) -> Result<Value> {
    let mut path = String::new();
    for part in &arguments.positional {
        let part = part.as_str()?;
        if part.starts_with('/') {
            path.clear();
        } else if !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
    machine.string(path)
}
