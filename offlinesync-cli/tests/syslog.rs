//! `-s` and `-u syslog` on the real program, with a socket of ours as `/dev/log`.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::sandbox::{ACCOUNT, Sandbox};

/// What the program sent to the system log, and its number; it must have said nothing else and ended with this code.
fn logged(sandbox: &Sandbox, args: &[&str], code: i32) -> (u32, Vec<String>) {
    let path = sandbox.path("log");
    let _ = std::fs::remove_file(&path);
    let log = UnixDatagram::bind(&path).unwrap();
    let lines = std::thread::spawn(move || received(&log));
    let (number, output) = run_with_log(sandbox, args, &path);
    UnixDatagram::unbound().unwrap().send_to(b"", &path).unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "this test mounts a file system and must be root: {said}");
    (number, lines.join().unwrap())
}

/// Runs the program where `/dev/log` is this socket. Nobody else sees this `/dev`.
fn run_with_log(sandbox: &Sandbox, args: &[&str], log: &Path) -> (u32, Output) {
    let program = sandbox.command(args);
    let private = "mount -t tmpfs tmpfs /dev && ln -s \"$0\" /dev/log && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", private]).arg(log).arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    (child.id(), child.wait_with_output().unwrap())
}

/// A socket that takes no more, because nobody reads it.
fn full(path: &Path) -> UnixDatagram {
    let log = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"x", path).is_ok() {}
    log
}

/// Everything that is sent until an empty datagram.
fn received(log: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 2000];
    let texts = std::iter::from_fn(|| match log.recv(&mut buffer).unwrap() {
        0 => None,
        length => Some(String::from_utf8(buffer[..length].to_vec()).unwrap()),
    });
    texts.collect()
}

#[test]
fn every_line_goes_to_the_mail_facility_with_tag_number_and_severity() {
    for args in [["-s", "-o"], ["-u", "syslog"]] {
        let sandbox = Sandbox::new(&format!("{ACCOUNT}no_such_option = 1\n"));
        let (number, lines) = logged(&sandbox, &args, 0);
        let (info, warning) = (format!("<22>offlineimap[{number}]: "), format!("<20>offlineimap[{number}]: "));
        assert!(lines.iter().all(|line| line.starts_with(&info) || line.starts_with(&warning)), "{lines:#?}");
        let count = |start: &str, words: &str| {
            lines.iter().filter(|line| line.starts_with(start) && line.contains(words)).count()
        };
        assert_eq!(count(&warning, "no_such_option"), 1, "{lines:#?}");
        assert_eq!(count(&info, "a: 3 messages received"), 1, "{lines:#?}");
        assert_eq!(sandbox.messages("local/INBOX").len(), 2);
    }
}

#[test]
fn what_was_not_synced_is_logged_as_an_error_with_its_hint() {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.run(&[]).silent();
    std::fs::remove_dir_all(sandbox.path("remote")).unwrap();
    let (number, lines) = logged(&sandbox, &["-u", "syslog"], 3);
    let errors: Vec<&String> = lines.iter().filter(|line| line.starts_with("<19>")).collect();
    assert!(errors.len() > 1 && errors[1].contains("]: hint: "), "{lines:#?}");
    assert!(errors.iter().all(|line| line.starts_with(&format!("<19>offlineimap[{number}]: "))), "{lines:#?}");
}

/// The program waited for it for ever.
#[test]
fn a_log_daemon_that_hangs_is_told_of_and_holds_up_no_sync() {
    let sandbox = Sandbox::new(ACCOUNT);
    let path = sandbox.path("log");
    let _log = full(&path);
    let (_, output) = run_with_log(&sandbox, &["-s", "-u", "quiet"], &path);
    let said = String::from_utf8(output.stderr).unwrap();
    let warning = "warning: the system log takes no lines; what it does not take is left out\n";
    assert_eq!((output.status.code(), said.as_str()), (Some(0), warning));
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
}
