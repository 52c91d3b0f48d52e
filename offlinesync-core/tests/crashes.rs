//! A run that ends at any effect whatever, and a message, a listing or a record that fails: the next run puts everything right.

#![allow(missing_docs, clippy::unwrap_used, clippy::type_complexity, reason = "a test fails by panicking")]

use offlinesync_core::plan::ConflictRule;
use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Bad, Faults, Faulty, FaultyStatus, Held, Knobs, Listing, Mail, MemoryRepository};
use offlinesync_core::{
    Cancel, ErrorKind, Flags, FolderName, MemoryStatus, MessageId, PerSide, PlainStatus, Policy, Repository, Result,
    Side, StatusStore, SystemFlags,
};
use std::sync::Arc;
use tempfile::TempDir;

struct World {
    faults: Faults,
    sides: PerSide<Faulty<MemoryRepository>>,
    status: Arc<dyn StatusStore>,
    conflict: ConflictRule,
    /// Where the status is, if it is in files.
    directory: Option<TempDir>,
}

impl World {
    fn new(remote: Knobs, local: Knobs) -> Self {
        let faults = Faults::new();
        let store = |name, knobs| Faulty::new(MemoryRepository::new(name, knobs).with_folder("INBOX"), &faults);
        World {
            sides: PerSide { remote: store("remote", remote), local: store("local", local) },
            status: Arc::new(FaultyStatus::new(MemoryStatus::default(), &faults)),
            faults,
            conflict: ConflictRule::default(),
            directory: None,
        }
    }

    /// The same with the status in text files, which are read again for each sync.
    fn in_text(self) -> Self {
        let directory = Some(tempfile::tempdir().unwrap());
        World { directory, ..self }
    }

    fn status(&self) -> Arc<dyn StatusStore> {
        match &self.directory {
            Some(directory) => {
                Arc::new(FaultyStatus::new(PlainStatus::open(directory.path(), false).unwrap(), &self.faults))
            }
            None => Arc::clone(&self.status),
        }
    }

    fn store(&self, side: Side) -> &MemoryRepository {
        self.sides[side].inner()
    }

    fn try_sync(&self) -> Result<Report> {
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        Account::new("A", store(Side::Remote), store(Side::Local), self.status())
            .with_policy(Policy { conflict: self.conflict, ..Policy::default() })
            .sync(&(), &Cancel::new())
    }

    fn sync(&self) {
        let report = self.try_sync().unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
    }

    fn accept_new_numbering(&self) {
        let store = |side: Side| Arc::new(self.sides[side].clone()) as Arc<dyn Repository>;
        let account = Account::new("A", store(Side::Remote), store(Side::Local), self.status());
        let policy = Policy { accept_new_numbering: true, ..Policy::default() };
        let report = account.with_policy(policy).sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
    }

    fn id_of(&self, side: Side, text: &str) -> MessageId {
        let octets = Mail::text(text).bytes;
        self.store(side).mails("INBOX").into_iter().find(|(_, held)| held.octets == octets).unwrap().0
    }

    fn add(&self, side: Side, text: &str) {
        self.store(side).add("INBOX", &Mail::text(text).bytes, Flags::default());
    }

    fn flag(&self, side: Side, text: &str) {
        self.store(side).set_flags("INBOX", &self.id_of(side, text), Flags::system(SystemFlags::FLAGGED));
    }

