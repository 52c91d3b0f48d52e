//! The Python file beside a configuration (`pythonfile`), as far as it only computes: functions and constants are loaded, and what
//! reaches the system is known by name, so that using it can be refused with its line. Nothing is run. Pure.

use super::ast::{Lambda, Node};
use super::error::PyError;
use super::lines::{Line, logical_lines};
use super::names;
use super::statements::{Statement, block, changes_under_functions, targets};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A larger file is no file of helpers, in octets: 256 KiB.
const MAX_FILE: usize = 256 * 1024;

/// What a Python file defines.
#[derive(Debug, Default)]
pub struct Module {
    definitions: BTreeMap<String, Definition>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Definition {
    /// A function.
    Function(Arc<Lambda>),
    /// A constant: the expression it comes from.
    Constant(Arc<Node>),
    /// Something that cannot be used, with the line and why.
    Refused(usize, String),
}

impl Module {
    /// Reads a file. What cannot be used is no error until something uses it.
    pub fn load(text: &str) -> Module {
        let mut module = Module::default();
        if text.len() <= MAX_FILE {
            let lines = logical_lines(text);
            let mut at = 0;
            while at < lines.len() {
                let end = (at + 1..lines.len())
                    .find(|next| lines[*next].indent == 0 && !goes_on(&lines[*next]))
                    .unwrap_or(lines.len());
                module.define(&lines[at..end]);
                at = end;
            }
        }
        module.refuse_what_uses_the_refused();
        module
    }

    pub(super) fn get(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// Takes in a statement of the file itself with everything below it.
    fn define(&mut self, lines: &[Line]) {
        let Some(first) = lines.first() else { return };
        match block(lines).as_deref() {
            Ok([Statement::Define(name, lambda)]) => {
                let body = if let Node::Body(body) = &lambda.body { body.as_slice() } else { &[] };
                let definition = match changes_under_functions(&lambda.parameters, body) {
                    true => refused(first, "a function inside it uses names that change"),
                    false => Definition::Function(Arc::clone(lambda)),
                };
                self.set(name, definition, first);
            }
            Ok([Statement::Assign(names, value)]) if names.len() == 1 => {
                self.set(&names[0], Definition::Constant(Arc::clone(value)), first);
            }
            Ok([Statement::Pass]) => {}
            Ok(statements) => {
                for name in targets(statements) {
                    self.definitions.insert(name, refused(first, "it is not set once and plainly"));
                }
            }
            Err(error) => self.refuse_guessed(lines, error),
        }
    }

    /// A name that is set twice is not the same in all functions.
    fn set(&mut self, name: &str, definition: Definition, line: &Line) {
        let before = self.definitions.insert(name.to_owned(), definition);
        if before.is_some() {
            self.definitions.insert(name.to_owned(), refused(line, "it is defined twice"));
        }
    }

    /// Of statements that are not understood, the names they may be about.
    fn refuse_guessed(&mut self, lines: &[Line], error: &PyError) {
        for (place, line) in lines.iter().enumerate() {
            let words: Vec<&str> =
                line.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
            let name = match words.first() {
                Some(&"def" | &"class") if place == 0 => words.get(1),
                Some(&"def" | &"class") => None,
                Some(&"import" | &"from") => {
                    imported(&words)
                        .for_each(|name| _ = self.definitions.insert(name.to_owned(), refused(line, "it is imported")));
                    None
                }
                Some(_) if place == 0 || !lines[0].text.starts_with("def") => words.first(),
                _ => None,
            };
            if let Some(name) = name {
                self.definitions.insert((*name).to_owned(), refused(line, &error.message));
            }
        }
    }

    /// Refuses functions and constants that use something unknown or refused, until none is left.
    fn refuse_what_uses_the_refused(&mut self) {
        loop {
            let faulty = self.definitions.iter().find_map(|(name, definition)| {
                let error = match definition {
                    Definition::Function(lambda) => names::check_lambda(lambda, self).err()?,
                    Definition::Constant(node) => names::check(node, self).err()?,
                    Definition::Refused(..) => return None,
                };
                Some((name.clone(), error.message))
            });
            let Some((name, reason)) = faulty else { return };
            self.definitions.insert(name, Definition::Refused(0, reason));
        }
    }
}

/// The names that an import brings, but for those that are there anyway.
fn imported<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let from = words.first() == Some(&"from");
    let behind = words.iter().position(|word| *word == "import").map_or(0, |at| at + 1);
    let renamed = words.contains(&"as");
    let names = words.iter().skip(behind).copied().filter(|word| *word != "as");
    names.filter(move |word| from || renamed || !["re", "os"].contains(word))
}

/// Whether an unindented line belongs to the statement before it.
fn goes_on(line: &Line) -> bool {
    ["else", "elif", "except", "finally"].iter().any(|word| line.text.starts_with(word))
}

fn refused(line: &Line, reason: &str) -> Definition {
    Definition::Refused(line.number, reason.to_owned())
}
