//! Feature `testing`: what the fuzz targets and the test of their finds have in common, and faults on demand. Used by tests only: what is
//! wrong here panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code fails by panicking")]

mod configuration;
mod expressions;

use crate::import::{mbsync, offlineimap};
use offlinesync_core::testing::plain_status;
use offlinesync_imap::codec::mailbox_name::{self, NameForm};
use offlinesync_imap::testing::fuzz as imap;
use offlinesync_maildir::testing::fuzz as maildir;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use configuration::configuration;
pub use expressions::expressions;

/// A fuzz target: its name and its body, which may write into a directory of its own.
pub type Target = (&'static str, fn(&[u8], &Path));

/// Every fuzz target.
pub const TARGETS: [Target; 5] = [
    ("responses", |data, _| imap::responses(data)),
    ("names", |data, _| names(data)),
    ("configuration", |data, _| configuration(data)),
    ("expressions", |data, _| expressions(data)),
    ("status_files", status_files),
];

/// A fault, once, if the environment variable `OFFLINESYNC_FAULT` asks for one at this place.
pub fn fault(place: &str) {
    static DONE: AtomicBool = AtomicBool::new(false);
    let is_wanted = std::env::var_os("OFFLINESYNC_FAULT").is_some_and(|wanted| wanted == place);
    assert!(!is_wanted || DONE.swap(true, Ordering::Relaxed), "this fault is wanted");
}

/// Runs a target on an input.
pub fn run(target: &str, data: &[u8], directory: &Path) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    body(data, directory);
}

/// Names of mailboxes, folders and files; a mailbox that becomes a folder stays below the root, whatever it is called.
fn names(data: &[u8]) {
    imap::mailbox_names(data);
    maildir::names(data);
    let Some((choice, raw)) = data.split_first() else { return };
    let form = NameForm { decoded: choice & 1 != 0, utf8: choice & 2 != 0 };
    let name = mailbox_name::decode(raw, form);
    maildir::folders(name.as_str());
    let translated = name.with_separator(Some('/'), Some('.'));
    translated.iter().for_each(|name| maildir::folders(name.as_str()));
}

/// What programs remember; the first octet says which program's it is.
fn status_files(data: &[u8], directory: &Path) {
    let Some((choice, rest)) = data.split_first() else { return };
    match choice % 4 {
        0 => plain_status(rest, &directory.join("plain")),
        1 => offlineimap::status::check(&directory.join("LocalStatus"), rest),
        2 => {
            mbsync::state::check(&String::from_utf8_lossy(rest));
            offlineimap::files::check(&String::from_utf8_lossy(rest));
        }
        _ => maildir::numbers(rest),
    }
}
