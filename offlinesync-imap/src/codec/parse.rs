//! From a response's line to its meaning: which kind it is, status responses and their codes. Tolerant by shape, strict by meaning.

use super::lexer::{Lexer, Literal, Value};
use super::parse_data::{data, number_prefixed};
use super::parse_fetch;
use super::response::{Code, Condition, Fetch, Response, StatusResponse, Tagged};
use super::uid_set;
use offlinesync_core::Flags;

/// The response of a whole line; `None` for a blank one.
pub(super) fn response(line: &[u8], literals: &[Literal]) -> Option<Response> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    if let Some(rest) = line.strip_prefix(b"+") {
        return Some(Response::Continue(rest.strip_prefix(b" ").unwrap_or(rest).into()));
    }
    match line.strip_prefix(b"* ") {
        Some(rest) => Some(untagged(rest, literals)),
        None => Some(tagged(line)),
    }
}

/// Whether a first line of this kind may go on with a literal: status responses and continuations end in text for a person.
pub(super) fn may_hold_literals(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"* ") else { return false };
    condition(Lexer::new(rest, &[]).word()).is_none()
}

/// Whether a line cut before a literal names a message body last, so that the literal is the body.
pub(super) fn ends_in_body_section(head: &[u8]) -> bool {
    let head = head.trim_ascii_end();
    let start = head.iter().rposition(|byte| matches!(byte, b' ' | b'(')).map_or(0, |at| at + 1);
    parse_fetch::is_body(&head[start..])
}

/// What a FETCH said before its body.
pub(super) fn partial_fetch(head: &[u8], literals: &[Literal]) -> Fetch {
    match response(head, literals) {
        Some(Response::Data(super::response::Data::Fetch(fetch))) => fetch,
        _ => Fetch::default(),
    }
}

fn untagged(rest: &[u8], literals: &[Literal]) -> Response {
    if let Some(fetch) = parse_fetch::fast(rest, literals) {
        return Response::Data(super::response::Data::Fetch(fetch));
    }
    let mut lexer = Lexer::new(rest, literals);
    let word = lexer.word();
    if let Some(condition) = condition(word) {
        return Response::Status(status(condition, lexer.rest()));
    }
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<u32>().ok());
    Response::Data(match number {
        Some(number) => number_prefixed(number, &mut lexer),
        None => data(word, &mut lexer),
    })
}

fn tagged(line: &[u8]) -> Response {
    let mut lexer = Lexer::new(line, &[]);
    let tag = String::from_utf8_lossy(lexer.word()).into();
    let condition = condition(lexer.word()).unwrap_or(Condition::Bad);
    Response::Tagged(Tagged { tag, status: status(condition, lexer.rest()) })
}

fn condition(word: &[u8]) -> Option<Condition> {
    match word.to_ascii_uppercase().as_slice() {
        b"OK" => Some(Condition::Ok),
        b"NO" => Some(Condition::No),
        b"BAD" => Some(Condition::Bad),
        b"PREAUTH" => Some(Condition::Preauth),
        b"BYE" => Some(Condition::Bye),
        _ => None,
    }
}

fn status(condition: Condition, rest: &[u8]) -> StatusResponse {
    let rest = rest.trim_ascii_start();
    let (code, text) = match rest.strip_prefix(b"[").and_then(cut_code) {
        Some((inside, text)) => (Some(code(inside)), text),
        None => (None, rest),
    };
    StatusResponse { condition, code, text: String::from_utf8_lossy(text.trim_ascii()).into() }
}

/// Splits `CODE args] text`; a bracket inside quotes, or a nested pair, does not end the code.
fn cut_code(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted && depth == 0 => return Some((&rest[..at], &rest[at + 1..])),
            b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    let at = memchr::memchr(b']', rest)?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn code(inside: &[u8]) -> Code {
    let mut lexer = Lexer::new(inside, &[]);
    let name = String::from_utf8_lossy(lexer.word()).to_ascii_uppercase();
    let raw = lexer.rest().trim_ascii();
    let arguments = lexer.values();
    known_code(&name, &arguments).unwrap_or_else(|| Code::Other(name.into(), raw.into()))
}

fn known_code(name: &str, arguments: &[Value]) -> Option<Code> {
    Some(match name {
        "ALERT" => Code::Alert,
        "ALREADYEXISTS" => Code::AlreadyExists,
        "APPENDUID" => Code::AppendUid { uid_validity: arguments.first()?.number()?, uids: uids(arguments.get(1)?)? },
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        "AUTHORIZATIONFAILED" => Code::AuthorizationFailed,
        "CAPABILITY" => Code::Capability(words(arguments)),
        "CLOSED" => Code::Closed,
        "COPYUID" => Code::CopyUid {
            uid_validity: arguments.first()?.number()?,
            from: uids(arguments.get(1)?)?,
            to: uids(arguments.get(2)?)?,
        },
        "HIGHESTMODSEQ" => Code::HighestModSeq(arguments.first()?.number()?),
        "INUSE" => Code::InUse,
        "LIMIT" => Code::Limit,
        "MAILBOXID" => Code::MailboxId(first_text(arguments)?.into()),
        "MODIFIED" => Code::Modified(uids(arguments.first()?)?),
        "NOMODSEQ" => Code::NoModSeq,
        "NONEXISTENT" => Code::NonExistent,
        "NOPERM" => Code::NoPerm,
        "OVERQUOTA" => Code::OverQuota,
        "PERMANENTFLAGS" => permanent_flags(arguments.first()?.list()?),
        "READ-ONLY" => Code::ReadOnly,
        "READ-WRITE" => Code::ReadWrite,
        "THROTTLED" => Code::Throttled,
        "TOOBIG" => Code::TooBig,
        "TRYCREATE" => Code::TryCreate,
        "UIDNEXT" => Code::UidNext(arguments.first()?.number()?),
        "UIDNOTSTICKY" => Code::UidNotSticky,
        "UIDVALIDITY" => Code::UidValidity(arguments.first()?.number()?),
        "UNAVAILABLE" => Code::Unavailable,
        _ => return None,
    })
}

fn uids(value: &Value) -> Option<Vec<(offlinesync_core::Uid, offlinesync_core::Uid)>> {
    uid_set::parse(value.bytes()?)
}

fn permanent_flags(list: &[Value]) -> Code {
    let any_keyword = list.iter().any(|value| value.bytes() == Some(b"\\*"));
    Code::PermanentFlags { flags: flags(list), any_keyword }
}

/// The flags of a list. A keyword that is not UTF-8 or could not be sent back is left out; it never takes others with it.
pub(super) fn flags(list: &[Value]) -> Flags {
    Flags::from_imap(list.iter().filter_map(Value::text).filter(|name| is_flag(name)))
}

fn is_flag(name: &str) -> bool {
    let special = |c: char| c.is_ascii_control() || !c.is_ascii() || " (){%*\"\\".contains(c);
    let name = name.strip_prefix('\\').unwrap_or(name);
    !name.is_empty() && !name.chars().any(special)
}

pub(super) fn words(values: &[Value]) -> Vec<Box<str>> {
    values.iter().filter_map(Value::text).map(|word| word.to_ascii_uppercase().into()).collect()
}

/// The first text of a list, or of a value that should have been in one.
pub(super) fn first_text(values: &[Value]) -> Option<&str> {
    let first = values.first()?;
    first.text().or_else(|| first.list()?.first()?.text())
}
