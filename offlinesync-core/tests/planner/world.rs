//! A world of two sides and a status, small enough to think about: what a message is, how a plan is carried out step by step,
//! and what a crash between two steps leaves behind.
//!
//! Remote behaves as an IMAP folder: it numbers what it gets, so an upload leaves an intent first. Local behaves as a Maildir: the
//! name of a download follows from its source, so a repeat finds it.

use offlinesync_core::plan::{Action, Plan, PlanPolicy, Seen, Step, Touched, plan};
use offlinesync_core::{FlagChange, Flags, MessageId, PerSide, Row, Side, Uid};
use std::collections::{BTreeMap, BTreeSet};

/// What a message says. Two messages with the same content are the same mail.
pub(crate) type Content = u32;

#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) sides: PerSide<BTreeMap<MessageId, (Content, Flags)>>,
    pub(crate) rows: Vec<Row>,
    intents: BTreeSet<MessageId>,
    next: u32,
}

/// What is left of a world when ids are forgotten.
#[derive(Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) remote: Vec<(Content, Flags)>,
    pub(crate) local: Vec<(Content, Flags)>,
    pub(crate) rows: Vec<(Content, Flags)>,
}

impl World {
    /// Puts a message on a side as its user or a delivery would.
    pub(crate) fn add(&mut self, side: Side, content: Content, flags: Flags) -> MessageId {
        self.next += 1;
        let id = match side {
            Side::Remote => Uid::new(self.next).unwrap().into(),
            Side::Local => MessageId::Name(format!("own-{}", self.next).into()),
        };
        self.sides[side].insert(id.clone(), (content, flags));
        id
    }

    /// What the engine's difference would hand on. `sparse`: sides that can tell leave out what is as recorded.
    pub(crate) fn touched(&self, sparse: bool) -> Vec<Touched> {
        let mut touched: Vec<Touched> = self.rows.iter().map(|row| self.known(row, sparse)).collect();
        touched.retain(|one| one.seen != PerSide { remote: Seen::Unchanged, local: Seen::Unchanged });
        touched.extend(self.unknown());
        touched
    }

    fn known(&self, row: &Row, sparse: bool) -> Touched {
        let seen = |side: Side| match self.sides[side].get(&row.ids[side]) {
            None => Seen::Gone,
            Some((_, flags)) if sparse && *flags == row.base => Seen::Unchanged,
            Some((_, flags)) => Seen::Present(row.ids[side].clone(), flags.clone()),
        };
        Touched { row: Some(row.clone()), seen: PerSide::from_fn(seen) }
    }

    /// Messages without a row, paired by content.
    fn unknown(&self) -> Vec<Touched> {
        let known = |side: Side, id: &MessageId| self.rows.iter().any(|row| row.ids[side] == *id);
        let mut pairs = BTreeMap::<Content, PerSide<Option<Seen>>>::new();
        for side in Side::BOTH {
            for (id, (content, flags)) in self.sides[side].iter().filter(|(id, _)| !known(side, id)) {
                pairs.entry(*content).or_default()[side] = Some(Seen::Present(id.clone(), flags.clone()));
            }
        }
        let touched =
            |seen: PerSide<Option<Seen>>| Touched { row: None, seen: seen.map(|s| s.unwrap_or(Seen::Unchanged)) };
        pairs.into_values().map(touched).collect()
    }

    pub(crate) fn plan(&self, policy: &PlanPolicy, sparse: bool) -> Plan {
        plan(self.touched(sparse), policy)
    }

    /// Runs once, but stops after `fuel` single effects. Answers what is left of the fuel.
    pub(crate) fn sync(&mut self, policy: &PlanPolicy, sparse: bool, fuel: usize) -> usize {
        self.settle_intents();
        let steps = self.plan(policy, sparse).steps;
        steps.iter().fold(fuel, |fuel, step| self.carry_out(step, fuel))
    }

    /// An upload whose answer was lost is found again: the old row goes, and the two are paired by content.
    fn settle_intents(&mut self) {
        for source in std::mem::take(&mut self.intents) {
            let Some((content, _)) = self.sides.local.get(&source).cloned() else { continue };
            let known = |id: &MessageId| self.rows.iter().any(|row| row.ids.remote == *id);
            if self.sides.remote.iter().any(|(id, message)| message.0 == content && !known(id)) {
                self.rows.retain(|row| row.ids.local != source);
            }
        }
    }

    fn carry_out(&mut self, step: &Step, fuel: usize) -> usize {
        let effects = self.effects(step);
        for effect in effects.into_iter().take(fuel) {
            effect(self);
        }
        fuel.saturating_sub(self.effects(step).len())
    }

