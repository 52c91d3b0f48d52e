//! OAUTHBEARER (RFC 7628) and XOAUTH2 (what Google and Microsoft had before it): an access token instead of a password. Pure.

use super::{Octets, Sasl};
use crate::config::Secret;
use offlinesync_core::{Error, ErrorKind, Result};

pub(crate) struct OauthBearer {
    user: String,
    host: String,
    port: u16,
    token: Secret,
}

pub(crate) struct Xoauth2 {
    user: String,
    token: Secret,
}

impl OauthBearer {
    pub(crate) fn new(user: &str, host: &str, port: u16, token: Secret) -> Self {
        OauthBearer { user: user.to_owned(), host: host.to_owned(), port, token }
    }
}

impl Xoauth2 {
    pub(crate) fn new(user: &str, token: Secret) -> Self {
        Xoauth2 { user: user.to_owned(), token }
    }
}

/// The parts one after the other; none may hold what separates them.
fn message(parts: &[&str], secret: &Secret, values: &[&str]) -> Result<Octets> {
    if values.iter().chain([&secret.expose()]).any(|value| value.contains('\u{1}')) {
        return Err(Error::new(ErrorKind::Configuration, "user name and token cannot contain control characters"));
    }
    let length = parts.iter().map(|part| part.len()).sum::<usize>() + secret.expose().len();
    let mut message = Octets::new(Vec::with_capacity(length));
    for part in parts {
        let part = if *part == TOKEN { secret.expose() } else { part };
        message.extend_from_slice(part.as_bytes());
    }
    Ok(message)
}

/// Stands for the token, so that it is copied nowhere but into the message.
const TOKEN: &str = "\0";

impl Sasl for OauthBearer {
    fn name(&self) -> &'static str {
        "OAUTHBEARER"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let place = format!("host={}\u{1}port={}\u{1}auth=Bearer ", self.host, self.port);
        let parts = ["n,a=", &user, ",\u{1}", &place, TOKEN, "\u{1}\u{1}"];
        message(&parts, &self.token, &[&self.user, &self.host]).map(Some)
    }

    /// The challenge says why the token was refused; the refusal itself comes after this answer.
    fn respond(&mut self, _: &[u8]) -> Result<Octets> {
        Ok(Octets::new(vec![1]))
    }
}

impl Sasl for Xoauth2 {
    fn name(&self) -> &'static str {
        "XOAUTH2"
    }

    fn initial(&mut self) -> Result<Option<Octets>> {
        let parts = ["user=", &self.user, "\u{1}auth=Bearer ", TOKEN, "\u{1}\u{1}"];
        message(&parts, &self.token, &[&self.user]).map(Some)
    }

    fn respond(&mut self, _: &[u8]) -> Result<Octets> {
        Ok(Octets::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Secret {
        Secret::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".into())
    }

    #[test]
    fn the_bearer_message_is_that_of_rfc_7628() {
        let mut bearer = OauthBearer::new("user@example.com", "server.example.com", 143, token());
        let expected = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(**bearer.initial().unwrap().unwrap(), *expected);
        assert_eq!(**bearer.respond(b"{\"status\":\"invalid_token\"}").unwrap(), *b"\x01");
    }

    #[test]
    fn the_older_message_is_that_of_its_inventor() {
        let mut older =
            Xoauth2::new("someuser@example.com", Secret::new("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg".into()));
        let expected =
            b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01";
        assert_eq!(**older.initial().unwrap().unwrap(), *expected);
        assert!(older.respond(b"{}").unwrap().is_empty());
    }

    #[test]
    fn names_are_escaped_and_separators_in_them_refused() {
        let mut odd = OauthBearer::new("a=b,c", "h", 1, token());
        assert!(odd.initial().unwrap().unwrap().starts_with(b"n,a=a=3Db=2Cc,"));
        assert!(Xoauth2::new("a\u{1}b", token()).initial().is_err());
        assert!(Xoauth2::new("a", Secret::new("b\u{1}auth=x".into())).initial().is_err());
    }
}
