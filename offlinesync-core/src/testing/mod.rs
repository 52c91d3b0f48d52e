//! Feature `testing`: an in-memory repository, fault injection, what random histories have in common, and the conformance suites that any
//! backend or status store must pass. Used by tests only: what is wrong here panics.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code fails by panicking")]

pub mod client;
pub mod faults;
pub mod histories;
pub mod lines;
pub mod mails;
pub mod memory;
pub mod status_suite;
pub mod suite;

pub use crate::status::plain::fuzz::plain_status;
pub use client::{Client, DatePrecision, Held};
pub use faults::{Bad, Fate, Faults, Faulty, FaultyStatus, Listing};
pub use mails::Mail;
pub use memory::{Calls, ContentsKnob, Deltas, Knobs, MemoryRepository, WitnessKnob};
