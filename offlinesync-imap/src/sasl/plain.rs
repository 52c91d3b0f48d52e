//! PLAIN (RFC 4616): user and password in UTF-8. Pure.

use super::{Octets, Sasl};
use crate::config::Secret;
use offlinesync_core::{Error, ErrorKind, Result};

pub(crate) struct Plain {
    user: String,
    password: Secret,
}

impl Plain {
    pub(crate) fn new(user: &str, password: Secret) -> Self {
        Plain { user: user.to_owned(), password }
    }
}

impl Sasl for Plain {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        let password = self.password.expose();
        if self.user.contains('\0') || password.contains('\0') {
            return Err(Error::new(ErrorKind::Configuration, "user name and password cannot contain NUL"));
        }
        let mut message = Octets::new(Vec::with_capacity(self.user.len() + password.len() + 2));
        for part in [self.user.as_str(), password] {
            message.push(0);
            message.extend_from_slice(part.as_bytes());
        }
        Ok(Some(message))
    }

    fn respond(&mut self, _: &[u8]) -> Result<Octets> {
        Err(Error::new(ErrorKind::Protocol, "the server asks for more than PLAIN has to say"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_that_of_rfc_4616() {
        let mut plain = Plain::new("tim", Secret::new("tanstaafl\u{fc}".into()));
        assert_eq!(**plain.initial().unwrap().unwrap(), *"\0tim\0tanstaafl\u{fc}".as_bytes());
        assert!(Plain::new("tim", Secret::new("a\0b".into())).initial().is_err());
    }
}
