//! Compares both sides and the status, message by message and whole, and changes nothing; a repair changes rows and never mail.
//!
//! [`compare`] is pure; here is the reading.

mod compare;
mod outside;
mod verification;

pub use verification::{Discrepancy, Finding, Verification};

use super::account::{Account, Listed};
use super::content;
use super::refusals;
use super::report::{Failure, Report};
use super::standing::Standing;
use super::street::place;
use super::workers::side_by_side;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::message::{MessageId, PerSide, Side};
use crate::plan::folders::{FolderAction, FolderDecision};
use crate::policy::Policy;
use crate::repository::{ChangeSet, Folder, NothingKnown};
use crate::status::{Batch, FolderPair, FolderRecord, FolderStatus, KnownBy};
use compare::{Held, Known};
use std::collections::{BTreeMap, BTreeSet};

/// How many messages are read between two looks at the cancel token.
const READ_AT_ONCE: usize = 500;

impl Account {
    /// Reads every message of both sides whole and compares: pairs by their rows, messages without rows with each other.
    ///
    /// Nothing is changed. With `repair`, rows that were lost or lead astray are written anew, for messages that are the same by
    /// their content, and rows whose messages are on neither side are deleted; mail is never touched. A folder whose numbering
    /// changed is told as a failure and not repaired. What changes while this runs may be told as a difference.
    ///
    /// What is outside the policy's window, or is never copied, takes no part: it is not read, and no difference.
    ///
    /// Digests leave out every CR, so that the form of the wire and the form of a file are equal. The memory needed is about 200
    /// octets for each message of the folders under way.
    ///
    /// # Errors
    /// When nothing could be compared: a side cannot be reached or listed, or its store is missing though it was there before.
    pub fn verify(&self, repair: bool, observer: &dyn Observer, cancel: &Cancel) -> Result<Verification> {
        observer.event(&Event::AccountStarted { account: &self.name });
        // Listing creates a store that is not there, unless it is a dry run.
        let careful = self.clone().with_policy(Policy { dry_run: true, ..self.policy.clone() });
        let result = careful.verify_all(repair, observer, cancel);
        observer.event(&Event::AccountFinished { account: &self.name });
        result
    }

    fn verify_all(&self, repair: bool, observer: &dyn Observer, cancel: &Cancel) -> Result<Verification> {
        let mut report = Report::default();
        let mut listed = self.list()?;
        cancel.check()?;
        let decisions = self.decide(&mut listed, &mut report)?;
        let mut verification = Verification { failures: report.failures, ..Verification::default() };
        let mut pairs = Vec::new();
        for FolderDecision { pair, action } in decisions {
            match action {
                FolderAction::Sync => pairs.push(pair),
                action => verification.note_folder(pair, action),
            }
        }
        verification.pairs = pairs.len();
        let results = side_by_side(pairs, self.threads(), |pair| {
            observer.event(&Event::FolderStarted { pair: &pair });
            let result = self.verify_pair(&pair, &listed, repair, cancel);
            observer.event(&Event::FolderFinished { pair: &pair });
            (pair, result)
        });
        for (pair, result) in results {
            verification.take_in(pair, result);
        }
        verification.findings.sort_by(|a, b| a.pair.cmp(&b.pair));
        Ok(verification)
    }

