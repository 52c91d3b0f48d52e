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
mod lines;
mod methods;
mod module;
mod names;
mod parser;
mod process;
mod regex;
mod statements;
mod strings;
mod value;

pub use error::PyError;
pub use module::Module;
pub use process::Process;

use error::{Result, fail};
use eval::{Arguments, Machine, Patterns};
use std::sync::{Arc, Mutex, PoisonError};
use value::{Scope, Value};

/// An expression that was read and whose names are all known. Cloning it is cheap; threads may share it.
#[derive(Clone, Debug)]
pub struct Expression {
    code: Code,
    module: Arc<Module>,
    patterns: Arc<Mutex<Patterns>>,
}

/// Who evaluates an expression.
#[derive(Clone, Debug)]
enum Code {
    /// This program.
    Own(Arc<ast::Node>),
    /// A Python process.
    Python(Arc<Process>, Arc<str>),
}

/// An error about a name, with its place.
fn located(error: PyError, text: &str) -> PyError {
    let named = error.unknown_name.as_deref().or_else(|| quoted_name(&error.message));
    match named.and_then(|name| parser::place_of(name, text)) {
        Some(at) => error.placed(at),
        None => error,
    }
}

/// The last name in the first words that a message quotes: `os.system`, `decode('x')`.
fn quoted_name(message: &str) -> Option<&str> {
    let words = message.split('`').nth(1)?;
    words.split('(').next()?.rsplit('.').next()
}

/// What expressions of a configuration may use beside themselves.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What the Python file defines, as far as it was loaded.
    pub module: Arc<Module>,
    /// Real Python for what cannot be evaluated here, if the user allows it.
    pub python: Option<Arc<Process>>,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is not Python, or it uses what cannot be used here.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_within(text, &Surroundings::default())
    }

    /// Reads an expression that may use a Python file.
    ///
    /// # Errors
    /// As [`Expression::parse`]; with Python at hand, Python does not understand it either.
    pub fn parse_within(text: &str, surroundings: &Surroundings) -> Result<Self> {
        let module = Arc::clone(&surroundings.module);
        let own = parser::parse(text).and_then(|tree| match names::check(&tree, &module) {
            Ok(()) => Ok(tree),
            Err(error) => Err(located(error, text)),
        });
        let code = match (own, &surroundings.python) {
            (Ok(tree), _) => Code::Own(Arc::new(tree)),
            (Err(_), Some(python)) => {
                python.is_function(text)?;
                Code::Python(Arc::clone(python), text.into())
            }
            (Err(error), None) => return Err(error),
        };
        Ok(Expression { code, module, patterns: Arc::default() })
    }

    /// Whether it is a function, as `nametrans` must be.
    pub fn is_function(&self) -> bool {
        if let Code::Python(python, text) = &self.code {
            return python.is_function(text).unwrap_or(false);
        }
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
        if let Code::Python(python, text) = &self.code {
            return Ok(python.call(text, arguments)?.truth);
        }
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
        if let Code::Python(python, text) = &self.code {
            let answer = python.call(text, arguments)?;
            return self.with_answer(&answer.repr, |_, value| read(value));
        }
        self.run(|machine, function| {
            let arguments = Arguments::of(arguments.iter().copied().map(Value::str).collect());
            read(&machine.call(function, arguments)?)
        })
    }

    fn run<T>(&self, work: impl FnOnce(&Machine, &Value) -> Result<T>) -> Result<T> {
        match &self.code {
            Code::Own(tree) => self.evaluate(tree, work),
            Code::Python(python, text) => self.with_answer(&python.value(text)?.repr, work),
        }
    }

    /// What Python wrote down of a value is an expression again, if it is a plain value.
    fn with_answer<T>(&self, repr: &str, work: impl FnOnce(&Machine, &Value) -> Result<T>) -> Result<T> {
        let tree = parser::parse(repr).and_then(|tree| names::check(&tree, &Module::default()).map(|()| tree));
        let tree = tree.or_else(|_| fail("Python came to something that is no string, number, list or dictionary"))?;
        self.evaluate(&tree, work)
    }

    fn evaluate<T>(&self, tree: &ast::Node, work: impl FnOnce(&Machine, &Value) -> Result<T>) -> Result<T> {
        let patterns = std::mem::take(&mut *self.patterns.lock().unwrap_or_else(PoisonError::into_inner));
        let machine = Machine::new(patterns, &self.module);
        let result = machine.eval(tree, &Scope::default()).and_then(|value| work(&machine, &value));
        *self.patterns.lock().unwrap_or_else(PoisonError::into_inner) = machine.into_patterns();
        result
    }
}
