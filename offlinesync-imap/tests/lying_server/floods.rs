//! A server that never stops talking: memory stays bounded, and the run ends with an error.

use crate::pair::{Pair, lists, offers, on, reads};
use offlinesync_imap::testing::server::{Action, Received};

/// The most memory this process had, in octets.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[track_caller]
fn drowns(when: fn(&Received) -> bool, flood: Vec<u8>, words: &[&str]) {
    let pair = Pair::new(offers()[0].clone()).stirred();
    let before = peak();
    pair.endures(on(when, Action::Flood(flood))).says(words);
    let grown = peak().saturating_sub(before) >> 20;
    assert!(grown < 200, "{grown} MiB");
    pair.in_step();
}

#[test]
fn a_line_without_end_is_cut_off() {
    let line = vec![b'x'; 1 << 16];
    drowns(|r| r.name == "LIST", [b"* LIST () \"/\" ".to_vec(), line.clone()].concat(), &["longer than 16 MiB"]);
    drowns(lists, [b"* 1 FETCH (UID 5 FLAGS (".to_vec(), line].concat(), &["longer than 16 MiB"]);
}

#[test]
fn a_list_without_end_is_cut_off() {
    let folders =
        |from: u32| (from..from + 2000).map(|n| format!("* LIST () \"/\" \"folder {n}\"\r\n")).collect::<String>();
    drowns(|r| r.name == "LIST", folders(0).into_bytes(), &["more than 100000 folders"]);
}

#[test]
fn removals_without_end_are_cut_off() {
    let removals: String = (0..2000).map(|n| format!("* VANISHED (EARLIER) {}\r\n", 1000 + 2 * n)).collect();
    drowns(lists, removals.into_bytes(), &["does not end"]);
}

#[test]
fn results_of_a_search_without_end_are_cut_off() {
    let pair = Pair::new(offers()[1].clone());
    pair.server.mailbox("u1", "INBOX").remove(4);
    let numbers: String = (0..4000).map(|n| format!(" {}", 2 * n + 1)).collect();
    let flood = Action::Flood(format!("* SEARCH{numbers}\r\n").into_bytes());
    let before = peak();
    pair.endures(on(|r: &Received| r.name == "UID SEARCH", flood)).says(&["does not end"]);
    let grown = peak().saturating_sub(before) >> 20;
    assert!(grown < 200, "{grown} MiB");
    pair.in_step();
}

#[test]
fn bodies_without_end_are_cut_off() {
    let body = "* 99 FETCH (UID 77 BODY[] {7}\r\nunasked)\r\n".repeat(1000);
    drowns(reads, body.into_bytes(), &["does not end"]);
}