    fn verify_pair(&self, pair: &FolderPair, listed: &Listed, repair: bool, cancel: &Cancel) -> Result<Compared> {
        cancel.check()?;
        let mut status = self.status.folder(pair)?;
        let open = |side: Side| self.repositories[side].open(&pair[side]);
        let mut folders = PerSide { remote: open(Side::Remote)?, local: open(Side::Local)? };
        let mut sets = read_both(&mut folders, |folder| folder.changes(None, &NothingKnown))?;
        let numbering = sets.as_ref().map(|set| set.uid_validity);
        let recorded = listed.recorded.get(pair).map(|(record, _)| record.clone()).unwrap_or_default();
        for side in Side::BOTH {
            if recorded.uid_validity[side].is_some_and(|then| then != numbering[side]) {
                return Err(refusals::new_numbering(pair, side, recorded.uid_validity[side], &sets.map(Some)));
            }
        }
        let mut compared = Compared::default();
        let mut rows = Vec::new();
        status.rows(&mut |row| {
            rows.push(row);
            Ok(())
        })?;
        let never_copied = self.never_copied(pair)?;
        outside::leave_out_named(&mut sets, &rows, &never_copied);
        outside::leave_out(&mut sets, &mut rows, &mut folders, &self.policy.window)?;
        let support = sets.remote.support.both(&sets.local.support);
        let ids = sets.as_ref().map(|set| set.present.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
        let PerSide { remote, local } = &mut folders;
        let read = both(|| read(remote.as_mut(), &ids.remote, cancel), || read(local.as_mut(), &ids.local, cancel))?;
        let held = compared.hold(pair, sets, read);
        let belong = content::belonging(&folders, &numbering.map(Some));
        // What was being taken away is told by its row.
        let mut intents = status.intents()?;
        intents.retain(|intent| intent.known_by != KnownBy::Removed);
        let mut known = Known { held, rows, intents, support, belong: &belong };
        if repair {
            // What shows that a side is not what it was stays: rows that could not be repaired are believed no more than before.
            let cursor = PerSide::from_fn(|side| Standing::of(&recorded, side).into_evidence().recorded());
            let identity = recorded.identity.clone();
            let uid_validity = numbering.map(Some);
            let record = FolderRecord { uid_validity, cursor, identity, ..FolderRecord::default() };
            compared.repair(&mut known, status.as_mut(), record)?;
        }
        compared.discrepancies = known.discrepancies();
        Ok(compared)
    }
}

/// What was read of one side.
type Read = BTreeMap<MessageId, Result<content::Content>>;

fn read(folder: &mut dyn Folder, ids: &[MessageId], cancel: &Cancel) -> Result<Read> {
    let mut all = Read::new();
    for some in ids.chunks(READ_AT_ONCE) {
        cancel.check()?;
        all.extend(content::read(folder, some)?);
    }
    Ok(all)
}

fn read_both(
    folders: &mut PerSide<Box<dyn Folder>>,
    work: impl Fn(&mut dyn Folder) -> Result<ChangeSet> + Sync,
) -> Result<PerSide<ChangeSet>> {
    let PerSide { remote, local } = folders;
    both(|| work(remote.as_mut()), || work(local.as_mut()))
}

/// Two sides at the same time.
fn both<T: Send>(
    remote: impl FnOnce() -> Result<T> + Send,
    local: impl FnOnce() -> Result<T> + Send,
) -> Result<PerSide<T>> {
    let (remote, local) = std::thread::scope(|scope| {
        let local = scope.spawn(local);
        (remote(), local.join())
    });
    let local = local.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok(PerSide { remote: remote?, local: local? })
}

/// What came of one pair.
#[derive(Debug, Default)]
struct Compared {
    messages: PerSide<u64>,
    octets: PerSide<u64>,
    discrepancies: Vec<Discrepancy>,
    paired: u64,
    forgotten: u64,
    unreadable: Vec<(MessageId, Side, Error)>,
}

impl Compared {
    /// Puts listing and content together.
    fn hold(
        &mut self,
        pair: &FolderPair,
        sets: PerSide<ChangeSet>,
        mut read: PerSide<Read>,
    ) -> PerSide<BTreeMap<MessageId, Held>> {
        let mut held = PerSide::<BTreeMap<MessageId, Held>>::default();
        for (side, set) in [(Side::Remote, sets.remote), (Side::Local, sets.local)] {
            for entry in set.present {
                let content = read[side].remove(&entry.id).unwrap_or_else(|| Err(not_given(pair, side)));
                if let Ok(content) = &content {
                    self.messages[side] += 1;
                    self.octets[side] += content.octets;
                }
                let content = content.map_err(|error| self.unreadable.push((entry.id.clone(), side, error))).ok();
                held[side].insert(entry.id, Held { flags: entry.flags, content });
            }
        }
        held
    }

    /// Writes rows anew, with a record that makes the next sync list everything.
    fn repair(&mut self, known: &mut Known<'_>, status: &mut dyn FolderStatus, record: FolderRecord) -> Result<()> {
        let repair = known.repair();
        if repair.is_empty() {
            return Ok(());
        }
        self.paired = repair.pair.len() as u64;
        self.forgotten = repair.forget.len() as u64;
        let delete: BTreeSet<MessageId> = repair.replaced.into_iter().chain(repair.forget).collect();
        known.rows.retain(|row| !delete.contains(&row.ids.remote));
        let delete = delete.into_iter().collect();
        known.rows.extend(repair.pair.iter().cloned());
        known.rows.sort_by(|a, b| a.ids.remote.cmp(&b.ids.remote));
        known.intents.retain(|intent| !repair.settled.contains(&(intent.to, intent.source.clone())));
        let settled = repair.settled;
        status.apply(Batch { upsert: repair.pair, delete, record: Some(record), settled, ..Batch::default() })
    }
}

fn not_given(pair: &FolderPair, side: Side) -> Error {
    Error::new(ErrorKind::Message, format!("{}: the {side} side lists this message and does not give it", place(pair)))
}

impl Verification {
    fn note_folder(&mut self, pair: FolderPair, action: FolderAction) {
        let what = match action {
            FolderAction::Create { on } => Discrepancy::FolderMissing { on, rows: 0 },
            FolderAction::Missing { on, rows } | FolderAction::Restore { on, rows } => {
                Discrepancy::FolderMissing { on, rows }
            }
            FolderAction::Gone { rows } if rows > 0 => Discrepancy::FolderGone { rows },
            FolderAction::Collision { on, with } => {
                let error = refusals::collision(&pair, on, &with);
                self.failures.push(Failure { pair: Some(pair), message: None, error });
                return;
            }
            FolderAction::Sync | FolderAction::NotCreated { .. } | FolderAction::Gone { .. } => return,
        };
        self.findings.push(Finding { pair, what });
    }

    fn take_in(&mut self, pair: FolderPair, result: Result<Compared>) {
        let compared = match result {
            Ok(compared) => compared,
            Err(error) => return self.failures.push(Failure { pair: Some(pair), message: None, error }),
        };
        for side in Side::BOTH {
            self.messages[side] += compared.messages[side];
            self.octets[side] += compared.octets[side];
        }
        self.paired += compared.paired;
        self.forgotten += compared.forgotten;
        let unreadable = compared.unreadable.into_iter().map(|(id, side, error)| Failure {
            pair: Some(pair.clone()),
            message: Some((id, side)),
            error,
        });
        self.failures.extend(unreadable);
        self.findings.extend(compared.discrepancies.into_iter().map(|what| Finding { pair: pair.clone(), what }));
    }
}
