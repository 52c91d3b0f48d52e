//! Comparing both sides tells every difference and changes nothing; a repair writes rows and touches no mail.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::sync::{Account, Discrepancy, Verification};
use offlinesync_core::testing::{Faults, Faulty, Knobs, Mail, MemoryRepository};
use offlinesync_core::{
    Batch, Cancel, ErrorKind, Flags, FolderPair, Intent, KnownBy, MemoryStatus, MessageId, PerSide, Policy, Row, Side,
    StatusStore, SystemFlags, Window,
};
use std::sync::Arc;

struct World {
    sides: PerSide<Faulty<MemoryRepository>>,
    status: Arc<MemoryStatus>,
}

impl World {
    /// Five letters in INBOX, in step.
    fn new() -> Self {
        let faults = Faults::new();
        let store = |name, knobs| Faulty::new(MemoryRepository::new(name, knobs).with_folder("INBOX"), &faults);
        let sides = PerSide { remote: store("remote", Knobs::imap()), local: store("local", Knobs::maildir()) };
        let world = World { sides, status: Arc::default() };
        (0..5).for_each(|n| drop(world.add(Side::Remote, &format!("letter {n}"))));
        world.sync();
        world.sync();
        world
    }

    fn account(&self) -> Account {
        let [remote, local] = Side::BOTH.map(|side| Arc::new(self.sides[side].clone()));
        Account::new("test", remote, local, self.status.clone())
    }

    fn sync(&self) {
        let report = self.account().sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{report:?}");
    }

    fn store(&self, side: Side) -> &MemoryRepository {
        self.sides[side].inner()
    }

    fn add(&self, side: Side, text: &str) -> MessageId {
        self.store(side).add("INBOX", &Mail::text(text).bytes, Flags::default())
    }

    fn id_of(&self, side: Side, text: &str) -> MessageId {
        let octets = Mail::text(text).bytes;
        self.store(side).mails("INBOX").into_iter().find(|(_, held)| held.octets == octets).unwrap().0
    }

    fn ids_of(&self, text: &str) -> PerSide<MessageId> {
        PerSide::from_fn(|side| self.id_of(side, text))
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.status
            .folder(&pair("INBOX"))
            .unwrap()
            .rows(&mut |row| {
                rows.push(row);
                Ok(())
            })
            .unwrap();
        rows
    }

    fn change_rows(&self, batch: Batch) {
        self.status.folder(&pair("INBOX")).unwrap().apply(batch).unwrap();
    }

    /// Everything there is, to see that nothing changes.
    fn everything(&self) -> String {
        let mails = PerSide::from_fn(|side| self.store(side).mails("INBOX"));
        format!("{mails:?} {:?} {:?}", self.rows(), self.status.folders().unwrap())
    }

    /// What is found, without repair: nothing is changed by that.
    fn verify(&self) -> Verification {
        let before = self.everything();
        let verification = self.account().verify(false, &(), &Cancel::new()).unwrap();
        assert_eq!(self.everything(), before, "verifying changed something");
        verification
    }

    fn found(&self) -> Vec<Discrepancy> {
        let verification = self.verify();
        assert!(verification.failures.is_empty(), "{verification:?}");
        verification.findings.into_iter().map(|finding| finding.what).collect()
    }

    /// Repairs: mail stays as it is.
    fn repair(&self) -> Verification {
        let mails = || format!("{:?}", PerSide::from_fn(|side| self.store(side).mails("INBOX")));
        let before = mails();
        let verification = self.account().verify(true, &(), &Cancel::new()).unwrap();
        assert_eq!(mails(), before, "a repair touched mail");
        verification
    }
}

fn pair(name: &str) -> FolderPair {
    FolderPair { remote: name.into(), local: name.into() }
}

fn seen() -> Flags {
    Flags::system(SystemFlags::SEEN)
}

