//! The tokens of a complete response: tolerant, raw bytes, no meaning. Pure; linear in the input; never panics.
//!
//! A response is its lines as they came, literals inside in their place (`{5}` CR LF and five octets). The literal of a
//! message body is passed on by the decoder and not in the text; [`Lexer`] is told where that one would have been.

use memchr::memchr2;
use std::borrow::Cow;

/// How deep lists may nest in a [`Value`].
pub const DEPTH: usize = 64;
/// How many values one call of [`values`] builds.
pub const VALUES: usize = 65_536;

/// A token or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NIL, unquoted, in any case.
    Nil,
    /// Anything unquoted: atoms, numbers, flags.
    Atom(&'a [u8]),
    /// A quoted string without its escapes, or a literal.
    String(Cow<'a, [u8]>),
    /// The literal that was passed on as a body.
    Streamed,
    /// A parenthesised list.
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    /// The octets of an atom or a string.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Atom(atom) => Some(atom),
            Value::String(string) => Some(string),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn list(&self) -> Option<&[Value<'_>]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// An unsigned decimal number, quoted or not.
    pub fn number(&self) -> Option<u64> {
        self.bytes().and_then(number)
    }

    /// Whether it is this atom, in any case.
    pub fn is_atom(&self, name: &str) -> bool {
        matches!(self, Value::Atom(atom) if atom.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Why a text has no [`values`]: an unclosed list, lists nested deeper than [`DEPTH`], or more than [`VALUES`] values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shapeless;

/// Everything in the text. Closing parentheses that nothing opened are passed over.
pub fn values(text: &[u8]) -> Result<Vec<Value<'_>>, Shapeless> {
    let mut lexer = Lexer::new(text);
    let mut budget = VALUES;
    let mut all = Vec::new();
    loop {
        match lexer.tree(DEPTH, &mut budget)? {
            Some(value) => all.push(value),
            None if lexer.eat(b')') => {}
            None => return Ok(all),
        }
    }
}

/// A decimal number of digits alone; `None` if there are none or it does not fit.
pub fn number(digits: &[u8]) -> Option<u64> {
    let add = |n: u64, b: &u8| b.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(u64::from(b - b'0')))?;
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))?
}

/// The header of a literal, `{5}`, `{5+}` or `~{5}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiteralHeader {
    /// Where its first octet is.
    pub start: usize,
    /// The length it announces; `None` if that is beyond 64 bits.
    pub octets: Option<u64>,
}

impl LiteralHeader {
    /// The header at the end of a line that was stripped of its CR LF.
    pub(crate) fn at_end(line: &[u8]) -> Option<LiteralHeader> {
        let inside = line.strip_suffix(b"}")?;
        let inside = inside.strip_suffix(b"+").unwrap_or(inside);
        let open = inside.iter().rposition(|b| !b.is_ascii_digit())?;
        let digits = inside.get(open + 1..)?;
        if inside.get(open) != Some(&b'{') || digits.is_empty() {
            return None;
        }
        let tilde = open > 0 && inside.get(open - 1) == Some(&b'~');
        Some(LiteralHeader { start: open - usize::from(tilde), octets: number(digits) })
    }
}

const BLANK: u8 = 1;
const PARENTHESIS: u8 = 2;
const OPENING: u8 = 4;

/// What each octet can end.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b' ' as usize] = BLANK;
    class[b'\t' as usize] = BLANK;
    class[b'\r' as usize] = BLANK;
    class[b'\n' as usize] = BLANK;
    class[b'(' as usize] = PARENTHESIS;
    class[b')' as usize] = PARENTHESIS;
    class[b'[' as usize] = OPENING;
    class[b'{' as usize] = OPENING;
    class[b'"' as usize] = OPENING;
    class
};

fn is(octet: u8, classes: u8) -> bool {
    CLASS[octet as usize] & classes != 0
}

/// Reads tokens one after another.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    streamed: Option<usize>,
}

