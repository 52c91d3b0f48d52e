//! A configuration file: its grammar and the settings it comes to.

use crate::config::discover::Environment;
use crate::config::ini::{self, Ini};
use crate::config::{Config, check};
use crate::settings::{AccountSettings, General, MailboxList};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Arc;

struct Nowhere;

impl Environment for Nowhere {
    fn var(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// A file: it is read or refused with its line; what was read is read the same when it is written down; settings of every account
/// are there or refused with a place.
pub fn configuration(data: &[u8]) {
    let file: Arc<str> = "file".into();
    let Ok(ini) = ini::parse(data, &file) else { return };
    let again = ini::parse(written(&ini).as_bytes(), &file).expect("what was read");
    assert_eq!(content(&again), content(&ini), "{}", written(&ini));
    assert!(again.warnings.len() <= ini.warnings.len());
    let config = Config::parse(data, &file).expect("what was read once");
    options(&config);
    settings(&config);
}

fn content(ini: &Ini) -> Vec<(&str, Vec<(&str, &str)>)> {
    ini.sections
        .iter()
        .map(|section| (&*section.name, section.entries.iter().map(|entry| (&*entry.name, &*entry.raw)).collect()))
        .collect()
}

fn written(ini: &Ini) -> String {
    let mut text = String::new();
    for section in &ini.sections {
        let _ = writeln!(text, "[{}]", section.name);
        for entry in &section.entries {
            let _ = writeln!(text, "{} = {}", entry.name, entry.raw.replace('\n', "\n  "));
        }
    }
    text
}

fn options(config: &Config) {
    let names: Vec<&str> = config.sections().iter().map(|section| &*section.name).collect();
    for section in config.sections() {
        for entry in &section.entries {
            let Ok(Some(value)) = config.get(&section.name, &entry.name) else { continue };
            assert!(value.text.len() <= 1 << 24, "`{}` grows to {} octets", entry.name, value.text.len());
            let _ = (value.boolean(), value.integer::<u32>(), value.list());
        }
    }
    let _ = check::warnings(config, &names);
    let _ = check::refuse_unsupported(config, &names);
}

fn settings(config: &Config) {
    let _ = MailboxList::read(config, &Nowhere);
    let Ok(general) = General::read(config, &Nowhere) else { return };
    for section in config.sections() {
        let Some(account) = section.name.strip_prefix("Account ") else { continue };
        match AccountSettings::read(config, &general, account, &Nowhere) {
            Ok(settings) => assert_eq!(settings.name, account),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
