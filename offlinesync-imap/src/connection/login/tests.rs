//! Logging in to a server whose answers are written down beforehand: what is sent, and what each failure means.

use super::super::link::Link;
use super::*;
use crate::config::{Mechanism, Secret};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

fn config(password: &'static str) -> ImapConfig {
    ImapConfig::new("test", "localhost", "me", move || Ok(Secret::new(password.into()))).tls(Tls::None)
}

/// Lets a server say all this at once, and answers what the client made of it and what it sent.
fn play(config: ImapConfig, remembered: &mut Remembered, server_says: &str) -> (Result<String>, Vec<String>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(server_says.as_bytes()).unwrap();
    let config = Arc::new(config);
    let tls = (config.tls != Tls::None).then(|| TlsSettings::new(&config).unwrap());
    let link = Arc::new(Link::over_socket(ours, &config));
    let mut connection = Exclusive::new(link.clone()).unwrap();
    let how = log_in(&mut connection, &config, tls.as_ref(), remembered);
    drop(connection);
    drop(link);
    let mut sent = Vec::new();
    theirs.read_to_end(&mut sent).unwrap();
    (how, String::from_utf8_lossy(&sent).lines().map(str::to_owned).collect())
}

fn sent(config: ImapConfig, server_says: &str) -> Vec<String> {
    let (how, sent) = play(config, &mut Remembered::default(), server_says);
    how.unwrap();
    sent
}

fn failure(config: ImapConfig, server_says: &str) -> Error {
    play(config, &mut Remembered::default(), server_says).0.unwrap_err()
}

const PLAIN: &str = "AUTHENTICATE PLAIN AG1lAHB3";

#[test]
fn capabilities_in_greeting_and_consent_make_one_round_trip() {
    let sent = sent(
        config("pw"),
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\nA1 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC CONDSTORE UTF8=ACCEPT] in\r\n",
    );
    assert_eq!(sent, [format!("A1 {PLAIN}"), "A2 ENABLE QRESYNC".into(), "A3 LOGOUT".into()]);
}

#[test]
fn capabilities_that_are_not_told_are_asked_for() {
    let script = "* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nA1 OK\r\nA2 OK in\r\n* CAPABILITY IMAP4rev1\r\nA3 OK\r\n";
    let expected = ["A1 CAPABILITY".into(), format!("A2 {PLAIN}"), "A3 CAPABILITY".into(), "A4 LOGOUT".into()];
    assert_eq!(sent(config("pw"), script), expected);
}

#[test]
fn remembered_capabilities_are_not_asked_for_again() {
    let mut remembered = Remembered::default();
    let script = "* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nA1 OK\r\nA2 OK in\r\n* CAPABILITY IMAP4rev1 MOVE\r\nA3 OK\r\n";
    play(config("pw"), &mut remembered, script).0.unwrap();
    let (how, sent) = play(config("pw"), &mut remembered, "* OK hi\r\nA1 OK in\r\n");
    assert_eq!(
        (how.unwrap().as_str(), sent),
        ("not encrypted, PLAIN", vec![format!("A1 {PLAIN}"), "A2 LOGOUT".into()])
    );
}

#[test]
fn without_an_initial_response_login_saves_a_round_trip() {
    let script = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("p\"w"), script), [r#"A1 LOGIN "me" "p\"w""#, "A2 LOGOUT"]);
}

#[test]
fn a_password_in_utf_8_prefers_plain_and_waits_for_the_continuation() {
    let script = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n+ \r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("pü"), script), ["A1 AUTHENTICATE PLAIN", "AG1lAHDDvA==", "A2 LOGOUT"]);
}

#[test]
fn a_password_in_utf_8_is_a_literal_where_only_login_is_offered() {
    let script = "* OK [CAPABILITY IMAP4rev1] hi\r\n+ go\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("pü"), script), [r#"A1 LOGIN "me" {3}"#, "pü", "A2 LOGOUT"]);
    let script = "* OK [CAPABILITY IMAP4rev1 LITERAL-] hi\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("pü"), script), [r#"A1 LOGIN "me" {3+}"#, "pü", "A2 LOGOUT"]);
}

#[test]
fn logindisabled_is_respected_and_sasl_login_answers_two_questions() {
    let script = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=LOGIN] hi\r\n+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("pw"), script), ["A1 AUTHENTICATE LOGIN", "bWU=", "cHc=", "A2 LOGOUT"]);
}

#[test]
fn where_no_way_is_offered_no_password_is_sent() {
    let (how, sent) =
        play(config("pw"), &mut Remembered::default(), "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI] hi\r\n");
    let error = how.unwrap_err();
    assert_eq!((error.kind(), sent), (ErrorKind::Authentication, vec![]));
    assert!(error.to_string().contains("GSSAPI") && error.hint().is_some());
}

