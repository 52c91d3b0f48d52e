//! How fast answers are read: small FETCH responses, a large body, a long SEARCH.

use divan::Bencher;
use divan::counter::BytesCount;
use offlinesync_imap::codec::response::{Data, Response};
use offlinesync_imap::codec::{Decoder, Item};
use std::hint::black_box;

/// What a socket gives at a time.
const READ: usize = 64 << 10;

fn main() {
    divan::main();
}

/// Decodes the stream as it would arrive; answers how many items, messages and octets of bodies there were.
fn decode(stream: &[u8]) -> (usize, usize, u64) {
    let mut decoder = Decoder::default();
    let (mut items, mut messages, mut octets) = (0, 0, 0);
    for piece in stream.chunks(READ) {
        let mut rest = piece;
        while let Ok((used, Some(item))) = decoder.decode(rest) {
            rest = &rest[used..];
            items += 1;
            match item {
                Item::BodyData(data) => octets += data.len() as u64,
                Item::Response(Response::Data(Data::Fetch(fetch))) => messages += usize::from(fetch.uid.is_some()),
                Item::Response(Response::Data(Data::Search { numbers, .. })) => messages += numbers.len(),
                _ => {}
            }
        }
    }
    (items, messages, octets)
}

fn bench(bencher: Bencher<'_, '_>, stream: &[u8], messages: usize) {
    assert_eq!(decode(stream).1, messages);
    bencher.counter(BytesCount::new(stream.len())).bench(|| decode(black_box(stream)));
}

fn lines(each: impl Fn(u32) -> String) -> Vec<u8> {
    (1..=200_000).map(each).collect::<String>().into_bytes()
}

#[divan::bench(sample_count = 20)]
fn fetch_flags(bencher: Bencher<'_, '_>) {
    let flags = ["\\Seen", "\\Answered \\Seen", "", "\\Flagged \\Seen"];
    let stream = lines(|n| format!("* {n} FETCH (UID {} FLAGS ({}))\r\n", n * 3, flags[n as usize % 4]));
    bench(bencher, &stream, 200_000);
}

#[divan::bench(sample_count = 20)]
fn fetch_flags_modseq(bencher: Bencher<'_, '_>) {
    let stream = lines(|n| format!("* {n} FETCH (UID {} FLAGS (\\Seen) MODSEQ (7150{n}))\r\n", n * 3));
    bench(bencher, &stream, 200_000);
}

#[divan::bench(sample_count = 20)]
fn fetch_flags_keywords(bencher: Bencher<'_, '_>) {
    let stream = lines(|n| format!("* {n} FETCH (UID {} FLAGS (\\Seen NonJunk $Label1))\r\n", n * 3));
    bench(bencher, &stream, 200_000);
}

#[divan::bench(sample_count = 20)]
fn body_of_50_mb(bencher: Bencher<'_, '_>) {
    let octets = 50 << 20;
    let body = "The quick brown fox jumps over the lazy dog, and so on.\r\n".repeat(octets / 57 + 1);
    let stream = format!("* 1 FETCH (UID 1 BODY[] {{{octets}}}\r\n{} FLAGS ())\r\n", &body[..octets]).into_bytes();
    bench(bencher, &stream, 1);
}

#[divan::bench(sample_count = 20)]
fn small_bodies(bencher: Bencher<'_, '_>) {
    let body = "Subject: x\r\n\r\nhello there\r\n".repeat(40);
    let message = |n: u32| format!("* {n} FETCH (UID {n} BODY[] {{{}}}\r\n{body})\r\n", body.len());
    let stream = (1..=20_000).map(message).collect::<String>().into_bytes();
    bench(bencher, &stream, 20_000);
}

#[divan::bench(sample_count = 20)]
fn search_of_a_million(bencher: Bencher<'_, '_>) {
    let numbers: String = (1..=1_000_000).map(|n| format!(" {n}")).collect();
    bench(bencher, format!("* SEARCH{numbers}\r\n").as_bytes(), 1_000_000);
}
