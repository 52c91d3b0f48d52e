//! The grammar of mbsync's configuration: words on lines, sections that an empty line ends. Pure.

use offlinesync_core::{Error, ErrorKind, Result};

/// One line: a keyword in lower case, and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    /// As it is written.
    pub(super) keyword: String,
    pub(super) arguments: Vec<String>,
}

/// What a section describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Globals,
    ImapAccount,
    ImapStore,
    MaildirStore,
    Channel,
    Group,
}

/// A section; the first one holds what stands outside of all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) number: usize,
    pub(super) lines: Vec<Line>,
}

impl Line {
    /// Whether this is the keyword, in any case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword)
    }

    /// All arguments as one text.
    pub(super) fn text(&self) -> String {
        self.arguments.join(" ")
    }

    /// The only argument.
    pub(super) fn value(&self) -> Result<&str> {
        match self.arguments.as_slice() {
            [value] => Ok(value),
            _ => Err(self.wrong("needs one value")),
        }
    }

    /// A truth value.
    pub(super) fn truth(&self) -> Result<bool> {
        match self.value()?.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Ok(true),
            "no" | "false" | "off" | "0" => Ok(false),
            _ => Err(self.wrong("must be yes or no")),
        }
    }

    /// An error about this line.
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("line {}: `{}` {what}", self.number, self.keyword))
    }
}

impl Section {
    /// The last line with this keyword; later ones count.
    pub(super) fn find(&self, keywords: &[&str]) -> Option<&Line> {
        self.lines.iter().rev().find(|line| keywords.iter().any(|keyword| line.is(keyword)))
    }
}

/// Reads a file.
///
/// # Errors
/// Kind `Configuration`: a quote that is not closed, a section without a name.
pub(super) fn parse(text: &str) -> Result<Vec<Section>> {
    let globals = Section { kind: Kind::Globals, name: String::new(), number: 0, lines: Vec::new() };
    let mut sections = vec![globals];
    let mut current = 0;
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        let (mut words, comment) = words(text, number)?;
        if words.is_empty() {
            current = if comment { current } else { 0 };
            continue;
        }
        let line = Line { number, keyword: words.remove(0), arguments: words };
        let in_group = sections[current].kind == Kind::Group && line.is("Channel");
        match kind(&line).filter(|_| !in_group) {
            Some(kind) => {
                let mut arguments = line.arguments.clone();
                if arguments.is_empty() {
                    return Err(line.wrong("needs a name"));
                }
                let name = arguments.remove(0);
                let more = Line { keyword: "Channels".to_owned(), arguments, ..line };
                let lines = if kind == Kind::Group { vec![more] } else { Vec::new() };
                current = sections.len();
                sections.push(Section { kind, name, number, lines });
            }
            None => sections[current].lines.push(line),
        }
    }
    Ok(sections)
}

fn kind(line: &Line) -> Option<Kind> {
    Some(match line.keyword.to_ascii_lowercase().as_str() {
        "imapaccount" => Kind::ImapAccount,
        "imapstore" => Kind::ImapStore,
        "maildirstore" => Kind::MaildirStore,
        "channel" => Kind::Channel,
        "group" => Kind::Group,
        _ => return None,
    })
}

/// The words of a line, and whether a comment follows them. Quotes keep spaces, a backslash keeps what follows it.
fn words(line: &str, number: usize) -> Result<(Vec<String>, bool)> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                word.get_or_insert_default().push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => return Ok((words, true)),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(Error::new(ErrorKind::Configuration, format!("line {number}: a quote is not closed")));
    }
    words.extend(word);
    Ok((words, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_spaces_and_kept_together_by_quotes_and_backslashes() {
        let words = |line: &str| words(line, 1).unwrap();
        let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(words(r#"PassCmd "echo \"a b\"" x # note"#), (owned(&["PassCmd", "echo \"a b\"", "x"]), true));
        assert_eq!(words(r"Path a\ b#c"), (owned(&["Path", "a b#c"]), false));
        assert_eq!(words(r#"Far :r:"Sent Mail""#), (owned(&["Far", ":r:Sent Mail"]), false));
        assert_eq!(words("  # all of it"), (vec![], true));
        assert!(super::words("Path \"x", 3).unwrap_err().to_string().contains("line 3"));
    }

    #[test]
    fn an_empty_line_ends_a_section_and_a_comment_does_not() {
        let sections = parse("Sync All\nimapstore r\n# x\nHost h\n\nExpunge Both\nGroup g a b\nChannel c\n").unwrap();
        let names: Vec<(Kind, &str, usize)> =
            sections.iter().map(|s| (s.kind, s.name.as_str(), s.lines.len())).collect();
        assert_eq!(names, [(Kind::Globals, "", 2), (Kind::ImapStore, "r", 1), (Kind::Group, "g", 2)]);
        assert_eq!(sections[2].lines[1].arguments, ["c"]);
    }
}
