//! SEARCH and UID SEARCH, with RETURN (RFC 4731).

use super::super::session::{Outcome, Refusal, Session, bad};
use super::super::store::Message;
use super::super::text::{self, day, within};
use crate::testing::syntax::Value;

type Key = Box<dyn Fn(u32, &Message) -> bool>;

impl Session {
    /// `SEARCH [RETURN (options)] [CHARSET name] keys`.
    pub(in super::super) fn search(&mut self, tag: &str, args: &[Value], uid: bool) -> Outcome {
        let mut at = 0;
        let returns = args.first().filter(|value| value.is("RETURN")).and_then(|_| args.get(1)).map(Value::members);
        if returns.is_some() {
            at = 2;
            if !self.shared.offers("ESEARCH") {
                return bad("ESEARCH is not offered");
            }
        }
        if args.get(at).is_some_and(|value| value.is("CHARSET")) {
            at += 2;
        }
        let last = self.selected.as_ref().map_or((0, 0), |s| (s.seen.len() as u32, s.seen.last().map_or(0, |l| l.0)));
        let mut keys = Vec::new();
        while at < args.len() {
            keys.push(key(args, &mut at, last)?);
        }
        let every = self.targets(Some(&Value::Atom("1:*".to_owned())), false)?;
        let found = super::super::Shared::read(&self.shared, |state| {
            let name = self.selected.as_ref().map_or("", |selected| &selected.name);
            let mailbox = state.find(&self.user, name);
            let hit = |(number, uid): &(usize, u32)| {
                let message = mailbox.and_then(|mailbox| mailbox.get(*uid));
                message.is_some_and(|message| keys.iter().all(|key| key(*number as u32, message)))
            };
            let hits = every.iter().filter(|target| hit(target));
            hits.map(|(number, id)| if uid { *id } else { *number as u32 }).collect::<Vec<u32>>()
        });
        match returns {
            Some(options) => self.told(&extended(tag, options, &found, uid)),
            None => {
                let numbers: String = found.iter().map(|number| format!(" {number}")).collect();
                self.told(&format!("* SEARCH{numbers}"))
            }
        }
    }
}

fn extended(tag: &str, options: &[Value], found: &[u32], uid: bool) -> String {
    let mut line = format!("* ESEARCH (TAG \"{tag}\")");
    if uid {
        line.push_str(" UID");
    }
    let wants = |what: &str| options.iter().any(|option| option.is(what));
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        if wants("MIN") {
            line.push_str(&format!(" MIN {first}"));
        }
        if wants("MAX") {
            line.push_str(&format!(" MAX {last}"));
        }
        if wants("ALL") || options.is_empty() {
            line.push_str(&format!(" ALL {}", text::set(found)));
        }
    }
    if wants("COUNT") {
        line.push_str(&format!(" COUNT {}", found.len()));
    }
    line
}

/// One search key and its arguments; `last` is the highest sequence number and UID.
fn key(args: &[Value], at: &mut usize, last: (u32, u32)) -> Result<Key, Refusal> {
    let Some(value) = args.get(*at) else { return bad("a search key is missing") };
    *at += 1;
    if let Value::List(members) = value {
        let (mut inner, mut keys) = (0, Vec::new());
        while inner < members.len() {
            keys.push(key(members, &mut inner, last)?);
        }
        return Ok(Box::new(move |number, message| keys.iter().all(|key| key(number, message))));
    }
    let name = value.text().to_ascii_uppercase();
    if let Some(key) = flag_key(&name) {
        return Ok(key);
    }
    match name.as_str() {
        "NOT" => {
            let inner = key(args, at, last)?;
            Ok(Box::new(move |number, message| !inner(number, message)))
        }
        "OR" => {
            let (one, other) = (key(args, at, last)?, key(args, at, last)?);
            Ok(Box::new(move |number, message| one(number, message) || other(number, message)))
        }
        "HEADER" | "SUBJECT" | "FROM" | "TO" => {
            let field = if name == "HEADER" { argument(args, at)? } else { name };
            let (field, part) = (field.to_ascii_lowercase(), argument(args, at)?.to_ascii_lowercase());
            Ok(Box::new(move |_, message| header_has(&message.body, &field, &part)))
        }
        "UID" | "KEYWORD" | "UNKEYWORD" | "LARGER" | "SMALLER" | "SINCE" | "BEFORE" | "ON" | "MODSEQ" => {
            valued_key(&name, argument(args, at)?, last)
        }
        set => match text::ranges(set, last.0) {
            Some(ranges) => Ok(Box::new(move |number, _| within(&ranges, number))),
            None => bad(&format!("search key {set} is not offered")),
        },
    }
}

fn argument(args: &[Value], at: &mut usize) -> Result<String, Refusal> {
    *at += 1;
    args.get(*at - 1).map(Value::text).map_or_else(|| bad("an argument is missing"), Ok)
}

fn flag_key(name: &str) -> Option<Key> {
    if name == "ALL" {
        return Some(Box::new(|_, _| true));
    }
    let (wanted, name) = name.strip_prefix("UN").map_or((true, name), |name| (false, name));
    let flag = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"]
        .into_iter()
        .find(|flag| flag[1..].eq_ignore_ascii_case(name))?;
    Some(Box::new(move |_, message| message.flags.contains(flag) == wanted))
}

fn valued_key(name: &str, argument: String, last: (u32, u32)) -> Result<Key, Refusal> {
    let number = argument.parse::<u64>();
    let date = day(&argument);
    let of = |message: &Message| day(&message.date).unwrap_or_default();
    Ok(match (name, number, date) {
        ("UID", ..) => match text::ranges(&argument, last.1) {
            Some(ranges) => Box::new(move |_, message| within(&ranges, message.uid)),
            None => return bad("not a set"),
        },
        ("KEYWORD", ..) => Box::new(move |_, message| message.flags.contains(&argument)),
        ("UNKEYWORD", ..) => Box::new(move |_, message| !message.flags.contains(&argument)),
        ("LARGER", Ok(octets), _) => Box::new(move |_, message| message.body.len() as u64 > octets),
        ("SMALLER", Ok(octets), _) => Box::new(move |_, message| (message.body.len() as u64) < octets),
        ("MODSEQ", Ok(mod_seq), _) => Box::new(move |_, message| message.mod_seq >= mod_seq),
        ("SINCE", _, Some(day)) => Box::new(move |_, message| of(message) >= day),
        ("BEFORE", _, Some(day)) => Box::new(move |_, message| of(message) < day),
        ("ON", _, Some(day)) => Box::new(move |_, message| of(message) == day),
        _ => return bad(&format!("{name} {argument} makes no sense")),
    })
}

fn header_has(message: &[u8], field: &str, part: &str) -> bool {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let header = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
    header
        .split("\r\n")
        .any(|line| line.split_once(':').is_some_and(|(name, value)| name == field && value.contains(part)))
}
