//! `offlinesync man` and `offlinesync completions`: both come from the definitions that the parser and the configuration use.

mod config_page;

use crate::args::{self, Manual};
use crate::say::{Outcome, error_lines};
use crate::streams::Streams;
use clap_complete::Shell;
use clap_mangen::Man;
use offlinesync_core::{Error, ErrorKind, Result};
use std::fs;
use std::path::Path;

/// The day of the version that the pages are about; `man` shows it at their foot.
const DATE: &str = "2026-11-30";

/// Commands with a page of their own.
const COMMANDS: [(&str, &str); 5] = [
    ("init", "offlinesync-init"),
    ("check", "offlinesync-check"),
    ("verify", "offlinesync-verify"),
    ("import", "offlinesync-import"),
    ("export", "offlinesync-export"),
];

/// Writes what is asked for. What goes wrong is told here.
pub fn write(manual: &Manual, streams: &Streams) -> Outcome {
    let result = match manual {
        Manual::Pages(directory) => write_pages(directory, streams),
        Manual::Completions(shell) => {
            streams.out(completions(*shell).trim_end());
            Ok(())
        }
    };
    match result {
        Ok(()) => Outcome::InStep,
        Err(error) => {
            error_lines(&error).iter().for_each(|line| streams.err(&streams.paint(line)));
            Outcome::of(&error)
        }
    }
}

fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut args::completed(), "offlinesync", &mut text);
    let text = String::from_utf8_lossy(&text);
    // Of an option whose value is only being typed fish says that it lacks one. No command was given before it.
    text.replace("2>/dev/null\n    or return\n", "2>/dev/null\n    or return 0\n")
}

/// Every page: its section, its file name, its text.
///
/// # Errors
/// A page cannot be rendered.
pub fn pages() -> std::io::Result<Vec<(u8, String, Vec<u8>)>> {
    let definition = args::definition();
    let mut pages = vec![(1, "offlinesync.1".to_owned(), rendered(definition.clone(), "offlinesync")?)];
    for command in definition.get_subcommands() {
        let Some((_, name)) = COMMANDS.iter().find(|(short, _)| *short == command.get_name()) else { continue };
        pages.push((1, format!("{name}.1"), rendered(command.clone().name(*name), name)?));
    }
    pages.push((5, "offlinesync.conf.5".to_owned(), config_page::page().into_bytes()));
    Ok(pages)
}

fn rendered(command: clap::Command, name: &'static str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let title = name.to_uppercase();
    let source = concat!("offlinesync ", env!("CARGO_PKG_VERSION"));
    Man::new(command).title(title).section("1").date(DATE).source(source).manual("Mail").render(&mut page)?;
    // An empty line breaks the line by itself, and formatters complain of who says so again.
    Ok(String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n").into_bytes())
}

fn write_pages(directory: &Path, streams: &Streams) -> Result<()> {
    let failed = |path: &Path, error| Error::io(path.display(), error, ErrorKind::Storage);
    for (section, name, text) in pages().map_err(|error| failed(directory, error))? {
        let directory = directory.join(format!("man{section}"));
        fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        streams.out(&path.display().to_string());
    }
    Ok(())
}
