//! offlinesync-imap

pub mod codec;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
