//! The tree of an expression. Values only; shared between threads.

use super::statements::Statement;
use std::sync::Arc;

/// An expression.
#[derive(Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Str(Arc<str>),
    /// An f-string.
    Joined(Vec<Piece>),
    Name(String),
    List(Vec<Node>),
    Tuple(Vec<Node>),
    Set(Vec<Node>),
    Dict(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Arithmetic(&'static str, Box<Node>, Box<Node>),
    /// The first operand, then operators with the further ones.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    If {
        test: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Lambda(Arc<Lambda>),
    Call {
        function: Box<Node>,
        positional: Vec<Node>,
        named: Vec<(String, Node)>,
    },
    Attribute(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Slice {
        of: Box<Node>,
        from: Option<Box<Node>>,
        to: Option<Box<Node>>,
        step: Option<Box<Node>>,
    },
    Comprehension {
        into: Collection,
        element: Box<Node>,
        value: Option<Box<Node>>,
        clauses: Vec<Clause>,
    },
    /// The body of a function that was defined by statements.
    Body(Vec<Statement>),
}

impl Node {
    /// What it consists of, but for the statements of a body.
    pub(super) fn children(&self) -> Vec<&Node> {
        match self {
            Node::None | Node::Bool(_) | Node::Int(_) | Node::Str(_) | Node::Name(_) | Node::Body(_) => Vec::new(),
            Node::Joined(pieces) => pieces
                .iter()
                .filter_map(|piece| if let Piece::Value { node, .. } = piece { Some(node) } else { None })
                .collect(),
            Node::List(nodes) | Node::Tuple(nodes) | Node::Set(nodes) => nodes.iter().collect(),
            Node::Dict(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Node::Not(node) | Node::Negative(node) | Node::Attribute(node, _) => vec![node],
            Node::And(a, b) | Node::Or(a, b) | Node::Arithmetic(_, a, b) | Node::Index(a, b) => vec![a, b],
            Node::Compare(first, more) => std::iter::once(&**first).chain(more.iter().map(|(_, node)| node)).collect(),
            Node::If { test, then, otherwise } => vec![test, then, otherwise],
            Node::Lambda(lambda) => vec![&lambda.body],
            Node::Call { function, positional, named } => {
                let named = named.iter().map(|(_, node)| node);
                std::iter::once(&**function).chain(positional).chain(named).collect()
            }
            Node::Slice { of, from, to, step } => {
                let bounds = [from, to, step].into_iter().filter_map(|bound| bound.as_deref());
                std::iter::once(&**of).chain(bounds).collect()
            }
            Node::Comprehension { element, value, clauses, .. } => {
                let clauses =
                    clauses.iter().flat_map(|clause| std::iter::once(&clause.iterable).chain(&clause.conditions));
                std::iter::once(&**element).chain(value.as_deref()).chain(clauses).collect()
            }
        }
    }

    /// Whether there is a function in it.
    pub(super) fn has_function(&self) -> bool {
        matches!(self, Node::Lambda(_)) || self.children().into_iter().any(Node::has_function)
    }
}

/// A piece of an f-string.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Value { node: Node, repr: bool, format: String },
}

/// What a comprehension makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    List,
    Set,
    Dict,
}

/// `for targets in iterable if conditions`.
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) targets: Vec<String>,
    /// Whether there is one target, which takes the item whole.
    pub(super) whole: bool,
    pub(super) iterable: Node,
    pub(super) conditions: Vec<Node>,
}

/// A function.
#[derive(Debug)]
pub(super) struct Lambda {
    pub(super) parameters: Vec<(String, Option<Node>)>,
    pub(super) body: Node,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}
