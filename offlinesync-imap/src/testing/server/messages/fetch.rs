//! FETCH and UID FETCH, with CHANGEDSINCE and VANISHED (RFC 7162).

use super::super::EmailIds;
use super::super::session::{Outcome, Session, bad};
use super::super::store::Message;
use super::super::text::{self, quoted};
use crate::testing::syntax::Value;
use offlinesync_core::ContentId;

impl Session {
    /// `FETCH set items [(CHANGEDSINCE n [VANISHED])]`.
    pub(in super::super) fn fetch(&mut self, args: &[Value], uid: bool) -> Outcome {
        let targets = self.targets(args.first(), uid)?;
        let modifiers = args.get(2).map_or(&[][..], Value::members);
        let since = modifiers.get(1).and_then(|value| value.text().parse::<u64>().ok());
        let mut items = item_names(args.get(1), uid);
        if since.is_some() && !items.iter().any(|item| item == "MODSEQ") {
            items.push("MODSEQ".to_owned());
        }
        if items.iter().any(|item| item == "MODSEQ") && !self.shared.offers("CONDSTORE") {
            return bad("CONDSTORE is not offered");
        }
        self.condstore |= since.is_some();
        if modifiers.iter().any(|modifier| modifier.is("VANISHED")) {
            if !self.qresync || !uid {
                return bad("VANISHED needs QRESYNC and UID FETCH");
            }
            self.vanished(args.first(), since.unwrap_or(0));
        }
        let offered = |item: &str| match item {
            "EMAILID" => self.shared.offers("OBJECTID"),
            "X-GM-MSGID" => self.shared.offers("X-GM-EXT-1"),
            item => is_known(item),
        };
        if let Some(unknown) = items.iter().find(|item| !offered(item)) {
            return bad(&format!("FETCH item {unknown} is not offered"));
        }
        if items.iter().any(|item| marks_read(item)) && self.selected.as_ref().is_some_and(|s| !s.read_only) {
            let set = |flags: &_| flags | &super::flag_set(["\\Seen"]);
            self.change(|mailbox| targets.iter().filter(|(_, uid)| mailbox.set_flags(*uid, set)).count())?;
        }
        for (number, message) in self.messages(&targets, since) {
            self.out.bytes(format!("* {number} FETCH (").as_bytes());
            for (at, item) in items.iter().enumerate() {
                self.out.bytes(if at > 0 { b" " } else { b"" });
                self.item(item, &message);
            }
            self.out.line(")");
        }
        Ok("fetched".to_owned())
    }

    fn messages(&self, targets: &[(usize, u32)], since: Option<u64>) -> Vec<(usize, Message)> {
        let name = self.selected.as_ref().map_or("", |selected| &selected.name);
        self.shared.read(|state| {
            let Some(mailbox) = state.find(&self.user, name) else { return Vec::new() };
            let found = targets.iter().filter_map(|(number, uid)| Some((*number, mailbox.get(*uid)?.clone())));
            found.filter(|(_, message)| since.is_none_or(|since| message.mod_seq > since)).collect()
        })
    }

    fn vanished(&mut self, set: Option<&Value>, since: u64) {
        let name = self.selected.as_ref().map(|selected| selected.name.clone()).unwrap_or_default();
        let Some(mailbox) = self.shared.read(|state| state.find(&self.user, &name).cloned()) else { return };
        let asked = set.and_then(|set| text::ranges(&set.text(), u32::MAX)).unwrap_or_default();
        self.tell_vanished(&mailbox, since, &asked);
    }

    fn item(&mut self, item: &str, message: &Message) {
        let text = match item {
            "UID" => format!("UID {}", message.uid),
            "FLAGS" => format!("FLAGS {}", text::flags(&message.flags)),
            "INTERNALDATE" => format!("INTERNALDATE {}", quoted(&message.date)),
            "RFC822.SIZE" => format!("RFC822.SIZE {}", message.body.len()),
            "MODSEQ" => format!("MODSEQ ({})", message.mod_seq),
            "EMAILID" => format!("EMAILID (M{:016x})", self.content_number(message)),
            "X-GM-MSGID" => format!("X-GM-MSGID {}", self.content_number(message)),
            body => return self.body(body, message),
        };
        self.out.bytes(text.as_bytes());
    }

