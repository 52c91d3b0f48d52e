//! FETCH responses: the fast path for flags listings, and the tolerant one for everything else.

use super::date;
use super::lexer::{Lexer, Literal, Value};
use super::parse::{first_text, flags};
use super::response::{Body, Fetch};
use offlinesync_core::{Flags, Uid};

/// Whether an attribute name is one whose value is the message itself.
pub(super) fn is_body(name: &[u8]) -> bool {
    let name = name.to_ascii_uppercase();
    let section = |prefix: &[u8]| {
        name.strip_prefix(prefix).and_then(|rest| rest.split(|byte| *byte == b']').next()).map(<[u8]>::to_vec)
    };
    match name.as_slice() {
        b"RFC822" | b"RFC822.TEXT" => true,
        _ => matches!(section(b"BODY[").or_else(|| section(b"BINARY[")).as_deref(), Some(b"" | b"TEXT")),
    }
}

/// `* n FETCH (…)`.
pub(super) fn fetch(seq: u32, lexer: &mut Lexer<'_, '_>) -> Fetch {
    let list = lexer.value();
    let mut fetch = Fetch { seq, ..Fetch::default() };
    let mut values = list.as_ref().and_then(Value::list).unwrap_or_default().iter().peekable();
    while let Some(name) = values.next() {
        let Some(name) = name.bytes().map(<[u8]>::to_ascii_uppercase) else { continue };
        // `BODY[]<0> value`: a partial's origin belongs to the name.
        let Some(value) = values.next() else { break };
        attribute(&mut fetch, &name, value);
    }
    fetch
}

/// `* uid UIDFETCH (…)` (RFC 9586).
pub(super) fn uid_fetch(uid: u32, lexer: &mut Lexer<'_, '_>) -> Fetch {
    let mut fetch = fetch(0, lexer);
    fetch.uid = Uid::new(uid);
    fetch
}

fn attribute(fetch: &mut Fetch, name: &[u8], value: &Value) {
    match name {
        b"UID" => fetch.uid = value.number().and_then(Uid::new),
        b"FLAGS" => fetch.flags = Some(flags(value.list().unwrap_or_default())),
        b"MODSEQ" => {
            let first = value.list().and_then(|list| list.first()).unwrap_or(value);
            fetch.mod_seq = first.number().filter(|n| *n > 0);
        }
        b"INTERNALDATE" => fetch.date = value.bytes().and_then(date::parse),
        b"RFC822.SIZE" => fetch.size = value.number(),
        b"EMAILID" => fetch.email_id = first_text(std::slice::from_ref(value)).map(Into::into),
        b"X-GM-MSGID" => fetch.email_id = value.text().map(Into::into),
        b"RFC822.HEADER" => fetch.header = value.bytes().map(Into::into),
        name if is_body(name) => {
            fetch.body = match value {
                Value::Streamed => Body::Streamed,
                Value::String(bytes) => Body::Inline(bytes.clone()),
                Value::Atom(_) | Value::List(_) => Body::Nil,
            }
        }
        name if name.starts_with(b"BODY[HEADER") => fetch.header = value.bytes().map(Into::into),
        _ => {}
    }
}

/// `n FETCH (UID n FLAGS (…) MODSEQ (n))` in any order and nothing else; `None` sends the line down the slow path.
pub(super) fn fast(rest: &[u8], literals: &[Literal]) -> Option<Fetch> {
    if !literals.is_empty() {
        return None;
    }
    let (seq, rest) = digits(rest)?;
    let mut rest = rest.strip_prefix(b" FETCH (")?;
    let mut fetch = Fetch { seq: u32::try_from(seq).ok()?, ..Fetch::default() };
    loop {
        rest = if let Some(after) = rest.strip_prefix(b"UID ") {
            let (uid, after) = digits(after)?;
            fetch.uid = Uid::new(u32::try_from(uid).ok()?);
            after
        } else if let Some(after) = rest.strip_prefix(b"FLAGS (") {
            let end = memchr::memchr(b')', after)?;
            fetch.flags = Some(fast_flags(&after[..end])?);
            &after[end + 1..]
        } else {
            let after = rest.strip_prefix(b"MODSEQ (")?;
            let (mod_seq, after) = digits(after)?;
            fetch.mod_seq = (mod_seq > 0).then_some(mod_seq);
            after.strip_prefix(b")")?
        };
        match rest {
            b")" => return Some(fetch),
            [b' ', more @ ..] => rest = more,
            _ => return None,
        }
    }
}

/// Flags of plain bytes alone; anything odd is for the slow path.
fn fast_flags(list: &[u8]) -> Option<Flags> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"');
    let mut flags = Flags::default();
    if list.is_empty() {
        return Some(flags);
    }
    for name in list.split(|byte| *byte == b' ') {
        if name.is_empty() || !name.iter().all(plain) {
            return None;
        }
        match offlinesync_core::SystemFlags::from_imap(std::str::from_utf8(name).ok()?) {
            Some(flag) => flags.system = flags.system.union(flag),
            None if name[0] == b'\\' => {}
            None if name.contains(&b'\\') => return None,
            None => flags.keywords.insert(std::str::from_utf8(name).ok()?),
        }
    }
    Some(flags)
}

fn digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let number = bytes[..end].iter().try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))?;
    (end > 0).then(|| (number, &bytes[end..]))
}
