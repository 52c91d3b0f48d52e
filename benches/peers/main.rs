//! Our program beside its peers, on the same mail, in one run: `cargo run --release -p offlinesync-benches --bin peers`.
//!
//! A throwaway Dovecot on loopback serves; a relay makes the line long and counts. mbsync and OfflineIMAP take part where they
//! are installed. Needs root or a user that Dovecot can run as; touches nothing outside temporary directories and the result file.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod corpus;
mod lab;
mod report;
mod rows;
mod tools;

use lab::{Lab, Scale};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "peers [--quick] [--all] [--only ROW]... [--json FILE] [--keep]

  --quick      a tenth of the mail: shows that all works, not how fast
  --all        the rows that take many minutes, too
  --only ROW   rows whose name begins so
  --json FILE  where the result goes (target/peers.json)
  --keep       leave the directory with all mail and settings there";

fn main() -> ExitCode {
    let words = match offlinesync_benches::arguments() {
        Ok(words) => words,
        Err(ended) => return ended,
    };
    let Some(options) = Options::parse(words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    quick: bool,
    all: bool,
    keep: bool,
    only: Vec<String>,
    json: PathBuf,
}

impl Options {
    fn parse(words: Vec<OsString>) -> Option<Options> {
        let json = PathBuf::from("target/peers.json");
        let mut options = Options { quick: false, all: false, keep: false, only: Vec::new(), json };
        let mut words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            match &*word {
                "--quick" => options.quick = true,
                "--all" => options.all = true,
                "--keep" => options.keep = true,
                "--only" => options.only.push(words.next()?),
                "--json" => options.json = words.next()?.into(),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn measure(options: &Options) -> io::Result<()> {
    let mut lab = Lab::new(Scale { divisor: if options.quick { 10 } else { 1 }, all: options.all }, options.keep)?;
    let mut done = Vec::new();
    for (name, row) in rows::ROWS {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| name.starts_with(only.as_str()));
        if !wanted {
            continue;
        }
        eprintln!("… {name}");
        for row in row(&mut lab)? {
            println!("{}", report::text(&row));
            done.push(row);
        }
    }
    std::fs::write(&options.json, report::json(&done, options.quick))?;
    println!("{}\nwritten to {}", report::markdown(&done), options.json.display());
    Ok(())
}
