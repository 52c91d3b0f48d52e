//! Folders that take part in one run and not in the next: what is known of them stays as it was.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use offlinesync_core::sync::{Account, Naming, Report, exchange_separator};
use offlinesync_core::testing::{Knobs, Mail, MemoryRepository};
use offlinesync_core::{
    Cancel, Error, ErrorKind, Flags, FolderName, MemoryStatus, MessageId, PerSide, Policy, Result, Side, StatusStore,
};
use std::sync::Arc;

/// What becomes of folders by their names.
#[derive(Clone, Copy)]
enum Rule {
    LeftOut(&'static str),
    Fails(&'static str),
    None,
}

impl Naming for Rule {
    fn translate(
        &self,
        side: Side,
        name: &FolderName,
        separators: &PerSide<Option<char>>,
    ) -> Result<Option<FolderName>> {
        match *self {
            Rule::LeftOut(folder) if name.as_str() == folder => Ok(None),
            Rule::Fails(folder) if name.as_str() == folder => Err(Error::new(ErrorKind::Folder, "it fails")),
            _ => exchange_separator(side, name, separators).map(Some),
        }
    }
}

struct World {
    remote: MemoryRepository,
    local: MemoryRepository,
    status: Arc<MemoryStatus>,
}

impl World {
    fn new() -> Self {
        let store = |name, knobs: Knobs| MemoryRepository::new(name, Knobs { separator: Some('/'), ..knobs });
        World {
            remote: store("R", Knobs::imap()).with_folder("INBOX"),
            local: store("L", Knobs::maildir()).with_folder("INBOX"),
            status: Arc::default(),
        }
    }

    fn run(&self, rule: Rule, policy: Policy) -> Report {
        let (remote, local) = (Arc::new(self.remote.clone()), Arc::new(self.local.clone()));
        let account = Account::new("A", remote, local, self.status.clone()).with_naming(rule).with_policy(policy);
        account.sync(&(), &Cancel::new()).unwrap()
    }

    fn sync(&self, rule: Rule) -> Report {
        self.run(rule, Policy::default())
    }

    fn add(&self, store: &MemoryRepository, folder: &str, text: &str) -> MessageId {
        store.add(folder, &Mail::text(text).bytes, Flags::default())
    }
}

/// An expression failed for a folder, by a mistake in the configuration: what was known of the folder was forgotten, and what had been removed on
/// one side meanwhile came back.
#[test]
fn a_folder_for_which_an_expression_fails_is_not_forgotten() {
    let world = World::new();
    let removed = world.add(&world.remote, "Work", "removed");
    world.add(&world.remote, "Work", "kept");
    assert!(world.sync(Rule::None).in_step());
    world.remote.remove("Work", &removed);
    let report = world.sync(Rule::Fails("Work"));
    assert!(!report.in_step());
    let rows = |name: &str| {
        let folders = world.status.folders().unwrap();
        folders.into_iter().find(|(pair, ..)| pair.remote.as_str() == name).map(|(.., rows)| rows)
    };
    assert_eq!(rows("Work"), Some(2));
    assert!(world.sync(Rule::None).in_step());
    assert_eq!([world.remote.count("Work"), world.local.count("Work")], [1, 1]);
}

/// The store was wiped. A large folder, which a filter had left out for long, counted as one that was whole, and so the small ones were emptied on the
/// server.
#[test]
fn a_folder_that_is_left_out_does_not_hide_that_the_store_was_wiped() {
    let world = World::new();
    (0..40).for_each(|n| drop(world.add(&world.remote, "Old", &format!("old {n}"))));
    for folder in ["INBOX", "Work"] {
        (0..8).for_each(|n| drop(world.add(&world.remote, folder, &format!("{folder} {n}"))));
    }
    assert!(world.sync(Rule::None).in_step());
    assert!(world.sync(Rule::LeftOut("Old")).in_step());
    for folder in ["INBOX", "Work", "Old"] {
        world.local.empty(folder);
    }
    assert!(!world.sync(Rule::LeftOut("Old")).in_step());
    assert_eq!(["INBOX", "Work"].map(|folder| world.remote.count(folder)), [8, 8]);
}
