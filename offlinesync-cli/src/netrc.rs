//! Reads `~/.netrc` and `/etc/netrc` by the rules of Python's `netrc` module, with one difference: a host may have several
//! entries, and the one of the right user is taken. Touches only these files.

use offlinesync_core::{Error, ErrorKind, Result};
use offlinesync_imap::config::Secret;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The host; `None` for the entry that serves every other host.
    pub machine: Option<String>,
    /// User name, possibly empty.
    pub login: String,
    /// Password, possibly empty.
    pub password: Secret,
}

/// The entry for a host and, where it is known already, a user.
pub fn find<'a>(entries: &'a [Entry], host: &str, user: Option<&str>) -> Option<&'a Entry> {
    let fits = |entry: &&Entry| user.is_none_or(|user| user == entry.login);
    let of_host = entries.iter().rev().filter(|entry| entry.machine.as_deref() == Some(host)).find(fits);
    let known = entries.iter().any(|entry| entry.machine.as_deref() == Some(host));
    let others = || entries.iter().rev().filter(|entry| entry.machine.is_none()).find(fits);
    of_host.or_else(|| if known { None } else { others() })
}

/// Reads a file; a missing one has no entry.
///
/// # Errors
/// Kind `Configuration`: it cannot be read, is malformed, or others than its owner may read the passwords in it.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(bad(path, error)),
    };
    let entries = parse(&text).map_err(|problem| bad(path, problem))?;
    if entries.iter().any(|entry| entry.login != "anonymous") {
        check_permissions(path)?;
    }
    Ok(entries)
}

fn bad(path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Configuration, format!("{}: {problem}", path.display()))
}

fn check_permissions(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| bad(path, error))?;
    if metadata.mode() & 0o077 == 0 || path.starts_with("/etc") {
        return Ok(());
    }
    Err(bad(path, "holds passwords that others may read; it was not used")
        .with_hint(format!("chmod 600 {}", path.display())))
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut lexer = Lexer { chars: text.chars().peekable(), line: 1 };
    let mut entries = Vec::new();
    let mut next = lexer.word();
    while let Some(word) = next.take() {
        next = match word.as_str() {
            "machine" => {
                let machine = lexer.word().ok_or_else(|| lexer.at("a machine without a name"))?;
                lexer.entry(Some(machine), &mut entries)?
            }
            "default" => lexer.entry(None, &mut entries)?,
            "macdef" => {
                lexer.skip_macro();
                lexer.word()
            }
            _ => return Err(lexer.at("a word where `machine`, `default` or `macdef` is expected")),
        };
    }
    Ok(entries)
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Lexer<'_> {
    fn at(&self, problem: &str) -> String {
        format!("line {}: {problem}", self.line)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    /// The next word that is no comment.
    fn word(&mut self) -> Option<String> {
        loop {
            while self.chars.next_if(|c| " \t\r".contains(*c)).is_some() {}
            match self.chars.peek()? {
                '\n' => drop(self.next()),
                '#' => while self.chars.next_if(|c| *c != '\n').is_some() {},
                _ => return Some(self.value()),
            }
        }
    }

    /// The next word, whatever it begins with: a password may begin with `#`.
    fn value(&mut self) -> String {
        while self.chars.peek().is_some_and(|c| " \t\r\n".contains(*c)) {
            self.next();
        }
        let quoted = self.chars.next_if_eq(&'"').is_some();
        let mut word = String::new();
        while let Some(c) = self.chars.peek().copied() {
            if if quoted { c == '"' } else { " \t\r\n".contains(c) } {
                break;
            }
            self.next();
            word.extend(if c == '\\' { self.next() } else { Some(c) });
        }
        if quoted {
            self.next();
        }
        word
    }

    /// Reads an entry; answers the word behind it.
    fn entry(&mut self, machine: Option<String>, entries: &mut Vec<Entry>) -> Result<Option<String>, String> {
        let mut entry = Entry { machine, login: String::new(), password: Secret::new(String::new()) };
        let behind = loop {
            match self.word() {
                None => break None,
                Some(word) => match word.as_str() {
                    "machine" | "default" | "macdef" => break Some(word),
                    "login" | "user" => entry.login = self.value(),
                    "password" => entry.password = Secret::new(self.value()),
                    "account" => drop(self.value()),
                    _ => return Err(self.at("a word where `login`, `password` or `account` is expected")),
                },
            }
        };
        entries.push(entry);
        Ok(behind)
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        let mut empty = false;
        while let Some(c) = self.next() {
            if c == '\n' && std::mem::replace(&mut empty, true) {
                return;
            }
            empty = c == '\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# comment\nmachine a.example login u password \"p \\\"q\" # more\n\
                        machine a.example\n  user v\n  account x\n  password #w\nmacdef init\nmachine no\n\n\
                        default login anonymous password p\\ q\n";

    fn password(host: &str, user: Option<&str>) -> Option<String> {
        find(&parse(TEXT).unwrap(), host, user).map(|entry| entry.password.expose().to_owned())
    }

    #[test]
    fn the_entry_of_the_right_user_is_taken() {
        assert_eq!(password("a.example", Some("u")).as_deref(), Some("p \"q"));
        assert_eq!(password("a.example", Some("v")).as_deref(), Some("#w"));
        assert_eq!(password("a.example", Some("w")), None);
        assert_eq!(password("b.example", None).as_deref(), Some("p q"));
        assert_eq!(parse(TEXT).unwrap().len(), 3);
    }

    #[test]
    fn malformed_files_are_refused_without_repeating_their_words() {
        let error = parse("machine a login u secret p\n").unwrap_err();
        assert_eq!(error, "line 1: a word where `login`, `password` or `account` is expected");
        assert!(parse("machine").is_err());
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netrc");
        assert!(read(&path).unwrap().is_empty());
        std::fs::write(&path, "machine a login u password p").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("others may read"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
    }
}