    fn contents(&self, side: Side) -> Vec<(Vec<u8>, Flags)> {
        let held = |(_, held): (MessageId, Held)| (held.octets, held.flags);
        let mut all: Vec<_> = self.store(side).mails("INBOX").into_iter().map(held).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Eight messages on both sides, then everything that can happen happens on either side.
    fn with_news(self) -> Self {
        (0..8).for_each(|n| self.add(Side::Remote, &format!("old {n}")));
        self.sync();
        for (side, first) in [(Side::Remote, 0), (Side::Local, 3)] {
            self.store(side).remove("INBOX", &self.id_of(side, &format!("old {first}")));
            self.flag(side, &format!("old {}", first + 1));
            self.flag(side, &format!("old {}", first + 2));
            (0..3).for_each(|n| self.add(side, &format!("new of {side} {n}")));
        }
        self.add(Side::Remote, "found on both sides");
        self.store(Side::Local).create_folder("Other");
        self.store(Side::Local).add("Other", &Mail::text("other").bytes, Flags::default());
        self
    }

    fn assert_settled(&self, when: &str) {
        let mut expected = Vec::new();
        for n in [1, 2, 4, 5, 6, 7] {
            let flag = if n < 6 { SystemFlags::FLAGGED } else { SystemFlags::NONE };
            expected.push((Mail::text(&format!("old {n}")).bytes, Flags::system(flag)));
        }
        let new = Side::BOTH.iter().flat_map(|side| (0..3).map(move |n| format!("new of {side} {n}")));
        let new = new.chain(["found on both sides".to_owned()]);
        expected.extend(new.map(|text| (Mail::text(&text).bytes, Flags::default())));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        for side in Side::BOTH {
            assert_eq!(shown(&self.contents(side)), shown(&expected), "{side} {when}");
            assert_eq!(self.store(side).count("Other"), 1, "{side} {when}");
        }
        let before = Side::BOTH.map(|side| self.store(side).work().1);
        self.sync();
        assert_eq!(Side::BOTH.map(|side| self.store(side).work().1), before, "the next sync changes nothing, {when}");
    }
}

fn shown(contents: &[(Vec<u8>, Flags)]) -> Vec<String> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).lines().last().unwrap_or_default().to_owned();
    contents.iter().map(|(octets, flags)| format!("{} [{flags}]", text(octets))).collect()
}

fn worlds() -> Vec<(&'static str, fn() -> World)> {
    vec![
        ("IMAP and Maildir", || World::new(Knobs::imap(), Knobs::maildir())),
        ("plain IMAP and Maildir", || World::new(Knobs::plain_imap(), Knobs::maildir())),
        ("IMAP and IMAP", || World::new(Knobs::imap(), Knobs::imap())),
        ("plain IMAP and plain IMAP", || World::new(Knobs::plain_imap(), Knobs::plain_imap())),
        ("eager IMAP and Maildir", || World::new(Knobs { eager: true, ..Knobs::imap() }, Knobs::maildir())),
        ("IMAP and Maildir, status as text", || World::new(Knobs::imap(), Knobs::maildir()).in_text()),
        ("Maildir and Maildir", || World::new(Knobs::maildir(), Knobs::maildir())),
    ]
}

#[test]
fn a_run_that_continues_a_stopped_one_may_be_stopped_too() {
    for (name, world) in worlds() {
        for (first, second) in (1..140).step_by(3).flat_map(|n| [3, 13, 23, 33].map(|m| (n, m + n % 10))) {
            let world = world().with_news();
            world.faults.stop_after(world.faults.effects() + first);
            let _ = world.try_sync();
            world.faults.mend();
            world.faults.stop_after(world.faults.effects() + second);
            let _ = world.try_sync();
            world.faults.mend();
            world.sync();
            world.assert_settled(&format!("({name}, stopped after effect {first}, then after {second})"));
        }
    }
}

#[test]
fn a_first_meeting_may_be_stopped_at_any_effect() {
    for (name, world) in worlds() {
        for n in 1.. {
            let world = world();
            let all = ["on both", "on both too", "of remote", "of remote too", "of local", "of local too"];
            all[..4].iter().for_each(|text| world.add(Side::Remote, text));
            all[..2].iter().chain(&all[4..]).for_each(|text| world.add(Side::Local, text));
            world.flag(Side::Local, "on both");
            world.flag(Side::Remote, "on both too");
            world.faults.stop_after(n);
            let _ = world.try_sync();
            if world.faults.effects() < n {
                break;
            }
            world.faults.mend();
            world.sync();
            let flags = |text: &str| if text.starts_with("on both") { SystemFlags::FLAGGED } else { SystemFlags::NONE };
            let mut expected: Vec<_> =
                all.iter().map(|text| (Mail::text(text).bytes, Flags::system(flags(text)))).collect();
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            for side in Side::BOTH {
                assert_eq!(shown(&world.contents(side)), shown(&expected), "{name}: {side}: effect {n}");
            }
        }
    }
}

