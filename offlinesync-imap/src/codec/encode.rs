//! Arguments of commands: strings, mailbox names, flag lists. Pure.

use super::{date, utf7};
use offlinesync_core::{FlagSupport, Flags, FolderName, InternalDate};

/// How an argument must be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// As part of the command line.
    Inline(Vec<u8>),
    /// As a literal.
    Literal(Vec<u8>),
}

/// The longest string that is sent quoted.
const QUOTED_LIMIT: usize = 1000;

/// A string argument (RFC 3501 `astring`): an atom or quoted where the bytes allow it, else a literal. 8-bit bytes are quoted only
/// where `utf8` was enabled (RFC 6855).
pub fn string(bytes: &[u8], utf8: bool) -> Argument {
    let atom = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    let quotable = |b: &u8| matches!(b, b' '..=b'~') || (utf8 && !b.is_ascii());
    if !bytes.is_empty() && bytes.len() < QUOTED_LIMIT && bytes.iter().all(atom) && !bytes.eq_ignore_ascii_case(b"NIL")
    {
        return Argument::Inline(bytes.into());
    }
    if bytes.len() < QUOTED_LIMIT && bytes.iter().all(quotable) {
        let mut quoted = vec![b'"'];
        for byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        return Argument::Inline(quoted);
    }
    Argument::Literal(bytes.into())
}

/// How a repository writes mailbox names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameForm {
    /// Folder names are UTF-8 and become modified UTF-7 on the wire; otherwise they are the bytes of the wire already.
    pub decoded: bool,
    /// The connection speaks UTF-8 names (RFC 6855).
    pub utf8: bool,
}

/// What stands before a name whose bytes on the wire are not UTF-8 or not what its decoded form would encode to: no name that a
/// server sends decodes to a string with this character in front, since it is no character for names.
const VERBATIM: char = '\u{fdd0}';

/// The name a folder has for the engine. Two different names on the wire never become one.
pub fn folder_name(wire: &[u8], form: NameForm) -> FolderName {
    let text = std::str::from_utf8(wire).ok();
    let name = match (form.decoded, form.utf8) {
        (true, false) => utf7::decode(wire).filter(|name| !name.starts_with(VERBATIM)),
        _ => text.filter(|name| !name.starts_with(VERBATIM)).map(str::to_owned),
    };
    FolderName::new(name.unwrap_or_else(|| {
        let hex: String = wire.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{VERBATIM}{hex}")
    }))
}

/// The bytes of a folder's name on the wire.
pub fn wire_name(name: &FolderName, form: NameForm) -> Vec<u8> {
    if let Some(hex) = name.as_str().strip_prefix(VERBATIM) {
        return hex.as_bytes().chunks(2).filter_map(from_hex).collect();
    }
    match (form.decoded, form.utf8) {
        (true, false) => utf7::encode(name.as_str()).into_bytes(),
        _ => name.as_str().as_bytes().to_vec(),
    }
}

fn from_hex(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}

/// A mailbox argument.
pub fn mailbox(name: &FolderName, form: NameForm) -> Argument {
    string(&wire_name(name, form), form.utf8)
}

/// `(\Seen keyword)`, of the flags that `support` keeps.
pub fn flag_list(flags: &Flags, support: &FlagSupport) -> String {
    let kept = flags.supported(support);
    let mut names: Vec<&str> = kept.system.imap_names().collect();
    names.extend(kept.keywords.iter().filter(|keyword| is_keyword(keyword)));
    format!("({})", names.join(" "))
}

/// Whether a keyword can be sent (RFC 3501 `flag-keyword` is an atom).
pub fn is_keyword(keyword: &str) -> bool {
    let special = |b: u8| !b.is_ascii_graphic() || b"(){%*\"\\]".contains(&b);
    !keyword.is_empty() && !keyword.bytes().any(special)
}

/// `"17-Jul-1996 02:44:25 -0700"`, with quotes.
pub fn date_time(at: InternalDate) -> Option<String> {
    date::format(at).map(|text| format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_take_the_shortest_form_that_is_safe() {
        let inline = |text: &str| Argument::Inline(text.as_bytes().into());
        assert_eq!(string(b"INBOX", false), inline("INBOX"));
        assert_eq!(string(b"a \"b\\", false), inline(r#""a \"b\\""#));
        assert_eq!(string(b"", false), inline("\"\""));
        assert_eq!(string(b"nil", false), inline("\"nil\""));
        assert_eq!(string("é".as_bytes(), false), Argument::Literal("é".into()));
        assert_eq!(string(b"a\r\nb", false), Argument::Literal(b"a\r\nb".into()));
    }

    proptest! {
        #[test]
        fn a_name_on_the_wire_comes_back(wire in proptest::collection::vec(any::<u8>(), 1..30), decoded: bool, utf8: bool) {
            let form = NameForm { decoded, utf8 };
            prop_assert_eq!(wire_name(&folder_name(&wire, form), form), wire);
        }
    }
}