    #[allow(clippy::type_complexity)]
    fn effects<'s>(&self, step: &'s Step) -> Vec<Box<dyn FnOnce(&mut World) + 's>> {
        match &step.action {
            Action::Copy { to: Side::Remote, flags } => vec![
                Box::new(|world| world.intend(step)),
                Box::new(|world| world.upload(step, flags)),
                Box::new(|world| world.record_upload(step, flags)),
            ],
            Action::Copy { to: Side::Local, flags } => {
                vec![
                    Box::new(|world| world.download(step, flags)),
                    Box::new(|world| world.record_download(step, flags)),
                ]
            }
            Action::Merge { store, base } => vec![
                Box::new(|world| world.store(Side::Remote, step, store.remote.as_deref())),
                Box::new(|world| world.store(Side::Local, step, store.local.as_deref())),
                Box::new(|world| world.record(step.ids.clone(), base)),
            ],
            Action::Remove { from } => {
                vec![Box::new(|world| world.remove(*from, step)), Box::new(|world| world.forget(step))]
            }
            Action::Forget => vec![Box::new(|world| world.forget(step))],
        }
    }

    fn intend(&mut self, step: &Step) {
        self.intents.insert(step.ids.local.clone().unwrap());
    }

    fn upload(&mut self, step: &Step, flags: &Flags) {
        let content = self.sides.local[step.ids.local.as_ref().unwrap()].0;
        self.add(Side::Remote, content, flags.clone());
    }

    fn record_upload(&mut self, step: &Step, flags: &Flags) {
        let source = step.ids.local.clone().unwrap();
        self.intents.remove(&source);
        self.forget(step);
        let newest = self.sides.remote.keys().max().cloned();
        self.record(PerSide { remote: newest, local: Some(source) }, flags);
    }

    fn download(&mut self, step: &Step, flags: &Flags) {
        let source = step.ids.remote.as_ref().unwrap();
        let content = self.sides.remote[source].0;
        self.sides.local.insert(Self::download_name(step), (content, flags.clone()));
    }

    /// A message that is copied back gets the id that its row knows.
    fn download_name(step: &Step) -> MessageId {
        let named = || MessageId::Name(format!("from-{}", step.ids.remote.as_ref().unwrap()).into());
        step.ids.local.clone().unwrap_or_else(named)
    }

    fn record_download(&mut self, step: &Step, flags: &Flags) {
        self.forget(step);
        self.record(PerSide { remote: step.ids.remote.clone(), local: Some(Self::download_name(step)) }, flags);
    }

    fn store(&mut self, side: Side, step: &Step, delta: Option<&offlinesync_core::plan::FlagDelta>) {
        let (Some(delta), Some(id)) = (delta, step.ids[side].clone()) else { return };
        let change = FlagChange { id, add: delta.add.clone(), remove: delta.remove.clone() };
        let flags = &mut self.sides[side].get_mut(&change.id).unwrap().1;
        *flags = flags.union(&change.add).difference(&change.remove);
    }

    fn record(&mut self, ids: PerSide<Option<MessageId>>, base: &Flags) {
        let ids = ids.map(Option::unwrap);
        self.rows.retain(|row| row.ids.remote != ids.remote);
        assert!(self.rows.iter().all(|row| row.ids.local != ids.local), "two rows for one local message");
        self.rows.push(Row { ids, base: base.clone() });
    }

    fn remove(&mut self, from: Side, step: &Step) {
        self.sides[from].remove(step.ids[from].as_ref().unwrap());
    }

    fn forget(&mut self, step: &Step) {
        self.rows.retain(|row| Some(&row.ids.remote) != step.ids.remote.as_ref());
    }

    pub(crate) fn shape(&self) -> Shape {
        let side = |side: Side| self.sides[side].values().cloned().collect::<Vec<_>>();
        let content = |row: &Row| {
            let found = Side::BOTH.into_iter().find_map(|side| self.sides[side].get(&row.ids[side]));
            (found.map_or(0, |(content, _)| *content), row.base.clone())
        };
        let sorted = |mut list: Vec<(Content, Flags)>| {
            list.sort_by_key(|(content, _)| *content);
            list
        };
        Shape {
            remote: sorted(side(Side::Remote)),
            local: sorted(side(Side::Local)),
            rows: sorted(self.rows.iter().map(content).collect()),
        }
    }

    pub(crate) fn contents(&self, side: Side) -> BTreeSet<Content> {
        self.sides[side].values().map(|(content, _)| *content).collect()
    }
}