#[test]
fn a_message_copied_back_may_be_stopped_at_any_effect() {
    for (name, world) in worlds() {
        for (removed_on, n) in Side::BOTH.into_iter().flat_map(|side| (1..60).map(move |n| (side, n))) {
            let world = World { conflict: ConflictRule::ChangeWins, ..world() };
            ["kept", "other"].iter().for_each(|text| world.add(Side::Remote, text));
            world.sync();
            world.flag(removed_on.other(), "kept");
            world.store(removed_on).remove("INBOX", &world.id_of(removed_on, "kept"));
            world.faults.stop_after(world.faults.effects() + n);
            let _ = world.try_sync();
            world.faults.mend();
            world.sync();
            let flagged = Flags::system(SystemFlags::FLAGGED);
            let mut expected = vec![(Mail::text("kept").bytes, flagged), (Mail::text("other").bytes, Flags::default())];
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            for side in Side::BOTH {
                assert_eq!(
                    shown(&world.contents(side)),
                    shown(&expected),
                    "{name}: {side}, removed on {removed_on}, effect {n}"
                );
            }
        }
    }
}

/// A mail program removed the message whose upload had been cut short. Where the server tells no new ids the upload was confirmed, but
/// its digest forgotten, and the message came back. Between two servers there was no digest at all.
#[test]
fn what_was_uploaded_before_the_end_goes_with_its_source() {
    for (name, world) in worlds() {
        for (how, arm) in [("before", Faults::stop_before as fn(&Faults, u64)), ("after", Faults::stop_after)] {
            for n in 1.. {
                let world = world();
                ["old", "older"].iter().for_each(|text| world.add(Side::Remote, text));
                world.sync();
                ["new", "newer", "newest"].iter().for_each(|text| world.add(Side::Local, text));
                let before = world.faults.effects();
                arm(&world.faults, before + n);
                let _ = world.try_sync();
                if world.faults.effects() < before + n {
                    break;
                }
                world.faults.mend();
                world.store(Side::Local).remove("INBOX", &world.id_of(Side::Local, "newer"));
                world.sync();
                for side in Side::BOTH {
                    let texts = shown(&world.contents(side));
                    assert_eq!(texts.len(), 4, "{name}: {side}: stopped {how} effect {n}: {texts:?}");
                }
            }
        }
    }
}

/// Stops or fails at every effect of a sync in turn, and looks at what the next sync makes of it.
fn at_every_effect(how: &str, arm: fn(&Faults, u64)) {
    for (name, world) in worlds() {
        for n in 1.. {
            let world = world().with_news();
            let before = world.faults.effects();
            arm(&world.faults, before + n);
            let _ = world.try_sync();
            let log = world.faults.log();
            if (log.len() as u64) < before + n {
                assert!(n > 30, "{name}: a sync has more effects than {n}");
                break;
            }
            world.faults.mend();
            world.sync();
            let effect = log[(before + n - 1) as usize];
            world.assert_settled(&format!("({name}, {how} effect {n}, '{effect}')"));
        }
    }
}

#[test]
fn a_run_stopped_before_any_effect_is_continued_by_the_next() {
    at_every_effect("stopped before", Faults::stop_before);
}

#[test]
fn a_run_stopped_halfway_through_any_effect_is_continued_by_the_next() {
    at_every_effect("stopped within", Faults::stop_within);
}

#[test]
fn a_run_that_never_hears_of_an_effect_carried_out_is_continued_by_the_next() {
    at_every_effect("stopped after", Faults::stop_after);
}

#[test]
fn an_effect_that_fails_once_is_made_good_by_the_next_run() {
    at_every_effect("failed message at", |faults, n| faults.fail_at(n, ErrorKind::Message));
    at_every_effect("failed folder at", |faults, n| faults.fail_at(n, ErrorKind::Folder));
}