impl<'a> Lexer<'a> {
    /// Reads from the start of the text.
    pub fn new(text: &'a [u8]) -> Self {
        Lexer { text, at: 0, streamed: None }
    }

    /// The same, where the octets of the literal whose header starts at `streamed` are not in the text.
    pub(crate) fn with_streamed(text: &'a [u8], streamed: Option<usize>) -> Self {
        Lexer { text, at: 0, streamed }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next octet.
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Passes over blanks, and line ends, which stand only behind literals.
    pub fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|b| is(b, BLANK)) {
            self.at += 1;
        }
    }

    /// Whether nothing but blanks is left.
    pub fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.peek().is_none()
    }

    /// Takes this octet if it is the next behind blanks.
    pub fn eat(&mut self, octet: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    /// Takes one octet, whatever it is, so that reading goes on behind nonsense.
    pub(crate) fn step(&mut self) {
        self.at = (self.at + 1).min(self.text.len());
    }

    /// Passes over blanks and takes what comes before a blank or a parenthesis; may be empty.
    pub(crate) fn word(&mut self) -> &'a [u8] {
        self.until(BLANK | PARENTHESIS)
    }

    /// The same, also before a bracket, a brace or a quote: the name of an attribute.
    pub(crate) fn name(&mut self) -> &'a [u8] {
        self.until(BLANK | PARENTHESIS | OPENING)
    }

    fn until(&mut self, classes: u8) -> &'a [u8] {
        self.skip_blanks();
        let rest = self.rest();
        let n = rest.iter().position(|b| is(*b, classes)).unwrap_or(rest.len());
        self.at += n;
        rest.get(..n).unwrap_or_default()
    }

    /// A number, if one is next and nothing but a number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        self.skip_blanks();
        let (mut value, mut at) = (0u64, self.at);
        while let Some(digit) = self.text.get(at).filter(|b| b.is_ascii_digit()) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            at += 1;
        }
        let ended = self.text.get(at).is_none_or(|b| is(*b, BLANK | PARENTHESIS));
        (at > self.at && ended).then(|| {
            self.at = at;
            value
        })
    }

    /// The next value that is not a list; `None` at the end and before a parenthesis.
    pub fn token(&mut self) -> Option<Value<'a>> {
        self.skip_blanks();
        match self.peek()? {
            b'(' | b')' => None,
            b'"' => Some(Value::String(self.quoted())),
            b'{' | b'~' => Some(self.literal().unwrap_or_else(|| self.atom())),
            _ => Some(self.atom()),
        }
    }

    /// Passes over the next value, lists of any depth included. `false` if there was none or a list was not closed.
    pub fn skip_value(&mut self) -> bool {
        let mut depth = 0usize;
        loop {
            if self.eat(b'(') {
                depth += 1;
            } else if depth > 0 && self.eat(b')') {
                depth -= 1;
            } else if self.token().is_none() {
                return false;
            }
            if depth == 0 {
                return true;
            }
        }
    }

    fn tree(&mut self, depth: usize, budget: &mut usize) -> Result<Option<Value<'a>>, Shapeless> {
        *budget = budget.checked_sub(1).ok_or(Shapeless)?;
        if !self.eat(b'(') {
            return Ok(self.token());
        }
        let deeper = depth.checked_sub(1).ok_or(Shapeless)?;
        let mut items = Vec::new();
        while let Some(value) = self.tree(deeper, budget)? {
            items.push(value);
        }
        if self.eat(b')') { Ok(Some(Value::List(items))) } else { Err(Shapeless) }
    }

    fn atom(&mut self) -> Value<'a> {
        let atom = self.word();
        if atom.eq_ignore_ascii_case(b"NIL") { Value::Nil } else { Value::Atom(atom) }
    }

    /// A string in quotes; one that never ends goes to the end of the text.
    fn quoted(&mut self) -> Cow<'a, [u8]> {
        self.at += 1;
        let mut unescaped = Vec::new();
        loop {
            let rest = self.rest();
            let Some(n) = memchr2(b'"', b'\\', rest) else {
                self.at = self.text.len();
                return joined(unescaped, rest);
            };
            let before = rest.get(..n).unwrap_or_default();
            self.at += n + 1;
            if rest.get(n) == Some(&b'"') {
                return joined(unescaped, before);
            }
            unescaped.extend_from_slice(before);
            unescaped.extend(self.peek());
            self.step();
        }
    }

    fn literal(&mut self) -> Option<Value<'a>> {
        let rest = self.rest();
        let open = usize::from(rest.first() == Some(&b'~'));
        let digits = rest.get(open..)?.strip_prefix(b"{")?;
        let n = digits.iter().position(|b| !b.is_ascii_digit())?;
        let octets = number(digits.get(..n)?)?;
        let after = digits.get(n..)?;
        let after = after.strip_prefix(b"+").unwrap_or(after).strip_prefix(b"}")?;
        let after = after.strip_prefix(b"\r").unwrap_or(after).strip_prefix(b"\n")?;
        let begin = self.text.len() - after.len();
        if self.streamed == Some(self.at) {
            self.at = begin;
            return Some(Value::Streamed);
        }
        let content = after.get(..usize::try_from(octets).ok()?)?;
        self.at = begin + content.len();
        Some(Value::String(Cow::Borrowed(content)))
    }
}

