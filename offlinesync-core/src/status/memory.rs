//! A status store in memory, for tests and for embedders that start afresh each time.

/// Keeps the status in memory; gone when dropped.
#[derive(Debug, Default)]
pub struct MemoryStatus {}
