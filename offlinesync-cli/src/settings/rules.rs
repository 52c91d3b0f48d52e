//! The expressions of a configuration, read and checked before anything is touched.

use crate::config::pyexpr::Expression;
use crate::config::{Config, Place, Value, python};
use offlinesync_core::Result;
use std::collections::BTreeMap;

/// Which folders of a repository take part, and what they are called on the other side.
#[derive(Clone, Debug, Default)]
pub struct FolderRules {
    /// `nametrans`.
    pub rename: Option<Expression>,
    /// `folderfilter`.
    pub filter: Option<Expression>,
    /// `folderincludes`.
    pub includes: Vec<String>,
    /// `foldersort`.
    pub order: Option<Expression>,
    /// `copy_ignore_eval`.
    pub ignore: Option<Expression>,
    /// The options as they are written, for showing.
    pub written: Vec<(&'static str, String)>,
    /// Where they are written, for what goes wrong with a folder.
    pub places: BTreeMap<&'static str, Place>,
}

impl FolderRules {
    /// Reads them.
    ///
    /// # Errors
    /// Kind `Configuration`: an expression that is not understood, or needs `pythonfile`.
    pub fn read(config: &Config, section: &str) -> Result<Self> {
        let includes = strings(config, section, "folderincludes")?;
        Ok(FolderRules {
            rename: function(config, section, "nametrans")?,
            filter: function(config, section, "folderfilter")?,
            includes,
            order: function(config, section, "foldersort")?,
            ignore: function(config, section, "copy_ignore_eval")?,
            written: written(config, section)?,
            places: places(config, section)?,
        })
    }
}

/// An expression that comes to a list of strings; empty where it is not set.
pub(super) fn strings(config: &Config, section: &str, name: &str) -> Result<Vec<String>> {
    match config.get_filled(section, name)? {
        Some(value) => parse(config, &value)?.strings().map_err(|error| value.error(format!("fails: {error}"))),
        None => Ok(Vec::new()),
    }
}

fn written(config: &Config, section: &str) -> Result<Vec<(&'static str, String)>> {
    let mut written = Vec::new();
    for name in ["nametrans", "folderfilter", "folderincludes"] {
        written.extend(config.get_filled(section, name)?.map(|value| (name, value.text)));
    }
    Ok(written)
}

fn places(config: &Config, section: &str) -> Result<BTreeMap<&'static str, Place>> {
    let mut places = BTreeMap::new();
    for name in ["nametrans", "folderfilter", "foldersort", "copy_ignore_eval"] {
        places.extend(config.get_filled(section, name)?.map(|value| (name, value.place)));
    }
    Ok(places)
}

pub(super) fn function(config: &Config, section: &str, name: &str) -> Result<Option<Expression>> {
    let Some(value) = config.get_filled(section, name)? else { return Ok(None) };
    let expression = parse(config, &value)?;
    if expression.is_function() {
        return Ok(Some(expression));
    }
    Err(value.error("must be a function, for example `lambda f: f`"))
}

/// Reads the expression in a value.
pub(super) fn parse(config: &Config, value: &Value) -> Result<Expression> {
    let surroundings = &config.python().surroundings;
    Expression::parse_within(&value.text, surroundings).map_err(|error| python::refusal(config, value, &error))
}

/// An expression that comes to a text.
pub(super) fn text(config: &Config, section: &str, name: &str) -> Result<Option<String>> {
    let Some(value) = config.get_filled(section, name)? else { return Ok(None) };
    let text = parse(config, &value)?.text();
    text.map(Some).map_err(|error| value.error(format!("fails: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::Error;

    fn refusal(lines: &str) -> Error {
        let text = format!("[general]\npythonfile = ~/x.py\n[Repository r]\n{lines}\n");
        let config = Config::parse(text.as_bytes(), &"file".into()).unwrap();
        FolderRules::read(&config, "Repository r").unwrap_err()
    }

    #[test]
    fn a_function_of_pythonfile_is_refused_with_option_section_and_line() {
        let error = refusal("nametrans = nt_remote");
        assert_eq!(
            error.to_string(),
            "file:4: `nametrans` in [Repository r] cannot be used: `nt_remote` is not defined (column 1); nothing was synced"
        );
        assert_eq!(error.hint(), Some("nothing defines it; write what `nt_remote` does into the expression itself"));
    }

    #[test]
    fn expressions_of_the_wrong_kind_are_refused_before_anything_is_touched() {
        assert!(refusal("folderfilter = 'x'").to_string().contains("must be a function"));
        assert!(refusal("folderincludes = 'INBOX'").to_string().contains("a string where a list is expected"));
        assert!(refusal("folderfilter = lambda f: (").to_string().contains("the end where a value is expected"));
    }
}
