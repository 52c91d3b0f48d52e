//! The command line of `offlinesync verify`: those of the program's options that choose accounts, configuration and output.

use super::shared::{self, Spec};
use super::{Args, Task};
use clap::{Arg, ArgAction, Command, Error};
use std::ffi::OsString;

const SPEC: Spec = Spec {
    name: "verify",
    about: "Compare both sides message by message",
    long_about: "\
Compare both sides and what was recorded of them, message by message, and change nothing.

Every message is read whole. Told are messages that are missing on a side, differ in
content or flags, or are not recorded, and folders that one side lacks. Do not change
mail meanwhile: what is under way may be told as different.",
    after_help: "\
Exit status:
    0  everything is in step
    1  something differs, or could not be compared
    2  usage or configuration error
    3  a store or a folder's numbering is not the one that was synced
   75  try again later: network, busy server, or another run holds the lock
  130  interrupted",
    options: &["accounts", "folders", "config", "overrides", "single", "ui", "debug", "log", "syslog", "help"],
    helps: &[
        ("accounts", "Verify these accounts only, instead of those the configuration lists"),
        ("folders", "Verify these folders only, by their names on the remote side"),
        ("single", "Use one connection for each repository"),
    ],
    heading: "What to verify",
};

/// The definition.
pub(super) fn command() -> Command {
    let repair = Arg::new("repair")
        .long("repair")
        .action(ArgAction::SetTrue)
        .help("Record again what is the same on both sides by its content; changes no mail");
    SPEC.command([repair])
}

/// Reads a command line whose first word is `verify`.
pub(super) fn read(words: &[OsString]) -> Result<Args, Error> {
    let matches = command().try_get_matches_from(words)?;
    Ok(Args { task: Task::Verify { repair: matches.get_flag("repair") }, ..shared::read(&matches) })
}
