//! Watching a folder: IDLE on a connection of its own, or a look from time to time where the server does not idle.

use crate::codec::decoder::Item;
use crate::codec::response::Tagged;
use crate::config::ImapConfig;
use crate::connection::{Command, Exchange, Lease, Mailbox, On, Pool, SessionView};
use crate::repository::ImapRepository;
use offlinesync_core::{Cancel, Error, ErrorKind, FolderName, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long one IDLE lasts before it is begun anew. Servers end it after 30 minutes (RFC 2177), networks often sooner. Default 29 minutes.
    pub renew: Duration,
    /// The pause between two looks where the server does not idle. Default 1 minute.
    pub look: Duration,
    /// The pause before a lost connection is opened again, doubled with each failure up to 5 minutes. Default 5 seconds.
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { renew: Duration::from_secs(29 * 60), look: Duration::from_secs(60), again: Duration::from_secs(5) }
    }
}

/// The longest pause before a lost connection is opened again.
const LONGEST: Duration = Duration::from_secs(300);

impl ImapRepository {
    /// Watches a folder until `cancel` is cancelled, and calls `changed` when the watch has begun, and whenever something changed in it
    /// from then on: a message came or went, a flag changed, also while the connection was lost. It has a connection to itself, which is not counted
    /// among those of the repository.
    ///
    /// # Errors
    /// What waiting does not mend: the folder is not there, the login is refused. Never `Unavailable`.
    pub fn watch(&self, folder: &FolderName, pace: Pace, cancel: &Cancel, changed: &mut dyn FnMut()) -> Result<()> {
        let config: ImapConfig = ImapConfig::clone(self.pool().config()).max_connections(1).cancel(cancel.clone());
        let pool = Pool::new(Arc::new(config));
        let mut watcher = Watcher { folder, pace, known: None, connected: false };
        let mut pause = pace.again;
        while !cancel.is_cancelled() {
            let error = match watcher.run(&pool, cancel, changed) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Unavailable => error,
                Err(error) => return Err(error.at(format!("{}: folder {folder}", self.pool().config().name))),
            };
            pool.close();
            pause = if std::mem::take(&mut watcher.connected) { pace.again } else { (pause * 2).min(LONGEST) };
            if cancel.pause(pause).is_err() {
                drop(error);
                return Ok(());
            }
        }
        Ok(())
    }
}

struct Watcher<'a> {
    folder: &'a FolderName,
    pace: Pace,
    /// What was last seen of the mailbox.
    known: Option<State>,
    connected: bool,
}

/// What changes with a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    exists: u32,
    uid_next: Option<u32>,
    mod_seq: Option<u64>,
}

impl Watcher<'_> {
    fn run(&mut self, pool: &Pool, cancel: &Cancel, changed: &mut dyn FnMut()) -> Result<()> {
        let mut lease = pool.lease(0)?;
        let idles = lease.session().capabilities.contains("IDLE");
        let mut heard = false;
        loop {
            cancel.check()?;
            // Looked at before it is told: what comes after this look, the next IDLE tells.
            let another = self.look(&mut lease)?;
            if heard || another {
                changed();
            }
            self.connected = true;
            heard = match idles {
                true => lease.idle(Instant::now() + self.pace.renew)?,
                false => {
                    cancel.pause(self.pace.look)?;
                    false
                }
            };
        }
    }

    /// Selects the mailbox; answers whether it is another than it was, or seen for the first time.
    fn look(&mut self, lease: &mut Lease) -> Result<bool> {
        let mut look = Look(None);
        lease.run(On::Mailbox { name: self.folder, fresh: true }, &mut look)?;
        let now = look.0.ok_or_else(|| Error::new(ErrorKind::Protocol, "the mailbox was never selected"))?;
        let before = self.known.replace(now.clone());
        Ok(before.is_none_or(|before| before != now))
    }
}

struct Look(Option<State>);

impl Exchange for Look {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.0 = Some(State { exists: mailbox.exists, uid_next: mailbox.uid_next, mod_seq: mailbox.highest_mod_seq });
        Ok(())
    }

    fn item(&mut self, _: Item<'_>, _: &Mailbox) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, _: usize, _: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }
}
