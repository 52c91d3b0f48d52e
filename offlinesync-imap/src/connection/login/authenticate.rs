//! The login proper: which way, and what its failure means.

use super::super::link::Exclusive;
use super::super::{Command, Part};
use crate::codec::encode::Writer;
use crate::codec::response::{Code, Condition, Response, StatusResponse, Tagged};
use crate::config::{ImapConfig, Mechanism, Secret, Tls};
use crate::sasl::{Login, Plain, Sasl};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use offlinesync_core::{Error, ErrorKind, Result};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// A way to log in that this server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    SaslPlain,
    SaslLogin,
    LoginCommand,
}

/// Logs in, the best way first; a way that the server does not understand is followed by the next. Answers what it is called.
/// The capabilities known before are forgotten: what the server says with its consent, or is asked afterwards, counts.
pub(super) fn authenticate(connection: &mut Exclusive, config: &ImapConfig) -> Result<&'static str> {
    let ways = ways(connection, config);
    if ways.is_empty() {
        return Err(no_way(connection, config));
    }
    let password = (config.password)()?;
    let initial_response = connection.has("SASL-IR");
    let before = connection.view().capabilities.clone();
    let mut refused = None;
    for way in in_order(ways, connection, config, &password) {
        connection.set_capabilities(&before);
        let (name, tagged) = attempt(connection, config, way, &password, initial_response)?;
        match tagged.status.condition {
            Condition::Ok => return Ok(name),
            Condition::Bad => refused = Some(tagged.status),
            _ => return Err(rejected(config, &tagged.status)),
        }
    }
    Err(refused.map_or_else(|| no_way(connection, config), |status| rejected(config, &status)))
}

fn ways(connection: &Exclusive, config: &ImapConfig) -> Vec<Way> {
    let offered = |way: &Way| match way {
        Way::SaslPlain => connection.has("AUTH=PLAIN"),
        Way::SaslLogin => connection.has("AUTH=LOGIN"),
        Way::LoginCommand => !connection.has("LOGINDISABLED"),
    };
    let asked: Vec<Way> = match config.mechanisms.as_slice() {
        [] => vec![Way::SaslPlain, Way::LoginCommand, Way::SaslLogin],
        mechanisms => mechanisms.iter().flat_map(|mechanism| of(*mechanism)).collect(),
    };
    asked.into_iter().filter(offered).collect()
}

fn of(mechanism: Mechanism) -> Vec<Way> {
    match mechanism {
        Mechanism::Plain => vec![Way::SaslPlain],
        Mechanism::Login => vec![Way::LoginCommand, Way::SaslLogin],
    }
}

/// Where the choice is ours: without SASL-IR, LOGIN saves a round trip, but it is meant for ASCII only.
fn in_order(mut ways: Vec<Way>, connection: &Exclusive, config: &ImapConfig, password: &Secret) -> Vec<Way> {
    let ascii = config.user.is_ascii() && password.expose().is_ascii();
    if config.mechanisms.is_empty() && ascii && !connection.has("SASL-IR") {
        ways.sort_by_key(|way| *way != Way::LoginCommand);
    }
    ways
}

fn attempt(
    connection: &mut Exclusive,
    config: &ImapConfig,
    way: Way,
    password: &Secret,
    initial_response: bool,
) -> Result<(&'static str, Tagged)> {
    let user = config.user.as_str();
    match way {
        Way::SaslPlain => converse(connection, &mut Plain::new(user, password.clone()), initial_response),
        Way::SaslLogin => converse(connection, &mut Login::new(user, password.clone()), initial_response),
        Way::LoginCommand => {
            let login = Writer::new("LOGIN").string(user.as_bytes(), false).secret(password.expose().as_bytes());
            start(connection, login.finish());
            Ok(("LOGIN", connection.wait_end()?))
        }
    }
}

/// Sends the command; the capabilities that hold from its success on are not known yet.
fn start(connection: &mut Exclusive, command: Command) {
    connection.start(command);
    connection.set_capabilities(&BTreeSet::new());
}

/// AUTHENTICATE (RFC 3501 section 6.2.2, RFC 4959).
fn converse(connection: &mut Exclusive, sasl: &mut dyn Sasl, initial_response: bool) -> Result<(&'static str, Tagged)> {
    let mut first = sasl.initial()?;
    let mut parts = vec![Part::Text(format!("AUTHENTICATE {}", sasl.name()).into_bytes())];
    if initial_response && let Some(message) = first.take() {
        parts.push(Part::Text(b" ".to_vec()));
        let encoded = BASE64_STANDARD.encode(&message);
        parts.push(Part::Secret(if encoded.is_empty() { b"=".to_vec() } else { encoded.into_bytes() }));
    }
    start(connection, Command { parts });
    loop {
        if let Some((_, tagged)) = connection.ended() {
            if tagged.status.condition == Condition::Ok {
                sasl.satisfied()?;
            }
            return Ok((sasl.name(), tagged));
        }
        if let Response::Continue(challenge) = connection.response()? {
            let answer = match first.take() {
                Some(message) => Ok(message),
                None => decode(&challenge).and_then(|challenge| sasl.respond(&challenge)),
            };
            connection.answer(Zeroizing::new(BASE64_STANDARD.encode(&*answer?)).as_bytes());
        }
    }
}

fn decode(challenge: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Error::new(ErrorKind::Protocol, "the server's challenge is not base64");
    BASE64_STANDARD.decode(challenge.trim_ascii()).map_err(failed)
}

fn no_way(connection: &Exclusive, config: &ImapConfig) -> Error {
    let offered: Vec<String> =
        connection.view().capabilities.iter().filter_map(|c| c.strip_prefix("AUTH=")).map(str::to_owned).collect();
    let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let message = format!("the server offers no way to log in that we may use (mechanisms offered: {offered})");
    let error = Error::new(ErrorKind::Authentication, message);
    match config.tls {
        Tls::None => error.with_hint("many servers accept a password only over an encrypted connection"),
        _ => error,
    }
}

fn rejected(config: &ImapConfig, status: &StatusResponse) -> Error {
    let text = &status.text;
    match &status.code {
        Some(Code::Unavailable | Code::InUse | Code::Limit | Code::Throttled) => {
            Error::new(ErrorKind::Unavailable, format!("the server cannot log us in now: {text}"))
        }
        Some(Code::Other(code, _)) if **code == *"PRIVACYREQUIRED" => {
            Error::new(ErrorKind::Security, format!("the server wants an encrypted connection: {text}"))
        }
        _ => {
            let message = format!("the server did not accept the login of {}: {text}", config.user);
            Error::new(ErrorKind::Authentication, message)
                .with_hint("check user name and password; some providers want a password made for this program alone")
        }
    }
}
