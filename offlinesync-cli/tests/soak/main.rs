//! A short soak: random histories on both sides of an account, lines that fail, and a program that is killed at random moments. The
//! long one is `cargo run --release -p offlinesync-benches --bin soak`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

mod history;
mod model;
mod program;
mod store;

use history::{History, Plan};
use offlinesync_imap::testing::dovecot::{Dovecot, Options};
use program::Binary;

fn live(seed: u64, kills: u32, options: Options, users: (&str, Option<&str>)) {
    let tells_changes = !options.hide.contains(&"CONDSTORE");
    let server = Dovecot::start(options);
    let directory = tempfile::tempdir().unwrap();
    let binary = Binary { file: env!("CARGO_BIN_EXE_offlinesync").into(), words: Vec::new() };
    let users = (users.0.to_owned(), users.1.map(str::to_owned));
    let plan = Plan { seed, kills, runs_between_audits: 3, tells_changes, users };
    let tally = History::new(plan, &server, &binary, directory.path()).live();
    assert!(tally.killed >= kills, "{tally:?}");
}

#[test]
fn a_maildir_and_a_server_stay_whole_through_kills_and_failing_lines() {
    live(1, 4, Options::default(), ("u1", None));
}

/// OfflineIMAP #380: what was remembered of two servers was cut short, and every message was doubled.
#[test]
fn two_servers_stay_whole_through_kills_and_failing_lines() {
    live(2, 2, Options::default(), ("u1", Some("u2")));
}

#[test]
fn a_plain_server_stays_whole_through_kills_and_failing_lines() {
    let hide = vec!["QRESYNC", "CONDSTORE", "MULTIAPPEND", "MOVE", "LITERAL+", "BINARY"];
    live(3, 2, Options { hide, ..Options::default() }, ("u1", None));
}
