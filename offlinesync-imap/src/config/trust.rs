//! Who vouches for a server's identity. Values only.

use offlinesync_core::{Error, ErrorKind, Result};
use std::fmt;
use std::path::PathBuf;

/// Lowest TLS version that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// Who vouches for the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The system's certificate authorities; Mozilla's list where the system has none.
    #[default]
    System,
    /// The certificates in this PEM file and no other. A server certificate that is itself in the file is accepted too.
    CaFile(PathBuf),
    /// A server certificate with one of these fingerprints, whoever issued it and even if it has expired; and, if `authority` is given,
    /// one that this authority vouches for as well.
    Fingerprints {
        /// Accepted fingerprints.
        pins: Vec<Fingerprint>,
        /// Asked in addition.
        authority: Option<Box<Trust>>,
    },
}

/// The hash of a DER-encoded certificate: SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512, told apart by length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Box<[u8]>);

impl Fingerprint {
    /// Reads hexadecimal digits; colons, blanks and case mean nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            let message = format!("\"{text}\" is not a certificate fingerprint");
            Error::new(ErrorKind::Configuration, message)
                .with_hint("give the SHA-256 as 64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256")
        };
        let digits: Vec<char> = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
        let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16));
        let bytes: Vec<u8> = pairs.collect::<Result<_, _>>().map_err(|_| wrong())?;
        let hexadecimal = digits.iter().all(char::is_ascii_hexdigit) && digits.len().is_multiple_of(2);
        if hexadecimal && matches!(bytes.len(), 20 | 28 | 32 | 48 | 64) {
            Ok(Fingerprint(bytes.into()))
        } else {
            Err(wrong())
        }
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_colons_and_in_any_case() {
        let plain = Fingerprint::parse(&"aB".repeat(20)).unwrap();
        let colons = Fingerprint::parse(&vec!["Ab"; 20].join(":")).unwrap();
        assert_eq!(plain, colons);
        assert_eq!(plain.to_string(), "ab".repeat(20));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for wrong in ["", "ab", "xyz", &"a".repeat(41), &"+a".repeat(20)] {
            assert!(Fingerprint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
