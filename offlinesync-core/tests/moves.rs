//! A message that left one folder and appeared in another is moved on the other side too, and its content crosses nothing.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use offlinesync_core::status::KnownBy;
use offlinesync_core::testing::{ContentsKnob, Knobs, Mail};
use offlinesync_core::{
    Flags, InternalDate, MessageId, PerSide, Policy, Repository, Side, StatusStore, SystemFlags, Window,
};
use world::World;

const FOLDERS: [&str; 2] = ["INBOX", "Archive"];
const MOVED: [&str; 3] = ["letter 1", "letter 4", "letter 7"];

impl World {
    /// Ten letters in INBOX and two in the archive, in step.
    fn in_step(self) -> Self {
        (0..10).for_each(|n| drop(self.add(Side::Remote, "INBOX", &format!("letter {n}"))));
        (20..22).for_each(|n| drop(self.add(Side::Remote, "Archive", &format!("letter {n}"))));
        self.sync();
        self.sync();
        self
    }

    fn id_of(&self, side: Side, folder: &str, text: &str) -> MessageId {
        let octets = Mail::text(text).bytes;
        self.store(side).mails(folder).into_iter().find(|(_, held)| held.octets == octets).unwrap().0
    }

    /// Another client moves a message as clients do: there it is new, here it is gone.
    fn move_letter(&self, side: Side, text: &str) -> MessageId {
        let id = self.id_of(side, "INBOX", text);
        self.store(side).remove("INBOX", &id);
        self.add(side, "Archive", text)
    }

    /// Somebody moves files, which keep their names where the store has names.
    fn carry(&self, side: Side, from: &str, to: &str) {
        let ids = MOVED.map(|text| self.id_of(side, from, text));
        let mut folder = self.store(side).open(&from.into()).unwrap();
        assert!(folder.transfer(&ids, &to.into()).unwrap().is_some());
    }

    /// Somebody takes files out of the store, where no sync sees them.
    fn take_out(&self, side: Side) {
        self.store(side).create_folder("Aside");
        self.carry(side, "INBOX", "Aside");
        self.store(side).set_selectable("Aside", false);
    }

    /// Puts back what was taken out.
    fn put_back(&self, side: Side) {
        self.store(side).set_selectable("Aside", true);
        self.carry(side, "Aside", "INBOX");
        self.store(side).delete_folder("Aside");
    }

    fn contents(&self, side: Side, folder: &str) -> Vec<String> {
        let shown = |octets: &[u8]| String::from_utf8_lossy(octets).lines().last().unwrap_or_default().to_owned();
        let mails = self.store(side).mails(folder);
        let mut all: Vec<String> =
            mails.into_iter().map(|(_, held)| format!("{} [{}]", shown(&held.octets), held.flags)).collect();
        all.sort();
        all
    }

    fn assert_equal(&self, when: &str) {
        for folder in FOLDERS {
            assert_eq!(self.contents(Side::Remote, folder), self.contents(Side::Local, folder), "{folder} {when}");
        }
        assert_eq!(FOLDERS.map(|folder| self.store(Side::Local).count(folder)), [7, 5], "{when}");
        let before = Side::BOTH.map(|side| self.store(side).work().1);
        self.sync();
        assert_eq!(Side::BOTH.map(|side| self.store(side).work().1), before, "the next sync changes nothing, {when}");
    }
}

/// A moved message kept its name where the row of another still had that name: the one that was removed there at the same time. The status
/// refused the second row, and the run ended with an error.
#[test]
fn a_message_is_moved_to_where_another_of_its_name_was_just_removed() {
    for (remote, local) in [(Knobs::imap(), Knobs::maildir()), (Knobs::maildir(), Knobs::maildir())] {
        let world = World::new(remote, local);
        let moved = world.add(Side::Local, "INBOX", "letter 1");
        let removed = world.add(Side::Local, "Archive", "letter 2");
        assert_eq!(moved, removed);
        world.sync();
        world.store(Side::Local).remove("Archive", &removed);
        world.move_letter(Side::Remote, "letter 1");
        world.sync();
        for side in Side::BOTH {
            assert_eq!(FOLDERS.map(|folder| world.contents(side, folder).len()), [0, 1], "{side}");
            assert!(world.contents(side, "Archive")[0].starts_with("letter 1"), "{side}");
        }
        world.sync();
    }
}

