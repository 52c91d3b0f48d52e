//! SASL mechanisms (RFC 4422): challenges to responses. Pure; nothing here is ever printed.

mod cram_md5;
mod login;
mod oauth;
mod plain;
mod scram;

pub(crate) use cram_md5::CramMd5;
pub(crate) use login::Login;
pub(crate) use oauth::{OauthBearer, Xoauth2};
pub(crate) use plain::Plain;
pub(crate) use scram::{Hash, Scram};

use offlinesync_core::Result;
use zeroize::Zeroizing;

/// Octets that are wiped when dropped.
pub(crate) type Octets = Zeroizing<Vec<u8>>;

/// One run of a mechanism.
pub(crate) trait Sasl {
    /// Its name in the registry.
    fn name(&self) -> &'static str;

    /// What the client says first, if it speaks first. Asked once, with SASL-IR (RFC 4959) or for the server's empty first challenge.
    fn initial(&mut self) -> Result<Option<Octets>>;

    /// The answer to a challenge.
    fn respond(&mut self, challenge: &[u8]) -> Result<Octets>;

    /// The server says that it is satisfied. A mechanism that proves the server's identity objects if it has not.
    fn satisfied(&self) -> Result<()> {
        Ok(())
    }
}
