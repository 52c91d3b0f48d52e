//! What the example programs share: made-up mail, and a look at both sides that compares every octet.

use offlinesync_core::line_ending::ToCrlf;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders of the made-up account as the server writes them (modified UTF-7), with the number of messages in each.
pub const FOLDERS: [(&str, u32); 7] = [
    ("INBOX", 160),
    ("Sent", 60),
    ("Archive/2025/Spring & Summer", 40),
    ("Lists/rust.users", 120),
    ("Entw&APw-rfe", 12),
    ("odd [names], ~ and % {all}", 5),
    ("&ZeVnLIqe-", 3),
];

/// Message `number` of a folder; the same arguments give the same message. Most are small letters, some have a large
/// attachment, and a few are broken in the ways that real mail is.
pub fn message(folder: &str, number: u32) -> Vec<u8> {
    let body = match number % 40 {
        7 => attachment(300_000 + number),
        11 => return b"no header here, only text\r\nand lone \r carriage returns\r\n".to_vec(),
        13 => "caf\u{e9} and bytes that are no text: ".bytes().chain([0xff, 0xfe, 0x80, b'\r', b'\n']).collect(),
        17 => return header(folder, number, "no body at all").into_bytes(),
        _ => (0..number % 9 + 1).flat_map(|line| format!("This is line {line} of it.\r\n").into_bytes()).collect(),
    };
    [header(folder, number, "hello").into_bytes(), body].concat()
}

fn header(folder: &str, number: u32, subject: &str) -> String {
    format!(
        "From: Ann <ann@example.org>\r\nTo: me@example.org\r\nSubject: {subject} {number}\r\n\
         Message-ID: <{number}.{}@example.org>\r\n\r\n",
        folder.len()
    )
}

fn attachment(octets: u32) -> Vec<u8> {
    let mut state = octets;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 26
    };
    let letters: Vec<u8> = (0..octets).map(letter).collect();
    letters.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// The files of a Maildir folder that hold messages, in alphabetical order.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for part in ["cur", "new"] {
        for entry in std::fs::read_dir(folder.join(part))? {
            found.push(entry?.path());
        }
    }
    found.sort();
    Ok(found)
}

/// How often each content occurs among the files of a folder, with the line ends of the wire.
pub fn contents(folder: &Path) -> std::io::Result<BTreeMap<Vec<u8>, usize>> {
    let mut counted = BTreeMap::new();
    for file in files(folder)? {
        let mut wire = Vec::new();
        ToCrlf::default().convert(&std::fs::read(file)?, |piece| {
            wire.extend_from_slice(piece);
            std::io::Result::Ok(())
        })?;
        *counted.entry(wire).or_default() += 1;
    }
    Ok(counted)
}
