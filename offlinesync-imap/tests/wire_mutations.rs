//! Whatever a peer sends: the decoder answers, never panics, and does not care how the stream was cut.
#![allow(clippy::unwrap_used, clippy::panic)]

mod wire;

use offlinesync_imap::codec::{date, lexer, mailbox_name, parse, uidset, utf7};
use proptest::prelude::*;
use proptest::sample::Index;
use wire::lines::LINES;
use wire::read;

/// What makes a parser stumble.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"{3}\r\n",
    b"{0}\r\n",
    b"~{2}\r\n",
    b"{5+}\r\n",
    b"{99999999999999999999}\r\n",
    b"{4294967296}\r\n",
    b"(",
    b")",
    b"[",
    b"]",
    b"<0>",
    b"\"",
    b"\\",
    b" ",
    b"*",
    b"* ",
    b"+",
    b"A1 OK",
    b"NIL",
    b"\0",
    b"\xff",
    b"BODY[] ",
    b"BODY[]",
    b"UID ",
    b"FLAGS (",
    b"FETCH (",
    b"18446744073709551616",
    b"4294967296",
    b"0",
    b",",
    b":",
    b"(((((((((((",
];

#[derive(Clone, Debug)]
enum Edit {
    Delete(Index, Index),
    Insert(Index, Index),
    Overwrite(Index, u8),
    Copy(Index, Index, Index),
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<(Index, Index)>().prop_map(|(a, b)| Edit::Delete(a, b)),
        any::<(Index, Index)>().prop_map(|(a, b)| Edit::Insert(a, b)),
        any::<(Index, u8)>().prop_map(|(a, b)| Edit::Overwrite(a, b)),
        any::<(Index, Index, Index)>().prop_map(|(a, b, c)| Edit::Copy(a, b, c)),
    ]
}

fn apply(stream: &mut Vec<u8>, edit: &Edit) {
    if stream.is_empty() {
        return;
    }
    let n = stream.len();
    let span = |a: &Index, b: &Index| {
        let from = a.index(n);
        from..(from + 1 + b.index(8)).min(n)
    };
    match edit {
        Edit::Delete(a, b) => drop(stream.drain(span(a, b))),
        Edit::Insert(at, what) => drop(stream.splice(at.index(n)..at.index(n), what.get(PIECES).iter().copied())),
        Edit::Overwrite(at, octet) => stream[at.index(n)] = *octet,
        Edit::Copy(a, b, to) => {
            let copy = stream[span(a, b)].to_vec();
            drop(stream.splice(to.index(n)..to.index(n), copy));
        }
    }
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let lines = proptest::collection::vec(proptest::sample::select(LINES), 1..6);
    (lines, proptest::collection::vec(edits(), 0..12)).prop_map(|(lines, edits)| {
        let mut stream = lines.concat();
        edits.iter().for_each(|edit| apply(&mut stream, edit));
        stream
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_cut_of_a_damaged_stream_gives_the_same_items(stream in streams(), cuts in proptest::collection::vec(any::<Index>(), 0..12)) {
        let whole = read([&stream[..]]);
        prop_assert_eq!(&read(stream.chunks(1)), &whole);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        prop_assert_eq!(&read(at.windows(2).map(|ends| &stream[ends[0]..ends[1]])), &whole);
    }

    #[test]
    fn anything_can_be_parsed(octets in any::<Vec<u8>>(), stream in streams()) {
        for text in [&octets, &stream] {
            let _ = parse::response(text);
            let _ = lexer::values(text);
            let _ = date::parse(text);
            let _ = utf7::decode(text);
            let _ = uidset::parse_lenient(text);
            for (decoded, utf8) in [(false, false), (false, true), (true, false), (true, true)] {
                let form = mailbox_name::NameForm { decoded, utf8 };
                prop_assert_eq!(&mailbox_name::encode(&mailbox_name::decode(text, form), form), text);
            }
        }
    }
}

#[test]
fn every_line_cut_anywhere_gives_the_same_items() {
    for line in LINES {
        let whole = read([*line]);
        for n in 1..line.len() {
            assert_eq!(read(line.chunks(n)), whole, "{} in pieces of {n}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn a_damaged_line_does_not_touch_its_neighbours() {
    let before = b"* 5 EXISTS\r\n* 1 FETCH (UID 7 BODY[] {5}\r\nhello)\r\n";
    let after = b"* 6 EXISTS\r\nA1 OK done\r\n";
    for broken in [
        "* 1 FETCH (UID 7 FLAGS (\\Seen",
        "* LIST () \"/",
        "* 1 FETCH",
        "*",
        "* STATUS (",
        "* 99999999999999999999 EXISTS",
        ")",
    ] {
        let stream = [&before[..], broken.as_bytes(), b"\r\n", after].concat();
        let seen = read([&stream[..]]);
        let usual = read([&before[..]]);
        assert_eq!(seen[..usual.len()], usual[..], "{broken}");
        if !broken.starts_with(')') {
            assert_eq!(seen[seen.len() - 2..], read([&after[..]])[..], "{broken}");
        }
    }
}
