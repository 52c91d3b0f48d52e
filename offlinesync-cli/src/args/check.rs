//! The command line of `offlinesync check`.

use super::shared::{self, Spec};
use super::{Args, Task};
use clap::{Command, Error};
use std::ffi::OsString;

const SPEC: Spec = Spec {
    name: "check",
    about: "Try the configuration: read it, log in, list the folders, and change nothing",
    long_about: "\
Try the configuration, and change nothing.

The file is read, expressions are evaluated, servers are connected to and logged in to,
folders of both sides are listed with their names on the other side, and what a sync
would stop at is told.",
    after_help: "\
Exit status:
    0  a sync could begin
    1  something is wrong with a folder
    2  usage or configuration error, or a refused password
    3  a sync would be refused to protect mail
   75  try again later: network, busy server
  130  interrupted",
    options: &[
        "accounts",
        "folders",
        "config",
        "overrides",
        "column",
        "no_column",
        "ui",
        "debug",
        "log",
        "syslog",
        "help",
    ],
    helps: &[
        ("accounts", "Check these accounts only, instead of those the configuration lists"),
        ("folders", "As if these folders only were to be synced, by their names on the remote side"),
        ("column", "Lay out the folders in columns: always, never, or auto (where a terminal shows them)"),
    ],
    heading: "What to check",
};

/// The definition.
pub(super) fn command() -> Command {
    SPEC.command([])
}

/// Reads a command line whose first word is `check`.
pub(super) fn read(words: &[OsString]) -> Result<Args, Error> {
    let matches = command().try_get_matches_from(words)?;
    Ok(Args { task: Task::Check, ..shared::read(&matches) })
}
