//! A folder renamed on one side is renamed on the other, and none of its messages crosses anything. What is not beyond doubt is not.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::testing::Knobs;
use offlinesync_core::{BrakeLimits, ErrorKind, PerSide, Policy, Side};
use world::World;

impl World {
    /// `Old` with ten letters and `Old/below` with three, INBOX with one, in step.
    fn in_step(self) -> Self {
        self.add(Side::Remote, "INBOX", "first");
        (0..10).for_each(|n| drop(self.add(Side::Remote, "Old", &format!("letter {n}"))));
        (0..3).for_each(|n| drop(self.add(Side::Remote, "Old/below", &format!("note {n}"))));
        self.sync();
        self.sync();
        self
    }

    /// What a mail program does: everything below goes along.
    fn rename(&self, side: Side) {
        self.store(side).rename_folder("Old", "New");
        self.store(side).rename_folder("Old/below", "New/below");
    }

    fn names(&self, side: Side) -> Vec<String> {
        self.store(side).folder_names()
    }

    fn contents(&self, side: Side, folder: &str) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = self.store(side).mails(folder).into_iter().map(|(_, held)| held.octets).collect();
        all.sort();
        all
    }

    fn assert_renamed(&self, when: &str) {
        for side in Side::BOTH {
            assert_eq!(self.names(side), ["INBOX", "New", "New/below"], "{side} {when}");
        }
        for (folder, count) in [("New", 10), ("New/below", 3), ("INBOX", 1)] {
            assert_eq!(self.contents(Side::Remote, folder), self.contents(Side::Local, folder), "{folder} {when}");
            assert_eq!(self.store(Side::Local).count(folder), count, "{folder} {when}");
        }
        let before = Side::BOTH.map(|side| self.store(side).work());
        self.sync();
        assert_eq!(Side::BOTH.map(|side| self.store(side).work()), before, "the next sync opens nothing, {when}");
    }
}

fn worlds() -> impl Iterator<Item = (&'static str, World)> {
    World::of_every_kind().into_iter().map(|(name, world)| (name, world.in_step()))
}

#[test]
fn a_renamed_folder_is_renamed_on_the_other_side_and_no_content_is_read() {
    for side in Side::BOTH {
        for (name, world) in worlds() {
            world.rename(side);
            let before = world.fetched();
            let report = world.sync();
            world.assert_renamed(name);
            assert_eq!(world.fetched(), before, "{name}: content was read");
            assert_eq!((report.counts.removals, report.counts.copies), Default::default(), "{name}");
        }
    }
}

#[test]
fn what_changed_meanwhile_on_the_other_side_is_synced_under_the_new_name() {
    for side in Side::BOTH {
        for (name, world) in worlds() {
            world.rename(side);
            world.add(side.other(), "Old", "late");
            let first = world.store(side.other()).mails("Old").remove(0).0;
            world.store(side.other()).remove("Old", &first);
            world.sync();
            world.assert_renamed(name);
        }
    }
}

#[test]
fn folders_renamed_alike_on_both_sides_are_recorded_under_their_new_names() {
    for (name, world) in worlds() {
        Side::BOTH.into_iter().for_each(|side| world.rename(side));
        let before = world.fetched();
        world.sync();
        world.assert_renamed(name);
        assert_eq!(world.fetched(), before, "{name}");
    }
}

#[test]
fn a_run_may_be_stopped_at_any_effect_of_a_rename() {
    for side in Side::BOTH {
        for kind in 0..3 {
            for n in 1..40 {
                let (name, world) = worlds().nth(kind).unwrap();
                world.rename(side);
                world.faults.stop_after(world.faults.effects() + n);
                let _ = world.try_sync(Policy::default());
                world.faults.mend();
                world.sync();
                world.assert_renamed(&format!("({name}, renamed on the {side} side, stopped after effect {n})"));
            }
        }
    }
}

/// Neither is the old folder given up nor is anything of the new one missing.
fn assert_not_followed(world: &World, side: Side, new: &str) {
    let report = world.try_sync(Policy::default()).unwrap();
    assert!(!report.in_step(), "a folder that is missing is told");
    assert!(world.names(side.other()).contains(&"Old".to_owned()));
    assert_eq!(world.store(side.other()).count("Old"), 10);
    assert_eq!(world.contents(side, new), world.contents(side.other(), new));
}

