//! From configuration to settings: typed values with every default filled in, checked before anything is touched.
//! Pure but for `~` and `$VARIABLE` in paths.

mod account;
mod age;
mod imap;
mod maildir;
mod mbnames;
mod oauth;
mod rules;

pub use account::{AccountSettings, General, RepositorySettings, StatusBackend, Store, sections_of};
pub use age::Age;
pub use imap::{Encryption, ImapSettings, PasswordSource, Tunnel};
pub use maildir::MaildirSettings;
pub use mbnames::MailboxList;
pub use oauth::{OauthSettings, Refresh, RefreshSources};
pub use rules::FolderRules;
