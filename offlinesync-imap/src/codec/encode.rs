//! Builds commands: arguments in the form the server is sure to understand, whatever is in them. Pure.

use super::mailbox_name::{self, NameForm};
use super::parse::is_keyword;
use super::{date, uidset};
use crate::connection::{Command, Part};
use offlinesync_core::{Flags, FolderName, InternalDate, Uid};

/// How long the text of a UID set in a command may be: servers refuse command lines beyond 8,192 octets (RFC 7162 section 4).
pub const SET_LIMIT: usize = 8_000;
/// Longer strings go as literals.
const QUOTED_LIMIT: usize = 1_000;

/// Writes a command, argument by argument, each with a blank before it.
///
/// ```
/// use offlinesync_core::Uid;
/// use offlinesync_imap::codec::encode::Writer;
/// let uids = [(Uid::MIN, Uid::MIN)];
/// let command = Writer::new("UID FETCH").set(&uids).word("(UID FLAGS)").finish();
/// assert_eq!(command.parts.len(), 1);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Writer {
    parts: Vec<Part>,
    text: Vec<u8>,
}

impl Writer {
    /// Starts with the name of the command.
    pub fn new(name: &str) -> Self {
        Writer { parts: Vec::new(), text: name.as_bytes().to_vec() }
    }

    /// An argument that is written as it is: the caller's own words, never what a user or a server has named.
    pub fn word(mut self, word: &str) -> Self {
        self.text.push(b' ');
        self.text.extend_from_slice(word.as_bytes());
        self
    }

    /// A UID set (RFC 3501 section 9, `sequence-set`); not empty. See [`uidset::pieces`] and [`SET_LIMIT`] for long ones.
    pub fn set(self, ranges: &[(Uid, Uid)]) -> Self {
        self.word(&uidset::format(ranges))
    }

    /// A list of flags and keywords; those that cannot be written are left out.
    pub fn flags(self, flags: &Flags) -> Self {
        self.word(&flag_list(flags))
    }

    /// An INTERNALDATE, quoted.
    pub fn date(self, date: InternalDate) -> Self {
        self.word(&format!("\"{}\"", date::format(date)))
    }

    /// The name of a folder's mailbox.
    pub fn mailbox(self, name: &FolderName, form: NameForm) -> Self {
        self.string(&mailbox_name::encode(name, form), form.utf8)
    }

    /// A string: quoted if it can be, else a literal. UTF-8 is quoted only where it is enabled.
    pub fn string(mut self, string: &[u8], utf8: bool) -> Self {
        match quoted(string, utf8) {
            Some(quoted) => {
                self.text.push(b' ');
                self.text.extend_from_slice(&quoted);
                self
            }
            None => self.literal(string.to_vec()),
        }
    }

    /// A string that no trace may show.
    pub fn secret(mut self, secret: &[u8]) -> Self {
        self.text.push(b' ');
        self.flush();
        self.parts.push(match quoted(secret, false) {
            Some(quoted) => Part::Secret(quoted),
            None => Part::Literal(secret.to_vec()),
        });
        self
    }

    /// A literal.
    pub fn literal(mut self, octets: Vec<u8>) -> Self {
        self.text.push(b' ');
        self.flush();
        self.parts.push(Part::Literal(octets));
        self
    }

    /// The command.
    pub fn finish(mut self) -> Command {
        self.flush();
        Command { parts: self.parts }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }
}

/// `(\Seen work)`: flags first, then the keywords that are atoms.
pub fn flag_list(flags: &Flags) -> String {
    let keywords = flags.keywords.iter().filter(|k| is_keyword(k.as_bytes()));
    let mut names: Vec<&str> = flags.system.imap_names().collect();
    names.extend(keywords);
    format!("({})", names.join(" "))
}

/// A quoted string, or `None` where the octets need a literal: NUL, CR, LF, 8-bit octets (unless they are UTF-8 and it is
/// enabled), great length.
pub fn quoted(string: &[u8], utf8: bool) -> Option<Vec<u8>> {
    let eight_bit = utf8 && std::str::from_utf8(string).is_ok();
    let allowed = |b: &u8| !matches!(b, 0 | b'\r' | b'\n') && (b.is_ascii() || eight_bit);
    if string.len() > QUOTED_LIMIT || !string.iter().all(allowed) {
        return None;
    }
    let mut quoted = Vec::with_capacity(string.len() + 2);
    quoted.push(b'"');
    for b in string {
        if matches!(b, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*b);
    }
    quoted.push(b'"');
    Some(quoted)
}
