//! The command lines of `offlinesync man` and `offlinesync completions`: what packagers run.

use clap::{Arg, Command, Error};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manual {
    /// The manual pages, into this directory.
    Pages(PathBuf),
    /// What completes command lines in this shell, to standard output.
    Completions(Shell),
}

/// The definition of `man`.
pub(super) fn man() -> Command {
    let directory = Arg::new("directory")
        .value_name("DIR")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("Where to write them");
    Command::new("man")
        .about("Write the manual pages offlinesync(1), those of its commands, and offlinesync.conf(5)")
        .override_usage("offlinesync man DIR")
        .term_width(90)
        .arg(directory)
        .after_help("offlinesync man ~/.local/share/man")
}

/// The definition of `completions`.
pub(super) fn completions() -> Command {
    let shell =
        Arg::new("shell").value_name("SHELL").required(true).value_parser(clap::value_parser!(Shell)).help("The shell");
    Command::new("completions")
        .about("Print what completes the command line in a shell")
        .override_usage("offlinesync completions SHELL")
        .term_width(90)
        .arg(shell)
        .after_help("offlinesync completions bash > ~/.local/share/bash-completion/completions/offlinesync")
}

/// Reads a command line whose first word is `man` or `completions`.
pub(super) fn read(words: &[OsString]) -> Result<Manual, Error> {
    if words.first().is_some_and(|word| word == "man") {
        let matches = man().try_get_matches_from(words)?;
        return Ok(Manual::Pages(matches.get_one::<PathBuf>("directory").cloned().unwrap_or_default()));
    }
    let matches = completions().try_get_matches_from(words)?;
    Ok(Manual::Completions(matches.get_one::<Shell>("shell").copied().unwrap_or(Shell::Bash)))
}
