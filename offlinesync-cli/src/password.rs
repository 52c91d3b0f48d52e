//! Where a password comes from: the configuration, a file, a command, `.netrc`, or the person at the terminal. In this order.

use crate::config::discover::Environment;
use crate::netrc;
use crate::settings::{ImapSettings, PasswordSource, Refresh, RefreshSources};
use crate::shell;
use offlinesync_core::{Cancel, Error, ErrorKind, Result};
use offlinesync_imap::config::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command may take to print a secret.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// A user and a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password or token.
    pub secret: Secret,
}

/// Asks for the password of a user, with this prompt.
pub type Ask<'a> = dyn Fn(&str, &str) -> Result<Secret> + 'a;

/// What finding a login needs besides the settings.
pub struct Finder<'a> {
    /// Repository name, for messages.
    pub repository: &'a str,
    /// Where `~/.netrc` is.
    pub environment: &'a dyn Environment,
    /// Asks the person at the terminal; `None` when there is nobody to ask.
    pub ask: Option<&'a Ask<'a>>,
    /// Stops a command.
    pub cancel: &'a Cancel,
}

impl Finder<'_> {
    /// User and password of a repository.
    ///
    /// # Errors
    /// Kind `Configuration`: there is none, or its source is broken.
    pub fn login(&self, settings: &ImapSettings) -> Result<Login> {
        let user = self.user(settings)?;
        let secret = match &settings.password {
            Some(source) => self.read(source)?,
            None => self.fallback(settings, &user)?,
        };
        Ok(Login { user, secret })
    }

    /// The user name.
    ///
    /// # Errors
    /// Kind `Configuration`: none is known.
    pub fn user(&self, settings: &ImapSettings) -> Result<String> {
        if let Some(user) = &settings.user {
            return Ok(user.clone());
        }
        if let Some(command) = &settings.user_command {
            return self.ask_command(command, "user name").map(|user| user.expose().to_owned());
        }
        let entry = self.netrc(&settings.host, None)?.filter(|entry| !entry.login.is_empty());
        entry.map(|entry| entry.login).ok_or_else(|| {
            self.error("has no user name").with_hint("set `remoteuser`, or write an entry for the host in ~/.netrc")
        })
    }

    fn fallback(&self, settings: &ImapSettings, user: &str) -> Result<Secret> {
        if let Some(entry) = self.netrc(&settings.host, Some(user))? {
            return Ok(entry.password);
        }
        match self.ask {
            Some(ask) => ask(user, &format!("Enter password for user '{user}' on {}: ", settings.host)),
            None => Err(self
                .error(format!("has no password for user '{user}', and there is no terminal to ask at"))
                .with_hint("set `remotepasscmd` to a command that prints it, for example `pass show mail`")),
        }
    }

    fn netrc(&self, host: &str, user: Option<&str>) -> Result<Option<netrc::Entry>> {
        let own = self.environment.home().map(|home| home.join(".netrc"));
        for path in own.into_iter().chain([PathBuf::from("/etc/netrc")]) {
            if let Some(entry) = netrc::find(&netrc::read(&path)?, host, user) {
                return Ok(Some(entry.clone()));
            }
        }
        Ok(None)
    }

    /// The secret of a source that is configured.
    ///
    /// # Errors
    /// Kind `Configuration`: its source is broken.
    pub fn read(&self, source: &PasswordSource) -> Result<Secret> {
        match source {
            PasswordSource::Text(secret) => Ok(secret.clone()),
            PasswordSource::File(path) => self.read_file(path),
            PasswordSource::Command(command) => self.ask_command(command, "secret"),
        }
    }

    /// The parts of a request for an access token.
    ///
    /// # Errors
    /// Kind `Configuration`: the source of one is broken.
    pub fn refresh(&self, sources: &RefreshSources) -> Result<Refresh> {
        Ok(Refresh {
            url: sources.url.clone(),
            client_id: self.read(&sources.client_id)?,
            client_secret: sources.client_secret.as_ref().map(|source| self.read(source)).transpose()?,
            refresh_token: self.read(&sources.refresh_token)?,
        })
    }

    fn read_file(&self, path: &Path) -> Result<Secret> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| self.error(format!("cannot read its password file {}: {error}", path.display())))?;
        let line = text.lines().next().unwrap_or_default().trim();
        match line.is_empty() {
            true => Err(self.error(format!("the first line of its password file {} is empty", path.display()))),
            false => Ok(Secret::new(line.to_owned())),
        }
    }

    fn ask_command(&self, command: &str, what: &str) -> Result<Secret> {
        let output = shell::run(command, &[], Some(COMMAND_LIMIT), self.cancel)
            .map_err(|error| error.at(format!("repository '{}': the command for its {what}", self.repository)))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim();
            let said = if said.is_empty() { "it said nothing" } else { said };
            return Err(self.error(format!("the command for its {what} failed ({}): {said}", output.status)));
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| self.error(format!("the command for its {what} printed something that is not UTF-8")))?;
        match text.lines().next().unwrap_or_default() {
            "" => Err(self.error(format!("the command for its {what} printed nothing"))),
            line => Ok(Secret::new(line.to_owned())),
        }
    }

    fn error(&self, problem: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Configuration, format!("repository '{}' {problem}", self.repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::os::unix::fs::OpenOptionsExt;

    fn from(source: PasswordSource) -> Result<String> {
        let (environment, cancel) = (HashMap::new(), Cancel::new());
        let finder = Finder { repository: "r", environment: &environment, ask: None, cancel: &cancel };
        finder.read(&source).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_command_gives_its_first_line_and_its_complaint_when_it_fails() {
        assert_eq!(from(PasswordSource::Command("printf 'p w \\nmore'".into())).unwrap(), "p w ");
        let error = from(PasswordSource::Command("echo locked >&2; false".into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().ends_with("locked"), "{error}");
        assert!(from(PasswordSource::Command("true".into())).is_err());
    }

    #[test]
    fn every_part_of_an_oauth_request_may_come_from_a_command() {
        let text = "[Repository r]\ntype = IMAP\nremotehost = h\noauth2_request_url = https://h/\n\
                    oauth2_client_id_cmd = echo id\noauth2_client_secret_cmd = echo secret\n\
                    oauth2_refresh_token_cmd = echo refresh; echo more\noauth2_refresh_token = old\n";
        let config = crate::config::Config::parse(text.as_bytes(), &"file".into()).unwrap();
        let oauth = crate::settings::OauthSettings::read(&config, "Repository r", false).unwrap().unwrap();
        let (environment, cancel) = (HashMap::new(), Cancel::new());
        let finder = Finder { repository: "r", environment: &environment, ask: None, cancel: &cancel };
        let parts = finder.refresh(&oauth.refresh.unwrap()).unwrap();
        assert_eq!((parts.client_id.expose(), parts.refresh_token.expose()), ("id", "refresh"));
        assert_eq!(parts.client_secret.unwrap().expose(), "secret");
    }

    #[test]
    fn a_file_gives_its_first_line_without_the_spaces_around_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        std::fs::write(&path, " secret \nmore\n").unwrap();
        assert_eq!(from(PasswordSource::File(path)).unwrap(), "secret");
        assert!(from(PasswordSource::File(dir.path().join("nothing"))).is_err());
    }

    /// OfflineIMAP #295, #518: what `~/.netrc` says.
    #[test]
    fn netrc_is_asked_before_the_person_and_the_person_only_at_a_terminal() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).mode(0o600).open(dir.path().join(".netrc")).unwrap();
        writeln!(file, "machine h login u password n").unwrap();
        let environment = HashMap::from([("HOME", dir.path().to_str().unwrap())]);
        let cancel = Cancel::new();
        let ask = |_: &str, _: &str| Ok(Secret::new("typed".to_owned()));
        let mut finder = Finder { repository: "r", environment: &environment, ask: Some(&ask), cancel: &cancel };
        let text = "[Repository r]\ntype = IMAP\nremotehost = h\n";
        let read = |text: &str| {
            let config = crate::config::Config::parse(text.as_bytes(), &"file".into()).unwrap();
            ImapSettings::read(&config, "Repository r", false, COMMAND_LIMIT, &environment).unwrap()
        };
        let login = finder.login(&read(text)).unwrap();
        assert_eq!((login.user.as_str(), login.secret.expose()), ("u", "n"));
        let other = read(&format!("{text}remoteuser = v\n"));
        assert_eq!(finder.login(&other).unwrap().secret.expose(), "typed");
        finder.ask = None;
        assert_eq!(finder.login(&other).unwrap_err().kind(), ErrorKind::Configuration);
    }
}
