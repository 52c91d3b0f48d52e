//! Cases about changing what is there: removals, flags, moves. Exactly what was asked, and nothing else.

use super::Fixture;
use super::tools::{Follower, Scene, deliver, ids, list, read, read_all, uid};
use crate::error::{ErrorKind, Result};
use crate::flags::{Flags, SystemFlags};
use crate::message::{MessageId, UidValidity};
use crate::repository::{FlagChange, Folder, Partner};
use crate::testing::mails::Mail;
use std::collections::BTreeMap;

/// A folder "Box" with this many messages of another client; their ids as listed.
fn filled(scene: &mut Scene, messages: usize) -> (Box<dyn Folder>, Vec<MessageId>) {
    let mut folder = scene.folder("Box");
    let ids: Vec<_> = (0..messages).map(|n| scene.client_adds("Box", &Mail::text(&format!("message {n}")))).collect();
    assert_eq!(list(&mut *folder).present.len(), messages);
    (folder, ids)
}

fn change(id: &MessageId, add: &[&str], remove: &[&str]) -> FlagChange {
    let flags = |names: &[&str]| Flags::from_imap(names.iter().copied());
    FlagChange { id: id.clone(), add: flags(add), remove: flags(remove) }
}

fn listed(folder: &mut dyn Folder) -> BTreeMap<MessageId, Flags> {
    list(folder).present.into_iter().map(|entry| (entry.id, entry.flags)).collect()
}

/// Every third of twenty, identical content or not; what is left is untouched.
pub fn exactly_the_messages_asked_for_are_removed(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 20);
    let before = scene.client_sees("Box");
    let removed: Vec<MessageId> = ids.iter().step_by(3).cloned().collect();
    assert!(folder.remove(&removed).unwrap().is_empty());
    let mut expected = before;
    expected.retain(|id, _| !removed.contains(id));
    assert_eq!(scene.client_sees("Box"), expected);
    assert_eq!(listed(&mut *folder).into_keys().collect::<Vec<_>>(), expected.into_keys().collect::<Vec<_>>());
}

/// A message that a user marked as deleted and did not expunge is not ours to remove.
pub fn messages_marked_by_others_stay(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 4);
    scene.client.set_flags(&"Box".into(), &ids[1], &Flags::system(SystemFlags::DELETED));
    assert!(folder.store(&[change(&ids[2], &["\\Deleted"], &[])]).unwrap().is_empty());
    let refused = folder.remove(&ids[3..]).unwrap();
    let failed: Vec<_> = refused.iter().map(|(id, error)| (id, error.kind())).collect();
    let expected: &[_] = if scene.traits.removes_beside_marked { &[] } else { &[(&ids[3], ErrorKind::Message)] };
    assert_eq!(failed, expected);
    drop(folder);
    scene.repository.close();
    let left = scene.client_sees("Box");
    let stay = if refused.is_empty() { 3 } else { 4 };
    assert_eq!(left.keys().collect::<Vec<_>>(), ids[..stay].iter().collect::<Vec<_>>());
    let deleted = |id: &MessageId| left[id].flags.system.contains(SystemFlags::DELETED);
    let kept = scene.traits.support.system.contains(SystemFlags::DELETED);
    assert_eq!([deleted(&ids[0]), deleted(&ids[1]), deleted(&ids[2])], [false, kept, kept]);
}

/// Gone is gone, whoever did it, and the others are removed all the same.
pub fn removing_what_is_gone_is_no_failure(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 6);
    scene.client.remove(&"Box".into(), &ids[1]);
    assert!(folder.remove(&ids[..3]).unwrap().is_empty());
    assert!(folder.remove(&ids[..3]).unwrap().is_empty());
    assert!(folder.remove(&ids[1..2]).unwrap().is_empty());
    let left: Vec<MessageId> = scene.client_sees("Box").into_keys().collect();
    assert_eq!(left, ids[3..]);
}

/// Every flag on, off and on again, by itself, beside flags that stay. Setting what is set is no failure.
pub fn flags_are_set_and_cleared_one_by_one(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 3);
    let support = scene.traits.support.clone();
    let stays = Flags::system(SystemFlags::ANSWERED).supported(&support);
    scene.client.set_flags(&"Box".into(), &ids[1], &stays);
    for bit in (0..6).map(|bit| SystemFlags::from_bits(1 << bit)).filter(|bit| support.system.contains(*bit)) {
        let (set, clear) = (Flags::system(bit), Flags::default());
        let on = FlagChange { id: ids[1].clone(), add: set.clone(), remove: clear.clone() };
        let off = FlagChange { id: ids[1].clone(), add: clear, remove: set.clone() };
        for (deed, expected) in [
            (&on, stays.union(&set)),
            (&on, stays.union(&set)),
            (&off, stays.difference(&set)),
            (&off, stays.difference(&set)),
        ] {
            assert!(folder.store(std::slice::from_ref(deed)).unwrap().is_empty());
            assert_eq!(listed(&mut *folder)[&ids[1]], expected);
            assert_eq!(scene.client_sees("Box")[&ids[1]].flags, expected);
        }
        scene.client.set_flags(&"Box".into(), &ids[1], &stays);
    }
    let others = scene.client_sees("Box");
    assert!(others[&ids[0]].flags.is_empty() && others[&ids[2]].flags.is_empty());
}

