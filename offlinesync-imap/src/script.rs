//! A server for tests that says what a test wrote down, line by line, to one exchange after the other. No socket.
//!
//! `> …` is a command that must be sent, `< …` something the server says, `= exists 3 uidnext 9 …` the moment a mailbox is
//! selected, and `---` stands between two exchanges. A tag is the number of its command within its exchange.

use crate::codec::decoder::{Decoder, Item};
use crate::codec::response::{Data, Response};
use crate::connection::{Command, Exchange, Mailbox, Part, SessionView};
use offlinesync_core::{Flags, Result, UidValidity};
use std::collections::VecDeque;

/// What is left of the script.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) session: SessionView,
    lines: VecDeque<String>,
    pub(crate) runs: usize,
}

impl Script {
    /// `capabilities` as a server lists them; QRESYNC and CONDSTORE count as enabled.
    pub(crate) fn new(capabilities: &str, script: &str) -> Self {
        let capabilities: std::collections::BTreeSet<Box<str>> =
            capabilities.split_whitespace().map(Into::into).collect();
        let session = SessionView {
            qresync: capabilities.contains("QRESYNC"),
            condstore: capabilities.contains("CONDSTORE") || capabilities.contains("QRESYNC"),
            utf8: false,
            capabilities,
        };
        let lines = script.lines().map(|line| line.trim_start().to_owned()).filter(|line| !line.is_empty()).collect();
        Script { session, lines, runs: 0 }
    }

    /// Plays the part of the script up to the next `---`.
    pub(crate) fn run(&mut self, exchange: &mut dyn Exchange) -> Result<()> {
        self.runs += 1;
        let mut part: VecDeque<String> = VecDeque::new();
        while let Some(line) = self.lines.pop_front().filter(|line| line != "---") {
            part.push_back(line);
        }
        let mut play = Play { sent: VecDeque::new(), mailbox: Mailbox::default(), decoder: Decoder::default() };
        play.sent.extend(exchange.commands(&self.session)?);
        for line in part {
            play.line(&line, exchange)?;
        }
        let unexpected: Vec<String> = play.sent.iter().map(text).collect();
        assert!(unexpected.is_empty(), "sent, but not in the script: {unexpected:?}");
        Ok(())
    }

    /// Fails unless everything was played.
    pub(crate) fn finish(&self) {
        assert!(self.lines.is_empty(), "never asked for: {:?}", self.lines);
    }
}

struct Play {
    sent: VecDeque<Command>,
    mailbox: Mailbox,
    decoder: Decoder,
}

impl Play {
    fn line(&mut self, line: &str, exchange: &mut dyn Exchange) -> Result<()> {
        match line.split_at_checked(2) {
            Some(("> ", command)) => {
                let sent = self.sent.pop_front().map(|sent| text(&sent));
                assert_eq!(sent.as_deref(), Some(command), "the command that was sent");
                Ok(())
            }
            Some(("= ", state)) => {
                self.mailbox = mailbox(state);
                exchange.selected(&self.mailbox)
            }
            Some(("< ", said)) => self.said(&format!("{said}\r\n"), exchange),
            _ => panic!("no line of a script: {line}"),
        }
    }

    fn said(&mut self, text: &str, exchange: &mut dyn Exchange) -> Result<()> {
        let mut rest = text.as_bytes();
        loop {
            let (used, item) = self.decoder.decode(rest)?;
            rest = &rest[used..];
            match item {
                None if used == 0 => break,
                None => {}
                Some(Item::Response(Response::Tagged(tagged))) => {
                    let index = tagged.tag.parse().expect("a tag is a number");
                    self.sent.extend(exchange.ended(index, tagged, &self.mailbox)?);
                }
                Some(item) => {
                    match &item {
                        Item::Response(Response::Data(Data::Exists(exists))) => self.mailbox.exists = *exists,
                        Item::Response(Response::Data(Data::Expunge(_))) => {
                            self.mailbox.exists = self.mailbox.exists.saturating_sub(1);
                        }
                        _ => {}
                    }
                    exchange.item(item, &self.mailbox)?;
                }
            }
        }
        assert!(rest.is_empty(), "not understood: {rest:?}");
        Ok(())
    }
}

/// A command as it goes over the wire, its literals in `{}`.
pub(crate) fn text(command: &Command) -> String {
    let part = |part: &Part| match part {
        Part::Text(bytes) | Part::Secret(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Part::Literal(bytes) => format!("{{{}}}", String::from_utf8_lossy(bytes)),
    };
    command.parts.iter().map(part).collect()
}

fn mailbox(state: &str) -> Mailbox {
    let mut mailbox = Mailbox { uid_validity: Some(UidValidity(7)), ..Mailbox::default() };
    let mut words = state.split_whitespace();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        match word {
            "exists" => mailbox.exists = number() as u32,
            "uidnext" => mailbox.uid_next = Some(number() as u32),
            "uidvalidity" => mailbox.uid_validity = Some(UidValidity(number() as u32)).filter(|v| v.0 > 0),
            "modseq" => mailbox.highest_mod_seq = Some(number()),
            "readonly" => mailbox.read_only = true,
            "anykeyword" => mailbox.any_keyword = true,
            flags if flags.starts_with("permanent=") => {
                mailbox.permanent_flags = Some(Flags::from_imap(flags["permanent=".len()..].split(',')));
            }
            other => panic!("no word of a mailbox state: {other}"),
        }
    }
    mailbox
}
