//! Feature `testing`: an in-memory repository, fault injection, and the conformance suite that any backend must pass.

pub mod memory;
pub mod status_suite;
