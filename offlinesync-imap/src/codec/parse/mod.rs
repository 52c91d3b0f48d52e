//! What a complete response means, one function per response. Pure; an odd detail never takes the rest of a response with it.

mod code;
mod fast;
mod fetch;
mod flags;

mod mailbox;
mod numbers;

pub(super) use flags::is_keyword;

use super::lexer::Lexer;
use super::protocol;
use super::response::{Condition, Data, Response, StatusResponse, Tagged};
use offlinesync_core::Result;

/// How many words a list of flags, attributes or capabilities may have; more is a protocol error, for each costs memory.
const WORDS: usize = 4096;

/// Reads one response: its lines with the literals in their places, without the last CR LF. `None` for an empty line.
///
/// An error means that this is not IMAP, or that a list of messages cannot be read to its end.
pub fn response(text: &[u8]) -> Result<Option<Response>> {
    match fast::fetch(text) {
        Some(fetch) => Ok(Some(Response::Data(Data::Fetch(fetch)))),
        None => with_streamed(text, None),
    }
}

/// The same with the octets of the literal whose header is at `streamed` left out.
pub(super) fn with_streamed(text: &[u8], streamed: Option<usize>) -> Result<Option<Response>> {
    let mut lexer = Lexer::with_streamed(text, streamed);
    lexer.skip_blanks();
    match lexer.peek() {
        None => Ok(None),
        Some(b'*') => {
            lexer.step();
            untagged(lexer).map(Some)
        }
        Some(b'+') => {
            lexer.step();
            Ok(Some(Response::Continue(lexer.rest().trim_ascii().into())))
        }
        Some(_) => tagged(lexer).map(Some),
    }
}

fn tagged(mut lexer: Lexer<'_>) -> Result<Response> {
    let tag = lexer.word();
    let Some(condition @ (Condition::Ok | Condition::No | Condition::Bad)) = condition(lexer.word()) else {
        return Err(not_imap(tag));
    };
    let tag = String::from_utf8_lossy(tag).into();
    Ok(Response::Tagged(Tagged { tag, status: status(condition, lexer.rest())? }))
}

/// Names no more of the line than a short first word: an echo of what was sent could hold a secret.
fn not_imap(first: &[u8]) -> offlinesync_core::Error {
    let shown = first.len() <= 16 && first.iter().all(u8::is_ascii_graphic);
    let what =
        if shown { format!(" (a line starting with {:?})", String::from_utf8_lossy(first)) } else { String::new() };
    protocol(format!("the server sent something that is not IMAP{what}"))
}

fn untagged(mut lexer: Lexer<'_>) -> Result<Response> {
    if let Some(number) = lexer.number() {
        return numbered(number, lexer).map(Response::Data);
    }
    let name = lexer.word();
    match condition(name) {
        Some(condition) => Ok(Response::Status(status(condition, lexer.rest())?)),
        None => named(name, lexer).map(Response::Data),
    }
}

fn numbered(number: u64, mut lexer: Lexer<'_>) -> Result<Data> {
    let name = lexer.word();
    let is = |what: &str| name.eq_ignore_ascii_case(what.as_bytes());
    let small = u32::try_from(number).ok();
    match small {
        Some(seq) if is("FETCH") => fetch::fetch(seq, lexer).map(Data::Fetch),
        Some(uid) if is("UIDFETCH") => fetch::uid_fetch(uid, lexer).map(Data::Fetch),
        Some(n) if is("EXISTS") => Ok(Data::Exists(n)),
        Some(n) if is("RECENT") => Ok(Data::Recent(n)),
        Some(n) if is("EXPUNGE") => Ok(Data::Expunge(n)),
        _ => Ok(other(name, lexer.rest())),
    }
}

fn named(name: &[u8], mut lexer: Lexer<'_>) -> Result<Data> {
    let rest = lexer.rest();
    let shaped = |data: Option<Data>| data.unwrap_or_else(|| other(name, rest));
    Ok(match name.to_ascii_uppercase().as_slice() {
        b"SEARCH" => numbers::search(lexer)?,
        b"ESEARCH" => numbers::esearch(lexer)?,
        b"VANISHED" => numbers::vanished(lexer),
        b"FLAGS" => shaped(flags::list(&mut lexer)?.map(|f| Data::Flags(f.flags))),
        b"CAPABILITY" => Data::Capability(words(rest)?),
        b"ENABLED" => Data::Enabled(words(rest)?),
        b"LIST" | b"XLIST" => shaped(mailbox::list(lexer)?.map(Data::List)),
        b"LSUB" => shaped(mailbox::list(lexer)?.map(Data::Lsub)),
        b"STATUS" => shaped(mailbox::status(lexer).map(Data::Status)),
        b"NAMESPACE" => shaped(mailbox::namespace(rest)),
        _ => other(name, rest),
    })
}

fn other(name: &[u8], rest: &[u8]) -> Data {
    Data::Other(upper(name), rest.trim_ascii().into())
}

fn upper(name: &[u8]) -> Box<str> {
    String::from_utf8_lossy(name).to_ascii_uppercase().into()
}

/// Words between blanks, in upper case.
fn words(text: &[u8]) -> Result<Vec<Box<str>>> {
    let words = text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let words: Vec<_> = words.take(WORDS + 1).map(upper).collect();
    bounded(words.len())?;
    Ok(words)
}

fn bounded(words: usize) -> Result<()> {
    if words > WORDS { Err(protocol(format!("the server sent a list of more than {WORDS} words"))) } else { Ok(()) }
}

fn condition(word: &[u8]) -> Option<Condition> {
    let all = [
        ("OK", Condition::Ok),
        ("NO", Condition::No),
        ("BAD", Condition::Bad),
        ("BYE", Condition::Bye),
        ("PREAUTH", Condition::Preauth),
    ];
    all.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, condition)| condition)
}

/// The code and the text behind a condition.
fn status(condition: Condition, rest: &[u8]) -> Result<StatusResponse> {
    let rest = rest.trim_ascii();
    let (code, text) = code::split(rest)?;
    let text = String::from_utf8_lossy(text.trim_ascii()).into();
    Ok(StatusResponse { condition, code, text })
}

/// Whether a line that starts a response may have literals, and of which kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// FETCH or UIDFETCH: a body may come.
    Fetch,
    /// Other data.
    Data,
    /// Text for a person: what looks like a literal is none.
    Text,
}

/// Tells the kind of response from its first line.
pub(super) fn start(line: &[u8]) -> Start {
    let mut lexer = Lexer::new(line);
    if !lexer.eat(b'*') {
        return Start::Text;
    }
    let numbered = lexer.number().is_some();
    let name = lexer.word();
    let fetch = [&b"FETCH"[..], b"UIDFETCH"].iter().any(|f| name.eq_ignore_ascii_case(f));
    match condition(name) {
        _ if numbered && fetch => Start::Fetch,
        Some(_) if !numbered => Start::Text,
        _ => Start::Data,
    }
}
