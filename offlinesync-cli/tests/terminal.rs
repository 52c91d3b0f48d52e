//! What a person meets at a terminal: the questions of `init`, what is typed, and the bars of a sync.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use offlinesync_imap::testing::server::{Action, Options as Memory, Server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::channel;
use support::sandbox::Sandbox;
use support::tty::Tty;

/// A real server with a message, a home without a configuration, and somebody who sits there.
struct Newcomer {
    server: Dovecot,
    sandbox: Sandbox,
}

impl Newcomer {
    fn new() -> Newcomer {
        let server = Dovecot::start(Options::default());
        server.client("u1").append("INBOX", "", None, b"Subject: one\r\n\r\nbody\r\n");
        let sandbox = Sandbox::new("");
        fs::remove_file(sandbox.path(".offlineimaprc")).unwrap();
        Newcomer { server, sandbox }
    }

    /// `init` in a terminal, for a server that listens at an odd port, and where no name server tells anything.
    fn init(&self) -> Tty {
        let (port, authority) = (self.server.tls_port().to_string(), self.server.ca_file().display().to_string());
        let program = self.sandbox.command(&["init", "--port", &port, "--ca-file", &authority]);
        let nothing = self.sandbox.path("nothing");
        fs::write(&nothing, "").unwrap();
        let mut command = Command::new("unshare");
        let private = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["--mount", "/bin/sh", "-c", private]).arg(nothing);
        command.arg(program.get_program()).args(program.get_args()).current_dir(self.sandbox.path(""));
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Tty::run(command)
    }

    fn file(&self) -> PathBuf {
        self.sandbox.path(".config/offlinesync/config")
    }
}

/// Who asks for what at `init`, where nothing is found out.
const WHO: [(&str, &str); 3] =
    [("Mail address: ", "u1@example.invalid"), ("IMAP server: ", "localhost"), ("User name", "u1")];

/// Answers questions, each when it is asked.
fn answer(tty: &mut Tty, answers: &[(&str, &str)]) {
    for (question, answer) in answers {
        tty.wait_for(question);
        tty.press(&format!("{answer}\r"));
    }
}

#[test]
fn answers_become_a_file_for_its_owner_alone_that_checks_and_syncs() {
    let newcomer = Newcomer::new();
    let mut tty = newcomer.init();
    answer(
        &mut tty,
        &[
            ("Mail address: ", "u1"),
            ("`u1` is no mail address", "u1@example.invalid"),
            ("IMAP server: ", "localhost"),
            ("User name [u1@example.invalid]: ", "u1"),
            ("Command that prints the password", "echo pw"),
            ("Maildir [~/Mail]: ", ""),
        ],
    );
    let (code, screen) = tty.end("Next: `offlinesync check`");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("Logged in; 1 folder."), "{screen}");
    assert_eq!(fs::metadata(newcomer.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let check = newcomer.sandbox.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("INBOX"), "{check:?}");
    newcomer.sandbox.run(&[]).silent();
    assert_eq!(newcomer.sandbox.messages("Mail/INBOX"), ["Subject: one\n\nbody\n"]);
}

#[test]
fn a_password_is_typed_unseen_and_is_not_in_the_file() {
    let newcomer = Newcomer::new();
    let mut tty = newcomer.init();
    answer(&mut tty, &WHO);
    answer(&mut tty, &[("Command that prints the password", "ask"), ("Maildir", "~/elsewhere")]);
    answer(&mut tty, &[("Enter password for user 'u1'", "pw")]);
    let (code, screen) = tty.end("Next: `offlinesync check`");
    assert_eq!(code, Some(0), "{screen}");
    // Directories of tests have names by chance.
    let screen = screen.replace(&newcomer.sandbox.path("").display().to_string(), "~/");
    assert!(!screen.contains("pw") && !fs::read_to_string(newcomer.file()).unwrap().contains("= pw\n"), "{screen}");
    let mut tty = Tty::start(&newcomer.sandbox, &["-u", "quiet"]);
    answer(&mut tty, &[("Enter password for user 'u1'", "pw")]);
    assert_eq!(tty.end("").0, Some(0));
    assert_eq!(newcomer.sandbox.messages("elsewhere/INBOX").len(), 1);
}

#[test]
fn ctrl_c_at_a_question_and_a_refused_password_write_nothing() {
    let newcomer = Newcomer::new();
    let mut tty = newcomer.init();
    answer(&mut tty, &WHO[..1]);
    tty.wait_for("IMAP server: ");
    tty.press("\u{3}");
    assert_ne!(tty.end("IMAP server").0, Some(0));
    assert!(!newcomer.sandbox.path(".config").exists());
    let mut tty = newcomer.init();
    answer(&mut tty, &WHO);
    answer(&mut tty, &[("Command that prints the password", "echo wrong"), ("Maildir", "")]);
    let (code, screen) = tty.end("nothing was written: the login failed");
    assert_eq!(code, Some(2), "{screen}");
    assert!(!newcomer.sandbox.path(".config").exists());
}

/// A server that hands out no message until it is let.
#[test]
fn ttyui_shows_bars_while_mail_comes_and_a_line_when_it_has_come() {
    let server = Server::start(Memory::default());
    server.mailbox("u1", "INBOX").add(b"Subject: one\r\n\r\nbody\r\n", &[]);
    let (let_it, held) = channel::<()>();
    server.on_command(move |received| {
        if received.line.contains("BODY.PEEK[]") {
            let _ = held.recv();
        }
        Action::Continue
    });
    let sandbox = Sandbox::new(&format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n[Repository l]\n\
         type = Maildir\nlocalfolders = ~/local\n[Repository r]\ntype = IMAP\nremotehost = {}\nremoteport = {}\n\
         remoteuser = u1\nremotepass = pw\nssl = no\nstarttls = no\n",
        server.host(),
        server.port()
    ));
    let mut tty = Tty::start(&sandbox, &[]);
    tty.wait_for("a: folder 0/1, message 0/1");
    let screen = tty.wait_for("INBOX");
    assert!(screen.contains("] 0/1"), "{screen}");
    drop(let_it);
    let (code, screen) = tty.end("a: 1 message received");
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("] 0/1") && !screen.contains("message 0/1"), "{screen}");
}
