//! Windows of age and size: what is outside is not touched, and no window makes a message vanish.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use offlinesync_core::sync::{Account, Naming, Report, exchange_separator};
use offlinesync_core::testing::{Faults, Faulty, Knobs, MemoryRepository};
use offlinesync_core::{
    Cancel, Flags, FolderName, InternalDate, MemoryStatus, PerSide, Policy, Result, Side, SystemFlags, Uid, Window,
};
use std::collections::BTreeSet;
use std::sync::Arc;

struct World {
    remote: MemoryRepository,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

impl World {
    fn all() -> [World; 3] {
        let world = |remote, local| World {
            remote: MemoryRepository::new("R", remote),
            local: MemoryRepository::new("L", local),
            status: Arc::new(MemoryStatus::default()),
        };
        [
            world(Knobs::imap(), Knobs::maildir()),
            world(Knobs::plain_imap(), Knobs::maildir()),
            world(Knobs::imap(), Knobs::plain_imap()),
        ]
    }

    fn account(&self) -> Account {
        Account::new("A", Arc::new(self.remote.clone()), Arc::new(self.local.clone()), self.status.clone())
    }

    fn sync(&self, window: Window) -> Report {
        let policy = Policy { window, ..Policy::default() };
        let report = self.account().with_policy(policy).sync(&(), &Cancel::new()).unwrap();
        assert!(report.in_step(), "{:?}", report.failures);
        report
    }

    fn bodies(&self, side: &MemoryRepository) -> BTreeSet<String> {
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap().replace('\r', "");
        side.mails("INBOX").into_iter().map(|(_, mail)| text(mail.octets).lines().last().unwrap().to_owned()).collect()
    }

