//! SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: both sides prove that they know the password, and
//! neither shows it. Pure but for the nonce.

use super::{Octets, Sasl};
use crate::config::Secret;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use offlinesync_core::{Error, ErrorKind, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

/// A server that asks for more rounds than this wants to keep us busy.
const MOST_ROUNDS: u32 = 2_000_000;

/// No channel binding.
const HEADER: &str = "n,,";

pub(crate) struct Scram {
    hash: Hash,
    user: String,
    password: Secret,
    nonce: String,
    stage: Stage,
}

enum Stage {
    First,
    /// The signature that the server must show.
    Proved(Vec<u8>),
    Done,
}

impl Scram {
    pub(crate) fn new(hash: Hash, user: &str, password: Secret) -> Result<Self> {
        let mut random = [0; 18];
        getrandom::fill(&mut random)
            .map_err(|error| Error::new(ErrorKind::Storage, format!("the system gives no random numbers: {error}")))?;
        Ok(Self::with_nonce(hash, user, password, BASE64_STANDARD.encode(random)))
    }

    fn with_nonce(hash: Hash, user: &str, password: Secret, nonce: String) -> Self {
        Scram { hash, user: user.replace('=', "=3D").replace(',', "=2C"), password, nonce, stage: Stage::First }
    }

    fn first_bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    fn prove(&mut self, challenge: &[u8]) -> Result<Octets> {
        let first = std::str::from_utf8(challenge).map_err(|_| odd("is no text"))?;
        let attribute = |name: &str| first.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = attribute("r=").filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or_else(|| odd("does not repeat the nonce"))?;
        let salt = attribute("s=").and_then(|salt| BASE64_STANDARD.decode(salt).ok());
        let salt = salt.ok_or_else(|| odd("has no salt"))?;
        let rounds: Option<u32> = attribute("i=").and_then(|rounds| rounds.parse().ok());
        let rounds = rounds
            .filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))
            .ok_or_else(|| odd("has no usable number of rounds"))?;
        let last = format!("c={},r={nonce}", BASE64_STANDARD.encode(HEADER));
        let signed = format!("{},{first},{last}", self.first_bare());
        let Proof { proof, signature } = self.hash.prove(&self.password, &salt, rounds, signed.as_bytes())?;
        self.stage = Stage::Proved(signature);
        Ok(Octets::new(format!("{last},p={}", BASE64_STANDARD.encode(&*proof)).into_bytes()))
    }
}

fn odd(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the server's SCRAM challenge {what}"))
}

struct Proof {
    proof: Octets,
    signature: Vec<u8>,
}

impl Hash {
    fn prove(self, password: &Secret, salt: &[u8], rounds: u32, signed: &[u8]) -> Result<Proof> {
        match self {
            Hash::Sha1 => {
                let mut salted = Octets::new(vec![0; 20]);
                pbkdf2::pbkdf2_hmac::<Sha1>(password.expose().as_bytes(), salt, rounds, &mut salted);
                proof::<Hmac<Sha1>>(&salted, signed, |key| Sha1::digest(key).to_vec())
            }
            Hash::Sha256 => {
                let mut salted = Octets::new(vec![0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), salt, rounds, &mut salted);
                proof::<Hmac<Sha256>>(&salted, signed, |key| Sha256::digest(key).to_vec())
            }
        }
    }
}

fn proof<M: Mac + KeyInit>(salted: &[u8], signed: &[u8], hash: impl Fn(&[u8]) -> Vec<u8>) -> Result<Proof> {
    let mac = |key: &[u8], text: &[u8]| -> Result<Octets> {
        let keyed = <M as KeyInit>::new_from_slice(key);
        let mut mac = keyed.map_err(|_| Error::new(ErrorKind::Configuration, "the password cannot be a key"))?;
        mac.update(text);
        Ok(Octets::new(mac.finalize().into_bytes().to_vec()))
    };
    let client_key = mac(salted, b"Client Key")?;
    let client_signature = mac(&hash(&client_key), signed)?;
    let proof = client_key.iter().zip(client_signature.iter()).map(|(key, signature)| key ^ signature).collect();
    let server_key = mac(salted, b"Server Key")?;
    Ok(Proof { proof: Octets::new(proof), signature: mac(&server_key, signed)?.to_vec() })
}

impl Sasl for Scram {
    fn name(&self) -> &'static str {
        match self.hash {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        Ok(Some(Octets::new(format!("{HEADER}{}", self.first_bare()).into_bytes())))
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Octets> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::First => self.prove(challenge),
            Stage::Proved(expected) => {
                let shown = challenge
                    .strip_prefix(b"v=")
                    .map(|shown| shown.split(|byte| *byte == b',').next().unwrap_or(shown));
                match shown.and_then(|shown| BASE64_STANDARD.decode(shown).ok()) == Some(expected) {
                    true => Ok(Octets::default()),
                    false => Err(not_proved()),
                }
            }
            Stage::Done => Err(odd("comes after the last one")),
        }
    }

    fn satisfied(&self) -> Result<()> {
        if matches!(self.stage, Stage::Done) { Ok(()) } else { Err(not_proved()) }
    }
}

fn not_proved() -> Error {
    Error::new(
        ErrorKind::Security,
        "the server did not prove that it knows the password: somebody may stand in between",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scram(hash: Hash, nonce: &str) -> Scram {
        Scram::with_nonce(hash, "user", Secret::new("pencil".into()), nonce.into())
    }

    fn talk(mut scram: Scram, first: &str, server_first: &str, last: &str, server_last: &str) {
        assert_eq!(**scram.initial().unwrap().unwrap(), *first.as_bytes());
        assert_eq!(String::from_utf8_lossy(&scram.respond(server_first.as_bytes()).unwrap()), last);
        assert!(scram.satisfied().is_err(), "a server that proves nothing is believed");
        assert!(scram.respond(server_last.as_bytes()).unwrap().is_empty());
        scram.satisfied().unwrap();
        assert!(scram.respond(b"").is_err());
    }

    #[test]
    fn sha_1_speaks_as_in_rfc_5802() {
        talk(
            scram(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL"),
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
    }

    #[test]
    fn sha_256_speaks_as_in_rfc_7677() {
        talk(
            scram(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO"),
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
    }

    #[test]
    fn challenges_that_lie_or_waste_time_are_refused() {
        let first = "r=abcd,s=QSXCR+Q6sek8bf92,i=4096";
        for challenge in [
            "",
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=xabcd,s=QSXC,i=1",
            "r=abcd,s=!,i=4096",
            "r=abcd,s=QSXC,i=0",
            "r=abcd,s=QSXC,i=4000000000",
        ] {
            assert!(scram(Hash::Sha1, "abc").respond(challenge.as_bytes()).is_err(), "{challenge}");
        }
        let mut scram = scram(Hash::Sha256, "abc");
        scram.respond(first.as_bytes()).unwrap();
        assert_eq!(scram.respond(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap_err().kind(), ErrorKind::Security);
        assert!(
            Scram::new(Hash::Sha1, "a=,b", Secret::new("x".into())).unwrap().first_bare().starts_with("n=a=3D=2Cb,r=")
        );
    }
}
