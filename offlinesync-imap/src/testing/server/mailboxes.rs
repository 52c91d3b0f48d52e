//! Commands about mailboxes: SELECT, LIST, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, CLOSE.

use super::session::{Outcome, Refusal, Selected, Session, bad, no};
use super::store::{Mailbox, State};
use super::text::{self, matches, within};
use crate::testing::syntax::Value;
use std::collections::BTreeSet;

const FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

/// INBOX in any case is INBOX.
pub(super) fn mailbox_name(value: Option<&Value>) -> String {
    let name = value.map(Value::text).unwrap_or_default();
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name }
}

/// What `SELECT … (QRESYNC (…))` says: numbering, mod-sequence, known UIDs.
type Since = (u32, u64, Option<Vec<(u32, u32)>>);

impl Session {
    pub(super) fn select(&mut self, args: &[Value], examine: bool) -> Outcome {
        let name = mailbox_name(args.first());
        let since = self.select_parameters(args.get(1).map_or(&[], Value::members))?;
        if self.selected.take().is_some() && self.qresync {
            self.out.line("* OK [CLOSED] the other one is closed");
        }
        let found = self.shared.read(|state| state.find(&self.user, &name).filter(|m| m.selectable).cloned());
        let Some(mailbox) = found else { return no("[NONEXISTENT] no such mailbox") };
        let read_only = examine || mailbox.read_only;
        self.describe(&mailbox, read_only);
        if let Some(since) = since.filter(|(validity, ..)| *validity == mailbox.uid_validity) {
            self.tell_since(&mailbox, &since);
        }
        self.selected = Some(Selected {
            name,
            read_only,
            uid_validity: mailbox.uid_validity,
            seen: mailbox.messages.iter().map(|message| (message.uid, message.mod_seq)).collect(),
            synced: mailbox.mod_seq,
        });
        Ok(if read_only { "[READ-ONLY] selected" } else { "[READ-WRITE] selected" }.to_owned())
    }

    fn select_parameters(&mut self, parameters: &[Value]) -> Result<Option<Since>, Refusal> {
        self.condstore |= parameters.iter().any(|p| p.is("CONDSTORE"));
        if !parameters.is_empty() && !self.shared.offers("CONDSTORE") {
            return bad("CONDSTORE is not offered");
        }
        let Some(at) = parameters.iter().position(|p| p.is("QRESYNC")) else { return Ok(None) };
        if !self.qresync {
            return bad("QRESYNC is not enabled");
        }
        let values: Vec<String> =
            parameters.get(at + 1).map_or(&[][..], Value::members).iter().map(Value::text).collect();
        let [validity, mod_seq, rest @ ..] = &values[..] else { return bad("QRESYNC needs two numbers") };
        let known = rest.first().and_then(|set| text::ranges(set, u32::MAX));
        match (validity.parse(), mod_seq.parse()) {
            (Ok(validity), Ok(mod_seq)) => Ok(Some((validity, mod_seq, known))),
            _ => bad("QRESYNC needs two numbers"),
        }
    }

    fn describe(&mut self, mailbox: &Mailbox, read_only: bool) {
        let keywords: BTreeSet<&str> = mailbox.messages.iter().flat_map(|m| &m.flags).map(String::as_str).collect();
        let keywords: String = keywords.iter().filter(|f| !f.starts_with('\\')).map(|f| format!(" {f}")).collect();
        let permanent = match (read_only, mailbox.keywords) {
            (true, _) => String::new(),
            (false, true) => format!("{FLAGS}{keywords} \\*"),
            (false, false) => FLAGS.to_owned(),
        };
        self.out.line(&format!("* FLAGS ({FLAGS}{keywords})"));
        self.out.line(&format!("* OK [PERMANENTFLAGS ({permanent})] kept"));
        if self.shared.offers("OBJECTID") {
            self.out.line(&format!("* OK [MAILBOXID (F{})] its name for ever", mailbox.id));
        }
        self.out.line(&format!("* {} EXISTS", mailbox.messages.len()));
        self.out.line("* 0 RECENT");
        self.out.line(&format!("* OK [UIDVALIDITY {}] numbering", mailbox.uid_validity));
        self.out.line(&format!("* OK [UIDNEXT {}] next", mailbox.uid_next));
        if self.shared.offers("CONDSTORE") {
            self.out.line(&format!("* OK [HIGHESTMODSEQ {}] state", mailbox.mod_seq));
        }
    }

    fn tell_since(&mut self, mailbox: &Mailbox, (_, mod_seq, known): &Since) {
        let known = known.clone().unwrap_or_else(|| vec![(1, mailbox.uid_next.saturating_sub(1))]);
        self.tell_vanished(mailbox, *mod_seq, &known);
        let changed = (1..).zip(&mailbox.messages).filter(|(_, message)| message.mod_seq > *mod_seq);
        for (number, message) in changed {
            let (uid, flags) = (message.uid, text::flags(&message.flags));
            self.out.line(&format!("* {number} FETCH (UID {uid} FLAGS {flags} MODSEQ ({}))", message.mod_seq));
        }
    }

