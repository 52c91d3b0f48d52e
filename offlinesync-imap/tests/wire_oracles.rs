//! Where another parser accepts a response, ours reads the same in it, but for the faults of the others that are written here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod oracle;
mod wire;

use arbitrary::{Arbitrary, Unstructured};
use imap_codec::ResponseCodec;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::response::Response;
use oracle::{Meaning, common};
use std::collections::BTreeMap;
use wire::lines::LINES;
use wire::one;

/// Lines that imap-proto accepts and reads wrongly, and how.
const FAULTS_OF_IMAP_PROTO: &[(&[u8], &str)] = &[
    (b"* 1 FETCH (RFC822.SIZE 5000000000 UID 1)\r\n", "a size beyond 32 bits is left out"),
    (b"* 1 FETCH (UID 1 BODY[] \"abc \\\"q\\\" x\")\r\n", "escapes stay"),
    (b"* 1 FETCH (X-GM-LABELS (\"\\\\Important\" \"a \\\"b\\\"\") UID 1)\r\n", "escapes stay"),
    (b"* 1 FETCH (X-GM-LABELS ({3}\r\nabc) UID 1)\r\n", "all labels are left out"),
    (b"* 1 FETCH (X-GM-LABELS (\\Starred a%b) UID 1)\r\n", "all labels are left out"),
    (b"* 1 FETCH (FLAGS (\\Seen B\xc3\xbcro) UID 1)\r\n", "a keyword that cannot be sent back"),
    (b"* 1 FETCH (FLAGS (\\Seen B\xfcro) UID 1)\r\n", "all flags are left out"),
    (b"* 1 FETCH (FLAGS (100%) UID 1)\r\n", "all flags are left out"),
    (b"* 1 FETCH (FLAGS (a{b}) UID 1)\r\n", "all flags are left out"),
    (b"* 1 FETCH (FLAGS (\"a b\") UID 1)\r\n", "all flags are left out"),
    (b"* 1 FETCH (FLAGS NIL UID 1)\r\n", "flags are left out"),
    (b"* LIST () \"/\" \"a \\\"b\\\" \\\\c\"\r\n", "escapes stay"),
    (b"* LIST () \"\\\\\" \"a\\\\b\"\r\n", "escapes stay"),
    (b"* LIST () \"/\" \"Entw\xfcrfe\"\r\n", "the name cannot be recovered"),
    (b"* LSUB () \".\" #news.comp.mail.misc\r\n", "LSUB passes for LIST"),
    (b"* STATUS foo (UIDNEXT 0 UIDVALIDITY 0)\r\n", "0 passes for a number of its kind"),
    (b"* OK [ALERT]text\r\n", "a letter is lost"),
    (b"* ENABLED CONDSTORE QRESYNC\r\n", "ENABLED passes for CAPABILITY"),
    (b"* ENABLED\r\n", "ENABLED passes for CAPABILITY"),
];

/// Compares every line that `parse` accepts; answers how many that were, and the lines read otherwise.
fn compare(parse: fn(&[u8]) -> Result<Meaning, ()>) -> (usize, Vec<&'static [u8]>) {
    let mut compared = 0;
    let mut different = Vec::new();
    for line in LINES {
        let Ok(Some(theirs)) = parse(line) else { continue };
        compared += 1;
        let (ours, theirs) = common(one(line).unwrap(), theirs);
        if ours != theirs {
            println!("{}\n  ours   {ours:?}\n  theirs {theirs:?}", line.escape_ascii());
            different.push(*line);
        }
    }
    (compared, different)
}

#[test]
fn imap_proto_agrees_but_for_its_faults() {
    let (compared, different) = compare(oracle::proto::parse);
    assert!(compared > 150, "{compared}");
    let faults: Vec<&[u8]> = FAULTS_OF_IMAP_PROTO.iter().map(|(line, _)| *line).collect();
    assert_eq!(different, faults);
}

#[test]
fn imap_codec_agrees() {
    let (compared, different) = compare(oracle::codec::parse);
    assert!(compared > 100, "{compared}");
    assert_eq!(different, [b""; 0]);
}

/// Octets without order, always the same.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// What kind of response this is, so that it is known which kinds were compared.
fn kind(response: &Response<'_>) -> String {
    let text = match response {
        Response::Data(data) => format!("{data:?}"),
        Response::Status(status) => format!("{status:?}"),
        Response::CommandContinuationRequest(_) => "Continue".to_owned(),
    };
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

#[test]
fn what_imap_codec_writes_is_read_as_it_was_meant() {
    let mut kinds = BTreeMap::<String, usize>::new();
    for seed in 0..20_000 {
        let noise = noise(seed, 2000);
        let Ok(response) = Response::arbitrary(&mut Unstructured::new(&noise)) else { continue };
        let Some(theirs) = oracle::codec::meaning(&response) else { continue };
        let wire = ResponseCodec::default().encode(&response).dump();
        let ours = one(&wire).unwrap_or_else(|seen| panic!("{}: {seen:?}", wire.escape_ascii()));
        let (ours, theirs) = common(ours, theirs);
        assert_eq!(ours, theirs, "{}", wire.escape_ascii());
        *kinds.entry(kind(&response)).or_default() += 1;
    }
    let read = [
        "Capability",
        "Enabled",
        "Fetch",
        "Flags",
        "List",
        "Lsub",
        "Namespace",
        "Search",
        "Status",
        "Tagged",
        "Vanished",
    ];
    for kind in read {
        assert!(kinds.get(kind).is_some_and(|n| *n > 20), "{kind}: {kinds:?}");
    }
}
