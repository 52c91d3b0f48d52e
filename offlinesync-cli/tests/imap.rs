//! The program with a real IMAP server.

mod support;

use offlinesync_imap::testing::certificates::{Certificate, Chain};
use offlinesync_imap::testing::closed_port::ClosedPort;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use sha2::{Digest, Sha256};
use std::fs;
use support::sandbox::Sandbox;

/// An account between the server and a Maildir, with these lines for the server's repository.
fn config(lines: &str) -> String {
    format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n\
         [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n[Repository r]\ntype = IMAP\n{lines}\n"
    )
}

fn plain(server: &Dovecot, password: &str) -> String {
    format!(
        "remotehost = {}\nremoteport = {}\nremoteuser = u1\nssl = no\nstarttls = no\n{password}",
        server.host(),
        server.port()
    )
}

const MESSAGE: &[u8] = b"Subject: one\r\nX-Odd:  two  spaces\r\n\r\nbody\r\n";

#[test]
fn mail_goes_down_and_up_byte_for_byte_and_then_nothing_is_left_to_do() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    client.append("INBOX", "\\Seen", None, MESSAGE);
    client.create("Archive/2024");
    client.append("Archive/2024", "", None, b"Subject: two\r\n\r\n\r\n");
    let sandbox = Sandbox::new(&config(&plain(&server, "remotepass = pw")));
    sandbox.run(&[]).silent();
    let inbox = sandbox.files("local/INBOX");
    assert_eq!(inbox.len(), 1);
    let (name, content) = inbox.first_key_value().unwrap();
    assert!(name.starts_with("cur/") && name.ends_with(":2,S") && name.contains(",U=1,FMD5=7e33429f"), "{name}");
    assert_eq!(String::from_utf8_lossy(content), "Subject: one\nX-Odd:  two  spaces\n\nbody\n");
    assert_eq!(sandbox.messages("local/Archive.2024"), ["Subject: two\n\n\n"]);

    sandbox.deliver("local/INBOX", "1700000009.up.host:2,F", "Subject: up\n\nhello\n");
    sandbox.run(&[]).silent();
    let mut stored = client.messages("INBOX");
    stored.sort_by_key(|message| message.uid);
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1].bytes, b"Subject: up\r\n\r\nhello\r\n");

    let before = sandbox.files("local");
    sandbox.run(&[]).silent();
    assert!(sandbox.files("local") == before);
    let info = sandbox.run(&["--info"]);
    assert_eq!((info.code, info.err.as_str()), (0, ""));
    assert!(info.out.contains("Archive/2024 -> Archive.2024, "), "{}", info.out);
}

