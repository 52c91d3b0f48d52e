//! Options of an IMAP repository: what each does, seen from outside, on a real server.

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use std::fs;
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