#[test]
fn a_way_that_the_server_does_not_understand_is_followed_by_the_next() {
    let script =
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\nA1 BAD what\r\nA2 OK [CAPABILITY IMAP4rev1] in\r\n";
    assert_eq!(sent(config("pw"), script), [format!("A1 {PLAIN}"), r#"A2 LOGIN "me" "pw""#.into(), "A3 LOGOUT".into()]);
}

#[test]
fn a_mechanism_that_was_asked_for_is_the_only_one_tried() {
    let script = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    let login = config("pw").mechanisms(vec![Mechanism::Login]);
    assert_eq!(sent(login, script)[0], r#"A1 LOGIN "me" "pw""#);
    let error = failure(config("pw").mechanisms(vec![Mechanism::Plain]), "* OK [CAPABILITY IMAP4rev1] hi\r\n");
    assert_eq!(error.kind(), ErrorKind::Authentication);
}

#[test]
fn failures_are_told_apart() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    for (answer, kind) in [
        ("A1 NO [AUTHENTICATIONFAILED] wrong\r\n", ErrorKind::Authentication),
        ("A1 NO wrong\r\n", ErrorKind::Authentication),
        ("A1 NO [UNAVAILABLE] later\r\n", ErrorKind::Unavailable),
        ("A1 NO [PRIVACYREQUIRED] encrypt\r\n", ErrorKind::Security),
        ("* BYE too many connections\r\n", ErrorKind::Unavailable),
    ] {
        let error = failure(config("pw"), &format!("{greeting}{answer}"));
        assert_eq!(error.kind(), kind, "{answer}");
        assert!(!error.to_string().contains("AG1lAHB3"));
    }
}

#[test]
fn a_server_that_does_not_let_us_in_or_is_none_is_named() {
    let error = failure(config("pw"), "* BYE overloaded\r\n");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("overloaded"));
    let kind = failure(config("pw"), "SSH-2.0-OpenSSH_9.2\r\n").kind();
    assert_eq!(kind, ErrorKind::Protocol);
    let silent = config("pw").timeouts(crate::config::Timeouts { read: Duration::ZERO, ..Default::default() });
    assert_eq!(failure(silent, "").kind(), ErrorKind::Unavailable);
}

#[test]
fn preauth_needs_no_login() {
    let sent = sent(config("pw"), "* PREAUTH [CAPABILITY IMAP4rev1 CONDSTORE ENABLE] hi\r\n");
    assert_eq!(sent, ["A1 ENABLE CONDSTORE", "A2 LOGOUT"]);
}

/// OfflineIMAP #111: STARTTLS was not verified, and done without where it was not offered.
#[test]
fn starttls_is_mandatory_and_no_password_is_sent_without_it() {
    for (script, told) in [
        ("* PREAUTH hi\r\n", "logged in already"),
        ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n", "does not offer"),
        ("* OK hi\r\nA1 NO no\r\n", "refused"),
        ("* OK hi\r\nA1 BAD what\r\n", "refused"),
        ("* OK hi\r\nA1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n", "in clear"),
    ] {
        let (how, sent) = play(config("pw").tls(Tls::StartTls), &mut Remembered::default(), script);
        let error = how.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Security, "{script}");
        assert!(error.to_string().contains(told), "{error}");
        assert!(sent.iter().all(|line| line == "A1 STARTTLS"), "{sent:?}");
    }
}

#[test]
fn who_we_are_is_said_only_if_asked() {
    let script = "* PREAUTH [CAPABILITY IMAP4rev1 ID] hi\r\n";
    assert_eq!(sent(config("pw"), script), ["A1 LOGOUT"]);
    assert!(sent(config("pw").send_id(true), script)[0].starts_with("A1 ID (\"name\" \"offlinesync\""));
}

fn with_token(config: ImapConfig) -> ImapConfig {
    config.token(Some(Arc::new(|| Ok(Secret::new("t0ken".into())))))
}

#[test]
fn a_token_is_used_alone_and_what_the_server_says_against_it_is_answered() {
    let script = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] hi\r\n+ eyJzdGF0dXMiOiI0MDAifQ==\r\nA1 NO [AUTHENTICATIONFAILED] expired\r\n";
    let (how, sent) = play(with_token(config("pw")), &mut Remembered::default(), script);
    let error = how.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.hint().unwrap().contains("oauth2_access_token_cmd"));
    assert_eq!(sent[..2], ["A1 AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0MGtlbgEB".to_owned(), String::new()]);
    let script = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    assert!(play(with_token(config("pw")), &mut Remembered::default(), script).0.is_err());
}

#[test]
fn a_proof_that_the_server_cannot_check_is_followed_by_the_next_way_and_by_no_password_in_vain() {
    let mechanisms = vec![Mechanism::CramMd5, Mechanism::Plain];
    let script = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=CRAM-MD5] hi\r\n+ PDFAeD4=\r\nA1 NO no\r\nA2 OK [CAPABILITY IMAP4rev1] in\r\n";
    let sent = sent(config("pw").mechanisms(mechanisms), script);
    assert_eq!(sent[0], "A1 AUTHENTICATE CRAM-MD5");
    assert_eq!(sent[2], format!("A2{}", &format!("x {PLAIN}")[1..]));
}

#[test]
fn a_user_acts_for_another_with_plain_alone() {
    let script =
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=CRAM-MD5] hi\r\nA1 OK [CAPABILITY IMAP4rev1] in\r\n";
    let sent = sent(config("pw").acting_for("boss".into()), script);
    assert_eq!(sent[0], "A1 AUTHENTICATE PLAIN Ym9zcwBtZQBwdw==");
}
