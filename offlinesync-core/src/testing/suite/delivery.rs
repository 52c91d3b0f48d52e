//! Cases about the intake: what is committed is there, what is not leaves nothing.

use super::Fixture;
use super::tools::{Scene, deliver, deliver_as, fetch, give, ids, list, read, read_all, source, uid};
use crate::error::Result;
use crate::flags::{Flags, SystemFlags};
use crate::line_ending::LineEnding;
use crate::message::{InternalDate, MessageId, UidValidity};
use crate::repository::{Outgoing, SourceFolder};
use crate::testing::mails::Mail;
use std::collections::BTreeMap;

fn sorted(mut contents: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    contents.sort();
    contents
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<Mail> {
    texts.map(Mail::text).to_vec()
}

fn contents(mails: &[Mail]) -> Vec<Vec<u8>> {
    sorted(mails.iter().map(|mail| mail.bytes.clone()).collect())
}

/// Each flag by itself, all of them, none, and keywords; what the folder cannot keep is left out, nothing is added.
pub fn flags_and_keywords_arrive(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let single = (0..6).map(|bit| Flags::system(SystemFlags::from_bits(1 << bit)));
    let named = [
        &["todo"][..],
        &["\\Seen", "NonJunk", "$Label1"],
        &["$MDNSent", "a.b-c_d", "UPPER", "lower"],
        &["\\Draft", "\\Deleted", "\\Flagged", "\\Answered", "$Forwarded", "\\Seen"],
    ];
    let all: Vec<Flags> =
        single.chain([Flags::default()]).chain(named.map(|names| Flags::from_imap(names.iter().copied()))).collect();
    let mails: Vec<Mail> = all
        .iter()
        .enumerate()
        .map(|(n, flags)| Mail { flags: flags.clone(), ..Mail::text(&format!("flags {n}")) })
        .collect();
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    let set = list(&mut *folder);
    let listed: BTreeMap<MessageId, Flags> = set.present.into_iter().map(|entry| (entry.id, entry.flags)).collect();
    for (id, held) in scene.client_sees("Box") {
        let mail = mails.iter().find(|mail| mail.bytes == held.octets).expect("a delivered message");
        let kept = mail.flags.supported(&scene.traits.support);
        assert_eq!((&held.flags, &listed[&id]), (&kept, &kept), "'{}' delivered with {}", mail.name, mail.flags);
        assert_eq!(kept.supported(&set.support), kept, "the listing says which flags are kept");
    }
}

/// Dates of all times and zones.
pub fn dates_arrive(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let dates = [(1_000_000_000, 0), (1_700_000_000, 120), (86_400, -300), (2_500_000_000, 345), (951_782_399, -720)];
    let mails: Vec<Mail> = dates
        .into_iter()
        .filter(|(seconds, _)| *seconds < 2_000_000_000 || scene.traits.future_dates)
        .map(|(seconds, zone_minutes)| {
            let date = Some(InternalDate { seconds, zone_minutes });
            Mail { date, ..Mail::text(&format!("at {seconds}")) }
        })
        .collect();
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    let ids = ids(&mut *folder);
    let basket = fetch(&mut *folder, &ids, LineEnding::Crlf, scene.traits.native);
    assert_eq!(basket.fetched.len(), mails.len());
    for fetched in basket.fetched {
        let mail = mails.iter().find(|mail| mail.bytes == fetched.bytes).expect("a delivered message");
        let kept = scene.traits.dates.of(mail.date);
        assert_eq!(scene.traits.dates.of(fetched.date), kept, "'{}'", mail.name);
    }
}

/// The ids of a commit are those of the messages, in the order they were given.
pub fn a_commit_answers_in_order(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails: Vec<Mail> = (0..40).map(|n| Mail::text(&format!("number {n}"))).collect();
    let answers: Vec<Option<MessageId>> = deliver(&mut *folder, &mails).into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.len(), mails.len());
    let ids = ids(&mut *folder);
    let read = read(&scene, &mut *folder, &ids);
    for (mail, id) in mails.iter().zip(answers) {
        match id {
            Some(id) => assert_eq!(read.get(&id), Some(&mail.bytes), "'{}' is called {id}", mail.name),
            None => assert!(!scene.traits.tells_ids, "'{}' has no name", mail.name),
        }
    }
}

