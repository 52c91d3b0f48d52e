//! Which file a message is: the names of one folder in memory, by id. Touches no file.

use crate::keywords::Letters;
use crate::name::FileName;
use crate::scan::Sub;
use crate::texts::{Place, Texts};
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// One message's file, with its name at hand or borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<N = Box<str>> {
    name: N,
    /// Length of the base, at the start of the name.
    base: u16,
    /// Length of the id, at the start of the name.
    id: u16,
    sub: Sub,
}

impl<'n> Found<&'n str> {
    /// A file called by its base.
    pub(crate) fn new(sub: Sub, name: &FileName<'n>) -> Self {
        let base = length(name.base());
        Found { name: name.whole(), base, id: base, sub }
    }

    /// The same file called by its stem.
    pub(crate) fn called_by_stem(self, info_separator: char) -> Self {
        let id = self.parse(info_separator).map_or(self.base, |name| length(name.stem()));
        Found { id, ..self }
    }

    /// As [`Found::parse`], for as long as the names last.
    pub(crate) fn into_name(self, info_separator: char) -> Option<FileName<'n>> {
        FileName::parse(self.name, info_separator)
    }

    pub(crate) fn to_owned(self) -> Found {
        Found { name: self.name.into(), base: self.base, id: self.id, sub: self.sub }
    }
}

impl<N: AsRef<str>> Found<N> {
    pub(crate) fn borrowed(&self) -> Found<&str> {
        Found { name: self.name.as_ref(), base: self.base, id: self.id, sub: self.sub }
    }

    pub(crate) fn base(&self) -> &str {
        &self.whole()[..usize::from(self.base)]
    }

    /// What the message is called: its base, or its stem if another file has the base.
    pub(crate) fn id(&self) -> &str {
        &self.whole()[..usize::from(self.id)]
    }

    pub(crate) fn whole(&self) -> &str {
        self.name.as_ref()
    }

    pub(crate) fn sub(&self) -> Sub {
        self.sub
    }

    pub(crate) fn has_base_as_id(&self) -> bool {
        self.base == self.id
    }

    pub(crate) fn parse(&self, info_separator: char) -> Option<FileName<'_>> {
        FileName::parse(self.whole(), info_separator)
    }

    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        let mut path = folder.join(self.sub.name());
        path.push(self.whole());
        path
    }

    /// The same message under another name that starts with the same id.
    pub(crate) fn renamed(&self, sub: Sub, name: String) -> Found {
        Found { name: name.into_boxed_str(), base: self.base, id: self.id, sub }
    }
}

/// Parts of names that [`FileName::parse`] takes are shorter than this type can tell.
fn length(text: &str) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}

/// A file whose name is among [`Texts`].
#[derive(Clone, Copy, Debug)]
struct Slot {
    place: Place,
    base: u16,
    id: u16,
    sub: Sub,
    gone: bool,
}

/// Files in the order in which they were put, or were sorted.
#[derive(Debug, Default)]
pub(crate) struct Files {
    texts: Texts,
    slots: Vec<Slot>,
}

impl Files {
    pub(crate) fn push(&mut self, file: Found<&str>) {
        let slot = self.slot(file);
        self.slots.extend(slot);
    }

    /// `None` for names that [`FileName::parse`] does not take.
    fn slot(&mut self, file: Found<&str>) -> Option<Slot> {
        let Found { name, base, id, sub } = file;
        self.texts.add(name).map(|place| Slot { place, base, id, sub, gone: false })
    }

