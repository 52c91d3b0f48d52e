//! Text to tokens, by Python's rules for names, numbers, strings and comments. Line ends count as spaces. Pure.

use super::error::{Result, fail};

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword.
    Name(String),
    /// A whole number.
    Int(i64),
    /// A string, its escapes resolved.
    Str(String),
    /// What stands between the quotes of an f-string, as written, and whether it is raw.
    FString(String, bool),
    /// An operator or bracket.
    Op(&'static str),
    /// Behind the last.
    End,
}

/// Longest first.
const OPERATORS: [&str; 39] = [
    "//=", "+=", "-=", "*=", "%=", ":=", "**", "//", "==", "!=", "<=", ">=", "->", "<<", ">>", "+", "-", "*", "/", "%",
    "(", ")", "[", "]", "{", "}", ",", ":", ".", "<", ">", "=", "|", "&", "^", "~", "@", ";", "!",
];

/// Splits an expression; each token with where it begins, in octets.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>> {
    let mut lexer = Lexer { rest: text };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = text.len() - lexer.rest.len();
        if lexer.rest.is_empty() {
            tokens.push((Token::End, at));
            return Ok(tokens);
        }
        tokens.push((lexer.token().map_err(|error| error.placed(at))?, at));
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(behind) = self.rest.strip_prefix('#') {
                self.rest = behind.split_once('\n').map_or("", |(_, behind)| behind);
            } else if let Some(behind) = self.rest.strip_prefix('\\').filter(|b| b.starts_with(['\n', '\r'])) {
                self.rest = behind;
            } else {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Token> {
        let first = self.rest.chars().next().unwrap_or('\0');
        if first == '"' || first == '\'' {
            return self.string("");
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            return self.name_or_string();
        }
        match OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) {
            Some(operator) => {
                self.rest = &self.rest[operator.len()..];
                Ok(Token::Op(operator))
            }
            None => fail(format!("`{first}` does not belong in an expression")),
        }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn number(&mut self) -> Result<Token> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let digits = word.replace('_', "");
        let octal_look = digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0');
        match digits.parse() {
            Ok(number) if !octal_look => Ok(Token::Int(number)),
            _ => fail(format!("`{word}` is not a whole number that can be used here")),
        }
    }

    fn name_or_string(&mut self) -> Result<Token> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        match word.to_ascii_lowercase().as_str() {
            prefix @ ("r" | "u" | "f" | "rf" | "fr" | "b" | "br" | "rb") if self.rest.starts_with(['"', '\'']) => {
                self.string(prefix)
            }
            _ => Ok(Token::Name(word.to_owned())),
        }
    }

    fn string(&mut self, prefix: &str) -> Result<Token> {
        let content = self.quoted()?;
        let raw = prefix.contains('r');
        match prefix {
            _ if prefix.contains('b') => fail("bytes cannot be used here; leave out the `b` before the string"),
            _ if prefix.contains('f') => Ok(Token::FString(content.to_owned(), raw)),
            _ if raw => Ok(Token::Str(content.to_owned())),
            _ => Ok(Token::Str(unescape(content)?)),
        }
    }

    /// What stands between the quotes.
    fn quoted(&mut self) -> Result<&'a str> {
        let quote = &self.rest[..1];
        let triple = quote.repeat(3);
        let delimiter = if self.rest.starts_with(&triple) { triple.as_str() } else { quote };
        let content = &self.rest[delimiter.len()..];
        let mut at = 0;
        while let Some(c) = content[at..].chars().next() {
            if content[at..].starts_with(delimiter) {
                self.rest = &content[at + delimiter.len()..];
                return Ok(&content[..at]);
            }
            at += c.len_utf8();
            if c == '\\' {
                at += content[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
        fail("a string is not closed")
    }
}

/// Resolves the escapes of a string that is not raw; unknown ones stay as they are.
pub(super) fn unescape(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else { break };
        rest = &rest[c.len_utf8()..];
        let simple = match c {
            '\n' => Some(""),
            '\\' => Some("\\"),
            '\'' => Some("'"),
            '"' => Some("\""),
            'a' => Some("\u{7}"),
            'b' => Some("\u{8}"),
            'f' => Some("\u{c}"),
            'n' => Some("\n"),
            'r' => Some("\r"),
            't' => Some("\t"),
            'v' => Some("\u{b}"),
            _ => None,
        };
        match (simple, c) {
            (Some(text), _) => out.push_str(text),
            (None, 'x') => out.push(digits(&mut rest, 2, 2, 16)?),
            (None, 'u') => out.push(digits(&mut rest, 4, 4, 16)?),
            (None, 'U') => out.push(digits(&mut rest, 8, 8, 16)?),
            (None, '0'..='7') => {
                rest = &text[text.len() - rest.len() - 1..];
                out.push(digits(&mut rest, 1, 3, 8)?);
            }
            (None, 'N') => return fail("characters by name (`\\N{…}`) cannot be used here"),
            (None, _) => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The character whose number stands at the beginning of `rest`.
fn digits(rest: &mut &str, least: usize, most: usize, radix: u32) -> Result<char> {
    let length = rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    let (number, behind) = rest.split_at(length);
    *rest = behind;
    let character = u32::from_str_radix(number, radix).ok().filter(|_| length >= least).and_then(char::from_u32);
    character.ok_or(()).or_else(|()| fail("an escape in a string is not a character"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_all_kinds_are_read() {
        let read = |text: &str| tokens(text).unwrap().remove(0).0;
        let string = |text: &str| Token::Str(text.to_owned());
        assert_eq!(read(r"'a\n\x41\u00e9\101\q\''"), string("a\nA\u{e9}A\\q'"));
        assert_eq!(read(r#"r"\n\"""#), string(r#"\n\""#));
        assert_eq!(read("'''a'\n''b'''"), string("a'\n''b"));
        assert_eq!(read("u'x'"), string("x"));
        assert_eq!(read("F'{x}'"), Token::FString("{x}".into(), false));
        for broken in ["'a", "b'x'", "'\\x4'", "0755", "1.5", "$"] {
            assert!(tokens(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn comments_and_continued_lines_are_spaces() {
        assert_eq!(
            tokens("a # b\n \\\n,").unwrap(),
            [(Token::Name("a".into()), 0), (Token::Op(","), 9), (Token::End, 10)]
        );
    }
}
