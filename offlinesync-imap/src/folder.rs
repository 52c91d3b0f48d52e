//! One mailbox as a folder of the engine. Sends nothing itself: every call is one or two exchanges run by the pool.

mod asks;
mod changes;
mod effects;
mod fetch;
mod headers;
mod intake;
mod listing;
mod outside;
mod ranges;
mod removal;
pub(crate) mod state;

use crate::codec::mailbox_name::NameForm;
use crate::commands::{store, transfer};
use crate::connection::{Exchange, Expected, On};
use crate::repository::Shared;
use effects::{FlagChanges, Transfer};
use fetch::Bodies;
pub(crate) use fetch::Late;
use headers::HeaderBlocks;
use intake::{Appends, Target, Wire};
use listing::Look;
use offlinesync_core::wording::counted;
use offlinesync_core::{
    ChangeSet, Cursor, Error, ErrorKind, Failures, FlagChange, FlagSupport, Folder, FolderName, Headers, Intake, Known,
    LineEnding, MessageId, Result, Sink, SourceFolder, Uid, UidValidity, Window,
};
use outside::Judged;
use removal::Removal;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often messages are removed that a server says it has removed, and has not.
const REMOVALS: usize = 4;

/// What the answer about one message takes, in octets: its flags, its header, and a small mail's content.
const LISTED: u64 = 40;
const HEADER: u64 = 1 << 10;
const BODY: u64 = 4 << 10;

/// A mailbox.
pub(crate) struct ImapFolder {
    shared: Arc<Shared>,
    name: FolderName,
    /// The numbering that the ids given to this handle belong to: the one last listed, or else the first one seen.
    uid_validity: Option<UidValidity>,
    /// No message had this UID or a higher one when the folder was last listed; 0 if that is not known.
    uid_next: u32,
    support: FlagSupport,
    habits: intake::Habits,
}

impl ImapFolder {
    pub(crate) fn new(shared: Arc<Shared>, name: FolderName) -> Self {
        ImapFolder {
            shared,
            name,
            uid_validity: None,
            uid_next: 0,
            support: FlagSupport::default(),
            habits: intake::Habits::default(),
        }
    }

    fn place(&self) -> String {
        format!("{}: folder {}", self.shared.name(), self.name)
    }

    fn at(&self, error: Error) -> Error {
        error.at(self.place())
    }

    /// Runs an exchange with the mailbox selected. `octets`: how many it brings, about.
    fn run(&self, octets: u64, exchange: &mut dyn Exchange) -> Result<()> {
        let on = On::Mailbox { name: &self.name, fresh: false };
        let expected = Expected { now: octets, afterwards: 0 };
        self.shared.pool.run_expecting(on, expected, exchange).map_err(|error| self.at(error))
    }

    /// What a listing brings, and the messages after it.
    fn expected_of_listing(&self, since: Option<&Cursor>, known: &dyn Known) -> Result<Expected> {
        let (uid_next, messages) = self.shared.told(&self.name);
        Ok(match since.and_then(state::Since::read) {
            Some(since) => Expected { now: 0, afterwards: u64::from(uid_next.saturating_sub(since.uid_next)) * BODY },
            None => {
                let new = messages.saturating_sub(known.count()?);
                Expected { now: messages * LISTED, afterwards: new * BODY }
            }
        })
    }

    /// Runs an exchange that changes messages, in the numbering their ids belong to and in no other.
    fn run_verified(&mut self, exchange: &mut dyn Exchange) -> Result<()> {
        let uid_validity = self.numbering()?;
        let on = On::Verified { name: &self.name, uid_validity };
        self.shared.pool.run(on, exchange).map_err(|error| self.at(error))
    }

    fn numbering(&mut self) -> Result<UidValidity> {
        if let Some(known) = self.uid_validity {
            return Ok(known);
        }
        let mut look = Look::default();
        self.run(0, &mut look)?;
        let seen = look.mailbox().and_then(changes::numbering).map_err(|error| self.at(error))?;
        self.uid_validity = Some(seen);
        Ok(seen)
    }

    fn form(&self) -> NameForm {
        self.shared.form(false)
    }

    /// Removes messages; those that are still there though the server said that they were removed are tried again.
    fn remove_uids(&mut self, mut uids: Vec<Uid>) -> Result<Failures> {
        let mut failures = Failures::new();
        for _ in 0..REMOVALS {
            if uids.is_empty() {
                return Ok(failures);
            }
            self.shared.forget_messages(&self.name);
            let mut removal = Removal::new(uids, self.shared.config().expunge);
            self.run_verified(&mut removal)?;
            let mut removed = removal.finish();
            failures.append(&mut removed.failures);
            uids = removed.left;
        }
        let left = uids.into_iter().map(|uid| (MessageId::Uid(uid), removal::still_there(uid, "the server keeps it")));
        failures.extend(left);
        Ok(failures)
    }

