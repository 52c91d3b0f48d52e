//! What changed in a mailbox since a cursor: the cheapest question the server can answer, and proof that the answer is whole.
//!
//! | server | asks | removals |
//! |---|---|---|
//! | QRESYNC | `CHANGEDSINCE m VANISHED` | are named |
//! | CONDSTORE | `CHANGEDSINCE m` | are counted; when some are missing, the UIDs tell which |
//! | neither | everything | are what is missing |
//!
//! A delta counts only if the numbers add up: what was there at the cursor, plus what is new, minus what was named as gone, must be
//! what SELECT says is there now. If they do not, for whatever reason (a server that forgot old removals and names too many, one
//! that leaves something out, a second client at work in this moment), the dearer question is asked. No delta is guessed, and a
//! complete listing that is shorter than SELECT says is an error.

use super::listing::{AllFlags, Delta, Told, Uids};
use super::ranges::{Ranges, difference, intersection};
use super::state::{Since, witness};
use crate::codec::uidset;
use crate::connection::{Exchange, Mailbox};
use offlinesync_core::{
    ChangeSet, Coverage, Cursor, Entry, Error, ErrorKind, FlagSupport, KeywordSupport, Known, MessageId, Result,
    SystemFlags, Uid, UidValidity,
};

/// Runs one exchange with the mailbox freshly selected.
pub(super) type Run<'a> = dyn FnMut(&mut dyn Exchange) -> Result<()> + 'a;

/// At most this many UIDs that the server named as gone are passed on as they are; of more, only those that are known.
const GONE_LIMIT: u64 = 4096;

/// What a delta says of removals.
#[derive(Debug, PartialEq, Eq)]
enum Removals {
    /// These, proven by count.
    Gone(Ranges),
    /// Some, it is not known which.
    Unnamed,
    /// What contradicts itself.
    Absurd,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) set: ChangeSet,
    /// No message had this UID or a higher one; 0 if the server did not tell.
    pub(super) uid_next: u32,
    /// How many messages there were when the mailbox was selected.
    pub(super) exists: u32,
}

/// Asks what changed. `marked_is_gone`: messages with `\Deleted` count as gone, because nobody will ever expunge them.
pub(super) fn changes(
    run: &mut Run<'_>,
    since: Option<&Cursor>,
    known: &dyn Known,
    marked_is_gone: bool,
) -> Result<Listed> {
    let mut listed = changes_as_told(run, since, known)?;
    if marked_is_gone {
        let set = &mut listed.set;
        let marked = set.present.extract_if(.., |entry| entry.flags.system.contains(SystemFlags::DELETED));
        let marked: Vec<MessageId> = marked.map(|entry| entry.id).collect();
        if set.coverage == Coverage::Since {
            set.gone.extend(marked);
        }
    }
    Ok(listed)
}

fn changes_as_told(run: &mut Run<'_>, since: Option<&Cursor>, known: &dyn Known) -> Result<Listed> {
    let since = since.and_then(Since::read);
    if let Some(since) = since.filter(Since::has_mod_seq)
        && let Some(listed) = delta(run, &since, known)?
    {
        return Ok(listed);
    }
    complete(run, since.as_ref(), known)
}

/// `None` if the server's answer is of no use.
fn delta(run: &mut Run<'_>, since: &Since, known: &dyn Known) -> Result<Option<Listed>> {
    let mut delta = Delta::since(since.mod_seq);
    run(&mut delta)?;
    let Delta { watch, seen, vanished, with_vanished, answered, .. } = delta;
    let changed = seen.into_messages();
    let mailbox = watch.believable(changed.last().map(|(uid, ..)| *uid))?;
    let now = Since::of(&mailbox).filter(|now| answered && now.has_mod_seq() && since.leads_to(now));
    let Some(now) = now else { return Ok(None) };
    let (vanished, expunged) = (uidset::merged(vanished), watch.expunged);
    let evidence = Evidence { since, now: &now, changed: &changed, expunged };
    let removals = if with_vanished { evidence.named(&vanished, known)? } else { evidence.counted(known)? };
    let gone = match removals {
        Removals::Gone(ranges) => ranges,
        Removals::Absurd => return Ok(None),
        Removals::Unnamed => match unnamed(run, &evidence, known)? {
            Some(ranges) => ranges,
            None => return Ok(None),
        },
    };
    let gone = uidset::ids(&gone).map(MessageId::Uid).collect();
    Ok(Some(listed(Coverage::Since, &mailbox, now.uid_validity, changed, gone)))
}

