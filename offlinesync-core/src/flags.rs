//! Flags and keywords of a message, and what a folder can keep of them. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// The flags that both IMAP (RFC 3501 section 2.3.2) and Maildir know, as bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemFlags(u8);

/// Bit, Maildir letter, IMAP name: the one table that both backends read.
const SYSTEM: [(SystemFlags, char, &str); 6] = [
    (SystemFlags::DRAFT, 'D', "\\Draft"),
    (SystemFlags::FLAGGED, 'F', "\\Flagged"),
    (SystemFlags::FORWARDED, 'P', "$Forwarded"),
    (SystemFlags::ANSWERED, 'R', "\\Answered"),
    (SystemFlags::SEEN, 'S', "\\Seen"),
    (SystemFlags::DELETED, 'T', "\\Deleted"),
];

impl SystemFlags {
    /// No flag.
    pub const NONE: SystemFlags = SystemFlags(0);
    /// Read: `\Seen`, Maildir `S`.
    pub const SEEN: SystemFlags = SystemFlags(1);
    /// Answered: `\Answered`, Maildir `R`.
    pub const ANSWERED: SystemFlags = SystemFlags(2);
    /// Flagged: `\Flagged`, Maildir `F`.
    pub const FLAGGED: SystemFlags = SystemFlags(4);
    /// Marked for removal: `\Deleted`, Maildir `T`.
    pub const DELETED: SystemFlags = SystemFlags(8);
    /// Draft: `\Draft`, Maildir `D`.
    pub const DRAFT: SystemFlags = SystemFlags(16);
    /// Passed on: the keyword `$Forwarded` (RFC 9051 section 2.3.2), Maildir `P`.
    pub const FORWARDED: SystemFlags = SystemFlags(32);
    /// Every flag of this type.
    pub const ALL: SystemFlags = SystemFlags(63);

    /// The bits, stable across versions: they are what a status database stores.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Unknown bits are dropped.
    pub fn from_bits(bits: u8) -> Self {
        SystemFlags(bits & Self::ALL.0)
    }

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: SystemFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Flags in either.
    pub fn union(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 | other.0)
    }

    /// Flags in both.
    pub fn intersection(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 & other.0)
    }

    /// Flags in `self` that are not in `other`.
    pub fn difference(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 & !other.0)
    }

    /// The flag of a Maildir info letter.
    pub fn from_letter(letter: char) -> Option<SystemFlags> {
        SYSTEM.iter().find(|(_, l, _)| *l == letter).map(|(flag, ..)| *flag)
    }

    /// The flag of an IMAP flag name, in any case.
    pub fn from_imap(name: &str) -> Option<SystemFlags> {
        SYSTEM.iter().find(|(.., n)| n.eq_ignore_ascii_case(name)).map(|(flag, ..)| *flag)
    }

    /// Maildir letters in ASCII order.
    pub fn letters(self) -> impl Iterator<Item = char> + use<> {
        SYSTEM.iter().filter(move |(flag, ..)| self.contains(*flag)).map(|(_, letter, _)| *letter)
    }

    /// IMAP names of the flags that are set.
    pub fn imap_names(self) -> impl Iterator<Item = &'static str> + use<> {
        SYSTEM.iter().filter(move |(flag, ..)| self.contains(*flag)).map(|(.., name)| *name)
    }
}

impl fmt::Debug for SystemFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.letters().collect::<String>())
    }
}

/// A set of IMAP keywords; equal without regard to ASCII case, kept in the spelling first seen.
///
/// The usual message has none, so an empty set takes no memory beyond its pointer.
#[derive(Clone, Default)]
#[expect(clippy::box_collection, reason = "a third of the memory in every message without keywords")]
pub struct Keywords(Option<Box<BTreeMap<Box<str>, Box<str>>>>);

impl Keywords {
    /// Adds a keyword; `$Forwarded` does not belong here, it is [`SystemFlags::FORWARDED`].
    pub fn insert(&mut self, keyword: &str) {
        let folded = keyword.to_ascii_lowercase().into_boxed_str();
        self.0.get_or_insert_default().entry(folded).or_insert_with(|| keyword.into());
    }

    /// Whether the keyword is in the set.
    pub fn contains(&self, keyword: &str) -> bool {
        self.0.as_ref().is_some_and(|set| set.contains_key(keyword.to_ascii_lowercase().as_str()))
    }

    /// The keywords in the order of their folded names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(_, keyword)| &**keyword)
    }

    fn entries(&self) -> impl Iterator<Item = (&Box<str>, &Box<str>)> {
        self.0.iter().flat_map(|set| set.iter())
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|set| set.is_empty())
    }

    /// The keywords for which `keep` holds.
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Keywords {
        self.iter().filter(|k| keep(k)).collect()
    }

    /// Keywords in either set.
    pub fn union(&self, other: &Keywords) -> Keywords {
        self.iter().chain(other.iter()).collect()
    }

    /// Keywords of `self` that are not in `other`.
    pub fn difference(&self, other: &Keywords) -> Keywords {
        self.filtered(|k| !other.contains(k))
    }
}

impl<'k> FromIterator<&'k str> for Keywords {
    fn from_iter<I: IntoIterator<Item = &'k str>>(keywords: I) -> Self {
        let mut set = Keywords::default();
        keywords.into_iter().for_each(|k| set.insert(k));
        set
    }
}

