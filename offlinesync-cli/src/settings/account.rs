//! The general options and those of an account.

use super::age::Age;
use super::imap::ImapSettings;
use super::maildir::{MaildirSettings, missing};
use super::rules::FolderRules;
use crate::config::check;
use crate::config::discover::{Environment, expand};
use crate::config::options::near;
use crate::config::{Config, Place, Value};
use offlinesync_core::plan::ConflictRule;
use offlinesync_core::{BrakeLimits, Error, ErrorKind, PerSide, Policy, Result, Side, Window};
use offlinesync_imap::config::{Proxy, ProxyKind, Secret};
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may be silent where nothing is configured.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// `[general]`.
#[derive(Clone, Debug)]
pub struct General {
    /// Directory of status files and locks.
    pub metadata: PathBuf,
    /// Accounts to sync.
    pub accounts: Vec<String>,
    /// Accounts synced at the same time, at least 1.
    pub max_sync_accounts: usize,
    /// The user interface, if one is configured.
    pub ui: Option<Value>,
    /// Whether every change is waited for to be safe on disk.
    pub fsync: bool,
    /// How long a server may be silent.
    pub timeout: Duration,
    /// No warning about read-only folders.
    pub ignore_read_only: bool,
    /// Plan only.
    pub dry_run: bool,
}

/// One account with its repositories.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// Its name.
    pub name: String,
    /// Its two repositories.
    pub repositories: PerSide<RepositorySettings>,
    /// The pause between two syncs; `None`: sync once.
    pub autorefresh: Option<Duration>,
    /// Quick syncs between two full ones; negative: all are quick.
    pub quick: i64,
    /// Command before a sync.
    pub pre_sync_hook: Option<String>,
    /// Command after a sync.
    pub post_sync_hook: Option<String>,
    /// `!` instead of `:` in file names.
    pub windows_compatible: bool,
    /// Folder names on disk and in expressions are UTF-8.
    pub utf8_names: bool,
    /// How old messages that take part may be.
    pub age: Option<Age>,
    /// How the status is kept.
    pub status: StatusBackend,
    /// The proxy of connections.
    pub proxy: Option<Proxy>,
    /// The proxy of requests for access tokens.
    pub token_proxy: Option<Proxy>,
    /// No warning about folders that the server keeps read-only.
    pub ignore_read_only: bool,
    /// What the engine may do.
    pub policy: Policy,
}

/// How the status of an account is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusBackend {
    /// One SQLite file.
    #[default]
    Sqlite,
    /// One text file for each pair of folders.
    Plain,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct RepositorySettings {
    /// Its name.
    pub name: String,
    /// Its section.
    pub section: String,
    /// Its type, for messages.
    pub type_: &'static str,
    /// What and where it is.
    pub store: Store,
    /// Which folders take part.
    pub rules: FolderRules,
}

/// A kind of store.
#[derive(Clone, Debug)]
pub enum Store {
    /// IMAP.
    Imap(Box<ImapSettings>),
    /// Maildir.
    Maildir(MaildirSettings),
}

impl General {
    /// Reads `[general]`.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(config: &Config, environment: &dyn Environment) -> Result<Self> {
        const GENERAL: &str = "general";
        check::refuse_unsupported(config, &[GENERAL])?;
        let metadata = config.get_filled(GENERAL, "metadata")?;
        let metadata = metadata.map_or("~/.offlineimap".to_owned(), |value| value.text.trim().to_owned());
        let seconds = config.integer(GENERAL, "socktimeout", 0u64)?;
        Ok(General {
            metadata: expand(&metadata, environment),
            accounts: config.get_filled(GENERAL, "accounts")?.map_or_else(Vec::new, |value| value.list()),
            max_sync_accounts: config.integer(GENERAL, "maxsyncaccounts", 1usize)?.max(1),
            ui: config.get_filled(GENERAL, "ui")?,
            fsync: config.boolean(GENERAL, "fsync", true)?,
            timeout: if seconds == 0 { DEFAULT_TIMEOUT } else { Duration::from_secs(seconds) },
            ignore_read_only: config.boolean(GENERAL, "ignore-readonly", false)?,
            dry_run: config.boolean(GENERAL, "dry-run", false)?,
        })
    }
}

