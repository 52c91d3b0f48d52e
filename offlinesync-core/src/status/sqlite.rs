//! The status store in one SQLite file an account.

/// Keeps the status in one SQLite file.
#[derive(Debug)]
pub struct SqliteStatus {}
