//! The TLS settings of an account: read and checked once, shared by all its connections.

use super::verify::Verifier;
use crate::config::{ImapConfig, TlsVersion, Trust};
use offlinesync_core::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::path::Path;
use std::sync::Arc;

/// The TLS settings of an account.
#[derive(Clone, Debug)]
pub(crate) struct TlsSettings {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsSettings {
    /// Reads the certificates and keys that the configuration names.
    pub(crate) fn new(config: &ImapConfig) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = verifier(config, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(config.min_tls))
            .map_err(|error| unusable("TLS", error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let client = match &config.client_certificate {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(certificates(chain)?, private_key(key)?)
                .map_err(|error| unusable(format!("client certificate {}", chain.display()), error))?,
        };
        Ok(TlsSettings { config: Arc::new(client), name: server_name(&config.host)? })
    }

    /// A connection that has not begun its handshake.
    pub(super) fn connection(&self) -> Result<ClientConnection> {
        ClientConnection::new(self.config.clone(), self.name.clone()).map_err(|error| unusable("TLS", error))
    }
}

static FROM_1_2: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static FROM_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::V1_2 => &FROM_1_2,
        TlsVersion::V1_3 => &FROM_1_3,
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let message = format!("\"{host}\" is not a host name that a certificate can be issued for");
        Error::new(ErrorKind::Configuration, message)
            .with_hint("write an internationalised name in its ASCII form (xn--…)")
    })
}

fn verifier(config: &ImapConfig, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
    let mut verifier = Verifier::new(config.verify_name, provider);
    let mut trust = &config.trust;
    if let Trust::Fingerprints { pins, authority } = trust {
        verifier = verifier.with_pins(pins.clone());
        match authority {
            None => return Ok(verifier),
            Some(authority) => trust = authority,
        }
    }
    match trust {
        Trust::System => Ok(verifier.with_authority(system(provider)?)),
        Trust::CaFile(path) => {
            let own = certificates(path)?;
            Ok(verifier.with_authority(authority(path, &own, provider)?).with_own(own))
        }
        Trust::Fingerprints { .. } => {
            let message = "the authority behind certificate fingerprints cannot be fingerprints again";
            Err(Error::new(ErrorKind::Configuration, message))
        }
    }
}

/// The system's authorities, or Mozilla's where the system has none.
fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    if let Ok(verifier) = rustls_platform_verifier::Verifier::new(provider.clone()) {
        return Ok(Arc::new(verifier));
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    Ok(verifier.map_err(|error| unusable("the built-in certificate authorities", error))?)
}

fn authority(
    path: &Path,
    own: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(own.iter().cloned());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    Ok(verifier.map_err(|error| unusable(format!("certificate file {}", path.display()), error))?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let place = || format!("certificate file {}", path.display());
    let pem = std::fs::read(path).map_err(|error| Error::io(place(), error, ErrorKind::Configuration))?;
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unusable(place(), e))?;
    if found.is_empty() {
        let message = format!("{}: no certificate in it", place());
        return Err(Error::new(ErrorKind::Configuration, message)
            .with_hint("it must hold blocks that start with -----BEGIN CERTIFICATE-----"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let place = || format!("private key {}", path.display());
    let pem = std::fs::read(path).map_err(|error| Error::io(place(), error, ErrorKind::Configuration))?;
    let pem = zeroize::Zeroizing::new(pem);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        unusable(place(), error).with_hint("an encrypted key must be decrypted first: openssl pkey -in KEY -out PLAIN")
    })
}

fn unusable(place: impl std::fmt::Display, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Configuration, format!("{place}: {error}")).with_source(error)
}
