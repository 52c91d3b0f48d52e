//! Bytes to typed responses and back. Pure: no socket, no clock; never panics, bounded memory.

pub mod date;
pub mod decoder;
pub mod encode;
mod lexer;
mod parse;
mod parse_data;
mod parse_fetch;
pub mod response;
pub mod uid_set;
pub mod utf7;

pub use decoder::{Decoder, Item};
