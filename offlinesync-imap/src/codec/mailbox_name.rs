//! Mailbox names between the wire and the user, so that every mailbox a server lists can be named and selected again. Pure.
//!
//! A folder is shown decoded or, as older configurations want it, as its modified UTF-7 text. A name that the encoding of the
//! connection does not allow, such as a bare `&` or Latin-1, is shown with `␛` (U+241B) before each character that is wrong in it:
//! `A ␛& B`, `Entw␛ürfe`; an octet that is no character is written in hexadecimal: `Entw␛FCrfe`. The raw name follows from either.
//!
//! For every raw name `encode(decode(raw)) == raw`. For every name without NUL that the form allows `decode(encode(name)) == name`,
//! unless it looks like an escaped name that no server could have sent.

use super::utf7;
use offlinesync_core::FolderName;

const ESCAPE: char = '␛';

/// How folder names stand to mailbox names on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameForm {
    /// Folder names are UTF-8; otherwise they are modified UTF-7 (RFC 3501 section 5.1.3), whatever the connection speaks.
    pub decoded: bool,
    /// The connection speaks UTF-8 names: after `ENABLE UTF8=ACCEPT` (RFC 6855) or `IMAP4rev2` (RFC 9051 section 5.1).
    pub utf8: bool,
}

impl NameForm {
    /// The name of a mailbox that the encoding of the connection allows.
    fn plain(self, raw: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(raw).ok()?;
        let name = match (self.decoded, self.utf8) {
            (true, false) => utf7::decode(raw)?,
            (false, true) => utf7::encode(text),
            (true, true) | (false, false) => text.to_owned(),
        };
        (!name.contains('\0') && self.unescaped(&name).is_none()).then_some(name)
    }

    /// What [`NameForm::plain`] reads this name from.
    fn raw(self, name: &str) -> Vec<u8> {
        let text = match (self.decoded, self.utf8) {
            (true, false) => Some(utf7::encode(name)),
            (false, true) => utf7::decode(name.as_bytes()),
            (true, true) | (false, false) => None,
        };
        text.unwrap_or_else(|| name.to_owned()).into_bytes()
    }

    fn allows(self, c: char) -> bool {
        match (self.decoded, self.utf8) {
            (true, false) => matches!(c, ' '..='~') && c != '&',
            _ => c != '\0' && c != ESCAPE,
        }
    }

    fn escaped(self, raw: &[u8]) -> String {
        let mut name = String::with_capacity(raw.len() + 8);
        for chunk in raw.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    c if self.allows(c) => name.push(c),
                    '\0'..='\x1f' | '\x7f' => push_hex(&mut name, c as u8),
                    c => name.extend([ESCAPE, c]),
                }
            }
            chunk.invalid().iter().for_each(|b| push_hex(&mut name, *b));
        }
        name
    }

    /// The raw name, if this is what [`NameForm::escaped`] writes for one and something is escaped in it.
    fn unescaped(self, name: &str) -> Option<Vec<u8>> {
        let mut raw = Vec::with_capacity(name.len());
        let mut rest = name.chars();
        while let Some(c) = rest.next() {
            if c != ESCAPE {
                raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            match rest.next()? {
                high if high.is_ascii_hexdigit() => {
                    let octet = high.to_digit(16)? * 16 + rest.next()?.to_digit(16)?;
                    raw.push(u8::try_from(octet).ok()?);
                }
                c => raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        (name.contains(ESCAPE) && self.escaped(&raw) == name).then_some(raw)
    }
}

fn push_hex(name: &mut String, octet: u8) {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0').to_ascii_uppercase();
    name.extend([ESCAPE, digit(octet >> 4), digit(octet & 15)]);
}

/// The name of the folder whose mailbox the server calls `raw`.
pub fn decode(raw: &[u8], form: NameForm) -> FolderName {
    FolderName::new(form.plain(raw).unwrap_or_else(|| form.escaped(raw)))
}

/// What the server calls the mailbox of this folder.
pub fn encode(name: &FolderName, form: NameForm) -> Vec<u8> {
    match form.unescaped(name.as_str()) {
        Some(raw) if form.plain(&raw).is_none() => raw,
        _ => form.raw(name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UTF7: NameForm = NameForm { decoded: true, utf8: false };
    const UTF8: NameForm = NameForm { decoded: true, utf8: true };

    fn check(form: NameForm, names: &[(&[u8], &str)]) {
        for (raw, shown) in names {
            let name = decode(raw, form);
            assert_eq!(name.as_str(), *shown);
            assert_eq!(encode(&name, form), *raw, "{shown}");
        }
    }

    #[test]
    fn good_names_are_decoded_and_bad_ones_escaped() {
        let names: [(&[u8], &str); 9] = [
            (b"Entw&APw-rfe", "Entwürfe"),
            (b"R&-D", "R&D"),
            (b"R & D/x", "R ␛& D/x"),
            ("Entwürfe".as_bytes(), "Entw␛ürfe"),
            (b"Entw\xfcrfe", "Entw␛FCrfe"),
            (b"a\x00b\n", "a␛00b␛0A"),
            (b"&AAA-", "␛&AAA-"),
            (b"&JBs-", "␛"),
            (b"x&JBs-&-", "x␛&JBs-␛&-"),
        ];
        check(UTF7, &names);
    }

    #[test]
    fn with_utf8_enabled_names_are_what_they_are() {
        let names: [(&[u8], &str); 4] = [
            ("Entwürfe & co".as_bytes(), "Entwürfe & co"),
            (b"Entw\xfcrfe", "Entw␛FCrfe"),
            ("a␛b".as_bytes(), "a␛b"),
            ("a␛FC".as_bytes(), "a␛␛FC"),
        ];
        check(UTF8, &names);
    }

    #[test]
    fn folders_named_in_utf7_keep_their_names_when_the_server_speaks_utf8() {
        let plain = NameForm { decoded: false, utf8: false };
        check(plain, &[(b"Entw&APw-rfe", "Entw&APw-rfe"), (b"R & D", "R & D"), (b"\xfc", "␛FC")]);
        let utf8 = NameForm { decoded: false, utf8: true };
        check(utf8, &[("Entwürfe".as_bytes(), "Entw&APw-rfe"), (b"R & D", "R &- D"), (b"a&\xfc", "a&␛FC")]);
    }

    fn forms() -> impl Strategy<Value = NameForm> {
        any::<(bool, bool)>().prop_map(|(decoded, utf8)| NameForm { decoded, utf8 })
    }

    fn awkward() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("&".to_owned()),
            Just("&-".to_owned()),
            Just("␛".to_owned()),
            Just("␛FC".to_owned()),
            Just("␛&".to_owned()),
            Just("␛␛".to_owned()),
            Just("&JBs-".to_owned()),
            Just("&AOk-".to_owned()),
            any::<char>().prop_map(String::from),
            "[ -~]{1,3}",
        ];
        let mixed = proptest::collection::vec(piece, 0..6).prop_map(|p| p.concat().into_bytes());
        prop_oneof![mixed, any::<Vec<u8>>()]
    }

    proptest! {
        #[test]
        fn every_raw_name_is_found_again(raw in awkward(), form in forms()) {
            prop_assert_eq!(encode(&decode(&raw, form), form), raw);
        }

        #[test]
        fn a_name_without_escape_is_listed_as_it_was_created(name in "[^\0␛]{0,12}", form in forms()) {
            let name = FolderName::new(if form.decoded { name } else { utf7::encode(&name) });
            prop_assert_eq!(decode(&encode(&name, form), form), name);
        }
    }
}
