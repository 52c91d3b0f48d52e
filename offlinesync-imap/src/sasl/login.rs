//! LOGIN (draft-murchison-sasl-login): the server asks for the user name, then for the password. Pure.

use super::{Octets, Sasl};
use crate::config::Secret;
use offlinesync_core::{Error, ErrorKind, Result};

pub(crate) struct Login {
    answers: std::vec::IntoIter<Secret>,
}

impl Login {
    pub(crate) fn new(user: &str, password: Secret) -> Self {
        Login { answers: vec![Secret::new(user.to_owned()), password].into_iter() }
    }
}

impl Sasl for Login {
    fn name(&self) -> &'static str {
        "LOGIN"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        Ok(None)
    }

    /// What the challenges say is not standardised; their order is.
    fn respond(&mut self, _: &[u8]) -> Result<Octets> {
        let too_many = || Error::new(ErrorKind::Protocol, "the server asks for more than LOGIN has to say");
        let answer = self.answers.next().ok_or_else(too_many)?;
        Ok(Octets::new(answer.expose().as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_given_in_this_order_and_no_more() {
        let mut login = Login::new("tim", Secret::new("pw".into()));
        assert!(login.initial().unwrap().is_none());
        assert_eq!(**login.respond(b"Username:").unwrap(), *b"tim");
        assert_eq!(**login.respond(b"Password:").unwrap(), *b"pw");
        assert!(login.respond(b"Again:").is_err());
    }
}
