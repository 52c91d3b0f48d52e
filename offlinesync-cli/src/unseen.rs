//! Questions whose answers nobody shall see. Touches the terminal of the process only.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};

/// Asks at the terminal. What is typed is unseen from before the question is there, so that nothing shows of what comes at once.
///
/// # Errors
/// There is no terminal, or nobody answered.
pub fn ask(prompt: &str) -> std::io::Result<String> {
    let _silence = Silence::begin();
    rpassword::prompt_password(prompt)
}

/// The terminal without echo, until this is dropped.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    fn begin() -> Option<Silence> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Now, &silent).ok()?;
        Some(Silence { terminal, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