    fn fetch_uids(&mut self, mut uids: Vec<Uid>, form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        let mut breaks = 0;
        while !uids.is_empty() {
            let mut bodies = Bodies::new(&uids, form, self.uid_validity, self.shared.late(), sink).at(self.place());
            let result = self.run(uids.len() as u64 * BODY, &mut bodies);
            self.shared.found_late(bodies.late());
            let error = match result {
                _ if bodies.has_stopped() => return bodies.finish(),
                Ok(()) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) => error,
            };
            breaks = if bodies.settled() > 0 { 0 } else { breaks + 1 };
            uids = bodies.after_a_break(&error)?;
            if breaks > self.shared.config().retries {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The list of folders and the folder itself do not agree.
fn contradiction(messages: u64) -> Error {
    let told = format!(
        "the server said that the folder holds {}, and a moment later that it holds none; nothing was changed",
        counted(messages, "message")
    );
    Error::new(ErrorKind::Folder, told).with_hint("if the folder was emptied just now, the next sync goes on")
}

/// The UIDs among the ids, in their order; what is no UID was never listed by an IMAP folder.
fn uids(ids: &[MessageId]) -> Vec<Uid> {
    ids.iter().filter_map(MessageId::uid).collect()
}

fn not_ours(ids: &[MessageId]) -> impl Iterator<Item = (MessageId, Error)> + '_ {
    let foreign = ids.iter().filter(|id| id.uid().is_none());
    foreign.map(|id| (id.clone(), Error::new(ErrorKind::Message, format!("message {id} is not one of an IMAP folder"))))
}

impl Folder for ImapFolder {
    fn name(&self) -> &FolderName {
        &self.name
    }

    fn another(&self) -> Option<Box<dyn Folder>> {
        // Without a numbering it could take over another folder's messages for those that were asked for.
        self.uid_validity?;
        Some(Box::new(ImapFolder {
            shared: Arc::clone(&self.shared),
            name: self.name.clone(),
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            support: self.support.clone(),
            habits: intake::Habits::default(),
        }))
    }

    fn changes(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Result<ChangeSet> {
        let on = On::Mailbox { name: &self.name, fresh: true };
        let expected = self.expected_of_listing(since, known)?;
        let mut run = |exchange: &mut dyn Exchange| self.shared.pool.run_expecting(on, expected, exchange);
        let listed = changes::changes(&mut run, since, known, !self.shared.config().expunge);
        let listed = listed.map_err(|error| self.at(error))?;
        // What the list said is old once this handle may have brought in what another removed.
        let (_, messages) = self.shared.told(&self.name);
        if messages > 0 && listed.exists == 0 && self.uid_validity.is_none() {
            return Err(self.at(contradiction(messages)));
        }
        self.uid_validity = Some(listed.set.uid_validity);
        self.uid_next = listed.uid_next;
        self.support = listed.set.support.clone();
        Ok(listed.set)
    }

    fn fetch(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        for (id, error) in not_ours(ids) {
            sink.failed(&id, error)?;
        }
        self.fetch_uids(uids(ids), form, sink)
    }

    fn headers(&mut self, ids: &[MessageId], each: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        let mut failures: Failures = not_ours(ids).collect();
        let uids = uids(ids);
        if uids.is_empty() {
            return Ok(failures);
        }
        let mut blocks = HeaderBlocks::new(&uids, self.uid_validity, each).at(self.place());
        self.run(uids.len() as u64 * HEADER, &mut blocks)?;
        failures.extend(blocks.finish()?);
        Ok(failures)
    }

    fn outside(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        let uids = uids(ids);
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let mut judged = Judged::new(uids, self.uid_validity, *window);
        self.run(0, &mut judged)?;
        judged.finish().map_err(|error| self.at(error))
    }

    fn intake(&mut self, _: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        let target = Target {
            name: self.name.clone(),
            place: self.place(),
            decoded: self.form().decoded,
            numbering: self.numbering()?,
            uid_next: self.uid_next,
            support: self.support.clone(),
        };
        let (shared, place) = (Arc::clone(&self.shared), self.place());
        let connect = move |octets: u64| -> Result<Box<dyn Wire>> {
            let lease = shared.pool.lease(octets).map_err(|error| error.at(&place))?;
            Ok(Box::new(lease))
        };
        Ok(Box::new(Appends::new(target, &mut self.habits, Box::new(connect))))
    }

    fn needs_intent(&self) -> bool {
        true
    }

    fn aftermath(&self) -> Duration {
        self.shared.config().timeouts.aftermath
    }

    fn store(&mut self, changes: &[FlagChange]) -> Result<Failures> {
        let ids: Vec<MessageId> = changes.iter().map(|change| change.id.clone()).collect();
        let mut failures: Failures = not_ours(&ids).collect();
        let commands = store::changes(changes, &self.support);
        if !commands.is_empty() {
            let mut changes = FlagChanges::new(commands);
            self.run_verified(&mut changes)?;
            failures.extend(changes.failures());
        }
        Ok(failures)
    }

    fn remove(&mut self, ids: &[MessageId]) -> Result<Failures> {
        let mut failures: Failures = not_ours(ids).collect();
        failures.extend(self.remove_uids(uids(ids))?);
        Ok(failures)
    }

    fn transfer(&mut self, ids: &[MessageId], to: &FolderName) -> Result<Option<Vec<Option<MessageId>>>> {
        let session = self.shared.pool.session()?;
        if !transfer::can_move(&session) && !transfer::has_uidplus(&session) {
            return Ok(None);
        }
        let uids = uids(ids);
        let mut moved = BTreeMap::new();
        if !uids.is_empty() {
            self.shared.forget_messages(&self.name);
            let mut exchange = Transfer::new(uids, to.clone(), self.form());
            self.run_verified(&mut exchange)?;
            let copied = exchange.has_copied();
            moved = exchange.finish().map_err(|error| self.at(error))?;
            if copied {
                // One that is still where it was has not been moved: it is removed there as ever, and its copy is found by content.
                let left = self.remove_uids(moved.keys().copied().collect())?;
                moved.retain(|uid, _| !left.iter().any(|(id, _)| id.uid() == Some(*uid)));
            }
        }
        let new_id = |id: &MessageId| id.uid().and_then(|uid| moved.get(&uid)).map(|uid| MessageId::Uid(*uid));
        Ok(Some(ids.iter().map(new_id).collect()))
    }
}