#[test]
fn a_folder_that_changed_when_it_was_renamed_is_a_new_one() {
    for side in Side::BOTH {
        for (_, world) in worlds() {
            world.store(side).rename_folder("Old", "New");
            world.add(side, "New", "more");
            assert_not_followed(&world, side, "New");
        }
    }
}

#[test]
fn a_folder_of_equal_state_and_other_content_is_a_new_one() {
    for side in Side::BOTH {
        let world = World::new(Knobs::imap(), Knobs::imap()).in_step();
        // A server that numbers every folder alike: deleted there, and another made in its place.
        let validity = world.store(side).uid_validity("Old");
        world.store(side).delete_folder("Old");
        (0..10).for_each(|n| drop(world.add(side, "Else", &format!("something else {n}"))));
        world.store(side).set_uid_validity("Else", validity.0);
        assert_not_followed(&world, side, "Else");
    }
}

#[test]
fn two_folders_of_the_recorded_state_are_both_new() {
    for side in Side::BOTH {
        let world = World::new(Knobs::imap(), Knobs::imap()).in_step();
        let validity = world.store(side).uid_validity("Old");
        world.store(side).rename_folder("Old", "New");
        (0..10).for_each(|n| drop(world.add(side, "Twin", &format!("letter {n}"))));
        world.store(side).set_uid_validity("Twin", validity.0);
        assert_not_followed(&world, side, "New");
        assert_eq!(world.store(side.other()).count("Twin"), 10);
    }
}

#[test]
fn a_folder_whose_parent_alone_was_renamed_stays_where_it_is() {
    for (name, world) in worlds() {
        world.store(Side::Local).rename_folder("Old", "New");
        let before = world.fetched();
        let report = world.try_sync(Policy::default()).unwrap();
        // RENAME would take the other along: the parent is a new folder, and its old self is told to be missing.
        assert_eq!(report.failures.len(), 1, "{name}");
        assert_eq!(world.store(Side::Remote).count("Old/below"), 3, "{name}");
        assert_eq!(world.store(Side::Remote).count("New"), 10, "{name}");
        assert!(world.fetched() > before, "{name}");
    }
}

#[test]
fn a_dry_run_and_a_side_that_must_not_change_rename_nothing() {
    for side in Side::BOTH {
        for policy in [
            Policy { dry_run: true, ..Policy::default() },
            Policy { create_folders: PerSide { remote: false, local: false }, ..Policy::default() },
            Policy { read_only: PerSide { remote: true, local: true }, ..Policy::default() },
        ] {
            let world = World::new(Knobs::imap(), Knobs::maildir()).in_step();
            world.rename(side);
            world.try_sync(policy).unwrap();
            assert_eq!(world.names(side.other()), ["INBOX", "Old", "Old/below"]);
            world.sync();
            world.assert_renamed("afterwards");
        }
    }
}

/// Servers that say what a folder is called whatever its name.
fn telling() -> World {
    World::new(Knobs { folder_identities: true, ..Knobs::imap() }, Knobs::maildir()).in_step()
}

/// A run with a count of all it may remove: the brake has nothing to do with what is tried here.
fn unbraked() -> Policy {
    Policy { brake: BrakeLimits { allowed: Some(u64::MAX), ..BrakeLimits::default() }, ..Policy::default() }
}

#[test]
fn a_folder_that_changed_when_it_was_renamed_is_known_by_its_identity() {
    let world = telling();
    world.rename(Side::Remote);
    let first = world.store(Side::Remote).mails("New").remove(0).0;
    world.store(Side::Remote).remove("New", &first);
    world.add(Side::Remote, "New", "more");
    let before = world.fetched();
    let report = world.sync();
    world.assert_renamed("after changes");
    assert_eq!(world.fetched() - before, 1, "the new message alone");
    assert_eq!((report.counts.copies.local, report.counts.removals.local), (1, 1));
}

