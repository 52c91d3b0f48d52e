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
    long_about = "Let another mail synchroniser go on where offlinesync left off, without transferring mail again. \
                  Run `offlinesync` once before, and the other program only after.\n\n\
                  offlineimap: writes what is known of every message into the metadata directory that both programs share. \
                  Between two servers OfflineIMAP would copy what came meanwhile to both sides again without it. With a \
                  Maildir it knows its messages by the names of their files; what is pending stays pending by this.\n\n\
                  mbsync: writes what is known of every message into the state files of mbsync, for the channels that \
                  `offlinesync import mbsync` has made accounts of.",
    override_usage = "offlinesync export offlineimap|mbsync [OPTIONS]",
    disable_version_flag = true,
    term_width = 90
)]
pub struct Export {
    /// The program that goes on
    #[arg(value_name = "PROGRAM", value_parser = ["offlineimap", "mbsync"])]
    pub program: String,

    /// Give these accounts only
    #[arg(short = 'a', long = "accounts", value_name = "NAME[,NAME…]")]
    pub accounts: Option<String>,

    /// The other program's configuration, if it is not in its usual place; of OfflineIMAP the file that is offlinesync's too
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub config: Option<String>,

    /// mbsync: the configuration that `offlinesync import mbsync` wrote, if not $XDG_CONFIG_HOME/offlinesync/config
    #[arg(short = 'f', long = "from", value_name = "FILE")]
    pub from: Option<String>,
}

impl Export {
    /// The accounts of `-a`.
    pub fn account_list(&self) -> Option<Vec<String>> {
        self.accounts.as_deref().map(super::words)
    }
}

/// Reads the words from `export` on.
pub(super) fn read_export(words: &[OsString]) -> Result<Export, clap::Error> {
    Export::command().try_get_matches_from(words).and_then(|matches| Export::from_arg_matches(&matches))
}

/// Reads the words from `import` on.
pub(super) fn read(words: &[OsString]) -> Result<Import, clap::Error> {
    Import::command().try_get_matches_from(words).and_then(|matches| Import::from_arg_matches(&matches))
}
