//! The planner against its laws: the table row by row, the properties by simulation, the brake, the pairing of folders.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod brake;
mod folders;
mod laws;
mod policies;
mod table;
mod world;