#[test]
fn a_folder_put_in_the_place_of_a_renamed_one_is_a_new_one() {
    let world = telling();
    world.rename(Side::Remote);
    world.add(Side::Remote, "Old", "another folder now");
    let before = world.fetched();
    world.sync();
    assert_eq!(world.fetched() - before, 1);
    for side in Side::BOTH {
        assert_eq!(world.names(side), ["INBOX", "New", "New/below", "Old"], "{side}");
        assert_eq!((world.store(side).count("New"), world.store(side).count("Old")), (10, 1), "{side}");
    }
}

/// A server that gives every folder the same UIDVALIDITY and its messages the same numbers again: by those alone, ten letters were replaced.
#[test]
fn a_folder_created_anew_under_the_same_name_and_numbers_is_refused_and_nothing_is_removed() {
    for left in [0, 3, 10] {
        let world = telling();
        let validity = world.store(Side::Remote).uid_validity("Old");
        world.store(Side::Remote).delete_folder("Old");
        world.store(Side::Remote).create_folder("Old");
        world.store(Side::Remote).set_uid_validity("Old", validity.0);
        (0..left).for_each(|n| drop(world.add(Side::Remote, "Old", &format!("something else {n}"))));
        let before = world.contents(Side::Local, "Old");
        for _ in 0..2 {
            let report = world.try_sync(unbraked()).unwrap();
            assert_eq!(report.failures.len(), 1);
            assert_eq!(report.failures[0].error.kind(), ErrorKind::Numbering);
            assert!(report.failures[0].error.to_string().contains("a new one created"), "{}", report.failures[0].error);
            assert_eq!(world.contents(Side::Local, "Old"), before, "{left}");
            assert_eq!(world.store(Side::Remote).count("Old"), left, "{left}");
        }
        world.try_sync(Policy { accept_new_numbering: true, ..unbraked() }).unwrap();
        world.sync();
        assert_eq!(world.store(Side::Local).count("Old"), 10 + left, "what each side has is on both");
        assert_eq!(world.contents(Side::Local, "Old"), world.contents(Side::Remote, "Old"));
    }
}

#[test]
fn a_server_that_calls_its_folders_something_else_is_believed_once_their_messages_are_the_same() {
    let world = telling();
    for (n, folder) in (1000..).zip(["INBOX", "Old", "Old/below"]) {
        world.store(Side::Remote).set_identity(folder, n);
    }
    let before = world.fetched();
    world.sync();
    assert_eq!(world.fetched(), before);
    let before = Side::BOTH.map(|side| world.store(side).work());
    world.sync();
    assert_eq!(Side::BOTH.map(|side| world.store(side).work()), before, "the next sync opens nothing");
    world.rename(Side::Remote);
    world.sync();
    world.assert_renamed("afterwards");
}

/// All folders are called the same: then their names and states tell, as with servers that tell nothing.
#[test]
fn an_identity_that_several_folders_have_tells_nothing() {
    let world = World::new(Knobs::imap(), Knobs::maildir()).in_step();
    for folder in ["INBOX", "Old", "Old/below"] {
        world.store(Side::Remote).set_identity(folder, 7);
    }
    world.store(Side::Remote).adjust(|knobs| knobs.folder_identities = true);
    world.sync();
    world.rename(Side::Remote);
    let before = world.fetched();
    world.sync();
    world.assert_renamed("by state");
    assert_eq!(world.fetched(), before);
}

/// Folders synced before their identities were written down get them at the next sync, without being opened.
#[test]
fn identities_are_written_down_for_folders_that_nobody_touched() {
    let world = World::new(Knobs::imap(), Knobs::maildir()).in_step();
    world.store(Side::Remote).adjust(|knobs| knobs.folder_identities = true);
    let before = Side::BOTH.map(|side| world.store(side).work());
    world.sync();
    assert_eq!(Side::BOTH.map(|side| world.store(side).work()), before);
    world.rename(Side::Remote);
    world.add(Side::Remote, "New", "more");
    world.sync();
    assert_eq!((world.names(Side::Local), world.store(Side::Local).count("New")), (world.names(Side::Remote), 11));
}