/// However a message is cut into pieces, it is the same message.
pub fn octets_may_come_one_by_one(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails = texts(["piece by piece", "once more"]);
    for (at, mail) in mails.iter().enumerate() {
        let mut intake = folder.intake(&source("Source")).unwrap();
        give(&mut *intake, &uid(at + 1), mail, 1).unwrap();
        assert!(intake.commit().unwrap().iter().all(Result::is_ok));
    }
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails));
}

/// One intake, several groups; a commit of nothing answers nothing.
pub fn an_intake_commits_more_than_once(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails = texts(["first group", "second group", "third group"]);
    let mut intake = folder.intake(&source("Source")).unwrap();
    assert!(intake.commit().unwrap().is_empty());
    for (at, mail) in mails.iter().enumerate() {
        give(&mut *intake, &uid(at + 1), mail, 1000).unwrap();
        assert_eq!(intake.commit().unwrap().len(), 1);
        assert!(intake.commit().unwrap().is_empty());
        assert_eq!(ids(&mut *fixture.repository().open(&"Box".into()).unwrap()).len(), at + 1, "a commit is durable");
    }
    drop(intake);
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails));
}

/// Nobody sees a message before its end, nor, where it can be held back, before its commit.
pub fn nothing_is_visible_before_the_commit(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mut other = fixture.repository().open(&"Box".into()).unwrap();
    let mut intake = folder.intake(&source("Source")).unwrap();
    let mail = Mail::text("not yet");
    let outgoing = Outgoing { source: &uid(1), flags: &mail.flags, date: None, octets: mail.bytes.len() as u64 };
    intake.begin(&outgoing).unwrap();
    intake.write(&crate::testing::lines::in_form(&mail.bytes, LineEnding::Crlf, intake.line_ending())).unwrap();
    assert!(ids(&mut *other).is_empty());
    intake.end().unwrap();
    if scene.traits.holds_back {
        assert!(ids(&mut *other).is_empty());
        assert!(scene.client_reads("Box").is_empty());
    }
    assert!(intake.commit().unwrap().iter().all(Result::is_ok));
    drop(intake);
    assert_eq!(scene.client_reads("Box"), [mail.bytes]);
}

/// A message whose source broke off is as if it had never begun; the others of its group arrive.
pub fn a_discarded_message_leaves_nothing(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails = texts(["before", "broken off", "after"]);
    let mut intake = folder.intake(&source("Source")).unwrap();
    let mut answers = Vec::new();
    for (at, mail) in mails.iter().enumerate() {
        if mail.name == "broken off" {
            let octets = mail.bytes.len() as u64;
            intake.begin(&Outgoing { source: &uid(at + 1), flags: &mail.flags, date: None, octets }).unwrap();
            intake.write(b"From: half\r").unwrap();
            intake.discard().unwrap();
            continue;
        }
        give(&mut *intake, &uid(at + 1), mail, 1000).unwrap();
        if intake.group_size().messages == 1 {
            answers.extend(intake.commit().unwrap());
        }
    }
    answers.extend(intake.commit().unwrap());
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(Result::is_ok));
    drop(intake);
    let expected = contents(&[mails[0].clone(), mails[2].clone()]);
    assert_eq!(read_all(&scene, &mut *folder), expected);
    assert_eq!(scene.client_reads("Box"), expected);
    assert!(deliver_as(&mut *folder, &source("Source"), 2, &mails[1..2]).iter().all(Result::is_ok));
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails), "the source can be read again");
}

