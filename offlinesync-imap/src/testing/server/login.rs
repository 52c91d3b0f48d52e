//! LOGIN, AUTHENTICATE and ENABLE.

use super::session::{Outcome, Refusal, Session, bad, no};
use super::wire::Input;
use crate::testing::syntax::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

impl Session {
    pub(super) fn login(&mut self, user: &str, password: &str) -> Outcome {
        let right = self.shared.read(|state| state.accounts.get(user).is_some_and(|a| a.password == password));
        if !right || self.shared.offers("LOGINDISABLED") {
            return no("[AUTHENTICATIONFAILED] wrong user or password");
        }
        user.clone_into(&mut self.user);
        Ok(format!("[CAPABILITY {}] logged in", self.capabilities()))
    }

    pub(super) fn authenticate(&mut self, input: &mut Input, mechanism: &str, initial: Option<&Value>) -> Outcome {
        if !self.shared.offers(&format!("AUTH={mechanism}")) {
            return bad("mechanism is not offered");
        }
        if initial.is_some() && !self.shared.offers("SASL-IR") {
            return bad("SASL-IR is not offered");
        }
        let encoded = match initial.map(Value::text) {
            Some(text) => text,
            None => self.challenge(input, "")?,
        };
        let Ok(response) = STANDARD.decode(encoded.trim()) else { return bad("not base64") };
        let response = String::from_utf8_lossy(&response).into_owned();
        let credentials = if mechanism == "PLAIN" { plain(&response) } else { bearer(&response) };
        let Some((user, secret)) = credentials else { return bad("malformed credentials") };
        let outcome = self.login(&user, &secret);
        if outcome.is_err() && mechanism != "PLAIN" {
            self.challenge(input, &STANDARD.encode("{\"status\":\"401\"}"))?;
        }
        outcome
    }

    fn challenge(&mut self, input: &mut Input, text: &str) -> Result<String, Refusal> {
        self.out.line(&format!("+ {text}"));
        self.out.flush();
        match input.line() {
            Some(line) => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
            None => bad("the client left"),
        }
    }

    pub(super) fn enable(&mut self, args: &[Value]) -> Outcome {
        let wanted: Vec<String> = args.iter().map(|value| value.text().to_ascii_uppercase()).collect();
        let offered = |name: &str| self.shared.offers(if name == "UTF8=ACCEPT" { "UTF8=ONLY" } else { name });
        let enabled: Vec<&str> = ["CONDSTORE", "QRESYNC", "UTF8=ACCEPT"]
            .into_iter()
            .filter(|name| offered(name) && wanted.iter().any(|w| w == name))
            .collect();
        self.qresync |= enabled.contains(&"QRESYNC");
        self.condstore |= self.qresync || enabled.contains(&"CONDSTORE");
        self.told(format!("* ENABLED {}", enabled.join(" ")).trim_end())
    }
}

/// RFC 4616.
fn plain(response: &str) -> Option<(String, String)> {
    let mut parts = response.split('\0').skip(1).map(str::to_owned);
    Some((parts.next()?, parts.next()?))
}

/// XOAUTH2 and OAUTHBEARER (RFC 7628).
fn bearer(response: &str) -> Option<(String, String)> {
    let user = response.split(['\x01', ',']).find_map(|part| part.strip_prefix("user=").or(part.strip_prefix("a=")))?;
    let token = response.split('\x01').find_map(|part| part.strip_prefix("auth=Bearer "))?;
    Some((user.to_owned(), token.to_owned()))
}