/// The sections an account reads, itself and its repositories.
pub fn sections_of(config: &Config, account: &str) -> Result<[String; 3]> {
    let section = format!("Account {account}");
    if config.section_place(&section).is_none() {
        return Err(no_such_account(config, account));
    }
    let local = repository_section(config, &section, "localrepository")?;
    let remote = repository_section(config, &section, "remoterepository")?;
    Ok([section, remote, local])
}

/// Whether names are in UTF-8: the account says so, or its remote repository does, in the older form.
fn utf8_names(config: &Config, section: &str) -> Result<bool> {
    if config.boolean(section, "utf8foldernames", false)? {
        return Ok(true);
    }
    let Some(remote) = config.get(section, "remoterepository")? else { return Ok(false) };
    config.boolean(&format!("Repository {}", remote.text.trim()), "decodefoldernames", false)
}

fn no_such_account(config: &Config, account: &str) -> Error {
    let names: Vec<&str> =
        config.sections().iter().filter_map(|section| section.name.strip_prefix("Account ")).collect();
    let error = Error::new(ErrorKind::Configuration, format!("there is no account '{account}'"));
    match near(names.iter().copied(), account) {
        Some(meant) => error.with_hint(format!("did you mean '{meant}'?")),
        None if names.is_empty() => error.with_hint("describe it in a section [Account NAME]"),
        None => error.with_hint(format!("valid accounts are: {}", names.join(", "))),
    }
}

fn repository_section(config: &Config, account: &str, option: &str) -> Result<String> {
    let value = config.get_filled(account, option)?.ok_or_else(|| missing(config, account, option))?;
    let section = format!("Repository {}", value.text.trim());
    if config.section_place(&section).is_some() {
        return Ok(section);
    }
    let error = value.error(format!("names a repository for which there is no section [{section}]"));
    let names =
        config.sections().iter().map(|section| section.name.as_str()).filter(|name| name.starts_with("Repository "));
    Err(match near(names, &section) {
        Some(meant) => error.with_hint(format!("did you mean [{meant}]?")),
        None => error,
    })
}

impl AccountSettings {
    /// Reads the section of an account and those of its repositories.
    ///
    /// # Errors
    /// Kind `Configuration`, naming section, option and line.
    pub fn read(config: &Config, general: &General, account: &str, environment: &dyn Environment) -> Result<Self> {
        let [section, remote, local] = sections_of(config, account)?;
        check::refuse_unsupported(config, &[&section, &remote, &local])?;
        if remote == local {
            let place = config.section_place(&section).cloned().unwrap_or_else(|| config.place());
            return Err(place.error(format!("[{section}] has the same repository on both sides")));
        }
        let sections = PerSide { remote: remote.as_str(), local: local.as_str() };
        let read = |side: Side| RepositorySettings::read(config, general, sections[side], environment);
        let repositories = PerSide { remote: read(Side::Remote)?, local: read(Side::Local)? };
        let hook = |name: &str| Ok::<_, Error>(config.get_filled(&section, name)?.map(|value| value.text));
        Ok(AccountSettings {
            name: account.to_owned(),
            repositories,
            autorefresh: autorefresh(config, &section)?,
            quick: config.integer(&section, "quick", 0i64)?,
            pre_sync_hook: hook("presynchook")?,
            post_sync_hook: hook("postsynchook")?,
            windows_compatible: config.boolean(&section, "maildir-windows-compatible", false)?,
            utf8_names: utf8_names(config, &section)?,
            age: Age::read(config, &section, [&remote, &local])?,
            status: status_backend(config, &section)?,
            token_proxy: match config.get(&section, "authproxy")? {
                Some(_) => proxy(config, &section, "authproxy")?,
                None => proxy(config, &section, "proxy")?,
            },
            proxy: proxy(config, &section, "proxy")?,
            ignore_read_only: general.ignore_read_only,
            policy: policy(config, general, &section, sections)?,
        })
    }
}

