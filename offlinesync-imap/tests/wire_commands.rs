//! What we write is what another parser reads.
#![allow(clippy::unwrap_used, clippy::panic)]

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{Command as Theirs, CommandBody};
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::flag::Flag;
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};
use offlinesync_core::{Flags, FolderName, InternalDate, Keywords, SystemFlags, Uid};
use offlinesync_imap::codec::encode::Writer;
use offlinesync_imap::codec::mailbox_name::{self, NameForm};
use offlinesync_imap::codec::uidset;
use offlinesync_imap::connection::{Command, Part};
use proptest::prelude::*;

const DECODED: NameForm = NameForm { decoded: true, utf8: false };

fn wire(command: &Command) -> Vec<u8> {
    let mut wire = b"A1 ".to_vec();
    for part in &command.parts {
        match part {
            Part::Text(text) | Part::Secret(text) => wire.extend_from_slice(text),
            Part::Literal(octets) => {
                wire.extend_from_slice(format!("{{{}+}}\r\n", octets.len()).as_bytes());
                wire.extend_from_slice(octets);
            }
        }
    }
    wire.extend_from_slice(b"\r\n");
    wire
}

fn body(command: Writer) -> CommandBody<'static> {
    let wire = wire(&command.finish());
    match CommandCodec::default().decode_static(&wire) {
        Ok(([], Theirs { body, .. })) => body,
        other => panic!("{}: {other:?}", wire.escape_ascii()),
    }
}

fn raw(mailbox: &Mailbox<'_>) -> Vec<u8> {
    match mailbox {
        Mailbox::Inbox => b"INBOX".to_vec(),
        Mailbox::Other(other) => other.as_ref().to_vec(),
    }
}

fn ranges(set: &SequenceSet) -> Vec<(Uid, Uid)> {
    let number = |n: &SeqOrUid| match n {
        SeqOrUid::Value(n) => Uid::new(n.get()).unwrap(),
        SeqOrUid::Asterisk => Uid::MAX,
    };
    let ranges = set.0.as_ref().iter().map(|range| match range {
        Sequence::Single(n) => (number(n), number(n)),
        Sequence::Range(a, b) => (number(a), number(b)),
    });
    uidset::merged(ranges.collect())
}

fn flag_names(flags: &[Flag<'_>]) -> Flags {
    let names: Vec<String> = flags.iter().map(Flag::to_string).collect();
    Flags::from_imap(names.iter().map(String::as_str))
}

fn flags() -> impl Strategy<Value = Flags> {
    let keyword = prop_oneof!["[!#$&'+-Z^-z|}~]{1,8}", any::<String>()];
    (any::<u8>(), proptest::collection::vec(keyword, 0..4)).prop_map(|(bits, keywords)| Flags {
        system: SystemFlags::from_bits(bits),
        keywords: keywords.iter().map(String::as_str).collect::<Keywords>(),
    })
}

/// The flags that can be written. imap-codec reads no `[` and `]` in a keyword, which servers do.
fn writable(flags: &Flags) -> Flags {
    let special = |b: u8| !b.is_ascii_graphic() || b"(){%*\"\\".contains(&b);
    let keywords = flags.keywords.filtered(|k| !k.is_empty() && !k.bytes().any(special));
    Flags { system: flags.system, keywords }
}

proptest! {
    #[test]
    fn names_arrive_as_the_mailbox_they_stand_for(name in any::<String>()) {
        let name = FolderName::new(name);
        let CommandBody::Create { mailbox } = body(Writer::new("CREATE").mailbox(&name, DECODED)) else { panic!() };
        prop_assert_eq!(raw(&mailbox), mailbox_name::encode(&name, DECODED));
    }

    #[test]
    fn raw_names_arrive_octet_for_octet(name in proptest::collection::vec(any::<u8>(), 0..40)) {
        // A literal with NUL is beyond every server (RFC 3501 section 9) and beyond imap-codec.
        prop_assume!(!name.contains(&0));
        let folder = mailbox_name::decode(&name, DECODED);
        let CommandBody::Select { mailbox, .. } = body(Writer::new("SELECT").mailbox(&folder, DECODED)) else { panic!() };
        if !name.eq_ignore_ascii_case(b"INBOX") {
            prop_assert_eq!(raw(&mailbox), name);
        }
    }

    #[test]
    fn sets_arrive_whole(numbers in proptest::collection::btree_set(1u32.., 1..60), limit in 1usize..200) {
        let wanted = uidset::from_sorted(numbers.iter().filter_map(|n| Uid::new(*n)));
        let mut arrived = Vec::new();
        for piece in uidset::pieces(&wanted, limit) {
            let CommandBody::Fetch { sequence_set, uid: true, .. } = body(Writer::new("UID FETCH").set(piece).word("(UID FLAGS)")) else {
                panic!()
            };
            arrived.extend(ranges(&sequence_set));
        }
        prop_assert_eq!(uidset::merged(arrived), wanted);
    }

    #[test]
    fn flags_arrive_but_for_those_that_no_command_can_name(flags in flags()) {
        let writable = writable(&flags);
        prop_assume!(!writable.keywords.iter().any(|k| k.contains(['[', ']'])));
        let store = Writer::new("UID STORE").word("1").word("+FLAGS.SILENT").flags(&flags);
        let CommandBody::Store { flags: arrived, .. } = body(store) else { panic!() };
        prop_assert_eq!(flag_names(&arrived), writable);
    }

    #[test]
    fn dates_and_messages_arrive(seconds in -62_000_000_000i64..253_402_000_000, zone_minutes in -720i16..=840, message in proptest::collection::vec(1u8.., 1..200)) {
        let date = InternalDate { seconds, zone_minutes };
        let append = Writer::new("APPEND").mailbox(&FolderName::from("x"), DECODED).flags(&Flags::default()).date(date).literal(message.clone());
        let CommandBody::Append { date: Some(arrived), message: LiteralOrLiteral8::Literal(octets), .. } = body(append) else { panic!() };
        prop_assert_eq!(arrived.as_ref().timestamp(), seconds);
        prop_assert_eq!(arrived.as_ref().offset().local_minus_utc(), i32::from(zone_minutes) * 60);
        prop_assert_eq!(octets.as_ref(), &message[..]);
    }

    #[test]
    fn secrets_arrive_and_stand_apart(password in "[^\0]{0,30}") {
        let login = Writer::new("LOGIN").string(b"user", false).secret(password.as_bytes());
        let debug = format!("{:?}", login);
        prop_assert!(password.len() < 8 || !debug.contains(&password));
        let shown: Vec<u8> = login.clone().finish().parts.iter().filter_map(|p| match p {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        }).collect::<Vec<_>>().concat();
        prop_assert_eq!(&shown[..], b"LOGIN \"user\" ");
        let CommandBody::Login { password: arrived, .. } = body(login) else { panic!() };
        prop_assert_eq!(arrived.declassify().as_ref(), password.as_bytes());
    }
}
