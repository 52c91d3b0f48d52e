//! Which mailbox is selected and what the server says of it, now and while another is being selected. Pure.

use super::Mailbox;
use crate::codec::response::{Code, Condition, Data, StatusResponse};
use crate::codec::uidset;
use offlinesync_core::{FolderName, UidValidity};
use std::sync::Arc;

/// A mailbox and the SELECT that selected it.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) name: FolderName,
    pub(super) serial: u32,
    pub(super) mailbox: Arc<Mailbox>,
}

/// The state of selection, as the server has told it so far.
#[derive(Debug, Default)]
pub(super) struct Selection {
    current: Option<Selected>,
    opening: Option<Opening>,
}

#[derive(Debug)]
struct Opening {
    name: FolderName,
    serial: u32,
    mailbox: Arc<Mailbox>,
    /// Whether the mailbox selected before is closed for certain, so that data can only be about the new one.
    old_closed: bool,
}

impl Selection {
    pub(super) fn current(&self) -> Option<&Selected> {
        self.current.as_ref()
    }

    /// The mailbox that is selected while no other is being selected.
    pub(super) fn in_use(&self) -> Option<&Mailbox> {
        self.current.as_ref().filter(|_| self.opening.is_none()).map(|selected| &*selected.mailbox)
    }

    /// The state of the mailbox that data is about.
    pub(super) fn mailbox(&self) -> Arc<Mailbox> {
        match (&self.opening, &self.current) {
            (Some(opening), _) => opening.mailbox.clone(),
            (None, Some(selected)) => selected.mailbox.clone(),
            (None, None) => Arc::default(),
        }
    }

    /// A SELECT has become the oldest command: its answers come from here on.
    pub(super) fn open(&mut self, name: FolderName, serial: u32) {
        let old_closed = self.current.is_none();
        self.opening = Some(Opening { name, serial, mailbox: Arc::default(), old_closed });
    }

    /// The SELECT has ended.
    pub(super) fn opened(&mut self, status: &StatusResponse) {
        let Some(mut opening) = self.opening.take() else { return };
        self.current = None;
        if status.condition == Condition::Ok {
            note_code(Arc::make_mut(&mut opening.mailbox), status);
            self.current = Some(Selected { name: opening.name, serial: opening.serial, mailbox: opening.mailbox });
        }
    }

    /// No mailbox is selected any more.
    pub(super) fn closed(&mut self) {
        self.current = None;
    }

    /// Whether messages that are spoken of now may be those of the mailbox selected before (RFC 7162 section 3.2.11).
    pub(super) fn is_ambiguous(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| !opening.old_closed)
    }

    /// Takes note of an untagged status response.
    pub(super) fn note_status(&mut self, status: &StatusResponse) {
        if let (Some(Code::Closed), Some(opening)) = (&status.code, &mut self.opening) {
            (opening.old_closed, opening.mailbox) = (true, Arc::default());
            self.current = None;
        } else {
            self.note_mod_seq(status);
            if let Some(mailbox) = self.spoken_of(status.code.is_some()) {
                note_code(mailbox, status);
            }
        }
    }

    /// HIGHESTMODSEQ counts only while SELECT answers: raised later, a cursor made from it would skip changes that no listing has shown.
    fn note_mod_seq(&mut self, status: &StatusResponse) {
        let (Some(opening), Some(code)) = (&mut self.opening, &status.code) else { return };
        match code {
            Code::HighestModSeq(n) => Arc::make_mut(&mut opening.mailbox).highest_mod_seq = (*n != 0).then_some(*n),
            Code::NoModSeq => Arc::make_mut(&mut opening.mailbox).highest_mod_seq = None,
            _ => {}
        }
    }

    /// Takes note of untagged data.
    pub(super) fn note_data(&mut self, data: &Data) {
        let Some(mailbox) = self.spoken_of(matches!(data, Data::Exists(_) | Data::Expunge(_) | Data::Vanished { .. }))
        else {
            return;
        };
        match data {
            Data::Exists(exists) => mailbox.exists = *exists,
            Data::Expunge(_) => mailbox.exists = mailbox.exists.saturating_sub(1),
            Data::Vanished { earlier: false, uids } => {
                let gone = u32::try_from(uidset::count(uids)).unwrap_or(u32::MAX);
                mailbox.exists = mailbox.exists.saturating_sub(gone);
            }
            _ => {}
        }
    }

    fn spoken_of(&mut self, relevant: bool) -> Option<&mut Mailbox> {
        let mailbox = match (&mut self.opening, &mut self.current) {
            _ if !relevant => return None,
            (Some(opening), _) => &mut opening.mailbox,
            (None, Some(selected)) => &mut selected.mailbox,
            (None, None) => return None,
        };
        Some(Arc::make_mut(mailbox))
    }
}

fn note_code(mailbox: &mut Mailbox, status: &StatusResponse) {
    match &status.code {
        Some(Code::UidValidity(n)) => mailbox.uid_validity = (*n != 0).then_some(UidValidity(*n)),
        Some(Code::UidNext(n)) => mailbox.uid_next = Some(*n),
        Some(Code::PermanentFlags { flags, any_keyword }) => {
            mailbox.permanent_flags = Some(flags.clone());
            mailbox.any_keyword = *any_keyword;
        }
        Some(Code::ReadOnly) => mailbox.read_only = true,
        Some(Code::ReadWrite) => mailbox.read_only = false,
        _ => {}
    }
}
