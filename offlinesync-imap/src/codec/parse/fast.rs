//! The one response that comes by the hundred thousand, `* 1 FETCH (UID 4 FLAGS (\Seen) MODSEQ (12))`, perhaps with size and EMAILID, as
//! every good server writes it, read without looking back. Whatever is written otherwise is for [`super::fetch`], which reads the same in it.

use super::super::response::Fetch;
use super::flags::is_keyword;
use offlinesync_core::{Flags, SystemFlags, Uid};

/// How many flags a message may have here.
const FLAGS: usize = 256;

/// Reads a line of UID, FLAGS, MODSEQ, RFC822.SIZE and EMAILID in any order; `None` for anything else.
pub(super) fn fetch(line: &[u8]) -> Option<Fetch> {
    let (seq, mut rest) = number(line.strip_prefix(b"* ")?)?;
    rest = rest.strip_prefix(b" FETCH (")?;
    let mut fetch = Fetch { seq: u32::try_from(seq).ok()?, ..Fetch::default() };
    loop {
        if let Some(after) = rest.strip_prefix(b"UID ") {
            let (uid, after) = number(after)?;
            fetch.uid = Some(Uid::new(u32::try_from(uid).ok()?)?);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"FLAGS (") {
            let (flags, after) = flags(after)?;
            fetch.flags = Some(flags);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"MODSEQ (") {
            let (mod_seq, after) = number(after)?;
            fetch.mod_seq = (mod_seq != 0).then_some(mod_seq);
            rest = after.strip_prefix(b")")?;
        } else if let Some(after) = rest.strip_prefix(b"RFC822.SIZE ") {
            let (size, after) = number(after)?;
            fetch.size = Some(size);
            rest = after;
        } else {
            let (name, after) = name(rest.strip_prefix(b"EMAILID (")?)?;
            fetch.email_id = Some(name.into());
            rest = after;
        }
        match rest {
            b")" => return Some(fetch),
            _ => rest = rest.strip_prefix(b" ")?,
        }
    }
}

/// Up to 18 digits: no more can overflow, and more are rare enough for the other road.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    let mut at = 0;
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        value = value * 10 + u64::from(digit);
        at += 1;
        if at > 18 {
            return None;
        }
    }
    (at > 0).then(|| Some((value, text.get(at..)?)))?
}

/// An object id (RFC 8474 section 4) up to and with the closing parenthesis; one that could be read as NIL is for the other road.
fn name(text: &[u8]) -> Option<(&str, &[u8])> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let n = text.iter().position(|b| !is_part(b)).filter(|n| *n > 0)?;
    let (name, after) = text.split_at_checked(n)?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.eq_ignore_ascii_case("NIL"))?;
    Some((name, after.strip_prefix(b")")?))
}

/// Flags up to and with the closing parenthesis.
fn flags(text: &[u8]) -> Option<(Flags, &[u8])> {
    let mut flags = Flags::default();
    let mut rest = text;
    for _ in 0..FLAGS {
        let n = rest.iter().position(|b| matches!(b, b' ' | b')'))?;
        let (name, after) = rest.split_at_checked(n)?;
        let (end, after) = after.split_first()?;
        match name {
            b"\\Seen" => flags.system = flags.system.union(SystemFlags::SEEN),
            b"\\Answered" => flags.system = flags.system.union(SystemFlags::ANSWERED),
            b"\\Flagged" => flags.system = flags.system.union(SystemFlags::FLAGGED),
            b"\\Recent" => {}
            b"" if text.first() == Some(&b')') => {}
            _ => other(&mut flags, name)?,
        }
        rest = after;
        if *end == b')' {
            return Some((flags, rest));
        }
    }
    None
}

fn other(flags: &mut Flags, name: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(name).ok()?;
    match SystemFlags::from_imap(text) {
        Some(flag) => flags.system = flags.system.union(flag),
        None if is_keyword(name) => flags.keywords.insert(text),
        None => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::super::response::{Data, Response};
    use super::*;
    use proptest::prelude::*;

    fn both(line: &str) -> (Option<Fetch>, Option<Fetch>) {
        let slow = match super::super::with_streamed(line.as_bytes(), None) {
            Ok(Some(Response::Data(Data::Fetch(fetch)))) => Some(fetch),
            _ => None,
        };
        (fetch(line.as_bytes()), slow)
    }

    #[test]
    fn the_usual_lines_take_this_road() {
        for line in [
            "* 1 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (12121231000))",
            "* 1 FETCH (FLAGS () UID 7)",
            "* 1 FETCH (UID 7 FLAGS () RFC822.SIZE 44827 EMAILID (M6d99ac3275bb4e-_))",
            "* 1 FETCH (MODSEQ (0) FLAGS (\\Recent $Forwarded work \\Draft))",
        ] {
            let (fast, slow) = both(line);
            assert!(fast.is_some() && fast == slow, "{line}");
        }
        let many = format!("* 1 FETCH (UID 7 FLAGS ({}))", vec!["a"; FLAGS + 1].join(" "));
        assert!(matches!(both(&many), (None, Some(_))));
    }

    proptest! {
        #[test]
        fn both_roads_lead_to_the_same(
            attributes in proptest::collection::vec(prop_oneof![
                any::<u64>().prop_map(|n| format!("UID {n}")),
                any::<u32>().prop_map(|n| format!("UID {n}")),
                any::<u64>().prop_map(|n| format!("MODSEQ ({n})")),
                any::<u64>().prop_map(|n| format!("RFC822.SIZE {n}")),
                "EMAILID \\((NIL|nil|[A-Za-z0-9_.-]{0,3})\\)",
                r"FLAGS \(( ?(\\Seen|\\answered|\\[A-Z*]?|NIL|nil|[!-~]{0,3}|é))*\)",
                "[!-~ ]{0,6}",
            ], 0..4),
            seq: u32,
            space in prop_oneof![Just(" "), Just("  "), Just("")],
        ) {
            let line = format!("* {seq} FETCH ({})", attributes.join(space));
            if let (Some(fast), slow) = both(&line) {
                prop_assert_eq!(Some(fast), slow, "{}", line);
            }
        }
    }
}
