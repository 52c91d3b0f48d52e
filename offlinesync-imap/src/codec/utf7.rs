//! Modified UTF-7 (RFC 3501 section 5.1.3). Pure; refuses what is not exactly what [`encode`] would write.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Writes a name: printable ASCII as itself, `&` as `&-`, everything else as UTF-16 in modified BASE64 between `&` and `-`.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let plain = is_plain(first);
        let n = rest.find(|c| is_plain(c) != plain).unwrap_or(rest.len());
        let (run, after) = rest.split_at(n);
        if plain {
            out.push_str(&run.replace('&', "&-"));
        } else {
            push_shifted(&mut out, run);
        }
        rest = after;
    }
    out
}

/// Reads a name; `None` unless [`encode`] writes exactly these octets for it.
pub fn decode(raw: &[u8]) -> Option<String> {
    let raw = std::str::from_utf8(raw).ok()?;
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, shifted)) = rest.split_once('&') {
        name.push_str(before);
        let (run, after) = shifted.split_once('-')?;
        match run {
            "" => name.push('&'),
            _ => name.push_str(&unshifted(run)?),
        }
        rest = after;
    }
    name.push_str(rest);
    (encode(&name) == raw).then_some(name)
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn push_shifted(out: &mut String, run: &str) {
    let units: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
    out.push('&');
    BASE64.encode_string(units, out);
    out.push('-');
}

fn unshifted(run: &str) -> Option<String> {
    let octets = BASE64.decode(run).ok()?;
    let (pairs, []) = octets.as_chunks() else { return None };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_go_both_ways() {
        for (name, raw) in [
            ("INBOX", "INBOX"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("Éa&b-c", "&AMk-a&-b-c"),
            ("été", "&AOk-t&AOk-"),
            ("🦀", "&2D7dgA-"),
            ("", ""),
            ("a\tb\u{7f}", "a&AAk-b&AH8-"),
        ] {
            assert_eq!(encode(name), raw);
            assert_eq!(decode(raw.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_encode_would_not_write_is_refused() {
        let refused: [&[u8]; 14] = [
            b"&",
            b"a & b",
            b"&!!-",
            b"&AGE-",
            b"&AOk",
            b"&AOk-&AOk-",
            b"&AO-",
            b"&AOl=-",
            b"&AOn-",
            b"&2D4-",
            b"&3YA-",
            b"&AC--",
            b"Entw\xfcrfe",
            "Entwürfe".as_bytes(),
        ];
        for raw in refused {
            assert_eq!(decode(raw), None, "{}", String::from_utf8_lossy(raw));
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            let raw = encode(&name);
            prop_assert!(raw.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert_eq!(decode(raw.as_bytes()), Some(name));
        }

        #[test]
        fn what_is_read_is_written_the_same(raw in "[ -%'-~]{0,3}(&[A-Za-z0-9+,]{0,6}-?[ -~]{0,3}){0,3}") {
            if let Some(name) = decode(raw.as_bytes()) {
                prop_assert_eq!(encode(&name), raw);
            }
        }
    }
}
