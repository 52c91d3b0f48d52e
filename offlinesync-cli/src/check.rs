//! `offlinesync check`: tries everything a sync needs, and changes nothing.

use crate::account::Runner;
use crate::backend::Backends;
use crate::control::Control;
use crate::info::{self, Columns};
use crate::say::Outcome;
use crate::settings::Store;
use crate::ui::{Hub, Who};
use offlinesync_core::{Result, Side};

/// Checks every account, one after the other; the worst outcome counts.
pub fn show(runners: &[Runner], hub: &Hub, columns: Columns, control: &Control) -> Outcome {
    let outcomes = runners.iter().map(|runner| {
        if control.cancel.is_cancelled() {
            return Outcome::Interrupted;
        }
        let name = &runner.settings.name;
        match check_account(runner, hub, columns) {
            Ok(()) => {
                hub.output(&format!("account '{name}': a sync can begin"));
                Outcome::InStep
            }
            Err(error) => {
                let error = error.at(format!("account '{name}'"));
                hub.error(Who::Account(&runner.settings.name), &error);
                Outcome::of(&error)
            }
        }
    });
    outcomes.max().unwrap_or_default()
}

fn check_account(runner: &Runner, hub: &Hub, columns: Columns) -> Result<()> {
    hub.output(&format!("Account '{}'", runner.settings.name));
    let backends = runner.backends_for_showing()?;
    let checked = check_stores(runner, &backends, hub).and_then(|()| info::folders(runner, &backends, hub, columns));
    backends.rest(None);
    checked
}

fn check_stores(runner: &Runner, backends: &Backends, hub: &Hub) -> Result<()> {
    for side in Side::BOTH {
        let repository = &runner.settings.repositories[side];
        let (found, remark) = match &repository.store {
            Store::Imap(settings) => {
                if let Some(server) = &backends.servers[side] {
                    server.pool().session()?;
                }
                (format!("{}, logged in", info::destination(settings)), settings.passed_over())
            }
            Store::Maildir(settings) => {
                let there = backends.repositories[side].exists()?;
                let state = if there { "is there" } else { "will be created by the first sync" };
                (format!("Directory: {} {state}", settings.root.display()), None)
            }
        };
        hub.output(&format!("  {} repository '{}': {found}", info::label(side), repository.name));
        remark.iter().for_each(|remark| hub.output(&format!("    {remark}")));
    }
    Ok(())
}
