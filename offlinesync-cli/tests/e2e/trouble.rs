//! What goes wrong around the program is told in a sentence, ends with the right code and costs no mail; once the cause is gone, the
//! same run completes the work.

use crate::content::fill;
use crate::house::{House, Run, Setup, imap};
use crate::mail::{assert_in_step, deliver, files, on_server, to_lf};
use offlinesync_core::testing::mails::{self, Mail};
use offlinesync_imap::testing::certificates::Certificate;
use offlinesync_imap::testing::client::Client;
use offlinesync_imap::testing::closed_port::ClosedPort;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

/// A server with some mail and a house with some more.
fn world(options: Options) -> (Dovecot, Client, House) {
    let server = Dovecot::start(options);
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(20, 40));
    let house = Setup::new(&server, "u1").house();
    for (number, mail) in mails::ordinary(10, 41).enumerate() {
        deliver(&house.folder("INBOX"), &format!("17{number}.up.host:2,S"), &to_lf(&mail.bytes));
    }
    (server, client, house)
}

/// With the cause gone, the run completes the work.
fn assert_recovers(server: &Dovecot, client: &mut Client, house: &House) {
    house.configure(&Setup::new(server, "u1"));
    house.run(&[]).succeeds();
    assert_eq!(files(&house.folder("INBOX")).len(), 30);
    assert_in_step(client, house);
    house.sync_quietly();
}

#[test]
fn a_wrong_password_is_a_mistake_of_configuration() {
    // Dovecot makes whoever failed wait.
    let extra = "service anvil {\n unix_listener anvil-auth-penalty {\n mode = 0\n }\n}".to_owned();
    let (server, mut client, house) = world(Options { extra, ..Options::default() });
    let wrong =
        Setup::of(&imap(&server.host(), server.port(), "u1").replace("remotepass = pw", "remotepass = secret123"));
    house.configure(&wrong);
    let run = house.run(&[]);
    run.refuses(2, &["u1", "did not accept"], &["password"]);
    assert!(!run.err.contains("secret123"));
    assert_eq!((client.select("INBOX").exists, files(&house.folder("INBOX")).len()), (20, 10));
    assert_recovers(&server, &mut client, &house);
}

#[test]
fn a_host_that_cannot_be_reached_means_try_again_later() {
    let (server, mut client, house) = world(Options::default());
    let closed = ClosedPort::new();
    house.configure(&Setup::of(&imap("127.0.0.1", closed.port(), "u1")));
    house.run(&[]).refuses(75, &["cannot connect to 127.0.0.1", "refused"], &[]);
    house.configure(&Setup::of(&imap("no-such-host.invalid", 143, "u1")));
    house.run(&[]).refuses(75, &["no-such-host.invalid"], &[]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::of(&imap("127.0.0.1", silent.local_addr().unwrap().port(), "u1"));
    house.configure(&setup.general("socktimeout = 1"));
    house.run(&[]).refuses(75, &["silent for 1 second"], &[]);
    assert_recovers(&server, &mut client, &house);
}

/// OfflineIMAP #720; offlineimap3 #96: nothing was verified unless somebody asked for it.
#[test]
fn a_certificate_that_proves_nothing_gets_no_password() {
    for (certificate, words, hint) in [
        (Certificate::WrongName, "elsewhere.invalid", "cert_fingerprint"),
        (Certificate::SelfSigned, "nobody we trust vouches", "sslcacertfile"),
        (Certificate::Expired, "expired", "cert_fingerprint"),
    ] {
        let (server, mut client, house) = world(Options { certificate, ..Options::default() });
        let lines = format!(
            "type = IMAP\nremotehost = localhost\nremoteport = {}\nremoteuser = u1\nremotepass = pw\nsslcacertfile = {}\n",
            server.tls_port(),
            server.ca_file().display()
        );
        house.configure(&Setup::of(&lines));
        house.run(&["-d", "imap"]).refuses(2, &[words], &[hint]);
        assert!(!house.run(&["-d", "imap"]).err.contains("AUTHENTICATE"));
        house.configure(&Setup::of(&lines.replace("sslcacertfile", "# ")));
        house.run(&[]).refuses(2, &["certificate"], &["cert_fingerprint"]);
        assert_eq!((client.select("INBOX").exists, files(&house.folder("INBOX")).len()), (20, 10));
        assert_recovers(&server, &mut client, &house);
    }
}

/// A small file system in memory, for which one must be root; unmounted when dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn new(place: PathBuf, size: &str) -> Mounted {
        fs::create_dir_all(&place).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&place).output();
        let output = mounted.unwrap();
        assert!(output.status.success(), "this test mounts a small file system and must be root: {output:?}");
        Mounted(place)
    }

    pub(crate) fn remount(&self, option: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_the_next_run_goes_on() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(150, 42));
    let house = Setup::new(&server, "u1").house();
    let disk = Mounted::new(house.path("mail"), "300k");
    let full = house.run(&[]);
    full.refuses(1, &["No space left", "mail"], &["make room"]);
    assert_eq!(full.err.matches("No space left").count(), 1, "it is told once, not for every message: {full:?}");
    assert_eq!(client.select("INBOX").exists, 150);
    disk.remount("size=100m");
    house.run(&[]).succeeds();
    assert_in_step(&mut client, &house);
    house.sync_quietly();
    assert_eq!(fs::read_dir(house.folder("INBOX").join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_full_disk_under_the_status_file_loses_nothing_either() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(300, 43));
    let house = Setup::new(&server, "u1").house();
    for number in 0..50 {
        deliver(
            &house.folder("INBOX"),
            &format!("17{number}.up.host:2,S"),
            &to_lf(&Mail::text(&format!("up {number}")).bytes),
        );
    }
    let disk = Mounted::new(house.path(".offlineimap"), "64k");
    let full = house.run(&[]);
    assert_eq!(full.code, 1, "{full:?}");
    assert!(full.err.contains("full") || full.err.contains("No space"), "{full:?}");
    disk.remount("size=100m");
    house.run(&[]).succeeds();
    assert_eq!(client.select("INBOX").exists, 350);
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}

