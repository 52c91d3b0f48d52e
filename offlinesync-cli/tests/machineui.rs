//! `machineui`: what a program that reads the stream can count on, besides what `e2e/machine.rs` compares with OfflineIMAP.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use support::sandbox::{ACCOUNT, Sandbox};

/// The program, with its stream and somebody who answers.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
}

impl Talk {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Talk {
        let mut command = sandbox.command(&[&["-u", "machineui"], args].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Talk { input: child.stdin.take(), child, lines, said: Vec::new() }
    }

    /// Reads on until a record begins with this; answers it.
    fn wait_for(&mut self, start: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            self.said.push(line.clone());
            if line.starts_with(start) {
                return line;
            }
        }
        panic!("it ended without saying {start}: {:#?}", self.said);
    }

    fn answer(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(mut self) -> (Option<i32>, Vec<String>) {
        self.input = None;
        for line in self.lines.by_ref() {
            self.said.push(line.unwrap());
        }
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn with_server(server: &Dovecot, account: &str) -> Sandbox {
    Sandbox::new(&format!(
        "[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n{account}\n\
         [Repository l]\ntype = Maildir\nlocalfolders = ~/local\n[Repository r]\ntype = IMAP\n\
         remotehost = {}\nremoteport = {}\nremoteuser = u1\nssl = no\nstarttls = no\n",
        server.host(),
        server.port()
    ))
}

#[test]
fn a_password_is_asked_for_and_read_from_standard_input_and_a_refused_one_is_told_before_the_next_question() {
    let server = Dovecot::start(Options::default());
    let sandbox = with_server(&server, "autorefresh = 10");
    let mut talk = Talk::start(&sandbox, &["-d", "all"]);
    assert_eq!(talk.wait_for("msg:getpass"), "msg:getpass:Account+sync+a:u1");
    talk.answer("hunter2-wrong");
    let error = talk.wait_for("error:");
    assert!(error.starts_with("error::Account+sync+a:ERROR%3A+account+%27a%27"), "{error}");
    talk.wait_for("msg:acctdone:Account+sync+a:a");
    assert_eq!(talk.wait_for("msg:sleeping"), "msg:sleeping:Account+sync+a:10%0A600");
    talk.signal(Signal::USR1);
    assert_eq!(talk.wait_for("msg:sleeping"), "msg:sleeping:Account+sync+a:0%0A0");
    let refused = talk.wait_for("warn:getpasserror");
    assert!(refused.starts_with("warn:getpasserror:Account+sync+a:u1%0A"), "{refused}");
    talk.wait_for("msg:getpass:");
    talk.answer("pw");
    talk.wait_for("msg:syncfolders:Account+sync+a:IMAP%0AMaildir");
    talk.wait_for("msg:sleeping:Account+sync+a:10%0A600");
    talk.signal(Signal::USR2);
    let (code, said) = talk.end();
    assert_eq!((code, said.last().unwrap().as_str()), (Some(0), "msg:terminate:MainThread:0%0A%0A"));
    assert!(said.iter().any(|line| line.starts_with("debug::Account+sync+a:%5Bimap%5D%3A+")), "{said:#?}");
    assert!(said[..9].contains(&"debug:debugging:MainThread:imap".to_owned()), "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("hunter2")), "the password is in the stream: {said:#?}");
}

#[test]
fn without_an_answer_the_account_fails_and_the_exit_status_says_so_in_the_stream_too() {
    let server = Dovecot::start(Options::default());
    let sandbox = with_server(&server, "");
    let mut talk = Talk::start(&sandbox, &[]);
    talk.wait_for("msg:getpass");
    let (code, said) = talk.end();
    assert_eq!((code, said.last().unwrap().as_str()), (Some(2), "msg:terminate:MainThread:2%0A%0A"));
    assert!(said.iter().any(|line| line.contains("no+password+was+given+on+standard+input")), "{said:#?}");
}

#[test]
fn a_mistake_in_the_configuration_ends_the_stream_with_its_exit_status_and_message() {
    let run = Sandbox::new(ACCOUNT).run(&["-u", "Machine.MachineUI", "-a", "zz"]);
    let lines: Vec<&str> = run.out.lines().skip(5).collect();
    assert_eq!(
        (run.code, run.err.as_str(), &lines[..]),
        (
            2,
            "",
            &[
                "error::MainThread:ERROR%3A+there+is+no+account+%27zz%27%0A++hint%3A+valid+accounts+are%3A+a",
                "msg:terminate:MainThread:2%0Aerror%0Athere+is+no+account+%27zz%27"
            ][..]
        )
    );
}

/// OfflineIMAP #248: a hook that failed was not told of.
#[test]
fn a_hook_that_fails_and_a_folder_that_is_refused_are_told_and_the_exit_status_is_right() {
    let config = ACCOUNT.replace("localrepository = l\n", "localrepository = l\npostsynchook = echo no >&2; exit 3\n");
    let sandbox = Sandbox::new(&config);
    let run = sandbox.run(&["-u", "machineui"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for line in [
        "msg:callhook:Account+sync+a:Hook+return+code%3A+3",
        "warn::Account+sync+a:hook+%60echo+no+%3E%262%3B+exit+3%60+failed+with+exit+code+3%3A+no",
        "msg::Account+sync+a:Creating+folder+Sent%5Bl%5D",
        "msg:copyingmessage:Folder+Sent+%5Bacc%3A+a%5D:-1%0AMaildir%0ASent%0AMaildir%5BSent%5D",
    ] {
        assert!(run.out.lines().any(|said| said == line), "{line}\n{}", run.out);
    }
    for number in 10..60 {
        sandbox.deliver(
            "remote/INBOX",
            &format!("17000000{number}.more.host:2,S"),
            &format!("Subject: {number}\n\nx\n"),
        );
    }
    assert_eq!(sandbox.run(&[]).code, 0);
    sandbox.empty("remote/INBOX");
    sandbox.empty("remote/Sent");
    let run = sandbox.run(&["-u", "machineui"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    assert!(!run.out.contains("deletingmessages"), "nothing was deleted, but: {}", run.out);
    let errors = run.out.lines().filter(|line| line.starts_with("error::Folder+")).count();
    assert_eq!(errors + run.out.matches("error::Account+").count(), 2, "{}", run.out);
    assert!(run.out.ends_with("msg:terminate:MainThread:3%0A%0A\n"), "{}", run.out);
    assert_eq!(run.out.matches("msg:registerthread:Folder+INBOX").count(), 1, "{}", run.out);
    assert_eq!(run.out.matches("msg:threadExited:MainThread:Folder+INBOX").count(), 1, "{}", run.out);
}
