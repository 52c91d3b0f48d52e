//! A Python file as logical lines: brackets, triple quotes and backslashes hold physical lines together. Pure.

/// A logical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of its first physical line, from 1.
    pub(super) number: usize,
    /// Columns it is indented by; a tab goes to the next multiple of eight.
    pub(super) indent: usize,
    /// Its text without the indentation.
    pub(super) text: String,
}

/// Splits a file. Lines without code are left out.
pub(super) fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<(Line, State)> = None;
    for (at, physical) in text.lines().enumerate() {
        let (mut line, mut state) = open.take().unwrap_or_else(|| {
            let code = physical.trim_start();
            let indent = indent(&physical[..physical.len() - code.len()]);
            (Line { number: at + 1, indent, text: String::new() }, State::default())
        });
        let part = if line.text.is_empty() { physical.trim_start() } else { physical };
        line.text.push_str(part);
        state.read(part);
        if state.is_open() {
            line.text.push('\n');
            open = Some((line, state));
        } else if !is_empty(&line.text) {
            lines.push(line);
        }
    }
    lines.extend(open.map(|(line, _)| line));
    lines
}

fn is_empty(text: &str) -> bool {
    text.is_empty() || text.starts_with('#')
}

fn indent(space: &str) -> usize {
    space.chars().fold(0, |column, c| if c == '\t' { (column / 8 + 1) * 8 } else { column + 1 })
}

/// What a line leaves open.
#[derive(Debug, Default)]
struct State {
    brackets: usize,
    /// The quote of a string that is open.
    quote: Option<&'static str>,
    backslash: bool,
}

impl State {
    fn is_open(&self) -> bool {
        self.brackets > 0 || self.quote.is_some() || self.backslash
    }

    fn read(&mut self, line: &str) {
        self.backslash = false;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(quote) = self.quote {
                rest = self.in_string(rest, quote);
                continue;
            }
            match c {
                '#' => return,
                '\\' if rest.len() == 1 => {
                    self.backslash = true;
                    return;
                }
                '(' | '[' | '{' => self.brackets += 1,
                ')' | ']' | '}' => self.brackets = self.brackets.saturating_sub(1),
                '\'' | '"' => {
                    let quotes = ["'''", "\"\"\"", "'", "\""];
                    self.quote = quotes.into_iter().find(|quote| rest.starts_with(quote));
                    rest = &rest[self.quote.map_or(1, str::len)..];
                    continue;
                }
                _ => {}
            }
            rest = &rest[c.len_utf8()..];
        }
        if self.quote.is_some_and(|quote| quote.len() == 1) {
            // A string that ends with its line is a mistake, which the parser tells.
            self.quote = None;
        }
    }

    fn in_string<'a>(&mut self, rest: &'a str, quote: &str) -> &'a str {
        if let Some(behind) = rest.strip_prefix(quote) {
            self.quote = None;
            return behind;
        }
        let mut chars = rest.chars();
        if chars.next() == Some('\\') {
            chars.next();
        }
        chars.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_lines_are_held_together_as_python_holds_them() {
        let text = "# c\nx = [1,\n  # d\n 2]\n\nif x:\n\ty = '''a\n  b'''\n  z = 'it\\'s' \\\n + \"(\"\nlast = 1";
        let told: Vec<(usize, usize, String)> =
            logical_lines(text).into_iter().map(|line| (line.number, line.indent, line.text)).collect();
        assert_eq!(
            told,
            [
                (2, 0, "x = [1,\n  # d\n 2]".to_owned()),
                (6, 0, "if x:".to_owned()),
                (7, 8, "y = '''a\n  b'''".to_owned()),
                (9, 2, "z = 'it\\'s' \\\n + \"(\"".to_owned()),
                (11, 0, "last = 1".to_owned()),
            ]
        );
    }
}
