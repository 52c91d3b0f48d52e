//! The code in brackets of a status response (RFC 3501 section 7.1, RFC 5530 and extensions).

use super::super::lexer::{Lexer, number};
use super::super::response::Code;
use super::super::uidset;
use super::{flags, upper, words};
use offlinesync_core::Result;

/// Takes the code from the front of the text. A bracket that is not closed belongs to the text.
pub(super) fn split(text: &[u8]) -> Result<(Option<Code>, &[u8])> {
    let Some(inside) = text.strip_prefix(b"[") else { return Ok((None, text)) };
    let Some(end) = closing(inside).or_else(|| memchr::memchr(b']', inside)) else { return Ok((None, text)) };
    let (code, after) = inside.split_at(end);
    Ok((Some(self::code(code)?), after.get(1..).unwrap_or_default()))
}

/// Where the code ends: not within parentheses, inner brackets or quotes.
fn closing(inside: &[u8]) -> Option<usize> {
    let (mut parens, mut brackets, mut quoted) = (0usize, 0usize, false);
    for (at, b) in inside.iter().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => parens += 1,
            b')' => parens = parens.saturating_sub(1),
            _ if parens > 0 => {}
            b'[' => brackets += 1,
            b']' if brackets == 0 => return Some(at),
            b']' => brackets -= 1,
            _ => {}
        }
    }
    None
}

fn code(text: &[u8]) -> Result<Code> {
    let text = text.trim_ascii();
    let n = text.iter().position(|b| matches!(b, b' ' | b'(')).unwrap_or(text.len());
    let (name, rest) = text.split_at(n);
    let (name, rest) = (upper(name), rest.trim_ascii());
    let known = match &*name {
        "CAPABILITY" => Some(Code::Capability(words(rest)?)),
        "PERMANENTFLAGS" => permanent_flags(rest)?,
        _ => bare(&name).or_else(|| with_value(&name, rest)),
    };
    Ok(known.unwrap_or_else(|| Code::Other(name, rest.into())))
}

fn permanent_flags(rest: &[u8]) -> Result<Option<Code>> {
    let list = flags::list(&mut Lexer::new(rest))?;
    Ok(list.map(|list| Code::PermanentFlags { flags: list.flags, any_keyword: list.any_keyword }))
}

/// Codes that stand alone.
fn bare(name: &str) -> Option<Code> {
    Some(match name {
        "ALERT" => Code::Alert,
        "ALREADYEXISTS" => Code::AlreadyExists,
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        "AUTHORIZATIONFAILED" => Code::AuthorizationFailed,
        "CLOSED" => Code::Closed,
        "INUSE" => Code::InUse,
        "LIMIT" => Code::Limit,
        "NOMODSEQ" => Code::NoModSeq,
        "NONEXISTENT" => Code::NonExistent,
        "NOPERM" => Code::NoPerm,
        "OVERQUOTA" => Code::OverQuota,
        "READ-ONLY" => Code::ReadOnly,
        "READ-WRITE" => Code::ReadWrite,
        "THROTTLED" => Code::Throttled,
        "TOOBIG" => Code::TooBig,
        "TRYCREATE" => Code::TryCreate,
        "UIDNOTSTICKY" => Code::UidNotSticky,
        "UNAVAILABLE" => Code::Unavailable,
        _ => return None,
    })
}

/// Codes with a value; `None` if the value is not one.
fn with_value(name: &str, rest: &[u8]) -> Option<Code> {
    let small = || u32::try_from(number(rest)?).ok().filter(|n| *n != 0);
    Some(match name {
        "APPENDUID" => append_uid(rest)?,
        "COPYUID" => copy_uid(rest)?,
        "HIGHESTMODSEQ" => Code::HighestModSeq(number(rest)?),
        "MAILBOXID" => Code::MailboxId(mailbox_id(rest)?),
        "MODIFIED" => Code::Modified(uidset::parse(rest)?),
        "UIDNEXT" => Code::UidNext(small()?),
        "UIDVALIDITY" => Code::UidValidity(small()?),
        _ => return None,
    })
}

fn mailbox_id(rest: &[u8]) -> Option<Box<str>> {
    let inside = rest.strip_prefix(b"(").and_then(|r| r.strip_suffix(b")")).unwrap_or(rest).trim_ascii();
    (!inside.is_empty()).then(|| String::from_utf8_lossy(inside).into())
}

/// The numbering in front of the sets of APPENDUID and COPYUID (RFC 4315).
fn numbering(rest: &[u8]) -> Option<(u32, Vec<&[u8]>)> {
    let mut parts = rest.split(|b| *b == b' ').filter(|p| !p.is_empty());
    let uid_validity = u32::try_from(number(parts.next()?)?).ok().filter(|n| *n != 0)?;
    Some((uid_validity, parts.collect()))
}

fn append_uid(rest: &[u8]) -> Option<Code> {
    match numbering(rest)? {
        (uid_validity, sets) if sets.len() == 1 => {
            Some(Code::AppendUid { uid_validity, uids: uidset::parse(sets[0])? })
        }
        _ => None,
    }
}

/// Sets may both be missing: nothing was copied.
fn copy_uid(rest: &[u8]) -> Option<Code> {
    let (uid_validity, sets) = numbering(rest)?;
    let (from, to) = match sets.as_slice() {
        [] => (Vec::new(), Vec::new()),
        [from, to] => (uidset::parse(from)?, uidset::parse(to)?),
        _ => return None,
    };
    Some(Code::CopyUid { uid_validity, from, to })
}
