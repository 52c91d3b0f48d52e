//! The power goes at every effect of a run: a change on the disk, a commit of the status, a command to the server. What was not yet
//! durable is lost, the next run starts, and everything must be as if nothing had happened.
//!
//! Real Maildir, real client, real SQLite; the disk is watched and the server is in memory. Some effects are left out, unless it is
//!
//! ```text
//! OFFLINESYNC_POWER=1 cargo test --release -p offlinesync-cli --test power -- --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]
#![allow(clippy::print_stdout, reason = "tells how many ends there were")]

mod disk;
#[path = "../support/interrupted.rs"]
mod interrupted;
mod scenarios;
mod world;

use offlinesync_core::testing::Faults;
use offlinesync_imap::testing::relay::{Fault, Relay, Way};
use offlinesync_maildir::testing::Loss;
use std::time::Duration;
use world::Start;

/// How a run ends, and what is lost with it.
type End = (&'static str, fn(&Faults, u64), fn(u64) -> Loss);

const ENDS: [End; 4] = [
    ("killed after", Faults::stop_after, |_| Loss::Nothing),
    ("killed halfway through", Faults::stop_within, |_| Loss::Nothing),
    ("no power after", Faults::stop_after, |_| Loss::Unsynced),
    ("no power, something left, after", Faults::stop_after, Loss::Some),
];

/// Ends a run at every effect in turn. Answers how many ends there were.
fn at_every_effect(name: &str, start: &Start<'_>, every: u64) -> u64 {
    let world = start.world();
    let expected = world.uninterrupted();
    let every = stride(every);
    let mut points = 0;
    for (how, stop, loss) in ENDS {
        for n in (1 + points % every as u64..).step_by(every) {
            let ended = world.interrupted(|faults| stop(faults, n), loss(n));
            let Some((at, effect)) = ended else { break };
            points += 1;
            world.assert_mended(&expected, &format!("{name}: {how} effect {at}, '{effect}'"));
        }
    }
    println!("{name}: {points} ends");
    points
}

/// Cuts the line after every octet in turn, on its way up and on its way down.
fn at_every_octet(name: &str, start: &Start<'_>, every: u64) -> u64 {
    let world = start.world();
    let expected = world.uninterrupted();
    let relay = Relay::start(world.server().port(), Duration::ZERO);
    let (up, down) = world.traffic(&relay);
    let ways = [(Way::Up, up), (Way::Down, down)].into_iter();
    let cuts: Vec<(Way, u64)> =
        ways.flat_map(|(way, octets)| (0..octets).map(move |after| (way, after))).step_by(stride(every)).collect();
    for (way, after) in &cuts {
        world.over(&relay, Some(Fault::Cut { way: *way, after: *after }));
        world.assert_mended(&expected, &format!("{name}: cut {way:?} after {after} octets"));
    }
    println!("{name}: {} cuts", cuts.len());
    cuts.len() as u64
}

/// Every effect is looked at if that is wanted.
fn stride(every: u64) -> usize {
    let all = std::env::var_os("OFFLINESYNC_POWER").is_some();
    if all { 1 } else { usize::try_from(every).unwrap() }
}

fn all(scenarios: &[scenarios::Scenario], every: u64) {
    let points: u64 = scenarios.iter().map(|(name, start)| at_every_effect(name, start, every)).sum();
    println!("{points} ends in all");
    assert!(points > 20, "{points}");
}