/// What a delta rests on.
struct Evidence<'a> {
    since: &'a Since,
    now: &'a Since,
    /// Ascending.
    changed: &'a [Told],
    /// Messages reported gone after SELECT.
    expunged: u64,
}

impl Evidence<'_> {
    /// Messages among the changed that came after the cursor and before SELECT.
    fn arrivals(&self) -> u64 {
        let (from, to) = (self.since.uid_next, self.now.uid_next);
        self.changed.iter().filter(|(uid, ..)| (from..to).contains(&uid.get())).count() as u64
    }

    fn is_changed(&self, uid: Uid) -> bool {
        self.changed.binary_search_by_key(&uid, |(uid, ..)| *uid).is_ok()
    }

    /// Whether the mailbox at the cursor, less `gone` old messages, plus the new ones, is the mailbox at SELECT.
    fn adds_up(&self, gone: u64) -> bool {
        u64::from(self.since.exists) + self.arrivals() == u64::from(self.now.exists) + gone
    }

    /// Whether every UID given out since the cursor is a message that is listed or one that was named as gone. If not, a message
    /// left out could hide a removal left out.
    fn accounted(&self, gone: &Ranges) -> bool {
        let given_out = u64::from(self.now.uid_next - self.since.uid_next);
        self.arrivals() + self.within(gone, self.since.uid_next, self.now.uid_next) >= given_out
    }

    /// How many of these are at least `from` and below `to`.
    fn within(&self, ranges: &Ranges, from: u32, to: u32) -> u64 {
        match (Uid::new(from), to.checked_sub(1).and_then(Uid::new)) {
            (Some(from), Some(to)) if from <= to => uidset::count(&intersection(ranges, &[(from, to)])),
            _ => 0,
        }
    }

    fn proven(&self, gone: &Ranges) -> bool {
        self.accounted(gone) && self.adds_up(self.within(gone, 1, self.since.uid_next))
    }

    /// The server named removals (QRESYNC). They may be more than there were; then those that are known must add up.
    fn named(&self, vanished: &Ranges, known: &dyn Known) -> Result<Removals> {
        if self.changed.iter().any(|(uid, ..)| uidset::contains(vanished, *uid)) {
            return Ok(Removals::Absurd);
        }
        if uidset::count(vanished) <= GONE_LIMIT && self.proven(vanished) {
            return Ok(Removals::Gone(vanished.clone()));
        }
        let gone = intersection(vanished, &known.uids()?);
        let proven = self.accounted(vanished) && self.adds_up(self.within(&gone, 1, self.since.uid_next));
        Ok(if proven { Removals::Gone(gone) } else { Removals::Unnamed })
    }

    /// The server does not name removals (CONDSTORE alone): what it does not prove is that there were none.
    fn counted(&self, known: &dyn Known) -> Result<Removals> {
        let none = Ranges::new();
        let quiet = self.expunged == 0 && self.proven(&none) && known.count()? <= u64::from(self.now.exists);
        Ok(if quiet { Removals::Gone(none) } else { Removals::Unnamed })
    }
}

/// Finds what is gone by listing the UIDs. `None` if the list shows a message that the delta should have shown and did not.
fn unnamed(run: &mut Run<'_>, evidence: &Evidence<'_>, known: &dyn Known) -> Result<Option<Ranges>> {
    let mut uids = Uids::default();
    run(&mut uids)?;
    let later = uids.watch.mailbox()?.clone();
    require_numbering(&later, Some(evidence.now.uid_validity))?;
    let there = uids.complete()?;
    let (from, to) = (evidence.since.uid_next, evidence.now.uid_next - 1);
    let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else { return Ok(None) };
    let came_since = if from <= to { intersection(&there, &[(from, to)]) } else { Ranges::new() };
    let overlooked = uidset::count(&came_since) > evidence.arrivals()
        || uidset::ids(&came_since).any(|uid| !evidence.is_changed(uid));
    if overlooked {
        return Ok(None);
    }
    require_not_older(&later, None, known)?;
    Ok(Some(difference(&known.uids()?, &there)))
}

