//! The statements that a function of a Python file may consist of: assignments to its own names, `if`, `for`, `return`, functions
//! inside it. Reading them from lines, and carrying them out. Pure.

use super::ast::{Lambda, Node};
use super::error::{PyError, Result, fail};
use super::eval::Machine;
use super::lines::Line;
use super::parser::Parser;
use super::value::{Scope, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Blocks nested deeper are refused.
const MAX_DEPTH: usize = 20;

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    /// `a = value`, `a, b = value`.
    Assign(Vec<String>, Arc<Node>),
    /// `return value`.
    Return(Node),
    /// Conditions with what to do, and what to do if none holds.
    If(Vec<(Node, Vec<Statement>)>, Vec<Statement>),
    /// `for a, b in items`; whether there is one name, which takes the item whole.
    For(Vec<String>, bool, Node, Vec<Statement>),
    /// A function inside.
    Define(String, Arc<Lambda>),
    Break,
    Continue,
    /// Nothing: `pass`, a documentation string, the import of a module that is there anyway.
    Pass,
}

/// How a statement ended.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

/// Reads lines of one block, and of the blocks below it.
pub(super) fn block(lines: &[Line]) -> Result<Vec<Statement>> {
    Reader { lines, at: 0 }.block(0)
}

struct Reader<'a> {
    lines: &'a [Line],
    at: usize,
}

impl Reader<'_> {
    fn block(&mut self, depth: usize) -> Result<Vec<Statement>> {
        let Some(indent) = self.lines.get(self.at).map(|line| line.indent) else { return fail("a block is empty") };
        if depth > MAX_DEPTH {
            return fail("blocks are nested too deep");
        }
        let mut statements = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            match line.indent {
                column if column < indent => break,
                column if column > indent => return fail("a line is indented without reason"),
                _ => self.statement(depth, &mut statements)?,
            }
        }
        Ok(statements)
    }

    fn statement(&mut self, depth: usize, statements: &mut Vec<Statement>) -> Result<()> {
        let Some(line) = self.lines.get(self.at) else { return Ok(()) };
        self.at += 1;
        let mut parser = Parser::new(&line.text)?;
        if parser.take_word("def") {
            statements.push(self.definition(parser, depth)?);
        } else if parser.take_word("if") {
            statements.push(self.condition(parser, depth)?);
        } else if parser.take_word("for") {
            let (targets, whole, items) = parser.loop_head()?;
            statements.push(Statement::For(targets, whole, items, self.body(parser, depth)?));
        } else {
            simple(parser, statements)?;
        }
        Ok(())
    }

    fn definition(&mut self, mut parser: Parser, depth: usize) -> Result<Statement> {
        let name = parser.name()?;
        parser.expect("(")?;
        let parameters = parser.parameters(")")?;
        let body = self.body(parser, depth)?;
        Ok(Statement::Define(name, Arc::new(Lambda { parameters, body: Node::Body(body) })))
    }

    fn condition(&mut self, mut parser: Parser, depth: usize) -> Result<Statement> {
        let mut branches = Vec::new();
        let test = parser.expression()?;
        branches.push((test, self.body(parser, depth)?));
        while let Some(line) = self.next_branch() {
            let mut parser = Parser::new(&line)?;
            if parser.take_word("elif") {
                let test = parser.expression()?;
                branches.push((test, self.body(parser, depth)?));
            } else {
                parser.take_word("else");
                return Ok(Statement::If(branches, self.body(parser, depth)?));
            }
        }
        Ok(Statement::If(branches, Vec::new()))
    }

    /// The line of `elif` or `else` that belongs to the `if` just read.
    fn next_branch(&mut self) -> Option<String> {
        let line = self.lines.get(self.at)?;
        let word = line.text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if !["elif", "else"].contains(&word) {
            return None;
        }
        self.at += 1;
        Some(line.text.clone())
    }

    /// What stands behind the colon: a statement in the same line, or a block.
    fn body(&mut self, mut parser: Parser, depth: usize) -> Result<Vec<Statement>> {
        parser.expect(":")?;
        let mut statements = Vec::new();
        if !parser.at_end() {
            simple(parser, &mut statements)?;
            return Ok(statements);
        }
        let head = self.at.checked_sub(1).and_then(|at| self.lines.get(at)).map_or(0, |line| line.indent);
        match self.lines.get(self.at) {
            Some(line) if line.indent > head => self.block(depth + 1),
            _ => fail("a block is empty"),
        }
    }
}

/// Statements in one line.
fn simple(mut parser: Parser, statements: &mut Vec<Statement>) -> Result<()> {
    loop {
        statements.push(one(&mut parser)?);
        if !parser.take_op(";") || parser.at_end() {
            return parser.expect_end();
        }
    }
}

fn one(parser: &mut Parser) -> Result<Statement> {
    for (word, statement) in [("pass", Statement::Pass), ("break", Statement::Break), ("continue", Statement::Continue)]
    {
        if parser.take_word(word) {
            return Ok(statement);
        }
    }
    if parser.take_word("return") {
        let empty = parser.at_end() || parser.is_op(";");
        return Ok(Statement::Return(if empty { Node::None } else { parser.tuple_or_expression()? }));
    }
    if parser.take_word("import") {
        return import(parser);
    }
    let target = parser.tuple_or_expression()?;
    if parser.take_op("=") {
        return Ok(Statement::Assign(names_of(target)?, Arc::new(parser.tuple_or_expression()?)));
    }
    if let (Node::Name(name), Some(operator)) = (&target, parser.take_augmented()) {
        let (name, value) = (name.clone(), parser.tuple_or_expression()?);
        return Ok(Statement::Assign(
            vec![name],
            Arc::new(Node::Arithmetic(operator, Box::new(target), Box::new(value))),
        ));
    }
    match target {
        Node::Str(_) => Ok(Statement::Pass),
        _ => fail("a statement does more than compute a value"),
    }
}

