//! Finds names in an expression that nothing defines, before it is ever run. Pure.

use super::ast::{Lambda, Node, Piece};
use super::builtins;
use super::error::{PyError, Result};
use super::module::{Definition, Module};
use super::statements::Statement;
use super::strings::check_codec;
use std::collections::BTreeSet;

/// An error for the first such name.
pub(super) fn check(node: &Node, module: &Module) -> Result<()> {
    Checker { known: Vec::new(), module }.node(node)
}

/// The same of a function that a file defines.
pub(super) fn check_lambda(lambda: &Lambda, module: &Module) -> Result<()> {
    Checker { known: Vec::new(), module }.lambda(lambda)
}

struct Checker<'a> {
    known: Vec<&'a str>,
    module: &'a Module,
}

impl<'a> Checker<'a> {
    fn nodes(&mut self, nodes: impl IntoIterator<Item = &'a Node>) -> Result<()> {
        nodes.into_iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &'a Node) -> Result<()> {
        match node {
            Node::None | Node::Bool(_) | Node::Int(_) | Node::Str(_) => Ok(()),
            Node::Name(name) => self.name(name),
            Node::Joined(pieces) => self.nodes(pieces.iter().filter_map(|piece| match piece {
                Piece::Value { node, .. } => Some(node),
                Piece::Text(_) => None,
            })),
            Node::List(nodes) | Node::Tuple(nodes) | Node::Set(nodes) => self.nodes(nodes),
            Node::Dict(entries) => self.nodes(entries.iter().flat_map(|(key, value)| [key, value])),
            Node::Not(node) | Node::Negative(node) => self.node(node),
            Node::And(a, b) | Node::Or(a, b) | Node::Arithmetic(_, a, b) | Node::Index(a, b) => self.nodes([&**a, b]),
            Node::Compare(first, more) => {
                self.node(first)?;
                self.nodes(more.iter().map(|(_, node)| node))
            }
            Node::If { test, then, otherwise } => self.nodes([&**test, then, otherwise]),
            Node::Lambda(lambda) => self.lambda(lambda),
            Node::Body(statements) => {
                let mut names = BTreeSet::new();
                set_by(statements, &mut names);
                self.within(names.into_iter(), |checker| checker.statements(statements))
            }
            Node::Call { function, positional, named } => {
                self.node(function)?;
                codec(function, positional)?;
                self.nodes(positional)?;
                self.nodes(named.iter().map(|(_, node)| node))
            }
            Node::Attribute(of, name) => self.attribute(of, name),
            Node::Slice { of, from, to, step } => {
                self.node(of)?;
                self.nodes([from, to, step].into_iter().filter_map(|bound| bound.as_deref()))
            }
            Node::Comprehension { element, value, clauses, .. } => {
                let mut names = Vec::new();
                for clause in clauses {
                    self.within(names.iter().copied(), |checker| checker.node(&clause.iterable))?;
                    names.extend(clause.targets.iter().map(String::as_str));
                    self.within(names.iter().copied(), |checker| checker.nodes(&clause.conditions))?;
                }
                self.within(names.iter().copied(), |checker| {
                    checker.nodes([Some(&**element), value.as_deref()].into_iter().flatten())
                })
            }
        }
    }

    fn lambda(&mut self, lambda: &'a Lambda) -> Result<()> {
        self.nodes(lambda.parameters.iter().filter_map(|(_, default)| default.as_ref()))?;
        let names = lambda.parameters.iter().map(|(name, _)| name.as_str());
        self.within(names, |checker| checker.node(&lambda.body))
    }

    fn statements(&mut self, statements: &'a [Statement]) -> Result<()> {
        statements.iter().try_for_each(|statement| match statement {
            Statement::Assign(_, value) => self.node(value),
            Statement::Return(value) => self.node(value),
            Statement::Define(_, lambda) => self.lambda(lambda),
            Statement::If(branches, otherwise) => {
                for (test, body) in branches {
                    self.node(test)?;
                    self.statements(body)?;
                }
                self.statements(otherwise)
            }
            Statement::For(_, _, items, body) => {
                self.node(items)?;
                self.statements(body)
            }
            Statement::Break | Statement::Continue | Statement::Pass => Ok(()),
        })
    }

    fn within(
        &mut self,
        names: impl Iterator<Item = &'a str>,
        check: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let before = self.known.len();
        self.known.extend(names);
        let result = check(self);
        self.known.truncate(before);
        result
    }

    fn name(&self, name: &str) -> Result<()> {
        let message = match self.module.get(name) {
            _ if self.known.contains(&name) => return Ok(()),
            Some(Definition::Refused(0, reason)) => format!("`{name}` of the Python file cannot be used: {reason}"),
            Some(Definition::Refused(line, reason)) => {
                format!("`{name}` (line {line} of the Python file) cannot be used: {reason}")
            }
            Some(_) => return Ok(()),
            None if builtins::find(name).is_some() => return Ok(()),
            None => format!("`{name}` is not defined"),
        };
        Err(PyError { message, unknown_name: Some(name.to_owned()), at: None })
    }

    /// Members of modules are known beforehand.
    fn attribute(&mut self, of: &'a Node, name: &str) -> Result<()> {
        self.node(of)?;
        match module(of).filter(|(root, _)| !self.known.contains(root)) {
            Some((_, path)) => builtins::in_module(path, name).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The names that statements set.
fn set_by<'a>(statements: &'a [Statement], names: &mut BTreeSet<&'a str>) {
    for statement in statements {
        match statement {
            Statement::Assign(targets, _) => names.extend(targets.iter().map(String::as_str)),
            Statement::Define(name, _) => _ = names.insert(name),
            Statement::If(branches, otherwise) => {
                branches.iter().for_each(|(_, body)| set_by(body, names));
                set_by(otherwise, names);
            }
            Statement::For(targets, _, _, body) => {
                names.extend(targets.iter().map(String::as_str));
                set_by(body, names);
            }
            _ => {}
        }
    }
}

/// Codecs of Python 2 that would fail at the first folder are told of before.
fn codec(function: &Node, arguments: &[Node]) -> Result<()> {
    match (function, arguments) {
        (Node::Attribute(_, method), [Node::Str(codec), ..]) if method == "decode" || method == "encode" => {
            check_codec(method, codec, true)
        }
        _ => Ok(()),
    }
}

/// The module that a node names: its first name, and its full name.
fn module(node: &Node) -> Option<(&str, &'static str)> {
    match node {
        Node::Name(name) if name == "re" => Some((name, "re")),
        Node::Name(name) if name == "os" => Some((name, "os")),
        Node::Attribute(of, name) if name == "path" => {
            module(of).filter(|(_, path)| *path == "os").map(|(root, _)| (root, "os.path"))
        }
        _ => None,
    }
}
