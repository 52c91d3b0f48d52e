//! What an account between a server in memory and a Maildir on a disk needs whose runs end anywhere.

use offlinesync_core::testing::{Fate, Faults};
use offlinesync_imap::config::{Secret, Timeouts, Tls};
use offlinesync_imap::testing::server::{Action, Received, Server};
use offlinesync_imap::{ImapConfig, ImapRepository};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A directory in memory, where there is such a thing.
pub(crate) fn directory() -> TempDir {
    let shared_memory = Path::new("/dev/shm");
    let directory = match shared_memory.is_dir() {
        true => tempfile::tempdir_in(shared_memory),
        false => tempfile::tempdir(),
    };
    directory.unwrap()
}

/// The client of a user of a server, which it reaches at a port.
pub(crate) fn imap(server: &Server, user: &str, port: u16, timeouts: Timeouts) -> ImapRepository {
    let password = || Ok(Secret::new("pw".to_owned()));
    let config = ImapConfig::new(user, server.host(), user, password);
    // This server is done with a connection when it has ended.
    let timeouts = Timeouts { aftermath: Duration::ZERO, ..timeouts };
    ImapRepository::new(config.port(Some(port)).tls(Tls::None).timeouts(timeouts))
}

/// What the end of a run makes of a command. `half`: how many octets there are of half a message.
pub(crate) fn fate(faults: &Faults, received: &Received, half: usize) -> Action {
    const NAMES: [&str; 9] =
        ["LIST", "SELECT", "UID FETCH", "UID STORE", "UID EXPUNGE", "UID MOVE", "APPEND", "CREATE", "UID SEARCH"];
    let name = NAMES.into_iter().find(|name| *name == received.name).unwrap_or("another command");
    match faults.fate(name) {
        Fate::Whole => Action::Continue,
        Fate::Unheard => Action::CutAfter(0),
        Fate::Half if name == "APPEND" => Action::CutInput(half),
        Fate::Half => Action::CutAfter(200),
        Fate::Nothing => Action::CutInput(0),
    }
}

/// Locks in a directory and below are those of a process that has ended, some minutes ago.
pub(crate) fn end_of_life(directory: &Path) {
    let lock = directory.join("dovecot-keywords.lock");
    if let Ok(holder) = fs::read_to_string(&lock) {
        // No process ever has this number.
        fs::write(&lock, holder.replace(&std::process::id().to_string(), "999999999")).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(600);
        fs::File::options().write(true).open(lock).unwrap().set_modified(long_ago).unwrap();
    }
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["tmp", "new", "cur"].iter().any(|part| path.ends_with(part)) {
            end_of_life(&path);
        }
    }
}
