//! Mail as people get it: replies, lists, newsletters, attachments; most of it small, some large.

use super::Mail;
use super::random::Random;
use crate::flags::{Flags, SystemFlags};
use crate::message::InternalDate;

const PEOPLE: [(&str, &str); 8] = [
    ("Ada Lovelace", "ada@example.org"),
    ("Bob Kahn", "bob.kahn@example.net"),
    ("=?UTF-8?Q?J=C3=B6rg_M=C3=BCller?=", "joerg@example.de"),
    ("=?UTF-8?B?5bGx55Sw5aSq6YOO?=", "yamada@example.jp"),
    ("\"Carol (Build Bot)\"", "bot+carol@ci.example.com"),
    ("Dave", "dave@example.org"),
    ("Zo\u{eb} <unquoted>", "zoe@example.fr"),
    ("no-reply", "no-reply@shop.example.com"),
];
const LISTS: [&str; 4] = ["", "", "dev.lists.example.org", "announce.example.com"];
const WORDS: [&str; 24] = [
    "the",
    "patch",
    "review",
    "meeting",
    "tomorrow",
    "invoice",
    "build",
    "failed",
    "merge",
    "please",
    "see",
    "attached",
    "thanks",
    "server",
    "release",
    "notes",
    "about",
    "lunch",
    "quota",
    "report",
    "fixed",
    "in",
    "branch",
    "caf\u{e9}",
];
const KEYWORDS: [&str; 5] = ["work", "NonJunk", "$Label1", "todo", "Junk"];

/// `n` ordinary messages; the same `seed` gives the same mail, and message `i` does not depend on `n`. About 7 KB each on average.
pub fn ordinary(n: usize, seed: u64) -> impl Iterator<Item = Mail> {
    (0..n as u64).map(move |index| mail(index, seed))
}

fn mail(index: u64, seed: u64) -> Mail {
    let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ index.wrapping_mul(0x9e37_79b9));
    random.number();
    let seconds = 1_200_000_000 + (index * 3600 + random.below(3600)) as i64;
    let date = InternalDate { seconds, zone_minutes: *random.of(&[0, 60, 120, -300, 330, -480]) };
    let mut bytes = header(&mut random, index, seed, date).into_bytes();
    body(&mut random, &mut bytes);
    Mail { name: format!("ordinary {seed}/{index}"), bytes, flags: flags(&mut random), date: Some(date) }
}

fn header(random: &mut Random, index: u64, seed: u64, date: InternalDate) -> String {
    let (from, to, list) = (*random.of(&PEOPLE), *random.of(&PEOPLE), *random.of(&LISTS));
    let when = rfc5322(date);
    let mut header = format!("Return-Path: <{}>\r\n", from.1);
    for hop in 0..1 + random.below(4) {
        let (queue, address) = (random.number(), random.below(250));
        header += &format!(
            "Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{address}])\r\n\tby mx.example.org (Postfix) with ESMTPS id {queue:016X};\r\n\t{when}\r\n"
        );
    }
    header += &format!("Date: {when}\r\nFrom: {} <{}>\r\nTo: {} <{}>\r\n", from.0, from.1, to.0, to.1);
    if index > 0 && random.one_in(2) {
        let parent = index - 1 - random.below(index.min(20));
        header +=
            &format!("In-Reply-To: <{seed:x}.{parent}@example.org>\r\nReferences: <{seed:x}.{parent}@example.org>\r\n");
    }
    if !list.is_empty() {
        header += &format!("List-Id: <{list}>\r\nPrecedence: list\r\n");
    }
    let subject = sentence(random, 6).replace('\u{e9}', "e");
    header + &format!("Message-ID: <{seed:x}.{index}@example.org>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n")
}

