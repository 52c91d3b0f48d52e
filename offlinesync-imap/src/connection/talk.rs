//! What tests of connections share: a configuration, and an exchange that keeps what it sees.

use super::{Command, Exchange, Mailbox, Part, SessionView};
use crate::codec::decoder::Item;
use crate::codec::response::{Condition, Response, Tagged};
use crate::config::{ImapConfig, Secret, Tls};
use crate::testing::server::Server;
use offlinesync_core::{Error, ErrorKind, Event, FolderName, Observer, Result};
use std::sync::Mutex;

pub(super) fn config(server: &Server) -> ImapConfig {
    let password = || Ok(Secret::new("pw".into()));
    ImapConfig::new("test", server.host(), "u1", password).port(Some(server.port())).tls(Tls::None)
}

/// Sends commands of plain words and keeps what comes back.
#[derive(Default)]
pub(super) struct Talk {
    pub(super) words: Vec<String>,
    pub(super) then: Vec<String>,
    pub(super) items: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) ended: Vec<(usize, Condition)>,
    pub(super) selected: Option<Mailbox>,
    pub(super) selected_calls: usize,
    /// Fails at the first item of this kind, or at the first end.
    pub(super) fails_at: Option<&'static str>,
}

impl Talk {
    pub(super) fn new(words: &[&str]) -> Self {
        Talk { words: words.iter().map(|w| (*w).to_owned()).collect(), ..Talk::default() }
    }

    pub(super) fn failing(mut self, at: &'static str) -> Self {
        self.fails_at = Some(at);
        self
    }

    fn fail_at(&self, at: &str) -> Result<()> {
        match self.fails_at {
            Some(fails_at) if fails_at == at => Err(Error::new(ErrorKind::Storage, "the disk is full")),
            _ => Ok(()),
        }
    }

    pub(super) fn then(mut self, words: &[&str]) -> Self {
        self.then = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }
}

pub(super) fn command(words: &str) -> Command {
    Command { parts: vec![Part::Text(words.as_bytes().to_vec())] }
}

impl Exchange for Talk {
    fn commands(&mut self, _: &SessionView) -> Result<Vec<Command>> {
        Ok(self.words.iter().map(|words| command(words)).collect())
    }

    fn selected(&mut self, mailbox: &Mailbox) -> Result<()> {
        assert!(self.ended.is_empty());
        self.selected_calls += 1;
        self.selected = Some(mailbox.clone());
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, _: &Mailbox) -> Result<()> {
        let kind = match &item {
            Item::Response(_) => "response",
            Item::BodyStart(_) => "start",
            Item::BodyData(_) => "data",
            Item::BodyEnd => "end",
        };
        self.fail_at(kind)?;
        match item {
            Item::Response(Response::Data(data)) => self.items.push(format!("{data:?}")),
            Item::BodyData(data) => self.body.extend_from_slice(data),
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, tagged: Tagged, _: &Mailbox) -> Result<Vec<Command>> {
        self.fail_at("ended")?;
        self.ended.push((index, tagged.status.condition));
        Ok(std::mem::take(&mut self.then).iter().map(|words| command(words)).collect())
    }
}

pub(super) fn inbox() -> FolderName {
    FolderName::from("INBOX")
}

/// Keeps every event as text.
#[derive(Debug, Default)]
pub(super) struct Log(pub(super) Mutex<Vec<String>>);

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(match event {
            Event::Warning { error } => error.to_string(),
            Event::Trace { sent, line, .. } => format!("{} {line}", if *sent { ">" } else { "<" }),
            other => format!("{other:?}"),
        });
    }
}
