//! How servers say that they have too much to do. Pure.

use super::response::{Code, Condition, StatusResponse};
use std::time::Duration;

/// What large providers say without a code, in lower case.
const WORDS: [&str; 5] = [
    "too many simultaneous connections",
    "too many connections",
    "maximum number of connections",
    "request is throttled",
    "rate limit",
];

/// Exchange: `Suggested Backoff Time: 299000 milliseconds`.
const BACKOFF: &str = "suggested backoff time:";

/// Whether a response says that the server has too much to do for us, and how long it wants to be left alone (zero: it does not say).
/// RFC 5530 section 3 and RFC 9051 section 7.1 have the codes; an OK can carry one, too.
pub(crate) fn pressure(status: &StatusResponse) -> Option<Duration> {
    let coded = matches!(status.code, Some(Code::Limit | Code::Throttled));
    if status.condition == Condition::Ok || status.condition == Condition::Preauth {
        return coded.then_some(Duration::ZERO);
    }
    let text = status.text.to_ascii_lowercase();
    let suggested = text.split_once(BACKOFF).and_then(|(_, rest)| {
        let rest = rest.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().map(Duration::from_millis)
    });
    let said = || (coded || WORDS.iter().any(|words| text.contains(words))).then_some(Duration::ZERO);
    suggested.or_else(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(condition: Condition, code: Option<Code>, text: &str) -> Option<Duration> {
        pressure(&StatusResponse { condition, code, text: text.into() })
    }

    #[test]
    fn a_server_that_has_too_much_to_do_is_understood() {
        let no = |text| said(Condition::No, None, text);
        assert_eq!(
            no("Request is throttled. Suggested Backoff Time: 299961 milliseconds"),
            Some(Duration::from_millis(299_961))
        );
        assert_eq!(no("Suggested Backoff Time: soon"), None);
        assert_eq!(no("Too many simultaneous connections. (Failure)"), Some(Duration::ZERO));
        assert_eq!(no("no such message"), None);
        assert_eq!(said(Condition::No, Some(Code::Limit), "UID FETCH Rate limit hit"), Some(Duration::ZERO));
        assert_eq!(said(Condition::Ok, Some(Code::Throttled), "done"), Some(Duration::ZERO));
        assert_eq!(said(Condition::Ok, None, "Too many connections are a bad idea"), None);
        assert_eq!(said(Condition::Bye, None, "Too many connections"), Some(Duration::ZERO));
    }

    #[test]
    fn a_number_without_end_is_no_time() {
        assert_eq!(said(Condition::No, None, "Suggested Backoff Time: 99999999999999999999999 ms"), None);
    }
}
