//! Accounts and stores of mbsync's configuration, and which of our options they come to. Pure but for `~`.

use super::Notes;
use super::channel;
use super::rc::{Kind, Line, Section};
use crate::config::discover::{Environment, tilde};
use offlinesync_core::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// The size from which on messages are large for a store; zero is for no limit.
pub(super) fn max_size(section: &Section) -> Result<Option<u64>> {
    section.find(&["MaxSize"]).map(channel::size).transpose()
}

/// A store of either kind.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Imap(ImapStore),
    Maildir(MaildirStore),
}

/// A store on a server.
#[derive(Clone, Debug)]
pub(super) struct ImapStore {
    /// Options of our repository, in the order they are written.
    pub(super) options: Vec<(&'static str, String)>,
    /// Before every mailbox name but INBOX.
    pub(super) path: String,
    /// Whether the prefix of the personal namespace is put before names.
    pub(super) namespace: bool,
    /// Seconds.
    pub(super) timeout: Option<u64>,
}

/// How names of mailboxes with levels become directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `top/sub`
    Verbatim,
    /// `.top.sub` in the inbox
    PlusPlus,
    /// `top/.sub`
    Legacy,
    /// `top.sub`, with any character
    Flat(char),
}

/// A tree of Maildirs.
#[derive(Clone, Debug)]
pub(super) struct MaildirStore {
    /// What stands before every mailbox name but INBOX, with a slash at its end if it is a directory; `None` where only INBOX is used.
    pub(super) path: Option<String>,
    pub(super) inbox: PathBuf,
    pub(super) style: Style,
}

/// Reads a store; what cannot be expressed and would change what happens to mail is an error.
pub(super) fn read(
    section: &Section,
    sections: &[Section],
    environment: &dyn Environment,
    notes: &mut Notes,
) -> Result<Store> {
    match section.kind {
        Kind::MaildirStore => maildir(section, sections, environment).map(Store::Maildir),
        _ => imap(section, sections, environment, notes).map(Store::Imap),
    }
}

/// Options of all stores that stand for something we do not do with mail.
fn refuse_common(section: &Section) -> Result<()> {
    for line in &section.lines {
        match line.keyword.to_ascii_lowercase().as_str() {
            "trash" => return Err(line.wrong(
                "has no counterpart: what is removed is not copied to a trash first; take it out to import the channel",
            )),
            "mapinbox" => return Err(line.wrong("has no counterpart")),
            _ => {}
        }
    }
    Ok(())
}

fn local(path: &str, environment: &dyn Environment) -> String {
    tilde(path, environment).display().to_string()
}

fn maildir(section: &Section, sections: &[Section], environment: &dyn Environment) -> Result<MaildirStore> {
    refuse_common(section)?;
    let globals = &sections[0];
    let info = section.find(&["InfoDelimiter"]).or_else(|| globals.find(&["FieldDelimiter"]));
    if let Some(line) = info.filter(|line| line.value().ok() != Some(":")) {
        return Err(line.wrong("other than `:` has no counterpart"));
    }
    let inbox = section.find(&["Inbox"]).map_or(Ok("~/Maildir"), Line::value)?;
    let path = section.find(&["Path"]).map(|line| Ok::<_, Error>(local(line.value()?, environment))).transpose()?;
    let inbox = PathBuf::from(local(inbox, environment).trim_end_matches('/'));
    for (place, line) in [(path.as_deref().map(Path::new), "Path"), (Some(inbox.as_path()), "Inbox")] {
        if place.is_some_and(|path| !path.is_absolute()) {
            let number = section.find(&[line]).map_or(section.number, |line| line.number);
            let sentence = format!("line {number}: `{line}` is relative, and from where mbsync is run is not known");
            return Err(Error::new(ErrorKind::Configuration, sentence));
        }
    }
    Ok(MaildirStore { path, inbox, style: style(section)? })
}

fn style(section: &Section) -> Result<Style> {
    if let Some(line) = section.find(&["Flatten"]) {
        let mut characters = line.value()?.chars();
        return match (characters.next(), characters.next()) {
            (Some(c), None) if !c.is_alphanumeric() && c != '/' => Ok(Style::Flat(c)),
            _ => Err(line.wrong("must be one character that is no letter or digit")),
        };
    }
    let Some(line) = section.find(&["SubFolders"]) else { return Ok(Style::Verbatim) };
    match line.value()?.to_ascii_lowercase().as_str() {
        "verbatim" => Ok(Style::Verbatim),
        "maildir++" => Ok(Style::PlusPlus),
        "legacy" => Ok(Style::Legacy),
        _ => Err(line.wrong("must be Verbatim, Maildir++ or Legacy")),
    }
}

