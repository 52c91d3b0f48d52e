//! What is to be done in one folder, and whether it may be: the plan with what the user wants left out, told to the observer, and what
//! the brake has to know of it. Changes nothing.

use super::street::Street;
use crate::error::Result;
use crate::event::Event;
use crate::flags::{FlagSupport, KeywordSupport};
use crate::message::{MessageId, PerSide, Side};
use crate::plan::brake::{self, FolderLoss};
use crate::plan::{Action, Counts, Plan, PlanPolicy, Step, Touched, plan};

impl Street<'_> {
    /// What both sides can keep, as they say and as they have shown.
    pub(super) fn support(&self) -> FlagSupport {
        let both = self.terms.remote.support.both(&self.terms.local.support);
        match self.unkept.is_empty() {
            true => both,
            false => {
                let keywords = KeywordSupport::AllBut(Box::new(both.keywords), self.unkept.clone());
                FlagSupport { keywords, ..both }
            }
        }
    }

    pub(super) fn plan(&self, touched: impl IntoIterator<Item = Touched>) -> Plan {
        let read_only = PerSide::from_fn(|side| self.policy.read_only[side] || self.terms[side].read_only);
        let policy = PlanPolicy {
            read_only,
            refusing: PerSide::from_fn(|side| !self.policy.read_only[side] && self.terms[side].read_only),
            propagate_removals: self.policy.propagate_removals,
            conflict: self.policy.conflict,
            support: self.support(),
        };
        let mut plan = plan(touched, &policy);
        for side in Side::BOTH.into_iter().filter(|side| !self.never_copied[*side].is_empty()) {
            self.leave_out(side, &mut plan);
        }
        plan
    }

    /// Takes the copies out that the user does not want. They are news again next time, when the user may want them.
    fn leave_out(&self, from: Side, plan: &mut Plan) {
        let unwanted = |step: &Step| {
            let id = copied(step, from.other())?;
            id.uid().is_some_and(|uid| self.never_copied[from].contains(&uid)).then_some(id)
        };
        let before = plan.steps.len();
        plan.steps.retain(|step| match unwanted(step) {
            Some(id) => {
                self.observer.event(&Event::MessageIgnored { pair: self.pair, id: &id, to: from.other() });
                false
            }
            None => true,
        });
        plan.withheld[from] |= plan.steps.len() < before;
    }

    pub(super) fn announce(&mut self, plan: &Plan, counts: &Counts) -> Result<()> {
        self.observer.event(&Event::FolderPlanned { pair: self.pair, plan, counts });
        for step in plan.steps.iter().filter(|step| step.notice.is_some()) {
            let id = step.ids.remote.as_ref().or(step.ids.local.as_ref());
            if let (Some(notice), Some(id)) = (step.notice, id) {
                self.observer.event(&Event::Noticed { pair: self.pair, id, notice });
            }
        }
        if self.policy.dry_run && self.policy.show_messages { self.show(plan) } else { Ok(()) }
    }

    fn show(&mut self, plan: &Plan) -> Result<()> {
        for to in Side::BOTH {
            let ids: Vec<MessageId> = plan.steps.iter().filter_map(|step| copied(step, to)).collect();
            let (pair, observer) = (self.pair, self.observer);
            self.folders[to.other()].headers(&ids, &mut |headers| {
                observer.event(&Event::MessagePlanned { pair, id: headers.id, to, header: headers.header });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// How many messages both sides share, for the brake. Rows of messages that are alone are left out; they are rare, and counted only
    /// where it matters.
    pub(super) fn rows_of_both(&self, counts: &Counts) -> Result<u64> {
        let (mut rows, lost) = (self.status.count()?, counts.vanished != PerSide::default());
        if lost {
            self.status.rows(&mut |row| {
                rows -= u64::from(row.is_alone_on().is_some());
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// A folder that lost everything waits until the whole account was looked at, even if it will be refused by itself: it must
    /// count when the account is judged, or a wiped store would still lose its small folders.
    pub(super) fn loss(&self, counts: &Counts, rows: u64) -> Option<FolderLoss> {
        let emptied = brake::empties(counts, rows);
        let waits = emptied != PerSide::default() && !self.may_be_emptied;
        waits.then(|| FolderLoss::new(counts, rows))
    }
}

fn copied(step: &Step, to: Side) -> Option<MessageId> {
    match step.action {
        Action::Copy { to: side, .. } if side == to => step.ids[to.other()].clone(),
        _ => None,
    }
}
