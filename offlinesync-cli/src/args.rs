//! The command line: one definition, from which parsing, help, completions and the manual page all come.
//!
//! It follows OfflineIMAP's: short flags may be clustered, long options may be cut to an unambiguous beginning, words that are
//! no option are ignored with a warning.

mod check;
mod import;
mod init;
mod manual;
mod shared;
mod verify;

pub use import::{Export, Import};
pub use init::Init;
pub use manual::Manual;

use crate::config::options;
use crate::info::Columns;
use crate::ui::{DEBUG_TYPES, INTERFACES};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, ValueHint};
use std::ffi::OsString;

/// What the user asked for.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "offlinesync",
    about = "Keep mail on this machine and on IMAP servers in step, both ways",
    long_about = "Keep mail on this machine and on IMAP servers in step, both ways.\n\n\
                  Without options, every account listed in the configuration file is synced once, or again and again \
                  where the account sets `autorefresh`.",
    override_usage = "offlinesync [OPTIONS]",
    disable_help_flag = true,
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true,
    term_width = 90,
    after_help = AFTER_HELP
)]
pub struct Args {
    /// Sync these accounts only, instead of those the configuration lists
    #[arg(short = 'a', long = "accounts", value_name = "NAME[,NAME…]", help_heading = "What to sync")]
    pub accounts: Option<String>,

    /// Sync these folders only, by their names on the remote side; folderfilter and folderincludes are not asked
    #[arg(short = 'f', long = "folders", value_name = "NAME[,NAME…]", help_heading = "What to sync")]
    pub folders: Option<String>,

    /// Sync once, even where autorefresh is set
    #[arg(short = 'o', long = "once", help_heading = "What to sync")]
    pub once: bool,

    /// Skip folders in which no message came or went; flags changed on the server are left for the next full sync
    #[arg(short = 'q', long = "quick", help_heading = "What to sync")]
    pub quick: bool,

    /// Print what would be done, and change nothing
    #[arg(long = "dry-run", help_heading = "Instead of syncing")]
    pub dry_run: bool,

    /// Print what the repositories are, and the folders in them
    #[arg(long = "info", help_heading = "Instead of syncing")]
    pub info: bool,

    /// Lay out the folders of --info in columns: always, never, or auto (where a terminal shows them)
    #[arg(
        long = "column",
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        value_parser = ["always", "never", "auto"],
        hide_possible_values = true,
        help_heading = "Instead of syncing"
    )]
    pub column: Option<String>,

    /// The same as --column=never
    #[arg(long = "no-column", overrides_with = "column", help_heading = "Instead of syncing")]
    pub no_column: bool,

    /// Delete this folder on the server, with everything in it; the name is that of the remote side, and one account must be chosen
    #[arg(long = "delete-folder", value_name = "NAME", help_heading = "Instead of syncing")]
    pub delete_folder: Option<String>,

    /// Rename messages that OfflineIMAP before 6.3.5 named, so that they are known again; back the Maildir up before, and look with --dry-run
    #[arg(long = "migrate-fmd5-using-nametrans", help_heading = "Instead of syncing")]
    pub migrate_fmd5: bool,

    /// Forget the mailboxes of accounts that the configuration does not list any more, and write the list of mailboxes anew
    #[arg(long = "mbnames-prune", help_heading = "Instead of syncing")]
    pub mbnames_prune: bool,

    /// Let through mass deletions that were refused, once; with a number, only up to that many
    #[arg(
        long = "allow-mass-delete",
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "18446744073709551615",
        help_heading = "When a sync was refused to protect mail"
    )]
    pub allow_mass_delete: Option<u64>,

    /// Pair folders whose numbering changed (UIDVALIDITY) again, by the content of their messages
    #[arg(long = "accept-uidvalidity", help_heading = "When a sync was refused to protect mail")]
    pub accept_uidvalidity: bool,

    /// Create folders again that are missing on one side, and fill them from the other
    #[arg(long = "restore-folders", help_heading = "When a sync was refused to protect mail")]
    pub restore_folders: bool,

    /// Read this configuration file
    #[arg(short = 'c', long = "config", value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<String>,

    /// Override an option of the configuration; `_` in the section stands for a space, the section is `general` if not given
    #[arg(
        short = 'k',
        long = "set",
        value_name = "[SECTION:]OPTION=VALUE",
        action = ArgAction::Append,
        help_heading = "Configuration"
    )]
    pub overrides: Vec<String>,

    /// Use one connection for each repository and sync one account after the other
    #[arg(short = '1', long = "single-thread", help_heading = "Configuration")]
    pub single: bool,

    /// User interface: quiet, basic, ttyui, blinkenlights, syslog, machineui or json
    #[arg(short = 'u', long = "ui", value_name = "UI", help_heading = "Output")]
    pub ui: Option<String>,

    /// Show details: imap (the protocol, without passwords), maildir, thread, or all
    #[arg(short = 'd', long = "debug", value_name = "TYPE[,TYPE…]", help_heading = "Output")]
    pub debug: Option<String>,

    /// Append everything that is said to this file
    #[arg(short = 'l', long = "log-file", value_name = "FILE", help_heading = "Output")]
    pub log: Option<String>,

    /// Send everything that is said to the system log
    #[arg(short = 's', long = "syslog", help_heading = "Output")]
    pub syslog: bool,

    /// Write where each thread spends its time into this new directory, for Perfetto or speedscope; implies -1
    #[arg(short = 'P', long = "profile", value_name = "DIR", help_heading = "Output")]
    pub profile: Option<String>,

    /// Accepted; no keyring is asked anyway
    #[arg(long = "ignore-keyring", hide = true)]
    pub ignore_keyring: bool,

    /// Accepted; no keyring is asked anyway
    #[arg(long = "update-keyring", hide = true)]
    pub update_keyring: bool,

    /// Print this help
    #[arg(short = 'h', long = "help", action = ArgAction::Help, help_heading = "Output")]
    pub help: (),

    /// Print the version number
    #[arg(long = "version", help_heading = "Output")]
    pub version: bool,

    /// Print the versions of the program and of what it is built with
    #[arg(short = 'V', help_heading = "Output")]
    pub versions: bool,

    /// Words that are no option
    #[arg(hide = true, trailing_var_arg = false)]
    pub stray: Vec<String>,

    /// Set by [`parse`].
    #[arg(skip)]
    pub task: Task,
}

