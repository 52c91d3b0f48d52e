//! TLS against a server on loopback with good and bad certificates.

use super::wait::{Interest, Patience, Waker, poll};
use super::*;
use crate::config::{Fingerprint, Secret, Tls as Mode, TlsVersion, Trust};
use crate::testing::certificates::{Certificate, Chain};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustix::fd::AsFd;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest, Sha256};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Greets one connection over TLS and waits for its end.
struct Server {
    port: u16,
    thread: JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Server {
    fn start(chain: &Chain, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let leaf = vec![CertificateDer::from_pem_slice(chain.leaf.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(chain.key.as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(leaf, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let Ok((socket, _)) = listener.accept() else { return };
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
            let _ = stream.write_all(&[b"* OK hello\r\n".to_vec(), vec![b'x'; 100_000]].concat());
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), &chain.ca).unwrap();
        std::fs::write(dir.path().join("leaf.pem"), &chain.leaf).unwrap();
        Server { port, thread, dir }
    }

    fn file(&self, name: &str) -> Trust {
        Trust::CaFile(self.path(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self, trust: Trust) -> ImapConfig {
        let password = || Ok(Secret::new(String::new()));
        ImapConfig::new("test", "localhost", "me", password)
            .port(Some(self.port))
            .tls(Mode::Implicit)
            .trust(trust)
            .ipv6(Some(false))
    }

    /// Connects; the number of octets received, and the protocol version.
    fn talk(self, config: ImapConfig) -> Result<(usize, String)> {
        let outcome = receive(&config);
        self.thread.join().unwrap();
        outcome
    }
}

fn receive(config: &ImapConfig) -> Result<(usize, String)> {
    let (waker, cancel) = (Waker::new().unwrap(), offlinesync_core::Cancel::new());
    let patience = Patience { waker: &waker, cancel: &cancel };
    let mut stream = Stream::connect(config, &patience)?;
    stream.start_tls(&TlsSettings::new(config)?)?;
    stream.flush()?;
    let socket = stream.socket();
    let (mut buffer, mut received) = (vec![0; 1000], 0);
    let until = Instant::now() + Duration::from_secs(60);
    while received < 100_012 {
        match stream.read(&mut buffer)? {
            Input::Octets(n) => received += n,
            Input::Closed => break,
            Input::Blocked => drop(poll(&[(socket.as_fd(), Interest::Read)], until, &patience)?),
        }
    }
    let security = stream.security().unwrap();
    stream.close();
    Ok((received, security))
}

static BOTH: [&rustls::SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
static OLD: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

fn start(kind: Certificate) -> (Server, Chain) {
    let chain = Chain::generate(kind);
    (Server::start(&chain, &BOTH), chain)
}

fn pins(certificate: &[u8]) -> Vec<Fingerprint> {
    let sha256: String = Sha256::digest(certificate).iter().map(|b| format!("{b:02x}")).collect();
    vec![Fingerprint::parse(&sha256).unwrap()]
}

fn refusal(result: Result<(usize, String)>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Security, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

#[test]
fn a_certificate_of_the_given_authority_is_accepted() {
    let (server, _) = start(Certificate::Good);
    let config = server.config(server.file("ca.pem"));
    let (octets, security) = server.talk(config).unwrap();
    assert_eq!(octets, 100_012);
    assert!(security.starts_with("TLS 1.3"), "{security}");
}

#[test]
fn an_unknown_authority_is_refused() {
    let (server, _) = start(Certificate::Good);
    let config = server.config(Trust::System);
    assert!(refusal(server.talk(config)).contains("nobody we trust"));
}

#[test]
fn another_name_is_refused_unless_names_do_not_matter() {
    let (server, _) = start(Certificate::WrongName);
    let config = server.config(server.file("ca.pem"));
    assert!(refusal(server.talk(config)).contains("another name"));
    let (server, _) = start(Certificate::WrongName);
    let config = server.config(server.file("ca.pem")).verify_name(false);
    server.talk(config).unwrap();
}

#[test]
fn an_expired_certificate_is_refused() {
    let (server, _) = start(Certificate::Expired);
    let config = server.config(server.file("ca.pem")).verify_name(false);
    assert!(refusal(server.talk(config)).contains("expired"));
}

#[test]
fn a_self_signed_certificate_is_accepted_from_the_users_own_file_only() {
    let (server, _) = start(Certificate::SelfSigned);
    let config = server.config(server.file("leaf.pem"));
    server.talk(config).unwrap();
    let (server, _) = start(Certificate::SelfSigned);
    let config = server.config(server.file("ca.pem"));
    refusal(server.talk(config));
}

/// What `openssl req -x509` makes: a certificate that calls itself an authority.
fn own_authority(name: &str, until: i32) -> Chain {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let leaf = params.self_signed(&key).unwrap();
    Chain { ca: leaf.pem(), leaf: leaf.pem(), leaf_der: leaf.der().to_vec(), key: key.serialize_pem() }
}

#[test]
fn a_self_signed_authority_as_server_certificate_is_accepted_from_the_users_file_if_name_and_dates_are_right() {
    for (name, until, refused) in
        [("localhost", 4000, None), ("elsewhere", 4000, Some("another name")), ("localhost", 2001, Some("expired"))]
    {
        let server = Server::start(&own_authority(name, until), &BOTH);
        let config = server.config(server.file("leaf.pem"));
        let result = server.talk(config);
        match refused {
            None => drop(result.unwrap()),
            Some(why) => assert!(refusal(result).contains(why)),
        }
    }
}

#[test]
fn a_pinned_certificate_needs_no_authority_but_its_name_and_its_key() {
    let (server, chain) = start(Certificate::SelfSigned);
    let trust = Trust::Fingerprints { pins: pins(&chain.leaf_der), authority: None };
    let config = server.config(trust);
    server.talk(config).unwrap();
    let (server, chain) = start(Certificate::WrongName);
    let trust = Trust::Fingerprints { pins: pins(&chain.leaf_der), authority: None };
    let config = server.config(trust);
    assert!(refusal(server.talk(config)).contains("another name"));
    let (server, chain) = start(Certificate::Expired);
    let trust = Trust::Fingerprints { pins: pins(&chain.leaf_der), authority: None };
    let config = server.config(trust).verify_name(false);
    server.talk(config).unwrap();
}

#[test]
fn a_certificate_with_another_fingerprint_is_refused_and_its_own_is_told() {
    let (server, chain) = start(Certificate::Good);
    let trust = Trust::Fingerprints { pins: pins(b"another"), authority: Some(Box::new(server.file("ca.pem"))) };
    let config = server.config(trust);
    assert!(refusal(server.talk(config)).contains(&pins(&chain.leaf_der)[0].to_string()));
}

#[test]
fn a_pin_and_an_authority_are_both_asked() {
    let (server, chain) = start(Certificate::Good);
    let authority = Some(Box::new(server.file("ca.pem")));
    let config = server.config(Trust::Fingerprints { pins: pins(&chain.leaf_der), authority });
    server.talk(config).unwrap();
    let (server, chain) = start(Certificate::Good);
    let trust = Trust::Fingerprints { pins: pins(&chain.leaf_der), authority: Some(Box::new(Trust::System)) };
    let config = server.config(trust);
    assert!(refusal(server.talk(config)).contains("nobody we trust"));
}

#[test]
fn an_older_protocol_than_asked_for_is_refused() {
    let chain = Chain::generate(Certificate::Good);
    let server = Server::start(&chain, &OLD);
    let config = server.config(server.file("ca.pem"));
    assert!(server.talk(config).unwrap().1.starts_with("TLS 1.2"));
    let server = Server::start(&chain, &OLD);
    let config = server.config(server.file("ca.pem")).min_tls(TlsVersion::V1_3);
    refusal(server.talk(config));
}

#[test]
fn a_server_without_tls_on_the_port_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"* OK hello, this is not TLS\r\n").unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let password = || Ok(Secret::new(String::new()));
    let config = ImapConfig::new("test", "127.0.0.1", "me", password).port(Some(port));
    assert!(refusal(receive(&config)).contains("does not speak TLS"));
    thread.join().unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for path in [dir.path().join("missing.pem"), empty] {
        let password = || Ok(Secret::new(String::new()));
        let config = ImapConfig::new("test", "localhost", "me", password).trust(Trust::CaFile(path.clone()));
        let error = TlsSettings::new(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
