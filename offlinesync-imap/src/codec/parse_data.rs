//! Untagged data other than FETCH: mailbox lists, STATUS, SEARCH, sizes. One function a response.

use super::lexer::{Lexer, Value};
use super::parse::{first_text, flags, words};
use super::parse_fetch;
use super::response::{Data, ESearch, ListEntry, MailboxStatus, Namespace};
use super::uid_set;

/// `* n WORD …`.
pub(super) fn number_prefixed(number: u32, lexer: &mut Lexer<'_, '_>) -> Data {
    let word = lexer.word().to_ascii_uppercase();
    match word.as_slice() {
        b"EXISTS" => Data::Exists(number),
        b"RECENT" => Data::Recent(number),
        b"EXPUNGE" => Data::Expunge(number),
        b"FETCH" => Data::Fetch(parse_fetch::fetch(number, lexer)),
        b"UIDFETCH" => Data::Fetch(parse_fetch::uid_fetch(number, lexer)),
        _ => other(&word, lexer),
    }
}

/// `* WORD …`.
pub(super) fn data(word: &[u8], lexer: &mut Lexer<'_, '_>) -> Data {
    let name = word.to_ascii_uppercase();
    let start = lexer.clone();
    let known = match name.as_slice() {
        b"CAPABILITY" => Some(Data::Capability(words(&lexer.values()))),
        b"ENABLED" => Some(Data::Enabled(words(&lexer.values()))),
        b"FLAGS" => lexer.value().map(|value| Data::Flags(flags(value.list().unwrap_or_default()))),
        b"LIST" | b"XLIST" => list_entry(lexer).map(Data::List),
        b"LSUB" => list_entry(lexer).map(Data::Lsub),
        b"STATUS" => mailbox_status(lexer).map(Data::Status),
        b"SEARCH" => Some(search(lexer)),
        b"ESEARCH" => Some(Data::ESearch(esearch(lexer))),
        b"VANISHED" => vanished(lexer),
        b"NAMESPACE" => Some(namespaces(lexer)),
        _ => None,
    };
    known.unwrap_or_else(|| {
        *lexer = start;
        other(&name, lexer)
    })
}

fn other(name: &[u8], lexer: &Lexer<'_, '_>) -> Data {
    Data::Other(String::from_utf8_lossy(name).into(), lexer.rest().trim_ascii().into())
}

fn list_entry(lexer: &mut Lexer<'_, '_>) -> Option<ListEntry> {
    let attributes = lexer.value()?;
    let attributes =
        attributes.list()?.iter().filter_map(Value::bytes).map(|a| String::from_utf8_lossy(a).into()).collect();
    let separator = separator(&lexer.value()?);
    let name = mailbox_name(lexer)?;
    Some(ListEntry { attributes, separator, name })
}

fn separator(value: &Value) -> Option<char> {
    value.text()?.chars().next()
}

/// A mailbox name; servers that do not quote a name with spaces mean the rest of the line.
fn mailbox_name(lexer: &mut Lexer<'_, '_>) -> Option<Box<[u8]>> {
    lexer.skip_spaces();
    if matches!(lexer.rest().first(), Some(b'"' | &super::lexer::LITERAL)) {
        return lexer.value()?.bytes().map(Into::into);
    }
    let rest = lexer.rest();
    let end = memchr::memmem::find(rest, b" (").unwrap_or(rest.len());
    let name = rest[..end].trim_ascii_end();
    (!name.is_empty()).then(|| name.into())
}

