//! What goes over the wire for a group of messages, and what is made of the answers.

use super::*;
use crate::codec::response::{Code, Condition, StatusResponse};
use offlinesync_core::SystemFlags;
use std::cell::RefCell;
use std::rc::Rc;

/// A wire that writes down what it gets and answers as it is told.
#[derive(Default)]
struct Tape {
    text: Vec<u8>,
    answers: Vec<Tagged>,
    begun: usize,
    answered: usize,
    /// The literal with this number (from 0) is refused.
    refuses: Option<usize>,
    literals: usize,
    opened: usize,
    dropped: usize,
}

struct Recorder(Rc<RefCell<Tape>>, Arc<SessionView>);

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut tape = self.0.borrow_mut();
        tape.dropped += 1;
        // What was begun on this connection is answered for by nobody.
        tape.answered = tape.begun;
    }
}

impl Wire for Recorder {
    fn session(&self) -> Arc<SessionView> {
        Arc::clone(&self.1)
    }
    fn begin_command(&mut self, text: &[u8]) -> Result<()> {
        self.0.borrow_mut().begun += 1;
        self.write(text)
    }
    fn literal(&mut self, octets: u64) -> Result<bool> {
        self.write(format!("{{{octets}+}}").as_bytes())?;
        let mut tape = self.0.borrow_mut();
        tape.literals += 1;
        Ok(tape.refuses != Some(tape.literals - 1))
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.borrow_mut().text.extend_from_slice(bytes);
        Ok(())
    }
    fn end_command(&mut self) -> Result<()> {
        self.write(b"|")
    }
    fn finish(&mut self) -> Result<Vec<Tagged>> {
        let mut tape = self.0.borrow_mut();
        tape.text.push(b'!');
        let (from, to) = (tape.answered, tape.begun);
        tape.answered = to;
        Ok(tape.answers[from..to].to_vec())
    }
}

fn answer(condition: Condition, code: Option<Code>) -> Tagged {
    Tagged { tag: "t".into(), status: StatusResponse { condition, code, text: "said so".into() } }
}

fn append_uid(uid_validity: u32, set: &str) -> Tagged {
    let uids = crate::codec::uidset::parse(set.as_bytes()).unwrap();
    answer(Condition::Ok, Some(Code::AppendUid { uid_validity, uids }))
}

struct Bench {
    tape: Rc<RefCell<Tape>>,
    session: Arc<SessionView>,
    habits: Habits,
}

impl Bench {
    fn new(capabilities: &str, answers: Vec<Tagged>) -> Self {
        let capabilities = capabilities.split_whitespace().map(Into::into).collect();
        Bench {
            tape: Rc::new(RefCell::new(Tape { answers, ..Tape::default() })),
            session: Arc::new(SessionView { capabilities, ..SessionView::default() }),
            habits: Habits::default(),
        }
    }

    fn intake(&mut self) -> Appends<'_> {
        let target = Target {
            name: FolderName::from("box"),
            place: "r: folder box".to_owned(),
            decoded: false,
            numbering: UidValidity(7),
            uid_next: 10,
            support: FlagSupport::default(),
        };
        let (tape, session) = (Rc::clone(&self.tape), Arc::clone(&self.session));
        let connect = move |_| -> Result<Box<dyn Wire>> {
            tape.borrow_mut().opened += 1;
            Ok(Box::new(Recorder(Rc::clone(&tape), Arc::clone(&session))))
        };
        Appends::new(target, &mut self.habits, Box::new(connect))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.tape.borrow().text).into_owned()
    }
}

fn begin_with(intake: &mut Appends<'_>, source: &str, octets: usize, flags: &Flags) -> Result<()> {
    let source = MessageId::Name(source.into());
    intake.begin(&Outgoing { source: &source, flags, date: None, octets: octets as u64 })
}

fn begin(intake: &mut Appends<'_>, source: &str, octets: usize) -> Result<()> {
    begin_with(intake, source, octets, &Flags::system(SystemFlags::SEEN))
}

fn put(intake: &mut Appends<'_>, body: &[u8]) -> Result<()> {
    put_with(intake, body, &Flags::system(SystemFlags::SEEN))
}

