//! The document about safety names tests; each of them must be there, and each thread of OfflineIMAP's trackers must be told at a test
//! that holds it.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const DOCUMENT: &str = include_str!("../../docs/safety.md");

/// Every function in the Rust files below a directory, with the comments above it.
fn functions(directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            functions_of(&fs::read_to_string(&path).unwrap(), found);
        }
    }
}

fn functions_of(text: &str, found: &mut BTreeMap<String, String>) {
    let mut above = String::new();
    for line in text.lines().map(str::trim_start) {
        let name = line.strip_prefix("fn ").and_then(|line| line.split(['(', '<']).next());
        if let Some(name) = name {
            found.entry(name.to_owned()).or_default().push_str(&above);
        }
        if line.starts_with("///") || line.starts_with("#[") {
            above.push_str(line.trim_start_matches("///"));
            above.push('\n');
        } else {
            above.clear();
        }
    }
}

fn all_functions() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    found
}

/// What stands between backquotes and is the name of a function.
fn named(text: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

/// A thread: which of the two trackers, and its number.
type Thread = (&'static str, u32);

const TRACKERS: [&str; 2] = ["OfflineIMAP", "offlineimap3"];

/// The threads that a text names: `OfflineIMAP #633`, or several of one tracker as in `OfflineIMAP #333, #349; offlineimap3 #199`.
fn threads(text: &str) -> BTreeSet<Thread> {
    let mut found = BTreeSet::new();
    for tracker in TRACKERS {
        for rest in text.split(&format!("{tracker} #")).skip(1) {
            let numbers = rest.split(", #").map(|part| {
                let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
                (part[..end].parse(), end == part.len())
            });
            for (number, goes_on) in numbers {
                found.extend(number.ok().map(|number| (tracker, number)));
                if !goes_on {
                    break;
                }
            }
        }
    }
    found
}

/// The rows of the last table: the threads, and the tests that hold them.
fn rows() -> Vec<(BTreeSet<Thread>, BTreeSet<&'static str>)> {
    let (_, section) = DOCUMENT.split_once("## OfflineIMAP's threads").unwrap();
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let [first, _, _, last] = cells[..] else { return None };
        Some((threads(first), named(last))).filter(|(threads, _)| !threads.is_empty())
    };
    section.lines().filter_map(row).collect()
}

/// Every thread that must be in the table: those that tell of mail that was lost, doubled or altered, and others that tell much.
const OFFLINEIMAP: [u32; 73] = [
    2, 20, 31, 47, 52, 56, 61, 62, 65, 111, 117, 125, 126, 135, 148, 159, 172, 174, 203, 209, 227, 248, 262, 270, 275,
    281, 295, 305, 317, 318, 327, 333, 336, 349, 367, 370, 380, 384, 405, 408, 411, 421, 426, 439, 452, 481, 516, 517,
    518, 522, 523, 537, 547, 580, 581, 589, 608, 614, 621, 629, 633, 634, 637, 662, 665, 668, 676, 690, 693, 702, 705,
    720, 724,
];
const OFFLINEIMAP3: [u32; 22] =
    [43, 44, 48, 85, 96, 107, 117, 124, 140, 143, 160, 173, 185, 199, 201, 209, 213, 224, 226, 229, 240, 259];

#[test]
fn every_test_that_the_document_names_is_there() {
    let found = all_functions();
    let missing: Vec<&str> = named(DOCUMENT).into_iter().filter(|name| !found.contains_key(*name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    assert!(named(DOCUMENT).len() > 100, "{}", named(DOCUMENT).len());
}

#[test]
fn every_thread_has_a_row_and_is_told_at_a_test_of_that_row() {
    let found = all_functions();
    let mut told = BTreeSet::new();
    for (threads_of_row, tests) in rows() {
        let at_tests: BTreeSet<Thread> = tests.iter().flat_map(|test| threads(&found[*test])).collect();
        let untold: Vec<&Thread> = threads_of_row.difference(&at_tests).collect();
        assert!(untold.is_empty(), "not named above any of {tests:#?}: {untold:?}");
        told.extend(threads_of_row);
    }
    let both = [(TRACKERS[0], &OFFLINEIMAP[..]), (TRACKERS[1], &OFFLINEIMAP3[..])];
    let all: BTreeSet<Thread> =
        both.iter().flat_map(|(tracker, numbers)| numbers.iter().map(|number| (*tracker, *number))).collect();
    assert_eq!(told, all);
}

#[test]
fn threads_are_read_one_by_one_and_in_lists() {
    let text = "OfflineIMAP #333, #349; offlineimap3 #199: a lie about OfflineIMAP #2, and #7 is no thread";
    let expected = [("OfflineIMAP", 2), ("OfflineIMAP", 333), ("OfflineIMAP", 349), ("offlineimap3", 199)];
    assert_eq!(threads(text), BTreeSet::from(expected));
}