/// The two sides told different dates of a message, and only the server's was inside the window. Its file was moved to another folder: it was
/// removed on the server and, outside by its own date, not sent again.
#[test]
fn a_message_that_is_moved_and_is_outside_the_window_by_the_date_of_its_file_is_moved_on_the_server() {
    let date = |seconds| Some(InternalDate { seconds, zone_minutes: 0 });
    let (early, late) = (date(1_000_000_000), date(1_700_000_000));
    for (transfer, others) in [(true, 0), (false, 0), (true, 60)] {
        let world = World::new(Knobs { transfer, ..Knobs::imap() }, Knobs::maildir());
        let policy = Policy { window: Window { since: Some(1_600_000_000), max_octets: None }, ..Policy::default() };
        Side::BOTH.into_iter().for_each(|side| world.store(side).create_folder("Archive"));
        let sync = || assert!(world.try_sync(policy.clone()).unwrap().in_step());
        let add = |side: Side, folder: &str, text: &str, date| {
            world.store(side).add_dated(folder, &Mail::text(text).bytes, Flags::default(), date)
        };
        for text in ["letter 1", "letter 2"] {
            add(Side::Remote, "INBOX", text, late);
            add(Side::Local, "INBOX", text, early);
        }
        (0..others).for_each(|n| drop(add(Side::Local, "Archive", &format!("older letter {n}"), early)));
        sync();
        assert_eq!(world.store(Side::Remote).count("Archive"), 0, "what is outside stays where it is");
        world.store(Side::Local).remove("INBOX", &world.id_of(Side::Local, "INBOX", "letter 1"));
        add(Side::Local, "Archive", "letter 1", early);
        sync();
        assert_eq!(FOLDERS.map(|folder| world.contents(Side::Remote, folder).len()), [1, 1], "{transfer} {others}");
        assert!(world.contents(Side::Remote, "Archive")[0].starts_with("letter 1"));
    }
}

#[test]
fn a_move_is_followed_on_either_side_without_content() {
    for side in Side::BOTH {
        for (name, world) in World::of_every_kind() {
            let world = world.in_step();
            MOVED.iter().for_each(|text| drop(world.move_letter(side, text)));
            let before = (world.fetched(), world.store(side.other()).calls().transferred);
            let report = world.sync();
            world.assert_equal(name);
            assert_eq!(world.fetched(), before.0, "{name}: no content is read");
            assert_eq!(world.store(side.other()).calls().transferred - before.1, 3, "{name}");
            assert_eq!((report.counts.removals, report.counts.copies), Default::default(), "{name}");
        }
    }
}

#[test]
fn flags_that_change_with_the_move_go_along() {
    for side in Side::BOTH {
        for (name, world) in World::of_every_kind() {
            let world = world.in_step();
            let there = world.id_of(side.other(), "INBOX", MOVED[0]);
            world.store(side.other()).set_flags("INBOX", &there, Flags::system(SystemFlags::ANSWERED));
            for text in MOVED {
                let id = world.move_letter(side, text);
                world.store(side).set_flags("Archive", &id, Flags::system(SystemFlags::SEEN));
            }
            world.sync();
            world.assert_equal(name);
            let seen = world.contents(Side::Local, "Archive").iter().filter(|line| line.contains("Seen")).count();
            assert_eq!(seen, 3, "{name}");
        }
    }
}

/// Every kind of stores, with letters moved on either side, after a run that was stopped at any effect of following them.
fn stopped_moves() -> impl Iterator<Item = (String, Side, World)> {
    stopped_follows(|world, side| MOVED.iter().for_each(|text| drop(world.move_letter(side, text))))
}

/// Every kind of stores in step, with something done on either side, after a run that was stopped at any effect of following it.
fn stopped_follows(act: impl Fn(&World, Side) + Copy) -> impl Iterator<Item = (String, Side, World)> {
    let kinds = Side::BOTH.into_iter().flat_map(|side| (0..World::of_every_kind().len()).map(move |kind| (side, kind)));
    kinds.flat_map(|(side, kind)| (1..60).map(move |n| (side, kind, n))).map(move |(side, kind, n)| {
        let (name, world) = World::of_every_kind().swap_remove(kind);
        let world = world.in_step();
        act(&world, side);
        world.faults.stop_after(world.faults.effects() + n);
        let _ = world.try_sync(Policy::default());
        world.faults.mend();
        (format!("({name}, moved on the {side} side, stopped after effect {n})"), side, world)
    })
}

#[test]
fn a_run_may_be_stopped_at_any_effect_of_a_move() {
    for (when, _, world) in stopped_moves() {
        world.sync();
        world.assert_equal(&when);
    }
}