fn put_with(intake: &mut Appends<'_>, body: &[u8], flags: &Flags) -> Result<()> {
    begin_with(intake, "source", body.len(), flags)?;
    body.chunks(1000).try_for_each(|chunk| intake.write(chunk))?;
    intake.end()
}

fn told(answers: Vec<Answer>) -> Vec<String> {
    let word = |answer: Answer| match answer {
        Ok(Some(id)) => id.to_string(),
        Ok(None) => "stored".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    answers.into_iter().map(word).collect()
}

#[test]
fn several_messages_go_in_one_command_where_the_server_can() {
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![append_uid(7, "10:11")]);
    let mut intake = bench.intake();
    put(&mut intake, b"one").unwrap();
    put(&mut intake, b"second").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "11"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" (\Seen) {3+}one (\Seen) {6+}second|!"#);
    assert_eq!(
        (bench.tape.borrow().opened, bench.tape.borrow().dropped),
        (1, 1),
        "the connection goes back after a group"
    );
}

#[test]
fn otherwise_each_has_its_own_and_all_are_waited_for_together() {
    let answers = vec![append_uid(7, "10"), answer(Condition::Ok, None), answer(Condition::No, Some(Code::TooBig))];
    let mut bench = Bench::new("LITERAL+", answers);
    let mut intake = bench.intake();
    for body in ["a", "b", "c"] {
        put(&mut intake, body.as_bytes()).unwrap();
    }
    let answers = intake.commit().unwrap();
    assert!(answers[2].as_ref().unwrap_err().hint().is_some_and(|hint| hint.contains("larger")));
    assert_eq!(told(answers), ["10", "stored", "Message"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" (\Seen) {1+}a|APPEND "box" (\Seen) {1+}b|APPEND "box" (\Seen) {1+}c|!"#);
}

#[test]
fn an_appenduid_that_cannot_be_true_names_nothing() {
    // Another numbering, too many, too few, below what was there before, backwards.
    for lie in [(8, "10:11"), (7, "10:12"), (7, "10"), (7, "8:9"), (7, "12,11")] {
        let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![append_uid(lie.0, lie.1)]);
        let mut intake = bench.intake();
        put(&mut intake, b"a").unwrap();
        put(&mut intake, b"b").unwrap();
        assert_eq!(told(intake.commit().unwrap()), ["stored", "stored"], "{lie:?}");
    }
}

#[test]
fn a_refused_group_is_refused_message_by_message_and_the_next_intake_sends_each_alone() {
    let answers = vec![answer(Condition::No, None), append_uid(7, "10"), append_uid(7, "11")];
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", answers);
    for expected in [["Message", "Message"], ["10", "11"]] {
        let mut intake = bench.intake();
        put(&mut intake, b"a").unwrap();
        put(&mut intake, b"b").unwrap();
        assert_eq!(told(intake.commit().unwrap()), expected);
    }
}

#[test]
fn a_full_mailbox_takes_nothing_more() {
    let mut bench = Bench::new("LITERAL+", vec![answer(Condition::No, Some(Code::OverQuota))]);
    let mut intake = bench.intake();
    put(&mut intake, b"a").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["Denied"]);
    assert_eq!(put(&mut intake, b"b").unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(intake.commit().unwrap().len(), 0);
}

#[test]
fn a_small_message_that_breaks_off_leaves_no_trace() {
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![append_uid(7, "10")]);
    let mut intake = bench.intake();
    put(&mut intake, b"whole").unwrap();
    begin(&mut intake, "broken", 100).unwrap();
    intake.write(b"half").unwrap();
    intake.discard().unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" (\Seen) {5+}whole|!"#);
}

#[test]
fn a_large_message_that_breaks_off_costs_the_connection_but_nothing_that_went_before() {
    let never = answer(Condition::No, None);
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![append_uid(7, "10"), never, append_uid(7, "11")]);
    let mut intake = bench.intake();
    put(&mut intake, b"before").unwrap();
    begin(&mut intake, "broken", 3 << 20).unwrap();
    intake.write(b"half").unwrap();
    intake.discard().unwrap();
    put(&mut intake, b"after").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "11"]);
    drop(intake);
    assert_eq!(bench.tape.borrow().opened, 2);
}