/// Modules that are there anyway.
fn import(parser: &mut Parser) -> Result<Statement> {
    loop {
        let name = parser.name()?;
        let known = name == "re" || name == "os" && (!parser.take_op(".") || parser.take_word("path"));
        if !known {
            return fail(format!("it imports `{name}`"));
        }
        if !parser.take_op(",") {
            return Ok(Statement::Pass);
        }
    }
}

fn names_of(target: Node) -> Result<Vec<String>> {
    let name = |node: Node| match node {
        Node::Name(name) => Ok(name),
        _ => fail("something else than a name is assigned to"),
    };
    match target {
        Node::Tuple(items) => items.into_iter().map(name).collect(),
        other => Ok(vec![name(other)?]),
    }
}

/// Every name that statements set, those inside `if` and `for` too.
pub(super) fn targets(statements: &[Statement]) -> Vec<String> {
    let mut names = Vec::new();
    for statement in statements {
        match statement {
            Statement::Assign(targets, _) => names.extend(targets.iter().cloned()),
            Statement::Define(name, _) => names.push(name.clone()),
            Statement::If(branches, otherwise) => {
                branches.iter().for_each(|(_, body)| names.extend(self::targets(body)));
                names.extend(self::targets(otherwise));
            }
            Statement::For(targets, _, _, body) => {
                names.extend(targets.iter().cloned());
                names.extend(self::targets(body));
            }
            _ => {}
        }
    }
    names
}

/// Whether a function inside would see names change after it was made: it sees them as they were, Python's sees them as they are.
pub(super) fn changes_under_functions(parameters: &[(String, Option<Node>)], body: &[Statement]) -> bool {
    if !has_functions(body) {
        return false;
    }
    let mut seen: BTreeSet<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    let loops = body.iter().any(|statement| matches!(statement, Statement::For(..)));
    loops || targets(body).into_iter().any(|name| !seen.insert(name))
}

fn has_functions(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| match statement {
        Statement::Define(..) => true,
        Statement::Assign(_, value) => value.has_function(),
        Statement::Return(value) => value.has_function(),
        Statement::If(branches, otherwise) => {
            branches.iter().any(|(test, body)| test.has_function() || has_functions(body)) || has_functions(otherwise)
        }
        Statement::For(_, _, items, body) => items.has_function() || has_functions(body),
        _ => false,
    })
}

/// The names of a running function. Each is held once, however often it is set.
struct Frame {
    around: Scope,
    locals: Vec<(String, Value)>,
    scope: Scope,
}

impl Frame {
    fn set(&mut self, name: &str, value: Value) {
        match self.locals.iter_mut().find(|(local, _)| local == name) {
            Some((_, old)) => *old = value,
            None => self.locals.push((name.to_owned(), value)),
        }
        self.scope =
            self.locals.iter().fold(self.around.clone(), |scope, (name, value)| scope.with(name, value.clone()));
    }

    fn assign(&mut self, names: &[String], whole: bool, value: Value) -> Result<()> {
        if whole {
            self.set(&names[0], value);
            return Ok(());
        }
        let items = value.items()?;
        if items.len() != names.len() {
            return Err(PyError::new("several names are set to a value of another length"));
        }
        names.iter().zip(items).for_each(|(name, item)| self.set(name, item));
        Ok(())
    }
}

impl Machine {
    /// Carries out the body of a function; one without `return` comes to `None`.
    pub(super) fn body(&self, statements: &[Statement], scope: &Scope) -> Result<Value> {
        let mut frame = Frame { around: scope.clone(), locals: Vec::new(), scope: scope.clone() };
        match self.much_deeper(|| self.statements(statements, &mut frame))? {
            Flow::Return(value) => Ok(value),
            Flow::Next => Ok(Value::None),
            Flow::Break | Flow::Continue => fail("`break` or `continue` outside a loop"),
        }
    }

    fn statements(&self, statements: &[Statement], frame: &mut Frame) -> Result<Flow> {
        for statement in statements {
            self.pay(1 + frame.locals.len())?;
            match self.statement(statement, frame)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&self, statement: &Statement, frame: &mut Frame) -> Result<Flow> {
        match statement {
            Statement::Pass => {}
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Return(value) => return Ok(Flow::Return(self.eval(value, &frame.scope)?)),
            Statement::Assign(names, value) => {
                let value = self.eval(value, &frame.scope)?;
                frame.assign(names, names.len() == 1, value)?;
            }
            Statement::Define(name, lambda) => {
                let function = Value::Function(Arc::clone(lambda), frame.scope.clone());
                frame.set(name, function);
            }
            Statement::If(branches, otherwise) => {
                for (test, body) in branches {
                    if self.eval(test, &frame.scope)?.truth() {
                        return self.statements(body, frame);
                    }
                }
                return self.statements(otherwise, frame);
            }
            Statement::For(targets, whole, items, body) => {
                for item in self.eval(items, &frame.scope)?.items()? {
                    self.pay(1 + frame.locals.len())?;
                    frame.assign(targets, *whole, item)?;
                    match self.statements(body, frame)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                    }
                }
            }
        }
        Ok(Flow::Next)
    }
}
