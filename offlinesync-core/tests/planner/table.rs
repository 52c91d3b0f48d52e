//! The 27 rows, written once more as the design writes them, against the table in the code and against whole plans.

use offlinesync_core::plan::table::{Mark, Outcome, outcome};
use offlinesync_core::plan::{Action, FlagDelta, Notice, PlanPolicy, Seen, Step, Touched, plan};
use offlinesync_core::{Flags, MessageId, PerSide, Row, Side, Uid};

/// Status, local, remote: what is done.
const TABLE: [(&str, &str); 27] = [
    ("- - -", "nothing"),
    ("- - .", "copy to L"),
    ("- - s", "copy to L"),
    ("- . -", "copy to R"),
    ("- . .", "adopt"),
    ("- . s", "set L, adopt"),
    ("- s -", "copy to R"),
    ("- s .", "set R, adopt"),
    ("- s s", "adopt"),
    (". - -", "forget"),
    (". - .", "remove R"),
    (". - s", "remove R, notice"),
    (". . -", "remove L"),
    (". . .", "nothing"),
    (". . s", "set L, record"),
    (". s -", "remove L, notice"),
    (". s .", "set R, record"),
    (". s s", "record"),
    ("s - -", "forget"),
    ("s - .", "remove R, notice"),
    ("s - s", "remove R"),
    ("s . -", "remove L, notice"),
    ("s . .", "record"),
    ("s . s", "clear R, record"),
    ("s s -", "remove L"),
    ("s s .", "clear L, record"),
    ("s s s", "nothing"),
];

fn marks(row: &str) -> [Mark; 3] {
    let mark = |letter| match letter {
        "-" => Mark::Absent,
        "." => Mark::Plain,
        _ => Mark::Flagged,
    };
    row.split(' ').map(mark).collect::<Vec<_>>().try_into().unwrap()
}

fn letter(side: Side) -> char {
    if side == Side::Local { 'L' } else { 'R' }
}

/// Set and clear end in "adopt" without a row, in "record" with one.
fn words(outcome: Outcome, has_row: bool) -> String {
    let written = if has_row { "record" } else { "adopt" };
    match outcome {
        Outcome::Nothing => "nothing".to_owned(),
        Outcome::Copy(to) => format!("copy to {}", letter(to)),
        Outcome::Adopt => "adopt".to_owned(),
        Outcome::Record => "record".to_owned(),
        Outcome::Set(side) => format!("set {}, {written}", letter(side)),
        Outcome::Clear(side) => format!("clear {}, {written}", letter(side)),
        Outcome::Remove(side) => format!("remove {}", letter(side)),
        Outcome::RemoveChanged(side) => format!("remove {}, notice", letter(side)),
        Outcome::Forget => "forget".to_owned(),
    }
}

fn touched([base, local, remote]: [Mark; 3], flag: &str) -> Touched {
    let flags = |mark| Flags::from_imap((mark == Mark::Flagged).then_some(flag));
    let ids = PerSide { remote: MessageId::from(Uid::MIN), local: MessageId::Name("m".into()) };
    let seen = |mark, id: &MessageId| match (mark, base) {
        (Mark::Absent, Mark::Absent) => Seen::Unchanged,
        (Mark::Absent, _) => Seen::Gone,
        (mark, _) => Seen::Present(id.clone(), flags(mark)),
    };
    Touched {
        seen: PerSide { remote: seen(remote, &ids.remote), local: seen(local, &ids.local) },
        row: (base != Mark::Absent).then(|| Row { ids, base: flags(base) }),
    }
}

fn step_words(step: &Step, has_row: bool) -> String {
    let notice = if step.notice == Some(Notice::RemovedThoughChanged) { ", notice" } else { "" };
    match &step.action {
        Action::Copy { to, .. } => format!("copy to {}", letter(*to)),
        Action::Remove { from } => format!("remove {}{notice}", letter(*from)),
        Action::Forget => "forget".to_owned(),
        Action::Merge { store, .. } => store_words(store) + if has_row { "record" } else { "adopt" },
    }
}

