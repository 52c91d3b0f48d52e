//! The example programs run as they are and say what they should.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// An example's program lies beside the directory of the tests' programs.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples").join(name)
}

/// What it prints; what it leaves behind goes into `directory`.
fn run(name: &str, arguments: &[&Path], directory: &Path) -> String {
    let output = Command::new(example(name)).args(arguments).env("TMPDIR", directory).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_mbox_is_copied_once_and_then_only_what_it_has_grown_by() {
    let directory = tempfile::tempdir().unwrap();
    let (mbox, maildir) = (directory.path().join("old.mbox"), directory.path().join("Maildir"));
    let first = "From a Thu Jan  1 00:00:00 2026\nSubject: one\n\nText.\nFrom here on too.\n";
    std::fs::write(&mbox, first).unwrap();
    let sync = || run("custom_backend", &[&mbox, &maildir], directory.path());
    assert!(sync().starts_with("1 messages copied"));
    std::fs::write(&mbox, format!("{first}\nFrom b Fri Jan  2 00:00:00 2026\nSubject: two\n\n\n")).unwrap();
    assert!(sync().starts_with("1 messages copied"));
    assert!(sync().starts_with("0 messages copied"));
    let files = offlinesync_examples::files(&maildir.join("INBOX")).unwrap();
    let mut texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    texts.sort();
    assert_eq!(texts, ["Subject: one\n\nText.\nFrom here on too.\n", "Subject: two\n\n"]);
}

#[test]
fn the_mbox_example_runs_without_arguments() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run("custom_backend", &[], directory.path()).starts_with("2 messages copied"));
}

#[test]
fn the_demonstration_carries_changes_both_ways_and_then_has_nothing_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let said = run("demo", &[], directory.path());
    for sentence in [
        "400 messages came",
        "remote side: 1 added, 1 with other flags, 1 removed.",
        "local side: 2 added, 1 with other flags, 1 removed.",
        "Compared octet by octet: 401 messages, both sides equal.",
        "LIST, and an answer of",
    ] {
        assert!(said.contains(sentence), "{sentence:?} is missing in:\n{said}");
    }
}
