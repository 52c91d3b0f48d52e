//! Evaluates the Python expressions that configurations are written in (`nametrans`, `folderfilter`, …) without Python.
//!
//! Only expressions: no statements, no assignments, no imports. What an expression can reach is strings, numbers, lists,
//! dictionaries, functions of them and `re`; the system is out of reach, and time and memory are bounded. Where it answers at
//! all, it answers what Python 3 would; everything else is an error that says what cannot be used.

mod ast;
mod builtins;
mod error;
mod eval;
mod format;
mod lexer;
mod methods;
mod names;
mod parser;
mod regex;
mod strings;
mod value;

pub use error::PyError;

use error::{Result, fail};
use eval::{Arguments, Machine, Patterns};
use std::sync::{Arc, Mutex, PoisonError};
use value::{Scope, Value};

/// An expression that was read and whose names are all known. Cloning it is cheap; threads may share it.
#[derive(Clone, Debug)]
pub struct Expression {
    tree: Arc<ast::Node>,
    patterns: Arc<Mutex<Patterns>>,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is not Python, or it uses what cannot be used here.
    pub fn parse(text: &str) -> Result<Self> {
        let tree = parser::parse(text)?;
        names::check(&tree)?;
        Ok(Expression { tree: Arc::new(tree), patterns: Arc::default() })
    }

    /// Whether it is a function, as `nametrans` must be.
    pub fn is_function(&self) -> bool {
        self.run(|_, value| Ok(matches!(value, Value::Function(..) | Value::Builtin(_) | Value::Method(..))))
            .unwrap_or(false)
    }

    /// Calls it with strings; answers the string that comes back.
    ///
    /// # Errors
    /// It is no function of so many arguments, it fails, or it answers something else.
    pub fn call_for_string(&self, arguments: &[&str]) -> Result<String> {
        self.apply(arguments, |value| Ok(value.as_str()?.to_owned()))
    }

    /// Calls it with strings; answers whether what comes back counts as true.
    ///
    /// # Errors
    /// It is no function of so many arguments, or it fails.
    pub fn call_for_truth(&self, arguments: &[&str]) -> Result<bool> {
        self.apply(arguments, |value| Ok(value.truth()))
    }

    /// Calls it with strings; answers the whole numbers in the list that comes back, none for `None`.
    ///
    /// # Errors
    /// It is no function of so many arguments, it fails, or it answers something else.
    pub fn call_for_numbers(&self, arguments: &[&str]) -> Result<Vec<i64>> {
        self.apply(arguments, |value| match value {
            Value::None => Ok(Vec::new()),
            other => other.items()?.iter().map(Value::as_int).collect(),
        })
    }

    /// Calls it with strings; answers the whole number that comes back.
    ///
    /// # Errors
    /// It is no function of so many arguments, it fails, or it answers something else.
    pub fn call_for_number(&self, arguments: &[&str]) -> Result<i64> {
        self.apply(arguments, Value::as_int)
    }

    /// Calls it with strings; answers Python's `repr` of what comes back.
    ///
    /// # Errors
    /// It is no function of so many arguments, it fails, or its result has no text.
    pub fn call_for_repr(&self, arguments: &[&str]) -> Result<String> {
        self.apply(arguments, |value| value.repr())
    }

    /// Its value as a string or a number, in words.
    ///
    /// # Errors
    /// It fails or comes to something else.
    pub fn text(&self) -> Result<String> {
        self.run(|_, value| match value {
            Value::Str(_) | Value::Int(_) => value.text(),
            other => fail(format!("{} where a string is expected", other.type_name())),
        })
    }

    /// Its value as a list of strings.
    ///
    /// # Errors
    /// It fails or comes to something else.
    pub fn strings(&self) -> Result<Vec<String>> {
        self.run(|_, value| match value {
            Value::Str(_) => fail("a string where a list is expected"),
            other => other.items()?.iter().map(|item| Ok(item.as_str()?.to_owned())).collect(),
        })
    }

    /// Python's `repr` of its value.
    ///
    /// # Errors
    /// It fails, or its value has no text.
    pub fn repr(&self) -> Result<String> {
        self.run(|_, value| value.repr())
    }

    fn apply<T>(&self, arguments: &[&str], read: impl FnOnce(&Value) -> Result<T>) -> Result<T> {
        self.run(|machine, function| {
            let arguments = Arguments::of(arguments.iter().copied().map(Value::str).collect());
            read(&machine.call(function, arguments)?)
        })
    }

    fn run<T>(&self, work: impl FnOnce(&Machine, &Value) -> Result<T>) -> Result<T> {
        let patterns = std::mem::take(&mut *self.patterns.lock().unwrap_or_else(PoisonError::into_inner));
        let machine = Machine::new(patterns);
        let result = machine.eval(&self.tree, &Scope::default()).and_then(|value| work(&machine, &value));
        *self.patterns.lock().unwrap_or_else(PoisonError::into_inner) = machine.into_patterns();
        result
    }
}
