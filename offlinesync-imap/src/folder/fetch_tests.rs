//! How servers answer for bodies, well and badly, and what the sink gets of it.

use super::{Bodies, Late};
use crate::folder::headers::HeaderBlocks;
use crate::script::Script;
use offlinesync_core::{Error, ErrorKind, Incoming, LineEnding, MessageId, Result, Sink, Uid, UidValidity};

/// Writes down what it is given; refuses the message with this UID.
#[derive(Default)]
struct Notes {
    text: String,
    refuses: Option<&'static str>,
}

impl Sink for Notes {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        let date = message.date.map_or("undated".to_owned(), |date| date.seconds.to_string());
        self.text += &format!("{}/{}/{date}[", message.id, message.octets);
        if self.refuses == Some(&message.id.to_string()) {
            return Err(Error::new(ErrorKind::Storage, "no space left"));
        }
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.text += std::str::from_utf8(bytes).unwrap();
        Ok(())
    }
    fn end(&mut self) -> Result<()> {
        self.text += "] ";
        Ok(())
    }
    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        let told = error.to_string();
        self.text += &format!("{id} failed: {}; ", told.strip_prefix("r: ").expect("the place comes first"));
        Ok(())
    }
}

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().filter_map(|number| Uid::new(*number)).collect()
}

fn fetch_into(notes: &mut Notes, numbers: &[u32], form: LineEnding, late: Late, script: &str) -> (Late, Result<()>) {
    let mut script = Script::new("", script);
    let mut bodies = Bodies::new(&uids(numbers), form, Some(UidValidity(7)), late, notes).at("r".to_owned());
    let result = script.run(&mut bodies);
    script.finish();
    (bodies.late(), if bodies.has_stopped() { bodies.finish() } else { result })
}

#[track_caller]
fn assert_fetched(numbers: &[u32], script: &str, expected: &str) -> Late {
    let mut notes = Notes::default();
    let (late, result) = fetch_into(&mut notes, numbers, LineEnding::Lf, Late::Nothing, script);
    result.unwrap();
    assert_eq!(notes.text.trim_end(), expected);
    late
}

const EPOCH: &str = "INTERNALDATE \"01-Jan-1970 00:00:09 +0000\"";

#[test]
fn bodies_flow_into_the_sink_in_the_form_it_wants() {
    let script = format!(
        "= exists 2
         > UID FETCH 3,5 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{6}}
         < a
         < b)
         < * 2 FETCH (UID 5 {EPOCH} BODY[] \"short\" FLAGS ())
         < 0 OK done"
    );
    let script = script.replace("{6}", "{4}");
    assert_fetched(&[5, 3], &script, "3/4/9[a\nb] 5/5/9[short]");
    let mut notes = Notes::default();
    let (_, result) = fetch_into(&mut notes, &[3, 5], LineEnding::Crlf, Late::Nothing, &script);
    result.unwrap();
    assert_eq!(notes.text, "3/4/9[a\r\nb] 5/5/9[short] ");
}

#[test]
fn a_message_the_server_does_not_answer_for_is_gone() {
    let script = "= exists 1\n> UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])\n< 0 OK done";
    assert_fetched(&[3], script, "3 failed: message 3 is gone: the server did not answer for it;");
}

#[test]
fn a_message_without_content_is_asked_for_once_more_and_then_fails() {
    for answer in ["BODY[] NIL", "FLAGS ()"] {
        let script = format!(
            "= exists 2
             > UID FETCH 3:4 (UID INTERNALDATE BODY.PEEK[])
             < * 1 FETCH (UID 3 {EPOCH} {answer})
             < * 2 FETCH (UID 4 {EPOCH} BODY[] {{2}}
             < ok)
             < 0 OK done
             > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
             < * 1 FETCH (UID 3 {EPOCH} {answer})
             < 1 OK done"
        );
        let mut notes = Notes::default();
        let (_, result) = fetch_into(&mut notes, &[3, 4], LineEnding::Lf, Late::Nothing, &script);
        result.unwrap();
        assert!(
            notes.text.starts_with("4/2/9[ok] 3 failed: message 3 could not be read: the server "),
            "{}",
            notes.text
        );
    }
}

