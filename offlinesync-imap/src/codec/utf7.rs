//! Mailbox names on the wire: modified UTF-7 (RFC 3501 section 5.1.3) both ways, byte for byte. Pure.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A name in modified UTF-7.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        match c {
            '&' => out.push_str("&-"),
            ' '..='~' => out.push(c),
            _ => {
                let end = rest.find(|c: char| (' '..='~').contains(&c)).unwrap_or(rest.len());
                let units: Vec<u8> = rest[..end].encode_utf16().flat_map(u16::to_be_bytes).collect();
                out.push('&');
                BASE64.encode_string(units, &mut out);
                out.push('-');
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The name that [`encode`] turns into exactly these bytes; `None` if there is none.
pub fn decode(wire: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(wire).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (shifted, after) = rest[at + 1..].split_once('-')?;
        match shifted {
            "" => out.push('&'),
            _ => out.push_str(&unshift(shifted)?),
        }
        rest = after;
    }
    out.push_str(rest);
    (encode(&out) == text).then_some(out)
}

fn unshift(shifted: &str) -> Option<String> {
    let bytes = BASE64.decode(shifted).ok()?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    (bytes.len() % 2 == 0).then(|| String::from_utf16(&units).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_rfc() {
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap(), "~peter/mail/台北/日本語");
        assert_eq!(encode("R&D"), "R&-D");
        for bad in ["&", "&!!-", "&AOk", "&AGE-", "&2AA-", "a&U,BTFw", "é"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_survives(name in any::<String>()) {
            prop_assert_eq!(decode(encode(&name).as_bytes()), Some(name));
        }

        #[test]
        fn what_decodes_encodes_to_the_same_bytes(wire in "[&A-Za-z0-9+,/ -]{0,20}") {
            if let Some(name) = decode(wire.as_bytes()) {
                prop_assert_eq!(encode(&name), wire);
            }
        }
    }
}
