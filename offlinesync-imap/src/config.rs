//! What an embedding program says about an IMAP account. Values only: nothing is read from the environment and nothing is checked
//! against a server here.

mod proxy;
mod secret;
mod trust;

pub use proxy::{Proxy, ProxyKind};
pub use secret::Secret;
pub use trust::{Fingerprint, TlsVersion, Trust};

use offlinesync_core::{Cancel, Observer, Result};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Asks for the password each time a connection logs in; may block (a key ring, a prompt). Called by one thread at a time.
pub type PasswordSource = Arc<dyn Fn() -> Result<Secret> + Send + Sync>;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (port 993, RFC 8314).
    #[default]
    Implicit,
    /// STARTTLS (port 143). A server that does not offer it, or says PREAUTH before it, is refused.
    StartTls,
    /// No encryption. Credentials cross the network as they are; meant for loopback and for tunnels that encrypt.
    None,
}

/// A command that carries the connection instead of a TCP socket. Run with `sh -c`; its standard input and output are the
/// connection, its standard error stays the program's. [`Tls`] applies inside the tunnel as it does outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// The server behind it greets with PREAUTH and no login follows. If it greets with OK, a login follows nevertheless.
    Preauth(String),
    /// Carries bytes only; the login follows.
    Transport(String),
}

/// Whether a connection is compressed (RFC 4978), where the server offers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Once so much is expected that it is worth its round trip, on a line that is slower than packing.
    #[default]
    Auto,
    /// From the login on.
    Always,
    /// Never.
    Never,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// SASL SCRAM-SHA-256 (RFC 7677): the password does not leave this machine, and the server proves that it knows it.
    ScramSha256,
    /// SASL SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// SASL CRAM-MD5 (RFC 2195).
    CramMd5,
    /// SASL OAUTHBEARER (RFC 7628), with the token of [`ImapConfig::token`].
    OauthBearer,
    /// SASL XOAUTH2 (Google, Microsoft), with the token of [`ImapConfig::token`].
    Xoauth2,
    /// SASL PLAIN (RFC 4616).
    Plain,
    /// The LOGIN command (RFC 3501 section 6.2.3), or SASL LOGIN where only that is offered.
    Login,
}

/// Deadlines. Each counts from the last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For name resolution, for each address, and for the TLS handshake. Default 30 s.
    pub connect: Duration,
    /// Without a byte in either direction while an answer is due. Default 60 s.
    pub read: Duration,
    /// How long a server may go on with commands that it received over a connection that was lost, until it finds that nobody takes the
    /// answers. Waited for, twice at least, before an upload that was cut short is looked for. Default 1 s.
    pub aftermath: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(30), read: Duration::from_secs(60), aftermath: Duration::from_secs(1) }
    }
}

/// Everything about one IMAP account. [`ImapConfig::new`] gives TLS on port 993 with the system's certificate authorities;
/// the methods named after the fields change one thing each.
#[derive(Clone)]
#[non_exhaustive]
pub struct ImapConfig {
    /// Name of the repository, for messages.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port; `None` is 993 with [`Tls::Implicit`] and 143 otherwise.
    pub port: Option<u16>,
    /// User name.
    pub user: String,
    /// Where the password comes from.
    pub password: PasswordSource,
    /// Where the OAuth access token comes from, if there is one: then it is the first way to log in. Asked as the password is.
    pub token: Option<PasswordSource>,
    /// Encryption.
    pub tls: Tls,
    /// Who vouches for the server.
    pub trust: Trust,
    /// Whether the certificate must be issued for `host`. Default yes; `false` is for pinned certificates with another name.
    pub verify_name: bool,
    /// Lowest protocol version. Default TLS 1.2.
    pub min_tls: TlsVersion,
    /// Client certificate chain and private key, PEM files.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Ways to log in, best first; empty lets the capabilities decide.
    pub mechanisms: Vec<Mechanism>,
    /// A command that carries the connection.
    pub tunnel: Option<Tunnel>,
    /// A proxy that connections go through; a tunnel goes through none.
    pub proxy: Option<Proxy>,
    /// Most connections at the same time, at least 1. Default 4.
    pub max_connections: usize,
    /// Whether connections are compressed. Default [`Compression::Auto`].
    pub compression: Compression,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// `Some(true)`: IPv6 only, `Some(false)`: IPv4 only, `None`: whichever answers first (RFC 8305).
    pub ipv6: Option<bool>,
    /// Whether to say who we are (RFC 2971) before the first command. Some servers require it, some choke on it. Default no.
    pub send_id: bool,
    /// Whether every protocol line becomes an [`Event::Trace`](offlinesync_core::Event::Trace).
    pub trace: bool,
    /// Listener to connection events.
    pub observer: Arc<dyn Observer>,
    /// Ends every wait.
    pub cancel: Cancel,
    /// How often a connection may be lost during one transfer without a message having come through since. Default 2.
    pub retries: usize,
    /// User to act for after logging in as [`ImapConfig::user`] (SASL authorization identity); empty: the same.
    pub acting_for: String,
    /// Folders that are looked for by name though LIST (or LSUB) does not tell of them.
    pub extra_folders: Vec<String>,
    /// Prefix of the folders that are looked at (LIST's reference); the empty string is everything.
    pub reference: String,
    /// Whether only subscribed folders are listed.
    pub subscribed_only: bool,
    /// Whether folder names are UTF-8. Default no: a name is the modified UTF-7 (RFC 3501 section 5.1.3) that the server sent.
    pub utf8_folder_names: bool,
    /// Whether removed messages are expunged. If not, they are only marked `\Deleted`, and messages so marked count as gone. Default yes.
    pub expunge: bool,
    /// Capabilities that are taken for not offered, in any case: for servers that offer what they cannot do.
    pub disabled_capabilities: Vec<String>,
}

