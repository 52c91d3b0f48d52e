//! Decides whether a server is who it should be: by an authority, by fingerprint, or because its very certificate is in the user's file.
//! Signatures are always checked, so that a certificate alone, which everyone has seen, proves nothing.

use crate::config::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use std::fmt;
use std::sync::Arc;

/// The rules of one account.
#[derive(Debug)]
pub(super) struct Verifier {
    authority: Option<Arc<dyn ServerCertVerifier>>,
    /// Certificates that are accepted as they are, if still valid and issued for the right name.
    own: Vec<CertificateDer<'static>>,
    pins: Option<Vec<Fingerprint>>,
    verify_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The server's certificate has none of the accepted fingerprints.
#[derive(Debug)]
pub(super) struct NotPinned {
    /// SHA-256 of the certificate it has.
    pub(super) sha256: String,
}

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate has another fingerprint: SHA-256 {}", self.sha256)
    }
}

impl std::error::Error for NotPinned {}

impl Verifier {
    /// Accepts nobody yet.
    pub(super) fn new(verify_name: bool, provider: &CryptoProvider) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Verifier { authority: None, own: Vec::new(), pins: None, verify_name, algorithms }
    }

    /// The certificate must have one of these fingerprints.
    pub(super) fn with_pins(mut self, pins: Vec<Fingerprint>) -> Self {
        self.pins = Some(pins);
        self
    }

    /// This authority must vouch for the certificate.
    pub(super) fn with_authority(mut self, authority: Arc<dyn ServerCertVerifier>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// These are accepted although they are no authorities, or vouch for themselves.
    pub(super) fn with_own(mut self, own: Vec<CertificateDer<'static>>) -> Self {
        self.own = own;
        self
    }

    fn check_pins(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        match &self.pins {
            Some(pins) if !pins.iter().any(|pin| matches(pin, certificate)) => {
                let sha256 = hex(&Sha256::digest(certificate));
                let why = CertificateError::Other(OtherError(Arc::new(NotPinned { sha256 })));
                Err(Error::InvalidCertificate(why))
            }
            _ => Ok(()),
        }
    }

    fn check_name(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
        if self.verify_name { verify_server_name(&ParsedCertificate::try_from(certificate)?, name) } else { Ok(()) }
    }

    /// What an authority's refusal means. It looks at the dates first, then at the issuer, and at the name last.
    fn second_look(&self, why: Error, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
        use CertificateError::*;
        match &why {
            Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) if !self.verify_name => Ok(()),
            Error::InvalidCertificate(
                NotValidForName
                | NotValidForNameContext { .. }
                | Expired
                | ExpiredContext { .. }
                | NotValidYet
                | NotValidYetContext { .. }
                | Revoked
                | BadEncoding,
            ) => Err(why),
            Error::InvalidCertificate(_) if self.own.iter().any(|own| own == certificate) => {
                self.check_name(certificate, name)
            }
            _ => Err(why),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_pins(certificate)?;
        match &self.authority {
            Some(authority) => match authority.verify_server_cert(certificate, chain, name, ocsp, now) {
                Ok(_) => {}
                Err(why) => self.second_look(why, certificate, name)?,
            },
            None if self.pins.is_some() => self.check_name(certificate, name)?,
            None => return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn matches(pin: &Fingerprint, certificate: &CertificateDer<'_>) -> bool {
    let pin = pin.as_bytes();
    match pin.len() {
        20 => Sha1::digest(certificate).as_slice() == pin,
        28 => Sha224::digest(certificate).as_slice() == pin,
        32 => Sha256::digest(certificate).as_slice() == pin,
        48 => Sha384::digest(certificate).as_slice() == pin,
        64 => Sha512::digest(certificate).as_slice() == pin,
        _ => false,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
