//! The options of a Maildir repository.

use crate::config::Config;
use crate::config::discover::{Environment, expand};
use offlinesync_core::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A Maildir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaildirSettings {
    /// Its root directory.
    pub root: PathBuf,
    /// Between the levels of a folder name.
    pub separator: char,
    /// Whether a file's time is when the message arrived.
    pub file_time: bool,
    /// Whether file names begin with the dates in the messages' headers.
    pub name_from_header: bool,
    /// Whether file times are the dates in the messages' headers.
    pub time_from_header: bool,
    /// Whether a directory keeps its inode from one mount to the next.
    pub stable_directories: bool,
    /// Letters that stand for keywords.
    pub custom_flags: BTreeMap<char, String>,
}

impl MaildirSettings {
    /// Reads them.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(config: &Config, section: &str, environment: &dyn Environment) -> Result<Self> {
        let root =
            config.get_filled(section, "localfolders")?.ok_or_else(|| missing(config, section, "localfolders"))?;
        let root = expand(root.text.trim(), environment);
        if !root.is_absolute() {
            let place = config.get(section, "localfolders")?.map_or_else(|| config.place(), |value| value.place);
            return Err(place.error(format!("`localfolders` in [{section}] must be an absolute path")));
        }
        Ok(MaildirSettings {
            root,
            separator: separator(config, section)?,
            file_time: config.boolean(section, "filetime", true)?,
            name_from_header: general(config, section, "filename_use_mail_timestamp")?,
            time_from_header: general(config, section, "utime_from_header")?,
            stable_directories: config.boolean(section, "stable_directories", true)?,
            custom_flags: custom_flags(config, section)?,
        })
    }
}

pub(super) fn missing(config: &Config, section: &str, name: &str) -> Error {
    let place = config.section_place(section).cloned().unwrap_or_else(|| config.place());
    place.error(format!("`{name}` is not set in [{section}]"))
}

/// An option of the repository whose default is the same option of `[general]`.
fn general(config: &Config, section: &str, name: &str) -> Result<bool> {
    config.boolean(section, name, config.boolean("general", name, false)?)
}

fn separator(config: &Config, section: &str) -> Result<char> {
    let Some(value) = config.get_filled(section, "sep")? else { return Ok('.') };
    let text = value.text.trim();
    let bare = ['"', '\''].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(text);
    let mut chars = bare.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => Ok(c),
        _ => Err(value.error("must be a single character, usually `.` or `/`")),
    }
}

fn custom_flags(config: &Config, section: &str) -> Result<BTreeMap<char, String>> {
    let mut flags = BTreeMap::new();
    for letter in 'a'..='z' {
        let Some(value) = config.get_filled(section, &format!("customflag_{letter}"))? else { continue };
        let keyword = value.text.trim();
        if keyword.starts_with('\\') || keyword.contains(|c: char| !c.is_ascii_graphic() || "(){%*\"]".contains(c)) {
            return Err(value.error("must be an IMAP keyword, for example `$Junk`"));
        }
        flags.insert(letter, keyword.to_owned());
    }
    Ok(flags)
}