#[test]
fn a_large_message_goes_out_as_it_comes_and_alone() {
    let body = vec![b'x'; 3 << 20];
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![append_uid(7, "10"), append_uid(7, "11")]);
    let mut intake = bench.intake();
    put(&mut intake, b"before").unwrap();
    begin(&mut intake, "large", body.len()).unwrap();
    body.chunks(8192).for_each(|chunk| intake.write(chunk).unwrap());
    intake.end().unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "11"]);
    drop(intake);
    let text = bench.text();
    assert!(
        text.starts_with(r#"APPEND "box" (\Seen) {6+}before|!APPEND "box" (\Seen) {3145728+}xxx"#),
        "{}",
        &text[..90]
    );
    assert!(text.ends_with("xxx|!"));
}

#[test]
fn nothing_is_sent_before_the_commit_and_the_end_of_a_large_command_is_kept_back() {
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", vec![]);
    let mut intake = bench.intake();
    put(&mut intake, b"held").unwrap();
    drop(intake);
    assert_eq!((bench.text().as_str(), bench.tape.borrow().opened), ("", 0));
    let mut intake = bench.intake();
    put(&mut intake, &vec![b'x'; 3 << 20]).unwrap();
    drop(intake);
    assert!(bench.text().ends_with("xxx"), "the connection is dropped in the middle of the command");
}

#[test]
fn a_message_of_another_length_than_announced_is_not_stored() {
    let mut bench = Bench::new("LITERAL+", vec![]);
    let mut intake = bench.intake();
    begin(&mut intake, "grown", 2).unwrap();
    assert_eq!(intake.write(b"abc").unwrap_err().kind(), ErrorKind::Message);
    intake.discard().unwrap();
    begin(&mut intake, "shrunk", 4).unwrap();
    intake.write(b"abc").unwrap();
    assert_eq!(intake.end().unwrap_err().kind(), ErrorKind::Message);
    begin(&mut intake, "shrunk and large", 3 << 20).unwrap();
    intake.write(b"abc").unwrap();
    assert_eq!(intake.end().unwrap_err().kind(), ErrorKind::Message);
    assert_eq!(intake.commit().unwrap().len(), 0);
}

#[test]
fn nul_octets_go_in_a_binary_literal_or_not_at_all() {
    let mut bench = Bench::new("LITERAL+", vec![]);
    let mut intake = bench.intake();
    put(&mut intake, b"a\0b").unwrap();
    let answer = intake.commit().unwrap().remove(0).unwrap_err();
    assert!(answer.kind() == ErrorKind::Message && answer.to_string().contains("NUL"), "{answer}");
    drop(intake);
    let mut bench = Bench::new("MULTIAPPEND LITERAL+ BINARY", vec![append_uid(7, "10"), append_uid(7, "11")]);
    let mut intake = bench.intake();
    put(&mut intake, b"plain").unwrap();
    put(&mut intake, b"a\0b").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "11"]);
    drop(intake);
    assert_eq!(bench.text(), "APPEND \"box\" (\\Seen) {5+}plain|APPEND \"box\" (\\Seen) ~{3+}a\0b|!");
}

#[test]
fn nul_octets_deep_in_a_large_message_are_found_and_it_is_sent_again_as_binary() {
    let mut body = vec![b'x'; 3 << 20];
    body[900_000] = 0;
    let mut bench = Bench::new("LITERAL+ BINARY", vec![answer(Condition::No, None), append_uid(7, "10")]);
    let mut intake = bench.intake();
    let refused = put(&mut intake, &body).unwrap_err();
    assert!(refused.kind() == ErrorKind::Message && refused.retry_after().is_some(), "{refused}");
    intake.discard().unwrap();
    drop(intake);
    let mut intake = bench.intake();
    put(&mut intake, &body).unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10"]);
    drop(intake);
    assert!(bench.text().contains("APPEND \"box\" (\\Seen) ~{3145728+}x"));
}

