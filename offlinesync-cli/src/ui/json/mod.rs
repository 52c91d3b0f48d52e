//! `json`: one event a line on standard output, for programs. The schema is docs/json.md; a test holds every event against it.

mod fields;

use super::{DebugTypes, Interface, Moment, Question, Scene, Who};
use crate::say::Outcome;
use crate::streams::Streams;
use fields::{Named, failure, of_event, of_moment};
use offlinesync_core::sync::Report;
use offlinesync_core::{Error, ErrorKind, Event, Result};
use offlinesync_imap::config::Secret;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The version of the schema.
const VERSION: u32 = 1;

/// The lines.
#[derive(Debug)]
pub(super) struct Json {
    streams: Arc<Streams>,
    /// Failures of each account's sync that an event told already.
    told: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Json {
    pub(super) fn new(streams: &Arc<Streams>) -> Self {
        Json { streams: Arc::clone(streams), told: Mutex::default() }
    }

    fn write(&self, (name, fields): Named) {
        let mut line = Map::new();
        line.insert("v".to_owned(), json!(VERSION));
        line.insert("time".to_owned(), json!(format!("{:.3}", jiff::Timestamp::now())));
        line.insert("event".to_owned(), json!(name));
        line.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        self.streams.out(&Value::Object(line).to_string());
    }

    fn say(&self, name: &'static str, fields: Value) {
        match fields {
            Value::Object(fields) => self.write((name, fields)),
            _ => debug_assert!(false, "fields are an object"),
        }
    }

    /// Notes a failure; answers whether it is new.
    fn note(&self, account: &str, error: &Error) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.entry(account.to_owned()).or_default().insert(error.to_string())
    }
}

impl Interface for Json {
    fn notice(&self, line: &str) {
        self.say("warning", json!({ "message": line }));
    }

    fn output(&self, line: &str) {
        self.say("output", json!({ "line": line }));
    }

    /// Its events tell it already.
    fn plan(&self, _: &str) {}

    fn announce(&self, who: Who<'_>, line: &str) {
        self.say("said", json!({ "account": who.account(), "message": line }));
    }

    fn debug(&self, kind: &str, who: Who<'_>, text: &str) {
        self.say("debug", json!({ "account": who.account(), "kind": kind, "message": text }));
    }

    fn warning(&self, who: Who<'_>, text: &str) {
        self.say("warning", json!({ "account": who.account(), "message": text }));
    }

    fn error(&self, who: Who<'_>, error: &Error) {
        let mut fields = failure(error);
        fields.insert("account".to_owned(), json!(who.account()));
        self.write(("error", fields));
    }

    fn failures(&self, scene: &Scene, report: &Report) {
        for told in report.failures.iter().filter(|told| self.note(&scene.account, &told.error)) {
            let mut fields = failure(&told.error);
            fields.insert("account".to_owned(), json!(scene.account));
            fields.insert("folder".to_owned(), json!(told.pair.as_ref().map(|pair| pair.remote.as_str())));
            self.write(("error", fields));
        }
    }

    fn event(&self, scene: &Scene, event: &Event<'_>) {
        if let Event::MessageFailed { error, .. } | Event::FolderFailed { error, .. } = event {
            self.note(&scene.account, error);
        }
        if let Some(named) = of_event(scene, event) {
            self.write(named);
        }
    }

    fn moment(&self, scene: &Scene, moment: &Moment<'_>) {
        if let Moment::SyncStarted { .. } = moment {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&scene.account);
        }
        self.write(of_moment(scene, moment));
    }

    fn password(&self, question: &Question<'_>) -> Option<Result<Secret>> {
        let Question { account, user, refused, .. } = question;
        self.say("password", json!({ "account": account, "user": user, "refused": refused }));
        Some(self.streams.read_line().map(Secret::new).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "no password was given on standard input")
                .with_hint("answer a `password` event with the password in a line")
        }))
    }

    fn banner(&self, _: &str, _: &str, _: DebugTypes) {
        self.say("hello", json!({ "program": "offlinesync", "version": env!("CARGO_PKG_VERSION") }));
    }

    fn ended(&self, outcome: Outcome, _: Option<&Error>) {
        self.say("end", json!({ "exit": outcome.code() }));
    }
}

#[cfg(test)]
mod tests;
