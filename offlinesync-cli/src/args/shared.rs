//! The commands beside syncing that take some of the program's own options.

use super::Args;
use clap::{Arg, ArgMatches, Command, CommandFactory};

/// One such command.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) long_about: &'static str,
    pub(super) after_help: &'static str,
    /// Options of the program that mean the same here.
    pub(super) options: &'static [&'static str],
    /// Those of them that are explained in other words here.
    pub(super) helps: &'static [(&'static str, &'static str)],
    /// The heading over options that choose accounts and folders.
    pub(super) heading: &'static str,
}

impl Spec {
    /// The definition, with options of its own behind the shared ones.
    pub(super) fn command(&self, own: impl IntoIterator<Item = Arg>) -> Command {
        let mut command = Command::new(self.name)
            .about(self.about)
            .long_about(self.long_about)
            .override_usage(format!("offlinesync {} [OPTIONS]", self.name))
            .disable_help_flag(true)
            .infer_long_args(true)
            .args_override_self(true)
            .term_width(90)
            .after_help(self.after_help);
        let own = own.into_iter().map(|arg| arg.help_heading(self.heading));
        let program = Args::command();
        let shared = program.get_arguments().filter(|arg| self.options.contains(&arg.get_id().as_str()));
        let shared: Vec<Arg> = shared.map(|arg| self.explained(arg.clone())).collect();
        for arg in shared.into_iter().chain(own) {
            command = command.arg(arg);
        }
        command
    }

    fn explained(&self, arg: Arg) -> Arg {
        let heading = match arg.get_help_heading() {
            Some("What to sync" | "Instead of syncing") => self.heading,
            Some("Configuration") => "Configuration",
            _ => "Output",
        };
        let help = self.helps.iter().find(|(id, _)| *id == arg.get_id().as_str());
        let arg = arg.help_heading(heading);
        help.map_or(arg.clone(), |(_, help)| arg.help(*help))
    }
}

/// The shared options that were given.
pub(super) fn read(matches: &ArgMatches) -> Args {
    let text = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
    let flag = |id: &str| matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false);
    let overrides = matches.try_get_many::<String>("overrides").ok().flatten();
    Args {
        accounts: text("accounts"),
        folders: text("folders"),
        config: text("config"),
        overrides: overrides.into_iter().flatten().cloned().collect(),
        single: flag("single"),
        ui: text("ui"),
        debug: text("debug"),
        log: text("log"),
        syslog: flag("syslog"),
        column: text("column"),
        no_column: flag("no_column"),
        ..Args::default()
    }
}
