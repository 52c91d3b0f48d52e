//! Cases about reading: content comes back octet for octet, in either form, and reading changes nothing.

use super::Fixture;
use super::tools::{Scene, deliver, fetch, ids, list, read, uid};
use crate::error::{Error, ErrorKind, Result};
use crate::flags::Flags;
use crate::line_ending::LineEnding;
use crate::message::{InternalDate, MessageId};
use crate::repository::{HEADER_LIMIT, Incoming, Outgoing, Sink};
use crate::testing::client::DatePrecision;
use crate::testing::lines::{header_block, in_form};
use crate::testing::mails::{Large, Mail, hostile, ordinary};
use crate::window::Window;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

fn shown(bytes: &[u8]) -> String {
    format!("{} octets: {}", bytes.len(), bytes[..bytes.len().min(120)].escape_ascii())
}

/// Checks that exactly these contents are there, and names the message that is not.
fn assert_contents(expected: Vec<(String, Vec<u8>)>, mut found: Vec<Vec<u8>>) {
    let mut missing = Vec::new();
    for (name, bytes) in expected {
        match found.iter().position(|other| *other == bytes) {
            Some(at) => drop(found.swap_remove(at)),
            None => missing.push(format!("'{name}', {}", shown(&bytes))),
        }
    }
    let left: Vec<_> = found.iter().map(|bytes| shown(bytes)).collect();
    assert!(missing.is_empty() && left.is_empty(), "missing: {missing:#?}\ninstead: {left:#?}");
}

/// Delivers hostile mail into "Hostile"; answers what must have become of it.
fn deliver_hostile(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let mails = hostile();
    let answers = deliver(&mut *scene.folder("Hostile"), &mails);
    let mut expected = Vec::new();
    for (mail, answer) in mails.into_iter().zip(answers) {
        match (scene.becomes(&mail), answer) {
            (Some(bytes), Ok(_)) => expected.push((mail.name, bytes)),
            (None, Err(error)) => assert_eq!(error.kind(), ErrorKind::Message, "'{}': {error}", mail.name),
            (Some(_), Err(error)) => panic!("'{}' was refused: {error}", mail.name),
            (None, Ok(_)) => panic!("'{}' was taken though the store cannot hold it", mail.name),
        }
    }
    expected
}

/// What is outside a window of age or size is told exactly, for a few messages and for very many.
pub fn a_window_cuts_to_the_second_and_to_the_octet(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Window");
    let knows_dates = scene.traits.dates != DatePrecision::Nothing;
    let (day, noon) = (86_400, 1_000_000_000);
    let add = |scene: &mut Scene, seconds: i64, padding: usize| {
        let bytes = format!("Subject: at {seconds}\r\n\r\n{}\r\n", "x".repeat(padding)).into_bytes();
        let (size, date) = (bytes.len() as u64, Some(InternalDate { seconds, zone_minutes: 0 }));
        let mail = Mail { name: format!("at {seconds}"), bytes, flags: Flags::default(), date };
        (scene.client_adds("Window", &mail), size)
    };
    let (early, _) = add(&mut scene, noon - 1, 0);
    let (late, _) = add(&mut scene, noon, 0);
    let (large, octets) = add(&mut scene, noon + day, 100);
    let (larger, _) = add(&mut scene, noon + day, 101);
    let mut all = ids(&mut *folder);
    let since = Window { since: Some(noon), max_octets: None };
    let most = Window { since: None, max_octets: Some(octets) };
    let both = Window { since: Some(noon), max_octets: Some(octets) };
    let there: BTreeSet<MessageId> = all.iter().cloned().collect();
    for _ in 0..2 {
        let mut outside = |window: &Window| -> BTreeSet<MessageId> {
            let outside = folder.outside(&all, window).unwrap();
            outside.into_iter().filter(|id| there.contains(id)).collect()
        };
        if knows_dates {
            assert_eq!(outside(&since), [early.clone()].into());
            assert_eq!(outside(&both), [early.clone(), larger.clone()].into());
        }
        assert_eq!(outside(&most), [larger.clone()].into());
        // The same again, asked about very many.
        let numbered = scene.traits.numbered;
        all.extend((10_000..15_000).map(|n| if numbered { uid(n) } else { MessageId::Name(format!("{n}.x").into()) }));
    }
    assert_eq!(folder.outside(&[late, large], &most).unwrap(), []);
}

/// Whatever was delivered is read as it was, and stays so for a backend made later.
pub fn hostile_mail_comes_back_octet_for_octet(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let expected = deliver_hostile(&scene);
    let mut folder = fixture.repository().open(&"Hostile".into()).unwrap();
    let ids = ids(&mut *folder);
    assert_contents(expected, read(&scene, &mut *folder, &ids).into_values().collect());
}

