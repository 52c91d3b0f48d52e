//! Accounts between two Maildirs, one on a stick or a share, say: no number tells there which messages belong together.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::fs;
use std::path::Path;
use support::sandbox::{ACCOUNT, Sandbox};

const LETTER: &str = "From: a@example.org\nSubject: letter\nMessage-ID: <letter@example.org>\n\
                      Date: Mon, 1 Jan 2024 00:00:00 +0000\n\nDear all.\n";

/// Both Maildirs with the letter in INBOX, under one name.
fn with_the_letter() -> Sandbox {
    let sandbox = Sandbox::new(ACCOUNT);
    sandbox.deliver("remote/INBOX", "1700000011.letter.host:2,S", LETTER);
    sandbox.run(&[]).silent();
    sandbox
}

/// Moves a file as a mail program does that gives it another name.
fn move_letter(sandbox: &Sandbox, from: &str, to: &str) {
    fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
    sandbox.run(&[]).silent();
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_tree(&path, &target),
            false => assert!(fs::copy(&path, target).is_ok()),
        }
    }
}

/// A move was followed, and each side has its own name for the message since. The status of before knew neither, and both were copied.
#[test]
fn between_two_maildirs_an_older_status_put_back_doubles_nothing() {
    let sandbox = with_the_letter();
    let (status, copy) = (sandbox.path(".offlineimap"), sandbox.path("copy"));
    copy_tree(&status, &copy);
    move_letter(&sandbox, "remote/INBOX/cur/1700000011.letter.host:2,S", "remote/Sent/cur/1700000012.moved.host:2,S");
    let before = (sandbox.files("local"), sandbox.files("remote"));
    assert!(before.0.contains_key("Sent/cur/1700000011.letter.host:2,S"), "the move was followed: {before:?}");

    fs::remove_dir_all(&status).unwrap();
    copy_tree(&copy, &status);
    sandbox.run(&[]).silent();
    assert_eq!(before, (sandbox.files("local"), sandbox.files("remote")));
}

/// A message went to another folder and came back under another name, which the other side does not know; then somebody put its old file back
/// beside it. The copy of the one was taken for the copy of the other, and the folder was never synced again.
#[test]
fn a_file_put_back_under_its_old_name_is_not_the_copy_of_the_one_that_took_its_place() {
    let sandbox = with_the_letter();
    let old = "remote/INBOX/cur/1700000011.letter.host:2,S";
    move_letter(&sandbox, old, "remote/Sent/cur/1700000011.letter.host:2,S");
    let renamed = "remote/INBOX/cur/1700000012.back.host:2,S";
    move_letter(&sandbox, "remote/Sent/cur/1700000011.letter.host:2,S", renamed);
    assert!(sandbox.files("local").contains_key("INBOX/cur/1700000011.letter.host:2,S"));

    fs::copy(sandbox.path(renamed), sandbox.path(old)).unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
    assert_eq!(sandbox.messages("local/INBOX").iter().filter(|text| *text == LETTER).count(), 2);

    fs::remove_file(sandbox.path(renamed)).unwrap();
    sandbox.run(&[]).silent();
    assert_eq!(sandbox.messages("local/INBOX").iter().filter(|text| *text == LETTER).count(), 1);
    assert_eq!(sandbox.messages("local/INBOX"), sandbox.messages("remote/INBOX"));
}
