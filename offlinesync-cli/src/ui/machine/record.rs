//! One line of the stream: `severity:command:thread:payload`, the last two form-urlencoded. Pure.

use std::fmt::Write;

/// How grave a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Debug,
    Msg,
    Warn,
    Error,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) severity: Severity,
    pub(super) command: &'static str,
    pub(super) thread: String,
    pub(super) payload: String,
}

impl Record {
    /// A record of what is going on, its fields on lines of their own.
    pub(super) fn msg(command: &'static str, thread: impl ToString, fields: &[&str]) -> Record {
        Record { severity: Severity::Msg, command, thread: thread.to_string(), payload: fields.join("\n") }
    }

    /// The same record, graver or less.
    pub(super) fn with(mut self, severity: Severity) -> Record {
        self.severity = severity;
        self
    }

    /// The line, without its end.
    pub(super) fn line(&self) -> String {
        let severity = match self.severity {
            Severity::Debug => "debug",
            Severity::Msg => "msg",
            Severity::Warn => "warn",
            Severity::Error => "error",
        };
        format!("{severity}:{}:{}:{}", self.command, encoded(&self.thread), encoded(&self.payload))
    }
}

/// Several values in one field.
pub(super) fn list(values: impl IntoIterator<Item = impl ToString>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join("\u{c}")
}

/// `application/x-www-form-urlencoded`: octets of UTF-8, a space as `+`; letters, digits and `_.-~` as they are.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_is_in_it() {
        let record =
            Record::msg("copyingmessage", "Copy message from R:INBOX", &["5", "IMAP", "INBOX", "Maildir[INBOX]"]);
        assert_eq!(
            record.line(),
            "msg:copyingmessage:Copy+message+from+R%3AINBOX:5%0AIMAP%0AINBOX%0AMaildir%5BINBOX%5D"
        );
        let record = Record::msg("", "t", &["caf\u{e9} ~_.-*'\t", ""]).with(Severity::Warn);
        assert_eq!(record.line(), "warn::t:caf%C3%A9+~_.-%2A%27%09%0A");
        assert_eq!(list([1, 2, 3]), "1\u{c}2\u{c}3");
    }
}
