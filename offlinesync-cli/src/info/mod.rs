//! `--info`: what the repositories are and which folders are in them. Changes nothing.

mod folders;
mod layout;

pub use layout::Columns;

use crate::account::Runner;
use crate::backend::Backends;
use crate::say::Outcome;
use crate::settings::{Encryption, ImapSettings, RepositorySettings, Store};
use crate::ui::{Hub, Who};
use folders::{Inventory, Row};
use offlinesync_core::wording::counted;
use offlinesync_core::{Repository, Result, Side};

/// Prints every account.
pub fn show(runners: &[Runner], hub: &Hub, columns: Columns) -> Outcome {
    let outcomes = runners.iter().map(|runner| {
        show_account(runner, hub, columns).map(|()| Outcome::InStep).unwrap_or_else(|error| {
            hub.error(Who::Account(&runner.settings.name), &error);
            Outcome::of(&error)
        })
    });
    outcomes.max().unwrap_or_default()
}

fn show_account(runner: &Runner, hub: &Hub, columns: Columns) -> Result<()> {
    let name = &runner.settings.name;
    hub.output(&format!("Account '{name}'"));
    for side in Side::BOTH {
        describe(side, &runner.settings.repositories[side]).iter().for_each(|line| hub.output(line));
    }
    let backends = runner.backends_for_showing()?;
    let shown = capabilities(&backends, hub).and_then(|()| folders(runner, &backends, hub, columns));
    backends.rest(None);
    shown.map_err(|error| error.at(format!("account '{name}'")))
}

fn describe(side: Side, repository: &RepositorySettings) -> Vec<String> {
    let mut lines = vec![format!("  {} repository '{}': type '{}'", label(side), repository.name, repository.type_)];
    match &repository.store {
        Store::Imap(settings) => {
            lines.push(format!("    {}", destination(settings)));
            lines.extend(settings.passed_over().map(|line| format!("    {line}")));
        }
        Store::Maildir(settings) => {
            lines.push(format!("    Directory: {} Separator: {}", settings.root.display(), settings.separator));
        }
    }
    lines.extend(repository.rules.written.iter().map(|(name, text)| format!("    {name} = {}", one_line(text))));
    lines
}

/// The word a line about a side begins with.
pub fn label(side: Side) -> &'static str {
    match side {
        Side::Remote => "Remote",
        Side::Local => "Local",
    }
}

/// An expression without its line ends and comments.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where a server is and how it is reached.
pub fn destination(settings: &ImapSettings) -> String {
    match &settings.tunnel {
        Some(tunnel) if tunnel.preauth => "Tunnel: a command that is logged in already".to_owned(),
        Some(_) => "Tunnel: a command".to_owned(),
        None => {
            let protection = match settings.encryption {
                Encryption::Tls => "yes",
                Encryption::StartTls => "STARTTLS",
                Encryption::None => "no",
            };
            format!("Host: {} Port: {} SSL: {protection}", settings.host, settings.port)
        }
    }
}

fn capabilities(backends: &Backends, hub: &Hub) -> Result<()> {
    for server in [&backends.servers.remote, &backends.servers.local].into_iter().flatten() {
        let session = server.pool().session()?;
        let words: Vec<&str> = session.capabilities.iter().map(|word| &**word).collect();
        hub.output(&format!("  Server capabilities of '{}': {}", server.name(), words.join(" ")));
    }
    Ok(())
}

/// Prints every folder of both sides.
///
/// # Errors
/// Told last: what a sync would stop at.
pub fn folders(runner: &Runner, backends: &Backends, hub: &Hub, columns: Columns) -> Result<()> {
    let account = runner.account_for_showing(backends)?;
    let pairs = account.folders();
    let inventory =
        Inventory::take(&runner.names(runner.only.clone()), backends, pairs.as_deref().unwrap_or_default())?;
    let synced = inventory.rows.iter().filter(|row| row.takes_part()).count();
    hub.output(&format!("  Folderlist: {}, {} left out", counted(synced, "folder"), inventory.rows.len() - synced));
    layout::lines(&inventory.rows, columns).iter().for_each(|line| hub.output(&format!("    {line}")));
    pairs.map(|_| ())
}
