//! offlinesync-imap

pub mod codec;
pub mod config;
pub mod connection;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
