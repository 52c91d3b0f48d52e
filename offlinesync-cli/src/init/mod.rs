//! `offlinesync init`: asks, finds the server, tries the login, writes a first configuration. A file that is there is left alone.

mod dns;
mod file;
mod person;
mod providers;

use crate::args::Init;
use crate::backend::{Backends, Means};
use crate::config::Config;
use crate::config::discover::{Environment, candidates, expand};
use crate::say::{Outcome, error_lines};
use crate::settings::{AccountSettings, Encryption, General};
use crate::streams::Streams;
use crate::ui::{self, DebugTypes, Hub};
use dns::Resolver;
use file::{Choices, Password};
use offlinesync_core::wording::counted;
use offlinesync_core::{Cancel, Error, ErrorKind, FolderEntry, Observer, Result, SpecialUse};
use person::Person;
use providers::Server;
use std::io::{BufRead, Write};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Does it. What goes wrong is told here.
pub fn start(init: &Init, streams: &Arc<Streams>) -> Outcome {
    let result = path(init, &*streams.environment).and_then(|path| run(init, &path, streams));
    match result {
        Ok(()) => Outcome::InStep,
        Err(error) => {
            error_lines(&error).iter().for_each(|line| streams.err(&streams.paint(line)));
            Outcome::of(&error)
        }
    }
}

/// The file to write.
fn path(init: &Init, environment: &dyn Environment) -> Result<PathBuf> {
    let path = match &init.config {
        Some(given) => Some(expand(given, environment)),
        None => candidates(environment).into_iter().next(),
    };
    let path =
        path.ok_or_else(|| mistake("there is no home directory to write the configuration to", "name a file with -c"))?;
    if path.symlink_metadata().is_ok() { Err(file::exists(&path)) } else { Ok(path) }
}

fn run(init: &Init, path: &Path, streams: &Arc<Streams>) -> Result<()> {
    if !init.non_interactive && !streams.can_ask {
        let hint = "give --non-interactive, and what is to be known as options";
        return Err(mistake("nothing was written: there is no terminal to ask at", hint));
    }
    let mut input = std::io::stdin().lock();
    let mut output = Told(streams);
    let mut person = Person::new((!init.non_interactive).then_some(&mut input as &mut dyn BufRead), &mut output);
    let mut choices = decide(init, &mut person, Resolver::of_system().as_ref())?;
    if !init.no_login {
        person.tell(&format!("Logging in to {} as {} ...", choices.server.host, choices.user));
        drop(input);
        let folders = log_in(&file::text(&choices), &choices.account, streams, init.non_interactive)?;
        streams.err(&format!("Logged in; {}.", counted(folders.len(), "folder")));
        choices.left_out = doubles(&folders);
    }
    file::write(path, &file::text(&choices))?;
    streams.out(&format!("Written: {}", path.display()));
    let named = if init.config.is_some() { format!(" -c {}", path.display()) } else { String::new() };
    streams.out(&format!(
        "Next: `offlinesync check{named}`, then `offlinesync --dry-run{named}`, then `offlinesync{named}`."
    ));
    Ok(())
}

/// Questions go where errors go, so that standard output holds results alone.
struct Told<'a>(&'a Arc<Streams>);

impl Write for Told<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.err_part(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn mistake(problem: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Configuration, problem).with_hint(hint)
}

/// Everything, given, found or asked for.
fn decide(init: &Init, person: &mut Person<'_>, resolver: Option<&Resolver>) -> Result<Choices> {
    let problem = |address: &str| match domain_of(address) {
        Some(_) => None,
        None => Some(format!("`{address}` is no mail address: an address is NAME@DOMAIN")),
    };
    let address = person.ask_until(init.address.as_deref(), "Mail address", "--address", problem)?;
    let Some(domain) = domain_of(&address) else {
        let text = format!("nothing was written: `{address}` is no mail address");
        return Err(mistake(&text, "an address is NAME@DOMAIN"));
    };
    let server = server(init, person, domain, resolver)?;
    if let Some(note) = server.note {
        person.tell(&format!("note: {note}"));
    }
    let user = person.ask(init.user.as_deref(), "User name", Some(&address), "--user")?;
    let password = password(init, person)?;
    let account = init.account.clone().unwrap_or_else(|| account_name(domain));
    if account.is_empty() || account.contains(|c: char| c.is_control() || "/,[]".contains(c)) {
        return Err(mistake(
            &format!("nothing was written: `{account}` cannot be the name of an account"),
            "give --account",
        ));
    }
    let maildir = person.ask(init.maildir.as_deref(), "Maildir", Some("~/Mail"), "--maildir")?;
    for text in [&server.host, &user, &maildir] {
        if text.contains(|c: char| c.is_control()) {
            return Err(mistake("nothing was written: an answer contains a control character", "answer in one line"));
        }
    }
    Ok(Choices { account, server, user, password, ca_file: init.ca_file.clone(), maildir, left_out: Vec::new() })
}