#[test]
fn a_literal_that_the_server_does_not_want_is_not_sent() {
    let mut bench = Bench::new("LITERAL-", vec![answer(Condition::No, Some(Code::TooBig)), append_uid(7, "10")]);
    bench.tape.borrow_mut().refuses = Some(0);
    let mut intake = bench.intake();
    put(&mut intake, b"refused").unwrap();
    put(&mut intake, b"taken").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["Message", "10"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" (\Seen) {7+}APPEND "box" (\Seen) {5+}taken|!"#);
}

#[test]
fn an_empty_message_never_shares_a_command() {
    let answers = vec![append_uid(7, "10"), append_uid(7, "11"), append_uid(7, "12")];
    let mut bench = Bench::new("MULTIAPPEND LITERAL+", answers);
    let mut intake = bench.intake();
    put(&mut intake, b"a").unwrap();
    put(&mut intake, b"").unwrap();
    put(&mut intake, b"b").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "11", "12"]);
}

/// Of a small one, the others of its group go on; a large one is refused before its first octet.
#[test]
fn a_message_larger_than_the_server_says_it_takes_is_not_sent() {
    let answers = vec![append_uid(7, "10:11")];
    let mut bench = Bench::new("MULTIAPPEND LITERAL+ APPENDLIMIT=5", answers);
    let mut intake = bench.intake();
    put(&mut intake, b"one").unwrap();
    put(&mut intake, b"too large").unwrap();
    put(&mut intake, b"three").unwrap();
    let large = vec![b'x'; GROUP.octets as usize + 1];
    let error = put(&mut intake, &large).unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("no more than 5")), (ErrorKind::Message, true));
    assert_eq!(told(intake.commit().unwrap()), ["10", "Message", "11"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" (\Seen) {3+}one (\Seen) {5+}three|!"#);
}

/// The answer tells no number: a row with the keyword would have it taken for removed on the server.
#[test]
fn what_is_refused_with_keywords_goes_without_them_and_is_told_to_have_no_number() {
    let flags = Flags::from_imap(["\\Seen", "$Forwarded", "work"]);
    let answers = || vec![answer(Condition::No, None), append_uid(7, "10")];
    let mut bench = Bench::new("LITERAL+", answers());
    let mut intake = bench.intake();
    put_with(&mut intake, b"a", &flags).unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["stored"]);
    drop(intake);
    assert_eq!(bench.text(), r#"APPEND "box" ($Forwarded \Seen work) {1+}a|!APPEND "box" (\Seen) {1+}a|!"#);
    let (large, mut bench) = (vec![b'x'; GROUP.octets as usize + 1], Bench::new("LITERAL+", answers()));
    for (expected, head) in [("Message", r#"($Forwarded \Seen work) {"#), ("stored", r#""box" (\Seen) {"#)] {
        let mut intake = bench.intake();
        put_with(&mut intake, &large, &flags).unwrap();
        assert_eq!(told(intake.commit().unwrap()), [expected]);
        drop(intake);
        assert!(bench.text().contains(head));
    }
}

/// Of several in one group, those that are refused alone go again, each for itself; what the server finds too large does not.
#[test]
fn only_what_the_keywords_may_be_the_reason_for_is_sent_again() {
    let flags = Flags::from_imap(["work"]);
    let (no, large) = (answer(Condition::No, None), answer(Condition::No, Some(Code::TooBig)));
    let answers = vec![append_uid(7, "10"), no.clone(), large, no, append_uid(7, "11")];
    let mut bench = Bench::new("LITERAL+", answers);
    let mut intake = bench.intake();
    ["a", "b", "c"].iter().for_each(|body| put_with(&mut intake, body.as_bytes(), &flags).unwrap());
    put(&mut intake, b"d").unwrap();
    assert_eq!(told(intake.commit().unwrap()), ["10", "stored", "Message", "Message"]);
    drop(intake);
    assert!(bench.text().ends_with(r#"{1+}d|!APPEND "box" {1+}b|!"#), "{}", bench.text());
}
