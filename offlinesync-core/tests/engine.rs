//! The engine against repositories in memory: what one sync must do, and what the next must not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::sync::{Account, Report};
use offlinesync_core::testing::{Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, ErrorKind, FlagSupport, Flags, KeywordSupport, Keywords, MemoryStatus, MessageId, Policy, SystemFlags,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

struct World {
    remote: MemoryRepository,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

impl World {
    fn new(remote: Knobs, local: Knobs) -> Self {
        World {
            remote: MemoryRepository::new("R", remote),
            local: MemoryRepository::new("L", local),
            status: Arc::new(MemoryStatus::default()),
        }
    }

    fn try_sync(&self, policy: Policy) -> offlinesync_core::Result<Report> {
        Account::new("A", Arc::new(self.remote.clone()), Arc::new(self.local.clone()), self.status.clone())
            .with_policy(policy)
            .sync(&(), &Cancel::new())
    }

    fn sync(&self) -> Report {
        let report = self.try_sync(Policy::default()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        report
    }

    fn contents(&self, side: &MemoryRepository) -> Vec<(Vec<u8>, Flags)> {
        let mut all: Vec<_> = side.mails("INBOX").into_iter().map(|(_, mail)| (mail.octets, mail.flags)).collect();
        all.sort_by(|a, b| (&a.0, a.1.system).cmp(&(&b.0, b.1.system)));
        all
    }

    fn assert_in_step(&self) {
        assert_eq!(self.contents(&self.remote), self.contents(&self.local));
    }

    /// A further sync changes nothing on either side.
    fn assert_quiet(&self) {
        let before = (self.remote.work().1, self.local.work().1);
        self.sync();
        assert_eq!((self.remote.work().1, self.local.work().1), before);
    }
}

fn mail(n: u32) -> Vec<u8> {
    format!("Message-ID: <{n}@example.org>\r\nSubject: message {n} of the test\r\nTo: me\r\n\r\nbody {n}\r\n")
        .into_bytes()
}

/// Our own copy was listed alone, what the other side can keep was forgotten, and a keyword was given to a side that drops it; the next
/// look would have taken it for removed.
#[test]
fn what_a_side_cannot_keep_is_not_given_to_it_when_only_the_other_is_listed() {
    let keeps = |system, keywords| FlagSupport { system, keywords };
    let remote = Knobs { support: keeps(SystemFlags::SEEN, KeywordSupport::Any), ..Knobs::maildir() };
    let local =
        Knobs { support: keeps(SystemFlags::ALL, KeywordSupport::Only(Keywords::default())), ..Knobs::maildir() };
    let world = World::new(remote, local);
    world.remote.add("INBOX", &mail(1), Flags::from_imap(["todo"]));
    world.sync();
    world.local.add("INBOX", &mail(2), Flags::from_imap(["\\Flagged"]));
    world.sync();
    assert_eq!((world.remote.calls().stored, world.local.calls().stored), (0, 0));
    assert_eq!(world.sync().counts, Default::default());
}

fn seen() -> Flags {
    Flags::system(SystemFlags::SEEN)
}

fn settings() -> Vec<World> {
    vec![
        World::new(Knobs::imap(), Knobs::maildir()),
        World::new(Knobs::plain_imap(), Knobs::maildir()),
        World::new(Knobs::imap(), Knobs::imap()),
        World::new(Knobs::plain_imap(), Knobs::plain_imap()),
        World::new(Knobs::maildir(), Knobs::maildir()),
        World::new(Knobs::maildir(), Knobs::imap()),
    ]
}

#[test]
fn new_mail_flags_and_removals_go_both_ways_and_the_next_sync_is_quiet() {
    for world in settings() {
        let first = world.remote.add("INBOX", &mail(1), seen());
        (2..9).for_each(|n| drop(world.remote.add("INBOX", &mail(n), Flags::default())));
        world.local.add("INBOX", &mail(100), Flags::default());
        world.sync();
        world.assert_in_step();
        assert_eq!(world.contents(&world.local).len(), 9);
        world.assert_quiet();

        world.remote.set_flags("INBOX", &first, Flags::from_imap(["\\Seen", "todo"]));
        let (gone, _) = world.local.mails("INBOX").pop().unwrap();
        world.local.remove("INBOX", &gone);
        world.sync();
        world.assert_in_step();
        assert!(world.contents(&world.local).len() < 9);
        world.assert_quiet();
    }
}

#[test]
fn an_untouched_folder_is_not_even_listed() {
    let world = World::new(Knobs::imap(), Knobs::imap());
    world.remote.add("INBOX", &mail(1), seen());
    world.sync();
    let before = (world.remote.work(), world.local.work());
    let report = world.sync();
    assert_eq!((report.opened, world.remote.work(), world.local.work()), (0, before.0, before.1));
}

#[test]
fn a_lost_status_doubles_nothing_and_copies_nothing() {
    for mut world in settings() {
        (0..5).for_each(|n| drop(world.remote.add("INBOX", &mail(n), seen())));
        (10..14).for_each(|n| drop(world.local.add("INBOX", &mail(n), Flags::default())));
        world.sync();
        world.status = Arc::new(MemoryStatus::default());
        let report = world.sync();
        assert_eq!((report.counts.copies.remote, report.counts.copies.local), (0, 0));
        world.assert_in_step();
        assert_eq!(world.contents(&world.local).len(), 9);
        world.assert_quiet();
    }
}

#[test]
fn a_new_numbering_is_refused_and_paired_by_content_when_allowed() {
    let world = World::new(Knobs::imap(), Knobs::maildir());
    (0..5).for_each(|n| drop(world.remote.add("INBOX", &mail(n), seen())));
    world.remote.add("Other", &mail(50), seen());
    world.sync();
    world.remote.renumber("INBOX");
    world.remote.add("Other", &mail(51), seen());
    let report = world.try_sync(Policy::default()).unwrap();
    assert_eq!(report.worst().map(|error| error.kind()), Some(ErrorKind::Numbering));
    assert_eq!(world.local.mails("INBOX").len(), 5);
    assert_eq!(world.local.mails("Other").len(), 2);

    let report = world.try_sync(Policy { accept_new_numbering: true, ..Policy::default() }).unwrap();
    assert!(report.in_step(), "{:?}", report.failures);
    assert_eq!((report.counts.copies.remote, report.counts.copies.local), (0, 0));
    world.assert_in_step();
    world.assert_quiet();
}

#[test]
fn a_wiped_store_removes_nothing_on_the_other_side() {
    for world in settings() {
        (0..30).for_each(|n| drop(world.remote.add("INBOX", &mail(n), seen())));
        world.sync();
        world.local.wipe();
        let error = world.try_sync(Policy::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some());
        assert_eq!(world.remote.mails("INBOX").len(), 30);

        world.try_sync(Policy { restore_missing_folders: true, ..Policy::default() }).unwrap();
        world.assert_in_step();
        assert_eq!(world.remote.mails("INBOX").len(), 30);
    }
}

/// A folder without messages was removed on one side and is made there again for the other's. Its old numbering was still recorded, and the new
/// folder was refused for having another.
#[test]
fn a_folder_without_messages_that_is_gone_on_one_side_is_made_again_with_its_new_numbers() {
    let world = World::new(Knobs::imap(), Knobs::imap());
    world.remote.add("INBOX", &mail(1), seen());
    world.remote.create_folder("Empty");
    world.sync();
    for (gone, there) in [(&world.remote, &world.local), (&world.local, &world.remote)] {
        gone.delete_folder("Empty");
        let id = there.add("Empty", &mail(2), seen());
        world.sync();
        assert_eq!((gone.count("Empty"), there.count("Empty")), (1, 1));
        there.remove("Empty", &id);
        world.sync();
    }
}

#[test]
fn an_emptied_store_of_small_folders_removes_nothing_on_the_other_side() {
    let world = World::new(Knobs::imap(), Knobs::maildir());
    for folder in ["INBOX", "a", "b"] {
        (0..4).for_each(|n| drop(world.remote.add(folder, &mail(n), seen())));
    }
    world.sync();
    for folder in ["INBOX", "a", "b"] {
        world.local.mails(folder).iter().for_each(|(id, _)| world.local.remove(folder, id));
    }
    let report = world.try_sync(Policy::default()).unwrap();
    assert_eq!(report.worst().map(|error| error.kind()), Some(ErrorKind::Refused));
    assert_eq!(world.remote.mails("a").len(), 4);
}

#[test]
fn one_emptied_folder_is_a_users_work() {
    let world = World::new(Knobs::imap(), Knobs::maildir());
    (0..4).for_each(|n| drop(world.remote.add("INBOX", &mail(n), seen())));
    (0..40).for_each(|n| drop(world.remote.add("Archive", &mail(n), seen())));
    world.sync();
    world.local.mails("INBOX").iter().for_each(|(id, _)| world.local.remove("INBOX", id));
    world.sync();
    assert!(world.remote.mails("INBOX").is_empty());
}

#[test]
fn a_dry_run_touches_nothing() {
    let world = World::new(Knobs::imap(), Knobs::maildir());
    (0..4).for_each(|n| drop(world.remote.add("INBOX", &mail(n), seen())));
    let report = world.try_sync(Policy { dry_run: true, ..Policy::default() }).unwrap();
    assert!(report.in_step());
    assert_eq!(report.counts.copies.local, 4, "what a folder that would be created would get is counted too");
    assert!(world.local.mails("INBOX").is_empty());
    assert_eq!((world.remote.work().1, world.local.work().1), (0, 0));
}

#[derive(Clone, Debug)]
enum Deed {
    Add { remote: bool },
    Remove { remote: bool, at: usize },
    Flag { remote: bool, at: usize, bits: u8 },
    Sync,
    LoseStatus,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => any::<bool>().prop_map(|remote| Deed::Add { remote }),
        2 => (any::<bool>(), 0usize..20).prop_map(|(remote, at)| Deed::Remove { remote, at }),
        3 => (any::<bool>(), 0usize..20, 0u8..32).prop_map(|(remote, at, bits)| Deed::Flag { remote, at, bits }),
        2 => Just(Deed::Sync),
        1 => Just(Deed::LoseStatus),
    ]
}

impl World {
    fn side(&self, remote: bool) -> &MemoryRepository {
        if remote { &self.remote } else { &self.local }
    }

    fn pick(&self, remote: bool, at: usize) -> Option<(MessageId, Vec<u8>)> {
        let mails = self.side(remote).mails("INBOX");
        let (id, mail) = mails.get(at.checked_rem(mails.len())?)?;
        Some((id.clone(), mail.octets.clone()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Whatever two clients do, and whenever the status is lost: both sides end equal, nothing is doubled, and no message vanishes
    /// that nobody removed.
    #[test]
    fn random_histories_converge(deeds in proptest::collection::vec(deed(), 1..40), setting in 0usize..6) {
        let mut world = settings().swap_remove(setting);
        world.remote.add("INBOX", &mail(0), seen());
        (1000..1040).for_each(|n| drop(world.remote.add("Archive", &mail(n), seen())));
        let mut added = 1;
        let mut removed: BTreeSet<Vec<u8>> = BTreeSet::new();
        for deed in deeds {
            match deed {
                Deed::Add { remote } => {
                    world.side(remote).add("INBOX", &mail(added), Flags::default());
                    added += 1;
                }
                Deed::Remove { remote, at } => if let Some((id, octets)) = world.pick(remote, at) {
                    world.side(remote).remove("INBOX", &id);
                    removed.insert(octets);
                },
                Deed::Flag { remote, at, bits } => if let Some((id, _)) = world.pick(remote, at) {
                    world.side(remote).set_flags("INBOX", &id, Flags::system(SystemFlags::from_bits(bits)));
                },
                Deed::Sync => drop(world.try_sync(Policy::default()).unwrap()),
                Deed::LoseStatus => world.status = Arc::new(MemoryStatus::default()),
            }
        }
        world.sync();
        world.assert_in_step();
        let contents = world.contents(&world.remote);
        let mut octets: Vec<&Vec<u8>> = contents.iter().map(|(octets, _)| octets).collect();
        octets.dedup();
        prop_assert_eq!(octets.len(), contents.len());
        for n in 0..added {
            prop_assert!(removed.contains(&mail(n)) || octets.contains(&&mail(n)), "message {} vanished", n);
        }
        world.assert_quiet();
    }
}
