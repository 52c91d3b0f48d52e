//! The command lines of `offlinesync import` and `offlinesync export`.

use clap::{CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;

/// `offlinesync import`: moving in from another program.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "import",
    about = "Go on where another mail synchroniser left off, without transferring mail again",
    long_about = "Go on where another mail synchroniser left off, without transferring mail again.\n\n\
                  mbsync: writes a configuration that does what mbsync's does, and takes over what mbsync knows of every \
                  mailbox. What cannot be expressed is said with its line. mbsync's files are left as they are.\n\n\
                  OfflineIMAP needs no import: run `offlinesync` with its configuration file.",
    override_usage = "offlinesync import mbsync [OPTIONS]",
    disable_version_flag = true,
    term_width = 90
)]
pub struct Import {
    /// The program to move in from
    #[arg(value_name = "PROGRAM", value_parser = ["mbsync"])]
    pub program: String,

    /// mbsync's configuration; else $XDG_CONFIG_HOME/isyncrc or ~/.mbsyncrc
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub config: Option<String>,

    /// Write the new configuration to this file instead of $XDG_CONFIG_HOME/offlinesync/config
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<String>,
}

/// `offlinesync export`: moving out again.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "export",
    about = "Let another mail synchroniser go on where offlinesync left off, without transferring mail again",
    long_about = "Let another mail synchroniser go on where offlinesync left off, without transferring mail again.\n\n\
                  mbsync: writes what is known of every message into the state files of mbsync, for the channels that \
                  `offlinesync import mbsync` has made accounts of. Run `offlinesync` once before, and mbsync only after.\n\n\
                  OfflineIMAP needs no export: it finds its messages by the names of their files.",
    override_usage = "offlinesync export mbsync [OPTIONS]",
    disable_version_flag = true,
    term_width = 90
)]
pub struct Export {
    /// The program that goes on
    #[arg(value_name = "PROGRAM", value_parser = ["mbsync"])]
    pub program: String,

    /// mbsync's configuration; else $XDG_CONFIG_HOME/isyncrc or ~/.mbsyncrc
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub config: Option<String>,

    /// The configuration that `offlinesync import mbsync` wrote, if not $XDG_CONFIG_HOME/offlinesync/config
    #[arg(short = 'f', long = "from", value_name = "FILE")]
    pub from: Option<String>,
}

/// Reads the words from `export` on.
pub(super) fn read_export(words: &[OsString]) -> Result<Export, clap::Error> {
    Export::command().try_get_matches_from(words).and_then(|matches| Export::from_arg_matches(&matches))
}

/// Reads the words from `import` on.
pub(super) fn read(words: &[OsString]) -> Result<Import, clap::Error> {
    Import::command().try_get_matches_from(words).and_then(|matches| Import::from_arg_matches(&matches))
}