/// Whatever was delivered lies in the store as another client of the store wants it.
pub fn hostile_mail_lies_in_the_store_in_its_native_form(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let native = |(name, bytes): (String, Vec<u8>)| (name, in_form(&bytes, LineEnding::Crlf, scene.traits.native));
    let expected = deliver_hostile(&scene).into_iter().map(native).collect();
    let found = scene.client.list(&"Hostile".into()).into_iter().map(|(_, held)| held.octets).collect();
    assert_contents(expected, found);
}

/// Whatever another client stored, with whatever line ends, is read in either form by the rules of `line_ending`.
pub fn mail_of_another_client_is_fetched_in_either_form(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Theirs");
    let name = folder.name().clone();
    let becomes = scene.traits.becomes;
    for mail in hostile().iter().filter(|mail| becomes(&mail.bytes).is_some()) {
        // The wire form put into a store of LF files is a file with CR LF, as careless programs write them.
        scene.client.add(&name, &mail.bytes, &Flags::default(), None);
        scene.client_adds("Theirs", mail);
    }
    let held: BTreeMap<_, _> = scene.client.list(&name).into_iter().map(|(id, held)| (id, held.octets)).collect();
    let native = scene.traits.native;
    for form in [LineEnding::Crlf, LineEnding::Lf] {
        let basket = fetch(&mut *folder, &held.keys().cloned().collect::<Vec<_>>(), form, native);
        assert!(basket.failed.is_empty(), "{:?}", basket.failed);
        for fetched in basket.fetched {
            let expected = in_form(&held[&fetched.id], native, form);
            assert!(fetched.bytes == expected, "{form:?}: {}\nis not {}", shown(&fetched.bytes), shown(&expected));
        }
    }
}

/// The header is that of the content, cut off at the limit; the size, where told, is exact.
pub fn headers_agree_with_the_content(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    deliver_hostile(&scene);
    let mut folder = scene.open("Hostile");
    deliver(&mut *folder, &ordinary(20, 3).collect::<Vec<_>>());
    let ids = ids(&mut *folder);
    let mut contents = read(&scene, &mut *folder, &ids);
    folder
        .headers(&ids, &mut |headers| {
            let content = contents.remove(headers.id).expect("each message once");
            let mut expected = header_block(&content);
            expected.truncate(HEADER_LIMIT);
            assert!(headers.header == expected, "header {}\nof {}", shown(headers.header), shown(&content));
            assert!(headers.octets.is_none_or(|octets| octets == content.len() as u64), "size of {}", shown(&content));
            Ok(())
        })
        .unwrap();
    assert!(contents.is_empty(), "no header for {contents:?}");
}

/// Ids that have gone are left out, without an error.
pub fn headers_leave_out_what_is_gone(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let [first, second, third] = ["first", "second", "third"].map(|text| scene.client_adds("Box", &Mail::text(text)));
    assert_eq!(list(&mut *folder).present.len(), 3);
    scene.client.remove(&"Box".into(), &second);
    let mut seen = Vec::new();
    folder
        .headers(&[first.clone(), second, third.clone()], &mut |headers| {
            seen.push(headers.id.clone());
            Ok(())
        })
        .unwrap();
    seen.sort();
    let mut expected = [first, third];
    expected.sort();
    assert_eq!(seen, expected);
    let stopped = folder.headers(&expected, &mut |_| Err(Error::cancelled()));
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
}

/// Three hundred ordinary messages with everything that belongs to them.
pub fn ordinary_mail_comes_back_with_flags_and_dates(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Ordinary");
    let mails: Vec<Mail> = ordinary(300, 7).collect();
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    let listed: BTreeMap<_, _> = list(&mut *folder).present.into_iter().map(|entry| (entry.id, entry.flags)).collect();
    let basket =
        fetch(&mut *folder, &listed.keys().cloned().collect::<Vec<_>>(), LineEnding::Crlf, scene.traits.native);
    let mut found: BTreeMap<Vec<u8>, _> = BTreeMap::new();
    for fetched in basket.fetched {
        found.insert(fetched.bytes, (fetched.id, fetched.date));
    }
    assert_eq!(found.len(), mails.len());
    for mail in mails {
        let (id, date) = found.remove(&mail.bytes).unwrap_or_else(|| panic!("'{}' is not there", mail.name));
        assert_eq!(listed[&id], mail.flags.supported(&scene.traits.support), "'{}'", mail.name);
        let kept = scene.traits.dates.of(mail.date);
        assert!(kept.is_none() || scene.traits.dates.of(date) == kept, "'{}': {date:?} is not {kept:?}", mail.name);
    }
}

/// Equal content is no reason to take two messages for one.
pub fn identical_messages_stay_two(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mail = Mail::text("the same");
    assert!(deliver(&mut *folder, &[mail.clone(), mail.clone()]).iter().all(Result::is_ok));
    scene.client_adds("Box", &mail);
    scene.client_adds("Box", &mail);
    let ids = ids(&mut *folder);
    assert_eq!(ids.len(), 4);
    assert!(read(&scene, &mut *folder, &ids).into_values().all(|bytes| bytes == mail.bytes));
    assert!(folder.remove(&ids[1..2]).unwrap().is_empty());
    assert_eq!(list(&mut *folder).present.len(), 3);
}

