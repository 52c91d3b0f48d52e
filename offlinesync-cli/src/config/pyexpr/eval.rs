//! Walks the tree. Steps, depth and the size of what is built are bounded, and nothing outside can be reached. Pure.

use super::ast::{Clause, Collection, Comparison, Lambda, Node, Piece};
use super::builtins;
use super::error::{Result, fail};
use super::format;
use super::methods;
use super::module::{Definition, Module};
use super::regex::{Anchor, Pattern};
use super::value::{Scope, Value, unique, unique_entries};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Steps and octets that one evaluation may take.
const FUEL: u64 = 2_000_000;

/// How deep calls and expressions may be nested while they run.
const MAX_DEPTH: usize = 400;

/// How many of them the body of a function or a constant of a Python file counts for.
const LEVELS: usize = 10;

/// How many compiled patterns are kept.
const PATTERNS: usize = 256;

/// Compiled patterns, kept from one evaluation to the next.
pub(super) type Patterns = BTreeMap<(String, i64, Anchor), Arc<Pattern>>;

/// One evaluation.
pub(super) struct Machine {
    fuel: Cell<u64>,
    depth: Cell<usize>,
    patterns: RefCell<Patterns>,
    module: Arc<Module>,
}

/// Arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

impl Arguments {
    pub(super) fn of(positional: Vec<Value>) -> Self {
        Arguments { positional, named: Vec::new() }
    }

    /// The arguments of a function that knows these parameters; every one may be missing.
    pub(super) fn bind<const N: usize>(self, function: &str, parameters: [&str; N]) -> Result<[Option<Value>; N]> {
        if self.positional.len() > N {
            return fail(format!("`{function}` has too many arguments"));
        }
        let mut bound = [const { None }; N];
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named {
            match parameters.iter().position(|parameter| *parameter == name).map(|at| &mut bound[at]) {
                Some(slot @ None) => *slot = Some(value),
                _ => return fail(format!("`{function}` has no further argument `{name}`")),
            }
        }
        Ok(bound)
    }
}

impl Machine {
    pub(super) fn new(patterns: Patterns, module: &Arc<Module>) -> Self {
        let patterns = RefCell::new(patterns);
        Machine { fuel: Cell::new(FUEL), depth: Cell::new(0), patterns, module: Arc::clone(module) }
    }

    pub(super) fn into_patterns(self) -> Patterns {
        self.patterns.into_inner()
    }

    /// Pays for work or for octets built.
    pub(super) fn pay(&self, cost: usize) -> Result<()> {
        let left = self.fuel.get().checked_sub(cost as u64);
        self.fuel.set(left.unwrap_or(0));
        if left.is_some() { Ok(()) } else { fail("the expression takes too long") }
    }

    /// A string, paid for.
    pub(super) fn string(&self, text: impl Into<Rc<str>>) -> Result<Value> {
        let text = text.into();
        self.pay(text.len())?;
        Ok(Value::Str(text))
    }

    /// A list, paid for.
    pub(super) fn list(&self, items: Vec<Value>) -> Result<Value> {
        self.pay(items.len())?;
        Ok(Value::list(items))
    }

    pub(super) fn pattern(&self, source: &str, flags: i64, anchor: Anchor) -> Result<Arc<Pattern>> {
        let key = (source.to_owned(), flags, anchor);
        if let Some(pattern) = self.patterns.borrow().get(&key) {
            return Ok(Arc::clone(pattern));
        }
        self.pay(1000 + source.len())?;
        let pattern = Arc::new(Pattern::compile(source, flags, anchor)?);
        let mut patterns = self.patterns.borrow_mut();
        if patterns.len() >= PATTERNS {
            patterns.clear();
        }
        patterns.insert(key, Arc::clone(&pattern));
        Ok(pattern)
    }