/// A run died after it had written that a message is in its new folder, and before it had written that it is no more in the old one. By
/// the next run the message was back. The old folder's row was in the way of the new one, and the folder failed.
#[test]
fn a_move_that_is_undone_after_a_run_was_stopped_is_followed_back() {
    let unmoved = World::new(Knobs::imap(), Knobs::maildir()).in_step().contents(Side::Remote, "INBOX");
    for (when, side, world) in stopped_moves() {
        for text in MOVED {
            let id = world.id_of(side, "Archive", text);
            world.store(side).remove("Archive", &id);
            world.add(side, "INBOX", text);
        }
        world.sync();
        Side::BOTH.iter().for_each(|on| assert_eq!(world.contents(*on, "INBOX"), unmoved, "{when}"));
    }
}

/// A server moved some of them and not the others. Those stayed behind for good: their removal was taken for done, and the cursor had
/// gone past it.
#[test]
fn what_a_store_does_not_move_is_copied_and_removed() {
    for side in Side::BOTH {
        for (name, world) in World::of_every_kind() {
            let world = world.in_step();
            MOVED.iter().for_each(|text| drop(world.move_letter(side, text)));
            let unmovable = world.id_of(side.other(), "INBOX", MOVED[1]);
            world.sides[side.other()].spoil(|bad| bad.unmovable.extend([unmovable]));
            world.sync();
            world.assert_equal(&format!("({name}, moved on the {side} side)"));
        }
    }
}

/// What was not moved was still to be copied when the cursor went past it, and only the intent told that. The next round found that nothing had
/// come of the move and deleted the intent; a run that died then never copied the message.
#[test]
fn a_run_may_be_stopped_while_it_copies_and_removes_what_a_store_does_not_move() {
    for side in Side::BOTH {
        for kind in 0..World::of_every_kind().len() {
            for n in 1..60 {
                let (name, world) = World::of_every_kind().swap_remove(kind);
                let world = world.in_step();
                MOVED.iter().for_each(|text| drop(world.move_letter(side, text)));
                let unmovable = world.id_of(side.other(), "INBOX", MOVED[1]);
                world.sides[side.other()].spoil(|bad| bad.unmovable.extend([unmovable]));
                world.faults.stop_after(world.faults.effects() + n);
                let _ = world.try_sync(Policy::default());
                world.faults.mend();
                world.sides[side.other()].spoil(|bad| bad.unmovable.clear());
                world.sync();
                world.assert_equal(&format!("({name}, moved on the {side} side, stopped after effect {n})"));
            }
        }
    }
}

#[test]
fn a_store_that_cannot_move_copies_and_removes() {
    let world = World::new(Knobs::plain_imap(), Knobs::maildir()).in_step();
    MOVED.iter().for_each(|text| drop(world.move_letter(Side::Local, text)));
    world.sync();
    world.assert_equal("without MOVE");
}

#[test]
fn what_is_not_alone_with_its_looks_is_not_taken_for_moved() {
    let world = World::new(Knobs::imap(), Knobs::maildir()).in_step();
    MOVED.iter().for_each(|text| drop(world.move_letter(Side::Remote, text)));
    world.add(Side::Remote, "Archive", MOVED[0]);
    world.sync();
    assert_eq!(world.contents(Side::Remote, "Archive"), world.contents(Side::Local, "Archive"));
    assert_eq!(world.store(Side::Local).count("Archive"), 6);
    assert_eq!(world.store(Side::Local).calls().transferred, 2);
}

#[test]
fn a_dry_run_moves_nothing_and_counts_no_removal() {
    let world = World::new(Knobs::imap(), Knobs::maildir()).in_step();
    MOVED.iter().for_each(|text| drop(world.move_letter(Side::Remote, text)));
    let before = Side::BOTH.map(|side| world.store(side).work().1);
    let report = world.try_sync(Policy { dry_run: true, ..Policy::default() }).unwrap();
    assert_eq!(Side::BOTH.map(|side| world.store(side).work().1), before);
    assert_eq!((report.counts.removals, report.counts.copies), Default::default());
}

fn telling(contents: ContentsKnob) -> World {
    World::new(Knobs { contents, ..Knobs::imap() }, Knobs { contents, ..Knobs::maildir() })
}

/// Twelve letters leave INBOX for the archive.
fn with_a_large_move(world: World) -> World {
    (30..42).for_each(|n| drop(world.add(Side::Remote, "INBOX", &format!("letter {n}"))));
    let world = world.in_step();
    (30..42).for_each(|n| drop(world.move_letter(Side::Remote, &format!("letter {n}"))));
    world
}

