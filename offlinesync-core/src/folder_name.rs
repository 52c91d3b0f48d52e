//! The name of a folder, as its own repository writes it. Pure.

use std::fmt;

/// The full name of a folder with its repository's hierarchy separator inside, for example `INBOX` or `Lists/rust`.
///
/// It is exactly what the repository answered: two names are the same folder only if they are the same string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderName(Box<str>);

impl FolderName {
    /// Takes the name as it is.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        FolderName(name.into())
    }

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same folder under another hierarchy separator: every `from` becomes `to`.
    ///
    /// `None` when the name already contains `to`, for then two folders could meet in one.
    pub fn with_separator(&self, from: Option<char>, to: Option<char>) -> Option<FolderName> {
        match (from, to) {
            (Some(from), Some(to)) if from != to => {
                (!self.0.contains(to)).then(|| FolderName::new(self.0.replace(from, to.encode_utf8(&mut [0; 4]))))
            }
            (Some(from), None) => (!self.0.contains(from)).then(|| self.clone()),
            (None, Some(to)) => (!self.0.contains(to)).then(|| self.clone()),
            _ => Some(self.clone()),
        }
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for FolderName {
    fn from(name: &str) -> Self {
        FolderName::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_exchanged_unless_two_folders_could_meet() {
        let name = FolderName::from("a/b");
        assert_eq!(name.with_separator(Some('/'), Some('.')), Some("a.b".into()));
        assert_eq!(FolderName::from("a/b.c").with_separator(Some('/'), Some('.')), None);
        assert_eq!(name.with_separator(Some('/'), Some('/')), Some("a/b".into()));
    }
}
