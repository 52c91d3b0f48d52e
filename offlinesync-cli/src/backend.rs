//! From settings to repositories.

use crate::naming::digest_name;
use crate::oauth::{self, Token};
use crate::password::Finder;
use crate::settings::{AccountSettings, Encryption, ImapSettings, MaildirSettings, RepositorySettings, Store};
use crate::streams::Streams;
use crate::ui::{Hub, Question};
use mail_parser::MessageParser;
use offlinesync_core::{Cancel, Error, ErrorKind, Observer, PerSide, Repository, Result, Side};
use offlinesync_imap::ImapRepository;
use offlinesync_imap::config::{
    Fingerprint, ImapConfig, Mechanism, PasswordSource, Proxy, Secret, Timeouts, Tls, TlsVersion, Trust, Tunnel,
};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// What repositories need from the program.
#[derive(Clone, Debug)]
pub struct Means {
    /// Who is asked and told.
    pub hub: Arc<Hub>,
    /// Where `~/.netrc` is.
    pub streams: Arc<Streams>,
    /// Stops everything.
    pub cancel: Cancel,
    /// Whether changes are waited for to be safe on disk.
    pub fsync: bool,
    /// One connection only.
    pub single: bool,
}

/// The repositories of an account.
pub struct Backends {
    /// Both of them.
    pub repositories: PerSide<Arc<dyn Repository>>,
    /// Those of them that are servers.
    pub servers: PerSide<Option<ImapRepository>>,
    /// Those of them that are on this machine.
    pub maildirs: PerSide<Option<MaildirRepository>>,
    hold_open: PerSide<bool>,
    logins: PerSide<Option<Arc<Remembered>>>,
}

/// A password that was found once and is used until a server refuses it.
struct Remembered {
    settings: ImapSettings,
    token_proxy: Option<Proxy>,
    repository: String,
    account: String,
    means: Means,
    secret: Mutex<Option<Secret>>,
    token: Mutex<Option<Token>>,
    /// What a server said to the last one.
    refused: Mutex<Option<String>>,
}

impl Backends {
    /// Makes both; no connection is opened and no file touched.
    ///
    /// # Errors
    /// Kind `Configuration`.
    pub fn new(account: &AccountSettings, means: &Means, observer: &Arc<dyn Observer>) -> Result<Self> {
        let make = |side: Side| make(account, &account.repositories[side], means, observer);
        let (remote, local) = (make(Side::Remote)?, make(Side::Local)?);
        Ok(Backends {
            repositories: PerSide { remote: remote.repository, local: local.repository },
            servers: PerSide { remote: remote.server, local: local.server },
            maildirs: PerSide { remote: remote.maildir, local: local.maildir },
            hold_open: PerSide::from_fn(|side| match &account.repositories[side].store {
                Store::Imap(settings) => settings.holds_open(),
                Store::Maildir(_) => false,
            }),
            logins: PerSide { remote: remote.login, local: local.login },
        })
    }

    /// Sends a sign of life on every connection that is kept.
    pub fn keep_alive(&self) {
        Side::BOTH.iter().filter_map(|side| self.servers[*side].as_ref()).for_each(ImapRepository::keep_alive);
    }

    /// Lets go of every connection; the next sync opens others.
    pub fn close(&self) {
        Side::BOTH.iter().for_each(|side| self.repositories[*side].close());
    }

    /// Lets go of connections that need not be kept; forgets passwords if a server refused one, in these words.
    pub fn rest(&self, refused: Option<&Error>) {
        let closed = Side::BOTH.into_iter().filter(|side| refused.is_some() || !self.hold_open[*side]);
        closed.for_each(|side| self.repositories[side].close());
        let Some(refused) = refused else { return };
        for login in [&self.logins.remote, &self.logins.local].into_iter().flatten() {
            *login.secret.lock().unwrap_or_else(PoisonError::into_inner) = None;
            *login.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
            *login.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused.to_string());
        }
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        self.close();
    }
}

struct Made {
    repository: Arc<dyn Repository>,
    server: Option<ImapRepository>,
    maildir: Option<MaildirRepository>,
    login: Option<Arc<Remembered>>,
}

