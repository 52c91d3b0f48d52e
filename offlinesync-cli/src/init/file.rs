//! The file that `init` writes: its text, and putting it in its place.

use super::providers::Server;
use crate::settings::Encryption;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Password {
    /// From a command.
    Command(String),
    /// From a file.
    File(PathBuf),
    /// An OAuth token from a command.
    Token(String),
    /// Asked for, or from `~/.netrc`.
    Ask,
}

/// Everything that was decided.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    /// The account.
    pub account: String,
    /// The server.
    pub server: Server,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Password,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The Maildir.
    pub maildir: String,
    /// Folders that show what others hold: not worth a second copy.
    pub left_out: Vec<String>,
}

/// The text of the file.
pub(super) fn text(choices: &Choices) -> String {
    let Choices { account, maildir, .. } = choices;
    let mut text = format!(
        "# Configuration of offlinesync. All options: man offlinesync.conf\n\n\
         [general]\n\
         # The accounts that are synced where none is named with -a.\n\
         accounts = {account}\n\n\
         [Account {account}]\n\
         localrepository = {account}-local\n\
         remoterepository = {account}-remote\n\
         # Minutes between two syncs; without it, a run syncs once.\n\
         #autorefresh = 5\n\
         # A command after each sync, for example to index new mail.\n\
         #postsynchook = notmuch new\n\n\
         [Repository {account}-local]\n\
         type = Maildir\n\
         localfolders = {}\n\
         # Folders below folders are directories in directories.\n\
         sep = /\n\n\
         [Repository {account}-remote]\n",
        escaped(maildir)
    );
    server_lines(&mut text, choices);
    text
}

fn server_lines(text: &mut String, choices: &Choices) {
    let Choices { server, user, password, .. } = choices;
    let mut line = |line: String| _ = writeln!(text, "{line}");
    if server.gmail {
        line("type = Gmail".to_owned());
    } else {
        line(format!("type = IMAP\nremotehost = {}", server.host));
        let (default, lines) = match server.encryption {
            Encryption::Tls => (993, ""),
            Encryption::StartTls => (143, "# Encrypted after the greeting.\nssl = no\nstarttls = yes"),
            Encryption::None => (143, "# Not encrypted: everybody on the way can read along.\nssl = no\nstarttls = no"),
        };
        if server.port != default {
            line(format!("remoteport = {}", server.port));
        }
        if !lines.is_empty() {
            line(lines.to_owned());
        }
    }
    if let Some(file) = &choices.ca_file {
        line(format!(
            "# Trusted instead of the system's certificates.\nsslcacertfile = {}",
            escaped(&file.display().to_string())
        ));
    }
    line(format!("remoteuser = {}", escaped(user)));
    line(match password {
        Password::Command(command) => {
            format!("# Its first line of output is the password.\nremotepasscmd = {}", escaped(command))
        }
        Password::File(file) => {
            format!("# Its first line is the password.\nremotepassfile = {}", escaped(&file.display().to_string()))
        }
        Password::Token(command) => {
            format!("# It prints an access token.\noauth2_access_token_cmd = {}", escaped(command))
        }
        Password::Ask => {
            "# The password is taken from ~/.netrc, or asked for in every run; better:\n#remotepasscmd = pass show mail"
                .to_owned()
        }
    });
    line("# Connections to the server.\nmaxconnections = 3".to_owned());
    if choices.left_out.is_empty() {
        line("# Folders to leave out.\n#folderfilter = lambda folder: folder not in ['Trash', 'Spam']".to_owned());
    } else {
        let names: Vec<String> = choices.left_out.iter().map(|name| literal(name)).collect();
        let list = names.join(", ").replace('%', "%%");
        line(format!(
            "# These show messages of other folders: leaving them out saves a second copy.\nfolderfilter = lambda folder: folder not in [{list}]"
        ));
    }
}

/// `%` begins a reference in a configuration.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// A string of the expression language.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Writes a new file that its owner alone can read. Durable on return.
///
/// # Errors
/// Kind `Configuration`: it is there already. `Storage`: it cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path.display(), error, ErrorKind::Storage);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
    }
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(error),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a configuration is none.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

/// The refusal to write over a file.
pub(super) fn exists(path: &Path) -> Error {
    let message = format!("nothing was written: {} is there already", path.display());
    Error::new(ErrorKind::Configuration, message).with_hint("name another file with -c, or move it away")
}
