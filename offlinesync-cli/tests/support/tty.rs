//! A terminal with the program in it: what a person sees there, and keys.

use super::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// So long may anything take on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A terminal with the program in it.
pub(crate) struct Tty {
    child: Child,
    /// Keys go in here.
    keyboard: File,
    /// The other end, held so that its modes can be asked.
    line: File,
    seen: Arc<(Mutex<vt100::Parser>, Condvar)>,
}

impl Tty {
    pub(crate) fn start(sandbox: &Sandbox, args: &[&str]) -> Tty {
        Tty::run(sandbox.command(args))
    }

    pub(crate) fn run(command: Command) -> Tty {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        tcsetwinsize(&master, size(24, 80)).unwrap();
        let line = open();
        let mut command = in_terminal(command);
        let (stdin, stdout, stderr) = (open(), open(), open());
        command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
        let child = command.spawn().expect("this test needs `setsid` (util-linux)");
        let seen = Arc::new((Mutex::new(vt100::Parser::new(24, 80, 0)), Condvar::new()));
        watch(master.try_clone().unwrap(), Arc::clone(&seen));
        Tty { child, keyboard: File::from(master), line, seen }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is on the screen.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        self.wait(words, |screen| screen.contents().contains(words))
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        let (parser, changed) = &*self.seen;
        let mut parser = parser.lock().unwrap();
        let deadline = Instant::now() + LIMIT;
        while !holds(parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never saw {what}:\n{}", parser.screen().contents());
            parser = changed.wait_timeout(parser, left).unwrap().0;
        }
        parser.screen().contents()
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.seen.0.lock().unwrap().screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.keyboard, size(rows, columns)).unwrap();
    }

    /// Whether a program has taken the whole screen.
    pub(crate) fn is_full_screen(&self) -> bool {
        self.seen.0.lock().unwrap().screen().alternate_screen()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; the terminal must be as before: lines, echo, the cursor, and the screen that was there, with these last words.
    pub(crate) fn end(&mut self, words: &str) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
        let as_before = |screen: &vt100::Screen| !screen.alternate_screen() && !screen.hide_cursor();
        let screen = self.wait(words, |screen| as_before(screen) && screen.contents().contains(words));
        (code, screen)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The same command with its standard input as the terminal that controls it, so that it hears of a new size.
fn in_terminal(command: Command) -> Command {
    let mut wrapped = Command::new("setsid");
    wrapped.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear().env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        wrapped.env(name, value.unwrap());
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped
}

fn watch(master: OwnedFd, seen: Arc<(Mutex<vt100::Parser>, Condvar)>) {
    let mut master = File::from(master);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = master.read(&mut bytes) {
            seen.0.lock().unwrap().process(&bytes[..length]);
            seen.1.notify_all();
        }
    });
}
