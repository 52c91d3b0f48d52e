//! The options about OAuth access tokens.

use super::imap::PasswordSource;
use super::rules;
use crate::config::Config;
use offlinesync_core::{Error, Result};
use offlinesync_imap::config::Secret;

/// Where an access token comes from.
#[derive(Clone, Debug)]
pub struct OauthSettings {
    /// A token, or a command that prints one.
    pub token: Option<PasswordSource>,
    /// How to get one with a refresh token.
    pub refresh: Option<RefreshSources>,
}

/// Where the parts of a [`Refresh`] come from.
#[derive(Clone, Debug)]
pub struct RefreshSources {
    /// Where to.
    pub url: String,
    /// The client.
    pub client_id: PasswordSource,
    /// Its secret; some clients have none.
    pub client_secret: Option<PasswordSource>,
    /// The refresh token.
    pub refresh_token: PasswordSource,
}

/// What is sent to get an access token (RFC 6749 section 6).
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Where to.
    pub url: String,
    /// The client.
    pub client_id: Secret,
    /// Its secret; some clients have none.
    pub client_secret: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Secret,
}

/// Where Google gives tokens.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

impl OauthSettings {
    /// Reads them; `None` if there is neither a token nor a way to one.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(config: &Config, section: &str, gmail: bool) -> Result<Option<Self>> {
        let source = |name: &str| source(config, section, name);
        let token = source("oauth2_access_token")?;
        let refresh = match source("oauth2_refresh_token")? {
            Some(refresh_token) => Some(RefreshSources {
                url: url(config, section, gmail)?,
                client_id: source("oauth2_client_id")?.ok_or_else(|| missing(config, section, "oauth2_client_id"))?,
                client_secret: source("oauth2_client_secret")?,
                refresh_token,
            }),
            None => None,
        };
        Ok((token.is_some() || refresh.is_some()).then_some(OauthSettings { token, refresh }))
    }
}

/// A command before an expression before what stands in the file.
fn source(config: &Config, section: &str, name: &str) -> Result<Option<PasswordSource>> {
    if let Some(command) = config.get_filled(section, &format!("{name}_cmd"))? {
        return Ok(Some(PasswordSource::Command(command.text)));
    }
    let text = match rules::text(config, section, &format!("{name}_eval"))? {
        Some(text) => Some(text),
        None => config.get_filled(section, name)?.map(|value| value.text),
    };
    Ok(text.map(|text| PasswordSource::Text(Secret::new(text.trim().to_owned()))))
}

fn url(config: &Config, section: &str, gmail: bool) -> Result<String> {
    let Some(value) = config.get_filled(section, "oauth2_request_url")? else {
        return if gmail { Ok(GOOGLE.to_owned()) } else { Err(missing(config, section, "oauth2_request_url")) };
    };
    let url = value.text.trim().to_owned();
    let loopback = ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|start| url.starts_with(start));
    if url.starts_with("https://") || loopback {
        return Ok(url);
    }
    Err(value.error("must begin with https://: the refresh token is sent there"))
}

fn missing(config: &Config, section: &str, name: &str) -> Error {
    super::maildir::missing(config, section, name)
        .with_hint("a refresh token needs it; or set oauth2_access_token_cmd to a command that prints an access token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Option<OauthSettings>> {
        let config = Config::parse(format!("[Repository r]\n{lines}\n").as_bytes(), &"file".into())?;
        OauthSettings::read(&config, "Repository r", false)
    }

    #[test]
    fn a_refresh_token_needs_a_client_and_a_safe_place_to_go_to() {
        let refresh = "oauth2_refresh_token = r\noauth2_client_id = c\n";
        assert!(read("").unwrap().is_none());
        assert!(read(refresh).unwrap_err().to_string().contains("`oauth2_request_url`"));
        assert!(read(&format!("{refresh}oauth2_request_url = http://example.org")).is_err());
        let settings = read(&format!("{refresh}oauth2_request_url = https://example.org/t")).unwrap().unwrap();
        assert!(settings.token.is_none());
        assert_eq!(settings.refresh.unwrap().url, "https://example.org/t");
        let nobody = "oauth2_refresh_token = r\noauth2_request_url = https://example.org\n";
        assert!(read(nobody).unwrap_err().to_string().contains("`oauth2_client_id`"));
    }

    fn text(source: Option<&PasswordSource>) -> String {
        match source {
            Some(PasswordSource::Text(secret)) => secret.expose().to_owned(),
            Some(PasswordSource::Command(command)) => format!("$({command})"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_part_is_a_text_or_an_expression_or_a_command_which_counts_most() {
        let forms = |name: &str| {
            let text = format!("oauth2_{name} = text {name}\n");
            let eval = format!("{text}oauth2_{name}_eval = 'eval ' + '{name}\\n'\n");
            [text, eval.clone(), format!("{eval}oauth2_{name}_cmd = echo {name}\n")]
        };
        let parts = ["client_id", "client_secret", "refresh_token", "access_token"];
        for (at, form) in ["text {}", "eval {}", "$(echo {})"].into_iter().enumerate() {
            let lines: String = parts.map(|name| forms(name)[at].clone()).concat();
            let settings = read(&format!("{lines}oauth2_request_url = https://example.org/t\n")).unwrap().unwrap();
            let refresh = settings.refresh.unwrap();
            let sources = [
                Some(&refresh.client_id),
                refresh.client_secret.as_ref(),
                Some(&refresh.refresh_token),
                settings.token.as_ref(),
            ];
            assert_eq!(sources.map(text), parts.map(|name| form.replace("{}", name)));
        }
        let config = Config::parse(b"[Repository r]\noauth2_refresh_token = r\noauth2_client_id = c\n", &"file".into());
        let gmail = OauthSettings::read(&config.unwrap(), "Repository r", true).unwrap().unwrap();
        assert_eq!(gmail.refresh.unwrap().url, GOOGLE);
    }

    #[test]
    fn no_secret_is_printed() {
        let lines = "oauth2_refresh_token = hush1\noauth2_client_id_eval = 'hush2'\noauth2_client_secret = hush3\n\
                     oauth2_access_token = hush4\noauth2_request_url = https://example.org\n";
        let text = format!("{:?}", read(lines).unwrap().unwrap());
        assert!(!text.contains("hush"), "{text}");
    }
}