/// What the program is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Sync, or what the options ask for instead.
    #[default]
    Sync,
    /// Compare both sides.
    Verify {
        /// Write rows anew.
        repair: bool,
    },
    /// Try the configuration.
    Check,
}

const AFTER_HELP: &str = "\
Other commands, each with its own --help:
  offlinesync init            write a first configuration
  offlinesync check           try the configuration; changes nothing
  offlinesync verify          compare both sides message by message; changes nothing
  offlinesync man, offlinesync completions
                              write the manual pages, the completions of a shell
  offlinesync import mbsync   go on where mbsync left off
  offlinesync export mbsync, offlinesync export offlineimap
                              let mbsync, OfflineIMAP go on again

Configuration is read from the first of these files that exists:
  $XDG_CONFIG_HOME/offlinesync/config, $XDG_CONFIG_HOME/offlineimap/config, ~/.offlineimaprc

Signals: USR1 ends the pause between two syncs, USR2 ends the program after the sync that
is running, TERM and INT end it as soon as what is begun is recorded.

Exit status:
    0  everything is in step
    1  finished, but some messages or folders were not synced
    2  usage or configuration error; nothing was touched
    3  refused to protect mail; nothing was removed
   75  try again later: network, busy server, or another run holds the lock
  130  interrupted; what was done is recorded";

/// What reading the command line came to.
#[derive(Debug)]
pub enum Parsed {
    /// `man` or `completions`.
    Manual(Manual),
    /// `init` with its options.
    Init(Box<Init>),
    /// `import` with its options.
    Import(Import),
    /// `export` with its options.
    Export(Export),
    /// Options to act on.
    Run(Box<Args>),
    /// Help that was asked for.
    Help(String),
    /// A mistake, worded.
    Mistake(String),
}

/// Reads a command line whose first word is the program's name. The name of a command as the second is that command, anywhere else
/// a mistake.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Parsed {
    let words: Vec<OsString> = words.into_iter().collect();
    match words.get(1).and_then(|word| word.to_str()) {
        Some("verify") => parsed(verify::read(&words[1..]), |args| Parsed::Run(Box::new(args))),
        Some("check") => parsed(check::read(&words[1..]), |args| Parsed::Run(Box::new(args))),
        Some("init") => parsed(init::read(&words[1..]), |init| Parsed::Init(Box::new(init))),
        Some("man" | "completions") => parsed(manual::read(&words[1..]), Parsed::Manual),
        Some("import") => parsed(import::read(&words[1..]), Parsed::Import),
        Some("export") => parsed(import::read_export(&words[1..]), Parsed::Export),
        Some("help") => parse(words[..1].iter().chain(&words[2..]).cloned().chain(["--help".into()])),
        Some(word) => match mistyped(word) {
            Some(meant) => Parsed::Mistake(format!(
                "error: there is no command `{word}`; nothing was done\nhint: did you mean `offlinesync {meant}`?"
            )),
            None => sync(words),
        },
        None => sync(words),
    }
}

