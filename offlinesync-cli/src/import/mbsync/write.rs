//! The text of our configuration. Pure.

use super::Notes;
use super::names::{Rules, rules};
use super::plan::Move;
use super::rc::{Line, Section};
use super::stores::Store;
use offlinesync_core::{PerSide, Result, Side};
use std::fmt::Write as _;

/// What stands in `[general]`.
pub(super) struct General<'g> {
    /// mbsync's file.
    pub(super) from: &'g str,
    pub(super) metadata: &'g str,
    pub(super) globals: &'g Section,
}

/// The whole file.
///
/// # Errors
/// The names of a move cannot be expressed.
pub(super) fn text(general: &General<'_>, moves: &[(Move, bool)], notes: &Notes) -> Result<String> {
    let names: Vec<&str> = moves.iter().map(|(one, _)| one.account.as_str()).collect();
    let mut text = format!(
        "# Made from {} by `offlinesync import mbsync`. Each channel has become an account.\n\
         [general]\naccounts = {}\nmetadata = {}\n",
        general.from,
        names.join(", "),
        value(general.metadata)
    );
    if general.globals.find(&["FSync"]).map_or(Ok(true), Line::truth)? {
        // The default.
    } else {
        text.push_str("fsync = no\n");
    }
    let timeouts = moves.iter().flat_map(|(one, _)| {
        Side::BOTH.map(|side| match &one.stores[side] {
            Store::Imap(store) => store.timeout,
            Store::Maildir(_) => None,
        })
    });
    if let Some(seconds) = timeouts.flatten().max() {
        let _ = writeln!(text, "socktimeout = {seconds}");
    }
    for line in notes.lines() {
        let _ = writeln!(text, "# {line}");
    }
    for (one, utf8) in moves {
        push_account(&mut text, one, *utf8)?;
    }
    Ok(text)
}

fn push_account(text: &mut String, one: &Move, utf8: bool) -> Result<()> {
    let Move { account, number, .. } = one;
    let _ = write!(
        text,
        "\n# The channel in line {number}.\n[Account {account}]\nremoterepository = {account}-far\n\
         localrepository = {account}-near\n"
    );
    if utf8 {
        text.push_str("utf8foldernames = yes\n");
    }
    if let Some(octets) = one.max_octets {
        let _ = writeln!(text, "maxsize = {octets}");
    }
    let rules = rules(&one.names, &one.chosen)?;
    for side in Side::BOTH {
        let end = PerSide { remote: "far", local: "near" }[side];
        let _ = write!(text, "\n[Repository {account}-{end}]\n");
        push_repository(text, one, side, &rules[side]);
    }
    Ok(())
}

fn push_repository(text: &mut String, one: &Move, side: Side, rules: &Rules) {
    let mut option = |name: &str, content: &str| {
        let _ = writeln!(text, "{name} = {}", value(content));
    };
    match &one.stores[side] {
        Store::Imap(store) => {
            option("type", "IMAP");
            store.options.iter().for_each(|(name, content)| option(name, content));
        }
        Store::Maildir(_) => {
            option("type", "Maildir");
            let root = one.roots[side].as_deref().map(|root| root.display().to_string());
            option("localfolders", &root.unwrap_or_default());
            option("sep", &one.names[side].separator.to_string());
        }
    }
    let rights = &one.rights[side];
    if rights.read_only {
        option("readonly", "yes");
    }
    if rights.keeps_elsewhere {
        option("sync_deletes", "no");
    }
    if !rights.create {
        option("createfolders", "no");
    }
    let rules = [("folderfilter", &rules.filter), ("nametrans", &rules.rename)];
    rules.iter().filter_map(|(name, rule)| Some((name, rule.as_ref()?))).for_each(|(name, rule)| option(name, rule));
}

/// A value as it is written: a percent sign would begin a reference.
fn value(content: &str) -> String {
    content.replace('%', "%%")
}
