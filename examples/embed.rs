//! A mail program that syncs one account: `cargo run --example embed -- HOST USER MAILDIR` (the password comes from `$PASSWORD`).

#![allow(clippy::print_stdout)]

use offlinesync_core::sync::Account;
use offlinesync_core::{Cancel, Error, ErrorKind, Event, Observer, SqliteStatus};
use offlinesync_imap::config::Secret;
use offlinesync_imap::{ImapConfig, ImapRepository};
use offlinesync_maildir::{MaildirConfig, MaildirRepository};
use std::sync::Arc;

struct Window;

impl Observer for Window {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::MessagesCopied { pair, to: side, messages } => {
                println!("{}: {messages} new on the {side} side", pair.local)
            }
            Event::FolderFailed { pair, error } => println!("{}: {error}", pair.local),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, user, maildir] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST USER MAILDIR")?;
    let password = || std::env::var("PASSWORD").map(Secret::new);
    let password = move || password().map_err(|_| Error::new(ErrorKind::Authentication, "PASSWORD is not set"));
    let remote = ImapRepository::new(ImapConfig::new("server", host, user, password));
    let local = MaildirRepository::new(MaildirConfig::new("disk", &maildir))?;
    let status = SqliteStatus::open(format!("{maildir}.status"), true)?;
    let account = Account::new("me", Arc::new(remote), Arc::new(local), Arc::new(status));
    let report = account.sync(&Window, &Cancel::new())?;
    println!("{} folders, {} messages fetched", report.folders.len(), report.counts.copies.local);
    report.failures.iter().for_each(|failure| println!("not synced: {}", failure.error));
    Ok(())
}
