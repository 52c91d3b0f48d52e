//! Maildir for offlinesync.

mod config;
mod deliver;
mod disk;
mod folder;
mod keywords;
mod layout;
pub mod name;
mod names;
mod read;
mod repository;
mod scan;
mod stamp;
mod syncer;

pub use config::{DigestName, MaildirConfig};
pub use folder::MaildirFolder;
pub use repository::MaildirRepository;
