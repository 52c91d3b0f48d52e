//! Bytes to typed responses and back. Pure: no socket, no clock; never panics, bounded memory.

pub mod decoder;
pub mod response;
