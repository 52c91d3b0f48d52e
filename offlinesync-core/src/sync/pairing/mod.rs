//! Which messages without a row belong together: by the partner a name claims, by an upload that was cut short, by content.
//! Decides only who is who; what follows from it is the planner's business.
//!
//! [`claimed`] asks names, [`by_name`] and [`uploads`] what came of copies that were cut short, [`traces`] where their content
//! cannot tell.

mod by_name;
mod claimed;
mod fresh;
mod sources;
mod traces;
mod uploads;

pub(super) use fresh::{Fresh, alone};

use super::content::{self, Equal};
use super::difference::Difference;
use super::refusals;
use super::unread::{Unread, Waits};
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::Touched;
use crate::repository::{Failures, Folder};
use crate::status::{FolderPair, Intent, Row};
use by_name::settle_by_name;
use claimed::{Claimed, claimed_partners};
use fresh::join;
use uploads::{Question, settle, sources};

/// What is known about how messages without a row may belong together.
pub(super) struct Circumstances<'a> {
    pub(super) pair: &'a FolderPair,
    /// Each side's numbering now, where it was listed or recorded.
    pub(super) uid_validity: PerSide<Option<UidValidity>>,
    /// The pair has never been in step, or its numbering is new: messages may be there on both sides already.
    pub(super) first_meeting: bool,
    /// Whether names that claim a partner by its number may be believed after a look at some of them. Where the numbers themselves are
    /// doubted, each is compared.
    pub(super) names_tell: bool,
    /// The user has what cannot be looked at taken for other messages.
    pub(super) regardless: bool,
    /// Uploads that were begun and not recorded.
    pub(super) intents: &'a [Intent],
}

/// The outcome for intents.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Intents that are answered and can be deleted.
    pub(super) settled: Vec<(Side, MessageId)>,
    /// Confirmed uploads that could not be found again: their sources must not be uploaded once more.
    pub(super) unidentified: Vec<(Side, MessageId)>,
    /// Messages that could not be looked at, and for which others wait.
    pub(super) unread: Unread,
    /// What was uploaded of sources that were removed since, as rows that nobody has written.
    pub(super) orphans: Vec<Row>,
}

/// The messages of a difference, paired where they belong together.
pub(super) struct Paired {
    /// Messages with a row, and pairs that were found.
    pub(super) touched: Vec<Touched>,
    /// Messages that are on one side alone. There may be very many: they become [`Touched`] one by one, on their way to the planner.
    pub(super) alone: PerSide<Fresh>,
}

impl Paired {
    pub(super) fn into_touched(self) -> impl Iterator<Item = Touched> {
        let PerSide { remote, local } = self.alone;
        self.touched.into_iter().chain(remote.into_touched(Side::Remote)).chain(local.into_touched(Side::Local))
    }
}

/// Pairs the fresh messages of a difference where they belong together.
pub(super) fn pair(
    found: Difference,
    folders: &mut PerSide<Box<dyn Folder>>,
    circumstances: &Circumstances<'_>,
) -> Result<(Paired, Settled)> {
    let Difference { mut touched, fresh } = found;
    let mut fresh = fresh.map(Fresh::new);
    let mut settled = Settled::default();
    let regardless = circumstances.regardless;

    let Claimed { pairs, waiting } = claimed_partners(&mut fresh, folders, circumstances, &mut settled.unread)?;
    touched.extend(pairs.iter().filter_map(|ids| join(&mut fresh, ids)));
    let waits = |intent: &Intent| waiting.iter().any(|ids| ids[intent.to.other()] == intent.source);
    let mut untold = PerSide::<bool>::default();
    for side in Side::BOTH {
        let intents = circumstances.intents.iter().filter(|intent| intent.to == side && !waits(intent));
        let (named, intents): (Vec<&Intent>, Vec<&Intent>) = intents.partition(|intent| intent.is_by_name());
        if !named.is_empty() {
            // Of a store that showed an older state of itself, that a source is not there proves nothing.
            let numbering = circumstances.uid_validity[side.other()].filter(|_| circumstances.names_tell);
            settle_by_name(side, &named, numbering, &mut fresh, &mut touched, &mut settled);
        }
        if !intents.is_empty() {
            let (sources, numbering) = (sources(circumstances.intents, side), circumstances.uid_validity);
            let question = Question { to: side, intents, sources, numbering, regardless };
            untold[side] = settle(&question, &mut fresh, folders, &mut touched, &mut settled)?;
        }
    }
    // Only now: a message that is set aside here may be the source of what the other side was asked for.
    Side::BOTH.into_iter().filter(|side| untold[*side]).for_each(|side| fresh[side].clear());
    if (circumstances.first_meeting || are_shared(folders)) && fresh.remote.any() && fresh.local.any() {
        let candidates = fresh.as_ref().map(|side| side.ids());
        let Equal { pairs, unread } = content::pair_equal(folders, &candidates, &circumstances.uid_validity)?;
        touched.extend(pairs.iter().filter_map(|ids| join(&mut fresh, ids)));
        if !regardless {
            hold_back(unread, &mut fresh, circumstances, &mut settled.unread)?;
        }
    }
    if are_shared(folders) && !regardless {
        // What was set aside was compared with nobody: it may be any of the other side's news.
        let aside = |side: &Side| untold[*side] || settled.unread.any_on(*side);
        Side::BOTH.into_iter().filter(aside).for_each(|side| fresh[side.other()].clear());
    }
    Ok((Paired { touched, alone: fresh }, settled))
}

/// What was not looked at may be any of the other side's new messages, so none of them is copied before it was. At a first meeting,
/// after which nothing is compared any more, nothing is done at all.
fn hold_back(
    unread: PerSide<Failures>,
    fresh: &mut PerSide<Fresh>,
    circumstances: &Circumstances<'_>,
    told: &mut Unread,
) -> Result<()> {
    let PerSide { remote, local } = unread;
    let news = fresh.as_ref().map(Fresh::count);
    let blind = [(Side::Remote, remote), (Side::Local, local)].into_iter().filter(|(_, failures)| !failures.is_empty());
    for (on, failures) in blind.filter(|(on, _)| news[on.other()] > 0) {
        if let (true, Some((_, why))) = (circumstances.first_meeting, failures.first()) {
            return Err(refusals::cannot_meet(circumstances.pair, on, failures.len(), news[on.other()], why));
        }
        failures.iter().for_each(|(id, _)| drop(fresh[on].take(id)));
        fresh[on.other()].clear();
        told.note_all(on, failures, Waits::News(news[on.other()]));
    }
    Ok(())
}

/// Whether somebody else may have put the same message on both sides. Between two servers, and between two Maildirs, it is always asked:
/// there are no names that would tell.
fn are_shared(folders: &PerSide<Box<dyn Folder>>) -> bool {
    let of_one_kind = folders.remote.cheap_content() == folders.local.cheap_content();
    of_one_kind || Side::BOTH.iter().any(|side| folders[*side].is_shared())
}