fn body(random: &mut Random, out: &mut Vec<u8>) {
    const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    match random.below(20) {
        0..12 => {
            out.extend_from_slice(PLAIN.as_bytes());
            paragraphs(random, 1 + random.clone().below(40), out);
        }
        12..18 => {
            out.extend_from_slice(b"Content-Type: multipart/alternative; boundary=\"=_alt\"\r\n\r\n--=_alt\r\n");
            out.extend_from_slice(PLAIN.as_bytes());
            paragraphs(random, 5 + random.clone().below(40), out);
            out.extend_from_slice(b"--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
            paragraphs(random, 20 + random.clone().below(100), out);
            out.extend_from_slice(b"</body></html>\r\n--=_alt--\r\n");
        }
        _ => {
            out.extend_from_slice(b"Content-Type: multipart/mixed; boundary=\"=_mix\"\r\n\r\n--=_mix\r\n");
            out.extend_from_slice(PLAIN.as_bytes());
            paragraphs(random, 3, out);
            out.extend_from_slice(b"--=_mix\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
            base64_lines(random, 50 + random.clone().below(900), out);
            out.extend_from_slice(b"--=_mix--\r\n");
        }
    }
}

fn paragraphs(random: &mut Random, lines: u64, out: &mut Vec<u8>) {
    for line in 0..lines {
        let quote = if line % 7 == 3 { "> " } else { "" };
        out.extend_from_slice(format!("{quote}{}\r\n", sentence(random, 11)).as_bytes());
        if line % 5 == 4 {
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn base64_lines(random: &mut Random, lines: u64, out: &mut Vec<u8>) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for _ in 0..lines {
        for _ in 0..8 {
            let mut word = random.number();
            for _ in 0..9 {
                out.push(ALPHABET[(word & 63) as usize]);
                word >>= 6;
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn sentence(random: &mut Random, words: usize) -> String {
    (0..words).map(|_| *random.of(&WORDS)).collect::<Vec<_>>().join(" ")
}

fn flags(random: &mut Random) -> Flags {
    let mut flags = Flags::default();
    let chances =
        [(SystemFlags::SEEN, 2), (SystemFlags::ANSWERED, 6), (SystemFlags::FLAGGED, 15), (SystemFlags::FORWARDED, 40)];
    for (flag, times) in chances {
        if random.one_in(times) {
            flags.system = flags.system.union(flag);
        }
    }
    if random.one_in(8) {
        flags.keywords.insert(random.of::<&str>(&KEYWORDS));
    }
    flags
}

/// A date as in a header field (RFC 5322 section 3.3); the calendar is the proleptic Gregorian one.
fn rfc5322(date: InternalDate) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let local = date.seconds + i64::from(date.zone_minutes) * 60;
    let (days, clock) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let zone = date.zone_minutes.abs();
    format!(
        "{}, {day} {} {year} {:02}:{:02}:{:02} {}{:02}{:02}",
        DAYS[days.rem_euclid(7) as usize],
        MONTHS[month],
        clock / 3600,
        clock / 60 % 60,
        clock % 60,
        if date.zone_minutes < 0 { '-' } else { '+' },
        zone / 60,
        zone % 60
    )
}

/// Year, month from 0, day from 1, of a day counted from 1970-01-01, which must not be before it.
fn civil(mut days: i64) -> (i64, usize, i64) {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_mail_is_the_same_on_every_run_and_well_formed() {
        let mails: Vec<Mail> = ordinary(200, 1).collect();
        assert!(ordinary(50, 1).eq(mails[..50].iter().cloned()));
        assert!(ordinary(1, 2).next().as_ref() != mails.first());
        for mail in &mails {
            assert!(memchr::memmem::find(&mail.bytes, b"\r\n\r\n").is_some(), "{}", mail.name);
            assert_eq!(crate::testing::lines::to_crlf(&crate::testing::lines::to_lf(&mail.bytes)), mail.bytes);
        }
        let octets: usize = mails.iter().map(|mail| mail.bytes.len()).sum();
        assert!((2_000..20_000).contains(&(octets / mails.len())), "{} octets on average", octets / mails.len());
    }

    #[test]
    fn header_dates_are_those_of_the_calendar() {
        let shown = |seconds, zone_minutes| rfc5322(InternalDate { seconds, zone_minutes });
        assert_eq!(shown(0, 0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(shown(1_709_164_799, 60), "Thu, 29 Feb 2024 00:59:59 +0100");
        assert_eq!(shown(1_700_000_000, -480), "Tue, 14 Nov 2023 14:13:20 -0800");
    }
}
