//! Cases about listings: what a folder says since a cursor, laid over what was known, is what is there.

use super::Fixture;
use super::tools::{Follower, Scene, deliver, deliver_as, ids, list, source};
use crate::error::Result;
use crate::flags::{Flags, SystemFlags};
use crate::message::MessageId;
use crate::repository::{Coverage, Cursor, FlagChange, Folder, NothingKnown};
use crate::testing::mails::{Mail, Random};

const FLAGS: [&[&str]; 6] =
    [&[], &["\\Seen"], &["\\Flagged", "\\Seen"], &["\\Answered", "$Forwarded"], &["\\Draft"], &["\\Seen", "todo"]];

fn some_flags(random: &mut Random, scene: &Scene) -> Flags {
    Flags::from_imap(random.of(&FLAGS).iter().copied()).supported(&scene.traits.support)
}

/// No message, no error, and a numbering that stays.
pub fn an_empty_folder_is_listed_as_empty(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Empty");
    let mut follower = Follower::default();
    let first = follower.catch_up(&mut *folder);
    let second = follower.catch_up(&mut *folder);
    assert!(first.present.is_empty() && second.present.is_empty() && second.gone.is_empty());
    let later = list(&mut *fixture.repository().open(&"Empty".into()).unwrap());
    assert_eq!((first.uid_validity, second.uid_validity), (later.uid_validity, first.uid_validity));
    assert!(!first.read_only);
}

/// Every message, each once, whoever put it there.
pub fn a_listing_is_complete_without_a_cursor(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails: Vec<Mail> = (0..120).map(|n| Mail::text(&format!("message {n}"))).collect();
    assert!(deliver(&mut *folder, &mails[..100]).iter().all(Result::is_ok));
    mails[100..].iter().for_each(|mail| drop(scene.client_adds("Box", mail)));
    for _ in 0..2 {
        let mut listed = ids(&mut *folder);
        listed.sort();
        assert_eq!(listed, scene.client_sees("Box").into_keys().collect::<Vec<_>>());
        assert!(listed.iter().all(|id| id.uid().is_some() == scene.traits.numbered));
    }
}

/// Sixty random deeds of another client, a listing after each few: new mail, flags, removals, nothing at all.
pub fn a_follower_sees_what_another_client_does(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Followed");
    let mut follower = Follower::default();
    let mut random = Random::new(11);
    for step in 0..60 {
        let there: Vec<MessageId> = follower.seen.keys().cloned().collect();
        let deed = if there.is_empty() { 0 } else { random.below(4) };
        match deed {
            0 | 1 => {
                let flags = some_flags(&mut random, &scene);
                scene.client_adds("Followed", &Mail { flags, ..Mail::text(&format!("deed {step}")) });
            }
            2 => {
                let flags = some_flags(&mut random, &scene);
                scene.client.set_flags(&"Followed".into(), random.of(&there), &flags);
            }
            _ => scene.client.remove(&"Followed".into(), random.of(&there)),
        }
        if step % 10 == 9 {
            folder = fixture.repository().open(&"Followed".into()).unwrap();
        }
        follower.check(&mut scene, &mut *folder, &format!("after deed {step}, of kind {deed}"));
    }
}

/// The backend's own deliveries, flag changes and removals are in its next listing.
pub fn a_follower_sees_what_the_backend_did_itself(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Followed");
    let mut follower = Follower::default();
    follower.check(&mut scene, &mut *folder, "at first");
    let mails: Vec<Mail> = (0..10).map(|n| Mail::text(&format!("message {n}"))).collect();
    deliver(&mut *folder, &mails);
    follower.check(&mut scene, &mut *folder, "after a delivery");
    let known: Vec<MessageId> = follower.seen.keys().cloned().collect();
    let add = Flags::system(SystemFlags::SEEN);
    let change = |id: &MessageId| FlagChange { id: id.clone(), add: add.clone(), remove: Flags::default() };
    assert!(folder.store(&known[..5].iter().map(change).collect::<Vec<_>>()).unwrap().is_empty());
    follower.check(&mut scene, &mut *folder, "after flags were stored");
    assert!(folder.remove(&known[3..6]).unwrap().is_empty());
    follower.check(&mut scene, &mut *folder, "after a removal");
    deliver_as(&mut *folder, &source("Source"), 11, &[Mail::text("last")]);
    scene.client.remove(&"Followed".into(), &known[0]);
    follower.check(&mut scene, &mut *folder, "after a delivery and another client's removal");
    assert_eq!(follower.seen.len(), 7);
}

/// A cursor is good for any later moment, and may be used twice: a run that failed did not move it.
pub fn an_old_cursor_still_leads_to_the_present(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Followed");
    let mut random = Random::new(5);
    let mut old: Vec<Follower> = vec![Follower::default()];
    for step in 0..20 {
        let mut follower = old.last().cloned().unwrap_or_default();
        let there: Vec<MessageId> = follower.seen.keys().cloned().collect();
        let flags = some_flags(&mut random, &scene);
        match step % 4 {
            1 => scene.client.set_flags(&"Followed".into(), random.of(&there), &flags),
            3 => scene.client.remove(&"Followed".into(), random.of(&there)),
            _ => drop(scene.client_adds("Followed", &Mail { flags, ..Mail::text(&format!("deed {step}")) })),
        }
        follower.catch_up(&mut *folder);
        old.push(follower);
    }
    for (step, follower) in old.iter().enumerate() {
        for time in ["once", "twice"] {
            follower.clone().check(&mut scene, &mut *folder, &format!("from the cursor of step {step}, {time}"));
        }
    }
}

