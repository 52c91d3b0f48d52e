//! The program `offlinesync`: words in, words out. Everything that syncs is in the libraries; here are the command line, the
//! configuration, the user interfaces, signals, locks and hooks.
//!
//! ```text
//! args ─► program ─► config ─► settings ─► account ─► the engine
//!                                             │            │ events
//!                     control ◄─ signals      ▼            ▼
//!                                        lock, hooks,   ui (narrator ─► hub ─► interface, log)
//!                                        password
//! ```

pub mod account;
pub mod args;
pub mod backend;
pub mod check;
pub mod config;
pub mod control;
pub mod delete_folder;
pub mod hooks;
pub mod import;
pub mod info;
pub mod init;
pub mod lock;
pub mod manual;
pub mod mbnames;
pub mod metadata;
pub mod migrate;
pub mod naming;
pub mod netrc;
pub mod oauth;
pub mod password;
pub mod profile;
pub mod program;
pub mod roots;
pub mod say;
pub mod settings;
pub mod shell;
pub mod signals;
pub mod status;
pub mod streams;
#[cfg(feature = "testing")]
pub mod testing;
pub mod turns;
pub mod ui;
pub mod unseen;
pub mod verify;
pub mod watching;

use args::Parsed;
use say::Outcome;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use streams::Streams;

/// Runs the program with a command line, whose first word is its name.
pub fn run(words: impl IntoIterator<Item = OsString>, streams: Streams) -> Outcome {
    match args::parse(words) {
        Parsed::Run(args) => program::start(&args, &Arc::new(streams)),
        Parsed::Init(init) => init::start(&init, &Arc::new(streams)),
        Parsed::Manual(manual) => manual::write(&manual, &streams),
        Parsed::Import(import) => import::mbsync::command(&import, &Arc::new(streams)),
        Parsed::Export(export) => import::export(&export, &Arc::new(streams)),
        Parsed::Help(text) => {
            streams.out(text.trim_end());
            Outcome::InStep
        }
        Parsed::Mistake(text) => {
            streams.err(text.trim_end());
            Outcome::Mistake
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(outcome.code())
    }
}
