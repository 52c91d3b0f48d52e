//! A forgiving reader of IMAP's parenthesised lists, for the raw client and the in-memory server. Shares nothing with the real codec.

use std::io::{self, BufRead, Read};

/// A piece of a command or response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Anything bare: a number, a flag, `BODY[HEADER.FIELDS (DATE)]`, NIL.
    Atom(String),
    /// A quoted string or literal, as it means.
    Text(Vec<u8>),
    /// What stands between parentheses.
    List(Vec<Value>),
}

impl Value {
    /// An atom's or a string's text; lists have none.
    pub fn text(&self) -> String {
        match self {
            Value::Atom(atom) => atom.clone(),
            Value::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::List(_) => String::new(),
        }
    }

    /// A list's members; anything else has none.
    pub fn members(&self) -> &[Value] {
        match self {
            Value::List(members) => members,
            _ => &[],
        }
    }

    /// Whether it is this atom, in any case.
    pub fn is(&self, atom: &str) -> bool {
        matches!(self, Value::Atom(a) if a.eq_ignore_ascii_case(atom))
    }
}

/// The length of the literal that `line` (with or without its CR LF) announces at its end, and whether the sender waits to be let.
pub(super) fn literal(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.trim_ascii_end().strip_suffix(b"}")?;
    let digits = &inner[inner.iter().rposition(|b| *b == b'{')? + 1..];
    let (digits, waits) = digits.strip_suffix(b"+").map_or((digits, true), |d| (d, false));
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, waits))
}

/// Reads a response up to its CR LF, literals and all. Empty at the end of the stream.
pub(super) fn read_response(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let start = all.len();
        reader.read_until(b'\n', &mut all)?;
        let Some((octets, _)) = literal(&all[start..]) else { return Ok(all) };
        reader.take(octets as u64).read_to_end(&mut all)?;
    }
}

/// Takes a line apart. What does not fit is taken as it is, never refused.
pub(super) fn parse(line: &[u8]) -> Vec<Value> {
    let mut at = 0;
    let mut all = Vec::new();
    while at < line.len() {
        all.extend(values(line, &mut at));
        at += 1;
    }
    all
}

/// Up to the end or to an unpaired `)`.
fn values(line: &[u8], at: &mut usize) -> Vec<Value> {
    let mut found = Vec::new();
    while let Some(&byte) = line.get(*at) {
        match byte {
            b' ' | b'\r' | b'\n' => *at += 1,
            b')' => break,
            b'(' => {
                *at += 1;
                found.push(Value::List(values(line, at)));
                *at += 1;
            }
            b'"' => found.push(quoted(line, at)),
            b'{' | b'~' => found.push(literal_at(line, at)),
            _ => found.push(atom(line, at)),
        }
    }
    found
}

fn quoted(line: &[u8], at: &mut usize) -> Value {
    let mut text = Vec::new();
    *at += 1;
    while let Some(&byte) = line.get(*at) {
        *at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                text.extend(line.get(*at));
                *at += 1;
            }
            other => text.push(other),
        }
    }
    Value::Text(text)
}

fn literal_at(line: &[u8], at: &mut usize) -> Value {
    let rest = &line[*at..];
    let head = rest.iter().position(|b| *b == b'\n').map(|end| &rest[..=end]);
    let Some((head, (octets, _))) = head.and_then(|head| Some((head, literal(head)?))) else { return atom(line, at) };
    let start = (*at + head.len()).min(line.len());
    *at = (start + octets).min(line.len());
    Value::Text(line[start..*at].to_vec())
}

/// Brackets may hold spaces and parentheses.
fn atom(line: &[u8], at: &mut usize) -> Value {
    let start = *at;
    let mut depth = 0usize;
    while let Some(&byte) = line.get(*at) {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b' ' | b'(' | b')' if depth == 0 => break,
            b'\r' | b'\n' => break,
            _ => {}
        }
        *at += 1;
    }
    Value::Atom(String::from_utf8_lossy(&line[start..*at]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(text: &str) -> Value {
        Value::Atom(text.to_owned())
    }

    #[test]
    fn a_fetch_response_comes_apart_with_its_literal_intact() {
        let line =
            b"* 2 FETCH (UID 7 FLAGS (\\Seen) BODY[HEADER.FIELDS (DATE)] NIL BODY[] {6}\r\na)\"\r\n( X \"q\\\"\")\r\n";
        assert_eq!(read_response(&mut &line[..]).unwrap(), line);
        let values = parse(line);
        assert_eq!(values[..3], [atom("*"), atom("2"), atom("FETCH")]);
        let inside = values[3].members();
        assert_eq!(inside[3], Value::List(vec![atom("\\Seen")]));
        assert_eq!(inside[4], atom("BODY[HEADER.FIELDS (DATE)]"));
        assert_eq!(inside[7], Value::Text(b"a)\"\r\n(".to_vec()));
        assert_eq!(inside[9], Value::Text(b"q\"".to_vec()));
    }

    #[test]
    fn nonsense_ends() {
        for line in ["(((", ")) a", "\"open", "{9}\r\nab", "{x}", "[ (", "~", "\"\\"] {
            parse(line.as_bytes());
        }
    }
}