/// Larger than any buffer should be, in and out.
pub fn a_large_message_passes(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Large");
    let large = Large::new(scene.traits.large, 1);
    let (octets, digest) = large.size_and_digest();
    let mut intake = folder.intake(&super::tools::source("Source")).unwrap();
    let (source, form) = (uid(1), intake.line_ending());
    intake.begin(&Outgoing { source: &source, flags: &Flags::default(), date: None, octets }).unwrap();
    large.pieces().for_each(|piece| intake.write(&in_form(&piece, LineEnding::Crlf, form)).unwrap());
    intake.end().unwrap();
    assert!(intake.commit().unwrap().iter().all(Result::is_ok));
    drop(intake);
    let mut sink = Digesting::default();
    let ids = ids(&mut *folder);
    assert_eq!(ids.len(), 1);
    folder.fetch(&ids, LineEnding::Crlf, &mut sink).unwrap();
    assert_eq!((sink.announced, sink.came), (octets, octets));
    assert!(sink.ended && sink.hash.finalize()[..] == digest, "the large message came back different");
}

#[derive(Default)]
struct Digesting {
    announced: u64,
    came: u64,
    hash: Sha256,
    ended: bool,
}

impl Sink for Digesting {
    fn begin(&mut self, message: &Incoming<'_>) -> Result<()> {
        self.announced = message.octets;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.came += bytes.len() as u64;
        self.hash.update(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        Ok(())
    }

    fn failed(&mut self, _: &MessageId, error: Error) -> Result<()> {
        Err(error)
    }
}

/// A message is marked as read by people, not by a synchroniser.
pub fn reading_marks_nothing_as_read(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let unread = scene.client_adds("Box", &Mail::text("unread"));
    assert_eq!(list(&mut *folder).present.len(), 1);
    read(&scene, &mut *folder, std::slice::from_ref(&unread));
    folder.headers(std::slice::from_ref(&unread), &mut |_| Ok(())).unwrap();
    assert!(list(&mut *folder).present[0].flags.is_empty());
    assert!(scene.client_sees("Box")[&unread].flags.is_empty());
}

/// A message that another client removed meanwhile is a failure of that message; all others come.
pub fn a_message_that_is_gone_fails_alone(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let all: Vec<MessageId> = (0..5).map(|n| scene.client_adds("Box", &Mail::text(&format!("message {n}")))).collect();
    assert_eq!(list(&mut *folder).present.len(), 5);
    scene.client.remove(&"Box".into(), &all[2]);
    let basket = fetch(&mut *folder, &all, LineEnding::Crlf, scene.traits.native);
    assert_eq!(basket.fetched.len(), 4);
    assert_eq!(basket.failed[0].0, all[2]);
    assert_eq!(basket.failed[0].1.kind(), ErrorKind::Message);
}

/// The sink's error comes back as it is, nothing more is sent, and the folder can be used again.
pub fn an_error_of_the_sink_ends_the_fetch(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails: Vec<Mail> = ordinary(20, 9).collect();
    deliver(&mut *folder, &mails);
    let ids = ids(&mut *folder);
    for allowed in [0, 1, 5, 12] {
        let mut sink = Refusing { allowed, refused: false };
        let error = folder.fetch(&ids, LineEnding::Crlf, &mut sink).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Storage, "the sink is full"));
    }
    assert_eq!(read(&scene, &mut *scene.open("Box"), &ids).len(), 20);
}

struct Refusing {
    allowed: usize,
    refused: bool,
}

impl Refusing {
    fn call(&mut self) -> Result<()> {
        assert!(!self.refused, "the sink was called again after its error");
        self.refused = self.allowed == 0;
        self.allowed = self.allowed.saturating_sub(1);
        if self.refused { Err(Error::new(ErrorKind::Storage, "the sink is full")) } else { Ok(()) }
    }
}

impl Sink for Refusing {
    fn begin(&mut self, _: &Incoming<'_>) -> Result<()> {
        self.call()
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        self.call()
    }

    fn end(&mut self) -> Result<()> {
        self.call()
    }

    fn failed(&mut self, id: &MessageId, error: Error) -> Result<()> {
        panic!("message {id}: {error}")
    }
}

/// Empty requests are no errors.
pub fn nothing_asked_is_nothing_done(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    deliver(&mut *folder, &[Mail::text("left alone")]);
    let before = list(&mut *folder).present;
    assert!(fetch(&mut *folder, &[], LineEnding::Crlf, scene.traits.native).fetched.is_empty());
    folder.headers(&[], &mut |headers| panic!("header of {}", headers.id)).unwrap();
    assert!(folder.store(&[]).unwrap().is_empty());
    assert!(folder.remove(&[]).unwrap().is_empty());
    folder.note_partners(&[]).unwrap();
    assert!(deliver(&mut *folder, &[]).is_empty());
    assert_eq!(list(&mut *folder).present, before);
}
