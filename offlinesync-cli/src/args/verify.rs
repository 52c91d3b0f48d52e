//! The command line of `offlinesync verify`: those of the program's options that choose accounts, configuration and output.

use super::{Args, Task};
use clap::{Arg, ArgAction, CommandFactory, Error};
use std::ffi::OsString;

/// Options of the program that mean the same here.
const SHARED: [&str; 11] =
    ["accounts", "folders", "config", "overrides", "single", "ui", "debug", "log", "syslog", "help", "repair"];

const ABOUT: &str = "\
Compare both sides and what was recorded of them, message by message, and change nothing.

Every message is read whole. Told are messages that are missing on a side, differ in
content or flags, or are not recorded, and folders that one side lacks. Do not change
mail meanwhile: what is under way may be told as different.";

const AFTER_HELP: &str = "\
Exit status:
    0  everything is in step
    1  something differs, or could not be compared
    2  usage or configuration error
    3  a store or a folder's numbering is not the one that was synced
   75  try again later: network, busy server, or another run holds the lock
  130  interrupted";

/// Reads a command line whose first word is `verify`.
pub(super) fn read(words: &[OsString]) -> Result<Args, Error> {
    let repair = Arg::new("repair")
        .long("repair")
        .action(ArgAction::SetTrue)
        .help("Record again what is the same on both sides by its content; changes no mail")
        .help_heading("What to sync");
    let full = Args::command().arg(repair);
    let mut command = clap::Command::new("offlinesync verify")
        .about("Compare both sides message by message")
        .long_about(ABOUT)
        .override_usage("offlinesync verify [OPTIONS]")
        .disable_help_flag(true)
        .infer_long_args(true)
        .args_override_self(true)
        .term_width(90)
        .after_help(AFTER_HELP);
    for arg in full.get_arguments().filter(|arg| SHARED.contains(&arg.get_id().as_str())) {
        let heading = match arg.get_help_heading() {
            Some("What to sync") => "What to verify",
            Some("Configuration") => "Configuration",
            _ => "Output",
        };
        let arg = match arg.get_id().as_str() {
            "accounts" => arg.clone().help("Verify these accounts only, instead of those the configuration lists"),
            "folders" => arg.clone().help("Verify these folders only, by their names on the remote side"),
            "single" => arg.clone().help("Use one connection for each repository"),
            _ => arg.clone(),
        };
        command = command.arg(arg.help_heading(heading));
    }
    let matches = command.try_get_matches_from(words)?;
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    Ok(Args {
        accounts: text("accounts"),
        folders: text("folders"),
        config: text("config"),
        overrides: matches.get_many::<String>("overrides").into_iter().flatten().cloned().collect(),
        single: matches.get_flag("single"),
        ui: text("ui"),
        debug: text("debug"),
        log: text("log"),
        syslog: matches.get_flag("syslog"),
        task: Task::Verify { repair: matches.get_flag("repair") },
        ..Args::default()
    })
}
