//! The messages of a history: each is its number, and every octet of it follows from that.

use offlinesync_core::testing::histories::Content;

/// Messages with more octets are large.
pub(crate) const SMALL: u64 = 400;

/// What is there and nobody wrote.
pub(crate) const NOBODYS: Content = u32::MAX;

/// Flags by their names in IMAP. The last is set where a server can expunge single messages.
pub(crate) const FLAGS: [&str; 7] = ["\\Seen", "\\Flagged", "\\Draft", "$Forwarded", "work", "todo", "\\Deleted"];

/// How many kinds of messages there are.
pub(crate) const KINDS: u32 = 8;

/// A message as a file has it. What kind it is, its number tells.
pub(crate) fn octets(content: Content) -> Vec<u8> {
    let own = format!("From: x@example.org\nSubject: letter {content}\nMessage-ID: <{content}@example.org>\n");
    let (header, rest) = match content % KINDS {
        // No Message-ID, and short.
        0 => ("From: x@example.org\n".to_owned(), String::new()),
        1 | 2 => (own, "a line\n".to_owned()),
        3 => (own, "a longer line of text that fills it\n".repeat(20)),
        // All have one header and one size, and no Message-ID.
        4 => ("From: x@example.org\nSubject: always the same, and always as long\n".to_owned(), String::new()),
        // All have one Message-ID.
        5 => ("From: x@example.org\nMessage-ID: <one@example.org>\n".to_owned(), "x".repeat(content as usize % 90)),
        // No end of line at the end, and dots and lines like the beginnings of others.
        6 => (own, "..\n.\nFrom here\n)\n* 3 EXPUNGE\n\u{fc}\u{df} {1}".to_owned()),
        // No header at all.
        _ => (String::new(), "\n\n".to_owned()),
    };
    format!("{header}\n{content:06}\n{rest}").into_bytes()
}

/// As it goes over the wire.
pub(crate) fn wire(content: Content) -> Vec<u8> {
    with_crs(&octets(content))
}

/// Lines of a file that end as on the wire.
pub(crate) fn with_crs(file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for byte in file {
        if *byte == b'\n' {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}

/// Which message it is, if it is that to the last octet, but for line ends.
pub(crate) fn content_of(bytes: &[u8]) -> Content {
    let lines: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    let text = String::from_utf8_lossy(&lines);
    let body = text.strip_prefix('\n').or_else(|| text.split_once("\n\n").map(|(_, body)| body)).unwrap_or_default();
    let number = body.get(..6).and_then(|number| number.parse().ok());
    number.filter(|number| octets(*number) == lines).unwrap_or(NOBODYS)
}
