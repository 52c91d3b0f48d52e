//! Runs the user's commands: hooks and those that print a secret. Starts processes and waits for them.

use offlinesync_core::{Cancel, Error, ErrorKind, Result};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// No more of a command's output than this is kept, of each stream: 1 MiB.
const KEPT: u64 = 1024 * 1024;

/// How soon a cancelled run stops waiting.
const STEP: Duration = Duration::from_millis(50);

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// What it complained about, at most 1 MiB.
    pub stderr: Vec<u8>,
}

/// Runs a command line in the shell with empty input and collects its output.
///
/// # Errors
/// Kind `Configuration`: it could not be started. `Cancelled`: the run was; the command is killed. `Unavailable`: `limit` passed;
/// the command is killed.
pub fn run(line: &str, variables: &[(&str, &str)], limit: Option<Duration>, cancel: &Cancel) -> Result<Output> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", line])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::new(ErrorKind::Configuration, format!("cannot start the shell: {error}")))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let deadline = limit.map(|limit| Instant::now() + limit);
    let outcome = wait(&mut child, &stdout, &stderr, deadline, cancel);
    if outcome.is_err() {
        // It may have ended meanwhile; then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
    }
    outcome
}

/// Reads a stream to its end on a thread of its own.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut stream) = stream {
            // What cannot be read is not there; the exit status tells the rest.
            let _ = stream.by_ref().take(KEPT).read_to_end(&mut kept);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        let _ = sender.send(kept);
    });
    receiver
}

fn wait(
    child: &mut Child,
    stdout: &Receiver<Vec<u8>>,
    stderr: &Receiver<Vec<u8>>,
    deadline: Option<Instant>,
    cancel: &Cancel,
) -> Result<Output> {
    let stdout = receive(stdout, deadline, cancel)?;
    let stderr = receive(stderr, deadline, cancel)?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Output { status, stdout, stderr }),
            Ok(None) => pause(deadline, cancel)?,
            Err(error) => return Err(Error::io("waiting for a command", error, ErrorKind::Unavailable)),
        }
    }
}

fn receive(from: &Receiver<Vec<u8>>, deadline: Option<Instant>, cancel: &Cancel) -> Result<Vec<u8>> {
    loop {
        check(deadline, cancel)?;
        match from.recv_timeout(STEP) {
            Ok(bytes) => return Ok(bytes),
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A process that has closed its output ends a moment later.
fn pause(deadline: Option<Instant>, cancel: &Cancel) -> Result<()> {
    check(deadline, cancel)?;
    std::thread::sleep(Duration::from_millis(5));
    Ok(())
}

fn check(deadline: Option<Instant>, cancel: &Cancel) -> Result<()> {
    cancel.check()?;
    match deadline {
        Some(deadline) if Instant::now() >= deadline => {
            Err(Error::new(ErrorKind::Unavailable, "the command took too long and was stopped"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_status_and_variables_come_through() {
        let output = run("echo \"$X\"; echo no >&2; exit 3", &[("X", "yes")], None, &Cancel::new()).unwrap();
        assert_eq!(output.stdout, b"yes\n");
        assert_eq!(output.stderr, b"no\n");
        assert_eq!(output.status.code(), Some(3));
    }

    /// offlineimap3 #173; OfflineIMAP #537: a command for the password hung, and so did the program.
    #[test]
    fn a_command_that_takes_too_long_is_stopped() {
        let error = run("exec sleep 600", &[], Some(Duration::from_millis(20)), &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_cancelled_run_does_not_wait_for_a_command() {
        let cancel = Cancel::new();
        cancel.cancel();
        let error = run("exec sleep 600", &[], None, &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
