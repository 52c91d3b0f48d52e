//! Every line that servers are known to send is accepted, and means what it should.
#![allow(clippy::unwrap_used, clippy::panic)]

mod wire;

use offlinesync_core::{Flags, SystemFlags, Uid};
use offlinesync_imap::codec::response::*;
use wire::lines::LINES;
use wire::{one, response};

fn data(line: &str) -> Data {
    match response(line) {
        Response::Data(data) => data,
        other => panic!("{line}: {other:?}"),
    }
}

fn fetch(attributes: &str) -> Fetch {
    match data(&format!("* 1 FETCH ({attributes})")) {
        Data::Fetch(fetch) => fetch,
        other => panic!("{attributes}: {other:?}"),
    }
}

fn status(line: &str) -> StatusResponse {
    match response(line) {
        Response::Status(status) | Response::Tagged(Tagged { status, .. }) => status,
        other => panic!("{line}: {other:?}"),
    }
}

fn code(code: &str) -> Code {
    let found = status(&format!("* OK [{code}] text"));
    assert_eq!(&*found.text, "text", "{code}");
    found.code.unwrap()
}

fn uids(ranges: &[(u32, u32)]) -> Vec<(Uid, Uid)> {
    ranges.iter().map(|(a, b)| (Uid::new(*a).unwrap(), Uid::new(*b).unwrap())).collect()
}

fn boxed(words: &[&str]) -> Vec<Box<str>> {
    words.iter().map(|w| Box::from(*w)).collect()
}

#[test]
fn every_line_is_one_response_of_the_kind_it_seems_to_be() {
    // Data that nobody here has a use for.
    let others = ["ID", "QUOTA", "QUOTAROOT", "METADATA", "ACL", "MYRIGHTS", "XFOO", "SORT", "THREAD"];
    for line in LINES {
        let shown = String::from_utf8_lossy(line);
        match one(line) {
            Ok(Response::Data(Data::Other(name, _))) => assert!(others.contains(&&*name), "{shown}: {name}"),
            Ok(Response::Status(StatusResponse { code: Some(Code::Other(name, raw)), .. })) => {
                assert!(!["APPENDUID", "COPYUID", "MODIFIED"].contains(&&*name), "{shown}: {raw:?}");
            }
            Ok(_) => {}
            Err(seen) => panic!("{shown}: {seen:?}"),
        }
    }
}

