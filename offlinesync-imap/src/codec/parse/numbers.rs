//! Lists of messages: SEARCH, ESEARCH, VANISHED. A list of what exists is read to its end or not at all, for what it leaves out
//! would be taken for removed; a list of what is gone may lose what cannot be read.

use super::super::lexer::Lexer;
use super::super::response::{Data, ESearch};
use super::super::{protocol, uidset};
use offlinesync_core::Result;

/// `* SEARCH 2 5 6 (MODSEQ 917162500)` (RFC 3501 section 7.2.5, RFC 7162 section 3.1.5).
pub(super) fn search(mut lexer: Lexer<'_>) -> Result<Data> {
    let mut numbers = Vec::new();
    let mut mod_seq = None;
    while !lexer.at_end() {
        if lexer.eat(b'(') {
            let is_mod_seq = lexer.word().eq_ignore_ascii_case(b"MODSEQ");
            let value = lexer.number().filter(|_| is_mod_seq && lexer.eat(b')'));
            mod_seq = Some(value.ok_or_else(|| unreadable("SEARCH"))?);
            continue;
        }
        let number = lexer.number().and_then(|n| u32::try_from(n).ok());
        numbers.push(number.ok_or_else(|| unreadable("SEARCH"))?);
    }
    Ok(Data::Search { numbers, mod_seq })
}

fn unreadable(what: &str) -> offlinesync_core::Error {
    protocol(format!("the server sent a {what} response that cannot be read"))
}

/// `* ESEARCH (TAG "A282") UID MIN 2 COUNT 3 ALL 4:18,21` (RFC 4731).
pub(super) fn esearch(mut lexer: Lexer<'_>) -> Result<Data> {
    let mut answer = ESearch::default();
    if lexer.eat(b'(') {
        answer.tag = tag(&mut lexer);
        while !lexer.eat(b')') {
            if !lexer.skip_value() {
                return Err(unreadable("ESEARCH"));
            }
        }
    }
    while !lexer.at_end() {
        returned(&mut answer, &mut lexer).ok_or_else(|| unreadable("ESEARCH"))?;
    }
    Ok(Data::ESearch(answer))
}

fn tag(lexer: &mut Lexer<'_>) -> Option<Box<str>> {
    lexer.word().eq_ignore_ascii_case(b"TAG").then_some(())?;
    let value = lexer.token()?;
    value.bytes().map(|tag| String::from_utf8_lossy(tag).into())
}

fn returned(answer: &mut ESearch, lexer: &mut Lexer<'_>) -> Option<()> {
    let name = lexer.word();
    let small = |lexer: &mut Lexer<'_>| lexer.number().and_then(|n| u32::try_from(n).ok());
    match name.to_ascii_uppercase().as_slice() {
        b"UID" => answer.uid = true,
        b"MIN" => answer.min = Some(small(lexer)?),
        b"MAX" => answer.max = Some(small(lexer)?),
        b"COUNT" => answer.count = Some(small(lexer)?),
        b"MODSEQ" => answer.mod_seq = Some(lexer.number()?),
        b"ALL" => {
            let set = lexer.word();
            (!set.is_empty() || lexer.at_end()).then_some(())?;
            answer.all.extend(uidset::parse_numbers(set)?);
        }
        _ => lexer.skip_value().then_some(())?,
    }
    Some(())
}

/// `* VANISHED (EARLIER) 300:310,405` (RFC 7162 section 3.2.10). `*` is not allowed in it and would name mail that exists: left out.
pub(super) fn vanished(mut lexer: Lexer<'_>) -> Data {
    let mut earlier = false;
    if lexer.eat(b'(') {
        earlier = lexer.word().eq_ignore_ascii_case(b"EARLIER");
        lexer.eat(b')');
    }
    Data::Vanished { earlier, uids: uidset::parse_lenient(lexer.rest()) }
}