#[test]
fn a_maildir_on_a_read_only_disk_is_told_and_loses_nothing() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    fill(&mut client, "INBOX", mails::ordinary(20, 44));
    let house = Setup::new(&server, "u1").house();
    let disk = Mounted::new(house.path("mail"), "50m");
    house.settle();
    fill(&mut client, "INBOX", mails::ordinary(25, 45));
    client.select("INBOX");
    client.store("3:6", "+FLAGS", "\\Flagged");
    client.remove("1:2");
    disk.remount("ro");
    house.run(&[]).refuses(1, &["Read-only file system", "INBOX"], &[]);
    assert_eq!(client.select("INBOX").exists, 43);
    disk.remount("rw");
    house.run(&[]).succeeds();
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}

#[test]
fn a_quota_on_the_server_stops_what_is_too_much_and_nothing_else() {
    let server = Dovecot::start(Options { quota: Some(200_000), ..Options::default() });
    let mut client = server.client("u1");
    client.append("INBOX", "", None, &Mail::text("there").bytes);
    let house = Setup::new(&server, "u1").house();
    for number in 0..40 {
        let mail = [
            format!("Subject: up {number}\nMessage-ID: <{number}.17@example.org>\n\n").into_bytes(),
            b"x\n".repeat(3500),
        ]
        .concat();
        deliver(&house.folder("INBOX"), &format!("17{number}.up.host:2,S"), &mail);
    }
    let run = house.run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.to_lowercase().contains("quota"), "{run:?}");
    assert!(run.err.lines().count() < 15, "{run:?}");
    let stored = client.select("INBOX").exists as usize;
    assert!((2..41).contains(&stored), "{stored}");
    assert_eq!(files(&house.folder("INBOX")).len(), 41);
    // Two messages make room for some more, wherever they are removed.
    for file in files(&house.folder("INBOX")).iter().take(30) {
        fs::remove_file(house.folder("INBOX").join(&file.name)).unwrap();
    }
    let again: Run = house.run(&["--allow-mass-delete"]);
    assert!(again.code == 0 || again.code == 1, "{again:?}");
    house.run(&[]).succeeds();
    assert_eq!(on_server(&mut client, "INBOX").len(), 11);
    assert_in_step(&mut client, &house);
    house.sync_quietly();
}
