//! Options of an IMAP repository: what each does, seen from outside, on a real server.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::closed_port::ClosedPort;
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{Action, Options as Memory, Server};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use support::sandbox::Sandbox;

/// An account between the server and a Maildir, with these lines for the server's repository.
fn config(lines: &str) -> String {
    format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n\
         [Repository l]\ntype = Maildir\nlocalfolders = ~/local\nsep = /\n\
         [Repository r]\ntype = IMAP\nssl = no\nstarttls = no\n{lines}\n"
    )
}

fn server(server: &Dovecot) -> String {
    format!("remotehost = {}\nremoteport = {}\n", server.host(), server.port())
}

const MESSAGE: &[u8] = b"Subject: one\r\n\r\nbody\r\n";

#[test]
fn host_port_user_and_password_come_from_where_the_file_says() {
    let dovecot = Dovecot::start(Options::default());
    dovecot.client("u1").append("INBOX", "", None, MESSAGE);
    let place = server(&dovecot);
    let (host, port) = (dovecot.host(), dovecot.port());
    let expressions = format!(
        "remotehosteval = '{host}'\nremoteporteval = {port} + 0\nremoteusereval = 'u' + '1'\nremotepasseval = 'pw\\n'\n\
         remotehost = wrong\nremoteport = 1\nremoteuser = wrong\nremotepass = wrong"
    );
    for lines in [
        expressions,
        format!("{place}remoteusercmd = echo u1; echo more\nremotepasscmd = echo pw"),
        format!("{place}remoteuser = u1\nremotepassfile = ~/password"),
        place.clone(),
    ] {
        let sandbox = Sandbox::new(&config(&lines));
        fs::write(sandbox.path("password"), "pw \nmore\n").unwrap();
        fs::write(sandbox.path(".netrc"), format!("machine {host} login u1 password pw\n")).unwrap();
        fs::set_permissions(sandbox.path(".netrc"), fs::Permissions::from_mode(0o600)).unwrap();
        let run = sandbox.run(&[]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{lines}");
        assert_eq!(sandbox.messages("local/INBOX").len(), 1);
    }
    let refused = Sandbox::new(&config(&format!("{place}remoteusercmd = false\nremotepass = pw"))).run(&[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("the command for its user name failed"), "{}", refused.err);
}

#[test]
fn folders_can_be_limited_to_those_subscribed_or_below_a_name() {
    let dovecot = Dovecot::start(Options::default());
    let mut client = dovecot.client("u1");
    for name in ["Lists/a", "Lists/b", "Other"] {
        client.create(name);
        client.append(name, "", None, MESSAGE);
    }
    client.ok("SUBSCRIBE Lists/a");
    client.ok("CREATE Gone");
    client.ok("SUBSCRIBE Gone");
    client.ok("DELETE Gone");
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    let subscribed = Sandbox::new(&config(&format!("{login}subscribedonly = yes")));
    subscribed.run(&[]).silent();
    assert_eq!(subscribed.messages("local/Lists/a").len(), 1);
    assert!(!subscribed.path("local/Other").exists() && !subscribed.path("local/Lists/b").exists());
    assert!(!subscribed.path("local/Gone").exists());
    subscribed.run(&["-k", "Repository_r:folderincludes=['Other']"]).silent();
    assert_eq!(subscribed.messages("local/Other").len(), 1);
    assert!(!subscribed.path("local/Lists/b").exists());
    let below = Sandbox::new(&config(&format!("{login}reference = Lists/")));
    below.run(&[]).silent();
    assert_eq!((below.messages("local/Lists/a").len(), below.messages("local/Lists/b").len()), (1, 1));
    assert!(!below.path("local/Other").exists());
    below.deliver("local/Lists/own", "1700000009.own.host", "Subject: own\n\nx\n");
    below.run(&[]).silent();
    assert_eq!(client.messages("Lists/own").len(), 1);
}

#[test]
fn without_expunge_a_removed_message_is_only_marked_and_read_only_sides_are_not_changed() {
    let dovecot = Dovecot::start(Options::default());
    let mut client = dovecot.client("u1");
    client.append("INBOX", "", None, MESSAGE);
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    let sandbox = Sandbox::new(&config(&format!("{login}expunge = no")));
    sandbox.run(&[]).silent();
    let read_only = Sandbox::new(&config(&format!("{login}readonly = yes")));
    read_only.run(&[]).silent();
    let (kept, other) = (Sandbox::new(&config(&login).replace("sep = /\n", "sep = /\nsync_deletes = no\n")), read_only);
    kept.run(&[]).silent();
    for house in [&kept, &other] {
        house.empty("local/INBOX");
        assert_eq!(house.run(&["-1"]).code, 0);
        assert_eq!(client.messages("INBOX").len(), 1);
    }
    sandbox.empty("local/INBOX");
    sandbox.run(&[]).silent();
    let left = client.messages("INBOX");
    assert_eq!(left.len(), 1);
    assert!(format!("{left:?}").contains("Deleted"), "{left:?}");
    assert_eq!(sandbox.run(&["-k", "Repository_r:expunge=yes"]).code, 0);
    assert_eq!(client.messages("INBOX").len(), 1, "what was only marked is not expunged later");
    // What was removed while nothing could be changed there, and what another program has marked.
    client.append("INBOX", "\\Deleted", None, b"Subject: marked\r\n\r\nx\r\n");
    assert_eq!(other.run(&["-k", "Repository_r:readonly=no"]).code, 0);
    let left = client.messages("INBOX");
    assert_eq!(left.len(), 1);
    assert!(left[0].bytes.starts_with(b"Subject: marked"), "{left:?}");
}

#[test]
fn a_command_can_carry_the_connection_with_and_without_a_login() {
    let dovecot = Dovecot::start(Options::default());
    dovecot.client("u1").append("INBOX", "", None, MESSAGE);
    let carry = format!(
        "import os, select, socket, sys\ns = socket.create_connection(('{}', {}))\nif sys.argv[1:]:\n  \
         s.sendall(b'x LOGIN u1 pw\\r\\n')\n  answer = b''\n  \
         while b'\\nx OK' not in answer: answer += s.recv(65536)\n  \
         os.write(1, b'* PREAUTH hello\\r\\n')\nwhile True:\n  \
         for ready in select.select([0, s], [], [])[0]:\n    \
         data = os.read(0, 65536) if ready == 0 else s.recv(65536)\n    \
         if not data: raise SystemExit\n    \
         s.sendall(data) if ready == 0 else os.write(1, data)\n",
        dovecot.host(),
        dovecot.port()
    );
    for lines in [
        "transporttunnel = python3 ~/carry.py\nremoteuser = u1\nremotepass = pw",
        "preauthtunnel = python3 ~/carry.py login",
    ] {
        let sandbox = Sandbox::new(&config(lines));
        fs::write(sandbox.path("carry.py"), &carry).unwrap();
        sandbox.run(&[]).silent();
        assert_eq!(sandbox.messages("local/INBOX").len(), 1, "{lines}");
    }
    let both = "transporttunnel = true\npreauthtunnel = true\nremoteuser = u1";
    let refused = Sandbox::new(&config(both)).run(&[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("exclude each other"), "{}", refused.err);
}

/// A message of which connections are lost before anything of it has come.
#[test]
fn a_transfer_is_taken_up_again_as_often_as_the_file_says() {
    for (lines, losses, code) in [("retrycount = 0", 1, 75), ("retrycount = 1", 1, 0), ("", 2, 0), ("", 3, 75)] {
        let memory = Server::start(Memory::default());
        memory.mailbox("u1", "INBOX").add(MESSAGE, &[]);
        let left = AtomicUsize::new(losses);
        memory.on_command(move |received| {
            let lost = received.line.contains("BODY.PEEK[]")
                && left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
            if lost { Action::CutAfter(0) } else { Action::Continue }
        });
        let (host, port) = (memory.host(), memory.port());
        let place = format!("remotehost = {host}\nremoteport = {port}\nremoteuser = u1\nremotepass = pw\n");
        let run = Sandbox::new(&config(&format!("{place}{lines}"))).run(&[]);
        assert_eq!(run.code, code, "{lines}, {losses} lost: {run:?}");
    }
}

/// An HTTP proxy for one server; answers the port it listens at.
fn http_proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut octet = [0];
                client.read_exact(&mut octet).unwrap();
                head.push(octet[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let server = TcpStream::connect(head.split(' ').nth(1).unwrap()).unwrap();
            client.write_all(b"HTTP/1.1 200 fine\r\n\r\n").unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    port
}

#[test]
fn connections_go_through_the_proxy_and_nowhere_without_it() {
    let dovecot = Dovecot::start(Options::default());
    dovecot.client("u1").append("INBOX", "", None, MESSAGE);
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    let with = |proxy: &str| config(&login).replace("[Account a]\n", &format!("[Account a]\nproxy = {proxy}\n"));
    let sandbox = Sandbox::new(&with(&format!("HTTP:127.0.0.1:{}", http_proxy())));
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX").len(), 1);
    let closed = ClosedPort::new();
    let run = Sandbox::new(&with(&format!("SOCKS5:{}", closed.address()))).run(&[]);
    assert_eq!(run.code, 75, "{run:?}");
    assert!(run.err.contains(&closed.address().to_string()), "{}", run.err);
}

#[test]
fn a_hook_runs_when_unread_mail_came_into_the_inbox() {
    let dovecot = Dovecot::start(Options::default());
    let mut client = dovecot.client("u1");
    client.create("Other");
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    for hook in ["lambda: os.system(\n \"echo new >> ~/hook\")", "echo new >> ~/hook"] {
        let sandbox = Sandbox::new(&config(&format!("{login}newmail_hook = {hook}")));
        let mut called = |folder: &str, flags: &str| {
            client.append(folder, flags, None, MESSAGE);
            sandbox.run(&[]).silent();
            fs::read_to_string(sandbox.path("hook")).unwrap_or_default().lines().count()
        };
        assert_eq!([("Other", ""), ("INBOX", "\\Seen")].map(|(folder, flags)| called(folder, flags)), [0, 0], "{hook}");
        assert_eq!(called("INBOX", ""), 1, "{hook}");
        client.select("INBOX");
        client.remove("1:*");
    }
}

#[test]
fn file_names_begin_with_the_date_of_the_header_where_that_is_asked_for() {
    let dovecot = Dovecot::start(Options::default());
    dovecot.client("u1").append(
        "INBOX",
        "",
        None,
        b"Date: Tue, 14 Nov 2000 23:13:20 +0100\r\nSubject: dated\r\n\r\nx\r\n",
    );
    let plain = config(&format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot)));
    let option = "filename_use_mail_timestamp = yes\n";
    for (config, dated) in [
        (plain.clone(), false),
        (plain.replace("sep = /\n", &format!("sep = /\n{option}")), true),
        (plain.replace("[general]\n", &format!("[general]\n{option}")), true),
    ] {
        let sandbox = Sandbox::new(&config);
        sandbox.run(&[]).silent();
        let names: Vec<String> = sandbox.files("local/INBOX/new").into_keys().collect();
        assert!(names.len() == 1 && names[0].starts_with("974240000") == dated, "{names:?}");
    }
}

/// OfflineIMAP counts the messages: one that came and one that went are none.
#[test]
fn a_quick_sync_sees_a_change_of_the_same_number_of_messages() {
    let dovecot = Dovecot::start(Options::default());
    let mut client = dovecot.client("u1");
    client.append("INBOX", "", None, MESSAGE);
    let sandbox = Sandbox::new(&config(&format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot))));
    sandbox.run(&[]).silent();
    client.append("INBOX", "", None, b"Subject: another\r\n\r\nx\r\n");
    client.select("INBOX");
    client.remove("1");
    sandbox.run(&["-q"]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), ["Subject: another\n\nx\n"]);
}