#[test]
fn a_password_comes_from_a_command_and_a_wrong_one_is_a_mistake_that_no_output_repeats() {
    let server = Dovecot::start(Options::default());
    server.client("u1").append("INBOX", "", None, MESSAGE);
    let sandbox = Sandbox::new(&config(&plain(&server, "remotepasscmd = echo pw; echo more")));
    let run = sandbox.run(&["-d", "imap", "-l", "log"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("debug: imap r#1 > "), "{}", run.err);
    assert_eq!(sandbox.messages("local/INBOX").len(), 1);

    let wrong = Sandbox::new(&config(&plain(&server, "remotepass = hunter2-hunter2")));
    let run = wrong.run(&["-d", "all", "-l", "log"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("error: account 'a': "), "{}", run.err);
    let log = String::from_utf8(wrong.files(".").remove("log").unwrap()).unwrap();
    assert!(!run.err.contains("hunter2") && !log.contains("hunter2"), "{}\n{log}", run.err);
    assert!(!wrong.path("local/INBOX").exists());
}

#[test]
fn encrypted_connections_need_a_certificate_that_is_trusted_by_file_or_by_fingerprint() {
    let server = Dovecot::start(Options { certificate: Certificate::default(), ..Options::default() });
    server.client("u1").append("INBOX", "", None, MESSAGE);
    let pin: String = Sha256::digest(server.certificate_der()).iter().map(|byte| format!("{byte:02X}:")).collect();
    let ca = format!("sslcacertfile = {}", server.ca_file().display());
    let pin = format!("cert_fingerprint = {}", pin.trim_end_matches(':'));
    let base = "remotehost = localhost\nremoteuser = u1\nremotepass = pw\n";
    let tls = format!("{base}remoteport = {}\n", server.tls_port());
    let starttls = format!("{base}ssl = no\nremoteport = {}\n", server.port());
    for lines in [format!("{tls}{ca}"), format!("{tls}{pin}"), format!("{starttls}{ca}"), format!("{tls}{ca}\n{pin}")] {
        let sandbox = Sandbox::new(&config(&lines));
        let run = sandbox.run(&[]);
        assert_eq!(run.code, 0, "{lines}: {run:?}");
        assert_eq!(sandbox.messages("local/INBOX").len(), 1);
    }
    for lines in [&tls, &starttls, &format!("{tls}cert_fingerprint = {}", "ab".repeat(32))] {
        let sandbox = Sandbox::new(&config(lines));
        let run = sandbox.run(&[]);
        assert_eq!(run.code, 2, "{lines}: {run:?}");
        assert!(run.err.contains("hint: "), "{}", run.err);
        assert!(!sandbox.path("local/INBOX").exists());
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let (sandbox, own) = (Sandbox::new(""), Chain::generate(Certificate::Good));
    for (file, text) in [("ca.pem", own.ca), ("own.pem", own.leaf), ("own.key", own.key)] {
        fs::write(sandbox.path(file), text).unwrap();
    }
    let extra = format!(
        "ssl_ca = <{}\nssl_require_crl = no\nssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes",
        sandbox.path("ca.pem").display()
    );
    let server = Dovecot::start(Options { extra, ..Options::default() });
    let (port, authority) = (server.tls_port(), server.ca_file().display().to_string());
    let base = format!(
        "remotehost = localhost\nremoteport = {port}\nremoteuser = u1\nremotepass = pw\nsslcacertfile = {authority}\n"
    );
    for (lines, code) in [("", 2), ("sslclientcert = ~/own.pem\nsslclientkey = ~/own.key\n", 0)] {
        fs::write(sandbox.path(".offlineimaprc"), config(&format!("{base}{lines}"))).unwrap();
        let run = sandbox.run(&[]);
        assert_eq!((run.code, sandbox.path("local/INBOX").exists()), (code, code == 0), "{lines}: {run:?}");
    }
}

#[test]
fn folder_names_are_as_the_server_sends_them_or_utf_8_if_asked_for() {
    let server = Dovecot::start(Options::default());
    server.client("u1").create("Entw&APw-rfe");
    let sandbox = Sandbox::new(&config(&plain(&server, "remotepass = pw")));
    sandbox.run(&[]).silent();
    assert!(sandbox.path("local/Entw&APw-rfe/cur").is_dir());
    let text = config(&plain(&server, "remotepass = pw\nfolderfilter = lambda f: f == 'Entwürfe'"));
    let sandbox = Sandbox::new(&text.replace("[Account a]\n", "[Account a]\nutf8foldernames = yes\n"));
    sandbox.run(&[]).silent();
    assert!(sandbox.path("local/Entw\u{fc}rfe/cur").is_dir());
    assert!(!sandbox.path("local/INBOX").exists());
}

#[test]
fn a_server_that_is_not_there_means_try_again_later() {
    let closed = ClosedPort::new();
    let port = closed.port();
    let lines =
        format!("remotehost = 127.0.0.1\nremoteport = {port}\nremoteuser = u\nremotepass = p\nssl = no\nstarttls = no");
    let sandbox = Sandbox::new(&config(&lines));
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 75, "{run:?}");
    assert!(run.err.starts_with("error: account 'a': "), "{}", run.err);
}

#[test]
fn without_a_password_and_without_a_terminal_nothing_is_asked() {
    let server = Dovecot::start(Options::default());
    let sandbox = Sandbox::new(&config(&plain(&server, "")));
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("there is no terminal to ask at\nhint: set `remotepasscmd`"), "{}", run.err);
    let netrc = sandbox.path(".netrc");
    fs::write(&netrc, format!("machine {} login u1 password pw\n", server.host())).unwrap();
    fs::set_permissions(&netrc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    sandbox.run(&[]).silent();
}
