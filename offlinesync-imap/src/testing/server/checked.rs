//! A second opinion on every command: `imap-codec`'s strict grammar, with what it does not know taken out first. Pure.

use super::super::syntax::literal;
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;

/// Whether the command (tag, literals and final CR LF included) is well formed, and if not, why.
pub(super) fn check(name: &str, command: &[u8]) -> Result<(), String> {
    let text = match name {
        "APPEND" => without_message(command),
        "LIST" if is_extended_list(command) => return Ok(()),
        "SEARCH" | "UID SEARCH" => without_return(command),
        "FETCH" | "UID FETCH" | "STATUS" => without_names(command),
        _ => command.to_vec(),
    };
    match CommandCodec::new().decode(&text) {
        Ok((b"", _)) => Ok(()),
        Ok(_) => Err("more than one command in a line".to_owned()),
        Err(error) => Err(format!("{error:?} in {:?}", String::from_utf8_lossy(&text))),
    }
}

/// Message bytes have no grammar: an empty message stands in for them.
fn without_message(command: &[u8]) -> Vec<u8> {
    let end = command.iter().position(|b| *b == b'\n').map_or(command.len(), |end| end + 1);
    match (literal(&command[..end]), command[..end].iter().rposition(|b| *b == b'{')) {
        (Some((octets, _)), Some(brace)) if command.len() == end + octets + 2 => {
            [&command[..brace], b"{0}\r\n\r\n"].concat()
        }
        _ => command.to_vec(),
    }
}

/// RFC 5258: options before the reference, several patterns, options behind them.
fn is_extended_list(command: &[u8]) -> bool {
    let text = command.to_ascii_uppercase();
    text.windows(8).any(|w| w == b" RETURN ") || text.windows(6).any(|w| w == b"LIST (")
}

/// RFC 8474 and Gmail: what messages and mailboxes are called, behind other items.
fn without_names(command: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(command).into_owned();
    let plain = [" EMAILID", " X-GM-MSGID", " MAILBOXID"].iter().fold(text, |text, item| text.replace(item, ""));
    plain.into_bytes()
}

/// RFC 4731: `RETURN (...)` before the keys.
fn without_return(command: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(command).into_owned();
    let upper = text.to_ascii_uppercase();
    let part = upper.find("RETURN (").and_then(|start| Some((start, start + upper[start..].find(") ")? + 2)));
    part.map_or(command.to_vec(), |(start, end)| [&text.as_bytes()[..start], &text.as_bytes()[end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn well_formed_commands_pass_and_others_do_not() {
        let good = [
            ("UID SEARCH", "a UID SEARCH RETURN (MIN COUNT) UID 1:5 DELETED\r\n"),
            ("LIST", "a LIST (SUBSCRIBED) \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n"),
            ("APPEND", "a APPEND x (\\Seen) {3+}\r\na\0b\r\n"),
            ("UID FETCH", "a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n"),
            ("SELECT", "a SELECT INBOX (QRESYNC (1 2 1:9))\r\n"),
        ];
        good.iter().for_each(|(name, text)| assert_eq!(check(name, text.as_bytes()), Ok(()), "{text}"));
        let bad = [
            ("UID FETCH", "a UID FETCH 1:* FLAGS UID\r\n"),
            ("SELECT", "a SELECT  INBOX\r\n"),
            ("APPEND", "a APPEND x {3+}\r\nab\r\n"),
            ("UID STORE", "a UID STORE 0 +FLAGS ()\r\n"),
        ];
        bad.iter().for_each(|(name, text)| assert!(check(name, text.as_bytes()).is_err(), "{text}"));
    }
}