fn make(
    account: &AccountSettings,
    repository: &RepositorySettings,
    means: &Means,
    observer: &Arc<dyn Observer>,
) -> Result<Made> {
    match &repository.store {
        Store::Maildir(settings) => {
            let config = maildir(account, repository, settings, means, observer);
            let maildir = MaildirRepository::new(config)?;
            Ok(Made { repository: Arc::new(maildir.clone()), server: None, maildir: Some(maildir), login: None })
        }
        Store::Imap(settings) => {
            let login = Remembered::new(account, repository, settings, means);
            let config = imap(account, repository, settings, &login, observer)?;
            let server = ImapRepository::new(config);
            Ok(Made { repository: Arc::new(server.clone()), server: Some(server), maildir: None, login: Some(login) })
        }
    }
}

/// The Maildir of a side, to be asked what the engine does not ask.
///
/// # Errors
/// Kind `Configuration`, also if the side is no Maildir.
pub fn maildir_repository(account: &AccountSettings, side: Side) -> Result<MaildirRepository> {
    let repository = &account.repositories[side];
    match &repository.store {
        Store::Maildir(settings) => MaildirRepository::new(maildir_layout(account, repository, settings)),
        Store::Imap(_) => {
            Err(Error::new(ErrorKind::Configuration, format!("repository '{}' is no Maildir", repository.name)))
        }
    }
}

fn maildir(
    account: &AccountSettings,
    repository: &RepositorySettings,
    settings: &MaildirSettings,
    means: &Means,
    observer: &Arc<dyn Observer>,
) -> MaildirConfig {
    let mut config = maildir_layout(account, repository, settings);
    config.fsync = means.fsync;
    config.name_from_header = settings.name_from_header;
    config.time_from_header = settings.time_from_header;
    config.header_date = Some(Arc::new(header_date));
    config.observer = Arc::clone(observer);
    config.cancel = means.cancel.clone();
    config
}

fn maildir_layout(
    account: &AccountSettings,
    repository: &RepositorySettings,
    settings: &MaildirSettings,
) -> MaildirConfig {
    let mut config = MaildirConfig::new(&repository.name, &settings.root).with_separator(settings.separator);
    config.info_separator = if account.windows_compatible { '!' } else { ':' };
    config.file_time = settings.file_time;
    config.stable_directories = settings.stable_directories;
    config.custom_flags = settings.custom_flags.clone();
    if let Some(rename) = repository.rules.rename.clone() {
        config.digest_name = Some(Arc::new(move |name: &str| digest_name(&rename, name)));
    }
    config
}

/// When the author sent a message, or else when it was delivered, by its header.
fn header_date(header: &[u8]) -> Option<i64> {
    let message = MessageParser::new().parse_headers(header)?;
    let delivered = || message.header("Delivery-date").and_then(|value| value.as_datetime());
    let date = message.date().or_else(delivered).filter(|date| date.is_valid())?;
    Some(date.to_timestamp())
}

fn imap(
    account: &AccountSettings,
    repository: &RepositorySettings,
    settings: &ImapSettings,
    login: &Arc<Remembered>,
    observer: &Arc<dyn Observer>,
) -> Result<ImapConfig> {
    let user = login.user()?;
    let (password, token) = (Arc::clone(login), Arc::clone(login));
    let token: PasswordSource = Arc::new(move || token.access_token());
    let means = &login.means;
    let config = ImapConfig::new(&repository.name, &settings.host, user, move || password.secret())
        .port(Some(settings.port))
        .token(settings.oauth.as_ref().map(|_| token))
        .acting_for(settings.acting_for.clone())
        .retries(settings.retries)
        .extra_folders(repository.rules.includes.clone())
        .tls(match settings.encryption {
            Encryption::Tls if settings.tunnel.is_none() => Tls::Implicit,
            Encryption::StartTls if settings.tunnel.is_none() => Tls::StartTls,
            _ => Tls::None,
        })
        .trust(trust(settings)?)
        .verify_name(settings.fingerprints.is_empty() || settings.ca_file.is_some())
        .min_tls(if settings.tls13 { TlsVersion::V1_3 } else { TlsVersion::V1_2 })
        .client_certificate(settings.client_certificate.clone())
        .mechanisms(settings.mechanisms.iter().filter_map(|name| mechanism(name)).collect())
        .tunnel(settings.tunnel.as_ref().map(|tunnel| match tunnel.preauth {
            true => Tunnel::Preauth(tunnel.command.clone()),
            false => Tunnel::Transport(tunnel.command.clone()),
        }))
        .proxy(account.proxy.clone())
        .max_connections(if means.single { 1 } else { settings.max_connections })
        .timeouts(Timeouts {
            connect: settings.timeout.min(Duration::from_secs(30)),
            read: settings.timeout,
            ..Timeouts::default()
        })
        .ipv6(settings.ipv6)
        .trace(means.hub.debug.imap)
        .observer(Arc::clone(observer))
        .cancel(means.cancel.clone())
        .reference(settings.reference.clone())
        .subscribed_only(settings.subscribed_only)
        .utf8_folder_names(account.utf8_names)
        .compression(settings.compression)
        .expunge(settings.expunge);
    Ok(config)
}

