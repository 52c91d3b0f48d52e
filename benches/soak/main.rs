//! A soak: `cargo run --release -p offlinesync-benches --bin soak -- --kills 500 --seed 7`.
//!
//! Random histories against a throwaway Dovecot: others change mail on both sides while the program syncs over lines that fail and
//! is killed at random moments; then everything must be as a model says, octet for octet. The parts are those of the short soak among
//! the program's tests. A seed repeats what others do; when a kill meets the program depends on the machine.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../offlinesync-cli/tests/soak/history.rs"]
mod history;
#[path = "../../offlinesync-cli/tests/soak/model.rs"]
mod model;
#[path = "../../offlinesync-cli/tests/soak/program.rs"]
mod program;
#[path = "../../offlinesync-cli/tests/soak/store.rs"]
mod store;

use history::{History, Plan, Tally};
use offlinesync_imap::testing::dovecot::{Dovecot, Format, Options};
use program::Binary;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

const USAGE: &str = "soak [--kills N] [--seed S] [--histories-of N]

  --kills N          how many runs are killed in all (200)
  --seed S           what others do; else the clock decides
  --histories-of N   kills in one history (25)";

fn main() -> ExitCode {
    let words = match offlinesync_benches::arguments() {
        Ok(words) => words,
        Err(ended) => return ended,
    };
    let Some(wanted) = Wanted::parse(words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    soak(&wanted);
    ExitCode::SUCCESS
}

struct Wanted {
    kills: u32,
    seed: u64,
    histories_of: u32,
}

impl Wanted {
    fn parse(words: Vec<OsString>) -> Option<Wanted> {
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let mut wanted = Wanted { kills: 200, seed: clock, histories_of: 25 };
        let mut words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            let number = words.next()?.parse::<u64>().ok()?;
            match &*word {
                "--kills" => wanted.kills = number.try_into().ok()?,
                "--seed" => wanted.seed = number,
                "--histories-of" => wanted.histories_of = number.try_into().ok().filter(|number| *number > 0)?,
                _ => return None,
            }
        }
        Some(wanted)
    }
}

/// The kinds of servers that take turns, and whether the local side is a server too.
fn setting(number: u64) -> (Options, bool) {
    let hide = |hide: &[&'static str]| Options { hide: hide.to_vec(), ..Options::default() };
    match number % 6 {
        0 => (Options::default(), false),
        1 => (hide(&["QRESYNC"]), false),
        2 => (Options::default(), true),
        3 => (Options { format: Format::Maildir, ..Options::default() }, false),
        4 => (hide(&["QRESYNC", "CONDSTORE", "MULTIAPPEND", "MOVE", "LITERAL+", "BINARY"]), false),
        _ => (hide(&["UIDPLUS", "MULTIAPPEND"]), false),
    }
}

fn soak(wanted: &Wanted) {
    println!("seed {}", wanted.seed);
    let binary =
        Binary { file: std::env::current_exe().unwrap(), words: vec![offlinesync_benches::AS_OFFLINESYNC.to_owned()] };
    let (mut killed, mut number) = (0, 0);
    while killed < wanted.kills {
        let (options, two_servers) = setting(number);
        let tells_changes = !options.hide.contains(&"CONDSTORE");
        let server = Dovecot::start(options);
        let directory = tempfile::Builder::new().prefix("soak").tempdir().unwrap();
        let kills = wanted.histories_of.min(wanted.kills - killed);
        let seed = wanted.seed.wrapping_add(number);
        let users = ("u1".to_owned(), two_servers.then(|| "u2".to_owned()));
        let start = Instant::now();
        let plan = Plan { seed, kills, runs_between_audits: 5, tells_changes, users };
        // What failed is kept, to be looked at.
        let path = directory.keep();
        let tally = History::new(plan, &server, &binary, &path).live();
        std::fs::remove_dir_all(path).unwrap();
        println!("{} ({:.0} s)", line(number, seed, &tally), start.elapsed().as_secs_f64());
        killed += tally.killed;
        number += 1;
    }
    println!("{killed} kills, nothing lost, doubled or altered");
}

fn line(number: u64, seed: u64, tally: &Tally) -> String {
    let Tally { killed, failed, ended, changes, audits, messages } = tally;
    format!(
        "history {number}, seed {seed}: {killed} killed, {failed} failed, {ended} ended; {changes} changes, {audits} audits, {messages} messages at the end"
    )
}
