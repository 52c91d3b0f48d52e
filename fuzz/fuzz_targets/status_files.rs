//! Hands the fuzzer's inputs to the body in `offlinesync_cli::testing`, with a directory in memory where there is one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let directory = parent.join(format!("offlinesync-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory to write into");
    directory
});

fuzz_target!(|data: &[u8]| offlinesync_cli::testing::run("status_files", data, &SCRATCH));
