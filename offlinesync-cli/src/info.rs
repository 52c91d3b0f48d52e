//! `--info`: what the repositories are and which folders are in them. Changes nothing.

use crate::account::Runner;
use crate::backend::Backends;
use crate::say::Outcome;
use crate::settings::{Encryption, ImapSettings, RepositorySettings, Store};
use crate::ui::Hub;
use offlinesync_core::sync::PairedFolder;
use offlinesync_core::{Result, Side};

/// Prints every account.
pub fn show(runners: &[Runner], hub: &Hub) -> Outcome {
    let outcomes = runners.iter().map(|runner| {
        show_account(runner, hub).map(|()| Outcome::InStep).unwrap_or_else(|error| {
            hub.error(&error);
            Outcome::of(&error)
        })
    });
    outcomes.max().unwrap_or_default()
}

fn show_account(runner: &Runner, hub: &Hub) -> Result<()> {
    let name = &runner.settings.name;
    hub.output(&format!("Account '{name}'"));
    for side in Side::BOTH {
        describe(side, &runner.settings.repositories[side]).iter().for_each(|line| hub.output(line));
    }
    let backends = runner.backends_for_showing()?;
    let shown = show_folders(runner, &backends, hub);
    backends.rest(false);
    shown.map_err(|error| error.at(format!("account '{name}'")))
}

fn describe(side: Side, repository: &RepositorySettings) -> Vec<String> {
    let label = match side {
        Side::Remote => "Remote",
        Side::Local => "Local",
    };
    let mut lines = vec![format!("  {label} repository '{}': type '{}'", repository.name, repository.type_)];
    match &repository.store {
        Store::Imap(settings) => lines.push(format!("    {}", destination(settings))),
        Store::Maildir(settings) => {
            lines.push(format!("    Directory: {} Separator: {}", settings.root.display(), settings.separator));
        }
    }
    lines
}

fn destination(settings: &ImapSettings) -> String {
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

fn show_folders(runner: &Runner, backends: &Backends, hub: &Hub) -> Result<()> {
    let account = runner.account_for_showing(backends)?;
    let pairs = account.folders()?;
    hub.output(&format!("  Folderlist: {} folders", pairs.len()));
    pairs.iter().for_each(|pair| hub.output(&format!("    {}", line(pair))));
    let left_out = left_out(backends, &pairs)?;
    left_out.iter().for_each(|name| hub.output(&format!("    {name} (disabled)")));
    Ok(())
}

fn line(paired: &PairedFolder) -> String {
    let PairedFolder { pair, entries, rows } = paired;
    let mut line = pair.remote.to_string();
    if pair.remote != pair.local {
        line.push_str(&format!(" -> {}", pair.local));
    }
    for side in Side::BOTH {
        match &entries[side] {
            None => line.push_str(&format!(", not on the {side} side")),
            Some(entry) => {
                let number = entry.messages.map(|messages| format!(", {side}: {messages} messages"));
                line.push_str(&number.unwrap_or_default());
            }
        }
    }
    line.push_str(&format!(", synced: {rows} messages"));
    line
}

/// Remote folders that take no part.
fn left_out(backends: &Backends, pairs: &[PairedFolder]) -> Result<Vec<String>> {
    let list = backends.repositories.remote.list()?;
    let takes_part = |name: &str| pairs.iter().any(|paired| paired.pair.remote.as_str() == name);
    let names = list.folders.iter().map(|entry| entry.name.as_str()).filter(|name| !takes_part(name));
    Ok(names.map(str::to_owned).collect())
}