    fn found(&self, slot: Slot) -> Found<&str> {
        Found { name: self.texts.at(slot.place), base: slot.base, id: slot.id, sub: slot.sub }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn at(&self, at: usize) -> Found<&str> {
        self.found(self.slots[at])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<&str>> {
        self.slots.iter().map(|slot| self.found(*slot))
    }

    /// In order of base, then of the whole name.
    pub(crate) fn sort(&mut self) {
        let Files { texts, slots } = self;
        let base = |slot: &Slot| &texts.at(slot.place)[..usize::from(slot.base)];
        slots.sort_unstable_by(|a, b| {
            base(a).cmp(base(b)).then_with(|| texts.at(a.place).cmp(texts.at(b.place))).then(a.sub.cmp(&b.sub))
        });
    }

    /// Lets only these stay, in this order; each comes with whether it is called by its stem.
    pub(crate) fn select(&mut self, kept: &[(usize, bool)], info_separator: char) {
        let called = |(at, by_stem): &(usize, bool)| match by_stem {
            true => Slot { id: self.at(*at).called_by_stem(info_separator).id, ..self.slots[*at] },
            false => self.slots[*at],
        };
        self.slots = kept.iter().map(called).collect();
    }
}

/// Of so many messages added since the scan, and no more, the names are kept: after a large delivery the folder is listed anew before
/// anything is done with what was delivered.
const KEPT: usize = 2000;

/// The messages of a folder, as the last scan saw them and as they were changed since by us.
#[derive(Debug)]
pub(crate) struct Names {
    /// In order of base; what has gone stays with a mark, so that nothing moves.
    sorted: Files,
    /// By id. Their texts are among those of the sorted ones.
    added: HashTable<Slot>,
    /// The hashes of the ids of all others that were added.
    unnamed: HashTable<u64>,
    hasher: RandomState,
    letters: Letters,
    /// Files that are no messages of their own, as the scan saw them.
    twins: Vec<Found>,
}

impl Names {
    /// Takes files that are sorted, and those beside them that are no messages of their own.
    pub(crate) fn new(sorted: Files, letters: Letters, twins: Vec<Found>) -> Names {
        let (added, unnamed, hasher) = (HashTable::new(), HashTable::new(), RandomState::new());
        Names { sorted, added, unnamed, hasher, letters, twins }
    }

    /// Files with this base that are no messages of their own.
    pub(crate) fn twins(&self, base: &str) -> impl Iterator<Item = &Found> {
        self.twins.iter().filter(move |twin| twin.base() == base)
    }

    /// Whether the name of every message is known. If not, only [`Names::has_base`] and [`Names::letters`] tell of all of them.
    pub(crate) fn is_whole(&self) -> bool {
        self.unnamed.is_empty()
    }

    /// Lower-case letters that files bear.
    pub(crate) fn letters(&self) -> Letters {
        self.letters
    }

    /// In order of base, then those added since the scan.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<&str>> {
        let there = self.sorted.slots.iter().filter(|slot| !slot.gone).chain(&self.added);
        there.map(|slot| self.sorted.found(*slot))
    }

    /// How many messages there are, at most.
    pub(crate) fn upper_bound(&self) -> usize {
        self.sorted.len() + self.added.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Found<&str>> {
        let hash = self.hasher.hash_one(id);
        let added = self.added.find(hash, |slot| self.sorted.found(*slot).id() == id);
        added.map(|slot| self.sorted.found(*slot)).or_else(|| self.position(id).map(|at| self.sorted.at(at)))
    }

    /// Whether any file has this base; once in many lives of the universe one that has not is told to be there.
    pub(crate) fn has_base(&self, base: &str) -> bool {
        let hash = self.hasher.hash_one(base);
        self.unnamed.find(hash, |other| *other == hash).is_some()
            || self.get(base).is_some()
            || self.run(base).any(|at| !self.sorted.slots[at].gone)
    }

    fn position(&self, id: &str) -> Option<usize> {
        let base = id.split(',').next().unwrap_or_default();
        self.run(base).find(|at| self.sorted.at(*at).id() == id && !self.sorted.slots[*at].gone)
    }

    fn run(&self, base: &str) -> impl Iterator<Item = usize> {
        let start = self.sorted.slots.partition_point(|slot| self.sorted.found(*slot).base() < base);
        (start..self.sorted.len()).take_while(move |at| self.sorted.at(*at).base() == base)
    }

    /// Adds a message, or replaces the file of one.
    pub(crate) fn put(&mut self, file: Found<&str>, info_separator: char) {
        if let Some(name) = file.parse(info_separator) {
            name.letters().chars().for_each(|letter| self.letters.insert(letter));
        }
        let position = self.position(file.id());
        if position.is_none() && self.added.len() >= KEPT && self.get(file.id()).is_none() {
            let hash = self.hasher.hash_one(file.id());
            self.unnamed.entry(hash, |other| *other == hash, |other| *other).insert(hash);
            return;
        }
        let Some(slot) = self.sorted.slot(file) else { return };
        match position {
            Some(at) => self.sorted.slots[at] = slot,
            None => self.add(file.id(), slot),
        }
    }

    fn add(&mut self, id: &str, slot: Slot) {
        let Names { sorted, added, hasher, .. } = self;
        let same = |other: &Slot| sorted.found(*other).id() == id;
        let entry = added.entry(hasher.hash_one(id), same, |slot| hasher.hash_one(sorted.found(*slot).id()));
        entry.insert(slot);
    }

    /// Forgets a message.
    pub(crate) fn forget(&mut self, id: &str) {
        let Names { sorted, added, hasher, .. } = self;
        match added.find_entry(hasher.hash_one(id), |slot| sorted.found(*slot).id() == id) {
            Ok(there) => drop(there.remove()),
            Err(_) => {
                if let Some(at) = self.position(id) {
                    self.sorted.slots[at].gone = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(sub: Sub, whole: &str) -> Found<&str> {
        Found::new(sub, &FileName::parse(whole, ':').unwrap())
    }

    #[test]
    fn a_message_is_found_through_all_that_happens_to_it() {
        let mut files = Files::default();
        [file(Sub::Cur, "a:2,S"), file(Sub::New, "b")].into_iter().for_each(|file| files.push(file));
        let mut names = Names::new(files, Letters::default(), Vec::new());
        let renamed = names.get("b").unwrap().renamed(Sub::Cur, "b,U=1:2,Sx".into());
        names.put(renamed.borrowed(), ':');
        assert_eq!(names.get("b").unwrap().path(Path::new("/m")), Path::new("/m/cur/b,U=1:2,Sx"));
        names.forget("a");
        assert!(names.get("a").is_none() && !names.has_base("a"));
        names.put(file(Sub::New, "a"), ':');
        names.put(file(Sub::New, "c"), ':');
        assert_eq!(names.get("a").unwrap().whole(), "a");
        assert_eq!(names.iter().count(), 3);
        names.forget("c");
        assert!(names.get("c").is_none());
    }

    #[test]
    fn of_many_added_each_is_found_by_its_id() {
        let mut names = Names::new(Files::default(), Letters::default(), Vec::new());
        let base = |n: u32| format!("{n}_{n}.1.7e33429f");
        let whole = |n: u32| format!("{},U={n}:2,S", base(n));
        (0..2000).for_each(|n| names.put(file(Sub::Cur, &whole(n)), ':'));
        (0..2000).for_each(|n| assert_eq!(names.get(&base(n)).unwrap().whole(), whole(n)));
        (0..2000).step_by(2).for_each(|n| names.forget(&base(n)));
        assert_eq!((names.iter().count(), names.is_whole()), (1000, true));
    }

    #[test]
    fn of_very_many_added_it_is_known_that_they_are_there() {
        let mut names = Names::new(Files::default(), Letters::default(), Vec::new());
        let base = |n: usize| format!("{n}_{n}.1.7e33429f");
        let put = |names: &mut Names, n| names.put(file(Sub::Cur, &format!("{}:2,S", base(n))), ':');
        (0..3 * KEPT).for_each(|n| put(&mut names, n));
        assert!((0..3 * KEPT).all(|n| names.has_base(&base(n))));
        assert!((3 * KEPT..4 * KEPT).all(|n| !names.has_base(&base(n))));
        assert!(!names.is_whole());
        names.put(file(Sub::New, &base(7)), ':');
        assert_eq!(names.get(&base(7)).unwrap().sub(), Sub::New, "a name that is known goes on being known");
    }
}
