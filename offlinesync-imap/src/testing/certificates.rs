//! Throwaway certificates: a CA and a leaf for `localhost`, good or bad on purpose. Touches nothing but memory.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing: signed by the CA for `localhost`, 127.0.0.1, 127.0.0.2 and ::1.
    #[default]
    Good,
    /// Signed by the CA, for another name.
    WrongName,
    /// Signed by the CA for the right names, expired in 2002.
    Expired,
    /// For the right names, signed by itself: the CA does not vouch for it.
    SelfSigned,
}

/// A CA and a leaf that it signed (or not), as PEM.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The CA's certificate.
    pub ca: String,
    /// The server's certificate.
    pub leaf: String,
    /// The server's certificate as DER, for fingerprints.
    pub leaf_der: Vec<u8>,
    /// The server's private key.
    pub key: String,
}

impl Chain {
    /// Makes new keys and certificates.
    pub fn generate(kind: Certificate) -> Chain {
        let ca_key = KeyPair::generate().unwrap();
        let ca_params = authority();
        let ca = ca_params.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let params = leaf(kind);
        let leaf = match kind {
            Certificate::SelfSigned => params.self_signed(&key).unwrap(),
            _ => params.signed_by(&key, &Issuer::new(ca_params, ca_key)).unwrap(),
        };
        Chain { ca, leaf: leaf.pem(), leaf_der: leaf.der().to_vec(), key: key.serialize_pem() }
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Throwaway CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(kind: Certificate) -> CertificateParams {
    let names: &[&str] = match kind {
        Certificate::WrongName => &["elsewhere.invalid"],
        _ => &["localhost", "127.0.0.1", "127.0.0.2", "::1"],
    };
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    if kind == Certificate::Expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    params
}
