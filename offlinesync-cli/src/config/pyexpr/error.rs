//! Why an expression was refused. Pure.

use std::fmt;

/// A mistake in an expression, or something that it may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyError {
    /// What, in lower case and without a full stop.
    pub message: String,
    /// The name of something that only Python code outside the configuration could define.
    pub unknown_name: Option<String>,
}

impl PyError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        PyError { message: message.into(), unknown_name: None }
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
