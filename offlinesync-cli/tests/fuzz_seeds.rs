//! What the fuzz targets begin with and what they found once holds on every run, without a fuzzer.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use offlinesync_cli::testing::TARGETS;
use std::fs;
use std::path::{Path, PathBuf};

fn seeds(target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_seed_and_every_find_of_the_fuzz_targets_holds() {
    let scratch = tempfile::tempdir().unwrap();
    for (target, body) in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            eprintln!("{}", seed.display());
            body(&fs::read(seed).unwrap(), scratch.path());
        }
    }
}

#[test]
fn every_target_can_be_run_by_the_fuzzer() {
    for (target, _) in TARGETS {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fuzz/fuzz_targets/{target}.rs"));
        assert!(fs::read_to_string(source).unwrap().contains(&format!("\"{target}\"")), "{target}");
    }
}
