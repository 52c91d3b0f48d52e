//! mbsync's state file: what it knows of one pair of mailboxes. Pure.

use offlinesync_core::{PerSide, Side, Uid};
use std::fmt::Write as _;

/// A state file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) uid_validity: PerSide<u32>,
    /// Every message up to this number was looked at.
    pub(super) looked_at: PerSide<u32>,
    pub(super) entries: Vec<Entry>,
    /// Lines of the head that say something else.
    pub(super) others: Vec<String>,
    /// In the words of versions before 1.4.
    pub(super) old_words: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its number on each side; `None`: it is not there.
    pub(super) uids: PerSide<Option<Uid>>,
    /// One side has only a placeholder for it.
    pub(super) placeholder: bool,
    /// It was left out on purpose on one side: for its age or its size.
    pub(super) left_out: bool,
    /// The flags both sides had, as letters.
    pub(super) letters: String,
    /// The line as it was.
    pub(super) line: String,
}

/// Reads a file of any version; the reason why not, with the line.
pub(super) fn parse(text: &str) -> Result<State, String> {
    let mut state = State::default();
    let mut lines = text.lines().enumerate().peekable();
    let damaged = |number: usize| format!("line {} is damaged", number + 1);
    match lines.peek() {
        Some((_, first)) if first.contains(':') => {
            state.read_old_head(first).ok_or_else(|| damaged(0))?;
            lines.next();
        }
        _ => loop {
            let Some((number, line)) = lines.next() else { return Err("it ends too early".to_owned()) };
            if line.is_empty() {
                break;
            }
            state.read_head(line).ok_or_else(|| damaged(number))?;
        },
    }
    if state.uid_validity.remote == 0 || state.uid_validity.local == 0 {
        return Err("it does not tell the numbering of both sides".to_owned());
    }
    for (number, line) in lines {
        state.entries.push(entry(line).ok_or_else(|| damaged(number))?);
    }
    Ok(state)
}

impl State {
    fn read_head(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once(' ')?;
        let value: u32 = value.trim().parse().ok()?;
        self.old_words |= key.contains("Master");
        match key {
            "FarUidValidity" | "MasterUidValidity" => self.uid_validity.remote = value,
            "NearUidValidity" | "SlaveUidValidity" => self.uid_validity.local = value,
            "MaxPulledUid" => self.looked_at.remote = value,
            "MaxPushedUid" => self.looked_at.local = value,
            "MaxExpiredFarUid" | "MaxExpiredNearUid" | "MaxExpiredMasterUid" | "MaxExpiredSlaveUid" => {
                self.others.push(line.to_owned());
            }
            _ => return None,
        }
        Some(())
    }

    /// Before 1.1: `farvalidity:maxfar nearvalidity:expired:maxnear`.
    fn read_old_head(&mut self, line: &str) -> Option<()> {
        let numbers: Option<Vec<u32>> = line.split([':', ' ']).map(|word| word.parse().ok()).collect();
        let [far, max_far, near, _, max_near] = numbers?.try_into().ok()?;
        self.uid_validity = PerSide { remote: far, local: near };
        self.looked_at = PerSide { remote: max_far, local: max_near };
        Some(())
    }
}

/// The text of a file.
pub(super) fn text(state: &State) -> String {
    let sides = if state.old_words { ["Master", "Slave"] } else { ["Far", "Near"] };
    let (validity, looked_at) = (&state.uid_validity, &state.looked_at);
    let mut text = format!("{}UidValidity {}\n{}UidValidity {}\n", sides[0], validity.remote, sides[1], validity.local);
    let _ = write!(text, "MaxPulledUid {}\nMaxPushedUid {}\n", looked_at.remote, looked_at.local);
    let entries = state.entries.iter().map(|entry| &entry.line);
    for line in state.others.iter().chain([&String::new()]).chain(entries) {
        text.extend([line, "\n"]);
    }
    text
}

