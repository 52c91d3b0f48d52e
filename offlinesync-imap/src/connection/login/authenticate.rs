//! The login proper: which way, and what its failure means.

use super::super::link::Exclusive;
use super::super::{Command, Part};
use crate::codec::encode::Writer;
use crate::codec::pressure::pressure;
use crate::codec::response::{Code, Condition, Response, StatusResponse, Tagged};
use crate::commands::is_passing;
use crate::config::{ImapConfig, Mechanism, Secret, Tls};
use crate::sasl::{CramMd5, Hash, Login, OauthBearer, Plain, Sasl, Scram, Xoauth2};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use offlinesync_core::{Error, ErrorKind, Result};
use std::collections::BTreeSet;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// A way to log in that this server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    OauthBearer,
    Xoauth2,
    Scram(Hash),
    CramMd5,
    SaslPlain,
    SaslLogin,
    LoginCommand,
}

impl Way {
    fn needs_token(self) -> bool {
        matches!(self, Way::OauthBearer | Way::Xoauth2)
    }

    /// Whether a server may offer it though what it stores of this user's password does not suffice for it.
    fn may_be_out_of_reach(self) -> bool {
        matches!(self, Way::Scram(_) | Way::CramMd5)
    }
}

/// What proves who the user is, asked for when a way first needs it.
#[derive(Default)]
struct Credentials {
    password: Option<Secret>,
    token: Option<Secret>,
}

impl Credentials {
    fn of(&mut self, way: Way, config: &ImapConfig) -> Result<Secret> {
        let (known, source) = match (way.needs_token(), &config.token) {
            (true, Some(token)) => (&mut self.token, token),
            _ => (&mut self.password, &config.password),
        };
        match known {
            Some(secret) => Ok(secret.clone()),
            None => Ok(known.insert(source()?).clone()),
        }
    }
}

/// Logs in, the best way first; a way that the server does not understand is followed by the next, and so is one that it cannot go
/// with this user. Answers what it is called.
/// The capabilities known before are forgotten: what the server says with its consent, or is asked afterwards, counts.
pub(super) fn authenticate(connection: &mut Exclusive, config: &ImapConfig) -> Result<&'static str> {
    let ways = ways(connection, config);
    let mut credentials = Credentials::default();
    if ways.is_empty() {
        return Err(no_way(connection, config));
    }
    let initial_response = connection.has("SASL-IR");
    let before = connection.view().capabilities.clone();
    let mut refused = None;
    for way in in_order(ways, connection, config, &mut credentials)? {
        connection.set_capabilities(&before);
        let secret = credentials.of(way, config)?;
        let (name, tagged) = attempt(connection, config, way, &secret, initial_response)?;
        match tagged.status.condition {
            Condition::Ok => return Ok(name),
            Condition::Bad => refused = Some(tagged.status),
            _ if way.may_be_out_of_reach() && !is_passing(&tagged) => refused = Some(tagged.status),
            _ => return Err(rejected(config, way, &tagged.status)),
        }
    }
    Err(refused.map_or_else(|| no_way(connection, config), |status| rejected(config, Way::SaslPlain, &status)))
}

fn ways(connection: &Exclusive, config: &ImapConfig) -> Vec<Way> {
    let offered = |way: &Way| match way {
        Way::OauthBearer => connection.has("AUTH=OAUTHBEARER"),
        Way::Xoauth2 => connection.has("AUTH=XOAUTH2"),
        Way::Scram(Hash::Sha256) => connection.has("AUTH=SCRAM-SHA-256"),
        Way::Scram(Hash::Sha1) => connection.has("AUTH=SCRAM-SHA-1"),
        Way::CramMd5 => connection.has("AUTH=CRAM-MD5"),
        Way::SaslPlain => connection.has("AUTH=PLAIN"),
        Way::SaslLogin => connection.has("AUTH=LOGIN"),
        Way::LoginCommand => !connection.has("LOGINDISABLED"),
    };
    let asked: Vec<Way> = match config.mechanisms.as_slice() {
        [] => default_ways(config),
        mechanisms => mechanisms.iter().flat_map(|mechanism| of(*mechanism)).collect(),
    };
    let possible = |way: &Way| !way.needs_token() || config.token.is_some();
    let acting = |way: &Way| config.acting_for.is_empty() || *way == Way::SaslPlain;
    asked.into_iter().filter(|way| offered(way) && possible(way) && acting(way)).collect()
}