/// A server that says what it calls a content in every folder is asked for a handful of headers, however many messages were moved.
#[test]
fn a_large_move_costs_a_handful_of_headers_where_the_server_names_contents() {
    for (contents, headers) in [(ContentsKnob::Nothing, 12), (ContentsKnob::True, 6)] {
        let world = with_a_large_move(telling(contents));
        let before = (world.store(Side::Remote).calls().headers, world.fetched());
        world.sync();
        assert_eq!(world.store(Side::Remote).calls().headers - before.0, headers, "{contents:?}");
        assert_eq!(world.fetched(), before.1, "{contents:?}");
        assert_eq!(world.store(Side::Local).calls().transferred, 12, "{contents:?}");
        assert_eq!(FOLDERS.map(|folder| world.store(Side::Local).count(folder)), [10, 14], "{contents:?}");
        for folder in FOLDERS {
            assert_eq!(world.contents(Side::Remote, folder), world.contents(Side::Local, folder), "{contents:?}");
        }
    }
}

#[test]
fn of_several_equal_messages_that_left_each_becomes_one_that_appeared() {
    let world = telling(ContentsKnob::True);
    world.add(Side::Remote, "INBOX", "letter 50");
    world.add(Side::Remote, "INBOX", "letter 50");
    let world = world.in_step();
    world.move_letter(Side::Remote, "letter 50");
    world.move_letter(Side::Remote, "letter 50");
    let before = world.fetched();
    world.sync();
    assert_eq!((world.fetched(), world.store(Side::Local).calls().transferred), (before, 2));
    assert_eq!(world.store(Side::Local).count("Archive"), 4);
}

/// Gmail shows one message in several folders, all under one name: what appears in one more folder was copied, not moved.
#[test]
fn a_message_that_stays_where_it_was_is_copied_whatever_the_server_calls_it() {
    let world = telling(ContentsKnob::True).in_step();
    world.add(Side::Remote, "Archive", MOVED[0]);
    let report = world.sync();
    assert_eq!((report.counts.copies.local, world.store(Side::Local).calls().transferred), (1, 0));
    assert_eq!(FOLDERS.map(|folder| world.store(Side::Local).count(folder)), [10, 3]);
    // Deleted there, it leaves both and appears in a third: one of them was moved, the other is removed.
    world.store(Side::Remote).create_folder("Trash");
    for folder in FOLDERS {
        let id = world.id_of(Side::Remote, folder, MOVED[0]);
        world.store(Side::Remote).remove(folder, &id);
    }
    world.add(Side::Remote, "Trash", MOVED[0]);
    let before = world.fetched();
    let report = world.sync();
    assert_eq!((world.fetched(), world.store(Side::Local).calls().transferred), (before, 1));
    assert_eq!((report.counts.copies.local, report.counts.removals.local), (0, 1));
    assert_eq!(world.contents(Side::Local, "Trash").len(), 1);
    assert_eq!(FOLDERS.map(|folder| world.store(Side::Local).count(folder)), [9, 2]);
}

/// A server that calls different messages the same is found out by the headers of a few, and then by those of all.
#[test]
fn a_server_that_calls_different_messages_the_same_is_not_believed() {
    for contents in [ContentsKnob::AllAlike, ContentsKnob::ByNumber, ContentsKnob::BySize] {
        let world = with_a_large_move(telling(contents));
        // One is gone for good, and another of the same size came to the other folder.
        let id = world.id_of(Side::Remote, "INBOX", "letter 1");
        world.store(Side::Remote).remove("INBOX", &id);
        world.add(Side::Remote, "Archive", "letter 2");
        world.sync();
        world.sync();
        for folder in FOLDERS {
            assert_eq!(world.contents(Side::Remote, folder), world.contents(Side::Local, folder), "{contents:?}");
        }
        assert_eq!(FOLDERS.map(|folder| world.store(Side::Local).count(folder)), [9, 15], "{contents:?}");
    }
}

/// A run died after the server had moved a message and before that was written, and its user removed it from its new folder meanwhile. The next run
/// found there what nobody knew, and copied it back.
#[test]
fn what_was_moved_before_the_end_goes_with_its_source() {
    for (when, side, world) in stopped_moves() {
        for text in MOVED {
            let id = world.id_of(side, "Archive", text);
            world.store(side).remove("Archive", &id);
        }
        world.sync();
        for on in Side::BOTH {
            assert_eq!(FOLDERS.map(|folder| world.store(on).count(folder)), [7, 2], "{when}");
        }
    }
}

