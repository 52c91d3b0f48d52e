//! Pairs that the names of messages claim. Looks at the messages, changes nothing.

use super::super::content::{self, Verdict};
use super::super::unread::{Unread, Waits};
use super::Circumstances;
use super::fresh::Fresh;
use crate::error::Result;
use crate::message::{MessageId, PerSide, Side};
use crate::repository::Folder;
use std::collections::BTreeSet;

/// So many claims that tell the numbering are each compared by content. Of more, as after the loss of the status, a sample is.
const COMPARED: usize = 1000;

const SAMPLE: usize = 16;

/// What names claim.
#[derive(Default)]
pub(super) struct Claimed {
    /// Messages that belong together.
    pub(super) pairs: Vec<PerSide<MessageId>>,
    /// Those of which one could not be looked at: neither counts as there or as gone before it was.
    pub(super) waiting: Vec<PerSide<MessageId>>,
}

/// Pairs that a name claims. A claim that tells the numbering must match it. No claim is believed without a look at the messages: a
/// file may have been moved here from another account's folder, and the name with it.
pub(super) fn claimed_partners(
    fresh: &mut PerSide<Fresh>,
    folders: &mut PerSide<Box<dyn Folder>>,
    circumstances: &Circumstances<'_>,
    unread: &mut Unread,
) -> Result<Claimed> {
    let (mut certain, mut likely, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for side in Side::BOTH {
        let other = side.other();
        let numbering = circumstances.uid_validity[other];
        let numbered: BTreeSet<_> = match fresh[side].iter().any(|(_, entry)| entry.partner.is_some()) {
            true => fresh[other].iter().filter_map(|(_, entry)| entry.id.uid()).collect(),
            false => Default::default(),
        };
        for (_, entry) in fresh[side].iter() {
            let Some(partner) = entry.partner.filter(|partner| numbered.contains(&partner.uid)) else { continue };
            let mut ids = PerSide { remote: entry.id.clone(), local: entry.id.clone() };
            ids[other] = partner.uid.into();
            match partner.uid_validity {
                Some(validity) if Some(validity) == numbering => certain.push(ids),
                Some(_) => {}
                None => likely.push(ids),
            }
        }
    }
    if !circumstances.names_tell || certain.len() <= COMPARED || !holds_for_a_sample(&certain, folders)? {
        likely.append(&mut certain);
    }
    let verdicts = if likely.is_empty() { Vec::new() } else { content::which_are_equal(folders, &likely)? };
    for (ids, verdict) in likely.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Same => certain.push(ids),
            Verdict::Unknown(on, why) if !circumstances.regardless => {
                Side::BOTH.into_iter().for_each(|side| drop(fresh[side].take(&ids[side])));
                unread.note(on, ids[on].clone(), why, Waits::Partner);
                waiting.push(ids);
            }
            Verdict::Different | Verdict::Unknown(..) => {}
        }
    }
    Ok(Claimed { pairs: certain, waiting })
}

fn holds_for_a_sample(claims: &[PerSide<MessageId>], folders: &mut PerSide<Box<dyn Folder>>) -> Result<bool> {
    let step = claims.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<PerSide<MessageId>> = claims.iter().step_by(step).cloned().collect();
    Ok(content::which_are_equal(folders, &sample)?.into_iter().all(|verdict| matches!(verdict, Verdict::Same)))
}
