//! Between the two forms a message takes: CRLF on the wire, LF in a file. Pure, streaming, no copy of the message.
//!
//! The rules, one a direction:
//! - to a file, every CR LF that no other CR precedes becomes LF; everything else stays as it is;
//! - to the wire, an LF that no CR precedes becomes CR LF; everything else stays as it is.
//!
//! So whatever has no lone LF on the wire comes back from a file octet for octet, CR CR LF included; a file that already
//! holds CR LF goes to the wire with those pairs untouched; and going up and down again changes nothing a second time.

use std::convert::Infallible;

/// How the lines of a message body end in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    /// CR LF, as IMAP carries mail (RFC 5322 section 2.1).
    Crlf,
    /// LF, as a Maildir holds mail.
    Lf,
}

/// Turns CR LF into LF over any split of the input.
#[derive(Debug, Default)]
pub struct ToLf {
    /// The input so far ends in a CR that was not emitted.
    held_cr: bool,
    /// The input so far ends in a CR that was emitted, because another CR precedes it.
    after_cr: bool,
}

impl ToLf {
    /// Converts one piece; `emit` gets borrowed runs of it. A CR at the end is held until [`ToLf::finish`] or the next piece.
    pub fn convert<E>(&mut self, mut input: &[u8], mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let Some(first) = input.first() else { return Ok(()) };
        if std::mem::take(&mut self.held_cr) && *first != b'\n' {
            self.after_cr = true;
            emit(b"\r")?;
        }
        let mut from = 0;
        while let Some(at) = find(b'\r', &input[from..]).map(|i| from + i) {
            let preceded = if at == 0 { self.after_cr } else { input[at - 1] == b'\r' };
            match input.get(at + 1) {
                _ if preceded => from = at + 1,
                Some(b'\n') => {
                    emit_some(&input[..at], &mut emit)?;
                    input = &input[at + 1..];
                    from = 1;
                }
                Some(_) => from = at + 1,
                None => {
                    (self.held_cr, self.after_cr) = (true, false);
                    return emit_some(&input[..at], &mut emit);
                }
            }
        }
        self.after_cr = input.last() == Some(&b'\r');
        emit_some(input, &mut emit)
    }

    /// Converts one piece as [`ToLf::convert`] does, into one run.
    pub fn append(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + 1);
        let Ok(()) = self.convert(input, |run| {
            out.extend_from_slice(run);
            Ok::<_, Infallible>(())
        });
    }

    /// Ends the message: a held CR was a lone one.
    pub fn finish<E>(&mut self, mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match std::mem::take(self).held_cr {
            true => emit(b"\r"),
            false => Ok(()),
        }
    }
}

/// Turns LF into CR LF over any split of the input.
#[derive(Debug, Default)]
pub struct ToCrlf {
    after_cr: bool,
}

impl ToCrlf {
    /// Converts one piece; `emit` gets borrowed runs of it and the added CRs.
    pub fn convert<E>(&mut self, mut input: &[u8], mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut from = 0;
        while let Some(at) = find(b'\n', &input[from..]).map(|i| from + i) {
            let preceded = if at == 0 { self.after_cr } else { input[at - 1] == b'\r' };
            if !preceded {
                emit_some(&input[..at], &mut emit)?;
                emit(b"\r")?;
                input = &input[at..];
                from = 1;
            } else {
                from = at + 1;
            }
        }
        if let Some(last) = input.last() {
            self.after_cr = *last == b'\r';
        }
        emit_some(input, &mut emit)
    }

    /// How many octets a piece grows by; call it for each piece in order, on a converter of its own.
    pub fn growth(&mut self, input: &[u8]) -> u64 {
        let mut added = 0;
        for at in memchr::memchr_iter(b'\n', input) {
            let preceded = if at == 0 { self.after_cr } else { input[at - 1] == b'\r' };
            added += u64::from(!preceded);
        }
        if let Some(last) = input.last() {
            self.after_cr = *last == b'\r';
        }
        added
    }
}

fn find(byte: u8, haystack: &[u8]) -> Option<usize> {
    memchr::memchr(byte, haystack)
}

fn emit_some<E>(run: &[u8], emit: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    if run.is_empty() { Ok(()) } else { emit(run) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to_lf(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut convert) = (Vec::new(), ToLf::default());
        for piece in pieces {
            convert.append(piece, &mut out);
        }
        convert
            .finish(|run| {
                out.extend_from_slice(run);
                Ok::<_, Infallible>(())
            })
            .unwrap();
        out
    }

    fn to_crlf(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut convert) = (Vec::new(), ToCrlf::default());
        for piece in pieces {
            convert
                .convert(piece, |run| {
                    out.extend_from_slice(run);
                    Ok::<_, Infallible>(())
                })
                .unwrap();
        }
        out
    }

    fn naive_to_lf(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, byte) in input.iter().enumerate() {
            let preceded = i > 0 && input[i - 1] == b'\r';
            if !(*byte == b'\r' && input.get(i + 1) == Some(&b'\n') && !preceded) {
                out.push(*byte);
            }
        }
        out
    }

    #[test]
    fn the_written_rules() {
        assert_eq!(to_lf(&[b"a\r\nb\rc\nd\r\r\n\r"]), b"a\nb\rc\nd\r\r\n\r");
        assert_eq!(to_crlf(&[b"a\nb\r\nc\rd\n"]), b"a\r\nb\r\nc\rd\r\n");
    }

    fn mail() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'x'), Just(0)], 0..40)
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(bytes in mail(), cut in 0usize..41, second in 0usize..41) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let (middle, end) = tail.split_at(second.min(tail.len()));
            prop_assert_eq!(to_lf(&[head, middle, end]), naive_to_lf(&bytes));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(to_lf(&single), naive_to_lf(&bytes));
            prop_assert_eq!(to_crlf(&[head, tail]), to_crlf(&[&bytes]));
            let mut count = ToCrlf::default();
            let growth = count.growth(head) + count.growth(tail);
            prop_assert_eq!(bytes.len() as u64 + growth, to_crlf(&[&bytes]).len() as u64);
        }

        #[test]
        fn what_has_no_lone_lf_comes_back_from_a_file_octet_for_octet(bytes in mail()) {
            let wire = to_crlf(&[&bytes]);
            prop_assert_eq!(to_crlf(&[&to_lf(&[&wire])]), wire);
        }
    }
}