#[test]
fn what_is_in_step_is_found_in_step_and_every_message_was_read() {
    let verification = World::new().verify();
    assert!(verification.in_step(), "{verification:?}");
    assert_eq!((verification.pairs, verification.messages), (1, PerSide { remote: 5, local: 5 }));
    assert!(verification.octets.remote > 0 && verification.octets.remote == verification.octets.local);
}

#[test]
fn a_message_that_is_gone_from_one_side_or_from_both_is_told() {
    let world = World::new();
    let [one, two, three] = ["letter 1", "letter 2", "letter 3"].map(|text| world.ids_of(text));
    world.store(Side::Remote).remove("INBOX", &one.remote);
    world.store(Side::Local).remove("INBOX", &two.local);
    world.store(Side::Remote).remove("INBOX", &three.remote);
    world.store(Side::Local).remove("INBOX", &three.local);
    let found = world.found();
    assert_eq!(
        found,
        [
            Discrepancy::Missing { on: Side::Remote, ids: one },
            Discrepancy::Missing { on: Side::Local, ids: two },
            Discrepancy::RowAlone { ids: three },
        ]
    );
}

#[test]
fn a_message_that_nothing_is_recorded_of_is_told() {
    let world = World::new();
    let here = world.add(Side::Local, "only here");
    let there = world.add(Side::Remote, "only there");
    assert_eq!(
        world.found(),
        [Discrepancy::Alone { on: Side::Remote, id: there }, Discrepancy::Alone { on: Side::Local, id: here }]
    );
}

#[test]
fn content_that_differs_by_one_octet_is_told_with_both_sizes() {
    let world = World::new();
    let ids = world.ids_of("letter 3");
    let other = Mail::text("letter 9").bytes;
    let changed = world.store(Side::Local).add("INBOX", &other, Flags::default());
    world.store(Side::Local).remove("INBOX", &ids.local);
    let ids = PerSide { remote: ids.remote, local: changed };
    world.change_rows(Batch { upsert: vec![Row { ids: ids.clone(), base: Flags::default() }], ..Batch::default() });
    let octets = PerSide { remote: Mail::text("letter 3").bytes.len() as u64, local: other.len() as u64 };
    assert_eq!(world.found(), [Discrepancy::Content { ids, octets }]);
    assert!(world.repair().findings.len() == 1, "there is nothing that would be right");
}

#[test]
fn flags_that_differ_from_side_to_side_or_from_the_row_are_told() {
    let world = World::new();
    let [one, two] = ["letter 1", "letter 2"].map(|text| world.ids_of(text));
    world.store(Side::Remote).set_flags("INBOX", &one.remote, seen());
    Side::BOTH.iter().for_each(|side| world.store(*side).set_flags("INBOX", &two[*side], seen()));
    let none = Flags::default();
    assert_eq!(
        world.found(),
        [
            Discrepancy::Flags {
                ids: one,
                flags: PerSide { remote: seen(), local: none.clone() },
                agreed: none.clone()
            },
            Discrepancy::Flags { ids: two, flags: PerSide { remote: seen(), local: seen() }, agreed: none },
        ]
    );
}

#[test]
fn the_same_message_twice_is_told_but_is_in_step_when_both_sides_have_it_twice() {
    let world = World::new();
    let first = world.id_of(Side::Remote, "letter 2");
    let second = world.add(Side::Remote, "letter 2");
    let found = world.found();
    assert_eq!(found[0], Discrepancy::Alone { on: Side::Remote, id: second.clone() });
    assert!(matches!(&found[1], Discrepancy::Twice { ids } if ids.remote == [first, second] && ids.local.len() == 1));
    world.sync();
    let verification = world.verify();
    assert!(verification.in_step());
    assert!(matches!(&verification.findings[..], [one] if matches!(one.what, Discrepancy::Twice { .. })));
}