/// What is behind the `@` of a mail address.
fn domain_of(address: &str) -> Option<&str> {
    let (local, domain) = address.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then_some(domain)
}

fn server(init: &Init, person: &mut Person<'_>, domain: &str, resolver: Option<&Resolver>) -> Result<Server> {
    let encryption = init.security.as_deref().map(|how| match how {
        "starttls" => Encryption::StartTls,
        "none" => Encryption::None,
        _ => Encryption::Tls,
    });
    let known = if init.host.is_some() { None } else { find(domain, resolver) };
    if let Some(note) = known.as_ref().filter(|server| server.host.is_empty()).and_then(|server| server.note) {
        return Err(mistake(&format!("nothing was written: {note}"), "give --host if there is a server nevertheless"));
    }
    let mut server = match known {
        Some(server) => {
            person.tell(&format!("The server of {domain} is {}, port {}.", server.host, server.port));
            server
        }
        None => {
            let guess = if init.host.is_some() { None } else { guessed(domain) };
            Server::tls(&person.ask(init.host.as_deref(), "IMAP server", guess.as_deref(), "--host")?)
        }
    };
    if let Some(encryption) = encryption.filter(|encryption| *encryption != server.encryption) {
        server.port = if encryption == Encryption::Tls { 993 } else { 143 };
        server.encryption = encryption;
        server.gmail = false;
    }
    server.port = init.port.unwrap_or(server.port);
    Ok(server)
}

/// The server of a domain: of a known provider, as the domain says (RFC 6186), or of the provider that takes its mail.
fn find(domain: &str, resolver: Option<&Resolver>) -> Option<Server> {
    if let Some(server) = providers::find(domain) {
        return Some(server);
    }
    let resolver = resolver?;
    for (service, encryption) in [("_imaps._tcp", Encryption::Tls), ("_imap._tcp", Encryption::StartTls)] {
        // A target without a name says that there is no such service.
        if let Some(offered) = resolver.services(service, domain).into_iter().find(|offered| !offered.host.is_empty()) {
            return Some(Server { port: offered.port, encryption, ..Server::tls(&offered.host) });
        }
    }
    providers::find_by_exchangers(&resolver.exchangers(domain))
}

/// A likely name of the server that exists.
fn guessed(domain: &str) -> Option<String> {
    let names = ["imap", "mail"].map(|host| format!("{host}.{domain}"));
    names.into_iter().find(|name| (name.as_str(), 993).to_socket_addrs().is_ok())
}

fn password(init: &Init, person: &mut Person<'_>) -> Result<Password> {
    if let Some(command) = &init.password_cmd {
        return Ok(Password::Command(command.clone()));
    }
    if let Some(file) = &init.password_file {
        return Ok(Password::File(file.clone()));
    }
    if let Some(command) = &init.oauth_cmd {
        return Ok(Password::Token(command.clone()));
    }
    let given = init.password_ask.then_some("ask");
    let question = "Command that prints the password, for example `pass show mail`; `ask` to be asked in every run";
    let answer = person.ask(given, question, None, "--password-cmd, --password-file, --password-ask or --oauth-cmd")?;
    Ok(if answer == "ask" { Password::Ask } else { Password::Command(answer) })
}

/// The first part of a domain.
fn account_name(domain: &str) -> String {
    let first = domain.split('.').next().unwrap_or(domain);
    first.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>().to_lowercase()
}

/// Logs in with the text that is to be written, and lists the folders.
fn log_in(text: &str, account: &str, streams: &Arc<Streams>, alone: bool) -> Result<Vec<FolderEntry>> {
    let config = Config::parse(text.as_bytes(), &"the new configuration".into())?;
    let general = General::read(&config, &*streams.environment)?;
    let settings = AccountSettings::read(&config, &general, account, &*streams.environment)?;
    let interface = ui::choose(Some("quiet"), streams, &Arc::default())?.interface;
    let hub = Hub::new(interface, None, None, DebugTypes::default(), streams.can_ask && !alone);
    let means =
        Means { hub: Arc::new(hub), streams: Arc::clone(streams), cancel: Cancel::new(), fsync: true, single: true };
    let observer: Arc<dyn Observer> = Arc::new(());
    let backends = Backends::new(&settings, &means, &observer)?;
    let listed = backends.repositories.remote.list();
    backends.rest(None);
    let listed = listed.map_err(|error| {
        let error = error.at("nothing was written: the login failed");
        if error.hint().is_some() { error } else { error.with_hint("--no-login writes the file without a try") }
    })?;
    Ok(listed.folders)
}

/// Folders whose messages are in other folders too.
fn doubles(folders: &[FolderEntry]) -> Vec<String> {
    let shows_others = |entry: &&FolderEntry| {
        matches!(entry.special_use, Some(SpecialUse::All | SpecialUse::Flagged | SpecialUse::Important))
    };
    folders.iter().filter(shows_others).map(|entry| entry.name.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests;
