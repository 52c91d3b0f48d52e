//! The Dovecot harness and the raw client, tried on each other.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_imap::testing::certificates::Certificate;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::dovecot::{Dovecot, Format, Options, Tls, greeting_at, greeting_of};
use std::net::{SocketAddr, TcpStream};

const MESSAGE: &[u8] = b"Subject: (a) \"b\" {3}\r\n\r\nbody\r\n";

#[test]
fn a_message_comes_back_as_it_went_in_whatever_the_format() {
    for format in [Format::Sdbox, Format::Mdbox, Format::Maildir] {
        let server = Dovecot::start(Options { format, ..Options::default() });
        let mut client = server.client("u1");
        let date = "01-Feb-2003 04:05:06 +0000";
        let uid = client.append("INBOX", "\\Seen todo", Some(date), MESSAGE);
        let stored = client.messages("INBOX");
        assert_eq!(stored.len(), 1);
        assert_eq!((stored[0].uid, stored[0].date.as_str()), (uid, date));
        assert_eq!(stored[0].flags, ["\\Seen", "todo"]);
        assert_eq!(stored[0].bytes, MESSAGE);
        client.remove("1");
        assert_eq!(client.select("INBOX").exists, 0);
    }
}

#[test]
fn servers_run_side_by_side_and_leave_nothing_behind() {
    let servers = [0; 3].map(|_| Dovecot::start(Options::default()));
    let places: Vec<_> = servers.iter().map(|server| (server.dir().to_owned(), server.port())).collect();
    servers.iter().for_each(|server| drop(server.client("u9")));
    drop(servers);
    for (dir, port) in places {
        assert!(!dir.exists(), "{dir:?} is still there");
        // Another test's server may have the port by now.
        let greeting = greeting_at(SocketAddr::from(([127, 0, 0, 1], port))).unwrap_or_default();
        assert!(!greeting.contains(&greeting_of(&dir)), "the server of port {port} still answers");
    }
}

#[test]
fn a_hidden_capability_is_not_offered() {
    let server = Dovecot::start(Options { hide: vec!["QRESYNC", "COMPRESS=DEFLATE"], ..Options::default() });
    let offered = server.client("u1").ok("CAPABILITY").untagged.concat();
    let offered = String::from_utf8(offered).unwrap();
    assert!(
        offered.contains("CONDSTORE") && !offered.contains("QRESYNC") && !offered.contains("COMPRESS"),
        "{offered}"
    );
    let full = Dovecot::start(Options::default()).client("u1").ok("CAPABILITY").untagged.concat();
    let full = String::from_utf8(full).unwrap();
    assert!(["QRESYNC", "COMPRESS=DEFLATE", "NOTIFY"].iter().all(|c| full.contains(c)), "{full}");
}

#[test]
fn where_tls_is_required_a_plain_login_is_refused() {
    let server = Dovecot::start(Options { tls: Tls::Required, ..Options::default() });
    let mut client = Client::connect((server.host(), server.port()));
    assert!(client.greeting().contains("STARTTLS") && client.greeting().contains("LOGINDISABLED"));
    assert!(!client.raw("LOGIN u1 pw").is_ok());
}

#[test]
fn a_quota_is_enforced() {
    let server = Dovecot::start(Options { quota: Some(1000), ..Options::default() });
    let mut client = server.client("u1");
    client.append("INBOX", "", None, MESSAGE);
    let big = format!("APPEND INBOX {{2000+}}\r\n{}", "x".repeat(2000));
    let answer = client.raw(&big);
    assert!(answer.status.contains("OVERQUOTA"), "{}", answer.status);
}

#[test]
fn a_namespace_can_have_a_prefix_and_another_separator() {
    let options = Options { format: Format::Maildir, separator: Some('.'), prefix: "INBOX.", ..Options::default() };
    let server = Dovecot::start(options);
    let mut client = server.client("u1");
    client.create("INBOX.a.b");
    let names: Vec<_> = client.list().into_iter().map(|listed| listed.name).collect();
    assert!(names.contains(&"INBOX.a.b".to_owned()), "{names:?}");
}

#[test]
fn doveadm_sees_what_the_client_did_and_imports_a_maildir() {
    let server = Dovecot::start(Options::default());
    server.client("u2").append("INBOX", "", None, MESSAGE);
    let status = server.doveadm(&["-f", "tab", "mailbox", "status", "-u", "u2", "messages", "INBOX"]);
    assert_eq!(status.lines().last(), Some("INBOX\t1"));
    let maildir = tempfile::tempdir().unwrap();
    for sub in ["cur", "new", "tmp"] {
        std::fs::create_dir(maildir.path().join(sub)).unwrap();
    }
    std::fs::write(maildir.path().join("cur/1.a.host:2,FS"), "Subject: x\n\nbody\n").unwrap();
    server.import_maildir("u3", maildir.path());
    let stored = server.client("u3").messages("INBOX");
    assert_eq!(stored[0].bytes, b"Subject: x\r\n\r\nbody\r\n");
    assert_eq!(stored[0].flags, ["\\Flagged", "\\Seen"]);
}

#[test]
fn certificates_differ_as_asked() {
    let kinds = [Certificate::Good, Certificate::WrongName, Certificate::Expired, Certificate::SelfSigned];
    for certificate in kinds {
        let server = Dovecot::start(Options { certificate, ..Options::default() });
        assert!(server.ca_file().is_file() && !server.certificate_der().is_empty());
        assert!(TcpStream::connect((server.host(), server.tls_port())).is_ok());
    }
}
