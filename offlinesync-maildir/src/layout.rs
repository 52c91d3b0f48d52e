//! Between the name of a folder and its directory, both ways. Pure: no file is touched.
//!
//! Names are used as they are; nothing is quoted. A name that would leave the root, hide among a Maildir's own directories, or not
//! come back as the same name from a listing is refused.

use offlinesync_core::{Error, ErrorKind, FolderName, Result};
use std::path::{Component, Path, PathBuf};

/// The directories of a Maildir, which no folder can be named after.
pub(crate) const OWN: [&str; 3] = ["cur", "new", "tmp"];
/// How the directory of a folder that is being made is called until it is whole.
const UNFINISHED: &str = ".offlinesync-unfinished.";

/// How folders lie below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As nested directories.
    Nested,
    /// As directories right below the root.
    Flat,
}

impl Layout {
    pub(crate) fn of(separator: char) -> Layout {
        if separator == '/' { Layout::Nested } else { Layout::Flat }
    }

    /// The directory of a folder, relative to the root; empty for the folder that is the root itself.
    pub(crate) fn directory(self, folder: &FolderName) -> Result<PathBuf> {
        let name = folder.as_str();
        if name.is_empty() {
            return Ok(PathBuf::new());
        }
        let fault = match self {
            Layout::Nested => name.split('/').find_map(fault),
            Layout::Flat => fault(name),
        };
        match fault {
            None => Ok(PathBuf::from(name)),
            Some(fault) => {
                Err(Error::new(ErrorKind::Folder, format!("folder {name:?} cannot be a directory: {fault}"))
                    .with_hint("translate its name (nametrans) or leave it out (folderfilter)"))
            }
        }
    }

    /// The name of the folder in a directory relative to the root; `None` if it is not UTF-8 or no folder's.
    pub(crate) fn folder(self, directory: &Path) -> Option<FolderName> {
        let mut names = Vec::new();
        for component in directory.components() {
            match component {
                Component::Normal(name) => names.push(name.to_str()?),
                _ => return None,
            }
        }
        let folder = FolderName::new(names.join("/"));
        (self.directory(&folder).is_ok()).then_some(folder)
    }
}

fn fault(component: &str) -> Option<&'static str> {
    match component {
        "" => Some("a part of it is empty"),
        "." | ".." => Some("it leads to another directory"),
        _ if OWN.contains(&component) => Some("cur, new and tmp are the directories of a Maildir itself"),
        _ if component.contains('/') => Some("it contains a slash, which this layout has no place for"),
        _ if component.contains('\0') => Some("it contains a NUL"),
        _ if component.len() > 255 => Some("it is longer than 255 bytes"),
        _ if is_unfinished(component) => Some("names like this are for folders being made"),
        _ => None,
    }
}

/// The name of a directory until it is whole.
pub(crate) fn unfinished(number: u32) -> String {
    format!("{UNFINISHED}{}.{number}", std::process::id())
}

/// The process that makes a directory of such a name.
pub(crate) fn maker(directory: &str) -> Option<i32> {
    directory.strip_prefix(UNFINISHED)?.split_once('.')?.0.parse().ok()
}

/// Whether a directory was left behind, or is just being made.
pub(crate) fn is_unfinished(directory: &str) -> bool {
    directory.starts_with(UNFINISHED)
}

/// The entry of a directory that the file system takes for `wanted` though it is spelt differently. `None`: `wanted` is there as it is.
pub(crate) fn other_spelling<'e>(wanted: &str, entries: &'e [String]) -> Option<&'e str> {
    if entries.iter().any(|entry| entry == wanted) {
        return None;
    }
    let folded = wanted.to_lowercase();
    entries.iter().map(String::as_str).find(|entry| entry.to_lowercase() == folded)
}

/// The name with the case of its ASCII letters exchanged; `None` if it has none.
pub(crate) fn other_case(name: &str) -> Option<String> {
    let exchange = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    name.contains(|c: char| c.is_ascii_alphabetic()).then(|| name.chars().map(exchange).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_escape_or_hide_are_refused() {
        for name in ["..", "a/../b", "/etc", "a//b", "a/", "./a", "a/cur", "new", "a\0b", "a/tmp/b"] {
            assert!(Layout::Nested.directory(&name.into()).is_err(), "{name:?}");
        }
        for name in ["..", "a/b", "cur", ".", "a\0b"] {
            assert!(Layout::Flat.directory(&name.into()).is_err(), "{name:?}");
        }
        for name in ["INBOX.a..b", ".Sent", "..a", "a.cur", "Entw&APw-rfe", "Entwürfe", "-rf", "a b\n"] {
            assert!(Layout::Flat.directory(&name.into()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_directory_spelt_differently_is_found() {
        let entries = ["Inbox".to_owned(), "Müll".to_owned()];
        assert_eq!(other_spelling("INBOX", &entries), Some("Inbox"));
        assert_eq!(other_spelling("MÜLL", &entries), Some("Müll"));
        assert_eq!(other_spelling("Inbox", &entries), None);
        assert_eq!(other_spelling("Sent", &entries), None);
    }

    #[test]
    fn case_is_exchanged_where_there_is_any() {
        assert_eq!(other_case("Inbox-1 \u{e4}"), Some("iNBOX-1 \u{e4}".to_owned()));
        assert_eq!(other_case("1.2"), None);
    }

    proptest! {
        #[test]
        fn a_directory_leads_back_to_its_folder_and_stays_below_the_root(name in "[a-c./\0\u{e4}]{0,12}|cur|a/tmp|.*") {
            for layout in [Layout::Nested, Layout::Flat] {
                if let Ok(directory) = layout.directory(&name.as_str().into()) {
                    prop_assert!(directory.components().all(|c| matches!(c, Component::Normal(_))));
                    prop_assert_eq!(layout.folder(&directory), Some(FolderName::from(name.as_str())));
                }
            }
        }
    }
}