/// Lists everything.
fn complete(run: &mut Run<'_>, since: Option<&Since>, known: &dyn Known) -> Result<Listed> {
    let mut all = AllFlags::new(since.is_some() || known.count()? > 0);
    run(&mut all)?;
    let messages = std::mem::take(&mut all.seen).into_messages();
    let ranges = uidset::from_sorted(messages.iter().map(|(uid, ..)| *uid));
    all.watch.require_all(&ranges)?;
    let mailbox = all.watch.believable(messages.last().map(|(uid, ..)| *uid))?;
    let uid_validity = numbering(&mailbox)?;
    let since = since.filter(|since| since.uid_validity == uid_validity);
    if since.is_some() || known.numbering()? == Some(uid_validity) {
        require_not_older(&mailbox, since, known)?;
    }
    Ok(listed(Coverage::Complete, &mailbox, uid_validity, messages, Vec::new()))
}

fn listed(
    coverage: Coverage,
    mailbox: &Mailbox,
    uid_validity: UidValidity,
    messages: Vec<Told>,
    gone: Vec<MessageId>,
) -> Listed {
    let entry = |(uid, flags, content)| Entry { id: MessageId::Uid(uid), flags, partner: None, content };
    let set = ChangeSet {
        coverage,
        uid_validity,
        present: messages.into_iter().map(entry).collect(),
        gone,
        cursor: Since::of(mailbox).map(|state| state.cursor()),
        witness: witness(
            Some(uid_validity.0),
            mailbox.uid_next,
            Some(u64::from(mailbox.exists)),
            mailbox.highest_mod_seq,
        ),
        support: support(mailbox),
        read_only: mailbox.read_only,
    };
    Listed { set, uid_next: mailbox.uid_next.unwrap_or(0), exists: mailbox.exists }
}

/// What the mailbox keeps of flags. A read-only one keeps nothing we say, but what it says itself is worth carrying over.
pub(super) fn support(mailbox: &Mailbox) -> FlagSupport {
    let Some(flags) = mailbox.permanent_flags.as_ref().filter(|_| !mailbox.read_only) else {
        return FlagSupport { keywords: KeywordSupport::Atoms, ..FlagSupport::default() };
    };
    if mailbox.any_keyword {
        return FlagSupport { system: flags.system.union(SystemFlags::FORWARDED), keywords: KeywordSupport::Atoms };
    }
    FlagSupport { system: flags.system, keywords: KeywordSupport::Only(flags.keywords.clone()) }
}

/// The mailbox's numbering, without which no message can be told from another.
pub(super) fn numbering(mailbox: &Mailbox) -> Result<UidValidity> {
    mailbox.uid_validity.filter(|validity| validity.0 > 0).ok_or_else(|| {
        Error::new(ErrorKind::Folder, "the server gives the folder no UIDVALIDITY: its messages cannot be told apart")
    })
}

/// Fails when the mailbox has another numbering than `expected`, if any is.
pub(super) fn require_numbering(mailbox: &Mailbox, expected: Option<UidValidity>) -> Result<()> {
    let now = numbering(mailbox)?;
    match expected.filter(|expected| *expected != now) {
        None => Ok(()),
        Some(expected) => Err(Error::new(
            ErrorKind::Numbering,
            format!("the folder's numbering changed from UIDVALIDITY {expected} to {now}; nothing was changed"),
        )),
    }
}

/// A server that has given out no UID yet which we know of, or whose change counter went back, shows an older state: a replica that
/// lags behind, or a restored backup. What it does not show is not gone, and its numbers may mean other messages.
fn require_not_older(mailbox: &Mailbox, since: Option<&Since>, known: &dyn Known) -> Result<()> {
    if let (Some(since), Some(now)) = (since, mailbox.highest_mod_seq.filter(|now| *now > 0))
        && now < since.mod_seq
    {
        return Err(older(format!("its change counter (HIGHESTMODSEQ) went back from {} to {now}", since.mod_seq)));
    }
    match (mailbox.uid_next.filter(|next| *next > 0), known.uids()?.last()) {
        (Some(next), Some((_, last))) if last.get() >= next => {
            Err(older(format!("it says that UID {next} is next, but {last} was there already")))
        }
        _ => Ok(()),
    }
}

fn older(why: String) -> Error {
    let told = format!(
        "the server shows an older state of the folder, as after a restored backup: {why}; nothing was changed"
    );
    Error::new(ErrorKind::Numbering, told).with_hint(
        "sync again later; if it stays so, run once with --accept-uidvalidity: messages are paired again by content",
    )
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