impl PartialEq for Keywords {
    fn eq(&self, other: &Self) -> bool {
        let folded = |set| Keywords::entries(set).map(|(folded, _)| folded);
        folded(self).eq(folded(other))
    }
}

impl Eq for Keywords {}

impl fmt::Debug for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// All flags of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The flags every store knows.
    pub system: SystemFlags,
    /// Everything else a user or program has named.
    pub keywords: Keywords,
}

impl Flags {
    /// A set of system flags without keywords.
    pub fn system(system: SystemFlags) -> Self {
        Flags { system, keywords: Keywords::default() }
    }

    /// Builds the set from IMAP flag names; `\Recent` (RFC 3501 section 2.3.2) is no flag of the message and is left out.
    pub fn from_imap<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut flags = Flags::default();
        for name in names {
            match SystemFlags::from_imap(name) {
                Some(flag) => flags.system = flags.system.union(flag),
                None if name.starts_with('\\') => {}
                None => flags.keywords.insert(name),
            }
        }
        flags
    }

    /// Whether there is no flag and no keyword.
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.keywords.is_empty()
    }

    /// Flags in either set.
    pub fn union(&self, other: &Flags) -> Flags {
        Flags { system: self.system.union(other.system), keywords: self.keywords.union(&other.keywords) }
    }

    /// Flags of `self` that are not in `other`.
    pub fn difference(&self, other: &Flags) -> Flags {
        Flags { system: self.system.difference(other.system), keywords: self.keywords.difference(&other.keywords) }
    }

    /// The flags that `support` can keep.
    pub fn supported(&self, support: &FlagSupport) -> Flags {
        Flags {
            system: self.system.intersection(support.system),
            keywords: self.keywords.filtered(|k| support.keywords.allows(k)),
        }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = self.system.imap_names().collect();
        names.extend(self.keywords.iter());
        f.write_str(&names.join(" "))
    }
}

/// Which keywords a folder can keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeywordSupport {
    /// Any keyword.
    #[default]
    Any,
    /// Any keyword that is an atom (IMAP: `\*` among the PERMANENTFLAGS, RFC 3501 section 7.1).
    Atoms,
    /// These alone.
    Only(Keywords),
    /// What the first keeps, but for these.
    AllBut(Box<KeywordSupport>, Keywords),
}

impl KeywordSupport {
    /// Whether the folder keeps this keyword.
    pub fn allows(&self, keyword: &str) -> bool {
        match self {
            KeywordSupport::Any => true,
            KeywordSupport::Atoms => is_atom(keyword.as_bytes()),
            KeywordSupport::Only(set) => set.contains(keyword),
            KeywordSupport::AllBut(kept, not) => kept.allows(keyword) && !not.contains(keyword),
        }
    }

    fn both(&self, other: &KeywordSupport) -> KeywordSupport {
        match (self, other) {
            (KeywordSupport::Any, one) | (one, KeywordSupport::Any) => one.clone(),
            (KeywordSupport::AllBut(kept, not), other) | (other, KeywordSupport::AllBut(kept, not)) => {
                KeywordSupport::AllBut(Box::new(kept.both(other)), not.clone())
            }
            (KeywordSupport::Atoms, KeywordSupport::Atoms) => KeywordSupport::Atoms,
            (KeywordSupport::Only(set), other) | (other, KeywordSupport::Only(set)) => {
                KeywordSupport::Only(set.filtered(|keyword| other.allows(keyword)))
            }
        }
    }
}

/// Whether a keyword can be said in IMAP: an atom (RFC 3501 section 9), with `]` allowed, which Gmail's keywords have. `NIL` means another thing.
pub fn is_atom(name: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\');
    !name.is_empty() && name.iter().all(allowed) && !name.eq_ignore_ascii_case(b"NIL")
}

/// What a folder keeps permanently. A flag that one side cannot keep is left alone on the other: it is neither
/// copied nor taken for removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagSupport {
    /// System flags the folder keeps.
    pub system: SystemFlags,
    /// Keywords the folder keeps.
    pub keywords: KeywordSupport,
}

impl Default for FlagSupport {
    fn default() -> Self {
        FlagSupport { system: SystemFlags::ALL, keywords: KeywordSupport::Any }
    }
}

impl FlagSupport {
    /// What both folders keep.
    pub fn both(&self, other: &FlagSupport) -> FlagSupport {
        FlagSupport { system: self.system.intersection(other.system), keywords: self.keywords.both(&other.keywords) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_compare_without_case_and_keep_the_first_spelling() {
        let a: Keywords = ["NonJunk", "work"].into_iter().collect();
        let b: Keywords = ["WORK", "nonjunk", "nonJUNK"].into_iter().collect();
        assert_eq!(a, b);
        assert_eq!(a.iter().collect::<Vec<_>>(), ["NonJunk", "work"]);
        assert_eq!(Keywords::default(), [].into_iter().collect());
    }

    #[test]
    fn imap_names_become_bits_and_keywords() {
        let flags = Flags::from_imap(["\\seen", "$forwarded", "\\Recent", "todo"]);
        assert_eq!(flags.system, SystemFlags::SEEN.union(SystemFlags::FORWARDED));
        assert_eq!(flags.keywords.iter().collect::<Vec<_>>(), ["todo"]);
        assert_eq!(flags.system.letters().collect::<String>(), "PS");
    }
}
