//! Feature `testing`: an in-memory repository, fault injection, and the conformance suite that any backend must pass.

pub mod status_suite;
