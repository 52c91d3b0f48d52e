//! Messages that break careless programs. Each is mail like any other and must pass octet for octet.

use super::Mail;

const HEAD: &str = "From: eve@example.org\r\nSubject: hostile\r\n";

/// Hostile messages, as octets on the wire. Names are unique, and so is each message's content.
pub fn hostile() -> Vec<Mail> {
    let mut mails = structures();
    mails.extend(line_ends());
    mails.extend(octets());
    mails.extend(look_alikes());
    mails
}

fn with_body(name: &str, body: impl AsRef<[u8]>) -> Mail {
    Mail::new(name, [HEAD.as_bytes(), format!("X-Case: {name}\r\n\r\n").as_bytes(), body.as_ref()].concat())
}

fn structures() -> Vec<Mail> {
    let folded = (0..500).map(|n| format!("X-Many-{n}: value {n}\r\n\tfolded\r\n")).collect::<String>();
    vec![
        Mail::new("no octet at all", ""),
        Mail::new("a single octet", "x"),
        Mail::new("nothing but an empty line", "\r\n"),
        Mail::new("no header", "\r\nThe body starts at once.\r\n"),
        Mail::new("no header line at all", "This is not a header and there is no empty line.\r\n"),
        Mail::new("a body that is taken for a header", "Hello Bob,\r\n\r\nthis is not a header.\r\n"),
        Mail::new("header without an empty line", format!("{HEAD}X-Case: no end\r\n")),
        Mail::new("header broken off in a name", format!("{HEAD}X-Cas")),
        Mail::new("a header that starts folded", format!(" folded: from nothing\r\n{HEAD}\r\nbody\r\n")),
        Mail::new(
            "a header line without colon",
            format!("{HEAD}this line has no colon\r\nX-After: it\r\n\r\nbody\r\n"),
        ),
        Mail::new("blanks for an empty line", format!("{HEAD} \t\r\n\r\nbody\r\n")),
        Mail::new("many header lines", format!("{HEAD}{folded}\r\nbody\r\n")),
        Mail::new("a header beyond 64 KiB", format!("{HEAD}X-Long: {}\r\n\r\nbody\r\n", "long ".repeat(20_000))),
        Mail::new("the same header twice", format!("{HEAD}{HEAD}Subject: third\r\n\r\nbody\r\n")),
        with_body("empty body", ""),
        with_body("a body of empty lines", "\r\n\r\n\r\n\r\n"),
        with_body("missing final newline", "the last line does not end"),
        with_body("multipart without an end", "--x\r\nContent-Type: text/plain\r\n\r\nnever closed\r\n--x"),
    ]
}

fn line_ends() -> Vec<Mail> {
    vec![
        with_body("bare CR", "one\rtwo\rthree\r\n"),
        with_body("bare CR at the end", "one\r\ntwo\r"),
        with_body("bare LF", "one\ntwo\r\nthree\n"),
        with_body("LF throughout the body", "one\ntwo\nthree\n"),
        Mail::new("LF throughout", "From: eve@example.org\nSubject: LF throughout\n\nbody\n"),
        Mail::new("bare CR in the header", "From: eve@example.org\rX-Hidden: yes\r\nSubject: bare CR\r\n\r\nbody\r\n"),
        with_body("CR CR LF", "one\r\r\ntwo\r\r\r\nthree\r\r\n"),
        with_body("LF CR", "one\n\rtwo\n\r"),
        with_body("CR LF torn at 4096", [&[b'x'; 4008][..], &b"\r\n".repeat(100)].concat()),
    ]
}

fn octets() -> Vec<Mail> {
    let all: Vec<u8> = (0..=255).filter(|b| !b"\r\n\0".contains(b)).collect();
    let raw = |name: &str, line: &[u8]| Mail::new(name, [HEAD.as_bytes(), line, b"\r\n\r\nbody\r\n"].concat());
    vec![
        with_body("NUL octets", b"be\0fore\r\n\0\r\n\0\0after\0"),
        raw("NUL in the header", b"X-Nul: a\0b"),
        raw("8-bit header in Latin-1", b"X-Name: J\xf6rg M\xfcller"),
        raw("8-bit header in UTF-8", "X-Name: J\u{f6}rg \u{65e5}\u{672c}\u{8a9e} \u{1f4ec}".as_bytes()),
        raw("8-bit header that is no UTF-8", b"X-Name: \xff\xfe\xc3\x28"),
        with_body("every octet", all),
        with_body("nothing but 0xFF", [0xff; 5000]),
        with_body("a line of 1 MB", vec![b'L'; 1 << 20]),
        with_body("control characters", b"\x1b[2J\x07\x08\x7f\x1a\x04\r\n"),
    ]
}

fn look_alikes() -> Vec<Mail> {
    let mbox = "From eve@example.org Thu Jan  1 00:00:00 1970\r\n";
    vec![
        Mail::new("mbox From line first", format!("{mbox}{HEAD}\r\nbody\r\n")),
        with_body("mbox From line inside", format!("one\r\n\r\n{mbox}two\r\n>From three\r\n")),
        with_body("CRLF.CRLF", "before\r\n.\r\nafter\r\n..\r\n.hidden\r\n.\r\n"),
        with_body("an IMAP literal", "{10}\r\n{999999999+}\r\n* 1 EXPUNGE\r\nA1 OK done\r\n)\r\n"),
        with_body("quotes and backslashes", "\"\\\"\\\\\" (\\Seen) ~{3}\r\nNIL\r\n"),
        with_body("Maildir names", "cur/1.2.host:2,S\n,U=7,FMD5=00\r\n"),
        Mail::new("a header of the synchroniser's kind", format!("X-OfflineIMAP: 123-456\r\n{HEAD}\r\nbody\r\n")),
        with_body("first of two alike", "the same\r\n"),
        with_body("second of two alike", "the same\r\n"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn hostile_mail_has_unique_names_and_contents() {
        let mails = hostile();
        let names: BTreeSet<_> = mails.iter().map(|mail| &mail.name).collect();
        let contents: BTreeSet<_> = mails.iter().map(|mail| &mail.bytes).collect();
        assert_eq!((names.len(), contents.len()), (mails.len(), mails.len()));
    }
}
