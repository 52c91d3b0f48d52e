//! The program.

use offlinesync_cli::{run, streams::Streams};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(std::env::args_os(), Streams::of_process()).into()
}
