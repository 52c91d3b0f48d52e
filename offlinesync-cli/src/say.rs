//! From errors to sentences and exit codes: `error: …`, then `hint: …`. Pure.

use offlinesync_core::sync::{Failure, Report};
use offlinesync_core::wording::were;
use offlinesync_core::{Error, ErrorKind};

/// How a program or an account's run ended, as an exit code. Ordered: the greatest of several accounts' counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// 0: everything is in step.
    #[default]
    InStep,
    /// 75: the same run may succeed later.
    TryLater,
    /// 1: finished, but some messages or folders were not synced.
    Incomplete,
    /// 2: usage or configuration; nothing was touched.
    Mistake,
    /// 3: refused, to protect mail.
    Refused,
    /// 130: interrupted.
    Interrupted,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::InStep => 0,
            Outcome::Incomplete => 1,
            Outcome::Mistake => 2,
            Outcome::Refused => 3,
            Outcome::TryLater => 75,
            Outcome::Interrupted => 130,
        }
    }

    /// What it is, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Outcome::InStep => "in step",
            Outcome::Incomplete => "not everything was synced",
            Outcome::Mistake => "a mistake in the configuration, or a refused password",
            Outcome::Refused => "refused to protect mail",
            Outcome::TryLater => "try again later",
            Outcome::Interrupted => "interrupted",
        }
    }

    /// How a run ends that this error ended.
    pub fn of(error: &Error) -> Outcome {
        match error.kind() {
            ErrorKind::Cancelled => Outcome::Interrupted,
            ErrorKind::Refused | ErrorKind::Numbering => Outcome::Refused,
            ErrorKind::Configuration | ErrorKind::Authentication | ErrorKind::Security => Outcome::Mistake,
            ErrorKind::Unavailable | ErrorKind::Locked => Outcome::TryLater,
            _ => Outcome::Incomplete,
        }
    }

    /// How a run ends that reached its end with this report: what protects mail and what the user stopped counts more than what
    /// failed here and there.
    pub fn of_report(report: &Report) -> Outcome {
        report.failures.iter().map(|failure| Outcome::of_failure(&failure.error)).max().unwrap_or_default()
    }

    /// A folder or message that failed leaves the rest in step, so it is no mistake of configuration.
    fn of_failure(error: &Error) -> Outcome {
        match Outcome::of(error) {
            Outcome::Mistake => Outcome::Incomplete,
            outcome => outcome,
        }
    }
}

/// How grave a sentence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look into the program.
    Debug,
    /// What is going on.
    Info,
    /// Odd, but it stops nothing.
    Warning,
    /// Something was not done.
    Error,
}

/// An error as lines: the sentence with its causes, then the hint.
pub fn error_lines(error: &Error) -> Vec<String> {
    let mut sentence = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = inner.source();
    }
    let hint = error.hint().map(|hint| format!("hint: {hint}"));
    std::iter::once(sentence).chain(hint).map(|line| clean(&line)).collect()
}

/// How many failed messages of one folder are told one by one.
const TOLD: usize = 5;

/// Everything a report says was not synced, as lines. Of many failed messages in one folder the first few are told and the rest
/// counted; the same hint is given once.
pub fn report_lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut seen_hints: Vec<String> = Vec::new();
    let mut told: Vec<(&Failure, usize)> = Vec::new();
    for failure in &report.failures {
        let same_folder = |other: &&mut (&Failure, usize)| other.0.message.is_some() && other.0.pair == failure.pair;
        match told.iter_mut().find(same_folder).filter(|_| failure.message.is_some()) {
            Some((_, count)) if *count >= TOLD => {
                *count += 1;
                continue;
            }
            Some((_, count)) => *count += 1,
            None => told.push((failure, 1)),
        }
        for line in failure_lines(failure) {
            if line.starts_with("hint: ") && seen_hints.contains(&line) {
                continue;
            }
            if line.starts_with("hint: ") {
                seen_hints.push(line.clone());
            }
            lines.push(line);
        }
    }
    lines.extend(told.iter().filter(|(_, count)| *count > TOLD).map(|(failure, count)| rest_line(failure, *count)));
    lines
}

/// An error as lines; one about a message says which, if it does not already.
fn failure_lines(failure: &Failure) -> Vec<String> {
    let mut lines = error_lines(&failure.error);
    if let (Some((id, _)), Some(first)) = (&failure.message, lines.first_mut()) {
        let id = clean(&id.to_string());
        if !first.contains(&id) {
            first.push_str(&format!(" (message {id})"));
        }
    }
    lines
}

fn rest_line(failure: &Failure, count: usize) -> String {
    let folder = failure.pair.as_ref().map_or("", |pair| pair.remote.as_str());
    clean(&format!("error: folder '{folder}': {} not synced", were(count - TOLD, "more message")))
}

/// A text that cannot play with a terminal: control characters become `?`, but for line ends between lines.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::status::FolderPair;
    use offlinesync_core::{MessageId, Side, Uid};

    #[test]
    fn an_error_is_a_sentence_with_causes_and_a_hint_and_no_control_characters() {
        let cause = std::io::Error::other("the cause\u{1b}[2J");
        let error = Error::new(ErrorKind::Storage, "inbox: no").with_source(cause).with_hint("look");
        assert_eq!(error_lines(&error), ["error: inbox: no: the cause?[2J", "hint: look"]);
    }

    #[test]
    fn many_failures_in_one_folder_are_counted() {
        let pair = FolderPair { remote: "INBOX".into(), local: "INBOX".into() };
        let failure = |n| Failure {
            pair: Some(pair.clone()),
            message: Some((MessageId::Uid(Uid::new(n).unwrap()), Side::Remote)),
            error: Error::new(ErrorKind::Message, format!("message {n}")).with_hint("wait"),
        };
        let report = Report { failures: (1..=8).map(failure).collect(), ..Report::default() };
        let lines = report_lines(&report);
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[..2], ["error: message 1", "hint: wait"]);
        let unnamed = Failure { error: Error::new(ErrorKind::Message, "too large"), ..failure(9) };
        assert_eq!(failure_lines(&unnamed), ["error: too large (message 9)"]);
        assert_eq!(lines[6], "error: folder 'INBOX': 3 more messages were not synced");
        assert_eq!(Outcome::of_report(&report).code(), 1);
    }

    #[test]
    fn protection_counts_more_than_failures_and_failures_more_than_a_busy_server() {
        let codes = [
            (ErrorKind::Cancelled, 130),
            (ErrorKind::Refused, 3),
            (ErrorKind::Numbering, 3),
            (ErrorKind::Configuration, 2),
            (ErrorKind::Authentication, 2),
            (ErrorKind::Message, 1),
            (ErrorKind::Storage, 1),
            (ErrorKind::Unavailable, 75),
            (ErrorKind::Locked, 75),
        ];
        for (kind, code) in codes {
            assert_eq!(Outcome::of(&Error::new(kind, "x")).code(), code);
        }
        assert_eq!(
            [Outcome::TryLater, Outcome::Incomplete, Outcome::Refused].into_iter().max(),
            Some(Outcome::Refused)
        );
    }
}