/// With `maxage`, all that no sync touches was read whole and told as a difference.
#[test]
fn what_is_outside_the_window_is_neither_read_nor_told() {
    let world = World::new();
    let long = |n: u32| format!("letter {n} {}", "x".repeat(4000));
    (5..7).for_each(|n| drop(world.add(Side::Remote, &long(n))));
    world.sync();
    // One of those with a row is gone from a side, which a narrower window lets be, and some came that no sync saw.
    world.store(Side::Local).remove("INBOX", &world.id_of(Side::Local, &long(5)));
    world.add(Side::Remote, &long(8));
    world.add(Side::Local, &long(9));
    let window = Window { since: None, max_octets: Some(2000) };
    let verify = |repair| {
        let account = world.account().with_policy(Policy { window, ..Policy::default() });
        account.verify(repair, &(), &Cancel::new()).unwrap()
    };
    let (rows, everything) = (world.rows(), world.everything());
    for repair in [false, true] {
        let verification = verify(repair);
        assert!(verification.in_step(), "{verification:?}");
        assert_eq!(verification.messages, PerSide { remote: 5, local: 5 });
        assert_eq!((world.rows(), world.everything()), (rows.clone(), everything.clone()));
    }
    world.store(Side::Local).remove("INBOX", &world.id_of(Side::Local, "letter 1"));
    let verification = verify(false);
    let what: Vec<&Discrepancy> = verification.findings.iter().map(|finding| &finding.what).collect();
    assert!(matches!(what[..], [Discrepancy::Missing { on: Side::Local, .. }]), "{what:?}");
    assert_eq!(world.verify().findings.len(), 4);
}

#[test]
fn a_folder_on_one_side_only_is_told() {
    let world = World::new();
    world.store(Side::Local).create_folder("Drafts");
    world.store(Side::Local).create_folder("Sent");
    world.sync();
    world.store(Side::Remote).delete_folder("Sent");
    world.store(Side::Remote).create_folder("New");
    world.store(Side::Local).add("Sent", b"Subject: x\r\n\r\n", Flags::default());
    let verification = world.verify();
    let folders: Vec<_> = verification.findings.iter().map(|f| (f.pair.remote.as_str(), &f.what)).collect();
    assert_eq!(
        folders,
        [
            ("New", &Discrepancy::FolderMissing { on: Side::Local, rows: 0 }),
            ("Sent", &Discrepancy::FolderMissing { on: Side::Remote, rows: 0 }),
        ]
    );
}

#[test]
fn a_message_that_cannot_be_read_and_a_folder_with_new_numbers_are_failures() {
    let world = World::new();
    let bad = world.id_of(Side::Remote, "letter 4");
    world.sides.remote.spoil(|spoiled| assert!(spoiled.unreadable.insert(bad.clone())));
    let verification = world.verify();
    assert!(!verification.in_step() && verification.findings.is_empty());
    assert_eq!(verification.failures[0].message, Some((bad, Side::Remote)));
    world.store(Side::Remote).renumber("INBOX");
    let verification = world.repair();
    assert_eq!(verification.failures[0].error.kind(), ErrorKind::Numbering);
    assert_eq!(world.rows().len(), 5);
}

/// The status file is lost, or an old one was restored: rows come back by content, and the next sync has nothing to copy.
#[test]
fn lost_rows_are_written_anew_by_content_and_the_next_sync_copies_nothing() {
    let world = World::new();
    let [one, two] = ["letter 1", "letter 2"].map(|text| world.ids_of(text));
    world.change_rows(Batch { delete: vec![one.remote.clone(), two.remote.clone()], ..Batch::default() });
    let mut unrecorded = [one, two].map(|ids| Discrepancy::Unrecorded { ids });
    unrecorded.sort_by_key(|what| format!("{what:?}"));
    let mut found = world.found();
    found.sort_by_key(|what| format!("{what:?}"));
    assert_eq!(found, unrecorded);
    let verification = world.repair();
    assert!(verification.in_step() && verification.paired == 2, "{verification:?}");
    assert!(world.verify().in_step());
    let report = world.account().sync(&(), &Cancel::new()).unwrap();
    assert_eq!((report.counts.copies, report.counts.removals), Default::default());

    world.status.forget(&pair("INBOX")).unwrap();
    assert_eq!(world.found().len(), 5);
    assert_eq!(world.repair().paired, 5);
    let report = world.account().sync(&(), &Cancel::new()).unwrap();
    assert_eq!((report.counts.copies, report.counts.removals), Default::default());
}