#[test]
fn a_message_that_fails_holds_up_no_other_and_comes_when_it_can() {
    let spoilings: [(&str, fn(&mut Bad, PerSide<MessageId>)); 4] = [
        ("unreadable", |bad, new| bad.unreadable.extend([new.remote, new.local])),
        ("breaking off", |bad, new| bad.breaking_off.extend([new.remote, new.local])),
        ("refused", |bad, new| bad.refused.extend([new.remote, new.local])),
        ("not committed", |bad, new| bad.not_committed.extend([new.remote, new.local])),
    ];
    for (name, world) in worlds() {
        for (how, spoil) in spoilings {
            let world = world().with_news();
            let new = PerSide::from_fn(|side| world.id_of(side, &format!("new of {side} 1")));
            for side in Side::BOTH {
                world.sides[side].spoil(|bad| spoil(bad, new.clone()));
            }
            for _ in 0..2 {
                let report = world.try_sync().unwrap();
                assert!(!report.in_step(), "{name}: {how}");
                for side in Side::BOTH {
                    assert!(world.contents(side).len() >= 11, "{name}: {how}: {side}");
                }
            }
            Side::BOTH.iter().for_each(|side| world.sides[*side].spoil(|bad| *bad = Bad::default()));
            world.sync();
            world.assert_settled(&format!("({name}, {how})"));
        }
    }
}

#[test]
fn flags_and_removals_that_fail_are_tried_again() {
    for (name, world) in worlds() {
        let world = world().with_news();
        for side in Side::BOTH {
            let all: Vec<MessageId> = world.store(side).mails("INBOX").into_iter().map(|(id, _)| id).collect();
            world.sides[side].spoil(|bad| {
                bad.unchangeable.extend(all.iter().cloned());
                bad.unremovable.extend(all);
            });
        }
        assert!(!world.try_sync().unwrap().in_step(), "{name}");
        Side::BOTH.iter().for_each(|side| world.sides[*side].spoil(|bad| *bad = Bad::default()));
        world.sync();
        world.assert_settled(&format!("({name})"));
    }
}

#[test]
fn listings_that_fail_or_lie_remove_nothing() {
    let spoilings: [(&str, fn(&mut Bad)); 4] = [
        ("the list of folders fails", |bad| bad.list = Listing::Fails(ErrorKind::Unavailable)),
        ("the list of folders is empty", |bad| bad.list = Listing::Empty),
        ("listings fail", |bad| bad.changes = Listing::Fails(ErrorKind::Folder)),
        ("listings are empty", |bad| bad.changes = Listing::Empty),
    ];
    for (name, world) in worlds() {
        for (how, spoil) in spoilings {
            for side in Side::BOTH {
                let world = world().with_news();
                let before = Side::BOTH.map(|side| world.contents(side));
                world.sides[side].spoil(spoil);
                let in_step = world.try_sync().is_ok_and(|report| report.in_step());
                assert!(!in_step, "{name}: {side}: {how}");
                assert_eq!(Side::BOTH.map(|side| world.contents(side)), before, "{name}: {side}: {how}");
                world.sides[side].spoil(|bad| *bad = Bad::default());
                world.sync();
                world.assert_settled(&format!("({name}, {side}: {how})"));
            }
        }
    }
}

/// An upload was cut short, and then its source could not be found: the folder had been restored from a backup. That is no removal.
#[test]
fn an_interrupted_upload_stays_when_its_source_has_new_numbering() {
    let pair = PerSide::from_fn(|_| FolderName::from("INBOX"));
    let intents = |world: &World| world.status().folder(&pair).unwrap().intents().unwrap().len();
    let uploaded = |n: u64| {
        let world = World::new(Knobs::imap(), Knobs::maildir());
        world.add(Side::Remote, "old");
        world.sync();
        world.add(Side::Local, "new");
        world.faults.stop_after(world.faults.effects() + n);
        let _ = world.try_sync();
        world.faults.mend();
        (intents(&world) == 1 && world.contents(Side::Remote).len() == 2).then_some(world)
    };
    let world = (1..20).find_map(uploaded).unwrap();
    world.store(Side::Local).remove("INBOX", &world.id_of(Side::Local, "new"));
    world.store(Side::Local).set_uid_validity("INBOX", 4711);
    world.accept_new_numbering();
    assert_eq!(world.contents(Side::Remote).len(), 2);
    assert_eq!(world.contents(Side::Local), world.contents(Side::Remote));
    assert_eq!(intents(&world), 0);
}