fn trust(settings: &ImapSettings) -> Result<Trust> {
    let authority = settings.ca_file.clone().map(Trust::CaFile);
    if settings.fingerprints.is_empty() {
        return Ok(authority.unwrap_or_default());
    }
    let pins: Result<Vec<Fingerprint>> = settings.fingerprints.iter().map(|text| Fingerprint::parse(text)).collect();
    Ok(Trust::Fingerprints { pins: pins?, authority: authority.map(Box::new) })
}

/// One of the configured mechanisms. Old files name all that OfflineIMAP knew; what is not there is passed over.
fn mechanism(name: &str) -> Option<Mechanism> {
    match name {
        "XOAUTH2" => Some(Mechanism::Xoauth2),
        "OAUTHBEARER" => Some(Mechanism::OauthBearer),
        "SCRAM-SHA-256" => Some(Mechanism::ScramSha256),
        "SCRAM-SHA-1" => Some(Mechanism::ScramSha1),
        "CRAM-MD5" => Some(Mechanism::CramMd5),
        "PLAIN" => Some(Mechanism::Plain),
        "LOGIN" => Some(Mechanism::Login),
        _ => None,
    }
}

impl Remembered {
    fn new(
        account: &AccountSettings,
        repository: &RepositorySettings,
        settings: &ImapSettings,
        means: &Means,
    ) -> Arc<Remembered> {
        Arc::new(Remembered {
            settings: settings.clone(),
            token_proxy: account.token_proxy.clone(),
            repository: repository.name.clone(),
            account: account.name.clone(),
            means: means.clone(),
            secret: Mutex::default(),
            token: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    fn with_finder<T>(&self, find: impl FnOnce(&Finder<'_>) -> Result<T>) -> Result<T> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ask = |user: &str, prompt: &str| {
            self.means.hub.ask(&Question { account: &self.account, user, prompt, refused: refused.as_deref() })
        };
        find(&Finder {
            repository: &self.repository,
            environment: &*self.means.streams.environment,
            ask: self.means.hub.can_ask().then_some(&ask),
            cancel: &self.means.cancel,
        })
    }

    /// The user; behind a tunnel that logs in by itself there need be none.
    fn user(&self) -> Result<String> {
        let preauth = self.settings.tunnel.as_ref().is_some_and(|tunnel| tunnel.preauth);
        let user = self.with_finder(|finder| finder.user(&self.settings));
        if preauth { Ok(user.unwrap_or_default()) } else { user }
    }

    /// An access token that should still be good.
    fn access_token(&self) -> Result<Secret> {
        let Some(oauth) = &self.settings.oauth else { return self.secret() };
        let mut known = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = known.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.secret.clone());
        }
        match (&oauth.refresh, &oauth.token) {
            (Some(refresh), None) => {
                let refresh = self.with_finder(|finder| finder.refresh(refresh))?;
                let token = oauth::refresh(&refresh, self.token_proxy.as_ref(), &self.means.cancel);
                let token = token.map_err(|error| error.at(format!("repository '{}'", self.repository)))?;
                Ok(known.insert(token).secret.clone())
            }
            (_, Some(source)) => self.with_finder(|finder| finder.read(source)),
            (None, None) => self.secret(),
        }
    }

    fn secret(&self) -> Result<Secret> {
        let mut known = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = &*known {
            return Ok(secret.clone());
        }
        let login = self.with_finder(|finder| finder.login(&self.settings))?;
        *known = Some(login.secret.clone());
        Ok(login.secret)
    }
}