/// OfflineIMAP takes one size on the wire and another on the disk: a message between them was uploaded, then missed there and removed here.
#[test]
fn a_message_is_as_large_on_the_server_as_in_a_maildir() {
    let dovecot = Dovecot::start(Options::default());
    let mut client = dovecot.client("u1");
    let text = |who: &str| format!("Subject: {who}\n\n{}", "x\n".repeat(100));
    client.append("INBOX", "", None, text("there").replace('\n', "\r\n").as_bytes());
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    let sandbox = Sandbox::new(&config(&login).replace("[Account a]\n", "[Account a]\nmaxsize = 260\n"));
    sandbox.deliver("local/INBOX", "1700000009.here.host", &text("here!"));
    for _ in 0..2 {
        sandbox.run(&[]).silent();
        let (here, there) = (sandbox.messages("local/INBOX").len(), client.messages("INBOX").len());
        assert!(here == there, "{here} here, {there} there");
    }
}

/// OfflineIMAP refuses it between two servers.
#[test]
fn maxage_counts_between_two_servers_too() {
    let dovecot = Dovecot::start(Options::default());
    let (mut client, mut other) = (dovecot.client("u1"), dovecot.client("u2"));
    client.append("INBOX", "", Some("01-Jan-2001 12:00:00 +0000"), MESSAGE);
    client.append("INBOX", "", None, b"Subject: young\r\n\r\nx\r\n");
    other.append("INBOX", "", Some("01-Jan-2001 12:00:00 +0000"), b"Subject: old there\r\n\r\nx\r\n");
    let place = server(&dovecot);
    let second = format!("type = IMAP\nssl = no\nstarttls = no\n{place}remoteuser = u2\nremotepass = pw\n");
    let servers = config(&format!("{place}remoteuser = u1\nremotepass = pw\n"))
        .replace("[Account a]\n", "[Account a]\nmaxage = 10\n")
        .replace("type = Maildir\nlocalfolders = ~/local\nsep = /\n", &second);
    let sandbox = Sandbox::new(&servers);
    sandbox.run(&[]).silent();
    assert_eq!((client.messages("INBOX").len(), other.messages("INBOX").len()), (2, 2));
}
