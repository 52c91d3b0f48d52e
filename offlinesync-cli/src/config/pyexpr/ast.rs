//! The tree of an expression. Values only; shared between threads.

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