/// A command line without a command.
fn sync(words: Vec<OsString>) -> Parsed {
    let matches = Args::command().try_get_matches_from(words);
    let args = matches.and_then(|matches| Args::from_arg_matches(&matches));
    match args.as_ref().ok().and_then(misplaced) {
        Some(name) => Parsed::Mistake(format!(
            "error: `{name}` is a command and stands before all options; nothing was done\nhint: offlinesync {name} ..."
        )),
        None => parsed(args, |args| Parsed::Run(Box::new(args))),
    }
}

/// Words that stand before all options.
const COMMANDS: [&str; 7] = ["init", "check", "verify", "import", "export", "man", "completions"];

/// The command that a first word is nearly. Other words are ignored as ever, but who mistypes a check does not want a sync.
fn mistyped(word: &str) -> Option<&'static str> {
    if word.starts_with('-') { None } else { options::near(COMMANDS.into_iter(), word) }
}

/// A command among the words that are no option: who asks for a check does not want a sync.
fn misplaced(args: &Args) -> Option<&'static str> {
    COMMANDS.into_iter().find(|name| args.stray.iter().any(|word| word == name))
}

fn parsed<T>(read: Result<T, clap::Error>, wrap: impl FnOnce(T) -> Parsed) -> Parsed {
    match read {
        Ok(args) => wrap(args),
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => Parsed::Help(error.render().to_string()),
        Err(error) => Parsed::Mistake(error.render().to_string()),
    }
}

/// The whole command line as completions need it: with the values that options take, and whether these are files. Without the words that are
/// no option: zsh would take the name of a command for one of them.
pub fn completed() -> clap::Command {
    let (whole, bare) = (definition(), clap::Command::new("offlinesync"));
    let options = whole.get_arguments().filter(|arg| !arg.is_positional()).cloned().map(hinted);
    let commands = whole.get_subcommands().cloned().map(|command| command.mut_args(hinted));
    bare.disable_help_flag(true).disable_help_subcommand(true).args(options).subcommands(commands)
}

/// An option with its values, where it takes any. The parser takes more than is offered: lists, and the names of old versions.
fn hinted(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        _ if !arg.get_action().takes_values() || !arg.get_possible_values().is_empty() => arg,
        "ui" => arg.value_parser(INTERFACES),
        "debug" => arg.value_parser(DEBUG_TYPES),
        "config" | "log" | "write" | "from" | "ca_file" | "password_file" => arg.value_hint(ValueHint::FilePath),
        "profile" | "maildir" | "directory" => arg.value_hint(ValueHint::DirPath),
        _ => arg.value_hint(ValueHint::Other),
    }
}

/// The whole command line with every command, for manual pages and completions.
pub fn definition() -> clap::Command {
    let commands = [
        init::command(),
        check::command(),
        verify::command(),
        Import::command(),
        Export::command(),
        manual::man(),
        manual::completions(),
    ];
    Args::command().mut_arg("stray", |arg| arg.num_args(0..)).subcommands(commands).disable_help_subcommand(true)
}

impl Args {
    /// The accounts of `-a`.
    pub fn account_list(&self) -> Option<Vec<String>> {
        self.accounts.as_deref().map(words)
    }

    /// How `--info` lays out folders. Details and columns do not go together.
    pub fn columns(&self, terminal: bool) -> Columns {
        let wanted = match self.column.as_deref() {
            _ if self.no_column || self.debug.is_some() => false,
            Some("always") => true,
            Some("never") => false,
            _ => terminal,
        };
        if wanted { Columns::Always } else { Columns::Never }
    }