fn mailbox_status(lexer: &mut Lexer<'_, '_>) -> Option<MailboxStatus> {
    lexer.skip_spaces();
    let name: Box<[u8]> = match lexer.rest().first()? {
        b'"' | &super::lexer::LITERAL => lexer.value()?.bytes()?.into(),
        _ => {
            let rest = lexer.rest();
            let end = memchr::memmem::rfind(rest, b"(")?;
            let name: Box<[u8]> = rest[..end].trim_ascii_end().into();
            while !lexer.rest().is_empty() && lexer.rest().len() > rest.len() - end {
                lexer.skip_one();
            }
            name
        }
    };
    let items = lexer.value()?;
    let mut status = MailboxStatus { name, ..MailboxStatus::default() };
    for pair in items.list()?.chunks_exact(2) {
        let Some(item) = pair[0].text() else { continue };
        match item.to_ascii_uppercase().as_str() {
            "MESSAGES" => status.messages = pair[1].number(),
            "UIDNEXT" => status.uid_next = pair[1].number(),
            "UIDVALIDITY" => status.uid_validity = pair[1].number(),
            "UNSEEN" => status.unseen = pair[1].number(),
            "HIGHESTMODSEQ" => status.highest_mod_seq = pair[1].number(),
            "SIZE" => status.size = pair[1].number(),
            "MAILBOXID" => status.mailbox_id = first_text(&pair[1..]).map(Into::into),
            _ => {}
        }
    }
    Some(status)
}

fn search(lexer: &mut Lexer<'_, '_>) -> Data {
    let (mut numbers, mut mod_seq) = (Vec::new(), None);
    loop {
        lexer.skip_spaces();
        if lexer.rest().first().is_none_or(|byte| *byte == b'(') {
            break;
        }
        match std::str::from_utf8(lexer.word()).ok().and_then(|word| word.parse().ok()) {
            Some(number) => numbers.push(number),
            None => continue,
        }
    }
    if let Some(Value::List(list)) = lexer.value()
        && let [name, value] = list.as_slice()
        && name.text().is_some_and(|name| name.eq_ignore_ascii_case("MODSEQ"))
    {
        mod_seq = value.number();
    }
    Data::Search { numbers, mod_seq }
}

fn esearch(lexer: &mut Lexer<'_, '_>) -> ESearch {
    let mut answer = ESearch::default();
    while let Some(value) = lexer.value() {
        match &value {
            Value::List(correlator) => {
                answer.tag = correlator.get(1).and_then(Value::text).map(Into::into);
            }
            Value::Atom(word) => match word.to_ascii_uppercase().as_slice() {
                b"UID" => answer.uid = true,
                b"MIN" => answer.min = lexer.value().and_then(|v| v.number()),
                b"MAX" => answer.max = lexer.value().and_then(|v| v.number()),
                b"COUNT" => answer.count = lexer.value().and_then(|v| v.number()),
                b"MODSEQ" => answer.mod_seq = lexer.value().and_then(|v| v.number()),
                b"ALL" => {
                    let set = lexer.value();
                    answer.all =
                        set.as_ref().and_then(Value::bytes).and_then(uid_set::parse_numbers).unwrap_or_default();
                }
                _ => {}
            },
            Value::String(_) | Value::Streamed => {}
        }
    }
    answer
}

fn vanished(lexer: &mut Lexer<'_, '_>) -> Option<Data> {
    let mut value = lexer.value()?;
    let earlier = value.list().is_some_and(|list| first_text(list).is_some_and(|t| t.eq_ignore_ascii_case("EARLIER")));
    if earlier {
        value = lexer.value()?;
    }
    Some(Data::Vanished { earlier, uids: uid_set::parse(value.bytes()?)? })
}

fn namespaces(lexer: &mut Lexer<'_, '_>) -> Data {
    let mut next = || lexer.value().as_ref().and_then(Value::list).map(namespace_list).unwrap_or_default();
    Data::Namespace { personal: next(), other: next(), shared: next() }
}

fn namespace_list(list: &[Value]) -> Vec<Namespace> {
    list.iter()
        .filter_map(|one| {
            let one = one.list()?;
            Some(Namespace { prefix: one.first()?.bytes()?.into(), separator: one.get(1).and_then(separator) })
        })
        .collect()
}