fn imap(
    section: &Section,
    sections: &[Section],
    environment: &dyn Environment,
    notes: &mut Notes,
) -> Result<ImapStore> {
    refuse_common(section)?;
    if let Some(line) = section.find(&["Flatten"]) {
        return Err(line.wrong("has no counterpart on a server"));
    }
    let account = match section.find(&["Account"]) {
        Some(line) => {
            let name = line.value()?;
            let found = sections.iter().find(|section| section.kind == Kind::ImapAccount && section.name == name);
            found.ok_or_else(|| line.wrong(&format!("names an account `{name}` that is not there")))?
        }
        None => section,
    };
    let truth = |keyword: &str, default: bool| section.find(&[keyword]).map_or(Ok(default), Line::truth);
    let mut options = connection(account, environment, notes)?;
    if truth("SubscribedOnly", false)? {
        options.push(("subscribedonly", "yes".to_owned()));
    }
    let timeout = account.find(&["Timeout"]);
    Ok(ImapStore {
        options,
        path: section.find(&["Path"]).map_or(Ok(""), Line::value)?.to_owned(),
        namespace: truth("UseNamespace", true)?,
        timeout: timeout.and_then(|line| line.value().ok()?.parse().ok()).filter(|seconds| *seconds > 0),
    })
}

/// The options that tell how to reach a server and log in.
fn connection(
    account: &Section,
    environment: &dyn Environment,
    notes: &mut Notes,
) -> Result<Vec<(&'static str, String)>> {
    let mut options: Vec<(&'static str, String)> = Vec::new();
    let tunnel = account.find(&["Tunnel"]);
    let host = account.find(&["Host"]).map(Line::value).transpose()?;
    if host.is_none() && tunnel.is_none() {
        let sentence = format!("line {}: there is neither `Host` nor `Tunnel`", account.number);
        return Err(Error::new(ErrorKind::Configuration, sentence));
    }
    options.push(("remotehost", host.unwrap_or("localhost").trim_start_matches("imaps:").to_owned()));
    options.extend(encryption(account, host, tunnel.is_some())?);
    for line in &account.lines {
        let value = || line.value().map(str::to_owned);
        match line.keyword.to_ascii_lowercase().as_str() {
            "port" => options.push(("remoteport", value()?)),
            "user" => options.push(("remoteuser", value()?)),
            "usercmd" => return Err(line.wrong("has no counterpart; write the name with `User`")),
            "pass" => options.push(("remotepass", value()?)),
            "passcmd" => options.push(("remotepasscmd", value()?.trim_start_matches('+').to_owned())),
            "usekeychain" if line.truth()? => {
                notes.remark(line, "no keychain is asked; the password will be asked for")
            }
            "tunnel" => {
                let way = if account.find(&["User"]).is_some() { "transporttunnel" } else { "preauthtunnel" };
                options.push((way, value()?));
            }
            "authmechs" | "authmech" => options.extend(mechanisms(line)),
            "requirecram" if line.truth()? => return Err(line.wrong("has no counterpart")),
            "certificatefile" => {
                options.push(("sslcacertfile", local(&value()?, environment)));
                let system = account.find(&["SystemCertificates"]).map_or(Ok(true), Line::truth)?;
                if system {
                    notes.remark(line, "only certificates that this file's authorities have signed are trusted; for a certificate of the server itself use cert_fingerprint");
                }
            }
            "clientcertificate" => options.push(("sslclientcert", local(&value()?, environment))),
            "clientkey" => options.push(("sslclientkey", local(&value()?, environment))),
            "sslversions" | "sslversion" | "tlsversions" if needs_13(line) => {
                options.push(("ssl_version", "tls1_3".to_owned()));
            }
            "cipherstring" | "pipelinedepth" | "disableextension" | "disableextensions" => {
                notes.remark(line, "has no counterpart and is left out");
            }
            _ => {}
        }
    }
    Ok(options)
}

fn encryption(account: &Section, host: Option<&str>, tunnel: bool) -> Result<Vec<(&'static str, String)>> {
    let option = |ssl: &str, starttls: &str| vec![("ssl", ssl.to_owned()), ("starttls", starttls.to_owned())];
    let old_imaps = host.is_some_and(|host| host.starts_with("imaps:"))
        || account.find(&["UseIMAPS"]).map_or(Ok(false), Line::truth)?;
    let Some(line) = account.find(&["SSLType", "TLSType"]) else {
        return Ok(match (old_imaps, tunnel) {
            (true, _) => option("yes", "no"),
            (false, true) => Vec::new(),
            (false, false) => option("no", "yes"),
        });
    };
    match line.value()?.to_ascii_lowercase().as_str() {
        "none" if tunnel => Ok(Vec::new()),
        _ if tunnel => Err(line.wrong("has no counterpart for a tunnel")),
        "none" => Ok(option("no", "no")),
        "starttls" => Ok(option("no", "yes")),
        "imaps" => Ok(option("yes", "no")),
        _ => Err(line.wrong("must be None, STARTTLS or IMAPS")),
    }
}

fn mechanisms(line: &Line) -> Option<(&'static str, String)> {
    let any = line.arguments.iter().any(|name| name == "*");
    let names: Vec<String> = line.arguments.iter().map(|name| name.to_ascii_uppercase()).collect();
    (!any && !names.is_empty()).then(|| ("auth_mechanisms", names.join(", ")))
}

/// Whether versions below TLS 1.3 are excluded.
fn needs_13(line: &Line) -> bool {
    let has = |name: &str| line.arguments.iter().any(|word| word.eq_ignore_ascii_case(name));
    has("-1.2") || has("TLSv1.3") && !has("TLSv1.2")
}
