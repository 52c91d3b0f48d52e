//! `presynchook` and `postsynchook`: the user's commands around a sync.

use crate::say::{Level, clean};
use crate::shell;
use offlinesync_core::{Cancel, Result};

/// What a hook is told in `OFFLINEIMAPSYNCMODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything was compared.
    Full,
    /// Folders in which no message came or went were skipped.
    Quick,
    /// Everything was compared because something changed in a folder that is watched.
    Idle,
}

/// Runs a hook and tells what it said and how it ended. A hook that fails stops nothing.
///
/// # Errors
/// The run was cancelled, or there is no shell.
pub fn call(command: &str, mode: Mode, cancel: &Cancel, tell: &dyn Fn(Level, &str)) -> Result<()> {
    tell(Level::Info, &format!("Calling hook: {command}"));
    let mode = match mode {
        Mode::Full => "full",
        Mode::Quick => "quick",
        Mode::Idle => "idle",
    };
    let output = shell::run(command, &[("OFFLINEIMAPSYNCMODE", mode)], None, cancel)?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    tell(Level::Info, &format!("Hook stdout: {}\nHook stderr:{}\n", clean(&stdout), clean(&stderr)));
    if let Some(code) = output.status.code() {
        tell(Level::Info, &format!("Hook return code: {code}"));
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => {
            tell(Level::Warning, &format!("hook `{command}` failed with exit code {code}{}", excuse(&stderr)))
        }
        None => tell(Level::Warning, &format!("hook `{command}` was killed by a signal{}", excuse(&stderr))),
    }
    Ok(())
}

/// The last line of what a command complained about.
fn excuse(stderr: &str) -> String {
    stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map_or_else(String::new, |line| format!(": {}", clean(line)))
}