    fn deeper<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.pay(1)?;
        if self.depth.get() >= MAX_DEPTH {
            return fail("the expression is nested too deep");
        }
        self.depth.set(self.depth.get() + 1);
        let result = work();
        self.depth.set(self.depth.get() - 1);
        result
    }

    /// For what calls itself by way of the Python file: each such call takes more of the stack than an operator.
    pub(super) fn much_deeper<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.depth.get() + LEVELS > MAX_DEPTH {
            return fail("functions call each other too deep");
        }
        self.depth.set(self.depth.get() + LEVELS);
        let result = work();
        self.depth.set(self.depth.get() - LEVELS);
        result
    }

    pub(super) fn eval(&self, node: &Node, scope: &Scope) -> Result<Value> {
        self.deeper(|| self.eval_node(node, scope))
    }

    fn eval_node(&self, node: &Node, scope: &Scope) -> Result<Value> {
        match node {
            Node::Body(statements) => self.body(statements, scope),
            Node::None => Ok(Value::None),
            Node::Bool(value) => Ok(Value::Bool(*value)),
            Node::Int(number) => Ok(Value::Int(*number)),
            Node::Str(text) => self.string(&**text),
            Node::Joined(pieces) => self.joined(pieces, scope),
            Node::Name(name) => self.name(name, scope),
            Node::List(nodes) => Ok(Value::list(self.all(nodes, scope)?)),
            Node::Tuple(nodes) => Ok(Value::Tuple(Rc::new(self.all(nodes, scope)?))),
            Node::Set(nodes) => Ok(Value::Set(Rc::new(unique(self.all(nodes, scope)?)?))),
            Node::Dict(entries) => self.dict(entries, scope),
            Node::Not(node) => Ok(Value::Bool(!self.eval(node, scope)?.truth())),
            Node::Negative(node) => {
                let number = self.eval(node, scope)?.as_int()?.checked_neg();
                number.map_or_else(|| fail("a number grows too large"), |number| Ok(Value::Int(number)))
            }
            Node::And(left, right) => self.either(left, right, false, scope),
            Node::Or(left, right) => self.either(left, right, true, scope),
            Node::Arithmetic(operator, left, right) => {
                let (left, right) = (self.eval(left, scope)?, self.eval(right, scope)?);
                self.arithmetic(operator, &left, &right)
            }
            Node::Compare(first, more) => self.compare(first, more, scope),
            Node::If { test, then, otherwise } => {
                let chosen = if self.eval(test, scope)?.truth() { then } else { otherwise };
                self.eval(chosen, scope)
            }
            Node::Lambda(lambda) => Ok(Value::Function(Arc::clone(lambda), scope.clone())),
            Node::Call { function, positional, named } => self.call_node(function, positional, named, scope),
            Node::Attribute(of, name) => methods::attribute(self, self.eval(of, scope)?, name),
            Node::Index(of, index) => self.index(&self.eval(of, scope)?, &self.eval(index, scope)?),
            Node::Slice { of, from, to, step } => {
                let of = self.eval(of, scope)?;
                let bound = |node: &Option<Box<Node>>| -> Result<Option<i64>> {
                    let value = node.as_ref().map(|node| self.eval(node, scope)).transpose()?;
                    value.filter(|value| !matches!(value, Value::None)).map(|value| value.as_int()).transpose()
                };
                self.slice(&of, bound(from)?, bound(to)?, bound(step)?.unwrap_or(1))
            }
            Node::Comprehension { into, element, value, clauses } => {
                self.comprehension(*into, element, value.as_deref(), clauses, scope)
            }
        }
    }

    fn all(&self, nodes: &[Node], scope: &Scope) -> Result<Vec<Value>> {
        nodes.iter().map(|node| self.eval(node, scope)).collect()
    }

    fn dict(&self, entries: &[(Node, Node)], scope: &Scope) -> Result<Value> {
        let evaluated: Result<Vec<_>> =
            entries.iter().map(|(key, value)| Ok((self.eval(key, scope)?, self.eval(value, scope)?))).collect();
        Ok(Value::Dict(Rc::new(unique_entries(evaluated?)?)))
    }

    fn joined(&self, pieces: &[Piece], scope: &Scope) -> Result<Value> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { node, repr, format } => {
                    let value = self.eval(node, scope)?;
                    let value = if *repr { Value::str(value.repr()?) } else { value };
                    out.push_str(&format::formatted(&value, format)?);
                }
            }
        }
        self.string(out)
    }

    fn name(&self, name: &str, scope: &Scope) -> Result<Value> {
        if let Some(value) = scope.get(name) {
            return Ok(value);
        }
        match self.module.get(name) {
            Some(Definition::Function(lambda)) => Ok(Value::Function(Arc::clone(lambda), Scope::default())),
            Some(Definition::Constant(node)) => self.much_deeper(|| self.eval(node, &Scope::default())),
            Some(Definition::Refused(..)) => fail(format!("`{name}` of the Python file cannot be used")),
            None => builtins::find(name).ok_or(()).or_else(|()| fail(format!("`{name}` is not defined"))),
        }
    }

    /// `or` for `wanted`, `and` for its opposite.
    fn either(&self, left: &Node, right: &Node, wanted: bool, scope: &Scope) -> Result<Value> {
        let left = self.eval(left, scope)?;
        if left.truth() == wanted { Ok(left) } else { self.eval(right, scope) }
    }

    fn arithmetic(&self, operator: &str, left: &Value, right: &Value) -> Result<Value> {
        match (operator, left, right) {
            ("+", Value::Str(a), Value::Str(b)) => self.string(format!("{a}{b}")),
            ("+", Value::List(a), Value::List(b)) => self.list([&a[..], &b[..]].concat()),
            ("+", Value::Tuple(a), Value::Tuple(b)) => {
                self.pay(a.len() + b.len())?;
                Ok(Value::Tuple(Rc::new([&a[..], &b[..]].concat())))
            }
            ("*", Value::Str(text), times) | ("*", times, Value::Str(text)) => {
                let times = usize::try_from(times.as_int()?).unwrap_or(0);
                self.pay(text.len().saturating_mul(times))?;
                Ok(Value::str(text.repeat(times)))
            }
            ("*", Value::List(items), times) | ("*", times, Value::List(items)) => {
                let times = usize::try_from(times.as_int()?).unwrap_or(0);
                self.pay(items.len().saturating_mul(times))?;
                let repeated = std::iter::repeat_n(&**items, times).flatten().cloned();
                Ok(Value::list(repeated.collect()))
            }
            ("%", Value::Str(template), arguments) => self.string(format::percent(template, arguments)?),
            ("|", Value::Set(a), Value::Set(b)) => Ok(Value::Set(Rc::new(unique([&a[..], &b[..]].concat())?))),
            ("&" | "-", Value::Set(a), Value::Set(b)) => {
                let kept = a.iter().filter(|a| b.iter().any(|b| b.equals(a)) == (operator == "&"));
                Ok(Value::Set(Rc::new(kept.cloned().collect())))
            }
            _ => self.number(operator, left, right),
        }
    }

    fn number(&self, operator: &str, left: &Value, right: &Value) -> Result<Value> {
        let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Bool(_));
        if !is_number(left) || !is_number(right) {
            return fail(format!("`{operator}` cannot join {} and {}", left.type_name(), right.type_name()));
        }
        let (a, b) = (left.as_int()?, right.as_int()?);
        let result = match operator {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            "//" | "%" if b == 0 => return fail("a division by zero"),
            "//" => a
                .checked_div_euclid(b)
                .map(|quotient| if b < 0 && a.rem_euclid(b) != 0 { quotient - 1 } else { quotient }),
            "%" => a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
            _ => return fail(format!("`{operator}` cannot be used here")),
        };
        result.map_or_else(|| fail("a number grows too large"), |number| Ok(Value::Int(number)))
    }

    fn compare(&self, first: &Node, more: &[(Comparison, Node)], scope: &Scope) -> Result<Value> {
        let mut left = self.eval(first, scope)?;
        for (comparison, node) in more {
            let right = self.eval(node, scope)?;
            if !self.holds(*comparison, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn holds(&self, comparison: Comparison, left: &Value, right: &Value) -> Result<bool> {
        use Comparison::*;
        Ok(match comparison {
            Equal => left.equals(right),
            NotEqual => !left.equals(right),
            Less => left.compare(right)?.is_lt(),
            LessEqual => left.compare(right)?.is_le(),
            Greater => left.compare(right)?.is_gt(),
            GreaterEqual => left.compare(right)?.is_ge(),
            In => right.contains(left)?,
            NotIn => !right.contains(left)?,
            Is => left.same_object(right)?,
            IsNot => !left.same_object(right)?,
        })
    }

    fn call_node(
        &self,
        function: &Node,
        positional: &[Node],
        named: &[(String, Node)],
        scope: &Scope,
    ) -> Result<Value> {
        let function = self.eval(function, scope)?;
        let positional = self.all(positional, scope)?;
        let named: Result<Vec<_>> =
            named.iter().map(|(name, node)| Ok((name.clone(), self.eval(node, scope)?))).collect();
        self.call(&function, Arguments { positional, named: named? })
    }

    /// Calls a value.
    pub(super) fn call(&self, function: &Value, arguments: Arguments) -> Result<Value> {
        self.deeper(|| match function {
            Value::Function(lambda, scope) => self.call_lambda(lambda, scope, arguments),
            Value::Builtin(name) => builtins::call(self, name, arguments),
            Value::Method(of, name) => methods::call(self, of, name, arguments),
            other => fail(format!("{} cannot be called", other.type_name())),
        })
    }

    fn call_lambda(&self, lambda: &Lambda, around: &Scope, arguments: Arguments) -> Result<Value> {
        let Arguments { positional, mut named } = arguments;
        if positional.len() > lambda.parameters.len() {
            return fail(format!(
                "a function of {} arguments is called with {}",
                lambda.parameters.len(),
                positional.len()
            ));
        }
        let mut scope = around.clone();
        let mut given = positional.into_iter();
        for (parameter, default) in &lambda.parameters {
            let by_name = named.iter().position(|(name, _)| name == parameter).map(|at| named.swap_remove(at).1);
            let value = match (given.next(), by_name, default) {
                (Some(value), None, _) | (None, Some(value), _) => value,
                (None, None, Some(default)) => self.eval(default, around)?,
                _ => return fail(format!("the argument `{parameter}` is missing or given twice")),
            };
            scope = scope.with(parameter, value);
        }
        match named.first() {
            Some((name, _)) => fail(format!("there is no argument `{name}`")),
            None => self.eval(&lambda.body, &scope),
        }
    }

    fn index(&self, of: &Value, index: &Value) -> Result<Value> {
        match of {
            Value::Dict(entries) => match entries.iter().find(|(key, _)| key.equals(index)) {
                Some((_, value)) => Ok(value.clone()),
                None => fail(format!("there is no {} in the dictionary", index.repr()?)),
            },
            Value::Match(found) => found.group(index),
            Value::Str(_) | Value::List(_) | Value::Tuple(_) => {
                let items = of.items()?;
                self.pay(items.len())?;
                let at = index.as_int()?;
                let at = if at < 0 { at + items.len() as i64 } else { at };
                let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
                item.map_or_else(|| fail("an index is out of range"), Ok)
            }
            other => fail(format!("{} has no items", other.type_name())),
        }
    }

    fn slice(&self, of: &Value, from: Option<i64>, to: Option<i64>, step: i64) -> Result<Value> {
        if step == 0 {
            return fail("the step of a slice is zero");
        }
        let items = match of {
            Value::Str(_) | Value::List(_) | Value::Tuple(_) => of.items()?,
            other => return fail(format!("{} has no slices", other.type_name())),
        };
        self.pay(items.len())?;
        let picked = pick(&items, from, to, step);
        match of {
            Value::Str(_) => {
                let texts: Result<Vec<&str>> = picked.iter().map(Value::as_str).collect();
                self.string(texts?.concat())
            }
            Value::Tuple(_) => Ok(Value::Tuple(Rc::new(picked))),
            _ => Ok(Value::list(picked)),
        }
    }

    fn comprehension(
        &self,
        into: Collection,
        element: &Node,
        value: Option<&Node>,
        clauses: &[Clause],
        scope: &Scope,
    ) -> Result<Value> {
        let mut found = Vec::new();
        self.loop_over(clauses, scope, &mut |scope| {
            let key = self.eval(element, scope)?;
            let value = value.map_or(Ok(Value::None), |value| self.eval(value, scope))?;
            found.push((key, value));
            Ok(())
        })?;
        Ok(match into {
            Collection::Dict => Value::Dict(Rc::new(unique_entries(found)?)),
            Collection::Set => Value::Set(Rc::new(unique(found.into_iter().map(|(item, _)| item).collect())?)),
            Collection::List => Value::list(found.into_iter().map(|(item, _)| item).collect()),
        })
    }

    fn loop_over(&self, clauses: &[Clause], scope: &Scope, body: &mut dyn FnMut(&Scope) -> Result<()>) -> Result<()> {
        let Some((clause, inner)) = clauses.split_first() else { return body(scope) };
        for item in self.eval(&clause.iterable, scope)?.items()? {
            self.pay(1)?;
            let scope = bind(clause, item, scope)?;
            let mut holds = true;
            for condition in &clause.conditions {
                holds = holds && self.eval(condition, &scope)?.truth();
            }
            if holds {
                self.loop_over(inner, &scope, body)?;
            }
        }
        Ok(())
    }
}

fn bind(clause: &Clause, item: Value, scope: &Scope) -> Result<Scope> {
    if clause.whole {
        return Ok(scope.with(&clause.targets[0], item));
    }
    let items = item.items()?;
    if items.len() != clause.targets.len() {
        return fail("a loop with several names meets an item of another length");
    }
    Ok(clause.targets.iter().zip(items).fold(scope.clone(), |scope, (name, item)| scope.with(name, item)))
}

/// Python's slicing.
fn pick(items: &[Value], from: Option<i64>, to: Option<i64>, step: i64) -> Vec<Value> {
    let length = items.len() as i64;
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: i64| if bound < 0 { bound.saturating_add(length).max(least) } else { bound.min(most) };
    let mut at = from.map_or(if step > 0 { 0 } else { length - 1 }, clamp);
    let end = to.map_or(if step > 0 { length } else { -1 }, clamp);
    let mut picked = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        picked.extend(usize::try_from(at).ok().and_then(|at| items.get(at).cloned()));
        at = at.saturating_add(step);
    }
    picked
}
