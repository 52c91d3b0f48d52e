//! The command line of `offlinesync init`.

use clap::{Command, CommandFactory, Error, FromArgMatches, Parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// `offlinesync init`: a first configuration.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "init",
    about = "Write a first configuration: ask, find the server, try the login",
    long_about = "Write a first configuration.\n\n\
                  Asks for the address, finds the server (known providers, then SRV and MX records of the domain), asks where \
                  the password comes from, tries the login, and writes a commented file that its owner alone can read. A file \
                  that is there already is left alone.",
    override_usage = "offlinesync init [OPTIONS]",
    term_width = 90
)]
pub struct Init {
    /// The mail address
    #[arg(long, value_name = "ADDRESS", help_heading = "Account")]
    pub address: Option<String>,

    /// The user name at the server, if it is not the address
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub user: Option<String>,

    /// The account's name in the configuration [default: the domain's first part]
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub account: Option<String>,

    /// The IMAP server, instead of looking for it
    #[arg(long, value_name = "HOST", help_heading = "Server")]
    pub host: Option<String>,

    /// Its port [default: 993, with starttls 143]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Server")]
    pub port: Option<u16>,

    /// How the connection is protected: tls, starttls or none
    #[arg(
        long,
        value_name = "HOW",
        value_parser = ["tls", "starttls", "none"],
        hide_possible_values = true,
        help_heading = "Server"
    )]
    pub security: Option<String>,

    /// Trust these certificates (PEM) instead of the system's
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub ca_file: Option<PathBuf>,

    /// A command whose first line of output is the password
    #[arg(long, value_name = "COMMAND", group = "password", help_heading = "Password")]
    pub password_cmd: Option<String>,

    /// A file whose first line is the password
    #[arg(long, value_name = "FILE", group = "password", help_heading = "Password")]
    pub password_file: Option<PathBuf>,

    /// Ask for the password in every run, or take it from ~/.netrc
    #[arg(long, group = "password", help_heading = "Password")]
    pub password_ask: bool,

    /// A command that prints an OAuth access token, instead of a password
    #[arg(long, value_name = "COMMAND", group = "password", help_heading = "Password")]
    pub oauth_cmd: Option<String>,

    /// The Maildir [default: ~/Mail]
    #[arg(long, value_name = "DIR", help_heading = "Files")]
    pub maildir: Option<String>,

    /// The file to write [default: $XDG_CONFIG_HOME/offlinesync/config]
    #[arg(short = 'c', long = "config", value_name = "FILE", help_heading = "Files")]
    pub config: Option<String>,

    /// Ask nothing: what is not given is found or taken as by default, or is a mistake
    #[arg(long, help_heading = "How")]
    pub non_interactive: bool,

    /// Do not connect to the server
    #[arg(long, help_heading = "How")]
    pub no_login: bool,
}

/// The definition.
pub(super) fn command() -> Command {
    Init::command()
}

/// Reads a command line whose first word is `init`.
pub(super) fn read(words: &[OsString]) -> Result<Init, Error> {
    command().try_get_matches_from(words).and_then(|matches| Init::from_arg_matches(&matches))
}
