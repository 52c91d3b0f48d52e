//! The options of an IMAP repository.

use super::maildir::missing;
use super::oauth::OauthSettings;
use super::rules;
use crate::config::discover::{Environment, expand};
use crate::config::pyexpr::Expression;
use crate::config::{Config, Value};
use offlinesync_core::Result;
use offlinesync_imap::config::{Compression, Secret};
use std::path::PathBuf;
use std::time::Duration;

/// An IMAP account.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// The server; empty behind a tunnel that needs none.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The command that speaks IMAP in place of a socket.
    pub tunnel: Option<Tunnel>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Fingerprints of the server's certificate, in hexadecimal digits.
    pub fingerprints: Vec<String>,
    /// Certificate and key to show to the server.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether TLS 1.3 is the least.
    pub tls13: bool,
    /// `Some(true)`: IPv6 only; `Some(false)`: IPv4 only.
    pub ipv6: Option<bool>,
    /// User name, if it is configured.
    pub user: Option<String>,
    /// Command whose first line of output is the user name.
    pub user_command: Option<String>,
    /// Where the password comes from, if that is configured.
    pub password: Option<PasswordSource>,
    /// Where an access token comes from, if one is configured.
    pub oauth: Option<OauthSettings>,
    /// User to act for; empty: the one who logs in.
    pub acting_for: String,
    /// Folders watched between two syncs, by their names on this side.
    pub idle_folders: Vec<String>,
    /// Whether connections are kept between two syncs.
    pub hold_open: bool,
    /// The pause between two signs of life on connections that are kept.
    pub keep_alive: Option<Duration>,
    /// How often a transfer is taken up again.
    pub retries: usize,
    /// Command run when new mail came from here into the other side's INBOX.
    pub new_mail_hook: Option<String>,
    /// Ways to log in, in this order; empty: the default ones.
    pub mechanisms: Vec<String>,
    /// Connections at most.
    pub max_connections: usize,
    /// Whether they are compressed.
    pub compression: Compression,
    /// Only folders below this name.
    pub reference: String,
    /// Only subscribed folders.
    pub subscribed_only: bool,
    /// Whether removed messages are expunged, not only marked.
    pub expunge: bool,
    /// How long the server may be silent while an answer is due.
    pub timeout: Duration,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte.
    Tls,
    /// TLS after the greeting, or no login.
    StartTls,
    /// None.
    None,
}

/// A command that speaks IMAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The command, for the shell.
    pub command: String,
    /// Whether the session behind it is logged in already.
    pub preauth: bool,
}

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub enum PasswordSource {
    /// It stands in the configuration.
    Text(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// The first line that a command prints.
    Command(String),
}

/// Logging in by Kerberos: OfflineIMAP tries it and goes on with the next without a word where it does not work. Here it never does.
const GSSAPI: &str = "GSSAPI";

/// The mechanisms OfflineIMAP knows and those that are better.
const MECHANISMS: [&str; 8] =
    [GSSAPI, "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"];

impl ImapSettings {
    /// Whether connections are kept between two syncs. Who wants to hear of a change at once does not want to log in first.
    pub fn holds_open(&self) -> bool {
        self.hold_open || !self.idle_folders.is_empty()
    }

    /// What is passed over of the ways to log in, as a line for whoever asks what happens.
    pub fn passed_over(&self) -> Option<String> {
        let rest: Vec<&str> = self.mechanisms.iter().map(String::as_str).filter(|name| *name != GSSAPI).collect();
        (rest.len() < self.mechanisms.len())
            .then(|| format!("auth_mechanisms: {GSSAPI} is not supported and passed over for {}", rest.join(", ")))
    }

    /// Reads them; `gmail` fills in what is known of Gmail.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(
        config: &Config,
        section: &str,
        gmail: bool,
        timeout: Duration,
        environment: &dyn Environment,
    ) -> Result<Self> {
        let reader = Reader { config, section, environment };
        let tunnel = reader.tunnel()?;
        let encryption = reader.encryption()?;
        Ok(ImapSettings {
            host: reader.host(gmail, tunnel.is_some())?,
            port: reader.port(gmail, encryption)?,
            encryption,
            tunnel,
            ca_file: reader.ca_file()?,
            fingerprints: reader.fingerprints()?,
            client_certificate: reader.client_certificate()?,
            tls13: reader.tls13()?,
            ipv6: reader.value("ipv6")?.map(|value| value.boolean()).transpose()?,
            user: reader.text_or_expression("remoteuser")?,
            user_command: reader.value("remoteusercmd")?.map(|value| value.text),
            password: reader.password()?,
            oauth: OauthSettings::read(config, section, gmail)?,
            acting_for: reader.text("remote_identity")?.unwrap_or_default(),
            idle_folders: rules::strings(config, section, "idlefolders")?,
            hold_open: config.boolean(section, "holdconnectionopen", false)?,
            keep_alive: reader.keep_alive()?,
            retries: config.integer(section, "retrycount", 2)?,
            new_mail_hook: reader.new_mail_hook()?,
            mechanisms: reader.mechanisms()?,
            max_connections: reader.max_connections()?,
            compression: reader.compression()?,
            reference: reader.text("reference")?.unwrap_or_default(),
            subscribed_only: config.boolean(section, "subscribedonly", false)?,
            expunge: config.boolean(section, "expunge", true)?,
            timeout,
        })
    }
}

