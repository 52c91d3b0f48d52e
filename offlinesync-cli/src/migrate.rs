//! `--migrate-fmd5-using-nametrans`: names of messages that OfflineIMAP before 6.3.5 gave get the digest that is used since.

use crate::account::Runner;
use crate::say::Outcome;
use crate::ui::{Hub, Who};
use offlinesync_core::wording::counted;
use offlinesync_core::{Result, Side};
use offlinesync_maildir::Migrated;

/// Migrates the Maildirs of every account; the worst outcome counts.
pub fn run(runners: &[Runner], dry_run: bool, hub: &Hub) -> Outcome {
    let outcomes = runners.iter().map(|runner| {
        migrate(runner, dry_run, hub).unwrap_or_else(|error| {
            let error = error.at(format!("account '{}'", runner.settings.name));
            hub.error(Who::Account(&runner.settings.name), &error);
            Outcome::of(&error)
        })
    });
    outcomes.max().unwrap_or_default()
}

fn migrate(runner: &Runner, dry_run: bool, hub: &Hub) -> Result<Outcome> {
    let _lock = runner.lock()?;
    let backends = runner.backends_for_showing()?;
    let account = &runner.settings.name;
    let mut all = Vec::new();
    for side in Side::BOTH {
        if let Some(repository) = &backends.maildirs[side] {
            all.extend(repository.migrate_digests(dry_run)?);
        }
    }
    all.iter().for_each(|folder| hub.output(&line(account, folder, dry_run)));
    if all.is_empty() {
        hub.output(&format!("{account}: every message is named as it should be"));
    }
    Ok(if all.iter().any(|folder| folder.left > 0) { Outcome::Incomplete } else { Outcome::InStep })
}

fn line(account: &str, folder: &Migrated, dry_run: bool) -> String {
    let Migrated { folder, renamed, left } = folder;
    let (would, messages) = (if dry_run { "would be " } else { "" }, counted(renamed, "message"));
    let mut text = format!("{account}: folder '{folder}': {messages} {would}renamed");
    if *left > 0 {
        text.push_str(&format!("; {left} left, for another message bears the same UID"));
    }
    text
}
