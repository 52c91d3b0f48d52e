//! What an expression can come to, and what Python holds of it: truth, equality, order, text. Pure.

use super::ast::Lambda;
use super::error::{Result, fail};
use super::regex::{Found, Pattern};
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

/// A value. None can be changed.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Str(Rc<str>),
    List(Rc<Vec<Value>>),
    Tuple(Rc<Vec<Value>>),
    /// Each value once.
    Set(Rc<Vec<Value>>),
    /// Each key once.
    Dict(Rc<Vec<(Value, Value)>>),
    /// A function with the names around it.
    Function(Arc<Lambda>, Scope),
    /// A function that Python has built in, by name.
    Builtin(&'static str),
    /// A function of a value.
    Method(Rc<Value>, Rc<str>),
    Match(Rc<Found>),
    Pattern(Arc<Pattern>),
    Module(&'static str),
}

/// Names and their values, innermost first.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope(Option<Rc<(String, Value, Scope)>>);

impl Scope {
    pub(super) fn with(&self, name: &str, value: Value) -> Scope {
        Scope(Some(Rc::new((name.to_owned(), value, self.clone()))))
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let mut scope = self;
        while let Some(binding) = &scope.0 {
            if binding.0 == name {
                return Some(binding.1.clone());
            }
            scope = &binding.2;
        }
        None
    }
}

impl Value {
    pub(super) fn str(text: impl Into<Rc<str>>) -> Value {
        Value::Str(text.into())
    }

    pub(super) fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(items))
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) => "a number",
            Value::Str(_) => "a string",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Set(_) => "a set",
            Value::Dict(_) => "a dictionary",
            Value::Function(..) | Value::Builtin(_) | Value::Method(..) => "a function",
            Value::Match(_) => "a match",
            Value::Pattern(_) => "a pattern",
            Value::Module(_) => "a module",
        }
    }

    pub(super) fn truth(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::Str(text) => !text.is_empty(),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => !items.is_empty(),
            Value::Dict(entries) => !entries.is_empty(),
            _ => true,
        }
    }

    pub(super) fn as_str(&self) -> Result<&str> {
        match self {
            Value::Str(text) => Ok(text),
            other => fail(format!("{} where a string is expected", other.type_name())),
        }
    }

    pub(super) fn as_int(&self) -> Result<i64> {
        match self {
            Value::Int(number) => Ok(*number),
            Value::Bool(value) => Ok(i64::from(*value)),
            other => fail(format!("{} where a number is expected", other.type_name())),
        }
    }

    /// The items that a loop over it would see.
    pub(super) fn items(&self) -> Result<Vec<Value>> {
        match self {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => Ok(items.to_vec()),
            Value::Dict(entries) => Ok(entries.iter().map(|(key, _)| key.clone()).collect()),
            Value::Str(text) => Ok(text.chars().map(|c| Value::str(c.to_string())).collect()),
            other => fail(format!("{} where a list is expected", other.type_name())),
        }
    }

    pub(super) fn equals(&self, other: &Value) -> bool {
        let pairwise = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b));
        match (self, other) {
            (Value::None, Value::None) => true,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bool(_) | Value::Int(_), Value::Bool(_) | Value::Int(_)) => self.as_int() == other.as_int(),
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => pairwise(a, b),
            (Value::Set(a), Value::Set(b)) => a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| a.equals(b))),
            (Value::Dict(a), Value::Dict(b)) => {
                let same = |(key, value): &(Value, Value)| b.iter().any(|(k, v)| k.equals(key) && v.equals(value));
                a.len() == b.len() && a.iter().all(same)
            }
            _ => false,
        }
    }

    pub(super) fn compare(&self, other: &Value) -> Result<Ordering> {
        match (self, other) {
            (Value::Str(a), Value::Str(b)) => Ok(a.cmp(b)),
            (Value::Bool(_) | Value::Int(_), Value::Bool(_) | Value::Int(_)) => {
                Ok(self.as_int()?.cmp(&other.as_int()?))
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a.equals(b) {
                        return a.compare(b);
                    }
                }
                Ok(a.len().cmp(&b.len()))
            }
            _ => fail(format!("{} and {} have no order", self.type_name(), other.type_name())),
        }
    }

    pub(super) fn contains(&self, item: &Value) -> Result<bool> {
        match self {
            Value::Str(text) => Ok(text.contains(item.as_str()?)),
            _ => Ok(self.items()?.iter().any(|other| other.equals(item))),
        }
    }

    pub(super) fn same_object(&self, other: &Value) -> Result<bool> {
        match (self, other) {
            (Value::None, Value::None) => Ok(true),
            (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
            (Value::None | Value::Bool(_), _) | (_, Value::None | Value::Bool(_)) => Ok(false),
            _ => fail("`is` compares objects, not values; use `==`"),
        }
    }

    /// Python's `str()`.
    pub(super) fn text(&self) -> Result<String> {
        match self {
            Value::Str(text) => Ok(text.to_string()),
            _ => self.repr(),
        }
    }

    /// Python's `repr()`.
    pub(super) fn repr(&self) -> Result<String> {
        let joined = |items: &[Value]| -> Result<String> {
            let texts: Result<Vec<String>> = items.iter().map(Value::repr).collect();
            Ok(texts?.join(", "))
        };
        Ok(match self {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Str(text) => quote(text),
            Value::List(items) => format!("[{}]", joined(items)?),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", joined(items)?),
            Value::Tuple(items) => format!("({})", joined(items)?),
            Value::Set(items) if items.is_empty() => "set()".to_owned(),
            Value::Set(items) => format!("{{{}}}", joined(items)?),
            Value::Dict(entries) => {
                let pair = |(key, value): &(Value, Value)| Ok(format!("{}: {}", key.repr()?, value.repr()?));
                let pairs: Result<Vec<String>> = entries.iter().map(pair).collect();
                format!("{{{}}}", pairs?.join(", "))
            }
            other => return fail(format!("{} has no text", other.type_name())),
        })
    }
}

fn quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() || c.is_whitespace() && c != ' ' => match u32::from(c) {
                number @ 0..=0xff => out.push_str(&format!("\\x{number:02x}")),
                number => out.push_str(&format!("\\u{number:04x}")),
            },
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Values, each once, in order of their first appearance.
pub(super) fn unique(items: Vec<Value>) -> Result<Vec<Value>> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        check_hashable(&item)?;
        if !kept.iter().any(|other| other.equals(&item)) {
            kept.push(item);
        }
    }
    Ok(kept)
}

/// Entries in which the last of equal keys counts, at the place of the first.
pub(super) fn unique_entries(entries: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>> {
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        check_hashable(&key)?;
        match kept.iter_mut().find(|(other, _)| other.equals(&key)) {
            Some(old) => old.1 = value,
            None => kept.push((key, value)),
        }
    }
    Ok(kept)
}

fn check_hashable(key: &Value) -> Result<()> {
    match key {
        Value::List(_) | Value::Set(_) | Value::Dict(_) => fail(format!("{} cannot be a key", key.type_name())),
        Value::Tuple(items) => items.iter().try_for_each(check_hashable),
        _ => Ok(()),
    }
}