/// Keywords the folder keeps are set and cleared in any spelling; those it cannot keep do no harm.
pub fn keywords_are_set_and_cleared(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 2);
    let support = scene.traits.support.clone();
    let kept = |names: &[&str]| Flags::from_imap(names.iter().copied()).supported(&support);
    let steps: [(&[&str], &[&str], &[&str]); 4] = [
        (&["todo", "$Label1", "\\Seen"], &[], &["todo", "$Label1", "\\Seen"]),
        (&["NonJunk"], &["todo"], &["NonJunk", "$Label1", "\\Seen"]),
        (&[], &["$LABEL1", "absent"], &["NonJunk", "\\Seen"]),
        (&["nonjunk"], &["\\Seen"], &["NonJunk"]),
    ];
    for (add, remove, expected) in steps {
        assert!(folder.store(&[change(&ids[0], add, remove)]).unwrap().is_empty(), "+{add:?} -{remove:?}");
        assert_eq!(listed(&mut *folder)[&ids[0]], kept(expected), "+{add:?} -{remove:?}");
        assert_eq!(scene.client_sees("Box")[&ids[0]].flags, kept(expected), "+{add:?} -{remove:?}");
    }
    assert!(listed(&mut *folder)[&ids[1]].is_empty());
}

/// A message another client removed meanwhile is a failure of that message; the others are changed.
pub fn a_message_that_is_gone_fails_alone_when_flags_change(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 5);
    scene.client.remove(&"Box".into(), &ids[2]);
    let changes: Vec<_> = ids.iter().map(|id| change(id, &["\\Flagged"], &[])).collect();
    let failures = folder.store(&changes).unwrap();
    assert_eq!(failures.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&ids[2]]);
    assert_eq!(failures[0].1.kind(), ErrorKind::Message);
    let left = scene.client_sees("Box");
    assert_eq!(left.len(), 4);
    assert!(left.values().all(|held| held.flags == Flags::system(SystemFlags::FLAGGED)));
}

/// Hundreds of messages with different changes in one call, and hundreds removed in one.
pub fn many_changes_go_in_one_call(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let mut folder = scene.folder("Box");
    let mails: Vec<Mail> = (0..600).map(|n| Mail::text(&format!("message {n}"))).collect();
    assert!(deliver(&mut *folder, &mails).iter().all(Result::is_ok));
    let mut follower = Follower::default();
    follower.catch_up(&mut *folder);
    let kinds: [&[&str]; 4] = [&["\\Seen"], &["\\Flagged", "\\Answered"], &["\\Draft"], &[]];
    let known: Vec<MessageId> = follower.seen.keys().cloned().collect();
    let changes: Vec<_> = known.iter().enumerate().map(|(n, id)| change(id, kinds[n % 4], &["\\Deleted"])).collect();
    assert!(folder.store(&changes).unwrap().is_empty());
    follower.check(&mut scene, &mut *folder, "after six hundred changes");
    for (n, id) in known.iter().enumerate() {
        assert_eq!(follower.seen[id], Flags::from_imap(kinds[n % 4].iter().copied()).supported(&scene.traits.support));
    }
    assert!(folder.remove(&known[1..599]).unwrap().is_empty());
    follower.check(&mut scene, &mut *folder, "after many removals");
    assert_eq!(follower.seen.keys().collect::<Vec<_>>(), [&known[0], &known[599]]);
}

/// A move inside the store, where it can: content and flags stay, ids are new, what is gone is told as not moved.
pub fn moved_messages_keep_content_and_flags(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, ids) = filled(&mut scene, 4);
    let mut target = scene.folder("Target");
    let seen = Flags::system(SystemFlags::SEEN).supported(&scene.traits.support);
    scene.client.set_flags(&"Box".into(), &ids[0], &seen);
    scene.client.remove(&"Box".into(), &ids[1]);
    let Some(moved) = folder.transfer(&ids[..3], target.name()).unwrap() else {
        assert_eq!(listed(&mut *folder).len(), 3, "a store that cannot move touches nothing");
        return;
    };
    assert_eq!(moved.len(), 3);
    assert_eq!(moved[1], None, "it was gone");
    assert_eq!(listed(&mut *folder).into_keys().collect::<Vec<_>>(), [ids[3].clone()]);
    let there = listed(&mut *target);
    let contents = read(&scene, &mut *target, &there.keys().cloned().collect::<Vec<_>>());
    let expected = [(Mail::text("message 0"), &moved[0], seen), (Mail::text("message 2"), &moved[2], Flags::default())];
    assert_eq!(there.len(), 2);
    for (mail, told, flags) in expected {
        let (id, _) = contents.iter().find(|(_, bytes)| **bytes == mail.bytes).expect("a moved message");
        assert!(told.as_ref().is_none_or(|told| told == id));
        assert_eq!(there[id], flags);
    }
}

/// Writing down a message's partner may rename a file, but the message keeps its id, flags and content.
pub fn noted_partners_change_no_id(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    let (mut folder, all) = filled(&mut scene, 3);
    scene.client.set_flags(&"Box".into(), &all[0], &Flags::system(SystemFlags::SEEN));
    let before = (listed(&mut *folder), read_all(&scene, &mut *folder));
    let partner = |n: usize| Partner { uid: uid(n).uid().unwrap(), uid_validity: Some(UidValidity(77)) };
    let noted: Vec<_> = all.iter().take(2).enumerate().map(|(n, id)| (id.clone(), partner(n + 41))).collect();
    for _ in 0..2 {
        folder.note_partners(&noted).unwrap();
        assert_eq!((listed(&mut *folder), read_all(&scene, &mut *folder)), before);
    }
    scene.client.remove(&"Box".into(), &all[1]);
    folder.note_partners(&noted).unwrap();
    assert_eq!(ids(&mut *folder).len(), 2, "noting the partner of a message that is gone brings nothing back");
    for entry in list(&mut *fixture.repository().open(&"Box".into()).unwrap()).present {
        let told = entry.partner.is_none_or(|told| entry.id == all[0] && told.uid == partner(41).uid);
        assert!(told, "{entry:?}");
    }
}
