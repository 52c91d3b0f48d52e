//! What is said of mailboxes: LIST, LSUB, STATUS, NAMESPACE.

use super::super::lexer::{Lexer, Value, values};
use super::super::response::{Data, ListEntry, MailboxStatus, Namespace};
use offlinesync_core::Result;

/// How many parentheses in an unquoted name are tried for the list behind it.
const LISTS_TRIED: usize = 16;

/// `(\HasNoChildren) "/" name`, and behind it what RFC 5258 adds, which is passed over.
pub(super) fn list(mut lexer: Lexer<'_>) -> Result<Option<ListEntry>> {
    let Some(attributes) = attributes(&mut lexer)? else { return Ok(None) };
    let Some(separator) = lexer.token() else { return Ok(None) };
    let separator = separator_char(&separator);
    Ok(name(&mut lexer, extended).map(|name| ListEntry { attributes, separator, name }))
}

fn attributes(lexer: &mut Lexer<'_>) -> Result<Option<Vec<Box<str>>>> {
    let mut attributes = Vec::new();
    if !lexer.eat(b'(') {
        return Ok((lexer.token() == Some(Value::Nil)).then_some(attributes));
    }
    loop {
        if lexer.eat(b')') {
            return Ok(Some(attributes));
        }
        match lexer.token() {
            Some(attribute) => attributes.extend(attribute.bytes().map(|a| String::from_utf8_lossy(a).into())),
            None if lexer.skip_value() => {}
            None => return Ok(None),
        }
        super::bounded(attributes.len())?;
    }
}

/// The first character of the separator; none for NIL and the empty string.
fn separator_char(value: &Value<'_>) -> Option<char> {
    std::str::from_utf8(value.bytes()?).ok()?.chars().next()
}

/// A mailbox name: a string; or an atom, which with some servers has blanks in it and goes on until `ends` holds for the rest.
fn name(lexer: &mut Lexer<'_>, ends: fn(&[u8]) -> bool) -> Option<Box<[u8]>> {
    lexer.skip_blanks();
    if !matches!(lexer.clone().token(), Some(Value::Atom(_) | Value::Nil)) && lexer.peek() != Some(b'(') {
        return lexer.token()?.bytes().map(Box::from);
    }
    let all = lexer.rest();
    let mut tries = 0..LISTS_TRIED;
    while !lexer.at_end() {
        if lexer.peek() == Some(b'(') && tries.next().is_some() && ends(lexer.rest()) {
            break;
        }
        lexer.step();
    }
    let name = all.get(..all.len() - lexer.rest().len())?.trim_ascii();
    (!name.is_empty()).then(|| name.into())
}

/// Whether this is a list of tagged items (RFC 5258 section 6): names, each with a string or a list.
fn extended(rest: &[u8]) -> bool {
    let tag = |v: &Value<'_>| v.bytes().is_some();
    let items = |all: &[Value<'_>]| {
        !all.is_empty() && all.len().is_multiple_of(2) && all.chunks(2).all(|pair| pair.first().is_some_and(tag))
    };
    matches!(values(rest).as_deref(), Ok([Value::List(all)]) if items(all))
}

/// Whether this is one list and nothing else.
fn single_list(rest: &[u8]) -> bool {
    matches!(values(rest).as_deref(), Ok([Value::List(_)]))
}

/// `name (MESSAGES 231 UIDNEXT 44292)`.
pub(super) fn status(mut lexer: Lexer<'_>) -> Option<MailboxStatus> {
    let name = name(&mut lexer, single_list)?;
    let items = values(lexer.rest()).ok()?;
    let mut status = MailboxStatus { name, ..MailboxStatus::default() };
    for pair in items.first()?.list()?.chunks(2) {
        if let [name, value] = pair {
            status_item(&mut status, name.bytes()?, value);
        }
    }
    Some(status)
}

fn status_item(status: &mut MailboxStatus, name: &[u8], value: &Value<'_>) {
    let small = || value.number().and_then(|n| u32::try_from(n).ok()).filter(|n| *n != 0);
    match name.to_ascii_uppercase().as_slice() {
        b"MESSAGES" => status.messages = value.number(),
        b"UIDNEXT" => status.uid_next = small(),
        b"UIDVALIDITY" => status.uid_validity = small(),
        b"UNSEEN" => status.unseen = value.number(),
        b"HIGHESTMODSEQ" => status.highest_mod_seq = value.number(),
        b"SIZE" => status.size = value.number(),
        b"MAILBOXID" => {
            let id = value.list().and_then(|l| l.first()).unwrap_or(value).bytes();
            status.mailbox_id = id.map(|id| String::from_utf8_lossy(id).into());
        }
        _ => {}
    }
}

/// Three lists of `("prefix" "/")`, or NIL (RFC 2342).
pub(super) fn namespace(rest: &[u8]) -> Option<Data> {
    let groups = values(rest).ok()?;
    let group = |n: usize| groups.get(n).map(|g| g.list().unwrap_or_default().iter().filter_map(one).collect());
    Some(Data::Namespace {
        personal: group(0)?,
        other: group(1).unwrap_or_default(),
        shared: group(2).unwrap_or_default(),
    })
}

fn one(value: &Value<'_>) -> Option<Namespace> {
    let parts = value.list()?;
    let prefix = parts.first()?.bytes()?.into();
    Some(Namespace { prefix, separator: parts.get(1).and_then(separator_char) })
}
