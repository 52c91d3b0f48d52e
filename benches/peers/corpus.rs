//! Mail to measure with: deterministic messages of log-normal size, written as Maildirs. Writes files, nothing else.

use offlinesync_core::testing::mails::Random;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long messages are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sizes {
    /// As in a person's mailbox: median 6 KB, 10.7 KB on average, now and then a megabyte.
    Ordinary,
    /// About this many octets each.
    About(u64),
}

/// One day of mail is 288 messages.
const INTERVAL: Duration = Duration::from_secs(300);
const START: Duration = Duration::from_secs(1_500_000_000);

/// Makes a Maildir with messages number `from` and the following ones. The same number is the same message.
pub(crate) fn maildir(directory: &Path, from: u64, count: u64, sizes: Sizes) -> io::Result<()> {
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(directory.join(sub))?;
    }
    let words = Words::new();
    for number in from..from + count {
        let mut random = Random::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let message = message(&mut random, &words, number, sizes);
        let time = SystemTime::UNIX_EPOCH + START + INTERVAL * u32::try_from(number).unwrap_or(0);
        let seconds = (START + INTERVAL * u32::try_from(number).unwrap_or(0)).as_secs();
        let letters = *random.of(&["S", "S", "S", "S", "RS", "FS", "", "S"]);
        let path = directory.join(format!("cur/{seconds}.M{number}P1.bench:2,{letters}"));
        fs::write(&path, message)?;
        fs::File::options().write(true).open(&path)?.set_modified(time)?;
    }
    Ok(())
}

/// Lines to make bodies of.
struct Words(Vec<String>);

impl Words {
    fn new() -> Words {
        let mut random = Random::new(7);
        let letter = |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0));
        let mut line = || {
            let mut line = String::new();
            while line.len() < 68 {
                let length = 2 + random.below(10);
                line.extend((0..length).map(|_| letter(&mut random)));
                line.push(' ');
            }
            line.push('\n');
            line
        };
        Words((0..3000).map(|_| line()).collect())
    }
}

fn message(random: &mut Random, words: &Words, number: u64, sizes: Sizes) -> Vec<u8> {
    let size = match sizes {
        Sizes::Ordinary => log_normal(random, 8.7, 1.1).min(3_000_000),
        Sizes::About(octets) => octets / 2 + random.below(octets.max(1)),
    };
    let (person, id) = (random.below(97), random.number());
    let mut text = format!(
        "Return-Path: <u{person}@example.org>\nReceived: from mx{}.example.org by mail.example.net with ESMTPS id {number:08x}\n\
         From: Person {person} <u{person}@example.org>\nTo: me@example.net\nSubject: number {number} of many\n\
         Message-ID: <{number}.{id:x}@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n",
        number % 7
    );
    while (text.len() as u64) < size {
        text.push_str(random.of::<String>(&words.0));
    }
    text.push_str("-- \n");
    text.into_bytes()
}

/// The Box-Muller transform of two even numbers, raised to e.
fn log_normal(random: &mut Random, mean: f64, deviation: f64) -> u64 {
    let mut even = || (random.number() >> 11) as f64 / (1_u64 << 53) as f64;
    let (one, other) = (1.0 - even(), even());
    let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
    (mean + deviation * normal).exp() as u64
}
