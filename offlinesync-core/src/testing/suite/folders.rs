//! Cases about folders as such: their names, their list, their independence.

use super::Fixture;
use super::tools::{Scene, deliver, ids, list, read_all};
use crate::flags::{Flags, SystemFlags};
use crate::repository::{FolderEntry, Repository, Witness};
use crate::testing::mails::Mail;

const ODD_NAMES: [&str; 30] = [
    "with space",
    " leading space",
    "trailing space ",
    "quote\"d",
    "it's",
    "a&b",
    "&",
    "&-",
    "&AOQ-",
    "Entw\u{fc}rfe",
    "\u{65e5}\u{672c}\u{8a9e}",
    "\u{1f4ec} mail",
    "back\\slash",
    "100%",
    "%",
    "star*",
    ".leading dot",
    "dot.inside",
    "trailing dot.",
    "~tilde",
    "#hash",
    "{3}",
    "(paren)",
    "comma,semi;colon:",
    "cur",
    "new",
    "tmp",
    "NIL",
    "-dash",
    "a/b",
];

fn entries(repository: &dyn Repository) -> Vec<FolderEntry> {
    repository.list().unwrap().folders
}

fn is_listed(repository: &dyn Repository, name: &str) -> bool {
    let found: Vec<_> = entries(repository).into_iter().filter(|entry| entry.name.as_str() == name).collect();
    assert!(found.len() <= 1, "'{name}' is listed {} times", found.len());
    found.iter().any(|entry| entry.selectable)
}

fn witness(repository: &dyn Repository, name: &str) -> Option<Witness> {
    entries(repository).into_iter().find(|entry| entry.name.as_str() == name)?.witness
}

/// What was created is in the list, for everyone.
pub fn created_folders_are_listed(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    assert!(scene.repository.exists().unwrap());
    assert!(scene.repository.parallelism() >= 1);
    for name in ["One", "Two"] {
        assert!(!is_listed(&*scene.repository, name));
        scene.repository.create(&name.into()).unwrap();
        assert!(is_listed(&*scene.repository, name), "'{name}'");
        assert!(is_listed(&*fixture.repository(), name), "'{name}' for a backend made later");
    }
    assert_eq!(scene.repository.list().unwrap().separator, scene.traits.separator);
    scene.repository.close();
    assert!(is_listed(&*scene.repository, "One"), "a repository can be used after it was closed");
}

/// A folder that is there is not an error and loses nothing.
pub fn creating_a_folder_again_keeps_its_mail(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.folder("Twice");
    deliver(&mut *folder, &[Mail::text("kept")]);
    let before = list(&mut *folder);
    scene.repository.create(&"Twice".into()).unwrap();
    fixture.repository().create(&"Twice".into()).unwrap();
    let after = list(&mut *scene.open("Twice"));
    assert_eq!((after.present, after.uid_validity), (before.present, before.uid_validity));
}

/// A nested folder can be created at once, and its parents are no obstacle and no loss.
pub fn nested_folders_come_with_their_parents(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let Some(separator) = scene.traits.separator else { return };
    let names = ["Top", "Top/Middle", "Top/Middle/Leaf"].map(|name| name.replace('/', &separator.to_string()));
    scene.repository.create(&names[2].as_str().into()).unwrap();
    assert!(is_listed(&*scene.repository, &names[2]));
    scene.repository.create(&names[0].as_str().into()).unwrap();
    for (name, text) in [(&names[2], "leaf"), (&names[0], "top")] {
        deliver(&mut *scene.open(name), &[Mail::text(text)]);
        assert_eq!(read_all(&scene, &mut *scene.open(name)), [Mail::text(text).bytes], "'{name}'");
    }
    assert!(is_listed(&*scene.repository, &names[0]) && is_listed(&*scene.repository, &names[2]));
}

/// A name comes back as it was given, or is refused when the store cannot hold it: never another name.
pub fn odd_names_are_kept_exactly(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let names = ODD_NAMES.into_iter().filter(|name| !scene.traits.separator.is_some_and(|c| name.contains(c)));
    let mut created = Vec::new();
    for name in names {
        match scene.repository.create(&name.into()) {
            Ok(()) => created.push(name),
            Err(error) => assert!(!(scene.traits.accepts_name)(name), "'{name}': {error}"),
        }
    }
    for name in &created {
        assert!(is_listed(&*scene.repository, name), "'{name}' is not listed");
        deliver(&mut *scene.open(name), &[Mail::text(name)]);
    }
    for name in created {
        assert_eq!(read_all(&scene, &mut *scene.open(name)), [Mail::text(name).bytes], "'{name}'");
        assert_eq!(scene.open(name).name().as_str(), name);
    }
}