/// Minutes, cut to whole seconds.
fn autorefresh(config: &Config, section: &str) -> Result<Option<Duration>> {
    let Some(value) = config.get_filled(section, "autorefresh")? else { return Ok(None) };
    let minutes = value.float()?;
    if minutes <= 0.0 {
        return Ok(None);
    }
    let seconds = (minutes * 60.0).min(u64::MAX as f64 / 2.0) as u64;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

fn policy(config: &Config, general: &General, section: &str, repositories: PerSide<&str>) -> Result<Policy> {
    let both = |name: &str, default: bool| -> Result<PerSide<bool>> {
        Ok(PerSide {
            remote: config.boolean(repositories.remote, name, default)?,
            local: config.boolean(repositories.local, name, default)?,
        })
    };
    Ok(Policy {
        read_only: both("readonly", false)?,
        propagate_removals: both("sync_deletes", true)?,
        create_folders: both("createfolders", true)?,
        conflict: conflict(config, section)?,
        window: window(config, section)?,
        brake: brake(config, section)?,
        dry_run: general.dry_run,
        ..Policy::default()
    })
}

/// Octets, above which messages take no part.
fn window(config: &Config, section: &str) -> Result<Window> {
    let octets = config.get_filled(section, "maxsize")?.map(|value| value.integer::<u64>()).transpose()?;
    Ok(Window { since: None, max_octets: octets.filter(|octets| *octets > 0) })
}

fn status_backend(config: &Config, section: &str) -> Result<StatusBackend> {
    for (section, name) in [(section, "status_backend"), (section, "status-backend"), ("general", "status_backend")] {
        let Some(value) = config.get_filled(section, name)? else { continue };
        return match value.text.trim().to_ascii_lowercase().as_str() {
            "sqlite" => Ok(StatusBackend::Sqlite),
            "plain" => Ok(StatusBackend::Plain),
            _ => Err(value.error("must be sqlite or plain")),
        };
    }
    Ok(StatusBackend::default())
}

/// `TYPE:host:port`, or `TYPE:host:port:user:password`; an address of IPv6 in brackets. None is also `''`, as OfflineIMAP's example writes it.
fn proxy(config: &Config, section: &str, name: &str) -> Result<Option<Proxy>> {
    let value = config.get_filled(section, name)?.filter(|value| !["''", "\"\""].contains(&value.text.trim()));
    let Some(value) = value else { return Ok(None) };
    let form = || {
        value
            .error("must be SOCKS5:host:port, SOCKS4:host:port or HTTP:host:port")
            .with_hint("a user and a password may follow: SOCKS5:host:port:user:password")
    };
    let (kind, rest) = value.text.trim().split_once(':').ok_or_else(form)?;
    let kind = match kind.to_ascii_uppercase().as_str() {
        "SOCKS5" => ProxyKind::Socks5,
        "SOCKS4" => ProxyKind::Socks4,
        "HTTP" => ProxyKind::Http,
        _ => return Err(form()),
    };
    let (host, rest) = match rest.strip_prefix('[') {
        Some(inside) => inside.split_once("]:").ok_or_else(form)?,
        None => rest.split_once(':').ok_or_else(form)?,
    };
    let mut parts = rest.splitn(3, ':');
    let port = parts.next().and_then(|port| port.parse().ok()).filter(|port| *port > 0).ok_or_else(form)?;
    let login = match (parts.next(), parts.next()) {
        (Some(user), Some(password)) => Some((user.to_owned(), Secret::new(password.to_owned()))),
        (Some(_), None) => return Err(form()),
        _ => None,
    };
    Ok(Some(Proxy { kind, host: host.to_owned(), port, login }))
}

fn conflict(config: &Config, section: &str) -> Result<ConflictRule> {
    let Some(value) = config.get_filled(section, "conflict")? else { return Ok(ConflictRule::default()) };
    match value.text.trim() {
        "removal" => Ok(ConflictRule::RemovalWins),
        "change" => Ok(ConflictRule::ChangeWins),
        _ => Err(value.error("must be `removal` or `change`")),
    }
}

fn brake(config: &Config, section: &str) -> Result<BrakeLimits> {
    let default = BrakeLimits::default();
    let folder_percent = config.integer(section, "mass_delete_percent", default.folder_percent)?;
    if folder_percent > 100 {
        let place = config.get(section, "mass_delete_percent")?.map_or_else(|| config.place(), |value| value.place);
        return Err(place.error(format!("`mass_delete_percent` in [{section}] must be from 0 to 100")));
    }
    Ok(BrakeLimits {
        folder_floor: config.integer(section, "mass_delete_floor", default.folder_floor)?,
        folder_percent,
        emptied_folder: config.integer(section, "mass_delete_folder", default.emptied_folder)?,
        emptied_account: config.integer(section, "mass_delete_account", default.emptied_account)?,
        allowed: None,
    })
}

impl RepositorySettings {
    fn read(config: &Config, general: &General, section: &str, environment: &dyn Environment) -> Result<Self> {
        let value = config.get_filled(section, "type")?.ok_or_else(|| missing(config, section, "type"))?;
        let imap = |gmail| -> Result<Store> {
            let settings = ImapSettings::read(config, section, gmail, general.timeout, environment)?;
            Ok(Store::Imap(Box::new(settings)))
        };
        let maildir = || Ok::<_, Error>(Store::Maildir(MaildirSettings::read(config, section, environment)?));
        let (type_, store) = match value.text.trim().to_ascii_lowercase().as_str() {
            "imap" => ("IMAP", imap(false)?),
            "gmail" => ("Gmail", imap(true)?),
            "maildir" => ("Maildir", maildir()?),
            "gmailmaildir" => ("GmailMaildir", maildir()?),
            _ => return Err(value.error("must be IMAP, Gmail, Maildir or GmailMaildir")),
        };
        let name = section.strip_prefix("Repository ").unwrap_or(section).to_owned();
        let rules = FolderRules::read(config, section)?;
        Ok(RepositorySettings { name, section: section.to_owned(), type_, store, rules })
    }

    /// Where it is, for messages.
    pub fn place(&self, config: &Config) -> Place {
        config.section_place(&self.section).cloned().unwrap_or_else(|| config.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const TEXT: &str = "[general]\naccounts = a, b ,c\nsocktimeout = 7\n[Account a]\nlocalrepository = l\n\
                        remoterepository = r\nautorefresh = 0.5\nquick = 3\nconflict = change\nmass_delete_floor = 9\n\
                        [Repository l]\ntype = Maildir\nlocalfolders = ~/Mail\nsep = /\nreadonly = yes\ncustomflag_a = $Junk\n\
                        [Repository r]\ntype = gmail\nremoteuser = u\nremotepass =  p%%w\nsync_deletes = no\n";

    fn read(text: &str) -> Result<AccountSettings> {
        let environment = HashMap::from([("HOME", "/h")]);
        let config = Config::parse(text.as_bytes(), &"file".into())?;
        let general = General::read(&config, &environment)?;
        AccountSettings::read(&config, &general, "a", &environment)
    }

    fn refusal(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from));
        read(&TEXT.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn an_account_is_read_with_its_repositories_and_every_default() {
        let account = read(TEXT).unwrap();
        assert_eq!(account.autorefresh, Some(Duration::from_secs(30)));
        assert_eq!(account.quick, 3);
        assert_eq!(account.policy.read_only, PerSide { remote: false, local: true });
        assert_eq!(account.policy.propagate_removals, PerSide { remote: false, local: true });
        assert_eq!(account.policy.conflict, ConflictRule::ChangeWins);
        assert_eq!(account.policy.brake.folder_floor, 9);
        let Store::Maildir(local) = &account.repositories.local.store else { panic!() };
        assert_eq!((local.root.to_str(), local.separator, local.file_time), (Some("/h/Mail"), '/', true));
        assert_eq!(local.custom_flags.get(&'a').map(String::as_str), Some("$Junk"));
        let Store::Imap(remote) = &account.repositories.remote.store else { panic!() };
        assert_eq!(
            (remote.host.as_str(), remote.port, remote.encryption),
            ("imap.gmail.com", 993, crate::settings::Encryption::Tls)
        );
        assert_eq!(remote.timeout, Duration::from_secs(7));
        assert!(!format!("{account:?}").contains("p%w"), "a password was printed");
    }

    #[test]
    fn mistakes_name_section_option_and_line() {
        assert_eq!(
            refusal("type = gmail", "type = pop"),
            "file:18: `type` in [Repository r] must be IMAP, Gmail, Maildir or GmailMaildir"
        );
        assert_eq!(
            refusal("localfolders = ~/Mail", "localfolders ="),
            "file:11: `localfolders` is not set in [Repository l]"
        );
        assert_eq!(refusal("quick = 3", "quick = x"), "file:8: `quick` in [Account a] must be a whole number, not `x`");
        assert!(refusal("[Account a]", "[Account x]").contains("there is no account 'a'"));
        assert!(refusal("= r\n", "= rr\n").contains("[Repository rr]"));
        assert!(refusal("remoteuser = u", "cert_fingerprint = xyz").contains("`cert_fingerprint`"));
        for broken in ["ssl2", "ssl3"] {
            assert!(refusal("remoteuser = u", &format!("ssl_version = {broken}")).contains("broken"), "{broken}");
        }
        assert!(refusal("remoteuser = u", "remoteport = 70000").contains("`remoteport`"));
    }
}
