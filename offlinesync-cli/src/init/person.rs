//! Whom `init` asks: the person at the terminal, or nobody.

use offlinesync_core::{Error, ErrorKind, Result};
use std::io::{BufRead, Write};

/// Asks questions in words.
pub(super) struct Person<'a> {
    input: Option<&'a mut dyn BufRead>,
    output: &'a mut dyn Write,
}

impl<'a> Person<'a> {
    /// Somebody who reads `output` and answers in lines of `input`; without input, everything is decided already.
    pub(super) fn new(input: Option<&'a mut dyn BufRead>, output: &'a mut dyn Write) -> Self {
        Person { input, output }
    }

    /// Says something.
    pub(super) fn tell(&mut self, line: &str) {
        let _ = writeln!(self.output, "{line}");
    }

    /// What was given, else the answer to a question, else the default.
    ///
    /// # Errors
    /// Kind `Configuration`: there is none of them; `option` would give it.
    pub(super) fn ask(
        &mut self,
        given: Option<&str>,
        question: &str,
        default: Option<&str>,
        option: &str,
    ) -> Result<String> {
        if let Some(given) = given {
            return Ok(given.trim().to_owned());
        }
        let missing = || {
            Error::new(ErrorKind::Configuration, "nothing was written: an answer is missing")
                .with_hint(format!("give {option}"))
        };
        let Some(input) = &mut self.input else {
            return default.map(str::to_owned).ok_or_else(missing);
        };
        let shown = default.map_or_else(String::new, |default| format!(" [{default}]"));
        for _ in 0..3 {
            let _ = write!(self.output, "{question}{shown}: ").and_then(|()| self.output.flush());
            let mut line = String::new();
            let read = input.read_line(&mut line);
            if !matches!(read, Ok(length) if length > 0) {
                return Err(missing());
            }
            match (line.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
        Err(missing())
    }

    /// As [`Person::ask`], but an answer that cannot be is asked for again; `problem` says what is wrong with it. What was given is never
    /// asked for: its problem is the caller's.
    ///
    /// # Errors
    /// As for [`Person::ask`].
    pub(super) fn ask_until(
        &mut self,
        given: Option<&str>,
        question: &str,
        option: &str,
        problem: impl Fn(&str) -> Option<String>,
    ) -> Result<String> {
        let mut answer = self.ask(given, question, None, option)?;
        for _ in 1..3 {
            match problem(&answer).filter(|_| given.is_none()) {
                Some(problem) => self.tell(&problem),
                None => break,
            }
            answer = self.ask(None, question, None, option)?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_not_asked_and_what_nobody_answers_is_a_mistake() {
        let (mut input, mut output) = (&b"\n\n x \n\n"[..], Vec::new());
        let mut person = Person::new(Some(&mut input), &mut output);
        assert_eq!(person.ask(Some("given"), "q", None, "--o").unwrap(), "given");
        assert_eq!(person.ask(None, "Name", Some("d"), "--o").unwrap(), "d");
        assert_eq!(person.ask(None, "Other", None, "--o").unwrap(), "x");
        assert_eq!(person.ask(None, "Last", None, "--o").unwrap_err().hint(), Some("give --o"));
        assert_eq!(String::from_utf8(output).unwrap(), "Name [d]: Other: Other: Last: Last: ");
        let (mut input, mut output) = (&b"bad\ngood\n"[..], Vec::new());
        let mut person = Person::new(Some(&mut input), &mut output);
        let problem = |answer: &str| (answer == "bad").then(|| "that is bad".to_owned());
        assert_eq!(person.ask_until(Some("bad"), "q", "--o", problem).unwrap(), "bad");
        assert_eq!(person.ask_until(None, "q", "--o", problem).unwrap(), "good");
        assert_eq!(String::from_utf8(output).unwrap(), "q: that is bad\nq: ");
        let mut output = Vec::new();
        let mut nobody = Person::new(None, &mut output);
        assert_eq!(nobody.ask(None, "q", Some("d"), "--o").unwrap(), "d");
        assert!(nobody.ask(None, "q", None, "--o").is_err());
    }
}
