//! Configuration: where the file is, what it says, what each option means. Touches the file system only to find and read the file.

pub mod check;
pub mod discover;
pub mod ini;
pub mod interpolation;
pub mod options;
pub mod place;
pub mod pyexpr;
pub mod python;
pub mod value;

pub use place::{Place, Warning};
pub use value::Value;

use ini::{DEFAULT, Entry, Ini, Section};
use offlinesync_core::{Error, ErrorKind, Result};
use options::{Kind, near};
use python::Python;
use std::path::Path;
use std::sync::Arc;

/// A configuration file, with what the command line overrides.
#[derive(Clone, Debug)]
pub struct Config {
    ini: Ini,
    file: Arc<str>,
    python: Python,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Kind `Configuration`: it cannot be read, or its grammar is broken.
    pub fn read(path: &Path) -> Result<Config> {
        let file: Arc<str> = path.display().to_string().into();
        let bytes = std::fs::read(path).map_err(|error| {
            let sentence = format!("cannot read the configuration file {file}: {error}");
            Error::new(ErrorKind::Configuration, sentence).with_source(error)
        })?;
        Self::parse(&bytes, &file)
    }

    /// Reads the bytes of a file called `file`.
    pub fn parse(bytes: &[u8], file: &Arc<str>) -> Result<Config> {
        Ok(Config { ini: ini::parse(bytes, file)?, file: Arc::clone(file), python: Python::default() })
    }

    /// Loads the Python file that the configuration names, if it does.
    ///
    /// # Errors
    /// As [`Python::load`].
    pub fn load_python(&mut self, environment: &dyn discover::Environment) -> Result<()> {
        self.python = Python::load(self, environment)?;
        Ok(())
    }

    /// What expressions may use beside themselves.
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// The file, for messages.
    pub fn place(&self) -> Place {
        Place::file(&self.file)
    }

    /// What is odd about the file's grammar.
    pub fn grammar_warnings(&self) -> &[Warning] {
        &self.ini.warnings
    }

    /// The sections as written.
    pub fn sections(&self) -> &[Section] {
        &self.ini.sections
    }

    /// Where a section begins, if there is one of this name.
    pub fn section_place(&self, section: &str) -> Option<&Place> {
        self.ini.section(section).map(|section| &section.place)
    }

    /// The value of an option, of its own section or inherited from `[DEFAULT]`, expanded.
    ///
    /// # Errors
    /// Kind `Configuration`: its `%(…)s` references are broken.
    pub fn get(&self, section: &str, name: &str) -> Result<Option<Value>> {
        let Some(entry) = self.entry(section, name) else { return Ok(None) };
        let lookup = |name: &str| self.entry(section, name).map(|entry| entry.raw.as_str());
        let text = interpolation::expand(&entry.raw, &entry.place, &lookup)
            .map_err(|error| error.at(format!("`{name}` in [{section}]")))?;
        Ok(Some(Value { section: section.to_owned(), name: name.to_owned(), text, place: entry.place.clone() }))
    }

    /// The value of an option as written, with no `%(…)s` expanded.
    pub fn raw(&self, section: &str, name: &str) -> Option<&str> {
        self.entry(section, name).map(|entry| entry.raw.as_str())
    }

    /// Like [`Config::get`], but a value of nothing but spaces counts as not set.
    pub fn get_filled(&self, section: &str, name: &str) -> Result<Option<Value>> {
        Ok(self.get(section, name)?.filter(|value| !value.text.trim().is_empty()))
    }

    /// The truth value of an option, or `default` where it is not set.
    pub fn boolean(&self, section: &str, name: &str, default: bool) -> Result<bool> {
        self.get_filled(section, name)?.map_or(Ok(default), |value| value.boolean())
    }

    /// The number of an option, or `default` where it is not set.
    pub fn integer<T: std::str::FromStr>(&self, section: &str, name: &str, default: T) -> Result<T> {
        self.get_filled(section, name)?.map_or(Ok(default), |value| value.integer())
    }

    /// The entry that counts for an option of a section that exists.
    fn entry(&self, section: &str, name: &str) -> Option<&Entry> {
        let own = self.ini.section(section)?;
        own.entry(name).or_else(|| self.ini.section(DEFAULT)?.entry(name))
    }