fn store_words(store: &PerSide<Option<Box<FlagDelta>>>) -> String {
    let side = |side: Side| match store[side].as_deref() {
        None => String::new(),
        Some(delta) if delta.remove.is_empty() => format!("set {}, ", letter(side)),
        Some(_) => format!("clear {}, ", letter(side)),
    };
    side(Side::Local) + &side(Side::Remote)
}

#[test]
fn the_table_says_what_the_design_says() {
    for (row, expected) in TABLE {
        let [base, local, remote] = marks(row);
        assert_eq!(words(outcome(base, local, remote), base != Mark::Absent), expected, "{row}");
    }
}

#[test]
fn a_plan_for_any_single_flag_follows_the_table() {
    for flag in ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "Work"] {
        for (row, expected) in TABLE {
            let marks = marks(row);
            let plan = plan(vec![touched(marks, flag)], &PlanPolicy::default());
            let has_row = marks[0] != Mark::Absent;
            let words = plan.steps.first().map_or("nothing".to_owned(), |step| step_words(step, has_row));
            assert_eq!((words.as_str(), plan.steps.len() <= 1), (expected, true), "{flag}: {row}");
        }
    }
}

/// Two flags of one message in any two rows that agree on where the message is: each gets what it would get alone.
#[test]
fn flags_do_not_disturb_each_other() {
    let there = |row: &str| row.replace('s', ".");
    for (one, _) in TABLE {
        for (two, _) in TABLE.into_iter().filter(|(two, _)| there(two) == there(one)) {
            let apart = [("\\Seen", one), ("Work", two)].map(|(flag, row)| alone(touched(marks(row), flag)));
            let both = joined(touched(marks(one), "\\Seen"), touched(marks(two), "Work"));
            let needed = [one, two].iter().any(|row| TABLE.contains(&(row, "nothing")).eq(&false));
            let together = plan(vec![both], &PlanPolicy::default()).steps.into_iter().next();
            assert_eq!(together.as_ref().map(stores), joined_stores(&apart, needed), "{one} and {two}");
        }
    }
}

fn joined(one: Touched, two: Touched) -> Touched {
    let seen = |a: &Seen, b: &Seen| match (a, b) {
        (Seen::Present(id, a), Seen::Present(_, b)) => Seen::Present(id.clone(), a.union(b)),
        _ => a.clone(),
    };
    let row = one.row.zip(two.row).map(|(a, b)| Row { ids: a.ids, base: a.base.union(&b.base) });
    Touched { row, seen: PerSide::from_fn(|side| seen(&one.seen[side], &two.seen[side])) }
}

type Stores = (&'static str, PerSide<FlagDelta>, Flags);

fn stores(step: &Step) -> Stores {
    match &step.action {
        Action::Copy { flags, .. } => ("copy", PerSide::default(), flags.clone()),
        Action::Merge { store, base } => {
            ("merge", PerSide::from_fn(|side| store[side].as_deref().cloned().unwrap_or_default()), base.clone())
        }
        Action::Remove { .. } => ("remove", PerSide::default(), Flags::default()),
        Action::Forget => ("forget", PerSide::default(), Flags::default()),
    }
}

fn alone(message: Touched) -> Option<Stores> {
    let recorded = message.row.as_ref().map(|row| ("merge", PerSide::default(), row.base.clone()));
    let planned = plan(vec![message], &PlanPolicy::default()).steps.first().map(stores);
    planned.or(recorded)
}

/// What both flags get together; `None` if that is nothing.
fn joined_stores([one, two]: &[Option<Stores>; 2], needed: bool) -> Option<Stores> {
    let (one, two) = (one.as_ref()?, two.as_ref()?);
    let sum = |a: &FlagDelta, b: &FlagDelta| FlagDelta { add: a.add.union(&b.add), remove: a.remove.union(&b.remove) };
    let delta = PerSide::from_fn(|side| sum(&one.1[side], &two.1[side]));
    needed.then(|| (one.0, delta, one.2.union(&two.2)))
}
