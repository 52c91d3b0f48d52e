//! The two forms of a message, for messages held whole: written down once more, octet by octet, so that what the engine's converter makes
//! is compared with something else than itself.

use crate::line_ending::LineEnding;

/// The form of the wire: every LF that no CR precedes becomes CR LF.
pub fn to_crlf(file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(file.len() + file.len() / 20);
    for (at, byte) in file.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || file[at - 1] != b'\r') {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}

/// The form of a file: every CR LF that no other CR precedes becomes LF.
pub fn to_lf(wire: &[u8]) -> Vec<u8> {
    let pair = |at: usize| wire[at] == b'\r' && wire.get(at + 1) == Some(&b'\n') && (at == 0 || wire[at - 1] != b'\r');
    (0..wire.len()).filter(|at| !pair(*at)).map(|at| wire[at]).collect()
}

/// A message held as `native`, in the form asked for. Asking for the native form changes nothing.
pub fn in_form(bytes: &[u8], native: LineEnding, form: LineEnding) -> Vec<u8> {
    match (native, form) {
        (LineEnding::Lf, LineEnding::Crlf) => to_crlf(bytes),
        (LineEnding::Crlf, LineEnding::Lf) => to_lf(bytes),
        _ => bytes.to_vec(),
    }
}

/// The header block of a message: up to and with the first empty line, or all of it; with CR LF line ends, not cut off.
pub fn header_block(bytes: &[u8]) -> Vec<u8> {
    let mut header = to_crlf(bytes);
    if header.starts_with(b"\r\n") {
        header.truncate(2);
    } else if let Some(at) = memchr::memmem::find(&header, b"\r\n\r\n") {
        header.truncate(at + 4);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_with_the_first_empty_line() {
        assert_eq!(header_block(b"a: b\nc: d\n\nbody\n\nmore"), b"a: b\r\nc: d\r\n\r\n");
        assert_eq!(header_block(b"\r\nbody"), b"\r\n");
        assert_eq!(header_block(b"no header at all"), b"no header at all");
        assert_eq!(header_block(b""), b"");
    }
}
