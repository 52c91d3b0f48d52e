//! CRAM-MD5 (RFC 2195): the challenge, signed with the password. Pure.

use super::{Octets, Sasl};
use crate::config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fmt::Write as _;

pub(crate) struct CramMd5 {
    user: String,
    password: Secret,
}

impl CramMd5 {
    pub(crate) fn new(user: &str, password: Secret) -> Self {
        CramMd5 { user: user.to_owned(), password }
    }
}

impl Sasl for CramMd5 {
    fn name(&self) -> &'static str {
        "CRAM-MD5"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        Ok(None)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Octets> {
        let key = Hmac::<Md5>::new_from_slice(self.password.expose().as_bytes());
        let mut mac = key.map_err(|_| Error::new(ErrorKind::Configuration, "the password cannot be a key"))?;
        mac.update(challenge);
        let mut answer = format!("{} ", self.user);
        for byte in mac.finalize().into_bytes() {
            let _ = write!(answer, "{byte:02x}");
        }
        Ok(Octets::new(answer.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_rfc_2195() {
        let mut cram = CramMd5::new("tim", Secret::new("tanstaaftanstaaf".into()));
        assert!(cram.initial().unwrap().is_none());
        let answer = cram.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(**answer, *b"tim b913a602c7eda7a495b4e6e7334d3890");
    }
}