/// `far near marks+flags`
fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let mut number = || words.next()?.parse::<u32>().ok();
    let (far, near) = (number()?, number()?);
    let mut letters = words.next().unwrap_or_default();
    let (mut placeholder, mut left_out) = (false, far == u32::MAX || near == u32::MAX);
    while let Some(mark) = letters.chars().next().filter(|c| "<>~X^".contains(*c)) {
        match mark {
            '<' | '>' => placeholder = true,
            _ => left_out = true,
        }
        letters = &letters[1..];
    }
    let known = letters.chars().all(|c| "DFPRST".contains(c));
    let uid = |number: u32| Uid::new(number).filter(|uid| uid.get() != u32::MAX);
    let uids = PerSide { remote: uid(far), local: uid(near) };
    (known && words.next().is_none()).then(|| Entry {
        uids,
        placeholder,
        left_out,
        letters: letters.to_owned(),
        line: line.to_owned(),
    })
}

impl Entry {
    /// Messages that both sides have, with these flags; `known`: what was said of them before.
    pub(super) fn of_both(uids: PerSide<Uid>, letters: String, known: Option<&Entry>) -> Entry {
        let placeholder = known.is_some_and(|entry| entry.placeholder);
        let mark: String = known
            .and_then(|entry| entry.line.rsplit(' ').next()?.chars().next())
            .filter(|_| placeholder)
            .into_iter()
            .collect();
        let line = format!("{} {} {mark}{letters}", uids.remote, uids.local);
        Entry { uids: uids.map(Some), placeholder, left_out: false, letters, line }
    }

    /// Whether both sides have, or had, the message.
    pub(super) fn is_pair(&self) -> bool {
        !self.left_out && Side::BOTH.iter().all(|side| self.uids[*side].is_some())
    }
}

/// What is read of a state file is written and read as the same; a panic where it is not.
#[cfg(feature = "testing")]
pub(crate) fn check(text: &str) {
    let Ok(state) = parse(text) else { return };
    let written = self::text(&state);
    let Ok(again) = parse(&written) else { panic!("not read again: {written:?}") };
    assert_eq!(
        (again.uid_validity, again.looked_at, again.entries),
        (state.uid_validity, state.looked_at, state.entries)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(n: u32) -> Option<Uid> {
        Uid::new(n)
    }

    #[test]
    fn entries_tell_numbers_marks_and_flags() {
        let state = parse(
            "FarUidValidity 1700000001\nNearUidValidity 1700000002\nMaxPulledUid 30\nMaxExpiredFarUid 4\nMaxPushedUid 20\n\n\
             1 1 FS\n2 0 \n0 3\n4 4 ~S\n5 5 >F\n6 4294967295 ^\n",
        )
        .unwrap();
        assert_eq!(state.uid_validity, PerSide { remote: 1_700_000_001, local: 1_700_000_002 });
        assert_eq!(state.looked_at, PerSide { remote: 30, local: 20 });
        let shown: Vec<_> =
            state.entries.iter().map(|e| (e.uids.remote, e.uids.local, e.is_pair(), e.placeholder)).collect();
        assert_eq!(
            shown,
            [
                (uid(1), uid(1), true, false),
                (uid(2), None, false, false),
                (None, uid(3), false, false),
                (uid(4), uid(4), false, false),
                (uid(5), uid(5), true, true),
                (uid(6), None, false, false)
            ]
        );
        assert_eq!(state.entries[0].letters, "FS");
        assert_eq!(state.entries[4].letters, "F");
    }

    #[test]
    fn old_heads_are_read_and_damage_is_refused_with_its_line() {
        let old = parse("MasterUidValidity 1\nSlaveUidValidity 2\nMaxPulledUid 3\nMaxPushedUid 4\n\n1 1 XS\n").unwrap();
        assert!(old.entries[0].left_out && old.entries[0].letters == "S");
        let oldest = parse("1:30 2:0:20\n1 1 FS\n").unwrap();
        assert_eq!((oldest.uid_validity.local, oldest.looked_at.local, oldest.entries.len()), (2, 20, 1));
        assert_eq!(parse("FarUidValidity 1\nNearUidValidity 2\n\n1 1 S\n1 x\n").unwrap_err(), "line 5 is damaged");
        assert_eq!(parse("FarUidValidity 1\nWhatever 2\n\n").unwrap_err(), "line 2 is damaged");
        assert!(parse("FarUidValidity 1\n").is_err());
        assert!(parse("FarUidValidity 1\n\n").is_err());
    }
}
