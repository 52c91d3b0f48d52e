//! Lines of the server's for a trace: long ones shortened, literals shown as their size only. Pure.

use crate::codec::decoder::Item;

/// How much of a line is shown.
const SHOWN: usize = 1_000;

/// Cuts what was read into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// Octets of a literal that are left out.
    skip: u64,
    whole: Vec<String>,
}

impl Lines {
    /// These octets were consumed for this item.
    pub(super) fn consumed(&mut self, octets: &[u8], item: Option<&Item<'_>>) {
        if matches!(item, Some(Item::BodyData(_))) {
            return;
        }
        let mut rest = octets;
        while let Some((&octet, behind)) = rest.split_first() {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
                self.skip -= skipped as u64;
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            rest = behind;
            if octet == b'\n' { self.end_line() } else { self.push(octet) }
        }
        if matches!(item, Some(Item::BodyStart(_))) {
            self.skip = 0;
        }
    }

    /// The lines that are complete.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.whole)
    }

    fn push(&mut self, octet: u8) {
        // The end is kept as well, for a literal's size stands there.
        if self.line.len() == SHOWN + 40 {
            self.line.remove(SHOWN);
        }
        self.line.push(octet);
    }

    fn end_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        self.skip = literal(line).unwrap_or(0);
        let shown = line.get(..SHOWN).map_or(line.into(), |cut| [cut, "…".as_bytes()].concat());
        self.whole.push(String::from_utf8_lossy(&shown).into_owned());
        self.line.clear();
    }
}

fn literal(line: &[u8]) -> Option<u64> {
    let digits = line.strip_suffix(b"}")?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let start = digits.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(digits.get(start + 1..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decoder::Decoder;

    #[test]
    fn bodies_and_literals_are_left_out_and_long_lines_cut() {
        let stream = format!(
            "* 1 FETCH (UID 7 BODY[] {{6}}\r\nsecret FLAGS ())\r\n* LIST () \"/\" {{3}}\r\nabc\r\n* OK {}\r\n",
            "x".repeat(5000)
        );
        let (mut decoder, mut lines, mut rest) = (Decoder::default(), Lines::default(), stream.as_bytes());
        loop {
            let (used, item) = decoder.decode(rest).unwrap();
            lines.consumed(&rest[..used], item.as_ref());
            rest = &rest[used..];
            if item.is_none() {
                break;
            }
        }
        let lines = lines.take();
        assert_eq!(lines[..4], ["* 1 FETCH (UID 7 BODY[] {6}", " FLAGS ())", "* LIST () \"/\" {3}", ""]);
        assert!(lines[4].starts_with("* OK xxx") && lines[4].len() < 1_100);
    }
}