impl ImapConfig {
    /// TLS on port 993, system trust, 4 connections, no observer, a cancel token of its own.
    pub fn new(
        name: impl Into<String>,
        host: impl Into<String>,
        user: impl Into<String>,
        password: impl Fn() -> Result<Secret> + Send + Sync + 'static,
    ) -> Self {
        ImapConfig {
            name: name.into(),
            host: host.into(),
            port: None,
            user: user.into(),
            password: Arc::new(password),
            token: None,
            tls: Tls::default(),
            trust: Trust::default(),
            verify_name: true,
            min_tls: TlsVersion::default(),
            client_certificate: None,
            mechanisms: Vec::new(),
            tunnel: None,
            proxy: None,
            max_connections: 4,
            compression: Compression::default(),
            timeouts: Timeouts::default(),
            ipv6: None,
            send_id: false,
            trace: false,
            observer: Arc::new(()),
            cancel: Cancel::new(),
            retries: 2,
            acting_for: String::new(),
            extra_folders: Vec::new(),
            reference: String::new(),
            subscribed_only: false,
            utf8_folder_names: false,
            expunge: true,
            disabled_capabilities: Vec::new(),
        }
    }

    /// The port in effect.
    pub fn port_number(&self) -> u16 {
        self.port.unwrap_or(if self.tls == Tls::Implicit { 993 } else { 143 })
    }

    /// Where it connects to, for a person: `host:port`, or the tunnel command.
    pub fn destination(&self) -> String {
        match &self.tunnel {
            Some(Tunnel::Preauth(command) | Tunnel::Transport(command)) => command.clone(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port_number()),
            None => format!("{}:{}", self.host, self.port_number()),
        }
    }
}

macro_rules! setters {
    ($($field:ident: $type:ty),* $(,)?) => {
        impl ImapConfig {
            $(
                #[doc = concat!("Sets [`ImapConfig::", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! {
    port: Option<u16>,
    token: Option<PasswordSource>,
    tls: Tls,
    trust: Trust,
    verify_name: bool,
    min_tls: TlsVersion,
    client_certificate: Option<(PathBuf, PathBuf)>,
    mechanisms: Vec<Mechanism>,
    tunnel: Option<Tunnel>,
    proxy: Option<Proxy>,
    max_connections: usize,
    compression: Compression,
    timeouts: Timeouts,
    ipv6: Option<bool>,
    send_id: bool,
    trace: bool,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    retries: usize,
    acting_for: String,
    extra_folders: Vec<String>,
    reference: String,
    subscribed_only: bool,
    utf8_folder_names: bool,
    expunge: bool,
    disabled_capabilities: Vec<String>,
}

impl fmt::Debug for ImapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapConfig")
            .field("name", &self.name)
            .field("to", &self.destination())
            .field("user", &self.user)
            .field("tls", &self.tls)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ImapConfig {
        ImapConfig::new("r", "mail.example.org", "me", || Ok(Secret::new("hunter2".to_owned())))
    }

    #[test]
    fn the_port_follows_the_encryption_unless_given() {
        assert_eq!(config().port_number(), 993);
        assert_eq!(config().tls(Tls::StartTls).port_number(), 143);
        assert_eq!(config().port(Some(1143)).destination(), "mail.example.org:1143");
    }

    #[test]
    fn debug_output_holds_no_password() {
        let secret = (config().password)().unwrap();
        assert!(!format!("{:?} {secret:?}", config()).contains("hunter2"));
    }
}
