//! What came of copies to where names tell what was copied. Pure.

use super::Settled;
use super::fresh::Fresh;
use super::sources::{known_sources, orphan, rejoin};
use crate::message::{MessageId, PerSide, Side, UidValidity};
use crate::plan::{Seen, Touched};
use crate::repository::Entry;
use crate::status::Intent;
use std::collections::BTreeMap;

/// Answers unfinished copies to where names tell what was copied. What came of them has been joined with its source by then, unless that has a
/// row already, of the copy that was there before, or was removed since; then the copy goes the way of its source.
pub(super) fn settle_by_name(
    to: Side,
    intents: &[&Intent],
    numbering: Option<UidValidity>,
    fresh: &mut PerSide<Fresh>,
    touched: &mut Vec<Touched>,
    settled: &mut Settled,
) {
    let told = |entry: &Entry| {
        let partner = entry.partner.filter(|partner| numbering.is_some() && partner.uid_validity == numbering)?;
        Some((MessageId::Uid(partner.uid), entry.id.clone()))
    };
    let named: BTreeMap<MessageId, MessageId> = fresh[to].iter().filter_map(|(_, entry)| told(entry)).collect();
    let known = known_sources(intents, to.other(), touched);
    for intent in intents {
        settled.settled.push((to, intent.source.clone()));
        let known = known.get(&intent.source).copied();
        if fresh[to.other()].has(&intent.source) || known.is_some_and(|at| touched[at].seen[to] != Seen::Gone) {
            continue;
        }
        let Some(entry) = named.get(&intent.source).and_then(|id| fresh[to].take(id)) else { continue };
        match known {
            Some(at) => rejoin(&mut touched[at], to, Some(entry)),
            None => {
                let orphan = orphan(intent, entry);
                settled.orphans.extend(orphan.row.clone());
                touched.push(orphan);
            }
        }
    }
}
