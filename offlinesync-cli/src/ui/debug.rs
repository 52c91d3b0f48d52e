//! What `-d` asks for. Values only.

use offlinesync_core::{Error, ErrorKind, Result};

/// What may be given to `-d`.
pub const DEBUG_TYPES: [&str; 4] = ["imap", "maildir", "thread", "all"];

/// Kinds of details.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebugTypes {
    /// The protocol, without passwords.
    pub imap: bool,
    /// What is planned for each folder.
    pub maildir: bool,
    /// What each thread works on; without it everything runs on one thread.
    pub thread: bool,
}

impl DebugTypes {
    /// Reads a list.
    ///
    /// # Errors
    /// Kind `Configuration`: an unknown type.
    pub fn parse(list: &str) -> Result<Self> {
        let mut types = DebugTypes::default();
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "imap" => types.imap = true,
                "maildir" => types.maildir = true,
                "thread" => types.thread = true,
                "all" => types = DebugTypes { imap: true, maildir: true, thread: true },
                _ => {
                    let error = Error::new(ErrorKind::Configuration, format!("invalid debug type `{word}`"));
                    return Err(error.with_hint(format!("choose from {}", DEBUG_TYPES.join(", "))));
                }
            }
        }
        Ok(types)
    }

    /// The names of what is asked for.
    pub fn kinds(self) -> impl Iterator<Item = &'static str> {
        let kinds = [(self.imap, "imap"), (self.maildir, "maildir"), (self.thread, "thread")];
        kinds.into_iter().filter(|(on, _)| *on).map(|(_, kind)| kind)
    }

    /// Whether anything is asked for.
    pub fn any(self) -> bool {
        self != DebugTypes::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_one_by_one_or_all_in_any_case() {
        let kinds = |list: &str| DebugTypes::parse(list).map(|types| types.kinds().collect::<Vec<_>>().join(" "));
        assert_eq!(kinds("imap").unwrap(), "imap");
        assert_eq!(kinds(" thread, Maildir ,").unwrap(), "maildir thread");
        assert_eq!(kinds("ALL").unwrap(), "imap maildir thread");
        assert!(!DebugTypes::parse("").unwrap().any());
        assert!(kinds("imap,everything").unwrap_err().to_string().contains("`everything`"));
    }
}
