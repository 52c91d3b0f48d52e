//! Words for plans: what a dry run prints, what a run did. Pure.

use crate::say::clean;
use indicatif::HumanBytes;
use mail_parser::MessageParser;
use offlinesync_core::plan::Counts;
use offlinesync_core::status::FolderPair;
use offlinesync_core::wording::counted;
use offlinesync_core::{MessageId, PerSide, Side};

/// `1 message`, `2 messages`.
pub(super) fn messages(number: u64) -> String {
    counted(number, "message")
}

/// `Maildir[INBOX]`: a folder of one side.
pub(super) fn place(types: &PerSide<&str>, pair: &FolderPair, side: Side) -> String {
    format!("{}[{}]", types[side], pair[side])
}

/// What a plan would do, one line for each kind of step, in the order of execution.
pub(super) fn dry_run_lines(types: &PerSide<&str>, pair: &FolderPair, counts: &Counts) -> Vec<String> {
    let mut lines = Vec::new();
    let sides = [Side::Local, Side::Remote];
    for side in sides.into_iter().filter(|side| counts.copies[*side] > 0) {
        let (from, to) = (place(types, pair, side.other()), place(types, pair, side));
        lines.push(format!("[DRYRUN] Copy {} from {from} to {to}", messages(counts.copies[side])));
    }
    for side in sides.into_iter().filter(|side| counts.flags[*side] > 0) {
        let number = messages(counts.flags[side]);
        lines.push(format!("[DRYRUN] Change flags of {number} in {}", place(types, pair, side)));
    }
    for side in sides.into_iter().filter(|side| counts.removals[*side] > 0) {
        lines.push(format!("[DRYRUN] Delete {} in {}", messages(counts.removals[side]), place(types, pair, side)));
    }
    lines
}

/// One message that would be copied: its id and its subject.
pub(super) fn message_line(id: &MessageId, header: &[u8]) -> String {
    format!("[DRYRUN]   {id}: {}", subject(header).unwrap_or_else(|| "(no subject)".to_owned()))
}

/// The subject of a message, decoded.
pub(super) fn subject(header: &[u8]) -> Option<String> {
    let message = MessageParser::new().parse_headers(header)?;
    message.subject().map(|subject| clean(&subject.replace(['\r', '\n', '\t'], " ")))
}

/// What a run did or would do, in one line.
pub(super) fn summary(account: &str, dry_run: bool, counts: &Counts, octets: u64, pairs: usize) -> String {
    let all = |both: PerSide<u64>| both.remote + both.local;
    let mut parts = Vec::new();
    let mut part = |number: u64, text: String| {
        if number > 0 {
            parts.push(text);
        }
    };
    part(counts.copies.local, format!("{} received", messages(counts.copies.local)));
    part(counts.copies.remote, format!("{} sent", messages(counts.copies.remote)));
    part(all(counts.flags), format!("flags of {} changed", messages(all(counts.flags))));
    part(all(counts.removals), format!("{} removed", messages(all(counts.removals))));
    part(octets, HumanBytes(octets).to_string());
    let folders = counted(pairs, "folder");
    let prefix = if dry_run { "[DRYRUN] " } else { "" };
    match parts.is_empty() {
        true => format!("{prefix}{account}: nothing to do in {folders}"),
        false => format!("{prefix}{account}: {} in {folders}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        Counts {
            copies: PerSide { remote: 1, local: 20 },
            flags: PerSide { remote: 2, local: 0 },
            removals: PerSide { remote: 0, local: 1 },
            ..Counts::default()
        }
    }

    #[test]
    fn a_plan_is_told_step_by_step_with_counts_and_places() {
        let pair = FolderPair { remote: "INBOX".into(), local: "in".into() };
        let types = PerSide { remote: "IMAP", local: "Maildir" };
        assert_eq!(
            dry_run_lines(&types, &pair, &counts()),
            [
                "[DRYRUN] Copy 20 messages from IMAP[INBOX] to Maildir[in]",
                "[DRYRUN] Copy 1 message from Maildir[in] to IMAP[INBOX]",
                "[DRYRUN] Change flags of 2 messages in IMAP[INBOX]",
                "[DRYRUN] Delete 1 message in Maildir[in]",
            ]
        );
    }

    #[test]
    fn a_run_is_told_in_one_line() {
        assert_eq!(
            summary("a", false, &counts(), 2048, 3),
            "a: 20 messages received, 1 message sent, flags of 2 messages changed, 1 message removed, 2.00 KiB in 3 folders"
        );
        assert_eq!(summary("a", true, &Counts::default(), 0, 1), "[DRYRUN] a: nothing to do in 1 folder");
    }

    #[test]
    fn subjects_are_decoded_and_cannot_play_with_the_terminal() {
        let header = b"From: x\r\nSubject: =?iso-8859-1?q?caf=E9?=\r\n =?utf-8?b?4oKs?= \x1b[2J\r\n\r\n";
        let line = message_line(&MessageId::Name("n".into()), header);
        assert!(line.starts_with("[DRYRUN]   n: caf\u{e9}\u{20ac}"), "{line}");
        assert!(!line.contains('\u{1b}'));
        assert_eq!(message_line(&MessageId::Name("n".into()), b"\r\n"), "[DRYRUN]   n: (no subject)");
    }
}
