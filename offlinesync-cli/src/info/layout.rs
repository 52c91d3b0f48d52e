//! How the folders are laid out: in columns, or one sentence each. Pure.

use super::Row;
use offlinesync_core::wording::counted;
use offlinesync_core::{Side, SpecialUse};
use unicode_width::UnicodeWidthStr;

/// Whether folders are laid out in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// A table with a line for each.
    Always,
    /// A sentence for each.
    Never,
}

pub(super) fn lines(rows: &[Row], columns: Columns) -> Vec<String> {
    match columns {
        Columns::Never => rows.iter().map(sentence).collect(),
        Columns::Always => table(rows),
    }
}

fn sentence(row: &Row) -> String {
    let name = |side: Side| row.names[side].as_deref().unwrap_or_default();
    let mut line = match (&row.names.remote, &row.names.local) {
        (Some(remote), Some(local)) if remote != local => format!("{remote} -> {local}"),
        (Some(_), _) => name(Side::Remote).to_owned(),
        (None, _) => name(Side::Local).to_owned(),
    };
    if let Some(reason) = &row.disabled {
        line.push_str(&format!(" (disabled: {reason})"));
    }
    line.extend(row.special_use.map(|special| format!(", {}", attribute(special))));
    for side in Side::BOTH {
        match row.messages[side] {
            _ if !row.there[side] && !row.takes_part() => {}
            _ if !row.there[side] => line.push_str(&format!(", not on the {side} side")),
            Some(messages) => line.push_str(&format!(", {side}: {}", counted(messages, "message"))),
            None => {}
        }
    }
    line.extend(row.synced.map(|synced| format!(", synced: {}", counted(synced, "message"))));
    line
}

const HEAD: [&str; 7] = ["Remote", "Local", "Use", "Remote", "Local", "Synced", ""];

fn table(rows: &[Row]) -> Vec<String> {
    let mut cells: Vec<[String; 7]> = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(cells_of));
    let widths: Vec<usize> =
        (0..HEAD.len()).map(|column| cells.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    cells.iter().map(|row| laid_out(row, &widths)).collect()
}

fn cells_of(row: &Row) -> [String; 7] {
    let name = |side: Side| row.names[side].clone().unwrap_or_else(|| "-".to_owned());
    let count = |side: Side| match row.there[side] {
        true => row.messages[side].map_or_else(|| "?".to_owned(), |messages| messages.to_string()),
        false => "-".to_owned(),
    };
    [
        name(Side::Remote),
        name(Side::Local),
        row.special_use.map_or("", attribute).to_owned(),
        count(Side::Remote),
        count(Side::Local),
        row.synced.map_or_else(|| "-".to_owned(), |synced| synced.to_string()),
        row.disabled.as_ref().map_or_else(String::new, |reason| format!("disabled: {reason}")),
    ]
}

/// Words to the left, numbers to the right.
fn laid_out(row: &[String; 7], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate() {
        let space = " ".repeat(widths[column].saturating_sub(cell.width()));
        let number = (3..6).contains(&column);
        let (before, after) = if number { (space.as_str(), "") } else { ("", space.as_str()) };
        line.push_str(&format!("{before}{cell}{after}  "));
    }
    line.trim_end().to_owned()
}

/// As RFC 6154 writes it.
fn attribute(special: SpecialUse) -> &'static str {
    match special {
        SpecialUse::All => "\\All",
        SpecialUse::Archive => "\\Archive",
        SpecialUse::Drafts => "\\Drafts",
        SpecialUse::Flagged => "\\Flagged",
        SpecialUse::Important => "\\Important",
        SpecialUse::Junk => "\\Junk",
        SpecialUse::Sent => "\\Sent",
        SpecialUse::Trash => "\\Trash",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::PerSide;

    fn row(remote: &str, local: &str) -> Row {
        let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Row { names: PerSide { remote: name(remote), local: name(local) }, ..Row::default() }
    }

    fn rows() -> Vec<Row> {
        vec![
            Row {
                messages: PerSide { remote: Some(12), local: Some(9) },
                there: PerSide { remote: true, local: true },
                synced: Some(9),
                ..row("INBOX", "INBOX")
            },
            Row {
                special_use: Some(SpecialUse::Sent),
                messages: PerSide { remote: Some(1234), local: None },
                there: PerSide { remote: true, local: false },
                synced: Some(0),
                ..row("[Gmail]/\u{65e5}\u{672c}", "sent")
            },
            Row {
                there: PerSide { remote: true, local: false },
                disabled: Some("folderfilter of the remote side".to_owned()),
                ..row("Trash", "")
            },
        ]
    }

    #[test]
    fn a_table_has_words_to_the_left_and_numbers_to_the_right() {
        assert_eq!(
            lines(&rows(), Columns::Always),
            [
                "Remote        Local  Use    Remote  Local  Synced",
                "INBOX         INBOX             12      9       9",
                "[Gmail]/\u{65e5}\u{672c}  sent   \\Sent    1234      -       0",
                "Trash         -                  ?      -       -  disabled: folderfilter of the remote side",
            ]
        );
    }

    #[test]
    fn without_columns_each_folder_is_a_sentence() {
        assert_eq!(
            lines(&rows(), Columns::Never),
            [
                "INBOX, remote: 12 messages, local: 9 messages, synced: 9 messages",
                "[Gmail]/\u{65e5}\u{672c} -> sent, \\Sent, remote: 1234 messages, not on the local side, synced: 0 messages",
                "Trash (disabled: folderfilter of the remote side)",
            ]
        );
    }
}