/// What was begun, and what was ended and can be taken back, is gone with its intake, and can be delivered again.
pub fn a_dropped_intake_leaves_nothing(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails = texts(["committed", "ended", "begun"]);
    let takes_back = scene.traits.takes_back;
    assert!(takes_back || folder.needs_intent(), "what cannot be taken back needs an intent");
    let mut intake = folder.intake(&source("Source")).unwrap();
    give(&mut *intake, &uid(1), &mails[0], 1000).unwrap();
    intake.commit().unwrap();
    if takes_back {
        give(&mut *intake, &uid(2), &mails[1], 1000).unwrap();
    }
    let octets = mails[2].bytes.len() as u64;
    if !takes_back || intake.group_size().messages > 1 {
        intake.begin(&Outgoing { source: &uid(3), flags: &mails[2].flags, date: None, octets }).unwrap();
        intake.write(b"From: half").unwrap();
    }
    drop(intake);
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails[..1]));
    assert_eq!(scene.client_reads("Box"), contents(&mails[..1]));
    assert!(deliver_as(&mut *folder, &source("Source"), 2, &mails[1..]).iter().all(Result::is_ok));
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails));
}

/// Where no intent is needed, a repeated delivery finds what is there; another source is another message, whatever its content.
pub fn the_same_source_twice_is_one_message(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    if folder.needs_intent() {
        return;
    }
    let mails = texts(["one", "two", "three"]);
    let first: Vec<_> = deliver(&mut *folder, &mails).into_iter().map(Result::unwrap).collect();
    let again: Vec<_> = deliver(&mut *folder, &mails).into_iter().map(Result::unwrap).collect();
    assert_eq!(again, first);
    let mut later = fixture.repository().open(&"Box".into()).unwrap();
    let again: Vec<_> = deliver(&mut *later, &mails).into_iter().map(Result::unwrap).collect();
    assert_eq!(again, first);
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails));
    for (number, id) in (1..).zip(&first).filter_map(|(number, id)| Some((number, id.as_ref()?))) {
        let bears = |source: &SourceFolder, n| folder.bears_name_of(id, source, &uid(n));
        assert!(bears(&source("Source"), number), "{id} bears the name by which it was found");
        assert!(!bears(&source("Source"), number + 1) && !bears(&source("Source2"), number), "{id}");
    }

    let other_folder = source("Source2");
    let other_numbering = SourceFolder { uid_validity: UidValidity(8), ..source("Source") };
    for from in [&other_folder, &other_numbering, &other_folder] {
        assert!(deliver_as(&mut *folder, from, 1, &mails).iter().all(Result::is_ok));
    }
    let there = ids(&mut *folder);
    assert_eq!(there.len(), 9);

    there.iter().for_each(|id| scene.client.remove(&"Box".into(), id));
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails), "what was removed can come again");
}

/// Messages that come from a store with names: two names are two messages, also where names are hard to write down.
pub fn sources_may_have_names(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let names =
        ["1700000000.M1P2.host", "1700000000.M1P2.host,S=5", "a/b", "a:b", "a b", "\u{e9}", "A", "a", "..", "1", "%31"];
    let long = "long".repeat(60);
    let mails: Vec<Mail> = names.into_iter().chain([long.as_str()]).map(Mail::text).collect();
    let from = SourceFolder { name: "Lists/\u{e4}\"quoted\".x".into(), uid_validity: UidValidity(1) };
    let (mut intake, mut copies) = (folder.intake(&from).unwrap(), Vec::new());
    for mail in &mails {
        let name = MessageId::Name(mail.name.as_str().into());
        give(&mut *intake, &name, mail, 1000).unwrap();
        let given = intake.commit().unwrap().pop().unwrap();
        let id = given.unwrap_or_else(|error| panic!("'{}': {error}", mail.name));
        copies.extend(id.map(|id| (name, id)));
    }
    drop(intake);
    for (name, id) in copies.iter().filter(|_| !folder.needs_intent()) {
        let named: Vec<_> = copies.iter().filter(|(name, _)| folder.bears_name_of(id, &from, name)).collect();
        assert!(matches!(named[..], [(only, _)] if only == name), "{id} bears the name of {named:?}");
    }
    assert_eq!(read_all(&scene, &mut *folder), contents(&mails));
}
