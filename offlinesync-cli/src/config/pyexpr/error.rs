//! Why an expression was refused. Pure.

use std::fmt;

/// A mistake in an expression, or something that it may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyError {
    /// What, in lower case and without a full stop.
    pub message: String,
    /// The name of something that only Python code outside the configuration could define.
    pub unknown_name: Option<String>,
    /// Where in the expression, in octets from its beginning, if that is known.
    pub at: Option<usize>,
}

impl PyError {
    /// With its place, unless it has one.
    #[must_use]
    pub(super) fn placed(mut self, at: usize) -> Self {
        self.at = self.at.or(Some(at));
        self
    }

    /// Its place in words, for a person who looks at the expression: columns and lines from 1.
    pub fn place_in(&self, text: &str) -> Option<String> {
        let before = text.get(..self.at?)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Some(if text.trim_end().contains('\n') {
            format!("line {line}, column {column}")
        } else {
            format!("column {column}")
        })
    }

    pub(super) fn new(message: impl Into<String>) -> Self {
        PyError { message: message.into(), unknown_name: None, at: None }
    }
}

impl fmt::Display for PyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PyError {}

/// Shorthand.
pub(super) type Result<T, E = PyError> = std::result::Result<T, E>;

/// Shorthand for an error.
pub(super) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(PyError::new(message))
}
