//! Helpers of the tests.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses some of them, and a helper that fails fails its test"
)]

pub(crate) mod daemon;
pub(crate) mod python;
pub(crate) mod sandbox;
pub(crate) mod tty;
