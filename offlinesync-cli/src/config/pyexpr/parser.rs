//! Tokens to a tree: Python's grammar of expressions, without statements, assignments and awaiting. Pure.

use super::ast::{Clause, Collection, Comparison, Lambda, Node, Piece};
use super::error::{PyError, Result, fail};
use super::lexer::{Token, tokens, unescape};
use std::sync::Arc;

/// Expressions nested deeper are refused.
const MAX_DEPTH: usize = 60;

/// Operators, calls and members that stand one behind the other, in all: each is a level of the tree.
const MAX_CHAIN: usize = 300;

/// Longer expressions are refused, in octets.
const MAX_LENGTH: usize = 64 * 1024;

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Node> {
    parse_at(text, 0)
}

fn parse_at(text: &str, depth: usize) -> Result<Node> {
    if text.len() > MAX_LENGTH {
        return fail("the expression is too long");
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth, chain: 0 };
    let node = parser.tuple_or_expression().and_then(|node| parser.expect_end().map(|()| node));
    node.map_err(|error| parser.placed(error))
}

/// Where a name first stands in an expression.
pub(super) fn place_of(name: &str, text: &str) -> Option<usize> {
    let tokens = tokens(text).ok()?;
    tokens.into_iter().find(|(token, _)| matches!(token, Token::Name(found) if found == name)).map(|(_, at)| at)
}

pub(super) struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    chain: usize,
}

/// How tightly operators bind; greater binds tighter.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const UNARY: u8 = 10;

fn arithmetic(operator: &str) -> Option<u8> {
    match operator {
        "|" => Some(5),
        "^" => Some(6),
        "&" => Some(7),
        "+" | "-" => Some(8),
        "*" | "/" | "//" | "%" => Some(9),
        _ => None,
    }
}

impl Parser {
    /// Over a line of statements.
    pub(super) fn new(text: &str) -> Result<Parser> {
        if text.len() > MAX_LENGTH {
            return fail("a statement is too long");
        }
        Ok(Parser { tokens: tokens(text)?, at: 0, depth: 0, chain: 0 })
    }

    pub(super) fn at_end(&self) -> bool {
        *self.peek() == Token::End
    }

    /// `+=` and the like: answers the operator.
    pub(super) fn take_augmented(&mut self) -> Option<&'static str> {
        let operators = [("+=", "+"), ("-=", "-"), ("*=", "*"), ("//=", "//"), ("%=", "%")];
        operators.iter().find(|(augmented, _)| self.take_op(augmented)).map(|(_, operator)| *operator)
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn is_op(&self, operator: &str) -> bool {
        matches!(self.peek(), Token::Op(found) if *found == operator)
    }

    pub(super) fn take_op(&mut self, operator: &str) -> bool {
        let found = self.is_op(operator);
        self.at += usize::from(found);
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, operator: &str) -> Result<()> {
        if self.take_op(operator) { Ok(()) } else { Err(self.unexpected(&format!("`{operator}`"))) }
    }

