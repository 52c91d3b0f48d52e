//! FETCH and UIDFETCH: the response of which there is one per message, so it is read without building a tree.

use super::super::date;
use super::super::lexer::{Lexer, Value};
use super::super::response::{Body, Fetch, Labels};
use super::flags;
use offlinesync_core::{Result, Uid};

/// Reads what follows `* seq FETCH`.
pub(super) fn fetch(seq: u32, mut lexer: Lexer<'_>) -> Result<Fetch> {
    let mut fetch = Fetch { seq, ..Fetch::default() };
    lexer.eat(b'(');
    loop {
        lexer.skip_blanks();
        match lexer.peek() {
            None | Some(b')') => return Ok(fetch),
            Some(_) => attribute(&mut fetch, &mut lexer)?,
        }
    }
}

/// Reads what follows `* uid UIDFETCH` (RFC 9586).
pub(super) fn uid_fetch(uid: u32, lexer: Lexer<'_>) -> Result<Fetch> {
    let fetch = fetch(0, lexer)?;
    Ok(Fetch { uid: Uid::new(uid), ..fetch })
}

fn attribute<'a>(into: &mut Fetch, lexer: &mut Lexer<'a>) -> Result<()> {
    let name = lexer.name();
    let is = |what: &str| name.eq_ignore_ascii_case(what.as_bytes());
    if is("UID") {
        into.uid = number(lexer).and_then(|n| Uid::new(u32::try_from(n).ok()?));
    } else if is("FLAGS") {
        into.flags = flags::list(lexer)?.map(|list| list.flags);
    } else if is("MODSEQ") {
        into.mod_seq = bracketed(lexer, number).filter(|n| *n != 0);
    } else if is("RFC822.SIZE") {
        into.size = number(lexer);
    } else if is("INTERNALDATE") {
        into.date = string(lexer).as_ref().and_then(Value::bytes).and_then(date::parse);
    } else if lexer.peek() == Some(b'[') {
        section(into, name, lexer);
    } else if is("RFC822") || is("RFC822.TEXT") {
        body(into, lexer);
    } else if is("RFC822.HEADER") {
        header(into, lexer);
    } else {
        identity(into, name, lexer)?;
    }
    Ok(())
}

/// The attributes of mail stores that know a message across folders.
fn identity<'a>(into: &mut Fetch, name: &[u8], lexer: &mut Lexer<'a>) -> Result<()> {
    let is = |what: &str| name.eq_ignore_ascii_case(what.as_bytes());
    let text = |value: Value<'a>| value.bytes().map(|id| String::from_utf8_lossy(id).into());
    if is("EMAILID") {
        into.email_id = bracketed(lexer, string).and_then(text).or(into.email_id.take());
    } else if is("X-GM-MSGID") {
        let id = string(lexer).and_then(text);
        into.email_id = into.email_id.take().or(id);
    } else if is("X-GM-LABELS") {
        into.labels = labels(lexer)?;
    } else {
        lexer.skip_value();
    }
    Ok(())
}

fn labels(lexer: &mut Lexer<'_>) -> Result<Option<Labels>> {
    if !lexer.eat(b'(') {
        let nil = lexer.token() == Some(Value::Nil);
        return Ok(nil.then(Box::default));
    }
    let mut labels = Vec::new();
    loop {
        if lexer.eat(b')') {
            return Ok(Some(labels.into()));
        }
        match lexer.token() {
            Some(label) => labels.extend(label.bytes().map(Box::from)),
            None if lexer.skip_value() => {}
            None => return Ok(None),
        }
        super::bounded(labels.len())?;
    }
}

/// A value that stands in parentheses, or should.
fn bracketed<'a, T>(lexer: &mut Lexer<'a>, read: impl FnOnce(&mut Lexer<'a>) -> Option<T>) -> Option<T> {
    let open = lexer.eat(b'(');
    let value = read(lexer);
    while open && !lexer.eat(b')') {
        if !lexer.skip_value() {
            return None;
        }
    }
    value
}

/// A number; another single value in its place is passed over.
fn number(lexer: &mut Lexer<'_>) -> Option<u64> {
    lexer.number().or_else(|| string(lexer)?.number())
}

/// An atom or a string; a list in its place is passed over.
fn string<'a>(lexer: &mut Lexer<'a>) -> Option<Value<'a>> {
    lexer.token().or_else(|| {
        lexer.skip_value();
        None
    })
}

/// An attribute with a section: `BODY[…]`, `BINARY[…]`, `BINARY.SIZE[…]`.
fn section(into: &mut Fetch, name: &[u8], lexer: &mut Lexer<'_>) {
    let section = section_text(lexer);
    let names = [&b"BODY"[..], b"BINARY", b"BODY.PEEK", b"BINARY.PEEK"];
    if !names.iter().any(|n| name.eq_ignore_ascii_case(n)) {
        lexer.skip_value();
        return;
    }
    let section = section.trim_ascii().to_ascii_uppercase();
    if section.starts_with(b"HEADER") {
        header(into, lexer);
    } else if section.ends_with(b".MIME") || memchr::memmem::find(&section, b".HEADER").is_some() {
        lexer.skip_value();
    } else {
        body(into, lexer);
    }
}

/// What is between the brackets; passes over the origin `<0>` too.
fn section_text<'a>(lexer: &mut Lexer<'a>) -> &'a [u8] {
    lexer.step();
    let all = lexer.rest();
    loop {
        match lexer.peek() {
            Some(b']') | None => break,
            Some(b'"' | b'{') => drop(lexer.token()),
            Some(_) => lexer.step(),
        }
    }
    let text = all.get(..all.len() - lexer.rest().len()).unwrap_or_default();
    lexer.step();
    if lexer.peek() == Some(b'<') {
        while !matches!(lexer.peek(), None | Some(b'>' | b' ')) {
            lexer.step();
        }
        lexer.eat(b'>');
    }
    text
}

fn header(into: &mut Fetch, lexer: &mut Lexer<'_>) {
    if let Some(Value::String(header)) = string(lexer) {
        into.header = Some(header.into_owned().into());
    }
}

/// The content of a message. Where it should be and is not (servers forget it), there is none, as with NIL.
fn body(into: &mut Fetch, lexer: &mut Lexer<'_>) {
    let mut ahead = lexer.clone();
    let found = match ahead.token() {
        Some(Value::Streamed) => Body::Streamed,
        Some(Value::String(content)) => Body::Inline(content.into_owned().into()),
        Some(Value::Nil) => Body::Nil,
        _ => {
            keep_first(into, Body::Nil);
            return;
        }
    };
    *lexer = ahead;
    keep_first(into, found);
}

fn keep_first(into: &mut Fetch, found: Body) {
    if found == Body::Streamed || matches!(into.body, Body::Absent | Body::Nil) {
        into.body = found;
    }
}
