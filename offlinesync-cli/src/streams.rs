//! The streams a run writes to, and what is known of the terminal behind them. The only place that writes to them.

use crate::config::discover::{Environment, ProcessEnvironment};
use std::fmt;
use std::io::{IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// More than that is no answer to a question.
const LONGEST_LINE: usize = 4096;

/// Where words go. A stream that is closed is no reason to stop a sync: what cannot be written is dropped.
pub struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    /// Whether a person sees standard output.
    pub out_is_terminal: bool,
    input: Mutex<Box<dyn Read + Send>>,
    /// Whether a person sees standard error.
    pub err_is_terminal: bool,
    /// Whether a person sees standard output and can press keys: there can be a full-screen interface.
    pub full_screen: bool,
    /// Whether a person can answer.
    pub can_ask: bool,
    /// Whether colours are welcome on standard error.
    pub colours: bool,
    /// Whether the user wants no colours anywhere (`NO_COLOR`).
    pub plain: bool,
    /// The environment.
    pub environment: Arc<dyn Environment>,
    /// Whether this run may install signal handlers.
    pub signals: bool,
}

impl Streams {
    /// Those of the process.
    pub fn of_process() -> Streams {
        let environment = ProcessEnvironment;
        let err_is_terminal = std::io::stderr().is_terminal();
        let set = |name: &str| environment.var(name).is_some_and(|value| !value.is_empty());
        let dumb = environment.var("TERM").is_some_and(|term| term == "dumb");
        let out_is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        Streams {
            out: Mutex::new(Box::new(std::io::stdout())),
            err: Mutex::new(Box::new(std::io::stderr())),
            out_is_terminal: std::io::stdout().is_terminal(),
            input: Mutex::new(Box::new(std::io::stdin())),
            err_is_terminal,
            full_screen: out_is_terminal && !dumb && set("TERM"),
            can_ask: err_is_terminal && std::io::stdin().is_terminal(),
            colours: err_is_terminal && !set("NO_COLOR") && !dumb,
            plain: set("NO_COLOR"),
            environment: Arc::new(environment),
            signals: true,
        }
    }

    /// Others, without a terminal and without signals, for programs that run this one inside themselves.
    pub fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        environment: Arc<dyn Environment>,
    ) -> Streams {
        Streams {
            out: Mutex::new(Box::new(out)),
            err: Mutex::new(Box::new(err)),
            out_is_terminal: false,
            input: Mutex::new(Box::new(std::io::empty())),
            err_is_terminal: false,
            full_screen: false,
            can_ask: false,
            colours: false,
            plain: true,
            environment,
            signals: false,
        }
    }

    /// Writes a line to standard output.
    pub fn out(&self, line: &str) {
        write(&self.out, line);
    }

    /// Writes a line to standard error.
    pub fn err(&self, line: &str) {
        write(&self.err, line);
    }

    /// Writes a part of a line to standard error.
    pub fn err_part(&self, text: &str) {
        let mut stream = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }

    /// Reads a line from standard input, without its end; `None` if there is none.
    pub fn read_line(&self) -> Option<String> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut line, mut byte) = (Vec::new(), [0]);
        while line.len() < LONGEST_LINE && input.read(&mut byte).ok()? == 1 {
            if byte[0] == b'\n' {
                return String::from_utf8(line).ok();
            }
            line.push(byte[0]);
        }
        String::from_utf8(line).ok().filter(|line| !line.is_empty())
    }

    /// The line with its label coloured where that is welcome.
    pub fn paint(&self, line: &str) -> String {
        if !self.colours {
            return line.to_owned();
        }
        let labels = [("error:", "1;31"), ("warning:", "1;33"), ("hint:", "1;36")];
        match labels.iter().find_map(|(label, colour)| Some((label, colour, line.strip_prefix(label)?))) {
            Some((label, colour, rest)) => format!("\u{1b}[{colour}m{label}\u{1b}[0m{rest}"),
            None => line.to_owned(),
        }
    }
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, line: &str) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(stream, "{line}").and_then(|()| stream.flush());
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("err_is_terminal", &self.err_is_terminal).finish_non_exhaustive()
    }
}
