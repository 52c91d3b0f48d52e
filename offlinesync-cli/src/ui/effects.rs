//! What a plan does to each side, as OfflineIMAP tells it: messages by UID, flags one by one. Pure.

use super::Scene;
use offlinesync_core::plan::{Action, FlagDelta, Plan};
use offlinesync_core::{Flags, MessageId, PerSide, Side};
use std::collections::BTreeMap;

/// Messages by the numbers that OfflineIMAP has for them.
pub(super) type Numbers = Vec<i64>;

/// What happens on one side, besides copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// Messages that are copied to it.
    pub(super) copies: u64,
    /// Messages that are deleted.
    pub(super) deleted: Numbers,
    /// Flags that are set, and on which messages.
    pub(super) added: BTreeMap<String, Numbers>,
    /// Flags that are cleared, and on which messages.
    pub(super) removed: BTreeMap<String, Numbers>,
}

/// Numbers for messages that have no UID yet: -1, -2 and so on, as they come.
#[derive(Debug, Default)]
pub(super) struct Numbering(BTreeMap<MessageId, i64>);

impl Numbering {
    /// The number of a message: its UID on the remote side, or the next free one below zero.
    pub(super) fn number(&mut self, remote: Option<&MessageId>, local: Option<&MessageId>) -> i64 {
        if let Some(uid) = remote.and_then(MessageId::uid) {
            return i64::from(uid.get());
        }
        let Some(id) = local.or(remote) else { return 0 };
        let next = -1 - i64::try_from(self.0.len()).unwrap_or(i64::MAX - 1);
        *self.0.entry(id.clone()).or_insert(next)
    }
}

impl Effects {
    /// What a plan does to both sides.
    pub(super) fn of(plan: &Plan, scene: &Scene, numbers: &mut Numbering) -> PerSide<Effects> {
        let mut effects = PerSide::<Effects>::default();
        for step in &plan.steps {
            let (remote, local) = (step.ids.remote.as_ref(), step.ids.local.as_ref());
            match &step.action {
                Action::Copy { to, .. } => effects[*to].copies += 1,
                Action::Remove { from } => effects[*from].deleted.push(numbers.number(remote, local)),
                Action::Merge { store, .. } => {
                    for side in Side::BOTH {
                        if let Some(delta) = &store[side] {
                            effects[side].change(delta, numbers.number(remote, local), scene);
                        }
                    }
                }
                Action::Forget => {}
            }
        }
        effects.map(Effects::sorted)
    }

    fn change(&mut self, delta: &FlagDelta, number: i64, scene: &Scene) {
        let note = |to: &mut BTreeMap<String, Numbers>, flags: &Flags| {
            scene.flag_names(flags).into_iter().for_each(|name| to.entry(name).or_default().push(number));
        };
        note(&mut self.added, &delta.add);
        note(&mut self.removed, &delta.remove);
    }

    fn sorted(mut self) -> Self {
        self.deleted.sort_unstable();
        self.added.values_mut().chain(self.removed.values_mut()).for_each(|numbers| numbers.sort_unstable());
        self
    }
}

/// `1:3,7`: numbers as a set in the manner of IMAP (RFC 9051 section 9, `sequence-set`).
pub(super) fn number_set(numbers: &[i64]) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let range = |(first, last): &(i64, i64)| match first == last {
        true => first.to_string(),
        false => format!("{first}:{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::plan::Step;
    use offlinesync_core::{SystemFlags, Uid};

    fn uid(number: u32) -> Option<MessageId> {
        Uid::new(number).map(MessageId::from)
    }

    fn name(name: &str) -> Option<MessageId> {
        Some(MessageId::Name(name.into()))
    }

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(number_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(number_set(&[]), "");
    }

    #[test]
    fn messages_without_a_uid_get_numbers_below_zero_and_keep_them() {
        let mut numbers = Numbering::default();
        assert_eq!(numbers.number(None, name("a").as_ref()), -1);
        assert_eq!(numbers.number(None, name("b").as_ref()), -2);
        assert_eq!(numbers.number(None, name("a").as_ref()), -1);
        assert_eq!(numbers.number(uid(7).as_ref(), name("c").as_ref()), 7);
    }

    #[test]
    fn a_plan_becomes_deletions_and_flags_by_letter_and_a_keyword_by_the_letter_its_user_gave_it() {
        let letters = [("$junk".to_owned(), 'a')].into();
        let scene = Scene { letters, ..Scene::default() };
        let mut flags = Flags::system(SystemFlags::SEEN.union(SystemFlags::FLAGGED));
        flags.keywords.insert("$Junk");
        flags.keywords.insert("Later");
        let delta = |add: &Flags| Some(Box::new(FlagDelta { add: add.clone(), remove: Flags::default() }));
        let step = |remote, local, action| Step { ids: PerSide { remote, local }, action, notice: None };
        let merge = Action::Merge { store: PerSide { remote: None, local: delta(&flags) }, base: flags.clone() };
        let plan = Plan {
            steps: vec![
                step(uid(9), name("x"), Action::Remove { from: Side::Local }),
                step(uid(2), name("y"), Action::Remove { from: Side::Local }),
                step(uid(5), name("z"), merge),
                step(uid(6), None, Action::Copy { to: Side::Local, flags: Flags::default() }),
            ],
            ..Plan::default()
        };
        let effects = Effects::of(&plan, &scene, &mut Numbering::default());
        assert_eq!(effects.remote, Effects::default());
        assert_eq!((effects.local.copies, effects.local.deleted), (1, vec![2, 9]));
        let names: Vec<&str> = effects.local.added.keys().map(String::as_str).collect();
        assert_eq!(names, ["F", "Later", "S", "a"]);
        assert_eq!(effects.local.added["S"], [5]);
        assert_eq!(effects.local.removed, BTreeMap::new());
    }
}
