//! What a session makes of the server's responses. Pure.

use super::{Batch, Compressing, Front, Notice, Owner, Pending, Session, Target, Work};
use crate::codec::pressure::pressure;
use crate::codec::response::{Code, Condition, Data, Response, StatusResponse, Tagged};
use offlinesync_core::{Error, ErrorKind, FolderName, Result, UidValidity};
use std::sync::Arc;

/// So many responses may come before a command ends, and [`FOR_EACH`] more for each message of the mailbox.
const ENDLESS: u64 = 1 << 18;
const FOR_EACH: u64 = 8;

impl Session {
    /// Fails on a server that never stops talking. What one command can make it say is bounded by the folders or messages it has.
    fn count_untagged(&mut self, response: &Response) -> Result<()> {
        self.untagged = if matches!(response, Response::Tagged(_)) { 0 } else { self.untagged + 1 };
        if self.untagged < ENDLESS {
            return Ok(());
        }
        let exists = self.selection.mailbox().exists.into();
        if self.untagged < ENDLESS.saturating_add(FOR_EACH.saturating_mul(exists)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Protocol, "the server's answer does not end: the connection is given up"))
    }

    /// Takes in a response. Answers it back with the owner who is to see it, if anyone is. An error ends the connection.
    pub(in crate::connection) fn absorb(&mut self, response: Response) -> Result<Option<(Owner, Response)>> {
        self.count_untagged(&response)?;
        match &response {
            Response::Tagged(_) => {}
            Response::Continue(_) if self.outbox.open() => return Ok(None),
            Response::Continue(_) => {}
            Response::Status(status) => self.note_status(status)?,
            Response::Data(Data::Capability(words)) => self.set_capabilities(words),
            Response::Data(data) => self.selection.note_data(data),
        }
        match response {
            Response::Tagged(tagged) => self.tagged(tagged).map(|()| None),
            other => Ok(self.receiver(&other).map(|owner| (owner, other))),
        }
    }

    /// Who sees what arrives untagged. What may be about the mailbox selected before is for nobody: taken for the new one's, it
    /// would give messages the flags of others.
    fn receiver(&self, response: &Response) -> Option<Owner> {
        let about_messages = matches!(
            response,
            Response::Data(
                Data::Fetch(_) | Data::Expunge(_) | Data::Vanished { .. } | Data::Search { .. } | Data::ESearch(_)
            )
        );
        if about_messages { self.body_receiver() } else { self.front_owner() }
    }

    /// Who sees a message body that begins now.
    pub(in crate::connection) fn body_receiver(&self) -> Option<Owner> {
        if self.selection.is_ambiguous() { None } else { self.front_owner() }
    }

    fn front_owner(&self) -> Option<Owner> {
        match self.front() {
            Front::Owner(owner) => Some(owner),
            Front::Nobody | Front::Nothing => None,
        }
    }

    fn note_status(&mut self, status: &StatusResponse) -> Result<()> {
        if let Some(Code::Capability(words)) = &status.code {
            self.set_capabilities(words);
        }
        self.note_alert(status);
        self.require_same_numbering(status)?;
        self.note_pressure(status);
        self.selection.note_status(status);
        if status.condition != Condition::Bye {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Unavailable, format!("the server closes the connection: {}", status.text));
        Err(pressed(error, status))
    }

    /// A server that has too much to do gets fewer connections from us.
    fn note_pressure(&mut self, status: &StatusResponse) {
        self.pressed |= pressure(status).is_some();
    }

    /// A mailbox keeps its numbering for as long as it is selected (RFC 3501 section 2.3.1.1). With another, every number asked about
    /// and answered may mean another message.
    fn require_same_numbering(&self, status: &StatusResponse) -> Result<()> {
        let Some(Code::UidValidity(now)) = status.code else { return Ok(()) };
        match self.selection.in_use().and_then(|mailbox| mailbox.uid_validity) {
            Some(then) if then.0 != now => Err(Error::new(
                ErrorKind::Numbering,
                format!(
                    "the server changed the numbering of a folder while it was in use: UIDVALIDITY was {then}, is {now}"
                ),
            )),
            _ => Ok(()),
        }
    }

    fn note_alert(&mut self, status: &StatusResponse) {
        let text = &status.text;
        if matches!(status.code, Some(Code::Alert)) {
            self.alerts.push(format!("the server says: {text}"));
        }
    }

    fn tagged(&mut self, tagged: Tagged) -> Result<()> {
        let position = self.pending.iter().position(|p| *tagged.tag == *format!("A{}", p.tag));
        let Some((position, pending)) = position.and_then(|i| Some((i, self.pending.remove(i)?))) else {
            let message = format!("the server answered a command that was never sent: {}", tagged.tag);
            return Err(Error::new(ErrorKind::Protocol, message));
        };
        self.outbox.ended(pending.tag);
        self.note_alert(&tagged.status);
        self.note_pressure(&tagged.status);
        if let Some(Code::Capability(words)) = &tagged.status.code {
            self.set_capabilities(words);
        }
        if let Some(owner) = pending.owner {
            self.discount(owner);
        }
        self.finish(pending, position, tagged)?;
        self.front_changed();
        Ok(())
    }

    fn finish(&mut self, pending: Pending, position: usize, tagged: Tagged) -> Result<()> {
        match pending.work {
            Work::Quiet => {}
            Work::Compress if tagged.status.condition == Condition::Ok => self.compression = Compressing::Begins,
            Work::Compress => {}
            Work::Unselect => self.selection.closed(),
            Work::Enable if tagged.status.condition == Condition::Ok => {}
            Work::Enable => self.not_enabled(),
            Work::Select { .. } if position > 0 => {
                let message = "the server answered SELECT before the commands ahead of it";
                return Err(Error::new(ErrorKind::Protocol, message));
            }
            Work::Select { name, serial, verify, .. } => {
                self.selection.opened(&tagged.status);
                match tagged.status.condition {
                    Condition::Ok => self.selected(pending.owner, verify),
                    _ => self.not_selected(pending.owner, &name, serial, &tagged.status),
                }
            }
            Work::Command(index) => self.ended(pending.owner, pending.needs.is_some(), index, tagged),
        }
        Ok(())
    }

    fn not_enabled(&mut self) {
        let rev2 = self.has("IMAP4REV2") && !self.has("IMAP4REV1");
        let condstore = self.has("CONDSTORE");
        self.select_condstore = condstore;
        let view = Arc::make_mut(&mut self.view);
        (view.qresync, view.condstore, view.utf8) = (false, condstore, rev2);
    }

    fn ended(&mut self, owner: Option<Owner>, selected: bool, index: usize, tagged: Tagged) {
        let Some(owner) = owner else { return };
        if selected {
            self.announce(owner);
        }
        let mailbox = self.selection.mailbox();
        if let Some(party) = self.owners.get_mut(&owner) {
            party.inbox.push_back(Notice::Ended(index, tagged, mailbox));
        }
    }

    fn selected(&mut self, owner: Option<Owner>, verify: Option<UidValidity>) {
        let Some(owner) = owner else { return };
        let held = self.hold.take_if(|batch| batch.owner == owner);
        let mailbox = self.selection.mailbox();
        match (held, verify) {
            (Some(batch), Some(wanted)) if mailbox.uid_validity == Some(wanted) => {
                self.discount(owner);
                self.announce(owner);
                let serial = self.selection.current().map(|selected| selected.serial);
                self.queue_batch(batch, serial);
            }
            (Some(batch), Some(wanted)) => self.fail(owner, other_numbering(&batch, wanted, mailbox.uid_validity)),
            _ => self.announce(owner),
        }
        self.release();
    }

    /// The commands sent behind a SELECT that failed fail with it; the server refuses them, and nobody waits for that.
    fn not_selected(&mut self, owner: Option<Owner>, name: &FolderName, serial: u32, status: &StatusResponse) {
        self.predicted.take_if(|(_, predicted)| *predicted == serial);
        let dependent = self.pending.iter().filter(|p| p.needs == Some(serial)).filter_map(|p| p.owner);
        let mut failed: Vec<Owner> = owner.into_iter().chain(dependent).collect();
        failed.sort_unstable();
        failed.dedup();
        for owner in failed {
            self.fail(owner, unselectable(name, status));
        }
        self.release();
    }

    /// Tells an owner once that its mailbox is selected.
    fn announce(&mut self, owner: Owner) {
        let mailbox = self.selection.mailbox();
        if let Some(party) = self.owners.get_mut(&owner)
            && !std::mem::replace(&mut party.announced, true)
        {
            party.inbox.push_back(Notice::Selected(mailbox));
        }
    }

    /// Looks at the command that is the oldest now.
    pub(super) fn front_changed(&mut self) {
        let Some(front) = self.pending.front_mut() else { return };
        match &mut front.work {
            Work::Select { name, serial, at_front, .. } if !*at_front => {
                *at_front = true;
                self.selection.open(name.clone(), *serial);
            }
            Work::Command(_) if front.needs.is_some() => {
                if let Some(owner) = front.owner {
                    self.announce(owner);
                }
            }
            _ => {}
        }
    }

    fn fail(&mut self, owner: Owner, error: Error) {
        self.detach(owner);
        if let Some(party) = self.owners.get_mut(&owner) {
            party.failure.get_or_insert(error);
        }
    }

    /// Nobody waits for this owner's commands any more; what was not sent will not be.
    pub(super) fn detach(&mut self, owner: Owner) {
        for pending in self.pending.iter_mut().filter(|p| p.owner == Some(owner)) {
            pending.owner = None;
        }
        self.deferred.retain(|batch| batch.owner != owner);
        let held = self.hold.take_if(|batch| batch.owner == owner);
        if let Some(party) = self.owners.get_mut(&owner) {
            party.open = 0;
        }
        if held.is_some() {
            self.release();
        }
    }

    /// Sends what waited for a SELECT to be answered.
    fn release(&mut self) {
        while self.hold.is_none() {
            let Some(batch) = self.deferred.pop_front() else { return };
            self.discount(batch.owner);
            self.admit(batch);
        }
    }
}

fn other_numbering(batch: &Batch, wanted: UidValidity, found: Option<UidValidity>) -> Error {
    let name = match &batch.target {
        Target::Mailbox { name, .. } | Target::Verified { name, .. } => name.as_str(),
        Target::Anywhere => "",
    };
    let found = found.map_or("none".to_owned(), |found| found.to_string());
    let message = format!("folder \"{name}\" was renumbered: UIDVALIDITY is {found}, not {wanted}");
    Error::new(ErrorKind::Numbering, message)
}

fn unselectable(name: &FolderName, status: &StatusResponse) -> Error {
    let kind = match status.code {
        Some(Code::NoPerm) => ErrorKind::Denied,
        Some(Code::InUse) => ErrorKind::Unavailable,
        _ if pressure(status).is_some() => ErrorKind::Unavailable,
        _ => ErrorKind::Folder,
    };
    pressed(Error::new(kind, format!("folder \"{name}\" cannot be selected: {}", status.text)), status)
}

/// The error with the pause that the server asks for, if it has too much to do.
fn pressed(error: Error, status: &StatusResponse) -> Error {
    match pressure(status) {
        Some(pause) => error.with_retry_after(pause),
        None => error,
    }
}