struct Reader<'a> {
    config: &'a Config,
    section: &'a str,
    environment: &'a dyn Environment,
}

impl Reader<'_> {
    fn value(&self, name: &str) -> Result<Option<Value>> {
        self.config.get_filled(self.section, name)
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.value(name)?.map(|value| value.text.trim().to_owned()))
    }

    /// A text, from the expression in `<name>eval`, else from the option itself.
    fn text_or_expression(&self, name: &str) -> Result<Option<String>> {
        match rules::text(self.config, self.section, &format!("{name}eval"))? {
            Some(text) => Ok(Some(text)),
            None => self.text(name),
        }
    }

    fn path(&self, name: &str) -> Result<Option<PathBuf>> {
        Ok(self.value(name)?.map(|value| expand(value.text.trim(), self.environment)))
    }

    fn host(&self, gmail: bool, tunnel: bool) -> Result<String> {
        match self.text_or_expression("remotehost")? {
            Some(host) => Ok(host),
            None if gmail => Ok("imap.gmail.com".to_owned()),
            None if tunnel => Ok(String::new()),
            None => Err(missing(self.config, self.section, "remotehost")),
        }
    }

    fn port(&self, gmail: bool, encryption: Encryption) -> Result<u16> {
        let default = if gmail || encryption == Encryption::Tls { 993 } else { 143 };
        let mut value = self.value("remoteport")?;
        if let Some(evaluated) = self.value("remoteporteval")? {
            let text = rules::text(self.config, self.section, "remoteporteval")?.unwrap_or_default();
            value = Some(Value { text, ..evaluated });
        }
        match value {
            Some(value) => match value.integer::<u16>()? {
                0 => Err(value.error("must be a port, from 1 to 65535")),
                port => Ok(port),
            },
            None => Ok(default),
        }
    }

    fn encryption(&self) -> Result<Encryption> {
        let ssl = self.config.boolean(self.section, "ssl", true)?;
        let starttls = self.config.boolean(self.section, "starttls", true)?;
        Ok(match (ssl, starttls) {
            (true, _) => Encryption::Tls,
            (false, true) => Encryption::StartTls,
            (false, false) => Encryption::None,
        })
    }

    fn tunnel(&self) -> Result<Option<Tunnel>> {
        let preauth = self.value("preauthtunnel")?;
        let transport = self.value("transporttunnel")?;
        match (preauth, transport) {
            (Some(_), Some(value)) => Err(value.error("and `preauthtunnel` exclude each other")),
            (Some(value), None) => Ok(Some(Tunnel { command: value.text, preauth: true })),
            (None, Some(value)) => Ok(Some(Tunnel { command: value.text, preauth: false })),
            (None, None) => Ok(None),
        }
    }

    fn ca_file(&self) -> Result<Option<PathBuf>> {
        let Some(value) = self.value("sslcacertfile")? else { return Ok(None) };
        if value.text.trim() == "OS-DEFAULT" {
            return Ok(None);
        }
        let path = expand(value.text.trim(), self.environment);
        if path.is_file() {
            return Ok(Some(path));
        }
        Err(value
            .error(format!("is not a file: {}", path.display()))
            .with_hint("OS-DEFAULT stands for the certificates of the system"))
    }

    fn fingerprints(&self) -> Result<Vec<String>> {
        let Some(value) = self.value("cert_fingerprint")? else { return Ok(Vec::new()) };
        let clean = |text: &String| text.replace([':', ' '], "").to_ascii_lowercase();
        let fingerprints: Vec<String> = value.list().iter().map(clean).collect();
        let sound = |text: &String| {
            matches!(text.len(), 40 | 56 | 64 | 96 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match fingerprints.iter().all(sound) {
            true => Ok(fingerprints),
            false => Err(value
                .error("must be SHA-256 (or SHA-1, -224, -384, -512) fingerprints in hexadecimal digits")
                .with_hint("openssl x509 -noout -fingerprint -sha256 -in certificate.pem")),
        }
    }

    fn client_certificate(&self) -> Result<Option<(PathBuf, PathBuf)>> {
        let Some(certificate) = self.path("sslclientcert")? else { return Ok(None) };
        let key = self.path("sslclientkey")?.unwrap_or_else(|| certificate.clone());
        Ok(Some((certificate, key)))
    }

    /// Old names of protocol versions are accepted: what they meant at least is less than what is spoken at least.
    fn tls13(&self) -> Result<bool> {
        if let Some(level) = self.value("tls_level")?
            && !["tls_secure", "tls_no_ssl", "tls_compat"].contains(&level.text.trim())
        {
            return Err(level.error("must be tls_secure, tls_no_ssl or tls_compat"));
        }
        let Some(version) = self.value("ssl_version")? else { return Ok(false) };
        match version.text.trim() {
            "tls1_3" => Ok(true),
            "tls1_2" | "ssl23" | "tls1" | "tls1_1" => Ok(false),
            "ssl2" | "ssl3" => {
                let hint =
                    "the lowest version spoken is TLS 1.2; for an older server use `transporttunnel` with stunnel";
                Err(version.error("asks for a protocol that is broken").with_hint(hint))
            }
            _ => Err(version.error("must be tls1_2 or tls1_3")),
        }
    }

    fn password(&self) -> Result<Option<PasswordSource>> {
        if let Some(text) = rules::text(self.config, self.section, "remotepasseval")? {
            return Ok(Some(PasswordSource::Text(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))));
        }
        if let Some(value) = self.config.get(self.section, "remotepass")?.filter(|value| !value.text.is_empty()) {
            return Ok(Some(PasswordSource::Text(Secret::new(value.text))));
        }
        if let Some(file) = self.path("remotepassfile")? {
            return Ok(Some(PasswordSource::File(file)));
        }
        Ok(self.value("remotepasscmd")?.map(|value| PasswordSource::Command(value.text)))
    }

    fn mechanisms(&self) -> Result<Vec<String>> {
        let Some(value) = self.value("auth_mechanisms")? else { return Ok(Vec::new()) };
        let mechanisms: Vec<String> = value.list().iter().map(|name| name.to_ascii_uppercase()).collect();
        match mechanisms.iter().find(|name| !MECHANISMS.contains(&name.as_str())) {
            Some(unknown) => {
                Err(value.error(format!("names `{unknown}`, which is not one of {}", MECHANISMS.join(", "))))
            }
            None if mechanisms.iter().all(|name| name == GSSAPI) => Err(value
                .error(format!("names {GSSAPI} alone, which is not supported; nothing was synced"))
                .with_hint(
                    "add PLAIN or another way to log in with a password, or use `preauthtunnel` with a command that logs in by Kerberos",
                )),
            None => Ok(mechanisms),
        }
    }

    fn compression(&self) -> Result<Compression> {
        let Some(value) = self.value("usecompression")? else { return Ok(Compression::Auto) };
        match value.boolean() {
            _ if value.text.trim().eq_ignore_ascii_case("auto") => Ok(Compression::Auto),
            Ok(true) => Ok(Compression::Always),
            Ok(false) => Ok(Compression::Never),
            Err(_) => Err(value.error("must be yes, no or auto")),
        }
    }

    fn keep_alive(&self) -> Result<Option<Duration>> {
        let seconds = self.config.integer(self.section, "keepalive", 0u64)?;
        Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
    }

    /// A command, or the lambda around one that old files have.
    fn new_mail_hook(&self) -> Result<Option<String>> {
        let Some(value) = self.value("newmail_hook")? else { return Ok(None) };
        let text = value.text.trim();
        if !text.starts_with("lambda") {
            return Ok(Some(text.to_owned()));
        }
        let call = text.strip_prefix("lambda").map(|rest| rest.trim_start().trim_start_matches(':').trim_start());
        let argument = call.and_then(|call| call.strip_prefix("os.system(")?.trim_end().strip_suffix(')'));
        let command = argument.and_then(|argument| Expression::parse(argument).ok()?.text().ok());
        command.map(Some).ok_or_else(|| {
            value
                .error("is Python code, which is not run; nothing was synced")
                .with_hint("write the shell command itself, for example `newmail_hook = aplay ~/ding.wav`")
        })
    }

    fn max_connections(&self) -> Result<usize> {
        let Some(value) = self.value("maxconnections")? else { return Ok(2) };
        match value.integer()? {
            0 => Err(value.error("must be at least 1")),
            number => Ok(number),
        }
    }
}