fn joined(mut unescaped: Vec<u8>, last: &[u8]) -> Cow<'_, [u8]> {
    if unescaped.is_empty() {
        return Cow::Borrowed(last);
    }
    unescaped.extend_from_slice(last);
    Cow::Owned(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_escapes_and_literals() {
        let read = values(b"a (NIL \"q \\\"\\\\\" {4}\r\n)\" x ~{1}\r\ny)(b{c})").unwrap();
        let string = |s: &'static str| Value::String(Cow::Borrowed(s.as_bytes()));
        let list = Value::List(vec![Value::Nil, string("q \"\\"), string(")\" x"), string("y")]);
        assert_eq!(read, [Value::Atom(b"a"), list, Value::List(vec![Value::Atom(b"b{c}")])]);
    }

    #[test]
    fn nesting_and_number_of_values_are_limited_but_passing_over_is_not() {
        let deep = |n: usize| [vec![b'('; n], vec![b')'; n]].concat();
        assert!(values(&deep(DEPTH)).is_ok());
        assert_eq!(values(&deep(DEPTH + 1)), Err(Shapeless));
        assert_eq!(values(&b"1 ".repeat(VALUES + 1)), Err(Shapeless));
        assert_eq!(values(b"(a"), Err(Shapeless));
        assert!(Lexer::new(&deep(1_000_000)).skip_value());
        assert!(!Lexer::new(b"(((").skip_value());
    }

    #[test]
    fn a_literal_header_is_known_at_the_end_of_a_line_only() {
        let at = |line: &str| LiteralHeader::at_end(line.as_bytes());
        assert_eq!(at("x {12}"), Some(LiteralHeader { start: 2, octets: Some(12) }));
        assert_eq!(at("x ~{12+}"), Some(LiteralHeader { start: 2, octets: Some(12) }));
        assert_eq!(at("{0}"), Some(LiteralHeader { start: 0, octets: Some(0) }));
        assert_eq!(at("{99999999999999999999}").unwrap().octets, None);
        for line in ["x {}", "x {a}", "{1} ", "1}", "}", "", "{-1}", "{+}"] {
            assert_eq!(at(line), None, "{line}");
        }
    }

    #[test]
    fn a_number_must_be_all_digits_and_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "18446744073709551616", "-1", "+1", "1a", " 1"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Lexer::new(b" 12)").number(), Some(12));
        assert_eq!(Lexer::new(b"12a").number(), None);
    }
}
