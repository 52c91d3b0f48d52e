//! Which file a message is: the names of one folder in memory, by id. Touches no file.

use crate::keywords::Letters;
use crate::name::FileName;
use crate::scan::Sub;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// One message's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    name: Box<str>,
    /// Length of the base, at the start of the name.
    base: u32,
    /// Length of the id, at the start of the name.
    id: u32,
    sub: Sub,
    gone: bool,
}

impl Found {
    /// A file called by its base.
    pub(crate) fn new(sub: Sub, name: &FileName<'_>) -> Found {
        let base = length(name.base());
        Found { name: name.whole().into(), base, id: base, sub, gone: false }
    }

    pub(crate) fn base(&self) -> &str {
        &self.name[..self.base as usize]
    }

    /// What the message is called: its base, or its stem if another file has the base.
    pub(crate) fn id(&self) -> &str {
        &self.name[..self.id as usize]
    }

    pub(crate) fn whole(&self) -> &str {
        &self.name
    }

    pub(crate) fn sub(&self) -> Sub {
        self.sub
    }

    pub(crate) fn has_base_as_id(&self) -> bool {
        self.base == self.id
    }

    pub(crate) fn call_by_stem(&mut self, info_separator: char) {
        self.id = self.parse(info_separator).map_or(self.base, |name| length(name.stem()));
    }

    pub(crate) fn parse(&self, info_separator: char) -> Option<FileName<'_>> {
        FileName::parse(&self.name, info_separator)
    }

    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        let mut path = folder.join(self.sub.name());
        path.push(&*self.name);
        path
    }

    /// The same message under another name that starts with the same id.
    pub(crate) fn renamed(&self, sub: Sub, name: String) -> Found {
        Found { name: name.into_boxed_str(), sub, ..self.clone() }
    }

    pub(crate) fn order(&self) -> (&str, &str, Sub) {
        (self.base(), &self.name, self.sub)
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// A file that is the same as another if the message's id is. A set of these needs no second copy of the id.
#[derive(Debug)]
struct ById(Found);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

/// The messages of a folder, as the last scan saw them and as they were changed since by us.
#[derive(Debug)]
pub(crate) struct Names {
    /// In order of base; what has gone stays with a mark, so that nothing moves.
    sorted: Vec<Found>,
    added: HashSet<ById>,
    letters: Letters,
}

impl Names {
    /// Takes files that are in order of their bases.
    pub(crate) fn new(sorted: Vec<Found>, letters: Letters) -> Names {
        Names { sorted, added: HashSet::new(), letters }
    }

    /// Lower-case letters that files bear.
    pub(crate) fn letters(&self) -> Letters {
        self.letters
    }

    /// In order of base, then those added since the scan.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.sorted.iter().filter(|f| !f.gone).chain(self.added.iter().map(|ById(file)| file))
    }

    /// How many messages there are, at most.
    pub(crate) fn upper_bound(&self) -> usize {
        self.sorted.len() + self.added.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Found> {
        self.added.get(id).map(|ById(file)| file).or_else(|| self.position(id).map(|at| &self.sorted[at]))
    }

    /// Whether any file has this base.
    pub(crate) fn has_base(&self, base: &str) -> bool {
        self.get(base).is_some() || self.run(base).any(|at| !self.sorted[at].gone)
    }

    fn position(&self, id: &str) -> Option<usize> {
        let base = id.split(',').next().unwrap_or_default();
        self.run(base).find(|at| self.sorted[*at].id() == id && !self.sorted[*at].gone)
    }

    fn run(&self, base: &str) -> impl Iterator<Item = usize> {
        let start = self.sorted.partition_point(|f| f.base() < base);
        (start..self.sorted.len()).take_while(move |at| self.sorted[*at].base() == base)
    }

    /// Adds a message, or replaces the file of one.
    pub(crate) fn put(&mut self, file: Found, info_separator: char) {
        if let Some(name) = file.parse(info_separator) {
            name.letters().chars().for_each(|letter| self.letters.insert(letter));
        }
        match self.position(file.id()) {
            Some(at) => self.sorted[at] = file,
            None => drop(self.added.replace(ById(file))),
        }
    }

    /// Forgets a message.
    pub(crate) fn forget(&mut self, id: &str) {
        if !self.added.remove(id)
            && let Some(at) = self.position(id)
        {
            self.sorted[at].gone = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(sub: Sub, whole: &str) -> Found {
        Found::new(sub, &FileName::parse(whole, ':').unwrap())
    }

    #[test]
    fn a_message_is_found_through_all_that_happens_to_it() {
        let mut names = Names::new(vec![file(Sub::Cur, "a:2,S"), file(Sub::New, "b")], Letters::default());
        let renamed = names.get("b").unwrap().renamed(Sub::Cur, "b,U=1:2,Sx".into());
        names.put(renamed, ':');
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
}
