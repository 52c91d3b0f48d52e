//! PLAIN (RFC 4616): user and password in UTF-8. Pure.

use super::{Octets, Sasl};
use crate::config::Secret;
use offlinesync_core::{Error, ErrorKind, Result};

pub(crate) struct Plain {
    acting_for: String,
    user: String,
    password: Secret,
}

impl Plain {
    /// `acting_for` is the authorization identity; empty: the user itself.
    pub(crate) fn new(acting_for: &str, user: &str, password: Secret) -> Self {
        Plain { acting_for: acting_for.to_owned(), user: user.to_owned(), password }
    }
}

impl Sasl for Plain {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        let password = self.password.expose();
        if [&self.acting_for, &self.user].iter().any(|name| name.contains('\0')) || password.contains('\0') {
            return Err(Error::new(ErrorKind::Configuration, "user name and password cannot contain NUL"));
        }
        let mut message = Octets::new(Vec::with_capacity(self.acting_for.len() + self.user.len() + password.len() + 2));
        message.extend_from_slice(self.acting_for.as_bytes());
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
        let mut plain = Plain::new("", "tim", Secret::new("tanstaafl\u{fc}".into()));
        assert_eq!(**plain.initial().unwrap().unwrap(), *"\0tim\0tanstaafl\u{fc}".as_bytes());
        let mut kurt = Plain::new("Ursel", "Kurt", Secret::new("xipj3plmq".into()));
        assert_eq!(**kurt.initial().unwrap().unwrap(), *b"Ursel\0Kurt\0xipj3plmq");
        assert!(Plain::new("", "tim", Secret::new("a\0b".into())).initial().is_err());
    }
}
