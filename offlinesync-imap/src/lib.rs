//! offlinesync-imap

pub mod codec;
mod commands;
pub mod config;
pub mod connection;
mod folder;
#[cfg(test)]
mod script;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