    /// What the server calls a message's content: equal contents have equal numbers, and only they, if it tells the truth.
    fn content_number(&self, message: &Message) -> u64 {
        match self.shared.options.email_ids {
            EmailIds::True => ContentId::of(&message.body, message.body.len() as u64).number() >> 1,
            EmailIds::AllAlike => 1,
            EmailIds::ByNumber => message.uid.into(),
        }
    }

    fn body(&mut self, item: &str, message: &Message) {
        let (section, partial) = section(item);
        let content = content(section, &message.body);
        let from = partial.map_or(0, |(from, _)| from.min(content.len()));
        let to = partial.map_or(content.len(), |(from, octets)| {
            from.saturating_add(octets).min(content.len()).max(from.min(content.len()))
        });
        let name = item.replacen("BODY.PEEK", "BODY", 1);
        let name = name.split('<').next().unwrap_or_default();
        let origin = partial.map(|(from, _)| format!("<{from}>")).unwrap_or_default();
        self.out.bytes(format!("{name}{origin} {{{}}}\r\n", to - from).as_bytes());
        self.out.bytes(&content[from..to]);
    }
}

/// Upper case, macros spelled out, UID where it must be.
fn item_names(value: Option<&Value>, uid: bool) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let one = std::slice::from_ref(value);
    let values = if let Value::List(members) = value { members } else { one };
    let mut names: Vec<String> = values.iter().map(|value| value.text().to_ascii_uppercase()).collect();
    if names == ["FAST"] {
        names = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"].map(str::to_owned).to_vec();
    }
    if uid && !names.iter().any(|name| name == "UID") {
        names.insert(0, "UID".to_owned());
    }
    names
}

fn is_known(item: &str) -> bool {
    let plain = ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "RFC822", "RFC822.HEADER", "RFC822.TEXT"];
    let section = section(item).0;
    let sections = section.is_empty() || section == "TEXT" || section.starts_with("HEADER");
    plain.contains(&item) || (item.starts_with("BODY[") || item.starts_with("BODY.PEEK[")) && sections
}

fn marks_read(item: &str) -> bool {
    item.starts_with("BODY[") || matches!(item, "RFC822" | "RFC822.TEXT")
}

/// The section and the part of it that is asked for.
fn section(item: &str) -> (&str, Option<(usize, usize)>) {
    let Some((_, rest)) = item.split_once('[') else {
        return (item.strip_prefix("RFC822").unwrap_or_default().trim_start_matches('.'), None);
    };
    let (section, rest) = rest.rsplit_once(']').unwrap_or((rest, ""));
    let part = rest.strip_prefix('<').and_then(|part| part.strip_suffix('>')).and_then(|part| part.split_once('.'));
    (section, part.and_then(|(from, octets)| Some((from.parse().ok()?, octets.parse().ok()?))))
}

fn content(section: &str, message: &[u8]) -> Vec<u8> {
    let end = header_end(message);
    match section.split_once(" (") {
        Some((how, names)) => {
            let names: Vec<&str> = names.trim_end_matches(')').split(' ').collect();
            fields(&message[..end], &names, how.ends_with(".NOT"))
        }
        None if section == "HEADER" => message[..end].to_vec(),
        None if section == "TEXT" => message[end..].to_vec(),
        None => message.to_vec(),
    }
}

/// Where the header ends, empty line included; lines may end in LF alone.
fn header_end(message: &[u8]) -> usize {
    let mut end = 0;
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        end += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    end
}

/// The named header fields (or all others), folded lines included, and the empty line.
fn fields(header: &[u8], names: &[&str], not: bool) -> Vec<u8> {
    let (mut kept, mut keep) = (Vec::new(), false);
    for line in header.split_inclusive(|b| *b == b'\n').filter(|line| *line != b"\r\n") {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
            keep = names.iter().any(|wanted| wanted.trim_matches('"').as_bytes().eq_ignore_ascii_case(name)) != not;
        }
        kept.extend_from_slice(if keep { line } else { b"" });
    }
    kept.extend_from_slice(b"\r\n");
    kept
}
