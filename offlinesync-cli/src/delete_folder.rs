//! `--delete-folder`: deletes a folder on the server. Nothing else in this program does.

use crate::account::Runner;
use crate::say::Outcome;
use crate::ui::Hub;
use offlinesync_core::{Error, ErrorKind, FolderName, Result, Side};

/// Deletes the folder of this name, as the server has it, on the remote side of the one account there is.
///
/// # Errors
/// Kind `Configuration`: several accounts, or no server. Whatever the server answers.
pub fn delete(name: &str, runners: &[Runner], hub: &Hub) -> Result<Outcome> {
    let [runner] = runners else {
        let message = "no folder was deleted: --delete-folder needs exactly one account";
        return Err(Error::new(ErrorKind::Configuration, message).with_hint("name it with -a"));
    };
    let account = &runner.settings.name;
    if runner.settings.policy.dry_run {
        hub.output(&format!("would try to remove '{name}' on remote of '{account}' account"));
        return Ok(Outcome::InStep);
    }
    if runner.settings.policy.read_only[Side::Remote] {
        let message = format!("folder '{name}' was not deleted: the remote side of account '{account}' is read-only");
        return Err(Error::new(ErrorKind::Configuration, message).with_hint("`readonly` is set in its repository"));
    }
    let _lock = runner.lock()?;
    let backends = runner.backends_for_showing()?;
    let Some(server) = &backends.servers.remote else {
        let message = format!("folder '{name}' was not deleted: the remote side of account '{account}' is no server");
        return Err(Error::new(ErrorKind::Configuration, message));
    };
    let deleted = server.delete(&FolderName::from(name));
    backends.rest(None);
    deleted.map_err(|error| error.at(format!("account '{account}'")))?;
    hub.output(&format!("Folder '{name}' deleted."));
    Ok(Outcome::InStep)
}