    fn has(&self, remote: &[&str], local: &[&str]) {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!((self.bodies(&self.remote), self.bodies(&self.local)), (set(remote), set(local)));
    }
}

fn mail(name: &str, padding: usize) -> Vec<u8> {
    let padding = "x".repeat(padding);
    format!("Message-ID: <{name}@example.org>\r\nSubject: about {name}\r\nX-Padding: {padding}\r\n\r\n{name}\r\n")
        .into_bytes()
}

fn at(seconds: i64) -> Option<InternalDate> {
    Some(InternalDate { seconds, zone_minutes: 0 })
}

fn since(seconds: i64) -> Window {
    Window { since: Some(seconds), max_octets: None }
}

#[test]
fn a_window_of_age_moves_back_and_forth_and_nothing_vanishes_for_it() {
    for world in World::all() {
        for (name, date) in [("old", 100), ("middle", 200), ("new", 300)] {
            world.remote.add_dated("INBOX", &mail(name, 0), Flags::default(), at(date));
        }
        world.local.add_dated("INBOX", &mail("own-old", 0), Flags::default(), at(150));
        world.local.add_dated("INBOX", &mail("own-new", 0), Flags::default(), at(250));
        world.sync(since(200));
        world.has(&["old", "middle", "new", "own-new"], &["middle", "new", "own-old", "own-new"]);
        assert_eq!(world.sync(since(200)).counts, Default::default(), "a second sync has nothing to do");
        world.sync(since(300));
        world.has(&["old", "middle", "new", "own-new"], &["middle", "new", "own-old", "own-new"]);
        world.sync(since(120));
        world.has(&["old", "middle", "new", "own-old", "own-new"], &["middle", "new", "own-old", "own-new"]);
        world.sync(Window::default());
        world.has(&["old", "middle", "new", "own-old", "own-new"], &["old", "middle", "new", "own-old", "own-new"]);
    }
}

/// Its cursor had passed over the message while the window was narrow; the wider window was recorded though the message had not come,
/// and nobody ever looked for it again.
#[test]
fn what_fails_when_the_window_becomes_wider_is_tried_again() {
    for world in World::all() {
        let (faults, window) = (Faults::new(), since(200));
        let faulty = Faulty::new(world.local.clone(), &faults);
        let old = world.remote.add_dated("INBOX", &mail("old", 0), Flags::default(), at(100));
        world.remote.add_dated("INBOX", &mail("new", 0), Flags::default(), at(300));
        world.sync(window);
        world.sync(window);
        faulty.spoil(|bad| bad.refused.extend([old.clone()]));
        let local = Arc::new(faulty.clone());
        let account = Account::new("A", Arc::new(world.remote.clone()), local, world.status.clone());
        assert!(!account.sync(&(), &Cancel::new()).unwrap().in_step());
        world.has(&["old", "new"], &["new"]);
        world.sync(Window::default());
        world.has(&["old", "new"], &["old", "new"]);
    }
}

#[test]
fn what_happens_outside_waits_until_the_window_is_wider() {
    for world in World::all() {
        let flagged = world.remote.add_dated("INBOX", &mail("flagged", 0), Flags::default(), at(100));
        let removed = world.remote.add_dated("INBOX", &mail("removed", 0), Flags::default(), at(100));
        world.remote.add_dated("INBOX", &mail("new", 0), Flags::default(), at(300));
        world.sync(Window::default());
        world.sync(since(200));
        world.remote.set_flags("INBOX", &flagged, Flags::system(SystemFlags::SEEN));
        world.remote.remove("INBOX", &removed);
        world.remote.add_dated("INBOX", &mail("newer", 0), Flags::default(), at(400));
        world.sync(since(200));
        world.has(&["flagged", "new", "newer"], &["flagged", "removed", "new", "newer"]);
        world.sync(since(300));
        world.sync(Window::default());
        world.has(&["flagged", "new", "newer"], &["flagged", "new", "newer"]);
        let seen = world.local.mails("INBOX").into_iter().filter(|(_, mail)| !mail.flags.is_empty()).count();
        assert_eq!(seen, 1, "the flag came over");
    }
}

#[test]
fn size_counts_the_same_on_both_sides_down_to_the_octet() {
    for world in World::all() {
        let border = mail("border", 50).len() as u64;
        world.remote.add("INBOX", &mail("border", 50), Flags::default());
        world.remote.add("INBOX", &mail("bordeaux", 50), Flags::default());
        world.local.add("INBOX", &mail("frodeb", 50), Flags::default());
        world.local.add("INBOX", &mail("bordeira", 50), Flags::default());
        let narrow = Window { since: None, max_octets: Some(border) };
        world.sync(narrow);
        world.has(&["border", "bordeaux", "frodeb"], &["border", "frodeb", "bordeira"]);
        assert_eq!(world.sync(narrow).counts, Default::default());
        world.sync(Window { max_octets: Some(border + 100), ..narrow });
        world.has(&["border", "bordeaux", "frodeb", "bordeira"], &["border", "bordeaux", "frodeb", "bordeira"]);
    }
}

struct Never(BTreeSet<Uid>);

impl Naming for Never {
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        exchange_separator(side, name, separators).map(Some)
    }

    fn never_copied(&self, side: Side, _: &FolderName) -> Result<BTreeSet<Uid>> {
        Ok(if side == Side::Remote { self.0.clone() } else { BTreeSet::new() })
    }
}

#[test]
fn a_message_never_to_be_copied_is_copied_once_the_user_wants_it() {
    for world in World::all() {
        let unwanted = world.remote.add("INBOX", &mail("unwanted", 0), Flags::default());
        world.remote.add("INBOX", &mail("wanted", 0), Flags::default());
        let never = Never([unwanted.uid().unwrap()].into());
        let account = world.account().with_naming(never);
        assert!(account.sync(&(), &Cancel::new()).unwrap().in_step());
        world.has(&["unwanted", "wanted"], &["wanted"]);
        let verify = |account: Account| account.verify(false, &(), &Cancel::new()).unwrap();
        assert!(verify(account).in_step());
        assert!(!verify(world.account()).in_step());
        world.sync(Window::default());
        world.has(&["unwanted", "wanted"], &["unwanted", "wanted"]);
    }
}
