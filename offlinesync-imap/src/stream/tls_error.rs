//! Says in words what went wrong in a TLS handshake, and what would help.

use super::verify::NotPinned;
use offlinesync_core::{Error, ErrorKind};
use rustls::{AlertDescription, CertificateError};

/// The failure of a TLS connection to `place`.
pub(super) fn describe(place: &str, error: rustls::Error) -> Error {
    let (kind, what, hint) = match &error {
        rustls::Error::InvalidCertificate(why) => {
            let (what, hint) = certificate(why);
            (ErrorKind::Security, what, hint)
        }
        rustls::Error::InvalidMessage(_) => (
            ErrorKind::Security,
            "the server does not speak TLS on this port".to_owned(),
            Some("port 143 wants STARTTLS, port 993 wants TLS from the start"),
        ),
        rustls::Error::AlertReceived(alert) => (ErrorKind::Security, refused(*alert), OLD),
        rustls::Error::PeerIncompatible(why) => {
            (ErrorKind::Security, format!("the server's TLS is too old or too different: {why:?}"), OLD)
        }
        other => (ErrorKind::Security, format!("TLS failed: {other}"), None),
    };
    let described = Error::new(kind, format!("{place}: {what}"));
    let described = match &error {
        // All of it is said.
        rustls::Error::InvalidCertificate(_) => described,
        _ => described.with_source(error),
    };
    match hint {
        Some(hint) => described.with_hint(hint),
        None => described,
    }
}

const OLD: Option<&str> =
    Some("TLS 1.2 or 1.3 is needed; an older server can be reached through a tunnel command such as stunnel");

const NAME: Option<&str> = Some(
    "use a name that the certificate has as remotehost, or name the certificate's fingerprint in cert_fingerprint",
);

const CLOCK: Option<&str> = Some(
    "is this computer's clock right? if it is, tell whoever runs the server; cert_fingerprint accepts one certificate whatever its dates",
);

/// A name as it stands in a certificate, out of the form `DnsName("…")`.
fn bare(name: &str) -> &str {
    name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")).unwrap_or(name)
}

fn refused(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => "the server refuses this TLS version".to_owned(),
        AlertDescription::HandshakeFailure => "the server finds no TLS cipher in common".to_owned(),
        AlertDescription::CertificateRequired => "the server wants a client certificate".to_owned(),
        alert => format!("the server refuses the TLS connection: {alert:?}"),
    }
}

fn certificate(why: &CertificateError) -> (String, Option<&'static str>) {
    use CertificateError::*;
    match why {
        NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            (format!("the server's certificate is for another name: {names}"), NAME)
        }
        NotValidForName => ("the server's certificate is for another name".to_owned(), NAME),
        Expired | ExpiredContext { .. } => ("the server's certificate has expired".to_owned(), CLOCK),
        NotValidYet | NotValidYetContext { .. } => ("the server's certificate is not valid yet".to_owned(), CLOCK),
        Revoked => ("the server's certificate was revoked".to_owned(), None),
        // A signature that is not of the kind of the issuer's key is somebody else's, who has the same name.
        UnknownIssuer | BadSignature | UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "nobody we trust vouches for the server's certificate".to_owned(),
            Some(
                "if the server has a certificate of its own making, name its file in sslcacertfile, or its fingerprint in cert_fingerprint",
            ),
        ),
        Other(other) => match other.0.downcast_ref::<NotPinned>() {
            Some(not_pinned) => (
                format!("the server's certificate has another fingerprint: SHA-256 {}", not_pinned.sha256),
                Some(
                    "the certificate may have been renewed: ask whoever runs the server before you accept the new one",
                ),
            ),
            None => (format!("the server's certificate is not acceptable: {}", other.0), None),
        },
        other => (format!("the server's certificate is not acceptable: {other}"), None),
    }
}
