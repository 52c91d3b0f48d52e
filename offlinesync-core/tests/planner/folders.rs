//! Which folders belong together, and what is done about those that do not.

use offlinesync_core::plan::folders::{FolderAction, FolderPolicy, NamedFolder, plan_folders};
use offlinesync_core::{FolderPair, PerSide, Side};
use proptest::prelude::*;

fn folder(text: &str) -> NamedFolder {
    let (text, selectable) = text.strip_prefix('!').map_or((text, true), |rest| (rest, false));
    let (own, translated) = text.split_once('>').unwrap_or((text, text));
    NamedFolder { own: own.into(), translated: translated.into(), selectable }
}

fn folders(text: &str) -> Vec<NamedFolder> {
    text.split_whitespace().map(folder).collect()
}

fn pair(remote: &str, local: &str) -> FolderPair {
    PerSide { remote: remote.into(), local: local.into() }
}

fn records(list: &[(&str, &str, u64)]) -> Vec<(FolderPair, u64)> {
    list.iter().map(|(remote, local, rows)| (pair(remote, local), *rows)).collect()
}

fn words(action: &FolderAction) -> String {
    match action {
        FolderAction::Sync => "sync".to_owned(),
        FolderAction::Create { on } => format!("create {on}"),
        FolderAction::Restore { on, rows } => format!("restore {on} {rows}"),
        FolderAction::Missing { on, rows } => format!("missing {on} {rows}"),
        FolderAction::NotCreated { on } => format!("not created {on}"),
        FolderAction::Gone { rows } => format!("gone {rows}"),
        FolderAction::Collision { on, with } => {
            let with: Vec<_> = with.iter().map(|pair| format!("{}={}", pair.remote, pair.local)).collect();
            format!("collision {on} {}", with.join(" "))
        }
    }
}

/// Folders as `own`, `own>translated`, `!unselectable`; decisions as `remote=local: words`.
fn decide_with(remote: &str, local: &str, recorded: &[(&str, &str, u64)], policy: &FolderPolicy) -> Vec<String> {
    let decisions = plan_folders(&folders(remote), &folders(local), &records(recorded), policy);
    decisions.iter().map(|d| format!("{}={}: {}", d.pair.remote, d.pair.local, words(&d.action))).collect()
}

fn decide(remote: &str, local: &str, recorded: &[(&str, &str, u64)]) -> Vec<String> {
    decide_with(remote, local, recorded, &FolderPolicy::default())
}

#[test]
fn folders_pair_by_translated_name_and_the_rest_is_created() {
    let decisions = decide("INBOX [G]/Sent>Sent new", "INBOX Sent>[G]/Sent mine>[G]/mine", &[]);
    let expected =
        ["INBOX=INBOX: sync", "[G]/Sent=Sent: sync", "[G]/mine=mine: create remote", "new=new: create local"];
    assert_eq!(decisions, expected);
}

#[test]
fn the_inbox_is_one_whatever_its_case_unless_there_are_two() {
    assert_eq!(decide("INBOX", "Inbox", &[]), ["INBOX=Inbox: sync"]);
    assert_eq!(decide("INBOX", "inbox", &[("INBOX", "inbox", 3)]), ["INBOX=inbox: sync"]);
    let two = decide("INBOX", "INBOX inbox", &[]);
    assert_eq!(two, ["INBOX=INBOX: sync", "inbox=inbox: collision remote INBOX=INBOX"]);
    assert_eq!(decide("INBOX", "", &[("INBOX", "inbox", 3)]), ["INBOX=inbox: missing local 3"]);
    assert_eq!(decide("", "inbox", &[("INBOX", "inbox", 3)]), ["INBOX=inbox: missing remote 3"]);
    assert_eq!(decide("INBOX", "", &[("INBOX", "inbox", 0)]), ["INBOX=inbox: create local"]);
}

#[test]
fn an_imap_inbox_collides_even_on_a_side_that_tells_case_apart() {
    let policy = FolderPolicy { case_sensitive: PerSide { remote: true, local: true }, ..FolderPolicy::default() };
    let two = decide_with("INBOX", "INBOX Inbox", &[], &policy);
    assert_eq!(two, ["INBOX=INBOX: sync", "Inbox=Inbox: collision remote INBOX=INBOX"]);
}

#[test]
fn a_recorded_folder_that_is_missing_on_a_side_is_refused_or_restored() {
    let recorded = [("a", "a", 5), ("b", "b", 0), ("c", "c", 7)];
    assert_eq!(decide("a b", "c", &recorded), ["a=a: missing local 5", "b=b: create local", "c=c: missing remote 7"]);
    let restore = FolderPolicy { restore_missing_folders: true, ..FolderPolicy::default() };
    let restored = decide_with("a b", "c", &recorded, &restore);
    assert_eq!(restored, ["a=a: restore local 5", "b=b: create local", "c=c: restore remote 7"]);
}

#[test]
fn nothing_is_created_or_restored_where_that_is_forbidden() {
    let kept = FolderPolicy {
        read_only: PerSide { remote: true, local: false },
        create_folders: PerSide { remote: true, local: false },
        restore_missing_folders: true,
        ..FolderPolicy::default()
    };
    let decisions = decide_with("a b", "c d", &[("b", "b", 2), ("d", "d", 3)], &kept);
    let expected =
        ["a=a: not created local", "b=b: missing local 2", "c=c: not created remote", "d=d: missing remote 3"];
    assert_eq!(decisions, expected);
}

