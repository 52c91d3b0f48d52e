//! Options of an IMAP repository: what each does, seen from outside, on a real server.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
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
    let login = format!("{}remoteuser = u1\nremotepass = pw\n", server(&dovecot));
    let subscribed = Sandbox::new(&config(&format!("{login}subscribedonly = yes")));
    subscribed.run(&[]).silent();
    assert_eq!(subscribed.messages("local/Lists/a").len(), 1);
    assert!(!subscribed.path("local/Other").exists() && !subscribed.path("local/Lists/b").exists());
    let below = Sandbox::new(&config(&format!("{login}reference = Lists/")));
    below.run(&[]).silent();
    assert_eq!((below.messages("local/Lists/a").len(), below.messages("local/Lists/b").len()), (1, 1));
    assert!(!below.path("local/Other").exists());
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
}

#[test]
fn a_command_can_carry_the_connection_with_and_without_a_login() {
    let dovecot = Dovecot::start(Options::default());
    dovecot.client("u1").append("INBOX", "", None, MESSAGE);
    let sandbox = Sandbox::new(&config("transporttunnel = python3 ~/carry.py\nremoteuser = u1\nremotepass = pw"));
    let carry = format!(
        "import os, select, socket\ns = socket.create_connection(('{}', {}))\nwhile True:\n  \
         for ready in select.select([0, s], [], [])[0]:\n    \
         data = os.read(0, 65536) if ready == 0 else s.recv(65536)\n    \
         if not data: raise SystemExit\n    \
         s.sendall(data) if ready == 0 else os.write(1, data)\n",
        dovecot.host(),
        dovecot.port()
    );
    fs::write(sandbox.path("carry.py"), carry).unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX").len(), 1);
    let both = "transporttunnel = true\npreauthtunnel = true\nremoteuser = u1";
    let refused = Sandbox::new(&config(both)).run(&[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("exclude each other"), "{}", refused.err);
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
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = Sandbox::new(&with(&format!("SOCKS5:127.0.0.1:{closed}"))).run(&[]);
    assert_eq!(run.code, 75, "{run:?}");
    assert!(run.err.contains(&format!("127.0.0.1:{closed}")), "{}", run.err);
}