    /// Overrides an option from the command line: `[section:]option=value`, where `_` in the section stands for a space and the
    /// section is `general` if it is not given.
    ///
    /// # Errors
    /// Kind `Configuration`: not of this form, or no such section.
    pub fn override_option(&mut self, text: &str) -> Result<()> {
        let place = Place::argument(&format!("-k {}", text.split('=').next().unwrap_or_default()));
        let Some((target, value)) = text.split_once('=') else {
            return Err(place.error("must be [section:]option=value"));
        };
        let (section, name) = target.split_once(':').unwrap_or(("general", target));
        let section = section.replace('_', " ");
        // A name with underscores of its own is meant too, if no other section is.
        let alike = || self.ini.sections.iter().map(|found| &found.name).find(|name| name.replace('_', " ") == section);
        let Some(section) = self.ini.section(&section).map(|found| &found.name).or_else(alike).cloned() else {
            return Err(self.no_such_section(&place, &section));
        };
        let entry = Entry { name: name.trim().to_lowercase(), raw: value.to_owned(), place };
        self.ini.section_mut(&section).and_then(|found| found.set(entry));
        Ok(())
    }

    fn no_such_section(&self, place: &Place, name: &str) -> Error {
        let error = place.error(format!("there is no section [{name}]"));
        match near(self.ini.sections.iter().map(|section| section.name.as_str()), name) {
            Some(meant) => error.with_hint(format!("did you mean [{meant}]?")),
            None => error,
        }
    }

    /// What a repository section is: the kinds of options it may hold.
    fn repository_kinds(&self, section: &str) -> Vec<Kind> {
        let type_ = self.get(section, "type").ok().flatten().map(|value| value.text.to_ascii_lowercase());
        match type_.as_deref().map(str::trim) {
            Some("imap" | "gmail") => vec![Kind::Any, Kind::Imap],
            Some("maildir" | "gmailmaildir") => vec![Kind::Any, Kind::Maildir],
            _ => vec![Kind::Any, Kind::Imap, Kind::Maildir],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes(), &"file".into()).unwrap()
    }

    #[test]
    fn options_are_inherited_from_default_and_expanded_where_they_are_used() {
        let config =
            config("[DEFAULT]\nhome = /home/%(user)s\nuser = nobody\n[general]\nuser = u\nmetadata = %(home)s/.m\n");
        let value = config.get("general", "metadata").unwrap().unwrap();
        assert_eq!(value.text, "/home/u/.m");
        assert_eq!(value.place.to_string(), "file:6");
        assert_eq!(config.get("other", "user").unwrap(), None);
    }

    #[test]
    fn the_command_line_overrides_and_underscores_are_spaces() {
        let mut config = config("[general]\naccounts = a\n[Account A B]\nquick = 1\n");
        config.override_option("Account_A_B:Quick=-1").unwrap();
        config.override_option("accounts=x=y").unwrap();
        assert_eq!(config.get("Account A B", "quick").unwrap().unwrap().text, "-1");
        assert_eq!(config.get("general", "accounts").unwrap().unwrap().text, "x=y");
        let error = config.override_option("Account_A_C:quick=1").unwrap_err();
        assert_eq!(error.hint(), Some("did you mean [Account A B]?"));
        assert!(config.override_option("nonsense").is_err());
    }

    #[test]
    fn a_section_with_underscores_of_its_own_can_be_overridden_too() {
        let mut config = config("[Account a_b]\nquick = 1\n[Account c_d]\n[Account c d]\n");
        config.override_option("Account_a_b:quick=2").unwrap();
        assert_eq!(config.get("Account a_b", "quick").unwrap().unwrap().text, "2");
        config.override_option("Account_c_d:quick=3").unwrap();
        assert_eq!(config.get("Account c_d", "quick").unwrap(), None);
        assert_eq!(config.get("Account c d", "quick").unwrap().unwrap().text, "3");
    }

    #[test]
    fn a_broken_reference_names_option_section_and_line() {
        let config = config("[general]\nremotepass = 100%\n");
        let error = config.get("general", "remotepass").unwrap_err();
        assert_eq!(error.to_string(), "`remotepass` in [general]: file:2: a `%` that begins no `%(name)s`");
    }
}