#[test]
fn a_pair_that_neither_side_has_is_forgotten() {
    assert_eq!(decide("a", "a", &[("a", "a", 1), ("z", "z", 9)]), ["a=a: sync", "z=z: gone 9"]);
    assert_eq!(decide("a>b", "b", &[("a", "a", 1)]), ["a=b: sync"], "a is still there, under another pairing");
}

#[test]
fn a_folder_that_cannot_hold_messages_counts_as_missing() {
    assert_eq!(decide("![G] [G]/Sent", "[G]/Sent", &[]), ["[G]/Sent=[G]/Sent: sync"]);
    assert_eq!(decide("!a", "!a", &[]), [""; 0]);
    assert_eq!(decide("a", "!a", &[]), ["a=a: create local"]);
    assert_eq!(decide("!a", "a", &[("a", "a", 4)]), ["a=a: missing remote 4"]);
}

#[test]
fn two_folders_that_meet_in_one_are_both_refused() {
    let both = ["a=x: collision local b=x", "b=x: collision local a=x"];
    assert_eq!(decide("a>x b>x", "x", &[]), both);
    assert_eq!(decide("a>x b>x", "", &[]), both);
    let up = ["x=a: collision remote x=b", "x=b: collision remote x=a"];
    assert_eq!(decide("", "a>x b>x", &[]), up);
}

#[test]
fn the_recorded_one_of_two_that_meet_goes_on() {
    let decisions = decide("a>x b>x", "x", &[("a", "x", 3)]);
    assert_eq!(decisions, ["a=x: sync", "b=x: collision local a=x"]);
}

/// Creating `x` for `b` would make all mail of `a` look removed in the next run.
#[test]
fn a_missing_folder_is_not_created_for_another() {
    let decisions = decide("a>x b>x", "", &[("a", "x", 3)]);
    assert_eq!(decisions, ["a=x: missing local 3", "b=x: collision local a=x"]);
}

#[test]
fn a_local_folder_does_not_take_the_remote_folder_of_another() {
    let decisions = decide("Foo>Bar", "Bar Baz>Foo", &[]);
    assert_eq!(decisions, ["Foo=Bar: sync", "Foo=Baz: collision remote Foo=Bar"]);
    let before = decide("Foo>Bar", "Bar Baz>Foo", &[("Foo", "Baz", 8)]);
    assert_eq!(before, decisions, "nor if it once did: the remote folder is not missing");
    let no_uploads = FolderPolicy { create_folders: PerSide { remote: false, local: true }, ..FolderPolicy::default() };
    let quiet = decide_with("Foo>Bar", "Bar Baz>Foo", &[], &no_uploads);
    assert_eq!(quiet, ["Foo=Bar: sync", "Foo=Baz: not created remote"]);
}

#[test]
fn a_folder_is_not_created_beside_one_that_differs_in_case_only() {
    assert_eq!(decide("Foo foo", "Foo", &[]), ["Foo=Foo: sync", "foo=foo: collision local Foo=Foo"]);
    let both = decide("Foo foo", "", &[]);
    assert_eq!(both, ["Foo=Foo: collision local foo=foo", "foo=foo: collision local Foo=Foo"]);
    assert_eq!(decide("Foo foo", "Foo foo", &[]), ["Foo=Foo: sync", "foo=foo: sync"], "two that exist are two");
    let tells = FolderPolicy { case_sensitive: PerSide { remote: false, local: true }, ..FolderPolicy::default() };
    assert_eq!(decide_with("Foo foo", "Foo", &[], &tells), ["Foo=Foo: sync", "foo=foo: create local"]);
    assert_eq!(decide("!Foo", "foo", &[]), ["foo=foo: collision remote Foo=Foo"]);
}

#[test]
fn a_folder_listed_twice_is_one() {
    assert_eq!(decide("a !a a", "a a", &[]), ["a=a: sync"]);
}

fn names() -> impl Strategy<Value = Vec<NamedFolder>> {
    let name = || proptest::sample::select(vec!["a", "A", "b", "INBOX", "inbox", "c"]);
    let folder = (name(), name(), proptest::bool::weighted(0.8)).prop_map(|(own, translated, selectable)| {
        NamedFolder { own: own.into(), translated: translated.into(), selectable }
    });
    proptest::collection::vec(folder, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the names, the live pairs share no folder, so no folder's mail can leak into another.
    #[test]
    fn no_two_pairs_that_are_synced_share_a_folder(
        remote in names(),
        local in names(),
        recorded in proptest::collection::vec(("[abcA]", "[abcA]", 0u64..3), 0..4),
        restore: bool,
    ) {
        let recorded: Vec<_> = recorded.iter().map(|(r, l, rows)| (pair(r, l), *rows)).collect();
        let policy = FolderPolicy { restore_missing_folders: restore, ..FolderPolicy::default() };
        let decisions = plan_folders(&remote, &local, &recorded, &policy);
        let live = |action: &FolderAction| {
            matches!(action, FolderAction::Sync | FolderAction::Create { .. } | FolderAction::Restore { .. })
        };
        for side in Side::BOTH {
            let mut names: Vec<_> = decisions.iter().filter(|d| live(&d.action)).map(|d| &d.pair[side]).collect();
            names.sort();
            let all = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), all, "{:?}", decisions);
        }
        let mut reversed = (remote.clone(), local.clone());
        reversed.0.reverse();
        reversed.1.reverse();
        let unique = |list: &[NamedFolder]| list.iter().all(|f| list.iter().filter(|g| g.own == f.own).count() == 1);
        if unique(&remote) && unique(&local) {
            prop_assert_eq!(plan_folders(&reversed.0, &reversed.1, &recorded, &policy), decisions, "order of the lists");
        }
    }
}
