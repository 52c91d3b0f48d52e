//! Lays everything that both sides hold over the rows: what differs, and which rows would be right. Pure.

use super::verification::Discrepancy;
use crate::flags::{FlagSupport, Flags};
use crate::message::{MessageId, PerSide, Side};
use crate::plan::{Action, PlanPolicy, Seen, Touched, plan};
use crate::status::{Intent, Row};
use crate::sync::content::{Content, pair_alike};
use crate::sync::digest::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// One message: its flags, and what is in it. No content: it could not be read.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) flags: Flags,
    pub(super) content: Option<Content>,
}

/// Everything that is known of one pair of folders.
pub(super) struct Known<'b> {
    pub(super) held: PerSide<BTreeMap<MessageId, Held>>,
    pub(super) rows: Vec<Row>,
    pub(super) intents: Vec<Intent>,
    pub(super) support: FlagSupport,
    /// Whether one of a pair got its name from the other.
    pub(super) belong: &'b dyn Fn(&PerSide<MessageId>) -> bool,
}

/// Rows to write and to delete so that every message that is on both sides has one.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// Rows of messages that belong together.
    pub(super) pair: Vec<Row>,
    /// Remote ids of rows that stand in the way of those.
    pub(super) replaced: Vec<MessageId>,
    /// Remote ids of rows whose messages are on neither side.
    pub(super) forget: Vec<MessageId>,
    /// Intents whose messages were paired.
    pub(super) settled: Vec<(Side, MessageId)>,
}

impl Repair {
    pub(super) fn is_empty(&self) -> bool {
        self.pair.is_empty() && self.forget.is_empty()
    }
}

type ByContent = BTreeMap<Hash, PerSide<Vec<MessageId>>>;