#[test]
fn an_empty_message_is_believed_only_with_size_zero() {
    let script = |size: u32| {
        format!(
            "= exists 1
             > UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])
             < * 1 FETCH (UID 3 {EPOCH} BODY[] \"\")
             < 0 OK done
             > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
             < * 1 FETCH (UID 3 {EPOCH} RFC822.SIZE {size} BODY[] {{0}}
             < )
             < 1 OK done"
        )
    };
    assert_fetched(&[3], &script(0), "3/0/9[]");
    assert_fetched(&[3], &script(70), "3 failed: message 3 could not be read: the server sent it without content;");
}

#[test]
fn a_refused_command_is_repeated_message_by_message() {
    let script = format!(
        "= exists 2
         > UID FETCH 3:4 (UID INTERNALDATE BODY.PEEK[])
         < 0 NO [SERVERBUG2] cannot parse one of them
         > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         > UID FETCH 4 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         < 1 NO broken
         < * 2 FETCH (UID 4 {EPOCH} BODY[] {{2}}
         < ok)
         < 2 OK done"
    );
    assert_fetched(
        &[3, 4],
        &script,
        "3 failed: message 3 could not be read: the server answered: NO broken; 4/2/9[ok]",
    );
}

#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    let script = "= exists 2\n> UID FETCH 3:4 (UID INTERNALDATE BODY.PEEK[])\n< 0 NO [LIMIT] rate limit hit";
    let mut notes = Notes::default();
    let (_, result) = fetch_into(&mut notes, &[3, 4], LineEnding::Lf, Late::Nothing, script);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(notes.text, "");
}

#[test]
fn a_uid_behind_the_body_is_learned_and_the_message_asked_for_alone() {
    let script = format!(
        "= exists 2
         > UID FETCH 3:4 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH ({EPOCH} BODY[] {{3}}
         < one UID 3)
         < * 2 FETCH ({EPOCH} BODY[] {{3}}
         < two UID 4)
         < 0 OK done
         > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         > UID FETCH 4 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         < * 1 FETCH (BODY[] {{3}}
         < one UID 3)
         < 1 OK done
         < * 2 FETCH (BODY[] {{3}}
         < two UID 4)
         < 2 OK done"
    );
    assert_eq!(assert_fetched(&[3, 4], &script, "3/3/9[one] 4/3/9[two]"), Late::Uid);
}

#[test]
fn once_known_a_late_uid_costs_no_second_download() {
    let script = format!(
        "= exists 2
         > UID FETCH 3:4 (UID INTERNALDATE)
         > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         > UID FETCH 4 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         < * 1 FETCH (UID 3 {EPOCH})
         < * 2 FETCH (UID 4 {EPOCH})
         < 0 OK done
         < * 1 FETCH (BODY[] {{3}}
         < one UID 3)
         < 1 OK done
         < 2 OK expunged meanwhile"
    );
    let mut notes = Notes::default();
    let (_, result) = fetch_into(&mut notes, &[3, 4], LineEnding::Lf, Late::Uid, &script);
    result.unwrap();
    assert!(notes.text.starts_with("3/3/9[one] 4 failed: message 4 is gone"), "{}", notes.text);
}

#[test]
fn a_date_behind_the_body_is_not_lost() {
    let script = format!(
        "= exists 1
         > UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH (UID 3 BODY[] {{3}}
         < one {EPOCH})
         < 0 OK done
         > UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])
         < * 1 FETCH (UID 3 BODY[] {{3}}
         < one {EPOCH})
         < 1 OK done"
    );
    assert_eq!(assert_fetched(&[3], &script, "3/3/9[one]"), Late::Date);
}

#[test]
fn bodies_that_nobody_asked_for_are_dropped() {
    let script = format!(
        "= exists 2
         > UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])
         < * 9 FETCH (UID 99 {EPOCH} BODY[] {{5}}
         < other)
         < * 1 FETCH (UID 3 FLAGS (\\Seen))
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{3}}
         < one)
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{5}}
         < again)
         < 0 OK done"
    );
    assert_fetched(&[3], &script, "3/3/9[one]");
}