/// A token that is there is meant to be used, alone. Inside an encrypted connection PLAIN needs the fewest round trips; outside, the
/// password is not shown to everyone on the way if it can be helped. On this machine itself there is no way to be seen on.
fn default_ways(config: &ImapConfig) -> Vec<Way> {
    let proofs = [Way::Scram(Hash::Sha256), Way::Scram(Hash::Sha1), Way::CramMd5];
    let plain = [Way::SaslPlain, Way::LoginCommand, Way::SaslLogin];
    match (&config.token, config.tls) {
        (Some(_), _) => vec![Way::OauthBearer, Way::Xoauth2],
        (None, Tls::None) if config.tunnel.is_none() && !is_here(&config.host) => {
            proofs.into_iter().chain(plain).collect()
        }
        _ => plain.into_iter().chain(proofs).collect(),
    }
}

fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn of(mechanism: Mechanism) -> Vec<Way> {
    match mechanism {
        Mechanism::ScramSha256 => vec![Way::Scram(Hash::Sha256)],
        Mechanism::ScramSha1 => vec![Way::Scram(Hash::Sha1)],
        Mechanism::CramMd5 => vec![Way::CramMd5],
        Mechanism::OauthBearer => vec![Way::OauthBearer],
        Mechanism::Xoauth2 => vec![Way::Xoauth2],
        Mechanism::Plain => vec![Way::SaslPlain],
        Mechanism::Login => vec![Way::LoginCommand, Way::SaslLogin],
    }
}

/// Where the choice is ours: without SASL-IR, LOGIN saves a round trip, but it is meant for ASCII only.
fn in_order(
    mut ways: Vec<Way>,
    connection: &Exclusive,
    config: &ImapConfig,
    credentials: &mut Credentials,
) -> Result<Vec<Way>> {
    let (Some(plain), Some(login)) = (place(&ways, Way::SaslPlain), place(&ways, Way::LoginCommand)) else {
        return Ok(ways);
    };
    if config.mechanisms.is_empty() && plain < login && !connection.has("SASL-IR") && config.user.is_ascii() {
        let password = credentials.of(Way::LoginCommand, config)?;
        if password.expose().is_ascii() {
            ways.swap(plain, login);
        }
    }
    Ok(ways)
}

fn place(ways: &[Way], wanted: Way) -> Option<usize> {
    ways.iter().position(|way| *way == wanted)
}

fn attempt(
    connection: &mut Exclusive,
    config: &ImapConfig,
    way: Way,
    secret: &Secret,
    initial_response: bool,
) -> Result<(&'static str, Tagged)> {
    let user = config.user.as_str();
    let mut mechanism: Box<dyn Sasl> = match way {
        Way::OauthBearer => Box::new(OauthBearer::new(user, &config.host, config.port_number(), secret.clone())),
        Way::Xoauth2 => Box::new(Xoauth2::new(user, secret.clone())),
        Way::Scram(hash) => Box::new(Scram::new(hash, user, secret.clone())?),
        Way::CramMd5 => Box::new(CramMd5::new(user, secret.clone())),
        Way::SaslPlain => Box::new(Plain::new(&config.acting_for, user, secret.clone())),
        Way::SaslLogin => Box::new(Login::new(user, secret.clone())),
        Way::LoginCommand => {
            let login = Writer::new("LOGIN").string(user.as_bytes(), false).secret(secret.expose().as_bytes());
            start(connection, login.finish());
            return Ok(("LOGIN", connection.wait_end()?));
        }
    };
    converse(connection, mechanism.as_mut(), initial_response)
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

fn rejected(config: &ImapConfig, way: Way, status: &StatusResponse) -> Error {
    let text = &status.text;
    let hint = match way.needs_token() {
        true => {
            "the access token may have expired: get a new one, or set oauth2_access_token_cmd to a command that prints one"
        }
        false => "check user name and password; some providers want a password made for this program alone",
    };
    match &status.code {
        _ if pressure(status).is_some() => {
            let error = Error::new(ErrorKind::Unavailable, format!("the server cannot log us in now: {text}"));
            error.with_retry_after(pressure(status).unwrap_or_default())
        }
        Some(Code::Unavailable | Code::InUse) => {
            Error::new(ErrorKind::Unavailable, format!("the server cannot log us in now: {text}"))
        }
        Some(Code::Other(code, _)) if **code == *"PRIVACYREQUIRED" => {
            Error::new(ErrorKind::Security, format!("the server wants an encrypted connection: {text}"))
        }
        _ => {
            let message = format!("the server did not accept the login of {}: {text}", config.user);
            Error::new(ErrorKind::Authentication, message).with_hint(hint)
        }
    }
}