    /// `VANISHED (EARLIER)`: what went after `mod_seq`, of the UIDs asked about. Once the removals are forgotten, all that is not there.
    pub(super) fn tell_vanished(&mut self, mailbox: &Mailbox, mod_seq: u64, asked: &[(u32, u32)]) {
        let mut uids: Vec<u32> = match &mailbox.gone {
            Some(gone) => gone.iter().filter(|(_, when)| *when > mod_seq).map(|(uid, _)| *uid).collect(),
            None => (1..mailbox.uid_next).filter(|uid| mailbox.get(*uid).is_none()).collect(),
        };
        uids.retain(|uid| within(asked, *uid));
        uids.sort_unstable();
        if !uids.is_empty() {
            self.out.line(&format!("* VANISHED (EARLIER) {}", text::set(&uids)));
        }
    }

    pub(super) fn close(&mut self, expunge: bool) -> Outcome {
        if let Some(selected) = self.selected.take().filter(|selected| expunge && !selected.read_only) {
            self.shared.change(|state| {
                let mailbox = state.find_mut(&self.user, &selected.name);
                mailbox.map(|mailbox| mailbox.remove(|message| message.flags.contains("\\Deleted")))
            });
        }
        Ok("closed".to_owned())
    }

    pub(super) fn create(&mut self, args: &[Value]) -> Outcome {
        let name = mailbox_name(args.first());
        if self.shared.change(|state| state.create(&self.user, &name)) {
            Ok("created".to_owned())
        } else {
            no("[ALREADYEXISTS] it is there")
        }
    }

    pub(super) fn delete(&mut self, args: &[Value]) -> Outcome {
        let name = mailbox_name(args.first());
        let removed = self.shared.change(|state| state.account(&self.user).mailboxes.remove(&name));
        removed.map_or(no("[NONEXISTENT] no such mailbox"), |_| Ok("deleted".to_owned()))
    }

    pub(super) fn rename(&mut self, args: &[Value]) -> Outcome {
        let (from, to) = (mailbox_name(args.first()), mailbox_name(args.get(1)));
        let renamed = self.shared.change(|state| state.rename(&self.user, &from, &to));
        if renamed { Ok("renamed".to_owned()) } else { no("[CANNOT] missing, or the new name is taken") }
    }

    pub(super) fn subscribe(&mut self, args: &[Value], yes: bool) -> Outcome {
        let name = mailbox_name(args.first());
        self.shared.change(|state| {
            let subscribed = &mut state.account(&self.user).subscribed;
            if yes { subscribed.insert(name) } else { subscribed.remove(&name) }
        });
        Ok("noted".to_owned())
    }

    pub(super) fn status(&mut self, args: &[Value]) -> Outcome {
        let name = mailbox_name(args.first());
        let items = self.status_items(args.get(1).map_or(&[], Value::members))?;
        match self.shared.read(|state| status_line(state, &self.user, &name, &items)) {
            Some(line) => self.told(&line),
            None => no("[NONEXISTENT] no such mailbox"),
        }
    }