    /// The folders of `-f`.
    pub fn folder_list(&self) -> Option<Vec<String>> {
        self.folders.as_deref().map(words)
    }
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Who we are, in two lines.
pub fn banner() -> String {
    format!("offlinesync {}\n  Licensed under MIT or Apache-2.0", env!("CARGO_PKG_VERSION"))
}

/// `-V`: the long line.
pub fn versions() -> String {
    let (version, system, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    format!("offlinesync v{version}, TLS by rustls, status in SQLite, {system} {machine}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        match parse(std::iter::once("offlinesync").chain(line.split_whitespace()).map(OsString::from)) {
            Parsed::Run(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
        definition().debug_assert();
        completed().debug_assert();
    }

    #[test]
    fn import_is_a_command_of_its_own() {
        let words = ["offlinesync", "import", "mbsync", "--config", "a", "-w", "b"].map(OsString::from);
        let Parsed::Import(import) = parse(words) else { panic!() };
        assert_eq!((import.config.as_deref(), import.write.as_deref()), (Some("a"), Some("b")));
        let words = ["offlinesync", "export", "mbsync", "-c", "a", "--from", "b"].map(OsString::from);
        let Parsed::Export(export) = parse(words) else { panic!() };
        assert_eq!((export.config.as_deref(), export.from.as_deref()), (Some("a"), Some("b")));
        let words = ["offlinesync", "export", "offlineimap", "-a", "x, y"].map(OsString::from);
        let Parsed::Export(export) = parse(words) else { panic!() };
        assert_eq!(
            (export.program.as_str(), export.account_list()),
            ("offlineimap", Some(vec!["x".into(), "y".into()]))
        );
        for wrong in [&["offlinesync", "import"][..], &["offlinesync", "import", "fetchmail"]] {
            assert!(matches!(parse(wrong.iter().map(OsString::from)), Parsed::Mistake(_)), "{wrong:?}");
        }
    }

    #[test]
    fn short_flags_cluster_and_long_options_may_be_cut() {
        let args = args("-oqf INBOX,Sent --dry --acco=a,b");
        assert!(args.once && args.quick && args.dry_run);
        assert_eq!(args.folder_list().unwrap(), ["INBOX", "Sent"]);
        assert_eq!(args.account_list().unwrap(), ["a", "b"]);
    }

    #[test]
    fn stray_words_are_kept_apart_and_do_not_end_the_options() {
        let args = args("-k a=1 stray -k Account_X:b=2 more -1");
        assert_eq!(args.overrides, ["a=1", "Account_X:b=2"]);
        assert_eq!(args.stray, ["stray", "more"]);
        assert!(args.single);
    }

    #[test]
    fn the_number_of_a_mass_delete_is_bound_to_its_option() {
        assert_eq!(args("--allow-mass-delete").allow_mass_delete, Some(u64::MAX));
        assert_eq!(args("--allow-mass-delete=40").allow_mass_delete, Some(40));
        assert_eq!(args("--allow-mass-delete 40").stray, ["40"]);
        assert_eq!(args("").allow_mass_delete, None);
    }

    #[test]
    fn an_option_given_twice_counts_as_given_last_and_a_flag_twice_is_fine() {
        let args = args("-a x -a y -o -o");
        assert_eq!(args.account_list().unwrap(), ["y"]);
    }

    #[test]
    fn verify_is_a_subcommand_as_the_first_word_only_and_takes_only_what_makes_sense_for_it() {
        let verifying = args("verify -a x -f INBOX -k a=1 -1 --repair");
        assert_eq!(verifying.task, Task::Verify { repair: true });
        assert_eq!(verifying.folder_list().unwrap(), ["INBOX"]);
        assert_eq!(args("verify").task, Task::Verify { repair: false });
        assert_eq!(args("check -a x --column").task, Task::Check);
        for line in ["-o verify", "-c file check", "-o import"] {
            let words = std::iter::once("offlinesync").chain(line.split_whitespace()).map(OsString::from);
            assert!(
                matches!(parse(words), Parsed::Mistake(text) if text.contains("stands before all options")),
                "{line}"
            );
        }
        for line in ["verify -q", "verify --dry-run", "verify --allow-mass-delete", "verify more"] {
            let words = std::iter::once("offlinesync").chain(line.split_whitespace()).map(OsString::from);
            assert!(matches!(parse(words), Parsed::Mistake(text) if text.contains("unexpected argument")), "{line}");
        }
    }

    #[test]
    fn mistakes_are_worded() {
        let parsed = parse(["offlinesync", "--frobnicate"].map(OsString::from));
        assert!(matches!(parsed, Parsed::Mistake(text) if text.contains("--frobnicate")));
    }
}
