//! The program while it runs: what it says, and signals to it.

use super::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running program and the lines it says.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
}

impl Daemon {
    pub(crate) fn start(sandbox: &Sandbox, args: &[&str]) -> Daemon {
        let mut child = sandbox.command(args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, lines) = channel();
        std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Daemon { child, lines }
    }

    /// Reads on until a line contains this.
    pub(crate) fn wait_for(&mut self, words: &str) {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            let found = line.contains(words);
            said.push(line);
            if found {
                return;
            }
        }
        panic!("the program did not say: {words}; it said: {said:#?}");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        while self.lines.recv_timeout(DEADLINE).is_ok() {}
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
