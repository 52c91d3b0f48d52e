//! Whatever a server sends: bodies of fuzz targets. Octets in, a panic where a promise of the codec is broken.

use crate::codec::mailbox_name::{self, NameForm};
use crate::codec::response::{Data, Fetch, Response};
use crate::codec::{Decoder, Item, date, uidset, utf7};

/// A stream of answers, behind four octets that say how it is cut into deliveries.
///
/// However it is cut, the same is read; a body is as long as it was announced; the decoder goes on or has given up for good.
pub fn responses(data: &[u8]) {
    let Some((cuts, stream)) = data.split_first_chunk::<4>() else { return };
    let whole = read(stream, &[usize::MAX]);
    assert_eq!(read(stream, &cuts.map(|cut| usize::from(cut % 32) + 1)), whole, "the same stream in pieces");
    assert_eq!(read(stream, &[1]), whole, "the same stream octet by octet");
    for seen in &whole.0 {
        if let Seen::Response(response) = seen {
            look(response);
        }
    }
    sets_and_dates(stream);
}

/// The name of a mailbox, behind an octet that says how the connection writes names.
///
/// Every raw name is found again, no two become one folder, and what is decoded is what would have been encoded.
pub fn mailbox_names(data: &[u8]) {
    let Some((form, raw)) = data.split_first() else { return };
    let form = NameForm { decoded: form & 1 != 0, utf8: form & 2 != 0 };
    let name = mailbox_name::decode(raw, form);
    assert_eq!(mailbox_name::encode(&name, form), raw, "{name:?}");
    assert!(!name.as_str().contains('\0'), "{name:?}");
    let text = String::from_utf8_lossy(raw);
    assert_eq!(utf7::decode(utf7::encode(&text).as_bytes()).as_deref(), Some(&*text));
    if let Some(plain) = utf7::decode(raw) {
        assert_eq!(utf7::encode(&plain).as_bytes(), raw);
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Response(Response),
    Body { octets: u64, fetch: Fetch, data: Vec<u8>, ended: bool },
}

/// Everything in a stream, and the error that ended it. The lengths of the deliveries come round and round.
fn read(stream: &[u8], lengths: &[usize]) -> (Vec<Seen>, Option<String>) {
    let mut decoder = Decoder::default();
    let (mut seen, mut rest) = (Vec::new(), stream);
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (delivery, after) = rest.split_at(rest.len().min(*length));
        rest = after;
        if let Err(error) = deliver(&mut decoder, delivery, &mut seen) {
            assert!(decoder.decode(b"* OK\r\n").is_err(), "given up for good");
            return (seen, Some(error.to_string()));
        }
    }
    (seen, None)
}

fn deliver(decoder: &mut Decoder, mut delivery: &[u8], seen: &mut Vec<Seen>) -> offlinesync_core::Result<()> {
    let mut idle = 0;
    loop {
        let (used, item) = decoder.decode(delivery)?;
        idle = if used == 0 { idle + 1 } else { 0 };
        assert!(used <= delivery.len() && idle < 3, "it goes on");
        delivery = &delivery[used..];
        match item {
            Some(item) => take(item, seen),
            None => break,
        }
    }
    assert!(delivery.is_empty(), "no item means that all was consumed");
    Ok(())
}

fn take(item: Item<'_>, seen: &mut Vec<Seen>) {
    match (item, seen.last_mut()) {
        (Item::Response(response), _) => seen.push(Seen::Response(response)),
        (Item::BodyStart(start), _) => {
            seen.push(Seen::Body { octets: start.octets, fetch: start.fetch, data: Vec::new(), ended: false });
        }
        (Item::BodyData(more), Some(Seen::Body { octets, data, ended: false, .. })) => {
            assert!(!more.is_empty());
            data.extend_from_slice(more);
            assert!(data.len() as u64 <= *octets, "longer than announced");
        }
        (Item::BodyEnd, Some(Seen::Body { octets, data, ended, .. })) if !*ended => {
            assert_eq!(data.len() as u64, *octets, "as long as announced");
            *ended = true;
        }
        (item, before) => panic!("{item:?} after {before:?}"),
    }
}

/// What a response says can be used: names can be sent back, sets can be written.
fn look(response: &Response) {
    let Response::Data(data) = response else { return };
    if let Data::Fetch(fetch) = data
        && let Some(uid) = fetch.uid
    {
        let text = uidset::format(&[(uid, uid)]);
        assert_eq!(uidset::parse(text.as_bytes()), Some(vec![(uid, uid)]));
    }
}

fn sets_and_dates(text: &[u8]) {
    if let Some(ranges) = uidset::parse(text) {
        assert_eq!(uidset::parse(uidset::format(&ranges).as_bytes()), Some(ranges.clone()));
        assert_eq!(uidset::parse_lenient(text), ranges);
        let merged = uidset::merged(ranges.clone());
        assert!(
            ranges.iter().all(|(first, last)| uidset::contains(&merged, *first) && uidset::contains(&merged, *last))
        );
        assert!(merged.windows(2).all(|pair| pair[0].1.get() + 1 < pair[1].0.get()), "ascending and apart: {merged:?}");
        assert!(uidset::expand(&merged, 1000).is_none_or(|ids| ids.len() as u64 == uidset::count(&merged)));
        assert_eq!(uidset::pieces(&ranges, 40).flatten().copied().collect::<Vec<_>>(), ranges);
    }
    if let Some(read) = date::parse(text) {
        let written = date::parse(date::format(read).as_bytes());
        assert!(written.is_some(), "{}", date::format(read));
        assert_eq!(written.and_then(|date| date::parse(date::format(date).as_bytes())), written);
    }
}