#[test]
fn an_error_of_the_sink_ends_the_call_and_small_leftovers_are_read_off() {
    let script = format!(
        "= exists 2
         > UID FETCH 3:4 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{3}}
         < one)
         < * 2 FETCH (UID 4 {EPOCH} BODY[] {{3}}
         < two)
         < 0 OK done"
    );
    let mut notes = Notes { refuses: Some("3"), ..Notes::default() };
    let (_, result) = fetch_into(&mut notes, &[3, 4], LineEnding::Lf, Late::Nothing, &script);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(notes.text, "3/3/9[", "nothing after the error");
}

#[test]
fn an_error_of_the_sink_before_a_large_body_does_not_wait_for_it() {
    let script = format!(
        "= exists 2
         > UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{2000000}}"
    );
    let mut notes = Notes { refuses: Some("3"), ..Notes::default() };
    let (_, result) = fetch_into(&mut notes, &[3], LineEnding::Lf, Late::Nothing, &script);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Storage);
}

#[test]
fn another_numbering_delivers_nothing() {
    let script = format!(
        "= exists 1 uidvalidity 8
         > UID FETCH 3 (UID INTERNALDATE BODY.PEEK[])
         < * 1 FETCH (UID 3 {EPOCH} BODY[] {{3}}
         < one)
         < 0 OK done"
    );
    let mut notes = Notes::default();
    let (_, result) = fetch_into(&mut notes, &[3], LineEnding::Lf, Late::Nothing, &script);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Numbering);
    assert_eq!(notes.text, "");
}

#[test]
fn thousands_of_messages_are_asked_for_a_few_slices_at_a_time_in_the_order_given() {
    let numbers: Vec<u32> = (1..=3000).rev().collect();
    let mut notes = Notes::default();
    let script = "= exists 3000
        > UID FETCH 2501:3000 (UID INTERNALDATE BODY.PEEK[])
        > UID FETCH 2001:2500 (UID INTERNALDATE BODY.PEEK[])
        > UID FETCH 1501:2000 (UID INTERNALDATE BODY.PEEK[])
        > UID FETCH 1001:1500 (UID INTERNALDATE BODY.PEEK[])
        < 0 OK done
        > UID FETCH 501:1000 (UID INTERNALDATE BODY.PEEK[])";
    let (_, result) = fetch_into(&mut notes, &numbers, LineEnding::Lf, Late::Nothing, script);
    result.unwrap();
    assert_eq!(notes.text.matches("is gone").count(), 500);
}

fn headers(numbers: &[u32], script: &str) -> Result<Vec<String>> {
    let mut told = Vec::new();
    let mut each = |headers: offlinesync_core::Headers<'_>| {
        let text = String::from_utf8_lossy(headers.header).into_owned();
        told.push(format!("{} {:?} {text:?}", headers.id, headers.octets));
        Ok(())
    };
    let mut script = Script::new("", script);
    let mut blocks = HeaderBlocks::new(&uids(numbers), None, &mut each).at("INBOX".to_owned());
    script.run(&mut blocks)?;
    script.finish();
    let refused = blocks.finish()?;
    told.extend(refused.into_iter().map(|(id, error)| format!("{id}: {error}")));
    Ok(told)
}

#[test]
fn headers_of_the_messages_that_are_there() {
    let told = headers(
        &[3, 4],
        "= exists 1
         > UID FETCH 3:4 (UID RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)
         < * 1 FETCH (UID 3 RFC822.SIZE 20 BODY[HEADER]<0> {6}
         < a: b
         < )
         < 0 OK done
         > UID FETCH 4 (UID RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)
         < 1 OK done",
    );
    assert_eq!(told.unwrap(), ["3 Some(20) \"a: b\\r\\n\""]);
}

#[test]
fn a_header_that_a_server_refuses_is_told() {
    let told = headers(
        &[3, 4],
        "= exists 1
         > UID FETCH 3:4 (UID RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)
         < 0 NO one is broken
         > UID FETCH 3 (UID RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)
         > UID FETCH 4 (UID RFC822.SIZE BODY.PEEK[HEADER]<0.65536>)
         < 1 NO it is this
         < * 2 FETCH (UID 4 RFC822.SIZE 20 BODY[HEADER]<0> \"\")
         < 2 OK done",
    );
    assert_eq!(
        told.unwrap(),
        ["4 Some(20) \"\"", "3: INBOX: headers could not be read: the server answered: NO it is this"]
    );
}
