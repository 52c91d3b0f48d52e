//! Servers and clients to test against, for this crate and for programs that embed it: a throwaway Dovecot, a small in-memory IMAP
//! server with faults, a relay that delays, counts and fails, and a raw client that shares no code with the real one. Nothing here is meant for production use: what goes
//! wrong panics with a sentence that says why.

#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod certificates;
pub mod client;
pub mod closed_port;
pub mod dovecot;
pub mod fuzz;
pub mod relay;
pub mod server;
mod syntax;
