//! From a fresh connection to a session: greeting, STARTTLS, capabilities, authentication, in as few round trips as the server allows.

use super::link::Exclusive;
use crate::codec::pressure::pressure;
use crate::codec::response::{Condition, Response, StatusResponse, Tagged};
use crate::config::{ImapConfig, Tls};
use crate::stream::TlsSettings;
use offlinesync_core::{Error, ErrorKind, Result};
use std::collections::BTreeSet;

mod authenticate;
#[cfg(test)]
mod tests;

/// Capabilities of an earlier connection to the same server, which need not be asked for again.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    /// Before the login, encrypted if it was to be.
    before: Option<BTreeSet<Box<str>>>,
    /// After it.
    after: Option<BTreeSet<Box<str>>>,
}

/// Logs in. Answers what the connection is like, for a person. A failure ends the connection.
pub(super) fn log_in(
    connection: &mut Exclusive,
    config: &ImapConfig,
    tls: Option<&TlsSettings>,
    remembered: &mut Remembered,
) -> Result<String> {
    let how = run(connection, config, tls, remembered);
    if let Err(error) = &how {
        connection.link().kill(error);
    }
    how
}

fn run(
    connection: &mut Exclusive,
    config: &ImapConfig,
    tls: Option<&TlsSettings>,
    remembered: &mut Remembered,
) -> Result<String> {
    let greeted = greeting(connection)?;
    if config.tls == Tls::StartTls {
        start_tls(connection, greeted, tls)?;
    }
    let mechanism = match greeted {
        Condition::Preauth => "already authenticated",
        _ => {
            know(connection, &mut remembered.before)?;
            authenticate::authenticate(connection, config)?
        }
    };
    know(connection, &mut remembered.after)?;
    connection.ready();
    let security = connection.security().unwrap_or_else(|| "not encrypted".to_owned());
    Ok(format!("{security}, {mechanism}"))
}

fn greeting(connection: &mut Exclusive) -> Result<Condition> {
    match connection.response()? {
        Response::Status(StatusResponse { condition: condition @ (Condition::Ok | Condition::Preauth), .. }) => {
            Ok(condition)
        }
        Response::Status(status) => {
            let error = Error::new(ErrorKind::Unavailable, format!("the server does not let us in: {}", status.text));
            Err(match pressure(&status) {
                Some(pause) => error.with_retry_after(pause),
                None => error,
            })
        }
        _ => Err(Error::new(ErrorKind::Protocol, "the server did not greet as an IMAP server does")),
    }
}

/// RFC 3501 section 6.2.1. A server that is already past the login cannot be asked any more: whoever says so may sit in the middle.
fn start_tls(connection: &mut Exclusive, greeted: Condition, tls: Option<&TlsSettings>) -> Result<()> {
    let missing = |why: &str| {
        Error::new(ErrorKind::Security, format!("the connection cannot be encrypted: {why}"))
            .with_hint("if the server speaks TLS from the start on port 993, use that")
    };
    let settings = tls.ok_or_else(|| missing("no TLS settings"))?;
    if greeted == Condition::Preauth {
        return Err(missing("the server says that we are logged in already"));
    }
    if !connection.view().capabilities.is_empty() && !connection.has("STARTTLS") {
        return Err(missing("the server does not offer STARTTLS"));
    }
    let tagged = connection.words("STARTTLS")?;
    if tagged.status.condition != Condition::Ok {
        return Err(missing(&format!("STARTTLS was refused: {}", tagged.status.text)));
    }
    connection.start_tls(settings)
}

/// Makes sure that the capabilities are known: as told, as remembered, or by asking.
fn know(connection: &mut Exclusive, remembered: &mut Option<BTreeSet<Box<str>>>) -> Result<()> {
    if connection.view().capabilities.is_empty() {
        match remembered {
            Some(words) => connection.set_capabilities(words),
            None => ask(connection)?,
        }
    }
    *remembered = Some(connection.view().capabilities.clone());
    Ok(())
}

fn ask(connection: &mut Exclusive) -> Result<()> {
    let Tagged { status, .. } = connection.words("CAPABILITY")?;
    if status.condition == Condition::Ok && !connection.view().capabilities.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Protocol, format!("the server does not tell its capabilities: {}", status.text)))
}
