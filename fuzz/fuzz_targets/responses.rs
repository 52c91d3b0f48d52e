//! Hands the fuzzer's inputs to the body in `offlinesync_cli::testing`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| offlinesync_cli::testing::run("responses", data, Path::new("")));
