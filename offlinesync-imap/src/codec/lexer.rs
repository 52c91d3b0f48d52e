//! Words of a response line as a tree: atoms, strings, lists, NIL. Tolerant by shape: double spaces, odd atoms and 8-bit bytes are
//! accepted, brackets inside an atom belong to it. Pure; never panics; depth is bounded.

/// How deep parentheses may nest; what is deeper is refused.
const DEPTH: usize = 64;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Anything that is not quoted, a literal or a list; `NIL` included.
    Atom(Box<[u8]>),
    /// A quoted string, unescaped, or an inline literal.
    String(Box<[u8]>),
    /// A literal that was streamed and is not here.
    Streamed,
    /// A parenthesised list.
    List(Vec<Value>),
}

impl Value {
    /// The bytes of an atom or string; `None` for NIL and lists.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Atom(atom) if atom.eq_ignore_ascii_case(b"NIL") => None,
            Value::Atom(bytes) | Value::String(bytes) => Some(bytes),
            Value::Streamed | Value::List(_) => None,
        }
    }

    /// The bytes as UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn list(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// A decimal number.
    pub(super) fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.text()?.parse().ok()
    }
}

/// The place of a literal inside a line: the lexer is given the line with its literals cut out, each marked by this byte.
pub(super) const LITERAL: u8 = 0;

/// Reads values from a line.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'l, 'i> {
    rest: &'l [u8],
    literals: &'i [Literal],
    used: usize,
}

/// A literal cut out of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    /// Kept.
    Inline(Box<[u8]>),
    /// Passed on while it came in.
    Streamed,
}

impl<'l, 'i> Lexer<'l, 'i> {
    pub(super) fn new(line: &'l [u8], literals: &'i [Literal]) -> Self {
        Lexer { rest: line, literals, used: 0 }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'l [u8] {
        self.rest
    }

    pub(super) fn skip_spaces(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Leaves out one byte.
    pub(super) fn skip_one(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The next run of bytes up to a space.
    pub(super) fn word(&mut self) -> &'l [u8] {
        self.skip_spaces();
        let end = memchr::memchr(b' ', self.rest).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// The next value; `None` at the end of the line or before a closing parenthesis, or if the nesting is too deep.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.nested(0)
    }

    /// All values up to the end.
    pub(super) fn values(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.value()).collect()
    }

    fn nested(&mut self, depth: usize) -> Option<Value> {
        self.skip_spaces();
        match self.rest {
            [] | [b')', ..] => None,
            [b'(', rest @ ..] => {
                self.rest = rest;
                self.list(depth + 1)
            }
            [b'"', rest @ ..] => {
                self.rest = rest;
                Some(self.quoted())
            }
            [LITERAL, rest @ ..] => {
                self.rest = rest;
                Some(self.literal())
            }
            _ => Some(self.atom()),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            self.rest = &[];
            return None;
        }
        let mut list = Vec::new();
        while let Some(value) = self.nested(depth) {
            list.push(value);
        }
        if let [b')', rest @ ..] = self.rest {
            self.rest = rest;
        }
        Some(Value::List(list))
    }

    fn quoted(&mut self) -> Value {
        let mut bytes = Vec::new();
        loop {
            match self.rest {
                [] => break,
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    break;
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                    bytes.push(*byte);
                    self.rest = rest;
                }
            }
        }
        Value::String(bytes.into())
    }

    fn literal(&mut self) -> Value {
        let literal = self.literals.get(self.used);
        self.used += 1;
        match literal {
            Some(Literal::Inline(bytes)) => Value::String(bytes.clone()),
            Some(Literal::Streamed) => Value::Streamed,
            None => Value::Atom(Box::default()),
        }
    }

    /// An atom ends at a space, a parenthesis, a quote or a literal; inside brackets none of these ends it.
    fn atom(&mut self) -> Value {
        let mut brackets = 0usize;
        let mut end = 0;
        while let Some(byte) = self.rest.get(end) {
            match *byte {
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                LITERAL => break,
                b' ' | b'(' | b')' | b'"' if brackets == 0 => break,
                _ => {}
            }
            end += 1;
        }
        if brackets > 0 {
            end = self
                .rest
                .iter()
                .position(|b| matches!(b, b' ' | b'(' | b')' | b'"' | &LITERAL))
                .unwrap_or(self.rest.len());
        }
        let (atom, rest) = self.rest.split_at(end.max(1).min(self.rest.len()));
        self.rest = rest;
        Value::Atom(atom.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> Vec<Value> {
        Lexer::new(line, &[]).values()
    }

    fn atom(text: &str) -> Value {
        Value::Atom(text.as_bytes().into())
    }

    #[test]
    fn atoms_strings_and_lists() {
        assert_eq!(
            read(b"(FLAGS  (\\Seen a]b) \"x\\\"y\" BODY[HEADER.FIELDS (\"A\" b)] NIL ) t"),
            [
                Value::List(vec![
                    atom("FLAGS"),
                    Value::List(vec![atom("\\Seen"), atom("a]b")]),
                    Value::String(b"x\"y".as_slice().into()),
                    atom("BODY[HEADER.FIELDS (\"A\" b)]"),
                    atom("NIL"),
                ]),
                atom("t")
            ]
        );
    }

    #[test]
    fn depth_is_bounded() {
        let line = vec![b'('; 100_000];
        assert!(read(&line).is_empty() || read(&line).len() == 1);
    }

    #[test]
    fn an_open_bracket_does_not_swallow_the_line() {
        assert_eq!(read(b"a[b c"), [atom("a[b"), atom("c")]);
    }
}
