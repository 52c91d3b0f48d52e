//! `offlinesync verify`: compares both sides message by message and tells every difference. Changes nothing; with `--repair`, rows.

use crate::account::Runner;
use crate::control::Control;
use crate::say::Outcome;
use crate::ui::{Hub, Narrator, Who};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::{Discrepancy, Finding, Report, Verification};
use offlinesync_core::wording::{counted, were};
use offlinesync_core::{Event, Flags, MessageId, Observer, PerSide, Result, Side};
use std::sync::Arc;

/// Verifies every account, one after the other; the worst outcome counts.
pub fn show(runners: &[Runner], repair: bool, hub: &Arc<Hub>, control: &Control) -> Outcome {
    let outcomes = runners.iter().map(|runner| {
        if control.cancel.is_cancelled() {
            return Outcome::Interrupted;
        }
        show_account(runner, repair, hub, control).unwrap_or_else(|error| {
            let error = error.at(format!("account '{}'", runner.settings.name));
            hub.error(Who::Account(&runner.settings.name), &error);
            Outcome::of(&error)
        })
    });
    outcomes.max().unwrap_or_default()
}

fn show_account(runner: &Runner, repair: bool, hub: &Arc<Hub>, control: &Control) -> Result<Outcome> {
    let _lock = runner.lock()?;
    let listener = Listener { narrator: runner.narrator() };
    let backends = runner.backends_for_showing()?;
    let account = runner.account_for_verifying(&backends, repair)?;
    let verification = account.verify(repair, &listener, &control.cancel);
    backends.rest(None);
    let verification = verification?;
    verification.findings.iter().for_each(|finding| hub.output(&line(finding)));
    hub.output(&summary(&runner.settings.name, &verification));
    let differs = verification.differences().next().is_some();
    let failed = Report { failures: verification.failures, ..Report::default() };
    listener.narrator.failures(&failed);
    let found = if differs { Outcome::Incomplete } else { Outcome::InStep };
    Ok(Outcome::of_report(&failed).max(found))
}

/// Tells what is being verified; of a sync, everything else.
struct Listener {
    narrator: Arc<Narrator>,
}

impl Observer for Listener {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::FolderStarted { pair } => {
                self.narrator.account_says(&format!("Verifying {}", pair.remote));
            }
            other => self.narrator.event(other),
        }
    }
}

/// A finding as one line.
fn line(finding: &Finding) -> String {
    let Finding { pair, what } = finding;
    let place = place(pair);
    match what {
        Discrepancy::FolderMissing { on, rows: 0 } => format!("{place}: not on the {on} side"),
        Discrepancy::FolderMissing { on, rows } => {
            format!("{place}: missing on the {on} side, where {} in step", were(*rows, "message"))
        }
        Discrepancy::FolderGone { rows } => {
            format!("{place}: on neither side, though {} in step", were(*rows, "message"))
        }
        Discrepancy::Missing { on, ids } => format!(
            "{place}: message {} of the {} side is missing on the {on} side, where it was {}",
            ids[on.other()],
            on.other(),
            ids[*on]
        ),
        Discrepancy::RowAlone { ids } => format!("{place}: {} is recorded, but on neither side", both(ids)),
        Discrepancy::Alone { on, id } => format!("{place}: message {id} is on the {on} side only"),
        Discrepancy::Unrecorded { ids } => {
            format!("{place}: {} is the same message, but that is not recorded", both(ids))
        }
        Discrepancy::Content { ids, octets } => format!(
            "{place}: {} is recorded as one message, but the content differs: {} octets on the remote side, {} on the local side",
            both(ids),
            octets.remote,
            octets.local
        ),
        Discrepancy::Flags { ids, flags, agreed } => format!(
            "{place}: {} has the flags {} on the remote side, {} on the local side, {} when they were last in step",
            both(ids),
            shown(&flags.remote),
            shown(&flags.local),
            shown(agreed)
        ),
        Discrepancy::Unfinished { to, source } => {
            format!("{place}: message {source} was on its way to the {to} side; the next sync looks for it there")
        }
        Discrepancy::Twice { ids } => format!("{place}: note: the same message {}", copies(ids)),
        other => format!("{place}: {other:?}"),
    }
}

fn place(pair: &FolderPair) -> String {
    match pair.remote == pair.local {
        true => format!("folder '{}'", pair.remote),
        false => format!("folder '{}' ('{}' locally)", pair.remote, pair.local),
    }
}

fn both(ids: &PerSide<MessageId>) -> String {
    format!("message {} (locally {})", ids.remote, ids.local)
}

fn shown(flags: &Flags) -> String {
    let mut names: Vec<&str> = flags.system.imap_names().collect();
    names.extend(flags.keywords.iter());
    format!("({})", names.join(" "))
}

fn copies(ids: &PerSide<Vec<MessageId>>) -> String {
    let side = |side: Side| {
        let names: Vec<String> = ids[side].iter().map(ToString::to_string).collect();
        format!("{} times on the {side} side ({})", names.len(), names.join(", "))
    };
    let sides = Side::BOTH.into_iter().filter(|at| !ids[*at].is_empty());
    sides.map(side).collect::<Vec<_>>().join(", ")
}

/// What was compared and what came of it.
fn summary(account: &str, verification: &Verification) -> String {
    let PerSide { remote, local } = verification.messages;
    let mut text = format!(
        "{account}: {} in {}, {} read on the remote side and {local} on the local side",
        counted(verification.differences().count(), "difference"),
        counted(verification.pairs, "folder"),
        counted(remote, "message")
    );
    if verification.paired + verification.forgotten > 0 {
        text.push_str(&format!(
            "; {} written, {} deleted",
            counted(verification.paired, "row"),
            verification.forgotten
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::{SystemFlags, Uid};

    fn ids() -> PerSide<MessageId> {
        PerSide { remote: Uid::new(7).unwrap().into(), local: MessageId::Name("17.a.host".into()) }
    }

    fn told(what: Discrepancy) -> String {
        line(&Finding { pair: FolderPair { remote: "INBOX".into(), local: "INBOX".into() }, what })
    }

    #[test]
    fn a_difference_says_where_it_is_and_what_each_side_calls_the_message() {
        assert_eq!(
            told(Discrepancy::Missing { on: Side::Local, ids: ids() }),
            "folder 'INBOX': message 7 of the remote side is missing on the local side, where it was 17.a.host"
        );
        let flags = PerSide { remote: Flags::system(SystemFlags::SEEN), local: Flags::default() };
        assert_eq!(
            told(Discrepancy::Flags { ids: ids(), flags, agreed: Flags::default() }),
            "folder 'INBOX': message 7 (locally 17.a.host) has the flags (\\Seen) on the remote side, () on the local side, () when they were last in step"
        );
        let copies = PerSide { remote: vec![ids().remote], local: vec![ids().local, MessageId::Name("18.b".into())] };
        assert_eq!(
            told(Discrepancy::Twice { ids: copies }),
            "folder 'INBOX': note: the same message 1 times on the remote side (7), 2 times on the local side (17.a.host, 18.b)"
        );
    }
}
