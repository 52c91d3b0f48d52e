//! A `python3` beside us that runs the user's Python file, if the user allows it. Starts a process and talks with it over pipes: a
//! question in a line, an answer in a line.

use super::error::{PyError, Result, fail};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long an answer may take: a helper may ask a person for the password of a key.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the process runs. What the user's code prints goes to standard error, and it has no input.
const DRIVER: &str = include_str!("process.py");

/// A Python that is started when it is first asked.
#[derive(Debug)]
pub struct Process {
    file: PathBuf,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

/// What Python says of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether it counts as true.
    pub(super) truth: bool,
    /// Its `repr`; octets are decoded first.
    pub(super) repr: String,
}

impl Process {
    /// For this file.
    pub fn new(file: &Path) -> Process {
        Process { file: file.to_owned(), running: Mutex::default() }
    }

    /// Whether an expression comes to something that can be called.
    pub(super) fn is_function(&self, text: &str) -> Result<bool> {
        self.ask("function", &[text]).map(|answer| answer.truth)
    }

    /// What an expression comes to.
    pub(super) fn value(&self, text: &str) -> Result<Answer> {
        self.ask("value", &[text])
    }

    /// What it comes to when it is called with these strings.
    pub(super) fn call(&self, text: &str, arguments: &[&str]) -> Result<Answer> {
        let mut texts = vec![text];
        texts.extend(arguments);
        self.ask("call", &texts)
    }

    fn ask(&self, what: &str, texts: &[&str]) -> Result<Answer> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(Running::start(&self.file)?);
        }
        let answer = running.as_mut().map_or_else(|| fail("Python is not running"), |python| python.ask(what, texts));
        let answer = match answer {
            Ok(line) => line,
            Err(error) => {
                // Whatever it still says would be the answer to another question.
                *running = None;
                return Err(error);
            }
        };
        let mut words = answer.split(' ');
        match (words.next(), words.next().and_then(unhex)) {
            (Some("error"), Some(text)) => fail(format!("Python says: {text}")),
            (Some(truth), Some(repr)) => Ok(Answer { truth: truth == "true", repr }),
            _ => fail("Python gave no answer"),
        }
    }
}

impl Running {
    fn start(file: &Path) -> Result<Running> {
        let mut child = Command::new("python3")
            .args(["-c", DRIVER])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| PyError::new(format!("python3 cannot be started: {error}")))?;
        let (sender, answers) = channel();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return fail("python3 cannot be talked with");
        };
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Running { child, input, answers })
    }

    fn ask(&mut self, what: &str, texts: &[&str]) -> Result<String> {
        let texts: Vec<String> = texts.iter().map(|text| hex(text)).collect();
        let sent = writeln!(self.input, "{what} {}", texts.join(" ")).and_then(|()| self.input.flush());
        sent.map_err(|error| PyError::new(format!("python3 has ended: {error}")))?;
        self.answers.recv_timeout(PATIENCE).or_else(|_| fail("python3 has ended, or gives no answer"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The octets of a text in hexadecimal digits; `-` for none.
fn hex(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.bytes().map(|byte| format!("{byte:02x}")).collect() }
}

fn unhex(text: &str) -> Option<String> {
    if text == "-" {
        return Some(String::new());
    }
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    String::from_utf8(bytes?).ok()
}
