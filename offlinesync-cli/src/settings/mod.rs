//! From configuration to settings: typed values with every default filled in, checked before anything is touched.
//! Pure but for `~` and `$VARIABLE` in paths.

mod account;
mod imap;
mod maildir;
mod rules;

pub use account::{AccountSettings, General, RepositorySettings, Store, sections_of};
pub use imap::{Encryption, ImapSettings, PasswordSource, Tunnel};
pub use maildir::MaildirSettings;
pub use rules::FolderRules;
