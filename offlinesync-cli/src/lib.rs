//! The program `offlinesync`: words in, words out. Everything that syncs is in the libraries; here are the command line, the
//! configuration, the user interfaces, signals, locks and hooks.

pub mod args;
pub mod config;
pub mod control;
pub mod hooks;
pub mod lock;
pub mod netrc;
pub mod password;
pub mod say;
pub mod secret;
pub mod settings;
pub mod shell;
pub mod signals;
pub mod streams;
pub mod ui;