    pub(super) fn expect_end(&mut self) -> Result<()> {
        if *self.peek() == Token::End { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    /// The error with the place of the token in hand, unless it has a place.
    fn placed(&self, error: PyError) -> PyError {
        match self.tokens.get(self.at).or(self.tokens.last()) {
            Some((_, at)) => error.placed(*at),
            None => error,
        }
    }

    fn unexpected(&self, wanted: &str) -> PyError {
        let found = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Int(number) => format!("`{number}`"),
            Token::Str(_) | Token::FString(..) => "a string".to_owned(),
            Token::Op(":=") => return self.placed(PyError::new("assignments (`:=`) cannot be used here")),
            Token::Op(operator) => format!("`{operator}`"),
            Token::End => "the end".to_owned(),
        };
        self.placed(PyError::new(format!("{found} where {wanted} is expected")))
    }

    pub(super) fn tuple_or_expression(&mut self) -> Result<Node> {
        let first = self.expression()?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take_op(",") {
            if *self.peek() == Token::End {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Node::Tuple(items))
    }

    pub(super) fn expression(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fail("the expression is nested too deep");
        }
        let node = if self.take_word("lambda") { self.lambda() } else { self.conditional() };
        self.depth -= 1;
        node
    }

    fn lambda(&mut self) -> Result<Node> {
        let parameters = self.parameters(":")?;
        let body = self.expression()?;
        Ok(Node::Lambda(Arc::new(Lambda { parameters, body })))
    }

    /// Parameters up to this bracket or colon, which is taken too.
    pub(super) fn parameters(&mut self, close: &str) -> Result<Vec<(String, Option<Node>)>> {
        let mut parameters = Vec::new();
        while !self.take_op(close) {
            let name = self.name()?;
            let default = if self.take_op("=") { Some(self.expression()?) } else { None };
            parameters.push((name, default));
            if !self.take_op(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(parameters)
    }

    pub(super) fn name(&mut self) -> Result<String> {
        match self.peek() {
            Token::Name(name) if !is_keyword(name) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn conditional(&mut self) -> Result<Node> {
        let then = self.operation(OR)?;
        if !self.take_word("if") {
            return Ok(then);
        }
        let test = self.operation(OR)?;
        if !self.take_word("else") {
            return Err(self.unexpected("`else`"));
        }
        let otherwise = self.expression()?;
        Ok(Node::If { test: Box::new(test), then: Box::new(then), otherwise: Box::new(otherwise) })
    }

    /// Operators that bind at least as tightly as `least`.
    fn operation(&mut self, least: u8) -> Result<Node> {
        let mut left = self.prefix(least)?;
        loop {
            left = match self.peek() {
                Token::Name(word) if word == "or" && least <= OR => {
                    self.at += 1;
                    self.link()?;
                    Node::Or(Box::new(left), Box::new(self.operation(AND)?))
                }
                Token::Name(word) if word == "and" && least <= AND => {
                    self.at += 1;
                    self.link()?;
                    Node::And(Box::new(left), Box::new(self.operation(NOT)?))
                }
                Token::Op(operator) if arithmetic(operator).is_some_and(|binds| binds >= least) => {
                    let operator = *operator;
                    self.at += 1;
                    self.link()?;
                    let right = self.operation(arithmetic(operator).unwrap_or(UNARY) + 1)?;
                    Node::Arithmetic(operator, Box::new(left), Box::new(right))
                }
                _ if least <= COMPARE => match self.comparisons()? {
                    more if more.is_empty() => return Ok(left),
                    more => Node::Compare(Box::new(left), more),
                },
                _ => return Ok(left),
            };
        }
    }

    /// Counts a level of the tree that no nesting shows.
    fn link(&mut self) -> Result<()> {
        self.chain += 1;
        if self.chain > MAX_CHAIN { fail("the expression is too long") } else { Ok(()) }
    }

    fn prefix(&mut self, least: u8) -> Result<Node> {
        if least <= NOT && self.take_word("not") {
            return self.nested(|parser| Ok(Node::Not(Box::new(parser.operation(NOT)?))));
        }
        if self.take_op("-") {
            return self.nested(|parser| Ok(Node::Negative(Box::new(parser.operation(UNARY)?))));
        }
        if self.take_op("+") {
            return self.nested(|parser| parser.operation(UNARY));
        }
        self.postfix()
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Node>) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fail("the expression is nested too deep");
        }
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn comparisons(&mut self) -> Result<Vec<(Comparison, Node)>> {
        let mut more = Vec::new();
        while let Some(comparison) = self.comparison()? {
            more.push((comparison, self.operation(COMPARE + 1)?));
        }
        Ok(more)
    }

    fn comparison(&mut self) -> Result<Option<Comparison>> {
        use Comparison::*;
        let symbols =
            [("==", Equal), ("!=", NotEqual), ("<=", LessEqual), (">=", GreaterEqual), ("<", Less), (">", Greater)];
        if let Some((_, comparison)) = symbols.iter().find(|(operator, _)| self.is_op(operator)) {
            self.at += 1;
            return Ok(Some(*comparison));
        }
        if self.take_word("in") {
            return Ok(Some(In));
        }
        if self.take_word("is") {
            return Ok(Some(if self.take_word("not") { IsNot } else { Is }));
        }
        if self.take_word("not") {
            return if self.take_word("in") { Ok(Some(NotIn)) } else { Err(self.unexpected("`in`")) };
        }
        Ok(None)
    }

    fn postfix(&mut self) -> Result<Node> {
        let mut node = self.atom()?;
        loop {
            if matches!(self.peek(), Token::Op("." | "(" | "[")) {
                self.link()?;
            }
            node = if self.take_op(".") {
                Node::Attribute(Box::new(node), self.name()?)
            } else if self.take_op("(") {
                self.call(node)?
            } else if self.take_op("[") {
                self.subscript(node)?
            } else if self.is_op("**") {
                return fail("`**` cannot be used here");
            } else {
                return Ok(node);
            };
        }
    }

    fn call(&mut self, function: Node) -> Result<Node> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        while !self.take_op(")") {
            let keyword = matches!(self.tokens.get(self.at + 1), Some((Token::Op("="), _)));
            if keyword {
                let name = self.name()?;
                self.expect("=")?;
                named.push((name, self.expression()?));
            } else if named.is_empty() {
                positional.push(self.argument()?);
            } else {
                return fail("an argument without a name behind one with a name");
            }
            if !self.take_op(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(Node::Call { function: Box::new(function), positional, named })
    }

    /// An argument, which may be a generator without brackets of its own.
    fn argument(&mut self) -> Result<Node> {
        let element = self.expression()?;
        if self.is_word("for") { self.comprehension(Collection::List, element, None) } else { Ok(element) }
    }

    fn subscript(&mut self, of: Node) -> Result<Node> {
        let from = if self.is_op(":") { None } else { Some(Box::new(self.expression()?)) };
        if !self.take_op(":") {
            self.expect("]")?;
            let index = from.ok_or_else(|| self.unexpected("an index"))?;
            return Ok(Node::Index(Box::new(of), index));
        }
        let bound = |parser: &mut Self| -> Result<Option<Box<Node>>> {
            let empty = parser.is_op(":") || parser.is_op("]");
            Ok(if empty { None } else { Some(Box::new(parser.expression()?)) })
        };
        let to = bound(self)?;
        let step = if self.take_op(":") { bound(self)? } else { None };
        self.expect("]")?;
        Ok(Node::Slice { of: Box::new(of), from, to, step })
    }

    fn atom(&mut self) -> Result<Node> {
        match self.next() {
            Token::Int(number) => Ok(Node::Int(number)),
            Token::Op("(") => self.parentheses(),
            Token::Op("[") => self.brackets(),
            Token::Op("{") => self.braces(),
            Token::Name(name) => self.word(name),
            token @ (Token::Str(_) | Token::FString(..)) => self.strings(token),
            _ => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    fn word(&mut self, name: String) -> Result<Node> {
        match name.as_str() {
            "None" => Ok(Node::None),
            "True" => Ok(Node::Bool(true)),
            "False" => Ok(Node::Bool(false)),
            _ if is_keyword(&name) => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
            _ => Ok(Node::Name(name)),
        }
    }

    /// Strings that stand side by side are one.
    fn strings(&mut self, first: Token) -> Result<Node> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut token = first;
        loop {
            match token {
                Token::FString(text, raw) => self.pieces(&text, raw, &mut pieces)?,
                Token::Str(text) => pieces.push(Piece::Text(text)),
                _ => {}
            }
            if !matches!(self.peek(), Token::Str(_) | Token::FString(..)) {
                break;
            }
            token = self.next();
        }
        if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            let text: String =
                pieces.iter().map(|piece| if let Piece::Text(text) = piece { text } else { "" }).collect();
            return Ok(Node::Str(text.into()));
        }
        Ok(Node::Joined(pieces))
    }

    fn pieces(&self, text: &str, raw: bool, pieces: &mut Vec<Piece>) -> Result<()> {
        let mut rest = text;
        let mut literal = String::new();
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
            if doubled {
                literal.push_str(&rest[at..=at]);
                rest = &rest[at + 2..];
                continue;
            }
            let Some(end) = rest[at..].find('}').filter(|_| rest[at..].starts_with('{')) else {
                return fail("a brace in an f-string has no partner");
            };
            let taken = std::mem::take(&mut literal);
            pieces.push(Piece::Text(if raw { taken } else { unescape(&taken)? }));
            pieces.push(self.replacement(&rest[at + 1..at + end])?);
            rest = &rest[at + end + 1..];
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(if raw { literal } else { unescape(&literal)? }));
        Ok(())
    }

    /// `expression[!r][:format]`.
    fn replacement(&self, text: &str) -> Result<Piece> {
        let (text, format) = match text.rsplit_once(':') {
            Some((before, format)) if !format.contains(['\'', '"', ']', ')']) && !before.contains("lambda") => {
                (before, format)
            }
            _ => (text, ""),
        };
        let (text, repr) = match text.strip_suffix("!r") {
            Some(before) => (before, true),
            None => (text.strip_suffix("!s").unwrap_or(text), false),
        };
        Ok(Piece::Value {
            node: parse_at(text, self.depth + 1).map_err(|error| PyError { at: None, ..error })?,
            repr,
            format: format.to_owned(),
        })
    }

    fn parentheses(&mut self) -> Result<Node> {
        if self.take_op(")") {
            return Ok(Node::Tuple(Vec::new()));
        }
        let first = self.expression()?;
        if self.is_word("for") {
            let generator = self.comprehension(Collection::List, first, None)?;
            self.expect(")")?;
            return Ok(generator);
        }
        if self.take_op(")") {
            return Ok(first);
        }
        self.expect(",")?;
        Ok(Node::Tuple(self.items(first, ")")?))
    }

    fn brackets(&mut self) -> Result<Node> {
        if self.take_op("]") {
            return Ok(Node::List(Vec::new()));
        }
        let first = self.expression()?;
        if self.is_word("for") {
            let list = self.comprehension(Collection::List, first, None)?;
            self.expect("]")?;
            return Ok(list);
        }
        if self.take_op("]") {
            return Ok(Node::List(vec![first]));
        }
        self.expect(",")?;
        Ok(Node::List(self.items(first, "]")?))
    }

    /// Further items up to the closing bracket; the comma behind the first is taken already.
    fn items(&mut self, first: Node, close: &str) -> Result<Vec<Node>> {
        let mut items = vec![first];
        while !self.take_op(close) {
            items.push(self.expression()?);
            if !self.take_op(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn braces(&mut self) -> Result<Node> {
        if self.take_op("}") {
            return Ok(Node::Dict(Vec::new()));
        }
        let first = self.expression()?;
        if self.take_op(":") {
            return self.dict(first);
        }
        if self.is_word("for") {
            let set = self.comprehension(Collection::Set, first, None)?;
            self.expect("}")?;
            return Ok(set);
        }
        if self.take_op("}") {
            return Ok(Node::Set(vec![first]));
        }
        self.expect(",")?;
        Ok(Node::Set(self.items(first, "}")?))
    }

    fn dict(&mut self, key: Node) -> Result<Node> {
        let value = self.expression()?;
        if self.is_word("for") {
            let dict = self.comprehension(Collection::Dict, key, Some(value))?;
            self.expect("}")?;
            return Ok(dict);
        }
        let mut entries = vec![(key, value)];
        while !self.take_op("}") {
            self.expect(",")?;
            if self.take_op("}") {
                break;
            }
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
        }
        Ok(Node::Dict(entries))
    }

    /// The names between `for` and `in`, which is taken too, and whether there is one, which takes the item whole.
    fn loop_targets(&mut self) -> Result<(Vec<String>, bool)> {
        let bracket = self.take_op("(");
        let mut targets = vec![self.name()?];
        let mut whole = true;
        while self.take_op(",") {
            whole = false;
            targets.push(self.name()?);
        }
        if bracket {
            self.expect(")")?;
        }
        if self.take_word("in") { Ok((targets, whole)) } else { Err(self.unexpected("`in`")) }
    }

    /// What stands between `for` and the colon of a loop.
    pub(super) fn loop_head(&mut self) -> Result<(Vec<String>, bool, Node)> {
        let (targets, whole) = self.loop_targets()?;
        Ok((targets, whole, self.tuple_or_expression()?))
    }

    fn comprehension(&mut self, into: Collection, element: Node, value: Option<Node>) -> Result<Node> {
        let mut clauses = Vec::new();
        while self.take_word("for") {
            let (targets, whole) = self.loop_targets()?;
            let iterable = self.operation(OR)?;
            let mut conditions = Vec::new();
            while self.take_word("if") {
                conditions.push(self.operation(OR)?);
            }
            clauses.push(Clause { targets, whole, iterable, conditions });
        }
        let value = value.map(Box::new);
        Ok(Node::Comprehension { into, element: Box::new(element), value, clauses })
    }
}

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 34] = [
        "lambda", "if", "else", "and", "or", "not", "in", "is", "for", "None", "True", "False", "await", "yield",
        "import", "def", "return", "class", "as", "assert", "async", "break", "continue", "del", "elif", "except",
        "finally", "from", "global", "nonlocal", "pass", "raise", "try", "while",
    ];
    KEYWORDS.contains(&word)
}
