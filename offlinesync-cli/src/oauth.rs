//! Gets access tokens with a refresh token (RFC 6749 section 6). Sends one request over HTTPS for each token.

use crate::settings::Refresh;
use offlinesync_core::{Cancel, Error, ErrorKind, Result};
use offlinesync_imap::config::{Proxy, ProxyKind, Secret};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long the whole exchange may take.
const LIMIT: Duration = Duration::from_secs(60);

/// No answer is longer than this.
const ANSWER: u64 = 64 * 1024;

/// How long a token is good for where the server does not say.
const LIFE: Duration = Duration::from_secs(3600);

/// A token with the moment at which a new one should be asked for.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When it is good no longer, less a minute.
    pub until: Instant,
}

/// Asks for an access token.
///
/// # Errors
/// Kind `Unavailable`: nobody answered; `Authentication`: the answer was no. No error holds a secret.
pub fn refresh(refresh: &Refresh, proxy: Option<&Proxy>, cancel: &Cancel) -> Result<Token> {
    cancel.check()?;
    let proxy = proxy.map(web_proxy).transpose()?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .build()
        .into();
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", refresh.client_id.expose()),
        ("refresh_token", refresh.refresh_token.expose()),
    ];
    if let Some(secret) = &refresh.client_secret {
        form.push(("client_secret", secret.expose()));
    }
    let sent = agent.post(&refresh.url).send_form(form);
    let failed = |error: ureq::Error| {
        Error::new(ErrorKind::Unavailable, format!("no access token from {}: {error}", refresh.url))
    };
    let mut response = sent.map_err(failed)?;
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(ANSWER).read_to_string().map_err(failed)?;
    token(status, &text, &refresh.url)
}

fn web_proxy(proxy: &Proxy) -> Result<ureq::Proxy> {
    let protocol = match proxy.kind {
        ProxyKind::Http => ureq::ProxyProtocol::Http,
        ProxyKind::Socks4 => ureq::ProxyProtocol::Socks4A,
        ProxyKind::Socks5 => ureq::ProxyProtocol::Socks5h,
    };
    let mut made = ureq::Proxy::builder(protocol).host(&proxy.host).port(proxy.port);
    if let Some((user, password)) = &proxy.login {
        made = made.username(user).password(password.expose());
    }
    made.build().map_err(|error| {
        let text = format!("the proxy {}:{} cannot be used for access tokens: {error}", proxy.host, proxy.port);
        Error::new(ErrorKind::Configuration, text)
    })
}

fn token(status: u16, text: &str, url: &str) -> Result<Token> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| answer.get(name).and_then(Value::as_str);
    match word("access_token") {
        Some(token) if status == 200 => {
            let life = answer.get("expires_in").and_then(Value::as_u64).map_or(LIFE, Duration::from_secs);
            let until = Instant::now() + life.min(LIFE * 24).saturating_sub(Duration::from_secs(60));
            Ok(Token { secret: Secret::new(token.to_owned()), until })
        }
        _ if status >= 500 => {
            Err(Error::new(ErrorKind::Unavailable, format!("no access token from {url}: status {status}")))
        }
        _ => {
            let why = word("error").unwrap_or("no token in the answer");
            let more = word("error_description").map(|text| format!(", {text}")).unwrap_or_default();
            let error = Error::new(ErrorKind::Authentication, format!("no access token from {url}: {why}{more}"));
            Err(error.with_hint(
                "get a new refresh token, or set oauth2_access_token_cmd to a command that prints an access token",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    fn ask(answer: &'static str) -> (Result<Token>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"client_secret=s%2Bt") {
                let mut piece = [0; 1000];
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let secret = |text: &str| Secret::new(text.to_owned());
        let request = Refresh {
            url,
            client_id: secret("id"),
            client_secret: Some(secret("s+t")),
            refresh_token: secret("1//r&x"),
        };
        let answer = refresh(&request, None, &Cancel::new());
        (answer, server.join().unwrap())
    }

    #[test]
    fn a_refresh_token_is_exchanged_for_an_access_token() {
        let body = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n{\"access_token\": \"ya29\", \"expires_in\": 3599}";
        let (answer, request) = ask(body);
        assert_eq!(answer.unwrap().secret.expose(), "ya29");
        assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("application/x-www-form-urlencoded"), "{request}");
        assert!(
            request.ends_with("grant_type=refresh_token&client_id=id&refresh_token=1%2F%2Fr%26x&client_secret=s%2Bt"),
            "{request}"
        );
    }

    #[test]
    fn a_request_goes_to_the_proxy_and_has_it_look_up_the_name() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // The request comes in pieces.
            let head = BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
            let head: Vec<String> = head.collect();
            (&stream).write_all(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n").unwrap();
            head
        });
        let secret = |text: &str| Secret::new(text.to_owned());
        let url = "https://tokens.invalid/t".to_owned();
        let request = Refresh { url, client_id: secret("id"), client_secret: None, refresh_token: secret("r") };
        let through = Proxy { kind: ProxyKind::Http, host: "127.0.0.1".to_owned(), port, login: None };
        assert!(refresh(&request, Some(&through), &Cancel::new()).is_err());
        let asked = proxy.join().unwrap();
        assert_eq!(asked[0], "CONNECT tokens.invalid:443 HTTP/1.1", "{asked:?}");
    }

    #[test]
    fn a_refusal_says_why_and_repeats_no_secret() {
        let (answer, _) = ask("HTTP/1.1 400 Bad Request\r\nContent-Length: 26\r\n\r\n{\"error\": \"invalid_grant\"} ");
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(error.to_string().ends_with("/token: invalid_grant"), "{error}");
        assert_eq!(token(503, "", "u").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(token(200, "<html>", "u").unwrap_err().kind(), ErrorKind::Authentication);
    }
}