    fn status_items(&self, values: &[Value]) -> Result<Vec<String>, Refusal> {
        let items: Vec<String> = values.iter().map(|value| value.text().to_ascii_uppercase()).collect();
        let known = ["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "SIZE"];
        let offered = |item: &&String| match item.as_str() {
            "HIGHESTMODSEQ" => self.shared.offers("CONDSTORE"),
            "MAILBOXID" => self.shared.offers("OBJECTID"),
            "SIZE" => self.shared.offers("STATUS=SIZE"),
            item => known.contains(&item),
        };
        match items.iter().find(|item| !offered(item)) {
            Some(item) => bad(&format!("status item {item} is not offered")),
            None => Ok(items),
        }
    }

    /// `LIST [(selection)] reference pattern|(patterns) [RETURN (options)]` (RFC 5258, RFC 5819, RFC 6154).
    pub(super) fn list(&mut self, args: &[Value]) -> Outcome {
        let selection = args.first().filter(|value| matches!(value, Value::List(_)));
        let [reference, pattern, rest @ ..] = &args[usize::from(selection.is_some())..] else {
            return bad("LIST needs a reference and a pattern");
        };
        let options = rest.get(1).map_or(&[][..], Value::members);
        let counted = options.iter().position(|option| option.is("STATUS"));
        let extended = selection.is_some() || !rest.is_empty() || matches!(pattern, Value::List(_));
        self.list_is_offered(extended, counted.is_some())?;
        let patterns = patterns(&reference.text(), pattern);
        if patterns == [""] {
            let separator = self.shared.options.separator;
            return self.told(&format!("* LIST (\\Noselect) \"{separator}\" \"\""));
        }
        let selects = |what| selection.is_some_and(|s: &Value| s.members().iter().any(|member| member.is(what)));
        let wanted = Wanted {
            patterns,
            subscribed: selects("SUBSCRIBED"),
            special: selects("SPECIAL-USE"),
            children: options.is_empty() || options.iter().any(|option| option.is("CHILDREN")),
            kind: "LIST",
        };
        let items = counted.and_then(|at| options.get(at + 1)).map_or(&[][..], Value::members);
        let items = self.status_items(items)?;
        self.tell_list(&wanted, counted.map(|_| &items[..]))
    }

    fn list_is_offered(&self, extended: bool, counted: bool) -> Result<(), Refusal> {
        let offers = |capability| self.shared.offers(capability);
        if counted && !offers("LIST-STATUS") {
            return bad("LIST-STATUS is not offered");
        }
        if extended && !counted && !offers("LIST-EXTENDED") {
            return bad("LIST-EXTENDED is not offered");
        }
        Ok(())
    }

    pub(super) fn lsub(&mut self, args: &[Value]) -> Outcome {
        let patterns = vec![args.iter().take(2).map(Value::text).collect::<String>()];
        self.tell_list(&Wanted { patterns, subscribed: true, special: false, children: true, kind: "LSUB" }, None)
    }

    fn tell_list(&mut self, wanted: &Wanted, items: Option<&[String]>) -> Outcome {
        let shows_special = self.shared.offers("SPECIAL-USE");
        let lines = self.shared.read(|state| {
            let mut lines = Vec::new();
            for name in wanted.names(state, &self.user) {
                lines.push(list_line(state, &self.user, &name, wanted, shows_special));
                lines.extend(items.and_then(|items| status_line(state, &self.user, &name, items)));
            }
            lines
        });
        lines.iter().for_each(|line| self.out.line(line));
        Ok("listed".to_owned())
    }
}

fn patterns(reference: &str, pattern: &Value) -> Vec<String> {
    match pattern {
        Value::List(patterns) => patterns.iter().map(|pattern| format!("{reference}{}", pattern.text())).collect(),
        one => vec![format!("{reference}{}", one.text())],
    }
}

struct Wanted {
    patterns: Vec<String>,
    subscribed: bool,
    special: bool,
    children: bool,
    kind: &'static str,
}

impl Wanted {
    fn names(&self, state: &State, user: &str) -> Vec<String> {
        let Some(account) = state.accounts.get(user) else { return Vec::new() };
        let all: Box<dyn Iterator<Item = &String>> =
            if self.subscribed { Box::new(account.subscribed.iter()) } else { Box::new(account.mailboxes.keys()) };
        let matching = |name: &&String| self.patterns.iter().any(|pattern| matches(pattern, name, state.separator));
        let special = |name: &&String| {
            !self.special || account.mailboxes.get(*name).is_some_and(|mailbox| mailbox.special_use.is_some())
        };
        all.filter(matching).filter(special).cloned().collect()
    }
}

fn list_line(state: &State, user: &str, name: &str, wanted: &Wanted, shows_special: bool) -> String {
    let below = format!("{name}{}", state.separator);
    let account = state.accounts.get(user);
    let mailbox = state.find(user, name);
    let children = account.is_some_and(|account| account.mailboxes.keys().any(|other| other.starts_with(&below)));
    let mut attributes = Vec::new();
    if wanted.children {
        attributes.push(if children { "\\HasChildren" } else { "\\HasNoChildren" });
    }
    if mailbox.is_none() {
        attributes.push("\\NonExistent");
    } else if !mailbox.is_some_and(|mailbox| mailbox.selectable) {
        attributes.push("\\Noselect");
    }
    if wanted.subscribed && wanted.kind == "LIST" {
        attributes.push("\\Subscribed");
    }
    attributes.extend(mailbox.and_then(|mailbox| mailbox.special_use.as_deref()).filter(|_| shows_special));
    format!("* {} ({}) \"{}\" {}", wanted.kind, attributes.join(" "), state.separator, text::name(name))
}

fn status_line(state: &State, user: &str, name: &str, items: &[String]) -> Option<String> {
    let mailbox = state.find(user, name).filter(|mailbox| mailbox.selectable)?;
    let value = |item: &String| match item.as_str() {
        "MESSAGES" => mailbox.messages.len() as u64,
        "UIDNEXT" => mailbox.uid_next.into(),
        "UIDVALIDITY" => mailbox.uid_validity.into(),
        "UNSEEN" => mailbox.messages.iter().filter(|message| !message.flags.contains("\\Seen")).count() as u64,
        "HIGHESTMODSEQ" => mailbox.mod_seq,
        "SIZE" => mailbox.messages.iter().map(|message| message.body.len() as u64).sum(),
        _ => 0,
    };
    let pair = |item: &String| match item.as_str() {
        "MAILBOXID" => format!("{item} (F{})", mailbox.id),
        _ => format!("{item} {}", value(item)),
    };
    let pairs: Vec<String> = items.iter().map(pair).collect();
    Some(format!("* STATUS {} ({})", text::name(name), pairs.join(" ")))
}