/// Rows that pair each message with the wrong one: removing one would remove another on the other side.
#[test]
fn rows_that_were_led_astray_are_put_right() {
    let world = World::new();
    let [one, two] = ["letter 1", "letter 2"].map(|text| world.ids_of(text));
    let crossed = |remote: &MessageId, local: &MessageId| Row {
        ids: PerSide { remote: remote.clone(), local: local.clone() },
        base: Flags::default(),
    };
    let upsert = vec![crossed(&one.remote, &two.local), crossed(&two.remote, &one.local)];
    world.change_rows(Batch { delete: vec![one.remote.clone(), two.remote.clone()], upsert, ..Batch::default() });
    assert!(world.found().iter().all(|what| matches!(what, Discrepancy::Content { .. })));
    assert!(world.repair().in_step());
    let rows: Vec<PerSide<MessageId>> = world.rows().into_iter().map(|row| row.ids).collect();
    assert!(rows.contains(&one) && rows.contains(&two) && rows.len() == 5);
}

/// Another program gave the file of a message a new name: to a sync it is a message removed and another come in.
#[test]
fn a_row_whose_message_has_another_name_now_is_written_anew() {
    let world = World::new();
    let ids = world.ids_of("letter 1");
    world.store(Side::Local).remove("INBOX", &ids.local);
    let renamed = world.store(Side::Local).add("INBOX", &Mail::text("letter 1").bytes, seen());
    let verification = world.repair();
    assert_eq!(verification.paired, 1);
    let row = world.rows().into_iter().find(|row| row.ids.remote == ids.remote).unwrap();
    assert_eq!((row.ids.local, row.base), (renamed, Flags::default()));
    let flags = PerSide { remote: Flags::default(), local: seen() };
    assert!(
        matches!(&verification.findings[..], [one] if matches!(&one.what, Discrepancy::Flags { flags: f, .. } if *f == flags))
    );
    let report = world.account().sync(&(), &Cancel::new()).unwrap();
    assert_eq!((report.counts.copies, report.counts.flags.remote), (PerSide::default(), 1));
}

#[test]
fn rows_of_nothing_are_deleted_and_the_intent_of_a_message_that_was_paired_too() {
    let world = World::new();
    let [one, two] = ["letter 1", "letter 2"].map(|text| world.ids_of(text));
    Side::BOTH.iter().for_each(|side| world.store(*side).remove("INBOX", &one[*side]));
    let intent = Intent { to: Side::Remote, source: two.local.clone(), known_by: KnownBy::Source, confirmed: true };
    world.change_rows(Batch { delete: vec![two.remote.clone()], intents: vec![intent], ..Batch::default() });
    assert!(world.found().contains(&Discrepancy::Unfinished { to: Side::Remote, source: two.local }));
    let verification = world.repair();
    assert!(verification.in_step(), "{verification:?}");
    assert_eq!((verification.paired, verification.forgotten), (1, 1));
    assert_eq!(world.rows().len(), 4);
}

#[test]
fn a_store_that_is_not_there_is_neither_created_nor_repaired() {
    let world = World::new();
    world.store(Side::Local).vanish();
    let error = world.account().verify(true, &(), &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(world.rows().len(), 5);
    let cancel = Cancel::new();
    cancel.cancel();
    assert_eq!(world.account().verify(false, &(), &cancel).unwrap_err().kind(), ErrorKind::Refused);
}
