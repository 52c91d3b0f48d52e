//! One configured value and the ways to read it: each error names section, option and line. Pure.

use super::place::Place;
use offlinesync_core::{Error, Result};
use std::str::FromStr;

/// A value after interpolation, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The section it counts for.
    pub section: String,
    /// The option.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where it is written.
    pub place: Place,
}

impl Value {
    /// An error about this value. The text itself is not repeated: it may be a secret.
    pub fn error(&self, message: impl std::fmt::Display) -> Error {
        self.place.error(format!("`{}` in [{}] {message}", self.name, self.section))
    }

    /// Python's idea of a truth value in a configuration file.
    pub fn boolean(&self) -> Result<bool> {
        parse_bool(&self.text).ok_or_else(|| self.error("must be yes or no"))
    }

    /// A whole number.
    pub fn integer<T: FromStr>(&self) -> Result<T> {
        let text = self.text.trim();
        text.parse().map_err(|_| self.error(format!("must be a whole number, not `{text}`")))
    }

    /// A number that is neither infinite nor "not a number".
    pub fn float(&self) -> Result<f64> {
        let text = self.text.trim();
        let number: Option<f64> = text.parse().ok();
        number.filter(|n| n.is_finite()).ok_or_else(|| self.error(format!("must be a number, not `{text}`")))
    }

    /// Words between commas, without the spaces around them and without empty ones.
    pub fn list(&self) -> Vec<String> {
        self.text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

/// A truth value, if it is one.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}
