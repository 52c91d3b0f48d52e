//! The program while it runs: what it says, and signals to it.

use super::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running program and the lines it says. Nothing reads ahead of the test, so the program waits where it says more than a few lines
/// that the test did not ask for.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
}

impl Daemon {
    pub(crate) fn start(sandbox: &Sandbox, args: &[&str]) -> Daemon {
        let mut child = sandbox.command(args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = child.stderr.take().unwrap();
        // The least that Linux allows.
        #[cfg(target_os = "linux")]
        rustix::pipe::fcntl_setpipe_size(&said, 4096).unwrap();
        let said = BufReader::with_capacity(100, said).lines();
        let (tell, lines) = sync_channel(0);
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

    pub(crate) fn end(self) -> Option<i32> {
        self.last_words().0.code()
    }

    /// How it ended, and every line that it said until then.
    pub(crate) fn last_words(mut self) -> (ExitStatus, Vec<String>) {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            said.push(line);
        }
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