impl Known<'_> {
    /// Everything that differs: rows in their order, then messages without rows, then what is there twice.
    pub(super) fn discrepancies(&self) -> Vec<Discrepancy> {
        let mut found: Vec<Discrepancy> = self.rows.iter().filter_map(|row| self.about_row(row)).collect();
        found.extend(self.flags());
        found.extend(self.without_rows());
        let unfinished = |intent: &Intent| Discrepancy::Unfinished { to: intent.to, source: intent.source.clone() };
        found.extend(self.intents.iter().map(unfinished));
        found.extend(self.twice());
        found
    }

    /// Pairs, by content, what no row pairs rightly.
    pub(super) fn repair(&self) -> Repair {
        let loose = self.loose();
        let mut repair = Repair::default();
        for ids in self.matched(|side, id| loose[side].contains(id)) {
            let flags = PerSide::from_fn(|side| self.held[side].get(&ids[side]).map(|held| &held.flags));
            if let PerSide { remote: Some(remote), local: Some(local) } = flags {
                // What one side alone has is new on that side, so that no flag is lost.
                let base = remote.difference(&remote.difference(local));
                repair.pair.push(Row { ids, base });
            }
        }
        let paired = PerSide::from_fn(|side| repair.pair.iter().map(|row| &row.ids[side]).collect::<BTreeSet<_>>());
        for row in &self.rows {
            if Side::BOTH.into_iter().any(|side| paired[side].contains(&row.ids[side])) {
                repair.replaced.push(row.ids.remote.clone());
            } else if self.there(row) == PerSide::default() {
                repair.forget.push(row.ids.remote.clone());
            }
        }
        let settled = self.intents.iter().filter(|intent| paired[intent.to.other()].contains(&intent.source));
        repair.settled = settled.map(|intent| (intent.to, intent.source.clone())).collect();
        repair
    }

    fn there(&self, row: &Row) -> PerSide<bool> {
        PerSide::from_fn(|side| self.held[side].contains_key(&row.ids[side]))
    }

    fn content(&self, side: Side, id: &MessageId) -> Option<Content> {
        self.held[side].get(id)?.content
    }

    /// `None` if its messages are there and equal, or cannot be compared, or if its message is alone and shall be.
    fn about_row(&self, row: &Row) -> Option<Discrepancy> {
        let ids = row.ids.clone();
        if row.is_alone_on().is_some_and(|side| self.there(row)[side]) {
            return None;
        }
        match self.there(row) {
            PerSide { remote: false, local: false } => Some(Discrepancy::RowAlone { ids }),
            PerSide { remote: true, local: false } => Some(Discrepancy::Missing { on: Side::Local, ids }),
            PerSide { remote: false, local: true } => Some(Discrepancy::Missing { on: Side::Remote, ids }),
            PerSide { remote: true, local: true } => {
                let octets = self.unequal(row)?;
                Some(Discrepancy::Content { ids, octets })
            }
        }
    }

    /// The sizes of a row's messages if they are not the same message.
    fn unequal(&self, row: &Row) -> Option<PerSide<u64>> {
        let remote = self.content(Side::Remote, &row.ids.remote)?;
        let local = self.content(Side::Local, &row.ids.local)?;
        (remote.digest != local.digest).then_some(PerSide { remote: remote.octets, local: local.octets })
    }

    /// Rows for which the planner would change a flag or take note of one.
    fn flags(&self) -> Vec<Discrepancy> {
        let seen = |row: &Row, side: Side| {
            let held = self.held[side].get(&row.ids[side])?;
            Some(Seen::Present(row.ids[side].clone(), held.flags.clone()))
        };
        let touched = self.rows.iter().filter_map(|row| {
            let seen = PerSide { remote: seen(row, Side::Remote)?, local: seen(row, Side::Local)? };
            Some(Touched { row: Some(row.clone()), seen })
        });
        let policy = PlanPolicy { support: self.support.clone(), ..PlanPolicy::default() };
        let steps = plan(touched, &policy).steps;
        let agreed: BTreeMap<&MessageId, &Flags> = self.rows.iter().map(|row| (&row.ids.remote, &row.base)).collect();
        let merges = steps.into_iter().filter(|step| matches!(step.action, Action::Merge { .. }));
        let told = merges.filter_map(|step| {
            let ids = PerSide { remote: step.ids.remote?, local: step.ids.local? };
            let flags = |side: Side| Some(self.held[side].get(&ids[side])?.flags.supported(&self.support));
            let flags = PerSide { remote: flags(Side::Remote)?, local: flags(Side::Local)? };
            let agreed = agreed.get(&ids.remote)?.supported(&self.support);
            Some(Discrepancy::Flags { ids, flags, agreed })
        });
        told.collect()
    }

    fn without_rows(&self) -> Vec<Discrepancy> {
        let fresh = self.fresh();
        let pairs = self.matched(|side, id| fresh[side].contains(id));
        let paired = PerSide::from_fn(|side| pairs.iter().map(|ids| &ids[side]).collect::<BTreeSet<_>>());
        let mut found: Vec<Discrepancy> =
            pairs.iter().map(|ids| Discrepancy::Unrecorded { ids: ids.clone() }).collect();
        for on in Side::BOTH {
            let alone = fresh[on].iter().filter(|id| !paired[on].contains(*id));
            found.extend(alone.map(|id| Discrepancy::Alone { on, id: (*id).clone() }));
        }
        found
    }

    fn twice(&self) -> Vec<Discrepancy> {
        let copies = self.by_content(|_, _| true).into_values();
        let twice = copies.filter(|ids| ids.remote.len() > 1 || ids.local.len() > 1);
        twice.map(|ids| Discrepancy::Twice { ids }).collect()
    }

    /// Messages that no row knows.
    fn fresh(&self) -> PerSide<BTreeSet<&MessageId>> {
        PerSide::from_fn(|side| {
            let known: BTreeSet<&MessageId> = self.rows.iter().map(|row| &row.ids[side]).collect();
            self.held[side].keys().filter(|id| !known.contains(id)).collect()
        })
    }

    /// Messages that no row pairs with their like: those without a row, and those whose row is wrong.
    fn loose(&self) -> PerSide<BTreeSet<&MessageId>> {
        let mut loose = self.fresh();
        for row in self.rows.iter().filter(|row| self.about_row(row).is_some()) {
            for side in Side::BOTH {
                loose[side].extend(self.held[side].get_key_value(&row.ids[side]).map(|(id, _)| id));
            }
        }
        loose
    }

    fn by_content(&self, mut take: impl FnMut(Side, &MessageId) -> bool) -> ByContent {
        let mut groups = ByContent::new();
        for side in Side::BOTH {
            for (id, held) in &self.held[side] {
                if let Some(content) = held.content.filter(|_| take(side, id)) {
                    groups.entry(content.digest).or_default()[side].push(id.clone());
                }
            }
        }
        groups
    }

    /// Pairs of equal messages; of several that are equal, as [`pair_alike`] has it.
    fn matched(&self, take: impl FnMut(Side, &MessageId) -> bool) -> Vec<PerSide<MessageId>> {
        let groups = self.by_content(take).into_values();
        let mut pairs: Vec<_> = groups.flat_map(|ids| pair_alike(ids, self.belong)).collect();
        pairs.sort();
        pairs
    }
}