/// Where cursors are supported, one change in a large folder does not list the folder.
pub fn a_cursor_makes_answers_short(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    if !scene.traits.deltas {
        return;
    }
    let mut folder = scene.folder("Large");
    let mails: Vec<Mail> = (0..200).map(|n| Mail::text(&format!("message {n}"))).collect();
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    let mut follower = Follower::default();
    follower.check(&mut scene, &mut *folder, "at first");
    let known: Vec<MessageId> = follower.seen.keys().cloned().collect();
    let mut short = |scene: &mut Scene, what: &str| {
        let set = follower.check(scene, &mut *folder, what);
        assert_eq!(set.coverage, Coverage::Since, "{what}");
        assert!(set.present.len() <= 20, "{what}: {} messages were listed", set.present.len());
    };
    short(&mut scene, "nothing happened");
    scene.client.set_flags(&"Large".into(), &known[100], &Flags::system(SystemFlags::FLAGGED));
    short(&mut scene, "one flag was set");
    scene.client.remove(&"Large".into(), &known[7]);
    short(&mut scene, "one message was removed");
    scene.client_adds("Large", &Mail::text("new"));
    short(&mut scene, "one message came");
}

/// Cursors come from a file that may be damaged or of another version.
pub fn garbage_for_a_cursor_gives_a_complete_listing(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    deliver(&mut *folder, &(0..3).map(|n| Mail::text(&format!("message {n}"))).collect::<Vec<_>>());
    let real = list(&mut *folder).cursor.map(|cursor| cursor.0.into_vec()).unwrap_or_default();
    let mut random = Random::new(3);
    let garbage = [
        &b""[..],
        b"\0",
        b"garbage",
        b"1",
        b"1:2:3",
        b"{\"v\":1}",
        &[0; 8],
        &[0xff; 12],
        &[0xff; 4096],
        "\u{fc}".as_bytes(),
    ];
    for bytes in garbage {
        let set = ask(&mut *folder, bytes);
        assert_eq!((set.coverage, set.present.len()), (Coverage::Complete, 3), "{}", bytes.escape_ascii());
    }
    for _ in 0..100 {
        let mut damaged = real.clone();
        damaged.truncate(random.below(real.len() as u64 + 1) as usize);
        if !damaged.is_empty() {
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
        }
        let set = ask(&mut *folder, &damaged);
        assert!(set.coverage == Coverage::Since || set.present.len() == 3, "{}", damaged.escape_ascii());
    }
}

fn ask(folder: &mut dyn Folder, cursor: &[u8]) -> crate::ChangeSet {
    let set = folder.changes(Some(&Cursor(cursor.into())), &NothingKnown);
    set.unwrap_or_else(|error| panic!("cursor {}: {error}", cursor.escape_ascii()))
}

/// After a new numbering nothing that was known holds.
pub fn a_cursor_of_another_numbering_gives_a_complete_listing(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    deliver(&mut *folder, &(0..3).map(|n| Mail::text(&format!("message {n}"))).collect::<Vec<_>>());
    let mut follower = Follower::default();
    let before = follower.check(&mut scene, &mut *folder, "before");
    if !scene.client.renumber(&"Box".into()) {
        return;
    }
    let after = follower.check(&mut scene, &mut *folder, "after the new numbering");
    assert_eq!((after.coverage, after.present.len()), (Coverage::Complete, 3));
    assert_ne!(after.uid_validity, before.uid_validity);
    let mut later = fixture.repository().open(&"Box".into()).unwrap();
    let again = later.changes(before.cursor.as_ref(), &NothingKnown).unwrap();
    assert_eq!((again.coverage, again.uid_validity), (Coverage::Complete, after.uid_validity));
}

/// An id is the same in every listing whatever happens to the flags, and no later message gets it.
pub fn ids_stay_and_are_not_used_again(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mut used = Vec::new();
    for round in 0..4 {
        let id = scene.client_adds("Box", &Mail::text(&format!("round {round}")));
        for flags in FLAGS {
            scene.client.set_flags(
                &"Box".into(),
                &id,
                &Flags::from_imap(flags.iter().copied()).supported(&scene.traits.support),
            );
            assert_eq!(ids(&mut *folder), std::slice::from_ref(&id));
            assert_eq!(ids(&mut *scene.open("Box")), std::slice::from_ref(&id));
        }
        assert!(!used.contains(&id), "{id} was used before");
        if round % 2 == 0 {
            scene.client.remove(&"Box".into(), &id);
        } else {
            assert!(folder.remove(std::slice::from_ref(&id)).unwrap().is_empty());
        }
        used.push(id);
    }
}

/// The witness of a listing and that of the folder list speak the same language: equal while nothing happens.
pub fn a_listing_shows_the_witness_of_the_folder_list(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mut check = |scene: &Scene| {
        let listed = list(&mut *folder).witness;
        let list = scene.repository.list().unwrap();
        let entry = list.folders.into_iter().find(|entry| entry.name.as_str() == "Box").expect("the folder");
        if let (Some(one), Some(other)) = (listed, entry.witness) {
            assert_eq!(one.token, other.token);
        }
    };
    check(&scene);
    let id = scene.client_adds("Box", &Mail::text("first"));
    check(&scene);
    scene.client.set_flags(&"Box".into(), &id, &Flags::system(SystemFlags::SEEN));
    check(&scene);
    scene.client.remove(&"Box".into(), &id);
    check(&scene);
}
