//! Servers of other shapes: with a namespace of their own, behind a command instead of a socket, and with nothing but a farewell.

use crate::house::{Setup, imap};
use crate::mail::{assert_in_step, deliver, files, on_server};
use offlinesync_core::testing::mails::Mail;
use offlinesync_imap::testing::dovecot::{Dovecot, Format, Options};
use std::io::Write;
use std::net::TcpListener;

/// As Courier and many hosters do: all folders are below INBOX.
fn below_inbox() -> Options {
    Options { format: Format::Maildir, separator: Some('.'), prefix: "INBOX.", ..Options::default() }
}

#[test]
fn folders_below_inbox_are_called_so_here_too() {
    let server = Dovecot::start(below_inbox());
    for (user, separator, sub) in [("u1", "/", "INBOX/Here/below"), ("u2", ".", "INBOX.Here.below")] {
        let mut client = server.client(user);
        client.create("INBOX.Work.Deep");
        for folder in ["INBOX", "INBOX.Work.Deep"] {
            client.append(folder, "\\Seen", None, &Mail::text(folder).bytes);
        }
        let house = Setup::new(&server, user).more_local(&format!("sep = {separator}")).house();
        house.sync();
        deliver(&house.folder(sub), "17.x.host:2,S", b"Subject: up\n\nbody\n");
        house.settle();
        assert_eq!(files(&house.folder(&sub.replace("Here", "Work").replace("below", "Deep"))).len(), 1);
        assert_eq!(on_server(&mut client, "INBOX.Here.below").len(), 1);
        deliver(&house.folder("Outside"), "18.x.host:2,S", b"Subject: outside\n\nbody\n");
        house.run(&[]).refuses(1, &["folder Outside", "was not created"], &["'INBOX.'", "nametrans"]);
    }
}

#[test]
fn with_names_translated_the_prefix_is_not_seen_here() {
    let server = Dovecot::start(below_inbox());
    let mut client = server.client("u1");
    client.create("INBOX.Work");
    client.append("INBOX.Work", "", None, &Mail::text("work").bytes);
    let remote = "nametrans = lambda name: re.sub(r'^INBOX\\.', '', name)\n";
    let local = "nametrans = lambda name: name if name == 'INBOX' else 'INBOX.' + name";
    let house = Setup::of(&(imap(&server.host(), server.port(), "u1") + remote)).more_local(local).house();
    house.sync();
    assert_eq!(files(&house.folder("Work")).len(), 1);
    deliver(&house.folder("Here"), "19.x.host:2,S", b"Subject: up\n\nbody\n");
    house.settle();
    assert_eq!(on_server(&mut client, "INBOX.Here").len(), 1);
}

/// The tunnel of people with a shell on the server: no login, the connection begins with PREAUTH.
#[test]
fn a_command_that_is_logged_in_already_carries_the_connection() {
    let server = Dovecot::start(Options::default());
    let mut client = server.client("u1");
    let mails: Vec<_> = (0..30).map(|n| Mail::text(&format!("mail {n}")).bytes).collect();
    client.append_all("INBOX", "", None, &mails);
    // Run by root, Dovecot answers on no socket of its own.
    let conf = server.dir().join("dovecot.conf");
    let tunnel = format!("doveadm -c {} exec imap -u u1 | cat", conf.display());
    let house = Setup::of(&format!("type = IMAP\npreauthtunnel = {tunnel}\n")).house();
    let run = house.run(&["-d", "imap"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("PREAUTH") && !run.err.contains("AUTHENTICATE"), "{run:?}");
    deliver(&house.folder("INBOX"), "1.x.host:2,S", b"Subject: up\n\nbody\n");
    assert_eq!(house.run(&[]).code, 0);
    assert_in_step(&mut client, &house);
    assert_eq!(on_server(&mut client, "INBOX").len(), 31);
}

#[test]
fn a_server_that_says_farewell_at_once_is_tried_again_later_and_one_that_is_busy_in_the_same_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for words in ["* BYE too many connections from here\r\n", "* BYE [UNAVAILABLE] back at noon\r\n", ""] {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(words.as_bytes()).unwrap();
        }
    });
    let house = Setup::of(&imap("127.0.0.1", port, "u1")).house();
    // Too many connections pass: the second is opened by the same run, and what it hears ends that.
    house.run(&[]).refuses(75, &["back at noon"], &[]);
    house.run(&[]).refuses(75, &["closed the connection"], &[]);
    server.join().unwrap();
}