/// Opening does no I/O and creates nothing; the first use fails.
pub fn a_missing_folder_is_an_error_and_is_not_made(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let mut folder = scene.open("Missing");
    assert!(folder.changes(None, &crate::NothingKnown).is_err());
    assert!(!is_listed(&*scene.repository, "Missing"));
}

/// A folder made by another client while the repository is in use.
pub fn folders_of_another_client_are_listed(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    entries(&*scene.repository);
    scene.client.create(&"Theirs".into());
    assert!(is_listed(&*scene.repository, "Theirs"));
    scene.client_adds("Theirs", &Mail::text("their mail"));
    assert_eq!(read_all(&scene, &mut *scene.open("Theirs")), [Mail::text("their mail").bytes]);
}

/// Mail in one folder is in that folder alone, and so are removals.
pub fn folders_keep_their_mail_apart(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let (mut one, mut two) = (scene.folder("One"), scene.folder("Two"));
    deliver(&mut *one, &[Mail::text("in one"), Mail::text("in one too")]);
    deliver(&mut *two, &[Mail::text("in two"), Mail::text("in two too")]);
    let removed = ids(&mut *one);
    assert!(one.remove(&removed).unwrap().is_empty());
    assert!(ids(&mut *one).is_empty());
    let mut left = [Mail::text("in two").bytes, Mail::text("in two too").bytes];
    left.sort();
    assert_eq!(read_all(&scene, &mut *two), left);
}

/// Equal witnesses prove that nothing happened, so whatever happens must change them, or there must be none.
pub fn a_witness_changes_with_the_folder(fixture: &dyn Fixture) {
    let mut scene = Scene::new(fixture);
    scene.folder("Watched");
    let mut history = vec![witness(&*scene.repository, "Watched")];
    let mut step = |scene: &Scene, what: &str, flags_only: bool| {
        let now = witness(&*scene.repository, "Watched");
        let proves = |then: &Option<Witness>| match (then, &now) {
            (Some(then), Some(now)) => then.token == now.token && (now.covers_flags || !flags_only),
            _ => false,
        };
        assert!(!history.iter().any(proves), "the witness did not change: {what}");
        history.push(now);
    };
    let first = scene.client_adds("Watched", &Mail::text("first"));
    step(&scene, "a client added a message", false);
    deliver(&mut *scene.open("Watched"), &[Mail::text("second")]);
    step(&scene, "a message was delivered", false);
    scene.client.set_flags(&"Watched".into(), &first, &Flags::system(SystemFlags::FLAGGED));
    step(&scene, "a client set a flag", true);
    scene.client.remove(&"Watched".into(), &first);
    step(&scene, "a client removed a message", false);
    let (before, after) = (witness(&*scene.repository, "Watched"), witness(&*scene.repository, "Watched"));
    if let (Some(before), Some(after)) = (before, after) {
        assert_eq!(before.token, after.token, "nothing happened");
    }
}

/// Handles on different folders work at the same time.
pub fn folders_are_worked_on_side_by_side(fixture: &dyn Fixture) {
    let scene = Scene::new(fixture);
    let names = ["One", "Two", "Three", "Four"];
    names.iter().for_each(|name| scene.repository.create(&(*name).into()).unwrap());
    let repository = &*scene.repository;
    std::thread::scope(|scope| {
        for name in names {
            scope.spawn(move || {
                let mut folder = repository.open(&name.into()).unwrap();
                for round in 0..5 {
                    let mail = Mail::text(&format!("{name} {round}"));
                    let source = super::tools::source("Source");
                    super::tools::deliver_as(&mut *folder, &source, round + 1, &[mail]);
                    assert_eq!(ids(&mut *folder).len(), round + 1);
                }
            });
        }
    });
    for name in names {
        let mut expected: Vec<_> = (0..5).map(|round| Mail::text(&format!("{name} {round}")).bytes).collect();
        expected.sort();
        assert_eq!(read_all(&scene, &mut *scene.open(name)), expected);
    }
}