/// A user moved a message back to where it was, under the name that it had there, after a run had died that was following the move. The row of
/// before told that both sides had it and that the other side's was gone, so it was removed, and in the other folder what the run had moved went
/// with its source: the message was nowhere any more.
#[test]
fn a_file_that_is_moved_back_under_its_name_after_a_run_was_stopped_is_not_lost() {
    for (when, side, world) in stopped_follows(|world, side| world.carry(side, "INBOX", "Archive")) {
        world.carry(side, "Archive", "INBOX");
        world.sync();
        for on in Side::BOTH {
            assert_eq!(FOLDERS.map(|folder| world.store(on).count(folder)), [10, 2], "{when}: {on}");
        }
    }
}

/// The same with files that were taken out of the Maildir and put back: the run that carried their removal over died, and the next removed what
/// had come back.
#[test]
fn a_file_that_is_put_back_under_its_name_after_a_removal_was_cut_short_is_not_removed() {
    for (when, side, world) in stopped_follows(World::take_out) {
        world.put_back(side);
        world.sync();
        for on in Side::BOTH {
            assert_eq!(FOLDERS.map(|folder| world.store(on).count(folder)), [10, 2], "{when}: {on}");
        }
    }
}

/// A server without UIDPLUS has what is to be removed marked first. A run died in between, the files came back, and the marks of our own went over to
/// them as if somebody had set them: whoever expunges would have removed them.
#[test]
fn marks_of_a_removal_that_was_cut_short_are_taken_back_when_the_files_come_back() {
    let mark = Flags::system(SystemFlags::DELETED);
    let mut marked = 0;
    for (when, side, world) in stopped_follows(World::take_out) {
        let pair = PerSide { remote: "INBOX".into(), local: "INBOX".into() };
        let status = world.status.inner().folder(&pair).unwrap();
        for intent in status.intents().unwrap().iter().filter(|intent| intent.known_by == KnownBy::Removed) {
            if let Some(row) = status.row(side, &intent.source).unwrap() {
                let there = world.store(side.other());
                let held = there.mails("INBOX").into_iter().find(|(id, _)| *id == row.ids[side.other()]);
                held.iter().for_each(|(id, held)| there.set_flags("INBOX", id, held.flags.union(&mark)));
                marked += held.iter().count();
            }
        }
        world.put_back(side);
        world.sync();
        for on in Side::BOTH {
            assert_eq!(FOLDERS.map(|folder| world.store(on).count(folder)), [10, 2], "{when}: {on}");
            let flags = world.store(on).mails("INBOX").into_iter().map(|(_, held)| held.flags.system);
            assert_eq!(flags.filter(|flags| flags.contains(SystemFlags::DELETED)).count(), 0, "{when}: {on}");
        }
    }
    assert!(marked > 0);
}

/// While a run moved other messages, a user moved one on to yet another folder; the run moved its copy all the same, without having seen what it
/// was, and died. The next found there what nobody knew, and copied it back.
#[test]
fn a_message_that_goes_on_while_others_are_moved_is_known_again() {
    for (side, kind) in Side::BOTH.into_iter().flat_map(|side| (0..3).map(move |kind| (side, kind))) {
        for (n, more) in (1..20).flat_map(|n| (0..10).step_by(3).map(move |more| (n, more))) {
            let (name, world) = World::of_every_kind().swap_remove(kind);
            world.add(side, "Other", "letter 30");
            let world = world.in_step();
            world.move_letter(side, "letter 1");
            let id = world.id_of(side, "INBOX", "letter 7");
            world.store(side).remove("INBOX", &id);
            let id = world.add(side, "Other", "letter 7");
            let (store, octets) = (world.store(side).clone(), Mail::text("letter 7").bytes);
            world.faults.act_before(world.faults.effects() + n, move || {
                store.remove("Other", &id);
                store.add("Archive", &octets, Flags::default());
            });
            world.faults.stop_after(world.faults.effects() + n + more);
            let _ = world.try_sync(Policy::default());
            world.faults.mend();
            world.sync();
            let when = format!("({name}, on the {side} side, moved on before effect {n}, stopped {more} after it)");
            for folder in ["INBOX", "Archive", "Other"] {
                assert_eq!(
                    world.contents(Side::Remote, folder),
                    world.contents(Side::Local, folder),
                    "{folder} {when}"
                );
            }
            let all: usize = ["INBOX", "Archive", "Other"].map(|f| world.store(side).count(f)).iter().sum();
            assert_eq!(all, 13, "{when}");
        }
    }
}