#[test]
fn every_fetch_line_tells_its_uid() {
    for line in LINES {
        let Ok(Response::Data(Data::Fetch(fetch))) = one(line) else { continue };
        let upper = line.to_ascii_uppercase();
        let named = upper.windows(5).any(|w| w.starts_with(b"UID ") && w != b"UID 0");
        assert_eq!(
            fetch.uid.is_some(),
            named || upper.starts_with(b"* 25996 UIDF"),
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

#[test]
fn spaces_and_case_do_not_matter() {
    let plain = fetch("FLAGS (\\Seen) UID 7");
    for odd in ["FLAGS (\\Seen)  UID 7", " FLAGS (\\Seen) UID 7", "FLAGS ( \\Seen ) UID 7 ", "flags (\\seen) uid 7"] {
        assert_eq!(fetch(odd), plain, "{odd}");
    }
    assert_eq!(one(b" *  1  FETCH  (FLAGS (\\Seen) UID 7) \n").unwrap(), Response::Data(Data::Fetch(plain)));
}

#[test]
fn a_fetch_attribute_that_is_odd_leaves_the_others() {
    for odd in [
        "INTERNALDATE NIL",
        "INTERNALDATE \"\"",
        "RFC822.SIZE -1",
        "MODSEQ NIL",
        "MODSEQ (x)",
        "MODSEQ ()",
        "MODSEQ (99999999999999999999)",
        "X-FOO (a (b c) \"d)\")",
        "ANNOTATION (/comment (value.priv \"My comment\" value.shared NIL))",
        "PREVIEW \"a) b\"",
        "THREADID NIL",
        "EMAILID NIL",
        "BINARY.SIZE[1] 5",
        "BODY (\"TEXT\" \"PLAIN\" NIL)",
        "BODY[1.2.MIME] {2}\r\n\r\n",
        "BODY[1.HEADER] NIL",
        "SAVEDATE \"17-Jul-1996 02:44:25 -0700\"",
    ] {
        let fetch = fetch(&format!("{odd} UID 7 FLAGS (\\Seen)"));
        let expected =
            Fetch { seq: 1, uid: Uid::new(7), flags: Some(Flags::system(SystemFlags::SEEN)), ..Fetch::default() };
        assert_eq!(fetch, expected, "{odd}");
    }
}

#[test]
fn fetch_attributes_have_their_values() {
    let all = fetch(
        "UID 7 FLAGS () MODSEQ (18446744073709551614) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 5000000000 \
         EMAILID (M6d99) X-GM-MSGID 1278455344230334866 BODY[HEADER.FIELDS (\"Message-Id\" X)] {2}\r\n\r\n BODY[] NIL \
         X-GM-LABELS (\\Inbox \"a \\\"b\\\"\" &AOk-t&AOk- {1}\r\n) a%b)",
    );
    assert_eq!(all.mod_seq, Some(u64::MAX - 1));
    assert_eq!(all.date.map(|d| (d.seconds, d.zone_minutes)), Some((837_596_665, -420)));
    assert_eq!(all.size, Some(5_000_000_000));
    assert_eq!(all.email_id.as_deref(), Some("M6d99"));
    assert_eq!((all.body, all.flags), (Body::Nil, Some(Flags::default())));
    let labels = all.labels.unwrap();
    let labels: Vec<_> = labels.iter().map(|l| std::str::from_utf8(l).unwrap()).collect();
    assert_eq!(labels, ["\\Inbox", "a \"b\"", "&AOk-t&AOk-", ")", "a%b"]);
    assert_eq!(fetch("X-GM-MSGID 1278455344230334866").email_id.as_deref(), Some("1278455344230334866"));
    assert_eq!(fetch("MODSEQ (0)").mod_seq, None);
}

#[test]
fn bodies_come_in_every_form() {
    let inline = |text: &str| Body::Inline(text.as_bytes().into());
    assert_eq!(fetch("BODY[] \"abc \\\"q\\\" x\"").body, inline("abc \"q\" x"));
    assert_eq!(fetch("BODY[] \"\"").body, inline(""));
    assert_eq!(fetch("RFC822 NIL").body, Body::Nil);
    assert_eq!(fetch("UID 7 BODY[]").body, Body::Nil, "forgotten by the server");
    assert_eq!(fetch("BODY[] UID 7").uid, Uid::new(7), "forgotten by the server");
    assert_eq!(fetch("UID 7 BINARY[] ~{5}\r\nhe\0lo FLAGS ()").body, inline("he\0lo"));
    assert_eq!(fetch("BODY[]{0}\r\n").body, inline(""));
    assert_eq!(fetch("BODY[HEADER] {4}\r\na\r\n\r").header.as_deref(), Some(&b"a\r\n\r"[..]));
    assert_eq!(fetch("RFC822.HEADER {5}\r\nhello").header.as_deref(), Some(&b"hello"[..]));
}

#[test]
fn flags_survive_odd_neighbours() {
    let flags = |list: &str| fetch(&format!("FLAGS {list}")).flags.unwrap();
    let seen = |keywords: &[&str]| Flags { system: SystemFlags::SEEN, keywords: keywords.iter().copied().collect() };
    assert_eq!(flags("(\\Seen B\u{fc}ro)"), seen(&[]));
    assert_eq!(flags("(100% \\Seen a{b} \"a b\" \\ \\* \\Recent ok)"), seen(&["ok"]));
    assert_eq!(flags("(\"\\\\Seen\" \"ok\" NIL {2}\r\nab)"), seen(&["ok", "ab"]));
    assert_eq!(flags("(OIB-Seen-[Gmail]/All \\SEEN a~b c&d e+f g:h i,j 123)"), {
        seen(&["OIB-Seen-[Gmail]/All", "a~b", "c&d", "e+f", "g:h", "i,j", "123"])
    });
    assert_eq!(flags("(x (y) \\Seen)"), seen(&["x"]));
    assert_eq!(flags("NIL"), Flags::default());
    assert_eq!(flags("\\Seen"), seen(&[]));
    assert_eq!(flags("($FORWARDED \\Seen)").system, SystemFlags::SEEN.union(SystemFlags::FORWARDED));
    let latin1 = one(b"* 1 FETCH (FLAGS (\\Seen B\xfcro) UID 1)\r\n");
    assert!(matches!(latin1, Ok(Response::Data(Data::Fetch(fetch))) if fetch.flags == Some(seen(&[]))));
    let open = one(b"* 1 FETCH (UID 1 FLAGS (\\Seen\r\n");
    assert!(matches!(open, Ok(Response::Data(Data::Fetch(Fetch { flags: None, .. })))), "half a list is none");
}

#[test]
fn codes_have_their_values() {
    for (text, expected) in [
        ("HIGHESTMODSEQ 715194045007", Code::HighestModSeq(715_194_045_007)),
        ("HIGHESTMODSEQ 0", Code::HighestModSeq(0)),
        ("NOMODSEQ", Code::NoModSeq),
        ("closed", Code::Closed),
        ("UIDVALIDITY 3857529045", Code::UidValidity(3_857_529_045)),
        ("UIDNEXT 4392", Code::UidNext(4392)),
        ("UIDNEXT 0", Code::Other("UIDNEXT".into(), b"0".as_slice().into())),
        ("APPENDUID 38505 3955", Code::AppendUid { uid_validity: 38505, uids: uids(&[(3955, 3955)]) }),
        (
            "APPENDUID 38505 3955:3957,3960",
            Code::AppendUid { uid_validity: 38505, uids: uids(&[(3955, 3957), (3960, 3960)]) },
        ),
        (
            "COPYUID 38505 304,320:319 3956:3958",
            Code::CopyUid { uid_validity: 38505, from: uids(&[(304, 304), (319, 320)]), to: uids(&[(3956, 3958)]) },
        ),
        ("COPYUID 38505  ", Code::CopyUid { uid_validity: 38505, from: vec![], to: vec![] }),
        ("COPYUID 38505 1:* 2", Code::Other("COPYUID".into(), b"38505 1:* 2".as_slice().into())),
        ("MODIFIED 7:9,12", Code::Modified(uids(&[(7, 9), (12, 12)]))),
        ("CAPABILITY IMAP4rev2  AUTH=plain ", Code::Capability(boxed(&["IMAP4REV2", "AUTH=PLAIN"]))),
        ("MAILBOXID (F2212ea87)", Code::MailboxId("F2212ea87".into())),
        ("WEBALERT https://x/y", Code::Other("WEBALERT".into(), b"https://x/y".as_slice().into())),
        ("BADCHARSET (UTF-8 \"a]b\")", Code::Other("BADCHARSET".into(), b"(UTF-8 \"a]b\")".as_slice().into())),
        ("UNSEEN 0", Code::Other("UNSEEN".into(), b"0".as_slice().into())),
        ("PARSEX", Code::Other("PARSEX".into(), Box::default())),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn permanent_flags_say_whether_any_keyword_can_be_made() {
    let flags = |system, keywords: &[&str]| Flags { system, keywords: keywords.iter().copied().collect() };
    let seen_deleted = SystemFlags::SEEN.union(SystemFlags::DELETED);
    for (text, flags, any_keyword) in [
        ("PERMANENTFLAGS (\\Deleted \\Seen \\*)", flags(seen_deleted, &[]), true),
        ("PERMANENTFLAGS ()", Flags::default(), false),
        ("PERMANENTFLAGS (a]b \\*)", flags(SystemFlags::NONE, &["a]b"]), true),
    ] {
        assert_eq!(code(text), Code::PermanentFlags { flags, any_keyword });
    }
}

#[test]
fn texts_are_read_with_and_without_code() {
    for (line, condition, has_code, text) in [
        ("* OK [ALERT]text", Condition::Ok, true, "text"),
        ("* OK [ALERT]é", Condition::Ok, true, "é"),
        ("* OK text [x] y", Condition::Ok, false, "text [x] y"),
        ("* OK [foo bar", Condition::Ok, false, "[foo bar"),
        ("* ok Grüße ", Condition::Ok, false, "Grüße"),
        ("*  OK hi", Condition::Ok, false, "hi"),
        ("* BYE", Condition::Bye, false, ""),
        ("* PREAUTH x", Condition::Preauth, false, "x"),
        ("A1 OK", Condition::Ok, false, ""),
        ("A1 no [INUSE]", Condition::No, true, ""),
        ("A1 BAD {5}", Condition::Bad, false, "{5}"),
    ] {
        let status = status(line);
        assert_eq!((status.condition, status.code.is_some(), &*status.text), (condition, has_code, text), "{line}");
    }
    let latin1 = one(b"* OK Gr\xfc\xdfe\r\n").unwrap();
    assert!(matches!(latin1, Response::Status(status) if &*status.text == "Gr\u{fffd}\u{fffd}e"));
}

#[test]
fn tags_and_continuations_are_kept() {
    assert!(matches!(response("a.1 OK x"), Response::Tagged(tagged) if &*tagged.tag == "a.1"));
    for (line, rest) in [("+", ""), ("+ ", ""), ("+ idling", "idling"), ("+idling", "idling"), ("+ PDE=", "PDE=")] {
        assert_eq!(response(line), Response::Continue(rest.as_bytes().into()), "{line}");
    }
    assert!(one(b"A1 PREAUTH x\r\n").is_err());
    assert!(one(b"A1 FETCH x\r\n").is_err());
}

#[test]
fn mailboxes_are_listed_with_their_raw_names() {
    let separator = |s: &str| s.chars().next();
    for (line, attributes, separated, name) in [
        ("(\\HasNoChildren) \"/\" INBOX", &["\\HasNoChildren"][..], separator("/"), "INBOX"),
        ("(\\Noselect) NIL foo", &["\\Noselect"], None, "foo"),
        ("() \"/\" \"a \\\"b\\\" \\\\c\"", &[], separator("/"), "a \"b\" \\c"),
        ("() \"\\\\\" \"a\\\\b\"", &[], separator("\\"), "a\\b"),
        ("() \"\\\\\" a\\b", &[], separator("\\"), "a\\b"),
        ("() \"/\" Entwürfe", &[], separator("/"), "Entwürfe"),
        ("() \"/\" {6}\r\na b\"c\\", &[], separator("/"), "a b\"c\\"),
        ("() \"/\" ~{3}\r\na b", &[], separator("/"), "a b"),
        ("() \"/\" {0}\r\n", &[], separator("/"), ""),
        ("() \"/\" [Gmail]/Trash", &[], separator("/"), "[Gmail]/Trash"),
        ("() \"/\" 100%", &[], separator("/"), "100%"),
        ("() \"/\" Sent Items", &[], separator("/"), "Sent Items"),
        ("() \"/\" Sent (2)", &[], separator("/"), "Sent (2)"),
        ("() \"/\" NIL", &[], separator("/"), "NIL"),
        ("() \"/\" \"\"", &[], separator("/"), ""),
        ("() \"\" \"x\"", &[], None, "x"),
        ("(\\Subscribed) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))", &["\\Subscribed"], separator("/"), "Foo"),
        ("() \"/\" new (\"OLDNAME\" (\"old\"))", &[], separator("/"), "new"),
        ("(\\AllMail HasNoChildren)  \"/\"  Foo ", &["\\AllMail", "HasNoChildren"], separator("/"), "Foo"),
    ] {
        let entry = ListEntry { attributes: boxed(attributes), separator: separated, name: name.as_bytes().into() };
        assert_eq!(data(&format!("* LIST {line}")), Data::List(entry.clone()), "{line}");
        assert_eq!(data(&format!("* LSUB {line}")), Data::Lsub(entry), "{line}");
    }
    let latin1 = one(b"* LIST () \"/\" \"Entw\xfcrfe\"\r\n").unwrap();
    assert!(matches!(latin1, Response::Data(Data::List(entry)) if *entry.name == *b"Entw\xfcrfe"));
    let nul = one(b"* LIST () \"/\" \"a\x00b\"\r\n").unwrap();
    assert!(matches!(nul, Response::Data(Data::List(entry)) if *entry.name == *b"a\0b"));
}

#[test]
fn a_status_tells_what_it_can() {
    let status = |line: &str| match data(&format!("* STATUS {line}")) {
        Data::Status(status) => status,
        other => panic!("{other:?}"),
    };
    let all = status(
        "\"INBOX\" (MESSAGES 231 UIDNEXT 44292 UIDVALIDITY 1 UNSEEN 3 HIGHESTMODSEQ 7011231777 SIZE 42123456789 \
         MAILBOXID (F22) APPENDLIMIT NIL DELETED 4) ",
    );
    let expected = MailboxStatus {
        name: b"INBOX".as_slice().into(),
        messages: Some(231),
        uid_next: Some(44292),
        uid_validity: Some(1),
        unseen: Some(3),
        highest_mod_seq: Some(7_011_231_777),
        size: Some(42_123_456_789),
        mailbox_id: Some("F22".into()),
    };
    assert_eq!(all, expected);
    assert_eq!(*status("Sent Items (1) (MESSAGES 1 MAILBOXID (F))").name, *b"Sent Items (1)");
    assert_eq!(*status("{3}\r\na b (MESSAGES 1)").name, *b"a b");
    assert_eq!(status("x (UIDNEXT 0 UIDVALIDITY 5000000000)"), status("x ()"));
}

#[test]
fn removed_messages_are_those_that_were_named() {
    for (line, earlier, expected) in [
        ("300:310,405", false, uids(&[(300, 310), (405, 405)])),
        ("(EARLIER) 310:300", true, uids(&[(300, 310)])),
        ("(EARLIER) 300:*", true, vec![]),
        ("(EARLIER) 1,300:*,5", true, uids(&[(1, 1), (5, 5)])),
        ("(EARLIER) ", true, vec![]),
    ] {
        assert_eq!(data(&format!("* VANISHED {line}")), Data::Vanished { earlier, uids: expected }, "{line}");
    }
    assert_eq!(data("* 44 EXPUNGE"), Data::Expunge(44));
}

#[test]
fn a_search_is_read_to_its_end_or_not_at_all() {
    let found = |numbers: &[u32], mod_seq| Data::Search { numbers: numbers.to_vec(), mod_seq };
    assert_eq!(data("* SEARCH 2  84 882 "), found(&[2, 84, 882], None));
    assert_eq!(data("* SEARCH"), found(&[], None));
    assert_eq!(data("* SEARCH 2 5 6 (MODSEQ 917162500)"), found(&[2, 5, 6], Some(917_162_500)));
    for bad in ["1 x 2", "1 4294967296", "1 -2", "1,2", "1 (MODSEQ 1", "1 (FOO 2)", "1)"] {
        assert!(one(format!("* SEARCH {bad}\r\n").as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn an_extended_search_is_read_to_its_end_or_not_at_all() {
    let found = |line: &str| match data(&format!("* ESEARCH {line}")) {
        Data::ESearch(found) => found,
        other => panic!("{other:?}"),
    };
    let all = ESearch {
        tag: Some("A282".into()),
        uid: true,
        min: Some(2),
        max: Some(9),
        count: Some(3),
        all: vec![(4, 18), (21, 21)],
        mod_seq: Some(1236),
    };
    assert_eq!(found("(TAG \"A282\") UID MIN 2 MAX 9 COUNT 3 ALL 18:4,21 MODSEQ 1236"), all);
    assert_eq!(found("(TAG A282) UID"), ESearch { tag: Some("A282".into()), uid: true, ..ESearch::default() });
    assert_eq!(found("PARTIAL (-1:-100 200:250) COUNT 1"), ESearch { count: Some(1), ..ESearch::default() });
    for bad in ["ALL 1,x", "ALL 1:*", "ALL (1:3)", "COUNT x", "(TAG \"a\""] {
        assert!(one(format!("* ESEARCH {bad}\r\n").as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn capabilities_and_namespaces_are_listed() {
    assert_eq!(
        data("* capability imap4rev1  X-FOO[1] AUTH= "),
        Data::Capability(boxed(&["IMAP4REV1", "X-FOO[1]", "AUTH="]))
    );
    assert_eq!(data("* ENABLED"), Data::Enabled(vec![]));
    let namespace = |prefix: &[u8], separator| Namespace { prefix: prefix.into(), separator };
    assert_eq!(
        data("* NAMESPACE ((\"\" \"/\" \"X-PARAM\" (\"F1\" \"F2\"))) ((\"~\" NIL)) NIL"),
        Data::Namespace {
            personal: vec![namespace(b"", Some('/'))],
            other: vec![namespace(b"~", None)],
            shared: vec![]
        }
    );
}

#[test]
fn what_nobody_knows_is_handed_on_raw() {
    let other = |name: &str, rest: &[u8]| Data::Other(name.into(), rest.into());
    assert_eq!(data("* ID (\"name\" {3}\r\nfoo)"), other("ID", b"(\"name\" {3}\r\nfoo)"));
    assert_eq!(data("* xfoo (a b) \"c\" "), other("XFOO", b"(a b) \"c\""));
    assert_eq!(data("* 5 XFOO bar"), other("XFOO", b"bar"));
}

#[test]
fn lists_that_are_absurdly_long_are_refused() {
    let words = " a".repeat(5000);
    for line in [
        format!("* 1 FETCH (FLAGS ({words}))"),
        format!("* 1 FETCH (X-GM-LABELS ({words}))"),
        format!("* CAPABILITY {words}"),
        format!("* LIST ({words}) \"/\" x"),
        format!("A1 OK [PERMANENTFLAGS ({words})] x"),
    ] {
        assert!(one(format!("{line}\r\n").as_bytes()).is_err());
    }
}

#[test]
fn nesting_of_any_depth_is_passed_over() {
    let deep = format!("* 1 FETCH (BODYSTRUCTURE {}{} UID 7)", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(data(&deep), Data::Fetch(fetch) if fetch.uid == Uid::new(7)));
}
